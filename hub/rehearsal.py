"""Rehearsals: each channel's adapter beside its simulator, ready for the conformance kit.

`open_harness("ebay")` starts a simulator on loopback, makes an account for it and hands out the kit's harness;
`run_check("ebay")` runs the whole suite and returns the table that `hub channels check ebay` prints. Third parties name
a function that opens their harness in the entry-point group `hub.rehearsals`.

Simulators and adapters are imported when their channel is rehearsed, so that checking one loads no other's SDK.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import entry_points

from hub.channels import registry
from hub.channels.contract import Capability
from hub.channels.testkit.harness import START, Harness
from hub.channels.testkit.memory import memory_harness
from hub.channels.testkit.table import Result, run_checks
from hub.channels.testkit.truth import CannotDo, SeenListing, SeenOrder, SeenRequest, SeenShipment
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Unknown
from hub.kernel.ids import new_token
from hub.loopback.faults import Fault, FaultKind
from hub.loopback.server import LoopbackServer
from hub.simulators.base import ControlError, LedgerOrder, OrderSpec, Scenario, Simulator

GROUP = "hub.rehearsals"
OpenHarness = Callable[[], AbstractContextManager[Harness]]
Signer = Callable[[str], tuple[Mapping[str, str], bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the hub stores for an account: plain settings and secrets."""

    settings: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)


class SimulatorTruth:
    """A simulator as the kit's channel truth. It is asked in process; only the adapter uses the socket."""

    def __init__(
        self, simulator: Simulator, server: LoopbackServer, clock: FixedClock, signer: Signer | None = None
    ) -> None:
        self.simulator = simulator
        self._server = server
        self._clock = clock
        self._signer = signer

    def add_listing(self, sku: str, quantity: int, *, price_minor: int = 1000, title: str = "") -> None:
        data = {"sku": sku, "quantity": quantity, "price_minor": price_minor, "currency": "EUR", "title": title or sku}
        with self.simulator.lock:
            self.simulator.add_listing(data)

    def place_order(
        self,
        lines: Sequence[tuple[str, int]],
        *,
        pending: bool = False,
        buyer: Mapping[str, str] | None = None,
        ship_to: Mapping[str, str] | None = None,
    ) -> str:
        spec = OrderSpec(lines=list(lines), pending=pending, buyer=dict(buyer or {}), ship_to=dict(ship_to or {}))
        with self.simulator.lock:
            return self.simulator.place_order(spec)

    def amend_order(self, order_id: str, quantities: Mapping[str, int]) -> None:
        lines = {line["sku"]: line["line_id"] for line in self._order(order_id)["lines"]}
        with self.simulator.lock, _cannot():
            self.simulator.amend_order(order_id, {lines[sku]: quantity for sku, quantity in quantities.items()})

    def pay(self, order_id: str) -> str:
        with self.simulator.lock:
            before = {row["order_id"] for row in self.simulator.ledger()["orders"]}
            self.simulator.pay_order(order_id)
            after = {row["order_id"] for row in self.simulator.ledger()["orders"]}
        return order_id if order_id in after else (after - before).pop()

    def cancel(self, order_id: str) -> None:
        with self.simulator.lock:
            self.simulator.cancel_order(order_id)

    def request_cancel(self, order_id: str) -> None:
        with self.simulator.lock, _cannot():
            self.simulator.request_cancel(order_id)

    def observed_stock(self, sku: str) -> int:
        seen = self.observed_listing(sku)
        return 0 if seen is None else seen.quantity

    def observed_listing(self, sku: str) -> SeenListing | None:
        same = [listing for listing in self.observed_listings() if listing.sku == sku]
        return next((listing for listing in same if listing.state == "live"), same[0] if same else None)

    def observed_listings(self) -> Sequence[SeenListing]:
        with self.simulator.lock:
            return [SeenListing(**row) for row in self.simulator.ledger()["listings"]]

    def observed_order(self, order_id: str) -> SeenOrder:
        row = self._order(order_id)
        return SeenOrder(
            order_id=order_id,
            payment=row["payment"],
            cancellation=row["cancellation"],
            total_minor=row["total_minor"],
            currency=row["currency"],
            quantities={line["sku"]: line["quantity"] for line in row["lines"]},
        )

    def observed_shipments(self, order_id: str) -> Sequence[SeenShipment]:
        return [
            SeenShipment(tracking=row["tracking"], carrier=row["carrier"], quantity=sum(row["lines"].values()))
            for row in self._order(order_id)["shipments"]
        ]

    def requests(self) -> Sequence[SeenRequest]:
        with self.simulator.lock:
            return [
                SeenRequest(operation=row["operation"], status=row["status"], fault=row["fault"])
                for row in self.simulator.log
            ]

    def break_next(self, kind: FaultKind, operation: str = "*", times: int | None = 1) -> None:
        self.simulator.plan.arm(Fault(kinds=(kind,), operation=operation, times=times))

    def heal(self) -> None:
        self.simulator.plan.clear()

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        self._server.stop()
        try:
            yield
        finally:
            self._server.start()

    def advance(self, by: timedelta) -> None:
        self._clock.advance(by)

    def webhook(self, order_id: str) -> tuple[Mapping[str, str], bytes]:
        if self._signer is None:
            raise CannotDo("the simulator posts no notifications")
        return self._signer(order_id)

    def _order(self, order_id: str) -> LedgerOrder:
        with self.simulator.lock:
            for row in self.simulator.ledger()["orders"]:
                if row["order_id"] == order_id:
                    return row
        raise KeyError(f"the channel's books hold no order {order_id!r}")


