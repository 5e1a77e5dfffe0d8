"""Who changed what: the audit trail as pages and the command line show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from hub.kernel.errors import Unknown
from hub.pim.history.models import AuditRow
from hub.pim.models import Product, Variant

PAGE = 50
PAGE_MAX = 500
SCANNED_MAX = 5_000
"""Rows that are looked through for one page of a single field's history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the history. `changes`: audited field → (before, after)."""

    seq: int
    at: datetime
    actor_kind: str
    actor: str
    reason: str
    source: str
    subject: str
    subject_id: int
    key: str
    action: str
    changes: Mapping[str, tuple[Any, Any]]

    def as_dict(self) -> dict[str, Any]:
        return {
            "seq": self.seq, "at": self.at.isoformat(), "by": {"kind": self.actor_kind, "name": self.actor},
            "reason": self.reason, "source": self.source, "subject": self.subject, "id": self.subject_id,
            "key": self.key, "action": self.action,
            "changes": {name: {"before": before, "after": after} for name, (before, after) in self.changes.items()},
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines of the history: all that is given must hold. `about` is a list of (subject, id); `field` an audited
    field, or the code of an attribute in all its scopes."""

    about: Sequence[tuple[str, int]] = ()
    subject: str = ""
    field: str = ""
    actor: str = ""
    source: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Lines, the newest first. `before`: pass it to get the next page; None = there are no more."""

    entries: tuple[Entry, ...]
    before: int | None


def page(session: Session, wanted: Wanted, *, before: int | None = None, limit: int = PAGE) -> Page:
    """A page of the history. A page of one field's history may hold fewer lines than `limit` and still have a next."""
    size = max(1, min(limit, PAGE_MAX))
    found: list[Entry] = []
    scanned = 0
    while True:
        query = _query(wanted).order_by(AuditRow.seq.desc()).limit(size + 1)
        if before is not None:
            query = query.where(AuditRow.seq < before)
        rows = session.scalars(query).all()
        for row in rows[:size]:
            before = row.seq
            scanned += 1
            if not wanted.field or any(_is_field(name, wanted.field) for name in row.changes):
                found.append(_entry(row))
                if len(found) == size:
                    break
        more = len(rows) > size or (bool(rows) and rows[-1].seq != before)
        if not more or len(found) == size or scanned >= SCANNED_MAX:
            return Page(entries=tuple(found), before=before if more else None)


def entry(session: Session, seq: int) -> Entry:
    """One line.

    Raises:
        Unknown: there is none with this number.
    """
    row = session.get(AuditRow, seq)
    if row is None:
        raise Unknown(f"there is no line {seq} in the history", field="seq", value=seq)
    return _entry(row)


def about(session: Session, name: str) -> list[tuple[str, int]]:
    """What a handle or a SKU stands for in the history: a product with its variants, or one variant. Things that are
    gone are found by what they were called.

    Raises:
        Unknown: there is and was no such product or variant.
    """
    product = session.scalars(select(Product.id).where(Product.handle == name)).first()
    if product is not None:
        variants = session.scalars(select(Variant.id).where(Variant.product_id == product).order_by(Variant.id))
        return [("product", product), *(("variant", variant) for variant in variants)]
    variant = session.scalars(select(Variant.id).where(Variant.sku == name)).first()
    if variant is not None:
        return [("variant", variant)]
    gone = session.execute(
        select(AuditRow.subject, AuditRow.subject_id)
        .where(AuditRow.subject_key == name, AuditRow.subject.in_(("product", "variant")))
        .distinct()
        .limit(10)
    ).all()
    if not gone:
        raise Unknown(f"no product or variant is or was called {name!r}", field="sku", value=name)
    return [(row.subject, row.subject_id) for row in gone]


def _query(wanted: Wanted) -> Select[AuditRow]:
    query = select(AuditRow)
    if wanted.about:
        ids: dict[str, list[int]] = {}
        for subject, number in wanted.about:
            ids.setdefault(subject, []).append(number)
        query = query.where(
            or_(*((AuditRow.subject == subject) & AuditRow.subject_id.in_(numbers) for subject, numbers in ids.items()))
        )
    for column, value in (
        (AuditRow.subject, wanted.subject), (AuditRow.actor, wanted.actor), (AuditRow.source, wanted.source),
    ):  # fmt: skip
        if value:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(AuditRow.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditRow.at < wanted.until)
    return query


def _is_field(name: str, field: str) -> bool:
    return name == field or name == f"values.{field}" or name.startswith(f"values.{field}.")


def _entry(row: AuditRow) -> Entry:
    return Entry(
        seq=row.seq, at=row.at, actor_kind=row.actor_kind, actor=row.actor, reason=row.reason, source=row.source,
        subject=row.subject, subject_id=row.subject_id, key=row.subject_key, action=row.action,
        changes={name: (pair[0], pair[1]) for name, pair in row.changes.items()},
    )  # fmt: skip
