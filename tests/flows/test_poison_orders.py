"""An order that cannot be read waits on its desk, stops no other, and leaves the desk by whichever road it comes well."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.session import reading, unit
from hub.kernel.clock import FixedClock
from hub.orders.models import BadOrder, Order
from hub.sync import relay
from hub.work import items
from hub.work.kinds import RECONCILE
from tests.support.databases import Database
from tests.support.markets import CHANNELS, Market, a_market
from tests.support.world import World, a_world


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    with a_world(database, tmp_path, clock) as made:
        yield made


@pytest.fixture(params=CHANNELS)
def market(request: pytest.FixtureRequest, world: World) -> Iterator[Market]:
    with a_market(world.system, request.param, "shop", world.clock) as made:
        made.listing("WINE-1", 50)
        yield made


def pull(world: World) -> None:
    world.clock.advance(timedelta(minutes=10))
    relay.tick(world.system.hub)
    relay.drain(world.system.hub)


def taken(world: World) -> set[str]:
    with reading(world.system.sessions) as session:
        return set(session.scalars(select(Order.channel_order_id)))


def desk(world: World) -> dict[str | None, bool]:
    """Unreadable orders: id -> settled?"""
    with reading(world.system.sessions) as session:
        return {row.channel_order_id: row.resolved_at is not None for row in session.scalars(select(BadOrder))}


def poisoned(world: World, market: Market) -> tuple[list[str], str]:
    """Two good orders and a broken one between them, pulled."""
    first, broken, last = (market.order(("WINE-1", 1)) for _ in range(3))
    market.tell(broken, "spoil")
    pull(world)
    return [first, last], broken


def test_the_other_orders_of_the_page_are_taken_and_pulling_goes_on(world: World, market: Market) -> None:
    good, broken = poisoned(world, market)
    assert taken(world) == set(good)
    later = market.order(("WINE-1", 1))
    pull(world)
    assert taken(world) == {*good, later}
    assert desk(world) == {broken: False}


def test_reconciling_reads_it_again_and_settles_it(world: World, market: Market) -> None:
    good, broken = poisoned(world, market)
    world.clock.advance(timedelta(hours=1))  # far out of the reach of the next pulls
    pull(world)
    assert taken(world) == set(good)
    market.tell(broken, "unspoil")
    with unit(world.system.sessions) as session:
        items.want(session, RECONCILE, market.account_id, "*", world.clock.now())
    pull(world)
    assert taken(world) == {*good, broken}
    assert desk(world) == {broken: True}


def test_a_pull_that_brings_it_well_settles_it_too(world: World, market: Market) -> None:
    good, broken = poisoned(world, market)
    market.tell(broken, "unspoil")
    market.tell(broken, "request_cancel")
    pull(world)
    assert taken(world) == {*good, broken}
    assert desk(world) == {broken: True}


def test_a_reading_that_fails_again_leaves_it_on_the_desk(world: World, market: Market) -> None:
    good, broken = poisoned(world, market)
    with unit(world.system.sessions) as session:
        items.want(session, RECONCILE, market.account_id, "*", world.clock.now())
    for _ in range(3):
        pull(world)
    assert taken(world) == set(good)
    assert desk(world) == {broken: False}
