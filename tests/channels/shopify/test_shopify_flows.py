"""Whole journeys against the Shopify simulator: an independent reading of the same contract."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from shopify_support import NOW, MemoryTokens

from hub.channels.contract import (
    Applied,
    BuildContext,
    CancelRequest,
    ChannelError,
    ListingDraft,
    ListingRef,
    ListingState,
    OutcomeUnknown,
    PriceLevel,
    Refused,
    ShipmentConfirmation,
    Stale,
    StockLevel,
    Submitted,
    Throttled,
    VariantDraft,
)
from hub.channels.shopify.adapter import ShopifyAdapter
from hub.channels.wire import RequestsWire
from hub.kernel.clock import FixedClock
from hub.kernel.money import Money
from hub.loopback.faults import Fault, FaultKind
from hub.simulators.base import OrderSpec, Scenario
from hub.simulators.shopify import ShopifySimulator


class Flow:
    """A simulated shop and an adapter on it."""

    def __init__(
        self, kind: str = "client_credentials", number: int = 0, settings: dict[str, str] | None = None, **scenario: Any
    ) -> None:
        self.clock = FixedClock(NOW)
        secrets = {name: f"{name}-{number}" for name in ("access_token", "client_id", "client_secret", "refresh_token")}
        self.sim = ShopifySimulator(clock=self.clock, scenario=Scenario(**scenario), credentials=secrets)
        self.server = self.sim.server().start()
        self.settings = {
            "api_url": self.server.url, "shop": self.sim.credentials["shop"], "credential_kind": kind, "timeout_s": "3",
            **(settings or {}),
        }  # fmt: skip
        self.tokens = MemoryTokens(self.clock)
        self.adapter = ShopifyAdapter(
            BuildContext(
                settings=self.settings, secrets=secrets, wire=RequestsWire(clock=self.clock), clock=self.clock,
                tokens=self.tokens, log=lambda event, /, **fields: None,
            )
        )  # fmt: skip

    def draft(self, *sizes: str, price: int = 1290, quantity: int = 5, title: str = "Cup") -> ListingDraft:
        variants = tuple(
            VariantDraft(
                channel_sku=f"CUP-{size}", price=Money(minor=price, currency="EUR"), quantity=quantity,
                options={"Size": size},
            )
            for size in sizes
        )  # fmt: skip
        return ListingDraft(listing_key="ab" * 16, title=title, description="<p>A cup.</p>", variants=variants)

    def publish(self, *sizes: str) -> list[ListingRef]:
        outcome = self.adapter.publish_listing(self.draft(*sizes))
        assert isinstance(outcome, Applied)
        return list(outcome.refs)

    def shown(self) -> dict[str, int]:
        return {row["sku"]: row["quantity"] for row in self.sim.ledger()["listings"] if row["state"] == "live"}

    def order(self, *lines: tuple[str, int]) -> str:
        return self.sim.place_order(OrderSpec(lines=list(lines)))

    def wait(self, minutes: int = 10) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    def break_next(self, kind: FaultKind, operation: str) -> None:
        self.sim.plan.arm(Fault(kinds=(kind,), operation=operation, hang_s=5))


@pytest.fixture
def flow() -> Iterator[Flow]:
    made = Flow()
    yield made
    made.server.stop()


def _level(ref: ListingRef, quantity: int, key: str, expected: int | None = None) -> StockLevel:
    return StockLevel(ref=ref, quantity=quantity, revision=1, idempotency_key=key, expected=expected)


@pytest.mark.parametrize("kind", ["static", "client_credentials", "offline"])
def test_every_kind_of_credentials_gets_in(kind):
    made = Flow(kind)
    try:
        identity = made.adapter.probe()
        assert (identity.account, identity.missing_scopes) == (made.sim.credentials["shop"], ())
        made.wait(120)
        assert made.adapter.probe() == identity
    finally:
        made.server.stop()


def test_a_lost_answer_to_a_publish_makes_no_second_product(flow):
    flow.break_next(FaultKind.APPLY_THEN_DROP, "productSet")
    with pytest.raises(OutcomeUnknown):
        flow.adapter.publish_listing(flow.draft("S", "M"))
    assert isinstance(flow.adapter.publish_listing(flow.draft("S", "M")), Applied)
    assert flow.shown() == {"CUP-S": 5, "CUP-M": 5}
    assert len(flow.sim.ledger()["listings"]) == 2


def test_a_revision_keeps_variants_it_does_not_name_and_leaves_their_stock(flow):
    refs = flow.publish("S", "M", "L")
    flow.sim.set_stock("CUP-S", 2)
    revised = flow.adapter.publish_listing(flow.draft("S", "XL", price=1500, title="Mug"))
    assert isinstance(revised, Applied)
    assert flow.shown() == {"CUP-S": 2, "CUP-M": 5, "CUP-L": 5, "CUP-XL": 5}
    prices = {row["sku"]: row["price_minor"] for row in flow.sim.ledger()["listings"]}
    assert prices == {"CUP-S": 1500, "CUP-M": 1290, "CUP-L": 1290, "CUP-XL": 1500}
    assert revised.refs[0].facts["variant_id"] == refs[0].facts["variant_id"]


def test_ending_one_variant_of_several_removes_it_alone_and_publishing_brings_it_back(flow):
    small, medium, large = flow.publish("S", "M", "L")
    order = flow.order(("CUP-S", 1))
    assert flow.adapter.end_listing(small) == Applied(external_id=small.facts["variant_id"])
    assert flow.shown() == {"CUP-M": 5, "CUP-L": 5}
    assert flow.adapter.read_listings([small])[0].state is ListingState.VANISHED
    assert flow.adapter.end_listing(small) == Applied()
    flow.wait()
    line = flow.adapter.read_order(order).lines[0]
    assert (line.channel_sku, line.quantity) == ("CUP-S", 1)
    assert flow.adapter.end_listing(medium) == Applied(external_id=medium.facts["variant_id"])
    assert flow.adapter.end_listing(large) == Applied(external_id=large.facts["variant_id"])
    assert flow.shown() == {}
    assert [(row["sku"], row["state"]) for row in flow.sim.ledger()["listings"]] == [("CUP-L", "ended")]
    flow.publish("S", "M", "L")
    assert flow.shown() == {"CUP-S": 5, "CUP-M": 5, "CUP-L": 5}
    assert flow.sim.counts["productVariantsBulkDelete"] == 2


def test_a_lost_answer_to_a_deletion_is_no_harm(flow):
    small, _ = flow.publish("S", "M")
    flow.break_next(FaultKind.APPLY_THEN_DROP, "productVariantsBulkDelete")
    with pytest.raises(OutcomeUnknown):
        flow.adapter.end_listing(small)
    assert flow.adapter.end_listing(small) == Applied()
    assert flow.shown() == {"CUP-M": 5}


def test_compare_and_set_notices_a_sale_the_hub_has_not_seen(flow):
    small, medium = flow.publish("S", "M")
    flow.order(("CUP-S", 2))
    outcomes = flow.adapter.push_stock([_level(small, 9, "k1", expected=5), _level(medium, 7, "k2", expected=5)])
    assert outcomes == [Stale(observed=3), Applied(observed=7)]
    assert flow.shown() == {"CUP-S": 3, "CUP-M": 7}


@pytest.mark.parametrize("kind", [FaultKind.APPLY_THEN_DROP, FaultKind.CUT_JSON, FaultKind.APPLY_THEN_500])
def test_sending_a_lost_stock_change_again_gives_its_first_result_and_undoes_no_sale(flow, kind):
    [small] = flow.publish("S")
    flow.break_next(kind, "inventorySetQuantities")
    with pytest.raises(OutcomeUnknown):
        flow.adapter.push_stock([_level(small, 9, "k1", expected=5)])
    flow.order(("CUP-S", 2))
    assert flow.adapter.push_stock([_level(small, 9, "k1", expected=5)]) == [Applied(observed=9)]
    assert flow.shown() == {"CUP-S": 7}


def test_a_batch_of_250_is_one_call(flow):
    for number in range(250):
        flow.sim.add_listing({"sku": f"H-{number}", "quantity": 1, "price_minor": 100, "currency": "EUR", "title": "x"})
    refs = []
    for start in range(0, 250, 100):
        part = [ListingRef(channel_sku=f"H-{number}") for number in range(start, min(250, start + 100))]
        refs += [report.ref for report in flow.adapter.read_listings(part)]
        flow.wait(1)
    before = flow.sim.counts["inventorySetQuantities"]
    outcomes = flow.adapter.push_stock([_level(ref, 4, f"k{n}", expected=1) for n, ref in enumerate(refs)])
    assert outcomes == [Applied(observed=4)] * 250
    assert flow.sim.counts["inventorySetQuantities"] - before == 1
    assert set(flow.shown().values()) == {4}


@pytest.fixture
def bulk_flow() -> Iterator[Flow]:
    made = Flow(settings={"bulk_from": "2"})
    yield made
    made.server.stop()


def test_bulk_sets_what_it_can_and_names_what_is_stale(bulk_flow):
    flow = bulk_flow
    small, medium, large = flow.publish("S", "M", "L")
    flow.order(("CUP-M", 1))
    outcomes = flow.adapter.push_stock(
        [_level(small, 9, "a", 5), _level(medium, 9, "b", 5), _level(large, 0, "c")]
    )  # fmt: skip
    assert isinstance(outcomes[0], Submitted)
    assert len({outcome.ticket for outcome in outcomes}) == 1
    flow.wait(30)
    told = flow.adapter.poll(outcomes[0].ticket)
    assert told == {"CUP-S": Applied(observed=9), "CUP-M": Stale(observed=4), "CUP-L": Applied(observed=0)}
    assert flow.shown() == {"CUP-S": 9, "CUP-M": 4, "CUP-L": 0}


def test_prices_and_read_back(flow):
    refs = flow.publish("S", "M")
    price = PriceLevel(ref=refs[0], price=Money(minor=999, currency="EUR"), revision=1, idempotency_key="p")
    bare = ListingRef(channel_sku="CUP-M")
    other = PriceLevel(ref=bare, price=Money(minor=888, currency="EUR"), revision=1, idempotency_key="q")
    assert flow.adapter.push_prices([price, other]) == [Applied(), Applied()]
    small, medium, gone = flow.adapter.read_listings([refs[0], bare, ListingRef(channel_sku="NO-SUCH")])
    assert (small.state, small.price, small.quantity) == (ListingState.LIVE, Money(minor=999, currency="EUR"), 5)
    assert medium.price == Money(minor=888, currency="EUR")
    assert gone.state is ListingState.VANISHED


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 20])
def test_every_order_comes_once_a_run_whatever_the_page_size(flow, limit):
    flow.publish("S")
    flow.sim.set_stock("CUP-S", 50)
    placed = []
    for _ in range(9):
        placed.append(flow.order(("CUP-S", 1)))
        flow.clock.advance(timedelta(seconds=1))
    flow.wait()
    found, cursor = [], None
    while True:
        page = flow.adapter.pull_orders(cursor, limit=limit)
        assert page.bad == ()
        found += [order.order_id for order in page.orders]
        cursor = page.cursor
        if not page.has_more:
            break
    assert sorted(found) == sorted(placed)
    assert page.covered_until == flow.clock.now() - timedelta(seconds=60)


def test_an_order_that_changes_while_a_run_pages_is_not_lost(flow):
    flow.publish("S")
    flow.sim.set_stock("CUP-S", 50)
    placed = [flow.order(("CUP-S", 1)) for _ in range(5)]
    flow.wait()
    first = flow.adapter.pull_orders(None, limit=2)
    late = next(order for order in placed if order not in {o.order_id for o in first.orders})
    flow.clock.advance(timedelta(seconds=5))
    flow.sim.cancel_order(late)
    flow.wait()
    found = {order.order_id: order for order in first.orders}
    cursor, turns = first.cursor, 0
    while turns < 10:
        page = flow.adapter.pull_orders(cursor, limit=2)
        found.update({order.order_id: order for order in page.orders})
        cursor, turns = page.cursor, turns + 1
        if not page.has_more and page.covered_until > flow.clock.now() - timedelta(minutes=2):
            break
    assert set(found) == set(placed)
    assert found[late].cancellation == "cancelled"


def test_an_order_with_many_lines_is_whole(flow):
    sizes = [f"{n:02d}" for n in range(30)]
    flow.publish(*sizes)
    order_id = flow.order(*[(f"CUP-{size}", 1) for size in sizes])
    flow.wait()
    [pulled] = flow.adapter.pull_orders(None, limit=20).orders
    assert {line.channel_sku for line in pulled.lines} == {f"CUP-{size}" for size in sizes}
    assert pulled.totals.items.minor == 30 * 1290
    parcel = ShipmentConfirmation(
        shipment_key="s", package_number=1, order_id=order_id, carrier="dhl", tracking="T1", shipped_at=flow.clock.now(),
        lines=tuple((line.line_id, 1) for line in pulled.lines),
    )  # fmt: skip
    assert isinstance(flow.adapter.confirm_shipment(parcel), Applied)
    assert flow.adapter.read_order(order_id).fulfilment == "fulfilled"


def test_an_edited_order_comes_with_what_is_still_wanted(flow):
    flow.publish("S")
    order_id = flow.order(("CUP-S", 3))
    line = flow.sim.ledger()["orders"][0]["lines"][0]["line_id"]
    flow.sim.amend_order(order_id, {line: 1})
    flow.wait()
    assert [line.quantity for line in flow.adapter.read_order(order_id).lines] == [1]


def _parcel(flow, order_id, *, tracking="T-1", quantity=1):
    line = flow.adapter.read_order(order_id).lines[0].line_id
    return ShipmentConfirmation(
        shipment_key="s", package_number=1, order_id=order_id, carrier="UPS", tracking=tracking,
        shipped_at=flow.clock.now(), lines=((line, quantity),),
    )  # fmt: skip


def test_a_lost_answer_to_a_confirmation_leaves_one_parcel(flow):
    flow.publish("S")
    order_id = flow.order(("CUP-S", 3))
    parcel = _parcel(flow, order_id)
    flow.break_next(FaultKind.APPLY_THEN_DROP, "fulfillmentCreate")
    with pytest.raises(OutcomeUnknown):
        flow.adapter.confirm_shipment(parcel)
    assert isinstance(flow.adapter.confirm_shipment(parcel), Applied)
    assert isinstance(flow.adapter.confirm_shipment(_parcel(flow, order_id, tracking="T-2", quantity=2)), Applied)
    [order] = flow.sim.ledger()["orders"]
    assert [(s["tracking"], list(s["lines"].values())) for s in order["shipments"]] == [("T-1", [1]), ("T-2", [2])]


def test_more_than_is_left_cannot_be_shipped(flow):
    flow.publish("S")
    outcome = flow.adapter.confirm_shipment(_parcel(flow, flow.order(("CUP-S", 1)), quantity=2))
    assert isinstance(outcome, Refused)
    assert outcome.problems[0].code == "ALREADY_FULFILLED"


def test_cancelling_ends_applied_and_the_order_says_so(flow):
    flow.publish("S")
    order_id = flow.order(("CUP-S", 2))
    outcome = flow.adapter.cancel_order(CancelRequest(cancel_key="c", order_id=order_id, reason="buyer_request"))
    flow.wait()
    if isinstance(outcome, Submitted):
        outcome = flow.adapter.poll(outcome.ticket)[order_id]
    assert outcome == Applied(external_id=order_id)
    order = flow.adapter.read_order(order_id)
    assert (order.cancellation, [line.shipped for line in order.lines]) == ("cancelled", [0])
    assert flow.shown() == {"CUP-S": 5}
    assert isinstance(flow.adapter.cancel_order(CancelRequest(cancel_key="c", order_id=order_id)), Applied)


def test_throttled_tells_how_long_and_waiting_so_long_is_enough(flow):
    [small] = flow.publish("S")
    now, waits = 5, []
    for turn in range(400):
        wanted = 5 + turn % 2
        try:
            assert flow.adapter.push_stock([_level(small, wanted, f"k{turn}", now)]) == [Applied(observed=wanted)]
            now = wanted
        except Throttled as error:
            waits.append((turn, error.retry_after_s))
            flow.clock.advance(timedelta(seconds=error.retry_after_s))
        if len(waits) == 3:
            break
    assert len(waits) == 3
    assert all(0 < wait <= 1 for _, wait in waits)
    assert waits[1][0] > waits[0][0] + 1  # the next call after the wait went through


def test_a_token_that_ends_in_mid_flight_is_renewed_unnoticed(flow):
    [small] = flow.publish("S")
    flow.break_next(FaultKind.AUTH_EXPIRED, "inventorySetQuantities")
    assert flow.adapter.push_stock([_level(small, 9, "k", 5)]) == [Applied(observed=9)]


def test_two_shops_in_two_threads_each_see_their_own():
    flows = [Flow(number=1), Flow(number=2)]
    try:
        for number, made in enumerate(flows):
            made.sim.add_listing(
                {"sku": "SAME", "quantity": 10 + number, "price_minor": 100, "currency": "EUR", "title": "x"}
            )
        failures: list[str] = []
        start = threading.Barrier(2)

        def work(turn: int) -> None:
            start.wait()
            for step in range(8):
                number = (turn + step) % 2
                try:
                    [report] = flows[number].adapter.read_listings([ListingRef(channel_sku="SAME")])
                except ChannelError as error:
                    failures.append(f"{error!r} {error.detail}")
                else:
                    if report.quantity != 10 + number:
                        failures.append(f"shop {number} showed {report.quantity}")

        threads = [threading.Thread(target=work, args=(turn,)) for turn in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
    finally:
        for made in flows:
            made.server.stop()


def test_no_estimate_is_far_below_what_shopify_asks(flow):
    refs = flow.publish("S", "M")
    flow.adapter.push_stock([_level(refs[0], 9, "k")])
    order_id = flow.order(("CUP-S", 2))
    flow.wait()
    flow.adapter.pull_orders(None, limit=20)
    flow.adapter.read_listings(refs)
    flow.adapter.confirm_shipment(_parcel(flow, order_id))
    flow.adapter.find_shipment(order_id, "T-1")
    told = {text.split("(")[0]: (ours, theirs) for (text, ours), theirs in flow.adapter._client._told_cost.items()}
    assert len(told) >= 8
    too_low = {name: (ours, theirs) for name, (ours, theirs) in told.items() if ours < 0.6 * theirs - 5}
    assert too_low == {}
