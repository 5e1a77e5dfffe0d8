"""The shop behind eBay's APIs: what a buyer can take, what an order does to the numbers, how often a listing is revised."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hub.kernel.clock import iso_millis, parse_instant
from hub.kernel.money import Money
from hub.simulators.base import ControlError, LedgerListing, LedgerOrder, OrderSpec, SimClock
from hub.simulators.ebay_people import somebody
from hub.simulators.ebay_state import Cancellation, Line, Listing, Order, Shipment, State, Unit

PACIFIC = ZoneInfo("America/Los_Angeles")
REVISIONS_PER_DAY = 250  # contracts README 3.4: per listing and calendar day, whatever the API
MODS_KEPT = 20


class RevisionsUsedUp(Exception):
    """The listing has been revised 250 times today."""

    def __init__(self, item_id: str) -> None:
        super().__init__(item_id)
        self.item_id = item_id


def pacific_day(now: datetime) -> str:
    return now.astimezone(PACIFIC).date().isoformat()


def next_pacific_midnight(now: datetime) -> datetime:
    local = now.astimezone(PACIFIC)
    return (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


class Shop:
    """Listings and orders of one account. Not locked: the simulator calls it under its own lock."""

    def __init__(self, *, clock: SimClock, rng: random.Random, order_lag_s: float, tax_percent: int) -> None:
        self.clock = clock
        self.rng = rng
        self.order_lag_s = order_lag_s
        self.tax_percent = tax_percent
        self.state = State()
        self.live: dict[str, tuple[Listing, Unit]] = {}  # SKU -> what sells it now
        self.offers_of: dict[str, list[str]] = {}  # SKU -> offer ids
        self.group_of: dict[str, str] = {}  # SKU -> inventory item group
        self.former: dict[str, str] = {}  # an order's id before payment -> its id now
        self._rows: dict[str, tuple[int, LedgerOrder]] = {}

    def use(self, state: State) -> None:
        """Go on with this state."""
        self.state = state
        self.live = {
            unit.sku: (row, unit) for row in state.listings.values() if row.live for unit in row.units if unit.sku
        }
        self.offers_of = {}
        for offer_id, offer in state.offers.items():
            self.offers_of.setdefault(offer["sku"], []).append(offer_id)
        self.group_of = {sku: key for key, group in state.groups.items() for sku in group.get("variantSKUs", [])}
        self.former = {order.former_id: order.order_id for order in state.orders.values() if order.former_id}
        self._rows = {}

    def stamp(self) -> str:
        return iso_millis(self.clock.now())

    # ---------------------------------------------------------------- listings

    def open_listing(self, listing: Listing) -> None:
        self.state.listings[listing.item_id] = listing
        for unit in listing.units:
            if unit.sku:
                self.live[unit.sku] = (listing, unit)

    def new_item_id(self) -> str:
        return str(110_000_000_000 + self.state.next("item"))

    def new_variation_id(self) -> str:
        return str(410_000_000_000 + self.state.next("variation"))

    def close(self, listing: Listing) -> None:
        """The listing ends; its offers go back to unpublished."""
        listing.ended_at = self.stamp()
        for unit in listing.units:
            if self.live.get(unit.sku, (None, None))[0] is listing:
                del self.live[unit.sku]
            if unit.offer_id in self.state.offers:
                self.state.offers[unit.offer_id]["status"] = "UNPUBLISHED"

    def drop_unit(self, listing: Listing, unit: Unit) -> None:
        """One variation leaves its listing; the last one ends it."""
        if len(listing.units) == 1:
            self.close(listing)
            return
        listing.units.remove(unit)
        self.live.pop(unit.sku, None)

    def revise(self, listing: Listing) -> None:
        """Count one revision.

        Raises:
            RevisionsUsedUp: it would be the 251st of the Pacific day; the caller changes nothing.
        """
        today = pacific_day(self.clock.now())
        if listing.revised_on != today:
            listing.revised_on, listing.revisions = today, 0
        if listing.revisions >= REVISIONS_PER_DAY:
            raise RevisionsUsedUp(listing.item_id)
        listing.revisions += 1

    # ---------------------------------------------------------------- quantity and price

    def item_quantity(self, sku: str) -> int:
        """shipToLocationAvailability.quantity; 0 where the record does not give one."""
        return int(_ship_to(self.state.items.get(sku, {})).get("quantity") or 0)

    def available(self, unit: Unit) -> int:
        """What a buyer can take: for offers the lower of the item's and the offer's quantity (OpenAPI sell_inventory)."""
        if not unit.offer_id:
            return unit.available
        total = self.item_quantity(unit.sku)
        own = self.state.offers[unit.offer_id].get("availableQuantity")
        return total if own is None else min(total, int(own))

    def price_minor(self, unit: Unit) -> int:
        if not unit.offer_id:
            return unit.price_minor
        price = self.state.offers[unit.offer_id].get("pricingSummary", {}).get("price", {})
        return Money.parse(str(price["value"]), price["currency"]).minor if price else 0

    def _move(self, unit: Unit, by: int) -> None:
        """eBay's own bookkeeping when a unit is committed (by < 0) or comes back; never below 0."""
        unit.sold = max(0, unit.sold - by)
        if not unit.offer_id:
            unit.available = max(0, unit.available + by)
            return
        if unit.sku in self.state.items:
            self.set_item_quantity(unit.sku, max(0, self.item_quantity(unit.sku) + by))
        offer = self.state.offers[unit.offer_id]
        if offer.get("availableQuantity") is not None:
            offer["availableQuantity"] = max(0, int(offer["availableQuantity"]) + by)

    def set_item_quantity(self, sku: str, quantity: int) -> None:
        item = self.state.items[sku]
        item.setdefault("availability", {}).setdefault("shipToLocationAvailability", {})["quantity"] = quantity

    def set_stock(self, sku: str, quantity: int) -> None:
        """Somebody types a number in Seller Hub."""
        if sku not in self.live:
            raise ControlError(f"no live listing sells {sku!r}")
        unit = self.live[sku][1]
        unit.available = quantity
        if unit.offer_id:
            self.set_item_quantity(sku, quantity)
            if self.state.offers[unit.offer_id].get("availableQuantity") is not None:
                self.state.offers[unit.offer_id]["availableQuantity"] = quantity

    # ---------------------------------------------------------------- orders

    def place(self, spec: OrderSpec) -> Order:
        """A buyer commits to buy; the listing's own number goes down at once, paid or not.

        Raises:
            ControlError: nothing ordered, no such listing, or fewer there than wanted (unless `force`).
        """
        wanted: dict[str, int] = {}
        for sku, quantity in spec.lines:
            wanted[sku] = wanted.get(sku, 0) + quantity
        if not wanted or min(wanted.values()) < 1:
            raise ControlError("an order needs lines of at least one unit")
        for sku, quantity in wanted.items():
            if sku not in self.live:
                raise ControlError(f"no live listing sells {sku!r}")
            if not spec.force and self.available(self.live[sku][1]) < quantity:
                raise ControlError(f"{sku!r} is sold out: {self.available(self.live[sku][1])} left, {quantity} wanted")
        currencies = {self.live[sku][0].currency for sku in wanted}
        if len(currencies) > 1:
            raise ControlError(f"one order has one currency, not {sorted(currencies)}")
        lines = [self._line(*self.live[sku], quantity) for sku, quantity in wanted.items()]
        now, number = self.stamp(), self.state.next("record")
        buyer, ship_to = somebody(self.rng, number)
        order = Order(
            order_id="",
            currency=currencies.pop(),
            lines=lines,
            buyer={**buyer, **spec.buyer},
            ship_to={**ship_to, **spec.ship_to},
            service=spec.service or "DE_DHLPaket",
            delivery_minor=spec.shipping_minor,
            tax_minor=0,
            placed_at=now,
            paid_at="" if spec.pending else now,
            mods=[now],
            record_no=number,
        )
        order.tax_minor = order.subtotal_minor() * self.tax_percent // 100
        order.order_id = self._unpaid_id(order) if spec.pending else self._order_id()
        for sku, quantity in wanted.items():
            self._move(self.live[sku][1], -quantity)
        self.state.orders[order.order_id] = order
        return order

    def _line(self, listing: Listing, unit: Unit, quantity: int) -> Line:
        return Line(
            line_id=str(10_000_000_000_000 + self.state.next("line")),
            item_id=listing.item_id,
            sku=unit.sku,
            title=listing.title,
            quantity=quantity,
            unit_minor=self.price_minor(unit),
            variation_id=unit.variation_id,
            options=dict(unit.options),
        )

    def _order_id(self) -> str:
        number = self.state.next("order")
        return f"12-{1 + number // 100_000:05d}-{number % 100_000:05d}"

    def _unpaid_id(self, order: Order) -> str:
        """ItemID-TransactionID; a cart of several lines has a plain number instead."""
        if len(order.lines) == 1:
            return f"{order.lines[0].item_id}-{order.lines[0].line_id}"
        return str(260_000_000_000 + self.state.next("cart"))

    def order(self, order_id: str) -> Order:
        """By the id it has now or had before payment.

        Raises:
            ControlError: unknown.
        """
        order = self.state.orders.get(order_id) or self.state.orders.get(self.former.get(order_id, ""))
        if order is None:
            raise ControlError(f"no order {order_id!r}")
        return order

    def touch(self, order: Order) -> str:
        """The order changed now; two changes never share a modification time."""
        now = self.stamp()
        if now <= order.modified_at:
            now = iso_millis(parse_instant(order.modified_at) + timedelta(milliseconds=1))
        order.mods = [*order.mods, now][-MODS_KEPT:]
        order.rev += 1
        return now

    def pay(self, order: Order) -> None:
        """The order is paid and, as not-immediate-payment orders do, gets another id (contracts README 3.5)."""
        if order.paid_at or order.cancel_state == "CANCELED":
            raise ControlError(f"order {order.order_id} is not awaiting payment")
        order.paid_at = self.touch(order)
        order.former_id = order.order_id
        del self.state.orders[order.former_id]
        order.order_id = self._order_id()
        self.state.orders[order.order_id] = order
        self.former[order.former_id] = order.order_id

    def cancel(self, order: Order, *, initiator: str = "SELLER", reason: str = "BUYER_ASKED_CANCEL") -> None:
        """Cancelled for good: refunded if paid; unshipped units go back to listings that are still up."""
        if order.cancel_state == "CANCELED":
            raise ControlError(f"order {order.order_id} is already cancelled")
        if order.status() == "FULFILLED":
            raise ControlError(f"order {order.order_id} has been shipped")
        now = self.touch(order)
        request = next((each for each in order.cancellations if each.state == "REQUESTED"), None)
        if request is None:
            request = self._cancellation(order, initiator, reason, now)
        request.state, request.completed_at = "COMPLETED", now
        order.cancel_state, order.cancelled_at = "CANCELED", now
        if order.paid_at:
            order.refunded_at = now
        for line in order.lines:
            listing = self.state.listings[line.item_id]
            unit = next((each for each in listing.units if each.sku == line.sku), None)
            if unit is not None and listing.live:
                self._move(unit, line.quantity - order.shipped(line))

    def request_cancel(self, order: Order, reason: str = "ORDER_MISTAKE") -> Cancellation:
        """The buyer asks; the seller decides."""
        if order.cancel_state != "NONE_REQUESTED" or order.status() != "NOT_STARTED":
            raise ControlError(f"order {order.order_id} cannot be cancelled by its buyer now")
        now = self.touch(order)
        order.cancel_state = "IN_PROGRESS"
        return self._cancellation(order, "BUYER", reason, now)

    def reject_cancel(self, order: Order, request: Cancellation) -> None:
        request.state, request.completed_at = "REJECTED", self.touch(order)
        order.cancel_state = "NONE_REQUESTED"

    def _cancellation(self, order: Order, initiator: str, reason: str, now: str) -> Cancellation:
        number = str(5_000_000_000 + self.state.next("cancel"))
        request = Cancellation(
            cancel_id=number, initiator=initiator, reason=reason, requested_at=now, state="REQUESTED"
        )
        order.cancellations.append(request)
        return request

    def ship(self, order: Order, *, carrier: str, tracking: str, shipped_at: str, lines: dict[str, int]) -> Shipment:
        """One more parcel; shipping turns down a buyer's open wish to cancel."""
        parcel = Shipment(
            fulfillment_id=str(9_405_509_699_937_003_000_000 + self.state.next("fulfillment")),
            carrier=carrier,
            tracking=tracking,
            shipped_at=shipped_at,
            lines=lines,
        )
        order.shipments.append(parcel)
        for request in order.cancellations:
            if request.state == "REQUESTED":
                self.reject_cancel(order, request)
        self.touch(order)
        return parcel

    # ---------------------------------------------------------------- visibility and truth

    def seen_at(self, order: Order, horizon: str) -> str:
        """The newest modification that eBay's search has indexed by `horizon`; empty = not found yet."""
        return next((mod for mod in reversed(order.mods) if mod <= horizon), "")

    def horizon(self) -> str:
        return iso_millis(self.clock.now() - timedelta(seconds=self.order_lag_s))

    def ledger_listings(self) -> list[LedgerListing]:
        """The newest listing of every SKU, a live one before an ended one; what has no SKU cannot be told apart here."""
        rows: dict[str, LedgerListing] = {}
        for listing in self.state.listings.values():
            for unit in listing.units:
                if not unit.sku or (not listing.live and unit.sku in self.live):
                    continue
                gone = unit.offer_id != "" and unit.offer_id not in self.state.offers
                rows[unit.sku] = LedgerListing(
                    sku=unit.sku,
                    external_id=listing.item_id,
                    state="live" if listing.live else "ended",
                    quantity=self.available(unit) if listing.live else 0,
                    price_minor=0 if gone else self.price_minor(unit),
                    currency=listing.currency,
                    title=listing.title,
                )
        return list(rows.values())

    def ledger_orders(self) -> list[LedgerOrder]:
        return [self._ledger_row(order) for order in self.state.orders.values()]

    def _ledger_row(self, order: Order) -> LedgerOrder:
        key = order.lines[0].line_id
        known = self._rows.get(key)
        if known is not None and known[0] == order.rev:
            return known[1]
        gone = order.cancel_state == "CANCELED"
        row = LedgerOrder(
            order_id=order.order_id,
            placed_at=order.placed_at,
            updated_at=order.modified_at,
            payment="refunded" if order.refunded_at else "paid" if order.paid_at else "pending",
            cancellation="cancelled" if gone else "requested" if order.cancel_state == "IN_PROGRESS" else "none",
            currency=order.currency,
            total_minor=order.total_minor(),
            lines=[
                {
                    "line_id": line.line_id,
                    "sku": line.sku,
                    "quantity": order.shipped(line) if gone else line.quantity,
                    "shipped": order.shipped(line),
                }
                for line in order.lines
            ],
            shipments=[
                {
                    "shipment_id": parcel.fulfillment_id,
                    "tracking": parcel.tracking,
                    "carrier": parcel.carrier,
                    "lines": dict(parcel.lines),
                }
                for parcel in order.shipments
            ],
        )
        self._rows[key] = (order.rev, row)
        return row


def _ship_to(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return (item.get("availability") or {}).get("shipToLocationAvailability") or {}
