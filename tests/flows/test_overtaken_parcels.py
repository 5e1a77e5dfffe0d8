"""A parcel that left while the channel was cancelling its order: nothing to confirm any more, but something to call back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.session import reading, unit
from hub.kernel.clock import FixedClock
from hub.orders import fulfilment
from hub.orders.models import Order, OrderEvent, OrderLine, Shipment
from hub.work import items
from hub.work.models import WorkItem
from tests.support.databases import Database
from tests.support.world import World, a_world


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    with a_world(database, tmp_path, clock) as made:
        yield made


def test_it_waits_for_nobody_and_marks_the_order_for_recall(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 5)
    world.publish()
    placed = alpha.place_order([("WINE-1", 2)])
    world.settle()
    with unit(world.system.sessions) as session:
        order_id = session.scalars(select(Order.id)).one()
        line_id = session.scalars(select(OrderLine.id)).one()
        parcel = fulfilment.RecordShipment(
            order_id=order_id, carrier="dhl", tracking="TRACK1", shipped_at=world.clock.now(), lines=((line_id, 2),),
            source="hand", by="anna",
        )  # fmt: skip
        fulfilment.record_shipment(session, parcel, world.clock.now())
    alpha.cancel_order(placed)
    world.settle()
    with unit(world.system.sessions) as session:
        items.retry_desk(session, world.clock.now())  # if the channel said so before the cancellation was pulled
    world.settle()
    with reading(world.system.sessions) as session:
        order = session.scalars(select(Order)).one()
        assert (order.stage, order.recall) == ("cancelled", True)
        assert session.scalars(select(Shipment.confirmed_at)).one() is None
        assert session.scalars(select(WorkItem.state).where(WorkItem.kind == "shipment.confirm")).one() == "done"
        assert session.scalars(select(OrderEvent.kind).where(OrderEvent.kind == "recall")).all() == ["recall"]
    assert alpha.observed_parcels(placed) == ()
    assert world.position("WINE-1") == (3, 0)  # they are out of the house


def test_a_parcel_of_a_living_order_is_not_overtaken(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 5)
    world.publish()
    alpha.place_order([("WINE-1", 1)])
    world.settle()
    with unit(world.system.sessions) as session:
        assert fulfilment.overtaken(session, 12345, world.clock.now()) is False
        assert session.scalars(select(Order.recall)).one() is False
