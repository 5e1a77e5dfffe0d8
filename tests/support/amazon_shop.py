"""A simulated Amazon on loopback with a caller at hand: what the simulator's own tests stand on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from hub.kernel.clock import FixedClock, iso_millis
from hub.simulators.amazon import AmazonSimulator
from hub.simulators.base import OrderSpec, Scenario

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ALL_DATA = "BUYER,RECIPIENT,PROCEEDS,EXPENSE,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,TAX,PAYMENT,FULFILLMENT_ORDERS"


class Shop:
    """The simulator, its clock and an HTTP caller with a valid token."""

    def __init__(self, sim: AmazonSimulator, clock: FixedClock, http: httpx.Client) -> None:
        self.sim, self.clock, self.http = sim, clock, http
        self.seller = sim.credentials["seller_id"]
        self.store = sim.credentials["marketplace_id"]
        self.token = ""

    def login(self, **form: str) -> httpx.Response:
        names = ("client_id", "client_secret", "refresh_token")
        return self.http.post(
            "/auth/o2/token",
            data={"grant_type": "refresh_token", **{name: self.sim.credentials[name] for name in names}, **form},
        )

    def call(self, method: str, path: str, *, params: dict[str, Any] | None = None, body: Any = None) -> httpx.Response:
        if not self.token:
            self.token = self.login().json()["access_token"]
        return self.http.request(method, path, params=params, json=body, headers={"x-amz-access-token": self.token})

    def wait(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def ago(self, seconds: float) -> str:
        return iso_millis(self.clock.now() - timedelta(seconds=seconds))

    # ------------------------------------------------------------ listings

    def list(self, sku: str = "SKU-1", quantity: int = 5, price_minor: int = 1299, **more: Any) -> str:
        return self.sim.add_listing(
            {"sku": sku, "quantity": quantity, "price_minor": price_minor, "title": sku, **more}
        )

    def item_path(self, sku: str) -> str:
        return f"/listings/2021-08-01/items/{self.seller}/{quote(sku, safe='')}"

    def put(self, sku: str, attributes: dict[str, Any], *, more: dict[str, Any] | None = None, **body: Any) -> Any:
        whole = {"productType": "PRODUCT", "attributes": attributes, **body}
        return self.call("PUT", self.item_path(sku), params={"marketplaceIds": self.store, **(more or {})}, body=whole)

    def patch(self, sku: str, *patches: dict[str, Any], **params: str) -> httpx.Response:
        body = {"productType": "PRODUCT", "patches": list(patches)}
        return self.call("PATCH", self.item_path(sku), params={"marketplaceIds": self.store, **params}, body=body)

    def patch_stock(self, sku: str, quantity: Any, **params: str) -> httpx.Response:
        value = [{"fulfillment_channel_code": "DEFAULT", "quantity": quantity}]
        return self.patch(
            sku, {"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}, **params
        )

    def item(self, sku: str, data: str = "summaries,attributes,issues,offers,fulfillmentAvailability") -> Any:
        params = {"marketplaceIds": self.store, "includedData": data}
        return self.call("GET", self.item_path(sku), params=params).json()

    def stock(self, sku: str) -> int:
        """What a buyer can take now, by the ledger."""
        return next(row["quantity"] for row in self.sim.ledger()["listings"] if row["sku"] == sku)

    def full(self, title: str = "A cup", *, price: float = 12.99, quantity: int = 5) -> dict[str, Any]:
        """Attributes of a whole submission."""
        mark = {"marketplace_id": self.store}
        offer = {"currency": "EUR", "audience": "ALL", "our_price": [{"schedule": [{"value_with_tax": price}]}], **mark}
        return {
            "item_name": [{"value": title, "language_tag": "de_DE", **mark}],
            "condition_type": [{"value": "new_new", **mark}],
            "main_product_image_locator": [{"media_location": "https://example.com/cup.jpg", **mark}],
            "purchasable_offer": [offer],
            "fulfillment_availability": [{"fulfillment_channel_code": "DEFAULT", "quantity": quantity}],
        }

    # ------------------------------------------------------------ orders

    def order(self, *lines: tuple[str, int], **more: Any) -> str:
        return self.sim.place_order(OrderSpec(lines=list(lines) or [("SKU-1", 1)], **more))

    def search(self, **params: Any) -> httpx.Response:
        if not params.keys() & {"lastUpdatedAfter", "createdAfter", "paginationToken"}:
            params["lastUpdatedAfter"] = self.ago(86_400)
        return self.call("GET", "/orders/2026-01-01/orders", params=params)

    def get_order(self, order_id: str, data: str = ALL_DATA) -> Any:
        answer = self.call("GET", f"/orders/2026-01-01/orders/{order_id}", params={"includedData": data})
        return answer.json()["order"]

    def item_ids(self, order_id: str) -> list[str]:
        row = next(row for row in self.sim.ledger()["orders"] if row["order_id"] == order_id)
        return [line["line_id"] for line in row["lines"]]

    def confirm(self, order_id: str, lines: list[tuple[str, Any]], **detail: Any) -> httpx.Response:
        package = {
            "packageReferenceId": "1",
            "carrierCode": "DHL",
            "trackingNumber": "JD014600003",
            "shipDate": iso_millis(self.clock.now()),
            "orderItems": [{"orderItemId": item_id, "quantity": count} for item_id, count in lines],
            **detail,
        }
        return self.call(
            "POST",
            f"/orders/v0/orders/{order_id}/shipmentConfirmation",
            body={"marketplaceId": self.store, "packageDetail": {k: v for k, v in package.items() if v is not None}},
        )

    # ------------------------------------------------------------ feeds

    def feed(self, content: bytes, feed_type: str = "JSON_LISTINGS_FEED") -> httpx.Response:
        document = self.call("POST", "/feeds/2021-06-30/documents", body={"contentType": "application/json"}).json()
        self.http.put(document["url"], content=content)
        return self.submit(document["feedDocumentId"], feed_type)

    def submit(self, document_id: str, feed_type: str = "JSON_LISTINGS_FEED") -> httpx.Response:
        body = {"feedType": feed_type, "marketplaceIds": [self.store], "inputFeedDocumentId": document_id}
        return self.call("POST", "/feeds/2021-06-30/feeds", body=body)

    def feed_state(self, feed_id: str) -> Any:
        return self.call("GET", f"/feeds/2021-06-30/feeds/{feed_id}").json()

    def report(self, feed_id: str) -> httpx.Response:
        document_id = self.feed_state(feed_id)["resultFeedDocumentId"]
        document = self.call("GET", f"/feeds/2021-06-30/documents/{document_id}").json()
        return self.http.get(document["url"])


def errors(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an error answer in Amazon's body."""
    (error,) = answer.json()["errors"]
    assert set(error) == {"code", "message", "details"}
    return answer.status_code, error["code"]


@contextmanager
def open_shop(
    state_file: Path | None = None, credentials: dict[str, str] | None = None, **scenario: Any
) -> Iterator[Shop]:
    """A shop at 2026-11-22 09:00 UTC on a clock that only the test moves; `scenario` as in `Scenario`."""
    clock = FixedClock(START)
    sim = AmazonSimulator(clock=clock, scenario=Scenario(**scenario), state_file=state_file, credentials=credentials)
    with sim.server() as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        yield Shop(sim, clock, http)
