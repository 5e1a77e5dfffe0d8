"""Weights and lengths as people write them, in whole grams and millimetres."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache

import pint

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten

MAX_GRAMS = 100_000_000  # 100 tonnes
MAX_MILLIMETRES = 1_000_000  # a kilometre

_AMOUNT = re.compile(r"\s*([0-9][0-9.,]*)\s*([A-Za-zµ\"″']*)\.?\s*")
_MEASURE = re.compile(r"\s*([-−]?)\s*([0-9][0-9.,]*)\s*([A-Za-zµ%°\"″'/²³0-9^]*)\.?\s*")
_SIGNS = {'"': "inch", "″": "inch", "'": "foot"}
_DIMENSIONS = {"gram": "a weight", "millimeter": "a length"}
_PLURALS = {"gram": "grams", "millimeter": "millimetres"}
_EXAMPLES = {"gram": "g, kg, oz or lb", "millimeter": "mm, cm, m or in"}


def decimal_number(text: str) -> Decimal:
    """A number that is not negative, with a decimal point or a decimal comma: «12.5», «12,5», «1,299.00», «1.299,00».

    Raises:
        ValueError: no number, or one that two countries read differently («1,299»).
    """
    number = text.strip()
    if len(number) > 20:
        raise ValueError(f"{shorten(number, 40)!r} is too long for a number")
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", number):
        return Decimal(number)
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+\.[0-9]+", number):
        return Decimal(number.replace(",", ""))
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{3})+,[0-9]+", number):
        return Decimal(number.replace(".", "").replace(",", "."))
    if re.fullmatch(r"0,[0-9]+|[0-9]+,([0-9]{1,2}|[0-9]{4,})", number):
        return Decimal(number.replace(",", "."))
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+|[0-9]{1,3}(\.[0-9]{3}){2,}", number):
        raise ValueError(f"{number} can be read in two ways; write it with a decimal point and without thousands marks")
    raise ValueError(f"{shorten(number, 40)!r} is not a number")


def grams(text: str, unit: str = "", field: str = "weight") -> int:
    """«1.5 kg», «12 oz», or a bare number with its `unit`, in grams (1 to 100 million; rounded, never to 0).

    Raises:
        Invalid: no number, no unit, not a unit of weight, or out of range.
    """
    return _measure(text, unit, field, "gram", MAX_GRAMS)


def millimetres(text: str, unit: str = "", field: str = "length") -> int:
    """«30 cm», «12 in», or a bare number with its `unit`, in millimetres (1 to 1 million; rounded, never to 0).

    Raises:
        Invalid: as for `grams`.
    """
    return _measure(text, unit, field, "millimeter", MAX_MILLIMETRES)


def in_unit(text: str, unit: str, field: str) -> Decimal:
    """«75 cl», «0.75 l» or a bare number (which is in `unit` already) as a number of `unit`s: 750 for «ml». May be
    negative, as temperatures are.

    Raises:
        Invalid: no number, or a unit that measures something else.
    """
    seen = shorten(text.strip(), 40)
    match = _MEASURE.fullmatch(text) if len(text) <= 60 else None
    if match is None:
        raise Invalid(
            f"{field}: {seen!r} is not a number with a unit", field=field, value=seen, fix=f"write it like 12.5 {unit}"
        )
    try:
        number = decimal_number(match.group(2))
    except ValueError as error:
        raise Invalid(f"{field}: {error}", field=field, value=seen, fix=f"write it like 12.5 {unit}") from error
    name = match.group(3)
    factor = Decimal(1) if not name or name == unit else _factor(name, unit)
    if factor is None:
        raise Invalid(
            f"{field}: {shorten(name, 20)!r} is not a unit that can be counted in {unit}", field=field, value=seen,
            fix=f"give it in {unit}",
        )  # fmt: skip
    return -number * factor if match.group(1) else number * factor


def plain(number: Decimal) -> str:
    """A number as it is stored: no exponent, no zeros at the end, at most 12 decimals and about 18 digits, so that it
    can be read again."""
    decimals = max(0, min(12, 17 - max(number.adjusted(), 0)))
    text = f"{round(number, decimals):f}"
    text = (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
    return "0" if text == "-0" else text


def is_unit(name: str) -> bool:
    """Whether numbers can be counted in it: a spelling that `in_unit` reads, of a unit that there is."""
    if len(name) > 20 or not re.fullmatch(r"[A-Za-zµ%°/²³0-9^]+", name) or name[0].isdigit():
        return False
    try:
        _registry().Unit(name)
    except (pint.PintError, ValueError, TypeError, AssertionError):
        return False
    return True


def _measure(text: str, unit: str, field: str, target: str, top: int) -> int:
    seen = shorten(text.strip(), 40)
    match = _AMOUNT.fullmatch(text) if len(text) <= 60 else None
    if match is None:
        raise Invalid(
            f"{seen!r} is not {_DIMENSIONS[target]}", field=field, value=seen,
            fix=f"write a number and its unit: {_EXAMPLES[target]}",
        )  # fmt: skip
    try:
        number = decimal_number(match.group(1))
    except ValueError as error:
        raise Invalid(str(error), field=field, value=seen, fix="write it like 1.5 kg or 30 cm") from error
    name = match.group(2) or unit.strip().rstrip(".")
    if not name:
        raise Invalid(f"{seen} has no unit", field=field, value=seen, fix=f"add {_EXAMPLES[target]}")
    factor = _factor(name, target)
    if factor is None:
        raise Invalid(
            f"{shorten(name, 20)!r} is not a unit of {_DIMENSIONS[target].removeprefix('a ')}", field=field, value=seen,
            fix=f"use {_EXAMPLES[target]}",
        )  # fmt: skip
    amount = number * factor
    if amount <= 0 or amount > top:
        raise Invalid(
            f"{seen} {unit}".strip() + f" is out of range: above 0 and at most {top:,} {_PLURALS[target]}",
            field=field,
            value=seen,
        )
    return max(1, int(amount.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)))


@cache
def _registry() -> pint.UnitRegistry[Decimal]:
    return pint.UnitRegistry(non_int_type=Decimal)  # half a second: only when the first measure is read


_factors: dict[tuple[str, str], Decimal | None] = {}  # the few spellings seen so far; hostile ones are not kept


def _factor(name: str, target: str) -> Decimal | None:
    """How many `target`s one `name` is. Lower case is tried first: KG and MM are what people type, not megametres."""
    if (name, target) in _factors:
        return _factors[name, target]
    registry = _registry()
    for spelling in (_SIGNS.get(name, name.lower()), name):
        if len(spelling) > 20 or not re.fullmatch(r"[A-Za-zµ]+", spelling):
            continue
        try:
            none = registry.Quantity(Decimal(0), spelling).to(target).magnitude
            factor = Decimal(registry.Quantity(Decimal(1), spelling).to(target).magnitude)
        except (pint.PintError, TypeError):
            continue
        if none != 0:  # degrees of two scales: no factor leads from one to the other
            continue
        _factors[name, target] = factor
        return factor
    return None
