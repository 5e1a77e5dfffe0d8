"""`hub bulk`: preview, run, and what is asked for wrongly."""

from __future__ import annotations

import pytest

from hub.db.session import Sessions, make_engine, make_sessions
from tests.support.catalogue import snapshot, some, write
from tests.support.cli import Terminal


@pytest.fixture
def sessions(terminal: Terminal) -> Sessions:
    sessions = make_sessions(make_engine(terminal.database.url))
    write(sessions, *some(3, tags=("a", "b")))
    return sessions


def test_a_preview_counts_and_shows_and_changes_nothing(terminal: Terminal, sessions: Sessions) -> None:
    before = snapshot(sessions)
    ran = terminal.hub("bulk", "preview", "--brand", "Alpha", "--formula", "price=price*1.05", "--json")
    assert (ran.code, ran.json["products"], ran.json["changed"], ran.json["fields"]) == (0, 3, 3, 3)
    first = {"subject": "variant", "key": "S-0", "field": "price_minor", "before": 1000, "after": 1050}
    assert ran.json["diffs"][0] == first
    assert "3 would change (3 fields)" in terminal.hub("bulk", "preview", "--text", "product", "--clear", "tags").out
    assert snapshot(sessions) == before


def test_a_run_changes_and_its_undo_brings_it_back(terminal: Terminal, sessions: Sessions) -> None:
    before = snapshot(sessions)
    ran = terminal.hub(
        "bulk", "run", "--filter", '{"field": "handle", "is": ["p-0", "p-2"]}', "--set", "brand=Beta = Co",
        "--append", "tags=c|d", "--remove", "tags=a", "--replace", "title=Product=>Wein", "--copy", "brand=>category",
        "--json",
    )  # fmt: skip
    assert ran.err == ""
    assert (ran.code, ran.json["state"], ran.json["report"]["changed"]) == (0, "done", 2)
    row = snapshot(sessions)["handle:p-2"]
    assert (row["brand"], row["tags"], row["title"], row["category"]) == (
        "Beta = Co", ["b", "c", "d"], "Wein 2", "Beta = Co",
    )  # fmt: skip
    assert snapshot(sessions)["handle:p-1"] == before["handle:p-1"]
    assert terminal.hub("jobs", "undo", str(ran.json["id"])).code == 0
    assert snapshot(sessions) == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--brand", "Alpha"), 2), (("--clear", "brand"), 2), (("--all", "--set", "brand"), 2),
        (("--all", "--replace", "title=x"), 2), (("--filter", "{", "--clear", "brand"), 2),
        (("--name", "p-0", "--tag", "a", "--clear", "brand"), 2), (("--name", "nobody", "--clear", "brand"), 1),
        (("--all", "--formula", "price=price**2"), 1), (("--all", "--clear", "title"), 0),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_changes_nothing(
    terminal: Terminal, sessions: Sessions, arguments: tuple[str, ...], code: int
) -> None:
    before = snapshot(sessions)
    assert terminal.hub("bulk", "run", *arguments).code == code
    assert snapshot(sessions) == before
