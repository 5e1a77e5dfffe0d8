"""Jobs as pages and the command line show them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.kernel.errors import Unknown
from hub.pim.jobs import retention
from hub.pim.jobs.models import Job

PAGE = 50
PAGE_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job. `undone_by`: the newest job that takes it back. `undo_refused`: why it cannot be taken back now (None =
    it can)."""

    id: int
    kind: str
    title: str
    state: str
    done: int
    total: int | None
    params: Mapping[str, Any]
    report: Mapping[str, Any]
    error: str
    actor_kind: str
    actor: str
    undo_of: int | None
    undone_by: int | None
    undo_refused: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    lease_until: datetime | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id, "kind": self.kind, "title": self.title, "state": self.state, "done": self.done,
            "total": self.total, "report": dict(self.report), "error": self.error,
            "by": {"kind": self.actor_kind, "name": self.actor}, "undo_of": self.undo_of, "undone_by": self.undone_by,
            "undo_refused": self.undo_refused, "created_at": self.created_at.isoformat(),
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
        }  # fmt: skip


def page(
    session: Session,
    now: datetime,
    *,
    states: Collection[str] = (),
    kind: str = "",
    before: int | None = None,
    limit: int = PAGE,
) -> list[JobRow]:
    """Jobs, the newest first; only those of `states` and `kind` if given. `before` is the id of the last one seen."""
    query = select(Job).order_by(Job.id.desc()).limit(max(1, min(limit, PAGE_MAX)))
    if states:
        query = query.where(Job.state.in_(sorted(states)))
    if kind:
        query = query.where(Job.kind == kind)
    if before is not None:
        query = query.where(Job.id < before)
    jobs = session.scalars(query).all()
    undone: dict[int, tuple[int, str]] = {}
    for row in session.execute(
        select(Job.undo_of, Job.id, Job.state).where(Job.undo_of.in_([j.id for j in jobs])).order_by(Job.id)
    ):
        undone[row.undo_of] = (row.id, row.state)
    return [_row(job, undone.get(job.id), now) for job in jobs]


def one(session: Session, job_id: int, now: datetime) -> JobRow:
    """One job.

    Raises:
        Unknown: no such job.
    """
    found = page(session, now, before=job_id + 1, limit=1)
    if not found or found[0].id != job_id:
        raise Unknown(f"there is no job {job_id}", field="job", value=job_id, fix="`hub jobs list` shows them")
    return found[0]


def _row(job: Job, undone: tuple[int, str] | None, now: datetime) -> JobRow:
    return JobRow(
        id=job.id, kind=job.kind, title=job.title, state=job.state, done=job.done, total=job.total,
        params=dict(job.params), report=dict(job.report), error=job.error, actor_kind=job.actor_kind, actor=job.actor,
        undo_of=job.undo_of, undone_by=undone[0] if undone else None,
        undo_refused=retention.why_not(job, now, undone_state=undone[1] if undone else ""), created_at=job.created_at,
        started_at=job.started_at, ended_at=job.ended_at, lease_until=job.lease_until,
    )  # fmt: skip
