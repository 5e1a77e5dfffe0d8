"""Tracking numbers from a file into shipments: a result for every row, and no bad row stops another.

Rows with the same order and tracking number are one parcel; a parcel is recorded whole or not at all, so that the
corrected file can simply be imported again. All parcels of an order are one unit. A dry run does the same and takes
every unit back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import HubError, Invalid, Unknown
from hub.orders.fulfilment import RecordShipment, record_shipment
from hub.orders.models import Order, OrderLine, Shipment, ShipmentLine
from hub.pim.models import StockPosition, Variant
from hub.shipping import tracking_file
from hub.shipping.tracking_file import BadLine, TrackingLine, shown
from hub.shipping.tracking_orders import Candidate, Finder

_NOON = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTracking:
    """Import the file at `path`. `carrier` stands where the file names none."""

    path: Path
    carrier: str = ""
    dry_run: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingResult:
    """What became of one row (`line` of the file, from 1). `package` is the parcel's number within its order.

    For an error: the column, what is wrong and what to do.
    """

    line: int
    order: str
    tracking: str
    result: Literal["recorded", "repeated", "error"]
    package: int | None = None
    field: str = ""
    cause: str = ""
    fix: str = ""

    def as_dict(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingReport:
    """The outcome: `recorded`, `repeated` and `errors` count rows, `parcels` the parcels newly recorded."""

    file: str
    dry_run: bool
    rows: int
    parcels: int
    recorded: int
    repeated: int
    errors: int
    results: tuple[TrackingResult, ...] = field(repr=False)

    @property
    def clean(self) -> bool:
        """Whether every row was taken."""
        return self.errors == 0

    def problems(self) -> list[TrackingResult]:
        return [row for row in self.results if row.result == "error"]

    def as_dict(self) -> dict[str, object]:
        out: dict[str, object] = {n: getattr(self, n) for n in self.__dataclass_fields__ if n != "results"}
        out["results"] = [row.as_dict() for row in self.results]
        return out


class _TakeBackError(Exception):
    """Ends the unit of a dry run without a trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parcel:
    order: Candidate
    tracking: str
    rows: list[TrackingLine]


@dataclass(slots=True)
class _Line:
    """A line of the locked order, kept in step with what is recorded."""

    id: int
    channel_line_id: str
    skus: frozenset[str]
    sku: str
    left: int


def import_tracking(sessions: Sessions, cmd: ImportTracking, now: datetime) -> TrackingReport:
    """Record the parcels of a file; importing it again changes nothing («repeated»).

    Raises:
        Invalid: the file cannot be opened, is empty or too long, or lacks a column. Then nothing was recorded.
    """
    content = tracking_file.read(cmd.path, carrier=cmd.carrier)
    results: list[TrackingResult] = [_error(row) for row in content.bad]
    parcels: dict[tuple[int, str], _Parcel] = {}
    with reading(sessions) as session:
        finder = Finder(session, content.rows, lone_id=content.lone_id)
    for row in content.rows:
        try:
            order = finder.find(row)
        except Unknown as problem:
            results.extend(_refused([row], problem))
            continue
        parcels.setdefault(
            (order.id, row.tracking), _Parcel(order=order, tracking=row.tracking, rows=[])
        ).rows.append(row)  # fmt: skip
    orders: dict[int, list[_Parcel]] = {}
    for parcel in parcels.values():
        orders.setdefault(parcel.order.id, []).append(parcel)
    new = 0
    for order_id, mine in orders.items():
        try:
            with unit(sessions) as session:
                outcome, recorded = _ship(session, order_id, mine, cmd, now)
                if cmd.dry_run:
                    raise _TakeBackError
        except _TakeBackError:
            pass
        results.extend(outcome)
        new += recorded
    results.sort(key=lambda r: r.line)
    counts = Counter(row.result for row in results)
    return TrackingReport(
        file=cmd.path.name, dry_run=cmd.dry_run, rows=len(results), parcels=new, recorded=counts["recorded"],
        repeated=counts["repeated"], errors=counts["error"], results=tuple(results),
    )  # fmt: skip


def _error(row: BadLine) -> TrackingResult:
    return TrackingResult(
        line=row.line, order=row.order, tracking=row.tracking, result="error", field=row.field, cause=row.cause,
        fix=row.fix,
    )  # fmt: skip


def _refused(rows: Sequence[TrackingLine], problem: HubError) -> list[TrackingResult]:
    return [_error(r) for r in tracking_file.bad(rows, problem.field or "", problem.message, problem.fix or "")]


