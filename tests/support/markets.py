"""Accounts of a hub on the simulated marketplaces, each with credentials that no other has, on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hub import rehearsal
from hub.kernel.clock import Clock
from hub.kernel.ids import AccountId, new_token
from hub.loopback.server import LoopbackServer
from hub.rehearsal import Account
from hub.simulators.amazon import AmazonSimulator
from hub.simulators.base import OrderSpec, Scenario, Simulator
from hub.simulators.ebay import EbaySimulator
from hub.simulators.shopify import ShopifySimulator
from hub.wiring import System, add_account

CHANNELS = ("amazon", "ebay", "shopify")


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A simulated marketplace and the account that sells there."""

    simulator: Simulator
    server: LoopbackServer
    account_id: AccountId

    def order(self, *lines: tuple[str, int]) -> str:
        with self.simulator.lock:
            return self.simulator.place_order(OrderSpec(lines=list(lines), force=True))

    def tell(self, order_id: str, verb: str) -> None:
        """The order verbs of the control API."""
        with self.simulator.lock:
            self.simulator._order_verb(order_id, verb, {})

    def listing(self, sku: str, quantity: int) -> str:
        """A listing made by hand; its external id."""
        data = {"sku": sku, "quantity": quantity, "price_minor": 1000, "currency": "EUR", "title": sku}
        with self.simulator.lock:
            return self.simulator.add_listing(data)

    def shown(self) -> dict[str, int]:
        with self.simulator.lock:
            return {row["sku"]: row["quantity"] for row in self.simulator.ledger()["listings"]}

    def statuses(self) -> set[int | None]:
        with self.simulator.lock:
            return {row["status"] for row in self.simulator.log}


@contextmanager
def a_market(
    system: System, channel: str, name: str, clock: Clock, *, settings: dict[str, str] | None = None, **scenario: object
) -> Iterator[Market]:
    """A marketplace of its own on `clock`, and an account named `name` on it."""
    simulator = _simulator(channel, clock, Scenario(enforce_limits=False, **scenario))  # type: ignore[arg-type]
    with simulator.server() as server:
        reach = _reach(simulator, server.url)
        account = add_account(
            system, channel=channel, name=name, settings={**reach.settings, **(settings or {})}, secrets=reach.secrets,
            currency="EUR", now=clock.now(),
        )  # fmt: skip
        yield Market(simulator=simulator, server=server, account_id=AccountId(account.id))


def _simulator(channel: str, clock: Clock, scenario: Scenario) -> Simulator:
    own = {name: f"{name}-{new_token()}" for name in ("access_token", "client_id", "client_secret", "refresh_token")}
    if channel == "shopify":
        return ShopifySimulator(clock=clock, scenario=scenario, credentials=own)
    own.pop("access_token")
    if channel == "amazon":
        return AmazonSimulator(clock=clock, scenario=scenario, credentials=own)
    return EbaySimulator(clock=clock, scenario=scenario, credentials=own)


def _reach(simulator: Simulator, url: str) -> Account:
    given = simulator.account()
    if simulator.channel == "amazon":
        return rehearsal.amazon_account(given["credentials"], url)
    if simulator.channel == "ebay":
        return rehearsal.ebay_account(given["credentials"], given["policies"], url)
    return rehearsal.shopify_account(given["credentials"], url)
