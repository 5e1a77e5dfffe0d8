"""Kits from a sale on one channel to the numbers on the others, the parcel and the explanation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from hub import doctor, explain
from hub.db.session import reading, unit
from hub.kernel.clock import FixedClock
from hub.orders import fulfilment, reads
from hub.orders.desk import by_name
from hub.orders.models import Order
from hub.pim.kits.edit import SetKit, set_kit
from hub.pim.reads import stock_of, stock_page
from hub.shipping.facts import facts_of
from hub.work.models import Attempt
from tests.support.databases import Database
from tests.support.world import World, a_world


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    """Two shops that sell bottles, boxes, cases (6 bottles in a box) and gifts (a case and a bottle)."""
    with a_world(database, tmp_path, clock) as made:
        made.shop("alpha")
        made.shop("beta")
        for sku, units in (("BOTTLE", 20), ("BOX", 5), ("CASE", 0), ("GIFT", 0)):
            made.variant(sku, units)
        with unit(made.system.sessions) as session:
            set_kit(session, SetKit(sku="CASE", components=(("BOTTLE", 6), ("BOX", 1))), clock.now())
            set_kit(session, SetKit(sku="GIFT", components=(("CASE", 1), ("BOTTLE", 1))), clock.now())
        made.publish()
        yield made


def shown(world: World) -> dict[str, dict[str, int]]:
    return {sku: world.shown(sku) for sku in ("BOTTLE", "BOX", "CASE", "GIFT")}


def both(units: int) -> dict[str, int]:
    return {"alpha": units, "beta": units}


def explained(world: World, account: str, sku: str) -> str:
    with reading(world.system.sessions) as session:
        return explain.text(explain.explain(session, account, sku, world.clock.now()))


def test_kits_and_components_are_one_pool(world: World) -> None:
    assert shown(world) == {"BOTTLE": both(20), "BOX": both(5), "CASE": both(3), "GIFT": both(2)}

    world.shops["alpha"].place_order([("CASE", 2)])
    world.settle()
    assert shown(world) == {"BOTTLE": both(8), "BOX": both(3), "CASE": both(1), "GIFT": both(1)}

    world.shops["beta"].place_order([("BOTTLE", 3)])
    world.settle()
    assert shown(world) == {"BOTTLE": both(5), "BOX": both(3), "CASE": both(0), "GIFT": both(0)}

    world.receive("BOTTLE", 12, "delivery")
    world.settle()
    assert shown(world) == {"BOTTLE": both(17), "BOX": both(3), "CASE": both(2), "GIFT": both(2)}
    with reading(world.system.sessions) as session:
        assert [f for f in doctor.invariants(session, world.clock.now()) if not f.ok] == []


def test_a_kit_is_exported_as_sold_shipped_by_component_and_explained(world: World) -> None:
    before_sale = world.clock.now()
    number = world.shops["alpha"].place_order([("CASE", 2)])
    world.settle()
    with reading(world.system.sessions) as session:
        order = session.scalars(select(Order).where(Order.channel_order_id == number)).one()
        full = reads.in_full(session, order)
        assert [(line.sku, line.held, line.location) for line in full.lines] == [("CASE", 2, "main")]
        assert not full.short
        (facts,) = facts_of(session, [order])
        assert [(row["line.sku"], row["line.quantity"], row["line.location"]) for row in facts.rows] == [
            ("CASE", 2, "main")
        ]
        detail = stock_of(session, "CASE")
        assert (detail.row.on_hand, detail.row.reserved, detail.row.available) == (3, 2, 1)
        assert [(p.order_ref, p.held, p.wanted) for p in detail.promises] == [(order.display_id, 2, 2)]
        assert {row.sku: row.available for row in stock_page(session)} == {"BOTTLE": 8, "BOX": 3, "CASE": 1, "GIFT": 1}
        sent = session.scalars(
            select(Attempt).where(Attempt.kind == "stock.push", Attempt.quantity == 1).order_by(Attempt.id.desc())
        ).first()
        assert sent is not None
        assert {part["sku"]: part["limits"] for part in sent.detail["parts"]} == {"BOTTLE": True, "BOX": False}
    said = explained(world, "beta", "CASE")
    assert "  6 of BOTTLE each: 20 - 12 reserved - 0 short, enough for 1, which limits it" in said
    assert "  1 of BOX each: 5 - 2 reserved - 0 short, enough for 3" in said
    assert f"2 for {order.display_id} (alpha) at main" in said

    with unit(world.system.sessions) as session:
        parcel = fulfilment.RecordShipment(
            order_id=by_name(session, number).id, carrier="dhl", tracking="T1", shipped_at=world.clock.now()
        )
        fulfilment.record_shipment(session, parcel, world.clock.now())
    world.settle()
    assert (world.position("BOTTLE"), world.position("BOX")) == ((8, 0), (3, 0))
    assert shown(world)["CASE"] == both(1)
    with reading(world.system.sessions) as session:
        then = explain.explain(session, "beta", "CASE", world.clock.now(), at=before_sale)
        assert (then.sum.on_hand, then.sum.reserved, then.sum.publishable) == (3, 0, 3)
        assert any("recipe" in limit or "made of" in limit for limit in then.limits)
        assert [f for f in doctor.invariants(session, world.clock.now()) if not f.ok] == []


def test_a_cancelled_kit_is_for_sale_again(world: World) -> None:
    shop = world.shops["alpha"]
    number = shop.place_order([("GIFT", 2)])
    world.settle()
    assert shown(world)["CASE"] == both(1)
    shop.cancel_order(number)
    world.settle()
    assert shown(world) == {"BOTTLE": both(20), "BOX": both(5), "CASE": both(3), "GIFT": both(2)}
