"""An account's catalogue comes in: page by page, resumed, with what is gone marked, and with proposals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.channels.contract import BadListing, ListingPage
from hub.db.session import reading, unit
from hub.kernel.clock import FixedClock
from hub.loopback.faults import FaultKind
from hub.orders import bindings
from hub.pim.history.note import By, act_as
from hub.pim.matching import pulls
from hub.pim.matching.models import CataloguePull, ChannelItem, Match
from hub.pim.models import Variant
from hub.work import items as work
from hub.work.kinds import LISTINGS_PULL
from hub.work.models import WorkItem
from tests.support.databases import Database
from tests.support.world import World, a_world


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    with a_world(database, tmp_path, clock) as made:
        yield made


def ask(world: World, name: str = "alpha") -> None:
    with unit(world.system.sessions) as session:
        act_as(session, By(kind="person", name="ana"))
        pulls.ask_for(session, world.accounts[name], world.clock.now())


def items(world: World) -> dict[str, ChannelItem]:
    with reading(world.system.sessions) as session:
        return {item.channel_sku: item for item in session.scalars(select(ChannelItem))}


def rounds(world: World) -> list[CataloguePull]:
    with reading(world.system.sessions) as session:
        return list(session.scalars(select(CataloguePull).order_by(CataloguePull.id)))


def pull(world: World, *, turns: int = 1) -> None:
    ask(world)
    for _ in range(turns):
        world.run("alpha", "listings.pull")


def test_everything_that_an_account_offers_comes_in_with_its_facts(world: World) -> None:
    shop = world.shop()
    shop.add_listing(
        "CUP-S", 4, price_minor=1250, title="Blue cup", listing_key="cup", options={"Size": "S"}, brand="Acme",
        gtin="4006381333931", images=["https://img.example.test/cup.jpg"], description="<p>A cup.</p>",
    )  # fmt: skip
    shop.add_listing("PLATE", 2)
    pull(world)
    cup, plate = items(world)["CUP-S"], items(world)["PLATE"]
    assert (cup.title, cup.brand, cup.gtin, cup.group_key) == ("Blue cup", "Acme", "04006381333931", "cup")
    assert (cup.price_minor, cup.currency, cup.quantity, cup.state) == (1250, "EUR", 4, "live")
    assert (cup.options, cup.images) == ({"Size": "S"}, ["https://img.example.test/cup.jpg"])
    assert (plate.group_key, plate.gtin, plate.gone_at) == ("", None, None)
    (done,) = rounds(world)
    assert (done.complete, done.items, done.pages, done.gone, done.by) == (True, 2, 1, 0, "ana")


def test_a_long_catalogue_is_taken_over_several_turns_and_nothing_is_lost(world: World) -> None:
    shop = world.shop()
    for number in range(720):
        shop.add_listing(f"S-{number:04d}", 1)
    pull(world, turns=1)
    (half,) = rounds(world)
    assert (half.ended_at, half.pages, half.items) == (None, 5, 500)
    ask(world)  # asked again while it is under way: the same round goes on
    world.run("alpha", "listings.pull")
    (done,) = rounds(world)
    assert (done.complete, done.pages, done.items) == (True, 8, 720)
    assert len(items(world)) == 720


def test_what_a_whole_round_does_not_see_is_gone_and_comes_back_when_seen_again(world: World) -> None:
    shop = world.shop()
    shop.add_listing("KEPT", 1)
    shop.add_listing("ENDED", 1)
    pull(world)
    shop.listings["ENDED"].state = "ended"
    world.clock.advance(timedelta(hours=1))
    pull(world)
    seen = items(world)
    assert (seen["KEPT"].gone_at, seen["ENDED"].gone_at) == (None, world.clock.now())
    assert rounds(world)[-1].gone == 1
    shop.listings["ENDED"].state = "live"
    pull(world)
    assert items(world)["ENDED"].gone_at is None


def test_trouble_with_the_channel_is_tried_again_from_the_same_place(world: World) -> None:
    shop = world.shop()
    for number in range(150):
        shop.add_listing(f"S-{number:04d}", 1)
    ask(world)
    shop.break_next(FaultKind.UNAVAILABLE, "listListings")
    world.run("alpha", "listings.pull")
    assert rounds(world)[0].pages == 0
    world.clock.advance(timedelta(minutes=5))
    world.run("alpha", "listings.pull")
    assert (rounds(world)[0].complete, len(items(world))) == (True, 150)


def test_a_forgotten_place_begins_the_round_again(world: World) -> None:
    world.shop().add_listing("CUP", 1)
    ask(world)
    with unit(world.system.sessions) as session:
        started = pulls.current(session, world.accounts["alpha"])
        assert started is not None
        started.cursor = '{"somebody": "else"}'
    world.run("alpha", "listings.pull")
    assert (rounds(world)[0].cursor, rounds(world)[0].ended_at) == (None, None)
    world.clock.advance(timedelta(minutes=1))
    world.run("alpha", "listings.pull")
    assert (rounds(world)[0].complete, set(items(world))) == (True, {"CUP"})


def test_nothing_is_gone_while_a_nameless_listing_was_unreadable(world: World) -> None:
    shop = world.shop()
    shop.add_listing("CUP", 1)
    pull(world)
    ask(world)
    bad = (BadListing(why="no shape"), BadListing(why="no price", key="L-000009"))
    with unit(world.system.sessions) as session:
        started = pulls.current(session, world.accounts["alpha"])
        assert started is not None
        page = ListingPage(listings=(), cursor="{}", has_more=False, bad=bad)
        pulls.take(session, started, page, world.clock.now())
    assert items(world)["CUP"].gone_at is None
    done = rounds(world)[-1]
    assert (done.unreadable, done.problems[0]["key"], done.gone) == (2, None, 0)


def test_proposals_come_with_the_pull_and_nothing_is_bound_by_itself(world: World) -> None:
    shop = world.shop()
    world.variant("CUP-1", 5)
    shop.add_listing("CUP-1", 3)
    shop.add_listing("OTHER", 3)
    pull(world)
    with reading(world.system.sessions) as session:
        found = session.execute(
            select(ChannelItem.channel_sku, Variant.sku, Match.state, Match.score)
            .join(Match, Match.item_id == ChannelItem.id)
            .join(Variant, Variant.id == Match.variant_id)
        ).all()
        wanted = set(session.scalars(select(WorkItem.kind)))
    assert [(row[0], row[1], row[2]) for row in found] == [("CUP-1", "CUP-1", "proposed")]
    assert found[0].score >= 55
    assert "stock.push" not in wanted
    assert shop.observed_stock("CUP-1") == 3


def test_an_order_that_waited_is_mapped_and_reserved_once_its_item_is_accepted(world: World) -> None:
    """The order came before anybody said what was bought; taking the decision back lets it wait again."""
    shop = world.shop()
    mine = world.variant("OUR-CUP", 5)
    shop.add_listing("their-cup", 4)
    shop.place_order([("their-cup", 2)])
    world.settle(rounds=2)
    assert world.position("OUR-CUP") == (5, 0)
    pull(world)
    item = items(world)["their-cup"].id
    with unit(world.system.sessions) as session:
        bound = bindings.accept(session, item, mine, world.clock.now())
    assert (bound.lines, world.position("OUR-CUP")) == (1, (5, 2))
    world.settle(rounds=4)
    assert shop.observed_stock("their-cup") == 3
    with unit(world.system.sessions) as session:
        back = bindings.undo(session, item, world.clock.now())
    assert (back.lines, world.position("OUR-CUP")) == (1, (5, 0))
    with unit(world.system.sessions) as session:
        again = bindings.accept(session, item, mine, world.clock.now())
    assert (again.lines, world.position("OUR-CUP")) == (1, (5, 2))


def test_what_was_created_from_the_channel_stays_on_sale_with_its_count(world: World) -> None:
    shop = world.shop()
    world.variant("SOMETHING", 1)  # there is a location
    shop.add_listing("CUP", 4, title="Blue cup")
    pull(world)
    with unit(world.system.sessions) as session:
        made, lines = bindings.create_from(session, [items(world)["CUP"].id], world.clock.now())
    assert (made.handle, lines) == ("blue-cup", 0)
    world.settle(rounds=4)
    assert (shop.observed_stock("CUP"), world.position("CUP")) == (4, (4, 0))
    assert world.listing("alpha", "CUP").state == "live"


def test_an_account_without_a_round_under_way_has_nothing_to_pull(world: World) -> None:
    world.shop().add_listing("CUP", 1)
    pull(world)
    with unit(world.system.sessions) as session:
        work.want(session, LISTINGS_PULL, world.accounts["alpha"], "*", world.clock.now())
    assert world.run("alpha", "listings.pull") == 1
    assert len(rounds(world)) == 1
