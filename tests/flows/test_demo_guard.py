"""The demo never touches an account of a real seller, and finds its marketplaces wherever they listen this time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from hub.db.session import reading
from hub.demo import shop
from hub.demo.marketplaces import Marketplace
from hub.kernel.clock import FixedClock
from hub.kernel.errors import NotAllowedNow
from hub.simulators.shopify import ShopifySimulator
from hub.wiring import add_account
from hub.work.models import Account
from tests.support.databases import Database
from tests.support.world import World, a_world


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    with a_world(database, tmp_path, clock) as made:
        yield made


@pytest.fixture
def place(clock: FixedClock) -> Iterator[Marketplace]:
    with ShopifySimulator(clock=clock).server() as server, httpx.Client(trust_env=False) as client:
        yield Marketplace(channel="shopify", url=server.url, client=client)


def set_up(world: World, place: Marketplace) -> None:
    shop.set_up(world.system, {"shopify": place}, lambda text: None, timeout_s=5)


def settings(world: World) -> dict[str, str]:
    with reading(world.system.sessions) as session:
        return dict(session.scalars(select(Account.settings)).one())


def test_an_account_of_a_real_shop_is_left_alone(world: World, place: Marketplace) -> None:
    add_account(
        world.system, channel="shopify", name="shopify", currency="EUR", now=world.clock.now(),
        settings={"api_url": "https://wines.myshopify.com", "shop": "wines.myshopify.com", "credential_kind": "static"},
        secrets={"access_token": "shpat_real", "client_secret": "hush"},
    )  # fmt: skip
    with pytest.raises(NotAllowedNow, match="not of the demo"):
        set_up(world, place)
    assert settings(world)["api_url"] == "https://wines.myshopify.com"


def test_setting_up_again_follows_the_marketplace_to_its_new_address(world: World, place: Marketplace) -> None:
    set_up(world, place)
    first = settings(world)
    with ShopifySimulator(clock=world.clock).server() as server:
        set_up(world, Marketplace(channel="shopify", url=server.url, client=place.client))
        assert settings(world) == {**first, "api_url": server.url}
