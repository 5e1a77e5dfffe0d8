"""Pulling and reading orders: nothing is lost while pages shift, nothing unreadable stops the others."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ebay_desk import NOW, Seen, Shop, open_shop
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.contract import (
    AdapterBug,
    Address,
    Buyer,
    CancellationState,
    ChannelOrderLine,
    ChannelShipment,
    FulfilmentState,
    InvalidData,
    Missing,
    OrderPage,
    OrderTotals,
    PaymentState,
)
from hub.channels.ebay.order_reading import read_order
from hub.channels.ebay.orders import Cursor, window
from hub.kernel.money import Money

GOLDEN = Path(__file__).parent / "golden"
ORDERS = "/sell/fulfillment/v1/order"


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text("utf-8"))


def plain(order_id: str, **more: Any) -> dict[str, Any]:
    order: dict[str, Any] = golden("order.json")
    order |= {"orderId": order_id, "orderFulfillmentStatus": "NOT_STARTED", **more}
    return order


class Window:
    """eBay's result set of one window: what leaves it moves everything behind it up."""

    def __init__(self, *order_ids: str) -> None:
        self.rows = [plain(one) for one in order_ids]
        self.leave_before_call: dict[int, str] = {}
        self.calls = 0

    def __call__(self, seen: Seen) -> tuple[int, Any]:
        gone = self.leave_before_call.get(self.calls)
        self.rows = [row for row in self.rows if row["orderId"] != gone]
        self.calls += 1
        offset, limit = int(seen.query["offset"]), int(seen.query["limit"])
        page = self.rows[offset : offset + limit]
        return 200, {"orders": page, "total": len(self.rows), "limit": limit, "offset": offset}


def pages(shop: Shop, limit: int, cursor: str | None = None) -> list[OrderPage]:
    found = [shop.adapter.pull_orders(cursor, limit=limit)]
    while found[-1].has_more:
        assert len(found) < 60
        found.append(shop.adapter.pull_orders(found[-1].cursor, limit=limit))
    return found


def ids(found: list[OrderPage]) -> list[str]:
    return [order.order_id for page in found for order in page.orders]


def test_the_golden_order_reads_field_by_field() -> None:
    order = read_order(golden("order.json"), golden("fulfillments.json")["fulfillments"])
    assert order.order_id == order.display_id == "12-00001-00001"
    assert order.placed_at == datetime(2026, 11, 20, 0, 1, tzinfo=UTC)
    assert order.updated_at == datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
    assert (order.payment, order.fulfilment) == (PaymentState.PAID, FulfilmentState.PARTIAL)
    assert order.cancellation is CancellationState.NONE
    assert order.totals == OrderTotals(
        total=eur(3400), items=eur(3100), shipping=eur(490), tax=eur(0), discount=eur(190)
    )
    assert order.lines == (
        ChannelOrderLine(
            line_id="10000000000001",
            quantity=3,
            unit_price=eur(1000),
            channel_sku="SKU-1",
            external_id="110000000001:900",
            title="Ding ✂ <b>",
            shipped=2,
            discount=eur(100),
        ),
        ChannelOrderLine(
            line_id="10000000000002",
            quantity=1,
            unit_price=eur(100),
            external_id="110000000002",
            title="Ohne SKU",
            shipped=1,
            tax=eur(16),
        ),
    )
    assert order.ship_to == Address(
        name="Erika Muster",
        company="Muster GmbH",
        line1="Weg 1",
        line2="Hinterhaus",
        city="Köln",
        postal_code="50667",
        country="DE",
        phone="+49 30 123",
    )
    assert order.buyer == Buyer(name="Erika Muster", email="alias@members.ebay.com", handle="u-1")
    assert order.ship_by == datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC)
    assert order.deliver_by == datetime(2026, 11, 25, 23, 0, tzinfo=UTC)
    assert (order.service_code, order.channel_fulfils) == ("DE_DHLPaket", False)
    assert order.shipments == (
        ChannelShipment(external_id="00340434", tracking="00340434", carrier="DHL", lines=(("10000000000001", 2),)),
        ChannelShipment(external_id="999", tracking="", lines=(("10000000000002", 1),)),
    )
    assert order.facts == {
        "marketplace_id": "EBAY_AT",
        "order_line_item_ids": "110000000001-10000000000001,110000000002-10000000000002",
        "sales_record": "4711",
    }
    assert json.loads(order.raw) == golden("order.json")
    assert "Erika" not in repr(order)


