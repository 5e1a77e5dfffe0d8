"""Do we know an account's sales well enough to write an absolute number over the channel's own?

A channel that sold a unit has lowered its number already; an absolute write computed before that sale was seen would
raise it again and sell the unit twice (architecture section 9, trap 2). So: newest orders first, then the number.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from hub.sync.hub import OpenAccount
from hub.work import items
from hub.work.kinds import ORDERS_PULL
from hub.work.models import Cursor

RETRY_S = 20.0
WAITING = "Waiting for the newest orders before raising the number."
CODE = "hub.orders_first"
SLACK_S = 120


def orders_fresh(session: Session, opened: OpenAccount, now: datetime) -> bool:
    """True on channels that compare and set, and where the last completed pull covers a recent moment."""
    if opened.manifest.stock_write == "compare_and_set":
        return True
    cursor = session.get(Cursor, (opened.account.id, "orders"), populate_existing=True)
    if cursor is None or cursor.covered_until is None:
        return False
    limit = 2 * opened.manifest.pull_every_s + opened.manifest.order_lag_s + SLACK_S
    return (now - cursor.covered_until).total_seconds() <= limit


def want_orders(session: Session, opened: OpenAccount, now: datetime) -> None:
    items.want(session, ORDERS_PULL, opened.account.id, "*", now)
