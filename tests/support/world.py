"""A hub on memory marketplaces with a clock that stands still: what the flow tests drive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import select

from hub.channels.memory.marketplace import MemoryMarketplace, close_marketplace, put_marketplace
from hub.config import Settings
from hub.db.session import reading, unit
from hub.kernel.clock import FixedClock
from hub.kernel.ids import AccountId
from hub.pim import listings, stock
from hub.pim.models import Listing, StockPosition, Variant
from hub.sync import flows, relay
from hub.wiring import System, add_account, build
from hub.work.models import Account
from tests.support import builders, databases
from tests.support.databases import Database

_names = count(1)


@dataclass(slots=True, kw_only=True)
class World:
    system: System
    clock: FixedClock
    shops: dict[str, MemoryMarketplace] = field(default_factory=dict)
    accounts: dict[str, AccountId] = field(default_factory=dict)

    def shop(
        self,
        name: str = "alpha",
        *,
        buffer: int = 0,
        cap: int | None = None,
        stock_write: str = "absolute",
        stock_answer: str = "now",
        **options: float,
    ) -> MemoryMarketplace:
        """A marketplace and the account that sells there."""
        unique = f"{name}-{next(_names)}"
        shop = put_marketplace(MemoryMarketplace(name=unique, clock=self.clock, api_key="key-" + unique, **options))
        account = add_account(
            self.system, channel="memory", name=name,
            settings={"marketplace": unique, "stock_write": stock_write, "stock_answer": stock_answer},
            secrets={"api_key": "key-" + unique, "webhook_secret": "hush"}, currency="EUR", now=self.clock.now(),
            buffer=buffer, cap=cap,
        )  # fmt: skip
        self.shops[name] = shop
        self.accounts[name] = AccountId(account.id)
        return shop

    def variant(self, sku: str, quantity: int) -> int:
        with unit(self.system.sessions) as session:
            return builders.a_variant(session, sku=sku, stock=quantity).id

    def publish(self, *names: str) -> None:
        """Everything on these accounts (default: all), live before this returns."""
        with unit(self.system.sessions) as session:
            products = list(session.scalars(select(Variant.product_id)))
            for name in names or self.accounts:
                account = session.get(Account, self.accounts[name])
                assert account is not None
                listings.want_published(session, account, products, self.clock.now())
        self.settle()

    def run(self, name: str, kind: str) -> int:
        return flows.run(self.system.hub, self.accounts[name], kind)

    def settle(self, *, rounds: int = 12, step_s: float = 60.0) -> None:
        """Let time pass in steps until everything that can be done is done."""
        for _ in range(rounds):
            relay.tick(self.system.hub)
            relay.drain(self.system.hub)
            self.clock.advance(timedelta(seconds=step_s))
        relay.tick(self.system.hub)
        relay.drain(self.system.hub)

    def listing(self, name: str, sku: str) -> Listing:
        with reading(self.system.sessions) as session:
            return session.scalars(
                select(Listing).where(Listing.account_id == self.accounts[name], Listing.channel_sku == sku)
            ).one()

    def position(self, sku: str) -> tuple[int, int]:
        """(on_hand, reserved) over all locations."""
        with reading(self.system.sessions) as session:
            rows = session.execute(
                select(StockPosition.on_hand, StockPosition.reserved)
                .join(Variant, Variant.id == StockPosition.variant_id)
                .where(Variant.sku == sku)
            ).all()
            return sum(r.on_hand for r in rows), sum(r.reserved for r in rows)

    def receive(self, sku: str, units: int, token: str) -> None:
        with unit(self.system.sessions) as session:
            code = session.scalars(select(stock.Location.code).order_by(stock.Location.priority)).first() or ""
            stock.change(
                session,
                stock.StockChange(
                    sku=sku, location=code, delta=units, token=token, kind="receive" if units > 0 else "adjust"
                ),
                self.clock.now(),
            )

    def shown(self, sku: str) -> dict[str, int]:
        """What each marketplace itself shows."""
        return {name: shop.observed_stock(sku) for name, shop in self.shops.items()}


@contextmanager
def a_world(database: Database, home: Path, clock: FixedClock) -> Iterator[World]:
    system = build(
        Settings(home=home, database_url=database.url, secret_key=databases.SECRET_KEY, lease_s=90.0), clock=clock
    )
    world = World(system=system, clock=clock)
    try:
        yield world
    finally:
        system.close()
        for shop in world.shops.values():
            close_marketplace(shop.name)
