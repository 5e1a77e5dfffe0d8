"""Long work on the catalogue (imports, bulk edits, their undo), and what is derived from products, beside the channels.

A turn is short, one job at a time, and goes on in the next: channel work never waits for a million rows. Two processes
may take turns at once: a job belongs to whoever leased it.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from hub.db.session import reading, unit
from hub.pim import projections, workers
from hub.pim.jobs import retention, run
from hub.sync.hub import Hub

TURN = timedelta(seconds=10)
TURN_STEPS = 20
PROJECTED = 100
PROJECTING = 5
"""Products brought up to date per unit, and units per turn: short ones, so that orders and counts get in between."""
IDLE_S = 1.0


def waiting(hub: Hub) -> bool:
    """Whether a turn would find something to do."""
    workers.load()
    with reading(hub.sessions) as session:
        return run.next_ready(session, hub.clock.now()) is not None or projections.waiting(session)


def turn(hub: Hub) -> bool:
    """Bring some products' projections up to date, then go on with the oldest job that nobody works on. Whether there
    was anything to do."""
    workers.load()
    now = hub.clock.now()
    moved = False
    with reading(hub.sessions) as session:
        job_id = run.next_ready(session, now)
        behind = projections.waiting(session)
    for _ in range(PROJECTING if behind else 0):
        with unit(hub.sessions) as session:
            done = projections.project(session, now, limit=PROJECTED)
        moved = moved or done > 0
        if done < PROJECTED:
            break
    if job_id is not None:
        state = run.run(hub.sessions, hub.clock, job_id, steps=TURN_STEPS, until=now + TURN)
        if state is not None and state != "ready":
            hub.log("job.ended", job=job_id, state=state)
        moved = moved or state is not None
    return moved


class Forgetting:
    """Once an hour, drops what jobs keep for their undo that ended more than 30 days ago."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._last: datetime | None = None

    def look(self) -> int:
        """How many jobs forgot something; 0 too if it was asked within the hour."""
        now = self._hub.clock.now()
        if self._last is not None and now - self._last < timedelta(hours=1):
            return 0
        self._last = now
        with unit(self._hub.sessions) as session:
            return retention.expire(session, now)


class Thread:
    """Takes turns as long as there is something to do, and looks again every second."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._busy = False
        self._thread = threading.Thread(target=self._work, name="catalogue", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ring(self) -> None:
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """Finish the running turn (at most a few seconds), start no new one."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout_s)

    @property
    def busy(self) -> bool:
        return self._busy

    def _work(self) -> None:
        forgetting = Forgetting(self._hub)
        while not self._stop.is_set():
            moved = False
            try:
                self._busy = True
                moved = turn(self._hub)
                forgetting.look()
            except SQLAlchemyError as error:  # the database is away for a moment: the next turn tries again
                self._hub.log("catalogue.database", error=repr(error.args[:1]))
            except Exception as error:  # noqa: BLE001 - the thread must live; the error is reported, the job's lease expires
                self._hub.log("catalogue.crashed", error=repr(error))
            finally:
                self._busy = False
            if not moved:
                self._wake.wait(IDLE_S)
                self._wake.clear()
