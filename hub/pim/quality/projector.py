"""Completeness and the counts of lint, kept beside the products: brought up to date for whatever was touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, put, table_of
from hub.pim import projections
from hub.pim.models import Product
from hub.pim.quality import text
from hub.pim.quality.finding import Prepared
from hub.pim.quality.limits import HOUSE
from hub.pim.quality.lint import lint
from hub.pim.quality.models import Completeness, DescriptionDigest
from hub.pim.quality.prepare import Seen, pictures_seen, prepared
from hub.pim.quality.records import Record, Targets, load, targets_of
from hub.pim.quality.rules import EVERY, applying, completeness, own_language
from hub.work.models import Account

_KEY = ("product_id", "channel", "locale")


def rows_of(record: Record, targets: Targets, seen: Seen) -> list[dict[str, Any]]:
    """What is stored of a product: a row per channel and language. `seen`: its pictures (and others') per channel."""
    book = targets.book
    out = []
    for channel in targets.channels:
        counted: list[tuple[Prepared, tuple[int, int]]] = []
        for locale in targets.locales:
            order = book.scopes(locale, "" if channel == EVERY else channel)
            score = completeness(
                applying(record.needs, channel, locale), record.facts, record.levels, order,
                own_language(order, locale, book.base),
            )  # fmt: skip
            errors, warnings = _counts(
                prepared(book, record, channel=channel, locale=locale, pictures=seen[channel].get(record.id, ())),
                counted,
            )
            out.append(
                {
                    "product_id": record.id, "channel": channel, "locale": locale, "required": score.required,
                    "filled": score.filled, "percent": score.percent, "missing": [gap.as_dict() for gap in score.missing],
                    "errors": errors, "warnings": warnings,
                }
            )  # fmt: skip
    return out


def _counts(given: Prepared, counted: list[tuple[Prepared, tuple[int, int]]]) -> tuple[int, int]:
    """Errors and warnings of `given`. In `counted` is what was found on the channel already: where nothing is translated
    it is the same in every language (that it is not translated is advice)."""
    plain = replace(given, locale="", fallen_back={})
    for before, counts in counted:
        if before == plain:
            return counts
    found = [finding.severity for finding in lint(plain)]
    counted.append((plain, (found.count("error"), found.count("warning"))))
    return counted[-1][1]


def project(session: Session, product_ids: Sequence[int], now: datetime) -> None:
    """Bring what is stored of these products up to date. `now` is not looked at: nothing here depends on the time."""
    targets = targets_of(session)
    records = load(session, product_ids, targets.book)
    seen = pictures_seen(session, [record.id for record in records], targets.channels)
    put(session, Completeness, [row for record in records for row in rows_of(record, targets, seen)], key=_KEY)
    table, digests = table_of(Completeness), table_of(DescriptionDigest)
    for part in chunks([record.id for record in records]):
        session.execute(
            delete(table).where(
                table.c.product_id.in_(part),
                or_(table.c.channel.not_in(targets.channels), table.c.locale.not_in(targets.locales)),
            )
        )
    hashes = {record.id: text.digest(record.row.description, HOUSE.description_short) for record in records}
    put(
        session, DescriptionDigest,
        [{"product_id": number, "digest": digest} for number, digest in hashes.items() if digest is not None],
        key=("product_id",),
    )  # fmt: skip
    for part in chunks([number for number, digest in hashes.items() if digest is None]):
        session.execute(delete(digests).where(digests.c.product_id.in_(part)))


def channel_added(session: Session, channel: str, now: datetime) -> int:
    """An account was opened on `channel`: if it is the first there, every product is to be looked at for it as well (by
    the sweep). Returns how many products."""
    there = session.scalar(select(func.count()).select_from(Account).where(Account.channel == channel)) or 0
    return projections.touch_where(session, Product.id > 0, now) if there == 1 else 0


projections.register("completeness", project)
