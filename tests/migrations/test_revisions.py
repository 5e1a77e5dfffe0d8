"""The revisions of this release, on both databases: they make what the models say, they can be taken back, and a
database that is in use survives being brought to the newest one again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select

from hub.db import migrate
from hub.db.base import Base
from hub.db.session import make_engine, make_sessions, reading, unit
from hub.orders.models import Order, OrderPerson
from hub.orders.persons import person_of
from hub.pim.models import Reservation, StockPosition
from hub.work.models import Account, WorkItem
from tests.support import databases
from tests.support.builders import a_listing, a_variant, an_account
from tests.support.orders import a_channel_order, take


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    databases.load_models()
    databases.install_test_key()
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    with databases.throwaway_postgres(databases.postgres_server()) as found:
        yield found


FULL_TEXT = ("search_words", "search_parts")
"""SQLite's own tables behind full text: the models do not know them."""


def tables(url: str) -> set[str]:
    engine = make_engine(url)
    try:
        found = set(inspect(engine).get_table_names()) - {"alembic_version"}
        return {name for name in found if not name.startswith(FULL_TEXT)}
    finally:
        engine.dispose()


def fill(url: str) -> None:
    """Rows in all rooms: an account, a listing, an order with a buyer, a promise, work."""
    engine = make_engine(url)
    with unit(make_sessions(engine)) as session:
        account = an_account(session, cadence={"orders.pull": 60})
        a_listing(session, account, a_variant(session, sku="SKU-1", stock=5))
        take(session, account, a_channel_order(lines=[("SKU-1", 2)]))
    engine.dispose()


def contents(url: str) -> dict[str, object]:
    engine = make_engine(url)
    try:
        with reading(make_sessions(engine)) as session:
            order = session.scalars(select(Order)).one()
            address, _ = person_of(session, order.id)
            position = session.scalars(select(StockPosition)).one()
            return {
                "account": session.scalars(select(Account.secrets)).one(),
                "order": (order.channel_order_id, order.stamp, order.total_minor),
                "city": address.city if address else None,
                "stock": (position.on_hand, position.reserved),
                "promises": session.scalar(select(func.sum(Reservation.quantity))),
                "work": session.scalar(select(func.count()).select_from(WorkItem)),
                "people": session.scalar(select(func.count()).select_from(OrderPerson)),
            }
    finally:
        engine.dispose()


def test_the_revisions_make_exactly_what_the_models_say_and_can_be_taken_back(url: str) -> None:
    assert migrate.current(url) is None
    migrate.upgrade(url)
    assert migrate.current(url) == migrate.head()
    assert migrate.drift(url) == []
    assert tables(url) == set(Base.metadata.tables)

    fill(url)
    before = contents(url)
    assert before["stock"] == (5, 2)
    migrate.upgrade(url)
    assert contents(url) == before, "at the newest revision nothing happens"

    migrate.downgrade(url, "base")
    assert (migrate.current(url), tables(url)) == (None, set())
    migrate.upgrade(url)
    assert migrate.drift(url) == []
    fill(url)
    assert contents(url) == before


def test_rows_live_through_every_revision_after_the_first(url: str) -> None:
    """One step back and forward again with rows in the tables that both know."""
    migrate.upgrade(url)
    fill(url)
    before = contents(url)
    migrate.downgrade(url, "-1")
    assert migrate.current(url) != migrate.head()
    migrate.upgrade(url)
    assert migrate.drift(url) == []
    assert contents(url) == before
