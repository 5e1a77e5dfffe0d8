"""Executing GraphQL in the simulated shop: the schema with all its resolvers, the checks on every root field."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, build_schema, execute

from hub.simulators import (
    shopify_bulk,
    shopify_fulfilment,
    shopify_inventory,
    shopify_orders,
    shopify_product_writes,
    shopify_products,
    shopify_shop,
)
from hub.simulators.shopify_auth import NEEDS
from hub.simulators.shopify_schema import Document, Fields, Resolver, attach, sdl
from hub.simulators.shopify_state import Call

INPUT_MAX = 250  # contracts README 4.3
#: productSet takes all variants of a product at once.
_LONG_INPUTS = {("productSet", "variants")}


@cache
def executable_schema() -> GraphQLSchema:
    """The schema with its resolvers; made once per process."""
    rooms = (
        shopify_shop, shopify_products, shopify_product_writes, shopify_inventory, shopify_orders, shopify_fulfilment,
        shopify_bulk,
    )  # fmt: skip
    fields: Fields = {}
    for room in rooms:
        fields |= room.FIELDS
    guarded = {
        name: _guarded(name.partition(".")[2], resolve) if name.startswith(("QueryRoot.", "Mutation.")) else resolve
        for name, resolve in fields.items()
    }
    return attach(build_schema(sdl()), guarded)


def _guarded(name: str, resolve: Resolver) -> Resolver:
    needs = NEEDS.get(name, ())

    def checked(root: Any, info: Any, **args: Any) -> Any:
        call: Call = info.context
        if needs and not call.scopes.intersection(needs):
            raise GraphQLError(
                f"Access denied for {name} field. Required access: `{needs[0]}` access scope.",
                extensions={"code": "ACCESS_DENIED", "requiredAccess": f"`{needs[0]}` access scope."},
            )
        _check_sizes(name, "", args)
        return resolve(root, info, **args)

    return checked


def _check_sizes(name: str, key: str, value: Any) -> None:
    if isinstance(value, Mapping):
        for inner_key, inner in value.items():
            _check_sizes(name, inner_key, inner)
    elif isinstance(value, list):
        if len(value) > INPUT_MAX and (name, key) not in _LONG_INPUTS:
            raise GraphQLError(
                f"The input array size of {len(value)} is greater than the maximum allowed of {INPUT_MAX}.",
                extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"},
            )
        for inner in value:
            _check_sizes(name, key, inner)


def run(call: Call, document: Document, variables: dict[str, Any], operation: str | None = None) -> dict[str, Any]:
    """Execute a valid document; the answer has `data` and, if something went wrong, `errors`."""
    if document.node is None:
        raise ValueError("a document with syntax errors cannot be executed")
    result = cast(
        ExecutionResult,
        execute(
            executable_schema(),
            document.node,
            context_value=call,
            variable_values=variables,
            operation_name=operation,
        ),
    )
    for error in result.errors or ():
        if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
            raise error.original_error  # a slip in the simulator must not look like an answer of the channel
    answer: dict[str, Any] = {} if result.data is None and result.errors else {"data": result.data}
    if result.errors:
        answer["errors"] = [formatted(error) for error in result.errors]
    return answer


def formatted(error: GraphQLError) -> dict[str, Any]:
    """A top-level error as it goes out."""
    return dict(error.formatted)
