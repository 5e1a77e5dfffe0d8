"""Orders: none is lost, whatever the page size; changed ones come again; the cursor survives; times and money are exact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from hub.channels.contract import (
    Adapter,
    CancellationState,
    Capability,
    ChannelError,
    ChannelOrder,
    Missing,
    OrderPage,
    PaymentState,
    PullsOrders,
)
from hub.channels.testkit.checks import check, expect
from hub.channels.testkit.harness import Harness

ORDERS = Capability.ORDERS
LIMITS = (1, 2, 3, 10)


def pull(harness: Harness, adapter: Adapter, cursor: str | None, limit: int) -> OrderPage:
    """One page, with what holds for every page: limit, JSON cursor of at most 4 KB, no unreadable orders.

    One row more than asked for is the overlap of a channel that pages by position.
    """
    assert isinstance(adapter, PullsOrders)
    page = adapter.pull_orders(cursor, limit=min(limit, harness.manifest.max_order_page))
    expect(len(page.orders) + len(page.bad) <= limit + 1, f"{len(page.orders)} orders on a page of at most {limit}")
    expect(not page.bad, f"sound orders were called unreadable: {[bad.why for bad in page.bad]}")
    try:
        json.loads(page.cursor)
    except ValueError:
        expect(False, f"the cursor is not JSON: {page.cursor[:80]!r}")
    expect(len(page.cursor.encode()) <= 4096, f"the cursor has {len(page.cursor.encode())} bytes, at most 4096 fit")
    return page


def pull_all(harness: Harness, adapter: Adapter, cursor: str | None, limit: int = 10) -> list[OrderPage]:
    """Pages until there is no more now; fails when that never happens."""
    pages = [pull(harness, adapter, cursor, limit)]
    while pages[-1].has_more:
        expect(len(pages) < 100, "after 100 pages there is still «more»: the cursor does not move on")
        pages.append(pull(harness, adapter, pages[-1].cursor, limit))
    return pages


def ids(pages: Sequence[OrderPage]) -> list[str]:
    return [order.order_id for page in pages for order in page.orders]


def _latest(pages: Sequence[OrderPage], order_id: str) -> ChannelOrder:
    """The newest copy of an order among the pages; fails when there is none."""
    found = [order for page in pages for order in page.orders if order.order_id == order_id]
    expect(bool(found), f"the order {order_id} did not arrive")
    return found[-1]


def shop(harness: Harness, adapter: Adapter) -> str:
    """A listing with plenty to buy."""
    return harness.listing(adapter, quantity=90).channel_sku


def _ordered(harness: Harness, adapter: Adapter, count: int, *, same_instant: bool = False) -> list[str]:
    sku = shop(harness, adapter)
    placed = []
    for index in range(count):
        placed.append(harness.channel.place_order([(sku, 1 + index % 2)]))
        if not same_instant and index % 3:
            harness.tick(7)
    harness.settle()
    return placed


def _none_lost(placed: Sequence[str], seen: Sequence[str], how: str) -> None:
    lost = [order_id for order_id in placed if order_id not in seen]
    expect(not lost, f"{len(lost)} of {len(placed)} orders were lost {how}: {lost}")


def _by_limit(limit: int) -> None:
    @check("orders", ORDERS, name=f"none_is_lost_at_limit_{limit}")
    def none_is_lost(harness: Harness) -> None:
        adapter = harness.make_adapter()
        placed = _ordered(harness, adapter, 7)
        _none_lost(placed, ids(pull_all(harness, adapter, None, limit)), f"over pages of {limit}")

    none_is_lost.__doc__ = f"Seven orders over pages of {limit}: every one arrives."


for _limit in LIMITS:
    _by_limit(_limit)


@check("orders", ORDERS)
def equal_times_across_a_page_edge(harness: Harness) -> None:
    """Five orders of one instant over pages of two: every one arrives."""
    adapter = harness.make_adapter()
    placed = _ordered(harness, adapter, 5, same_instant=True)
    for limit in (1, 2):
        _none_lost(placed, ids(pull_all(harness, adapter, None, limit)), f"of one instant, over pages of {limit}")


@check("orders", ORDERS)
def any_page_can_be_resumed(harness: Harness) -> None:
    """A new adapter goes on from any page's cursor and misses nothing after it."""
    adapter = harness.make_adapter()
    placed = _ordered(harness, adapter, 5)
    pages = pull_all(harness, adapter, None, 2)
    for number in range(len(pages)):
        rest = pull_all(harness, harness.make_adapter(), pages[number].cursor, 2) if pages[number].has_more else []
        _none_lost(placed, ids(pages[: number + 1]) + ids(rest), f"when resuming after page {number + 1}")


