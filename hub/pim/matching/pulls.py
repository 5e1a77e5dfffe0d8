"""Rounds through what an account offers: asked for by a person, stored page by page, closed when all was seen."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from hub.channels.contract.records import BadListing, ChannelListing, ListingPage
from hub.db.upsert import chunks, put, put_new
from hub.kernel.text import shorten
from hub.pim.history.note import acting
from hub.pim.matching.index import sku_key
from hub.pim.matching.models import CataloguePull, ChannelItem
from hub.pim.matching.rules import gtin_key
from hub.work import items
from hub.work.kinds import LISTINGS_PULL

TITLE_MAX, NAME_MAX, ADDRESS_MAX = 1_000, 200, 2_048
DESCRIPTION_MAX = 131_072
IMAGES_MAX, PROBLEMS_MAX = 250, 50


def ask_for(session: Session, account_id: int, now: datetime) -> CataloguePull:
    """Ask for everything that the account offers. A round that is under way goes on."""
    row = {
        "account_id": account_id, "by": acting(session).name, "started_at": now, "ended_at": None, "complete": False,
        "cursor": None, "pages": 0, "items": 0, "gone": 0, "unreadable": 0, "problems": [],
    }  # fmt: skip
    put_new(session, CataloguePull, [row], key=("account_id",), where=text("ended_at IS NULL"))
    items.want(session, LISTINGS_PULL, account_id, "*", now)
    return _open(session, account_id)


def _open(session: Session, account_id: int) -> CataloguePull:
    found = current(session, account_id)
    assert found is not None
    return found


def current(session: Session, account_id: int) -> CataloguePull | None:
    """The round that is under way, None if there is none."""
    query = select(CataloguePull).where(CataloguePull.account_id == account_id, CataloguePull.ended_at.is_(None))
    return session.scalars(query.execution_options(populate_existing=True)).first()


def restart(session: Session, pull: CataloguePull) -> None:
    """The channel has forgotten the place: the round begins again, what it stored stays."""
    pull.cursor, pull.pages, pull.items, pull.unreadable, pull.problems = None, 0, 0, 0, []


def take(session: Session, pull: CataloguePull, page: ListingPage, now: datetime) -> list[int]:
    """Store a page and where the round goes on; after the last page, what was not seen is gone. Returns the items' ids.

    Nothing counts as gone while a listing was unreadable and did not even say which it is.
    """
    rows = {row["key"]: row for row in (_row(pull, listing, now) for listing in page.listings)}
    changed = [
        name
        for name in next(iter(rows.values()), {})
        if name not in ("account_id", "key", "first_seen_at", "dismissed")
    ]
    ids: list[int] = []
    if rows:
        written = put(
            session, ChannelItem, list(rows.values()), key=("account_id", "key"), update=changed, returning=("id",)
        )
        ids = [int(row.id) for row in written]
    _seen_unread(session, pull, page.bad)
    pull.pages += 1
    pull.items += len(rows)
    pull.unreadable += len(page.bad)
    pull.problems = _problems(pull.problems, page.bad)
    pull.cursor = page.cursor
    if not page.has_more:
        pull.ended_at, pull.complete, pull.cursor = now, True, None
        if all(problem["key"] is not None for problem in pull.problems):
            pull.gone = _mark_gone(session, pull, now)
    return ids


def _seen_unread(session: Session, pull: CataloguePull, bad: Sequence[BadListing]) -> None:
    """What could not be read is there all the same."""
    keys = sorted({_exact(one.key) for one in bad if one.key})
    for part in chunks(keys):
        session.execute(
            update(ChannelItem)
            .where(ChannelItem.account_id == pull.account_id, ChannelItem.key.in_(part))
            .values(pull_id=pull.id)
            .execution_options(synchronize_session=False)
        )


def _problems(known: Sequence[Any], bad: Sequence[BadListing]) -> list[Any]:
    """The first of them; those without a key before the others, because they decide whether anything can be gone."""
    told = [{"key": _exact(one.key) if one.key else None, "why": _text(one.why, 500)} for one in bad]
    return sorted([*known, *told], key=lambda problem: problem["key"] is not None)[:PROBLEMS_MAX]


def _mark_gone(session: Session, pull: CataloguePull, now: datetime) -> int:
    result = session.execute(
        update(ChannelItem)
        .where(ChannelItem.account_id == pull.account_id, ChannelItem.pull_id != pull.id, ChannelItem.gone_at.is_(None))
        .values(gone_at=now)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


def _row(pull: CataloguePull, listing: ChannelListing, now: datetime) -> dict[str, Any]:
    sku = _exact(listing.ref.channel_sku)
    codes = [key for code in listing.gtins if (key := gtin_key(code.strip()))]
    return {
        "account_id": pull.account_id,
        "key": _exact(listing.key),
        "channel_sku": sku,
        "sku_key": sku_key(sku),
        "external_id": listing.ref.external_id,
        "group_key": _exact(listing.group),
        "title": _text(listing.title, TITLE_MAX),
        "description": _text(listing.description, DESCRIPTION_MAX, lines=True),
        "brand": _text(listing.brand, NAME_MAX),
        "gtin": codes[0] if codes else None,
        "price_minor": None if listing.price is None else listing.price.minor,
        "currency": None if listing.price is None else listing.price.currency,
        "quantity": listing.quantity,
        "state": listing.state.value,
        "category": _text(listing.category, NAME_MAX),
        "url": _text(listing.url, ADDRESS_MAX),
        "options": {_text(axis, NAME_MAX): _text(value, NAME_MAX) for axis, value in listing.options.items()},
        "images": [_text(image, ADDRESS_MAX) for image in listing.images[:IMAGES_MAX]],
        "facts": {str(name): _exact(value) for name, value in listing.ref.facts.items()},
        "pull_id": pull.id,
        "first_seen_at": now,
        "seen_at": now,
        "gone_at": None,
        "dismissed": False,
    }


def _exact(value: str) -> str:
    """A name of the channel's, letter for letter, but for what no database column can hold."""
    return "".join(ch for ch in value if ch != "\x00" and unicodedata.category(ch) != "Cs")


def _text(value: str, limit: int, *, lines: bool = False) -> str:
    """What a database column can hold: no controls (NUL above all), no half characters, not longer than `limit`."""
    kept = "\n\t" if lines else ""
    clean = "".join(
        ch if ch in kept or unicodedata.category(ch) not in ("Cc", "Cs") else " " for ch in value[: limit * 2]
    )
    return shorten(clean if lines else " ".join(clean.split()), limit)
