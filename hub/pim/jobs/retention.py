"""How long a job can be taken back, and what is dropped when that time is over.

The history itself is never dropped; what a job keeps beside it (uploaded files, selections) goes after 30 days. A kind of
job that keeps something registers how to forget it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.pim.jobs.models import Job

KEPT = timedelta(days=30)
UNDOABLE = ("import", "bulk")
"""Kinds whose changes can be taken back."""
_ENDED = ("done", "stopped", "failed", "undone")

Forget = Callable[[Session, Job], None]
_forgetters: dict[str, Forget] = {}


def register(kind: str, forget: Forget) -> None:
    """`forget(session, job)` drops what a job of this kind keeps; it must manage to be called twice."""
    _forgetters[kind] = forget


def why_not(job: Job, now: datetime, *, undone_state: str = "") -> str | None:
    """Why the job cannot be taken back now; None if it can. `undone_state`: the state of the newest job that takes it
    back, if there is one."""
    if job.kind not in UNDOABLE:
        return f"a job of the kind {job.kind} changes nothing that could be taken back"
    if job.state == "undone":
        return "it is taken back already"
    if job.state not in _ENDED:
        return f"it is {job.state}; stop it first"
    if undone_state in ("ready", "running", "stopping"):
        return "it is being taken back already"
    if job.forgotten_at is not None or (job.ended_at is not None and job.ended_at + KEPT < now):
        ended = "" if job.ended_at is None else f", it ended on {job.ended_at.date().isoformat()}"
        return f"a job can be taken back for {KEPT.days} days{ended}"
    return None


def expire(session: Session, now: datetime, *, limit: int = 20) -> int:
    """Forget what jobs keep that ended more than 30 days ago; returns how many did."""
    jobs = session.scalars(
        select(Job)
        .where(Job.forgotten_at.is_(None), Job.state.in_(_ENDED), Job.ended_at < now - KEPT)
        .order_by(Job.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for job in jobs:
        forget = _forgetters.get(job.kind)
        if forget is not None:
            forget(session, job)
        job.forgotten_at = now
    return len(jobs)
