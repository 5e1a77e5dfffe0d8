"""Carrying out long work step by step. A step is one unit that does a bounded piece of the work and writes how far it
came, so that a job killed anywhere goes on exactly there, and a person can stop it between two steps.

A kind of job is a `Worker`: it prepares nothing outside its steps. Workers register by kind; sync runs what is ready,
the CLI runs its own job in the foreground.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from hub.db.session import Sessions, reading, unit
from hub.kernel import failpoints
from hub.kernel.clock import Clock
from hub.kernel.errors import HubError, NotAllowedNow, Unknown
from hub.kernel.ids import new_token
from hub.pim.history.note import By, act_as
from hub.pim.jobs.models import Job

LEASE = timedelta(seconds=120)
"""A step must end well within this; each one renews it."""

OPEN = ("ready", "running", "stopping")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job as its worker sees it: detached, as of the beginning of the step."""

    id: int
    kind: str
    title: str
    params: Mapping[str, Any]
    cursor: Mapping[str, Any]
    done: int
    total: int | None
    report: Mapping[str, Any]
    by: By
    undo_of: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step did. `done` and `total` in the worker's own measure (rows, products, bytes)."""

    cursor: Mapping[str, Any]
    done: int
    total: int | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    finished: bool = False


class Worker(Protocol):
    """`step` runs inside a unit that it must not commit. Refusals (HubError) end the job as failed, with the message."""

    def step(self, session: Session, job: JobView, now: datetime) -> Step: ...


_workers: dict[str, Callable[[Sessions], Worker]] = {}


def register(kind: str, make: Callable[[Sessions], Worker]) -> None:
    """`make(sessions)` is called once per run of a job: a worker may keep a file open between steps."""
    _workers[kind] = make


def kinds() -> tuple[str, ...]:
    return tuple(sorted(_workers))


def start(
    session: Session,
    *,
    kind: str,
    title: str,
    params: Mapping[str, Any],
    by: By,
    now: datetime,
    total: int | None = None,
    undo_of: int | None = None,
) -> Job:
    """Put a job in the queue.

    Raises:
        Unknown: no such kind.
    """
    if kind not in _workers:
        raise Unknown(f"there is no kind of job {kind!r}", field="kind", value=kind, fix=", ".join(kinds()))
    job = Job(
        kind=kind, title=title, params=dict(params), actor_kind=by.kind, actor=by.name, created_at=now, total=total,
        undo_of=undo_of, state="ready", cursor={}, done=0, report={}, error="", fence=0,
    )  # fmt: skip
    session.add(job)
    session.flush()  # its id is what the caller shows
    return job


def ask_to_stop(session: Session, job_id: int, now: datetime) -> Job:
    """Stop a job after the step it is in. What it did stays done (and can be undone).

    Raises:
        Unknown: no such job.
        NotAllowedNow: it has ended.
    """
    job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise Unknown(f"there is no job {job_id}", field="job", value=job_id)
    if job.state not in OPEN:
        raise NotAllowedNow(f"job {job_id} is {job.state} already", field="job", value=job_id)
    if job.state == "ready":
        job.state, job.ended_at = "stopped", now
    else:
        job.state = "stopping"
    return job


def resume(session: Session, job_id: int, now: datetime) -> Job:
    """Let a job that was stopped or failed go on from where it is.

    Raises:
        Unknown: no such job.
        NotAllowedNow: it is under way, finished or taken back already.
    """
    job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise Unknown(f"there is no job {job_id}", field="job", value=job_id, fix="`hub jobs list` shows them")
    if job.state not in ("stopped", "failed"):
        raise NotAllowedNow(
            f"job {job_id} is {job.state}; only one that was stopped or failed can go on", field="job", value=job_id
        )
    taken_back = session.scalars(
        select(Job.id).where(Job.undo_of == job_id, Job.state.in_((*OPEN, "done"))).limit(1)
    ).first()
    if taken_back is not None:
        raise NotAllowedNow(f"job {job_id} is being taken back by job {taken_back}", field="job", value=job_id)
    job.state, job.error, job.ended_at = "ready", "", None
    job.lease_owner = job.lease_until = None
    return job


