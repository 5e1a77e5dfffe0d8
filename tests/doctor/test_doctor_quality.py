"""What is derived from products is right and keeps up; each check is broken once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select, update

from hub.db.session import reading, unit
from hub.db.upsert import table_of
from hub.doctor_checks import QUALITY, Check
from hub.pim import projections
from hub.pim.models import DirtyProduct, Product
from hub.pim.quality.models import Completeness
from hub.pim.quality.rebuild import rebuild_some
from tests.doctor.test_doctor_checks import patient
from tests.support.builders import a_product, a_variant
from tests.support.world import World


def examine(world: World) -> dict[str, Check]:
    return {name: check(patient(world)) for name, check in QUALITY.items()}


def settled(world: World, count: int = 3) -> None:
    with unit(world.system.sessions) as session:
        for n in range(count):
            a_variant(session, sku=f"W-{n}", product=a_product(session, handle=f"wine-{n}"))
        projections.touch_where(session, Product.id > 0, world.clock.now())
        projections.project(session, world.clock.now())


def test_stored_completeness_that_is_wrong_missing_or_too_much_is_named(world: World) -> None:
    settled(world)
    found = examine(world)
    assert all(check.ok for check in found.values())
    assert found["completeness"].checked >= 3
    with unit(world.system.sessions) as session:
        pid = session.scalars(select(Product.id).where(Product.handle == "wine-1")).one()
        other = session.scalars(select(Product.id).where(Product.handle == "wine-2")).one()
        c = table_of(Completeness)
        session.execute(update(c).where(c.c.product_id == pid, c.c.channel == "*").values(percent=12, filled=1))
        session.execute(delete(c).where(c.c.product_id == other, c.c.channel == "memory"))
        row = {"channel": "gone", "locale": "", "required": 1, "filled": 1, "percent": 100, "missing": []}
        session.add(Completeness(product_id=other, errors=0, warnings=0, **row))
    check = examine(world)["completeness"]
    assert check.level == "warning"
    assert check.broken == (
        "wine-1 on * in «»: 12 % is stored, 100 % is right",
        "wine-2 on memory in «»: nothing is stored",
        f"product {other} has a line on gone in «» too many",
    )
    with unit(world.system.sessions) as session:
        rebuild_some(session, 0, world.clock.now())
    assert examine(world)["completeness"].ok


def test_a_product_that_waits_for_the_sweep_is_not_held_against_what_is_stored(world: World) -> None:
    settled(world)
    with unit(world.system.sessions) as session:
        session.execute(update(Product).where(Product.handle == "wine-1").values(title=""))
        projections.touch_where(session, Product.handle == "wine-1", world.clock.now())
    assert examine(world)["completeness"].ok


def test_products_that_wait_for_long_are_counted(world: World) -> None:
    settled(world)
    with unit(world.system.sessions) as session:
        projections.touch_where(session, Product.id > 0, world.clock.now())
        count = projections.behind(session)
    assert examine(world)["derived"].ok
    world.clock.advance(timedelta(minutes=31))
    check = examine(world)["derived"]
    assert (check.ok, check.checked, check.level) == (False, count, "warning")
    assert check.broken[0].startswith(f"{count} products wait to be looked at, one of them since 20")
    with unit(world.system.sessions) as session:
        projections.project(session, world.clock.now())
    assert examine(world)["derived"].ok


def test_rebuilding_leaves_what_waits_for_other_reasons_to_the_sweep(world: World) -> None:
    settled(world)
    now = world.clock.now()
    with unit(world.system.sessions) as session:
        ids = list(session.scalars(select(Product.id).order_by(Product.id)))
        projections.touch(session, ids[:1], now)
        projections.refresh(session, "completeness", ids, now)
    with reading(world.system.sessions) as session:
        assert session.scalars(select(DirtyProduct.product_id)).all() == ids[:1]
