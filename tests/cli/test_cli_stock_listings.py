"""`hub stock` and `hub listings`."""

from __future__ import annotations

from sqlalchemy import func, select

from hub.channels.contract.records import Problem, Severity
from hub.db.session import reading, unit
from hub.pim import listings
from hub.pim.models import StockMovement
from tests.support.cli import Terminal
from tests.support.world import World


def test_show_says_where_it_lies_who_holds_it_and_what_each_account_shows(world: World, terminal: Terminal) -> None:
    alpha = world.shop("alpha", buffer=1)
    world.shop("beta", cap=4)
    world.variant("WINE-1", 9)
    world.publish()
    order = alpha.place_order([("WINE-1", 2)])
    world.settle(rounds=3)
    seen = terminal.hub("stock", "show", "WINE-1", "--json").json
    assert (seen["on_hand"], seen["reserved"], seen["short"], seen["available"]) == (9, 2, 0, 7)
    assert [(p["location"], p["on_hand"], p["reserved"], p["available"]) for p in seen["locations"]] == [
        ("main", 9, 2, 7)
    ]
    assert [(p["order"], p["held"], p["wanted"], p["location"]) for p in seen["promises"]] == [(order, 2, 2, "main")]
    assert [(a["account"], a["publishable"], a["shown"]) for a in seen["accounts"]] == [
        ("alpha", 6, 6), ("beta", 4, 4),
    ]  # fmt: skip
    text = terminal.hub("stock", "show", "WINE-1").out
    assert "main            9         2          7" in text
    assert order in text
    assert terminal.hub("stock", "show", "nope").code == 1


def test_stock_is_received_adjusted_and_counted_once_per_token(terminal: Terminal, world: World) -> None:
    world.variant("WINE-1", 5)
    received = terminal.hub("stock", "receive", "WINE-1", "4", "--token", "delivery-7", "--json").json
    assert (received["on_hand"], received["changed"], received["repeated"]) == (9, 4, False)
    again = terminal.hub("stock", "receive", "WINE-1", "4", "--token", "delivery-7")
    assert "This token was used before: nothing was changed." in again.out
    adjusted = terminal.hub("stock", "adjust", "WINE-1", "-2", "--reason", "broken", "--location", "main", "--json")
    assert (adjusted.json["on_hand"], adjusted.json["changed"]) == (7, -2)
    counted = terminal.hub("stock", "count", "WINE-1", "6", "--reason", "stocktaking", "--json").json
    assert (counted["on_hand"], counted["changed"], len(counted["token"]) > 8) == (6, -1, True)
    with reading(world.system.sessions) as session:
        rows = session.execute(
            select(StockMovement.kind, StockMovement.delta, StockMovement.reason, StockMovement.by)
            .order_by(StockMovement.id)
            .offset(1)
        ).all()
    assert rows == [
        ("receive", 4, "", "cli"), ("adjust", -2, "broken", "cli"), ("count", -1, "stocktaking", "cli"),
    ]  # fmt: skip


def test_what_is_not_possible_is_refused_and_changes_nothing(terminal: Terminal, world: World) -> None:
    world.variant("WINE-1", 5)
    too_low = terminal.hub("stock", "adjust", "WINE-1", "-6")
    assert (too_low.code, too_low.err) == (
        1, "hub: 5 of WINE-1 are at main: -6 is not possible (count the shelf and enter what is there)\n",
    )  # fmt: skip
    assert terminal.hub("stock", "receive", "WINE-1", "0").code == 2
    assert terminal.hub("stock", "count", "WINE-1", "4", "--seen-version", "77").code == 1
    assert terminal.hub("stock", "adjust", "WINE-1", "1", "--location", "moon").code == 1
    with reading(world.system.sessions) as session:
        assert session.scalar(select(func.count()).select_from(StockMovement)) == 1


def test_a_location_must_be_named_where_there_are_several(terminal: Terminal, world: World) -> None:
    world.variant("WINE-1", 5)
    assert terminal.hub("stock", "location", "shop", "--name", "Shop", "--priority", "5").code == 0
    assert [row["code"] for row in terminal.hub("stock", "locations", "--json").json] == ["shop", "main"]
    ran = terminal.hub("stock", "receive", "WINE-1", "1")
    assert (ran.code, ran.err) == (1, "hub: say at which location (--location shop|main)\n")
    assert terminal.hub("stock", "receive", "WINE-1", "1", "--location", "shop", "--json").json["on_hand"] == 1


def test_units_that_were_promised_and_are_gone_make_orders_short(terminal: Terminal, world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 3)
    world.publish()
    order = alpha.place_order([("WINE-1", 2)])
    world.settle(rounds=3)
    ran = terminal.hub("stock", "count", "WINE-1", "1", "--json")
    assert ran.json["now_short"] == [order]
    assert "1 more are promised than there are." in terminal.hub("stock", "show", "WINE-1").out


def test_products_are_published_listed_and_ended_from_the_command_line(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 5)
    world.variant("WINE-2", 5)
    one = terminal.hub("listings", "publish", "alpha", "--product", "product-wine-1", "--json").json
    assert one == {"account": "alpha", "products": 1, "ended": []}
    assert terminal.hub("listings", "publish", "alpha", "--all").out == "2 products wanted on alpha.\n"
    world.settle()
    rows = terminal.hub("listings", "list", "--account", "alpha", "--state", "live", "--json").json
    assert [(r["sku"], r["state"], r["shown"], r["price_minor"]) for r in rows] == [
        ("WINE-1", "live", 5, 1299), ("WINE-2", "live", 5, 1299),
    ]  # fmt: skip
    assert terminal.hub("listings", "end", "alpha", "WINE-1").out == "WINE-1 on alpha is going to be ended.\n"
    world.settle()
    listing = world.shops["alpha"].observed_listing("WINE-1")
    assert listing is not None
    assert listing.state == "ended"
    again = terminal.hub("listings", "publish", "alpha", "--all", "--json").json
    assert again["ended"] == ["WINE-1"]
    assert len(terminal.hub("listings", "list", "--limit", "1", "--json").json) == 1
    assert "There may be more: --after 1" in terminal.hub("listings", "list", "--limit", "1").out


def test_publishing_something_unknown_or_nothing_is_refused(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    assert terminal.hub("listings", "publish", "alpha").code == 2
    assert terminal.hub("listings", "publish", "alpha", "--all", "--product", "x").code == 2
    unknown = terminal.hub("listings", "publish", "alpha", "--product", "x")
    assert (unknown.code, unknown.err) == (1, "hub: no product has the handle 'x'\n")
    assert (
        terminal.hub("listings", "end", "alpha", "x").err
        == "hub: 'x' is not listed on alpha (publish it there first)\n"
    )


def test_issues_are_listed_in_the_channels_words_without_its_control_characters(
    world: World, terminal: Terminal
) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 5)
    world.publish()
    assert terminal.hub("listings", "issues").out == "No channel objects to anything.\n"
    row = world.listing("alpha", "WINE-1")
    with unit(world.system.sessions) as session:
        problem = Problem(
            code="90220", message="\x1b[31mColour\x1b[0m is missing", field="color", severity=Severity.ERROR
        )
        listings.rejected(session, (row.id,), (problem,), world.clock.now())
    (issue,) = terminal.hub("listings", "issues", "--account", "alpha", "--json").json
    assert (issue["sku"], issue["code"], issue["field"], issue["severity"]) == ("WINE-1", "90220", "color", "error")
    text = terminal.hub("listings", "issues").out
    assert "90220" in text
    assert "\x1b" not in text
