"""The only writer of reserved: promises to buyers, one per order line.

Positions are locked in (variant, location) order before anything is decided (a no-op on SQLite, where the unit
already holds the database), promises are read under that lock, and every change is a conditional UPDATE, so that no unit
is promised twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from hub.db.session import is_sqlite
from hub.db.upsert import change, chunks, put_new, table_of
from hub.pim.models import Location, Reservation, StockPosition
from hub.pim.rules import Spot, choose_spot
from hub.work.kinds import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An order line that needs `wanted` units (>= 0) in all that are still to be shipped."""

    order_line_id: int
    variant_id: int
    wanted: int
    account_id: int
    order_ref: str
    placed_at: datetime
    locations: tuple[int, ...] = ()  # empty = any


class _Positions:
    """Locked positions of some variants, kept in step with the UPDATEs made."""

    def __init__(self, session: Session, variant_ids: Iterable[int]) -> None:
        self._session = session
        self.spots: dict[int, dict[int, list[int]]] = {}  # variant -> location -> [on_hand, reserved]
        self.priority: dict[int, int] = {
            row.id: row.priority for row in session.execute(select(Location.id, Location.priority))
        }
        for part in chunks(sorted(set(variant_ids))):
            for row in session.execute(
                select(
                    StockPosition.variant_id, StockPosition.location_id, StockPosition.on_hand, StockPosition.reserved
                )
                .where(StockPosition.variant_id.in_(part))
                .order_by(StockPosition.variant_id, StockPosition.location_id)
                .with_for_update()
            ):
                self.spots.setdefault(row.variant_id, {})[row.location_id] = [row.on_hand, row.reserved]
        self.deltas: dict[tuple[int, int], int] = {}

    def of(self, variant_id: int, only: Sequence[int]) -> list[Spot]:
        return [
            Spot(location_id=loc, priority=self.priority.get(loc, 100), available=on_hand - reserved)
            for loc, (on_hand, reserved) in self.spots.get(variant_id, {}).items()
            if not only or loc in only
        ]

    def add(self, variant_id: int, location_id: int, delta: int) -> None:
        if delta:
            self.spots[variant_id][location_id][1] += delta
            self.deltas[variant_id, location_id] = self.deltas.get((variant_id, location_id), 0) + delta

    def available(self, variant_id: int) -> int:
        return sum(on_hand - reserved for on_hand, reserved in self.spots.get(variant_id, {}).values())

    def write(self) -> None:
        """Apply the sums. The condition repeats the invariant: a lost lock would show as an error, not as an oversell."""
        rows = [
            {"variant_id": v, "location_id": loc, "delta": delta}
            for (v, loc), delta in sorted(self.deltas.items())
            if delta
        ]
        p = table_of(StockPosition)
        changed = change(
            self._session,
            StockPosition,
            rows,
            key=("variant_id", "location_id"),
            types={"delta": p.c.reserved.type},
            values=lambda given: {"reserved": p.c.reserved + given("delta"), "version": p.c.version + 1},
            where=lambda given: (p.c.reserved + given("delta") >= 0) & (p.c.reserved + given("delta") <= p.c.on_hand),
        )
        if changed != len(rows):
            raise RuntimeError(f"{len(rows) - changed} of {len(rows)} positions moved under their lock")
        self.deltas.clear()


def lock(session: Session, variant_ids: Iterable[int]) -> None:
    """Lock the positions of these variants, always in the same order, before a unit touches them one after the other:
    two units with the same variants in another sequence would otherwise lock each other out. Nothing to do on SQLite."""
    if is_sqlite(session):
        return
    for part in chunks(sorted(set(variant_ids))):
        session.execute(
            select(StockPosition.variant_id)
            .where(StockPosition.variant_id.in_(part))
            .order_by(StockPosition.variant_id, StockPosition.location_id)
            .with_for_update()
        ).all()


def _promises(
    session: Session, order_line_ids: Iterable[int], variant_ids: Iterable[int] = ()
) -> tuple[list[Reservation], _Positions]:
    """The promises of these lines as they are under the lock of their positions (and of those of `variant_ids`). Read
    any earlier, they could be changed by whoever held the lock before."""
    lines = sorted(set(order_line_ids))
    locked: set[int] = set()
    needed = set(variant_ids)
    for part in chunks(lines):
        needed |= set(session.scalars(select(Reservation.variant_id).where(Reservation.order_line_id.in_(part))))
    while True:
        locked |= needed
        positions = _Positions(session, locked)
        rows: list[Reservation] = []
        for part in chunks(lines):
            rows.extend(
                session.scalars(
                    select(Reservation)
                    .where(Reservation.order_line_id.in_(part))
                    .order_by(Reservation.id)
                    .execution_options(populate_existing=True)
                )
            )
        needed = {row.variant_id for row in rows} - locked
        if not needed:  # else a line was mapped anew meanwhile
            return rows, positions


