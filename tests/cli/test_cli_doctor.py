"""`hub doctor` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from hub.db.session import unit
from hub.pim.models import StockPosition
from hub.work import accounts
from hub.work.models import WorkItem
from tests.support.cli import Terminal
from tests.support.world import World


def test_a_healthy_hub_ends_with_zero(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 9)
    world.publish()
    ran = terminal.hub("doctor", "--json")
    assert (ran.code, ran.json["ok"]) == (0, True)
    assert list(ran.json["checks"]) == [
        "database", "schema", "key", "broker", "clocks", "adapters", "blocked", "coverage", "backlog", "desks",
        "bad_orders", "trees", "on_sale", "unique", "families", "mapping", "completeness", "derived", "history", "search",
        "search_parts",
    ]  # fmt: skip
    assert list(ran.json["invariants"]) == ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I9", "I11", "I12", "I13"]
    assert ran.json["checks"]["broker"] == {
        "ok": True, "level": "failure", "checked": 0, "title": "no broker is set: the hub runs embedded",
        "broken": [], "fix": "",
    }  # fmt: skip
    assert terminal.hub("doctor").out.splitlines()[-1] == "Everything is in order."


def test_a_broken_invariant_ends_with_three_a_warning_with_zero(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 9)
    world.publish()
    with unit(world.system.sessions) as session:
        session.execute(update(WorkItem).where(WorkItem.kind == "listing.publish").values(state="needs_human"))
    warned = terminal.hub("doctor")
    assert warned.code == 0
    assert "WARN desks: nothing waits for a person (1 looked at)" in warned.out
    with unit(world.system.sessions) as session:
        session.execute(update(StockPosition).values(on_hand=10))
    ran = terminal.hub("doctor")
    assert ran.code == 3
    assert "FAIL I1: on hand = sum of the ledger (1 looked at)" in ran.out
    assert "       WINE-1 at location 1: 10 on hand, the ledger says 9" in ran.out
    assert terminal.hub("doctor", "--json").json["invariants"]["I1"]["ok"] is False


def test_a_blocked_account_ends_with_three(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    with unit(world.system.sessions) as session:
        accounts.set_state(session, world.accounts["alpha"], "blocked", "revoked", world.clock.now())
    ran = terminal.hub("doctor", "--json")
    assert ran.code == 3
    assert [name for name, c in ran.json["checks"].items() if not c["ok"]] == ["blocked"]


def test_without_the_key_nothing_further_is_asked_and_none_is_made(
    world: World, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.shop("alpha")
    monkeypatch.delenv("HUB_SECRET_KEY")
    ran = terminal.hub("doctor", "--json")
    assert (ran.code, list(ran.json["checks"]), ran.json["invariants"]) == (3, ["database", "schema", "key"], {})
    assert ran.json["checks"]["key"]["broken"] == ["the secrets of alpha: there is no key"]
    assert not (tmp_path / "secret.key").exists()


def test_a_hub_that_was_never_set_up_is_told_what_to_do(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", f"sqlite:///{tmp_path}/new.sqlite3")
    ran = terminal.hub("doctor")
    assert (ran.code, "→ hub migrate" in ran.out) == (3, True)
    assert not (tmp_path / "new.sqlite3").exists()
    assert terminal.hub("migrate").code == 0
    assert terminal.hub("doctor").code == 0
