"""Orders that tests need, taken in as a channel's page would be."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from hub.channels.contract.records import (
    Address,
    Buyer,
    CancellationState,
    ChannelOrder,
    ChannelOrderLine,
    FulfilmentState,
    OrderTotals,
    PaymentState,
)
from hub.kernel.money import Money
from hub.orders import intake
from hub.orders.models import Order
from hub.work.models import Account
from tests.support.builders import NOW

HOME = Address(
    name="Ana Müller",
    line1="Weinbergstraße 7",
    city="Zürich",
    postal_code="08001",
    country="CH",
    phone="+41 44 123 45 67",
)


def a_channel_order(
    order_id: str = "A-1",
    lines: Sequence[tuple[str, int]] = (("SKU-1", 1),),
    *,
    at: datetime = NOW,
    ship_to: Address | None = HOME,
    payment: PaymentState = PaymentState.PAID,
    cancellation: CancellationState = CancellationState.NONE,
    display_id: str = "",
    note: str = "",
    title: str = "Riesling 2024",
) -> ChannelOrder:
    """An order as a channel tells it; a line is (channel SKU, units)."""
    items = sum(units for _, units in lines) * 1299
    return ChannelOrder(
        order_id=order_id, display_id=display_id, placed_at=at - timedelta(hours=1), updated_at=at, currency="EUR",
        payment=payment, fulfilment=FulfilmentState.UNFULFILLED, cancellation=cancellation, ship_to=ship_to,
        buyer=Buyer(name="Ana Müller", email="ana@example.org"), ship_by=at + timedelta(hours=20), service_code="Standard",
        lines=tuple(
            ChannelOrderLine(
                line_id=f"{order_id}-{n}", channel_sku=sku, quantity=units, title=title,
                unit_price=Money(minor=1299, currency="EUR"),
            )
            for n, (sku, units) in enumerate(lines, 1)
        ),
        totals=OrderTotals(
            total=Money(minor=items + 490, currency="EUR"), items=Money(minor=items, currency="EUR"),
            shipping=Money(minor=490, currency="EUR"),
        ),
        facts={"note": note} if note else {},
    )  # fmt: skip


def take(session: Session, account: Account, *orders: ChannelOrder, now: datetime = NOW) -> list[Order]:
    """Take these orders in; the hub's orders in the same order."""
    ids = {t.channel_order_id: t.order_id for t in intake.take(session, account, list(orders), now)}
    return [session.get_one(Order, ids[order.order_id], populate_existing=True) for order in orders]


def cancelled(order: ChannelOrder, at: datetime) -> ChannelOrder:
    """The same order, cancelled on the channel at that moment."""
    return dataclasses.replace(order, cancellation=CancellationState.CANCELLED, updated_at=at)
