"""Every kind of work: its lane, its usual priority, and what a lost answer means for it. Grep here for what the hub does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Literal


class Lane(StrEnum):
    """Queues by the cost of starving them."""

    INTERACTIVE = "interactive"
    STOCK = "stock"
    ORDERS = "orders"
    SHIPMENTS = "shipments"
    BULK = "bulk"
    HOUSEKEEPING = "housekeeping"


class Priority(IntEnum):
    """Urgent first: to zero, then down, then price, then up, then content."""

    ZERO = 10
    DOWN = 20
    PRICE = 30
    UP = 40
    CONTENT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`repeat`: «absolute» may simply be sent again with the newest value; «look» must read back after an unknown
    outcome; «read» changes nothing on the channel."""

    name: str
    lane: Lane
    priority: int
    repeat: Literal["absolute", "look", "read"]
    writes: bool
    max_attempts: int = 8


STOCK_PUSH = Kind(
    name="stock.push", lane=Lane.STOCK, priority=Priority.UP, repeat="absolute", writes=True, max_attempts=12
)
PRICE_PUSH = Kind(name="price.push", lane=Lane.STOCK, priority=Priority.PRICE, repeat="absolute", writes=True)
LISTING_PUBLISH = Kind(
    name="listing.publish", lane=Lane.BULK, priority=Priority.CONTENT, repeat="absolute", writes=True
)
LISTING_END = Kind(name="listing.end", lane=Lane.BULK, priority=Priority.ZERO, repeat="absolute", writes=True)
LISTING_READ = Kind(
    name="listing.read", lane=Lane.BULK, priority=Priority.CONTENT, repeat="read", writes=False, max_attempts=20
)
ORDERS_PULL = Kind(
    name="orders.pull", lane=Lane.ORDERS, priority=Priority.DOWN, repeat="read", writes=False, max_attempts=1_000_000
)
ORDER_READ = Kind(
    name="order.read", lane=Lane.ORDERS, priority=Priority.UP, repeat="read", writes=False, max_attempts=12
)
SHIPMENT_CONFIRM = Kind(
    name="shipment.confirm", lane=Lane.SHIPMENTS, priority=Priority.UP, repeat="look", writes=True, max_attempts=12
)
ORDER_CANCEL = Kind(name="order.cancel", lane=Lane.SHIPMENTS, priority=Priority.DOWN, repeat="look", writes=True)
RECONCILE = Kind(
    name="reconcile",
    lane=Lane.HOUSEKEEPING,
    priority=Priority.CONTENT,
    repeat="read",
    writes=False,
    max_attempts=1_000_000,
)
LISTINGS_PULL = Kind(
    name="listings.pull",
    lane=Lane.HOUSEKEEPING,
    priority=Priority.CONTENT,
    repeat="read",
    writes=False,
    max_attempts=20,
)
PROBE = Kind(
    name="account.probe",
    lane=Lane.HOUSEKEEPING,
    priority=Priority.CONTENT,
    repeat="read",
    writes=False,
    max_attempts=1_000_000,
)

KINDS = {
    kind.name: kind
    for kind in (
        STOCK_PUSH, PRICE_PUSH, LISTING_PUBLISH, LISTING_END, LISTING_READ, ORDERS_PULL, ORDER_READ,
        SHIPMENT_CONFIRM, ORDER_CANCEL, RECONCILE, LISTINGS_PULL, PROBE,
    )
}  # fmt: skip
