"""A caller of the simulated Shopify shop without sockets, and the documents the tests send again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from hub.kernel.clock import FixedClock
from hub.simulators.base import OrderSpec, Scenario
from hub.simulators.shopify import ShopifySimulator

START = datetime(2026, 11, 22, 9, 0, 0, tzinfo=UTC)
LOCATION = "gid://shopify/Location/1"

SET_STOCK = """mutation SetStock($i: InventorySetQuantitiesInput!, $k: String!) { inventorySetQuantities(input: $i)
 @idempotent(key: $k) { inventoryAdjustmentGroup { createdAt reason referenceDocumentUri
 changes { name delta quantityAfterChange } } userErrors { code field message } } }"""
ORDERS = """query Orders($q: String!, $c: String) { orders(first: 10, after: $c, query: $q, sortKey: UPDATED_AT) {
 pageInfo { hasNextPage endCursor } nodes { id name createdAt updatedAt cancelledAt cancelReason displayFinancialStatus
 displayFulfillmentStatus returnStatus email phone totalPriceSet { shopMoney { amount currencyCode } presentmentMoney {
 amount currencyCode } } shippingAddress { name company address1 address2 city provinceCode zip countryCodeV2 phone }
 lineItems(first: 20) { pageInfo { hasNextPage endCursor } nodes { id sku title quantity currentQuantity
 unfulfilledQuantity requiresShipping originalUnitPriceSet { shopMoney { amount currencyCode } } variant { id } } } } } }"""
TO_SHIP = """query ToShip($id: ID!) { order(id: $id) { id fulfillments(first: 20) { id status trackingInfo { number company
 } } fulfillmentOrders(first: 10) { nodes { id status requestStatus supportedActions { action } fulfillmentHolds { reason
 } assignedLocation { location { id } } lineItems(first: 50) { nodes { id remainingQuantity lineItem { id sku } } } } } } }"""
SHIP = """mutation Ship($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) { fulfillment { id status
 trackingInfo { number company url } } userErrors { field message } } }"""
UPSERT = """mutation Upsert($i: ProductSetInput!, $id: ProductSetIdentifiers) { productSet(input: $i, identifier: $id,
 synchronous: true) { product { id handle status variants(first: 100) { nodes { id sku inventoryItem { id } } } }
 productSetOperation { id status } userErrors { code field message } } }"""
LEVEL = """query L($q: String!, $l: ID!) { inventoryItems(first: 5, query: $q) { nodes { id tracked inventoryLevel(
 locationId: $l) { id quantities(names: ["available", "committed", "on_hand"]) { name quantity } } } } }"""


class Shop:
    """The simulator, its clock, and short ways to use both."""

    def __init__(self, **scenario: Any) -> None:
        self.clock = FixedClock(START)
        self.sim = ShopifySimulator(clock=self.clock, scenario=Scenario(**scenario))
        self.token = self.sim.credentials["access_token"]

    def request(self, method: str, path: str, **more: Any) -> Request:
        return Request(
            EnvironBuilder(path=path, method=method, base_url="http://127.0.0.1:9003/", **more).get_environ()
        )

    def send(self, query: str, variables: dict[str, Any] | None = None, *, version: str = "2026-10") -> Response:
        body = {"query": query, "variables": variables or {}}
        headers = {"X-Shopify-Access-Token": self.token}
        path = f"/admin/api/{version}/graphql.json"
        return self.sim.handle(self.request("POST", path, json=body, headers=headers))

    def ask(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The whole answer."""
        found: dict[str, Any] = self.send(query, variables).get_json()
        return found

    def data(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The data of an answer without top-level errors."""
        answer = self.ask(query, variables)
        assert "errors" not in answer, answer["errors"]
        found: dict[str, Any] = answer["data"]
        return found

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def sell(self, sku: str, quantity: int, price_minor: int = 1299) -> str:
        """A live listing; returns its inventory item."""
        self.sim.add_listing({"sku": sku, "quantity": quantity, "price_minor": price_minor, "title": f"Thing {sku}"})
        item: str = self.data(LEVEL, {"q": f"sku:'{sku}'", "l": LOCATION})["inventoryItems"]["nodes"][0]["id"]
        return item

    def stock(self, sku: str) -> dict[str, int]:
        """What the shop says it has of a SKU."""
        level = self.data(LEVEL, {"q": f"sku:'{sku}'", "l": LOCATION})["inventoryItems"]["nodes"][0]["inventoryLevel"]
        return {row["name"]: row["quantity"] for row in level["quantities"]}

    def set_stock(self, key: str, *rows: tuple[str, int, int | None], **more: Any) -> dict[str, Any]:
        """inventorySetQuantities of (item, quantity, expected) rows."""
        quantities = [
            {"inventoryItemId": item, "locationId": LOCATION, "quantity": quantity, "changeFromQuantity": expected}
            for item, quantity, expected in rows
        ]
        source = {"name": "available", "reason": "correction", "quantities": quantities} | more
        found: dict[str, Any] = self.data(SET_STOCK, {"i": source, "k": key})["inventorySetQuantities"]
        return found

    def order(self, *lines: tuple[str, int], **more: Any) -> str:
        return self.sim.place_order(OrderSpec(lines=list(lines), **more))

    def tasks(self, order_id: str) -> list[dict[str, Any]]:
        """The fulfilment orders of an order."""
        found: list[dict[str, Any]] = self.data(TO_SHIP, {"id": order_id})["order"]["fulfillmentOrders"]["nodes"]
        return found

    def ship(self, order_id: str, number: str, lines: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        part: dict[str, Any] = {"fulfillmentOrderId": self.tasks(order_id)[0]["id"]}
        if lines is not None:
            part["fulfillmentOrderLineItems"] = lines
        tracking = {"company": "DHL Paket", "number": number}
        source = {"lineItemsByFulfillmentOrder": [part], "trackingInfo": tracking, "notifyCustomer": False}
        found: dict[str, Any] = self.data(SHIP, {"f": source})["fulfillmentCreate"]
        return found