@pytest.mark.parametrize(
    ("changes", "payment", "fulfilment", "cancellation"),
    [
        ({"orderPaymentStatus": "PENDING"}, "pending", "unfulfilled", "none"),
        ({"orderPaymentStatus": "FAILED"}, "failed", "unfulfilled", "none"),
        ({"orderPaymentStatus": "PARTIALLY_REFUNDED"}, "partly_refunded", "unfulfilled", "none"),
        ({"orderPaymentStatus": "FULLY_REFUNDED"}, "refunded", "unfulfilled", "none"),
        ({"orderPaymentStatus": "BRAND_NEW"}, "pending", "unfulfilled", "none"),
        ({"orderFulfillmentStatus": "FULFILLED"}, "paid", "fulfilled", "none"),
        ({"orderFulfillmentStatus": "BRAND_NEW"}, "paid", "on_hold", "none"),
        ({"cancelStatus": {"cancelState": "CANCELED"}}, "paid", "unfulfilled", "cancelled"),
        ({"cancelStatus": {"cancelState": "IN_PROGRESS"}}, "paid", "unfulfilled", "requested"),
        ({"cancelStatus": None}, "paid", "unfulfilled", "none"),
    ],
)
def test_the_three_states(changes: dict[str, Any], payment: str, fulfilment: str, cancellation: str) -> None:
    order = read_order(plain("1", **changes))
    assert (order.payment, order.fulfilment, order.cancellation) == (payment, fulfilment, cancellation)


def test_an_order_that_ebay_fulfils_is_not_ours() -> None:
    assert read_order(plain("1", program={"fulfillmentProgram": {"fulfilledBy": "EBAY"}})).channel_fulfils


def test_yen_have_no_minor_digits() -> None:
    row = plain("1")
    row["lineItems"] = row["lineItems"][1:]
    row["pricingSummary"] = {"total": {"value": "1200.0", "currency": "JPY"}}
    row["lineItems"][0]["lineItemCost"] = {"value": "1200.0", "currency": "JPY"}
    assert read_order(row).totals.total == Money(minor=1200, currency="JPY")


def test_the_first_window_ends_two_minutes_ago_and_begins_thirty_days_back(shop: Shop) -> None:
    shop.desk.on("GET", ORDERS, Window())
    page = shop.adapter.pull_orders(None, limit=50)
    assert shop.desk.last(ORDERS).query == {
        "filter": "lastmodifieddate:[2026-10-23T12:00:00.000Z..2026-11-22T11:58:00.000Z]",
        "limit": "50",
        "offset": "0",
    }
    assert (page.has_more, page.covered_until) == (False, NOW - timedelta(minutes=2))


def test_the_next_window_overlaps_the_last_one_by_two_minutes(shop: Shop) -> None:
    shop.desk.on("GET", ORDERS, Window())
    page = shop.adapter.pull_orders(None, limit=50)
    shop.clock.advance(timedelta(minutes=5))
    shop.adapter.pull_orders(page.cursor, limit=50)
    expected = "lastmodifieddate:[2026-11-22T11:56:00.000Z..2026-11-22T12:03:00.000Z]"
    assert shop.desk.last(ORDERS).query["filter"] == expected


def test_orders_since_sets_the_first_window() -> None:
    with open_shop(settings={"orders_since": "2026-11-22T12:00:00+01:00"}) as shop:
        shop.desk.on("GET", ORDERS, Window())
        shop.adapter.pull_orders(None, limit=50)
        assert shop.desk.last(ORDERS).query["filter"].startswith("lastmodifieddate:[2026-11-22T11:00:00.000Z..")
    with open_shop(settings={"orders_since": "yesterday"}) as shop, pytest.raises(InvalidData):
        shop.adapter.pull_orders(None, limit=50)


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 200])
def test_every_order_comes_exactly_once_whatever_the_page_size(shop: Shop, limit: int) -> None:
    wanted = [f"12-0000{n}" for n in range(7)]
    shop.desk.on("GET", ORDERS, Window(*wanted))
    found = pages(shop, limit)
    assert ids(found) == wanted
    assert all(len(page.orders) <= limit for page in found)


