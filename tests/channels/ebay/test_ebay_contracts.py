"""Every request the adapter sends, checked against eBay's official documents: OpenAPI for REST, the XSD for Trading."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ebay_desk import Seen, Shop, open_shop, trading_error, trading_xml
from lxml import etree

from hub.channels.contract import (
    CancelRequest,
    ListingDraft,
    ListingRef,
    PriceLevel,
    ShipmentConfirmation,
    StockLevel,
    VariantDraft,
)
from hub.kernel.money import Money

CONTRACTS = Path(__file__).parents[4] / "shared" / "contracts" / "ebay"
pytestmark = [
    pytest.mark.contracts,
    pytest.mark.skipif(not CONTRACTS.is_dir(), reason="eBay's official schemas are not in ../shared/contracts/ebay"),
]

DOCUMENTS = {
    "/sell/inventory/v1": "sell_inventory_v1_oas3.json",
    "/sell/fulfillment/v1": "sell_fulfillment_v1_oas3.json",
    "/sell/account/v1": "sell_account_v1_oas3.json",
    "/commerce/identity/v1": "commerce_identity_v1_oas3.json",
    "/post-order/v2": "cancellation_oas3.json",
}
# Fields whose type the official document gives wrongly: «aspects» is a map of lists, as its own description shows.
MAPS_CALLED_STRING = ("aspects",)


def document(prefix: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CONTRACTS / "openapi" / DOCUMENTS[prefix]).read_text("utf-8"))
    return loaded


def closed(schema: Any, root: dict[str, Any], depth: int = 0) -> Any:
    """The schema with references filled in, unknown properties forbidden and the known mistakes of it corrected."""
    if "$ref" in schema:
        schema = root["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    if depth > 12:
        return {}
    if schema.get("type") == "array":
        return {"type": "array", "items": closed(schema["items"], root, depth + 1)}
    if "properties" in schema:
        fields = {name: closed(one, root, depth + 1) for name, one in schema["properties"].items()}
        for name in MAPS_CALLED_STRING:
            if name in fields:
                fields[name] = {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                }
        return {
            "type": "object",
            "properties": fields,
            "required": schema.get("required", []),
            "additionalProperties": False,
        }
    return {"type": schema["type"]} if "type" in schema else {}


def check_rest(seen: Seen) -> str:
    """Path, method, query and body against the document; the operation's name."""
    prefix = next(one for one in DOCUMENTS if seen.path.startswith(one))
    root = document(prefix)
    rest = seen.path.removeprefix(prefix)
    candidates = []
    for path, methods in root["paths"].items():
        pattern = re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(path)))
        if pattern.fullmatch(rest) and seen.method.lower() in methods:
            candidates.append((path.count("{"), methods[seen.method.lower()]))
    assert candidates, f"no operation for {seen.method} {seen.path}"
    operation = min(candidates, key=lambda one: one[0])[1]
    parameters = operation.get("parameters", [])
    allowed = {one["name"] for one in parameters if one["in"] == "query"}
    assert set(seen.query) <= allowed, (operation["operationId"], seen.query)
    for one in parameters:
        if one["in"] == "header" and one.get("required"):
            assert seen.headers.get(one["name"].lower()), (operation["operationId"], one["name"])
    body = operation.get("requestBody")
    if body is not None:
        jsonschema.validate(seen.json(), closed(body["content"]["application/json"]["schema"], root))
    elif prefix != "/post-order/v2":
        assert seen.body == b"", operation["operationId"]
    return str(operation["operationId"])


@pytest.fixture(scope="module")
def xsd() -> etree.XMLSchema:
    with gzip.open(CONTRACTS / "trading" / "ebaySvc-1487-anyorder.xsd.gz") as handle:
        return etree.XMLSchema(etree.parse(handle))


