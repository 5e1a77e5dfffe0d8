"""Fixtures for everybody: `database`, `engine` and `sessions` run a test on SQLite and on PostgreSQL; `clock` stands
still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine

from hub.db.session import Sessions, make_engine, make_sessions
from hub.kernel.clock import FixedClock
from tests.support import databases
from tests.support.databases import Database

settings.register_profile("entrepot", deadline=None, print_blob=True)  # a busy machine is not a failure
settings.load_profile("entrepot")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return databases.sqlite_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL database of this test process, with all tables."""
    with databases.throwaway_postgres(databases.postgres_server()) as url:
        databases.create_tables(url)
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database with all tables; encrypted columns work."""
    databases.install_test_key()
    if request.param == "sqlite":
        return databases.sqlite_copy(request.getfixturevalue("sqlite_template"), tmp_path)
    url: str = request.getfixturevalue("postgres_url")
    engine = make_engine(url)
    databases.empty_tables(engine)
    engine.dispose()
    return Database(kind="postgres", url=url)


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    engine = make_engine(database.url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> Sessions:
    return make_sessions(engine)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
