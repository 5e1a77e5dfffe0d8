"""The suite's own ground: every test gets an empty database, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from hub.db.session import Sessions, reading, unit
from hub.pim.models import Listing, Location, StockMovement, StockPosition, Variant
from hub.work.models import Account
from tests.support.builders import a_listing, a_location, a_variant, an_account


@pytest.mark.parametrize("turn", ["first", "second"])
def test_each_test_begins_with_empty_tables_and_builders_fill_them(sessions: Sessions, turn: str) -> None:
    with unit(sessions) as session:
        account = an_account(session, secrets={"token": turn})
        variant = a_variant(session, sku="RIESLING-75", stock={"main": 12, "shop": 3})
        a_listing(session, account, variant)
        a_location(session, code="main")
    with reading(sessions) as session:
        assert session.scalars(select(Account.id)).all() == [1]
        assert session.scalars(select(Account)).one().secrets == f'{{"token": "{turn}"}}'
        assert session.scalars(select(Variant.sku)).all() == ["RIESLING-75"]
        assert session.scalars(select(Location.code).order_by(Location.id)).all() == ["main", "shop"]
        assert session.scalars(select(StockPosition.on_hand).order_by(StockPosition.location_id)).all() == [12, 3]
        assert session.scalar(select(func.sum(StockMovement.delta))) == 15
        assert session.scalars(select(Listing.channel_sku)).all() == ["RIESLING-75"]
