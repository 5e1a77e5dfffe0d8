"""The stage of a scene: a folder, a database, a shared clock, and three marketplaces that outlive the hub."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
from sqlalchemy import func, select, text

from hub import doctor, wiring
from hub.config import Settings, child_environment
from hub.db.session import reading
from hub.demo import truth
from hub.demo.marketplaces import Marketplace
from hub.kernel.clock import SharedClock
from hub.pim.history import verify
from hub.pim.models import StockPosition, Variant
from hub.simulators.base import Scenario
from hub.simulators.serve import MAKERS
from hub.wiring import System
from hub.work.models import WorkItem
from tests.crash import scene
from tests.support.databases import SECRET_KEY, Database

ROOT = Path(__file__).resolve().parents[2]
BEYOND_LEASE = timedelta(seconds=91)


@dataclass(slots=True, kw_only=True)
class Stage:
    """Where one test takes place. `settings` are those of every hub process on it."""

    folder: Path
    database: Database
    settings: Settings
    clock: SharedClock
    places: dict[str, Marketplace]
    systems: list[System] = field(default_factory=list)

    def hub(self) -> System:
        """A hub in this process; closed with the stage."""
        system = wiring.build(self.settings, clock=self.clock)
        self.systems.append(system)
        return system

    def start(self, *arguments: str, failpoint: str = "") -> subprocess.Popen[bytes]:
        """A hub as a process of its own."""
        environment = child_environment(self.settings)
        if failpoint:
            environment["HUB_FAILPOINT"] = failpoint
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def killed_at(self, failpoint: str) -> None:
        """Play the scene in a process that dies at `failpoint`; one that lives to its end is a failure."""
        process = self.start("tests.crash.scene", str(self.folder), failpoint=failpoint)
        try:
            _, errors = process.communicate(timeout=90)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        assert process.returncode != 0, f"{failpoint} was never reached"
        assert process.returncode == -signal.SIGKILL, errors.decode()[-2000:]

    def play(self) -> System:
        """Start a hub once every lease has run out and play the scene to its end."""
        self.clock.advance(BEYOND_LEASE)
        system = self.hub()
        scene.play(system, self.places, self.clock, self.folder)
        return system


@contextmanager
def a_stage(database: Database, folder: Path, *, broker_url: str = "") -> Iterator[Stage]:
    """A stage with empty marketplaces. They are served from this process: the hubs that die are others."""
    clock = SharedClock(folder / "clock")
    settings = Settings(
        home=folder,
        database_url=database.url,
        secret_key=SECRET_KEY,
        clock_file=folder / "clock",
        broker_url=broker_url,
    )
    with ExitStack() as closing:
        client = closing.enter_context(httpx.Client(timeout=30.0, trust_env=False))
        places = {}
        for channel, maker in MAKERS.items():
            simulator = maker()(clock=clock, scenario=Scenario(apply_lag_s=10, order_lag_s=10, job_s=10))
            server = closing.enter_context(simulator.server())
            places[channel] = Marketplace(channel=channel, url=server.url, client=client)
        (folder / "places.json").write_text(json.dumps({c: p.url for c, p in places.items()}), "utf-8")
        scene.write_files(folder)
        stage = Stage(folder=folder, database=database, settings=settings, clock=clock, places=places)
        closing.callback(lambda: [system.close() for system in stage.systems])
        yield stage


def assert_whole(stage: Stage, system: System) -> None:
    """At rest: nothing lost, doubled or leaked, and every comparison really compared something."""
    found = truth.compare(system, stage.places)
    wrong = {
        "lost": found.lost, "doubled orders": found.duplicated, "different orders": found.order_differences,
        "stock": found.stock_mismatches, "not live": found.listings_not_live, "missing parcels": found.shipments_missing,
        "doubled parcels": found.shipments_doubled,
    }  # fmt: skip
    with reading(system.sessions) as session:
        for finding in doctor.invariants(session, stage.clock.now()):
            assert finding.checked > 0, f"{finding.id} looked at nothing"
            wrong[finding.id] = list(finding.broken)
        shelves = {
            row.sku: row.units
            for row in session.execute(
                select(Variant.sku, func.sum(StockPosition.on_hand).label("units"))
                .join(StockPosition, StockPosition.variant_id == Variant.id)
                .group_by(Variant.sku)
            )
        }
        chain = verify.last(session, 10_000)
        reserved = session.scalar(select(func.sum(StockPosition.reserved)))
        unfinished = session.scalar(select(func.count()).select_from(WorkItem).where(WorkItem.state != "done"))
        if stage.database.kind == "sqlite":
            assert session.scalar(text("PRAGMA integrity_check")) == "ok"
    assert {name: problems for name, problems in wrong.items() if problems} == {}
    each = dict.fromkeys(stage.places, scene.ORDERS_EACH)
    assert (found.orders_placed, found.orders_in_hub) == (each, each)
    assert found.shipments_confirmed == found.shipments_recorded == scene.parcels_expected(system)
    assert found.stock_compared == len(scene.goods()) * len(stage.places)
    assert shelves == scene.expected_on_hand(stage.places)
    assert reserved == 0
    assert (chain.problems, chain.checked > 0) == ((), True)
    assert unfinished == 0, scene.still_open(system)
