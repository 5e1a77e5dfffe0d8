"""Whole worker processes on real brokers: the broker forgets everything, or the workers are killed in mid-day."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.db.session import reading
from hub.demo.fleet import Fleet
from hub.kernel.clock import pause
from hub.sync import relay
from hub.sync.celery_app import RING_AGAIN_S
from hub.wiring import System
from hub.work.models import WorkItem
from tests.crash import scene
from tests.crash.stage import BEYOND_LEASE, Stage, a_stage, assert_whole
from tests.support.brokers import Broker, broker
from tests.support.databases import Database

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

GOES_ON_WITHIN_S = 30.0
PATIENCE_S = 120.0  # of everything that is not the point: three processes start on a machine that may be busy
REDIS = pytest.param("redis", "sqlite", marks=pytest.mark.redis, id="redis-sqlite")
RABBITMQ = pytest.param("rabbitmq", "sqlite", marks=pytest.mark.rabbitmq, id="rabbitmq-sqlite")
ON_POSTGRESQL = pytest.param(
    "redis", "postgres", marks=[pytest.mark.redis, pytest.mark.postgres], id="redis-postgres"
)  # fmt: skip


def until(found: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
    limit = time.monotonic() + within_s
    while not found():
        assert time.monotonic() < limit, f"not within {within_s:.0f} s: {what}"
        pause(0.05)


def leased(system: System) -> int:
    with reading(system.sessions) as session:
        return int(session.scalar(select(func.count()).select_from(WorkItem).where(WorkItem.state == "leased")) or 0)


def idle(system: System) -> bool:
    return not relay.due(system.hub) and not leased(system)


def carried_out(system: System, fleet: Fleet, within_s: float = PATIENCE_S) -> None:
    """Wait until the fleet has carried out everything that is due."""
    until(lambda: idle(system) or ended(fleet), "everything due is done", within_s)
    assert not ended(fleet), "a worker ended by itself; see its log beside the database"


def ended(fleet: Fleet) -> bool:
    return any(worker.poll() is not None for worker in fleet.workers)


def signal_all(fleet: Fleet, number: signal.Signals) -> None:
    for worker in fleet.workers:
        os.killpg(worker.pid, number)


def every_message_lost(stage: Stage, system: System, fleet: Fleet, found: Broker) -> None:
    """Messages are waiting, the broker forgets them all, and the work goes on."""
    signal_all(fleet, signal.SIGSTOP)
    stage.clock.advance(scene.STEP)
    until(lambda: found.depth() > 0, "the scheduler rings")
    found.empty()
    signal_all(fleet, signal.SIGCONT)
    assert relay.due(system.hub)
    stage.clock.advance(timedelta(seconds=RING_AGAIN_S + 1))
    carried_out(system, fleet, GOES_ON_WITHIN_S)


@pytest.mark.parametrize(("kind", "migrated"), [REDIS, RABBITMQ], indirect=["migrated"])
def test_a_broker_that_loses_every_message_loses_no_work(kind: str, migrated: Database, tmp_path: Path) -> None:
    with broker(kind) as found, a_stage(migrated, tmp_path, broker_url=found.url) as stage:
        system = stage.hub()
        with Fleet(stage.settings, workers=2) as fleet:
            scene.play(
                system, stage.places, stage.clock, tmp_path,
                work=lambda: carried_out(system, fleet), noon=lambda: every_message_lost(stage, system, fleet, found),
            )  # fmt: skip
        assert_whole(stage, system)


@pytest.mark.parametrize(("kind", "migrated"), [REDIS, RABBITMQ, ON_POSTGRESQL], indirect=["migrated"])
def test_workers_that_are_killed_in_mid_day_are_replaced_and_nothing_is_lost(
    kind: str, migrated: Database, tmp_path: Path
) -> None:
    with broker(kind) as found, a_stage(migrated, tmp_path, broker_url=found.url) as stage:
        system = stage.hub()

        def everybody_dies() -> None:
            """No marketplace answers, so that the workers are in the middle of something when they die."""
            for place in stage.places.values():
                place.post("faults", {"kinds": ["apply_then_hang"], "times": None, "hang_s": 60.0})
            stage.clock.advance(scene.STEP)
            until(lambda: leased(system) > 0, "the workers take work")
            pause(0.5)
            signal_all(first, signal.SIGKILL)
            for worker in first.workers:
                assert worker.wait(10) == -signal.SIGKILL
            for place in stage.places.values():
                place.heal()
            assert leased(system) > 0
            first.__exit__()

        with Fleet(stage.settings, workers=2) as first:
            scene.morning(system, stage.places, stage.clock, tmp_path, work=lambda: carried_out(system, first))
            scene.buy(stage.places, 1)
            scene.move_stock(system)
            everybody_dies()
        stage.clock.advance(BEYOND_LEASE)
        with Fleet(stage.settings, workers=2) as second:
            scene.play(system, stage.places, stage.clock, tmp_path, work=lambda: carried_out(system, second))
        assert_whole(stage, system)
