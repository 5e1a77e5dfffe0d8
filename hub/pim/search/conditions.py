"""A query as conditions in SQL, the same on both databases but for the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    cast,
    column,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from hub.kernel.errors import Invalid, Unknown
from hub.pim.attributes.book import Definition, book_of
from hub.pim.attributes.models import Family
from hub.pim.models import Listing, Product, StockPosition, Variant
from hub.pim.quality.models import Completeness
from hub.pim.search import query as q
from hub.pim.search.models import WORDS_VECTOR, AttributeIndex, SearchDocument
from hub.pim.search.values import PRICE, TAG, Key, asked, limit
from hub.pim.search.words import Needle, needle
from hub.work.models import Account

GONE = ("ended", "vanished")
ANY_CHANNEL = "*"
BROAD = 3_000
D = SearchDocument
A = AttributeIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A query ready to be asked: `words` None = no text was given."""

    dialect: str
    words: Needle | None
    filter: ColumnElement[bool]

    @property
    def where(self) -> ColumnElement[bool]:
        """The whole condition on search_documents."""
        if self.words is None:
            return self.filter
        return and_(self.filter, matches(self.dialect, self.words))


def terms(session: Session, query: q.Query) -> Terms:
    """What `query` asks.

    Raises:
        Invalid: something in it cannot be asked.
        Unknown: an attribute, a family or an account does not exist.
    """
    q.checked(query)
    wanted = q.attribute_codes(query.filter)
    definitions = _definitions(session, wanted) if wanted else {}
    return Terms(
        dialect=session.get_bind().dialect.name, words=needle(query.text) if query.text.strip() else None,
        filter=condition(session, query.filter, definitions),
    )  # fmt: skip


def select_ids(session: Session, query: q.Query) -> Select[int]:
    """The ids of the products that are found, in no order: for bulk work and exports.

    Raises:
        Invalid, Unknown: as `terms`.
    """
    return select(D.product_id).where(terms(session, query).where)


def _definitions(session: Session, codes: set[str]) -> dict[str, Definition]:
    known = book_of(session).definitions
    for code in sorted(codes):
        if code not in known:
            raise Unknown(f"there is no attribute {code!r}", field="attribute", value=code, fix="correct its code")
        if not known[code].filterable:
            raise Invalid(
                f"{code} is not kept for filters", field="attribute", value=code,
                fix="make the attribute filterable, then run `hub search rebuild`",
            )  # fmt: skip
    return {code: known[code] for code in codes}


# ---------------------------------------------------------------- words


def matches(dialect: str, words: Needle) -> ColumnElement[bool]:
    """The product has the words, or a part of a word, or is that SKU or GTIN."""
    if words.empty:
        return false()
    return or_(has_words(dialect, words), *([has_parts(dialect, words)] if words.parts else []))


def has_words(dialect: str, words: Needle, *, broad: bool = False) -> ColumnElement[bool]:
    """The product has all words, or is that SKU or GTIN. `broad`: very many do, so SQLite is to walk them in the order
    asked for and not to sort all of them (it cannot know that itself)."""
    if dialect == "postgresql":
        return _tsquery(f"('{words.whole}' | ({' & '.join(_postgres(words))}))")
    return _fts(_said(words), product_id=D.product_id + 0 if broad else D.product_id)


def is_broad(session: Session, words: Needle) -> bool:
    """Whether so many products have the words that `has_words` is to be told on SQLite."""
    if session.get_bind().dialect.name == "postgresql":
        return False
    found = table("search_words", column("rowid"), column("search_words"))
    some = select(found.c.rowid).where(found.c.search_words.bool_op("MATCH")(_said(words))).limit(BROAD + 1).subquery()
    return (session.scalar(select(func.count()).select_from(some)) or 0) > BROAD


def _said(words: Needle) -> str:
    return f'"{words.whole}" OR ({" AND ".join(_sqlite(words))})'


