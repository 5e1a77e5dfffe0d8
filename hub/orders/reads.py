"""What pages and commands show of orders: the queue across all channels, and one order in full.

Every read is bounded and its number of queries fixed. Personal data comes masked unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, null, or_, select, union_all
from sqlalchemy.orm import Session

from hub.channels.contract.records import Address, Buyer
from hub.kernel.errors import Invalid
from hub.orders.models import Order, OrderEvent, OrderLine, Shipment, ShipmentLine
from hub.orders.persons import person_of
from hub.orders.rules import OPEN_STAGES, Stage
from hub.pim.models import Location, Reservation, Variant
from hub.work.models import Account

LIMIT_MAX = 500
_EVENTS_MAX = 300
_LINES_MAX = 1_000


def is_short() -> ColumnElement[bool]:
    """Has an order a line of which not every wanted unit is held? To be used where `Order` is selected."""
    return exists(
        select(Reservation.id)
        .join(OrderLine, OrderLine.id == Reservation.order_line_id)
        .where(
            OrderLine.order_id == Order.id, Reservation.closed_at.is_(None), Reservation.quantity < Reservation.wanted
        )
        .correlate(Order)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Which orders: `stages` empty = all that are open. `limit` 1 to 500; `after` is the `next` of the page before."""

    stages: Sequence[str] = ()
    account_id: int | None = None
    due_before: datetime | None = None
    short: bool | None = None
    exported: bool | None = None
    recall: bool | None = None
    limit: int = 50
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """One order of the queue. `units` are still to ship; `short` = not all of them are held; money in minor units."""

    id: int
    order: str
    channel_order_id: str
    account: str
    channel: str
    stage: str
    payment: str
    placed_at: datetime
    due: datetime
    country: str
    service: str
    lines: int
    units: int
    currency: str
    total_minor: int | None
    residual_minor: int
    short: bool
    hold_reason: str | None
    exported_at: datetime | None
    recall: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """A page in the order in which things are due. `next` goes on after it; None = that was all."""

    rows: tuple[QueueRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCount:
    """How many orders stand at a stage; of them `short`, `exported` and past their `due`."""

    orders: int
    short: int
    exported: int
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The queue in numbers: by open stage, and how many exported orders must be called back."""

    stages: dict[str, StageCount]
    recalls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFull:
    """A line: `left` units are still to ship, `held` of them are there, at `location`."""

    id: int
    channel_line_id: str
    channel_sku: str | None
    sku: str | None
    title: str
    quantity: int
    shipped: int
    left: int
    held: int
    location: str | None
    unit_price_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelFull:
    """A parcel: `lines` pairs line id and units. `confirmed_at` is set once the channel has it."""

    package: int
    carrier: str
    service: str
    tracking: str
    shipped_at: datetime
    source: str
    confirmed_at: datetime | None
    lines: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFull:
    kind: str
    at: datetime
    by: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who and where to. `masked` = only initials and beginnings are shown; all empty = not known or erased."""

    masked: bool
    known: bool
    ship_to: dict[str, str]
    buyer: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFull:
    """One order with everything that belongs to it; lists are cut at 1000 lines and 300 events."""

    id: int
    order: str
    channel_order_id: str
    account: str
    channel: str
    stage: str
    payment: str
    fulfilment: str
    cancellation: str
    placed_at: datetime
    due: datetime
    ship_by: datetime | None
    deliver_by: datetime | None
    service: str
    country: str
    currency: str
    total_minor: int | None
    items_minor: int | None
    shipping_minor: int | None
    tax_minor: int | None
    discount_minor: int | None
    residual_minor: int
    hold_reason: str | None
    hold_until: datetime | None
    cancel_reason: str | None
    exported_at: datetime | None
    recall: bool
    short: bool
    lines: tuple[LineFull, ...]
    parcels: tuple[ParcelFull, ...]
    events: tuple[EventFull, ...]
    person: Person


def plain(value: Any) -> Any:
    """A read as JSON can carry it."""
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


# ---------------------------------------------------------------- the queue


def queue(session: Session, cmd: Queue) -> QueuePage:
    """One page of the queue, in one query however many orders there are.

    Raises:
        Invalid: an unknown stage, a limit out of range, or an `after` that is none.
    """
    stages = list(dict.fromkeys(cmd.stages)) or [stage.value for stage in OPEN_STAGES]
    for name in stages:
        if name not in {stage.value for stage in Stage}:
            raise Invalid(
                f"there is no stage {name!r}", field="stage", value=name, fix=", ".join(s.value for s in Stage)
            )
    if not 1 <= cmd.limit <= LIMIT_MAX:
        raise Invalid(f"a page has 1 to {LIMIT_MAX} orders", field="limit", value=cmd.limit, fix="such as 50")
    # The first orders of each stage, by the index (stage, due, id); then the first of those.
    heads = [_head(cmd, name).subquery() for name in stages]
    ids = union_all(*(select(head.c.id) for head in heads)).subquery()
    o = Order
    lines = select(func.count()).where(OrderLine.order_id == o.id).correlate(o).scalar_subquery()
    units = (
        select(func.coalesce(func.sum(OrderLine.quantity - OrderLine.shipped), 0))
        .where(OrderLine.order_id == o.id, OrderLine.quantity > OrderLine.shipped)
        .correlate(o)
        .scalar_subquery()
    )
    found = session.execute(
        select(
            o.id, o.display_id, o.channel_order_id, Account.name, Account.channel, o.stage, o.payment, o.placed_at, o.due,
            o.country, o.service_code, lines.label("lines"), units.label("units"), o.currency, o.total_minor,
            o.residual_minor, is_short().label("short"), o.hold_reason, o.exported_at, o.recall,
        )
        .join(Account, Account.id == o.account_id)
        .where(o.id.in_(select(ids.c.id)))
        .order_by(o.due, o.id)
        .limit(cmd.limit + 1)
    ).all()  # fmt: skip
    rows = tuple(
        QueueRow(
            id=r.id, order=r.display_id, channel_order_id=r.channel_order_id, account=r.name, channel=r.channel,
            stage=r.stage, payment=r.payment, placed_at=r.placed_at, due=r.due, country=r.country, service=r.service_code,
            lines=int(r.lines), units=int(r.units), currency=r.currency, total_minor=r.total_minor,
            residual_minor=r.residual_minor, short=bool(r.short), hold_reason=r.hold_reason, exported_at=r.exported_at,
            recall=r.recall,
        )
        for r in found[: cmd.limit]
    )  # fmt: skip
    return QueuePage(rows=rows, next=_place(rows[-1].due, rows[-1].id) if len(found) > cmd.limit else None)


def _head(cmd: Queue, stage: str) -> Select[int, datetime]:
    query = select(Order.id, Order.due).where(Order.stage == stage)
    if cmd.account_id is not None:
        query = query.where(Order.account_id == cmd.account_id)
    if cmd.due_before is not None:
        query = query.where(Order.due < cmd.due_before)
    if cmd.short is not None:
        query = query.where(is_short() if cmd.short else ~is_short())
    if cmd.exported is not None:
        query = query.where(Order.exported_at.is_not(None) if cmd.exported else Order.exported_at.is_(None))
    if cmd.recall is not None:
        query = query.where(Order.recall.is_(cmd.recall))
    if cmd.after is not None:
        due, last = _read_place(cmd.after)
        query = query.where(or_(Order.due > due, and_(Order.due == due, Order.id > last)))
    return query.order_by(Order.due, Order.id).limit(cmd.limit + 1)


def _place(due: datetime, order_id: int) -> str:
    return f"{due.isoformat()}_{order_id}"


def _read_place(text: str) -> tuple[datetime, int]:
    due, _, last = text.rpartition("_")
    try:
        at = datetime.fromisoformat(due)
        if at.tzinfo is None:
            raise ValueError("no zone")
        return at, int(last)
    except ValueError as error:
        raise Invalid(
            f"{text[:60]!r} is no place in the queue", field="after", value=text[:60], fix="use `next` of the page before"
        ) from error  # fmt: skip


def counts(session: Session, now: datetime) -> Counts:
    """How many orders stand where, in one query over the open ones."""

    def how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0))

    by_stage = (
        select(
            Order.stage.label("stage"), func.count().label("orders"), how_many(is_short()).label("short"),
            how_many(Order.exported_at.is_not(None)).label("exported"), how_many(Order.due < now).label("late"),
        )
        .where(Order.stage.in_([stage.value for stage in OPEN_STAGES]))
        .group_by(Order.stage)
    )  # fmt: skip
    recalls = select(literal("").label("stage"), func.count(), null(), null(), null()).where(Order.recall.is_(True))
    stages = {stage.value: StageCount(orders=0, short=0, exported=0, late=0) for stage in OPEN_STAGES}
    called_back = 0
    found: Sequence[Any] = session.execute(union_all(by_stage, recalls)).all()
    for row in found:
        if row.stage:
            stages[row.stage] = StageCount(
                orders=int(row.orders), short=int(row.short), exported=int(row.exported), late=int(row.late)
            )
        else:
            called_back = int(row.orders)
    return Counts(stages=stages, recalls=called_back)