def _ship(
    session: Session, order_id: int, parcels: Sequence[_Parcel], cmd: ImportTracking, now: datetime
) -> tuple[list[TrackingResult], int]:
    """All parcels of one order, each under a savepoint; also how many are new."""
    order, lines = _locked(session, order_id)
    earlier = _earlier(session, order_id)
    results: list[TrackingResult] = []
    new = 0
    for parcel in parcels:
        try:
            contents = _contents(parcel, order, lines, earlier)
            if contents is None:
                package = next(number for tracking, number, _ in earlier if tracking == parcel.tracking)
                results.extend(_taken(parcel, "repeated", package))
                continue
            with session.begin_nested():
                first = parcel.rows[0]
                recorded = record_shipment(
                    session,
                    RecordShipment(
                        order_id=order_id, carrier=first.carrier, tracking=parcel.tracking,
                        shipped_at=_left_at(first, order, now), lines=tuple(sorted(contents.items())),
                        service=first.service, source="csv", by=cmd.by,
                    ),
                    now,
                )  # fmt: skip
        except HubError as problem:
            results.extend(_refused(parcel.rows, problem))
            continue
        for line in lines:
            line.left -= contents.get(line.id, 0) if contents else line.left
        new += 1
        results.extend(_taken(parcel, "recorded", recorded.package_number))
    return results, new


def _taken(parcel: _Parcel, result: Literal["recorded", "repeated"], package: int) -> list[TrackingResult]:
    return [
        TrackingResult(
            line=row.line, order=parcel.order.display_id, tracking=parcel.tracking, result=result, package=package
        )
        for row in parcel.rows
    ]


def _locked(session: Session, order_id: int) -> tuple[Order, list[_Line]]:
    """The order and its lines. Order first, then positions in their order, as everybody locks them."""
    order = session.scalars(select(Order).where(Order.id == order_id).with_for_update()).one()
    rows = (
        session.execute(
            select(OrderLine, Variant.sku)
            .outerjoin(Variant, Variant.id == OrderLine.variant_id)
            .where(OrderLine.order_id == order_id)
            .order_by(OrderLine.id)
        )
        .tuples()
        .all()
    )
    variants = {line.variant_id for line, _ in rows if line.variant_id is not None}
    session.execute(
        select(StockPosition.variant_id)
        .where(StockPosition.variant_id.in_(variants))
        .order_by(StockPosition.variant_id, StockPosition.location_id)
        .with_for_update()
    ).all()
    return order, [
        _Line(
            line.id, line.channel_line_id, frozenset(s for s in (sku, line.channel_sku) if s),
            sku or line.channel_sku or "", max(0, line.quantity - line.shipped),
        )
        for line, sku in rows
    ]  # fmt: skip


_Earlier = list[tuple[str, int, dict[int, int]]]


def _earlier(session: Session, order_id: int) -> _Earlier:
    """(tracking, package number, line id → units) of the parcels that were recorded before."""
    out: dict[int, tuple[str, int, dict[int, int]]] = {}
    for id_, tracking, number, line_id, units in session.execute(
        select(
            Shipment.id, Shipment.tracking, Shipment.package_number, ShipmentLine.order_line_id, ShipmentLine.quantity
        )
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .where(Shipment.order_id == order_id, Shipment.source != "channel")
        .order_by(Shipment.id)
    ).tuples():
        out.setdefault(id_, (tracking, number, {}))[2][line_id] = units
    return list(out.values())


def _contents(parcel: _Parcel, order: Order, lines: Sequence[_Line], earlier: _Earlier) -> dict[int, int] | None:
    """Line id → units of a parcel (empty = everything that is left); None if it was recorded before with the same
    contents.

    Raises:
        HubError: the rows contradict each other or the order.
    """
    before = [units for tracking, _, units in earlier if tracking == parcel.tracking]
    if before and not any(row.names_goods for row in parcel.rows):
        counted = sum(row.quantity or 0 for row in parcel.rows)
        if not counted or any(sum(units.values()) == counted for units in before):
            return None
    wishes = _wishes(parcel, lines)
    if before:
        if wishes is not None and any(_same(wishes, units, lines) for units in before):
            return None
        raise Invalid(
            f"parcel {parcel.tracking} is recorded already with other contents", field=shown("tracking"),
            fix="correct the tracking number, or leave the row out",
        )  # fmt: skip
    if wishes is None or order.stage not in ("ready", "partly", "shipped"):
        return {}  # where nothing may leave, recording it says why
    contents: dict[int, int] = {}
    for targets, units in wishes:
        room = [(line, line.left - contents.get(line.id, 0)) for line in targets]
        left = sum(free for _, free in room)
        rest = left if units is None else units
        if rest > left or rest == 0:
            raise Invalid(
                f"{rest or 'No'} units of {targets[0].sku or targets[0].id} cannot be shipped: {left} are left",
                field=shown("quantity"), fix="correct the row, or look up the order's earlier parcels",
            )  # fmt: skip
        for line, free in room:
            take = min(free, rest)
            if take:
                contents[line.id] = contents.get(line.id, 0) + take
                rest -= take
    return contents


