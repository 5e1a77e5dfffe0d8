"""What may be demanded of an attribute's values: the rules of its definition, in stored form. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten
from hub.pim.attributes.fallback import EVERY
from hub.pim.attributes.patterns import checked_pattern
from hub.pim.attributes.types import AttributeType as T
from hub.pim.attributes.values import LINE_MAX, LONG_TEXT_MAX, TEXT_MAX, is_channel

_LENGTHS = ("min_length", "max_length")
POSSIBLE: Mapping[T, tuple[str, ...]] = {
    T.TEXT: (*_LENGTHS, "pattern", "unique"),
    T.LONG_TEXT: _LENGTHS,
    T.RICH_TEXT: _LENGTHS,
    T.LINES: _LENGTHS,
    T.NUMBER: ("min", "max", "decimals", "unique"),
    T.CHOICE: (),
    T.MULTI_CHOICE: (),
    T.DATE: ("min", "max", "unique"),
    T.BOOLEAN: (),
    T.MONEY: (),
    T.FILE: ("unique",),
    T.REFERENCE: ("unique",),
}
"""The rules that each type knows, beside `withheld`, which all do: the channels that the value is never sent to, «*» =
all. Lengths are in characters; of lines, each line's."""

_LONGEST = {T.TEXT: TEXT_MAX, T.LONG_TEXT: LONG_TEXT_MAX, T.RICH_TEXT: LONG_TEXT_MAX, T.LINES: LINE_MAX}
DECIMALS_MAX = 12


def checked_rules(kind: T, given: Mapping[str, Any]) -> dict[str, Any]:
    """The rules in stored form. None, "" and False mean that there is no such rule.

    Raises:
        Invalid: the type knows no such rule, the rule is no rule, or no value could keep them all.
    """
    out: dict[str, Any] = {}
    for name in sorted(given):
        value = given[name]
        if value is None or value is False or value in ("", []):
            continue
        if name not in (*POSSIBLE[kind], "withheld"):
            known = ", ".join((*POSSIBLE[kind], "withheld"))
            raise Invalid(
                f"values of the type {kind.value} have no rule {shorten(name, 40)!r}", field=f"rules.{name}",
                value=shorten(str(value), 40), fix=f"rules of this type: {known}",
            )  # fmt: skip
        out[name] = _RULES[name](kind, name, value)
    if "pattern" in out:
        out["pattern"] = checked_pattern(out["pattern"], int(out.get("max_length", TEXT_MAX)))
    _in_order(kind, out)
    return out


def _bad(name: str, value: object, fix: str) -> Invalid:
    seen = shorten(str(value), 40)
    return Invalid(f"{seen!r} is no {name.replace('_', ' ')}", field=f"rules.{name}", value=seen, fix=fix)


def _whole(name: str, value: Any, least: int, most: int) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not text.isascii() or not text.isdecimal() or not least <= int(text[:9]) <= most:
        raise _bad(name, value, f"a whole number from {least} to {most:,}")
    return int(text)


def _length(kind: T, name: str, value: Any) -> int:
    return _whole(name, value, 1, _LONGEST[kind])


def _decimals(kind: T, name: str, value: Any) -> int:
    return _whole(name, value, 0, DECIMALS_MAX)


def _bound(kind: T, name: str, value: Any) -> str:
    text = str(value).strip()
    if kind is T.DATE:
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError as error:
            raise _bad(name, value, "write it like 2026-11-22") from error
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise _bad(name, value, "write it like 12.5") from error
    if isinstance(value, bool) or not number.is_finite() or abs(number) > 10**18:
        raise _bad(name, value, "write it like 12.5")
    return f"{number:f}"


def _pattern(kind: T, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _bad(name, value, "write it like [A-Z]{2}[0-9]{4}")
    return value


def _unique(kind: T, name: str, value: Any) -> bool:
    if value is True or str(value).strip().casefold() in ("true", "yes", "1"):
        return True
    raise _bad(name, value, "true or false")


def _channels(kind: T, name: str, value: Any) -> list[str]:
    given = value.split(",") if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise _bad(name, value, "a list of channels, or *")
    found = sorted({one.strip() for one in given if one.strip()})
    for one in found:
        if one != EVERY and not is_channel(one):
            raise _bad(name, one, "name channels like amazon, ebay, or * for all")
    return found


_RULES: Mapping[str, Callable[[T, str, Any], Any]] = {
    "min_length": _length, "max_length": _length, "decimals": _decimals, "min": _bound, "max": _bound,
    "pattern": _pattern, "unique": _unique, "withheld": _channels,
}  # fmt: skip


def _in_order(kind: T, rules: Mapping[str, Any]) -> None:
    for least, most in (("min_length", "max_length"), ("min", "max")):
        if least not in rules or most not in rules:
            continue
        low, high = rules[least], rules[most]
        wrong = Decimal(low) > Decimal(high) if kind is T.NUMBER else low > high  # dates compare as they are written
        if wrong:
            raise Invalid(
                f"{least.replace('_', ' ')} {low} is above {most.replace('_', ' ')} {high}", field=f"rules.{least}",
                value=low, fix="swap them",
            )  # fmt: skip
