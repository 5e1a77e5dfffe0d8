"""Trading API: GetOrders and CompleteSale (contracts README 3.5, 3.6).

Unpaid orders appear here with CheckoutStatus Incomplete, under an OrderID that changes when they are paid.
"""

from __future__ import annotations

from datetime import timedelta

from hub.kernel.clock import iso_millis, parse_instant
from hub.simulators.ebay_errors import TradingError, TradingRefusal, bad_input
from hub.simulators.ebay_shop import Shop
from hub.simulators.ebay_state import Line, Order, Shipment
from hub.simulators.ebay_trading_xml import Node, box, money, page_of, pairs, tag

PAGE_MAX = 100
MOD_WINDOW = timedelta(days=30)
CREATE_WINDOW = timedelta(days=90)
MEMORY = timedelta(days=90)


class OrderCalls:
    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._texts: dict[str, tuple[int, str]] = {}

    def forget(self) -> None:
        self._texts.clear()

    # ---------------------------------------------------------------- GetOrders

    def get_orders(self, request: Node) -> tuple[str, ...]:
        per_page, page = page_of(request, PAGE_MAX)
        ids = request.texts("OrderIDArray/OrderID")
        hits = self._by_id(ids) if ids else self._by_time(request)
        shown = hits[(page - 1) * per_page : page * per_page]
        pages = -(-len(hits) // per_page)
        return (
            box("PaginationResult", tag("TotalNumberOfPages", pages), tag("TotalNumberOfEntries", len(hits))),
            tag("HasMoreOrders", page < pages),
            box("OrderArray", *(self._text(order) for order in shown)),
            tag("OrdersPerPage", per_page),
            tag("PageNumber", page),
            tag("ReturnedOrderCountActual", len(shown)),
        )

    def _by_id(self, ids: list[str]) -> list[Order]:
        """By OrderID as it is now; the one before payment finds nothing any more."""
        return [order for each in ids if (order := self._shop.state.orders.get(each)) is not None]

    def _by_time(self, request: Node) -> list[Order]:
        now, days = self._shop.clock.now(), request.number("NumberOfDays")
        by_mod = request.has("ModTimeFrom")
        if by_mod or request.has("CreateTimeFrom"):
            name, widest = ("ModTime", MOD_WINDOW) if by_mod else ("CreateTime", CREATE_WINDOW)
            since, until = request.instant(f"{name}From"), request.instant(f"{name}To") or iso_millis(now)
            if until < since or parse_instant(until) - parse_instant(since) > widest:
                raise TradingRefusal(bad_input(f"{name}From"))
        elif days is not None:
            if not 1 <= days <= 30:
                raise TradingRefusal(bad_input("NumberOfDays"))
            since, until = iso_millis(now - timedelta(days=days)), iso_millis(now)
        else:
            raise TradingRefusal(bad_input("NumberOfDays"))
        status, horizon, oldest = request.text("OrderStatus", "All"), self._shop.horizon(), iso_millis(now - MEMORY)
        hits = []
        for order in self._shop.state.orders.values():
            if order.placed_at > horizon or order.placed_at < oldest:
                continue
            at = self._shop.seen_at(order, horizon) if by_mod else order.placed_at
            if at and since <= at <= until and status in ("All", order_status(order)):
                hits.append((at, order.record_no, order))
        hits.sort(key=lambda hit: hit[:2], reverse=request.text("SortingOrder") == "Descending")
        return [hit[2] for hit in hits]

    def _text(self, order: Order) -> str:
        key = order.lines[0].line_id
        known = self._texts.get(key)
        if known is None or known[0] != order.rev:
            known = self._texts[key] = (order.rev, order_xml(order))
        return known[1]

    # ---------------------------------------------------------------- CompleteSale

    def complete_sale(self, request: Node) -> tuple[str, ...]:
        """Marks shipped or not; the parcels given replace those that were there, so that resending changes nothing."""
        order, line = self._sale(request)
        if order.cancel_state == "CANCELED":
            raise TradingRefusal(bad_input("OrderID"))
        shipment, shipped = request.one("Shipment"), request.flag("Shipped")
        lines = {each.line_id: each.quantity for each in ([line] if line is not None else order.lines)}
        at = (shipment.instant("ShippedTime") if shipment is not None else "") or self._shop.stamp()
        parcels: list[tuple[str, str]] = []
        for details in shipment.all("ShipmentTrackingDetails") if shipment is not None else ():
            pair = (details.text("ShippingCarrierUsed"), details.text("ShipmentTrackingNumber"))
            if not all(pair):
                raise TradingRefusal(bad_input("ShipmentTrackingDetails"))
            parcels.append(pair)
        if shipped is False or (shipment is not None and not parcels):
            # «Not shipped», or an empty Shipment: the numbers are deleted.
            self._replace(order, lines, [])
        elif parcels:
            self._replace(order, lines, [(carrier, number, at) for carrier, number in parcels])
        elif shipped:
            missing = {key: count for key, count in lines.items() if not _in_parcels(order, key)}
            if missing:
                self._shop.ship(order, carrier="", tracking="", shipped_at=at, lines=missing)
        if request.flag("Paid") and not order.paid_at:
            self._shop.pay(order)
        return ()

    def _replace(self, order: Order, lines: dict[str, int], parcels: list[tuple[str, str, str]]) -> None:
        before = [parcel for parcel in order.shipments if set(parcel.lines) & set(lines)]
        same = [(parcel.carrier, parcel.tracking) for parcel in before] == [each[:2] for each in parcels]
        if same and all(parcel.lines == lines for parcel in before):
            return
        order.shipments = [parcel for parcel in order.shipments if parcel not in before]
        for parcel in before:  # what a parcel also held of other lines stays in it
            rest = {key: count for key, count in parcel.lines.items() if key not in lines}
            if rest:
                order.shipments.append(
                    Shipment(
                        fulfillment_id=parcel.fulfillment_id,
                        carrier=parcel.carrier,
                        tracking=parcel.tracking,
                        shipped_at=parcel.shipped_at,
                        lines=rest,
                    )
                )
        for carrier, number, at in parcels:
            self._shop.ship(order, carrier=carrier, tracking=number, shipped_at=at, lines=dict(lines))
        if not parcels and before:
            self._shop.touch(order)

    def _sale(self, request: Node) -> tuple[Order, Line | None]:
        """OrderID; or OrderLineItemID, or ItemID with TransactionID, for one line."""
        order_id = request.text("OrderID")
        order = self._shop.state.orders.get(order_id)
        if order is not None:
            return order, None
        pair = request.text("OrderLineItemID") or f"{request.text('ItemID')}-{request.text('TransactionID')}"
        if not order_id and pair != "-":
            for each in self._shop.state.orders.values():
                for line in each.lines:
                    if f"{line.item_id}-{line.line_id}" == pair:
                        return each, line
        raise TradingRefusal(
            TradingError(
                code="37",
                short="Input data is invalid.",
                long="Input data for tag <OrderID> is invalid or missing. Please check API documentation.",
                parameters=(order_id or pair,),
            )
        )


def _in_parcels(order: Order, line_id: str) -> bool:
    return any(line_id in parcel.lines for parcel in order.shipments)


# -------------------------------------------------------------------- the Order element


def order_status(order: Order) -> str:
    if order.cancel_state == "CANCELED":
        return "Cancelled"
    if order.cancel_state == "IN_PROGRESS":
        return "CancelPending"
    if not order.paid_at:
        return "Active"
    return "Shipped" if order.status() == "FULFILLED" else "Completed"


def cancel_status(order: Order) -> str:
    if order.cancel_state == "CANCELED":
        return "CancelComplete" if order.paid_at else "CancelClosedForCommitment"
    if order.cancel_state == "IN_PROGRESS":
        return "CancelRequested"
    return "CancelRejected" if order.cancellations else "NotApplicable"


def order_xml(order: Order) -> str:
    currency, paid = order.currency, bool(order.paid_at)
    service = box(
        "ShippingServiceSelected",
        tag("ShippingService", order.service),
        money("ShippingServiceCost", order.delivery_minor, currency),
    )
    parts = [
        tag("OrderID", order.order_id),
        tag("OrderStatus", order_status(order)),
        money("AmountPaid", order.total_minor() if paid else 0, currency),
        box(
            "CheckoutStatus",
            tag("eBayPaymentStatus", "NoPaymentFailure"),
            tag("LastModifiedTime", order.modified_at),
            tag("PaymentMethod", "CustomCode" if paid else "None"),
            tag("Status", "Complete" if paid else "Incomplete"),
        ),
        box("ShippingDetails", tag("SellingManagerSalesRecordNumber", order.record_no)),
        tag("CreatedTime", order.placed_at),
        _address(order),
        service,
        money("Subtotal", order.subtotal_minor(), currency),
        money("Total", order.total_minor(), currency),
        box("TransactionArray", *(_transaction(order, line) for line in order.lines)),
        tag("BuyerUserID", order.buyer.get("handle", "")),
    ]
    if paid:
        parts.append(tag("PaidTime", order.paid_at))
    if order.status() == "FULFILLED" and order.shipments:
        parts.append(tag("ShippedTime", order.shipments[-1].shipped_at))
    parts += [tag("CancelStatus", cancel_status(order)), tag("ExtendedOrderID", order.order_id)]
    return box("Order", *parts)


def _address(order: Order) -> str:
    to = order.ship_to
    return box(
        "ShippingAddress",
        tag("Name", to.get("name", "")),
        tag("Street1", to.get("line1", "")),
        tag("Street2", to.get("line2", "")),
        tag("CityName", to.get("city", "")),
        tag("StateOrProvince", to.get("region", "")),
        tag("Country", to.get("country", "")),
        tag("Phone", to.get("phone", "")),
        tag("PostalCode", to.get("postal_code", "")),
        tag("CompanyName", to["company"]) if to.get("company") else "",
    )


def _transaction(order: Order, line: Line) -> str:
    tracks = [
        box(
            "ShipmentTrackingDetails",
            tag("ShippingCarrierUsed", parcel.carrier),
            tag("ShipmentTrackingNumber", parcel.tracking),
        )
        for parcel in order.shipments
        if parcel.tracking and line.line_id in parcel.lines
    ]
    item = [tag("ItemID", line.item_id), tag("Title", line.title)]
    variation = ""
    if line.variation_id:
        specifics = pairs("VariationSpecifics", ((name, [value]) for name, value in line.options.items()))
        variation = box("Variation", tag("SKU", line.sku), specifics)
    elif line.sku:
        item.append(tag("SKU", line.sku))
    return box(
        "Transaction",
        box("Buyer", tag("Email", order.buyer.get("email", ""))),
        box("ShippingDetails", *tracks) if tracks else "",
        tag("CreatedDate", order.placed_at),
        box("Item", *item),
        tag("QuantityPurchased", line.quantity),
        tag("TransactionID", line.line_id),
        money("TransactionPrice", line.unit_minor, order.currency),
        variation,
        tag("OrderLineItemID", f"{line.item_id}-{line.line_id}"),
        tag("ExtendedOrderID", order.order_id),
    )