_Wishes = list[tuple[list[_Line], int | None]]


def _wishes(parcel: _Parcel, lines: Sequence[_Line]) -> _Wishes | None:
    """What the rows say is in the parcel: lines and units (None = all that is left); None = everything."""
    naming = [row for row in parcel.rows if row.names_goods]
    if naming and len(naming) < len(parcel.rows):
        mute = next(row.line for row in parcel.rows if not row.names_goods)
        raise Invalid(
            f"line {mute} of the file does not say what is in parcel {parcel.tracking}, line {naming[0].line} does",
            field=shown("sku"), fix="give the SKU in every row of the parcel, or in none",
        )  # fmt: skip
    if naming:
        return [(_targets(row, lines), row.quantity) for row in naming]
    counts = [row.quantity for row in parcel.rows if row.quantity is not None]
    if not counts or sum(counts) == sum(line.left for line in lines):
        return None
    if len(lines) == 1:
        return [(list(lines), sum(counts))]
    raise Invalid(
        f"the file says {sum(counts)} units, but not of what", field=shown("sku"), fix="add a column with the SKU"
    )


def _targets(row: TrackingLine, lines: Sequence[_Line]) -> list[_Line]:
    """The lines that a row means: one by its id, or all of a SKU."""
    if row.hub_line or row.line_ref:
        name = row.hub_line or row.line_ref
        by_hub = [line for line in lines if str(line.id) == name]
        by_channel = [] if row.hub_line else [line for line in lines if line.channel_line_id == name]
        found = by_channel or by_hub
        if by_hub and by_channel and by_hub != by_channel:
            raise Unknown(
                f"{name} is one line's id on the channel and another's in the hub", field=shown("line"),
                fix="use a column «Hub Line ID», or the SKU",
            )  # fmt: skip
        if found:
            return found
        if not row.sku:
            raise Unknown(f"the order has no line {name}", field=shown("line"), fix="correct it, or give the SKU")
    found = [line for line in lines if row.sku in line.skus]
    found = found or [line for line in lines if row.sku.casefold() in {sku.casefold() for sku in line.skus}]
    if not found:
        raise Unknown(f"the order has no line with the SKU {row.sku!r}", field=shown("sku"), fix="correct the SKU")
    return found


def _same(wishes: _Wishes, units: Mapping[int, int], lines: Sequence[_Line]) -> bool:
    """Does an earlier parcel hold what the rows say? Compared by SKU: which of two equal lines it was, is no matter."""
    groups = {line.id: line.sku or str(line.id) for line in lines}
    there: Counter[str] = Counter()
    for line_id, count in units.items():
        there[groups[line_id]] += count
    wanted: Counter[str] = Counter()
    for targets, asked in wishes:
        group = groups[targets[0].id]
        wanted[group] += there[group] if asked is None else asked
    return wanted == there


def _left_at(row: TrackingLine, order: Order, now: datetime) -> datetime:
    """When the parcel left: as the file says, now if it does not. A date alone means noon, within what is possible."""
    if row.shipped is None:
        return now
    at = row.shipped.at
    day = timedelta(days=1)  # the day's name differs around the world
    if at > now + day:
        raise Invalid(f"the ship date {at:%Y-%m-%d} is in the future", field=shown("shipped"), fix="correct the date")
    if (at if row.shipped.has_time else at + day) < order.placed_at - day:
        raise Invalid(
            f"the ship date {at:%Y-%m-%d} is before the order's own, {order.placed_at.astimezone(UTC):%Y-%m-%d}",
            field=shown("shipped"), fix="correct the date",
        )  # fmt: skip
    moment = at if row.shipped.has_time else at + _NOON
    return min(now, max(order.placed_at, moment))
