"""The only writer of on_hand: every change is a movement first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import change, chunks, put_new, table_of
from hub.kernel.errors import NotEnoughStock
from hub.pim.kits.recipes import refuse_kits
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
        NotAllowedNow: one of the variants is a kit.
    """
    if not movements:
        return []
    refuse_kits(session, [movement.variant_id for movement in movements])
    touched = sorted({(m.variant_id, m.location_id) for m in movements})
    levels = _lock(session, touched)
    missing = [position for position in touched if position not in levels]
    if missing:
        put_new(
            session,
            StockPosition,
            [{"variant_id": v, "location_id": loc, "on_hand": 0, "reserved": 0, "version": 0} for v, loc in missing],
            key=("variant_id", "location_id"),
        )
        levels.update(_lock(session, missing))  # another unit may have made them, with units on them
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
    for position, delta in sums.items():
        on_hand, reserved = levels[position]
        if on_hand + delta < reserved:
            raise NotEnoughStock(
                f"{on_hand} are there and {reserved} of them are promised: {delta} is not possible",
                field="quantity",
                value=delta,
            )
    if sums:
        _apply(session, sums)
    return fresh


def _lock(session: Session, positions: Sequence[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, int]]:
    """(on_hand, reserved) of these positions, locked in their order until the unit ends."""
    wanted = set(positions)
    p = StockPosition
    out: dict[tuple[int, int], tuple[int, int]] = {}
    for part in chunks(sorted({variant_id for variant_id, _ in positions})):
        for row in session.execute(
            select(p.variant_id, p.location_id, p.on_hand, p.reserved)
            .where(p.variant_id.in_(part), p.location_id.in_(sorted({location_id for _, location_id in wanted})))
            .order_by(p.variant_id, p.location_id)
            .with_for_update()
        ):
            out[row.variant_id, row.location_id] = (row.on_hand, row.reserved)
    return {position: level for position, level in out.items() if position in wanted}


def _apply(session: Session, sums: Mapping[tuple[int, int], int]) -> None:
    """Add to on_hand, all positions in one go. The condition repeats the invariant: a lost lock would show as an error."""
    p = table_of(StockPosition)
    changed = change(
        session,
        StockPosition,
        [{"variant_id": v, "location_id": loc, "delta": units} for (v, loc), units in sorted(sums.items())],
        key=("variant_id", "location_id"),
        types={"delta": p.c.on_hand.type},
        values=lambda given: {"on_hand": p.c.on_hand + given("delta"), "version": p.c.version + 1},
        where=lambda given: p.c.on_hand + given("delta") >= p.c.reserved,
    )
    if changed != len(sums):
        raise RuntimeError(f"{len(sums) - changed} of {len(sums)} positions moved under their lock")


def known_tokens(session: Session, tokens: Sequence[str]) -> set[str]:
    """Which of these tokens have a movement already."""
    out: set[str] = set()
    for part in chunks(tokens):
        out.update(session.scalars(select(StockMovement.token).where(StockMovement.token.in_(part))))
    return out


def movement_of(session: Session, token: str) -> StockMovement | None:
    return session.scalars(select(StockMovement).where(StockMovement.token == token)).first()
