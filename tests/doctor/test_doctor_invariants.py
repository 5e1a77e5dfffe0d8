"""Each invariant, broken by hand in the database, is the one and only that is reported."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, inspect, select, text, update
from sqlalchemy.orm import Session

from hub import doctor
from hub.db.base import Base
from hub.db.session import reading
from hub.orders.models import Order, OrderLine, Shipment
from hub.pim.kits.models import KitComponent, KitLeaf
from hub.pim.models import Reservation, StockMovement, StockPosition, Variant
from hub.work.models import Attempt, TrafficCount
from tests.support.world import World


def test_a_healthy_shop_passes_and_every_check_looked_at_something(lasting_world: World) -> None:
    with reading(lasting_world.system.sessions) as session:
        found = doctor.invariants(session, lasting_world.clock.now())
    assert [f.id for f in found] == ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I9", "I11", "I12", "I13"]
    assert [(f.id, f.broken) for f in found if not f.ok] == []
    assert [f.id for f in found if f.checked == 0] == []


# ---------------------------------------------------------------- ways around the database's own guards


def without_check(session: Session, table: str, name: str) -> None:
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA ignore_check_constraints=ON"))
    else:
        session.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "ck_{table}_{name}"'))


def without_uniqueness(session: Session, model: type[Base]) -> None:
    """Take every unique constraint off a table: SQLite knows no other way than another table of that name."""
    table = model.__tablename__
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text(f"ALTER TABLE {table} RENAME TO guarded"))
        session.execute(text(f"CREATE TABLE {table} AS SELECT * FROM guarded"))  # noqa: S608
        return
    for constraint in inspect(session.connection()).get_unique_constraints(table):
        session.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{constraint["name"]}"'))


def copy(session: Session, model: type[Base], row: Any, **changes: Any) -> None:
    values = {column.key: getattr(row, column.key) for column in inspect(model).column_attrs}
    session.execute(insert(model).values(**{**values, "id": 10_000 + row.id, **changes}))


# ---------------------------------------------------------------- what people and bugs may do


def i1(session: Session, world: World) -> None:
    session.execute(
        update(StockPosition).where(StockPosition.variant_id == 1).values(on_hand=StockPosition.on_hand + 1)
    )


def i2_sum(session: Session, world: World) -> None:
    session.execute(
        update(StockPosition).where(StockPosition.variant_id == 1).values(reserved=StockPosition.reserved + 1)
    )


def i2_closed(session: Session, world: World) -> None:
    session.execute(update(Reservation).where(Reservation.closed_at.is_not(None)).values(wanted=1, quantity=1))


def i3(session: Session, world: World) -> None:
    without_check(session, "stock_positions", "covered")
    position = session.scalars(
        select(StockPosition).where(StockPosition.reserved > 0, StockPosition.variant_id == 2)
    ).one()
    lower = position.reserved - 1
    session.execute(
        insert(StockMovement).values(
            variant_id=position.variant_id, location_id=position.location_id, kind="adjust",
            delta=lower - position.on_hand, token="by hand", reason="", reference="", by="", at=world.clock.now(),
        )
    )  # fmt: skip
    position.on_hand = lower


def i4(session: Session, world: World) -> None:
    row = session.scalars(select(Order).order_by(Order.id)).first()
    without_uniqueness(session, Order)
    copy(session, Order, row)


def i5_promises(session: Session, world: World) -> None:
    row = session.scalars(
        select(Reservation).where(Reservation.closed_at.is_not(None), Reservation.kit_id.is_(None))
    ).one()
    without_uniqueness(session, Reservation)
    copy(session, Reservation, row)


def i5_parcels(session: Session, world: World) -> None:
    row = session.scalars(select(Shipment)).one()
    without_uniqueness(session, Shipment)
    copy(session, Shipment, row, package_number=2, shipment_key="other", confirmed_at=None)


def i5_confirmations(session: Session, world: World) -> None:
    row = session.scalars(select(Attempt).where(Attempt.kind == "shipment.confirm")).one()
    copy(session, Attempt, row)


def i5_units(session: Session, world: World) -> None:
    session.execute(update(OrderLine).where(OrderLine.shipped > 0).values(shipped=1))


def i6(session: Session, world: World) -> None:
    newest = session.scalars(select(Attempt).where(Attempt.kind == "stock.push").order_by(Attempt.id.desc())).first()
    assert newest is not None
    newest.quantity = (newest.quantity or 0) + 1


def i7_open(session: Session, world: World) -> None:
    row = session.scalars(select(Attempt).where(Attempt.kind == "shipment.confirm")).one()
    row.result, row.ended_at, row.sent_at = None, None, world.clock.now() - timedelta(hours=2)


def i7_digest(session: Session, world: World) -> None:
    session.execute(update(Attempt).where(Attempt.kind == "listing.publish").values(digest=""))


def i7_unrecorded(session: Session, world: World) -> None:
    session.execute(delete(Attempt).where(Attempt.kind == "shipment.confirm"))


def i9(session: Session, world: World) -> None:
    row = session.scalars(
        select(Attempt)
        .where(Attempt.kind == "stock.push", Attempt.result == "applied")
        .order_by(Attempt.revision.desc())
    ).first()
    assert row is not None
    copy(session, Attempt, row, revision=row.revision - 1, sent_at=world.clock.now())


def i11(session: Session, world: World) -> None:
    session.execute(update(TrafficCount).where(TrafficCount.operation == "setStock").values(in_transaction=2))


def i12(session: Session, world: World) -> None:
    session.execute(update(Order).where(Order.id == 1).values(total_minor=Order.total_minor + 1))


def kit_named(session: Session, sku: str) -> Variant:
    return session.scalars(select(Variant).where(Variant.sku == sku)).one()


def i13_leaves(session: Session, world: World) -> None:
    session.execute(update(KitLeaf).where(KitLeaf.quantity == 6).values(quantity=5))


def i13_no_components(session: Session, world: World) -> None:
    session.execute(update(Variant).where(Variant.sku == "WINE-1").values(is_kit=True))
    session.execute(update(StockPosition).where(StockPosition.variant_id == 1).values(on_hand=0))
    session.execute(delete(StockMovement).where(StockMovement.variant_id == 1))


def i13_components_of_no_kit(session: Session, world: World) -> None:
    session.execute(update(Variant).where(Variant.sku == "CASE").values(is_kit=False))


def i13_circle(session: Session, world: World) -> None:
    case, gift = kit_named(session, "CASE").id, kit_named(session, "GIFT").id
    session.execute(insert(KitComponent).values(kit_variant_id=case, component_variant_id=gift, quantity=1))


def i13_stock(session: Session, world: World) -> None:
    case = kit_named(session, "CASE").id
    session.execute(
        insert(StockMovement).values(
            variant_id=case, location_id=1, kind="found", delta=2, token="kit", reason="", reference="", by="",
            at=world.clock.now(),
        )
    )  # fmt: skip
    session.execute(update(StockPosition).where(StockPosition.variant_id == case).values(on_hand=2))


def i13_own_promise(session: Session, world: World) -> None:
    row = session.scalars(select(Reservation).where(Reservation.part == 1)).first()
    copy(
        session, Reservation, row, order_line_id=999, part=0, kit_id=None, per_unit=1, quantity=0, wanted=1,
        variant_id=kit_named(session, "CASE").id,
    )  # fmt: skip


def i13_torn(session: Session, world: World) -> None:
    session.execute(update(Reservation).where(Reservation.part == 1).values(wanted=Reservation.wanted * 2))


def i13_uneven(session: Session, world: World) -> None:
    session.execute(update(Reservation).where(Reservation.kit_id.is_not(None)).values(wanted=0, quantity=0))
    session.execute(update(StockPosition).where(StockPosition.variant_id.in_(CASED)).values(reserved=0))
    session.execute(update(Reservation).where(Reservation.per_unit == 6).values(wanted=3))


CASED = select(Reservation.variant_id).where(Reservation.kit_id.is_not(None)).scalar_subquery()

BREAKERS: list[tuple[str, Callable[[Session, World], None], str]] = [
    ("I1", i1, "WINE-1 at location 1: 8 on hand, the ledger says 7"),
    ("I2", i2_sum, "WINE-1 at location 1: 1 reserved, promises hold 0"),
    ("I2", i2_closed, "still holds 1"),
    ("I3", i3, "WINE-2 at location 1: 3 reserved of 2"),
    ("I4", i4, "is there 2 times"),
    ("I5", i5_promises, "has 2 promises"),
    ("I5", i5_parcels, "parcel T1 is recorded 2 times"),
    ("I5", i5_confirmations, "was confirmed 2 times"),
    ("I5", i5_units, "parcels hold 2, the line counts 1 as shipped"),
    ("I6", i6, "publishable was "),
    ("I7", i7_open, "(shipment.confirm) of "),
    ("I7", i7_digest, "has no digest"),
    ("I7", i7_unrecorded, "counts as confirmed without an attempt"),
    ("I9", i9, " was acknowledged"),
    ("I11", i11, "with a transaction open"),
    ("I12", i12, "the parts do not make "),
    ("I13", i13_leaves, "CASE: what it is made of in the end is not up to date"),
    ("I13", i13_no_components, "WINE-1 is a kit without components"),
    ("I13", i13_components_of_no_kit, "has components and is no kit"),
    ("I13", i13_circle, "contains itself"),
    ("I13", i13_stock, "CASE is a kit and has 2 units of its own at location 1"),
    ("I13", i13_own_promise, "waits for units of CASE, which is a kit"),
    ("I13", i13_torn, "do not go together"),
    ("I13", i13_uneven, "holds a part of a unit"),
]


@pytest.mark.parametrize(("invariant", "spoil", "says"), BREAKERS, ids=[spoil.__name__ for _, spoil, _ in BREAKERS])
def test_a_broken_invariant_is_the_only_one_reported(
    lasting_world: World, invariant: str, spoil: Callable[[Session, World], None], says: str
) -> None:
    with lasting_world.system.sessions() as session:  # everything in one transaction, guards included, and then undone
        spoil(session, lasting_world)
        session.flush()
        found = doctor.invariants(session, lasting_world.clock.now())
        session.rollback()
    assert [f.id for f in found if not f.ok] == [invariant]
    (broken,) = [f.broken for f in found if not f.ok]
    assert any(says in sentence for sentence in broken), broken
