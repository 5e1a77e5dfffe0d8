"""`hub kits`, and what other commands say of kits."""

from __future__ import annotations

from tests.support.cli import Terminal
from tests.support.world import World


def test_a_kit_is_made_shown_changed_and_taken_apart(world: World, terminal: Terminal) -> None:
    for sku, units in (("BOTTLE", 20), ("WINE:RED", 5), ("CASE", 0)):
        world.variant(sku, units)
    made = terminal.hub("kits", "set", "CASE", "--component", "BOTTLE:6", "--component", "WINE:RED:1", "--json").json
    assert (made["changed"], made["available"], made["version"]) == (True, 3, 1)
    assert [(p["sku"], p["per_kit"], p["kits"], p["limits"]) for p in made["parts"]] == [
        ("BOTTLE", 6, 3, True), ("WINE:RED", 1, 5, False),
    ]  # fmt: skip
    assert [(p["location"], p["available"]) for p in made["locations"]] == [("main", 3)]
    text = terminal.hub("kits", "show", "CASE").out
    assert "3 can be sold." in text
    assert "limits" in text
    assert [kit["sku"] for kit in terminal.hub("kits", "list", "--json").json] == ["CASE"]
    seen = terminal.hub("stock", "show", "CASE", "--json").json
    assert (seen["on_hand"], seen["available"], [part["sku"] for part in seen["parts"]]) == (
        3,
        3,
        ["BOTTLE", "WINE:RED"],
    )
    assert "A kit. There is of its components:" in terminal.hub("stock", "show", "CASE").out

    changed = terminal.hub("kits", "set", "CASE", "--component", "BOTTLE:3", "--json").json
    assert (changed["changed"], changed["available"]) == (True, 6)
    assert terminal.hub("kits", "remove", "CASE", "--json").json == {"sku": "CASE", "changed": True}
    assert terminal.hub("kits", "remove", "CASE", "--json").json == {"sku": "CASE", "changed": False}
    assert terminal.hub("kits", "list", "--json").json == []


def test_refusals_name_their_reason(world: World, terminal: Terminal) -> None:
    world.variant("BOTTLE", 20)
    world.variant("CASE", 0)
    assert terminal.hub("kits", "set", "CASE", "--component", "BOTTLE").code == 2
    assert terminal.hub("kits", "set", "CASE").code == 2
    refused = terminal.hub("kits", "set", "BOTTLE", "--component", "CASE:1")
    assert refused.code == 1
    assert "20 of BOTTLE are in stock" in refused.err
    assert terminal.hub("kits", "show", "CASE").code == 1
    terminal.hub("kits", "set", "CASE", "--component", "BOTTLE:6")
    received = terminal.hub("stock", "receive", "CASE", "3")
    assert received.code == 1
    assert "CASE is a kit and has no stock of its own" in received.err
    circle = terminal.hub("kits", "set", "CASE", "--component", "CASE:1")
    assert (circle.code, "cannot contain itself" in circle.err) == (1, True)
