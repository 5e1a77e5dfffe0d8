"""An account's stock rule: how many units it keeps back, and how many it shows at most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.kernel.errors import Invalid, Unknown
from hub.pim.history.note import Changed, note
from hub.pim.models import Listing
from hub.pim.rules import PUSHABLE_STATES
from hub.work import items
from hub.work.kinds import STOCK_PUSH, Priority
from hub.work.models import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRule:
    """`buffer` units (>= 0) are kept back; at most `cap` (>= 0) are shown, None = no limit."""

    buffer: int
    cap: int | None


def set_rule(session: Session, account_id: int, rule: StockRule, now: datetime) -> int:
    """Give the account this rule and want every number there sent anew; returns how many (0 if it stood so already).

    Raises:
        Unknown: no such account.
        Invalid: a negative number.
    """
    for name, value in (("buffer", rule.buffer), ("cap", rule.cap)):
        if value is not None and value < 0:
            raise Invalid(f"{name} cannot be negative", field=name, value=value)
    account = session.get(Account, account_id, with_for_update=True)
    if account is None:
        raise Unknown(f"there is no account {account_id}", field="account", value=account_id)
    if (account.buffer, account.cap) == (rule.buffer, rule.cap):
        return 0
    lower = rule.buffer > account.buffer or (rule.cap is not None and (account.cap is None or rule.cap < account.cap))
    changes = {
        name: (before, after)
        for name, before, after in (("buffer", account.buffer, rule.buffer), ("cap", account.cap, rule.cap))
        if before != after
    }
    note(session, [Changed(subject="account", id=account_id, key=account.name, action="updated", changes=changes)], now)
    account.buffer, account.cap = rule.buffer, rule.cap
    listing_ids = session.scalars(
        select(Listing.id)
        .where(Listing.account_id == account_id, Listing.state.in_(PUSHABLE_STATES))
        .order_by(Listing.id)
    ).all()
    urgency = int(Priority.DOWN if lower else Priority.UP)
    items.want_many(session, STOCK_PUSH, [(account_id, str(i), urgency) for i in listing_ids], now)
    return len(listing_ids)
