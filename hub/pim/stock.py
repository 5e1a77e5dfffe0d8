"""What a person or a shipment does to the count: receive, adjust, count, ship out. Each posts to the ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.session import is_sqlite
from hub.db.upsert import chunks
from hub.kernel.errors import Invalid, StaleEdit, Unknown
from hub.pim import ledger, listing_dirt, reservations
from hub.pim.kits.recipes import leaves_of, refuse_kits
from hub.pim.kits.rules import kits_from
from hub.pim.ledger import Movement
from hub.pim.models import Location, Reservation, StockPosition, Variant
from hub.pim.rules import count_delta


@dataclass(frozen=True, slots=True, kw_only=True)
class StockChange:
    """Change the count of `sku` at `location` by `delta` (kind receive, adjust or return). `token` is unique per
    intended change: sending the form twice changes the count once."""

    sku: str
    location: str
    delta: int
    token: str
    kind: str = "adjust"
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockCount:
    """Somebody counted: there are `counted` units. `seen_version` refuses a count made on an outdated page."""

    sku: str
    location: str
    counted: int
    token: str
    seen_version: int | None = None
    reason: str = ""  # empty = «counted n»
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A position after a change. `now_short` names orders whose promised units are no longer there."""

    sku: str
    location: str
    on_hand: int
    reserved: int
    version: int
    changed: int
    now_short: tuple[str, ...] = ()

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


def variant_by_sku(session: Session, sku: str) -> Variant:
    variant = session.scalars(select(Variant).where(Variant.sku == sku)).first()
    if variant is None:
        raise Unknown(f"no variant has the SKU {sku!r}", field="sku", value=sku, fix="import it first")
    return variant


def location_by_code(session: Session, code: str) -> Location:
    location = session.scalars(select(Location).where(Location.code == code)).first()
    if location is None:
        known = ", ".join(session.scalars(select(Location.code).order_by(Location.priority).limit(20)))
        raise Unknown(f"no location has the code {code!r}", field="location", value=code, fix=f"one of: {known}")
    return location


def add_location(session: Session, code: str, name: str, priority: int = 100) -> Location:
    """A place for stock; the one that is there if the code is taken."""
    found = session.scalars(select(Location).where(Location.code == code)).first()
    if found is not None:
        return found
    location = Location(code=code, name=name, priority=priority)
    session.add(location)
    session.flush()  # the id is used at once by callers
    return location


