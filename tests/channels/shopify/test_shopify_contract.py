"""Everything the adapter sends, against Shopify's own schema of 2026-10."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    validate,
    visit,
)
from graphql.execution.values import get_variable_values
from shopify_support import LOCATION, item, level, ref

from hub.channels.contract import ListingDraft, PriceLevel, ShipmentConfirmation, VariantDraft
from hub.channels.shopify import listings, pricing, queries, shipments
from hub.channels.shopify.listings import Existing, Product
from hub.channels.shopify.manifest import NEEDED_SCOPES, OPTIONAL_SCOPES
from hub.channels.shopify.stock import Row, build_set
from hub.kernel.clock import parse_instant
from hub.kernel.money import Money

pytestmark = pytest.mark.contracts


@pytest.mark.parametrize(
    "document", queries.ALL, ids=lambda document: document.text.split("(")[0].split("{")[0].strip()
)
def test_every_document_is_valid(official, document):
    schema, _ = official
    assert validate(schema, parse(document.text)) == []


@pytest.mark.parametrize(
    "document", queries.ALL, ids=lambda document: document.text.split("(")[0].split("{")[0].strip()
)
def test_the_root_field_is_the_one_named_and_mutations_are_writing(document):
    operation = parse(document.text).definitions[0]
    assert operation.selection_set.selections[0].name.value == document.root
    assert (operation.operation.value == "mutation") == document.writing


def _coerced(schema: Any, document: queries.Document, variables: dict[str, Any]) -> Any:
    operation = parse(document.text).definitions[0]
    return get_variable_values(schema, operation.variable_definitions, variables)


def _draft(**more: Any) -> ListingDraft:
    variants = tuple(
        VariantDraft(
            channel_sku=f"SKU-{size}", price=Money(minor=1290, currency="EUR"), quantity=3, options={"Size": size},
            gtin="4006381333931", weight_g=250, image="https://img.example/a.jpg",
        )
        for size in ("S", "M")
    )  # fmt: skip
    given: dict[str, Any] = {
        "listing_key": "a" * 32, "title": "Cup", "description": "<p>Cup</p>", "variants": variants, "brand": "Acme",
        "category": "gid://shopify/TaxonomyCategory/hg-1", "images": ("https://img.example/b.jpg",),
        "attributes": {"tags": "a, b", "seo_title": "Cups", "product_type": "Cups"},
    }  # fmt: skip
    return ListingDraft(**{**given, **more})


def _built(schema: Any) -> list[tuple[queries.Document, dict[str, Any]]]:
    row = Row(index=0, level=level(1, 4, 5), item_id=item(1), before=5)
    product = Product(
        product_id="gid://shopify/Product/1",
        status="ACTIVE",
        online=True,
        options={"Size": ["S", "L"]},
        variants=(
            Existing(variant_id="gid://shopify/ProductVariant/1", sku="SKU-S", options={"Size": "S"}),
            Existing(variant_id="gid://shopify/ProductVariant/2", sku="SKU-L", options={"Size": "L"}),
        ),
    )
    made, made_id = listings.build_product(_draft(), product=None, location=LOCATION, with_images=True)
    revised, revised_id = listings.build_product(_draft(), product=product, location=LOCATION, with_images=False)
    confirmation = ShipmentConfirmation(
        shipment_key="s", package_number=1, order_id="gid://shopify/Order/1", carrier="dhl", tracking="T1",
        shipped_at=parse_instant("2026-11-22T12:00:00Z"), lines=(("gid://shopify/LineItem/1", 1),),
    )  # fmt: skip
    group = [{"fulfillmentOrderId": "gid://1", "fulfillmentOrderLineItems": [{"id": "gid://2", "quantity": 1}]}]
    price = PriceLevel(ref=ref(1), price=Money(minor=999, currency="EUR"), revision=1, idempotency_key="k")
    return [
        (queries.SET_STOCK, build_set([row], LOCATION)),
        (queries.SET_PRICES, pricing.build_prices("gid://shopify/Product/1", [("gid://shopify/ProductVariant/1", price)])),
        (queries.PRODUCT_SET, {"i": made, "id": made_id, "n": 2}),
        (queries.PRODUCT_SET, {"i": revised, "id": revised_id, "n": 3}),
        (queries.SHIP, shipments.build_fulfilment(confirmation, group, notify=False)),
        (queries.SET_STATUS, {"product": {"id": "gid://shopify/Product/1", "status": "ARCHIVED"}}),
        (
            queries.CANCEL,
            {
                "id": "gid://shopify/Order/1", "reason": "INVENTORY", "restock": False, "notify": False,
                "refund": {"originalPaymentMethodsRefund": True},
            },
        ),
    ]  # fmt: skip


def test_every_input_the_adapter_builds_fits_the_schema(official):
    schema, _ = official
    for document, variables in _built(schema):
        coerced = _coerced(schema, document, variables)
        assert not isinstance(coerced, list), (document.root, [problem.message for problem in coerced])


def test_the_schema_test_would_notice_a_wrong_input(official):
    schema, _ = official
    assert isinstance(_coerced(schema, queries.SHIP, {"f": {"lineItems": []}}), list)


class _Scopes(Visitor):
    """Collects the access scopes that the types and fields of a document ask for."""

    def __init__(self, info: TypeInfo, needs: dict[tuple[str, str | None], list[str]]) -> None:
        super().__init__()
        self._info = info
        self._needs = needs
        self.found: list[tuple[str, list[str]]] = []

    def enter_field(self, node: Any, *_: Any) -> None:
        parent, kind = self._info.get_parent_type(), get_named_type(self._info.get_type())
        for key in ((parent.name, node.name.value), (kind.name, None)):
            if self._needs.get(key):
                self.found.append((f"{key[0]}.{key[1]}" if key[1] else key[0], self._needs[key]))


def test_the_scopes_it_asks_for_cover_every_document(official):
    schema, listed = official
    needs = {(entry["typeName"], entry.get("fieldName")): entry["offlineScopes"] for entry in listed}
    ours = {*NEEDED_SCOPES, *OPTIONAL_SCOPES}
    looked_at = 0
    for document in queries.ALL:
        info = TypeInfo(schema)
        visitor = _Scopes(info, needs)
        visit(parse(document.text), TypeInfoVisitor(info, visitor))
        for where, scopes in visitor.found:
            looked_at += 1
            assert ours & set(scopes), f"{document.root}: {where} needs one of {scopes}"
    assert looked_at > 20


def test_no_page_of_orders_exceeds_the_cap_of_one_query():
    for size in range(1, 21):
        lines = queries.lines_per_order(size)
        assert 3 <= lines <= 20
        assert queries.ORDERS.cost({"first": size, "lines": lines}) <= queries.COST_CAP


def test_no_document_exceeds_the_cap(official):
    """Counted on the schema: object 1, connection by its `first`, lists 1, scalars 0, mutation 10."""
    schema, _ = official
    given = {
        "ids": ["x"] * 100, "first": 20, "lines": queries.lines_per_order(20), "n": queries.FULFILMENTS_FIRST,
        "variants": [{}] * 250, "i": {"variants": [{}] * 10},
    }  # fmt: skip
    for document in queries.ALL:
        counted = _count(schema, document, given)
        assert counted <= queries.COST_CAP, (document.root, counted)
        estimate = document.cost(given)
        assert estimate >= 0.6 * counted, (document.text.split("{")[0], estimate, counted)


def _count(schema: Any, document: queries.Document, given: dict[str, Any]) -> float:
    tree = parse(document.text)
    fragments = {d.name.value: d for d in tree.definitions if d.kind == "fragment_definition"}

    def value(node: Any) -> Any:
        return given.get(node.name.value) if node.kind == "variable" else getattr(node, "value", None)

    def of(selection_set: Any, parent: Any) -> float:
        total = 0.0
        for node in selection_set.selections if selection_set else ():
            if node.kind == "fragment_spread":
                fragment = fragments[node.name.value]
                total += of(fragment.selection_set, schema.type_map[fragment.type_condition.name.value])
            elif node.kind == "inline_fragment":
                total += of(node.selection_set, schema.type_map[node.type_condition.name.value])
            elif node.selection_set:
                kind = get_named_type(parent.fields[node.name.value].type)
                inner = of(node.selection_set, kind)
                arguments = {a.name.value: value(a.value) for a in node.arguments or ()}
                if kind.name.endswith("Connection"):
                    total += int(arguments.get("first") or 1) * inner
                elif "ids" in arguments and node.name.value == "nodes":
                    total += len(arguments["ids"]) * (1 + inner)
                elif node.name.value in ("nodes", "pageInfo"):
                    total += 1 + inner if node.name.value == "nodes" else 0
                else:
                    total += int(arguments.get("first") or 1) * (1 + inner)
        return total

    root = tree.definitions[0]
    base = schema.mutation_type if document.writing else schema.query_type
    assert isinstance(base, GraphQLObjectType)
    assert not isinstance(base, GraphQLInputObjectType)
    return (10 if document.writing else 0) + of(root.selection_set, base)
