"""What the policy's steps do to a running hub: lanes shut, accounts block and open again, people are asked, tickets are
polled, numbers are looked at before they are raised. On memory marketplaces; SQLite, because the spine's own tests run on
both databases."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.channels.memory.adapter import MemoryAdapter
from hub.channels.memory.marketplace import MemoryMarketplace
from hub.db.session import open_units, reading, unit
from hub.kernel.clock import FixedClock
from hub.loopback.faults import FaultKind
from hub.orders import desk, fulfilment
from hub.orders.models import Order, Shipment
from hub.pim import listing_dirt, listings
from hub.pim.models import Variant
from hub.sync import freshness
from hub.sync.hub import OpenAccount
from hub.work import accounts, items
from hub.work.kinds import STOCK_PUSH
from hub.work.models import Account, Attempt, LaneGate, TrafficCount, WorkItem
from tests.support import databases
from tests.support.world import World, a_world


@pytest.fixture
def world(sqlite_template: Path, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    databases.install_test_key()
    with a_world(databases.sqlite_copy(sqlite_template, tmp_path), tmp_path, clock) as made:
        yield made


def selling(world: World, quantity: int = 5, *, name: str = "alpha", **options: Any) -> MemoryMarketplace:
    """A marketplace on which WINE-1 is live with that many units."""
    shop = world.shop(name, **options)
    with reading(world.system.sessions) as session:
        known = session.scalars(select(Variant)).first()
    if known is None:
        world.variant("WINE-1", quantity)
    world.publish(name)
    assert shop.observed_stock("WINE-1") == quantity
    return shop


def work(world: World, kind: str = "stock.push", name: str = "alpha") -> WorkItem:
    with reading(world.system.sessions) as session:
        return session.scalars(
            select(WorkItem).where(WorkItem.kind == kind, WorkItem.account_id == world.accounts[name])
        ).one()


def results(world: World, kind: str = "stock.push") -> list[str | None]:
    with reading(world.system.sessions) as session:
        return list(session.scalars(select(Attempt.result).where(Attempt.kind == kind).order_by(Attempt.id)))


def asked(shop: MemoryMarketplace, operation: str) -> int:
    return sum(1 for request in shop.requests() if request.operation == operation)


def state(world: World, name: str = "alpha") -> str:
    with reading(world.system.sessions) as session:
        return session.get_one(Account, world.accounts[name]).state


def ship(world: World, tracking: str) -> None:
    now = world.clock.now()
    with unit(world.system.sessions) as session:
        order = session.scalars(select(Order)).one()
        cmd = fulfilment.RecordShipment(order_id=order.id, carrier="dhl", tracking=tracking, shipped_at=now)
        fulfilment.record_shipment(session, cmd, now)


# ---------------------------------------------------------------- throttles


def test_a_throttle_shuts_one_lane_of_one_account_and_is_not_counted(world: World) -> None:
    alpha, beta = selling(world), selling(world, name="beta")
    alpha.break_next(FaultKind.THROTTLE_NO_HINT, "setStock")
    world.receive("WINE-1", 2, "in")
    assert world.run("alpha", "stock.push") == 1
    item = work(world)
    assert (item.state, item.attempts, item.last_code) == ("due", 0, "429")
    with reading(world.system.sessions) as session:
        gate = session.scalars(select(LaneGate)).one()
        assert (gate.account_id, gate.kind) == (world.accounts["alpha"], "stock.push")
        assert gate.not_before == world.clock.now() + timedelta(seconds=30)
    calls = asked(alpha, "setStock")
    assert world.run("alpha", "stock.push") == 0
    assert asked(alpha, "setStock") == calls, "while the lane is shut nobody calls"
    assert world.run("beta", "stock.push") == 1
    assert beta.observed_stock("WINE-1") == 7
    world.settle(rounds=2)
    assert world.shown("WINE-1") == {"alpha": 7, "beta": 7}
    assert results(world).count("throttled") == 1


# ---------------------------------------------------------------- credentials


def test_refused_credentials_block_the_account_and_a_probe_that_succeeds_opens_it(world: World) -> None:
    alpha = selling(world)
    selling(world, name="beta")
    key, alpha.api_key = alpha.api_key, "changed"
    alpha.tokens.clear()
    world.receive("WINE-1", 2, "in")
    world.settle(rounds=2)
    assert (state(world), state(world, "beta")) == ("blocked", "open")
    assert world.shown("WINE-1") == {"alpha": 5, "beta": 7}
    calls = len(alpha.requests())
    world.settle(rounds=2)
    assert len(alpha.requests()) == calls, "a blocked account is left alone until its probe"
    world.settle(rounds=5)
    assert state(world) == "blocked"
    assert len(alpha.requests()) > calls, "the probe looked"
    alpha.api_key = key
    world.settle(rounds=8)
    assert state(world) == "open"
    assert world.shown("WINE-1") == {"alpha": 7, "beta": 7}
    assert work(world).state == "done"


def test_a_probe_leaves_an_account_that_a_person_paused_meanwhile(world: World) -> None:
    alpha = selling(world)
    key, alpha.api_key = alpha.api_key, "changed"
    alpha.tokens.clear()
    world.receive("WINE-1", 2, "in")
    world.settle(rounds=2)
    assert state(world) == "blocked"
    with unit(world.system.sessions) as session:
        accounts.set_state(session, world.accounts["alpha"], "paused", "on holiday", world.clock.now())
    alpha.api_key = key
    world.settle(rounds=10)
    assert state(world) == "paused"
    assert alpha.observed_stock("WINE-1") == 5


# ---------------------------------------------------------------- people


def test_what_the_channel_refuses_waits_on_the_desk_and_is_sent_after_a_retry(world: World) -> None:
    alpha = selling(world)
    alpha.break_next(FaultKind.BAD_REQUEST, "setStock")
    world.receive("WINE-1", 2, "in")
    world.settle(rounds=3)
    item = work(world)
    assert (item.state, item.last_code) == ("needs_human", "400")
    assert item.last_message
    calls = asked(alpha, "setStock")
    world.settle(rounds=30, step_s=120)
    assert asked(alpha, "setStock") == calls, "nothing is sent until somebody acts"
    with unit(world.system.sessions) as session:
        assert items.retry_desk(session, world.clock.now()) == 1
    world.settle(rounds=2)
    assert alpha.observed_stock("WINE-1") == 7
    assert results(world)[-2:] == ["refused", "applied"]


def test_a_listing_that_is_gone_on_the_channel_is_seen_to_be_gone(world: World) -> None:
    alpha = selling(world)
    alpha.listings["WINE-1"].state = "ended"
    world.receive("WINE-1", 2, "in")
    world.settle(rounds=3)
    assert work(world).state == "needs_human"
    assert world.listing("alpha", "WINE-1").state == "ended"


def test_a_parcel_that_nobody_could_look_up_is_looked_up_before_it_is_sent_again(world: World) -> None:
    alpha = selling(world)
    order_id = alpha.place_order([("WINE-1", 1)])
    world.settle(rounds=3)
    alpha.break_next(FaultKind.APPLY_THEN_DROP, "confirmShipment")
    alpha.break_next(FaultKind.BAD_REQUEST, "readShipments")
    ship(world, "T-1")
    world.settle(rounds=3)
    assert work(world, "shipment.confirm").state == "needs_human"
    with unit(world.system.sessions) as session:
        items.retry_desk(session, world.clock.now())
    world.settle(rounds=3)
    assert asked(alpha, "confirmShipment") == 1, "it was there already: looked up, not sent again"
    assert [parcel.tracking for parcel in alpha.observed_parcels(order_id)] == ["T-1"]
    with reading(world.system.sessions) as session:
        assert session.scalars(select(Shipment.confirmed_at)).one() is not None


# ---------------------------------------------------------------- numbers that moved


def test_a_number_that_had_moved_is_looked_at_pulled_and_sent_again(world: World) -> None:
    alpha = selling(world, 9, stock_write="compare_and_set")
    alpha.place_order([("WINE-1", 2)])
    world.receive("WINE-1", 1, "in")
    assert world.run("alpha", "stock.push") == 1
    assert alpha.observed_stock("WINE-1") == 7, "nothing was written over the sale"
    assert results(world)[-1] == "stale"
    assert (world.listing("alpha", "WINE-1").shown_quantity, work(world, "orders.pull").state) == (7, "due")
    world.settle(rounds=2)
    assert alpha.observed_stock("WINE-1") == 8
    assert world.position("WINE-1") == (10, 2)


def test_a_number_is_raised_only_over_orders_that_are_known_and_lowered_at_once(world: World) -> None:
    alpha = selling(world)
    world.clock.advance(timedelta(hours=1))
    alpha.place_order([("WINE-1", 2)])
    world.receive("WINE-1", 3, "in")
    calls = asked(alpha, "setStock")
    assert world.run("alpha", "stock.push") == 1
    item = work(world)
    assert (item.state, item.last_code, item.attempts) == ("due", freshness.CODE, 0)
    assert asked(alpha, "setStock") == calls
    assert work(world, "orders.pull").state == "due"
    world.settle(rounds=3)
    assert alpha.observed_stock("WINE-1") == 6

    world.clock.advance(timedelta(hours=1))
    world.receive("WINE-1", -5, "broken")
    assert world.run("alpha", "stock.push") == 1
    assert alpha.observed_stock("WINE-1") == 1


def test_what_the_channel_shows_already_is_not_sent(world: World) -> None:
    alpha = selling(world)
    calls, tries = asked(alpha, "setStock"), len(results(world))
    with unit(world.system.sessions) as session:
        listing = world.listing("alpha", "WINE-1")
        items.want(session, STOCK_PUSH, world.accounts["alpha"], str(listing.id), world.clock.now())
    assert world.run("alpha", "stock.push") == 1
    assert (work(world).state, asked(alpha, "setStock"), len(results(world))) == ("done", calls, tries)


def test_to_zero_goes_before_down_and_down_before_up(world: World) -> None:
    alpha = world.shop("alpha")
    for sku in ("A-UP", "B-DOWN", "C-ZERO"):
        world.variant(sku, 5)
    world.publish()
    for sku, units in (("A-UP", 3), ("B-DOWN", -2), ("C-ZERO", -5)):
        world.receive(sku, units, sku)
    assert world.run("alpha", "stock.push") == 3
    sent = [request for request in alpha.requests() if request.operation == "setStock"][-1]
    assert [(row["sku"], row["quantity"]) for row in sent.payload["items"]] == [
        ("C-ZERO", 0), ("B-DOWN", 3), ("A-UP", 8),
    ]  # fmt: skip


# ---------------------------------------------------------------- tickets


def test_a_report_that_misses_a_row_is_no_acknowledgement_and_the_number_is_sent_again(world: World) -> None:
    alpha = world.shop("alpha", stock_answer="later")
    for sku in ("WINE-1", "WINE-2"):
        world.variant(sku, 3)
    world.publish()
    world.settle(rounds=5)
    for sku in ("WINE-1", "WINE-2"):
        world.receive(sku, 4, sku)
    assert world.run("alpha", "stock.push") == 2
    with reading(world.system.sessions) as session:
        assert set(session.scalars(select(WorkItem.phase).where(WorkItem.kind == "stock.push"))) == {"poll"}
    (ticket,) = (t for t in alpha.tickets.values() if t.results is None)
    ticket.results = [{"sku": "WINE-2", "status": "done", "observed": 7}]
    alpha.set_stock("WINE-2", 7)
    world.clock.advance(timedelta(seconds=20))
    assert world.run("alpha", "stock.push") == 2
    assert world.listing("alpha", "WINE-1").shown_quantity is None
    assert world.listing("alpha", "WINE-2").shown_quantity == 7
    world.settle(rounds=5)
    assert world.shown("WINE-1") == {"alpha": 7}
    assert world.listing("alpha", "WINE-1").shown_quantity == 7


def test_a_report_that_never_names_an_item_reaches_a_person(world: World) -> None:
    alpha = selling(world, stock_answer="later")
    world.receive("WINE-1", 4, "in")
    for _ in range(STOCK_PUSH.max_attempts):
        world.run("alpha", "stock.push")
        for ticket in alpha.tickets.values():
            ticket.results = [{"sku": "ANOTHER", "status": "done", "observed": 1}]
        world.clock.advance(timedelta(seconds=20))
        world.run("alpha", "stock.push")
        world.clock.advance(timedelta(seconds=30 * 60))
        world.run("alpha", "orders.pull")
    item = work(world)
    assert (item.state, item.last_code) == ("needs_human", "unclear")


def test_a_ticket_that_is_not_finished_is_asked_again_without_being_counted(world: World) -> None:
    alpha = selling(world, stock_answer="later", job_s=600)
    world.receive("WINE-1", 4, "in")
    world.run("alpha", "stock.push")
    world.clock.advance(timedelta(seconds=20))
    assert world.run("alpha", "stock.push") == 1
    item = work(world)
    assert (item.phase, item.attempts, item.state) == ("poll", 1, "due")  # the sending counts, the asking does not
    assert item.due_at == world.clock.now() + timedelta(seconds=580)
    world.settle(rounds=12)
    assert alpha.observed_stock("WINE-1") == 9


# ---------------------------------------------------------------- what every call must leave


WRITES = {
    "push_stock": "stock.push", "push_prices": "price.push", "publish_listing": "listing.publish",
    "end_listing": "listing.end", "confirm_shipment": "shipment.confirm", "cancel_order": "order.cancel",
}  # fmt: skip
READS = ("probe", "poll", "read_listings", "pull_orders", "read_order", "find_shipment")


class Watching:
    """An adapter pool whose adapters tell `seen` about each call before it is made."""

    def __init__(self, pool: Any, seen: Callable[[str], None]) -> None:
        self._pool = pool
        self._seen = seen

    def get(self, account: Account) -> OpenAccount:
        opened: OpenAccount = self._pool.get(account)
        assert isinstance(opened.adapter, MemoryAdapter)
        names: Sequence[str] = (*WRITES, *READS)
        body = {name: self._watched(name, getattr(type(opened.adapter), name)) for name in names}
        kind: Any = type("Watched", (type(opened.adapter),), body)
        return dataclasses.replace(opened, adapter=kind(opened.adapter._context))

    def _watched(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: Any, **options: Any) -> Any:
            self._seen(name)
            return method(*args, **options)

        return call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def test_every_write_is_on_record_before_it_is_made_and_no_call_is_made_with_a_unit_open(world: World) -> None:
    seen: list[str] = []

    def watch(name: str) -> None:
        seen.append(name)
        assert open_units() == 0, f"{name} is called with a transaction open"
        if name in WRITES:
            with reading(world.system.sessions) as session:
                open_attempts = session.scalar(
                    select(func.count()).where(Attempt.kind == WRITES[name], Attempt.result.is_(None))
                )
            assert open_attempts, f"{name} is called without a record"

    world.system.hub.adapters = Watching(world.system.hub.adapters, watch)  # type: ignore[assignment]
    alpha = selling(world, 9)
    alpha.place_order([("WINE-1", 1)])
    world.settle(rounds=2)
    alpha.break_next(FaultKind.APPLY_THEN_DROP, "confirmShipment")
    ship(world, "T-1")
    world.settle(rounds=3)
    second = alpha.place_order([("WINE-1", 1)])
    world.settle(rounds=2)
    with unit(world.system.sessions) as session:
        desk.want_cancelled(session, desk.by_name(session, second), "out_of_stock", world.clock.now())
        variant = session.scalars(select(Variant)).one()
        variant.price_minor = 1499
        listing_dirt.mark_price_dirty(session, (variant.id,), world.clock.now())
    world.settle(rounds=3)
    with unit(world.system.sessions) as session:
        listings.want_ended(session, world.listing("alpha", "WINE-1").id, world.clock.now())
    world.settle(rounds=3)
    assert set(WRITES) <= set(seen)
    assert {"read_listings", "pull_orders", "find_shipment"} <= set(seen)
    with reading(world.system.sessions) as session:
        assert session.scalar(select(func.sum(TrafficCount.in_transaction))) == 0
        assert session.scalar(select(func.sum(TrafficCount.calls))) > 0
        assert session.scalar(select(func.count()).where(Attempt.result.is_(None))) == 0
