"""Orders of the simulated Amazon: what a reader sees when, search rules, paging, cancellation, shipment confirmation."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from hub.loopback.faults import Fault, FaultKind
from hub.simulators.base import ControlError
from tests.support.amazon_shop import Shop, errors, open_shop

LAG = 120


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop(enforce_limits=False) as shop:
        shop.list(quantity=50)
        yield shop


def ids(answer: Any) -> list[str]:
    return [order["orderId"] for order in answer.json()["orders"]]


def status(shop: Shop, order_id: str) -> str:
    return str(shop.get_order(order_id)["fulfillment"]["fulfillmentStatus"])


# ---------------------------------------------------------------- visibility


def test_an_order_is_visible_only_after_two_minutes_and_so_is_each_change(shop: Shop) -> None:
    order_id = shop.order(pending=True)
    placed = shop.ago(0)
    shop.wait(LAG - 1)
    assert ids(shop.search()) == []
    assert errors(shop.call("GET", f"/orders/2026-01-01/orders/{order_id}")) == (404, "NotFound")
    shop.wait(1)
    assert ids(shop.search()) == [order_id]
    shop.sim.pay_order(order_id)
    paid = shop.ago(0)
    shop.wait(LAG - 1)
    assert (status(shop, order_id), shop.get_order(order_id)["lastUpdatedTime"]) == ("PENDING", placed)
    shop.wait(1)
    assert (status(shop, order_id), shop.get_order(order_id)["lastUpdatedTime"]) == ("UNSHIPPED", paid)
    assert shop.get_order(order_id)["createdTime"] == placed


def test_the_scenario_sets_the_lag() -> None:
    with open_shop(order_lag_s=0) as shop:
        shop.list()
        order_id = shop.order(pending=True)
        assert ids(shop.search()) == [order_id]
        shop.sim.pay_order(order_id)
        assert status(shop, order_id) == "UNSHIPPED"


def test_two_changes_in_one_instant_have_different_times() -> None:
    with open_shop(order_lag_s=0) as shop:
        shop.list()
        order_id = shop.order(pending=True)
        first = shop.get_order(order_id)["lastUpdatedTime"]
        shop.sim.pay_order(order_id)
        assert (first, shop.get_order(order_id)["lastUpdatedTime"]) == (
            "2026-11-22T09:00:00.000Z",
            "2026-11-22T09:00:00.001Z",
        )


def test_the_answer_says_up_to_when_it_is_complete(shop: Shop) -> None:
    assert shop.search().json()["lastUpdatedBefore"] == shop.ago(LAG)
    bounded = shop.search(lastUpdatedAfter=shop.ago(900), lastUpdatedBefore=shop.ago(300)).json()
    assert bounded["lastUpdatedBefore"] == shop.ago(300)
    created = shop.search(createdAfter=shop.ago(900)).json()
    assert created["createdBefore"] == shop.ago(LAG)


# ---------------------------------------------------------------- search rules


def test_exactly_one_after_is_required(shop: Shop) -> None:
    path = "/orders/2026-01-01/orders"
    assert errors(shop.call("GET", path)) == (400, "InvalidInput")
    assert errors(shop.search(createdAfter=shop.ago(900), lastUpdatedAfter=shop.ago(900))) == (400, "InvalidInput")
    assert errors(shop.call("GET", path, params={"createdBefore": shop.ago(900)})) == (400, "InvalidInput")


@pytest.mark.parametrize(
    "params",
    [
        {"lastUpdatedAfter": "yesterday"},
        {"lastUpdatedAfter": "2026-11-22T08:00:00"},
        {"lastUpdatedAfter": "2026-11-22T08:00:00Z", "createdBefore": "2026-11-22T08:30:00Z"},
        {"createdAfter": "2026-11-22T08:00:00Z", "lastUpdatedBefore": "2026-11-22T08:30:00Z"},
        {"lastUpdatedAfter": "2026-11-22T08:00:00Z", "maxResultsPerPage": "0"},
        {"lastUpdatedAfter": "2026-11-22T08:00:00Z", "maxResultsPerPage": "101"},
        {"lastUpdatedAfter": "2026-11-22T08:00:00Z", "maxResultsPerPage": "ten"},
        {"lastUpdatedAfter": "2026-11-22T08:00:00Z", "includedData": "BUYER,EVERYTHING"},
        {"lastUpdatedAfter": "2026-11-22T08:00:00Z", "fulfillmentStatuses": "Shipped"},
        {"lastUpdatedAfter": "2026-11-22T08:00:00Z", "fulfilledBy": "ME"},
        {"lastUpdatedAfter": "2026-11-22T08:00:00Z", "marketplaceIds": ",".join(f"M{n}" for n in range(51))},
        {"paginationToken": "garbage"},
        {"paginationToken": "e30"},
    ],
)
def test_parameters_outside_the_rules_are_bad_input(shop: Shop, params: dict[str, str]) -> None:
    assert errors(shop.search(**params)) == (400, "InvalidInput")


def test_before_is_at_least_two_minutes_old_and_not_before_after(shop: Shop) -> None:
    after = shop.ago(900)
    assert errors(shop.search(lastUpdatedAfter=after, lastUpdatedBefore=shop.ago(119))) == (400, "InvalidInput")
    assert shop.search(lastUpdatedAfter=after, lastUpdatedBefore=shop.ago(120)).status_code == 200
    assert shop.search(lastUpdatedAfter=after, lastUpdatedBefore=after).status_code == 200
    assert errors(shop.search(lastUpdatedAfter=after, lastUpdatedBefore=shop.ago(901))) == (400, "InvalidInput")
    assert errors(shop.search(createdAfter=after, createdBefore=shop.ago(60))) == (400, "InvalidInput")


def test_both_windows_include_their_edges(shop: Shop) -> None:
    order_id = shop.order()
    at = shop.ago(0)
    shop.wait(600)
    for name in ("lastUpdated", "created"):
        assert ids(shop.search(**{f"{name}After": at, f"{name}Before": at})) == [order_id]
        assert ids(shop.search(**{f"{name}After": shop.ago(599.999)})) == []
        assert ids(shop.search(**{f"{name}After": shop.ago(900), f"{name}Before": shop.ago(600.001)})) == []


def test_filters_by_state_store_and_fulfiller(shop: Shop) -> None:
    pending, open_order = shop.order(pending=True), shop.order()
    shop.wait(LAG)
    assert ids(shop.search(fulfillmentStatuses="PENDING,SHIPPED")) == [pending]
    assert ids(shop.search(fulfillmentStatuses="UNSHIPPED")) == [open_order]
    assert sorted(ids(shop.search(marketplaceIds=f"ATVPDKIKX0DER,{shop.store}"))) == sorted([pending, open_order])
    assert ids(shop.search(marketplaceIds="ATVPDKIKX0DER")) == []
    assert ids(shop.search(fulfilledBy="AMAZON")) == []
    assert len(ids(shop.search(fulfilledBy="MERCHANT,AMAZON"))) == 2


def test_included_data_decides_which_blocks_come(shop: Shop) -> None:
    order_id = shop.order()
    shop.wait(LAG)
    always = {"orderId", "createdTime", "lastUpdatedTime", "programs", "salesChannel", "orderItems"}
    assert set(shop.get_order(order_id, "")) == always
    assert set(shop.get_order(order_id, "BUYER,RECIPIENT")) == always | {"buyer", "recipient"}
    assert set(shop.get_order(order_id)) == always | {
        "buyer", "recipient", "proceeds", "fulfillment", "packages", "payment", "tax", "fulfillmentOrders",
    }  # fmt: skip
    (bare,) = shop.get_order(order_id, "")["orderItems"]
    assert set(bare) == {"orderItemId", "quantityOrdered", "product"}
    (whole,) = shop.get_order(order_id, "FULFILLMENT,PROCEEDS")["orderItems"]
    assert whole["fulfillment"] == {"quantityFulfilled": 0, "quantityUnfulfilled": 1}
    assert whole["proceeds"]["proceedsTotal"] == {"amount": "12.99", "currencyCode": "EUR"}
    (searched,) = shop.search(includedData="PACKAGES").json()["orders"]
    assert set(searched) == always | {"packages"}


def test_data_without_a_role_stays_away() -> None:
    with open_shop(order_lag_s=0, extra={"withheld": ["RECIPIENT", "BUYER"]}) as shop:
        shop.list()
        assert not {"buyer", "recipient"} & set(shop.get_order(shop.order()))


# ---------------------------------------------------------------- paging


def test_pages_follow_one_another_without_gap_or_repeat(shop: Shop) -> None:
    placed = []
    for _ in range(7):
        placed.append(shop.order())
        shop.wait(1)
    shop.wait(LAG)
    seen, params = [], {"maxResultsPerPage": 3}
    while params:
        answer = shop.search(**params)
        seen += [ids(answer)]
        token = answer.json().get("pagination", {}).get("nextToken")
        params = {"paginationToken": token} if token else {}
    assert [len(page) for page in seen] == [3, 3, 1]
    assert sum(seen, []) == placed  # noqa: RUF017


@pytest.mark.parametrize("by", ["lastUpdatedAfter", "createdAfter"])
def test_a_token_goes_on_reading_the_moment_the_search_began(shop: Shop, by: str) -> None:
    placed = [shop.order(pending=True) for _ in range(4)]
    shop.wait(LAG)
    expected = {order["orderId"]: order for order in shop.search(includedData="FULFILLMENT").json()["orders"]}
    since = shop.ago(3600)
    first = shop.search(**{by: since, "maxResultsPerPage": 2, "includedData": "FULFILLMENT"})
    for order_id in placed:  # every order moves, one appears
        shop.sim.pay_order(order_id)
    shop.order()
    shop.wait(1800)
    token = first.json()["pagination"]["nextToken"]
    second = shop.search(paginationToken=token, **{by: since, "maxResultsPerPage": 2})
    assert "pagination" not in second.json()
    assert second.json().get("lastUpdatedBefore") == first.json().get("lastUpdatedBefore")
    orders = first.json()["orders"] + second.json()["orders"]
    assert {order["orderId"]: order for order in orders} == expected


def test_a_page_token_lives_for_a_day(shop: Shop) -> None:
    for _ in range(2):
        shop.order()
    shop.wait(LAG)
    token = shop.search(maxResultsPerPage=1).json()["pagination"]["nextToken"]
    shop.wait(86_400)
    shop.token = ""
    assert shop.search(paginationToken=token).status_code == 200
    shop.wait(1)
    assert errors(shop.search(paginationToken=token)) == (400, "InvalidInput")


def test_page_faults_repeat_or_shuffle_the_orders_of_a_page(shop: Shop) -> None:
    placed = [shop.order() for _ in range(8)]
    shop.wait(LAG)
    straight = ids(shop.search())
    assert sorted(straight) == sorted(placed)
    shop.sim.plan.arm(Fault(kinds=(FaultKind.DUPLICATE_PAGE,), operation="searchOrders"))
    assert ids(shop.search()) == straight + straight
    shop.sim.plan.arm(Fault(kinds=(FaultKind.SHUFFLE_PAGE,), operation="searchOrders"))
    shuffled = ids(shop.search())
    assert shuffled != straight
    assert sorted(shuffled) == sorted(straight)
    assert ids(shop.search()) == straight


# ---------------------------------------------------------------- money and people


def test_the_total_is_items_and_shipping_and_tax() -> None:
    with open_shop(order_lag_s=0, extra={"tax_percent": 19}) as shop:
        shop.list("A", price_minor=1299)
        shop.list("B", price_minor=333)
        order_id = shop.order(("A", 2), ("B", 1), shipping_minor=499)
        proceeds = shop.get_order(order_id)["proceeds"]
        parts = {part["type"]: Decimal(part["subtotal"]["amount"]) for part in proceeds["breakdowns"]}
        assert parts == {"ITEM": Decimal("29.31"), "SHIPPING": Decimal("4.99"), "TAX": Decimal("6.52")}
        assert proceeds["grandTotal"] == {"amount": "40.82", "currencyCode": "EUR"}
        items = shop.get_order(order_id)["orderItems"]
        assert [item["product"]["price"]["unitPrice"]["amount"] for item in items] == ["12.99", "3.33"]
        assert sum(Decimal(item["proceeds"]["proceedsTotal"]["amount"]) for item in items) == Decimal("40.82")
        assert shop.sim.ledger()["orders"][0]["total_minor"] == 4082


def test_a_currency_without_decimals_has_none() -> None:
    with open_shop(order_lag_s=0, credentials={"marketplace_id": "A1VC38T7YXB528"}) as shop:
        shop.list(price_minor=1500)
        assert shop.get_order(shop.order())["proceeds"]["grandTotal"] == {"amount": "1500", "currencyCode": "JPY"}


def test_a_pending_order_has_neither_price_nor_people(shop: Shop) -> None:
    order_id = shop.order(pending=True)
    shop.wait(LAG)
    order = shop.get_order(order_id)
    assert order["fulfillment"]["fulfillmentStatus"] == "PENDING"
    assert not {"buyer", "recipient", "proceeds", "payment"} & set(order)
    assert "price" not in order["orderItems"][0]["product"]
    assert "proceeds" not in order["orderItems"][0]


def test_buyers_come_in_several_scripts_with_an_alias_for_their_mail(shop: Shop) -> None:
    made = [shop.order() for _ in range(40)]
    shop.wait(LAG)
    orders = [shop.get_order(order_id, "BUYER,RECIPIENT") for order_id in made]
    names = "".join(order["buyer"]["buyerName"] for order in orders)
    assert {"ü", "Γ", "ส"} <= set(names)
    assert all(order["buyer"]["buyerEmail"].endswith("@marketplace.amazon.de") for order in orders)
    assert all({"name", "addressLine1", "city", "postalCode"} <= set(o["recipient"]["deliveryAddress"]) for o in orders)


def test_the_caller_may_fix_buyer_and_address(shop: Shop) -> None:
    order_id = shop.order(
        buyer={"name": "Ada"}, ship_to={"line1": "1 Row", "city": "York", "postal_code": "Y1", "country": "GB"}
    )
    shop.wait(LAG)
    order = shop.get_order(order_id)
    assert order["buyer"]["buyerName"] == "Ada"
    assert order["recipient"]["deliveryAddress"] == {
        "name": "Ada", "addressLine1": "1 Row", "city": "York", "postalCode": "Y1", "countryCode": "GB",
    }  # fmt: skip


# ---------------------------------------------------------------- the shop's stock


def test_a_buyer_lowers_the_stock_at_once_and_a_cancellation_gives_it_back(shop: Shop) -> None:
    pending = shop.order(("SKU-1", 3), pending=True)
    assert shop.stock("SKU-1") == 47
    assert shop.item("SKU-1")["fulfillmentAvailability"] == [{"fulfillmentChannelCode": "DEFAULT", "quantity": 47}]
    shop.sim.cancel_order(pending)
    assert shop.stock("SKU-1") == 50
    with pytest.raises(ControlError):
        shop.sim.cancel_order(pending)


def test_shipped_units_do_not_come_back(shop: Shop) -> None:
    order_id = shop.order(("SKU-1", 3))
    (item_id,) = shop.item_ids(order_id)
    assert shop.confirm(order_id, [(item_id, 1)]).status_code == 204
    shop.sim.cancel_order(order_id)
    assert shop.stock("SKU-1") == 49
    (row,) = shop.sim.ledger()["orders"]
    assert row["lines"] == [{"line_id": item_id, "sku": "SKU-1", "quantity": 1, "shipped": 1}]
    shop.wait(LAG)
    assert status(shop, order_id) == "SHIPPED"


def test_what_is_not_on_sale_or_sold_out_cannot_be_bought(shop: Shop) -> None:
    shop.list("LAST", quantity=1)
    with pytest.raises(ControlError, match="not on sale"):
        shop.order(("UNKNOWN", 1))
    with pytest.raises(ControlError, match="1 left"):
        shop.order(("SKU-1", 1), ("LAST", 2))
    assert (shop.stock("SKU-1"), shop.stock("LAST"), shop.sim.ledger()["orders"]) == (50, 1, [])
    shop.order(("LAST", 2), force=True)
    assert shop.stock("LAST") == 0
    with pytest.raises(ControlError):
        shop.sim.amend_order("x", {})


# ---------------------------------------------------------------- cancellation


def test_a_cancellation_request_sits_on_the_items_and_changes_nothing_else(shop: Shop) -> None:
    order_id = shop.order()
    shop.sim.request_cancel(order_id)
    shop.wait(LAG)
    order = shop.get_order(order_id)
    assert order["orderItems"][0]["cancellation"] == {
        "cancellationRequest": {"requester": "BUYER", "cancelReason": "ORDERED_BY_MISTAKE"}
    }
    assert order["fulfillment"]["fulfillmentStatus"] == "UNSHIPPED"
    assert shop.sim.ledger()["orders"][0]["cancellation"] == "requested"
    assert shop.stock("SKU-1") == 49


def test_a_cancelled_order_says_who_and_keeps_what_was_ordered(shop: Shop) -> None:
    order_id = shop.order(("SKU-1", 2))
    shop.sim.cancel_order(order_id)
    shop.wait(LAG)
    order = shop.get_order(order_id)
    (item,) = order["orderItems"]
    assert order["fulfillment"]["fulfillmentStatus"] == "CANCELLED"
    assert item["cancellation"]["cancellationExecution"] == {
        "cancelledBy": "BUYER",
        "cancelReason": "CUSTOMER_CANCELLED",
    }
    assert (item["quantityOrdered"], item["fulfillment"]) == (2, {"quantityFulfilled": 0, "quantityUnfulfilled": 0})
    row = shop.sim.ledger()["orders"][0]
    assert (row["cancellation"], row["lines"][0]["quantity"]) == ("cancelled", 0)


# ---------------------------------------------------------------- confirmShipment


def test_packages_fill_the_order_until_it_is_shipped(shop: Shop) -> None:
    order_id = shop.order(("SKU-1", 3))
    (item_id,) = shop.item_ids(order_id)
    answer = shop.confirm(order_id, [(item_id, 1)], shippingMethod="Paket")
    assert (answer.status_code, answer.content) == (204, b"")
    shop.wait(LAG)
    order = shop.get_order(order_id)
    assert order["fulfillment"]["fulfillmentStatus"] == "PARTIALLY_SHIPPED"
    assert order["orderItems"][0]["fulfillment"] == {"quantityFulfilled": 1, "quantityUnfulfilled": 2}
    assert order["packages"] == [
        {
            "packageReferenceId": "1", "createdTime": "2026-11-22T09:00:00.000Z", "packageStatus": {"status": "SHIPPED"},
            "carrier": "DHL", "shipTime": "2026-11-22T09:00:00.000Z", "shippingService": "Paket",
            "trackingNumber": "JD014600003", "packageItems": [{"orderItemId": item_id, "quantity": 1}],
        }
    ]  # fmt: skip
    other = {"packageReferenceId": "2", "carrierCode": "Other", "carrierName": "Bote", "trackingNumber": "X"}
    assert shop.confirm(order_id, [(item_id, 2)], **other).status_code == 204
    shop.wait(LAG)
    assert status(shop, order_id) == "SHIPPED"
    assert shop.sim.ledger()["orders"][0]["shipments"] == [
        {"shipment_id": "1", "tracking": "JD014600003", "carrier": "DHL", "lines": {item_id: 1}},
        {"shipment_id": "2", "tracking": "X", "carrier": "Bote", "lines": {item_id: 2}},
    ]


def test_the_same_package_reference_edits_that_package(shop: Shop) -> None:
    order_id = shop.order(("SKU-1", 2))
    (item_id,) = shop.item_ids(order_id)
    for _ in range(2):  # a repeated call doubles nothing
        assert shop.confirm(order_id, [(item_id, 2)]).status_code == 204
    versions = len(shop.sim.orders.get(order_id).versions)
    assert versions == 2
    assert shop.confirm(order_id, [(item_id, 2)], trackingNumber="NEW").status_code == 204
    (shipment,) = shop.sim.ledger()["orders"][0]["shipments"]
    assert (shipment["tracking"], shipment["lines"]) == ("NEW", {item_id: 2})
    assert shop.confirm(order_id, [(item_id, 1)], trackingNumber="NEW").status_code == 204
    assert shop.sim.ledger()["orders"][0]["lines"][0]["shipped"] == 1


@pytest.mark.parametrize(
    "detail",
    [
        {"packageReferenceId": "0"},
        {"packageReferenceId": "-1"},
        {"packageReferenceId": "A1"},
        {"packageReferenceId": 1},
        {"packageReferenceId": None},
        {"carrierCode": "Other"},
        {"carrierCode": None},
        {"trackingNumber": ""},
        {"shipDate": "tomorrow"},
        {"orderItems": []},
        {"orderItems": [{"orderItemId": "60000000000001", "quantity": 0}]},
        {"orderItems": [{"orderItemId": "60000000000001", "quantity": "1"}]},
        {"orderItems": [{"orderItemId": "60000000000001", "quantity": 3}]},
        {"orderItems": [{"orderItemId": "60000000000001", "quantity": 2}, {"orderItemId": "60000000000001", "quantity": 1}]},
        {"orderItems": [{"orderItemId": "60000000000009", "quantity": 1}]},
    ],
)  # fmt: skip
def test_a_confirmation_that_cannot_be_is_bad_input_and_ships_nothing(shop: Shop, detail: dict[str, Any]) -> None:
    order_id = shop.order(("SKU-1", 2))
    assert errors(shop.confirm(order_id, [("60000000000001", 1)], **detail)) == (400, "InvalidInput")
    assert shop.sim.ledger()["orders"][0]["shipments"] == []


def test_orders_that_cannot_ship_are_refused(shop: Shop) -> None:
    cancelled, pending = shop.order(), shop.order(pending=True)
    plus = shop.order(service="FBM_SHIP_PLUS")
    shop.sim.cancel_order(cancelled)
    for order_id in (cancelled, pending, plus):
        assert errors(shop.confirm(order_id, [(shop.item_ids(order_id)[0], 1)])) == (400, "InvalidInput")
    assert errors(shop.confirm("1-2-3", [("1", 1)])) == (404, "NotFound")
    shipped = shop.order()
    (item_id,) = shop.item_ids(shipped)
    shop.confirm(shipped, [(item_id, 1)])
    assert errors(shop.confirm(shipped, [(item_id, 1)], packageReferenceId="2")) == (400, "InvalidInput")
    body = {"marketplaceId": "ATVPDKIKX0DER", "packageDetail": {}}
    answer = shop.call("POST", f"/orders/v0/orders/{shipped}/shipmentConfirmation", body=body)
    assert errors(answer) == (400, "InvalidInput")
