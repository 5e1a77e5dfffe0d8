"""eBay simulator over a real socket: paths, control API, lost answers, eBay's own SDK."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from ebaysdk.exception import ConnectionError as SdkError
from ebaysdk.trading import Connection as Trading

from hub.kernel.clock import FixedClock
from hub.simulators.ebay import EbaySimulator
from tests.support.ebay_shop import START


class Wire:
    def __init__(self, url: str, sim: EbaySimulator) -> None:
        self.sim = sim
        self.http = httpx.Client(base_url=url, timeout=5)
        pair = base64.b64encode(f"{sim.credentials['client_id']}:{sim.credentials['client_secret']}".encode()).decode()
        form = {"grant_type": "refresh_token", "refresh_token": sim.credentials["refresh_token"]}
        answer = self.http.post("/identity/v1/oauth2/token", data=form, headers={"Authorization": f"Basic {pair}"})
        self.token: str = answer.json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self.http.headers["Content-Language"] = "de-DE"

    def control(self, path: str, **body: Any) -> Any:
        return self.http.post(f"/_control/{path}", json=body).json()

    def trading(self) -> Trading:
        port = self.http.base_url.port
        out = Trading(
            config_file=None, domain=f"127.0.0.1:{port}", appid="a", devid="d", certid="c", iaf_token=self.token,
            siteid="77", compatibility="1423", timeout=5, escape_xml=True,
        )  # fmt: skip
        out.config.set("https", False, force=True)
        return out


@pytest.fixture
def wire() -> Iterator[Wire]:
    sim = EbaySimulator(clock=FixedClock(START))
    with sim.server() as server:
        yield Wire(server.url, sim)


def test_a_sku_with_slash_space_and_percent_stays_one_sku(wire: Wire) -> None:
    path = "/sell/inventory/v1/inventory_item/a%2Fb%20c%25ü"
    assert wire.http.put(path, json={"condition": "NEW"}).status_code == 201
    assert wire.http.get(path).json()["sku"] == "a/b c%ü"
    assert list(wire.sim.shop.state.items) == ["a/b c%ü"]
    rows = wire.http.get("/_control/requests?since=0").json()["requests"]
    assert [row["operation"] for row in rows] == ["token", "createOrReplaceInventoryItem", "getInventoryItem"]


def test_a_rehearsal_steers_the_shop(wire: Wire) -> None:
    item_id = wire.control("listings", sku="A", quantity=3, price_minor=500, currency="EUR", title="x")["external_id"]
    order_id = wire.control("orders", lines=[{"sku": "A", "quantity": 2}], pending=True)["order_id"]
    assert order_id.startswith(f"{item_id}-")
    wire.control(f"orders/{order_id}/pay")
    wire.control("stock", sku="A", quantity=9)
    assert wire.control("clock", advance_s=60)["now"] == "2026-11-22T12:01:00.000Z"
    assert wire.control("buy", seed=3)["order_id"] is not None
    assert "not edited" in wire.control(f"orders/{order_id}/amend", lines=[])["error"]
    ledger = wire.http.get("/_control/ledger").json()
    assert [row["payment"] for row in ledger["orders"]] == ["paid", "paid"]
    paid = wire.http.get("/sell/fulfillment/v1/order").json()["orders"]
    assert [order["orderId"] for order in paid] == [ledger["orders"][0]["order_id"]]


def test_a_lost_answer_hides_a_parcel_that_was_made(wire: Wire) -> None:
    wire.control("listings", sku="A", quantity=3, price_minor=500)
    order_id = wire.control("orders", lines=[{"sku": "A", "quantity": 1}])["order_id"]
    url = f"/sell/fulfillment/v1/order/{order_id}/shipping_fulfillment"
    wire.control("faults", kinds=["apply_then_drop"], operation="createShippingFulfillment")
    with pytest.raises(httpx.TransportError):
        wire.http.post(url, json={"trackingNumber": "T1", "shippingCarrierCode": "DHL"})
    assert wire.http.get(url).json()["total"] == 1
    assert wire.http.post(url, json={"trackingNumber": "T1", "shippingCarrierCode": "DHL"}).status_code == 201
    assert wire.http.get(url).json()["total"] == 2


def test_ebays_sdk_speaks_to_it(wire: Wire) -> None:
    wire.control("listings", sku="A", quantity=3, price_minor=500, title="Tüte & <Krug>")
    item_id = wire.sim.ledger()["listings"][0]["external_id"]
    trading = wire.trading()
    item = trading.execute("GetItem", {"ItemID": item_id}).reply.Item
    assert (item.Title, item.Quantity, item.StartPrice.value) == ("Tüte & <Krug>", "3", "5.00")
    row = {"ItemID": item_id, "Quantity": 8}
    assert trading.execute("ReviseInventoryStatus", {"InventoryStatus": [row]}).reply.Ack == "Success"
    assert wire.sim.ledger()["listings"][0]["quantity"] == 8
    both = trading.execute("ReviseInventoryStatus", {"InventoryStatus": [row, {"ItemID": "1", "Quantity": 1}]}).reply
    assert (both.Ack, both.Errors.ErrorCode) == ("PartialFailure", "17")
    wire.control("orders", lines=[{"sku": "A", "quantity": 1}])
    wire.control("clock", advance_s=10)
    orders = trading.execute("GetOrders", {"NumberOfDays": 1, "OrderRole": "Seller"}).reply
    assert (orders.HasMoreOrders, orders.OrderArray.Order[0].Total.value) == ("false", "5.00")
    with pytest.raises(SdkError, match="17"):
        trading.execute("GetItem", {"ItemID": "1"})
