"""The remote side of the memory channel: a marketplace that lives in this process.

This is the channel, not the adapter. It stands where a network and a company would be: it owns listings, stock, orders
and parcels, keeps a request log, can be told to break, and takes its time from the clock it is given. The adapter
reaches it only through `counter.exchange`, which speaks bytes and statuses as a wire would; what stands here is for those
who play the buyer, the channel's own screens, or the observer of the truth.

`_OPEN` is a process-wide table of marketplaces by name. It is the «internet» of this channel: the only way an adapter,
which must not keep state, can find the same remote side twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hub.kernel.clock import Clock
from hub.loopback.faults import Fault, FaultKind, FaultPlan

CARRIERS = frozenset({"dhl", "dpd", "fedex", "gls", "hermes", "other", "royal_mail", "ups", "usps"})
TITLE_MAX = 200
SKU_MAX = 100
TOKEN_LIFE_S = 3600.0


class MarketplaceError(Exception):
    """A buyer or a rehearsal asked for something the marketplace cannot do (sold out, unknown order …)."""


@dataclass(slots=True, kw_only=True)
class Listing:
    """What buyers see. `state` is live, suppressed or ended; before `live_at` it is accepted but not yet buyable."""

    sku: str
    external_id: str
    listing_key: str
    title: str
    description: str
    price_minor: int
    currency: str
    quantity: int
    live_at: datetime
    options: dict[str, str] = field(default_factory=dict)
    state: str = "live"
    brand: str = ""
    gtin: str | None = None
    images: tuple[str, ...] = ()
    category: str = ""


@dataclass(slots=True, kw_only=True)
class OrderLine:
    line_id: str
    sku: str
    external_id: str
    title: str
    quantity: int
    price_minor: int
    shipped: int = 0


@dataclass(slots=True, kw_only=True)
class Parcel:
    """A confirmed shipment. `key` is the seller's own key: the same key is the same parcel."""

    parcel_id: str
    key: str
    tracking: str
    carrier: str
    lines: dict[str, int]


@dataclass(slots=True, kw_only=True)
class Order:
    order_id: str
    placed_at: datetime
    changed_at: datetime
    change: int  # counts all changes of the marketplace: breaks ties between equal times
    currency: str
    payment: str
    cancellation: str
    lines: list[OrderLine]
    buyer: dict[str, str]
    ship_to: dict[str, str]
    parcels: list[Parcel] = field(default_factory=list)
    shipping_minor: int = 0


@dataclass(slots=True, kw_only=True)
class Ticket:
    """Stock writes that finish later: at `due_at` the numbers are set, in the order in which they were asked for."""

    ticket_id: str
    due_at: datetime
    items: list[dict[str, Any]]
    results: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """One request that arrived. `status` None = the connection was cut or never answered."""

    operation: str
    at: datetime
    status: int | None
    fault: FaultKind | None
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)


