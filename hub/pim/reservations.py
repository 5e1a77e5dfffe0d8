"""The only writer of reserved: promises to buyers, of one order line each; where a kit was sold, of all its components.

Positions are locked in (variant, location) order before anything is decided (a no-op on SQLite, where the unit
already holds the database), promises are read under that lock, and every change is a conditional UPDATE, so that no unit
is promised twice. A line of a kit holds whole kits only, all components at one location: two lines that wait for each
other's components cannot come about.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.db.session import is_sqlite
from hub.db.upsert import chunks, put_new
from hub.pim.held import Line, Positions, entangled, lines_from, rows_of, whole_lines
from hub.pim.held import lock as lock
from hub.pim.kits.recipes import Parts, containing, parts_of
from hub.pim.kits.rules import kits_from
from hub.pim.models import Reservation, StockPosition
from hub.pim.rules import choose_spot
from hub.work.kinds import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An order line that needs `wanted` units (>= 0) in all that are still to be shipped. `variant_id` is what was sold:
    of a kit, its components are promised."""

    order_line_id: int
    variant_id: int
    wanted: int
    account_id: int
    order_ref: str
    placed_at: datetime
    locations: tuple[int, ...] = ()  # empty = any


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """What became of wishes: `held` sold units by line; `variants` are those whose positions a line uses or used."""

    held: Mapping[int, int]
    variants: Mapping[int, Collection[int]]


def lock_for(session: Session, wishes: Iterable[Wish]) -> None:
    """Lock whatever these wishes may touch, for a unit that does something else with their lines before it promises."""
    if is_sqlite(session):
        return
    wanted = list(wishes)
    recipes = parts_of(session, [wish.variant_id for wish in wanted])
    promised = {
        v for line in lines_from(rows_of(session, [w.order_line_id for w in wanted])).values() for v in line.variant_ids
    }
    lock(session, promised.union(*([v for v, _ in recipe] for recipe in recipes.values())))


@dataclass(slots=True, kw_only=True)
class _Desk:
    """Lines under the lock of their positions. `parts`: what one unit of a variant sold anew takes."""

    lines: dict[int, Line]
    positions: Positions
    parts: dict[int, Parts]


Begins = Callable[[int, Line | None], int | None]
"""Of a line (id, promise if there is one): the variant whose recipe is needed, None where the promise has its own."""


def _desk(session: Session, order_line_ids: Iterable[int], begins: Begins) -> _Desk:
    """These lines as they are under the lock of their positions. Read any earlier, they could be changed by whoever held
    the lock before."""
    ids = sorted(set(order_line_ids))
    lines = lines_from(rows_of(session, ids))
    parts: dict[int, Parts] = {}
    locked: set[int] = set()
    positions: Positions | None = None
    while True:
        new = {variant_id for i in ids if (variant_id := begins(i, lines.get(i))) is not None}
        parts |= parts_of(session, new - parts.keys())
        needed = {variant_id for line in lines.values() for variant_id in line.variant_ids}
        needed |= {variant_id for recipe in parts.values() for variant_id, _ in recipe}
        if positions is not None and needed <= locked:
            return _Desk(lines=lines, positions=positions, parts=parts)
        if lines and not is_sqlite(session):  # units may be given back, and taken by lines that are short
            needed = entangled(session, needed)
        locked |= needed
        positions = Positions(session, locked)
        lines = lines_from(rows_of(session, ids))  # a line may have been mapped anew meanwhile


def reserve(session: Session, wishes: Sequence[Wish], now: datetime) -> dict[int, int]:
    """Make or change the promises of these lines; returns what each line now holds (line id → sold units).

    Asking again with the same numbers changes nothing. A smaller `wanted` gives units back; 0 closes the promise.
    Units given back go to lines that are short. A promise of a kit keeps the recipe it began with until it is closed.
    """
    return dict(promise(session, wishes, now).held)


