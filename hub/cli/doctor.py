"""`hub doctor`: is everything in order?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import make_url

from hub import config
from hub import doctor as books
from hub.channels import registry
from hub.cli.common import json_option, show
from hub.cli.progress import working
from hub.cli.tables import safe
from hub.db import crypto
from hub.db.crypto import SecretBox
from hub.db.session import make_engine, make_sessions, reading
from hub.doctor import Finding
from hub.doctor_checks import CATALOGUE, FATAL, GROUNDWORK, HISTORY, QUALITY, SEARCH, WORK, Check, Patient
from hub.kernel.clock import SharedClock, SystemClock

CONNECT_TIMEOUT_S = 5


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Examine this hub: its database, key, broker, clocks and adapters, its work, and the invariants of its books.

    Looks and changes nothing. Exit code 3 if something is broken; warnings do not count.
    """
    checks: list[Check] = []
    findings: list[Finding] = []
    with patient() as found, working("Examining") as say:
        for name, check in {**GROUNDWORK, **WORK, **CATALOGUE, **QUALITY, **HISTORY, **SEARCH}.items():
            say(f"Examining: {name}")
            checks.append(check(found))
            if name in FATAL and not checks[-1].ok:
                break
        else:
            now = found.clock.now()
            for name, invariant in books.CHECKS.items():
                say(f"Examining: {name}")
                with reading(found.sessions) as session:
                    findings.append(invariant(session, now))
    ok = all(f.ok for f in findings) and all(c.ok for c in checks if c.level == "failure")
    value = {
        "ok": ok, "checks": {c.id: c.as_dict() for c in checks}, "invariants": {f.id: f.as_dict() for f in findings},
    }  # fmt: skip
    show(value, as_json=as_json, text=_text(checks, findings, ok))
    if not ok:
        sys.exit(3)


@contextmanager
def patient() -> Iterator[Patient]:
    """The hub of this environment as it is: nothing is created, migrated or opened towards a channel."""
    settings = config.load()
    path = settings.home / "secret.key"
    keys = settings.secret_key or (path.read_text("ascii").strip() if path.is_file() else "")
    box = SecretBox(keys) if keys else None
    if box is not None:
        crypto.install(box)
    url = make_url(settings.database_url)
    if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT_S)})
    engine = make_engine(url.render_as_string(hide_password=False))
    try:
        yield Patient(
            settings=settings, engine=engine, sessions=make_sessions(engine), registry=registry.load(),
            clock=SharedClock(settings.clock_file) if settings.clock_file else SystemClock(), machine=SystemClock(),
            box=box,
        )  # fmt: skip
    finally:
        engine.dispose()


def _text(checks: list[Check], findings: list[Finding], ok: bool) -> str:
    lines: list[str] = []
    for check in checks:
        mark = "ok  " if check.ok else "WARN" if check.level == "warning" else "FAIL"
        lines.append(f"{mark} {check.id}: {check.title} ({check.checked} looked at)")
        lines += [f"       {safe(text)}" for text in check.broken[:10]]
        if not check.ok and check.fix:
            lines.append(f"       → {check.fix}")
    for finding in findings:
        mark = "ok  " if finding.ok else "FAIL"
        lines.append(f"{mark} {finding.id}: {finding.title} ({finding.checked} looked at)")
        lines += [f"       {safe(text)}" for text in finding.broken]
    lines.append("Everything is in order." if ok else "Something is not in order.")
    return "\n".join(lines)


COMMANDS = (doctor,)
