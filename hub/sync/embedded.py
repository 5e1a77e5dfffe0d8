"""Workers and scheduler of the one-process hub, with the in-process broker."""

from __future__ import annotations

from hub.sync.hub import Hub
from hub.sync.relay import LocalWorkers
from hub.sync.scheduler import Scheduler


class Embedded:
    """Everything that `hub up` runs besides the page."""

    def __init__(self, hub: Hub, *, threads: int = 4) -> None:
        self.workers = LocalWorkers(hub, threads=threads)
        hub.doorbell = self.workers
        self._scheduler = Scheduler(hub, self.workers.ring)

    def start(self) -> Embedded:
        self.workers.start()
        self._scheduler.start()
        return self

    def stop(self) -> None:
        """No new turns, running ones are finished."""
        self._scheduler.stop()
        self.workers.stop()
