"""The adapter against the simulated Amazon: whole errands, judged by the channel's own books."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from amazon_support import NOW, SECRETS, Bench, bench

from hub.channels.amazon.adapter import AmazonAdapter
from hub.channels.contract import (
    Applied,
    CancellationState,
    CancelRequest,
    ChannelError,
    ChannelOrder,
    Found,
    FulfilmentState,
    ListingDraft,
    ListingRef,
    ListingState,
    NotFound,
    OutcomeUnknown,
    PaymentState,
    Pending,
    PriceLevel,
    Refused,
    ShipmentConfirmation,
    StockLevel,
    Submitted,
    VariantDraft,
)
from hub.kernel.clock import FixedClock
from hub.kernel.money import Money
from hub.loopback.faults import Fault, FaultKind
from hub.simulators.amazon import AmazonSimulator
from hub.simulators.base import LedgerListing, OrderSpec


@dataclass
class Market:
    sim: AmazonSimulator
    clock: FixedClock
    made: Bench

    @property
    def adapter(self) -> AmazonAdapter:
        return self.made.adapter

    def wait(self, **span: float) -> None:
        self.clock.advance(timedelta(**span))

    def listing(self, sku: str) -> LedgerListing:
        return next(row for row in self.sim.ledger()["listings"] if row["sku"] == sku)

    def pull_all(self, cursor: str | None = None, limit: int = 2) -> tuple[dict[str, ChannelOrder], str]:
        found: dict[str, ChannelOrder] = {}
        while True:
            page = self.adapter.pull_orders(cursor, limit=limit)
            assert page.bad == ()
            found |= {order.order_id: order for order in page.orders}
            cursor = page.cursor
            if not page.has_more:
                return found, cursor


@pytest.fixture
def market() -> Iterator[Market]:
    clock = FixedClock(NOW)
    sim = AmazonSimulator(clock=clock)
    own = sim.credentials
    with sim.server() as server:
        made = bench(
            server.url,
            clock=clock,
            secrets={name: own[name] for name in SECRETS},
            seller_id=own["seller_id"],
            marketplace_id=own["marketplace_id"],
            feed_from="20",
        )
        yield Market(sim=sim, clock=clock, made=made)
        made.adapter.close()


def euro(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def level(sku: str, quantity: int) -> StockLevel:
    return StockLevel(
        ref=ListingRef(channel_sku=sku), quantity=quantity, revision=1, idempotency_key=f"{sku}-{quantity}"
    )


def test_stock_by_feed_reaches_every_listing_and_names_the_wrong_ones(market: Market) -> None:
    skus = [f"SKU {n}/ä" for n in range(24)]
    for sku in skus:
        market.sim.add_listing({"sku": sku, "quantity": 1, "price_minor": 1000, "title": sku})
    outcomes = market.adapter.push_stock([level(sku, n) for n, sku in enumerate([*skus, "unknown"])])
    assert isinstance(outcomes[0], Submitted)
    ticket = outcomes[0].ticket
    told = market.adapter.poll(ticket)
    waits = 0
    while isinstance(told, Pending):
        market.wait(seconds=told.retry_after_s)
        told = market.adapter.poll(ticket)
        waits += 1
    assert 0 < waits < 60
    assert [sku for sku, outcome in told.items() if isinstance(outcome, Refused)] == ["unknown"]
    assert all(isinstance(told[sku], Applied) for sku in skus)
    market.wait(minutes=20)
    assert [market.listing(sku)["quantity"] for sku in skus] == list(range(24))
    assert "patchListingsItem" not in market.made.operations()


def test_prices_by_feed_and_one_by_one_end_the_same(market: Market) -> None:
    for n in range(20):
        market.sim.add_listing({"sku": f"S{n}", "quantity": 1, "price_minor": 1000, "title": "x"})
    levels = [
        PriceLevel(ref=ListingRef(channel_sku=f"S{n}"), price=euro(1500 + n), revision=1, idempotency_key=f"k{n}")
        for n in range(20)
    ]
    assert isinstance(market.adapter.push_prices(levels)[0], Submitted)
    market.wait(minutes=40)
    assert [market.listing(f"S{n}")["price_minor"] for n in range(20)] == [1500 + n for n in range(20)]
    (one,) = market.adapter.push_prices(
        [PriceLevel(ref=ListingRef(channel_sku="S0"), price=euro(999), revision=2, idempotency_key="k")]
    )
    assert isinstance(one, Applied)
    market.wait(minutes=20)
    assert market.listing("S0")["price_minor"] == 999


def test_a_family_is_published_by_feed_read_back_revised_and_ended(market: Market) -> None:
    variants = tuple(
        VariantDraft(channel_sku=f"KNIFE-{n}", price=euro(1299), quantity=n, options={"Size": str(n)}) for n in range(9)
    )
    draft = ListingDraft(
        listing_key="0123456789abcdef0123456789abcdef", title="Knife", description="Sharp.", brand="Plain",
        variants=variants, images=("https://images.example.test/a.jpg",),
    )  # fmt: skip
    outcome = market.adapter.publish_listing(draft)
    assert isinstance(outcome, Submitted)
    market.wait(minutes=40)
    told = market.adapter.poll(outcome.ticket)
    assert not isinstance(told, Pending)
    assert {type(found) for found in told.values()} == {Applied}
    reports = market.adapter.read_listings(outcome.refs)
    assert [(report.state, report.quantity) for report in reports] == [(ListingState.LIVE, n) for n in range(9)]
    assert all(report.ref.external_id for report in reports)

    revised = ListingDraft(
        listing_key=draft.listing_key, title="Better knife", description="Sharp.", brand="Plain", images=draft.images,
        variants=(VariantDraft(channel_sku="KNIFE-3", price=euro(1399), quantity=99, options={"Size": "3"}, ref=reports[3].ref),),
    )  # fmt: skip
    assert isinstance(market.adapter.publish_listing(revised), Applied)
    market.wait(minutes=20)
    seen = market.listing("KNIFE-3")
    assert (seen["title"], seen["price_minor"], seen["quantity"]) == ("Better knife", 1399, 3)

    assert isinstance(market.adapter.end_listing(reports[0].ref), Applied)
    market.wait(minutes=20)
    assert market.adapter.read_listings([reports[0].ref])[0].state is ListingState.VANISHED


def test_an_order_lives_from_pending_to_shipped(market: Market) -> None:
    market.sim.add_listing({"sku": "A", "quantity": 10, "price_minor": 1000, "title": "A"})
    order_id = market.sim.place_order(OrderSpec(lines=[("A", 3)], pending=True))
    market.wait(minutes=3)
    found, cursor = market.pull_all()
    assert (found[order_id].payment, found[order_id].lines[0].quantity) == (PaymentState.PENDING, 3)
    market.sim.pay_order(order_id)
    market.wait(minutes=3)
    found, cursor = market.pull_all(cursor)
    order = found[order_id]
    assert (order.payment, order.fulfilment) == (PaymentState.PAID, FulfilmentState.UNFULFILLED)
    assert order.ship_to is not None

    def parcel(number: int, quantity: int) -> ShipmentConfirmation:
        return ShipmentConfirmation(
            shipment_key=f"s{number}", package_number=number, order_id=order_id, carrier="dhl", tracking=f"JJD {number}",
            shipped_at=market.clock.now(), lines=((order.lines[0].line_id, quantity),), order_facts=order.facts,
        )  # fmt: skip

    assert market.adapter.confirm_shipment(parcel(1, 1)) == Applied(external_id="1")
    assert market.adapter.confirm_shipment(parcel(1, 1)) == Applied(external_id="1")
    market.wait(minutes=3)
    assert market.adapter.read_order(order_id).fulfilment is FulfilmentState.PARTIAL
    assert isinstance(market.adapter.find_shipment(order_id, "jjd1"), Found)
    assert market.adapter.find_shipment(order_id, "JJD 2") == NotFound()
    market.adapter.confirm_shipment(parcel(2, 2))
    market.wait(minutes=3)
    found, _ = market.pull_all(cursor)
    assert found[order_id].fulfilment is FulfilmentState.FULFILLED
    assert [len(row["shipments"]) for row in market.sim.ledger()["orders"]] == [2]


def test_a_confirmation_whose_answer_was_lost_leaves_one_parcel_when_sent_again(market: Market) -> None:
    market.sim.add_listing({"sku": "A", "quantity": 10, "price_minor": 1000, "title": "A"})
    order_id = market.sim.place_order(OrderSpec(lines=[("A", 1)]))
    market.wait(minutes=3)
    line_id = market.adapter.read_order(order_id).lines[0].line_id
    parcel = ShipmentConfirmation(
        shipment_key="s", package_number=1, order_id=order_id, carrier="Kurier Müller", tracking="77",
        shipped_at=market.clock.now(), lines=((line_id, 1),),
    )  # fmt: skip
    market.sim.plan.arm(Fault(kinds=(FaultKind.APPLY_THEN_500,), operation="confirmShipment"))
    with pytest.raises(OutcomeUnknown):
        market.adapter.confirm_shipment(parcel)
    assert market.adapter.confirm_shipment(parcel) == Applied(external_id="1")
    (order,) = market.sim.ledger()["orders"]
    assert [shipment["tracking"] for shipment in order["shipments"]] == ["77"]


def test_a_buyers_request_is_seen_declined_without_a_call_and_granted_by_feed(market: Market) -> None:
    market.sim.add_listing({"sku": "A", "quantity": 10, "price_minor": 1000, "title": "A"})
    order_id = market.sim.place_order(OrderSpec(lines=[("A", 2)]))
    market.wait(minutes=3)
    market.sim.request_cancel(order_id)
    market.wait(minutes=3)
    found, _ = market.pull_all()
    assert found[order_id].cancellation is CancellationState.REQUESTED
    sent = len(market.made.traffic)
    declined = CancelRequest(cancel_key="c", order_id=order_id, accept=False, answers_request=True)
    assert isinstance(market.adapter.cancel_order(declined), Applied)
    assert len(market.made.traffic) == sent
    granted = CancelRequest(cancel_key="c", order_id=order_id, reason="buyer_request", answers_request=True)
    outcome = market.adapter.cancel_order(granted)
    assert isinstance(outcome, Submitted)
    market.wait(minutes=40)
    told = market.adapter.poll(outcome.ticket)
    assert not isinstance(told, Pending)
    assert isinstance(told[order_id], Applied)
    market.wait(minutes=3)
    assert market.adapter.read_order(order_id).cancellation is CancellationState.CANCELLED
    assert isinstance(market.adapter.cancel_order(granted), Applied)


def test_what_is_shipped_cannot_be_cancelled(market: Market) -> None:
    market.sim.add_listing({"sku": "A", "quantity": 10, "price_minor": 1000, "title": "A"})
    order_id = market.sim.place_order(OrderSpec(lines=[("A", 1)]))
    market.wait(minutes=3)
    line_id = market.adapter.read_order(order_id).lines[0].line_id
    market.adapter.confirm_shipment(
        ShipmentConfirmation(
            shipment_key="s", package_number=1, order_id=order_id, carrier="dhl", tracking="1",
            shipped_at=market.clock.now(), lines=((line_id, 1),),
        )
    )  # fmt: skip
    market.wait(minutes=3)
    refused = market.adapter.cancel_order(CancelRequest(cancel_key="c", order_id=order_id))
    assert isinstance(refused, Refused)
    assert refused.problems[0].code == "nothing_to_cancel"


@pytest.mark.parametrize(("ahead_s", "asked"), [(0, True), (15, True), (16, False)])
def test_a_clock_up_to_15_seconds_ahead_of_amazons_still_pulls(ahead_s: int, asked: bool) -> None:
    sim = AmazonSimulator(clock=FixedClock(NOW))
    own = sim.credentials
    with sim.server() as server:
        made = bench(
            server.url, clock=FixedClock(NOW + timedelta(seconds=ahead_s)),
            secrets={name: own[name] for name in SECRETS}, seller_id=own["seller_id"], marketplace_id=own["marketplace_id"],
        )  # fmt: skip
        if asked:
            assert made.adapter.pull_orders(None, limit=10).orders == ()
        else:
            with pytest.raises(ChannelError):
                made.adapter.pull_orders(None, limit=10)
        made.adapter.close()


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_every_order_arrives_over_pages_of_any_size_also_when_changed_meanwhile(market: Market, limit: int) -> None:
    market.sim.add_listing({"sku": "A", "quantity": 100, "price_minor": 1000, "title": "A"})
    placed = [market.sim.place_order(OrderSpec(lines=[("A", 1)])) for _ in range(7)]
    market.wait(minutes=5)
    page = market.adapter.pull_orders(None, limit=limit)
    seen = {order.order_id for order in page.orders}
    market.sim.request_cancel(placed[-1])
    late = market.sim.place_order(OrderSpec(lines=[("A", 1)]))
    while page.has_more:
        market.wait(minutes=1)
        page = market.adapter.pull_orders(page.cursor, limit=limit)
        seen |= {order.order_id for order in page.orders}
    market.wait(minutes=10)
    found, _ = market.pull_all(page.cursor, limit=limit)
    assert seen | set(found) == {*placed, late}
    assert found[placed[-1]].cancellation is CancellationState.REQUESTED
