"""Orders: golden twins, pages, cursors, broken records."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from pathlib import Path

import pytest
from shopify_support import NOW, body, error

from hub.channels.contract import CancellationState, FulfilmentState, InvalidData, Missing, PaymentState
from hub.channels.shopify.orders import parse_order, parse_orders
from hub.kernel.money import Money

GOLDEN = json.loads((Path(__file__).parent / "golden/order.json").read_text("utf-8"))


def _eur(minor):
    return Money(minor=minor, currency="EUR")


def _order(number=1001, **more):
    return {**copy.deepcopy(GOLDEN), "id": f"gid://shopify/Order/{number}", **more}


def _page(nodes, *, more=False, cursor="c1"):
    return {"orders": {"pageInfo": {"hasNextPage": more, "endCursor": cursor}, "nodes": nodes}}


def test_the_golden_order_in_the_hubs_words():
    order = parse_order(GOLDEN)
    assert (order.order_id, order.display_id, order.currency) == ("gid://shopify/Order/1001", "#1001", "EUR")
    assert order.updated_at.isoformat() == "2026-11-20T10:31:00+00:00"
    assert (order.payment, order.fulfilment, order.cancellation) == (
        PaymentState.PAID, FulfilmentState.PARTIAL, CancellationState.NONE,
    )  # fmt: skip
    cup, spoon = order.lines
    assert (cup.line_id, cup.channel_sku, cup.quantity, cup.shipped) == ("gid://shopify/LineItem/1", "SKU-1", 2, 1)
    assert (cup.unit_price, cup.discount, cup.external_id) == (_eur(1160), _eur(200), "gid://shopify/ProductVariant/1")
    assert (spoon.channel_sku, spoon.external_id, spoon.shipped) == (None, None, 0)
    totals = order.totals
    assert (totals.total, totals.items, totals.shipping, totals.discount) == (
        _eur(4170),
        _eur(3880),
        _eur(490),
        _eur(200),
    )
    assert totals.tax is None  # part of the prices: it would count twice
    assert order.facts["tax_included"] == "6.66"
    assert totals.items + totals.shipping - totals.discount == totals.total
    assert (order.ship_to.name, order.ship_to.city, order.ship_to.country) == ("Test Person", "Köln", "DE")
    assert order.buyer.email == "buyer@example.com"
    assert [(parcel.external_id, parcel.tracking) for parcel in order.shipments] == [
        ("gid://shopify/Fulfillment/1", "T-1")
    ]
    assert order.service_code == "standard"
    assert json.loads(order.raw) == GOLDEN


def test_nobody_reads_a_buyer_in_a_repr():
    text = repr(parse_order(GOLDEN))
    assert "Test Person" not in text
    assert "buyer@example.com" not in text


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("PENDING", "pending"), ("AUTHORIZED", "pending"), ("PARTIALLY_PAID", "pending"), ("PAID", "paid"),
        ("PARTIALLY_REFUNDED", "partly_refunded"), ("REFUNDED", "refunded"), ("VOIDED", "failed"), ("EXPIRED", "failed"),
        ("A_STATUS_OF_2027", "pending"), (None, "pending"),
    ],
)  # fmt: skip
def test_payment_states(status, expected):
    assert parse_order(_order(displayFinancialStatus=status)).payment == expected


def test_authorised_payments_may_count_as_paid():
    assert parse_order(_order(displayFinancialStatus="AUTHORIZED"), authorized_is_paid=True).payment == "paid"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("UNFULFILLED", "unfulfilled"), ("ON_HOLD", "on_hold"), ("SCHEDULED", "on_hold"), ("FULFILLED", "fulfilled"),
        ("FULFILLMENT_NOT_REQUIRED", "fulfilled"), ("IN_PROGRESS", "unfulfilled"), ("A_STATUS_OF_2027", "partial"),
    ],
)  # fmt: skip
def test_fulfilment_states(status, expected):
    assert parse_order(_order(displayFulfillmentStatus=status)).fulfilment == expected


def test_a_cancelled_order_has_shipped_nothing_that_its_status_does_not_say():
    node = _order(cancelledAt="2026-11-20T12:00:00Z", displayFulfillmentStatus="UNFULFILLED")
    node["lineItems"]["nodes"][0].update(currentQuantity=2, unfulfilledQuantity=0)
    order = parse_order(node)
    assert order.cancellation is CancellationState.CANCELLED
    assert order.lines[0].shipped == 0


def test_yen_have_no_minor_units():
    node = _order()
    for bag in ("totalPriceSet", "totalShippingPriceSet", "totalTaxSet", "totalDiscountsSet"):
        node[bag] = {"shopMoney": {"amount": "1500.0", "currencyCode": "JPY"}}
    for row in node["lineItems"]["nodes"]:
        row["originalUnitPriceSet"] = {"shopMoney": {"amount": "500", "currencyCode": "JPY"}}
        row["totalDiscountSet"] = {"shopMoney": {"amount": "0", "currencyCode": "JPY"}}
    order = parse_order({**node, "currencyCode": "JPY"})
    assert order.totals.total == Money(minor=1500, currency="JPY")
    assert order.totals.items == Money(minor=2000, currency="JPY")


@pytest.mark.parametrize(
    "broken",
    [
        {"updatedAt": "yesterday"}, {"lineItems": None}, {"totalPriceSet": {"shopMoney": {"amount": "x"}}},
        {"id": "gid://shopify/DraftOrder/1"}, {"createdAt": None}, {"shippingAddress": "Köln"},
    ],
)  # fmt: skip
def test_a_broken_order_is_set_aside_and_the_others_come_through(broken):
    orders, bad = parse_orders([_order(1), {**_order(2), **broken}, _order(3)])
    assert [order.order_id for order in orders] == ["gid://shopify/Order/1", "gid://shopify/Order/3"]
    assert len(bad) == 1
    assert "could not be read" in bad[0].why


def test_null_and_rubbish_in_the_list_are_set_aside():
    orders, bad = parse_orders([None, "x", _order(3)])
    assert (len(orders), len(bad)) == (1, 2)


# ---------------------------------------------------------------- pulling


def test_the_first_pull_goes_thirty_days_back_with_an_overlap(rig):
    rig.shop.on("orders", _page([]))
    page = rig.adapter.pull_orders(None, limit=20)
    [asked] = rig.shop.of("orders")
    assert asked["q"] == "updated_at:>='2026-10-23T11:50:00Z' AND updated_at:<='2026-11-22T12:00:00Z'"
    assert (asked["first"], asked["after"]) == (20, None)
    assert (page.has_more, page.covered_until) == (False, NOW - timedelta(seconds=60))


def test_the_setting_says_where_the_first_pull_starts(make_rig):
    rig = make_rig(orders_since="2026-11-21T00:00:00Z")
    rig.shop.on("orders", _page([]))
    rig.adapter.pull_orders(None, limit=5)
    assert rig.shop.of("orders")[0]["q"].startswith("updated_at:>='2026-11-20T23:50:00Z'")


def test_a_run_keeps_its_upper_bound_over_its_pages_and_the_next_one_starts_there(rig):
    rig.shop.on("orders", _page([_order(1)], more=True, cursor="c1"), _page([_order(2)]), _page([]))
    first = rig.adapter.pull_orders(None, limit=1)
    assert (first.has_more, first.covered_until) == (True, None)
    rig.clock.advance(timedelta(minutes=5))
    second = rig.adapter.pull_orders(first.cursor, limit=1)
    assert (second.has_more, second.covered_until) == (False, NOW - timedelta(seconds=60))
    rig.adapter.pull_orders(second.cursor, limit=1)
    a, b, c = rig.shop.of("orders")
    assert a["q"] == b["q"]
    assert (a["after"], b["after"], c["after"]) == (None, "c1", None)
    assert c["q"] == "updated_at:>='2026-11-22T11:50:00Z' AND updated_at:<='2026-11-22T12:05:00Z'"
    assert len(first.cursor) < 4096


def test_orders_with_more_lines_than_the_page_shows_are_completed(rig):
    node = _order()
    rest = node["lineItems"]["nodes"].pop()
    node["lineItems"]["pageInfo"] = {"hasNextPage": True, "endCursor": "l1"}
    more = {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [rest]}
    rig.shop.on("orders", _page([node]))
    rig.shop.on("order", {"order": {"id": node["id"], "lineItems": more}})
    [order] = rig.adapter.pull_orders(None, limit=20).orders
    assert [line.line_id for line in order.lines] == ["gid://shopify/LineItem/1", "gid://shopify/LineItem/2"]
    assert rig.shop.of("order") == [{"id": node["id"], "after": "l1", "lines": 50}]


def test_a_page_cursor_that_shopify_forgot_begins_the_run_again(rig):
    invalid = body(errors=[error("", "Invalid cursor for current pagination sort.")])
    rig.shop.on("orders", _page([_order(1)], more=True), invalid, _page([_order(1)]))
    first = rig.adapter.pull_orders(None, limit=1)
    second = rig.adapter.pull_orders(first.cursor, limit=1)
    assert [order.order_id for order in second.orders] == ["gid://shopify/Order/1"]
    assert [asked["after"] for asked in rig.shop.of("orders")] == [None, "c1", None]


@pytest.mark.parametrize("cursor", ["", "{}", "[]", '{"since": "x"}', "null"])
def test_a_foreign_cursor_is_refused(rig, cursor):
    with pytest.raises(InvalidData):
        rig.adapter.pull_orders(cursor, limit=1)


def test_read_order(rig):
    rig.shop.on("order", {"order": _order()}, {"order": None})
    assert rig.adapter.read_order("gid://shopify/Order/1001").display_id == "#1001"
    with pytest.raises(Missing):
        rig.adapter.read_order("gid://shopify/Order/7")
    with pytest.raises(Missing):
        rig.adapter.read_order("no-such-order")
    assert len(rig.shop.asked) == 2
