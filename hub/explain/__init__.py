"""Why a channel shows the number it shows: `hub explain` now, and at any time in the past."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from hub.explain import past, present
from hub.explain.model import Explanation
from hub.explain.words import text
from hub.pim import listings
from hub.work import accounts

__all__ = ["Explanation", "explain", "text"]


def explain(session: Session, account: str, sku: str, now: datetime, *, at: datetime | None = None) -> Explanation:
    """The number of a SKU (ours or the channel's) on an account, now or as of `at`. Reads only.

    Raises:
        Unknown: no such account, or the SKU is not listed there.
        Invalid: `at` is in the future, or before the account was there.
    """
    found = accounts.named(session, account)
    listing = listings.on_account(session, found, sku)
    if at is None:
        return present.explain(session, found, listing, now)
    return past.explain(session, found, listing, at, now)
