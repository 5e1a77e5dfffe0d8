"""Removing products and variants that nothing refers to. What refers is found by the foreign keys of all tables, so that
a table added later protects what it points at without being named here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Column, Table, delete, select
from sqlalchemy.orm import Session

from hub.db.base import Base
from hub.db.upsert import chunks, table_of
from hub.pim import projections
from hub.pim.attributes.models import UniqueValue
from hub.pim.history.edits import Seen
from hub.pim.history.note import Changed, note
from hub.pim.models import Product, Variant

_GO_ALONG = frozenset(
    {("dirty_products", "product_id"), ("product_categories", "product_id"), ("product_relations", "product_id")}
)
"""(table, column) of what belongs to a product and goes with it, beside what the database itself removes (CASCADE)."""


def referred(session: Session, subject: str, ids: Iterable[int]) -> dict[int, str]:
    """Which of these products or variants something refers to, and what: the name of the first table. A product's own
    variants refer to it too."""
    table = table_of(Product if subject == "product" else Variant)
    wanted = sorted(set(ids))
    out: dict[int, str] = {}
    for column, goes_along in _pointing(table):
        if goes_along:
            continue
        for part in chunks(wanted):
            for number in session.scalars(select(column).where(column.in_(part)).distinct()):
                out.setdefault(number, column.table.name.replace("_", " "))
    return out


def remove(session: Session, gone: Sequence[Seen], now: datetime) -> None:
    """Remove what nothing refers to (`referred` was asked in this unit, under lock), variants before products."""
    for subject in ("variant", "product"):
        here = {seen.id: seen for seen in gone if seen.subject == subject}
        if not here:
            continue
        table = table_of(Product if subject == "product" else Variant)
        for part in chunks(sorted(here)):
            for column, goes_along in _pointing(table):
                if goes_along:
                    session.execute(delete(column.table).where(column.in_(part)))
            owners = [f"{subject}:{number}" for number in part]
            session.execute(delete(table_of(UniqueValue)).where(table_of(UniqueValue).c.owner.in_(owners)))
            session.execute(delete(table).where(table.c.id.in_(part)))
        note(session, [_noted(seen) for seen in here.values()], now)
    _touch(session, gone, now)


def _noted(seen: Seen) -> Changed:
    said = {name: (value, None) for name, value in seen.fields().items() if value not in (None, "", [], {})}
    return Changed(subject=seen.subject, id=seen.id, key=seen.key, action="deleted", changes=said)


def _touch(session: Session, gone: Sequence[Seen], now: datetime) -> None:
    """Products that lost variants look different to searches and facets."""
    left = {s.product_id for s in gone if s.subject == "variant"} - {s.id for s in gone if s.subject == "product"}
    if left:
        projections.touch(session, left, now)


def _pointing(table: Table) -> list[tuple[Column[int], bool]]:
    """Columns anywhere that point at the rows of `table`, and whether their rows go along with them."""
    out: list[tuple[Column[int], bool]] = []
    for other in Base.metadata.sorted_tables:
        for key in sorted(other.foreign_keys, key=lambda key: key.parent.name):
            if key.column.table is table:
                along = key.ondelete == "CASCADE" or (other.name, key.parent.name) in _GO_ALONG
                out.append((key.parent, along))
    return out


def reasons(found: Mapping[int, str], ids: Collection[int]) -> dict[int, str]:
    """`found` for people, of these ids."""
    return {number: f"{found[number]} refer to it" for number in ids if number in found}
