"""Bringing a field, or a whole product or variant, back to what it was. A restore is a change like any other: checked,
noted, and itself in the history."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.pim import projections
from hub.pim.history import edits
from hub.pim.history.edits import Edit, Seen
from hub.pim.history.models import AuditRow
from hub.pim.models import Variant

_KEYS = frozenset({"handle", "sku", "product_id", "is_kit"})
"""What a thing is, not what is said about it: never restored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """`changed`: audited field → (before, after) of this restore; empty = it was so already."""

    subject: str
    key: str
    changed: dict[str, tuple[Any, Any]]


def fields(session: Session, seq: int, now: datetime, *, only: Collection[str] = (), side: str = "before") -> Restored:
    """Bring the fields of line `seq` (`only` these, or all of them) back to what they were `before` it (or `after`).

    Raises:
        Unknown: no such line, or it does not speak of one of these fields.
        NotAllowedNow: its subject is gone, or is nothing that can be restored here.
        Invalid: the catalogue refuses the old value by now.
    """
    if side not in ("before", "after"):
        raise Invalid(f"{side!r} is neither before nor after", field="side", value=side)
    row = session.get(AuditRow, seq)
    if row is None:
        raise Unknown(f"there is no line {seq} in the history", field="seq", value=seq)
    missing = sorted(set(only) - set(row.changes))
    if missing:
        raise Unknown(f"line {seq} says nothing of {missing[0]}", field="field", value=missing[0])
    if row.action == "created" and side == "before":
        raise NotAllowedNow("before this line it did not exist", field="seq", value=seq, fix="delete or archive it")
    seen = _seen(session, row.subject, row.subject_id, row.subject_key)
    names = (set(only) or set(row.changes)) - _KEYS
    place = 0 if side == "before" else 1
    return _put(session, seen, {name: row.changes[name][place] for name in sorted(names)}, now)


def version(session: Session, subject: str, subject_id: int, seq: int, now: datetime) -> Restored:
    """Bring everything that is said about a product or variant back to how it was right after line `seq`, by taking
    back what later lines did to it.

    Raises:
        Unknown: no such line of this subject.
        NotAllowedNow: the subject is gone.
        Invalid: the catalogue refuses an old value by now; nothing is changed then.
    """
    at = session.get(AuditRow, seq)
    if at is None or (at.subject, at.subject_id) != (subject, subject_id):
        raise Unknown(f"line {seq} is not about this {subject}", field="seq", value=seq)
    seen = _seen(session, subject, subject_id, at.subject_key)
    wanted: dict[str, Any] = {}
    query = (
        select(AuditRow.changes, AuditRow.action)
        .where(AuditRow.subject == subject, AuditRow.subject_id == subject_id, AuditRow.seq > seq)
        .order_by(AuditRow.seq.desc())
    )
    for changes, action in session.execute(query.execution_options(yield_per=200)).tuples():
        if action == "created":
            raise NotAllowedNow(
                f"{at.subject_key} was removed since and {seen.key} is another thing", field="seq", value=seq
            )
        wanted.update({name: pair[0] for name, pair in changes.items() if name not in _KEYS})
    return _put(session, seen, wanted, now)


def _seen(session: Session, subject: str, subject_id: int, key: str) -> Seen:
    if subject not in ("product", "variant"):
        raise NotAllowedNow(f"a {subject} is not restored here", field="subject", value=subject)
    owner: int | None = subject_id
    if subject == "variant":
        owner = session.scalar(select(Variant.product_id).where(Variant.id == subject_id))
    found = {} if owner is None else edits.look(session, variants_of=(owner,), lock=True)
    seen = found.get((subject, subject_id))
    if seen is None:
        raise NotAllowedNow(f"{key} is gone", field="subject", value=key)
    return seen


def _put(session: Session, seen: Seen, wanted: dict[str, Any], now: datetime) -> Restored:
    changes = {name: value for name, value in wanted.items() if seen.field(name) != value}
    problem = edits.put(session, [Edit(seen=seen, changes=changes)], now).get((seen.subject, seen.id))
    if problem is not None:
        raise problem
    projections.settle(session, (seen.product_id,), now)
    return Restored(
        subject=seen.subject, key=seen.key, changed={name: (seen.field(name), value) for name, value in changes.items()}
    )