def promise(session: Session, wishes: Sequence[Wish], now: datetime) -> Promised:
    """As `reserve`; also tells which variants each line concerns: callers dirty their listings (`urgency_of`)."""
    if not wishes:
        return Promised(held={}, variants={})
    held: dict[int, int] = {}
    variants: dict[int, Collection[int]] = {}
    by_line = {wish.order_line_id: wish for wish in wishes}

    def begins(line_id: int, line: Line | None) -> int | None:
        wish = by_line[line_id]
        if line is None or line.is_closed:
            return wish.variant_id if wish.wanted or (line is not None and line.sold != wish.variant_id) else None
        return None if line.sold == wish.variant_id else wish.variant_id

    desk = _desk(session, by_line, begins)
    positions = desk.positions
    new_rows: list[dict[str, Any]] = []
    stale: list[int] = []
    freed: set[int] = set()
    for wish in wishes:
        line = desk.lines.get(wish.order_line_id)
        before: list[int] = []
        if line is not None and _outdated(line, wish, desk.parts):  # give everything back, start over
            before = line.variant_ids
            if line.held:
                freed.update(before)
                line.give_back(positions, line.held)
            stale += [row.id for row in line.rows]
        if line is None or before:
            if wish.wanted == 0 and line is None:
                held[wish.order_line_id] = 0
                continue
            recipe = desk.parts[wish.variant_id]
            spot, units = choose_spot(positions.of(recipe, wish.locations), wish.wanted)
            if spot is not None:
                positions.take(recipe, spot.location_id, units)
            new_rows += _rows(wish, recipe, spot.location_id if spot else None, units, now)
            held[wish.order_line_id] = units
            variants[wish.order_line_id] = {*before, *(variant_id for variant_id, _ in recipe)}
            continue
        if line.held > wish.wanted:
            line.give_back(positions, line.held - wish.wanted)
            freed.update(line.variant_ids)
        line.set_wanted(wish.wanted, now)
        if line.held < line.wanted and line.top_up(positions, wish.locations):
            freed.update(line.variant_ids)
        held[wish.order_line_id] = line.held
        variants[wish.order_line_id] = line.variant_ids
    session.flush()  # rows that go and rows that come are written past the session
    for part in chunks(stale):
        session.execute(delete(Reservation).where(Reservation.id.in_(part)))
    if new_rows:
        made = put_new(session, Reservation, new_rows, key=("order_line_id", "part"), returning=("id",))
        if len(made) != len(new_rows):
            raise RuntimeError("another unit promised the same lines meanwhile")
    positions.write()
    if freed:
        fill(session, freed, now)
    return Promised(held=held, variants=variants)


def _outdated(line: Line, wish: Wish, parts: Mapping[int, Parts]) -> bool:
    """Is the line of another variant now, or does it begin again, and what was sold is made otherwise than before?"""
    if line.sold != wish.variant_id:
        return True
    return line.is_closed and wish.wanted > 0 and parts[line.sold] != line.parts


def _rows(wish: Wish, recipe: Parts, location_id: int | None, units: int, now: datetime) -> list[dict[str, Any]]:
    is_kit = recipe != ((wish.variant_id, 1),)
    return [
        {
            "order_line_id": wish.order_line_id, "part": part, "order_ref": wish.order_ref,
            "account_id": wish.account_id, "variant_id": variant_id, "kit_id": wish.variant_id if is_kit else None,
            "per_unit": per_unit, "location_id": location_id, "wanted": wish.wanted * per_unit,
            "quantity": units * per_unit, "placed_at": wish.placed_at, "created_at": now,
            "closed_at": None if wish.wanted else now,
        }
        for part, (variant_id, per_unit) in enumerate(recipe)
    ]  # fmt: skip


def release(session: Session, order_line_ids: Iterable[int], now: datetime) -> set[int]:
    """Close the promises of these lines and give their units back; returns the variants concerned."""
    desk = _desk(session, order_line_ids, lambda _id, _line: None)
    lines = [line for line in desk.lines.values() if not line.is_closed]
    if not lines:
        return set()
    variants = {variant_id for line in lines for variant_id in line.variant_ids}
    for line in lines:
        line.give_back(desk.positions, line.held)
        line.set_wanted(0, now)
    desk.positions.write()
    session.flush()  # fill() reads reservations by query
    fill(session, variants, now)
    return variants


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumed:
    """How many units of which position (variant, location) left; `waiting` are the variants of lines that are short still:
    less than before may lie together elsewhere. Fill those once the count is posted."""

    left: Mapping[tuple[int, int], int]
    waiting: frozenset[int]


