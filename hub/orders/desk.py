"""What a person does at the order desk: hold, release, cancel, answer a buyer's wish to cancel."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import put_new
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.orders.models import Order, OrderEvent, OrderLine
from hub.orders.stages import refresh
from hub.work import items
from hub.work.kinds import ORDER_CANCEL
from hub.work.models import Account

REASONS = ("out_of_stock", "buyer_request", "address", "fraud", "other")


def by_name(session: Session, name: str) -> Order:
    """An order by the hub's id, the channel's id, the number people call it, or that number with the hub's id as in
    exported files («#1001-57»).

    Raises:
        Unknown: none, or more than one, is called that.
    """
    known = list(session.scalars(select(Account.id)))  # they lead the index of the channels' ids
    theirs = Order.account_id.in_(known) & (Order.channel_order_id == name)
    found = list(session.scalars(select(Order).where(theirs | (Order.display_id == name)).order_by(Order.id).limit(2)))
    number, _, own = name.rpartition("-")
    if not found and own.isascii() and own.isdigit() and len(own) < 12:
        one = session.get(Order, int(own))
        found = [one] if one is not None and number in ("", one.display_id) and name[:1] != "-" else []
    if not found:
        raise Unknown(f"no order is called {name!r}", field="order", value=name)
    if len(found) > 1:
        raise Unknown(f"several orders are called {name!r}", field="order", value=name, fix="give the hub's id")
    return found[0]


def _log(session: Session, order: Order, kind: str, now: datetime, by: str, **detail: object) -> None:
    fact = f"{kind}:{int(now.timestamp() * 1_000_000)}"
    put_new(
        session,
        OrderEvent,
        [{"order_id": order.id, "fact": fact, "kind": kind, "at": now, "by": by, "detail": detail}],
        key=("order_id", "fact"),
    )


def hold(
    session: Session, order: Order, reason: str, now: datetime, *, until: datetime | None = None, by: str = ""
) -> None:
    """Park an order: it keeps its stock and cannot be exported or shipped.

    Raises:
        Invalid: no reason given.
        NotAllowedNow: it is shipped or cancelled already.
    """
    if not reason.strip():
        raise Invalid("a hold needs a reason", field="reason", value=reason)
    if order.stage in ("shipped", "cancelled", "channel"):
        raise NotAllowedNow(f"order {order.display_id} is {order.stage}", field="order", value=order.display_id)
    order.hold_reason = reason.strip()
    order.hold_until = until
    order.changed_at = now
    refresh(session, (order.id,))
    _log(session, order, "held", now, by, reason=order.hold_reason)


def release(session: Session, order: Order, now: datetime, *, by: str = "") -> None:
    """End a hold; releasing what is not held changes nothing."""
    if order.hold_reason is None:
        return
    order.hold_reason = None
    order.hold_until = None
    order.changed_at = now
    refresh(session, (order.id,))
    _log(session, order, "released", now, by)


def want_cancelled(
    session: Session, order: Order, reason: str, now: datetime, *, accept: bool = True, by: str = ""
) -> None:
    """Cancel an order on its channel, or (accept False) decline the buyer's wish to cancel.

    Its stock is given back when the channel says that it is cancelled.

    Raises:
        Invalid: an unknown reason.
        NotAllowedNow: something of it was shipped, or it is cancelled, or there is no wish to decline.
    """
    if reason not in REASONS:
        raise Invalid(f"{reason!r} is no reason to cancel", field="reason", value=reason, fix=", ".join(REASONS))
    if order.stage in ("cancelled", "channel", "shipped"):
        raise NotAllowedNow(f"order {order.display_id} is {order.stage}", field="order", value=order.display_id)
    if not accept and order.cancellation != "requested":
        raise NotAllowedNow("the buyer did not ask to cancel", field="order", value=order.display_id)
    shipped = session.scalars(select(OrderLine.id).where(OrderLine.order_id == order.id, OrderLine.shipped > 0)).first()
    if accept and shipped is not None:
        raise NotAllowedNow(
            f"a part of order {order.display_id} is shipped already", field="order", value=order.display_id
        )
    order.cancel_reason = reason
    order.cancel_accept = accept
    order.changed_at = now
    _log(session, order, "cancel_wanted" if accept else "cancel_declined", now, by, reason=reason)
    items.want(session, ORDER_CANCEL, order.account_id, str(order.id), now)
