"""Making everything that search keeps anew, a batch at a time: after a new release, or when a definition changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, exists, func, select, text
from sqlalchemy.orm import Session

from hub.pim.models import Product
from hub.pim.search import index
from hub.pim.search.models import FTS, SearchDocument

BATCH = 1_000


def total(session: Session) -> int:
    """How many products there are to go through."""
    return int(session.scalar(select(func.count()).select_from(Product)) or 0)


def step(session: Session, now: datetime, *, after: int = 0, batch: int = BATCH) -> tuple[int, int]:
    """Make the next `batch` products after the id `after` anew; returns (last id, how many). (after, 0) = the end."""
    ids = list(session.scalars(select(Product.id).where(Product.id > after).order_by(Product.id).limit(batch)))
    if not ids:
        return after, 0
    index.project(session, ids, now)
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


def parts_are_indexed(session: Session) -> bool:
    """Whether parts of words are found by an index: on PostgreSQL only with the extension pg_trgm."""
    if session.get_bind().dialect.name == "sqlite":
        return True
    found = text("SELECT 1 FROM pg_indexes WHERE indexname = 'ix_search_documents_parts'")
    return session.execute(found).first() is not None
