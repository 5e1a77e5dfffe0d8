"""The buyers' side of the simulated shop: placing, paying, cancelling and amending orders, and the ledger of it all."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime

from graphql import GraphQLEnumType

from hub.simulators.base import ControlError, LedgerLine, LedgerListing, LedgerOrder, LedgerShipment, OrderSpec
from hub.simulators.shopify_fulfilment import cancel_now, lift_holds, put_on_hold
from hub.simulators.shopify_people import person
from hub.simulators.shopify_products import variant_title
from hub.simulators.shopify_records import (
    FulfillmentOrder,
    FulfillmentOrderLine,
    Line,
    Order,
    Variant,
    gid,
    number_of,
)
from hub.simulators.shopify_schema import bare_schema
from hub.simulators.shopify_state import CURRENCY, UNLIMITED, ShopState, stamp

FIRST_ORDER = 1001
#: What a control call may name the parts of an address (the hub's and other channels' words), in Shopify's words.
_ADDRESS_WORDS = {
    "line1": "address1", "line2": "address2", "postal_code": "zip", "postcode": "zip", "region": "province",
    "country": "countryCode", "country_code": "countryCode",
}  # fmt: skip


class Checkout:
    """What buyers do. Raises ControlError where the shop would not let them."""

    def __init__(self, shop: ShopState, seed: int) -> None:
        self.shop = shop
        self.seed = seed
        self._rows: dict[int, tuple[str, LedgerOrder]] = {}  # order -> (updated_at, ledger row)

    # ---------------------------------------------------------------- placing

    def place(self, spec: OrderSpec, at: datetime) -> Order:
        """A buyer orders: `available` falls at once and becomes `committed`, also for a pending order."""
        wanted: dict[str, int] = {}
        for sku, quantity in spec.lines:
            if quantity < 1:
                raise ControlError(f"a buyer takes at least one, not {quantity}")
            wanted[sku] = wanted.get(sku, 0) + quantity
        picks = [(self._listing(sku, quantity, force=spec.force), quantity) for sku, quantity in wanted.items()]
        if not picks:
            raise ControlError("an order needs a line")
        order = self._open_order(spec, at)
        for variant, quantity in picks:
            self._add_line(order, variant, quantity, order.created_at)
        order.original_minor = order.total_minor
        order.received_minor = 0 if spec.pending else order.total_minor
        self.shop.add_order(order, at)
        return order

    def _listing(self, sku: str, quantity: int, *, force: bool) -> Variant:
        known = self.shop.variants_with_sku(sku)
        live = [row for row in known if self.shop.listing_state(self.shop.products[row.product_id]) == "live"]
        if not live and not (force and known):
            raise ControlError(f"nobody can buy {sku!r}: {'not live' if known else 'no such listing'}")
        for row in live:
            if self.shop.sellable(row) >= quantity:
                return row
        if force:
            return (live or known)[0]
        most = max(self.shop.sellable(row) for row in live)
        raise ControlError(f"sold out: {sku!r} has {most}, the buyer wants {quantity}")

    def _open_order(self, spec: OrderSpec, at: datetime) -> Order:
        number = FIRST_ORDER - 1 + self.shop.mint("Order")
        who = person(self.seed, number)
        address = dict(who.address)
        if spec.ship_to:
            address = dict.fromkeys(address, "") | {"name": address["name"]}
            address |= {_ADDRESS_WORDS.get(key, key): value for key, value in spec.ship_to.items()}
            address["countryCode"] = _country(address["countryCode"])
        name = spec.buyer.get("name") or f"{who.first_name} {who.last_name}".strip()
        if spec.buyer.get("name") and not spec.ship_to.get("name"):
            address["name"] = name
        first, _, last = name.rpartition(" ")
        rng = random.Random(f"{self.seed}:confirmation:{number}")
        now = stamp(at)
        return Order(
            id=5_000_000_000 + number, number=number, created_at=now, updated_at=now,
            financial="PENDING" if spec.pending else "PAID", shipping_minor=spec.shipping_minor,
            shipping_title=spec.service or "Standard", email=spec.buyer.get("email") or who.email,
            phone=spec.buyer.get("phone") or who.phone, first_name=first, last_name=last,
            customer_id=7_000_000 + number, address=address, original_minor=0,
            confirmation="".join(rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=9)),
        )  # fmt: skip

    def _add_line(self, order: Order, variant: Variant, quantity: int, now: str) -> None:
        product = self.shop.products[variant.product_id]
        item = self.shop.items[variant.item_id]
        line = Line(
            id=self.shop.mint("LineItem"), order_id=order.id, variant_id=variant.id, product_id=product.id,
            item_id=item.id, sku=variant.sku, title=product.title, vendor=product.vendor,
            variant_title=None if product.options[0].name == "Title" else variant_title(variant),
            unit_minor=variant.price_minor, quantity=quantity, current=quantity, tracked=item.tracked,
            requires_shipping=item.requires_shipping,
        )  # fmt: skip
        order.lines.append(line)
        self._commit(order, line, quantity, now)

    def _commit(self, order: Order, line: Line, quantity: int, now: str) -> None:
        """Assign units to locations: one that has them all, else several, else (oversold) the first."""
        for location_id, part in self._rooms_for(line, quantity):
            if line.tracked:
                self.shop.stocked(line.item_id, location_id, now)
                self.shop.move_stock(line.item_id, location_id, now, available=-part, committed=part)
            task = self._task_at(order, location_id, now)
            row = next((row for row in task.lines if row.line_id == line.id), None)
            if row is None:
                number = self.shop.mint("FulfillmentOrderLineItem")
                row = FulfillmentOrderLine(id=number, order_id=order.id, line_id=line.id, total=0, remaining=0)
                task.lines.append(row)
            row.total += part
            row.remaining += part

    def _rooms_for(self, line: Line, quantity: int) -> list[tuple[int, int]]:
        rooms = [room.id for room in self.shop.active_locations()]
        levels = self.shop.levels.get(line.item_id, {})
        free = {room: max(0, levels[room].available) for room in rooms if room in levels}
        whole = next((room for room in rooms if free.get(room, 0) >= quantity), None)
        if whole is not None:
            return [(whole, quantity)]
        parts: list[tuple[int, int]] = []
        left = quantity
        for room in rooms:
            if (take := min(left, free.get(room, 0))) > 0:
                parts.append((room, take))
                left -= take
        if left:
            first = parts[0][0] if parts else next(iter(free), rooms[0])
            parts = [(room, take + (left if room == first else 0)) for room, take in parts] or [(first, left)]
        return parts

    def _task_at(self, order: Order, location_id: int, now: str) -> FulfillmentOrder:
        for task in order.fulfillment_orders:
            if task.location_id == location_id and task.status in ("OPEN", "IN_PROGRESS", "ON_HOLD"):
                task.updated_at = now
                return task
        task = FulfillmentOrder(
            id=self.shop.mint("FulfillmentOrder"), order_id=order.id, location_id=location_id, created_at=now,
            updated_at=now,
        )  # fmt: skip
        order.fulfillment_orders.append(task)
        return task

    # ---------------------------------------------------------------- afterwards

    def find(self, text: str) -> Order:
        """An order by its global id, its bare id or its name («#1001»)."""
        number = number_of("Order", text) or (int(text) if text.isdigit() else 0)
        found = self.shop.orders.get(number) or next(
            (order for order in self.shop.orders.values() if order.name == text), None
        )
        if found is None:
            raise ControlError(f"no order {text!r}")
        return found

    def pay(self, text: str, at: datetime) -> None:
        order = self.find(text)
        if order.financial != "PENDING":
            raise ControlError(f"{order.name} is {order.financial}, not PENDING")
        order.financial, order.received_minor = "PAID", order.current_minor
        self.shop.touch(order, at)

    def cancel(self, text: str, at: datetime) -> None:
        """Someone cancels in the shop's own screen, with restock and refund."""
        order = self.find(text)
        if order.cancelled_at is not None:
            raise ControlError(f"{order.name} is cancelled already")
        if not any(line.unfulfilled for line in order.lines):
            raise ControlError(f"{order.name} is shipped")
        cancel_now(self.shop, order, at, reason="CUSTOMER", restock=True, refund=True)

    def request_cancel(self, text: str, at: datetime) -> None:
        """Shopify has no such request of its own: staff put the order on hold and note why."""
        order = self.find(text)
        if order.cancelled_at is not None or not any(line.unfulfilled for line in order.lines):
            raise ControlError(f"{order.name} is cancelled or shipped")
        order.cancel_requested = True
        order.note = "The customer asks for a cancellation."
        put_on_hold(self.shop, order, at, reason="OTHER", notes=order.note)

    def release(self, text: str, at: datetime) -> None:
        """Staff have talked to the customer, who wants the order after all: it may be shipped."""
        order = self.find(text)
        if not any(task.status == "ON_HOLD" for task in order.fulfillment_orders):
            raise ControlError(f"{order.name} is not on hold")
        order.cancel_requested, order.note = False, None
        lift_holds(self.shop, order, at)

    def amend(self, text: str, lines: Mapping[str, int], at: datetime) -> None:
        """The order is edited after placing; removed units go back on sale, added ones are paid at once."""
        order = self.find(text)
        if order.cancelled_at is not None:
            raise ControlError(f"{order.name} is cancelled")
        by_key = {gid("LineItem", line.id): line for line in order.lines} | {str(line.id): line for line in order.lines}
        for key, quantity in lines.items():
            if key not in by_key:
                raise ControlError(f"{order.name} has no line {key}")
            if quantity < by_key[key].fulfilled:
                raise ControlError(f"{by_key[key].fulfilled} of line {key} are shipped, {quantity} cannot be ordered")
        before = order.current_minor
        for key, quantity in lines.items():
            line = by_key[key]
            if quantity > line.current:
                more = quantity - line.current
                line.quantity, line.current = line.quantity + more, quantity
                self._commit(order, line, more, stamp(at))
            elif quantity < line.current:
                self._give_back(order, line, line.current - quantity, stamp(at))
                line.current = quantity
        if order.financial == "PAID" and order.current_minor > before:
            order.received_minor += order.current_minor - before
        order.edited = True
        self.shop.touch(order, at)

    def _give_back(self, order: Order, line: Line, quantity: int, now: str) -> None:
        for task in order.fulfillment_orders:
            for row in task.lines:
                part = min(quantity, row.remaining) if row.line_id == line.id else 0
                row.remaining -= part
                row.total -= part
                quantity -= part
                if part and line.tracked:
                    self.shop.move_stock(line.item_id, task.location_id, now, available=part, committed=-part)
            if task.status in ("OPEN", "IN_PROGRESS", "ON_HOLD") and not any(row.remaining for row in task.lines):
                task.status, task.holds, task.updated_at = "CLOSED", [], now

    # ---------------------------------------------------------------- the ledger

    def listings(self) -> list[LedgerListing]:
        rows: list[LedgerListing] = []
        for product in self.shop.products.values():
            state = self.shop.listing_state(product)
            for number in product.variant_ids:
                variant = self.shop.variants[number]
                rows.append(
                    LedgerListing(
                        sku=variant.sku,
                        external_id=gid("ProductVariant", number),
                        state=state,
                        quantity=min(UNLIMITED, self.shop.sellable(variant)),
                        price_minor=variant.price_minor,
                        currency=CURRENCY,
                        title=product.title,
                    )
                )
        return rows

    def orders(self) -> list[LedgerOrder]:
        """All orders. Rows of unchanged orders are remembered, so the ledger of a big shop is quick."""
        rows: list[LedgerOrder] = []
        for number, order in self.shop.orders.items():
            known = self._rows.get(number)
            if known is None or known[0] != order.updated_at:
                known = self._rows[number] = (order.updated_at, _ledger_row(order))
            rows.append(known[1])
        return rows


def _country(code: str) -> str:
    kind = bare_schema().type_map["CountryCode"]
    return code if isinstance(kind, GraphQLEnumType) and code in kind.values else "ZZ"


def _ledger_row(order: Order) -> LedgerOrder:
    payment = {"PENDING": "pending", "VOIDED": "pending", "PAID": "paid"}.get(order.financial, "refunded")
    cancellation = "cancelled" if order.cancelled_at else "requested" if order.cancel_requested else "none"
    return LedgerOrder(
        order_id=gid("Order", order.id),
        placed_at=order.created_at,
        updated_at=order.updated_at,
        payment=payment,
        cancellation=cancellation,
        currency=CURRENCY,
        total_minor=order.total_minor,
        lines=[
            LedgerLine(line_id=gid("LineItem", line.id), sku=line.sku, quantity=line.current, shipped=line.fulfilled)
            for line in order.lines
        ],
        shipments=[
            LedgerShipment(
                shipment_id=gid("Fulfillment", parcel.id),
                tracking=next((row.number for row in parcel.tracking if row.number), ""),
                carrier=next((row.company for row in parcel.tracking if row.company), ""),
                lines={gid("LineItem", row.line_id): row.quantity for row in parcel.lines},
            )
            for parcel in order.fulfillments
        ],
    )
