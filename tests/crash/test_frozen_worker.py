"""A worker that freezes beyond its lease and wakes up later: others have done its work, and it changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.session import reading
from hub.sync import relay
from hub.wiring import System
from hub.work.models import Attempt, WorkItem
from tests.crash import scene
from tests.crash.stage import BEYOND_LEASE, Stage, a_stage, assert_whole
from tests.support.databases import Database

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]


def frozen(stage: Stage, kind: str, failpoint: str) -> subprocess.Popen[bytes]:
    """A worker that takes what is due of one kind of work and freezes in the middle of it; its lease has run out."""
    worker = stage.start("tests.crash.scene", str(stage.folder), kind, failpoint=f"{failpoint}:1:stop")
    _, status = os.waitpid(worker.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), f"the worker ended without reaching {failpoint}"
    stage.clock.advance(BEYOND_LEASE)
    return worker


def spine(system: System) -> list[tuple[object, ...]]:
    """Everything the work spine remembers of its items."""
    columns = list(WorkItem.__table__.columns)
    with reading(system.sessions) as session:
        return [tuple(row) for row in session.execute(select(*columns).order_by(WorkItem.id))]


def wake(worker: subprocess.Popen[bytes], system: System) -> None:
    """Let the worker go on to its end: what it writes back about its old work is refused."""
    before = spine(system)
    os.killpg(worker.pid, signal.SIGCONT)
    _, errors = worker.communicate(timeout=60)
    assert worker.returncode == 0, errors.decode()[-2000:]
    assert spine(system) == before


def old_sends(system: System, kind: str) -> list[str | None]:
    """How the sends ended whose work another worker has taken over since."""
    with reading(system.sessions) as session:
        return list(
            session.scalars(
                select(Attempt.result)
                .join(WorkItem, WorkItem.id == Attempt.work_id)
                .where(Attempt.kind == kind, Attempt.message.like("The worker died%"))
            )
        )


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_worker_frozen_beyond_its_lease_writes_nothing_when_it_wakes(database: Database, tmp_path: Path) -> None:
    with a_stage(database, tmp_path) as stage:
        system = stage.hub()
        scene.morning(system, stage.places, stage.clock, tmp_path)
        scene.buy(stage.places, 1)
        scene.calm(system, stage.clock)

        scene.move_stock(system)
        worker = frozen(stage, "stock.push", "push.after_send")
        scene.buy(stage.places, 2)  # so that newer numbers follow the one it sent
        scene.calm(system, stage.clock)
        assert old_sends(system, "stock.push")
        wake(worker, system)

        scene.buy(stage.places, scene.ORDERS_EACH)
        stage.clock.advance(scene.STEP)
        relay.tick(system.hub)
        worker = frozen(stage, "orders.pull", "pull.fetched")
        scene.calm(system, stage.clock)
        wake(worker, system)

        scene.ship(system)
        worker = frozen(stage, "shipment.confirm", "ship.after_send")
        scene.calm(system, stage.clock)
        assert old_sends(system, "shipment.confirm")
        wake(worker, system)

        scene.evening(system, stage.clock)
        assert_whole(stage, system)
