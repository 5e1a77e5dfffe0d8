"""Order files for shipping programs: every order in one file once, and the same bytes whenever it is asked for again.

An order is claimed by inserting its `ExportItem`: of two exports at the same moment one gets it, on both databases.
The order rows stay locked until the unit ends, so that a cancellation either stops the export or finds the order
exported and calls it back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, text, update
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, put_new
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.kernel.ids import new_public_id
from hub.orders.models import Order, OrderEvent
from hub.orders.reads import is_short as short_order
from hub.orders.rules import SHIPPABLE_STAGES
from hub.shipping.facts import OrderFacts, facts_of
from hub.shipping.models import ExportBatch, ExportItem
from hub.shipping.profiles import CellProblem, Profile, file_of, profile_named, render

LIMIT = 500  # orders of one batch, unless told otherwise
LIMIT_MAX = 5_000
_LOOKED_AT_MAX = 10_000  # orders one export looks at, so that unusable ones at the head do not stop the rest
_WORDS = {
    "unpaid": ("it is not paid yet", "wait for the payment"),
    "unmapped": ("a line has no SKU of ours yet", "say what it is on the unmapped desk"),
    "hold": ("it is on hold", "release it first"),
    "cancel_requested": ("the buyer asked to cancel it", "accept or decline the request first"),
    "shipped": ("it is shipped already", ""),
    "cancelled": ("it is cancelled", ""),
    "channel": ("the channel itself ships it", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Ask for a file. `order_ids` None = everything that can go; at most `limit` orders (1 to 5000).

    `again` also takes orders that were exported before.
    """

    profile: str = "generic"
    order_ids: Sequence[int] | None = None
    limit: int = LIMIT
    again: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An order that is not in the file. `order` is what people call it; no personal data."""

    order_id: int
    order: str
    field: str
    cause: str
    fix: str

    def as_dict(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export made. `batch` is None (and the counts 0) if no order could go."""

    batch: str | None
    orders: int
    rows: int
    checksum: str
    left_out: tuple[LeftOut, ...]

    def as_dict(self) -> dict[str, object]:
        return {
            "batch": self.batch, "orders": self.orders, "rows": self.rows, "checksum": self.checksum,
            "left_out": [item.as_dict() for item in self.left_out],
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A stored file: `content` is byte for byte what it was when it was made; `checksum` its SHA-256 in hex."""

    batch: str
    name: str
    content: bytes
    checksum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    order: Order
    number: str
    cells: list[list[str]]


def _can_go() -> ColumnElement[bool]:
    """May be shipped, is held in full, and nobody wants it cancelled."""
    return and_(
        Order.stage.in_([stage.value for stage in SHIPPABLE_STAGES]),
        Order.hold_reason.is_(None),
        Order.channel_fulfils.is_(False),
        or_(Order.cancel_reason.is_(None), Order.cancel_accept.is_(False)),
        ~short_order(),
    )


def export(session: Session, cmd: Export, now: datetime) -> Exported:
    """Make one file of the orders that can go, most urgent first, and remember it. One unit.

    An order leaves in one batch in its life, unless `again`. Orders whose data do not fit the layout, and asked-for
    orders that cannot go, are left out with the reason.

    Raises:
        Invalid: no such layout, or a limit out of range.
    """
    profile = profile_named(cmd.profile)
    if not 1 <= cmd.limit <= LIMIT_MAX:
        raise Invalid(
            f"a batch has 1 to {LIMIT_MAX} orders, not {cmd.limit}", field="limit", value=cmd.limit, fix=f"such as {LIMIT}"
        )  # fmt: skip
    if cmd.order_ids is None:
        ready, left_out = _due(session, profile, cmd)
    else:
        ready, left_out = _asked_for(session, profile, cmd, list(dict.fromkeys(cmd.order_ids)))
    if not ready:
        return Exported(batch=None, orders=0, rows=0, checksum="", left_out=tuple(left_out))
    batch = ExportBatch(
        public_id=new_public_id("exp"), profile=profile.name, created_at=now, by=cmd.by, orders=0, rows=0, checksum="",
        content=None,
    )  # fmt: skip
    session.add(batch)
    session.flush()  # the items need its id
    won = _claim(session, batch.id, [item.order.id for item in ready], again=cmd.again)
    mine = [item for item in ready if item.order.id in won]
    if not mine:
        session.delete(batch)
        return Exported(batch=None, orders=0, rows=0, checksum="", left_out=tuple(left_out))
    content = file_of(profile, [row for item in mine for row in item.cells])
    batch.orders = len(mine)
    batch.rows = sum(len(item.cells) for item in mine)
    batch.content = content
    batch.checksum = hashlib.sha256(content.encode()).hexdigest()
    _mark(session, batch, mine, now, cmd.by)
    return Exported(
        batch=batch.public_id, orders=batch.orders, rows=batch.rows, checksum=batch.checksum, left_out=tuple(left_out)
    )


def _due(session: Session, profile: Profile, cmd: Export) -> tuple[list[_Ready], list[LeftOut]]:
    """Pages of what can go, until the batch is full. Orders somebody else holds at this moment wait for the next run."""
    ready: list[_Ready] = []
    left_out: list[LeftOut] = []
    after: tuple[datetime, int] | None = None
    looked_at = 0
    while len(ready) < cmd.limit and looked_at < _LOOKED_AT_MAX:
        query = select(Order).where(_can_go())
        if not cmd.again:
            query = query.where(Order.exported_at.is_(None))  # a hint; the claim decides
        if after is not None:
            query = query.where(or_(Order.due > after[0], and_(Order.due == after[0], Order.id > after[1])))
        page = session.scalars(
            query.order_by(Order.due, Order.id)
            .limit(cmd.limit)
            .with_for_update(skip_locked=True, of=Order)
            .execution_options(populate_existing=True)
        ).all()
        if not page:
            break
        looked_at += len(page)
        after = (page[-1].due, page[-1].id)
        good, bad = _render(session, profile, page)
        ready.extend(good)
        left_out.extend(bad)
    return ready[: cmd.limit], left_out


def _asked_for(
    session: Session, profile: Profile, cmd: Export, ids: list[int]
) -> tuple[list[_Ready], list[LeftOut]]:  # fmt: skip
    left_out = [
        LeftOut(
            order_id=order_id, order=str(order_id), field="order", cause=f"a batch has at most {cmd.limit} orders",
            fix="export the rest in another batch",
        )
        for order_id in ids[cmd.limit :]
    ]  # fmt: skip
    found: dict[int, Order] = {}
    short: set[int] = set()
    batches: dict[int, str] = {}
    for part in chunks(sorted(ids[: cmd.limit])):
        rows = session.scalars(
            select(Order)
            .where(Order.id.in_(part))
            .order_by(Order.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        found.update({order.id: order for order in rows})
        short.update(session.scalars(select(Order.id).where(Order.id.in_(part), short_order())))
        firsts = (
            select(ExportItem.order_id, ExportBatch.public_id)
            .join(ExportBatch, ExportBatch.id == ExportItem.batch_id)
            .where(ExportItem.order_id.in_(part), text("NOT export_items.again"))  # in the words of the index
        )
        batches.update(session.execute(firsts).tuples().all())
    going: list[Order] = []
    for order_id in ids[: cmd.limit]:
        order = found.get(order_id)
        if order is None:
            left_out.append(
                LeftOut(order_id=order_id, order=str(order_id), field="order", cause="there is no such order", fix="")
            )
            continue
        why = _why_not(order, is_short=order_id in short, batch=None if cmd.again else batches.get(order_id))
        if why is None:
            going.append(order)
        else:
            left_out.append(LeftOut(order_id=order_id, order=order.display_id, field="order", cause=why[0], fix=why[1]))
    good, bad = _render(session, profile, going)
    return good, left_out + bad


def _why_not(order: Order, *, is_short: bool, batch: str | None) -> tuple[str, str] | None:
    if order.stage in _WORDS:
        return _WORDS[order.stage]
    if order.cancel_reason is not None and order.cancel_accept:
        return "it is being cancelled", ""
    if is_short:
        return "not every unit of it is in stock", "receive the goods, or free units that other orders hold"
    if batch is not None:
        return f"it was exported in batch {batch}", "choose «again» to export it once more"
    return None


def _render(session: Session, profile: Profile, orders: Sequence[Order]) -> tuple[list[_Ready], list[LeftOut]]:
    ready: list[_Ready] = []
    left_out: list[LeftOut] = []
    for order, facts in zip(orders, facts_of(session, orders) if orders else [], strict=True):
        cells, problems = render(profile, facts.rows)
        if not facts.has_address:
            problems = [_no_address(facts)]
        if problems:
            left_out.extend(
                LeftOut(order_id=order.id, order=facts.number, field=p.field, cause=p.cause, fix=p.fix)
                for p in problems
            )
        else:
            ready.append(_Ready(order=order, number=facts.number, cells=cells))
    return ready, left_out


def _no_address(facts: OrderFacts) -> CellProblem:
    return CellProblem(
        field="address", cause=f"no address of order {facts.number} is known",
        fix="allow the account to read addresses on the channel, or write the label by hand",
    )  # fmt: skip


def _claim(session: Session, batch_id: int, order_ids: Sequence[int], *, again: bool) -> set[int]:
    """Put these orders into the batch; returns those that are in it. The unique index decides who was first."""
    rows = [{"batch_id": batch_id, "order_id": order_id, "again": False} for order_id in sorted(order_ids)]
    firsts = put_new(session, ExportItem, rows, key=("order_id",), where=text("NOT again"), returning=("order_id",))
    won = {int(row.order_id) for row in firsts}
    if again:
        rest = [row | {"again": True} for row in rows if row["order_id"] not in won]
        if rest:
            put_new(session, ExportItem, rest, key=("batch_id", "order_id"))
        won = set(order_ids)
    return won


def _mark(session: Session, batch: ExportBatch, items: Sequence[_Ready], now: datetime, by: str) -> None:
    """Whoever looks at the orders sees where they went; an order sent out anew is no longer called back."""
    for part in chunks([item.order.id for item in items]):
        session.execute(
            update(Order)
            .where(Order.id.in_(part))
            .values(exported_at=now, changed_at=now, recall=False)
            .execution_options(synchronize_session=False)
        )
    put_new(
        session,
        OrderEvent,
        [
            {
                "order_id": item.order.id, "fact": f"exported:{batch.public_id}", "kind": "exported", "at": now,
                "by": by, "detail": {"batch": batch.public_id, "profile": batch.profile, "number": item.number},
            }
            for item in items
        ],
        key=("order_id", "fact"),
    )  # fmt: skip


def batch_named(session: Session, name: str) -> ExportBatch:
    """The batch of that id.

    Raises:
        Unknown: there is none.
    """
    found = session.scalars(select(ExportBatch).where(ExportBatch.public_id == name)).first()
    if found is None:
        raise Unknown(
            f"there is no export batch {name!r}", field="batch", value=name, fix="look into the list of batches"
        )
    return found


def download(session: Session, batch: str) -> File:
    """The file of a batch, the same bytes every time.

    Raises:
        Unknown: no such batch.
        NotAllowedNow: its content was erased because its time was over.
    """
    found = batch_named(session, batch)
    if found.content is None:
        raise NotAllowedNow(
            f"the file of batch {batch} was erased: it held personal data and its time was over",
            field="batch", value=batch, fix="export the orders again",
        )  # fmt: skip
    stamp = found.created_at.strftime("%Y%m%d-%H%M%S")
    return File(
        batch=found.public_id, name=f"orders-{found.profile}-{stamp}-{found.public_id[-6:]}.csv",
        content=found.content.encode(), checksum=found.checksum,
    )  # fmt: skip
