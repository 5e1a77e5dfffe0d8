"""Orders of the simulated Amazon: what was ordered, every version of it since, and when each becomes visible.

An order's facts never change; what happens to it (payment, packages, cancellations) makes a new `Version`. Most changes
are visible about two minutes after they happen (contracts README 2.4), so a reader sees the last version that is older
than the lag. Versions are kept, which lets a page token go on reading the moment at which its search began.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from hub.kernel.money import Money
from hub.simulators import amazon_people
from hub.simulators.amazon_listings import Shelf
from hub.simulators.amazon_wire import Terms, iso
from hub.simulators.base import ControlError, LedgerLine, LedgerOrder, LedgerShipment, OrderSpec

DAY_MS = 86_400_000
SHIP_PLUS = "FBM_SHIP_PLUS"
SERVICES = ("STANDARD", "EXPEDITED", "FREE_ECONOMY", "NEXT_DAY", "PRIORITY", "SAME_DAY", "SECOND_DAY", "SCHEDULED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line as ordered. Money in minor units: per unit, and tax and shipping for the whole line."""

    item_id: str
    sku: str
    asin: str
    title: str
    ordered: int
    unit_minor: int
    shipping_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A confirmed parcel."""

    ref: str
    created: int
    shipped: int
    carrier: str
    carrier_code: str
    method: str
    tracking: str
    items: Mapping[str, int]  # order item id -> units


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Units of an item that will not be shipped."""

    quantity: int
    by: str  # BUYER | MERCHANT | AMAZON
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The order from one change to the next. `at` is when it happened; `shown` is the `lastUpdatedTime` on the wire,
    the same instant or, after an earlier change in the same millisecond, one later: no two versions share it."""

    at: int
    shown: int
    paid: bool
    requested: str = ""  # why the buyer asked for a cancellation
    packages: Mapping[str, Package] = field(default_factory=dict)
    cancelled: Mapping[str, Cancelled] = field(default_factory=dict)

    def shipped(self, item_id: str) -> int:
        return sum(package.items.get(item_id, 0) for package in self.packages.values())

    def dropped(self, item_id: str) -> int:
        gone = self.cancelled.get(item_id)
        return gone.quantity if gone else 0


@dataclass(slots=True, kw_only=True)
class Order:
    """One order; `versions` is never empty, the last one is the truth now."""

    order_id: str
    created: int
    currency: str
    service: str
    programs: tuple[str, ...]
    buyer: Mapping[str, str]
    address: Mapping[str, str]
    items: tuple[Item, ...]
    versions: list[Version]

    @property
    def now(self) -> Version:
        return self.versions[-1]

    def visible(self, horizon: int) -> Version | None:
        """The version a reader sees who sees everything up to `horizon`; None before the order shows at all."""
        for version in reversed(self.versions):
            if version.at <= horizon:
                return version
        return None

    def item(self, item_id: str) -> Item | None:
        return next((item for item in self.items if item.item_id == item_id), None)

    def open(self, item: Item, version: Version) -> int:
        """Units still to ship."""
        return item.ordered - version.dropped(item.item_id) - version.shipped(item.item_id)

    def status(self, version: Version) -> str:
        """The fulfilment status of README 2.4."""
        shipped = any(package.items for package in version.packages.values())
        if not any(self.open(item, version) for item in self.items):
            return "SHIPPED" if shipped else "CANCELLED"
        if not version.paid:
            return "PENDING"
        return "PARTIALLY_SHIPPED" if shipped else "UNSHIPPED"

    def total(self) -> Money:
        """Items, shipping and tax as ordered."""
        minor = sum(item.unit_minor * item.ordered + item.shipping_minor + item.tax_minor for item in self.items)
        return Money(minor=minor, currency=self.currency)


class Orders:
    """All orders of the account, indexed by when they were placed and by when each version happened."""

    def __init__(self, terms: Terms, shelf: Shelf, rng: random.Random) -> None:
        self.terms = terms
        self.shelf = shelf
        self.random = rng
        self.orders: dict[str, Order] = {}
        self._changes: list[tuple[int, str, int]] = []  # shown, order id, number of the version
        self._placed: list[tuple[int, str]] = []
        self._items = 0

    # ---------------------------------------------------------------- reading

    def get(self, order_id: str) -> Order:
        """Raises ControlError: no such order."""
        if order_id not in self.orders:
            raise ControlError(f"Amazon has no order {order_id}")
        return self.orders[order_id]

    def changed(self, after: int, before: int | None, horizon: int) -> Iterator[tuple[int, Order, Version]]:
        """Visible versions whose time lies in the window, oldest first; an order appears once, in its visible state."""
        for index in range(bisect.bisect_left(self._changes, (after, "", 0)), len(self._changes)):
            shown, order_id, count = self._changes[index]
            if before is not None and shown > before:
                return
            versions = self.orders[order_id].versions
            if versions[count].at > horizon or (count + 1 < len(versions) and versions[count + 1].at <= horizon):
                continue
            yield shown, self.orders[order_id], versions[count]

    def placed(self, after: int, before: int | None, horizon: int) -> Iterator[tuple[int, Order, Version]]:
        """Visible orders placed in the window, oldest first."""
        for index in range(bisect.bisect_left(self._placed, (after, "")), len(self._placed)):
            created, order_id = self._placed[index]
            if before is not None and created > before:
                return
            version = self.orders[order_id].visible(horizon)
            if version is not None:
                yield created, self.orders[order_id], version

    def ledger(self) -> list[LedgerOrder]:
        return [_ledger_order(order) for order in self.orders.values()]

    # ---------------------------------------------------------------- buyers

    def place(self, spec: OrderSpec, now: int) -> str:
        """A buyer orders: the stock at Amazon drops at once, for a pending order too.

        Raises:
            ControlError: a SKU is not on sale or sold out.
            ValueError: no lines, or a quantity below 1.
        """
        if not spec.lines or any(count < 1 for _, count in spec.lines):
            raise ValueError("an order needs lines with a quantity of 1 or more")
        wanted: dict[str, int] = {}
        for sku, count in spec.lines:
            wanted[sku] = wanted.get(sku, 0) + count
        for sku, count in wanted.items():  # all of it first: an order is taken whole or not at all
            self.shelf.check(sku, count, force=spec.force)
        currency = self.terms.store.currency
        listings = {sku: self.shelf.take(sku, count, now) for sku, count in wanted.items()}
        worth = [listings[sku].price_minor * count for sku, count in wanted.items()]
        shipping = Money(minor=spec.shipping_minor, currency=currency).split(worth)
        items = []
        for (sku, count), line_shipping, value in zip(wanted.items(), shipping, worth, strict=True):
            self._items += 1
            items.append(
                Item(
                    item_id=f"{60_000_000_000_000 + self._items}",
                    sku=sku,
                    asin=listings[sku].asin,
                    title=listings[sku].title,
                    ordered=count,
                    unit_minor=listings[sku].price_minor,
                    shipping_minor=line_shipping.minor,
                    tax_minor=_tax(value + line_shipping.minor, self.terms.extra.get("tax_percent", 0)),
                )
            )
        buyer, address = amazon_people.draw(self.random, self.terms.store.domain, spec.buyer, spec.ship_to)
        service = spec.service.upper()
        order = Order(
            order_id=self._new_id(),
            created=now,
            currency=currency,
            service=service if service in SERVICES else SERVICES[0],
            programs=(SHIP_PLUS,) if service == SHIP_PLUS else (),
            buyer=buyer,
            address=address,
            items=tuple(items),
            versions=[],
        )
        self.orders[order.order_id] = order
        bisect.insort(self._placed, (now, order.order_id))
        self._add(order, Version(at=now, shown=now, paid=not spec.pending))
        return order.order_id

    def pay(self, order_id: str, now: int) -> None:
        order = self.get(order_id)
        if order.status(order.now) != "PENDING":
            raise ControlError(f"{order_id} is {order.status(order.now)}, not waiting for payment")
        self.change(order, now, paid=True)

    def request_cancel(self, order_id: str, reason: str, now: int) -> None:
        order = self.get(order_id)
        if order.status(order.now) in ("SHIPPED", "CANCELLED"):
            raise ControlError(f"{order_id} is {order.status(order.now)}: nothing left to cancel")
        if not order.now.requested:
            self.change(order, now, requested=reason)

    def cancel(self, order_id: str, now: int) -> None:
        """Everything not yet shipped is cancelled by the buyer, or by Amazon when it was never paid."""
        order = self.get(order_id)
        if order.status(order.now) in ("SHIPPED", "CANCELLED"):
            raise ControlError(f"{order_id} is {order.status(order.now)}: nothing left to cancel")
        by = "BUYER" if order.now.paid else "AMAZON"
        self.cancel_items(order, [item.item_id for item in order.items], by, "CUSTOMER_CANCELLED", now)

    def cancel_items(self, order: Order, item_ids: Iterable[str], by: str, reason: str, now: int) -> None:
        """The open units of the items are cancelled and go back on the listing."""
        cancelled = dict(order.now.cancelled)
        for item in order.items:
            left = order.open(item, order.now)
            if item.item_id in item_ids and left:
                cancelled[item.item_id] = Cancelled(
                    quantity=order.now.dropped(item.item_id) + left, by=by, reason=reason
                )
                self.shelf.give_back(item.sku, left, now)
        if cancelled != order.now.cancelled:
            self.change(order, now, cancelled=cancelled)

    # ---------------------------------------------------------------- versions

    def change(self, order: Order, now: int, **facts: Any) -> None:
        """A new version of the order at `now`."""
        self._add(order, replace(order.now, at=now, shown=max(now, order.now.shown + 1), **facts))

    def _add(self, order: Order, version: Version) -> None:
        bisect.insort(self._changes, (version.shown, order.order_id, len(order.versions)))
        order.versions.append(version)

    def _new_id(self) -> str:
        while True:
            draw = self.random.randrange
            order_id = f"{draw(100, 1000)}-{draw(10**7):07d}-{draw(10**7):07d}"
            if order_id not in self.orders:
                return order_id

    # ---------------------------------------------------------------- persistence

    def dump(self) -> dict[str, Any]:
        return {"items": self._items, "orders": [asdict(order) for order in self.orders.values()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.orders, self._changes, self._placed = {}, [], []
        self._items = state["items"]
        for row in state["orders"]:
            versions = [_version(version) for version in row["versions"]]
            facts = {**row, "programs": tuple(row["programs"]), "items": tuple(Item(**item) for item in row["items"])}
            order = Order(**{**facts, "versions": versions})
            self.orders[order.order_id] = order
            self._placed.append((order.created, order.order_id))
            self._changes += [(version.shown, order.order_id, n) for n, version in enumerate(versions)]
        self._placed.sort()
        self._changes.sort()


def _version(row: Mapping[str, Any]) -> Version:
    packages = {ref: Package(**package) for ref, package in row["packages"].items()}
    cancelled = {item_id: Cancelled(**gone) for item_id, gone in row["cancelled"].items()}
    return Version(**{**row, "packages": packages, "cancelled": cancelled})


def _tax(minor: int, percent: float) -> int:
    """Tax on top of a line, half up."""
    return int(minor * percent / 100 + 0.5)


def _ledger_order(order: Order) -> LedgerOrder:
    now = order.now
    status = order.status(now)
    return LedgerOrder(
        order_id=order.order_id,
        placed_at=iso(order.created),
        updated_at=iso(now.shown),
        payment="paid" if now.paid else "pending",
        cancellation="cancelled" if status == "CANCELLED" else ("requested" if now.requested else "none"),
        currency=order.currency,
        total_minor=order.total().minor,
        lines=[
            LedgerLine(
                line_id=item.item_id,
                sku=item.sku,
                quantity=item.ordered - now.dropped(item.item_id),
                shipped=now.shipped(item.item_id),
            )
            for item in order.items
        ],
        shipments=[
            LedgerShipment(
                shipment_id=package.ref, tracking=package.tracking, carrier=package.carrier, lines=dict(package.items)
            )
            for package in now.packages.values()
        ],
    )
