"""The memory marketplace as a channel: what buyers, its own screens and the observer can rely on."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from hub.channels.contract import (
    Applied,
    BadRecord,
    CancellationState,
    FulfilmentState,
    ListingRef,
    Pending,
    StockLevel,
    Submitted,
    Unclear,
)
from hub.channels.memory import twins
from hub.channels.memory.adapter import MemoryAdapter
from hub.channels.memory.counter import exchange
from hub.channels.memory.marketplace import (
    MarketplaceError,
    MemoryMarketplace,
    close_marketplace,
    open_marketplace,
)
from hub.channels.testkit.harness import START, Harness
from hub.channels.testkit.memory import MemoryTruth, memory_harness
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Misconfigured
from hub.loopback.faults import Fault, FaultKind


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def shop(clock: FixedClock) -> MemoryMarketplace:
    shop = MemoryMarketplace(name="test", clock=clock, api_key="key")
    shop.add_listing("MUG", 5, price_minor=1250)
    return shop


def _adapter(harness: Harness) -> MemoryAdapter:
    adapter = harness.make_adapter()
    assert isinstance(adapter, MemoryAdapter)
    return adapter


def _shop(harness: Harness) -> MemoryMarketplace:
    assert isinstance(harness.channel, MemoryTruth)
    return harness.channel.shop


def _level(sku: str, quantity: int) -> StockLevel:
    return StockLevel(ref=ListingRef(channel_sku=sku), quantity=quantity, revision=1, idempotency_key="k")


def test_an_order_lowers_the_marketplaces_own_number(shop: MemoryMarketplace) -> None:
    shop.place_order([("MUG", 2)])
    assert shop.observed_stock("MUG") == 3


def test_buyers_cannot_take_more_than_is_shown(shop: MemoryMarketplace) -> None:
    with pytest.raises(MarketplaceError, match="only 5 of 'MUG' left"):
        shop.place_order([("MUG", 6)])
    assert shop.observed_stock("MUG") == 5
    shop.place_order([("MUG", 6)], force=True)
    assert shop.observed_stock("MUG") == 0


def test_a_suppressed_listing_cannot_be_bought(shop: MemoryMarketplace) -> None:
    shop.suppress("MUG")
    with pytest.raises(MarketplaceError):
        shop.place_order([("MUG", 1)])


def test_a_cancelled_order_gives_its_units_back(shop: MemoryMarketplace) -> None:
    order_id = shop.place_order([("MUG", 2)])
    shop.cancel_order(order_id)
    shop.cancel_order(order_id)
    assert shop.observed_stock("MUG") == 5
    assert (shop.orders[order_id].payment, shop.orders[order_id].cancellation) == ("refunded", "cancelled")


def test_an_edited_order_moves_the_difference(shop: MemoryMarketplace) -> None:
    order_id = shop.place_order([("MUG", 3)])
    line_id = shop.orders[order_id].lines[0].line_id
    shop.amend_order(order_id, {line_id: 1})
    assert shop.observed_stock("MUG") == 4
    with pytest.raises(MarketplaceError):
        shop.amend_order(order_id, {line_id: -1})


def test_concurrent_buyers_never_take_the_same_unit(shop: MemoryMarketplace) -> None:
    shop.set_stock("MUG", 50)
    sold: list[str] = []

    def buy() -> None:
        for _ in range(20):
            try:
                sold.append(shop.place_order([("MUG", 1)]))
            except MarketplaceError:
                return

    threads = [threading.Thread(target=buy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(set(sold)), shop.observed_stock("MUG")) == (50, 0)


def test_tickets_finish_when_their_time_has_come(clock: FixedClock) -> None:
    with memory_harness(stock_answer="later") as harness:
        adapter = _adapter(harness)
        harness.channel.add_listing("MUG", 5)
        taken = adapter.push_stock([_level("MUG", 8), _level("NONE", 1)])
        assert isinstance(taken[0], Submitted)
        assert taken[0] == taken[1]
        assert harness.channel.observed_stock("MUG") == 5
        assert adapter.poll(taken[0].ticket) == Pending(retry_after_s=60.0)
        harness.tick(60)
        finished = adapter.poll(taken[0].ticket)
        assert not isinstance(finished, Pending)
        assert finished["MUG"] == Applied(observed=8)
        assert harness.channel.observed_stock("MUG") == 8


def test_orders_stay_invisible_for_the_lag() -> None:
    with memory_harness(order_lag_s=90) as harness:
        adapter = _adapter(harness)
        harness.channel.add_listing("MUG", 5)
        order_id = harness.channel.place_order([("MUG", 1)])
        harness.tick(89)
        early = adapter.pull_orders(None, limit=10)
        assert (early.orders, early.covered_until) == ((), START - timedelta(seconds=1))
        harness.tick(1)
        assert [order.order_id for order in adapter.pull_orders(early.cursor, limit=10).orders] == [order_id]


@pytest.mark.parametrize("kind", [FaultKind.DUPLICATE_PAGE, FaultKind.SHUFFLE_PAGE])
def test_pages_can_come_doubled_or_shuffled(kind: FaultKind) -> None:
    with memory_harness() as harness:
        adapter = _adapter(harness)
        harness.channel.add_listing("MUG", 5)
        placed = [harness.channel.place_order([("MUG", 1)]) for _ in range(3)]
        _shop(harness).plan.arm(Fault(kinds=(kind,)))
        ids = [order.order_id for order in adapter.pull_orders(None, limit=10).orders]
        assert ids == (placed * 2 if kind is FaultKind.DUPLICATE_PAGE else placed[::-1])


def test_one_unreadable_order_does_not_stop_the_page() -> None:
    with memory_harness() as harness:
        adapter = _adapter(harness)
        harness.channel.add_listing("MUG", 5)
        placed = [harness.channel.place_order([("MUG", 1)]) for _ in range(3)]
        _shop(harness).orders[placed[1]].payment = "in beads"
        page = adapter.pull_orders(None, limit=10)
        assert [order.order_id for order in page.orders] == [placed[0], placed[2]]
        assert [bad.order_id for bad in page.bad] == [placed[1]]
        assert isinstance(page.bad[0], BadRecord)
        assert "beads" in page.bad[0].why
        assert "Ada" not in repr(page.bad)


def test_an_item_that_the_answer_does_not_mention_is_unclear() -> None:
    told = twins.parse_results({"results": [{"sku": "A", "status": "done"}, {"sku": "B", "status": "eaten"}]}, "ABC")
    assert told == [
        Applied(),
        Unclear(why="the marketplace answered 'eaten'"),
        Unclear(why="the answer does not mention this item"),
    ]


def test_an_order_knows_how_much_has_shipped() -> None:
    with memory_harness() as harness:
        adapter = _adapter(harness)
        harness.channel.add_listing("MUG", 5)
        order = harness.order(adapter, [("MUG", 2)])
        states = [order.fulfilment]
        for units in (1, 1):
            line = order.lines[0]
            _shop(harness).orders[order.order_id].lines[0].shipped += units
            order = adapter.read_order(order.order_id)
            assert order.lines[0].line_id == line.line_id
            states.append(order.fulfilment)
        assert states == [FulfilmentState.UNFULFILLED, FulfilmentState.PARTIAL, FulfilmentState.FULFILLED]
        assert order.cancellation is CancellationState.NONE


def test_a_session_that_ends_is_renewed_by_the_marketplaces_clock() -> None:
    with memory_harness() as harness:
        adapter = _adapter(harness)
        adapter.probe()
        harness.channel.advance(timedelta(hours=2))
        adapter.probe()
        assert [row.operation for row in harness.channel.requests()] == ["login", "whoami", "login", "whoami"]


def test_wrong_settings_are_misconfigurations() -> None:
    with memory_harness() as harness:
        for settings in ({"timeout_s": "soon"}, {"orders_since": "yesterday"}):
            with pytest.raises(Misconfigured):
                harness.make_adapter(settings=settings)


def test_the_first_to_ask_founds_a_marketplace_and_others_find_it(clock: FixedClock) -> None:
    try:
        first = open_marketplace("founded", clock=clock, api_key="one")
        assert open_marketplace("founded", clock=clock, api_key="two") is first
        assert first.api_key == "one"
    finally:
        close_marketplace("founded")


def test_the_log_keeps_every_request_with_its_fault(shop: MemoryMarketplace) -> None:
    shop.break_next(FaultKind.RESET_BEFORE)
    with pytest.raises(ConnectionResetError):
        exchange(shop, "login", "", json.dumps({"api_key": "key"}).encode(), timeout_s=1)
    answer = exchange(shop, "login", "", json.dumps({"api_key": "wrong"}).encode(), timeout_s=1)
    assert answer.status == 401
    assert [(row.operation, row.status, row.fault) for row in shop.requests()] == [
        ("login", None, FaultKind.RESET_BEFORE),
        ("login", 401, None),
    ]
    assert "key" not in repr(shop.requests()).replace("api_key", "")
