"""A terminal on a database of the test, and a world whose hub the commands are run against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.kernel.clock import SharedClock
from tests.support import cli
from tests.support.cli import Terminal
from tests.support.databases import Database
from tests.support.world import World, a_world


@pytest.fixture
def terminal(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """`hub` against an empty database of the newest schema, in real time."""
    cli.stamp(database.url)
    made = Terminal(monkeypatch=monkeypatch, capsys=capsys, home=tmp_path, database=database)
    made.environment()
    yield made
    cli.unstamp(database.url)


@pytest.fixture
def world(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A hub on memory marketplaces in the virtual time of `terminal`: `world.clock.advance` moves both."""
    path = tmp_path / "clock"
    clock = SharedClock(path)
    monkeypatch.setenv("HUB_CLOCK_FILE", str(path))
    with a_world(terminal.database, tmp_path, clock) as made:  # type: ignore[arg-type]  # it advances as well
        yield made
