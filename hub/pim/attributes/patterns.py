"""Patterns that people write: only those that are quick on every value. Pure.

A backtracking search tries, at worst, every way in which a pattern can divide a text. That number is bounded here from
the pattern alone; nested quantifiers, which make it explode, are refused with everything else above the bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants, _parser  # type: ignore[attr-defined]  # the library's own reading of a pattern
from typing import Any

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten

PATTERN_MAX = 200
WAYS_MAX = 2_000_000  # some hundredths of a second
_SIMPLE = frozenset(
    {_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN, _constants.AT, _constants.CATEGORY}
)
_REPEATS = frozenset({_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT})


class _TooMuchError(Exception):
    """A pattern beyond the bound, or a construction that has none."""


def checked_pattern(pattern: str, longest: int) -> str:
    """`pattern` if it can be tried on `longest` characters in no time.

    Raises:
        Invalid: it is no regular expression, or one that may take very long.
    """
    seen = shorten(pattern, 60)
    if len(pattern) > PATTERN_MAX:
        raise Invalid(
            f"a pattern has at most {PATTERN_MAX} characters", field="pattern", value=seen, fix="write a shorter one"
        )
    try:
        re.compile(pattern)
        tree = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise Invalid(
            f"{seen!r} is no pattern: {error}", field="pattern", value=seen, fix="write it like [A-Z]{2}[0-9]{4}"
        ) from error
    try:
        _ways(tree, longest)
    except _TooMuchError as error:
        raise Invalid(
            f"{seen!r} could take very long on some values", field="pattern", value=seen,
            fix="say how often parts may repeat, like [a-z]{1,20}; use no repeated group with repetitions in it",
        ) from error  # fmt: skip
    return pattern


def _ways(items: Iterable[Any], longest: int) -> int:
    """An upper bound of the ways in which the items can match the beginning of a text."""
    total = 1
    for kind, given in items:
        total *= _ways_of(kind, given, longest)
        if total > WAYS_MAX:
            raise _TooMuchError
    return total


def _ways_of(kind: Any, given: Any, longest: int) -> int:
    if kind in _SIMPLE:
        return 1
    if kind in _REPEATS:
        least, most, inner = given
        least, most = min(int(least), longest), min(int(most), longest)
        each = _ways(inner, longest)
        if each > 1 and most * (each.bit_length() - 1) > WAYS_MAX.bit_length():
            raise _TooMuchError
        return int(each**most) * (most - least + 1)
    if kind is _constants.SUBPATTERN:
        return _ways(given[-1], longest)
    if kind is _constants.BRANCH:
        return sum(_ways(branch, longest) for branch in given[1])
    raise _TooMuchError  # references back and looks around have no such bound
