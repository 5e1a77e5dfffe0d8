"""What the simulated eBay account holds: listings, the Inventory API's own records, orders. Plain data, dumped as JSON.

Instants are kept as `2026-11-22T00:00:00.000Z` texts: that is how they go over the wire, and they compare as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hub.kernel.money import exponent

ManagedBy = Literal["inventory", "trading"]
CURRENCIES = {
    "EBAY_DE": "EUR",
    "EBAY_FR": "EUR",
    "EBAY_IT": "EUR",
    "EBAY_ES": "EUR",
    "EBAY_GB": "GBP",
    "EBAY_US": "USD",
}


@dataclass(slots=True, kw_only=True)
class Unit:
    """One buyable SKU of a listing. `price_minor` and `available` count for Trading listings only: an Inventory API
    listing takes both from its offer and inventory item."""

    sku: str
    price_minor: int = 0
    available: int = 0
    sold: int = 0
    variation_id: str = ""
    options: dict[str, str] = field(default_factory=dict)
    offer_id: str = ""


@dataclass(slots=True, kw_only=True)
class Listing:
    """A listing as buyers see it. `ended_at` empty while it is up; `revised_on` is a Pacific calendar day."""

    item_id: str
    managed_by: ManagedBy
    title: str
    currency: str
    started_at: str
    units: list[Unit]
    marketplace_id: str = "EBAY_DE"
    category_id: str = ""
    description: str = ""
    condition: str = ""
    pictures: list[str] = field(default_factory=list)
    tracking: Literal["ItemID", "SKU"] = "ItemID"
    uuid: str = ""
    group_key: str = ""
    ended_at: str = ""
    revised_on: str = ""
    revisions: int = 0

    @property
    def live(self) -> bool:
        return not self.ended_at

    @property
    def varied(self) -> bool:
        return any(unit.variation_id for unit in self.units)


@dataclass(slots=True, kw_only=True)
class Line:
    line_id: str  # also Trading's TransactionID
    item_id: str
    sku: str
    title: str
    quantity: int
    unit_minor: int
    variation_id: str = ""
    options: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Shipment:
    fulfillment_id: str
    carrier: str
    tracking: str
    shipped_at: str
    lines: dict[str, int]


@dataclass(slots=True, kw_only=True)
class Cancellation:
    """`state` is REQUESTED, COMPLETED or REJECTED; `initiator` BUYER or SELLER."""

    cancel_id: str
    initiator: str
    reason: str
    requested_at: str
    state: str
    completed_at: str = ""


@dataclass(slots=True, kw_only=True)
class Order:
    """An order. `former_id` is the id it had before it was paid; `mods` its last modification times, oldest first."""

    order_id: str
    currency: str
    lines: list[Line]
    buyer: dict[str, str]
    ship_to: dict[str, str]
    service: str
    delivery_minor: int
    tax_minor: int
    placed_at: str
    paid_at: str
    mods: list[str]
    former_id: str = ""
    cancel_state: str = "NONE_REQUESTED"  # IN_PROGRESS | CANCELED
    cancelled_at: str = ""
    refunded_at: str = ""
    cancellations: list[Cancellation] = field(default_factory=list)
    shipments: list[Shipment] = field(default_factory=list)
    record_no: int = 0
    rev: int = 0

    @property
    def modified_at(self) -> str:
        return self.mods[-1]

    @property
    def visible_since(self) -> str:
        """REST shows an order once it is paid."""
        return self.paid_at

    def subtotal_minor(self) -> int:
        return sum(line.quantity * line.unit_minor for line in self.lines)

    def total_minor(self) -> int:
        return self.subtotal_minor() + self.delivery_minor + self.tax_minor

    def shipped(self, line: Line) -> int:
        """Units of a line in parcels, never more than were ordered."""
        return min(line.quantity, sum(parcel.lines.get(line.line_id, 0) for parcel in self.shipments))

    def line_status(self, line: Line) -> str:
        done = self.shipped(line)
        return "FULFILLED" if done >= line.quantity else "IN_PROGRESS" if done else "NOT_STARTED"

    def status(self) -> str:
        states = {self.line_status(line) for line in self.lines}
        return "IN_PROGRESS" if len(states) > 1 else states.pop()

    def payment(self) -> str:
        return "FULLY_REFUNDED" if self.refunded_at else "PAID" if self.paid_at else "PENDING"

    def line(self, line_id: str) -> Line | None:
        return next((line for line in self.lines if line.line_id == line_id), None)


@dataclass(slots=True)
class State:
    """Everything that survives a restart."""

    seq: dict[str, int] = field(default_factory=dict)  # numbers given out, per kind
    listings: dict[str, Listing] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)  # SKU -> inventory item
    offers: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    locations: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)  # by current order id
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)  # calls of the day per API
    used_on: str = ""

    def next(self, kind: str) -> int:
        """1, 2, 3 … per kind."""
        self.seq[kind] = self.seq.get(kind, 0) + 1
        return self.seq[kind]

    def dump(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def load_state(data: Mapping[str, Any]) -> State:
    """The twin of `State.dump` (after a trip through JSON)."""
    return State(
        seq=dict(data["seq"]),
        listings={
            key: Listing(**{**row, "units": [Unit(**unit) for unit in row["units"]]})
            for key, row in data["listings"].items()
        },
        items=dict(data["items"]),
        offers=dict(data["offers"]),
        groups=dict(data["groups"]),
        locations=dict(data["locations"]),
        orders={key: _order(row) for key, row in data["orders"].items()},
        tokens=dict(data["tokens"]),
        used=dict(data["used"]),
        used_on=data["used_on"],
    )


def _order(row: Mapping[str, Any]) -> Order:
    return Order(
        **{
            **row,
            "lines": [Line(**line) for line in row["lines"]],
            "cancellations": [Cancellation(**each) for each in row["cancellations"]],
            "shipments": [Shipment(**each) for each in row["shipments"]],
        }
    )


def decimal_text(minor: int, currency: str) -> str:
    """`Money.text` for amounts of at least 0, without a Decimal: pages of orders hold thousands of them."""
    digits = exponent(currency)
    if not digits:
        return str(minor)
    whole, part = divmod(minor, 10**digits)
    return f"{whole}.{part:0{digits}d}"


def amount(minor: int, currency: str) -> dict[str, str]:
    """eBay's Amount."""
    return {"value": decimal_text(minor, currency), "currency": currency}
