"""Jobs on the catalogue are carried out beside the channels."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from hub.db.session import unit
from hub.kernel.clock import FixedClock
from hub.pim import projections, workers
from hub.pim.bulk import run as bulk
from hub.pim.bulk.actions import Set
from hub.pim.bulk.selection import Selection
from hub.pim.jobs import run
from hub.sync import catalogue, relay
from hub.sync.relay import LocalWorkers
from tests.support.builders import NOW
from tests.support.catalogue import ANNA, snapshot, some, write
from tests.support.databases import Database
from tests.support.world import World, a_world


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    with a_world(database, tmp_path, clock) as made:
        yield made


def _started(world: World, brand: str) -> int:
    workers.load()
    with unit(world.system.sessions) as session:
        action = Set(field="brand", value=brand)
        return bulk.start(session, Selection(names=("p-0", "p-1")), (action,), ANNA, world.clock.now()).id


def _brands(world: World) -> set[str]:
    return {row["brand"] for key, row in snapshot(world.system.sessions).items() if key.startswith("handle:p-")}


def test_draining_carries_out_jobs_and_brings_the_search_up_to_date(world: World) -> None:
    write(world.system.sessions, *some(2))
    job = _started(world, "Beta")
    assert catalogue.waiting(world.system.hub)
    relay.drain(world.system.hub)
    assert (run.view(world.system.sessions, job).state, _brands(world)) == ("done", {"Beta"})
    assert not catalogue.waiting(world.system.hub)
    with unit(world.system.sessions) as session:
        assert projections.behind(session) == 0
    assert catalogue.turn(world.system.hub) is False


def test_a_thread_of_the_hub_carries_out_what_is_ready(world: World) -> None:
    write(world.system.sessions, *some(2))
    ended = Event()
    usual = world.system.hub.log

    def listen(event: str, /, **fields: object) -> None:
        usual(event, **fields)
        if event == "job.ended":
            ended.set()

    world.system.hub.log = listen
    local = LocalWorkers(world.system.hub, threads=1).start()
    try:
        job = _started(world, "Gamma")
        local.ring()
        assert ended.wait(30)
    finally:
        local.stop()
    assert (run.view(world.system.sessions, job).state, _brands(world)) == ("done", {"Gamma"})


def test_what_a_job_kept_is_forgotten_once_an_hour_at_most(world: World) -> None:
    write(world.system.sessions, *some(2), now=NOW)
    job = _started(world, "Beta")
    relay.drain(world.system.hub)
    forgetting = catalogue.Forgetting(world.system.hub)
    assert forgetting.look() == 0
    world.clock.advance(timedelta(minutes=59))
    world.clock.advance(timedelta(days=31) - timedelta(minutes=59))
    assert forgetting.look() == 1
    with unit(world.system.sessions) as session:
        assert bulk.targets(session, job) == 0
    assert forgetting.look() == 0
