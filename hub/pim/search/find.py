"""Pages of products, and how many there are. A page costs a fixed number of queries whatever the catalogue's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, assert_never

from sqlalchemy import ColumnElement, and_, func, not_, select, text, tuple_
from sqlalchemy.orm import Session

from hub.kernel.errors import Invalid
from hub.pim.models import Product, StockPosition, Variant
from hub.pim.quality.models import Completeness
from hub.pim.search.conditions import (
    ANY_CHANNEL,
    Terms,
    has_parts,
    has_words,
    is_broad,
    is_whole,
    matches,
    terms,
    title_begins,
)
from hub.pim.search.cursor import Key, decode, encode
from hub.pim.search.models import SearchDocument
from hub.pim.search.query import Query
from hub.pim.search.words import Needle

LIMIT_MAX = 200
COUNT_MAX = 10_000
D, C = SearchDocument, Completeness


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A product as lists show it. Prices in minor units: the lowest and the highest of its variants, `currency` "" if
    they differ in it; None = no variants. `picture`: the address of the first one. `available`: units of all its
    variants that are free to be sold. `completeness`: percent for the query's channel and locale, None = not known."""

    id: int
    handle: str
    title: str
    brand: str
    category: str
    state: str
    stock_class: str
    skus: int
    first_sku: str
    price_from: int | None
    price_to: int | None
    currency: str
    available: int
    picture: str | None
    tags: tuple[str, ...]
    updated_at: datetime
    completeness: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Products in order. `next` is the cursor of the page behind; None = this is the last one."""

    rows: tuple[Found, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many products are found; `capped`: at least so many."""

    number: int
    capped: bool


_Column = Literal["relevance", "title", "sku", "price", "updated"]


@dataclass(frozen=True, slots=True)
class _Hit:
    id: int
    key: Key
    sku: str
    updated_at: datetime


def page(session: Session, query: Query, *, after: str = "", limit: int = 50) -> Page:
    """Up to `limit` (1 to 200) products that follow the cursor `after` («» = from the beginning).

    Raises:
        Invalid: something in the query cannot be asked, or the cursor is not of this query.
        Unknown: an attribute, a family or an account of the filter does not exist.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise Invalid(f"a page has 1 to {LIMIT_MAX} rows", field="limit", value=limit)
    asked = terms(session, query)
    steady(session)
    if query.sort == "relevance" and asked.words is not None:
        if query.descending:
            raise Invalid("relevance has one direction", field="descending", fix="sort by something else")
        found = _by_relevance(session, asked, asked.words, decode(query, after, str) if after else None, limit + 1)
    elif query.sort == "completeness":
        found = _by_completeness(session, asked, query, decode(query, after, int) if after else None, limit + 1)
    else:
        column, kind = _column(query.sort)
        last = decode(query, after, kind) if after else None
        found = _hits(session, column, asked.where, 0, last, limit + 1, descending=query.descending)
    rows = _rows(session, found[:limit], query)
    return Page(rows=rows, next=encode(query, found[limit - 1].key) if len(found) > limit else None)


def count(session: Session, query: Query, *, up_to: int = COUNT_MAX) -> Count:
    """How many products are found, counted up to a limit.

    Raises:
        Invalid, Unknown: as `page`.
    """
    asked = terms(session, query)
    steady(session)
    some = select(D.product_id).where(asked.where).limit(up_to + 1).subquery()
    number = int(session.scalar(select(func.count()).select_from(some)) or 0)
    return Count(number=min(number, up_to), capped=number > up_to)


def steady(session: Session) -> None:
    """PostgreSQL plans each search for its own words: a plan for any word is wrong for rare and for frequent ones, and
    compiling takes longer than the search. For the rest of this transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(
            text("SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true)")
        )


def _column(sort: _Column) -> tuple[ColumnElement[Any], type]:
    """What is sorted by, and the type of its values."""
    match sort:
        case "relevance" | "title":
            return D.sort_title.expression, str
        case "sku":
            return D.sku.expression, str
        case "price":
            return D.price_minor.expression, int
        case "updated":
            return D.updated_at.expression, datetime
        case _:
            assert_never(sort)


def _hits(
    session: Session, column: ColumnElement[Any], where: ColumnElement[bool], rank: int, last: Key | None, limit: int,
    *, descending: bool = False, known: ColumnElement[bool] | None = None,
) -> list[_Hit]:  # fmt: skip
    """`known`: which row of completeness belongs to a product, where that is sorted by."""
    number = D.product_id.expression if known is None else C.product_id.expression
    key = tuple_(column, number)
    query = select(D.product_id, column.label("sorted"), D.sku, D.updated_at).where(where).limit(limit)
    if known is not None:
        query = query.join(C, known)
    if last is not None:
        query = query.where(key < last[1:] if descending else key > last[1:])
    ends = [part.desc() if descending else part.asc() for part in (column, number)]
    return [
        _Hit(row.product_id, (rank, row.sorted, row.product_id), row.sku, row.updated_at)
        for row in session.execute(query.order_by(*ends))
    ]


