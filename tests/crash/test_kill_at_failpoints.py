"""kill -9 at every named place: the hub that is started next finds everything, loses nothing and does nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.kernel.failpoints import NAMES
from tests.crash import scene
from tests.crash.stage import a_stage, assert_whole
from tests.support.databases import Database

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

SQLITE = pytest.param("sqlite", id="sqlite")
POSTGRES = pytest.param("postgres", id="postgres", marks=pytest.mark.postgres)

#: In the order in which a scene comes by. What is killed once in every run of the suite: everything on SQLite,
#: a third on PostgreSQL.
FLOWS = ("import", "publish", "pull", "push", "ship", "job")


def of(flow: str) -> list[str]:
    return [name for name in NAMES if name.startswith(f"{flow}.")]


THIRD = [name for flow in FLOWS for name in of(flow)][::3]


def kill_and_compare(database: Database, folder: Path, failpoints: list[str]) -> None:
    """Kill one hub after another, each at its failpoint, then let the last one live, and compare at rest."""
    with a_stage(database, folder) as stage:
        for failpoint in failpoints:
            stage.killed_at(failpoint)
        system = stage.play()
        assert_whole(stage, system)
        assert scene.repriced(system) == {row["sku"]: 1 for row in scene.goods()}


def test_every_failpoint_belongs_to_a_flow_that_is_killed_here() -> None:
    assert sorted(name for flow in FLOWS for name in of(flow)) == sorted(NAMES)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("database", [SQLITE], indirect=True)
def test_hubs_that_die_at_every_step_of(flow: str, database: Database, tmp_path: Path) -> None:
    kill_and_compare(database, tmp_path, of(flow))


@pytest.mark.parametrize("database", [POSTGRES], indirect=True)
def test_hubs_that_die_at_every_third_step_on_postgresql(database: Database, tmp_path: Path) -> None:
    kill_and_compare(database, tmp_path, THIRD)


@pytest.mark.crash_full
@pytest.mark.parametrize("time", [1, 2, 3])
@pytest.mark.parametrize("failpoint", NAMES)
@pytest.mark.parametrize("database", [SQLITE, POSTGRES], indirect=True)
def test_a_hub_that_dies_at(failpoint: str, time: int, database: Database, tmp_path: Path) -> None:
    kill_and_compare(database, tmp_path, [f"{failpoint}:{time}"])
