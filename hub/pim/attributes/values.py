"""Whether a value is acceptable for an attribute, and its stored form. Pure.

Values come as people and files write them (a string each) or in stored form already; both give the same stored value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from hub.kernel.errors import Invalid
from hub.kernel.money import Money
from hub.kernel.text import shorten
from hub.pim import facts, units
from hub.pim.attributes.book import Book, Definition
from hub.pim.attributes.fallback import split_scope
from hub.pim.attributes.types import AttributeType as T
from hub.pim.attributes.types import JsonValue

TEXT_MAX, LONG_TEXT_MAX, LINES_MAX, LINE_MAX = 1_000, 65_536, 100, 2_000
_TRUE, _FALSE = frozenset({"true", "yes", "1", "y"}), frozenset({"false", "no", "0", "n"})
_CHANNEL = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def checked(book: Book, given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, JsonValue | None]]:
    """What is said (attribute code → scope → value) in stored form. None (or "") = take the value away.

    Raises:
        Invalid: an attribute or locale that does not exist, a scope the attribute does not have, a bad value.
    """
    out: dict[str, dict[str, JsonValue | None]] = {}
    for code, by_scope in given.items():
        definition = book.definitions.get(code)
        if definition is None:
            raise Invalid(
                f"there is no attribute {shorten(code, 60)!r}", field=code, value=shorten(code, 60),
                fix="create the attribute first, or correct its code",
            )  # fmt: skip
        stored = out[code] = {}
        for scope, value in by_scope.items():
            _check_scope(book, definition, scope)
            empty = value is None or value == [] or (isinstance(value, str) and not value.strip())
            stored[scope] = None if empty else _or_none(stored_value(definition, value))
    return out


def _or_none(value: JsonValue) -> JsonValue | None:
    return None if value == "" or value == [] else value


def merged(
    old: Mapping[str, Mapping[str, Any]], given: Mapping[str, Mapping[str, JsonValue | None]]
) -> dict[str, dict[str, Any]]:
    """`old` with what `given` (from `checked`) sets and takes away."""
    out = {code: dict(by_scope) for code, by_scope in old.items()}
    for code, by_scope in given.items():
        here = out.setdefault(code, {})
        for scope, value in by_scope.items():
            if value is None:
                here.pop(scope, None)
            else:
                here[scope] = value
        if not here:
            del out[code]
    return out


def is_channel(name: str) -> bool:
    """Whether a channel could be called so. Which are installed is not known here."""
    return _CHANNEL.fullmatch(name) is not None


def _check_scope(book: Book, definition: Definition, scope: str) -> None:
    locale, channel = split_scope(scope)
    if locale and not definition.localisable:
        raise Invalid(
            f"{definition.code} has one value for all languages, not one for {shorten(locale, 20)!r}",
            field=definition.code, value=scope, fix="make the attribute localisable, or leave the language out",
        )  # fmt: skip
    if locale and locale == book.base:
        raise Invalid(
            f"the base content is in {locale}: it has no values of its own", field=definition.code, value=scope,
            fix="leave the language out",
        )  # fmt: skip
    if locale and locale not in book.locales:
        raise Invalid(
            f"there is no locale {shorten(locale, 20)!r}", field=definition.code, value=scope,
            fix=f"one of: {', '.join(book.locales) or 'none yet'}; or add it",
        )  # fmt: skip
    if channel and not definition.per_channel:
        raise Invalid(
            f"{definition.code} has one value for all channels, not one for {shorten(channel, 20)!r}",
            field=definition.code, value=scope, fix="let the attribute have values per channel, or leave it out",
        )  # fmt: skip
    if channel and not is_channel(channel):
        raise Invalid(f"{shorten(channel, 40)!r} is no channel", field=definition.code, value=scope)


def stored_value(definition: Definition, value: Any) -> JsonValue:
    """One value in stored form.

    Raises:
        Invalid: it is not acceptable; the error names the attribute, the value and what would be.
    """
    return _STORED[definition.type](definition, value)


def _bad(definition: Definition, value: Any, what: str, fix: str) -> Invalid:
    seen = shorten(str(value), 40)
    return Invalid(f"{definition.code}: {seen!r} {what}", field=definition.code, value=seen, fix=fix)


def _string(definition: Definition, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise _bad(definition, value, "is not text", "give text")
    return str(value)


def _length(definition: Definition, text: str) -> None:
    least, most = definition.rules.get("min_length"), definition.rules.get("max_length")
    if least is not None and len(text) < least:
        raise _bad(definition, text, f"has {len(text)} characters, at least {least} are needed", "write more")
    if most is not None and len(text) > most:
        raise _bad(definition, text, f"has {len(text)} characters, at most {most} are possible", "shorten it")


def _pattern(definition: Definition, text: str) -> None:
    pattern = definition.rules.get("pattern")
    if pattern and not re.fullmatch(pattern, text):
        raise _bad(definition, text, f"does not have the form {pattern}", "correct it")


def _text(definition: Definition, value: Any) -> str:
    text = facts.plain_text(_string(definition, value), definition.code, TEXT_MAX)
    _length(definition, text)
    _pattern(definition, text)
    return text


def _long_text(definition: Definition, value: Any) -> str:
    text = _string(definition, value).replace("\r\n", "\n").replace("\r", "\n").strip()
    facts.refuse_control(text, definition.code)
    if len(text) > LONG_TEXT_MAX:
        raise _bad(definition, text, f"has more than {LONG_TEXT_MAX:,} characters", "shorten it")
    _length(definition, text)
    return text


def _rich_text(definition: Definition, value: Any) -> str:
    html = facts.description_html(_string(definition, value), definition.code)
    _length(definition, html)
    return html


def _lines(definition: Definition, value: Any) -> list[str]:
    given = value if isinstance(value, list | tuple) else _string(definition, value).split("\n")
    out = [facts.plain_text(_string(definition, line), definition.code, LINE_MAX) for line in given]
    out = [line for line in out if line]
    if len(out) > LINES_MAX:
        raise _bad(definition, f"{len(out)} lines", f"are too many, at most {LINES_MAX} are possible", "shorten it")
    for line in out:
        _length(definition, line)
    return out


def _number(definition: Definition, value: Any) -> str:
    text = _string(definition, value).strip()
    if definition.unit:
        number = units.in_unit(text, definition.unit, definition.code)
    else:
        try:
            sign, digits = (-1, text[1:]) if text.startswith(("-", "−")) else (1, text)
            number = sign * units.decimal_number(digits)
        except (ValueError, InvalidOperation) as error:
            raise _bad(definition, text, "is not a number", "write it like 12.5") from error
    low, high, decimals = (definition.rules.get(name) for name in ("min", "max", "decimals"))
    if low is not None and number < Decimal(str(low)):
        raise _bad(definition, text, f"is below {low}", f"give at least {low}")
    if high is not None and number > Decimal(str(high)):
        raise _bad(definition, text, f"is above {high}", f"give at most {high}")
    if decimals is not None and number != round(number, int(decimals)):
        raise _bad(definition, text, f"has more than {decimals} decimals", "round it")
    return units.plain(number)


def _choice(definition: Definition, value: Any) -> str:
    text = " ".join(_string(definition, value).split())
    found = _option(definition, text)
    if found is None:
        known = ", ".join(list(definition.options)[:12])
        raise _bad(definition, text, "is not one of its options", f"one of: {known}; or add the option")
    return found


def _option(definition: Definition, text: str) -> str | None:
    """By code, else by label in any language, whatever the case."""
    if text in definition.options:
        return text
    wanted = text.casefold()
    for code, label in definition.options.items():
        names = (code, label, *definition.option_labels.get(code, {}).values())
        if any(name.casefold() == wanted for name in names):
            return code
    return None


def _multi_choice(definition: Definition, value: Any) -> list[str]:
    given: Sequence[Any]
    if isinstance(value, list | tuple):
        given = value
    else:
        text = _string(definition, value)
        given = [part for part in text.split("|" if "|" in text else ",") if part.strip()]
    chosen = {_choice(definition, part) for part in given}
    return [code for code in definition.options if code in chosen]


def _date(definition: Definition, value: Any) -> str:
    text = _string(definition, value).strip()
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise _bad(definition, text, "is not a date", "write it like 2026-11-22") from error
    low, high = definition.rules.get("min"), definition.rules.get("max")
    if (low and day < date.fromisoformat(low)) or (high and day > date.fromisoformat(high)):
        raise _bad(definition, text, f"is not between {low or 'the beginning'} and {high or 'the end'}", "correct it")
    return day.isoformat()


def _boolean(definition: Definition, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = _string(definition, value).strip().casefold()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _bad(definition, value, "is neither yes nor no", "write yes or no")


def _money(definition: Definition, value: Any) -> dict[str, str | int]:
    if isinstance(value, Mapping):
        minor, currency = value.get("minor"), value.get("currency")
        if not isinstance(minor, int) or isinstance(minor, bool) or not isinstance(currency, str):
            raise _bad(definition, value, "is not an amount", "write it like 12.99 EUR")
        text = f"{minor} (minor units)"
    else:
        minor = None
        text = _string(definition, value).strip()
        amount, _, currency = text.rpartition(" ")
        if re.fullmatch(r"[A-Za-z]{3} .+", text):
            currency, _, amount = text.partition(" ")
    try:
        money = (
            Money(minor=minor, currency=currency)
            if minor is not None
            else Money.parse(str(units.decimal_number(amount)), currency.upper())
        )
    except ValueError as error:
        raise _bad(definition, value, "is not an amount with a currency", "write it like 12.99 EUR") from error
    facts.amount(money, definition.code)
    return {"minor": money.minor, "currency": money.currency}


def _file(definition: Definition, value: Any) -> str:
    text = _string(definition, value).strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise _bad(definition, text, "is not an asset of the media library", "upload the file and give its key")
    return text


def _reference(definition: Definition, value: Any) -> str:
    return facts.handle_text(_string(definition, value), definition.code)


_STORED: Mapping[T, Callable[[Definition, Any], JsonValue]] = {
    T.TEXT: _text, T.LONG_TEXT: _long_text, T.RICH_TEXT: _rich_text, T.LINES: _lines, T.NUMBER: _number,
    T.CHOICE: _choice, T.MULTI_CHOICE: _multi_choice, T.DATE: _date, T.BOOLEAN: _boolean, T.MONEY: _money,
    T.FILE: _file, T.REFERENCE: _reference,
}  # fmt: skip
