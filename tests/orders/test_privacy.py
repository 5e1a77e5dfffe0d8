"""Personal data goes when its time is over; what is still open keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.session import reading
from hub.kernel.clock import FixedClock
from hub.orders import persons
from hub.orders.models import Order, OrderPerson, RawOrder
from tests.support.databases import Database
from tests.support.world import World, a_world


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    with a_world(database, tmp_path, clock) as made:
        yield made


def test_an_ended_order_forgets_its_buyer_after_thirty_days_and_an_open_one_does_not(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 9)
    world.publish()
    ended, still_open = alpha.place_order([("WINE-1", 1)], pending=True), alpha.place_order([("WINE-1", 1)])
    world.settle()
    alpha.cancel_order(ended)
    world.settle()
    world.clock.advance(timedelta(days=29))
    world.settle()
    with reading(world.system.sessions) as session:
        assert [p.purged_at for p in session.scalars(select(OrderPerson))] == [None, None]
    world.clock.advance(timedelta(days=2))
    world.settle()
    with reading(world.system.sessions) as session:
        for order in session.scalars(select(Order)):
            address, buyer = persons.person_of(session, order.id)
            raw = session.scalars(select(RawOrder.document).where(RawOrder.order_id == order.id)).one()
            kept = order.channel_order_id == still_open
            assert (address is not None, buyer is not None, raw is not None) == (kept, kept, kept)
            assert order.total_minor is not None
