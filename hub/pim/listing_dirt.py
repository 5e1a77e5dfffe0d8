"""Telling the spine that what channels should show has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.pim.models import Listing
from hub.pim.rules import PUSHABLE_STATES
from hub.work import items
from hub.work.kinds import PRICE_PUSH, STOCK_PUSH, Priority


def mark_stock_dirty(session: Session, urgency: Mapping[int, int], now: datetime) -> int:
    """Want a stock push for every listing of these variants (variant id → priority). Returns how many listings."""
    wishes: list[tuple[int, str, int]] = []
    for part in chunks(sorted(urgency)):
        for row in session.execute(
            select(Listing.id, Listing.account_id, Listing.variant_id).where(
                Listing.variant_id.in_(part), Listing.state.in_(PUSHABLE_STATES)
            )
        ):
            wishes.append((row.account_id, str(row.id), urgency[row.variant_id]))
    items.want_many(session, STOCK_PUSH, wishes, now)
    return len(wishes)


def mark_price_dirty(session: Session, variant_ids: Iterable[int], now: datetime) -> int:
    """Want a price push for every listing of these variants."""
    wishes: list[tuple[int, str, int]] = []
    for part in chunks(sorted(set(variant_ids))):
        for row in session.execute(
            select(Listing.id, Listing.account_id).where(
                Listing.variant_id.in_(part), Listing.state.in_(PUSHABLE_STATES)
            )
        ):
            wishes.append((row.account_id, str(row.id), int(Priority.PRICE)))
    items.want_many(session, PRICE_PUSH, wishes, now)
    return len(wishes)
