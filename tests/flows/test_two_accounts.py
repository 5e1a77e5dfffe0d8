"""Two accounts of one channel worked on by several threads at once: nobody ever comes with the other one's token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.channels.contract import ListingRef
from hub.db.session import reading, unit
from hub.kernel.clock import FixedClock, pause
from hub.pim import listings, stock
from hub.pim.models import Variant
from hub.sync import relay
from hub.sync.relay import LocalWorkers
from hub.work.models import WorkItem
from tests.support import builders
from tests.support.databases import Database
from tests.support.markets import CHANNELS, Market, a_market
from tests.support.world import World, a_world

PUSHES = 30
FIRST = 5


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    with a_world(database, tmp_path, clock) as made:
        yield made


def _bind(world: World, markets: dict[str, Market], skus: list[str]) -> None:
    """Listings that stand on the channels already, bound to our variants."""
    for market in markets.values():
        made = {sku: market.listing(sku, 1) for sku in skus}
        with unit(world.system.sessions) as session:
            for variant in session.scalars(select(Variant).order_by(Variant.sku)).all():
                ref = ListingRef(channel_sku=variant.sku, external_id=made[variant.sku])
                listings.bind(session, account_id=market.account_id, variant=variant, ref=ref, now=world.clock.now())


def _count(world: World, skus: list[str], counted: int) -> None:
    with unit(world.system.sessions) as session:
        for sku in skus:
            count = stock.StockCount(sku=sku, location="main", counted=counted, token=f"{sku}:{counted}")
            stock.count(session, count, world.clock.now())


def _until_shown(world: World, workers: LocalWorkers, markets: dict[str, Market], shown: dict[str, int]) -> None:
    """Let time pass, a third of a minute at a time, until both marketplaces show these numbers."""
    for _ in range(60):
        world.clock.advance(timedelta(seconds=20))
        relay.tick(world.system.hub)
        while workers.busy or relay.due(world.system.hub):
            workers.ring()
            pause(0.02)
        if all(market.shown() == shown for market in markets.values()):
            return
    raise AssertionError({name: market.shown() for name, market in markets.items()})


@pytest.mark.parametrize("channel", CHANNELS)
def test_two_accounts_of_one_channel_never_mix_their_tokens(world: World, channel: str) -> None:
    skus = [f"WINE-{number:02d}" for number in range(PUSHES)]
    with unit(world.system.sessions) as session:
        for sku in skus:
            builders.a_variant(session, sku=sku, stock=FIRST)
    with ExitStack() as open_markets:
        # Tokens live for four minutes of the channels' time: new ones are fetched while the work goes on.
        markets = {
            name: open_markets.enter_context(
                a_market(world.system, channel, name, world.clock, token_life_s=240.0, apply_lag_s=1.0, order_lag_s=1.0)
            )
            for name in ("north", "south")
        }
        for name, market in markets.items():
            world.accounts[name] = market.account_id
        workers = LocalWorkers(world.system.hub, threads=4).start()
        try:
            _bind(world, markets, skus)
            _until_shown(world, workers, markets, dict.fromkeys(skus, FIRST))
            world.clock.advance(timedelta(minutes=5))
            _count(world, skus, FIRST + 4)
            _until_shown(world, workers, markets, dict.fromkeys(skus, FIRST + 4))
        finally:
            workers.stop()
        for name, market in markets.items():
            assert 401 not in market.statuses(), name
            assert 403 not in market.statuses(), name
            assert market.simulator.counts["token"] >= 2, name
    with reading(world.system.sessions) as session:
        waiting = session.scalar(select(func.count()).select_from(WorkItem).where(WorkItem.state == "needs_human"))
    assert waiting == 0
