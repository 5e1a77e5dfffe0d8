"""APScheduler, in memory, enqueues only: want what is due by its cadence, ring for what can be carried out."""

from __future__ import annotations

from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from hub.sync import relay
from hub.sync.hub import Hub

TICK_S = 1.0


class Scheduler:
    """One tick a second: cadences, then `sweep`. Coalesced, never twice at once, and a tick that fails is followed by
    the next."""

    def __init__(self, hub: Hub, sweep: Callable[[], object]) -> None:
        self._hub = hub
        self._sweep = sweep
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self._scheduler.add_job(
            self._tick, "interval", seconds=TICK_S, coalesce=True, max_instances=1, misfire_grace_time=30, id="tick"
        )

    def start(self) -> Scheduler:
        self._scheduler.start()
        return self

    def stop(self) -> None:
        self._scheduler.shutdown(wait=True)

    def _tick(self) -> None:
        try:
            relay.tick(self._hub)
            self._sweep()
        except SQLAlchemyError as error:  # the database is away for a moment: the next tick tries again
            self._hub.log("scheduler.database", error=repr(error.args[:1]))
