"""Making everything that search keeps anew, a batch at a time: after a new release, or when a definition changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, exists, func, select, text
from sqlalchemy.orm import Session

from hub.db.upsert import table_of
from hub.pim import projections
from hub.pim.attributes.book import book_of
from hub.pim.models import DirtyProduct, Product
from hub.pim.search import index
from hub.pim.search.models import FTS, AttributeIndex, SearchDocument

BATCH = 1_000


def total(session: Session) -> int:
    """How many products there are to go through."""
    return int(session.scalar(select(func.count()).select_from(Product)) or 0)


def step(session: Session, now: datetime, *, after: int = 0, batch: int = BATCH) -> tuple[int, int]:
    """Make the next `batch` products after the id `after` anew; returns (last id, how many). (after, 0) = the end."""
    ids = list(session.scalars(select(Product.id).where(Product.id > after).order_by(Product.id).limit(batch)))
    if not ids:
        return after, 0
    projections.refresh(session, "search", ids, now)
    return ids[-1], len(ids)


def finish(session: Session) -> None:
    """Put the full text tables of SQLite in order; elsewhere there is nothing to do."""
    if session.get_bind().dialect.name != "sqlite":
        return
    gone = ~exists().where(Product.id == SearchDocument.product_id)
    session.execute(delete(SearchDocument).where(gone).execution_options(synchronize_session=False))
    for name in FTS:
        session.execute(text(f"INSERT INTO {name}({name}) VALUES ('rebuild')"))  # noqa: S608 - names of our own


def missing(session: Session) -> int:
    """How many products have no search document (those of which a change waits for its projection included)."""
    there = exists().where(SearchDocument.product_id == Product.id)
    return int(session.scalar(select(func.count()).select_from(Product).where(~there)) or 0)


def differences(session: Session, product_ids: Sequence[int]) -> list[str]:
    """Which of these products are kept otherwise than they are, in words. Those whose changes still wait are left out."""
    waiting = select(DirtyProduct.product_id)
    query = select(Product.id, Product.handle).where(Product.id.in_(product_ids), Product.id.not_in(waiting))
    handles = dict(session.execute(query.order_by(Product.id)).tuples().all())
    facts, values = index.made(session, book_of(session), list(handles))
    d, a = table_of(SearchDocument), table_of(AttributeIndex)
    stored = {
        r["product_id"]: dict(r) for r in session.execute(select(d).where(d.c.product_id.in_(handles))).mappings()
    }
    lines = {tuple(r) for r in session.execute(select(a).where(a.c.product_id.in_(handles)))}
    wanted = {tuple(line[column.name] for column in a.columns) for line in values}
    off = {line[0] for line in lines ^ wanted}
    out = []
    for row in facts:
        number = row["product_id"]
        if number not in stored:
            out.append(f"{handles[number]} is not found by search")
        elif stored[number] != row or number in off:
            out.append(f"{handles[number]} is found as it was, not as it is")
    return out


def parts_are_indexed(session: Session) -> bool:
    """Whether parts of words are found by an index: on PostgreSQL only with the extension pg_trgm."""
    if session.get_bind().dialect.name == "sqlite":
        return True
    found = text("SELECT 1 FROM pg_indexes WHERE indexname = 'ix_search_documents_parts'")
    return session.execute(found).first() is not None
