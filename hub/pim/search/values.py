"""How values are indexed for filters and facets, and how a filter's words are read. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from hub.kernel.errors import Invalid
from hub.pim.attributes.book import Definition
from hub.pim.attributes.types import AttributeType as T
from hub.pim.attributes.values import stored_value
from hub.pim.search.words import words

KEY_MAX = 200
_FAR = 2**63 - 1
TAG, PRICE = ".tag", ".price"
"""Own fields that are indexed like attributes; no attribute's code begins with a dot."""

_RANGES = (T.NUMBER, T.DATE, T.MONEY)
_TEXTS = (T.TEXT, T.LONG_TEXT, T.RICH_TEXT, T.LINES)


@dataclass(frozen=True, slots=True)
class Key:
    """A value in the index; `number` where ranges are possible: millionths, days since 0001-01-01, or minor units."""

    value: str
    number: int | None = None


def text_key(text: str) -> str:
    """A text as texts are compared: its words, folded."""
    return " ".join(words(text[: KEY_MAX * 4]))[:KEY_MAX]


def millionths(number: Decimal) -> int:
    """A number as the index compares it: exact to six decimals, within what 64 bits hold."""
    scaled = (number * 1_000_000).to_integral_value()
    return max(-_FAR, min(_FAR, int(scaled)))


def price_key(minor: int, currency: str) -> Key:
    return Key(f"{currency}:{minor}", minor)


def keys(definition: Definition, stored: Any) -> list[Key]:
    """What stands in the index for a value in stored form."""
    match definition.type:
        case T.TEXT | T.LONG_TEXT | T.RICH_TEXT:
            return [Key(text_key(str(stored)))]
        case T.LINES:
            return [Key(text_key(str(line))) for line in stored]
        case T.NUMBER:
            return [Key(str(stored), millionths(Decimal(str(stored))))]
        case T.MULTI_CHOICE:
            return [Key(str(code)) for code in stored]
        case T.DATE:
            return [Key(str(stored), date.fromisoformat(str(stored)).toordinal())]
        case T.BOOLEAN:
            return [Key("true" if stored else "false")]
        case T.MONEY:
            return [price_key(int(stored["minor"]), str(stored["currency"]))]
        case T.CHOICE | T.FILE | T.REFERENCE:
            return [Key(str(stored)[:KEY_MAX])]


def asked(definition: Definition, text: str) -> list[Key]:
    """What a filter's value stands for: read like a value that a person enters, but without the attribute's limits.

    Raises:
        Invalid: nothing of this attribute can be like that; the error says what could.
    """
    if definition.type in _TEXTS:
        return [Key(text_key(text))]
    return keys(definition, stored_value(replace(definition, rules={}), text))


def limit(definition: Definition, text: str) -> Key | None:
    """An end of a range; None = no limit.

    Raises:
        Invalid: not a value of this attribute, or the attribute has no order.
    """
    if definition.type not in _RANGES:
        raise Invalid(
            f"{definition.code} has no order, so nothing is between two of its values", field=definition.code,
            value=definition.type.value, fix="ask for single values",
        )  # fmt: skip
    return asked(definition, text)[0] if text.strip() else None
