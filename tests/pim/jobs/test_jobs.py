"""Jobs: one worker at a time, stoppable between steps, resumed where they were; what an old worker does is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.db.session import Sessions, reading, unit
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.pim.history.note import By
from hub.pim.jobs import reads, retention, run
from hub.pim.jobs.models import Job
from hub.pim.jobs.run import JobView, Step
from tests.support import builders

ANNA = By(kind="person", name="anna")


class Counting:
    """Makes a location per step, up to `total` of the parameters; refuses at `refuse`, breaks at `crash`."""

    seen: list[int] = []

    def step(self, session: Session, job: JobView, now: object) -> Step:
        number = int(job.cursor.get("at", 0)) + 1
        if number == job.params.get("refuse"):
            raise Invalid("this cannot be", fix="do something else")
        builders.a_location(session, code=f"place-{number}")
        if number == job.params.get("crash"):
            raise RuntimeError("a bug")
        self.seen.append(number)
        last = number == job.params["total"]
        return Step(cursor={"at": number}, done=number, total=job.params["total"], finished=last)


@pytest.fixture(autouse=True)
def _counting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_workers", {"counting": lambda sessions: Counting()})
    Counting.seen = []


def start(sessions: Sessions, clock: FixedClock, **params: int) -> int:
    with unit(sessions) as session:
        return run.start(
            session, kind="counting", title="Count", params={"total": 5, **params}, by=ANNA, now=clock.now()
        ).id


def state(sessions: Sessions, job_id: int) -> tuple[str, int]:
    job = run.view(sessions, job_id)
    return job.state, job.done


def test_a_job_is_carried_out_step_by_step(sessions: Sessions, clock: FixedClock) -> None:
    job = start(sessions, clock)
    told: list[tuple[int, int | None]] = []
    assert run.run(sessions, clock, job, progress=lambda p: told.append((p.done, p.total))) == "done"
    assert told == [(n, 5) for n in (1, 2, 3, 4, 5)]
    assert (state(sessions, job), Counting.seen) == (("done", 5), [1, 2, 3, 4, 5])
    assert run.run(sessions, clock, job) is None


def test_a_turn_of_a_few_steps_hands_the_job_back(sessions: Sessions, clock: FixedClock) -> None:
    job = start(sessions, clock)
    assert run.run(sessions, clock, job, steps=2) == "ready"
    with reading(sessions) as session:
        assert run.next_ready(session, clock.now()) == job
    assert run.run(sessions, clock, job, until=clock.now()) == "ready"
    assert run.run(sessions, clock, job) == "done"
    assert Counting.seen == [1, 2, 3, 4, 5]


def test_a_job_stops_between_two_steps_and_goes_on_there(sessions: Sessions, clock: FixedClock) -> None:
    job = start(sessions, clock)

    def stop(progress: run.Progress) -> None:
        if progress.done == 2 and progress.state == "running":
            with unit(sessions) as session:
                run.ask_to_stop(session, job, clock.now())

    assert run.run(sessions, clock, job, progress=stop) == "stopped"
    assert state(sessions, job) == ("stopped", 2)
    with reading(sessions) as session:
        assert run.next_ready(session, clock.now()) is None
    with unit(sessions) as session:
        run.resume(session, job, clock.now())
    assert run.run(sessions, clock, job) == "done"
    assert Counting.seen == [1, 2, 3, 4, 5]


def test_one_asked_to_stop_at_the_end_of_a_turn_stops_at_once(sessions: Sessions, clock: FixedClock) -> None:
    job = start(sessions, clock)

    def stop(progress: run.Progress) -> None:
        with unit(sessions) as session:
            run.ask_to_stop(session, job, clock.now())

    assert run.run(sessions, clock, job, steps=1, progress=stop) == "stopped"
    assert state(sessions, job) == ("stopped", 1)


def test_a_job_that_nobody_began_stops_at_once(sessions: Sessions, clock: FixedClock) -> None:
    job = start(sessions, clock)
    with unit(sessions) as session:
        assert run.ask_to_stop(session, job, clock.now()).state == "stopped"
    assert run.run(sessions, clock, job) is None
    with pytest.raises(NotAllowedNow), unit(sessions) as session:
        run.ask_to_stop(session, job, clock.now())


def test_a_refusal_ends_the_job_with_its_reason_and_nothing_of_the_step(sessions: Sessions, clock: FixedClock) -> None:
    job = start(sessions, clock, refuse=3)
    assert run.run(sessions, clock, job) == "failed"
    assert (state(sessions, job), run.view(sessions, job).error) == (
        ("failed", 2), "this cannot be — do something else",
    )  # fmt: skip
    with unit(sessions) as session:
        run.resume(session, job, clock.now())
    assert state(sessions, job) == ("ready", 2)


def test_a_job_of_a_dead_worker_is_taken_over_when_its_lease_ends(sessions: Sessions, clock: FixedClock) -> None:
    job = start(sessions, clock, crash=3)
    with pytest.raises(RuntimeError):
        run.run(sessions, clock, job)
    assert state(sessions, job) == ("running", 2)
    with reading(sessions) as session:
        assert run.next_ready(session, clock.now()) is None
    assert run.run(sessions, clock, job) is None  # its lease still holds
    clock.advance(run.LEASE + timedelta(seconds=1))
    with reading(sessions) as session:
        assert run.next_ready(session, clock.now()) == job
    with unit(sessions) as session:
        found = session.get(Job, job)
        assert found is not None
        found.params = {"total": 5}
    assert run.run(sessions, clock, job) == "done"
    assert Counting.seen == [1, 2, 3, 4, 5]


def test_a_worker_whose_job_was_taken_over_writes_nothing_more(sessions: Sessions, clock: FixedClock) -> None:
    job = start(sessions, clock)

    def robbed(progress: run.Progress) -> None:
        if progress.done == 2:
            assert run.run(sessions, clock, job, take_over=True) == "done"

    assert run.run(sessions, clock, job, progress=robbed) == "lost"
    assert Counting.seen == [1, 2, 3, 4, 5]


def test_pages_of_jobs_and_what_is_unknown(sessions: Sessions, clock: FixedClock) -> None:
    ids = [start(sessions, clock) for _ in range(5)]
    run.run(sessions, clock, ids[0])
    with reading(sessions) as session:
        first = reads.page(session, clock.now(), limit=2)
        second = reads.page(session, clock.now(), limit=2, before=first[-1].id)
        done = reads.page(session, clock.now(), states=("done",))
        assert [row.id for row in first + second] == ids[:0:-1]
        assert [row.id for row in done] == ids[:1]
        with pytest.raises(Unknown):
            reads.one(session, 99, clock.now())
    with pytest.raises(Unknown, match="no kind of job"), unit(sessions) as session:
        run.start(session, kind="x", title="", params={}, by=ANNA, now=clock.now())


def test_a_job_of_a_kind_that_this_process_does_not_know_waits(
    sessions: Sessions, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start(sessions, clock)
    monkeypatch.setattr(run, "_workers", {})
    with reading(sessions) as session:
        assert run.next_ready(session, clock.now()) is None
    assert run.run(sessions, clock, job) is None


def test_after_thirty_days_a_job_forgets_what_it_kept(
    sessions: Sessions, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[int] = []
    monkeypatch.setattr(retention, "_forgetters", {"counting": lambda session, job: forgotten.append(job.id)})
    old = start(sessions, clock)
    run.run(sessions, clock, old)
    clock.advance(timedelta(days=30))
    new = start(sessions, clock)
    run.run(sessions, clock, new)
    with unit(sessions) as session:
        assert retention.expire(session, clock.now()) == 0
    clock.advance(timedelta(seconds=1))
    for expected in (1, 0):
        with unit(sessions) as session:
            assert retention.expire(session, clock.now()) == expected
    assert forgotten == [old]
