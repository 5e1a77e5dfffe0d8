"""What a query costs (contracts README 4.3): object 1, scalar 0, a connection times its size, a mutation 10.

Shopify gives single fields costs of its own, and says so. Here value objects (money, page info, addresses of a
fulfilment order, payloads: everything without an id) cost nothing, and neither does the order line behind a line of a
fulfilment order, which is the same record. So an estimate by the plain rule is never too low.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

MAX_COST = 1000
BUCKET = 2000
RESTORE_RATE = 100
MUTATION_COST = 10
_FREE = frozenset({"FulfillmentOrderLineItem.lineItem"})
Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


@dataclass(frozen=True, slots=True, kw_only=True)
class CostField:
    """One object-valued field: its own weight, how many of it are asked for at most, and what is asked of each."""

    key: str
    weight: int
    size: int
    children: tuple[CostField, ...]

    def requested(self) -> int:
        return self.size * (self.weight + sum(child.requested() for child in self.children))

    def actual(self, value: Any) -> int:
        if isinstance(value, list):
            return sum(self.actual(row) for row in value)
        if not isinstance(value, Mapping):
            return self.weight
        return self.weight + sum(child.actual(value.get(child.key)) for child in self.children)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of one operation before it runs (`requested`), and, given its data, afterwards."""

    roots: tuple[CostField, ...]
    input_points: int

    @property
    def requested(self) -> int:
        return max(1, self.input_points + sum(root.requested() for root in self.roots))

    def actual(self, data: Mapping[str, Any] | None) -> int:
        found = data or {}
        return max(1, self.input_points + sum(root.actual(found.get(root.key)) for root in self.roots))


class _Reader:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self.schema = schema
        self.variables = variables
        self.fragments = {
            part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)
        }
        self.defaults: dict[str, ValueNode] = {}

    def number(self, node: ValueNode | None) -> int | None:
        if isinstance(node, VariableNode):
            value = self.variables.get(node.name.value)
            if value is None and node.name.value in self.defaults:
                return self.number(self.defaults[node.name.value])
            return value if isinstance(value, int) else None
        return int(node.value) if isinstance(node, IntValueNode) else None

    def count(self, node: ValueNode | None) -> int:
        """How many elements a list argument has."""
        if isinstance(node, VariableNode):
            value = self.variables.get(node.name.value)
            return len(value) if isinstance(value, list) else 1
        return len(node.values) if isinstance(node, ListValueNode) else 1

    def fields(self, parent: Composite, selections: SelectionSetNode, page: int = 1) -> Iterable[CostField]:
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                found = self.field(parent, selection, page)
                if found is not None:
                    yield found
                continue
            fragment: InlineFragmentNode | FragmentDefinitionNode
            if isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
            elif isinstance(selection, InlineFragmentNode):
                fragment = selection
            else:
                continue
            condition = fragment.type_condition
            kind = self.schema.get_type(condition.name.value) if condition is not None else parent
            if isinstance(kind, Composite):
                yield from self.fields(kind, fragment.selection_set, page)

    def field(self, parent: Composite, node: FieldNode, page: int) -> CostField | None:
        if isinstance(parent, GraphQLUnionType) or node.selection_set is None or node.name.value not in parent.fields:
            return None
        definition = parent.fields[node.name.value]
        kind = get_named_type(definition.type)
        if not isinstance(kind, Composite):
            return None
        args = {argument.name.value: argument.value for argument in node.arguments or ()}
        asked = self.number(args.get("first")) or self.number(args.get("last"))
        key = node.alias.value if node.alias is not None else node.name.value
        if kind.name.endswith("Connection"):
            inner = tuple(self.fields(kind, node.selection_set, asked if asked is not None else 1))
            return CostField(key=key, weight=0, size=1, children=inner)
        size, weight = 1, _weight(parent, node.name.value, kind)
        if parent.name.endswith("Connection") and node.name.value in ("nodes", "edges"):
            size, weight = page, int(node.name.value == "nodes")
        elif parent.name.endswith("Edge"):
            weight = 1
        elif "ids" in args and _is_list(definition.type):
            size = self.count(args["ids"])
        elif asked is not None and _is_list(definition.type):
            size = asked
        inner = tuple(self.fields(kind, node.selection_set))
        return CostField(key=key, weight=weight, size=size, children=inner)


def _is_list(kind: Any) -> bool:
    return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)


def _weight(parent: Composite, name: str, kind: GraphQLNamedType) -> int:
    if parent.name == "Mutation":
        return MUTATION_COST
    if f"{parent.name}.{name}" in _FREE:
        return 0
    fields = getattr(kind, "fields", {})
    return int("id" in fields)


def cost_of(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> Cost:
    """The cost of `operation` with these variables."""
    reader = _Reader(schema, document, variables)
    for definition in operation.variable_definitions or ():
        if isinstance(definition.default_value, ValueNode):
            reader.defaults[definition.variable.name.value] = definition.default_value
    root = schema.mutation_type if operation.operation is OperationType.MUTATION else schema.query_type
    roots = tuple(reader.fields(root, operation.selection_set)) if root is not None else ()
    points = _product_points(variables) if any(root.weight == MUTATION_COST for root in roots) else 0
    return Cost(roots=roots, input_points=points)


def _product_points(variables: Mapping[str, Any]) -> int:
    """productSet's «complexity cost» per input row, as the schema's texts give it: 0.2 per variant, 0.4 per metafield,
    1.9 per file, 0.6 per file of a variant."""
    points = 0.0
    for value in variables.values():
        if isinstance(value, dict) and isinstance(value.get("variants"), list):
            rows = [row for row in value["variants"] if isinstance(row, dict)]
            points += 0.2 * len(rows) + 0.6 * sum(bool(row.get("file")) for row in rows)
            points += 0.4 * sum(len(row.get("metafields") or ()) for row in rows)
            points += 0.4 * len(value.get("metafields") or ()) + 1.9 * len(value.get("files") or ())
    return math.ceil(points)