@check("orders", ORDERS)
def the_same_cursor_twice_gives_a_superset(harness: Harness) -> None:
    """A page that is fetched again, because the first copy was lost in a crash, holds at least the same orders."""
    adapter = harness.make_adapter()
    first = _ordered(harness, adapter, 3)
    start = pull_all(harness, adapter, None)[-1].cursor
    second = _ordered(harness, adapter, 2)
    once = ids(pull_all(harness, adapter, start))
    third = _ordered(harness, adapter, 1)
    twice = ids(pull_all(harness, adapter, start))
    _none_lost(second, once, "after a cursor")
    _none_lost([*once, *third], twice, "when a cursor was used again")
    expect(bool(first), "the first orders exist")


@check("orders", ORDERS)
def no_orders_gives_a_cursor_that_works(harness: Harness) -> None:
    """An empty shop answers with a cursor, and the first order after it arrives."""
    adapter = harness.make_adapter()
    sku = shop(harness, adapter)
    empty = pull_all(harness, adapter, None)[-1]
    expect(not empty.orders, "a shop without orders delivered some")
    again = pull_all(harness, adapter, empty.cursor)[-1]
    order_id = harness.channel.place_order([(sku, 1)])
    harness.settle()
    _none_lost([order_id], ids(pull_all(harness, adapter, again.cursor)), "after an empty page")


@check("orders", ORDERS)
def orders_between_two_rounds_arrive(harness: Harness) -> None:
    """Orders placed at the very moment of a pull, and right after it, arrive in the next rounds."""
    adapter = harness.make_adapter()
    sku = shop(harness, adapter)
    cursor: str | None = None
    placed: list[str] = []
    seen: list[str] = []
    for _ in range(4):
        placed.append(harness.channel.place_order([(sku, 1)]))
        pages = pull_all(harness, adapter, cursor, 2)
        seen += ids(pages)
        cursor = pages[-1].cursor
        placed.append(harness.channel.place_order([(sku, 1)]))  # same instant as the pull
        harness.tick(20)
    harness.settle()
    seen += ids(pull_all(harness, adapter, cursor, 2))
    _none_lost(placed, seen, "between two rounds")


def _comes_again(harness: Harness, adapter: Adapter, order_id: str, cursor: str, what: str) -> ChannelOrder:
    harness.settle()
    again = [o for page in pull_all(harness, adapter, cursor) for o in page.orders if o.order_id == order_id]
    expect(bool(again), f"an order that was {what} did not come again")
    return again[-1]


@check("orders", ORDERS)
def paid_orders_come_again(harness: Harness) -> None:
    """A pending order arrives as PENDING (or waits until paid) and comes again as PAID."""
    adapter = harness.make_adapter()
    sku = shop(harness, adapter)
    order_id = harness.channel.place_order([(sku, 1)], pending=True)
    harness.settle()
    pages = pull_all(harness, adapter, None)
    for order in (o for page in pages for o in page.orders if o.order_id == order_id):
        expect(order.payment is PaymentState.PENDING, f"an unpaid order arrived as {order.payment}")
    harness.tick(60)
    order_id = harness.channel.pay(order_id)
    order = _comes_again(harness, adapter, order_id, pages[-1].cursor, "paid")
    expect(order.payment is PaymentState.PAID, f"a paid order arrived as {order.payment}")


@check("orders", ORDERS)
def cancelled_orders_come_again(harness: Harness) -> None:
    """An order that is cancelled comes again as CANCELLED, with nothing left to ship."""
    adapter = harness.make_adapter()
    order_id = harness.channel.place_order([(shop(harness, adapter), 2)])
    harness.settle()
    cursor = pull_all(harness, adapter, None)[-1].cursor
    harness.tick(60)
    harness.channel.cancel(order_id)
    order = _comes_again(harness, adapter, order_id, cursor, "cancelled")
    expect(order.cancellation is CancellationState.CANCELLED, f"a cancelled order arrived as {order.cancellation}")


