"""The demo's warehouse: it lives on order files and tracking files alone, and forgets no order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.db.session import reading, unit
from hub.demo.people import Warehouse
from hub.kernel.clock import FixedClock
from hub.orders import desk
from hub.orders.models import Order, Shipment
from hub.shipping.models import ExportBatch
from tests.support.databases import Database
from tests.support.world import World, a_world


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    with a_world(database, tmp_path, clock) as made:
        made.shop("alpha")
        made.variant("WINE-1", 100)
        made.publish()
        yield made


def stages(world: World) -> list[str]:
    with reading(world.system.sessions) as session:
        return list(session.scalars(select(Order.stage).order_by(Order.id)))


def test_every_order_leaves_by_way_of_the_files_some_in_two_parcels(world: World) -> None:
    alpha = world.shops["alpha"]
    placed = [alpha.place_order([("WINE-1", 2)]) for _ in range(12)]
    world.settle()
    warehouse = Warehouse(system=world.system, rng=random.Random(3))
    left = warehouse.ship()
    world.settle()
    assert (left, warehouse.parcels, warehouse.refused) == (left, left, 0)
    assert 12 < left <= 24
    assert stages(world) == ["shipped"] * 12
    assert sum(len(alpha.observed_parcels(order)) for order in placed) == left
    assert warehouse.ship() == 0
    with reading(world.system.sessions) as session:
        assert session.scalar(select(func.count()).select_from(ExportBatch)) == 1
        assert set(session.scalars(select(Shipment.source))) == {"csv"}


def test_an_order_that_was_stopped_after_its_file_is_packed_once_it_may_leave(world: World) -> None:
    alpha = world.shops["alpha"]
    for _ in range(2):
        alpha.place_order([("WINE-1", 1)])
    world.settle()
    warehouse = Warehouse(system=world.system, rng=random.Random(3))
    hand_in = Warehouse._hand_in

    def held_meanwhile(self: Warehouse, rows: list[object], now: object) -> object:
        with unit(world.system.sessions) as session:
            desk.hold(session, session.get_one(Order, 1), "address", world.clock.now())
        return hand_in(self, rows, now)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warehouse, "_hand_in", held_meanwhile)
        assert warehouse.ship() == 1
    assert (warehouse.refused, stages(world)) == (1, ["hold", "shipped"])
    assert warehouse.ship() == 0
    with unit(world.system.sessions) as session:
        desk.release(session, session.get_one(Order, 1), world.clock.now())
    # A new warehouse, as after a restart of the demo.
    assert Warehouse(system=world.system, rng=random.Random(4)).ship() == 1
    assert stages(world) == ["shipped", "shipped"]


def test_a_cancelled_order_comes_back_as_a_row_and_stays_here(world: World) -> None:
    alpha = world.shops["alpha"]
    channel_id = alpha.place_order([("WINE-1", 1)])
    world.settle()
    warehouse = Warehouse(system=world.system, rng=random.Random(3))
    hand_in = Warehouse._hand_in

    def cancelled_meanwhile(self: Warehouse, rows: list[object], now: object) -> object:
        alpha.cancel_order(channel_id)
        world.settle()
        return hand_in(self, rows, now)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warehouse, "_hand_in", cancelled_meanwhile)
        assert warehouse.ship() == 0
    assert (warehouse.refused, stages(world)) == (1, ["cancelled"])
    with reading(world.system.sessions) as session:
        assert session.scalars(select(Order.recall)).one() is True
    assert warehouse.ship() == 0
    assert world.position("WINE-1") == (100, 0)
