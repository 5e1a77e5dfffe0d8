"""From due work to somebody carrying it out: sweep, deduplicate, hand over. The broker is a doorbell, not a memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from hub.db.session import reading, unit
from hub.kernel.ids import AccountId
from hub.sync import catalogue, flows
from hub.sync.hub import Hub
from hub.work import accounts, items
from hub.work.items import DueLane


def tick(hub: Hub) -> int:
    """Want what is due by its cadence. Returns how much."""
    with unit(hub.sessions) as session:
        return accounts.tick(session, hub.clock.now())


def due(hub: Hub) -> list[DueLane]:
    """What could be carried out now, most urgent first."""
    with reading(hub.sessions) as session:
        return items.due_lanes(session, hub.clock.now())


def drain(hub: Hub, *, max_turns: int = 10_000, kinds: tuple[str, ...] | None = None) -> int:
    """Carry out everything that is due now, in this thread, until nothing is. Returns how many turns it took."""
    turns = 0
    while turns < max_turns:
        lanes = [lane for lane in due(hub) if kinds is None or lane.kind in kinds]
        moved = 0
        for lane in lanes:
            moved += flows.run(hub, lane.account_id, lane.kind)
            turns += 1
        if kinds is None and catalogue.turn(hub):
            moved += 1
            turns += 1
        if moved == 0:
            break
    return turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    account_id: int
    kind: str


class LocalWorkers:
    """The in-process broker: a few threads that carry out what the relay finds. At most one turn per (account, kind)
    is queued or running, so a slow account cannot fill the queue. Work on the catalogue has a thread of its own: a long
    import holds up no account."""

    def __init__(
        self, hub: Hub, *, threads: int = 4, on_error: Callable[[Ring, BaseException], None] | None = None
    ) -> None:
        self._hub = hub
        self._queue: queue.Queue[Ring | None] = queue.Queue()
        self._held: set[Ring] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._on_error = on_error
        self._threads = [
            threading.Thread(target=self._work, name=f"worker-{n}", daemon=True) for n in range(max(1, threads))
        ]
        self._sweeper = threading.Thread(target=self._sweep, name="relay", daemon=True)
        self._catalogue = catalogue.Thread(hub)

    def start(self) -> LocalWorkers:
        for thread in self._threads:
            thread.start()
        self._sweeper.start()
        self._catalogue.start()
        return self

    def ring(self) -> None:
        """There may be work: look now instead of at the next sweep."""
        self._wake.set()
        self._catalogue.ring()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Finish running turns, start no new ones."""
        self._stop.set()
        self._wake.set()
        self._catalogue.stop(timeout_s)
        self._sweeper.join(timeout_s)
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(timeout_s)

    @property
    def busy(self) -> bool:
        with self._lock:
            return bool(self._held) or self._catalogue.busy

    def _sweep(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(0.5)
            self._wake.clear()
            if self._stop.is_set():
                return
            try:
                lanes = due(self._hub)
            except SQLAlchemyError as error:  # the database is away for a moment: the next sweep looks again
                self._hub.log("relay.database", error=repr(error.args[:1]))
                continue
            for lane in lanes:
                ring = Ring(account_id=lane.account_id, kind=lane.kind)
                with self._lock:
                    if ring in self._held:
                        continue
                    self._held.add(ring)
                self._queue.put(ring)

    def _work(self) -> None:
        while True:
            ring = self._queue.get()
            if ring is None:
                return
            moved = 0
            try:
                moved = flows.run(self._hub, AccountId(ring.account_id), ring.kind)
            except BaseException as error:  # noqa: BLE001 - the thread must live; the error is reported, its lease expires
                self._hub.log("worker.crashed", account=ring.account_id, kind=ring.kind, error=repr(error))
                if self._on_error is not None:
                    self._on_error(ring, error)
            finally:
                with self._lock:
                    self._held.discard(ring)
            if moved:
                self._wake.set()
