"""The record of every outbound write: opened before the call, closed after it, unclear if nobody came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from hub.kernel.text import shorten
from hub.work.items import Claimed
from hub.work.models import Attempt, PullRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What is about to be sent for a claimed item: a `digest` of the payload, and for stock the number."""

    item: Claimed
    digest: str
    quantity: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def open_many(session: Session, sendings: Sequence[Sending], now: datetime) -> list[int]:
    """Write one attempt per sending; ids in the same order."""
    if not sendings:
        return []
    rows = session.execute(
        insert(Attempt).returning(Attempt.id, sort_by_parameter_order=True),
        [
            {
                "work_id": s.item.id, "account_id": s.item.account_id, "kind": s.item.kind, "key": s.item.key,
                "revision": s.item.revision, "fence": s.item.fence, "digest": s.digest, "quantity": s.quantity,
                "detail": dict(s.detail), "sent_at": now,
            }
            for s in sendings
        ],
    )  # fmt: skip
    return [int(row.id) for row in rows]


def close(
    session: Session,
    attempt_id: int,
    result: str,
    now: datetime,
    *,
    code: str | None = None,
    message: str | None = None,
) -> None:
    """Record how the call ended. An attempt already marked unclear by a successor keeps its fence but learns the truth."""
    session.execute(
        update(Attempt)
        .where(Attempt.id == attempt_id)
        .values(result=result, ended_at=now, code=code, message=None if message is None else shorten(message, 500))
        .execution_options(synchronize_session=False)
    )


def mark_lost(session: Session, item: Claimed, now: datetime) -> bool:
    """Mark attempts of earlier leases that never ended as unclear. True if there was one: something may have been sent."""
    result = session.execute(
        update(Attempt)
        .where(Attempt.work_id == item.id, Attempt.result.is_(None), Attempt.fence < item.fence)
        .values(result="unclear", ended_at=now, message="The worker died before the answer was recorded.")
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)
    return result.rowcount > 0


def cover(session: Session, pull: PullRun) -> None:
    """A completed pull makes visible what was sold under every stock write acknowledged before its coverage."""
    if pull.covered_until is None:
        return
    session.execute(
        update(Attempt)
        .where(
            Attempt.account_id == pull.account_id,
            Attempt.kind == "stock.push",
            Attempt.covered_by.is_(None),
            Attempt.ended_at.is_not(None),
            Attempt.ended_at <= pull.covered_until,
        )
        .values(covered_by=pull.id)
        .execution_options(synchronize_session=False)
    )


def last_of(
    session: Session, account_id: int, kind: str, key: str, *, before: datetime | None = None
) -> Attempt | None:
    query = select(Attempt).where(Attempt.account_id == account_id, Attempt.kind == kind, Attempt.key == key)
    if before is not None:
        query = query.where(Attempt.sent_at <= before)
    return session.scalars(query.order_by(Attempt.id.desc()).limit(1)).first()


def count_by_result(session: Session) -> dict[str, int]:
    rows = session.execute(select(Attempt.result, func.count()).group_by(Attempt.result))
    return {str(row[0] or "open"): int(row[1]) for row in rows}
