"""What promises are made of while a unit works on them: locked positions, and the rows of a line kept in step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session, aliased

from hub.db.session import is_sqlite
from hub.db.upsert import change, chunks, table_of
from hub.pim.kits.recipes import Parts
from hub.pim.models import Location, Reservation, StockPosition
from hub.pim.rules import Spot, choose_spot


def lock(session: Session, variant_ids: Iterable[int], *, falling: Collection[tuple[int, int]] = ()) -> None:
    """Lock the positions of these variants, always in the same order, before a unit touches them one after the other:
    two units with the same variants in another sequence would otherwise lock each other out. Nothing to do on SQLite.

    With them go the components of kits that may gain or lose units in consequence: of short lines, and of lines that hold
    at a `falling` position (variant, location), which may end below what is promised there.
    """
    if is_sqlite(session):
        return
    ids = set(variant_ids)
    r, other = Reservation, aliased(Reservation)
    for spots in chunks(sorted(falling)):
        ids.update(
            session.scalars(
                select(other.variant_id)
                .join(r, r.order_line_id == other.order_line_id)
                .where(
                    tuple_(r.variant_id, r.location_id).in_(spots), r.kit_id.is_not(None), r.closed_at.is_(None),
                    r.quantity > 0,
                )
                .distinct()
            )
        )  # fmt: skip
    for part in chunks(sorted(entangled(session, ids))):
        session.execute(
            select(StockPosition.variant_id)
            .where(StockPosition.variant_id.in_(part))
            .order_by(StockPosition.variant_id, StockPosition.location_id)
            .with_for_update()
        ).all()


def entangled(session: Session, variant_ids: Iterable[int]) -> set[int]:
    """These variants and the other components of short kits that wait for one of them, and so on."""
    out = set(variant_ids)
    newest = set(out)
    r, other = Reservation, aliased(Reservation)
    while newest:  # ends with the few lines that are short
        found: set[int] = set()
        for part in chunks(sorted(newest)):
            found.update(
                session.scalars(
                    select(other.variant_id)
                    .join(r, r.order_line_id == other.order_line_id)
                    .where(
                        r.variant_id.in_(part), r.kit_id.is_not(None), r.closed_at.is_(None), r.quantity < r.wanted
                    )
                    .distinct()
                )
            )  # fmt: skip
        newest = found - out
        out |= newest
    return out


class Positions:
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

    def of(self, parts: Parts, only: Sequence[int]) -> list[Spot]:
        """How many sold units each location could give (of `only` these; empty = any)."""
        first, *others = [(self.spots.get(variant_id, {}), per_unit) for variant_id, per_unit in parts]
        places, per = first
        return [
            Spot(
                location_id=loc, priority=self.priority.get(loc, 100),
                available=min(
                    [(on_hand - reserved) // per]
                    + [(there[loc][0] - there[loc][1]) // units if loc in there else 0 for there, units in others]
                ),
            )
            for loc, (on_hand, reserved) in places.items()
            if not only or loc in only
        ]  # fmt: skip

    def add(self, variant_id: int, location_id: int, delta: int) -> None:
        if delta:
            self.spots[variant_id][location_id][1] += delta
            self.deltas[variant_id, location_id] = self.deltas.get((variant_id, location_id), 0) + delta

    def take(self, parts: Parts, location_id: int, units: int) -> None:
        """Hold `units` sold units more at a location (fewer, if negative)."""
        for variant_id, per_unit in parts:
            self.add(variant_id, location_id, units * per_unit)

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


class Line:
    """The promise of one order line in sold units, whatever number of rows it has."""

    __slots__ = ("parts", "rows")

    def __init__(self, rows: list[Reservation]) -> None:
        self.rows = rows
        self.parts: Parts = tuple((row.variant_id, row.per_unit) for row in rows)

    @property
    def id(self) -> int:
        return self.rows[0].order_line_id

    @property
    def sold(self) -> int:
        """The variant that was sold."""
        return self.rows[0].kit_id or self.rows[0].variant_id

    @property
    def held(self) -> int:
        return self.rows[0].quantity // self.rows[0].per_unit

    @property
    def wanted(self) -> int:
        return self.rows[0].wanted // self.rows[0].per_unit

    @property
    def location_id(self) -> int | None:
        return self.rows[0].location_id

    @property
    def is_closed(self) -> bool:
        return self.rows[0].closed_at is not None

    @property
    def variant_ids(self) -> list[int]:
        return [variant_id for variant_id, _ in self.parts]

    def set_wanted(self, units: int, now: datetime) -> None:
        """Say how many are still to be shipped; none = closed. What is held must fit already."""
        for row in self.rows:
            row.wanted = units * row.per_unit
            row.closed_at = None if units > 0 else (row.closed_at or now)

    def hold_at(self, location_id: int) -> None:
        for row in self.rows:
            row.location_id = location_id

    def take(self, positions: Positions, location_id: int, units: int) -> None:
        self.hold_at(location_id)
        positions.take(self.parts, location_id, units)
        for row in self.rows:
            row.quantity += units * row.per_unit

    def give_back(self, positions: Positions, units: int) -> None:
        if units and self.location_id is not None:
            self.take(positions, self.location_id, -units)

    def top_up(self, positions: Positions, only: Sequence[int]) -> bool:
        """Hold what is missing: where the line is held already, else wherever all of it lies (the promise moves there).
        Returns whether it moved: then units of its old place are free."""
        missing = self.wanted - self.held
        if self.location_id is not None and self.held > 0:
            here = positions.of(self.parts, (self.location_id,))
            units = min(missing, max(0, here[0].available)) if here else 0
            self.take(positions, self.location_id, units)
            if units < missing:
                elsewhere, whole = choose_spot(positions.of(self.parts, only), self.wanted)
                if elsewhere is not None and whole == self.wanted:
                    self.give_back(positions, self.held)
                    self.take(positions, elsewhere.location_id, whole)
                    return True
            return False
        spot, units = choose_spot(positions.of(self.parts, only), missing)
        if spot is not None and units:
            self.take(positions, spot.location_id, units)
        return False


def lines_from(rows: Iterable[Reservation]) -> dict[int, Line]:
    """Rows of whole lines, in the order of their parts, by line."""
    by_line: dict[int, list[Reservation]] = {}
    for row in rows:
        by_line.setdefault(row.order_line_id, []).append(row)
    return {line_id: Line(found) for line_id, found in by_line.items()}


def rows_of(session: Session, order_line_ids: Iterable[int]) -> list[Reservation]:
    """Every row of these lines as it is now."""
    out: list[Reservation] = []
    for part in chunks(sorted(set(order_line_ids))):
        out.extend(
            session.scalars(
                select(Reservation)
                .where(Reservation.order_line_id.in_(part))
                .order_by(Reservation.order_line_id, Reservation.part)
                .execution_options(populate_existing=True)
            )
        )
    return out


def whole_lines(session: Session, rows: Sequence[Reservation]) -> dict[int, Line]:
    """The lines of these rows, with the other components where a kit was sold. In the order of the rows."""
    kits = [row.order_line_id for row in rows if row.kit_id is not None]
    lines = lines_from(rows_of(session, kits)) if kits else {}
    for row in rows:
        if row.kit_id is None:
            lines[row.order_line_id] = Line([row])
    return {row.order_line_id: lines[row.order_line_id] for row in rows}
