"""What catalog wrote, as lines of the history: every field with what it was and what it became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from hub.pim.history.note import Changed, note

_LEFT_OUT = frozenset({"id", "created_at", "updated_at", "version"})
_KEYS = {"product": "handle", "variant": "sku"}


def changes(
    session: Session,
    subject: Literal["product", "variant"],
    rows: Sequence[Mapping[str, Any]],
    stored: Mapping[str, Mapping[str, Any]],
    ids: Mapping[str, tuple[int, bool]],
    changed: Mapping[str, frozenset[str]],
    now: datetime,
) -> dict[str, Mapping[str, Sequence[Any]]]:
    """Note what `rows` (just written) made of what was `stored` before, both by handle or SKU. Returns the same: handle
    or SKU → field → (before, after)."""
    key = _KEYS[subject]
    out: list[Changed] = []
    for row in rows:
        name = row[key]
        if name not in ids:  # somebody else's newer row stands
            continue
        old = stored.get(name)
        fields = [f for f in row if f not in _LEFT_OUT] if old is None else sorted(changed[name])
        pairs: dict[str, tuple[Any, Any]] = {}
        for field in fields:
            before = None if old is None else old[field]
            if field == "values":
                pairs.update(value_changes(before or {}, row[field]))
            elif old is not None or row[field] not in (None, "", [], {}):
                pairs[field] = (before, row[field])
        out.append(
            Changed(
                subject=subject, id=ids[name][0], key=name, action="created" if old is None and ids[name][1] else "updated",
                changes=pairs,
            )
        )  # fmt: skip
    note(session, out, now)
    return {change.key: change.changes for change in out}


def value_changes(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[Any, Any]]:
    """Which values differ: «values.CODE» or «values.CODE.SCOPE» → (before, after); None = there was, or is, none."""
    out: dict[str, tuple[Any, Any]] = {}
    for code in sorted({*before, *after}):
        old, new = before.get(code, {}), after.get(code, {})
        for scope in sorted({*old, *new}):
            if old.get(scope) != new.get(scope):
                out[f"values.{code}.{scope}" if scope else f"values.{code}"] = (old.get(scope), new.get(scope))
    return out
