"""Whole flows against the eBay simulator: what really stands on the channel afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from hub.channels.contract import (
    Applied,
    CancelRequest,
    ChannelError,
    ChannelOrder,
    ChannelOrderLine,
    Deferred,
    ListingRef,
    ListingState,
    PaymentState,
    PriceLevel,
    Refused,
    StockLevel,
)
from hub.channels.ebay.adapter import EbayAdapter
from hub.channels.testkit.harness import Harness
from hub.kernel.money import Money
from hub.loopback.faults import FaultKind
from hub.rehearsal import open_harness


@pytest.fixture
def harness() -> Iterator[Harness]:
    with open_harness("ebay") as opened:
        yield opened


def adapter_of(harness: Harness, **settings: str) -> EbayAdapter:
    adapter = harness.make_adapter(settings=settings)
    assert isinstance(adapter, EbayAdapter)
    return adapter


def level(ref: ListingRef, quantity: int, revision: int = 1) -> StockLevel:
    return StockLevel(ref=ref, quantity=quantity, revision=revision, idempotency_key=f"{ref.channel_sku}-{revision}")


def pulled(harness: Harness, adapter: EbayAdapter) -> list[ChannelOrder]:
    harness.settle()
    page = adapter.pull_orders(None, limit=50)
    orders = list(page.orders)
    while page.has_more:
        page = adapter.pull_orders(page.cursor, limit=50)
        orders += page.orders
    return orders


def by_hand(harness: Harness, adapter: EbayAdapter, sku: str, quantity: int) -> ListingRef:
    harness.channel.add_listing(sku, quantity)
    seen = harness.channel.observed_listing(sku)
    assert seen is not None
    (report,) = adapter.read_listings([ListingRef(channel_sku=sku, external_id=seen.external_id)])
    assert report.ref.facts["managed_by"] == "trading"
    assert (report.state, report.quantity) == (ListingState.LIVE, quantity)
    return report.ref


LOSSES = ("createOrReplaceInventoryItem", "createOrReplaceInventoryItemGroup", "createOffer", "publishOffer*")


@pytest.mark.parametrize("operation", LOSSES)
@pytest.mark.parametrize("skus", [("ONE",), ("S", "M", "L")])
def test_a_publish_repeated_after_a_lost_answer_leaves_one_listing(
    harness: Harness, operation: str, skus: tuple[str, ...]
) -> None:
    adapter = adapter_of(harness)
    harness.channel.break_next(FaultKind.APPLY_THEN_DROP, operation)
    if not (operation.endswith("Group") and len(skus) == 1):
        with pytest.raises(ChannelError):
            adapter.publish_listing(harness.draft(*skus))
    harness.channel.heal()
    outcome = adapter.publish_listing(harness.draft(*skus))
    assert isinstance(outcome, Applied)
    live = [one for one in harness.channel.observed_listings() if one.state == "live"]
    assert sorted(one.sku for one in live) == sorted(skus)
    assert {one.external_id for one in live} == {outcome.external_id}


def test_one_variation_ends_and_its_siblings_go_on(harness: Harness) -> None:
    adapter = adapter_of(harness)
    outcome = adapter.publish_listing(harness.draft("S", "M", "L"))
    assert isinstance(outcome, Applied)
    for gone, left in (("M", ["L", "S"]), ("S", ["L"]), ("L", [])):
        ref = next(one for one in outcome.refs if one.channel_sku == gone)
        assert isinstance(adapter.end_listing(ref), Applied)
        assert isinstance(adapter.end_listing(ref), Applied)
        assert sorted(one.sku for one in harness.channel.observed_listings() if one.state == "live") == left
    reports = adapter.read_listings(outcome.refs)
    assert {one.state for one in reports} <= {ListingState.ENDED, ListingState.VANISHED}


def test_a_listing_made_by_hand_is_revised_and_ended_through_trading(harness: Harness) -> None:
    adapter = adapter_of(harness)
    ref = by_hand(harness, adapter, "HAND & <1>", 5)
    assert isinstance(adapter.push_stock([level(ref, 2)])[0], Applied)
    price = PriceLevel(ref=ref, price=Money(minor=777, currency="EUR"), revision=1, idempotency_key="p")
    assert isinstance(adapter.push_prices([price])[0], Applied)
    seen = harness.channel.observed_listing("HAND & <1>")
    assert seen is not None
    assert (seen.quantity, seen.price_minor) == (2, 777)
    harness.channel.place_order([("HAND & <1>", 1)])
    assert adapter.read_listings([ref])[0].quantity == 1
    assert isinstance(adapter.end_listing(ref), Applied)
    assert isinstance(adapter.end_listing(ref), Applied)
    assert adapter.read_listings([ref])[0].state is ListingState.ENDED
    refused = adapter.push_stock([level(ref, 9, 2)])[0]
    assert isinstance(refused, Refused)
    assert refused.missing


def test_the_same_trading_revision_sent_twice_is_applied_twice(harness: Harness) -> None:
    adapter = adapter_of(harness)
    ref = by_hand(harness, adapter, "HAND", 5)
    harness.channel.break_next(FaultKind.APPLY_THEN_DROP, "Trading.ReviseInventoryStatus")
    with pytest.raises(ChannelError):
        adapter.push_stock([level(ref, 3)])
    assert isinstance(adapter.push_stock([level(ref, 3)])[0], Applied)
    assert harness.channel.observed_stock("HAND") == 3


def test_the_251st_revision_of_a_day_waits_for_midnight_in_california(harness: Harness) -> None:
    adapter = adapter_of(harness)
    ref = by_hand(harness, adapter, "HAND", 5)
    outcomes = [adapter.push_stock([level(ref, 1 + number % 9, number)])[0] for number in range(251)]
    assert {type(one) for one in outcomes[:250]} == {Applied}
    waits = outcomes[250]
    assert isinstance(waits, Deferred)
    harness.tick(waits.retry_after_s + 1)
    assert isinstance(adapter.push_stock([level(ref, 7, 300)])[0], Applied)


def test_batches_mix_both_kinds_of_listings(harness: Harness) -> None:
    adapter = adapter_of(harness)
    refs = harness.listings(adapter, *(f"R{n}" for n in range(6)))
    refs += [by_hand(harness, adapter, f"H{n}", 5) for n in range(6)]
    levels = [level(ref, 10 + number, 5) for number, ref in enumerate(refs)]
    assert {type(one) for one in adapter.push_stock(levels)} == {Applied}
    assert [harness.channel.observed_stock(ref.channel_sku) for ref in refs] == list(range(10, 22))


@pytest.mark.parametrize("accept", [True, False])
def test_a_buyers_request_is_seen_and_answered(harness: Harness, accept: bool) -> None:
    adapter = adapter_of(harness)
    ref = harness.listing(adapter)
    order_id = harness.channel.place_order([(ref.channel_sku, 1)])
    harness.settle()
    harness.channel.request_cancel(order_id)
    (order,) = pulled(harness, adapter)
    assert order.cancellation == "requested"
    assert order.facts["cancel_request_id"]
    answer = CancelRequest(
        cancel_key="c", order_id=order_id, answers_request=True, accept=accept, order_facts=order.facts
    )
    assert isinstance(adapter.cancel_order(answer), Applied)
    assert isinstance(adapter.cancel_order(answer), Applied)
    harness.settle()
    assert adapter.read_order(order_id).cancellation == ("cancelled" if accept else "none")


def test_an_unpaid_order_is_taken_on_request_and_known_again_when_paid(harness: Harness) -> None:
    plain, eager = adapter_of(harness), adapter_of(harness, pull_unpaid="yes")
    ref = harness.listing(plain)
    harness.channel.place_order([(ref.channel_sku, 2)], pending=True)
    assert pulled(harness, plain) == []
    (unpaid,) = pulled(harness, eager)
    assert unpaid.payment is PaymentState.PENDING
    assert sum(line.quantity for line in unpaid.lines) == 2
    assert_line(unpaid.lines[0], ref.channel_sku)
    harness.channel.pay(unpaid.order_id)
    paid = [one for one in pulled(harness, eager) if one.payment is PaymentState.PAID]
    assert len(paid) == 1
    assert paid[0].order_id != unpaid.order_id
    assert paid[0].facts["order_line_item_ids"] == unpaid.facts["order_line_item_ids"]


def assert_line(line: ChannelOrderLine, sku: str) -> None:
    assert (line.channel_sku, line.unit_price) == (sku, Money(minor=1999, currency="EUR"))


def test_orders_that_change_while_a_pull_pages_are_all_delivered(harness: Harness) -> None:
    adapter = adapter_of(harness)
    ref = harness.listing(adapter, quantity=50)
    wanted = []
    for _ in range(9):
        wanted.append(harness.channel.place_order([(ref.channel_sku, 1)]))
        harness.tick(5)
    harness.settle()
    page = adapter.pull_orders(None, limit=2)
    seen = [one.order_id for one in page.orders]
    for order_id in wanted[:3]:
        harness.channel.request_cancel(order_id)
        harness.tick(1)
        page = adapter.pull_orders(page.cursor, limit=2)
        seen += [one.order_id for one in page.orders]
    while page.has_more:
        page = adapter.pull_orders(page.cursor, limit=2)
        seen += [one.order_id for one in page.orders]
    assert set(seen) >= set(wanted[3:])
    harness.settle()
    later = []
    while True:
        page = adapter.pull_orders(page.cursor, limit=2)
        later += [one.order_id for one in page.orders]
        if not page.has_more:
            break
    assert set(seen) | set(later) == set(wanted)
    assert set(later) >= set(wanted[:3])


def test_a_token_that_ends_in_the_middle_is_renewed(harness: Harness) -> None:
    adapter = adapter_of(harness)
    adapter.probe()
    harness.channel.advance(timedelta(hours=3))
    adapter.probe()
    harness.channel.break_next(FaultKind.AUTH_EXPIRED)
    assert adapter.probe().missing_scopes == ()
    assert sum(one.operation == "token" for one in harness.channel.requests()) == 3
