"""The memory channel as a harness: the kit's own reference, and the base of the deliberately wrong adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from hub.channels.contract import Adapter, BuildContext
from hub.channels.memory.adapter import build
from hub.channels.memory.manifest import MANIFEST
from hub.channels.memory.marketplace import (
    Listing,
    MemoryMarketplace,
    close_marketplace,
    put_marketplace,
)
from hub.channels.testkit.harness import START, Harness
from hub.channels.testkit.truth import SeenListing, SeenOrder, SeenRequest, SeenShipment
from hub.kernel.clock import FixedClock
from hub.kernel.ids import new_token
from hub.loopback.faults import FaultKind


class MemoryTruth:
    """The truth of a memory marketplace."""

    def __init__(self, shop: MemoryMarketplace, clock: FixedClock) -> None:
        self.shop = shop
        self._clock = clock

    def add_listing(self, sku: str, quantity: int, *, price_minor: int = 1000, title: str = "") -> None:
        self.shop.add_listing(sku, quantity, price_minor=price_minor, title=title)

    def place_order(
        self,
        lines: Sequence[tuple[str, int]],
        *,
        pending: bool = False,
        buyer: Mapping[str, str] | None = None,
        ship_to: Mapping[str, str] | None = None,
    ) -> str:
        return self.shop.place_order(lines, pending=pending, buyer=buyer, ship_to=ship_to)

    def amend_order(self, order_id: str, quantities: Mapping[str, int]) -> None:
        lines = {line.sku: line.line_id for line in self.shop.orders[order_id].lines}
        self.shop.amend_order(order_id, {lines[sku]: quantity for sku, quantity in quantities.items()})

    def pay(self, order_id: str) -> str:
        self.shop.pay_order(order_id)
        return order_id

    def cancel(self, order_id: str) -> None:
        self.shop.cancel_order(order_id)

    def request_cancel(self, order_id: str) -> None:
        self.shop.request_cancel(order_id)

    def observed_stock(self, sku: str) -> int:
        return self.shop.observed_stock(sku)

    def observed_listing(self, sku: str) -> SeenListing | None:
        found = self.shop.observed_listing(sku)
        return None if found is None else self._seen(found)

    def observed_listings(self) -> Sequence[SeenListing]:
        return [self._seen(listing) for listing in self.shop.listings.values()]

    def _seen(self, listing: Listing) -> SeenListing:
        waiting = listing.state == "live" and listing.live_at > self.shop.now()
        return SeenListing(
            sku=listing.sku,
            external_id=listing.external_id,
            state="accepted" if waiting else listing.state,
            quantity=listing.quantity,
            price_minor=listing.price_minor,
            currency=listing.currency,
            title=listing.title,
        )

    def observed_order(self, order_id: str) -> SeenOrder:
        order = self.shop.orders[order_id]
        return SeenOrder(
            order_id=order_id,
            payment=order.payment,
            cancellation=order.cancellation,
            total_minor=sum(line.price_minor * line.quantity for line in order.lines) + order.shipping_minor,
            currency=order.currency,
            quantities={line.sku: line.quantity for line in order.lines},
        )

    def observed_shipments(self, order_id: str) -> Sequence[SeenShipment]:
        return [
            SeenShipment(tracking=parcel.tracking, carrier=parcel.carrier, quantity=sum(parcel.lines.values()))
            for parcel in self.shop.observed_parcels(order_id)
        ]

    def requests(self) -> Sequence[SeenRequest]:
        return [
            SeenRequest(operation=row.operation, status=row.status, fault=row.fault.value if row.fault else None)
            for row in self.shop.requests()
        ]

    def break_next(self, kind: FaultKind, operation: str = "*", times: int | None = 1) -> None:
        self.shop.break_next(kind, operation, times)

    def heal(self) -> None:
        self.shop.plan.clear()

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        self.shop.reachable = False
        try:
            yield
        finally:
            self.shop.reachable = True

    def advance(self, by: timedelta) -> None:
        self._clock.advance(by)

    def webhook(self, order_id: str) -> tuple[Mapping[str, str], bytes]:
        return self.shop.webhook(order_id)


@contextmanager
def memory_harness(
    factory: Callable[[BuildContext], Adapter] = build,
    *,
    stock_write: str = "absolute",
    stock_answer: str = "now",
    order_lag_s: float = 0.0,
    publish_s: float = 30.0,
) -> Iterator[Harness]:
    """A marketplace of its own (random name and keys) and an adapter for it; `factory` may build another adapter."""
    clock = FixedClock(START)
    name, api_key, webhook_secret = (new_token() for _ in range(3))
    shop = MemoryMarketplace(
        name=name,
        clock=clock,
        api_key=api_key,
        webhook_secret=webhook_secret,
        order_lag_s=order_lag_s,
        publish_s=publish_s,
    )
    put_marketplace(shop)
    settings = {"marketplace": name, "stock_write": stock_write, "stock_answer": stock_answer}
    harness = Harness(
        manifest=MANIFEST,
        channel=MemoryTruth(shop, clock),
        build=factory,
        settings=settings,
        secrets={"api_key": api_key, "webhook_secret": webhook_secret},
        clock=clock,
        sku_max=100,
        twin=lambda: memory_harness(factory, stock_write=stock_write, stock_answer=stock_answer),
    )
    try:
        yield harness
    finally:
        close_marketplace(name)
