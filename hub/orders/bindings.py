"""Deciding what a channel item is, with what follows for orders: lines that waited are mapped and promised at once, and
those that a binding mapped wait again when it is taken back. What a page or the command line calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.orders import mapping
from hub.orders.models import OrderLine
from hub.orders.stages import refresh
from hub.pim import listing_dirt, reservations
from hub.pim.matching import clear, create, decide
from hub.pim.matching.clear import Cleared
from hub.pim.matching.create import Created
from hub.pim.matching.decide import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A decision, and how many order lines that had waited for it are mapped now (after an undo: wait again)."""

    decision: Decision
    lines: int


def accept(session: Session, item_id: int, variant_id: int, now: datetime) -> Bound:
    """`matching.decide.accept`, then map what waited."""
    decision = decide.accept(session, item_id, variant_id, now)
    return Bound(decision=decision, lines=_resolved(session, decision.account_id, now))


def create_from(
    session: Session, item_ids: Sequence[int], now: datetime, *, into: str | None = None, take_stock: bool = True
) -> tuple[Created, int]:
    """`matching.create.create`, then map what waited; returns how many lines."""
    made = create.create(session, item_ids, now, into=into, take_stock=take_stock)
    return made, _resolved(session, made.decisions[0].account_id, now)


def accept_clear(
    session: Session, account_id: int, min_score: int, now: datetime, *, limit: int = 100
) -> tuple[Cleared, int]:
    """Accept up to `limit` of what is clear (`matching.clear.look`), then map what waited. Call it until nothing is accepted."""
    seen = clear.look(session, account_id, min_score=min_score, limit=limit)
    for one in seen.clear:
        decide.accept(session, one.item_id, one.variant_id, now)
    return seen, _resolved(session, account_id, now) if seen.clear else 0


def _resolved(session: Session, account_id: int, now: datetime) -> int:
    session.flush()  # lines are mapped by query
    return mapping.resolve_waiting(session, account_id, now)


def undo(session: Session, item_id: int, now: datetime) -> Bound:
    """`matching.decide.undo`, with the order lines of the binding let go: what is not shipped waits on the unmapped desk
    again and gives its units back, what is shipped stays what it was."""
    decide.item_of(session, item_id)  # locked before what its lines hold
    match = decide.decided(session, item_id)
    waiting = _let_go(session, match.listing_id, now) if match is not None and match.listing_id is not None else 0
    return Bound(decision=decide.undo(session, item_id, now), lines=waiting)


def _let_go(session: Session, listing_id: int, now: datetime) -> int:
    lines = session.scalars(select(OrderLine).where(OrderLine.listing_id == listing_id).order_by(OrderLine.id)).all()
    waiting = [line for line in lines if line.shipped == 0]
    freed = reservations.release(session, [line.id for line in waiting], now) if waiting else set()
    for line in lines:
        line.listing_id = None
        if line.shipped == 0:
            line.variant_id = None
    session.flush()  # the stages and the binding's end are written by query
    refresh(session, sorted({line.order_id for line in waiting}))
    listing_dirt.mark_stock_dirty(session, reservations.urgency_of(session, freed, down=False), now)
    return len(waiting)
