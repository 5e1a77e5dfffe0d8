"""The simulator's schema is a part of Shopify's official one, and the contract's documents run on both."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    is_required_input_field,
    parse,
    validate,
    validate_schema,
)

from hub.simulators.shopify_engine import executable_schema, run
from hub.simulators.shopify_schema import bare_schema, document_of
from tests.support.contract_shopify import official_schema
from tests.support.sim_shopify import LEVEL, LOCATION, ORDERS, SET_STOCK, SHIP, TO_SHIP, UPSERT, Shop


@pytest.mark.contracts
def test_every_type_field_argument_and_value_of_the_subset_is_official() -> None:
    official, ours = official_schema(), bare_schema()
    differences: list[str] = []

    def same(where: str, mine: Any, theirs: Any) -> None:
        if str(mine) != str(theirs):
            differences.append(f"{where}: {mine} is officially {theirs}")

    for name, kind in ours.type_map.items():
        if name.startswith("__"):
            continue
        real = official.type_map.get(name)
        same(f"kind of {name}", type(kind).__name__, type(real).__name__)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and isinstance(real, type(kind)):
            for field_name, field in kind.fields.items():
                theirs = real.fields.get(field_name)
                same(f"{name}.{field_name}", field.type, theirs and theirs.type)
                for arg_name, arg in field.args.items():
                    known = theirs.args.get(arg_name) if theirs else None
                    same(f"{name}.{field_name}({arg_name})", arg.type, known and known.type)
                required = {k for k, v in (theirs.args if theirs else {}).items() if str(v.type).endswith("!")}
                same(f"required arguments of {name}.{field_name}", required - set(field.args) - {"groupObjects"}, set())
            assert {i.name for i in kind.interfaces} <= {i.name for i in real.interfaces}
        elif isinstance(kind, GraphQLInputObjectType) and isinstance(real, GraphQLInputObjectType):
            same(f"{name} @oneOf", kind.is_one_of, real.is_one_of)
            for field_name, entry in kind.fields.items():
                known = real.fields.get(field_name)
                same(f"{name}.{field_name}", entry.type, known and known.type)
            needed = {field_name for field_name, entry in real.fields.items() if is_required_input_field(entry)}
            same(f"required fields of {name}", needed - set(kind.fields), set())
        elif isinstance(kind, GraphQLEnumType) and isinstance(real, GraphQLEnumType):
            same(f"values of {name}", set(kind.values) - set(real.values), set())
        elif isinstance(kind, GraphQLUnionType) and isinstance(real, GraphQLUnionType):
            same(f"members of {name}", {t.name for t in kind.types} - {t.name for t in real.types}, set())
    assert differences == []
    assert {d.name for d in ours.directives} <= {d.name for d in official.directives} | {"defer", "stream"}


DOCUMENTS: dict[str, str] = {
    "set stock": SET_STOCK,
    "orders": ORDERS,
    "to ship": TO_SHIP,
    "ship": SHIP,
    "upsert": UPSERT,
    "levels": LEVEL,
    "locations": "{ locations(first: 5) { nodes { id name isActive } } }",
    "scopes": "{ currentAppInstallation { accessScopes { handle } } }",
    "node": """query N($id: ID!) { node(id: $id) { id ... on ProductVariant { sku price product { id title } }
     ... on Order { name updatedAt } } }""",
    "variants": """{ productVariants(first: 10, query: "sku:A-1") { edges { cursor node { id sku price inventoryItem { id
     tracked inventoryLevels(first: 5) { nodes { location { id } quantities(names: ["available"]) { quantity } } } } } } } }""",
    "by identifier": """query P($i: ProductIdentifierInput!) { productByIdentifier(identifier: $i) { id status
     publishedOnPublication(publicationId: "gid://shopify/Publication/1") metafield(namespace: "hub", key: "key") { value } } }""",
    "publications": "{ publications(first: 5) { nodes { id name } } }",
    "bulk": "{ bulkOperations(first: 5) { nodes { id status errorCode objectCount fileSize url partialDataUrl } } }",
    "adjust": """mutation A($i: InventoryAdjustQuantitiesInput!, $k: String!) { inventoryAdjustQuantities(input: $i)
     @idempotent(key: $k) { inventoryAdjustmentGroup { id } userErrors { code field message } } }""",
    "activate": """mutation V($i: ID!, $l: ID!, $k: String!) { inventoryActivate(inventoryItemId: $i, locationId: $l)
     @idempotent(key: $k) { inventoryLevel { id } userErrors { field message } } }""",
    "publish": """mutation U($id: ID!, $p: [PublicationInput!]!) { publishablePublish(id: $id, input: $p) { publishable {
     publishedOnPublication(publicationId: "gid://shopify/Publication/1") } userErrors { field message } } }""",
    "cancel": """mutation C($id: ID!) { orderCancel(orderId: $id, reason: CUSTOMER, restock: true, refundMethod: {
     originalPaymentMethodsRefund: true }, notifyCustomer: false) { job { id done } orderCancelUserErrors { code message } } }""",
    "upload": """mutation S($i: [StagedUploadInput!]!) { stagedUploadsCreate(input: $i) { stagedTargets { url resourceUrl
     parameters { name value } } userErrors { field message } } }""",
    "prices": """mutation B($p: ID!, $v: [ProductVariantsBulkInput!]!) { productVariantsBulkUpdate(productId: $p,
     variants: $v, allowPartialUpdates: true) { productVariants { id price } userErrors { code field message } } }""",
    "webhook": """mutation W($t: WebhookSubscriptionTopic!, $w: WebhookSubscriptionInput!) { webhookSubscriptionCreate(
     topic: $t, webhookSubscription: $w) { webhookSubscription { id topic uri } userErrors { field message } } }""",
}


@pytest.mark.contracts
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid_in_the_official_schema_and_in_the_subset(name: str) -> None:
    document = parse(DOCUMENTS[name])
    assert validate(official_schema(), document) == []
    assert validate(bare_schema(), document) == []


def test_the_documents_execute() -> None:
    shop = Shop()
    item = shop.sell("A-1", 5)
    order = shop.order(("A-1", 1))
    task = shop.tasks(order)[0]
    rows = [{"inventoryItemId": item, "locationId": LOCATION, "quantity": 9, "changeFromQuantity": None}]
    changes = [{"inventoryItemId": item, "locationId": LOCATION, "delta": 1, "changeFromQuantity": None}]
    product = "gid://shopify/Product/1"
    variables: dict[str, dict[str, Any]] = {
        "set stock": {"i": {"name": "available", "reason": "correction", "quantities": rows}, "k": "k1"},
        "orders": {"q": "updated_at:>='2026-11-22T00:00:00Z'"},
        "to ship": {"id": order},
        "ship": {"f": {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": task["id"]}]}},
        "upsert": {"i": {"title": "New thing"}},
        "levels": {"q": "sku:A-1", "l": LOCATION},
        "node": {"id": "gid://shopify/ProductVariant/1"},
        "by identifier": {"i": {"handle": "thing-a-1"}},
        "adjust": {"i": {"name": "available", "reason": "correction", "changes": changes}, "k": "k2"},
        "activate": {"i": item, "l": LOCATION, "k": "k3"},
        "publish": {"id": product, "p": [{"publicationId": "gid://shopify/Publication/1"}]},
        "cancel": {"id": shop.order(("A-1", 1))},
        "upload": {"i": [{"filename": "v.jsonl", "mimeType": "text/jsonl", "resource": "BULK_MUTATION_VARIABLES"}]},
        "prices": {"p": product, "v": [{"id": "gid://shopify/ProductVariant/1", "price": "9.99"}]},
        "webhook": {"t": "ORDERS_UPDATED", "w": {"uri": "https://example.com/hook"}},
    }
    for name, text in DOCUMENTS.items():
        data = shop.data(text, variables.get(name))
        payload = next(iter(data.values()))
        assert payload is not None, name
        assert payload.get("userErrors", []) == [], name
        shop.later(1)


def test_the_schema_is_sound_and_every_root_field_has_a_resolver() -> None:
    schema = executable_schema()
    assert validate_schema(schema) == []
    assert schema.query_type is not None
    assert schema.mutation_type is not None
    roots = {**schema.query_type.fields, **schema.mutation_type.fields}
    plain = [name for name, field in roots.items() if field.resolve is None or field.resolve.__name__ == "read"]
    assert plain == []


def _parts(schema: Any, kind: str, seen: frozenset[str]) -> list[str]:
    """Selections of everything below a type, each type once per branch, five levels deep."""
    parts = []
    for name, field in schema.type_map[kind].fields.items():
        base = field.type
        while hasattr(base, "of_type"):
            base = base.of_type
        args = dict(field.args)
        given = ""
        if "first" in args:
            given = "(first: 3)"
        elif any(str(a.type).endswith("!") for a in args.values()):
            needed = {
                "names": 'names: ["available"]', "locationId": f'locationId: "{LOCATION}"', "key": 'key: "key"',
                "publicationId": 'publicationId: "gid://shopify/Publication/1"',
                "inventoryItemId": 'inventoryItemId: "gid://shopify/InventoryItem/1"',
            }  # fmt: skip
            given = "(" + ", ".join(needed[arg] for arg, a in args.items() if str(a.type).endswith("!")) + ")"
        if hasattr(base, "fields"):
            if base.name in seen or len(seen) > 4 or isinstance(base, GraphQLInterfaceType):
                continue
            inner = " ".join(_parts(schema, base.name, seen | {base.name}))
            if inner:
                parts.append(f"{name}{given} {{ {inner} }}")
        elif not isinstance(base, GraphQLUnionType):
            parts.append(name + given)
    return parts


@pytest.mark.parametrize(
    ("root", "kind"),
    [
        ('order(id: "gid://shopify/Order/5000001001")', "Order"),
        ('product(id: "gid://shopify/Product/1")', "Product"),
        ('inventoryItem(id: "gid://shopify/InventoryItem/1")', "InventoryItem"),
        ('location(id: "gid://shopify/Location/1")', "Location"),
        ("shop", "Shop"),
        ("currentAppInstallation", "AppInstallation"),
        ("publications(first: 2)", "PublicationConnection"),
        ("webhookSubscriptions(first: 2)", "WebhookSubscriptionConnection"),
        ("bulkOperations(first: 2)", "BulkOperationConnection"),
        ("currentBulkOperation(type: QUERY)", "BulkOperation"),
    ],
)
def test_every_field_of_the_subset_can_be_read(root: str, kind: str) -> None:
    shop = Shop(enforce_limits=False)
    shop.sell("A-1", 5)
    order = shop.order(("A-1", 3), shipping_minor=499)
    line = shop.tasks(order)[0]["lineItems"]["nodes"][0]["id"]
    shop.ship(order, "T1", [{"id": line, "quantity": 1}])
    shop.sim.request_cancel(order)
    shop.data('mutation { bulkOperationRunQuery(query: "{ products { nodes { id } } }") { userErrors { message } } }')
    hook = 'webhookSubscriptionCreate(topic: ORDERS_EDITED, webhookSubscription: {uri: "https://example.com"})'
    shop.data(f"mutation {{ {hook} {{ userErrors {{ message }} }} }}")
    shop.later(60)
    for selection in _parts(executable_schema(), kind, frozenset({kind})):
        document = document_of(f"{{ {root} {{ {selection} }} }}")
        assert document.errors == ()
        answer = run(shop.sim._call(), document, {})  # past the cost check: some of these are far beyond 1,000 points
        assert "errors" not in answer, answer["errors"]
        assert answer["data"][root.partition("(")[0]] is not None
