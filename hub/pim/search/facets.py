"""How many products there are of each kind, among those that a query finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, case, cast, distinct, func, literal, select, union_all
from sqlalchemy.orm import Session

from hub.kernel.errors import Invalid, Unknown
from hub.kernel.text import shorten
from hub.pim.attributes.book import Book, book_of
from hub.pim.attributes.models import Family
from hub.pim.models import Listing
from hub.pim.search.conditions import GONE, terms
from hub.pim.search.find import page, steady
from hub.pim.search.models import AttributeIndex, SearchDocument
from hub.pim.search.query import EVERYTHING, Query
from hub.pim.search.values import TAG
from hub.pim.search.words import words
from hub.work.models import Account

EXACT_UP_TO = 100_000
"""Of a query that finds more, so many products are counted and the facet says so."""
NAMES_MAX, VALUES_MAX = 20, 100
OWN = ("brand", "category", "family", "state", "stock_class", "tag", "gtin", "picture", "account")
_HITS = -1  # where the number of all products that were found stands among the facets' rows
_FEW = ("family", "account", "gtin", "picture")
_SUGGESTED_FROM = 2_000
D = SearchDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetValue:
    """`value` as a filter takes it, `label` for people."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """The most frequent values of a field. `more`: there are others. `capped`: too many products were found to count
    them all, so that every count means «at least»."""

    name: str
    values: tuple[FacetValue, ...]
    more: bool = False
    capped: bool = False


def facets(
    session: Session, query: Query, names: Sequence[str], *, top: int = 20, exact_up_to: int = EXACT_UP_TO
) -> list[Facet]:
    """For each of `names` (own ones, or codes of filterable attributes) its `top` values among what `query` finds. A
    product with several values of a field counts under each of them.

    Raises:
        Invalid, Unknown: the query or a name cannot be asked.
    """
    if len(names) > NAMES_MAX or not 1 <= top <= VALUES_MAX:
        raise Invalid(f"at most {NAMES_MAX} facets of 1 to {VALUES_MAX} values each", field="facets", value=len(names))
    book = book_of(session)
    for name in names:
        _known(book, name)
    asked = terms(session, query)
    steady(session)
    everything = asked.words is None and query.filter == EVERYTHING
    if everything:
        hits: Any = select(*_COLUMNS).subquery("hits")
    else:
        hits = select(*_COLUMNS).where(asked.where).limit(exact_up_to + 1).cte("hits")
    branches = [_counted(hits, name, place, top + 1, everything=everything) for place, name in enumerate(names)]
    if not everything:
        branches.append(select(literal(_HITS), literal(""), func.count()).select_from(hits).subquery())
    rows: dict[int, list[tuple[str, int]]] = {}
    if branches:
        found_rows = session.execute(union_all(*(select(branch) for branch in branches)))
        for place, value, number in found_rows.tuples():
            rows.setdefault(place, []).append((value, int(number)))
    capped = not everything and rows[_HITS][0][1] > exact_up_to
    out = []
    for place, name in enumerate(names):
        found_values = sorted(rows.get(place, []), key=lambda pair: (-pair[1], pair[0]))
        values = tuple(
            FacetValue(value=value, label=_label(book, name, value), count=number)
            for value, number in found_values[:top]
        )
        out.append(Facet(name=name, values=values, more=len(found_values) > top, capped=capped))
    return out


_COLUMNS = (D.product_id, D.brand, D.category, D.family_id, D.state, D.stock_class, D.has_gtin, D.has_picture)


def _counted(hits: Any, name: str, place: int, top: int, *, everything: bool) -> Any:
    """(place, value, products) of the most frequent values of one facet. `everything`: nothing is filtered."""
    number: Any = func.count()
    value: Any
    match name:
        case "brand" | "category" | "state" | "stock_class":
            value, source = hits.c[name], hits
        case "gtin" | "picture":
            value, source = case((hits.c[f"has_{name}"].is_(True), "yes"), else_="no"), hits
        case "family":
            value = func.coalesce(Family.code, "")
            source = hits.outerjoin(Family, Family.id == hits.c.family_id)
        case "account":
            value = Account.name
            source = hits.join(Listing, Listing.product_id == hits.c.product_id).join(
                Account, Account.id == Listing.account_id
            )
            number = func.count(distinct(hits.c.product_id))
        case _:
            a = AttributeIndex
            value = a.value
            source = a if everything else hits.join(a, a.product_id == hits.c.product_id)
    query = select(
        literal(place).label("place"), cast(value, String).label("value"), number.label("number")
    ).select_from(source)  # fmt: skip
    if name == "account":
        query = query.where(Listing.state.not_in(GONE))
    elif name not in OWN or name == "tag":
        query = query.where(AttributeIndex.code == (TAG if name == "tag" else name))
    if name not in _FEW:  # these few are sorted in Python, whatever order the database has for their letters
        query = query.order_by(number.desc(), value).limit(top)
    return query.group_by(value).subquery()


def _known(book: Book, name: str) -> None:
    if name in OWN:
        return
    definition = book.definitions.get(name)
    if definition is None:
        raise Unknown(
            f"there is no attribute {shorten(name, 40)!r}", field="facets", value=shorten(name, 40),
            fix=f"one of: {', '.join(OWN)}, or an attribute's code",
        )  # fmt: skip
    if not definition.filterable:
        raise Invalid(
            f"{name} is not kept for filters", field="facets", value=name,
            fix="make the attribute filterable, then run `hub search rebuild`",
        )  # fmt: skip


def _label(book: Book, name: str, value: str) -> str:
    if name in OWN:
        return value
    definition = book.definitions[name]
    return definition.options.get(value, f"{value} {definition.unit}".strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Something to go on with: a product (`text` its title, `value` its handle) or a value for a filter."""

    kind: str
    text: str
    value: str


def suggest(session: Session, text: str, *, limit: int = 10) -> list[Suggestion]:
    """What a person may mean who began to type `text`: brands, categories and tags with a word that begins like its
    last one, then products by relevance. «» suggests nothing."""
    said = words(text)
    if not said:
        return []
    query = Query(text=text)
    out = []
    for facet in facets(session, query, ("brand", "category", "tag"), top=VALUES_MAX, exact_up_to=_SUGGESTED_FROM):
        for value in facet.values:
            if any(word.startswith(said[-1]) for word in words(value.value)):
                out.append(Suggestion(kind=facet.name, text=value.label, value=value.value))
    products = page(session, query, limit=limit).rows
    shown = out[: max(limit // 2, limit - len(products))]
    rest = [Suggestion(kind="product", text=row.title, value=row.handle) for row in products]
    return (shown + rest)[:limit]
