"""The comparisons of a stage explain themselves like those of a test; a database as `hub migrate` makes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.db import migrate
from tests.support import databases
from tests.support.databases import Database

pytest.register_assert_rewrite("tests.crash.stage", "tests.crash.scene")


@pytest.fixture
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of the newest revision, for processes that migrate when they start. Its parameter is the kind."""
    databases.install_test_key()
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'hub.sqlite3'}"
        migrate.upgrade(url)
        yield Database(kind="sqlite", url=url)
        return
    with databases.throwaway_postgres(databases.postgres_server()) as url:
        migrate.upgrade(url)
        yield Database(kind="postgres", url=url)