def reserve(session: Session, wishes: Sequence[Wish], now: datetime) -> dict[int, int]:
    """Make or change the promises of these lines; returns what each line now holds (line id → units).

    Asking again with the same numbers changes nothing. A smaller `wanted` gives units back; 0 closes the promise.
    Units given back go to lines that are short. Callers dirty the listings of `touched` variants themselves
    (`urgency_of`).
    """
    if not wishes:
        return {}
    held: dict[int, int] = {}
    found, positions = _promises(session, [w.order_line_id for w in wishes], {w.variant_id for w in wishes})
    existing = {row.order_line_id: row for row in found}
    new_rows: list[dict[str, object]] = []
    freed: set[int] = set()
    for wish in wishes:
        row = existing.get(wish.order_line_id)
        if row is None:
            if wish.wanted == 0:
                held[wish.order_line_id] = 0
                continue
            spot, quantity = choose_spot(positions.of(wish.variant_id, wish.locations), wish.wanted)
            if spot is not None:
                positions.add(wish.variant_id, spot.location_id, quantity)
            new_rows.append(
                {
                    "order_line_id": wish.order_line_id, "part": 0, "order_ref": wish.order_ref, "account_id": wish.account_id,
                    "variant_id": wish.variant_id, "location_id": spot.location_id if spot else None,
                    "wanted": wish.wanted, "quantity": quantity, "placed_at": wish.placed_at, "created_at": now,
                    "closed_at": None,
                }
            )  # fmt: skip
            held[wish.order_line_id] = quantity
            continue
        if row.variant_id != wish.variant_id:  # mapped anew: give everything back, start over
            _give_back(positions, row, row.quantity)
            freed.add(row.variant_id)
            row.variant_id, row.location_id, row.quantity = wish.variant_id, None, 0
        if row.quantity > wish.wanted:
            _give_back(positions, row, row.quantity - wish.wanted)
            freed.add(row.variant_id)
        row.wanted = wish.wanted
        row.closed_at = None if wish.wanted > 0 else (row.closed_at or now)
        if row.quantity < row.wanted:
            _top_up(positions, row, wish.locations)
        held[wish.order_line_id] = row.quantity
    if new_rows:
        made = put_new(session, Reservation, new_rows, key=("order_line_id", "part"), returning=("id",))
        if len(made) != len(new_rows):
            raise RuntimeError("another unit promised the same lines meanwhile")
    positions.write()
    session.flush()  # fill() below reads reservations by query
    if freed:
        fill(session, freed, now)
    return held


def _give_back(positions: _Positions, row: Reservation, units: int) -> None:
    if units and row.location_id is not None:
        positions.add(row.variant_id, row.location_id, -units)
        row.quantity -= units


def _top_up(positions: _Positions, row: Reservation, only: Sequence[int]) -> None:
    """Hold what is missing: where the line is held already, else wherever all of it lies (the promise moves there)."""
    missing = row.wanted - row.quantity
    if row.location_id is not None and row.quantity > 0:
        here = positions.of(row.variant_id, (row.location_id,))
        units = min(missing, max(0, here[0].available)) if here else 0
        positions.add(row.variant_id, row.location_id, units)
        row.quantity += units
        if units < missing:
            elsewhere, whole = choose_spot(positions.of(row.variant_id, only), row.wanted)
            if elsewhere is not None and whole == row.wanted:
                _give_back(positions, row, row.quantity)
                row.location_id = elsewhere.location_id
                positions.add(row.variant_id, elsewhere.location_id, whole)
                row.quantity = whole
        return
    spot, units = choose_spot(positions.of(row.variant_id, only), missing)
    if spot is not None and units:
        row.location_id = spot.location_id
        positions.add(row.variant_id, spot.location_id, units)
        row.quantity += units


def release(session: Session, order_line_ids: Iterable[int], now: datetime) -> set[int]:
    """Close the promises of these lines and give their units back; returns the variants concerned."""
    found, positions = _promises(session, order_line_ids)
    rows = [row for row in found if row.closed_at is None]
    if not rows:
        return set()
    variants = {r.variant_id for r in rows}
    for row in rows:
        _give_back(positions, row, row.quantity)
        row.wanted = 0
        row.closed_at = now
    positions.write()
    session.flush()  # fill() reads reservations by query
    fill(session, variants, now)
    return variants