# ---------------------------------------------------------------- one order


def in_full(session: Session, order: Order, *, person: bool = False) -> OrderFull:
    """Everything about one order, in five queries. `person` shows personal data unmasked."""
    account = session.get_one(Account, order.account_id)
    lines = tuple(
        LineFull(
            id=line.id, channel_line_id=line.channel_line_id, channel_sku=line.channel_sku, sku=sku, title=line.title,
            quantity=line.quantity, shipped=line.shipped, left=max(0, line.quantity - line.shipped),
            held=int(held or 0), location=location, unit_price_minor=line.unit_price_minor,
        )
        for line, sku, held, location in session.execute(
            select(
                OrderLine, Variant.sku,
                case((Reservation.closed_at.is_(None), Reservation.quantity // Reservation.per_unit)), Location.code,
            )
            .outerjoin(Variant, Variant.id == OrderLine.variant_id)
            .outerjoin(Reservation, (Reservation.order_line_id == OrderLine.id) & (Reservation.part == 0))
            .outerjoin(Location, Location.id == Reservation.location_id)
            .where(OrderLine.order_id == order.id)
            .order_by(OrderLine.id)
            .limit(_LINES_MAX)
        ).tuples()
    )  # fmt: skip
    events = session.scalars(
        select(OrderEvent).where(OrderEvent.order_id == order.id).order_by(OrderEvent.id.desc()).limit(_EVENTS_MAX)
    ).all()
    return OrderFull(
        id=order.id, order=order.display_id, channel_order_id=order.channel_order_id, account=account.name,
        channel=account.channel, stage=order.stage, payment=order.payment, fulfilment=order.fulfilment,
        cancellation=order.cancellation, placed_at=order.placed_at, due=order.due, ship_by=order.ship_by,
        deliver_by=order.deliver_by, service=order.service_code, country=order.country, currency=order.currency,
        total_minor=order.total_minor, items_minor=order.items_minor, shipping_minor=order.shipping_minor,
        tax_minor=order.tax_minor, discount_minor=order.discount_minor, residual_minor=order.residual_minor,
        hold_reason=order.hold_reason, hold_until=order.hold_until, cancel_reason=order.cancel_reason,
        exported_at=order.exported_at, recall=order.recall,
        short=order.stage not in ("shipped", "cancelled", "channel") and any(line.held < line.left for line in lines),
        lines=lines, parcels=_parcels(session, order.id),
        events=tuple(EventFull(kind=e.kind, at=e.at, by=e.by, detail=dict(e.detail)) for e in reversed(events)),
        person=_person(session, order.id, unmasked=person),
    )  # fmt: skip


def _parcels(session: Session, order_id: int) -> tuple[ParcelFull, ...]:
    found: dict[int, Shipment] = {}
    lines: dict[int, list[tuple[int, int]]] = {}
    for shipment, line_id, units in session.execute(
        select(Shipment, ShipmentLine.order_line_id, ShipmentLine.quantity)
        .outerjoin(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .where(Shipment.order_id == order_id)
        .order_by(Shipment.package_number, ShipmentLine.order_line_id)
        .limit(_LINES_MAX)
    ).tuples():
        found[shipment.id] = shipment
        contents = lines.setdefault(shipment.id, [])
        if line_id is not None:
            contents.append((line_id, units))
    return tuple(
        ParcelFull(
            package=s.package_number, carrier=s.carrier, service=s.service, tracking=s.tracking, shipped_at=s.shipped_at,
            source=s.source, confirmed_at=s.confirmed_at, lines=tuple(lines[s.id]),
        )
        for s in found.values()
    )  # fmt: skip


def _person(session: Session, order_id: int, *, unmasked: bool) -> Person:
    address, buyer = person_of(session, order_id)

    def shown(record: Address | Buyer | None) -> dict[str, str]:
        if record is None:
            return {}
        values = {f.name: str(getattr(record, f.name)) for f in fields(record)}
        return {k: v if unmasked or k == "country" else mask(v) for k, v in values.items() if v}

    return Person(
        masked=not unmasked, known=address is not None or buyer is not None, ship_to=shown(address), buyer=shown(buyer)
    )


def mask(text: str) -> str:
    """The first letter of each word: enough to recognise, too little to know."""
    return " ".join(f"{word[0]}…" for word in text.split())
