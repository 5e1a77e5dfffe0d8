"""Can the hub work at all: database, schema, key, broker, clocks, adapters."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import LargeBinary, func, select, text, type_coerce
from sqlalchemy.exc import SQLAlchemyError

from hub.channels import registry
from hub.db import migrate
from hub.db.session import reading
from hub.doctor_checks.finding import Check, Patient
from hub.kernel.errors import Misconfigured
from hub.kernel.text import shorten
from hub.work import accounts
from hub.work.models import Account, AccountToken, Attempt, WorkItem

BROKER_TIMEOUT_S = 3.0
SKEW_MAX = timedelta(seconds=5)
SECRETS_READ = 1000  # accounts and tokens whose secrets are tried


def database(patient: Patient) -> Check:
    """The database answers, and keeps what it is told: SQLite in WAL mode with full synchronisation and foreign keys;
    PostgreSQL with synchronous commits."""
    broken: list[str] = []
    checked = 1
    where = patient.engine.url.database or ""
    if patient.engine.dialect.name == "sqlite" and not Path(where).is_file():  # connecting would make one
        return Check(
            id="database", title="the database answers", checked=1, broken=(f"there is none yet at {where}",),
            fix="hub migrate",
        )  # fmt: skip
    try:
        with patient.engine.connect() as connection:
            if patient.engine.dialect.name == "sqlite":
                wanted = {"journal_mode": ("wal",), "synchronous": ("2", "3"), "foreign_keys": ("1",)}
                for name, good in wanted.items():
                    value = str(connection.exec_driver_sql(f"PRAGMA {name}").scalar())
                    checked += 1
                    if value not in good:
                        broken.append(f"{name} is {value}, it must be {good[0]}")
            else:
                value = str(connection.execute(text("SHOW synchronous_commit")).scalar())
                checked += 1
                if value == "off":
                    broken.append("synchronous_commit is off: what was committed can be lost")
    except (SQLAlchemyError, OSError) as error:
        broken.append(f"it does not answer: {shorten(str(error).splitlines()[0], 200)}")
    return Check(
        id="database", title="the database answers and keeps what it is told", checked=checked, broken=tuple(broken),
        fix="see HUB_DATABASE_URL and the settings of the database server",
    )  # fmt: skip


def schema(patient: Patient) -> Check:
    """The schema is the newest that this release knows."""
    at, newest = migrate.current(patient.settings.database_url), migrate.head()
    broken = () if at == newest else (f"the database is at {at or '(empty)'}, this release needs {newest}",)
    return Check(id="schema", title="the schema is current", checked=1, broken=broken, fix="hub migrate")


def key(patient: Patient) -> Check:
    """The key of this installation reads what is stored encrypted."""
    broken: list[str] = []
    with reading(patient.sessions) as session:
        stored: list[tuple[str, bytes]] = [
            (f"the secrets of {name}", bytes(value))
            for name, value in session.execute(
                select(Account.name, type_coerce(Account.secrets, LargeBinary)).order_by(Account.id).limit(SECRETS_READ)
            )
        ]
        stored += [
            (f"the token {name} of account {account_id}", bytes(value))
            for account_id, name, value in session.execute(
                select(AccountToken.account_id, AccountToken.key, type_coerce(AccountToken.value, LargeBinary))
                .where(AccountToken.value.is_not(None))
                .order_by(AccountToken.account_id, AccountToken.key)
                .limit(SECRETS_READ)
            )
        ]
    for what, value in stored:
        if patient.box is None:
            broken.append(f"{what}: there is no key")
            continue
        try:
            patient.box.decrypt(value)
        except Misconfigured:
            broken.append(f"{what} cannot be read")
    return Check(
        id="key", title="the encryption key reads what is stored", checked=len(stored), broken=tuple(broken),
        fix="set HUB_SECRET_KEY, or bring secret.key back into HUB_HOME: the key that wrote them",
    )  # fmt: skip


def broker(patient: Patient) -> Check:
    """The broker answers, where one is set."""
    url = patient.settings.broker_url
    if not url:
        return Check(id="broker", title="no broker is set: the hub runs embedded", checked=0)
    from kombu import Connection  # only here: it takes longer to import than most commands to run
    from kombu.exceptions import OperationalError as BrokerError

    broken: tuple[str, ...] = ()
    connection = Connection(
        url, connect_timeout=BROKER_TIMEOUT_S,
        transport_options={"socket_connect_timeout": BROKER_TIMEOUT_S, "socket_timeout": BROKER_TIMEOUT_S},
    )  # fmt: skip
    try:
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=BROKER_TIMEOUT_S)
    except (BrokerError, OSError, *connection.connection_errors) as error:
        broken = (f"{connection.as_uri()} does not answer: {shorten(str(error), 200)}",)
    finally:
        connection.release()
    return Check(
        id="broker", title="the broker answers", checked=1, broken=broken,
        fix="start it, or correct HUB_BROKER_URL; nothing is lost meanwhile",
    )  # fmt: skip


def clocks(patient: Patient) -> Check:
    """This machine's clock agrees with the database server's, and no worker's clock is ahead of ours."""
    broken: list[str] = []
    checked = 0
    now = patient.clock.now()
    with reading(patient.sessions) as session:
        if patient.engine.dialect.name == "postgresql":
            before = patient.machine.now()
            server: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
            after = patient.machine.now()
            checked += 1
            ahead = max(server - after, before - server)
            if ahead > SKEW_MAX:
                broken.append(f"this machine and the database server differ by {ahead.total_seconds():.1f} s")
        lease = session.scalar(select(func.max(WorkItem.lease_until)).where(WorkItem.state == "leased"))
        # A worker with another HUB_LEASE_S may lease for longer; nobody leases for ten times as long.
        longest = timedelta(seconds=10 * patient.settings.lease_s) + SKEW_MAX
        if lease is not None:
            checked += 1
            if lease > now + longest:
                broken.append(f"a lease ends at {lease.isoformat()}, long after now: a worker's clock is ahead")
        sent = session.scalar(select(func.max(Attempt.sent_at)))
        if sent is not None:
            checked += 1
            if sent > now + SKEW_MAX:
                broken.append(f"something was sent at {sent.isoformat()}, which has not come yet: a clock is ahead")
    return Check(
        id="clocks", title="the clocks agree", checked=checked, broken=tuple(broken),
        fix="keep every machine on network time (NTP)",
    )  # fmt: skip