@pytest.fixture
def answered() -> Iterator[Shop]:
    """A shop that answers everything, so that every operation is sent."""
    with open_shop(settings={"pull_unpaid": "yes"}) as shop:
        desk = shop.desk
        offer = {"offerId": "O1", "status": "UNPUBLISHED", "marketplaceId": "EBAY_DE", "format": "FIXED_PRICE"}
        live = {**offer, "status": "PUBLISHED", "listing": {"listingId": "110", "listingStatus": "ACTIVE"}}

        def offers(seen: Seen) -> tuple[int, Any]:
            known = {"new": [], "old": [offer]}.get(seen.query["sku"], [live])
            return 200, {"offers": known, "total": len(known)}

        inventory, orders = "/sell/inventory/v1", "/sell/fulfillment/v1/order"
        desk.on("PUT", f"{inventory}/.*", (200, {}))
        desk.on("GET", f"{inventory}/inventory_item_group/.*", (200, {"variantSKUs": ["V1", "V2"]}))
        desk.on("POST", f"{inventory}/offer", (201, {"offerId": "O1"}))
        desk.on("POST", f"{inventory}/offer/.*", (200, {"listingId": "110"}))
        desk.on("DELETE", f"{inventory}/offer/.*", (204, None))
        desk.on("GET", f"{inventory}/offer", offers)
        desk.on("POST", f"{inventory}/bulk_.*", (200, {"responses": []}))
        order = {
            "orderId": "12-1",
            "orderPaymentStatus": "PAID",
            "orderFulfillmentStatus": "IN_PROGRESS",
            "creationDate": "2026-11-20T00:00:00.000Z",
            "lastModifiedDate": "2026-11-20T00:00:00.000Z",
            "cancelStatus": {"cancelState": "NONE_REQUESTED", "cancelRequests": []},
            "pricingSummary": {"total": {"value": "1.00", "currency": "EUR"}},
            "lineItems": [{"lineItemId": "1", "quantity": 1, "lineItemCost": {"value": "1.00", "currency": "EUR"}}],
        }
        wanted = {"cancelRequestId": "50", "cancelRequestState": "REQUESTED", "cancelInitiator": "Buyer"}
        asked = {**order, "cancelStatus": {"cancelState": "IN_PROGRESS", "cancelRequests": [wanted]}}
        desk.on("GET", orders, (200, {"orders": [order], "total": 1}))
        desk.on("GET", f"{orders}/12-1", (200, order))
        desk.on("GET", f"{orders}/12-2", (200, asked))
        desk.on("GET", f"{orders}/.*/shipping_fulfillment", (200, {"fulfillments": []}))
        desk.on("POST", f"{orders}/.*", (201, {}, {"Location": "https://api.ebay.com/x/1"}))
        desk.on("POST", "/post-order/v2/.*", (200, {"cancelId": "7"}))
        desk.on("GET", "/(commerce|sell/account)/.*", (200, {}))
        for call in ("ReviseInventoryStatus", "GetItem", "GetOrders", "EndFixedPriceItem"):
            desk.trading(
                call, "<Ack>Failure</Ack>" + trading_error("17", "gone") if call == "GetItem" else "<Ack>Success</Ack>"
            )
        yield shop


