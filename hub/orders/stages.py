"""Writing an order's stage after something of ours changed it (a hold, a shipment, a mapping)."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.orders.models import Order, OrderLine
from hub.orders.rules import LineFacts, stage


def refresh(session: Session, order_ids: Iterable[int]) -> None:
    """Recompute the stage of these orders from what is stored."""
    session.flush()  # lines and orders changed in this unit are read back by query
    for part in chunks(sorted(set(order_ids))):
        lines: dict[int, list[LineFacts]] = {}
        for row in session.execute(
            select(OrderLine.order_id, OrderLine.quantity, OrderLine.shipped, OrderLine.variant_id).where(
                OrderLine.order_id.in_(part)
            )
        ):
            lines.setdefault(row.order_id, []).append(
                LineFacts(quantity=row.quantity, shipped=row.shipped, mapped=row.variant_id is not None)
            )
        for order in session.scalars(select(Order).where(Order.id.in_(part))):
            order.stage = stage(
                payment=order.payment, fulfilment=order.fulfilment, cancellation=order.cancellation,
                channel_fulfils=order.channel_fulfils, held=order.hold_reason is not None,
                lines=lines.get(order.id, []),
            ).value  # fmt: skip
    session.flush()  # so that queries of the same unit see the stages
