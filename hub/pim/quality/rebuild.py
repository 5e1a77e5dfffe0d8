"""Completeness made anew, and whether what is stored is right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, table_of
from hub.pim import projections
from hub.pim.models import DirtyProduct, Product
from hub.pim.quality.models import Completeness
from hub.pim.quality.prepare import pictures_seen
from hub.pim.quality.projector import rows_of
from hub.pim.quality.records import load, targets_of

BATCH = 500
_COLUMNS = ("required", "filled", "percent", "missing", "errors", "warnings")


def rebuild_some(session: Session, after: int, now: datetime) -> tuple[int, int | None]:
    """Make the completeness of the next 500 products (ids above `after`) anew, in this unit: how many there were, and
    where to go on (None = at the end)."""
    ids = session.scalars(select(Product.id).where(Product.id > after).order_by(Product.id).limit(BATCH)).all()
    if ids:
        projections.refresh(session, "completeness", ids, now)
    return len(ids), ids[-1] if len(ids) == BATCH else None


def sample(session: Session, size: int, start: int) -> list[int]:
    """Some products that nothing is waited for: `size` from a place that `start` (any number) decides on."""
    top = session.scalar(select(func.max(Product.id))) or 0
    settled = (
        select(Product.id)
        .outerjoin(DirtyProduct, DirtyProduct.product_id == Product.id)
        .where(DirtyProduct.product_id.is_(None))
        .order_by(Product.id)
        .limit(size)
    )
    return list(session.scalars(settled.where(Product.id > start % max(1, top - size))))


def differences(session: Session, product_ids: Sequence[int]) -> list[str]:
    """Where the stored completeness of these products is not what is computed from them now, in words."""
    targets = targets_of(session)
    records = load(session, product_ids, targets.book)
    seen = pictures_seen(session, [record.id for record in records], targets.channels)
    table = table_of(Completeness)
    stored = {}
    for part in chunks([record.id for record in records]):
        for row in session.execute(select(table).where(table.c.product_id.in_(part))).mappings():
            stored[row["product_id"], row["channel"], row["locale"]] = {name: row[name] for name in _COLUMNS}
    out = []
    for record in records:
        for right in rows_of(record, targets, seen):
            key = (right["product_id"], right["channel"], right["locale"])
            there = stored.pop(key, None)
            where = f"{record.row.handle} on {right['channel']} in «{right['locale']}»"
            if there is None:
                out.append(f"{where}: nothing is stored")
            elif there != {name: right[name] for name in _COLUMNS}:
                out.append(f"{where}: {there['percent']} % is stored, {right['percent']} % is right")
    return out + [f"product {pid} has a line on {channel} in «{locale}» too many" for pid, channel, locale in stored]
