"""Every operation that an adapter may declare, as something to run again and again while the channel misbehaves.

Each operation knows, from the channel's own truth, whether its effect is there. That is how the fault matrix tells an
honest «unknown» from a wrong «done» or a wrong «not done», without knowing which requests an adapter makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from hub.channels.contract import (
    Adapter,
    CancelsOrders,
    Capability,
    ChannelError,
    ChannelOrder,
    ConfirmsShipments,
    EndsListings,
    FindsShipments,
    ListingRef,
    Outcome,
    PublishesListings,
    PullsListings,
    PullsOrders,
    PushesPrices,
    PushesStock,
    ReadsListings,
    Submitted,
)
from hub.channels.testkit.check_shipments import cancellation, parcel
from hub.channels.testkit.check_stock import level, price
from hub.channels.testkit.harness import Harness


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One go at an operation. `effect` None = reading. `sku` finds the item in a finished ticket."""

    run: Callable[[], object]
    effect: Callable[[], bool] | None = None
    sku: str = ""


@dataclass(slots=True, kw_only=True)
class Operation:
    """`fresh` prepares a new attempt, before anything is broken."""

    name: str
    writing: bool
    fresh: Callable[[], Attempt]


@dataclass(slots=True, kw_only=True)
class Told:
    """What an attempt came to: an outcome or result, or the error that was raised."""

    result: object = None
    error: ChannelError | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        if self.error is None:
            return f"{type(self.result).__name__} {str(self.result)[:160]}"
        return f"{type(self.error).__name__} ({self.error}; {self.error.detail[:160]})"


@dataclass(slots=True)
class _Stage:
    """What the operations share on one harness: a listing, an order with many units, an adapter."""

    harness: Harness
    adapter: Adapter
    _ref: ListingRef | None = None
    _order: ChannelOrder | None = None
    _buyable: str | None = None
    _on_sale: list[ListingRef] = field(default_factory=list)
    _parcels: int = 0

    @property
    def ref(self) -> ListingRef:
        if self._ref is None:
            self._ref = self.harness.listing(self.adapter, quantity=900)
        return self._ref

    @property
    def buyable(self) -> str:
        """A listing that nobody writes to: a fault may leave the other one sold out."""
        if self._buyable is None:
            self._buyable = self.harness.listing(self.adapter, quantity=900).channel_sku
        return self._buyable

    @property
    def order(self) -> ChannelOrder:
        if self._order is None:
            self._order = self.harness.order(self.adapter, [(self.buyable, 400)])
        return self._order

    # ------------------------------------------------------------ one method per operation

    def stock(self) -> Attempt:
        adapter, harness, ref = self.adapter, self.harness, self.ref
        assert isinstance(adapter, PushesStock)
        item = level(harness, ref, 1000 + harness.number())
        return Attempt(
            run=lambda: _only(adapter.push_stock([item])),
            effect=lambda: harness.channel.observed_stock(ref.channel_sku) == item.quantity,
            sku=ref.channel_sku,
        )

    def price(self) -> Attempt:
        adapter, harness, ref = self.adapter, self.harness, self.ref
        assert isinstance(adapter, PushesPrices)
        item = price(harness, ref, 5000 + harness.number())

        def there() -> bool:
            seen = harness.channel.observed_listing(ref.channel_sku)
            return seen is not None and seen.price_minor == item.price.minor

        return Attempt(run=lambda: _only(adapter.push_prices([item])), effect=there, sku=ref.channel_sku)

    def create(self) -> Attempt:
        adapter, harness = self.adapter, self.harness
        assert isinstance(adapter, PublishesListings)
        draft = harness.draft(harness.fresh_sku("NEW"))
        sku = draft.variants[0].channel_sku

        def there() -> bool:
            seen = harness.channel.observed_listing(sku)
            return seen is not None and seen.state == "live"

        return Attempt(run=lambda: adapter.publish_listing(draft), effect=there, sku=sku)

    def revise(self) -> Attempt:
        adapter, harness, ref = self.adapter, self.harness, self.ref
        assert isinstance(adapter, PublishesListings)
        title, minor = f"Revised knife {harness.number():05d}", 3000 + harness.number()
        seen = harness.channel.observed_listing(ref.channel_sku)
        draft = harness.draft(
            ref.channel_sku,
            title=title,
            price_minor=minor,
            quantity=seen.quantity if seen else 1,
            refs=[ref],
        )
        draft = replace(draft, revision=harness.number())

        def there() -> bool:
            # Whole: a revision that stopped half-way is not applied, and is simply made again.
            seen = harness.channel.observed_listing(ref.channel_sku)
            return seen is not None and (seen.title, seen.price_minor) == (title, minor)

        return Attempt(run=lambda: adapter.publish_listing(draft), effect=there, sku=ref.channel_sku)

    def end(self) -> Attempt:
        adapter, harness = self.adapter, self.harness
        assert isinstance(adapter, EndsListings)

        def on_sale(ref: ListingRef) -> bool:
            seen = harness.channel.observed_listing(ref.channel_sku)
            return seen is not None and seen.state == "live"

        self._on_sale = [ref for ref in self._on_sale if on_sale(ref)] or [harness.listing(adapter)]
        ref = self._on_sale[0]
        return Attempt(run=lambda: adapter.end_listing(ref), effect=lambda: not on_sale(ref), sku=ref.channel_sku)

    def read(self) -> Attempt:
        adapter, ref = self.adapter, self.ref
        assert isinstance(adapter, ReadsListings)
        return Attempt(run=lambda: adapter.read_listings([ref]))

    def pull_listings(self) -> Attempt:
        adapter = self.adapter
        assert isinstance(adapter, PullsListings)
        self.ref  # noqa: B018 - there is something to pull
        return Attempt(run=lambda: adapter.pull_listings(None, limit=5))

    def pull(self) -> Attempt:
        adapter = self.adapter
        assert isinstance(adapter, PullsOrders)
        self.order  # noqa: B018 - there is something to pull
        return Attempt(run=lambda: adapter.pull_orders(None, limit=5))

    def read_order(self) -> Attempt:
        adapter, order = self.adapter, self.order
        assert isinstance(adapter, PullsOrders)
        return Attempt(run=lambda: adapter.read_order(order.order_id))

    def confirm(self) -> Attempt:
        adapter, harness, order = self.adapter, self.harness, self.order
        assert isinstance(adapter, ConfirmsShipments)
        self._parcels += 1
        sent = parcel(harness, order, units=1, package=self._parcels)

        def there() -> bool:
            return any(s.tracking == sent.tracking for s in harness.channel.observed_shipments(order.order_id))

        return Attempt(run=lambda: adapter.confirm_shipment(sent), effect=there, sku=order.order_id)

    def find(self) -> Attempt:
        adapter, order = self.adapter, self.order
        assert isinstance(adapter, FindsShipments)
        return Attempt(run=lambda: adapter.find_shipment(order.order_id, "NOT-THERE"))

    def cancel(self) -> Attempt:
        adapter, harness = self.adapter, self.harness
        assert isinstance(adapter, CancelsOrders)
        order = harness.order(adapter, [(self.buyable, 1)])
        request = cancellation(harness, order)
        return Attempt(
            run=lambda: adapter.cancel_order(request),
            effect=lambda: harness.channel.observed_order(order.order_id).cancellation == "cancelled",
            sku=order.order_id,
        )

    def probe(self) -> Attempt:
        return Attempt(run=self.adapter.probe)


