"""Filters as a person types them: «brand=Acme|Bloom», «price>=12.50 EUR», «colour!=red», «gtin=no». Pure.

`FIELD=VALUE|VALUE` is one of these, `!=` none of these, `>=` and `<=` from and to (both included). What is no field of
the hub is an attribute. `listed=ACCOUNT` or `listed=ACCOUNT:STATE|STATE` («*» = any account), `complete<=79
amazon/de` less than 80 % complete for a channel and a locale. A value that holds «|» is asked for by JSON only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from hub.kernel.errors import Invalid
from hub.kernel.money import Money
from hub.kernel.text import shorten
from hub.pim.search.query import (
    EVERYTHING,
    OWN_TEXTS,
    All,
    AnyOf,
    AttributeBetween,
    AttributeIs,
    Available,
    Filter,
    Has,
    Incomplete,
    Is,
    Listed,
    Not,
    Price,
    Updated,
)

_PHRASE = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*(!=|>=|<=|=)\s*(.*?)\s*", re.DOTALL)
_MONEY = re.compile(r"(\d{1,12}(?:\.\d{1,4})?)(?:\s+([A-Za-z]{3}))?")
_COMPLETE = re.compile(r"(\d{1,3})\s+([a-z][a-z0-9_-]*)(?:/([A-Za-z][A-Za-z0-9-]*))?")


def filter_of(phrases: Sequence[str], *, any_of: bool = False) -> Filter:
    """What several phrases mean together: all of them, or any.

    Raises:
        Invalid: one of them is not understood.
    """
    parts = tuple(phrase(text) for text in phrases)
    if not parts:
        return EVERYTHING
    return parts[0] if len(parts) == 1 else AnyOf(parts=parts) if any_of else All(parts=parts)


def phrase(text: str) -> Filter:
    """One phrase.

    Raises:
        Invalid: it is not understood; the error says how it is written.
    """
    found = _PHRASE.fullmatch(text)
    if found is None:
        raise _bad(text, "write it like brand=Acme or price>=12.50")
    field, sign, value = found[1].lower(), found[2], found[3]
    if sign == "!=":
        return Not(part=_equal(field, value, text))
    return _equal(field, value, text) if sign == "=" else _limit(field, value, text, low=sign == ">=")


def _bad(text: str, fix: str) -> Invalid:
    return Invalid(
        f"the filter {shorten(text, 60)!r} is not understood", field="filter", value=shorten(text, 60), fix=fix
    )


def _equal(field: str, value: str, text: str) -> Filter:
    values = tuple(part.strip() for part in value.split("|"))
    for name in OWN_TEXTS:
        if field == name:
            return Is(field=name, values=values)
    match field:
        case "gtin" | "picture":
            has = Has(what=field)
            if value.lower() not in ("yes", "no"):
                raise _bad(text, f"write {field}=yes or {field}=no")
            return has if value.lower() == "yes" else Not(part=has)
        case "listed":
            account, _, states = value.partition(":")
            wanted = tuple(state.strip() for state in states.split("|") if state.strip())
            return Listed(account="" if account.strip() == "*" else account.strip(), states=wanted)
        case "price":
            minor, currency = _money(value, text)
            return Price(low=minor, high=minor, currency=currency)
        case "available":
            units = _whole(value, text)
            return Available(low=units, high=units)
        case "updated":
            day = _day(value, text)
            return Updated(since=day, until=day + timedelta(days=1))
        case "complete":
            raise _bad(text, "write it like complete<=79 amazon/de")
        case _:
            return AttributeIs(code=field, values=() if value == "*" else values)


def _limit(field: str, value: str, text: str, *, low: bool) -> Filter:
    match field:
        case "price":
            minor, currency = _money(value, text)
            return Price(low=minor, currency=currency) if low else Price(high=minor, currency=currency)
        case "available":
            units = _whole(value, text)
            return Available(low=units) if low else Available(high=units)
        case "updated":
            day = _day(value, text)
            return Updated(since=day) if low else Updated(until=day + timedelta(days=1))
        case "complete":
            said = _COMPLETE.fullmatch(value)
            if said is None:
                raise _bad(text, "write it like complete<=79 amazon/de")
            below = Incomplete(channel=said[2], locale=said[3] or "", below=int(said[1]) + (0 if low else 1))
            return Not(part=below) if low else below
        case "gtin" | "picture" | "listed" | "brand" | "category" | "tag" | "family" | "state" | "stock_class":
            raise _bad(text, f"{field} has no order: write {field}=… or {field}!=…")
        case _:
            return AttributeBetween(code=field, low=value) if low else AttributeBetween(code=field, high=value)


def _money(value: str, text: str) -> tuple[int, str]:
    """Minor units and their currency; without a currency, two decimals are taken for granted."""
    found = _MONEY.fullmatch(value)
    if found is None:
        raise _bad(text, "write an amount like 12.50 or 12.50 EUR")
    currency = (found[2] or "").upper()
    return Money.parse(found[1], currency or "EUR").minor, currency


def _whole(value: str, text: str) -> int:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number != number.to_integral_value() or abs(number) > 10**12:
        raise _bad(text, "write a whole number")
    return int(number)


def _day(value: str, text: str) -> datetime:
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise _bad(text, "write a day like 2026-11-22 (UTC)") from None
