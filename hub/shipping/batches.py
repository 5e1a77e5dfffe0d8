"""The shipping desk's lists: batches that were made, what is in one, and what must be called back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from hub.orders.models import Order
from hub.shipping.exports import batch_named
from hub.shipping.models import ExportBatch, ExportItem
from hub.work.models import Account

OPEN = ("ready", "partly", "hold", "cancel_requested", "unpaid", "unmapped")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A batch at a glance. `to_ship` of its orders are still open, `recalls` were cancelled (or shall be) since then;
    `kept` = its file can still be downloaded."""

    id: int
    batch: str
    profile: str
    created_at: datetime
    by: str
    orders: int
    rows: int
    checksum: str
    kept: bool
    to_ship: int
    recalls: int

    def as_dict(self) -> dict[str, object]:
        return _plain(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """An order of a batch as it stands now. `again` = it had been exported before."""

    order_id: int
    order: str
    account: str
    stage: str
    recall: bool
    again: bool

    def as_dict(self) -> dict[str, object]:
        return _plain(self)


def _plain(record: BatchRow | BatchOrder) -> dict[str, object]:
    values: Mapping[str, object] = {name: getattr(record, name) for name in record.__dataclass_fields__}
    return {name: v.isoformat() if isinstance(v, datetime) else v for name, v in values.items()}


def batches(session: Session, *, limit: int = 50, before: int | None = None) -> list[BatchRow]:
    """The newest batches; `before` goes on from the `id` of the last one seen. Two queries, at most 500 batches."""
    query = select(
        ExportBatch.id, ExportBatch.public_id, ExportBatch.profile, ExportBatch.created_at, ExportBatch.by,
        ExportBatch.orders, ExportBatch.rows, ExportBatch.checksum, ExportBatch.content.is_not(None).label("kept"),
    )  # fmt: skip
    if before is not None:
        query = query.where(ExportBatch.id < before)
    found = session.execute(query.order_by(ExportBatch.id.desc()).limit(max(1, min(limit, 500)))).all()
    states = {
        row.batch_id: row
        for row in session.execute(
            select(
                ExportItem.batch_id,
                func.sum(case((Order.stage.in_(OPEN), 1), else_=0)).label("to_ship"),
                func.sum(case((Order.recall.is_(True), 1), else_=0)).label("recalls"),
            )
            .join(Order, Order.id == ExportItem.order_id)
            .where(ExportItem.batch_id.in_([row.id for row in found]))
            .group_by(ExportItem.batch_id)
        )
    }
    return [
        BatchRow(
            id=row.id, batch=row.public_id, profile=row.profile, created_at=row.created_at, by=row.by,
            orders=row.orders, rows=row.rows, checksum=row.checksum, kept=bool(row.kept),
            to_ship=int(states[row.id].to_ship) if row.id in states else 0,
            recalls=int(states[row.id].recalls) if row.id in states else 0,
        )
        for row in found
    ]  # fmt: skip


def orders_of(session: Session, batch: str, *, limit: int = 5_000) -> list[BatchOrder]:
    """The orders of a batch, those to be called back first.

    Raises:
        Unknown: no such batch.
    """
    found = batch_named(session, batch)
    rows = session.execute(
        select(Order.id, Order.display_id, Order.stage, Order.recall, Account.name, ExportItem.again)
        .join(ExportItem, ExportItem.order_id == Order.id)
        .join(Account, Account.id == Order.account_id)
        .where(ExportItem.batch_id == found.id)
        .order_by(Order.recall.desc(), Order.due, Order.id)
        .limit(limit)
    ).tuples()
    return [
        BatchOrder(order_id=id_, order=name, account=account, stage=stage, recall=recall, again=again)
        for id_, name, stage, recall, account, again in rows
    ]
