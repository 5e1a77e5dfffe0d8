"""What is looked for, as plain records that can be stored, compared and written as JSON. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, get_args

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten
from hub.pim.attributes.fields import PRODUCT_STATES, STOCK_CLASSES

TEXT_MAX, VALUES_MAX, PARTS_MAX, DEPTH_MAX = 1_000, 500, 200, 10
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")

OwnText = Literal["brand", "category", "tag", "family", "state", "stock_class", "handle", "sku"]
Sort = Literal["relevance", "title", "sku", "price", "updated", "completeness"]
OWN_TEXTS: tuple[OwnText, ...] = get_args(OwnText)
SORTS: tuple[Sort, ...] = get_args(Sort)


@dataclass(frozen=True, slots=True, kw_only=True)
class Is:
    """The field is one of these, written exactly so."""

    field: OwnText
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A variant costs between `low` and `high` (minor units, both included; None = no limit), in `currency` if given."""

    low: int | None = None
    high: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Available:
    """So many units of all its variants together are free to be sold (both included; None = no limit)."""

    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """The product or one of its variants changed at `since` or later, and before `until`."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Has:
    """A variant has a GTIN; there is a picture."""

    what: Literal["gtin", "picture"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """It is listed on the account of that name («» = any), in one of these states (none given = in any in which
    something is there: not ended, not vanished)."""

    account: str = ""
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """Less than `below` percent complete for the channel («» = wherever it is sold) and locale («» = base content)."""

    channel: str = ""
    locale: str = ""
    below: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeIs:
    """The product or a variant says one of these about a filterable attribute, in whatever language or channel.
    Values as a person writes them; texts are compared without case and accents. No values = it says anything."""

    code: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeBetween:
    """A number, date or amount between two values as a person writes them (both included; «» = no limit)."""

    code: str
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """Every one of these is true; of none: always true."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """At least one of these is true; of none: never true."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    part: Filter


Leaf: TypeAlias = "Is | Price | Available | Updated | Has | Listed | Incomplete | AttributeIs | AttributeBetween"
Filter: TypeAlias = "Leaf | All | AnyOf | Not"
EVERYTHING = All(parts=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Products with the words of `text` that meet `filter`. `channel` and `locale`: whose completeness is shown and
    sorted by. Sorting by relevance without a text is by title; titles sort without case and accents. Products whose
    completeness is not known come last, whatever the direction."""

    text: str = ""
    filter: Filter = EVERYTHING
    sort: Sort = "relevance"
    descending: bool = False
    channel: str = ""
    locale: str = ""


def attribute_codes(part: Filter) -> set[str]:
    """The attributes that a filter asks about."""
    return {leaf.code for leaf in _leaves(part) if isinstance(leaf, AttributeIs | AttributeBetween)}


def _leaves(part: Filter) -> Iterator[Filter]:
    match part:
        case All(parts=parts) | AnyOf(parts=parts):
            for inner in parts:
                yield from _leaves(inner)
        case Not(part=inner):
            yield from _leaves(inner)
        case _:
            yield part


def checked(query: Query) -> Query:
    """`query` if it can be carried out.

    Raises:
        Invalid: an unknown sort or field, a text that is too long, too many parts.
    """
    if len(query.text) > TEXT_MAX:
        raise Invalid(f"the text has {len(query.text):,} characters, at most {TEXT_MAX:,} are looked for", field="text")
    if query.sort not in SORTS:
        raise unknown("sort", query.sort, SORTS)
    _measure(query.filter, 0)
    if sum(1 for _ in _leaves(query.filter)) > PARTS_MAX:
        raise Invalid(f"a filter has at most {PARTS_MAX} conditions", field="filter", fix="name values in one of them")
    return query


def _measure(part: Filter, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise Invalid(f"a filter is at most {DEPTH_MAX} levels deep", field="filter", fix="make it flatter")
    match part:
        case All(parts=parts) | AnyOf(parts=parts):
            for inner in parts:
                _measure(inner, depth + 1)
        case Not(part=inner):
            _measure(inner, depth + 1)
        case Is(field="state"):
            _known("state", part.values, PRODUCT_STATES)
        case Is(field="stock_class"):
            _known("stock_class", part.values, STOCK_CLASSES)
        case Is(field=field) if field not in OWN_TEXTS:
            raise unknown("field", field, OWN_TEXTS)
        case _:
            pass
    values: tuple[str, ...] = getattr(part, "values", ())
    if len(values) > VALUES_MAX:
        raise Invalid(f"a condition names at most {VALUES_MAX} values", field="filter", value=len(values))
    _readable(part, values)


def _readable(part: Filter, values: tuple[str, ...]) -> None:
    names = ("account", "currency", "channel", "locale", "code", "low", "high")
    texts = [*values, *getattr(part, "states", ()), *(getattr(part, name, "") for name in names)]
    for text in texts:
        if isinstance(text, str) and _CONTROL.search(text):
            raise Invalid("a filter's value holds a character that no text has", field="filter", value=repr(text)[:40])


def unknown(field: str, value: object, known: tuple[str, ...]) -> Invalid:
    """The refusal of a word that a query does not have."""
    return Invalid(
        f"{shorten(str(value), 40)!r} is no {field} of a query", field=field, value=shorten(str(value), 40),
        fix=f"one of: {', '.join(known)}",
    )  # fmt: skip


def _known(field: str, values: tuple[str, ...], known: tuple[str, ...]) -> None:
    for value in values:
        if value not in known:
            raise unknown(field, value, known)