def is_whole(dialect: str, words: Needle) -> ColumnElement[bool]:
    """The product is that SKU or GTIN."""
    return _tsquery(f"'{words.whole}'") if dialect == "postgresql" else _fts(f'"{words.whole}"')


def title_begins(words: Needle) -> ColumnElement[bool]:
    """Its title begins so."""
    return and_(D.sort_title >= words.title, D.sort_title < words.title + "\U0010ffff")


def has_parts(dialect: str, words: Needle) -> ColumnElement[bool]:
    """A SKU, GTIN or title contains the text, or the text without what separates its words."""
    if dialect == "postgresql":
        return or_(*(D.haystack.like(f"%{part}%") for part in words.parts))  # folded: no % and no _ in it
    return _fts(" OR ".join(f'"{part}"' for part in words.parts), "search_parts")


def _postgres(words: Needle) -> list[str]:
    return [f"'{token}':*" for token in words.begun] + [f"'{token}'" for token in words.exactly]


def _sqlite(words: Needle) -> list[str]:
    return [f'"{token}" *' for token in words.begun] + [f'"{token}"' for token in words.exactly]


def _tsquery(text: str) -> ColumnElement[bool]:
    vector: ColumnElement[Any] = literal_column(WORDS_VECTOR)
    return vector.bool_op("@@")(cast(literal(text), TSQUERY))


def _fts(text: str, name: str = "search_words", *, product_id: Any = D.product_id) -> ColumnElement[bool]:
    found = table(name, column("rowid"), column(name))
    among: ColumnElement[bool] = product_id.in_(select(found.c.rowid).where(found.c[name].bool_op("MATCH")(text)))
    return among


# ---------------------------------------------------------------- filters


def condition(session: Session, part: q.Filter, definitions: Mapping[str, Definition]) -> ColumnElement[bool]:
    """A filter as a condition on search_documents."""
    match part:
        case q.All():
            return and_(true(), *(condition(session, inner, definitions) for inner in part.parts))
        case q.AnyOf():
            return or_(false(), *(condition(session, inner, definitions) for inner in part.parts))
        case q.Not():
            # Of what has no value (no family, no price) a comparison is neither true nor false; «not» finds it all the same.
            return not_(func.coalesce(condition(session, part.part, definitions), false()))
        case q.Is():
            return _is(session, part)
        case q.Price():
            return _price(part)
        case q.Available():
            return and_(true(), *_between(available(), part.low, part.high))
        case q.Updated():
            ends: list[ColumnElement[bool]] = [true()]
            if part.since is not None:
                ends.append(D.updated_at >= part.since)
            if part.until is not None:
                ends.append(D.updated_at < part.until)
            return and_(*ends)
        case q.Has():
            return (D.has_gtin if part.what == "gtin" else D.has_picture).is_(True)
        case q.Listed():
            return _listed(session, part)
        case q.Incomplete():
            return _incomplete(part)
        case q.AttributeIs():
            conditions: list[ColumnElement[bool]] = [A.code == part.code]
            if part.values:
                wanted = [key.value for text in part.values for key in asked(definitions[part.code], text)]
                conditions.append(_one_of(A.value, wanted))
            return _indexed(conditions)
        case q.AttributeBetween():
            return _attribute_between(part, definitions[part.code])
        case _:
            assert_never(part)


def _price(part: q.Price) -> ColumnElement[bool]:
    """Mostly told by the lowest and the highest price; single prices are looked at only where a product has prices on
    both sides of the range, or in several currencies."""
    prices = [A.code == PRICE, *_between(A.number, part.low, part.high)]
    if part.currency:
        prices += [A.value >= f"{part.currency}:", A.value < f"{part.currency};"]
    priced = D.price_minor >= 0
    low = true() if part.low is None else D.price_high_minor >= part.low
    high = true() if part.high is None else D.price_minor <= part.high
    found = and_(priced, low, high)
    if part.low is not None and part.high is not None:
        inside = or_(D.price_minor >= part.low, D.price_high_minor <= part.high, _indexed(prices))
        found = and_(found, inside)
    if part.currency:
        mixed = and_(D.currency == "", priced, _indexed(prices))
        found = or_(and_(D.currency == part.currency, found), mixed)
    return found


