"""Where a page goes on: an opaque text with the last row's sort key, bound to its query. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime

from hub.kernel.errors import Invalid
from hub.kernel.ids import digest
from hub.pim.search.encoding import to_json
from hub.pim.search.query import Query

Key = tuple[int, str | int | datetime, int]
"""(rank, sort key, product id) of the last row; the rank counts only where relevance sorts."""
LENGTH_MAX = 2_000


def _mark(query: Query) -> str:
    return digest([json.dumps(to_json(query), sort_keys=True)])[:12]


def encode(query: Query, key: Key) -> str:
    rank, value, product_id = key
    said = {"t": value.isoformat()} if isinstance(value, datetime) else value
    text = json.dumps([_mark(query), rank, said, product_id], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(query: Query, cursor: str, kind: type) -> Key:
    """What `encode` was given; `kind` is the type of the sort key.

    Raises:
        Invalid: not a cursor, or another query's.
    """
    bad = Invalid("this is no cursor of this query", field="after", fix="the `next` of the page before, unchanged")
    if len(cursor) > LENGTH_MAX:
        raise bad
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        mark, rank, said, product_id = json.loads(raw.decode())
        value: str | int | datetime = datetime.fromisoformat(said["t"]) if kind is datetime else said
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError):
        raise bad from None
    whole = type(rank) is int and type(product_id) is int and 0 <= rank < 10 and 0 <= product_id < 2**31
    if mark != _mark(query) or not whole or type(value) is not kind:
        raise bad
    if isinstance(value, int) and abs(value) >= 2**63:
        raise bad
    if isinstance(value, datetime) and value.tzinfo is None:
        raise bad
    if isinstance(value, str) and any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise bad
    return rank, value, product_id