@contextmanager
def _cannot() -> Iterator[None]:
    try:
        yield
    except ControlError as error:
        raise CannotDo(str(error)) from error


# ------------------------------------------------------------------ accounts on simulators


# Limits are the spine's business and are rehearsed with a limiter; a suite of checks would only run into them.
def _calm() -> Scenario:
    return Scenario(enforce_limits=False)


def amazon_account(credentials: Mapping[str, str], url: str) -> Account:
    """Settings and secrets of an account on an Amazon simulator at `url`."""
    plain = ("seller_id", "marketplace_id")
    return Account(
        settings={"api_url": url, "auth_url": url, **{name: credentials[name] for name in plain}},
        secrets={name: credentials[name] for name in ("client_id", "client_secret", "refresh_token")},
    )


def ebay_account(credentials: Mapping[str, str], policies: Mapping[str, str], url: str) -> Account:
    """Settings and secrets of an account on an eBay simulator at `url`."""
    return Account(
        settings={
            **dict.fromkeys(("api_url", "apiz_url", "auth_url", "trading_url"), url),
            "marketplace_id": "EBAY_DE",
            "site_id": "77",
            "category_id": "20636",
            **policies,
        },
        secrets={name: credentials[name] for name in ("client_id", "client_secret", "refresh_token")},
    )


def shopify_account(credentials: Mapping[str, str], url: str, kind: str = "client_credentials") -> Account:
    """Settings and secrets of an account on a Shopify simulator at `url`, with one of the three kinds of credentials."""
    names = {
        "static": ("access_token", "client_secret"),
        "client_credentials": ("client_id", "client_secret"),
        "offline": ("client_id", "client_secret", "refresh_token"),
    }[kind]
    return Account(
        settings={"api_url": url, "shop": credentials["shop"], "credential_kind": kind},
        secrets={name: credentials[name] for name in names},
    )


@contextmanager
def amazon_harness() -> Iterator[Harness]:
    """An Amazon account on a simulator of its own, with credentials of its own."""
    from hub.simulators.amazon import AmazonSimulator

    clock = FixedClock(START)
    simulator = AmazonSimulator(
        clock=clock, scenario=_calm(), credentials=_other("client_id", "client_secret", "refresh_token")
    )
    with simulator.server() as server:
        account = amazon_account(simulator.credentials, server.url)
        yield _harness("amazon", account, SimulatorTruth(simulator, server, clock), clock, amazon_harness, sku_max=40)


@contextmanager
def ebay_harness() -> Iterator[Harness]:
    """An eBay account on a simulator of its own, with credentials of its own."""
    from hub.simulators.ebay import EbaySimulator

    clock = FixedClock(START)
    simulator = EbaySimulator(
        clock=clock, scenario=_calm(), credentials=_other("client_id", "client_secret", "refresh_token")
    )
    with simulator.server() as server:
        account = ebay_account(simulator.credentials, simulator.policies, server.url)
        yield _harness("ebay", account, SimulatorTruth(simulator, server, clock), clock, ebay_harness, sku_max=50)