@check("orders", ORDERS)
def edited_orders_come_again(harness: Harness) -> None:
    """An order whose quantity is edited comes again with the new quantity and the same line id."""
    adapter = harness.make_adapter()
    sku = shop(harness, adapter)
    order_id = harness.channel.place_order([(sku, 3)])
    harness.settle()
    pages = pull_all(harness, adapter, None)
    before = _latest(pages, order_id)
    harness.tick(60)
    harness.channel.amend_order(order_id, {sku: 1})
    after = _comes_again(harness, adapter, order_id, pages[-1].cursor, "edited")
    expect([line.quantity for line in after.lines if line.quantity] == [1], f"1 is wanted now, got {after.lines!r}")
    expect({x.line_id for x in before.lines} <= {x.line_id for x in after.lines}, "the edit changed the line ids")
    expect(after.updated_at > before.updated_at, "the edited order is not newer than the one before")


@check("orders", ORDERS)
def an_order_that_changes_while_paging_is_not_lost(harness: Harness) -> None:
    """An order of a page that was read already changes before the next page: its new state arrives."""
    adapter = harness.make_adapter()
    placed = _ordered(harness, adapter, 5)
    first = pull(harness, adapter, None, 2)
    moved = first.orders[0].order_id
    harness.tick(5)
    harness.channel.cancel(moved)
    harness.settle()
    rest = pull_all(harness, adapter, first.cursor, 2)
    rest += pull_all(harness, adapter, rest[-1].cursor, 2)
    _none_lost(placed, ids([first, *rest]), "when an order changed while paging")
    last = [order for page in rest for order in page.orders if order.order_id == moved]
    expect(bool(last), "the change made between two pages never arrived")
    expect(last[-1].cancellation is CancellationState.CANCELLED, f"it arrived as {last[-1].cancellation}")


@check("orders", ORDERS)
def coverage_promises_no_more_than_was_delivered(harness: Harness) -> None:
    """`covered_until` never lies after an order that the channel already has but this round did not deliver."""
    adapter = harness.make_adapter()
    sku = shop(harness, adapter)
    cursor: str | None = None
    for _ in range(4):
        harness.tick(11)
        at = harness.clock.now()
        order_id = harness.channel.place_order([(sku, 1)])
        harness.tick(3)
        pages = pull_all(harness, adapter, cursor)
        cursor, covered = pages[-1].cursor, pages[-1].covered_until
        expect(covered is None or covered <= harness.clock.now(), f"the coverage {covered} lies in the future")
        if order_id not in ids(pages) and covered is not None:
            expect(covered < at, f"an order of {at} was not delivered, yet everything up to {covered} is «covered»")


@check("orders", ORDERS)
def coverage_moves_on(harness: Harness) -> None:
    """Without coverage the hub could never trust its picture: it follows the channel's time, at most an hour behind."""
    adapter = harness.make_adapter()
    first = pull_all(harness, adapter, None)[-1]
    harness.channel.advance(timedelta(hours=3))
    second = pull_all(harness, adapter, first.cursor)[-1]
    expect(second.covered_until is not None, "the last page of a round says nothing about coverage")
    if second.covered_until is not None:
        behind = harness.clock.now() - second.covered_until
        allowed = timedelta(hours=1, seconds=harness.manifest.order_lag_s)
        expect(behind <= allowed, f"the coverage is {behind} behind the channel's time")


@check("orders", ORDERS)
def times_are_aware_utc(harness: Harness) -> None:
    """Every instant is aware UTC and lies where the order was placed."""
    adapter = harness.make_adapter()
    sku = shop(harness, adapter)
    at = harness.clock.now()
    order = harness.order(adapter, [(sku, 1)])
    for name in ("placed_at", "updated_at", "ship_by", "deliver_by"):
        value = getattr(order, name)
        if value is not None:
            expect(value.utcoffset() == timedelta(0), f"{name} is {value!r}, not aware UTC")
    expect(abs(order.placed_at - at) < timedelta(seconds=2), f"placed at {at}, read as {order.placed_at}")


