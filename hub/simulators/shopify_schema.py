"""The GraphQL schema of the simulated Admin API, once per process, with its resolvers attached, and the document cache.

The SDL stands beside this module (`shopify_admin.graphql`) and is a strict subset of the official 2026-10 schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
)

from hub.simulators.shopify_records import gid

Resolver = Callable[..., Any]
Fields = dict[str, Resolver]


def sdl() -> str:
    """The text of the schema."""
    return files("hub.simulators").joinpath("shopify_admin.graphql").read_text("utf-8")


@cache
def bare_schema() -> GraphQLSchema:
    """The schema without resolvers."""
    return build_schema(sdl())


def attach(schema: GraphQLSchema, fields: Fields) -> GraphQLSchema:
    """Give the schema its resolvers. `fields` is keyed «Type.field»; every other field reads its source.

    Raises:
        LookupError: a resolver for a field that the schema does not have (a slip in the simulator).
    """
    open_names = set(fields)
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            kind.resolve_type = _type_of
        if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
            continue
        for name, field in kind.fields.items():
            where = f"{kind.name}.{name}"
            open_names.discard(where)
            field.resolve = fields.get(where) or _plain(name)
    if open_names:
        raise LookupError(f"no such field: {sorted(open_names)}")
    return schema


def _type_of(value: Any, info: Any, kind: Any) -> str:
    return str(value["__typename"] if isinstance(value, dict) else value.kind)


def _plain(name: str) -> Resolver:
    """Read a field from a record (snake case) or from a payload (as GraphQL spells it)."""
    if name == "id":
        return _read_gid
    if name == "legacyResourceId":
        return lambda source, info: source[name] if isinstance(source, dict) else str(source.id)
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()

    def read(source: Any, info: Any, **_: Any) -> Any:
        return source.get(name) if isinstance(source, dict) else getattr(source, snake)

    return read


def _read_gid(source: Any, info: Any) -> Any:
    if isinstance(source, dict):
        return source["id"]
    known = getattr(source, "gid", None)
    return known if known is not None else gid(source.kind, source.id)


# ---------------------------------------------------------------- documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed and validated request document. With `errors` it cannot be executed."""

    node: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation to execute: the named one, or the only one."""
        if self.node is None:
            return None
        found = [part for part in self.node.definitions if isinstance(part, OperationDefinitionNode)]
        if name is None:
            return found[0] if len(found) == 1 else None
        return next((part for part in found if part.name is not None and part.name.value == name), None)


@lru_cache(maxsize=512)
def document_of(text: str) -> Document:
    """Parse and validate `text` against the subset; callers repeat their documents, so this is remembered."""
    try:
        node = parse(text)
    except GraphQLError as error:
        return Document(node=None, errors=(error,))
    return Document(node=node, errors=tuple(validate(bare_schema(), node)))


@lru_cache(maxsize=512)
def first_root_field(text: str, operation_name: str | None = None) -> str:
    """The name of the first root field of a document, «graphql» when it cannot be told."""
    try:
        operation = Document(node=parse(text)).operation(operation_name)
    except GraphQLError:
        return "graphql"
    if operation is None:
        return "graphql"
    return next(
        (part.name.value for part in operation.selection_set.selections if isinstance(part, FieldNode)), "graphql"
    )
