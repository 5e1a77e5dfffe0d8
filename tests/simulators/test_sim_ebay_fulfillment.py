"""eBay simulator: Sell Fulfillment and Post-Order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.kernel.clock import iso_millis
from hub.loopback.faults import Fault, FaultKind
from hub.simulators.base import ControlError, Scenario
from tests.support.ebay_shop import START, EbayShop, error_ids

ORDERS = "/sell/fulfillment/v1/order"
LATER = timedelta(seconds=6)


@pytest.fixture
def shop() -> EbayShop:
    out = EbayShop()
    for sku in "ABC":
        out.by_hand(sku, 100, 1000)
    return out


def seen(shop: EbayShop, **query: Any) -> list[str]:
    return [order["orderId"] for order in shop.orders(**query)["orders"]]


def window(since: timedelta, until: timedelta | None = None) -> str:
    return f"lastmodifieddate:[{iso_millis(START + since)}..{'' if until is None else iso_millis(START + until)}]"


def ship(shop: EbayShop, order_id: str, lines: list[dict[str, Any]] | None = None, **more: Any) -> Any:
    body: dict[str, Any] = {"shippingCarrierCode": "DHL", "trackingNumber": "00340434161094021501", **more}
    if lines is not None:
        body["lineItems"] = lines
    return shop.rest("POST", f"{ORDERS}/{order_id}/shipping_fulfillment", body)


def test_an_order_carries_its_money_people_and_lines(shop: EbayShop) -> None:
    to = {"name": "Łucja Ø", "line1": "Weg 1", "city": "Köln", "postal_code": "50667", "country": "DE"}
    order_id = shop.order(("A", 2), ("B", 1), shipping_minor=490, service="DE_DPDClassic", ship_to=to)
    order = shop.rest("GET", f"{ORDERS}/{order_id}").json
    assert order_id == "12-00001-00001"
    pricing = order["pricingSummary"]
    assert (pricing["priceSubtotal"], pricing["deliveryCost"]) == (
        {"value": "30.00", "currency": "EUR"},
        {"value": "4.90", "currency": "EUR"},
    )
    assert pricing["total"] == {"value": "34.90", "currency": "EUR"}
    assert [(line["sku"], line["quantity"], line["lineItemCost"]["value"]) for line in order["lineItems"]] == [
        ("A", 2, "20.00"),
        ("B", 1, "10.00"),
    ]
    assert sum(float(line["total"]["value"]) for line in order["lineItems"]) == 34.9
    step = order["fulfillmentStartInstructions"][0]["shippingStep"]
    assert (step["shippingServiceCode"], step["shipTo"]["fullName"]) == ("DE_DPDClassic", "Łucja Ø")
    assert step["shipTo"]["contactAddress"]["postalCode"] == "50667"
    assert (order["orderFulfillmentStatus"], order["orderPaymentStatus"]) == ("NOT_STARTED", "PAID")
    assert order["creationDate"] == order["lastModifiedDate"] == "2026-11-22T12:00:00.000Z"
    assert shop.order_row(order_id)["total_minor"] == 3490


def test_tax_is_part_of_the_total_where_there_is_some() -> None:
    shop = EbayShop(Scenario(extra={"tax_percent": 10}))
    shop.by_hand("A", 5, 1000)
    pricing = shop.rest("GET", f"{ORDERS}/{shop.order(('A', 1), shipping_minor=100)}").json["pricingSummary"]
    assert (pricing["tax"]["value"], pricing["total"]["value"]) == ("1.00", "12.00")


def test_buyers_write_in_several_scripts_and_are_the_same_for_the_same_seed() -> None:
    def names(seed: int) -> list[str]:
        shop = EbayShop(Scenario(seed=seed))
        shop.by_hand("A", 100)
        for _ in range(30):
            shop.order(("A", 1))
        shop.clock.advance(LATER)
        orders = shop.orders()["orders"]
        return [order["fulfillmentStartInstructions"][0]["shippingStep"]["shipTo"]["fullName"] for order in orders]

    assert names(7) == names(7)
    assert len(set(names(7))) > 6
    assert any(ord(char) > 0x2FFF for name in names(7) for char in name)


def test_orders_become_visible_after_the_lag(shop: EbayShop) -> None:
    order_id = shop.order(("A", 1))
    assert seen(shop) == []
    assert shop.rest("GET", f"{ORDERS}/{order_id}").status_code == 200
    shop.clock.advance(timedelta(seconds=4))
    assert seen(shop) == []
    shop.clock.advance(timedelta(seconds=1))
    assert seen(shop) == [order_id]
    quick = EbayShop(Scenario(order_lag_s=0))
    quick.by_hand("A", 1)
    quick.order(("A", 1))
    assert len(seen(quick)) == 1


def test_unpaid_orders_do_not_appear_and_are_there_with_a_new_id_once_paid(shop: EbayShop) -> None:
    unpaid = shop.order(("A", 3), pending=True)
    shop.clock.advance(LATER)
    assert seen(shop) == seen(shop, orderIds=unpaid) == []
    assert shop.rest("GET", f"{ORDERS}/{unpaid}").status_code == 404
    assert shop.row("A")["quantity"] == 97
    shop.sim.pay_order(unpaid)
    row = shop.sim.ledger()["orders"][0]
    assert (row["payment"], row["order_id"] == unpaid, row["updated_at"]) == ("paid", False, "2026-11-22T12:00:06.000Z")
    assert seen(shop) == []
    shop.clock.advance(LATER)
    assert seen(shop) == [row["order_id"]]
    assert shop.row("A")["quantity"] == 97
    with pytest.raises(ControlError, match="not awaiting payment"):
        shop.sim.pay_order(unpaid)


def test_filters_windows_and_states(shop: EbayShop) -> None:
    first = shop.order(("A", 1))
    shop.clock.advance(timedelta(minutes=10))
    second = shop.order(("B", 2))
    shop.clock.advance(LATER)
    created = f"creationdate:[{iso_millis(START)}..{iso_millis(START + timedelta(minutes=5))}]"
    assert seen(shop, filter=created) == [first]
    assert seen(shop, filter=window(timedelta(minutes=5))) == [second]
    assert seen(shop, filter=window(timedelta(0), timedelta(minutes=10))) == [first, second]
    ship(shop, first)
    shop.clock.advance(LATER)
    open_ones = "orderfulfillmentstatus:{NOT_STARTED|IN_PROGRESS}"
    assert seen(shop, filter=open_ones) == [second]
    assert seen(shop, filter="orderfulfillmentstatus:{FULFILLED|IN_PROGRESS}") == [first]
    assert seen(shop, filter=f"{window(timedelta(0))},{open_ones}") == [second]
    assert seen(shop, filter=window(timedelta(minutes=5))) == [second, first]
    assert seen(shop, filter=f"{created},{window(timedelta(minutes=5))}") == [first]  # creationdate wins
    assert seen(shop, orderIds=f"{second},{first},12-99999-99999", filter="nonsense") == [second, first]
    shop.clock.advance(timedelta(days=91))
    shop.token = shop.mint().json["access_token"]
    assert seen(shop) == []
    assert len(seen(shop, filter=f"creationdate:[{iso_millis(START)}..]")) == 2


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"limit": "0"}, 31100),
        ({"limit": "201"}, 31100),
        ({"offset": "-1"}, 31000),
        ({"fieldGroups": "X"}, 32800),
        ({"filter": "modifieddate:[2026-11-22T00:00:00.000Z..]"}, 30700),
        ({"filter": "orderfulfillmentstatus:{DONE}"}, 30800),
        ({"filter": "creationdate:[yesterday..]"}, 30810),
        ({"filter": "creationdate:[2026-11-22T00:00:00.000Z]"}, 30820),
        ({"filter": "creationdate:[2020-11-22T00:00:00.000Z..]"}, 30830),
        ({"filter": "creationdate:[2026-11-22T10:00:00.000Z..2026-11-22T09:00:00.000Z]"}, 30840),
        ({"filter": "creationdate:[2026-11-23T10:00:00.000Z..]"}, 30850),
        ({"filter": "lastmodifieddate:[2026-11-22T10:00:00.000Z..2026-11-23T10:00:00.000Z]"}, 30850),
        ({"orderIds": ",".join(f"12-00000-{n:05d}" for n in range(51))}, 30900),
    ],
)
def test_bad_questions_are_refused_with_ebays_number(shop: EbayShop, query: dict[str, str], number: int) -> None:
    answer = shop.rest("GET", ORDERS, **query)
    assert (answer.status_code, error_ids(answer)) == (400, [number])


def test_pages_link_to_each_other(shop: EbayShop) -> None:
    ids = [shop.order(("A", 1)) for _ in range(5)]
    shop.clock.advance(LATER)
    page = shop.orders(limit=2, offset=2)
    assert (page["total"], page["limit"], page["offset"], len(page["orders"])) == (5, 2, 2, 2)
    assert page["next"].endswith("limit=2&offset=4")
    assert page["prev"].endswith("limit=2&offset=0")
    assert [order["orderId"] for order in page["orders"]] == ids[::-1][2:4]
    assert "next" not in shop.orders(limit=2, offset=4)
    assert len(seen(shop, limit=200)) == 5


def test_pages_shift_when_orders_change_while_somebody_pages(shop: EbayShop) -> None:
    ids = [shop.order(("A", 1)) for _ in range(4)]
    shop.clock.advance(LATER)
    open_end = window(timedelta(0))
    assert seen(shop, filter=open_end, limit=2) == ids[:2]
    ship(shop, ids[0])
    shop.clock.advance(LATER)
    # The shipped order moved to the end: the next offset skips the third.
    assert seen(shop, filter=open_end, limit=2, offset=2) == [ids[3], ids[0]]
    fixed_end = window(timedelta(0), timedelta(0))
    assert seen(shop, filter=fixed_end) == ids[1:]


def test_a_change_is_searchable_only_after_the_lag(shop: EbayShop) -> None:
    order_id = shop.order(("A", 1))
    shop.clock.advance(timedelta(minutes=5))
    shop.sim.request_cancel(order_id)
    assert seen(shop, filter=window(timedelta(minutes=1))) == []
    assert seen(shop, filter=window(timedelta(0))) == [order_id]
    shop.clock.advance(LATER)
    assert seen(shop, filter=window(timedelta(minutes=1))) == [order_id]


def test_page_faults_double_or_shuffle_the_page(shop: EbayShop) -> None:
    ids = [shop.order(("A", 1)) for _ in range(6)]
    shop.clock.advance(LATER)
    shop.sim.plan.arm(Fault(kinds=(FaultKind.DUPLICATE_PAGE,), operation="getOrders"))
    assert sorted(seen(shop)) == sorted(ids * 2)
    shop.sim.plan.clear()
    shop.sim.plan.arm(Fault(kinds=(FaultKind.SHUFFLE_PAGE,), operation="getOrders"))
    shuffled = seen(shop)
    assert (sorted(shuffled), shuffled != ids[::-1]) == (sorted(ids), True)
    assert seen(shop) == ids[::-1]


def test_cancel_requests_are_told_by_get_order_alone(shop: EbayShop) -> None:
    order_id = shop.order(("A", 1))
    shop.sim.request_cancel(order_id)
    shop.clock.advance(LATER)
    listed = shop.orders()["orders"][0]["cancelStatus"]
    assert listed == {"cancelState": "IN_PROGRESS", "cancelRequests": []}
    request = shop.rest("GET", f"{ORDERS}/{order_id}").json["cancelStatus"]["cancelRequests"][0]
    assert (request["cancelInitiator"], request["cancelRequestState"]) == ("BUYER", "REQUESTED")
    assert shop.order_row(order_id)["cancellation"] == "requested"


def test_shipping_twice_makes_two_parcels(shop: EbayShop) -> None:
    order_id = shop.order(("A", 2))
    answers = [ship(shop, order_id) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    ids = [answer.headers["Location"].rpartition("/")[2] for answer in answers]
    assert len(set(ids)) == 2
    assert answers[0].headers["Location"].endswith(f"{ORDERS}/{order_id}/shipping_fulfillment/{ids[0]}")
    found = shop.rest("GET", f"{ORDERS}/{order_id}/shipping_fulfillment").json
    assert (found["total"], [each["fulfillmentId"] for each in found["fulfillments"]]) == (2, ids)
    one = shop.rest("GET", f"{ORDERS}/{order_id}/shipping_fulfillment/{ids[1]}").json
    line_id = shop.order_row(order_id)["lines"][0]["line_id"]
    assert one == {
        "fulfillmentId": ids[1], "shipmentTrackingNumber": "00340434161094021501", "shippingCarrierCode": "DHL",
        "shippedDate": "2026-11-22T12:00:00.000Z", "lineItems": [{"lineItemId": line_id, "quantity": 2}],
    }  # fmt: skip
    assert len(shop.order_row(order_id)["shipments"]) == 2
    assert shop.order_row(order_id)["lines"][0]["shipped"] == 2
    assert shop.rest("GET", f"{ORDERS}/{order_id}/shipping_fulfillment/1").status_code == 404


def test_part_of_an_order_can_be_shipped(shop: EbayShop) -> None:
    order_id = shop.order(("A", 3), ("B", 1))
    first, second = shop.order_row(order_id)["lines"]
    assert ship(shop, order_id, [{"lineItemId": first["line_id"], "quantity": 2}]).status_code == 201
    order = shop.rest("GET", f"{ORDERS}/{order_id}").json
    states = [line["lineItemFulfillmentStatus"] for line in order["lineItems"]]
    assert (order["orderFulfillmentStatus"], states) == ("IN_PROGRESS", ["IN_PROGRESS", "NOT_STARTED"])
    assert len(order["fulfillmentHrefs"]) == 1
    ship(shop, order_id, [{"lineItemId": first["line_id"]}, {"lineItemId": second["line_id"]}])
    assert shop.rest("GET", f"{ORDERS}/{order_id}").json["orderFulfillmentStatus"] == "FULFILLED"


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"trackingNumber": "AB 12-3"}, 32300),
        ({"trackingNumber": ""}, 32300),
        ({"shippingCarrierCode": ""}, 32300),
        ({"shippedDate": "gestern"}, 32500),
        ({"shippedDate": "2026-11-23T12:00:00.000Z"}, 32500),
        ({"lineItems": [{"lineItemId": "1", "quantity": 1}]}, 32200),
        ({"lineItems": [{"lineItemId": "LINE", "quantity": 3}]}, 32600),
        ({"lineItems": [{"lineItemId": "LINE", "quantity": 0}]}, 32600),
        ({"lineItems": [{"lineItemId": "LINE"}, {"lineItemId": "LINE"}]}, 32210),
        ({"lineItems": []}, 32600),
    ],
)
def test_bad_parcels_are_refused(shop: EbayShop, change: dict[str, Any], number: int) -> None:
    order_id = shop.order(("A", 2))
    line_id = shop.order_row(order_id)["lines"][0]["line_id"]
    for line in change.get("lineItems", []):
        line["lineItemId"] = line_id if line["lineItemId"] == "LINE" else line["lineItemId"]
    answer = ship(shop, order_id, **change)
    assert (answer.status_code, error_ids(answer)) == (400, [number])
    assert shop.order_row(order_id)["shipments"] == []


def test_an_unknown_order_cannot_be_shipped_and_a_cancelled_one_neither(shop: EbayShop) -> None:
    assert (ship(shop, "12-1-1").status_code, error_ids(ship(shop, "12-1-1"))) == (400, [32100])
    order_id = shop.order(("A", 1))
    shop.sim.cancel_order(order_id)
    assert ship(shop, order_id).status_code == 409


def test_shipping_turns_a_wish_to_cancel_down(shop: EbayShop) -> None:
    order_id = shop.order(("A", 1))
    shop.sim.request_cancel(order_id)
    ship(shop, order_id)
    status = shop.rest("GET", f"{ORDERS}/{order_id}").json["cancelStatus"]
    assert (status["cancelState"], status["cancelRequests"][0]["cancelRequestState"]) == ("NONE_REQUESTED", "REJECTED")
    with pytest.raises(ControlError):
        shop.sim.cancel_order(order_id)


def test_a_cancelled_order_puts_its_units_back_and_is_refunded(shop: EbayShop) -> None:
    order_id = shop.order(("A", 3), ("B", 1))
    assert shop.row("A")["quantity"] == 97
    shop.sim.cancel_order(order_id)
    assert (shop.row("A")["quantity"], shop.row("B")["quantity"]) == (100, 100)
    order = shop.rest("GET", f"{ORDERS}/{order_id}").json
    assert (order["cancelStatus"]["cancelState"], order["orderPaymentStatus"]) == ("CANCELED", "FULLY_REFUNDED")
    assert order["paymentSummary"]["refunds"][0]["amount"]["value"] == "40.00"
    row = shop.order_row(order_id)
    assert (row["payment"], row["cancellation"], [line["quantity"] for line in row["lines"]]) == (
        "refunded",
        "cancelled",
        [0, 0],
    )
    with pytest.raises(ControlError, match="already cancelled"):
        shop.sim.cancel_order(order_id)
    unpaid = shop.order(("A", 5), pending=True)
    shop.sim.cancel_order(unpaid)
    assert shop.row("A")["quantity"] == 100
    assert shop.order_row(unpaid)["payment"] == "pending"


def test_orders_are_not_edited(shop: EbayShop) -> None:
    with pytest.raises(ControlError, match="not edited"):
        shop.sim.amend_order(shop.order(("A", 1)), {})


def test_a_buyer_takes_only_what_is_there(shop: EbayShop) -> None:
    shop.sim.set_stock("A", 1)
    for lines in ([("A", 2)], [("A", 1), ("A", 1)], [("Z", 1)], [], [("A", 0)]):
        with pytest.raises(ControlError):
            shop.order(*lines)
    assert shop.row("A")["quantity"] == 1
    shop.order(("A", 5), force=True)
    assert shop.row("A")["quantity"] == 0
    with pytest.raises(ControlError):
        shop.sim.set_stock("Z", 1)


def test_two_changes_never_share_a_modification_time(shop: EbayShop) -> None:
    order_id = shop.order(("A", 2))
    times = [shop.order_row(order_id)["updated_at"]]
    for _ in range(3):
        ship(shop, order_id)
        times.append(shop.order_row(order_id)["updated_at"])
    assert times == sorted(set(times))


CANCEL = "/post-order/v2/cancellation"


def test_the_seller_cancels_through_post_order(shop: EbayShop) -> None:
    order_id = shop.order(("A", 2))
    check = shop.rest("POST", f"{CANCEL}/check_eligibility", {"legacyOrderId": order_id}).json
    assert (check["eligible"], check["legacyOrderId"]) == (True, order_id)
    assert "OUT_OF_STOCK_OR_CANNOT_FULFILL" in check["eligibleCancelReason"]
    body = {"legacyOrderId": order_id, "cancelReason": "OUT_OF_STOCK_OR_CANNOT_FULFILL"}
    cancel_id = shop.rest("POST", CANCEL, body).json["cancelId"]
    assert shop.row("A")["quantity"] == 100
    detail = shop.rest("GET", f"{CANCEL}/{cancel_id}").json["cancelDetail"]
    assert (detail["cancelState"], detail["requestorType"], detail["legacyOrderId"]) == ("CLOSED", "SELLER", order_id)
    again = shop.rest("POST", CANCEL, body).json
    assert again["orderEligibilityResult"]["failureReason"] == ["CANCELLATION_EXIST"]
    assert len(shop.rest("GET", f"{ORDERS}/{order_id}").json["cancelStatus"]["cancelRequests"]) == 1
    assert shop.rest("POST", CANCEL, body | {"legacyOrderId": "x"}).status_code == 404
    other = shop.order(("A", 1))
    assert shop.rest("POST", CANCEL, {"legacyOrderId": other, "cancelReason": "ORDER_UNPAID"}).status_code == 400


def test_a_buyers_wish_is_approved_or_rejected(shop: EbayShop) -> None:
    first, second = shop.order(("A", 1)), shop.order(("B", 1))
    ids = []
    for order_id in (first, second):
        shop.sim.request_cancel(order_id)
        order = shop.rest("GET", f"{ORDERS}/{order_id}").json
        ids.append(order["cancelStatus"]["cancelRequests"][0]["cancelRequestId"])
    check = shop.rest("POST", f"{CANCEL}/check_eligibility", {"legacyOrderId": first}).json
    assert (check["eligible"], check["failureReason"]) == (False, ["CANCELLATION_EXIST"])
    assert shop.rest("POST", f"{CANCEL}/{ids[0]}/approve").status_code == 200
    assert shop.rest("POST", f"{CANCEL}/{ids[1]}/reject", {"reason": "SHIPPED"}).status_code == 200
    assert [shop.order_row(order_id)["cancellation"] for order_id in (first, second)] == ["cancelled", "none"]
    assert (shop.row("A")["quantity"], shop.row("B")["quantity"]) == (100, 99)
    assert shop.rest("POST", f"{CANCEL}/{ids[0]}/approve").status_code == 409
    assert shop.rest("POST", f"{CANCEL}/1/approve").status_code == 404
    with pytest.raises(ControlError):
        shop.sim.request_cancel(first)
