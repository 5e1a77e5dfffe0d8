"""A shop that has sold, shipped and confirmed: something for every check to look at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.session import unit
from hub.kernel.clock import FixedClock
from hub.orders import fulfilment
from hub.orders.models import Order
from hub.pim import listings
from hub.pim.kits.edit import SetKit, set_kit
from hub.pim.models import Product, Variant
from hub.pim.reservations import Wish, reserve
from hub.work.models import Account
from tests.support import cli, databases
from tests.support.databases import Database
from tests.support.world import World, a_world


def fill(world: World) -> None:
    """Two accounts, two SKUs, one order shipped and confirmed, one still to ship; a case of bottles and a gift with a
    case in it, of which one was sold; nothing due."""
    world.shop("alpha", buffer=1)
    beta = world.shop("beta", cap=6)
    world.variant("WINE-1", 9)
    world.variant("WINE-2", 4)
    with unit(world.system.sessions) as session:
        for account in session.scalars(select(Account).order_by(Account.id)).all():
            listings.want_published(session, account, session.scalars(select(Product.id)).all(), world.clock.now())
    world.settle(rounds=2)
    shipped = beta.place_order([("WINE-1", 2)])
    beta.place_order([("WINE-2", 3)])
    world.settle(rounds=2)
    world.clock.advance(timedelta(seconds=1))
    with unit(world.system.sessions) as session:
        order = session.scalars(select(Order).where(Order.channel_order_id == shipped)).one()
        parcel = fulfilment.RecordShipment(
            order_id=order.id, carrier="dhl", tracking="T1", shipped_at=world.clock.now()
        )
        fulfilment.record_shipment(session, parcel, world.clock.now())
    kits(world)
    world.settle(rounds=2)


def kits(world: World) -> None:
    for sku, quantity in (("BOTTLE", 20), ("BOX", 5), ("CASE", 0), ("GIFT", 0)):
        world.variant(sku, quantity)
    with unit(world.system.sessions) as session:
        for sku, components in (("CASE", [("BOTTLE", 6), ("BOX", 1)]), ("GIFT", [("CASE", 1), ("BOTTLE", 1)])):
            set_kit(session, SetKit(sku=sku, components=components), world.clock.now())
        wish = Wish(
            order_line_id=900, variant_id=session.scalars(select(Variant.id).where(Variant.sku == "CASE")).one(),
            wanted=2, account_id=world.accounts["alpha"], order_ref="K1", placed_at=world.clock.now(),
        )  # fmt: skip
        reserve(session, [wish], world.clock.now())


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    cli.stamp(database.url)
    with a_world(database, tmp_path, clock) as made:
        fill(made)
        yield made
    cli.unstamp(database.url)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def lasting_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same for tests that take back whatever they do, in a database of its own."""
    databases.install_test_key()
    home = tmp_path_factory.mktemp("shop")
    clock = FixedClock(datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
    if request.param == "sqlite":
        database = databases.sqlite_copy(request.getfixturevalue("sqlite_template"), home)
        with a_world(database, home, clock) as made:
            fill(made)
            yield made
        return
    with databases.throwaway_postgres(databases.postgres_server()) as url:
        databases.create_tables(url)
        with a_world(Database(kind="postgres", url=url), home, clock) as made:
            fill(made)
            yield made