def consume(session: Session, shipped: Mapping[int, int], now: datetime) -> Consumed:
    """Take shipped units (line id → sold units) out of the promises.

    The ledger entry for them is the caller's, after this. A line that held less than was shipped takes the rest from
    where it was (or would be) held; if that is promised to others, the newest of those become short.
    """
    desk = _desk(session, shipped, lambda _, line: line.sold if line is not None and line.is_closed else None)
    positions = desk.positions
    left: dict[tuple[int, int], int] = {}
    for line in desk.lines.values():
        units = shipped[line.id]
        parts = desk.parts[line.sold] if line.is_closed else line.parts  # closed: what it is made of may have changed
        location_id = line.location_id
        if location_id is None:
            best = max(positions.of(parts, ()), key=lambda s: (s.available, -s.priority), default=None)
            if best is not None:
                location_id = best.location_id
            else:
                location_id = min(positions.priority, key=lambda loc: (positions.priority[loc], loc))
            line.hold_at(location_id)
        line.give_back(positions, min(units, line.held))
        line.set_wanted(max(line.held, line.wanted - units), now)
        for variant_id, per_unit in parts:
            left[variant_id, location_id] = left.get((variant_id, location_id), 0) + units * per_unit
    positions.write()
    session.flush()  # later steps of the same unit read reservations by query
    short = [line for line in desk.lines.values() if line.held < line.wanted]
    return Consumed(left=left, waiting=frozenset(variant_id for line in short for variant_id in line.variant_ids))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """Promises that lost units: their `orders`; `freed` are the variants concerned, other components of kits included.
    Fill those once the count is posted: what is free again may serve others, and what was lost may lie elsewhere."""

    orders: tuple[str, ...] = ()
    freed: frozenset[int] = frozenset()


def fit(session: Session, variant_id: int, location_id: int, on_hand: int) -> Fitted:
    """Make the promises at a position fit under `on_hand`: the newest lose units and become short."""
    positions = Positions(session, (variant_id,))
    spot = positions.spots.get(variant_id, {}).get(location_id)
    over = 0 if spot is None else spot[1] - max(0, on_hand)
    if over <= 0:
        return Fitted()
    hit: list[tuple[Reservation, int]] = []
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
        sold = min(-(-over // row.per_unit), row.quantity // row.per_unit)
        hit.append((row, sold))
        over -= sold * row.per_unit
        if over <= 0:
            break
    lines = whole_lines(session, [row for row, _ in hit])
    freed = {other for line in lines.values() for other in line.variant_ids}
    if freed != {variant_id}:
        positions = Positions(session, freed)
    for row, sold in hit:
        lines[row.order_line_id].give_back(positions, sold)
    positions.write()
    session.flush()  # the ledger's condition reads the position
    return Fitted(orders=tuple(row.order_ref for row, _ in hit), freed=frozenset(freed))


def fill(session: Session, variant_ids: Iterable[int], now: datetime) -> dict[int, int]:
    """Give free units to short lines, oldest order first; returns line id → sold units gained."""
    short = (Reservation.closed_at.is_(None), Reservation.quantity < Reservation.wanted)
    waiting: set[int] = set()
    for part in chunks(sorted(set(variant_ids))):
        waiting |= set(session.scalars(select(Reservation.variant_id).where(Reservation.variant_id.in_(part), *short)))
    if not waiting:
        return {}
    needed = waiting if is_sqlite(session) else entangled(session, waiting)
    positions = Positions(session, needed)
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
    lines = sorted(whole_lines(session, rows).values(), key=lambda line: (line.rows[0].placed_at, line.rows[0].id))
    unread = {variant_id for line in lines for variant_id in line.variant_ids} - needed
    if unread:
        positions = Positions(session, needed | unread)
    before = {line.id: line.held for line in lines}
    while any(line.top_up(positions, ()) for line in lines if line.held < line.wanted):
        continue  # a promise moved: what it left behind may serve another line
    positions.write()
    session.flush()  # readers of the same unit query reservations
    return {line.id: line.held - before[line.id] for line in lines if line.held > before[line.id]}


def urgency_of(session: Session, variant_ids: Iterable[int], *, down: bool) -> dict[int, int]:
    """How urgent the listings of these variants became, and of every kit that contains one: to zero, down, or up."""
    ids = set(variant_ids)
    kits = containing(session, ids)
    needed = (ids | {leaf for recipe in kits.values() for leaf in recipe}) - kits.keys()
    free: dict[int, dict[int, int]] = {}  # location -> variant -> units
    totals = dict.fromkeys(needed, 0)
    p = StockPosition
    for part in chunks(sorted(needed)):
        for row in session.execute(
            select(p.variant_id, p.location_id, p.on_hand, p.reserved).where(p.variant_id.in_(part))
        ):
            totals[row.variant_id] += row.on_hand - row.reserved
            if kits:
                free.setdefault(row.location_id, {})[row.variant_id] = row.on_hand - row.reserved
    available = {variant_id: totals[variant_id] for variant_id in ids - kits.keys()}
    for kit, recipe in kits.items():
        available[kit] = sum(kits_from(recipe, place) for place in free.values())
    return {
        variant_id: int(Priority.ZERO if units <= 0 else Priority.DOWN if down else Priority.UP)
        for variant_id, units in sorted(available.items())
    }