@contextmanager
def shopify_harness(kind: str = "client_credentials") -> Iterator[Harness]:
    """A Shopify account on a simulator of its own, with credentials of its own."""
    from hub.simulators.shopify import ShopifySimulator

    clock = FixedClock(START)
    names = ("access_token", "client_id", "client_secret", "refresh_token")
    simulator = ShopifySimulator(clock=clock, scenario=_calm(), credentials=_other(*names))
    with simulator.server() as server:
        credentials = simulator.credentials
        truth = SimulatorTruth(simulator, server, clock, _shopify_signer(credentials))
        account = shopify_account(credentials, server.url, kind)
        yield _harness("shopify", account, truth, clock, lambda: shopify_harness(kind), sku_max=255)


def _other(*names: str) -> dict[str, str]:
    """Credentials that no other rehearsal has: a mixed-up token is refused instead of going unnoticed."""
    return {name: f"{name[:3]}-{new_token()}" for name in names}


def _harness(
    channel: str, account: Account, truth: SimulatorTruth, clock: FixedClock, twin: OpenHarness, *, sku_max: int
) -> Harness:
    known = registry.load()
    return Harness(
        manifest=known.manifest(channel),
        channel=truth,
        build=lambda context: known.build(channel, context),
        settings=account.settings,
        secrets=account.secrets,
        clock=clock,
        sku_max=sku_max,
        twin=twin,
    )


def _shopify_signer(credentials: Mapping[str, str]) -> Signer:
    """Signs as Shopify does: base64 of HMAC-SHA256 over the raw body with the client secret (contracts README 4.7)."""

    def sign(order_id: str) -> tuple[Mapping[str, str], bytes]:
        body = json.dumps({"id": 1, "admin_graphql_api_id": order_id, "name": "#1001"}).encode()
        digest = hmac.new(credentials["client_secret"].encode(), body, hashlib.sha256).digest()
        headers = {
            "X-Shopify-Topic": "orders/updated",
            "X-Shopify-Shop-Domain": credentials["shop"],
            "X-Shopify-Webhook-Id": new_token(),
            "X-Shopify-Event-Id": new_token(),
            "X-Shopify-Hmac-SHA256": base64.b64encode(digest).decode(),
        }
        return headers, body

    return sign


# ------------------------------------------------------------------ checking


OWN: Mapping[str, OpenHarness] = {
    "memory": memory_harness,
    "amazon": amazon_harness,
    "ebay": ebay_harness,
    "shopify": shopify_harness,
}


def open_harness(channel: str) -> AbstractContextManager[Harness]:
    """A fresh harness for a channel.

    Raises:
        Unknown: neither one of ours nor named in the entry-point group `hub.rehearsals`.
    """
    if channel in OWN:
        return OWN[channel]()
    for point in entry_points(group=GROUP, name=channel):
        opener: OpenHarness = point.load()
        return opener()
    raise Unknown(
        f"there is nothing to rehearse {channel!r} with",
        field="channel",
        value=channel,
        fix=f"Known: {', '.join(OWN)}; others name their harness in the entry-point group {GROUP}.",
    )


def run_check(channel: str) -> Iterator[Result]:
    """The whole suite for one channel, results as they come, each check on a fresh harness.

    Raises:
        Unknown: there is nothing to rehearse the channel with.
    """
    with open_harness(channel):
        pass  # tell an unknown channel, or one that cannot start, before the first check
    return run_checks(lambda: open_harness(channel))


def table(results: Sequence[Result]) -> dict[str, dict[str, int]]:
    """Group × outcome: how many checks passed, failed and were skipped."""
    counts: dict[str, dict[str, int]] = {}
    for result in results:
        row = counts.setdefault(result.group, {"passed": 0, "failed": 0, "skipped": 0})
        row[result.outcome] += 1
    return counts


def undeclared(channel: str) -> frozenset[Capability]:
    """What the channel says it cannot do: the checks of these are skipped."""
    return frozenset(Capability) - registry.load().manifest(channel).capabilities
