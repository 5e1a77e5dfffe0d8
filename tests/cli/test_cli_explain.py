"""`hub explain` on the command line."""

from __future__ import annotations

from datetime import timedelta

from tests.support.cli import Terminal
from tests.support.world import World


def test_explain_prints_the_sum_and_as_json_every_fact(world: World, terminal: Terminal) -> None:
    world.shop("alpha", buffer=1)
    world.variant("WINE-1", 0)
    world.receive("WINE-1", 9, "t1")  # now: the ledger of the past counts what came before
    world.publish()
    world.clock.advance(timedelta(seconds=1))
    lines = terminal.hub("explain", "alpha", "WINE-1").out.splitlines()
    assert lines[0] == "WINE-1 on alpha (memory), listing live"
    assert lines[9] == "publishable       8"
    found = terminal.hub("explain", "alpha", "WINE-1", "--json").json
    assert (found["sum"]["publishable"], found["belief"]["quantity"], found["sent"]["quantity"]) == (8, 8, 8)
    past = terminal.hub("explain", "alpha", "WINE-1", "--at", world.clock.now().isoformat(), "--json").json
    assert (past["sum"], past["waiting"]["state"]) == (found["sum"], "unknown")


def test_explain_refuses_what_it_does_not_know(world: World, terminal: Terminal) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 9)
    assert terminal.hub("explain", "alpha", "WINE-1").err == (
        "hub: 'WINE-1' is not listed on alpha (publish it there first)\n"
    )
    assert terminal.hub("explain", "alpha", "WINE-1", "--at", "yesterday").code == 2
    assert terminal.hub("explain", "alpha", "WINE-1", "--at", "2026-11-22T09:00:00").code == 2  # whose nine o'clock?