class MemoryMarketplace:
    """One marketplace with one seller. Thread-safe: every request and every act of a buyer runs whole.

    `order_lag_s`: seconds until a change shows in order pulls. `publish_s`: seconds until a new listing is live.
    `job_s`: seconds until a ticket's stock writes are done. `reachable` False refuses connections.
    """

    def __init__(
        self,
        *,
        name: str,
        clock: Clock,
        api_key: str,
        webhook_secret: str = "",
        currency: str = "EUR",
        order_lag_s: float = 0.0,
        publish_s: float = 0.0,
        job_s: float = 60.0,
        seed: int = 0,
    ) -> None:
        self.name = name
        self.api_key = api_key
        self.webhook_secret = webhook_secret
        self.currency = currency
        self.order_lag = timedelta(seconds=order_lag_s)
        self.publish_lag = timedelta(seconds=publish_s)
        self.job_lag = timedelta(seconds=job_s)
        self.reachable = True
        self.plan = FaultPlan(seed)
        self.lock = threading.RLock()
        self.listings: dict[str, Listing] = {}
        self.orders: dict[str, Order] = {}
        self.tickets: dict[str, Ticket] = {}
        self.tokens: dict[str, datetime] = {}
        self.answered: dict[str, dict[str, Any]] = {}  # cancellations by the seller's own key
        self.log: list[LoggedRequest] = []
        self._clock = clock
        self._count = 0

    def now(self) -> datetime:
        return self._clock.now()

    def next_number(self) -> int:
        """Counts up for ids and changes."""
        self._count += 1
        return self._count

    # ---------------------------------------------------------------- trouble

    def break_next(self, kind: FaultKind, operation: str = "*", times: int | None = 1) -> None:
        """The next `times` requests that fit the pattern meet this fault."""
        self.plan.arm(Fault(kinds=(kind,), operation=operation, times=times))

    # ---------------------------------------------------------------- the channel's own screens

    def add_listing(
        self,
        sku: str,
        quantity: int,
        *,
        price_minor: int = 1000,
        title: str = "",
        listing_key: str = "",
        options: Mapping[str, str] | None = None,
        description: str = "",
        brand: str = "",
        gtin: str | None = None,
        images: Sequence[str] = (),
        category: str = "",
    ) -> Listing:
        """A listing made by hand: live at once. Those of one `listing_key` share a page."""
        with self.lock:
            number = self.next_number()
            listing = Listing(
                sku=sku,
                external_id=f"L-{number:06d}",
                listing_key=listing_key or f"hand-{number}",
                title=title or sku,
                description=description,
                price_minor=price_minor,
                currency=self.currency,
                quantity=quantity,
                live_at=self.now(),
                options=dict(options or {}),
                brand=brand,
                gtin=gtin,
                images=tuple(images),
                category=category,
            )
            self.listings[sku] = listing
            return listing

    def set_stock(self, sku: str, quantity: int) -> None:
        """Somebody changes the number in the channel's own screen."""
        with self.lock:
            self.settle()
            self._listing(sku).quantity = quantity

    def suppress(self, sku: str) -> None:
        with self.lock:
            self._listing(sku).state = "suppressed"

    # ---------------------------------------------------------------- buyers

    def place_order(
        self,
        lines: Sequence[tuple[str, int]],
        *,
        pending: bool = False,
        force: bool = False,
        buyer: Mapping[str, str] | None = None,
        ship_to: Mapping[str, str] | None = None,
        shipping_minor: int = 0,
    ) -> str:
        """A buyer orders; the listings' own quantities go down at once.

        Raises:
            MarketplaceError: not listed, or fewer left than wanted (`force` takes what is there and goes on).
        """
        with self.lock:
            self.settle()
            for sku, quantity in lines:
                listing = self._listing(sku)
                if not force and (listing.state != "live" or listing.quantity < quantity):
                    raise MarketplaceError(f"only {listing.quantity} of {sku!r} left, {listing.state}")
            number = self.next_number()
            order_id = f"M-{number:07d}"
            placed = []
            for index, (sku, quantity) in enumerate(lines, start=1):
                listing = self._listing(sku)
                listing.quantity = max(0, listing.quantity - quantity)
                placed.append(
                    OrderLine(
                        line_id=f"{order_id}-{index}",
                        sku=sku,
                        external_id=listing.external_id,
                        title=listing.title,
                        quantity=quantity,
                        price_minor=listing.price_minor,
                    )
                )
            self.orders[order_id] = Order(
                order_id=order_id,
                placed_at=self.now(),
                changed_at=self.now(),
                change=number,
                currency=self.currency,
                payment="pending" if pending else "paid",
                cancellation="none",
                lines=placed,
                buyer=dict(buyer or {"name": "Ada Example", "email": "ada@example.test"}),
                ship_to=dict(
                    ship_to
                    or {
                        "name": "Ada Example",
                        "line1": "Beispielweg 1",
                        "city": "Berlin",
                        "postal_code": "10115",
                        "country": "DE",
                    }
                ),
                shipping_minor=shipping_minor,
            )
            return order_id

    def pay_order(self, order_id: str) -> None:
        with self.lock:
            self.touch(self._order(order_id)).payment = "paid"

    def request_cancel(self, order_id: str) -> None:
        """The buyer asks; the seller decides."""
        with self.lock:
            order = self._order(order_id)
            if order.cancellation == "cancelled":
                raise MarketplaceError(f"{order_id} is already cancelled")
            self.touch(order).cancellation = "requested"

    def cancel_order(self, order_id: str) -> None:
        """Cancelled outright: what has not been shipped goes back on the listings, paid money is returned."""
        with self.lock:
            order = self._order(order_id)
            if order.cancellation == "cancelled":
                return
            for line in order.lines:
                self.restock(line, line.quantity - line.shipped)
                line.quantity = line.shipped
            order.payment = "refunded" if order.payment == "paid" else "failed"
            self.touch(order).cancellation = "cancelled"

    def amend_order(self, order_id: str, lines: Mapping[str, int]) -> None:
        """The order is edited after placing: line id to new quantity, never below what was shipped."""
        with self.lock:
            order = self._order(order_id)
            by_id = {line.line_id: line for line in order.lines}
            for line_id, quantity in lines.items():
                if line_id not in by_id or quantity < by_id[line_id].shipped:
                    raise MarketplaceError(f"line {line_id} of {order_id} cannot become {quantity}")
            for line_id, quantity in lines.items():
                self.restock(by_id[line_id], by_id[line_id].quantity - quantity)
                by_id[line_id].quantity = quantity
            self.touch(order)

    def webhook(self, order_id: str, topic: str = "orders/changed") -> tuple[dict[str, str], bytes]:
        """A signed notification as it would be posted to the hub: headers and raw body."""
        with self.lock:
            body = json.dumps({"event": f"evt-{self.next_number()}", "topic": topic, "orders": [order_id]}).encode()
        return {"X-Memory-Signature": sign(self.webhook_secret, body)}, body

    # ---------------------------------------------------------------- the truth

    def observed_stock(self, sku: str) -> int:
        """What a buyer could take now."""
        with self.lock:
            self.settle()
            return self._listing(sku).quantity

    def observed_listing(self, sku: str) -> Listing | None:
        with self.lock:
            self.settle()
            found = self.listings.get(sku)
            return None if found is None else replace(found, options=dict(found.options))

    def observed_parcels(self, order_id: str) -> tuple[Parcel, ...]:
        with self.lock:
            return tuple(replace(parcel, lines=dict(parcel.lines)) for parcel in self._order(order_id).parcels)

    def requests(self) -> tuple[LoggedRequest, ...]:
        with self.lock:
            return tuple(self.log)

    # ---------------------------------------------------------------- inside, under the lock

    def settle(self) -> None:
        """Carry out tickets whose time has come, oldest first."""
        now = self.now()
        for ticket in self.tickets.values():
            if ticket.results is None and ticket.due_at <= now:
                ticket.results = [self.write_stock(item) for item in ticket.items]

    def write_stock(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Set one number; with `expected` only if that is the number there now. One result per item."""
        listing = self.listings.get(item["sku"])
        if listing is None or listing.state == "ended":
            return {"sku": item["sku"], "status": "missing", "message": "there is no such listing"}
        if item["quantity"] < 0:
            return {"sku": item["sku"], "status": "refused", "message": "a quantity must not be negative"}
        if item.get("expected") is not None and item["expected"] != listing.quantity:
            return {"sku": item["sku"], "status": "stale", "observed": listing.quantity}
        listing.quantity = item["quantity"]
        return {"sku": item["sku"], "status": "done", "observed": listing.quantity}

    def touch(self, order: Order) -> Order:
        """The order changed: it shows again in pulls, after all earlier changes."""
        order.changed_at = self.now()
        order.change = self.next_number()
        return order

    def restock(self, line: OrderLine, quantity: int) -> None:
        listing = self.listings.get(line.sku)
        if listing is not None:
            listing.quantity = max(0, listing.quantity + quantity)

    def _listing(self, sku: str) -> Listing:
        if sku not in self.listings:
            raise MarketplaceError(f"no listing {sku!r}")
        return self.listings[sku]

    def _order(self, order_id: str) -> Order:
        if order_id not in self.orders:
            raise MarketplaceError(f"no order {order_id!r}")
        return self.orders[order_id]


def sign(secret: str, body: bytes) -> str:
    """The signature of a webhook: HMAC-SHA256 over the raw body, base64."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


# ------------------------------------------------------------------ the «internet»: marketplaces by name

_OPEN: dict[str, MemoryMarketplace] = {}
_OPEN_LOCK = threading.Lock()


def open_marketplace(name: str, *, clock: Clock, api_key: str, webhook_secret: str = "") -> MemoryMarketplace:
    """The marketplace of that name. The first to ask founds it, with its clock and keys."""
    with _OPEN_LOCK:
        if name not in _OPEN:
            _OPEN[name] = MemoryMarketplace(name=name, clock=clock, api_key=api_key, webhook_secret=webhook_secret)
        return _OPEN[name]


def put_marketplace(shop: MemoryMarketplace) -> MemoryMarketplace:
    """Make a marketplace findable by its name (replaces another of that name)."""
    with _OPEN_LOCK:
        _OPEN[shop.name] = shop
    return shop


def close_marketplace(name: str) -> None:
    """Forget a marketplace and all that is in it."""
    with _OPEN_LOCK:
        _OPEN.pop(name, None)
