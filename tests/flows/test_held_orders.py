"""A parcel whose order Shopify holds back: a person is told, and after the release it is confirmed without one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from hub.db.session import reading, unit
from hub.demo.marketplaces import Marketplace
from hub.demo.people import Buyers
from hub.kernel.clock import FixedClock
from hub.orders import fulfilment
from hub.orders.models import Order, Shipment
from hub.simulators.shopify import ShopifySimulator
from hub.sync import flows
from hub.work import items, reads
from hub.work.kinds import RECONCILE, SHIPMENT_CONFIRM
from hub.work.models import Attempt, WorkItem
from tests.support.databases import Database
from tests.support.markets import Market, a_market
from tests.support.world import World, a_world


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A parcel of `order` has left, and Shopify holds the order back."""

    world: World
    market: Market
    order: str

    @property
    def shop(self) -> ShopifySimulator:
        assert isinstance(self.market.simulator, ShopifySimulator)
        return self.market.simulator

    def desk(self) -> list[str]:
        with reading(self.world.system.sessions) as session:
            return [f"{item.kind}: {item.message}" for item in reads.desk(session)]

    def parcels(self) -> list[str]:
        """What Shopify itself shows."""
        with self.shop.lock:
            (order,) = self.shop.ledger()["orders"]
            return [parcel["tracking"] for parcel in order["shipments"]]

    def confirmed(self) -> bool:
        with reading(self.world.system.sessions) as session:
            return session.scalars(select(Shipment.confirmed_at)).one() is not None

    def attempts(self) -> list[str | None]:
        with reading(self.world.system.sessions) as session:
            kinds = select(Attempt.result).where(Attempt.kind == SHIPMENT_CONFIRM.name).order_by(Attempt.id)
            return list(session.scalars(kinds))

    def reconcile(self) -> None:
        with unit(self.world.system.sessions) as session:
            items.want(session, RECONCILE, self.market.account_id, "*", self.world.clock.now())
        self.world.settle()


