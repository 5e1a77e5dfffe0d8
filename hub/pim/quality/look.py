"""Lint of one product, with all there is to look at: its pictures, its place in the channel's tree, copies of its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.kernel.errors import Unknown
from hub.kernel.text import shorten
from hub.pim.models import Product, Variant
from hub.pim.quality.finding import Finding
from hub.pim.quality.lint import lint
from hub.pim.quality.models import DescriptionDigest
from hub.pim.quality.prepare import pictures_seen, prepared
from hub.pim.quality.reads import target
from hub.pim.quality.records import load, targets_of
from hub.pim.quality.rules import EVERY
from hub.pim.taxonomy.reads import channel_category

_COPIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found about a product, the worst first on each channel. What is said of the base content is not repeated
    for the languages that fall back to it."""

    product_id: int
    handle: str
    findings: tuple[Finding, ...]


def find(session: Session, name: str) -> int:
    """The product of that handle, or of the variant with that SKU.

    Raises:
        Unknown: there is neither.
    """
    found = session.scalar(select(Product.id).where(Product.handle == name))
    if found is None:
        found = session.scalar(select(Variant.product_id).where(Variant.sku == name))
    if found is None:
        seen = shorten(name, 60)
        raise Unknown(f"no product has the handle {seen!r}, no variant the SKU", field="product", value=seen)
    return found


def look(session: Session, product_id: int, *, channel: str = "", locale: str | None = None) -> Look:
    """Lint a product for one channel or (by default) every one that accounts sell on and in general, in one language or
    all.

    Raises:
        Unknown: no such product, channel or locale.
    """
    targets = targets_of(session)
    channels, locales = targets.channels, targets.locales
    if channel or locale is not None:
        asked, spoken = target(session, channel or EVERY, locale or "")
        channels = (asked,) if channel else channels
        locales = (spoken,) if locale is not None else locales
    records = load(session, [product_id], targets.book)
    if not records:
        raise Unknown(f"there is no product {product_id}", field="product", value=product_id)
    (record,) = records
    seen = pictures_seen(session, [product_id], channels)
    same = _same_description(session, product_id)
    out: list[Finding] = []
    for one in channels:
        known: set[tuple[str, str, str, str]] = set()
        there: list[Finding] = []
        category = None if one == EVERY else channel_category(session, product_id, one)
        for spoken in locales:
            given = prepared(
                targets.book, record, channel=one, locale=spoken, category=category,
                pictures=seen[one].get(product_id, ()), same_description=same,
            )  # fmt: skip
            for finding in lint(given):
                mark = (finding.code, finding.field, finding.sku, finding.message)
                if mark not in known:
                    known.add(mark)
                    there.append(finding)
        out += sorted(there, key=lambda f: ("error", "warning", "advice").index(f.severity))
    return Look(product_id=product_id, handle=record.row.handle, findings=tuple(out))


def _same_description(session: Session, product_id: int) -> Sequence[str]:
    d = DescriptionDigest
    own = select(d.digest).where(d.product_id == product_id).scalar_subquery()
    return session.scalars(
        select(Product.handle)
        .join(d, d.product_id == Product.id)
        .where(d.digest == own, d.product_id != product_id)
        .order_by(d.product_id)
        .limit(_COPIES)
    ).all()
