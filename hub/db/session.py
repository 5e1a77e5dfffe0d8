"""Engines and units of work for SQLite and PostgreSQL.

SQLite: WAL, synchronous=FULL (orders are money), and BEGIN IMMEDIATE for units that write, because a deferred
transaction that upgrades to a writer fails with «database is locked» instead of waiting.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import QueuePool

BUSY_TIMEOUT_MS = 30_000


def make_engine(url: str, *, echo: bool = False, pool_size: int = 10) -> Engine:
    """An engine with the pragmas and pool that the hub needs. `postgresql://` means psycopg 3."""
    if url.startswith("sqlite"):
        engine = create_engine(
            url,
            echo=echo,
            poolclass=QueuePool,
            pool_size=pool_size,
            max_overflow=20,
            connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
        )

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, record: object) -> None:
            connection.isolation_level = None  # we say BEGIN ourselves
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            reading = connection.get_execution_options().get("hub_reading", False)
            connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

        return engine
    return create_engine(
        url,
        echo=echo,
        pool_size=pool_size,
        max_overflow=20,
        pool_pre_ping=True,
        connect_args={"options": "-c timezone=UTC"},
    )


Sessions = sessionmaker[Session]


def make_sessions(engine: Engine) -> Sessions:
    return sessionmaker(engine, expire_on_commit=False)


def after_commit(session: Session, action: Callable[[], None]) -> None:
    """Run `action` once this unit has committed; never if it rolls back. For hints, not for effects that must happen."""
    session.info.setdefault("hub_after_commit", []).append(action)


def before_commit(session: Session, action: Callable[[Session], None]) -> None:
    """Run `action` as the last thing this unit does: inside its transaction, after everything else succeeded."""
    session.info.setdefault("hub_before_commit", []).append(action)


_open = threading.local()


def open_units() -> int:
    """How many units this thread has open: 0 whenever a channel is called (invariant I11)."""
    return int(getattr(_open, "count", 0))


@contextmanager
def unit(sessions: Sessions) -> Iterator[Session]:
    """One unit of work that writes: commits on leaving, rolls back on an exception. No channel call inside."""
    _open.count = open_units() + 1
    try:
        with sessions() as session:
            with session.begin():
                yield session
                session.flush()
                for last in session.info.pop("hub_before_commit", ()):
                    last(session)
            actions = session.info.pop("hub_after_commit", ())
    finally:
        _open.count -= 1
    for action in actions:
        action()


@contextmanager
def reading(sessions: Sessions) -> Iterator[Session]:
    """A unit that only reads: does not take SQLite's writer lock."""
    _open.count = open_units() + 1
    try:
        with sessions() as session:
            session.connection(execution_options={"hub_reading": True})
            try:
                yield session
            finally:
                session.expunge_all()  # what was read stays readable; a rollback would expire it
                session.rollback()
    finally:
        _open.count -= 1


def is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def sqlite_version() -> str:
    return sqlite3.sqlite_version