def next_ready(session: Session, now: datetime) -> int | None:
    """The oldest job that nobody works on, of a kind that this process knows."""
    return session.scalars(
        select(Job.id)
        .where(
            or_(Job.state == "ready", (Job.state.in_(("running", "stopping"))) & (Job.lease_until < now)),
            Job.kind.in_(kinds()),
        )
        .order_by(Job.created_at, Job.id)
        .limit(1)
    ).first()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Told after each step."""

    job: int
    state: str
    done: int
    total: int | None


def run(
    sessions: Sessions,
    clock: Clock,
    job_id: int,
    *,
    progress: Callable[[Progress], None] | None = None,
    steps: int | None = None,
    until: datetime | None = None,
    take_over: bool = False,
) -> str | None:
    """Carry a job out, from where it is, until it ends (or `steps` were made, or it is `until`). Returns the state it is
    then in; None if somebody else works on it or it has ended already. A step that raises anything but a refusal leaves
    the job to be taken over when its lease ends; with `take_over` at once, which is safe: whoever worked on it writes
    nothing more."""
    owner = new_token()
    claimed = _claim(sessions, job_id, owner, clock.now(), take_over)
    if claimed is None:
        return None
    fence, kind = claimed
    worker = _workers[kind](sessions)
    try:
        made = 0
        while True:
            state, seen = _one_step(sessions, clock, job_id, fence, worker)
            if progress is not None and seen is not None:
                progress(seen)
            failpoints.reach("job.step")
            made += 1
            if state != "running":
                return state
            if (steps is not None and made >= steps) or (until is not None and clock.now() >= until):
                return _hand_back(sessions, job_id, fence, clock.now())
    finally:
        close = getattr(worker, "close", None)
        if close is not None:
            close()


def _claim(sessions: Sessions, job_id: int, owner: str, now: datetime, take_over: bool) -> tuple[int, str] | None:
    with unit(sessions) as session:
        job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
        if job is None or job.state not in OPEN:
            return None
        held = job.state != "ready" and job.lease_until is not None and job.lease_until >= now
        if held and not take_over:
            return None
        if job.kind not in _workers:  # written by a newer release, or by an extension that is gone
            return None
        job.state = "stopping" if job.state == "stopping" else "running"
        job.started_at = job.started_at or now
        job.lease_owner, job.lease_until = owner, now + LEASE
        job.fence += 1
        return job.fence, job.kind


def _one_step(sessions: Sessions, clock: Clock, job_id: int, fence: int, worker: Worker) -> tuple[str, Progress | None]:
    try:
        with unit(sessions) as session:
            now = clock.now()
            job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
            if job is None or job.fence != fence:
                return "lost", None
            if job.state == "stopping":
                job.state, job.ended_at, job.lease_until = "stopped", now, None
                return "stopped", Progress(job=job_id, state="stopped", done=job.done, total=job.total)
            view = _view(job)
            act_as(session, view.by)
            step = worker.step(session, view, now)
            job.cursor, job.done = dict(step.cursor), step.done
            job.total = step.total if step.total is not None else job.total
            if step.report:
                job.report = dict(step.report)
            job.lease_until = now + LEASE
            if step.finished:
                job.state, job.ended_at, job.lease_until = "done", now, None
                _settle_undone(session, job)
            failpoints.reach("job.before_commit")
            return job.state, Progress(job=job_id, state=job.state, done=job.done, total=job.total)
    except HubError as refusal:
        with unit(sessions) as session:
            session.execute(
                update(Job)
                .where(Job.id == job_id, Job.fence == fence)
                .values(
                    state="failed",
                    error=" — ".join(filter(None, (refusal.message, refusal.fix))),
                    ended_at=clock.now(),
                    lease_until=None,
                )
            )
        return "failed", None


def _settle_undone(session: Session, job: Job) -> None:
    if job.undo_of is not None:
        session.execute(update(Job).where(Job.id == job.undo_of).values(state="undone"))


def _hand_back(sessions: Sessions, job_id: int, fence: int, now: datetime) -> str:
    """Leave the job to whoever comes next; one that was asked to stop meanwhile stops here."""
    with unit(sessions) as session:
        job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
        if job is None or job.fence != fence:
            return "lost"
        if job.state == "stopping":
            job.state, job.ended_at = "stopped", now
        elif job.state == "running":
            job.state = "ready"
        job.lease_owner = job.lease_until = None
        return job.state


def _view(job: Job) -> JobView:
    by = By(kind=job.actor_kind, name=job.actor, reason=job.title, source=f"{job.kind}:{job.id}")  # type: ignore[arg-type]  # written from a By
    return JobView(
        id=job.id, kind=job.kind, title=job.title, params=dict(job.params), cursor=dict(job.cursor), done=job.done,
        total=job.total, report=dict(job.report), by=by, undo_of=job.undo_of,
    )  # fmt: skip


def view(sessions: Sessions, job_id: int) -> Job:
    """The job, detached.

    Raises:
        Unknown: no such job.
    """
    with reading(sessions) as session:
        job = session.get(Job, job_id)
        if job is None:
            raise Unknown(f"there is no job {job_id}", field="job", value=job_id, fix="`hub jobs list` shows them")
        return job
