"""Forgetting buyers: personal data goes when its time is over, the order and its figures stay."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from hub.orders.models import BadOrder, Order, OrderPerson, RawOrder, Shipment

KEEP = timedelta(days=30)
"""How long after an order ended (its last parcel left, or it was cancelled) its personal data is kept."""


def purge(session: Session, account_id: int, now: datetime, *, keep: timedelta = KEEP, limit: int = 1000) -> int:
    """Empty the personal documents and raw texts of the account's ended orders; returns how many orders.

    Delivery is not known to this release: the clock starts when the last parcel left, or when the order last changed.
    Orders that are still open are kept whatever their age.
    """
    before = now - keep
    last_parcel = (
        select(func.max(Shipment.shipped_at)).where(Shipment.order_id == Order.id).correlate(Order).scalar_subquery()
    )
    ids = session.scalars(
        select(Order.id)
        .join(OrderPerson, OrderPerson.order_id == Order.id)
        .where(
            Order.account_id == account_id,
            Order.stage.in_(("shipped", "cancelled", "channel")),
            Order.changed_at < before,
            or_(last_parcel.is_(None), last_parcel < before),
            OrderPerson.purged_at.is_(None),
        )
        .order_by(Order.id)
        .limit(limit)
    ).all()
    if ids:
        session.execute(
            update(OrderPerson).where(OrderPerson.order_id.in_(ids)).values(document=None, digest="", purged_at=now)
        )
        session.execute(update(RawOrder).where(RawOrder.order_id.in_(ids)).values(document=None))
    session.execute(
        update(BadOrder)
        .where(
            BadOrder.account_id == account_id,
            BadOrder.raw.is_not(None),
            or_(BadOrder.resolved_at.is_not(None), BadOrder.received_at < before),
        )
        .values(raw=None)
    )
    return len(ids)
