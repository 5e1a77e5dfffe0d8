"""Products are brought up to date beside the channels' work, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.db.session import reading, unit
from hub.kernel.clock import FixedClock
from hub.pim import catalog, projections
from hub.pim.facts import ProductFacts
from hub.pim.quality.models import Completeness
from hub.sync import catalogue
from tests.support.databases import Database
from tests.support.world import World, a_world


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    with a_world(database, tmp_path, clock) as made:
        yield made


def test_a_turn_brings_a_few_hundred_products_up_to_date_and_the_next_one_goes_on(world: World) -> None:
    many = catalogue.PROJECTED * catalogue.PROJECTING + 7
    with unit(world.system.sessions) as session:
        products = [ProductFacts(handle=f"p-{n}", title=f"Product {n}") for n in range(many)]
        catalog.put_products(session, catalog.PutProducts(products=products), world.clock.now())
        before = projections.behind(session)
    assert before >= many
    assert catalogue.waiting(world.system.hub)
    assert catalogue.turn(world.system.hub)
    with reading(world.system.sessions) as session:
        assert projections.behind(session) == before - catalogue.PROJECTED * catalogue.PROJECTING
    assert catalogue.turn(world.system.hub)
    assert not catalogue.waiting(world.system.hub)
    assert not catalogue.turn(world.system.hub)
    with reading(world.system.sessions) as session:
        stored = select(func.count(func.distinct(Completeness.product_id)))
        assert session.scalar(stored) == before
