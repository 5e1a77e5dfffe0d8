"""Which products a bulk edit or an export is about: a query of the search, or products by name. Fixed when it starts."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, insert, literal, select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, put_new, table_of
from hub.kernel.errors import Invalid, Unknown
from hub.pim.bulk.models import BulkTarget
from hub.pim.models import Product, Variant
from hub.pim.search import encoding
from hub.pim.search.conditions import select_ids
from hub.pim.search.query import Query

NAMES_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Products that `query` finds, or those called `names` (handles, or SKUs of their variants). Exactly one of them."""

    query: Query | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.query is None) == (not self.names):
            raise Invalid("select products by a filter or by name", field="selection", fix="give one of the two")
        if len(self.names) > NAMES_MAX:
            raise Invalid(f"at most {NAMES_MAX:,} products are named", field="names", fix="use a filter")


def to_json(selection: Selection) -> dict[str, Any]:
    if selection.query is not None:
        return {"query": encoding.to_json(selection.query)}
    return {"names": list(selection.names)}


def from_json(given: Any) -> Selection:
    """The selection of a stored or sent JSON value.

    Raises:
        Invalid: it is none.
    """
    if not isinstance(given, Mapping) or set(given) not in ({"query"}, {"names"}):
        raise Invalid("a selection has a query, or names", field="selection")
    if "query" in given:
        return Selection(query=encoding.from_json(given["query"]))
    names = given["names"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Invalid("names are a list of handles or SKUs", field="names")
    return Selection(names=tuple(dict.fromkeys(names)))


def found(session: Session, selection: Selection) -> Select[int] | Sequence[int]:
    """The ids of the products: a query for them, or the ids themselves in order.

    Raises:
        Unknown: a name, or something that the query asks about, does not exist.
    """
    if selection.query is not None:
        return select_ids(session, selection.query)
    ids: dict[str, int] = {}
    for part in chunks(selection.names):
        ids.update(session.execute(select(Variant.sku, Variant.product_id).where(Variant.sku.in_(part))).tuples().all())
        ids.update(session.execute(select(Product.handle, Product.id).where(Product.handle.in_(part))).tuples().all())
    missing = [name for name in selection.names if name not in ids]
    if missing:
        raise Unknown(
            f"no product or variant is called {missing[0]!r}" + (f", and {len(missing) - 1} more" if missing[1:] else ""),
            field="names", value=missing[0],
        )  # fmt: skip
    return sorted(set(ids.values()))


def ids(session: Session, selection: Selection) -> Sequence[int]:
    """The ids in order, eight bytes each: a million products are eight megabytes."""
    which = found(session, selection)
    if isinstance(which, Sequence):
        return which
    inner = which.subquery()
    query = select(Product.id).where(Product.id.in_(select(inner.c[0]))).order_by(Product.id)
    return array("q", session.scalars(query.execution_options(yield_per=10_000)))


def keep(session: Session, job_id: int, selection: Selection | None) -> int:
    """Store the selection (None = every product) as it is now with the job; returns how many products it has."""
    which = select(Product.id) if selection is None else found(session, selection)
    if isinstance(which, Sequence):
        rows = [{"job_id": job_id, "position": n, "product_id": pid} for n, pid in enumerate(which, 1)]
        put_new(session, BulkTarget, rows, key=("job_id", "position"))
        return len(rows)
    inner = which.subquery()
    place = func.row_number().over(order_by=Product.id)
    job = literal(job_id, BulkTarget.job_id.type)
    source = select(job, place, Product.id).where(Product.id.in_(select(inner.c[0])))
    stmt = insert(table_of(BulkTarget)).from_select(["job_id", "position", "product_id"], source)
    session.execute(stmt)
    return int(session.scalar(select(func.count()).select_from(BulkTarget).where(BulkTarget.job_id == job_id)) or 0)
