"""`hub sync` and `hub channels`."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy import select, update

from hub.channels.testkit.table import Result
from hub.cli import channels as channels_commands
from hub.db.session import reading, unit
from hub.loopback.faults import FaultKind
from hub.orders.models import Order
from hub.work import accounts, items
from hub.work.models import Account, Cadence
from tests.support.cli import Terminal
from tests.support.world import World


def test_once_carries_out_what_is_due_until_nothing_is(world: World, terminal: Terminal) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 5)
    world.publish()
    alpha.place_order([("WINE-1", 1)])
    world.clock.advance(timedelta(minutes=5))
    ran = terminal.hub("sync", "once", "--json")
    assert ran.code == 0
    done = {(row["account"], row["kind"]): row["moved"] for row in ran.json["done"]}
    assert (done["alpha", "orders.pull"], done["alpha", "stock.push"]) == (1, 1)
    with reading(world.system.sessions) as session:
        assert session.scalars(select(Order.stage)).all() == ["ready"]
    world.clock.advance(timedelta(seconds=1))
    assert terminal.hub("sync", "once", "--kind", "stock.push").out == "Nothing was due.\n"


def test_once_keeps_to_the_account_and_kind_and_pulls_before_the_time_if_asked(
    world: World, terminal: Terminal
) -> None:
    world.shop("alpha")
    world.shop("beta")
    world.settle(rounds=1)
    terminal.hub("sync", "once")
    ran = terminal.hub("sync", "once", "--account", "beta", "--kind", "orders.pull", "--json")
    assert ran.json == {"done": [{"account": "beta", "kind": "orders.pull", "moved": 1}], "stuck": []}


def test_once_names_an_account_that_cannot_work_and_ends_with_three(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    with unit(world.system.sessions) as session:
        session.execute(update(Account).values(channel="etsy"))
    ran = terminal.hub("sync", "once", "--kind", "orders.pull")
    assert ran.code == 3
    assert "not carried out: alpha orders.pull: there is no channel 'etsy'" in ran.out


def test_status_is_green_while_orders_are_pulled_and_red_two_periods_after_they_stop(
    world: World, terminal: Terminal
) -> None:
    world.shop("alpha")
    terminal.hub("sync", "once")
    green = terminal.hub("sync", "status", "--json")
    assert (green.code, green.json["healthy"], green.json["accounts"][0]["colour"]) == (0, True, "green")
    world.clock.advance(timedelta(seconds=90))
    assert terminal.hub("sync", "status").code == 0
    world.clock.advance(timedelta(seconds=40))  # 130 s after the pull; its rhythm is 60 s
    red = terminal.hub("sync", "status", "--json")
    assert (red.code, red.json["accounts"][0]["colour"]) == (3, "red")
    assert re.fullmatch(r"no orders pulled for \d+ s, the rhythm is 60 s", red.json["accounts"][0]["reasons"][0])
    assert terminal.hub("sync", "once").code == 0
    assert terminal.hub("sync", "status").code == 0


def test_a_new_account_has_two_periods_before_it_is_red(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    assert terminal.hub("sync", "status").code == 0
    world.clock.advance(timedelta(seconds=121))
    assert terminal.hub("sync", "status").code == 3


def test_a_blocked_account_is_red_a_paused_one_grey_one_without_pulls_green(world: World, terminal: Terminal) -> None:
    for name in ("alpha", "beta", "gamma"):
        world.shop(name)
    with unit(world.system.sessions) as session:
        accounts.set_state(session, world.accounts["alpha"], "blocked", "key revoked", world.clock.now())
        accounts.set_state(session, world.accounts["beta"], "paused", "holiday", world.clock.now())
        session.execute(update(Cadence).where(Cadence.account_id == world.accounts["gamma"]).values(enabled=False))
    world.clock.advance(timedelta(hours=1))
    ran = terminal.hub("sync", "status", "--json")
    assert ran.code == 3
    assert [(a["name"], a["colour"], a["reasons"]) for a in ran.json["accounts"]] == [
        ("alpha", "red", ["blocked: key revoked"]), ("beta", "grey", ["paused: holiday"]), ("gamma", "green", []),
    ]  # fmt: skip


def test_status_shows_the_desk_and_shut_lanes_and_retry_empties_the_desk(world: World, terminal: Terminal) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 5)
    world.publish()
    alpha.break_next(FaultKind.BAD_REQUEST, "setStock", times=1)
    world.receive("WINE-1", 1, "t1")
    world.settle(rounds=1)
    terminal.hub("sync", "once")
    with unit(world.system.sessions) as session:
        items.shut_lane(session, world.accounts["alpha"], "price.push", world.clock.now() + timedelta(minutes=9))
    seen = terminal.hub("sync", "status", "--json")
    (account,) = seen.json["accounts"]
    assert (seen.code, account["colour"], account["needs_human"]) == (0, "amber", 1)
    assert [s["kind"] for s in account["shut"]] == ["price.push"]
    assert [(d["account"], d["kind"]) for d in seen.json["desk"]] == [("alpha", "stock.push")]
    assert "waits for you" in terminal.hub("sync", "status").out
    assert terminal.hub("sync", "retry", "--account", "alpha", "--kind", "price.push").out == "0 will be tried again.\n"
    assert terminal.hub("sync", "retry", "--account", "alpha", "--json").json == {"retried": 1}
    terminal.hub("sync", "once")
    assert world.shown("WINE-1") == {"alpha": 6}


def test_channels_are_listed_with_what_they_can(terminal: Terminal) -> None:
    ran = terminal.hub("channels", "list", "--json")
    assert ran.code == 0
    assert [c["id"] for c in ran.json["channels"]] == ["amazon", "ebay", "memory", "shopify"]
    assert ran.json["failed"] == []
    assert "orders" in ran.json["channels"][0]["capabilities"]
    assert terminal.hub("channels", "list").out.splitlines()[0].split()[0] == "channel"


def test_the_memory_channel_passes_its_check(terminal: Terminal) -> None:
    ran = terminal.hub("channels", "check", "memory")
    assert ran.code == 0
    last = ran.out.splitlines()[-1]
    assert last.startswith("memory: ")
    assert ", 0 failed, " in last
    assert terminal.hub("channels", "check", "etsy").code == 1


def test_a_failed_check_is_named_in_the_table() -> None:
    results = [
        Result(group="stock", name="sets", says="", outcome="passed", why="", seconds=0.5),
        Result(group="stock", name="twice", says="", outcome="failed", why="sent 2 times", seconds=1.0),
    ]
    text = channels_commands._text("etsy", results, {"stock": {"passed": 1, "failed": 1, "skipped": 0}}, ["poll"])
    lines = text.splitlines()
    assert lines[2].split() == ["stock", "twice", "FAILED", "1.00", "sent", "2", "times"]
    assert lines[-2:] == ["etsy does not claim: poll", "etsy: 1 passed, 1 failed, 0 skipped"]
