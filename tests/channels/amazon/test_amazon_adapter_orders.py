"""Amazon's orders in the hub's words, and the windows in which they are pulled."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.channels.amazon import orders
from hub.channels.amazon.cursors import Window, open_window
from hub.channels.amazon.manifest import MANIFEST
from hub.channels.contract import (
    AdapterBug,
    CancellationState,
    ChannelShipment,
    FulfilmentState,
    InvalidData,
    PaymentState,
)
from hub.kernel.money import Money

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

#: The example of contracts README 7.1, with buyer, cancellation and packages added.
ORDER: dict[str, Any] = {
    "orderId": "111-0000001-0000001",
    "createdTime": "2026-11-20T10:00:00Z",
    "lastUpdatedTime": "2026-11-20T10:31:00Z",
    "salesChannel": {"channelName": "AMAZON", "marketplaceId": "ATVPDKIKX0DER", "marketplaceName": "Amazon.com"},
    "buyer": {"buyerName": "Test Person", "buyerEmail": "x@marketplace.amazon.com"},
    "recipient": {
        "deliveryAddress": {
            "name": "Test Person",
            "addressLine1": "1 Test St",
            "city": "Reno",
            "stateOrRegion": "NV",
            "postalCode": "89501",
            "countryCode": "US",
        }
    },
    "proceeds": {"grandTotal": {"amount": "25.98", "currencyCode": "USD"}},
    "fulfillment": {
        "fulfillmentStatus": "UNSHIPPED",
        "fulfilledBy": "MERCHANT",
        "fulfillmentServiceLevel": "EXPEDITED",
        "shipByWindow": {"earliestDateTime": "2026-11-21T08:00:00Z", "latestDateTime": "2026-11-24T07:59:59Z"},
    },
    "orderItems": [
        {
            "orderItemId": "60000000000001",
            "quantityOrdered": 2,
            "product": {
                "asin": "B000000001",
                "title": "Thing",
                "sellerSku": "SKU/1",
                "price": {"unitPrice": {"amount": "12.99", "currencyCode": "USD"}},
            },
            "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": 2},
        }
    ],
}


def changed(**changes: Any) -> dict[str, Any]:
    """The order with parts replaced: `status`, `item` (merged into the first item) and top-level fields."""
    order = deepcopy(ORDER)
    if "status" in changes:
        order["fulfillment"]["fulfillmentStatus"] = changes.pop("status")
    order["orderItems"][0] |= changes.pop("item", {})
    return order | changes


def test_an_order_is_read_whole() -> None:
    order = orders.parse_order(ORDER)
    assert (order.order_id, order.display_id) == ("111-0000001-0000001", "111-0000001-0000001")
    assert order.placed_at == datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    assert order.updated_at == datetime(2026, 11, 20, 10, 31, tzinfo=UTC)
    assert (order.currency, order.totals.total) == ("USD", Money(minor=2598, currency="USD"))
    assert (order.payment, order.fulfilment, order.cancellation) == (
        PaymentState.PAID,
        FulfilmentState.UNFULFILLED,
        CancellationState.NONE,
    )
    line = order.lines[0]
    assert (line.line_id, line.quantity, line.shipped, line.channel_sku, line.external_id, line.title) == (
        "60000000000001", 2, 0, "SKU/1", "B000000001", "Thing",
    )  # fmt: skip
    assert line.unit_price == Money(minor=1299, currency="USD")
    assert order.ship_to is not None
    assert (order.ship_to.name, order.ship_to.region, order.ship_to.country) == ("Test Person", "NV", "US")
    assert order.buyer is not None
    assert order.buyer.email == "x@marketplace.amazon.com"
    assert order.ship_by == datetime(2026, 11, 24, 7, 59, 59, tzinfo=UTC)
    assert order.service_code == "EXPEDITED"
    assert order.facts == {"marketplace_id": "ATVPDKIKX0DER", "status": "UNSHIPPED"}
    assert json.loads(order.raw) == ORDER


def test_the_order_hides_personal_data_from_its_repr() -> None:
    text = repr(orders.parse_order(ORDER))
    assert "Test Person" not in text
    assert "1 Test St" not in text


@pytest.mark.parametrize(
    ("status", "payment", "fulfilment", "cancellation", "wanted"),
    [
        ("PENDING_AVAILABILITY", "pending", "unfulfilled", "none", 2),
        ("PENDING", "pending", "unfulfilled", "none", 2),
        ("UNSHIPPED", "paid", "unfulfilled", "none", 2),
        ("PARTIALLY_SHIPPED", "paid", "partial", "none", 2),
        ("SHIPPED", "paid", "fulfilled", "none", 2),
        ("CANCELLED", "pending", "unfulfilled", "cancelled", 0),
        ("UNFULFILLABLE", "paid", "on_hold", "none", 2),
        ("A_WORD_OF_NEXT_YEAR", "pending", "on_hold", "none", 2),
    ],
)
def test_the_status_maps_to_three_axes(
    status: str, payment: str, fulfilment: str, cancellation: str, wanted: int
) -> None:
    order = orders.parse_order(changed(status=status))
    assert (order.payment, order.fulfilment, order.cancellation) == (payment, fulfilment, cancellation)
    assert order.lines[0].quantity == wanted


def test_a_pending_order_without_price_and_address_keeps_its_units() -> None:
    raw = changed(
        status="PENDING",
        item={"product": {"sellerSku": "SKU/1"}, "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": 0}},
        salesChannel={"channelName": "AMAZON", "marketplaceId": "A1PA6795UKMFR9"},
    )
    for name in ("recipient", "buyer", "proceeds"):
        del raw[name]
    order = orders.parse_order(raw)
    assert (order.ship_to, order.buyer, order.totals.total) == (None, None, None)
    assert order.currency == "EUR"
    assert order.lines[0].quantity == 2
    assert order.lines[0].unit_price == Money.zero("EUR")


def test_a_buyers_wish_to_cancel_is_a_request_while_something_is_left() -> None:
    asked = {"cancellation": {"cancellationRequest": {"requester": "BUYER", "cancelReason": "NO_LONGER_NEEDED"}}}
    assert orders.parse_order(changed(item=asked)).cancellation is CancellationState.REQUESTED
    shipped = {**asked, "fulfillment": {"quantityFulfilled": 2, "quantityUnfulfilled": 0}}
    assert orders.parse_order(changed(status="SHIPPED", item=shipped)).cancellation is CancellationState.NONE


def test_a_cancelled_line_is_no_longer_wanted() -> None:
    done = {"cancellation": {"cancellationExecution": {"cancelledBy": "MERCHANT"}}}
    assert orders.parse_order(changed(item=done)).lines[0].quantity == 0


def test_a_line_that_shrank_wants_what_is_left() -> None:
    part = {"fulfillment": {"quantityFulfilled": 1, "quantityUnfulfilled": 0}}
    line = orders.parse_order(changed(status="PARTIALLY_SHIPPED", item=part)).lines[0]
    assert (line.quantity, line.shipped) == (1, 1)


def test_what_amazon_fulfils_is_not_ours_to_ship() -> None:
    raw = changed()
    raw["fulfillment"]["fulfilledBy"] = "AMAZON"
    assert orders.parse_order(raw).channel_fulfils is True


def test_packages_become_shipments_without_the_cancelled_ones() -> None:
    packages = [
        {
            "packageReferenceId": "1",
            "packageStatus": {"status": "SHIPPED"},
            "carrier": "DHL",
            "trackingNumber": "JJD 1",
            "packageItems": [{"orderItemId": "60000000000001", "quantity": 2}],
        },
        {"packageReferenceId": "2", "packageStatus": {"status": "CANCELLED"}, "trackingNumber": "JJD 2"},
    ]
    assert orders.parse_order(changed(packages=packages)).shipments == (
        ChannelShipment(external_id="1", tracking="JJD 1", carrier="DHL", lines=(("60000000000001", 2),)),
    )


def test_money_of_the_breakdowns_is_added_up() -> None:
    def part(kind: str, amount: str) -> dict[str, Any]:
        return {"type": kind, "subtotal": {"amount": amount, "currencyCode": "USD"}}

    raw = changed(
        proceeds={
            "grandTotal": {"amount": "30.48", "currencyCode": "USD"},
            "breakdowns": [
                part("ITEM", "25.98"),
                part("SHIPPING", "4.00"),
                part("TAX", "2.50"),
                part("DISCOUNT", "-2.00"),
            ],
        },
        item={"proceeds": {"breakdowns": [part("TAX", "2.50"), part("DISCOUNT", "-2.00")]}},
    )
    order = orders.parse_order(raw)
    assert order.totals.items == Money(minor=2598, currency="USD")
    assert order.totals.shipping == Money(minor=400, currency="USD")
    assert order.totals.tax == Money(minor=250, currency="USD")
    assert order.totals.discount == Money(minor=200, currency="USD")
    assert (order.lines[0].tax, order.lines[0].discount) == (order.totals.tax, order.totals.discount)


@pytest.mark.parametrize(("currency", "amount", "minor"), [("JPY", "1299", 1299), ("KWD", "1.299", 1299)])
def test_currencies_keep_their_exponent(currency: str, amount: str, minor: int) -> None:
    raw = changed(
        proceeds={"grandTotal": {"amount": amount, "currencyCode": currency}},
        item={"product": {"sellerSku": "A", "price": {"unitPrice": {"amount": amount, "currencyCode": currency}}}},
    )
    assert orders.parse_order(raw).totals.total == Money(minor=minor, currency=currency)


def test_nulls_and_numbers_as_text_do_no_harm() -> None:
    raw = changed(
        buyer=None, recipient=None, packages=None, programs=None,
        item={"quantityOrdered": "2", "cancellation": None, "fulfillment": None, "proceeds": {"breakdowns": None}},
    )  # fmt: skip
    assert orders.parse_order(raw).lines[0].quantity == 2


# ---------------------------------------------------------------- pages


def window(**changes: Any) -> Window:
    facts: dict[str, Any] = {"after": NOW - timedelta(hours=1), "before": NOW - timedelta(minutes=2), **changes}
    return Window(**facts)


def test_one_bad_record_never_stops_the_page() -> None:
    bad = changed(orderId="111-9", createdTime="yesterday")
    negative = changed(orderId="111-8", item={"quantityOrdered": -1})
    odd = changed(orderId="111-7", proceeds={"grandTotal": {"amount": "many", "currencyCode": "USD"}})
    page = orders.parse_order_page({"orders": [bad, ORDER, negative, odd, "no order", {"orderId": 7}]}, window(), NOW)
    assert [order.order_id for order in page.orders] == ["111-0000001-0000001"]
    assert [record.order_id for record in page.bad] == ["111-9", "111-8", "111-7", None, None]
    assert json.loads(page.bad[0].raw)["createdTime"] == "yesterday"
    assert "negative quantity" in page.bad[1].why


def test_an_order_that_comes_twice_on_a_page_stays_once_in_its_newest_form() -> None:
    newer = changed(lastUpdatedTime="2026-11-20T11:00:00Z", status="SHIPPED")
    page = orders.parse_order_page({"orders": [newer, ORDER]}, window(), NOW)
    assert [order.fulfilment for order in page.orders] == [FulfilmentState.FULFILLED]


def test_the_last_page_covers_the_window_less_the_lag_and_the_next_one_overlaps() -> None:
    page = orders.parse_order_page({"orders": []}, window(), NOW)
    assert page.has_more is False
    assert page.covered_until == NOW - timedelta(minutes=4)
    following = open_window(page.cursor, since=None, now=NOW + timedelta(minutes=10))
    assert following.after == NOW - timedelta(minutes=7)
    assert following.before == NOW + timedelta(minutes=10) - timedelta(minutes=2, seconds=15)


def test_the_upper_bound_stays_while_the_run_is_paged() -> None:
    first = open_window(None, since=None, now=NOW)
    page = orders.parse_order_page({"orders": [], "pagination": {"nextToken": "t-2"}}, first, NOW)
    assert (page.has_more, page.covered_until) == (True, None)
    second = open_window(page.cursor, since=None, now=NOW + timedelta(minutes=30))
    assert (second.after, second.before, second.token) == (first.after, NOW - timedelta(seconds=135), "t-2")
    assert orders.build_order_query(second, marketplace_id="M", limit=50) == {
        "lastUpdatedAfter": "2026-10-23T09:00:00.000Z",
        "lastUpdatedBefore": "2026-11-22T08:57:45.000Z",
        "marketplaceIds": ["M"],
        "maxResultsPerPage": 50,
        "includedData": ["BUYER", "RECIPIENT", "PROCEEDS", "CANCELLATION", "FULFILLMENT", "PACKAGES"],
        "paginationToken": "t-2",
    }


def test_a_token_older_than_its_life_is_not_sent() -> None:
    cursor = window().page("t-2", NOW).cursor()
    assert open_window(cursor, since=None, now=NOW + timedelta(hours=22)).token == "t-2"
    late = open_window(cursor, since=None, now=NOW + timedelta(hours=24))
    assert (late.token, late.before) == (None, NOW - timedelta(minutes=2))


def test_a_start_in_the_future_asks_for_an_empty_window() -> None:
    asked = open_window(None, since=NOW + timedelta(days=1), now=NOW)
    assert asked.after == asked.before == NOW - timedelta(minutes=2, seconds=15)


def test_what_the_manifest_calls_the_lag_is_where_a_window_ends() -> None:
    newest = open_window(None, since=None, now=NOW)
    assert newest.before == NOW - timedelta(seconds=MANIFEST.order_lag_s)
    assert newest.covered_until == NOW - timedelta(seconds=MANIFEST.order_lag_s + 120)


def test_a_window_is_started_over_three_times_at_most() -> None:
    tried = window(token="t", token_at=NOW)
    for expected in (1, 2, 3):
        again = tried.restarted()
        assert again is not None
        assert (again.restarts, again.token) == (expected, None)
        tried = open_window(again.page("t", NOW).cursor(), since=None, now=NOW)
        assert tried.restarts == expected
    assert tried.restarted() is None


@pytest.mark.parametrize(
    "cursor", ["", "7", "[]", "{}", '{"v":2,"after":"2026-11-22T08:58:00Z"}', '{"v":1,"after":"x"}']
)
def test_a_cursor_of_somebody_else_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidData):
        open_window(cursor, since=None, now=NOW)


def test_a_page_of_another_shape_is_a_bug() -> None:
    for payload in ({}, {"orders": 7}, {"orders": None}, []):
        with pytest.raises(AdapterBug):
            orders.parse_order_page(payload, window(), NOW)
