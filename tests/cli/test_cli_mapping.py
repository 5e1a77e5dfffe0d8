"""`hub mapping`: from an account's own catalogue to bindings, on the command line."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub.db.session import unit
from hub.pim import projections
from hub.pim.models import Product
from tests.support.cli import Terminal
from tests.support.world import World

GTIN = "4006381333931"


@pytest.fixture
def alpha(world: World) -> World:
    shop = world.shop()
    world.variant("CUP-1", 5)
    world.variant("PLATE", 5)
    with unit(world.system.sessions) as session:  # the builders write no product through the catalogue
        projections.touch(session, session.scalars(select(Product.id)).all(), world.clock.now())
        projections.project(session, world.clock.now())
    shop.add_listing("CUP-1", 3, title="CUP-1", price_minor=1299)
    shop.add_listing("plate", 3, title="Plate \x1b[31mred")
    shop.add_listing("SH-S", 4, title="Plain shirt", listing_key="shirt", options={"Size": "S"})
    shop.add_listing("SH-M", 2, title="Plain shirt", listing_key="shirt", options={"Size": "M"})
    return world


def ids(terminal: Terminal, *options: str) -> dict[str, int]:
    rows = terminal.hub("mapping", "list", "alpha", "--json", *options).json
    return {row["channel_sku"]: row["id"] for row in rows}


def test_a_catalogue_is_pulled_looked_at_and_decided(terminal: Terminal, alpha: World) -> None:
    pulled = terminal.hub("mapping", "pull", "alpha", "--json")
    assert (pulled.code, pulled.json["pull"]["items"], pulled.json["pull"]["complete"]) == (0, 4, True)
    terminal.hub("mapping", "propose", "alpha")
    listed = terminal.hub("mapping", "list", "alpha").out
    assert "\x1b" not in listed
    items = ids(terminal)
    shown = terminal.hub("mapping", "show", str(items["CUP-1"]))
    assert "+55 the SKU is the same: CUP-1" in shown.out
    accepted = terminal.hub("mapping", "accept", str(items["CUP-1"]), "--json").json
    assert (accepted["state"], accepted["sku"]) == ("accepted", "CUP-1")
    assert (
        terminal.hub("mapping", "reject", str(items["plate"]), "--sku", "PLATE", "--json").json["state"] == "rejected"
    )
    made = terminal.hub("mapping", "create", str(items["SH-S"]), "--json").json
    assert (made["handle"], [one["sku"] for one in made["decisions"]]) == ("plain-shirt", ["SH-S", "SH-M"])
    assert ids(terminal, "--status", "bound") == {sku: items[sku] for sku in ("CUP-1", "SH-S", "SH-M")}
    assert ids(terminal) == {"plate": items["plate"]}
    back = terminal.hub("mapping", "undo", str(items["CUP-1"]), "--json").json
    assert (back["state"], ids(terminal, "--status", "proposed")) == ("open", {"CUP-1": items["CUP-1"]})


def test_what_is_clear_is_shown_before_it_is_accepted(terminal: Terminal, alpha: World) -> None:
    terminal.hub("mapping", "pull", "alpha")
    seen = terminal.hub("mapping", "accept-clear", "alpha", "--min-score", "55", "--json").json
    assert ([one["sku"] for one in seen["clear"]], seen["accepted"]) == (["CUP-1"], 0)
    assert ids(terminal, "--status", "bound") == {}
    done = terminal.hub("mapping", "accept-clear", "alpha", "--min-score", "55", "--yes", "--json").json
    assert (done["accepted"], set(ids(terminal, "--status", "bound"))) == (1, {"CUP-1"})
    assert terminal.hub("mapping", "accept-clear", "alpha", "--min-score", "10").code == 2


def test_items_are_merged_into_a_product_that_is_there(terminal: Terminal, alpha: World) -> None:
    terminal.hub("mapping", "pull", "alpha")
    items = ids(terminal)
    first = terminal.hub("mapping", "create", str(items["SH-S"]), "--alone", "--json").json
    merged = terminal.hub(
        "mapping", "merge", str(items["SH-M"]), "--into", first["handle"], "--no-stock", "--json"
    ).json
    assert (merged["new_product"], merged["decisions"][0]["listing_id"]) == (False, None)
    assert ids(terminal, "--status", "created") == {"SH-M": items["SH-M"]}


def test_conflicts_are_told_and_refusals_say_what_to_do(terminal: Terminal, alpha: World) -> None:
    assert terminal.hub("mapping", "conflicts").out == "Nothing is at odds.\n"
    terminal.hub("mapping", "pull", "alpha")
    found = terminal.hub("mapping", "conflicts", "--account", "alpha", "--json").json
    assert [(one["kind"], one["items"], one["skus"]) for one in found] == [("sku_case", ["plate"], ["PLATE"])]
    refused = terminal.hub("mapping", "accept", str(ids(terminal)["SH-S"]))
    assert (refused.code, "name the SKU with --sku" in refused.err) == (1, True)
    assert terminal.hub("mapping", "show", "999").code == 1
    assert terminal.hub("mapping", "list", "nobody").code == 1


def test_a_pull_can_be_left_to_the_workers(terminal: Terminal, alpha: World) -> None:
    asked = terminal.hub("mapping", "pull", "alpha", "--later", "--json")
    assert (asked.code, asked.json["pull"]["complete"]) == (0, False)
    alpha.settle(rounds=1)
    assert len(ids(terminal)) == 4