def _is(session: Session, part: q.Is) -> ColumnElement[bool]:
    match part.field:
        case "brand":
            return _one_of(D.brand, part.values)
        case "category":
            return _one_of(D.category, part.values)
        case "state":
            return _one_of(D.state, part.values)
        case "stock_class":
            return _one_of(D.stock_class, part.values)
        case "tag":
            return _indexed([A.code == TAG, _one_of(A.value, part.values)])
        case "family":
            return _family(session, part.values)
        case "handle":
            return D.product_id.in_(select(Product.id).where(_one_of(Product.handle, part.values)))
        case "sku":
            return D.product_id.in_(select(Variant.product_id).where(_one_of(Variant.sku, part.values)))
        case _:
            assert_never(part.field)


def _one_of(what: Any, values: Sequence[str]) -> ColumnElement[bool]:
    found: ColumnElement[bool] = what == values[0] if len(values) == 1 else what.in_(list(dict.fromkeys(values)))
    return found


def _family(session: Session, codes: Sequence[str]) -> ColumnElement[bool]:
    """«» = products without a family."""
    ids = dict(session.execute(select(Family.code, Family.id).where(Family.code.in_(codes))).tuples().all())
    for code in codes:
        if code and code not in ids:
            raise Unknown(f"there is no family {code!r}", field="family", value=code, fix="correct its code")
    found: list[ColumnElement[bool]] = [D.family_id == ids[code] for code in codes if code]
    return or_(false(), *found, *([D.family_id.is_(None)] if "" in codes else []))


def _between(what: Any, low: int | None, high: int | None) -> list[ColumnElement[bool]]:
    ends: list[ColumnElement[bool]] = []
    if low is not None:
        ends.append(what >= low)
    if high is not None:
        ends.append(what <= high)
    return ends


def _indexed(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    return D.product_id.in_(select(A.product_id).where(*conditions))


def available() -> ColumnElement[int]:
    """Units of a document's variants that are free to be sold."""
    free = func.sum(StockPosition.on_hand - StockPosition.reserved)
    found = (
        select(free)
        .join(Variant, Variant.id == StockPosition.variant_id)
        .where(Variant.product_id == D.product_id)
        .correlate(D)
        .scalar_subquery()
    )
    return func.coalesce(found, 0)


def _listed(session: Session, part: q.Listed) -> ColumnElement[bool]:
    where: list[ColumnElement[bool]] = []
    if part.account:
        account = session.scalar(select(Account.id).where(Account.name == part.account))
        if account is None:
            raise Unknown(f"there is no account {part.account!r}", field="account", value=part.account)
        where.append(Listing.account_id == account)
    where.append(_one_of(Listing.state, part.states) if part.states else Listing.state.not_in(GONE))
    return D.product_id.in_(select(Listing.product_id).where(*where))


def _incomplete(part: q.Incomplete) -> ColumnElement[bool]:
    return D.product_id.in_(
        select(Completeness.product_id).where(
            Completeness.channel == (part.channel or ANY_CHANNEL), Completeness.locale == part.locale,
            Completeness.percent < part.below,
        )
    )  # fmt: skip


def _attribute_between(part: q.AttributeBetween, definition: Definition) -> ColumnElement[bool]:
    low, high = limit(definition, part.low), limit(definition, part.high)
    where: list[ColumnElement[bool]] = [A.code == part.code, A.number.is_not(None)]
    where += [A.number >= low.number] if low is not None else []
    where += [A.number <= high.number] if high is not None else []
    for end in (low, high):
        where += _currency(end)
    return _indexed(where)


def _currency(end: Key | None) -> list[ColumnElement[bool]]:
    """Amounts are compared with amounts in the same currency only."""
    if end is None or ":" not in end.value:
        return []
    currency = end.value.partition(":")[0]
    return [A.value >= f"{currency}:", A.value < f"{currency};"]
