"""Throwaway databases for tests: a copied SQLite file, or one PostgreSQL database per test process.

PostgreSQL is used when HUB_TEST_POSTGRES holds the URL of a server on which databases may be created, for example
`postgresql://postgres@127.0.0.1:5432/postgres`. Every test begins with empty tables in their newest form.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from hub.db import crypto
from hub.db.base import Base
from hub.db.migrate import MODELS
from hub.db.session import make_engine

SECRET_KEY = "8mYcZHcO0VnVnWmnqTHcP4w4HqxUhZ7n9vSRXn0k5Tg="
KINDS = ("sqlite", "postgres")


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database for one test: `kind` is sqlite or postgres, `url` may be handed to other processes."""

    kind: str
    url: str


def load_models() -> None:
    """Import every model module there is, so that `Base.metadata` knows all tables."""
    for name in MODELS:
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)


def install_test_key() -> None:
    crypto.install(crypto.SecretBox(SECRET_KEY))


def sqlite_template(directory: Path) -> Path:
    """A SQLite file with all tables and no rows, to be copied for each test."""
    load_models()
    path = directory / "template.sqlite3"
    engine = make_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return path


def sqlite_copy(template: Path, directory: Path) -> Database:
    path = directory / "hub.sqlite3"
    shutil.copyfile(template, path)
    return Database(kind="sqlite", url=f"sqlite:///{path}")


def postgres_server() -> str:
    """The URL of the test server; skips the test if there is none, fails it where CI says that it must be there."""
    url = os.environ.get("HUB_TEST_POSTGRES", "")
    if not url:
        message = "needs PostgreSQL: set HUB_TEST_POSTGRES=postgresql://user@host:5432/database"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
    return url


@contextmanager
def throwaway_postgres(server_url: str) -> Iterator[str]:
    """The URL of a new empty database on that server; dropped at the end, with whoever is still connected to it."""
    name = f"hub_test_{os.getpid()}_{secrets.token_hex(4)}"
    admin = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'"))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


def create_tables(url: str) -> None:
    load_models()
    engine = make_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()


def empty_tables(engine: Engine) -> None:
    """Remove every row and restart the ids; connections that a test left open are closed first."""
    tables = [table.name for table in Base.metadata.sorted_tables]
    filled = ", ".join(f'EXISTS (SELECT 1 FROM "{table}")' for table in tables)  # noqa: S608 - names of our own tables
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        # TRUNCATE makes new files for every table and index, three hundred of them for a test that used ten rows: what
        # has rows is emptied instead, without asking the references, and the sequences that were used begin anew.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        used = connection.execute(text(f"SELECT {filled}")).one()
        for table, there in zip(tables, used, strict=True):
            if there:
                connection.execute(text(f'DELETE FROM "{table}"'))  # noqa: S608 - as above
        connection.execute(
            text(
                "SELECT setval(quote_ident(schemaname) || '.' || quote_ident(sequencename), start_value, false)"
                " FROM pg_sequences WHERE last_value IS NOT NULL"
            )
        )
