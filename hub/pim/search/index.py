"""Search documents and attribute values, made from products as they are. A projector (pim/projections.py)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, literal_column, or_, select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, put, put_new, table_of
from hub.pim import projections
from hub.pim.attributes.book import Book, Definition, book_of
from hub.pim.attributes.content import shown
from hub.pim.attributes.types import AttributeType
from hub.pim.models import Product, Variant
from hub.pim.search.models import AttributeIndex, SearchDocument
from hub.pim.search.values import PRICE, TAG, Key, keys, price_key
from hub.pim.search.words import document, sort_title

KEYS_MAX = 500
"""So many indexed values of one product are kept (tags and prices first)."""
NO_PRICE = -1
_CHOICES = (AttributeType.CHOICE, AttributeType.MULTI_CHOICE)
_MARKUP = re.compile(r"<[^>]*>")
_documents = table_of(SearchDocument)


def project(session: Session, product_ids: Sequence[int], now: datetime) -> None:
    """Bring what search knows of these products up to date; what is gone is forgotten."""
    book = book_of(session)
    for part in chunks(sorted(set(product_ids))):
        _project(session, book, part)


def made(session: Session, book: Book, ids: Sequence[int]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(documents, attribute values) of these products as they are now; nothing of those that are gone."""
    products, variants = _products(session, ids), _variants(session, ids)
    facts = [_document(book, row, variants.get(row["id"], [])) for row in products]
    return facts, [line for row in products for line in _values(book, row, variants.get(row["id"], []))]


def _project(session: Session, book: Book, ids: Sequence[int]) -> None:
    facts, values = made(session, book, ids)
    gone = sorted(set(ids) - {row["product_id"] for row in facts})
    if gone:
        forget(session, gone)
    if facts:
        put(session, SearchDocument, facts, key=("product_id",), where=_different(facts[0]))
    a = AttributeIndex
    session.execute(delete(a).where(a.product_id.in_(ids)).execution_options(synchronize_session=False))
    put_new(session, AttributeIndex, values, key=("product_id", "code", "value"))


def forget(session: Session, product_ids: Sequence[int]) -> None:
    """These products are not found any more."""
    for model in (AttributeIndex, SearchDocument):
        for part in chunks(sorted(set(product_ids))):
            gone = delete(model).where(model.product_id.in_(part))
            session.execute(gone.execution_options(synchronize_session=False))


def _different(row: Mapping[str, Any]) -> ColumnElement[bool]:
    """Rows that say the same already are not written again: full text indexes are dear."""
    return or_(
        *(
            _documents.c[name].is_distinct_from(literal_column(f'excluded."{name}"'))
            for name in row
            if name != "product_id"
        )
    )


def _products(session: Session, ids: Sequence[int]) -> list[Mapping[str, Any]]:
    t = table_of(Product)
    names = (
        "id", "handle", "title", "description", "brand", "category", "images", "tags", "values", "family_id", "state",
        "stock_class", "updated_at",
    )  # fmt: skip
    query = select(*(t.c[name] for name in names)).where(t.c.id.in_(ids)).order_by(t.c.id)
    return [dict(row) for row in session.execute(query).mappings()]


def _variants(session: Session, ids: Sequence[int]) -> dict[int, list[Mapping[str, Any]]]:
    t = table_of(Variant)
    names = ("product_id", "sku", "gtin", "options", "price_minor", "currency", "image", "values", "updated_at")
    query = select(*(t.c[name] for name in names)).where(t.c.product_id.in_(ids)).order_by(t.c.position, t.c.id)
    out: dict[int, list[Mapping[str, Any]]] = {}
    for row in session.execute(query).mappings():
        out.setdefault(row["product_id"], []).append(dict(row))
    return out


def _document(book: Book, row: Mapping[str, Any], variants: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    codes = [code for v in variants for code in (v["sku"], v["gtin"]) if code]
    titles = [row["title"], *row["values"].get("title", {}).values()]
    tokens, haystack = document(codes, titles, _texts(book, row, variants))
    return {
        "product_id": row["id"], "sort_title": sort_title(row["title"]), "sku": min((v["sku"] for v in variants), default=""),
        "brand": row["brand"], "category": row["category"], "family_id": row["family_id"], "state": row["state"],
        "stock_class": row["stock_class"], "has_gtin": any(v["gtin"] for v in variants),
        "has_picture": bool(row["images"]) or any(v["image"] for v in variants),
        "price_minor": min((v["price_minor"] for v in variants), default=NO_PRICE),
        "price_high_minor": max((v["price_minor"] for v in variants), default=NO_PRICE),
        "currency": _only({v["currency"] for v in variants}),
        "updated_at": max([row["updated_at"], *(v["updated_at"] for v in variants)]),
        "tokens": tokens, "haystack": haystack,
    }  # fmt: skip


def _only(found: set[str]) -> str:
    return found.pop() if len(found) == 1 else ""


def _texts(book: Book, row: Mapping[str, Any], variants: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Everything else that is found by its words, the most telling first."""
    yield from (row["brand"], row["category"], row["handle"], *row["tags"])
    for variant in variants:
        yield from variant["options"].values()
    for said in (row["values"], *(v["values"] for v in variants)):
        for code, by_scope in said.items():
            definition = book.definitions.get(code)
            if definition is not None and definition.searchable and code not in ("title", "description"):
                for value in by_scope.values():
                    yield from _said(definition, value)
    for text in (row["description"], *row["values"].get("description", {}).values()):
        yield _plain(text)


def _said(definition: Definition, value: Any) -> Iterable[str]:
    if definition.type in _CHOICES:
        codes = [value] if isinstance(value, str) else value
        return [
            label
            for code in codes
            for label in (definition.options.get(code, code), *definition.option_labels.get(code, {}).values())
        ]
    text = shown(definition, value)
    return [_plain(text) if definition.type is AttributeType.RICH_TEXT else text]


def _plain(markup: str) -> str:
    return html.unescape(_MARKUP.sub(" ", markup)) if "<" in markup or "&" in markup else markup


def _values(book: Book, row: Mapping[str, Any], variants: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of the attribute index for one product, no two the same."""
    found: dict[tuple[str, str], int | None] = {}

    def add(code: str, key: Key) -> None:
        if key.value and len(found) < KEYS_MAX:
            found[code, key.value] = key.number

    for variant in variants:
        add(PRICE, price_key(variant["price_minor"], variant["currency"]))
    for tag in row["tags"]:
        add(TAG, Key(tag))
    for said in (row["values"], *(v["values"] for v in variants)):
        for code, by_scope in said.items():
            definition = book.definitions.get(code)
            if definition is not None and definition.filterable:
                for value in by_scope.values():
                    for key in keys(definition, value):
                        add(code, key)
    for (code, text), number in found.items():
        yield {"product_id": row["id"], "code": code, "value": text, "number": number}


projections.register("search", project)