@check("orders", ORDERS)
def read_again_is_the_same(harness: Harness) -> None:
    """Reading is deterministic: two reads and the pulled copy agree, line ids are unique and stable."""
    adapter = harness.make_adapter()
    first, second = harness.listings(adapter, harness.fresh_sku(), harness.fresh_sku(), quantity=9)
    order = harness.order(adapter, [(first.channel_sku, 2), (second.channel_sku, 1)])
    assert isinstance(adapter, PullsOrders)
    again = adapter.read_order(order.order_id)
    expect(again == order, "two reads of an unchanged order differ")
    pulled = _latest(pull_all(harness, adapter, None), order.order_id)
    line_ids = [line.line_id for line in order.lines]
    expect(len(set(line_ids)) == 2, f"two lines have the ids {line_ids}")
    expect([line.line_id for line in pulled.lines] == line_ids, "line ids differ between a pull and a read")
    got = {line.channel_sku: line.quantity for line in order.lines}
    expect(got == {first.channel_sku: 2, second.channel_sku: 1}, f"SKU and quantity were read as {got}")


@check("orders", ORDERS)
def money_is_exact(harness: Harness) -> None:
    """Total and currency are the channel's own; every amount of the order is in that currency."""
    adapter = harness.make_adapter()
    order = harness.order(adapter, [(shop(harness, adapter), 3)])
    seen = harness.channel.observed_order(order.order_id)
    total = order.totals.total
    expect(order.currency == seen.currency, f"the channel says {seen.currency}, the adapter {order.currency}")
    expect(total is not None and total.minor == seen.total_minor, f"the total is {seen.total_minor}, read as {total}")
    amounts = [line.unit_price for line in order.lines] + [
        value
        for value in (total, order.totals.items, order.totals.shipping, order.totals.tax, order.totals.discount)
        if value is not None
    ]
    wrong = [value for value in amounts if value.currency != order.currency]
    expect(not wrong, f"amounts in another currency: {wrong}")


@check("orders", ORDERS)
def an_unknown_order_is_missing(harness: Harness) -> None:
    """Reading an order that does not exist raises Missing."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, PullsOrders)
    order = harness.order(adapter, [(shop(harness, adapter), 1)])
    digits = "".join("9" if ch.isdigit() else ch for ch in order.order_id)
    try:
        found = adapter.read_order(digits)
    except Missing:
        return
    except ChannelError as error:
        expect(False, f"an unknown order raises {type(error).__name__}, not Missing: {error} {error.detail}")
    else:
        expect(False, f"an unknown order was read as {found!r}")


SENTINELS = {"name": "Zoë Sentinel", "line1": "Sentinelgasse 77", "city": "Sentinelstadt", "postal_code": "98765"}


@check("orders", ORDERS)
def personal_data_stays_in_its_place(harness: Harness) -> None:
    """Names and addresses appear in `ship_to`, `buyer` and `raw` only, and in no repr."""
    adapter = harness.make_adapter()
    sku = shop(harness, adapter)
    email = "zoe.sentinel@example.test"
    order_id = harness.channel.place_order(
        [(sku, 1)], buyer={"name": SENTINELS["name"], "email": email}, ship_to={**SENTINELS, "country": "DE"}
    )
    harness.settle()
    pages = pull_all(harness, adapter, None)
    order = _latest(pages, order_id)
    others = [
        repr(getattr(order, name))
        for name in ("order_id", "display_id", "lines", "totals", "service_code", "shipments", "facts")
    ]
    for value in (*SENTINELS.values(), email):
        expect(value not in repr(pages), "personal data shows in the repr of a page")
        expect(all(value not in text for text in others), "personal data in a field that is not meant for it")
        expect(all(value not in text for text in harness.logged), "personal data in a log line")
        expect(all(value not in page.cursor for page in pages), "personal data in the cursor")


@check("orders", ORDERS)
def a_cursor_of_somebody_else_is_refused(harness: Harness) -> None:
    """A cursor that this adapter never made raises a ChannelError, nothing else."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, PullsOrders)
    for strange in ("not json", '{"unknown": 1}', "[]"):
        try:
            adapter.pull_orders(strange, limit=5)
        except ChannelError:
            continue
        expect(False, f"the cursor {strange!r} was accepted")
