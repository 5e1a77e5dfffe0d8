"""`hub account` and `hub import`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.pim.history.models import AuditRow
from hub.pim.models import StockPosition, Variant
from hub.work import accounts
from hub.work.models import Account, Cadence, WorkItem
from tests.support.builders import a_listing, a_variant
from tests.support.cli import Terminal
from tests.support.world import World


def add(terminal: Terminal, *more: str) -> dict[str, object]:
    ran = terminal.hub("account", "add", "memory", "shop", "--secret", "api_key=k1", *more, "--json")
    assert (ran.code, ran.err) == (0, "")
    found: dict[str, object] = ran.json
    return found


def test_an_added_account_is_listed_without_its_secrets(terminal: Terminal) -> None:
    assert add(terminal, "--set", "marketplace=cli-1", "--buffer", "2", "--cap", "9") == {
        "id": 1, "name": "shop", "channel": "memory",
    }  # fmt: skip
    (row,) = terminal.hub("account", "list", "--json").json
    assert (row["buffer"], row["cap"], row["state"], row["secrets"]) == (2, 9, "open", ["api_key"])
    assert row["settings"]["marketplace"] == "cli-1"
    shown = terminal.hub("account", "list")
    assert shown.out.splitlines()[1].split() == ["shop", "memory", "EUR", "open", "2", "9", "0", "0"]
    assert "k1" not in shown.out + json.dumps(row)


def test_a_secret_comes_from_a_file_and_a_needed_one_that_nobody_gives_is_asked_for(
    terminal: Terminal, sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secrets.json"
    path.write_text('{"api_key": "from-file"}')
    assert terminal.hub("account", "add", "memory", "filed", "--secrets-file", path).code == 0
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda text: "typed")
    assert terminal.hub("account", "add", "memory", "typed").code == 0
    with reading(sessions) as session:
        found = {a.name: accounts.secrets_of(a) for a in session.scalars(select(Account))}
    assert found == {"filed": {"api_key": "from-file"}, "typed": {"api_key": "typed"}}


def test_a_missing_secret_that_nobody_can_type_is_wrong_usage_not_a_stop(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(text: str) -> str:
        raise EOFError

    monkeypatch.setattr("click.termui.hidden_prompt_func", nobody)
    ran = terminal.hub("account", "add", "memory", "shop")
    assert ran.code == 2
    assert "the secret api_key is missing" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("etsy", "x"), 1, "hub: there is no channel 'etsy' (Installed channels: "),
        (("memory", "x", "--secret", "api_key=k", "--set", "colour=red"), 1, "colour ('red'): Memory"),
        (("memory", "x", "--secret", "sesame"), 2, "write it like name=value"),
        (("memory", "x", "--secret", "api_key=k", "--currency", "euros"), 2, "write it like EUR"),
    ],
)
def test_what_cannot_be_added_says_why(terminal: Terminal, arguments: tuple[str, ...], code: int, says: str) -> None:
    ran = terminal.hub("account", "add", *arguments)
    assert ran.code == code
    assert says in ran.err
    assert "sesame" not in ran.err
    assert terminal.hub("account", "list", "--json").json == []


def test_a_secrets_file_of_another_shape_is_refused_without_repeating_it(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    for content in ('["hunter2"]', '{"api_key": 7, "x": "hunter2"}', "hunter2"):
        path.write_text(content)
        ran = terminal.hub("account", "add", "memory", "x", "--secrets-file", path)
        assert ran.code == 2
        assert "hunter2" not in ran.err


def test_probe_says_who_it_is_and_opens_a_blocked_account(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    with world.system.sessions.begin() as session:
        accounts.set_state(session, world.accounts["alpha"], "blocked", "revoked", world.clock.now())
    ran = terminal.hub("account", "probe", "alpha", "--json")
    assert ran.code == 0
    assert (ran.json["account"], ran.json["opened"], ran.json["missing_scopes"]) == (
        world.shops["alpha"].name, True, [],
    )  # fmt: skip
    assert terminal.hub("account", "list", "--json").json[0]["state"] == "open"


def test_probe_with_a_wrong_key_says_so_blocks_the_account_and_ends_with_one(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    terminal.hub("account", "set", "alpha", "--secret", "api_key=wrong")
    ran = terminal.hub("account", "probe", "alpha")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("hub: alpha: ")
    (row,) = terminal.hub("account", "list", "--json").json
    assert row["state"] == "blocked"
    assert row["reason"] in ran.err
    assert terminal.hub("account", "probe", "alpha", "--json").json["error"]["type"] == "AuthFailed"


def test_pausing_and_resuming_move_the_gate_once(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    assert terminal.hub("account", "pause", "alpha", "--reason", "holiday").out == "alpha is paused.\n"
    assert terminal.hub("account", "pause", "alpha").out == "alpha is paused already.\n"
    assert terminal.hub("account", "list", "--json").json[0]["reason"] == "holiday"
    assert terminal.hub("account", "resume", "alpha", "--json").json == {
        "name": "alpha", "state": "open", "changed": True,
    }  # fmt: skip
    unknown = terminal.hub("account", "pause", "gamma")
    assert (unknown.code, unknown.err) == (1, "hub: no account is named 'gamma' (one of: alpha)\n")


def test_a_changed_buffer_and_cap_reach_the_channel(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 9)
    world.publish()
    ran = terminal.hub("account", "set", "alpha", "--buffer", "2", "--cap", "5", "--json")
    assert ran.json == {
        "name": "alpha", "buffer": 2, "cap": 5, "changed_settings": [], "numbers_wanted": 1, "locale": "",
        "approved_only": False, "products_wanted": 0,
    }  # fmt: skip
    world.settle()
    assert world.shown("WINE-1") == {"alpha": 5}
    assert terminal.hub("account", "set", "alpha", "--cap", "none").out == (
        "alpha: buffer 2, cap none; 1 numbers to send\n"
    )
    assert terminal.hub("account", "set", "alpha", "--cap", "none", "--json").json["numbers_wanted"] == 0
    world.settle()
    assert world.shown("WINE-1") == {"alpha": 7}


def test_changed_settings_are_checked_as_a_whole_and_emptied_ones_go_back_to_the_default(
    world: World, terminal: Terminal
) -> None:
    world.shop("alpha", stock_write="compare_and_set")
    refused = terminal.hub("account", "set", "alpha", "--set", "stock_write=maybe", "--set", "timeout_s=5")
    assert (refused.code, "stock_write ('maybe')" in refused.err) == (1, True)
    assert terminal.hub("account", "list", "--json").json[0]["settings"]["timeout_s"] == "20"
    ran = terminal.hub("account", "set", "alpha", "--set", "stock_write=", "--set", "timeout_s=5", "--json")
    assert ran.json["changed_settings"] == ["stock_write", "timeout_s"]
    settings = terminal.hub("account", "list", "--json").json[0]["settings"]
    assert (settings["stock_write"], settings["timeout_s"]) == ("absolute", "5")
    assert terminal.hub("account", "set", "alpha").code == 2
    assert terminal.hub("account", "set", "alpha", "--cap", "-1").code == 2


def test_new_secrets_have_a_blocked_account_tried_at_once(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    with world.system.sessions.begin() as session:
        accounts.set_state(session, world.accounts["alpha"], "blocked", "revoked", world.clock.now())
    terminal.hub("account", "set", "alpha", "--secret", "webhook_secret=other")
    with reading(world.system.sessions) as session:
        due = session.scalars(select(WorkItem.due_at).where(WorkItem.kind == "account.probe")).one()
    assert due <= world.clock.now()


def test_the_rhythm_is_shown_changed_and_silenced(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    world.settle(rounds=1)
    ran = terminal.hub("account", "rhythm", "alpha", "--every", "reconcile", "5m", "--off", "orders.pull", "--json")
    assert [(b["kind"], b["every_s"], b["enabled"]) for b in ran.json] == [
        ("orders.pull", 60, False), ("reconcile", 300, True),
    ]  # fmt: skip
    with reading(world.system.sessions) as session:
        planned = session.scalars(select(Cadence.next_at).where(Cadence.kind == "reconcile")).one()
    assert planned <= world.clock.now() + timedelta(seconds=300)  # was six hours away
    assert terminal.hub("account", "rhythm", "alpha").out.splitlines()[1].split() == ["orders.pull", "off", "never"]
    assert terminal.hub("account", "rhythm", "alpha", "--every", "stock.push", "5m").code == 2
    assert terminal.hub("account", "rhythm", "alpha", "--every", "reconcile", "soon").code == 2


def test_an_import_reports_every_row_and_ends_with_one_when_a_row_was_bad(
    terminal: Terminal, sessions: Sessions, tmp_path: Path
) -> None:
    path = tmp_path / "p.csv"
    path.write_text("Handle,Title,Variant SKU,Variant Price,Variant Inventory Qty\na,A,A-1,9.99,4\nb,B,B-1,free,1\n")
    arguments = ("import", "products", path, "--profile", "shopify", "--currency", "eur")
    dry = terminal.hub(*arguments, "--dry-run", "--json")
    assert (dry.code, dry.json["dry_run"], dry.json["variants"]["created"]) == (1, True, 1)
    ran = terminal.hub(*arguments)
    assert (ran.code, ran.err) == (1, "")  # no progress bar where nobody sees it
    lines = ran.out.splitlines()
    assert "line 2: variant A-1: created" in lines
    assert any(line.startswith("line 3: variant B-1: Variant Price:") for line in lines)
    assert lines[-1] == "errors: 1 in 1 rows"
    only = terminal.hub(*arguments, "--errors-only", "--json").json
    assert [r["line"] for r in only["results"]] == [3]
    with reading(sessions) as session:
        assert session.execute(
            select(Variant.sku, StockPosition.on_hand).join(StockPosition, StockPosition.variant_id == Variant.id)
        ).all() == [("A-1", 4)]


def test_an_import_without_bad_rows_ends_with_zero(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("Handle,Title,Variant SKU,Variant Price\na,A,A-1,9.99\n")
    ran = terminal.hub("import", "products", path, "--profile", "shopify", "--currency", "EUR")
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "errors: 0 in 0 rows"
    assert terminal.hub("import", "products", path, "--profile", "shopify", "--currency", "X").code == 1
    assert terminal.hub("import", "products", path, "--profile", "etsy", "--currency", "EUR").code == 2


def test_a_changed_language_publishes_what_is_listed_again(terminal: Terminal, sessions: Sessions) -> None:
    add(terminal)
    with unit(sessions) as session:
        a_listing(session, session.scalars(select(Account)).one(), a_variant(session))
    assert terminal.hub("account", "set", "shop", "--locale", "de").err.startswith("hub: there is no locale 'de'")
    assert terminal.hub("locales", "add", "de").code == 0
    ran = terminal.hub("account", "set", "shop", "--locale", "de", "--approved-only", "--json").json
    assert (ran["locale"], ran["approved_only"], ran["products_wanted"]) == ("de", True, 1)
    assert terminal.hub("account", "set", "shop", "--locale", "de", "--json").json["products_wanted"] == 0
    (row,) = terminal.hub("account", "list", "--json").json
    assert (row["locale"], row["approved_only"]) == ("de", True)
    with reading(sessions) as session:
        assert session.scalars(select(WorkItem.key).where(WorkItem.kind == "listing.publish")).all() == ["1"]
        (noted,) = session.scalars(select(AuditRow).where(AuditRow.subject == "account"))
        assert noted.changes == {"locale": ["", "de"], "approved_only": [False, True]}


def test_an_account_is_added_with_its_language_or_not_at_all(terminal: Terminal, sessions: Sessions) -> None:
    ran = terminal.hub("account", "add", "memory", "shop", "--secret", "api_key=k1", "--locale", "th")
    assert (ran.code, ran.err.startswith("hub: there is no locale 'th'")) == (1, True)
    with reading(sessions) as session:
        assert session.scalars(select(Account)).all() == []
    terminal.hub("locales", "add", "th")
    add(terminal, "--locale", "th")
    (row,) = terminal.hub("account", "list", "--json").json
    assert (row["locale"], row["approved_only"]) == ("th", False)