def test_the_window_stays_fixed_while_it_is_paged(shop: Shop) -> None:
    shop.desk.on("GET", ORDERS, Window("a", "b", "c"))
    first = shop.adapter.pull_orders(None, limit=1)
    shop.clock.advance(timedelta(minutes=30))
    shop.adapter.pull_orders(first.cursor, limit=1)
    assert len({one.query["filter"] for one in shop.desk.seen if one.path == ORDERS}) == 1


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("gone", ["a", "b", "d"])
@pytest.mark.parametrize("call", [1, 2])
def test_an_order_that_leaves_the_window_takes_none_with_it(shop: Shop, limit: int, gone: str, call: int) -> None:
    answers = Window(*"abcdefgh")
    answers.leave_before_call = {call: gone}
    shop.desk.on("GET", ORDERS, answers)
    assert set(ids(pages(shop, limit))) >= set("abcdefgh") - {gone}


@given(
    leaving=st.dictionaries(st.integers(1, 12), st.sampled_from("abcdefghijkl"), max_size=5),
    limit=st.integers(1, 5),
)
def test_no_order_is_ever_skipped(leaving: dict[int, str], limit: int) -> None:
    with open_shop() as shop:
        answers = Window(*"abcdefghijkl")
        answers.leave_before_call = leaving
        shop.desk.on("GET", ORDERS, answers)
        assert set(ids(pages(shop, limit))) >= set("abcdefghijkl") - set(leaving.values())


def test_a_page_that_comes_twice_and_shuffled_loses_and_doubles_nothing(shop: Shop) -> None:
    answers = Window(*"abcdef")

    def mixed(seen: Seen) -> tuple[int, Any]:
        status, body = answers(seen)
        body["orders"] = [*reversed(body["orders"]), *body["orders"]]
        return status, body

    shop.desk.on("GET", ORDERS, mixed)
    assert set(ids(pages(shop, 2))) == set("abcdef")


def test_a_cursor_is_small_json_and_can_be_used_again(shop: Shop) -> None:
    shop.desk.on("GET", ORDERS, Window(*(f"12-{n:05}-{n:05}" for n in range(450))))
    first = shop.adapter.pull_orders(None, limit=200)
    assert len(first.cursor) <= 4096
    assert json.loads(first.cursor)["v"] == 1
    assert ids([shop.adapter.pull_orders(first.cursor, limit=200)]) == ids(
        [shop.adapter.pull_orders(first.cursor, limit=200)]
    )


@pytest.mark.parametrize("cursor", ["", "{}", "[]", '{"from": 1}', "nonsense"])
def test_a_cursor_of_another_kind_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidData):
        window(cursor, now=NOW, orders_since="")


def test_the_bound_never_goes_back_when_the_clock_does() -> None:
    done = Cursor(start=NOW - timedelta(hours=1), to=NOW)
    later = window(done.text(), now=NOW - timedelta(minutes=10), orders_since="")
    assert later.start == NOW - timedelta(minutes=2)
    assert later.to > later.start


def test_an_unreadable_order_waits_on_the_desk(shop: Shop) -> None:
    answers = Window("a", "b", "c")
    del answers.rows[1]["lastModifiedDate"]
    answers.rows[2]["lineItems"][0]["quantity"] = "many"
    shop.desk.on("GET", ORDERS, answers)
    page = shop.adapter.pull_orders(None, limit=10)
    assert [order.order_id for order in page.orders] == ["a"]
    assert [one.order_id for one in page.bad] == ["b", "c"]
    assert json.loads(page.bad[0].raw)["orderId"] == "b"


def test_a_cancellation_in_progress_is_read_in_full(shop: Shop) -> None:
    request = {"cancelRequestId": "50", "cancelInitiator": "Buyer", "cancelRequestState": "REQUESTED"}
    listed = plain("a", cancelStatus={"cancelState": "IN_PROGRESS", "cancelRequests": []})
    whole = plain("a", cancelStatus={"cancelState": "IN_PROGRESS", "cancelRequests": [request]})
    answers = Window()
    answers.rows = [listed, plain("b")]
    shop.desk.on("GET", ORDERS, answers)
    shop.desk.on("GET", ORDERS + "/a", (200, whole))
    page = shop.adapter.pull_orders(None, limit=10)
    assert page.orders[0].facts["cancel_request_id"] == "50"
    assert [one.cancellation for one in page.orders] == [CancellationState.REQUESTED, CancellationState.NONE]
    assert shop.desk.paths() == [f"GET {ORDERS}", f"GET {ORDERS}/a"]