def operations(harness: Harness, adapter: Adapter) -> Iterator[Operation]:
    """Those that the manifest declares."""
    stage = _Stage(harness, adapter)
    orders = Capability.ORDERS
    table: Sequence[tuple[str, bool, Callable[[], Attempt], tuple[Capability, ...]]] = (
        ("probe", False, stage.probe, ()),
        ("push_stock", True, stage.stock, (Capability.STOCK,)),
        ("push_prices", True, stage.price, (Capability.PRICE,)),
        ("publish_listing (new)", True, stage.create, (Capability.LISTINGS,)),
        ("publish_listing (revision)", True, stage.revise, (Capability.LISTINGS,)),
        ("read_listings", False, stage.read, (Capability.READ_LISTINGS,)),
        ("pull_listings", False, stage.pull_listings, (Capability.PULL_LISTINGS,)),
        ("pull_orders", False, stage.pull, (orders,)),
        ("read_order", False, stage.read_order, (orders,)),
        ("confirm_shipment", True, stage.confirm, (Capability.SHIPMENTS, orders)),
        ("find_shipment", False, stage.find, (Capability.FIND_SHIPMENT, orders)),
        ("cancel_order", True, stage.cancel, (Capability.CANCELLATIONS, orders)),
        ("end_listing", True, stage.end, (Capability.END_LISTINGS,)),
    )
    for name, writing, fresh, needs in table:
        if set(needs) <= harness.manifest.capabilities:
            yield Operation(name=name, writing=writing, fresh=fresh)


def requests_of(harness: Harness, attempt: Attempt) -> list[str]:
    """The names of the requests that the operation makes when all is well, each once, in order."""
    before = len(harness.channel.requests())
    with suppress(ChannelError):
        attempt.run()
    names = [row.operation for row in harness.channel.requests()[before:]]
    harness.settle()
    return list(dict.fromkeys(names))


def finished(harness: Harness, adapter: Adapter, told: Told, sku: str) -> Told:
    """With tickets polled to their end and the channel's lags let pass."""
    if isinstance(told.result, Submitted):
        outcome: Outcome = harness.finish(adapter, told.result, sku)
        return Told(result=outcome, seconds=told.seconds)
    harness.settle()
    return told


def _only(outcomes: Sequence[Outcome]) -> Outcome:
    if len(outcomes) != 1:
        raise AssertionError(f"one item was sent and {len(outcomes)} outcomes came back")
    return outcomes[0]
