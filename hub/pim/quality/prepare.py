"""From what is stored of a product to what lint looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from hub.pim.attributes.book import Book
from hub.pim.attributes.content import content_of
from hub.pim.media.reads import Picture, listed, pictures_of
from hub.pim.quality.finding import LintPicture, LintVariant, Prepared
from hub.pim.quality.records import Record
from hub.pim.quality.rules import EVERY, same_language

_PAGE = frozenset({"images", "bullet_points", "keywords", "seo_title", "seo_description"})
"""Words of the page, no facts about the thing: they are never item specifics."""


Seen = Mapping[str, Mapping[int, Sequence[LintPicture]]]
"""Channel → product → its pictures there."""


def pictures_seen(session: Session, product_ids: Sequence[int], channels: Sequence[str]) -> Seen:
    """What the media library knows of the pictures of these products, as each channel has them."""
    return {
        channel: {
            number: [_picture(picture) for picture in pictures]
            for number, pictures in pictures_of(session, product_ids, "" if channel == EVERY else channel).items()
        }
        for channel in channels
    }


def _picture(seen: Picture) -> LintPicture:
    return LintPicture(
        address=seen.reference, width=seen.width, height=seen.height, problem=seen.problem, digest=seen.sha256 or "",
        white_border=None if seen.border is None else seen.border // 10, shared_with=seen.shared_with,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Words:
    """The columns of a product that hold its content."""

    title: str
    description: str
    values: Mapping[str, Any]


def prepared(
    book: Book,
    record: Record,
    *,
    channel: str,
    locale: str,
    category: str | None = None,
    pictures: Sequence[LintPicture] = (),
    same_description: Sequence[str] = (),
) -> Prepared:
    """What the product would show on `channel` («*» = any) in `locale` («» = the base content), each field by the
    fallback chain. What is not given of the rest is not looked at."""
    row = record.row._mapping
    words = content_of(
        book, _Words(row["title"], row["description"], row["values"]), locale=locale,
        channel="" if channel == EVERY else channel,
    )  # fmt: skip
    facts = {code: said for code, said in words.attributes.items() if code not in _PAGE}
    spoken = locale or book.base
    foreign = {name: scope for name, scope in words.fallen_back.items() if not same_language(scope, spoken, book.base)}
    return Prepared(
        channel=channel, locale=locale, title=words.title, description=words.description,
        bullets=_lines(words.attributes, "bullet_points"), keywords=_lines(words.attributes, "keywords"), brand=row["brand"],
        category=category, images=tuple(listed(row["images"], row["values"], "" if channel == EVERY else channel)),
        pictures=tuple(pictures),
        variants=tuple(
            LintVariant(sku=v.sku, price_minor=v.price_minor, gtin=v.gtin, image=v.image) for v in record.variants
        ),
        attributes=facts, fallen_back=foreign, same_description=tuple(same_description),
    )  # fmt: skip


def _lines(attributes: Mapping[str, str], code: str) -> tuple[str, ...]:
    return tuple(line for line in attributes.get(code, "").split("\n") if line)
