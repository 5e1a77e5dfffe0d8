"""The main job on the memory channel: list, sell, promise, ship, confirm; at rest the channels' ledgers and ours agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.db.session import reading, unit
from hub.kernel.clock import FixedClock
from hub.loopback.faults import FaultKind
from hub.orders import fulfilment
from hub.orders.models import Order, OrderLine, Shipment
from hub.pim import listings
from hub.pim.models import Product, Reservation, StockMovement
from hub.work.models import Account, Attempt, PullRun
from tests.support.databases import Database
from tests.support.world import World, a_world


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    with a_world(database, tmp_path, clock) as made:
        yield made


def orders(world: World) -> list[Order]:
    with reading(world.system.sessions) as session:
        return list(session.scalars(select(Order).order_by(Order.id)))


def test_a_published_product_is_live_with_its_publishable_quantity_on_every_channel(world: World) -> None:
    world.shop("alpha", buffer=1)
    world.shop("beta", cap=4)
    world.variant("WINE-1", 9)
    world.publish()
    assert world.listing("alpha", "WINE-1").state == "live"
    assert world.shown("WINE-1") == {"alpha": 8, "beta": 4}


def test_an_order_reserves_and_lowers_every_other_channel(world: World) -> None:
    alpha = world.shop("alpha")
    world.shop("beta")
    world.variant("WINE-1", 9)
    world.publish()
    alpha.place_order([("WINE-1", 2)])
    world.settle()
    assert world.position("WINE-1") == (9, 2)
    assert world.shown("WINE-1") == {"alpha": 7, "beta": 7}
    (order,) = orders(world)
    assert (order.stage, order.payment, order.total_minor is not None) == ("ready", "paid", True)


def test_a_pending_order_reserves_and_cancelling_it_gives_the_stock_back(world: World) -> None:
    alpha = world.shop("alpha")
    world.shop("beta")
    world.variant("WINE-1", 5)
    world.publish()
    order_id = alpha.place_order([("WINE-1", 2)], pending=True)
    world.settle()
    assert orders(world)[0].stage == "unpaid"
    assert world.position("WINE-1") == (5, 2)
    alpha.cancel_order(order_id)
    world.settle()
    assert orders(world)[0].stage == "cancelled"
    assert world.position("WINE-1") == (5, 0)
    assert world.shown("WINE-1") == {"alpha": 5, "beta": 5}


def ship(world: World, order_id: int, tracking: str) -> None:
    with unit(world.system.sessions) as session:
        fulfilment.record_shipment(
            session,
            fulfilment.RecordShipment(
                order_id=order_id, carrier="dhl", tracking=tracking, shipped_at=world.clock.now()
            ),
            world.clock.now(),
        )


def test_a_shipment_leaves_the_count_and_is_confirmed_once_however_often_it_is_recorded(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 5)
    world.publish()
    channel_id = alpha.place_order([("WINE-1", 2)])
    world.settle()
    (order,) = orders(world)
    ship(world, order.id, "TRACK1")
    ship(world, order.id, "TRACK1")
    world.settle()
    assert world.position("WINE-1") == (3, 0)
    assert [p.tracking for p in alpha.observed_parcels(channel_id)] == ["TRACK1"]
    assert orders(world)[0].stage == "shipped"
    with reading(world.system.sessions) as session:
        assert session.scalars(select(Shipment.confirmed_at)).one() is not None
        assert session.scalar(select(func.sum(StockMovement.delta)).where(StockMovement.kind == "ship")) == -2


def test_a_lost_answer_to_a_confirmation_is_looked_up_and_leaves_one_parcel(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 5)
    world.publish()
    channel_id = alpha.place_order([("WINE-1", 1)])
    world.settle()
    alpha.break_next(FaultKind.APPLY_THEN_DROP, "confirm*")
    ship(world, orders(world)[0].id, "TRACK9")
    world.settle()
    assert [p.tracking for p in alpha.observed_parcels(channel_id)] == ["TRACK9"]
    with reading(world.system.sessions) as session:
        results = list(session.scalars(select(Attempt.result).where(Attempt.kind == "shipment.confirm")))
        assert results == ["unclear"]
        assert session.scalars(select(Shipment.confirmed_at)).one() is not None


def test_more_is_sold_than_there_is_and_the_rest_is_short_until_stock_arrives(world: World) -> None:
    alpha, beta = world.shop("alpha"), world.shop("beta")
    world.variant("WINE-1", 3)
    world.publish()
    alpha.place_order([("WINE-1", 3)])
    beta.place_order([("WINE-1", 2)])
    world.settle()
    assert world.position("WINE-1") == (3, 3)
    with reading(world.system.sessions) as session:
        rows = session.execute(
            select(Reservation.wanted, Reservation.quantity).order_by(Reservation.placed_at, Reservation.id)
        ).all()
        assert sum(r.wanted for r in rows) == 5
        assert sum(r.quantity for r in rows) == 3
    assert world.shown("WINE-1") == {"alpha": 0, "beta": 0}
    world.receive("WINE-1", 4, "delivery-1")
    world.settle()
    assert world.position("WINE-1") == (7, 5)
    assert world.shown("WINE-1") == {"alpha": 2, "beta": 2}


def test_the_same_pages_again_change_nothing(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 30)
    world.publish()
    for _ in range(7):
        alpha.place_order([("WINE-1", 1)])
    world.settle()
    before = [(o.id, o.channel_order_id, o.stamp, o.digest) for o in orders(world)]
    with unit(world.system.sessions) as session:
        from hub.work.models import Cursor

        for cursor in session.scalars(select(Cursor)):
            session.delete(cursor)
    world.settle()
    assert [(o.id, o.channel_order_id, o.stamp, o.digest) for o in orders(world)] == before
    assert len(before) == 7
    with reading(world.system.sessions) as session:
        assert session.scalar(select(func.count()).select_from(OrderLine)) == 7
        last = session.scalars(select(PullRun).order_by(PullRun.id.desc()).limit(1)).one()
        assert last.covered_until is not None


def test_stock_attempts_hold_what_grants_need(world: World) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 3)
    world.publish()
    world.receive("WINE-1", 2, "delivery-1")
    world.settle()
    with reading(world.system.sessions) as session:
        attempt = session.scalars(
            select(Attempt).where(Attempt.kind == "stock.push").order_by(Attempt.id.desc())
        ).first()
        assert attempt is not None
        assert (attempt.quantity, attempt.result) == (5, "applied")
        assert attempt.sent_at <= (attempt.ended_at or attempt.sent_at)
        assert attempt.covered_by is not None
        assert attempt.detail["on_hand"] == 5


def test_a_change_back_before_anything_was_sent_sends_nothing(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 3)
    world.publish()
    before = sum(1 for r in alpha.requests() if r.operation == "setStock")
    world.receive("WINE-1", 2, "in")
    world.receive("WINE-1", -2, "out")
    world.settle()
    assert sum(1 for r in alpha.requests() if r.operation == "setStock") == before


def test_tickets_are_polled_until_the_channel_says_done(world: World) -> None:
    world.shop("alpha", stock_answer="later")
    world.variant("WINE-1", 3)
    world.publish()
    world.receive("WINE-1", 4, "in")
    world.settle()
    assert world.shown("WINE-1") == {"alpha": 7}
    world.clock.advance(timedelta(hours=7))
    world.settle()
    assert world.listing("alpha", "WINE-1").state == "live"


def test_drift_on_the_channel_is_found_and_corrected(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 3)
    world.publish()
    alpha.set_stock("WINE-1", 40)
    world.clock.advance(timedelta(hours=7))
    world.settle()
    assert world.shown("WINE-1") == {"alpha": 3}


def test_what_was_taken_off_sale_can_be_listed_again(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 3)
    world.publish()
    with unit(world.system.sessions) as session:
        listings.want_ended(session, world.listing("alpha", "WINE-1").id, world.clock.now())
    world.settle()
    world.publish()
    assert world.listing("alpha", "WINE-1").state == "ended"
    with unit(world.system.sessions) as session:
        account = session.get(Account, world.accounts["alpha"])
        assert account is not None
        listings.want_published(
            session, account, session.scalars(select(Product.id)).all(), world.clock.now(), relist=True
        )
    world.settle()
    assert world.listing("alpha", "WINE-1").state == "live"
    assert alpha.observed_stock("WINE-1") == 3
