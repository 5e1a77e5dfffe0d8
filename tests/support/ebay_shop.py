"""A small client for the eBay simulator: enough HTTP to act as a seller's program in tests."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from werkzeug.test import Client, TestResponse

from hub.kernel.clock import FixedClock
from hub.simulators.base import OrderSpec, Scenario
from hub.simulators.ebay import EbaySimulator

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
XMLNS = "urn:ebay:apis:eBLBaseComponents"


class EbayShop:
    """A simulator on a clock of its own, called without sockets. `token` is a seller's access token."""

    def __init__(self, scenario: Scenario | None = None, clock: FixedClock | None = None) -> None:
        self.clock = clock or FixedClock(START)
        self.sim = EbaySimulator(clock=self.clock, scenario=scenario)
        self.client = Client(self.sim.server()._app)
        self.token = ""
        self.token = self.mint().json["access_token"]

    def mint(self, grant: str = "refresh_token", **form: str) -> TestResponse:
        given = self.sim.credentials
        pair = base64.b64encode(f"{given['client_id']}:{given['client_secret']}".encode()).decode()
        data = {"grant_type": grant, "refresh_token": given["refresh_token"], **form}
        headers = {"Authorization": f"Basic {pair}"}
        return self.client.post("/identity/v1/oauth2/token", data=data, headers=headers)

    def rest(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        language: str = "de-DE",
        **query: Any,
    ) -> TestResponse:
        scheme = "IAF" if path.startswith("/post-order") else "Bearer"
        headers = {"Authorization": f"{scheme} {self.token if token is None else token}"}
        if body is not None and language:
            headers["Content-Language"] = language
        return self.client.open(path, method=method, json=body, headers=headers, query_string=query)

    def inventory(self, method: str, path: str, body: Any = None, **query: Any) -> TestResponse:
        return self.rest(method, f"/sell/inventory/v1/{path}", body, **query)

    def orders(self, **query: Any) -> dict[str, Any]:
        answer = self.rest("GET", "/sell/fulfillment/v1/order", **query)
        assert answer.status_code == 200, answer.text
        return answer.json

    def trading(self, call: str, inner: str = "", *, token: str | None = None) -> str:
        """The answer's XML."""
        answer = self.client.post(
            "/ws/api.dll",
            data=f'<?xml version="1.0"?><{call}Request xmlns="{XMLNS}">{inner}</{call}Request>'.encode(),
            headers={
                "X-EBAY-API-CALL-NAME": call,
                "X-EBAY-API-SITEID": "77",
                "X-EBAY-API-COMPATIBILITY-LEVEL": "1423",
                "X-EBAY-API-IAF-TOKEN": self.token if token is None else token,
            },
        )
        assert answer.status_code == 200
        return answer.text

    # ---------------------------------------------------------------- arranging

    def item(self, quantity: int = 5, title: str = "Tasse") -> dict[str, Any]:
        return {
            "availability": {"shipToLocationAvailability": {"quantity": quantity}},
            "condition": "NEW",
            "product": {
                "title": title,
                "description": "<p>Steingut</p>",
                "imageUrls": ["https://img.example.invalid/1.jpg"],
                "aspects": {"Marke": ["Werk"], "Größe": ["M"]},
            },
        }

    def offer(self, sku: str, price: str = "12.50", **more: Any) -> dict[str, Any]:
        given = self.sim.policies
        return {
            "sku": sku,
            "marketplaceId": "EBAY_DE",
            "format": "FIXED_PRICE",
            "categoryId": "88433",
            "merchantLocationKey": given["merchant_location_key"],
            "pricingSummary": {"price": {"value": price, "currency": "EUR"}},
            "listingPolicies": {
                "fulfillmentPolicyId": given["fulfillment_policy_id"],
                "paymentPolicyId": given["payment_policy_id"],
                "returnPolicyId": given["return_policy_id"],
            },
            **more,
        }

    def publish(self, sku: str, quantity: int = 5, price: str = "12.50", **more: Any) -> tuple[str, str]:
        """An Inventory API listing: (offer id, listing id)."""
        assert self.inventory("PUT", f"inventory_item/{quote(sku, safe='')}", self.item(quantity)).status_code == 201
        offer_id = self.inventory("POST", "offer", self.offer(sku, price, **more)).json["offerId"]
        return offer_id, self.inventory("POST", f"offer/{offer_id}/publish").json["listingId"]

    def by_hand(self, sku: str, quantity: int = 5, price_minor: int = 1250, **more: Any) -> str:
        """A listing made on ebay.de: its item id."""
        return self.sim.add_listing({"sku": sku, "quantity": quantity, "price_minor": price_minor, **more})

    def order(self, *lines: tuple[str, int], **more: Any) -> str:
        return self.sim.place_order(OrderSpec(lines=list(lines), **more))

    def row(self, sku: str) -> dict[str, Any]:
        return dict(next(row for row in self.sim.ledger()["listings"] if row["sku"] == sku))

    def order_row(self, order_id: str) -> dict[str, Any]:
        return dict(next(row for row in self.sim.ledger()["orders"] if row["order_id"] == order_id))


def error_ids(answer: TestResponse) -> list[int]:
    return [error["errorId"] for error in answer.json["errors"]]
