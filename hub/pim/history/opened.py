"""Stock that a job opened new variants with, taken back by movements of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.pim import ledger, listing_dirt, reservations
from hub.pim.models import StockMovement, StockPosition

REASON = "opening stock"


def take_back(
    session: Session, created: Mapping[int, datetime], token: str, now: datetime
) -> tuple[int, dict[int, int]]:
    """Post the opposite of what these variants (id → when they were created) were opened with, as far as it is still
    there and not promised. Returns the units taken back, and what could not be, by variant. `token` names the undo:
    the same again posts nothing."""
    opening: list[tuple[int, int, int, int]] = []
    m = StockMovement
    for part in chunks(sorted(created)):
        for row in session.execute(
            select(m.id, m.variant_id, m.location_id, m.delta, m.at)
            .where(m.variant_id.in_(part), m.kind == "count", m.reason == REASON, m.delta > 0)
            .order_by(m.id)
        ):
            if row.at == created[row.variant_id]:  # opened in the unit that created it
                opening.append((row.id, row.variant_id, row.location_id, row.delta))
    if not opening:
        return 0, {}
    reservations.lock(session, [variant_id for _, variant_id, _, _ in opening])
    free: dict[tuple[int, int], int] = {}
    p = StockPosition
    for part in chunks(sorted({variant_id for _, variant_id, _, _ in opening})):
        for place in session.execute(
            select(p.variant_id, p.location_id, p.on_hand, p.reserved).where(p.variant_id.in_(part))
        ):
            free[place.variant_id, place.location_id] = place.on_hand - place.reserved
    movements: list[ledger.Movement] = []
    short: dict[int, int] = {}
    for number, variant_id, location_id, delta in opening:
        units = min(delta, free[variant_id, location_id])
        free[variant_id, location_id] -= units
        if units < delta:
            short[variant_id] = short.get(variant_id, 0) + delta - units
        if units:
            movements.append(
                ledger.Movement(
                    variant_id=variant_id, location_id=location_id, kind="adjust", delta=-units,
                    token=f"{token}:{number}", reason="opening stock taken back", reference=token, by="undo",
                )
            )  # fmt: skip
    posted = ledger.post(session, movements, now)
    urgency = reservations.urgency_of(session, {movement.variant_id for movement in posted}, down=True)
    listing_dirt.mark_stock_dirty(session, urgency, now)
    return -sum(movement.delta for movement in posted), short