def consume(session: Session, shipped: Mapping[int, int], now: datetime) -> dict[tuple[int, int], int]:
    """Take shipped units (line id → units) out of the promises; returns how many units of which position left.

    The ledger entry for them is the caller's, after this. A line that held less than was shipped takes the rest from
    where it was (or would be) held; if that is promised to others, the newest of those become short.
    """
    rows, positions = _promises(session, shipped)
    left: dict[tuple[int, int], int] = {}
    for row in rows:
        units = shipped[row.order_line_id]
        if row.location_id is None:
            spots = positions.of(row.variant_id, ())
            best = max(spots, key=lambda s: (s.available, -s.priority), default=None)
            if best is not None:
                row.location_id = best.location_id
            else:
                row.location_id = min(positions.priority, key=lambda loc: (positions.priority[loc], loc))
        _give_back(positions, row, min(units, row.quantity))
        row.wanted = max(row.quantity, row.wanted - units)
        if row.wanted == 0:
            row.closed_at = now
        key = (row.variant_id, row.location_id)
        left[key] = left.get(key, 0) + units
    positions.write()
    session.flush()  # later steps of the same unit read reservations by query
    return left


def fit(session: Session, variant_id: int, location_id: int, on_hand: int) -> list[str]:
    """Make the promises at a position fit under `on_hand`: the newest lose units and become short. Returns their
    orders."""
    positions = _Positions(session, (variant_id,))
    spot = positions.spots.get(variant_id, {}).get(location_id)
    over = 0 if spot is None else spot[1] - max(0, on_hand)
    if over <= 0:
        return []
    hit: list[str] = []
    rows = session.scalars(
        select(Reservation)
        .where(
            Reservation.variant_id == variant_id,
            Reservation.location_id == location_id,
            Reservation.closed_at.is_(None),
            Reservation.quantity > 0,
        )
        .order_by(Reservation.placed_at.desc(), Reservation.id.desc())
        .execution_options(populate_existing=True)
    )
    for row in rows:
        units = min(over, row.quantity)
        _give_back(positions, row, units)
        over -= units
        hit.append(row.order_ref)
        if over == 0:
            break
    positions.write()
    session.flush()  # the ledger's condition reads the position
    return hit


def fill(session: Session, variant_ids: Iterable[int], now: datetime) -> dict[int, int]:
    """Give free units to short lines, oldest order first; returns line id → units gained."""
    short = (Reservation.closed_at.is_(None), Reservation.quantity < Reservation.wanted)
    waiting: set[int] = set()
    for part in chunks(sorted(set(variant_ids))):
        waiting |= set(session.scalars(select(Reservation.variant_id).where(Reservation.variant_id.in_(part), *short)))
    if not waiting:
        return {}
    positions = _Positions(session, waiting)
    rows: list[Reservation] = []
    for part in chunks(sorted(waiting)):
        rows.extend(
            session.scalars(
                select(Reservation)
                .where(Reservation.variant_id.in_(part), *short)
                .order_by(Reservation.placed_at, Reservation.id)
                .limit(5000)
                .execution_options(populate_existing=True)
            )
        )
    gained: dict[int, int] = {}
    for row in rows:
        before = row.quantity
        _top_up(positions, row, ())
        if row.quantity > before:
            gained[row.order_line_id] = row.quantity - before
    positions.write()
    session.flush()  # readers of the same unit query reservations
    return gained


def urgency_of(session: Session, variant_ids: Iterable[int], *, down: bool) -> dict[int, int]:
    """How urgent the listings of these variants became: to zero, down, or up."""
    out: dict[int, int] = {}
    for part in chunks(sorted(set(variant_ids))):
        totals: dict[int, int] = dict.fromkeys(part, 0)
        rows: Sequence[Row[int, int, int]] = session.execute(
            select(StockPosition.variant_id, StockPosition.on_hand, StockPosition.reserved).where(
                StockPosition.variant_id.in_(part)
            )
        ).all()
        for row in rows:
            totals[row.variant_id] += row.on_hand - row.reserved
        for variant_id, available in totals.items():
            out[variant_id] = int(Priority.ZERO if available <= 0 else Priority.DOWN if down else Priority.UP)
    return out
