"""What is derived from products and kept beside them: search, facets, completeness.

Whoever changes a product says so (`touch`) in the same unit. A projector brings what was touched up to date, a bounded
number of products at a time: at once for the few that a person edited (`settle`, at the end of the operation that a page calls), by a
sweep for the many of an import (`project`, a step of the hub's catalogue turn: an import never projects inside its units).
Projectors register here, projectors.py names them all; each recomputes from the product as it is, so that running twice
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, literal, select
from sqlalchemy.orm import Session

from hub.db.types import UtcDateTime
from hub.db.upsert import chunks, put, put_selected, table_of
from hub.pim import projectors
from hub.pim.models import DirtyProduct, Product

AT_ONCE = 50
"""So many products are projected in the unit that changed them (`settle`); more are left to the sweep."""

Projector = Callable[[Session, Sequence[int], datetime], None]
_projectors: dict[str, Projector] = {}


def register(name: str, projector: Projector) -> None:
    """Add something derived. `projector(session, product ids, now)` must manage products that are gone."""
    _projectors[name] = projector


def touch(session: Session, product_ids: Iterable[int], now: datetime) -> None:
    """These products changed: what is derived from them is to be brought up to date."""
    t = table_of(DirtyProduct)
    rows = [{"product_id": pid, "revision": 1, "since": now} for pid in sorted(set(product_ids))]
    put(session, DirtyProduct, rows, key=("product_id",), update={"revision": t.c.revision + 1})


def touch_where(session: Session, condition: ColumnElement[bool], now: datetime) -> int:
    """The products that meet the condition changed, in one statement however many they are; returns how many."""
    p, t = table_of(Product), table_of(DirtyProduct)
    source = select(p.c.id, literal(1), literal(now, UtcDateTime())).where(condition).order_by(p.c.id)
    return put_selected(
        session, DirtyProduct, ("product_id", "revision", "since"), source, key=("product_id",),
        update={"revision": t.c.revision + 1},
    )  # fmt: skip


def project(session: Session, now: datetime, *, limit: int = 500, only: Iterable[int] | None = None) -> int:
    """Bring up to `limit` touched products (of `only` these) up to date; returns how many. 0 = nothing is behind.

    Rows are locked, others skip them. What is touched again meanwhile waits for this unit or stays dirty.
    """
    projectors.load()
    d = DirtyProduct
    query = select(d.product_id).order_by(d.since, d.product_id).limit(limit).with_for_update(skip_locked=True)
    if only is not None:
        query = query.where(d.product_id.in_(sorted(set(only))[:limit]))
    ids = sorted(session.scalars(query))
    if not ids:
        return 0
    for projector in _projectors.values():
        projector(session, ids, now)
    for part in chunks(ids):
        session.execute(delete(d).where(d.product_id.in_(part)).execution_options(synchronize_session=False))
    return len(ids)


def settle(session: Session, product_ids: Iterable[int], now: datetime) -> bool:
    """Bring these products up to date before the unit ends, if they are few: for operations whose result a person looks
    at next. False = they are more than AT_ONCE, the sweep does it (soon, and in units of its own)."""
    wanted = set(product_ids)
    if len(wanted) > AT_ONCE:
        return False
    if wanted:
        project(session, now, limit=len(wanted), only=wanted)
    return True


def refresh(session: Session, name: str, product_ids: Iterable[int], now: datetime) -> None:
    """Make one projection of these products anew, whatever else of them waits for the sweep: for rebuilding it.

    A product that is changed meanwhile waits for this unit, like in `project`.
    """
    projectors.load()
    ids = sorted(set(product_ids))
    touch(session, ids, now)
    _projectors[name](session, ids, now)
    for part in chunks(ids):  # revision 1 is our own touch; a higher one was waiting before
        session.execute(
            delete(DirtyProduct)
            .where(DirtyProduct.product_id.in_(part), DirtyProduct.revision == 1)
            .execution_options(synchronize_session=False)
        )


def waiting(session: Session) -> bool:
    """Whether any product waits for the sweep."""
    return session.scalar(select(DirtyProduct.product_id).limit(1)) is not None


def behind(session: Session) -> int:
    """How many products wait for the sweep."""
    return int(session.scalar(select(func.count()).select_from(DirtyProduct)) or 0)


def behind_since(session: Session) -> datetime | None:
    """When the product was touched that waits longest. None = nothing is behind."""
    return session.scalar(select(func.min(DirtyProduct.since)))
