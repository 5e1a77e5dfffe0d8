"""A hub with one account, plenty of wine and a few orders, and somebody in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.kernel.clock import FixedClock
from tests.support.databases import Database
from tests.support.web import Shop, a_shop


@pytest.fixture
def shop(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[Shop]:
    with a_shop(database, tmp_path / "home", clock) as made:
        yield made
