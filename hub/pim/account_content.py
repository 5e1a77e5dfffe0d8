"""What an account's listings say: in which language, and whether a product must be approved first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.kernel.errors import Unknown
from hub.kernel.text import shorten
from hub.pim.attributes.labels import differences
from hub.pim.attributes.models import Locale
from hub.pim.history.note import Changed, note
from hub.pim.models import Listing
from hub.work import items
from hub.work.kinds import LISTING_PUBLISH
from hub.work.models import Account

_GONE_STATES = ("ended", "vanished")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRule:
    """Listings are in `locale` ("" = the base content); with `approved_only`, products that nobody approved wait."""

    locale: str
    approved_only: bool


def check_locale(session: Session, locale: str) -> None:
    """Raises Unknown if there is no such locale ("" is the base content)."""
    if locale and session.get(Locale, locale) is None:
        known = ", ".join(session.scalars(select(Locale.code).order_by(Locale.code))) or "none yet"
        seen = shorten(locale, 40)
        raise Unknown(f"there is no locale {seen!r}", field="locale", value=seen, fix=f"known: {known}; or add it")


def set_content(session: Session, account_id: int, rule: ContentRule, now: datetime) -> int:
    """Give the account this rule and want all that is listed there published again; returns how many products (0 if it
    stood so already).

    Raises:
        Unknown: no such account or locale.
    """
    account = session.get(Account, account_id, with_for_update=True, populate_existing=True)
    if account is None:
        raise Unknown(f"there is no account {account_id}", field="account", value=account_id)
    check_locale(session, rule.locale)
    before = {"locale": account.locale, "approved_only": account.approved_only}
    after = {"locale": rule.locale, "approved_only": rule.approved_only}
    changed = differences(before, after)
    if not changed:
        return 0
    account.locale, account.approved_only = rule.locale, rule.approved_only
    note(session, [Changed(subject="account", id=account.id, key=account.name, action="updated", changes=changed)], now)
    listed = session.scalars(
        select(Listing.product_id)
        .where(Listing.account_id == account_id, Listing.state.not_in(_GONE_STATES))
        .distinct()
        .order_by(Listing.product_id)
    ).all()
    items.want_many(session, LISTING_PUBLISH, [(account_id, str(p), LISTING_PUBLISH.priority) for p in listed], now)
    return len(listed)
