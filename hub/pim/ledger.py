"""The only writer of on_hand: every change is a movement first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from hub.db.upsert import put_new
from hub.kernel.errors import NotEnoughStock
from hub.pim.models import StockMovement, StockPosition


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A change of on_hand by `delta` at one position. `token` is unique per intended change."""

    variant_id: int
    location_id: int
    kind: str
    delta: int
    token: str
    reason: str = ""
    reference: str = ""
    by: str = ""


def post(session: Session, movements: Sequence[Movement], now: datetime) -> list[Movement]:
    """Write movements and apply them; returns those that were new. A token seen before changes nothing.

    The reservations of the position must already fit under the new count (`reservations.fit`).

    Raises:
        NotEnoughStock: a position would fall below what is reserved there.
    """
    if not movements:
        return []
    positions = sorted({(m.variant_id, m.location_id) for m in movements})
    put_new(
        session,
        StockPosition,
        [{"variant_id": v, "location_id": loc, "on_hand": 0, "reserved": 0, "version": 0} for v, loc in positions],
        key=("variant_id", "location_id"),
    )
    written = put_new(
        session,
        StockMovement,
        [
            {
                "variant_id": m.variant_id, "location_id": m.location_id, "kind": m.kind, "delta": m.delta,
                "token": m.token, "reason": m.reason, "reference": m.reference, "by": m.by, "at": now,
            }
            for m in movements
        ],
        key=("token",),
        returning=("token",),
    )  # fmt: skip
    new_tokens = {row.token for row in written}
    fresh = [m for m in movements if m.token in new_tokens]
    sums: dict[tuple[int, int], int] = {}
    for m in fresh:
        sums[m.variant_id, m.location_id] = sums.get((m.variant_id, m.location_id), 0) + m.delta
    p = StockPosition
    for (variant_id, location_id), delta in sorted(sums.items()):
        result = session.execute(
            update(p)
            .where(p.variant_id == variant_id, p.location_id == location_id, p.on_hand + delta >= p.reserved)
            .values(on_hand=p.on_hand + delta, version=p.version + 1)
            .execution_options(synchronize_session=False)
        )
        assert isinstance(result, CursorResult)
        if result.rowcount != 1:
            row = session.execute(
                select(p.on_hand, p.reserved).where(p.variant_id == variant_id, p.location_id == location_id)
            ).one()
            raise NotEnoughStock(
                f"{row.on_hand} are there and {row.reserved} of them are promised: {delta} is not possible",
                field="quantity",
                value=delta,
            )
    return fresh


def movement_of(session: Session, token: str) -> StockMovement | None:
    return session.scalars(select(StockMovement).where(StockMovement.token == token)).first()
