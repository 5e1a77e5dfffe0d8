"""Saying what goes with what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from hub.kernel.errors import Invalid, Unknown
from hub.kernel.text import shorten
from hub.pim import projections
from hub.pim.history.note import Changed, note
from hub.pim.models import Product
from hub.pim.taxonomy.models import Relation
from hub.pim.taxonomy.rules import RELATION_KINDS, RELATIONS_MAX


def relate(session: Session, handle: str, kind: str, others: Sequence[str], now: datetime) -> bool:
    """The product's relations of this kind are exactly `others` (handles), in this order; empty = none. Returns whether
    that changed anything.

    Raises:
        Unknown: a product that does not exist.
        Invalid: no such kind, the product itself, one given twice, or more than 100.
    """
    if kind not in RELATION_KINDS:
        raise Invalid(
            f"{shorten(kind, 40)!r} is no kind of relation", field="kind", value=kind,
            fix=f"one of: {', '.join(RELATION_KINDS)}",
        )  # fmt: skip
    if handle in others:
        raise Invalid(f"{handle} cannot be related to itself", field="others", value=handle)
    if len(set(others)) != len(others) or len(others) > RELATIONS_MAX:
        raise Invalid(
            f"at most {RELATIONS_MAX} different products can be given, these are {len(others)}", field="others",
            value=len(others),
        )  # fmt: skip
    known = dict(
        session.execute(
            select(Product.handle, Product.id)
            .where(Product.handle.in_([handle, *others]))
            .order_by(Product.id)
            .with_for_update(key_share=True)
        )
        .tuples()
        .all()
    )
    for name in (handle, *others):
        if name not in known:
            raise Unknown(f"no product has the handle {shorten(name, 60)!r}", field="others", value=name)
    r = Relation
    before = list(
        session.scalars(
            select(Product.handle)
            .join(r, r.other_id == Product.id)
            .where(r.product_id == known[handle], r.kind == kind)
            .order_by(r.position, r.other_id)
        )
    )
    if before == list(others):
        return False
    session.execute(delete(r).where(r.product_id == known[handle], r.kind == kind))
    if others:
        session.execute(
            insert(r),
            [
                {"product_id": known[handle], "kind": kind, "other_id": known[name], "position": place}
                for place, name in enumerate(others)
            ],
        )
    note(
        session,
        [
            Changed(
                subject="product", id=known[handle], key=handle, action="updated",
                changes={f"relations.{kind}": (before, list(others))},
            )
        ],
        now,
    )  # fmt: skip
    projections.touch(session, [known[handle]], now)
    return True
