"""eBay simulator against eBay's own documents: every operation's answers, and Trading requests and answers."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from hub.kernel.clock import iso_millis
from hub.simulators.base import Scenario
from hub.simulators.ebay_errors import _FULFILLMENT, _INVENTORY, _OTHER
from hub.simulators.ebay_routes import ROUTES
from tests.support.contract_ebay import (
    answer_problems,
    documented_errors,
    operations,
    request_problems,
    trading_problems,
)
from tests.support.ebay_shop import START, XMLNS, EbayShop

pytestmark = pytest.mark.contracts
REST = [route for route in ROUTES if route[0] not in ("oauth", "trading")]


@pytest.mark.parametrize("route", REST, ids=lambda route: route[3])
def test_every_route_is_in_the_documents(route: tuple[str, str, str, str]) -> None:
    _, method, path, operation_id = route
    known = operations()[operation_id]

    def shape(text: str) -> str:
        return re.sub(r"\{[^}]*\}", "{}", text).rstrip("/")

    assert (known.method, shape(known.path)) == (method, shape(path))


class Recorder(EbayShop):
    """Validates each answer as it comes."""

    def __init__(self, scenario: Scenario | None = None) -> None:
        self.seen: dict[str, set[int]] = {}
        self.bodies = 0
        super().__init__(scenario)

    def rest(self, method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        answer = super().rest(method, path, body, **more)
        operation_id = self.sim.operation_of(answer.request)
        self.seen.setdefault(operation_id, set()).add(answer.status_code)
        assert answer_problems(operation_id, answer.status_code, answer.get_data()) == [], (method, path)
        if body is not None and answer.status_code < 300 and "cancellation" not in path:
            assert request_problems(operation_id, body) == []
            self.bodies += 1
        return answer

    def trading(self, call: str, inner: str = "", **more: Any) -> str:
        request = f'<{call}Request xmlns="{XMLNS}">{inner}</{call}Request>'
        assert trading_problems(request) == [], call
        text = super().trading(call, inner, **more)
        assert trading_problems(text) == [], call
        return text


def test_rest_answers_keep_to_the_documents() -> None:
    shop = Recorder(Scenario(order_lag_s=0, extra={"tax_percent": 7}))
    offer_id, _ = shop.publish("A", 9, availableQuantity=5)
    shop.inventory("PUT", "inventory_item/A", shop.item(9))
    for path in ("inventory_item/A", "inventory_item", f"offer/{offer_id}", "location", "location/hauptlager"):
        assert shop.inventory("GET", path).status_code == 200
    assert shop.inventory("GET", "offer", sku="A").status_code == 200
    fixed = ("sku", "marketplaceId", "format")
    replacement = {name: value for name, value in shop.offer("A", "9.00").items() if name not in fixed}
    shop.inventory("PUT", f"offer/{offer_id}", replacement)
    shop.inventory("POST", "location/sued", {"location": {"address": {"city": "Ulm", "country": "DE"}}, "name": "S"})

    items = [shop.item(3) | {"sku": sku, "locale": "de_DE"} for sku in ("S", "M", "L")]
    shop.inventory("POST", "bulk_create_or_replace_inventory_item", {"requests": items})
    shop.inventory("POST", "bulk_get_inventory_item", {"requests": [{"sku": "S"}, {"sku": "Z"}]})
    offers = [shop.offer(sku) for sku in ("S", "M", "L", "Z")]
    made = shop.inventory("POST", "bulk_create_offer", {"requests": offers}).json["responses"]
    shop.inventory("POST", "bulk_publish_offer", {"requests": [{"offerId": made[2]["offerId"]}, {"offerId": "1"}]})
    group = {
        "title": "Hemd", "description": "Leinen", "variantSKUs": ["S", "M"],
        "variesBy": {"specifications": [{"name": "Größe", "values": ["M"]}]},
    }  # fmt: skip
    shop.inventory("PUT", "inventory_item_group/G", group)
    shop.inventory("PUT", "inventory_item_group/G", group)
    shop.inventory("GET", "inventory_item_group/G")
    shop.inventory("GET", "inventory_item/S")
    key = {"inventoryItemGroupKey": "G", "marketplaceId": "EBAY_DE"}
    shop.inventory("POST", "offer/publish_by_inventory_item_group", key)
    rows = [
        {
            "sku": "A",
            "shipToLocationAvailability": {"quantity": 8},
            "offers": [{"offerId": offer_id, "availableQuantity": 4}],
        },
        {"sku": "Z", "shipToLocationAvailability": {"quantity": 1}},
    ]
    shop.inventory("POST", "bulk_update_price_quantity", {"requests": rows[:1]})
    shop.inventory("POST", "bulk_update_price_quantity", {"requests": rows})

    paid = shop.order(("A", 2), ("S", 1), shipping_minor=490)
    wish, gone = shop.order(("A", 1)), shop.order(("M", 1))
    shop.sim.request_cancel(wish)
    orders = "/sell/fulfillment/v1/order"
    parcel = {"shippingCarrierCode": "DHL", "trackingNumber": "T1", "shippedDate": iso_millis(START)}
    parcel_id = shop.rest("POST", f"{orders}/{paid}/shipping_fulfillment", parcel).headers["Location"].split("/")[-1]
    shop.rest("GET", f"{orders}/{paid}/shipping_fulfillment")
    shop.rest("GET", f"{orders}/{paid}/shipping_fulfillment/{parcel_id}")

    cancel = "/post-order/v2/cancellation"
    shop.rest("POST", f"{cancel}/check_eligibility", {"legacyOrderId": gone})
    cancel_id = shop.rest("POST", cancel, {"legacyOrderId": gone, "cancelReason": "BUYER_ASKED_CANCEL"}).json[
        "cancelId"
    ]
    shop.rest("GET", f"{cancel}/{cancel_id}")
    asked = shop.rest("GET", f"{orders}/{wish}").json["cancelStatus"]["cancelRequests"][0]["cancelRequestId"]
    shop.rest("POST", f"{cancel}/{asked}/reject")
    shop.sim.request_cancel(wish)
    asked = shop.rest("GET", f"{orders}/{wish}").json["cancelStatus"]["cancelRequests"][1]["cancelRequestId"]
    shop.rest("POST", f"{cancel}/{asked}/approve")
    assert len(shop.rest("GET", orders, limit=2, offset=1).json["orders"]) == 2

    shop.inventory("POST", f"offer/{offer_id}/withdraw")
    shop.inventory("POST", "offer/withdraw_by_inventory_item_group", key)
    shop.inventory("DELETE", "inventory_item_group/G")
    shop.inventory("DELETE", f"offer/{offer_id}")
    shop.inventory("DELETE", "inventory_item/A")
    account = "/sell/account/v1"
    for kind in ("fulfillment", "payment", "return"):
        shop.rest("GET", f"{account}/{kind}_policy", marketplace_id="EBAY_DE")
        shop.rest("GET", f"{account}/{kind}_policy/{shop.sim.policies[f'{kind}_policy_id']}")
    shop.rest("GET", f"{account}/privilege")
    shop.rest("GET", f"{account}/program/get_opted_in_programs")
    shop.rest("GET", "/commerce/identity/v1/user/")
    taxonomy = "/commerce/taxonomy/v1"
    shop.rest("GET", f"{taxonomy}/get_default_category_tree_id", marketplace_id="EBAY_DE")
    shop.rest("GET", f"{taxonomy}/category_tree/77/get_category_suggestions", q="Bücher")
    shop.rest("GET", f"{taxonomy}/category_tree/77/get_item_aspects_for_category", category_id="15687")
    shop.rest("GET", "/developer/analytics/v1_beta/rate_limit/")
    shop.rest("GET", "/developer/analytics/v1_beta/user_rate_limit/")

    good = {operation for operation, statuses in shop.seen.items() if min(statuses) < 300}
    assert {route[3] for route in REST} - good == set()
    assert shop.bodies >= 15


def test_refusals_keep_to_the_documents() -> None:
    """Numbers are those listed for the operation, except where its list is known to be short."""
    shop = Recorder()
    orders, item_id = "/sell/fulfillment/v1/order", shop.by_hand("W", 3)
    shop.inventory("PUT", "inventory_item/A", {"condition": "NEW"})
    offer = shop.inventory("POST", "offer", {"sku": "A", "marketplaceId": "EBAY_DE", "format": "FIXED_PRICE"}).json
    refused = [
        shop.inventory("GET", "inventory_item/Z"),
        shop.inventory("PUT", f"inventory_item/{'x' * 51}", {}),
        shop.inventory("PUT", "inventory_item/B", shop.item(-1)),
        shop.inventory("POST", "bulk_update_price_quantity", {"requests": [{"sku": "A"}] * 26}),
        shop.inventory("GET", "offer/1"),
        shop.inventory("POST", f"offer/{offer['offerId']}/publish"),
        shop.inventory("POST", "offer", {"sku": "A", "marketplaceId": "EBAY_XX"}),
        shop.inventory("GET", "inventory_item_group/Z"),
        shop.inventory("PUT", "inventory_item_group/Z", {"variantSKUs": ["Q"]}),
        shop.inventory("GET", "location/z"),
        shop.rest("GET", f"{orders}/1"),
        shop.rest("GET", orders, limit=201),
        shop.rest("GET", orders, filter="x:[y]"),
        shop.rest("POST", f"{orders}/1/shipping_fulfillment", {}),
        shop.rest("GET", f"{orders}/1/shipping_fulfillment"),
        shop.rest("GET", "/sell/account/v1/payment_policy"),
        shop.rest("GET", "/commerce/taxonomy/v1/category_tree/1/get_category_suggestions", q="x"),
        shop.rest("GET", orders, token="expired"),
    ]
    for answer in refused:
        operation_id = shop.sim.operation_of(answer.request)
        assert answer.status_code >= 400, operation_id
        numbers = {error["errorId"] for error in answer.json["errors"]}
        if answer.status_code != 401:
            assert numbers <= documented_errors(operation_id) | {25710}, operation_id
    assert item_id


def test_error_domains_are_the_documents() -> None:
    """Every number of ours stands in the document of its domain (the gateway's four-digit ones apart)."""
    listed = {number for operation_id in operations() for number in documented_errors(operation_id)}
    assert set(_INVENTORY) - listed == set()
    assert set(_FULFILLMENT) - listed == set()
    assert {number for number in _OTHER if number > 9999} - listed == set()


def test_trading_keeps_to_the_schema() -> None:
    shop = Recorder(Scenario(order_lag_s=0))
    item_id, gone = shop.by_hand("A", 9, title="Krug & Tüte"), shop.by_hand("G")
    _, inventory_id = shop.publish("I", 3)
    rows = [{"sku": f"V-{size}", "quantity": 2, "price_minor": 900, "options": {"Größe": size}} for size in "SM"]
    varied = shop.sim.add_listing({"title": "Hemd", "variations": rows, "tracking": "SKU"})
    name = "<NameValueList><Name>Größe</Name><Value>S</Value></NameValueList>"
    item = (
        "<Title>Krug</Title><PrimaryCategory><CategoryID>88433</CategoryID></PrimaryCategory><Country>DE</Country>"
        "<Currency>EUR</Currency><ListingDuration>GTC</ListingDuration><UUID>0123456789ABCDEF0123456789ABCDEF</UUID>"
        f'<Variations><Variation><SKU>N</SKU><StartPrice currencyID="EUR">1.00</StartPrice><Quantity>2</Quantity>'
        f"<VariationSpecifics>{name}</VariationSpecifics></Variation></Variations>"
    )
    for _ in range(2):  # the second time its UUID is used up
        shop.trading("AddFixedPriceItem", f"<Item>{item}</Item>")
    shop.trading("ReviseFixedPriceItem", f"<Item><ItemID>{item_id}</ItemID><Title>Kanne</Title></Item>")
    shop.trading("ReviseFixedPriceItem", f"<Item><ItemID>{inventory_id}</ItemID><Title>Kanne</Title></Item>")
    shop.trading("EndFixedPriceItem", f"<ItemID>{gone}</ItemID><EndingReason>NotAvailable</EndingReason>")
    status = "".join(
        f"<InventoryStatus><ItemID>{each}</ItemID><Quantity>0</Quantity></InventoryStatus>" for each in (item_id, gone)
    )
    assert "PartialFailure" in shop.trading("ReviseInventoryStatus", "<MessageID>m</MessageID>" + status)
    shop.sim.set_stock("A", 9)
    paid, unpaid = shop.order(("A", 1), ("V-S", 1), shipping_minor=390), shop.order(("V-M", 1), pending=True)
    shop.order(("I", 1))
    shop.sim.request_cancel(shop.order(("A", 1)))
    details = "<ShipmentTrackingNumber>T1</ShipmentTrackingNumber><ShippingCarrierUsed>DHL</ShippingCarrierUsed>"
    shipment = f"<Shipment><ShipmentTrackingDetails>{details}</ShipmentTrackingDetails></Shipment>"
    shop.trading("CompleteSale", f"<OrderID>{paid}</OrderID>{shipment}<Shipped>true</Shipped>")
    for each in (item_id, gone, varied, inventory_id, "1"):
        shop.trading("GetItem", f"<ItemID>{each}</ItemID><DetailLevel>ReturnAll</DetailLevel>")
    times = (
        f"<EndTimeFrom>{iso_millis(START)}</EndTimeFrom><EndTimeTo>{iso_millis(START + timedelta(days=40))}</EndTimeTo>"
    )
    assert "<HasMoreItems>false" in shop.trading("GetSellerList", times + "<IncludeVariations>true</IncludeVariations>")
    found = shop.trading("GetOrders", "<NumberOfDays>1</NumberOfDays><OrderRole>Seller</OrderRole>")
    assert (f"<OrderID>{paid}<" in found, f"<OrderID>{unpaid}<" in found) == (True, True)
    assert "<ErrorCode>932<" in (shop.sim.gate.expire_tokens() or shop.trading("GetOrders"))
