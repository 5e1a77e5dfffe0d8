"""Products as completeness and lint look at them, read a few hundred at a time: four queries however many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, table_of
from hub.pim.attributes.book import Book, book_of
from hub.pim.attributes.fields import OWN_FIELDS
from hub.pim.attributes.models import Attribute, FamilyAttribute, FamilyRequirement
from hub.pim.models import Product, Variant
from hub.pim.quality.rules import EVERY, Levels, Need, OneProduct, OneVariant
from hub.work.models import Account

_products, _variants = table_of(Product), table_of(Variant)
_SPOKEN = ("title", "description", "images")
"""Own fields that are values as well: per language or channel."""
_OWN = frozenset(OWN_FIELDS) - set(_SPOKEN)
_OWN_VARYING = frozenset(code for code, own in OWN_FIELDS.items() if own.level == "variant")
_ALWAYS = frozenset({"handle", "state", "stock_class"})
_LISTED = ("brand", "category", "tags")
_MEASURED = ("gtin", "cost_minor", "weight_g", "length_mm", "width_mm", "height_mm", "image")


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is looked at: every channel that an account sells on and «*», every language and «» (the base content, which
    stands for the language it is said to be in)."""

    book: Book
    channels: tuple[str, ...]
    locales: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A product with all that is known of it. `row` and `variants` are its rows as stored."""

    id: int
    row: Row[Any]
    variants: tuple[Row[Any], ...]
    needs: tuple[Need, ...]
    levels: Levels
    facts: OneProduct


def targets_of(session: Session) -> Targets:
    book = book_of(session)
    channels = session.scalars(select(Account.channel).distinct()).all()
    return Targets(
        book=book,
        channels=(EVERY, *sorted(channels)),
        locales=("", *sorted(code for code in book.locales if code != book.base)),
    )


def load(session: Session, product_ids: Sequence[int], book: Book) -> list[Record]:
    """The products of these ids that are there, in the order of their ids."""
    rows: list[Row[Any]] = []
    by_product: dict[int, list[Row[Any]]] = {}
    for part in chunks(sorted(set(product_ids))):
        rows += session.execute(select(_products).where(_products.c.id.in_(part)).order_by(_products.c.id)).all()
        for variant in session.execute(
            select(_variants)
            .where(_variants.c.product_id.in_(part))
            .order_by(_variants.c.product_id, _variants.c.position, _variants.c.id)
        ):
            by_product.setdefault(variant.product_id, []).append(variant)
    families = sorted({row.family_id for row in rows if row.family_id is not None})
    needs, varying = _needs(session, families, book.base), _varying(session, families)
    localisable = frozenset(code for code, definition in book.definitions.items() if definition.localisable)
    out = []
    for row in rows:
        variants = tuple(by_product.get(row.id, ()))
        levels = Levels(
            varying=_OWN_VARYING | varying.get(row.family_id, frozenset()), localisable=localisable, own=_OWN
        )
        out.append(
            Record(
                id=row.id, row=row, variants=variants, needs=needs.get(row.family_id, ()), levels=levels,
                facts=facts_of(row, variants),
            )
        )  # fmt: skip
    return out


def _needs(session: Session, families: Sequence[int], base: str) -> dict[int, tuple[Need, ...]]:
    """What families require. A requirement in the language that the base content is in is one of «»."""
    out: dict[int, list[Need]] = {}
    r = FamilyRequirement
    for part in chunks(families):
        for row in session.execute(
            select(r.family_id, r.field, r.channel, r.locale)
            .where(r.family_id.in_(part))
            .order_by(r.family_id, r.field, r.channel, r.locale)
        ):
            locale = "" if base and row.locale == base else row.locale
            out.setdefault(row.family_id, []).append(Need(field=row.field, channel=row.channel, locale=locale))
    return {family: tuple(found) for family, found in out.items()}


def _varying(session: Session, families: Sequence[int]) -> dict[int, frozenset[str]]:
    out: dict[int, set[str]] = {}
    for part in chunks(families):
        for family, code in session.execute(
            select(FamilyAttribute.family_id, Attribute.code)
            .join(Attribute, Attribute.id == FamilyAttribute.attribute_id)
            .where(FamilyAttribute.family_id.in_(part), FamilyAttribute.level == "variant")
        ).tuples():
            out.setdefault(family, set()).add(code)
    return {family: frozenset(codes) for family, codes in out.items()}


def facts_of(row: Row[Any], variants: Sequence[Row[Any]]) -> OneProduct:
    """What of a product's rows is filled."""
    said: Mapping[str, Any] = row._mapping["values"]
    values = dict(said.items())
    for name in _SPOKEN:
        base = row._mapping[name]
        if base.strip() if isinstance(base, str) else base:
            values[name] = {**values.get(name, {}), "": base}
    filled = {name for name in _LISTED if row._mapping[name]} | _ALWAYS
    if row.family_id is not None:
        filled.add("family")
    return OneProduct(filled=frozenset(filled), values=values, variants=tuple(_variant(v) for v in variants))


def _variant(row: Row[Any]) -> OneVariant:
    filled = {"sku", "is_kit"}
    for name in _MEASURED:
        value = row._mapping[name]
        if value is not None and value != "":
            filled.add("cost" if name == "cost_minor" else name)
    if row.price_minor > 0:  # a price of nothing is none
        filled.add("price")
    return OneVariant(sku=row.sku, filled=frozenset(filled), values=row._mapping["values"])
