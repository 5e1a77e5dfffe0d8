"""Reading attempts, pulls and sales: the same for now and for the past."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.explain.model import Pull, Sale, Sent
from hub.orders.models import Order, OrderLine
from hub.pim.models import Listing
from hub.pim.rules import Arithmetic, KitPart
from hub.work import attempts
from hub.work.kinds import STOCK_PUSH
from hub.work.models import Attempt, PullRun

SALES_SHOWN = 200


def last_sent(session: Session, listing: Listing, until: datetime) -> Sent | None:
    """The newest stock write that was sent at or before `until`, as it stood then."""
    row = attempts.last_of(session, listing.account_id, STOCK_PUSH.name, str(listing.id), before=until)
    return None if row is None else _sent(session, row, until)


def last_acknowledged(session: Session, listing: Listing, until: datetime) -> Sent | None:
    """The newest stock write that the channel had acknowledged by `until`."""
    row = session.scalars(
        select(Attempt)
        .where(
            Attempt.account_id == listing.account_id,
            Attempt.kind == STOCK_PUSH.name,
            Attempt.key == str(listing.id),
            Attempt.result == "applied",
            Attempt.ended_at <= until,
        )
        .order_by(Attempt.id.desc())
        .limit(1)
    ).first()
    return None if row is None else _sent(session, row, until)


def _sent(session: Session, row: Attempt, until: datetime) -> Sent:
    ended = row.ended_at is not None and row.ended_at <= until
    pull = session.get(PullRun, row.covered_by) if ended and row.covered_by is not None else None
    covered = pull is not None and pull.ended_at is not None and pull.ended_at <= until
    return Sent(
        attempt=row.id, revision=row.revision, quantity=row.quantity, sum=recorded_sum(row),
        shown_before=row.detail.get("shown_before"), sent_at=row.sent_at, ended_at=row.ended_at if ended else None,
        result=row.result if ended else None, code=row.code if ended else None, message=row.message if ended else None,
        covered_by=Pull(id=pull.id, ended_at=pull.ended_at, covered_until=pull.covered_until)
        if covered and pull is not None
        else None,
    )  # fmt: skip


def recorded_sum(row: Attempt) -> Arithmetic | None:
    """The arithmetic that an attempt recorded; None if it recorded none."""
    names = ("on_hand", "reserved", "short", "buffer", "cap", "publishable")
    if any(name not in row.detail for name in names):
        return None
    parts = tuple(KitPart(**part) for part in row.detail.get("parts", ()))
    return Arithmetic(**{name: row.detail[name] for name in names}, parts=parts)


def sales_since(session: Session, listing: Listing, after: datetime, until: datetime) -> tuple[Sale, ...]:
    """Orders on this listing that were placed after `after`, at the latest at `until`; oldest first."""
    rows = session.execute(
        select(OrderLine.quantity, Order.display_id, Order.placed_at, Order.taken_at, Order.cancellation)
        .join(Order, Order.id == OrderLine.order_id)
        .where(OrderLine.listing_id == listing.id, Order.placed_at > after, Order.placed_at <= until)
        .order_by(Order.placed_at, Order.id)
        .limit(SALES_SHOWN)
    )
    return tuple(
        Sale(
            order=row.display_id, units=row.quantity, placed_at=row.placed_at, taken_at=row.taken_at,
            cancelled=row.cancellation == "cancelled",
        )
        for row in rows
    )  # fmt: skip