@pytest.fixture
def scene(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[Scene]:
    with a_world(database, tmp_path, clock) as world, a_market(world.system, "shopify", "shop", clock) as market:
        world.variant("WINE-1", 5)
        market.listing("WINE-1", 5)
        order = market.order(("WINE-1", 1))
        world.settle()
        with unit(world.system.sessions) as session:
            parcel = fulfilment.RecordShipment(
                order_id=session.scalars(select(Order.id)).one(), carrier="dhl", tracking="TRACK1",
                shipped_at=world.clock.now(),
            )  # fmt: skip
            fulfilment.record_shipment(session, parcel, world.clock.now())
        market.tell(order, "request_cancel")
        world.settle()
        yield Scene(world=world, market=market, order=order)


def test_a_person_is_told_once_and_it_is_not_asked_again_and_again(scene: Scene) -> None:
    said = "Shopify holds this order back (other). Release the hold in Shopify; the parcel is then confirmed."
    assert scene.desk() == [f"shipment.confirm: {said}"]
    tries = scene.attempts()
    scene.world.settle()
    assert scene.attempts() == tries
    assert (scene.parcels(), scene.confirmed()) == ([], False)


def test_the_release_is_pulled_and_the_parcel_is_confirmed(scene: Scene) -> None:
    scene.market.tell(scene.order, "release")
    scene.world.settle()
    assert (scene.parcels(), scene.confirmed(), scene.desk()) == (["TRACK1"], True, [])


def test_a_release_that_shows_nowhere_is_found_by_the_reconciliation(scene: Scene) -> None:
    with scene.shop.lock:
        for task in scene.shop.shop.orders[int(scene.order.rpartition("/")[2])].fulfillment_orders:
            task.holds, task.status = [], "OPEN"
    scene.world.settle()
    assert (scene.parcels(), scene.confirmed()) == ([], False)
    scene.reconcile()
    assert (scene.parcels(), scene.confirmed(), scene.desk()) == (["TRACK1"], True, [])


def test_while_the_hold_lasts_a_reconciliation_changes_nothing(scene: Scene) -> None:
    before = scene.desk()
    scene.reconcile()
    assert scene.desk() == before
    assert (scene.parcels(), scene.confirmed()) == ([], False)


def test_a_release_that_is_pulled_while_the_channel_is_being_told_is_not_forgotten(scene: Scene) -> None:
    """The refusal is of the order as it was: the item is wanted anew although it is leased."""
    world, account = scene.world, scene.market.account_id
    with unit(world.system.sessions) as session:
        items.retry_desk(session, world.clock.now())
        (item,) = items.claim(session, SHIPMENT_CONFIRM, account, 1, world.clock.now(), owner="slow", lease_s=600)
    scene.market.tell(scene.order, "release")
    world.settle(rounds=2)  # the pull; the slow worker still waits for its answer
    with unit(world.system.sessions) as session:
        assert items.ask(session, item, code="ON_HOLD", message="held")
    world.settle()
    assert (scene.parcels(), scene.confirmed(), scene.desk()) == (["TRACK1"], True, [])


def test_a_parcel_that_is_wanted_anew_while_the_channel_takes_it_is_confirmed_once(scene: Scene) -> None:
    world, account = scene.world, scene.market.account_id
    scene.market.tell(scene.order, "release")
    with unit(world.system.sessions) as session:
        items.retry_desk(session, world.clock.now())
    assert flows.run(world.system.hub, account, SHIPMENT_CONFIRM.name) == 1
    with unit(world.system.sessions) as session:
        fulfilment.offer_again(session, account, session.scalars(select(Shipment.id)).all(), world.clock.now())
    world.settle()
    assert (scene.parcels(), scene.attempts().count("applied"), scene.desk()) == (["TRACK1"], 1, [])
    with reading(world.system.sessions) as session:
        assert session.scalars(select(WorkItem.state).where(WorkItem.kind == SHIPMENT_CONFIRM.name)).one() == "done"


def test_only_parcels_that_were_turned_down_are_offered_again(scene: Scene) -> None:
    with reading(scene.world.system.sessions) as session:
        order_id = session.scalars(select(Order.id)).one()
        shipment_id = session.scalars(select(Shipment.id)).one()
        assert fulfilment.turned_down(session, scene.market.account_id, [order_id]) == [shipment_id]
        assert fulfilment.turned_down(session, scene.market.account_id, [order_id + 1]) == []
        assert fulfilment.turned_down(session, scene.market.account_id + 1, [order_id]) == []
    scene.market.tell(scene.order, "release")
    scene.world.settle()
    with reading(scene.world.system.sessions) as session:
        assert fulfilment.turned_down(session, scene.market.account_id, [order_id]) == []
        state = session.scalars(select(WorkItem.state).where(WorkItem.kind == SHIPMENT_CONFIRM.name)).one()
    assert state == "done"


def test_the_people_of_the_demo_answer_every_hold(database: Database, tmp_path: Path, clock: FixedClock) -> None:
    with (
        a_world(database, tmp_path, clock) as world,
        a_market(world.system, "shopify", "shop", clock) as market,
        httpx.Client(trust_env=False) as client,
    ):
        market.listing("WINE-1", 500)
        place = Marketplace(channel="shopify", url=market.server.url, client=client)
        buyers = Buyers(places={"shopify": place}, rng=random.Random(4))
        seen: set[str] = set()
        for _ in range(400):
            buyers.buy("shopify", clock.now())
            clock.advance(timedelta(minutes=5))
            buyers.change_minds(clock.now())
            seen |= {order_id for _, order_id, _ in buyers.asked}
            if buyers.asked and len(seen) > 5:
                break
        assert 0 < len(buyers.asked) < len(seen)  # some were answered on the way, some are left for the evening
        buyers.finish()
        states = {row["order_id"]: row["cancellation"] for row in place.ledger()["orders"]}
        assert {states[order_id] for order_id in seen} == {"none", "cancelled"}
        assert isinstance(market.simulator, ShopifySimulator)
        tasks = [task for order in market.simulator.shop.orders.values() for task in order.fulfillment_orders]
        assert [task.status for task in tasks if task.status == "ON_HOLD"] == []
