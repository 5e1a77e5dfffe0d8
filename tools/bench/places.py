"""Where is measured: a throwaway SQLite file, and a throwaway PostgreSQL database where HUB_TEST_POSTGRES is set."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from cryptography.fernet import Fernet
from sqlalchemy import create_engine, make_url, text

from hub.config import Settings
from hub.db import migrate
from hub.db.session import Sessions
from hub.kernel.clock import Clock, FixedClock
from hub.wiring import System, build

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A fresh hub database with the newest schema, and the same database for the floor."""

    kind: str
    url: str
    home: Path
    system: System

    @property
    def sessions(self) -> Sessions:
        return self.system.sessions

    @contextmanager
    def plain(self) -> Iterator[Any]:
        """A bare driver connection with the hub's durability: WAL and synchronous=FULL, or PostgreSQL's fsync."""
        if self.kind == "sqlite":
            connection = sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            try:
                yield connection
            finally:
                connection.close()
        else:
            with psycopg.connect(self.url, autocommit=True) as connection:
                yield connection

    def settled(self) -> None:
        """What one side wrote is checkpointed, so that the other does not pay for it."""
        with self.plain() as connection:
            if self.kind == "sqlite":
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            else:
                # What autovacuum does after a while. Not for empty tables: their statistics would say «empty», and the
                # checks of foreign keys, planned once per connection, would read a whole table for every row.
                filled = connection.execute(
                    "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
                    " AND pg_relation_size(oid) > 0"
                ).fetchall()
                for (name,) in filled:
                    connection.execute(f"ANALYZE {name}")
                connection.execute("CHECKPOINT")


def kinds() -> tuple[str, ...]:
    return ("sqlite", "postgres") if os.environ.get("HUB_TEST_POSTGRES") else ("sqlite",)


@contextmanager
def fresh(kind: str, clock: Clock | None = None) -> Iterator[Place]:
    """A new place; nothing of it is left behind. The clock stands still unless one is given."""
    home = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    admin = None
    name = f"hub_bench_{os.getpid()}_{secrets.token_hex(4)}"
    try:
        if kind == "sqlite":
            url = f"sqlite:///{home / 'hub.sqlite3'}"
        else:
            server = os.environ["HUB_TEST_POSTGRES"]
            admin = create_engine(_driver(server), isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                connection.execute(text(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'"))
            url = make_url(server).set(database=name, drivername="postgresql").render_as_string(hide_password=False)
        migrate.upgrade(url)
        system = build(
            Settings(home=home, database_url=url, secret_key=Fernet.generate_key().decode()),
            clock=clock or FixedClock(START),
        )
        try:
            yield Place(kind=kind, url=url, home=home, system=system)
        finally:
            system.close()
    finally:
        if admin is not None:
            with admin.connect() as connection:
                connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
            admin.dispose()
        shutil.rmtree(home, ignore_errors=True)


def _driver(url: str) -> str:
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
