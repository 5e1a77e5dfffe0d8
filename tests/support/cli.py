"""Running `hub …` in this process, against a database of the test, in the test's own virtual time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from hub import cli
from hub.db import migrate
from hub.db.session import make_engine
from tests.support import databases
from tests.support.databases import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(slots=True, kw_only=True)
class Terminal:
    """Somebody at the command line of one hub."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    home: Path
    database: Database

    def environment(self) -> None:
        for name in ("HUB_BROKER_URL", "HUB_FAILPOINT", "HUB_CLOCK_FILE"):
            self.monkeypatch.delenv(name, raising=False)
        self.monkeypatch.setenv("HUB_HOME", str(self.home))
        self.monkeypatch.setenv("HUB_DATABASE_URL", self.database.url)
        self.monkeypatch.setenv("HUB_SECRET_KEY", databases.SECRET_KEY)

    def hub(self, *arguments: str | Path) -> Ran:
        """`hub` with these arguments, as `python -m hub` runs it."""
        self.monkeypatch.setattr("sys.argv", ["hub", *map(str, arguments)])
        self.capsys.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else int(bool(stopped.code))
        seen = self.capsys.readouterr()
        return Ran(code=code, out=seen.out, err=seen.err)


def stamp(url: str) -> None:
    """Say that a database made by `create_all` is at the newest revision."""
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": migrate.head()})
    engine.dispose()


def unstamp(url: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    engine.dispose()
