"""Celery as a doorbell: a message says «account 4 has stock work», nothing more. Losing every message loses nothing.

Settings follow architecture section 4.2: late acknowledgement, prefetch 1, results ignored, no countdown; a visibility
timeout beyond the longest task, so that Redis does not deliver a running task a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import delete

from hub.db.session import unit
from hub.db.upsert import put
from hub.kernel.ids import AccountId
from hub.sync import catalogue, flows, relay
from hub.sync.hub import Hub
from hub.work.kinds import KINDS, Lane
from hub.work.models import Ring

TASK = "hub.turn"
CATALOGUE_TASK = "hub.catalogue"
SOFT_LIMIT_S = 240
HARD_LIMIT_S = 300
RING_AGAIN_S = 60


def make_app(broker_url: str) -> Celery:
    app = Celery("hub", broker=broker_url)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_soft_shutdown_timeout=30,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        enable_utc=True,
        timezone="UTC",
        task_soft_time_limit=SOFT_LIMIT_S,
        task_time_limit=HARD_LIMIT_S,
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
        # Nobody steers workers through the broker. With it on, RabbitMQ ends the second worker of a machine: both want
        # the exclusive control queue of the same node name.
        worker_enable_remote_control=False,
        broker_transport_options={"visibility_timeout": 2 * HARD_LIMIT_S + 60}
        if broker_url.startswith("redis")
        else {},
        task_default_queue=Lane.HOUSEKEEPING.value,
        task_create_missing_queues=True,
        broker_pool_limit=4,
    )
    return app


class Ringer:
    """Sends at most one message per (account, kind) that is due; a message nobody answered in a minute is sent again."""

    def __init__(self, hub: Hub, broker_url: str, app: Celery | None = None) -> None:
        self._hub = hub
        self._app = app or make_app(broker_url)
        self._catalogue_rung: datetime | None = None
        self._forgetting = catalogue.Forgetting(hub)

    def ring(self) -> None:
        self.sweep()

    def sweep(self) -> int:
        """Ring for everything due; returns how many messages were sent. A broker that is away is no loss: the next
        sweep rings again."""
        now = self._hub.clock.now()
        sent = 0
        for lane in relay.due(self._hub):
            with unit(self._hub.sessions) as session:
                taken = put(
                    session,
                    Ring,
                    [{"account_id": lane.account_id, "kind": lane.kind, "rung_at": now}],
                    key=("account_id", "kind"),
                    update=("rung_at",),
                    where=Ring.rung_at <= now - timedelta(seconds=RING_AGAIN_S),
                    returning=("account_id",),
                )
            if not taken:
                continue
            try:
                self._app.send_task(
                    TASK, args=(lane.account_id, lane.kind), queue=KINDS[lane.kind].lane.value, retry=False
                )
                sent += 1
            except (OperationalError, OSError) as error:
                self._hub.log("broker.away", error=repr(error)[:200])
                answered(self._hub, lane.account_id, lane.kind)
                return sent
        return sent + self._sweep_catalogue(now)

    def _sweep_catalogue(self, now: datetime) -> int:
        """Ring for a job on the catalogue, at most once a minute: who is at work rings for the next turn itself."""
        self._forgetting.look()
        again = self._catalogue_rung is None or now - self._catalogue_rung >= timedelta(seconds=RING_AGAIN_S)
        if not again or not catalogue.waiting(self._hub):
            return 0
        return self.ring_catalogue(now)

    def ring_catalogue(self, now: datetime) -> int:
        """Ask a worker for one turn on the catalogue."""
        try:
            self._app.send_task(CATALOGUE_TASK, queue=Lane.BULK.value, retry=False)
        except (OperationalError, OSError) as error:
            self._hub.log("broker.away", error=repr(error)[:200])
            return 0
        self._catalogue_rung = now
        return 1


def answered(hub: Hub, account_id: int, kind: str) -> None:
    """The message arrived (or was never sent): the next one may go out."""
    with unit(hub.sessions) as session:
        session.execute(delete(Ring).where(Ring.account_id == account_id, Ring.kind == kind))


def turn(hub: Hub, ring: Callable[[], object], account_id: int, kind: str) -> int:
    """What a message stands for: answer it, carry out one turn, ring for what follows."""
    answered(hub, account_id, kind)
    moved = flows.run(hub, AccountId(account_id), kind)
    if moved:
        ring()
    return moved


def run_worker(
    hub: Hub, broker_url: str, *, lanes: Sequence[str] = (), concurrency: int = 2, pool: str = "threads"
) -> None:
    """Run a worker until it is told to stop. Threads: one database pool and one set of adapters per process."""
    app = make_app(broker_url)
    ringer = Ringer(hub, broker_url, app)

    @app.task(name=TASK)  # type: ignore[untyped-decorator]  # Celery has no types
    def _turn(account_id: int, kind: str) -> None:
        turn(hub, ringer.sweep, account_id, kind)

    @app.task(name=CATALOGUE_TASK)  # type: ignore[untyped-decorator]  # Celery has no types
    def _catalogue() -> None:
        if catalogue.turn(hub):
            ringer.ring_catalogue(hub.clock.now())

    queues = ",".join(lanes or [lane.value for lane in Lane])
    arguments: list[Any] = [
        "worker",
        "--loglevel=WARNING",
        f"--pool={pool}",
        f"--concurrency={concurrency}",
        "-Q",
        queues,
    ]
    app.worker_main([*arguments, "--without-gossip", "--without-mingle", "--without-heartbeat"])