def _by_relevance(session: Session, asked: Terms, words: Needle, last: Key | None, limit: int) -> list[_Hit]:
    """The SKU or GTIN itself, then titles that begin so, then products with all the words, then parts of words. Each
    rank is a query of its own, asked only while the page has room: no database sorts everything by a computed rank."""
    if words.empty:
        return []
    whole, begins = is_whole(asked.dialect, words), title_begins(words)
    said = has_words(asked.dialect, words, broad=is_broad(session, words))
    # A title that begins so has that part; only a part too short, or one longer than what is sorted by, must be looked at.
    contained = bool(words.parts) and words.parts[0] == words.title
    titled = begins if contained else and_(begins, matches(asked.dialect, words))
    ranks = [whole, and_(titled, not_(whole)), and_(said, not_(begins), not_(whole))]
    if words.parts:
        ranks.append(and_(has_parts(asked.dialect, words), not_(said), not_(begins)))
    first = 0 if last is None else last[0]
    found: list[_Hit] = []
    for rank in range(first, len(ranks)):
        begin = last if rank == first else None
        where = and_(asked.filter, ranks[rank])
        found += _hits(session, D.sort_title.expression, where, rank, begin, limit - len(found))
        if len(found) >= limit:
            break
    return found


def _by_completeness(session: Session, asked: Terms, query: Query, last: Key | None, limit: int) -> list[_Hit]:
    """Those of which it is known, by percent; then the others, by id."""
    said = and_(C.channel == (query.channel or ANY_CHANNEL), C.locale == query.locale)
    found: list[_Hit] = []
    if last is None or last[0] == 0:
        found = _hits(
            session, C.percent.expression, asked.where, 0, last, limit, descending=query.descending,
            known=and_(C.product_id == D.product_id, said),
        )  # fmt: skip
    if len(found) < limit:
        where = and_(asked.where, D.product_id.not_in(select(C.product_id).where(said)))
        begin = last if last is not None and last[0] == 1 else None
        found += _hits(session, D.product_id.expression, where, 1, begin, limit - len(found))
    return found


def _rows(session: Session, hits: Sequence[_Hit], query: Query) -> tuple[Found, ...]:
    ids = [hit.id for hit in hits]
    p, v = Product, Variant
    products = {
        row.id: row
        for row in session.execute(
            select(p.id, p.handle, p.title, p.brand, p.category, p.state, p.stock_class, p.images, p.tags).where(
                p.id.in_(ids)
            )
        )
    }
    prices = {
        row.product_id: row
        for row in session.execute(
            select(
                v.product_id, func.count().label("skus"), func.min(v.price_minor).label("low"),
                func.max(v.price_minor).label("high"), func.min(v.currency).label("first_currency"),
                func.max(v.currency).label("last_currency"), func.min(v.image).label("image"),
            ).where(v.product_id.in_(ids)).group_by(v.product_id)
        )
    }  # fmt: skip
    s = StockPosition
    free = (
        select(v.product_id, func.sum(s.on_hand - s.reserved))
        .join(s, s.variant_id == v.id)
        .where(v.product_id.in_(ids))
        .group_by(v.product_id)
    )
    stock = {row[0]: int(row[1]) for row in session.execute(free)}
    percent = dict(
        session.execute(
            select(C.product_id, C.percent).where(
                C.product_id.in_(ids), C.channel == (query.channel or ANY_CHANNEL), C.locale == query.locale
            )
        ).tuples().all()
    )  # fmt: skip
    out = []
    for hit in hits:
        row, price = products.get(hit.id), prices.get(hit.id)
        if row is None:  # deleted since: its document goes with it
            continue
        same = price is not None and price.first_currency == price.last_currency
        out.append(
            Found(
                id=row.id, handle=row.handle, title=row.title, brand=row.brand, category=row.category, state=row.state,
                stock_class=row.stock_class, skus=0 if price is None else price.skus, first_sku=hit.sku,
                price_from=None if price is None else price.low, price_to=None if price is None else price.high,
                currency=price.first_currency if price is not None and same else "", available=stock.get(row.id, 0),
                picture=row.images[0] if row.images else (None if price is None else price.image),
                tags=tuple(row.tags), updated_at=hit.updated_at, completeness=percent.get(hit.id),
            )
        )  # fmt: skip
    return tuple(out)
