"""Stored values as cells, and cells that no spreadsheet calculates. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from hub.kernel.money import Money

_GUARDED = re.compile(r"'*([=+\-@\t\r]|#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!)$)")
_NUMBER = re.compile(r"-[0-9]+([.,][0-9]+)?")


def guarded(text: str) -> str:
    """A cell that a spreadsheet takes for text: one that it would calculate gets an apostrophe in front, and so does one
    that begins like that already, so that taking one away (cells.unguarded) always gives the text back. Negative
    numbers stay numbers."""
    if text and text[0] in "'=+-@\t\r#" and _GUARDED.match(text) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def listed(items: Sequence[str], mark: str) -> str:
    """Several texts in one cell: with `mark` between them where that is readable, else as a JSON list."""
    plain = all(item and mark not in item and "\n" not in item and item == item.strip() for item in items)
    if items and plain and not items[0].startswith("["):
        return f"{mark} ".join(items) if mark == "," else mark.join(items)
    return json_list(items) if items else ""


def json_list(items: Sequence[str]) -> str:
    return msgspec.json.encode(list(items)).decode()


def value(stored: Any) -> str:
    """The stored value of an attribute as a cell of the hub's own layout."""
    if stored is None:
        return ""
    if isinstance(stored, bool):
        return "true" if stored else "false"
    if isinstance(stored, list):
        return json_list(stored)
    if isinstance(stored, dict):
        return str(Money(minor=int(stored["minor"]), currency=str(stored["currency"])))
    text = str(stored)
    return "'" + text if is_list(text.lstrip("'")) else text


def is_list(text: str) -> bool:
    """Whether the importer would read it as several values."""
    if not text.startswith("["):
        return False
    try:
        msgspec.json.decode(text, type=list[str])
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
