"""`hub jobs` and `hub audit`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import delete

from hub.db.session import Sessions, make_engine, make_sessions, unit
from hub.db.upsert import table_of
from hub.pim.history.models import AuditRow
from hub.pim.history.note import By
from hub.pim.jobs.models import Job
from tests.support.builders import NOW
from tests.support.catalogue import BEN, snapshot, some, write
from tests.support.cli import Terminal


@pytest.fixture
def sessions(terminal: Terminal) -> Sessions:
    return make_sessions(make_engine(terminal.database.url))


def _imported(sessions: Sessions) -> int:
    with unit(sessions) as session:
        job = Job(
            kind="import", title="goods.csv", state="done", params={}, cursor={}, done=2, report={}, error="",
            actor_kind="person", actor="anna", created_at=NOW, fence=0,
        )  # fmt: skip
        session.add(job)
        session.flush()
        number = job.id
    write(sessions, *some(2), by=By(kind="import", name="anna", source=f"import:{number}"))
    return number


def test_a_job_is_listed_shown_and_taken_back(terminal: Terminal, sessions: Sessions) -> None:
    job = _imported(sessions)
    listed = terminal.hub("jobs", "list", "--json").json["jobs"]
    assert [(row["id"], row["title"], row["undo_refused"]) for row in listed] == [(job, "goods.csv", None)]
    undone = terminal.hub("jobs", "undo", str(job), "--json")
    assert (undone.code, undone.json["state"], undone.json["report"]["removed"]) == (0, "done", 4)
    assert snapshot(sessions) == {}
    shown = terminal.hub("jobs", "show", str(job)).out
    assert "import, undone" in shown
    assert "taken back by job 2" in shown
    again = terminal.hub("jobs", "undo", str(job))
    assert (again.code, again.out) == (1, "")
    assert "taken back already" in again.err


def test_a_queued_undo_is_stopped_resumed_and_run(terminal: Terminal, sessions: Sessions) -> None:
    job = _imported(sessions)
    queued = terminal.hub("jobs", "undo", str(job), "--no-wait", "--json").json
    assert queued["state"] == "ready"
    number = str(queued["id"])
    assert terminal.hub("jobs", "stop", number, "--json").json["state"] == "stopped"
    assert terminal.hub("jobs", "run", number).code == 1
    assert terminal.hub("jobs", "resume", number, "--no-wait", "--json").json["state"] == "ready"
    assert terminal.hub("jobs", "run", number, "--json").json["state"] == "done"
    assert snapshot(sessions) == {}


def test_the_history_is_shown_restored_and_verified(terminal: Terminal, sessions: Sessions) -> None:
    products, variants = some(1)
    write(sessions, products, variants)
    write(sessions, [replace(products[0], title="Zero")], by=BEN)
    lines = terminal.hub("audit", "show", "p-0", "--field", "title", "--json").json["lines"]
    assert [(line["seq"], line["by"]["name"]) for line in lines] == [(3, "ben"), (1, "anna")]
    assert "title: Product 0 → Zero" in terminal.hub("audit", "list", "--by", "ben").out
    done = terminal.hub("audit", "restore", "3", "--json").json
    assert done["changed"] == {"title": {"before": "Zero", "after": "Product 0"}}
    assert snapshot(sessions)["handle:p-0"]["title"] == "Product 0"
    back = terminal.hub("audit", "restore", "3", "--version", "--json").json
    assert back["changed"] == {"title": {"before": "Product 0", "after": "Zero"}}
    whole = terminal.hub("audit", "verify", "--json")
    assert (whole.code, whole.json["checked"], whole.json["problems"]) == (0, 5, [])
    with unit(sessions) as session:
        session.execute(delete(table_of(AuditRow)).where(table_of(AuditRow).c.seq == 2))
    broken = terminal.hub("audit", "verify")
    assert broken.code == 3
    assert "line 2 is missing" in broken.out


def test_what_is_unknown_is_refused(terminal: Terminal) -> None:
    for arguments in (("jobs", "show", "9"), ("jobs", "undo", "9"), ("audit", "show", "x"), ("audit", "restore", "4")):
        ran = terminal.hub(*arguments)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("hub: ")
