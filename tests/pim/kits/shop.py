"""A shop with kits, for the tests beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.session import Sessions, reading
from hub.pim import reservations, stock
from hub.pim.kits.edit import SetKit, set_kit
from hub.pim.models import Location, Reservation, StockPosition, Variant
from hub.pim.reservations import Wish
from tests.support.builders import NOW, a_variant


def a_kit(session: Session, sku: str, **components: int) -> Variant:
    """A kit of these components (SKU → units); a variant of that SKU is made if there is none."""
    variant = session.scalars(select(Variant).where(Variant.sku == sku)).first() or a_variant(
        session, sku=sku, stock={}
    )
    set_kit(session, SetKit(sku=sku, components=tuple(components.items())), NOW)
    session.refresh(variant)
    return variant


def id_of(session: Session, sku: str) -> int:
    return session.scalars(select(Variant.id).where(Variant.sku == sku)).one()


def wish(session: Session, line: int, sku: str, wanted: int, *, age: int = 0, locations: tuple[int, ...] = ()) -> int:
    """Promise a line; returns how many it holds. A greater `age` is an older order."""
    asked = Wish(
        order_line_id=line, variant_id=id_of(session, sku), wanted=wanted, account_id=1, order_ref=f"O{line}",
        placed_at=NOW - timedelta(minutes=age), locations=locations,
    )  # fmt: skip
    return reservations.reserve(session, [asked], NOW)[line]


def receive(session: Session, sku: str, units: int, token: str, location: str = "main") -> None:
    kind = "receive" if units > 0 else "adjust"
    stock.change(session, stock.StockChange(sku=sku, location=location, delta=units, token=token, kind=kind), NOW)


def counts(sessions: Sessions) -> Mapping[str, tuple[int, int]]:
    """(on hand, reserved) of every SKU that has a position, over all locations."""
    with reading(sessions) as session:
        out: dict[str, tuple[int, int]] = {}
        p = StockPosition
        for sku, on_hand, reserved in session.execute(
            select(Variant.sku, p.on_hand, p.reserved).join(Variant, Variant.id == p.variant_id)
        ):
            before = out.get(sku, (0, 0))
            out[sku] = (before[0] + on_hand, before[1] + reserved)
        return out


def promises(sessions: Sessions, line: int) -> list[tuple[str, int, int, str | None, bool]]:
    """The rows of a line: SKU, wanted, held, location, open."""
    with reading(sessions) as session:
        r = Reservation
        return [
            (sku, row.wanted, row.quantity, place, row.closed_at is None)
            for row, sku, place in session.execute(
                select(r, Variant.sku, Location.code)
                .join(Variant, Variant.id == r.variant_id)
                .outerjoin(Location, Location.id == r.location_id)
                .where(r.order_line_id == line)
                .order_by(r.part)
            ).tuples()
        ]