def _position(session: Session, variant_id: int, location_id: int) -> StockPosition | None:
    return session.scalars(
        select(StockPosition)
        .where(StockPosition.variant_id == variant_id, StockPosition.location_id == location_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def _apply(session: Session, variant: Variant, location: Location, movement: Movement, now: datetime) -> Level:
    """Make promises fit, post, fill short lines, dirty listings; a token seen before only reports."""
    hit = reservations.Fitted()
    changed = 0
    if ledger.movement_of(session, movement.token) is None:
        here = (variant.id, location.id)
        reservations.lock(session, (variant.id,), falling=_falling(session, {here: movement.delta}, {}))
        position = _position(session, variant.id, location.id)
        on_hand = position.on_hand if position else 0
        if on_hand + movement.delta < 0:
            raise Invalid(
                f"{on_hand} of {variant.sku} are at {location.code}: {movement.delta} is not possible",
                field="delta", value=movement.delta, fix="count the shelf and enter what is there",
            )  # fmt: skip
        if movement.delta < 0:
            hit = reservations.fit(session, variant.id, location.id, on_hand + movement.delta)
        if ledger.post(session, [movement], now):
            changed = movement.delta
            if movement.delta > 0 or hit.freed:
                reservations.fill(session, hit.freed or (variant.id,), now)
            urgency = reservations.urgency_of(session, (variant.id, *hit.freed), down=movement.delta < 0)
            if movement.delta:
                listing_dirt.mark_stock_dirty(session, urgency, now)
    position = _position(session, variant.id, location.id)
    return Level(
        sku=variant.sku, location=location.code, on_hand=position.on_hand if position else 0,
        reserved=position.reserved if position else 0, version=position.version if position else 0,
        changed=changed, now_short=hit.orders,
    )  # fmt: skip


def _falling(
    session: Session, deltas: Mapping[tuple[int, int], int], counted: Mapping[tuple[int, int], int]
) -> Collection[tuple[int, int]]:
    """Positions (variant, location) that end below their promises after these changes or counts: a look ahead, to lock
    whatever is touched in one order. SQLite locks nothing."""
    keys = {*(key for key, delta in deltas.items() if delta < 0), *counted}
    if not keys or is_sqlite(session):
        return ()
    return [
        key
        for key, (on_hand, reserved, _) in _levels(session, sorted(keys)).items()
        if key in keys and counted.get(key, on_hand + deltas.get(key, 0)) < reserved
    ]


def change(session: Session, cmd: StockChange, now: datetime) -> Level:
    """Receive, adjust or take back units. What comes back of a kit comes back as its components.

    Raises:
        Unknown: no such SKU or location.
        Invalid: the kind is not one of these, or the count would fall below zero.
        NotAllowedNow: the SKU is a kit, which has no stock of its own.
    """
    if cmd.kind not in ("receive", "adjust", "return"):
        raise Invalid(
            f"{cmd.kind!r} is no kind of stock change", field="kind", value=cmd.kind, fix="receive, adjust or return"
        )
    if cmd.kind == "receive" and cmd.delta <= 0:
        raise Invalid("a receipt brings at least one unit", field="delta", value=cmd.delta)
    variant = variant_by_sku(session, cmd.sku)
    location = location_by_code(session, cmd.location)
    if variant.is_kit:
        return _kit_back(session, variant, location, cmd, now)
    movement = Movement(
        variant_id=variant.id, location_id=location.id, kind=cmd.kind, delta=cmd.delta, token=cmd.token,
        reason=cmd.reason, by=cmd.by,
    )  # fmt: skip
    return _apply(session, variant, location, movement, now)


def _kit_back(session: Session, kit: Variant, location: Location, cmd: StockChange, now: datetime) -> Level:
    """Kits came back (`delta` > 0): their components are there again."""
    if cmd.kind != "return":
        refuse_kits(session, (kit.id,))
    if cmd.delta <= 0:
        raise Invalid("a return brings at least one unit", field="delta", value=cmd.delta)
    recipe = leaves_of(session, (kit.id,))[kit.id]
    reservations.lock(session, recipe)
    posted = ledger.post(
        session,
        [
            Movement(
                variant_id=variant_id, location_id=location.id, kind="return", delta=cmd.delta * per_kit,
                token=part_token(cmd.token, part, variant_id), reason=cmd.reason or f"{cmd.delta} of {kit.sku}", by=cmd.by,
            )
            for part, (variant_id, per_kit) in enumerate(recipe.items())
        ],
        now,
    )  # fmt: skip
    if posted:
        reservations.fill(session, recipe, now)
        listing_dirt.mark_stock_dirty(session, reservations.urgency_of(session, recipe, down=False), now)
    levels = _levels(session, [(variant_id, location.id) for variant_id in recipe])
    there = {v: level for (v, place), level in levels.items() if place == location.id}
    on_hand = kits_from(recipe, {v: level[0] for v, level in there.items()})
    free = kits_from(recipe, {v: level[0] - level[1] for v, level in there.items()})
    return Level(
        sku=kit.sku, location=location.code, on_hand=on_hand, reserved=on_hand - free, version=0,
        changed=cmd.delta if posted else 0,
    )  # fmt: skip


def part_token(token: str, part: int, variant_id: int) -> str:
    """The token of a component's movement: of the first one the token itself, so that a repeat is recognised by it."""
    return f"{token}:part:{variant_id}" if part else token


def count(session: Session, cmd: StockCount, now: datetime) -> Level:
    """Set the count to what was counted.

    Raises:
        StaleEdit: the position changed since `seen_version`.
        Invalid: a negative count.
        NotAllowedNow: the SKU is a kit, which has no stock of its own.
    """
    if cmd.counted < 0:
        raise Invalid("a count cannot be negative", field="counted", value=cmd.counted)
    variant = variant_by_sku(session, cmd.sku)
    if variant.is_kit:
        refuse_kits(session, (variant.id,))
    location = location_by_code(session, cmd.location)
    here = (variant.id, location.id)
    reservations.lock(session, (variant.id,), falling=_falling(session, {}, {here: cmd.counted}))
    position = _position(session, variant.id, location.id)
    version = position.version if position else 0
    repeated = ledger.movement_of(session, cmd.token) is not None
    if not repeated and cmd.seen_version is not None and cmd.seen_version != version:
        raise _stale(cmd, position.on_hand if position else 0)
    delta = count_delta(on_hand=position.on_hand if position else 0, counted=cmd.counted)
    movement = Movement(
        variant_id=variant.id, location_id=location.id, kind="count", delta=delta, token=cmd.token,
        reason=cmd.reason or f"counted {cmd.counted}", by=cmd.by,
    )  # fmt: skip
    return _apply(session, variant, location, movement, now)


def _stale(cmd: StockCount, on_hand: int) -> StaleEdit:
    return StaleEdit(
        f"{cmd.sku} at {cmd.location} changed since you looked: it now says {on_hand}",
        field="counted", value=cmd.counted, fix="look again and count once more",
    )  # fmt: skip


def count_many(session: Session, cmds: Sequence[StockCount], now: datetime) -> list[Level]:
    """Many counts in one unit, in a handful of statements however many they are; all of them or none. About 1,000 to a
    unit is a good size. The answers are in the order of the commands.

    Raises:
        Unknown: a SKU or location is not known.
        StaleEdit: a position changed since the `seen_version` of its count.
        Invalid: a negative count, or a position or token that is given twice.
        NotAllowedNow: a SKU is a kit, which has no stock of its own.
    """
    if not cmds:
        return []
    variants = _variants(session, [cmd.sku for cmd in cmds])
    locations = {code: location_by_code(session, code).id for code in sorted({cmd.location for cmd in cmds})}
    keys = [(variants[cmd.sku], locations[cmd.location]) for cmd in cmds]
    if len(set(keys)) != len(keys) or len({cmd.token for cmd in cmds}) != len(cmds):
        raise Invalid("a position or a token is given twice", field="sku", fix="give each position once")
    counted = {key: cmd.counted for cmd, key in zip(cmds, keys, strict=True)}
    reservations.lock(session, [variant_id for variant_id, _ in keys], falling=_falling(session, {}, counted))
    repeated = ledger.known_tokens(session, [cmd.token for cmd in cmds])
    levels = _levels(session, keys)
    movements: list[Movement] = []
    hit: dict[tuple[int, int], reservations.Fitted] = {}
    for cmd, key in zip(cmds, keys, strict=True):
        if cmd.counted < 0:
            raise Invalid("a count cannot be negative", field="counted", value=cmd.counted)
        if cmd.token in repeated:
            continue
        on_hand, reserved, version = levels.get(key, (0, 0, 0))
        if cmd.seen_version is not None and cmd.seen_version != version:
            raise _stale(cmd, on_hand)
        if cmd.counted < reserved:
            hit[key] = reservations.fit(session, key[0], key[1], cmd.counted)
        movements.append(
            Movement(
                variant_id=key[0], location_id=key[1], kind="count",
                delta=count_delta(on_hand=on_hand, counted=cmd.counted), token=cmd.token,
                reason=cmd.reason or f"counted {cmd.counted}", by=cmd.by,
            )
        )  # fmt: skip
    posted = {(m.variant_id, m.location_id): m.delta for m in ledger.post(session, movements, now)}
    down = {variant_id for (variant_id, _), delta in posted.items() if delta < 0}
    up = {variant_id for (variant_id, _), delta in posted.items() if delta > 0}
    freed = {variant_id for fitted in hit.values() for variant_id in fitted.freed}
    reservations.fill(session, up | freed, now)
    urgency = reservations.urgency_of(session, (up | freed) - down, down=False) | reservations.urgency_of(
        session, down, down=True
    )
    listing_dirt.mark_stock_dirty(session, urgency, now)
    after = _levels(session, keys)
    return [
        Level(
            sku=cmd.sku, location=cmd.location, on_hand=on_hand, reserved=reserved, version=version,
            changed=posted.get(key, 0), now_short=hit[key].orders if key in hit else (),
        )
        for cmd, key in zip(cmds, keys, strict=True)
        for on_hand, reserved, version in (after.get(key, (0, 0, 0)),)
    ]  # fmt: skip


def _variants(session: Session, skus: Sequence[str]) -> dict[str, int]:
    out: dict[str, int] = {}
    for part in chunks(sorted(set(skus))):
        out.update(session.execute(select(Variant.sku, Variant.id).where(Variant.sku.in_(part))).tuples().all())
    missing = next((sku for sku in skus if sku not in out), None)
    if missing is not None:
        raise Unknown(f"no variant has the SKU {missing!r}", field="sku", value=missing, fix="import it first")
    return out


def _levels(session: Session, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, int, int]]:
    """(on_hand, reserved, version) of these positions."""
    p = StockPosition
    out: dict[tuple[int, int], tuple[int, int, int]] = {}
    for part in chunks(sorted({variant_id for variant_id, _ in keys})):
        for row in session.execute(
            select(p.variant_id, p.location_id, p.on_hand, p.reserved, p.version).where(p.variant_id.in_(part))
        ):
            out[row.variant_id, row.location_id] = (row.on_hand, row.reserved, row.version)
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Out:
    """`units` (> 0) of an order line left the house. `token` is unique per departure."""

    order_line_id: int
    units: int
    token: str
    reference: str = ""


def ship_out(session: Session, outs: Sequence[Out], now: datetime, *, by: str = "") -> None:
    """Shipped units leave their promises and the count.

    A departure is a fact of the world: where the books have too little, what is missing is posted as found first, and
    promises of others that no longer fit become short. Lines without a promise (not mapped) move nothing.
    """
    fresh = [out for out in outs if ledger.movement_of(session, out.token) is None]
    if not fresh:
        return
    r = Reservation
    units = {out.order_line_id: out.units for out in fresh}
    rows = session.execute(
        select(r.order_line_id, r.variant_id, r.location_id, r.per_unit, r.quantity).where(r.order_line_id.in_(units))
    ).all()
    reservations.lock(
        session,
        [row.variant_id for row in rows],
        falling={
            (row.variant_id, row.location_id)
            for row in rows
            if row.location_id is not None and units[row.order_line_id] * row.per_unit > row.quantity
        },
    )
    promised = {row.order_line_id for row in rows}
    freed: set[int] = set()
    for out in fresh:
        if out.order_line_id in promised:
            consumed = reservations.consume(session, {out.order_line_id: out.units}, now)
            freed |= consumed.waiting
            for part, ((variant_id, location_id), gone) in enumerate(sorted(consumed.left.items())):
                token = part_token(out.token, part, variant_id)
                movement = Movement(
                    variant_id=variant_id, location_id=location_id, kind="ship", delta=-gone, token=token,
                    reference=out.reference, by=by,
                )  # fmt: skip
                freed |= _leave(session, movement, now)
    if freed:
        reservations.fill(session, freed, now)
        listing_dirt.mark_stock_dirty(session, reservations.urgency_of(session, freed, down=True), now)


def _leave(session: Session, movement: Movement, now: datetime) -> frozenset[int]:
    """Units left a position, whatever the books say of it. Returns what that set free elsewhere."""
    position = _position(session, movement.variant_id, movement.location_id)
    on_hand = position.on_hand if position else 0
    if on_hand + movement.delta < 0:
        missing = -movement.delta - on_hand
        found = replace(
            movement, kind="found", delta=missing, token=f"{movement.token}:found",
            reason="more left than the books had",
        )  # fmt: skip
        ledger.post(session, [found], now)
        on_hand += missing
    fitted = reservations.fit(session, movement.variant_id, movement.location_id, on_hand + movement.delta)
    ledger.post(session, [movement], now)
    return fitted.freed