def test_a_partly_shipped_order_is_completed_by_its_parcels(shop: Shop) -> None:
    answers = Window()
    answers.rows = [golden("order.json")]
    shop.desk.on("GET", ORDERS, answers)
    shop.desk.on("GET", f"{ORDERS}/12-00001-00001/shipping_fulfillment", (200, golden("fulfillments.json")))
    assert [line.shipped for line in shop.adapter.pull_orders(None, limit=10).orders[0].lines] == [2, 1]


def test_read_order_brings_the_parcels_and_knows_when_it_is_gone(shop: Shop) -> None:
    shop.desk.on("GET", f"{ORDERS}/12", (200, plain("12", orderFulfillmentStatus="FULFILLED")))
    shop.desk.on("GET", f"{ORDERS}/12/shipping_fulfillment", (200, golden("fulfillments.json")))
    unknown = {"errors": [{"errorId": 32100, "message": "Invalid order ID: 13"}]}
    shop.desk.on("GET", f"{ORDERS}/13", (400, unknown))
    assert [one.tracking for one in shop.adapter.read_order("12").shipments] == ["00340434", ""]
    with pytest.raises(Missing):
        shop.adapter.read_order("13")


def test_a_page_that_is_no_json_object_is_a_bug_of_the_adapter(shop: Shop) -> None:
    shop.desk.on("GET", ORDERS, (200, ["what"]))
    with pytest.raises(AdapterBug):
        shop.adapter.pull_orders(None, limit=10)


UNPAID = """<Ack>Success</Ack><HasMoreOrders>{more}</HasMoreOrders><OrderArray><Order>
<OrderID>{item}-7</OrderID><OrderStatus>Active</OrderStatus>
<CheckoutStatus><LastModifiedTime>2026-11-22T11:00:00.000Z</LastModifiedTime><Status>{status}</Status></CheckoutStatus>
<CreatedTime>2026-11-22T10:59:00.000Z</CreatedTime><BuyerUserID>u-1</BuyerUserID>
<Subtotal currencyID="EUR">20.0</Subtotal><Total currencyID="EUR">24.9</Total>
<ShippingAddress><Name>Erika Muster</Name><CityName>Bonn</CityName><Country>DE</Country></ShippingAddress>
<TransactionArray><Transaction><QuantityPurchased>2</QuantityPurchased><TransactionID>7</TransactionID>
<TransactionPrice currencyID="EUR">10.0</TransactionPrice><OrderLineItemID>{item}-7</OrderLineItemID>
<Item><ItemID>{item}</ItemID><SKU>S</SKU><Title>T</Title></Item></Transaction></TransactionArray>
</Order></OrderArray>"""


def test_unpaid_orders_are_left_out_unless_asked_for(shop: Shop) -> None:
    shop.desk.on("GET", ORDERS, Window("a"))
    pages(shop, 10)
    assert shop.desk.paths() == [f"GET {ORDERS}"]


def test_unpaid_orders_are_pending_and_keep_the_key_that_survives_payment() -> None:
    with open_shop(settings={"pull_unpaid": "yes"}) as shop:
        shop.desk.on("GET", ORDERS, Window("a"))
        shop.desk.trading(
            "GetOrders",
            UNPAID.format(more="true", item="110", status="Incomplete"),
            UNPAID.format(more="true", item="120", status="Complete"),
            UNPAID.format(more="false", item="130", status="Pending"),
        )
        found = pages(shop, 10)
        assert ids(found) == ["a", "110-7", "130-7"]
        unpaid = found[1].orders[0]
        assert (unpaid.payment, unpaid.totals.total) == (PaymentState.PENDING, eur(2490))
        assert unpaid.facts["order_line_item_ids"] == "110-7"
        assert (unpaid.lines[0].channel_sku, unpaid.lines[0].quantity, unpaid.lines[0].unit_price) == (
            "S",
            2,
            eur(1000),
        )
        assert found[-1].covered_until == NOW - timedelta(minutes=2)
