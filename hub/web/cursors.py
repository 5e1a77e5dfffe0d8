"""Where a list goes on: an opaque text that holds the last row's sort key and names its list."""

from __future__ import annotations

import base64
import binascii
import json

from hub.kernel.errors import Invalid

LENGTH_MAX = 1_000


def encode(name: str, *values: str | int) -> str:
    text = json.dumps([name, *values], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _bad() -> Invalid:
    return Invalid("this is no cursor of this list", field="after", fix="the `next` of the page before, unchanged")


def decode(name: str, cursor: str, *types: type) -> list[str | int]:
    """The values put in by `encode`.

    Raises:
        Invalid: not a cursor, or another list's.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = json.loads(raw.decode())
    except (binascii.Error, ValueError, RecursionError):
        raise _bad() from None
    if not isinstance(found, list) or len(found) != len(types) + 1 or found[0] != name:
        raise _bad()
    values: list[str | int] = found[1:]
    for value, kind in zip(values, types, strict=True):
        if type(value) is not kind or (isinstance(value, int) and abs(value) >= 2**63):
            raise _bad()
        if isinstance(value, str) and ("\x00" in value or not value.isprintable()):
            raise _bad()
    return values