def adapters(patient: Patient) -> Check:
    """Every installed channel can be used, and every account finds its adapter and has acceptable settings."""
    found = patient.registry
    broken = [f"{f.name} ({f.target}): {f.why}" for f in found.failed]
    with reading(patient.sessions) as session:
        rows = list(session.scalars(select(Account).order_by(Account.id)))
    for account in rows:
        manifest = found.available.get(account.channel)
        if manifest is None:
            broken.append(f"account {account.name}: there is no channel {account.channel!r}")
            continue
        problems = registry.check_settings(manifest, account.settings, accounts.secrets_of(account))
        broken += [f"account {account.name}: {problem}" for problem in problems]
    for channel in sorted({row.channel for row in rows} & set(found.available)):
        module, _, name = found.available[channel].factory.partition(":")
        try:
            getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, SyntaxError, TypeError, ValueError, RuntimeError, OSError) as error:
            broken.append(f"{channel}: its code cannot be imported: {type(error).__name__}: {error}")
    return Check(
        id="adapters", title="every channel and account can be opened",
        checked=len(found.available) + len(found.failed) + len(rows), broken=tuple(broken),
        fix="hub channels list; hub account set NAME",
    )  # fmt: skip


GROUNDWORK: dict[str, Callable[[Patient], Check]] = {
    "database": database,
    "schema": schema,
    "key": key,
    "broker": broker,
    "clocks": clocks,
    "adapters": adapters,
}
"""In the order in which they make sense."""

FATAL = ("database", "schema", "key")
"""What stops an examination: after one of these broke, the others would only tell the same again."""
