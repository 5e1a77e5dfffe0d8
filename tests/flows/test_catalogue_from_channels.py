"""The whole way at each simulated marketplace: listings that were there before the hub are pulled, matched and accepted;
from then on stock goes to the very item that was accepted, and to no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.session import reading, unit
from hub.kernel.clock import FixedClock
from hub.orders import bindings
from hub.pim.history.note import By, act_as
from hub.pim.matching import clear, pulls, reads
from hub.pim.models import Listing, Product, Variant
from hub.sync import flows
from tests.support.databases import Database
from tests.support.markets import CHANNELS, Market, a_market
from tests.support.world import World, a_world

HOSTILE = "Größe 50% & <b>«M»</b>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    world: World
    market: Market

    def pull(self) -> None:
        with unit(self.world.system.sessions) as session:
            act_as(session, By(kind="person", name="ana"))
            pulls.ask_for(session, self.market.account_id, self.world.clock.now())
        for _ in range(20):
            if not flows.run(self.world.system.hub, self.market.account_id, "listings.pull"):
                break
        with reading(self.world.system.sessions) as session:
            pull = reads.newest_pull(session, self.market.account_id)
            assert pull is not None
            assert (pull.complete, pull.unreadable) == (True, 0)

    def items(self) -> dict[str, reads.ItemRow]:
        with reading(self.world.system.sessions) as session:
            return {row.channel_sku: row for row in reads.page(session, self.market.account_id, limit=500)}

    def variant(self, sku: str) -> int:
        with reading(self.world.system.sessions) as session:
            return session.scalars(select(Variant.id).where(Variant.sku == sku)).one()

    def accept(self, channel_sku: str, sku: str) -> bindings.Bound:
        item = self.items()[channel_sku].id
        with unit(self.world.system.sessions) as session:
            act_as(session, By(kind="person", name="ana"))
            return bindings.accept(session, item, self.variant(sku), self.world.clock.now())


@pytest.fixture(params=CHANNELS)
def scene(request: pytest.FixtureRequest, database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[Scene]:
    with a_world(database, tmp_path, clock) as world, a_market(world.system, request.param, "shop", clock) as market:
        yield Scene(world=world, market=market)


def test_what_was_listed_before_is_pulled_matched_accepted_and_pushed_to(scene: Scene) -> None:
    for sku, quantity in (("CUP-1", 3), ("cup-2", 4), ("OTHER", 6), (HOSTILE, 2)):
        scene.market.listing(sku, quantity)
    for sku, quantity in (("CUP-1", 11), ("CUP-2", 12), ("UNRELATED", 13)):
        scene.world.variant(sku, quantity)
    scene.pull()
    items = scene.items()
    assert {sku: (row.quantity, row.price_minor, row.currency) for sku, row in items.items()} == {
        "CUP-1": (3, 1000, "EUR"), "cup-2": (4, 1000, "EUR"), "OTHER": (6, 1000, "EUR"), HOSTILE: (2, 1000, "EUR"),
    }  # fmt: skip
    assert [(c.sku, c.state) for c in items["CUP-1"].candidates] == [("CUP-1", "proposed")]
    scene.world.settle(rounds=3)
    assert scene.market.shown() == {"CUP-1": 3, "cup-2": 4, "OTHER": 6, HOSTILE: 2}  # nothing by itself

    scene.accept("CUP-1", "CUP-1")
    scene.accept("cup-2", "CUP-2")
    scene.world.settle()
    assert scene.market.shown() == {"CUP-1": 11, "cup-2": 12, "OTHER": 6, HOSTILE: 2}
    with reading(scene.world.system.sessions) as session:
        assert dict(session.execute(select(Listing.channel_sku, Listing.state)).tuples().all()) == {
            "CUP-1": "live", "cup-2": "live",
        }  # fmt: skip


def test_an_order_that_came_before_the_binding_is_reserved_with_it_and_let_go_without_it(scene: Scene) -> None:
    scene.market.listing("their-cup", 5)
    scene.world.variant("OUR-CUP", 9)
    scene.market.order(("their-cup", 2))
    scene.world.settle(rounds=6)
    scene.pull()
    assert scene.world.position("OUR-CUP") == (9, 0)
    assert scene.accept("their-cup", "OUR-CUP").lines == 1
    assert scene.world.position("OUR-CUP") == (9, 2)
    scene.world.settle()
    assert scene.market.shown() == {"their-cup": 7}
    with reading(scene.world.system.sessions) as session:
        item = reads.of_sku(session, scene.market.account_id, "their-cup")
    with unit(scene.world.system.sessions) as session:
        assert bindings.undo(session, item, scene.world.clock.now()).lines == 1
    assert scene.world.position("OUR-CUP") == (9, 0)


def test_a_catalogue_begins_with_what_the_channel_has(scene: Scene) -> None:
    scene.world.variant("SOMETHING", 1)  # there is a location
    scene.market.listing("CUP-1", 3)
    scene.market.listing(HOSTILE, 2)
    scene.pull()
    for sku, row in scene.items().items():
        with unit(scene.world.system.sessions) as session:
            made, _ = bindings.create_from(session, [row.id], scene.world.clock.now())
        assert [one.sku for one in made.decisions] == [sku]
    scene.world.settle()
    assert scene.market.shown() == {"CUP-1": 3, HOSTILE: 2}
    with reading(scene.world.system.sessions) as session:
        titles = set(session.scalars(select(Product.title).where(Product.state == "draft")))
    assert {"CUP-1", HOSTILE} <= titles


def test_the_next_round_brings_what_is_new_and_loses_nothing(scene: Scene) -> None:
    scene.market.listing("CUP-1", 3)
    scene.pull()
    scene.market.listing("CUP-2", 3)
    scene.pull()
    assert set(scene.items()) == {"CUP-1", "CUP-2"}
    with reading(scene.world.system.sessions) as session:
        assert reads.counts(session, scene.market.account_id)["gone"] == 0
        assert clear.look(session, scene.market.account_id, min_score=90).clear == ()