def exercise(shop: Shop) -> None:
    """Every capability once, by every path it has."""
    adapter = shop.adapter
    euro = Money(minor=1299, currency="EUR")
    ours = ListingRef(channel_sku="A & B <c>", external_id="110", facts={"offer_id": "O1", "group_key": ""})
    group = ListingRef(channel_sku="V1", external_id="110", facts={"offer_id": "O1", "group_key": "G"})
    facts = {"managed_by": "trading", "item_id": "110000000001"}
    foreign = ListingRef(channel_sku="A & B <c>", external_id="110000000001", facts={**facts, "variation": "yes"})
    plain = ListingRef(channel_sku="T", external_id="110000000001", facts=facts)
    adapter.probe()
    for ref in (ours, foreign, plain):
        adapter.push_stock([StockLevel(ref=ref, quantity=4, revision=1, idempotency_key="k")])
        adapter.push_prices([PriceLevel(ref=ref, price=euro, revision=1, idempotency_key="k")])
    variants = [
        VariantDraft(
            channel_sku=sku,
            price=euro,
            quantity=2,
            options={"Size": sku},
            weight_g=250,
            gtin="4006381333931",
            image="https://img.example/1.jpg",
        )
        for sku in ("new", "old")
    ]
    for chosen in (variants[:1], variants[1:], variants):
        draft = ListingDraft(
            listing_key="0f8e7d6c5b4a49388776655443322110",
            title="Messer",
            description="<p>Scharf</p>",
            variants=tuple(chosen),
            brand="Plain",
            attributes={"Material": "Stahl"},
        )
        adapter.publish_listing(draft)
    adapter.read_listings([ours, foreign])
    for ref in (ours, group, foreign, plain):
        adapter.end_listing(ref)
    page = adapter.pull_orders(None, limit=1)
    adapter.pull_orders(page.cursor, limit=1)
    adapter.read_order("12-1")
    adapter.confirm_shipment(
        ShipmentConfirmation(
            shipment_key="s",
            package_number=1,
            order_id="12-1",
            carrier="dhl",
            tracking="A1",
            shipped_at=datetime(2026, 11, 21, tzinfo=UTC),
            lines=(("1", 1),),
        )
    )
    adapter.cancel_order(CancelRequest(cancel_key="c", order_id="12-1"))
    for accept in (True, False):
        adapter.cancel_order(CancelRequest(cancel_key="c", order_id="12-2", answers_request=True, accept=accept))


def test_every_rest_request_fits_ebays_openapi_documents(answered: Shop) -> None:
    exercise(answered)
    sent = [one for one in answered.desk.seen if one.path not in ("/ws/api.dll", "/identity/v1/oauth2/token")]
    names = {check_rest(one) for one in sent}
    assert names == {
        "getUser",
        "getPaymentPolicy",
        "getReturnPolicy",
        "getFulfillmentPolicy",
        "bulkUpdatePriceQuantity",
        "bulkGetInventoryItem",
        "createOrReplaceInventoryItem",
        "createOrReplaceInventoryItemGroup",
        "getInventoryItemGroup",
        "getOffers",
        "createOffer",
        "updateOffer",
        "publishOffer",
        "publishOfferByInventoryItemGroup",
        "withdrawOffer",
        "deleteOffer",
        "getOrders",
        "getOrder",
        "getShippingFulfillments",
        "createShippingFulfillment",
        "createCancellation",
        "approveCancellationRequest",
        "rejectCancellationRequest",
    }


def test_the_operations_charged_to_the_budget_are_the_ones_sent(answered: Shop) -> None:
    exercise(answered)
    rest = [one for one in answered.desk.seen if one.path not in ("/ws/api.dll", "/identity/v1/oauth2/token")]
    charged = [one.operation for one in answered.traffic if one.operation != "token" and "." not in one.operation]
    assert charged == [check_rest(one) for one in rest]


def test_every_trading_request_fits_the_xsd(answered: Shop, xsd: etree.XMLSchema) -> None:
    exercise(answered)
    sent = [one for one in answered.desk.seen if one.path == "/ws/api.dll"]
    for one in sent:
        xsd.assertValid(etree.fromstring(one.body))
    assert {one.headers["x-ebay-api-call-name"] for one in sent} == {
        "ReviseInventoryStatus",
        "GetItem",
        "GetOrders",
        "EndFixedPriceItem",
    }


def test_the_scripted_trading_answers_fit_the_xsd_too(xsd: etree.XMLSchema) -> None:
    inner = (
        "<Timestamp>2026-11-22T00:00:00.000Z</Timestamp><Ack>PartialFailure</Ack>"
        + trading_error("291", "You are not allowed to revise an ended item.", "2")
        + "<InventoryStatus><ItemID>1</ItemID><Quantity>2</Quantity></InventoryStatus>"
    )
    xsd.assertValid(etree.fromstring(trading_xml("ReviseInventoryStatus", inner).encode()))
