"""Order twins: the query for changed orders and Amazon's orders in the hub's words (contracts README 2.4 and 8)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from hub.channels.amazon import remote
from hub.channels.amazon.cursors import Window
from hub.channels.amazon.marketplaces import marketplace
from hub.channels.amazon.shipments import parse_package
from hub.channels.contract import (
    Address,
    BadRecord,
    Buyer,
    CancellationState,
    ChannelError,
    ChannelOrder,
    ChannelOrderLine,
    FulfilmentState,
    OrderPage,
    OrderTotals,
    PaymentState,
)
from hub.kernel.clock import iso_millis, parse_instant
from hub.kernel.money import Money
from hub.kernel.text import shorten

#: What to ask for besides the items, which always come. Buyer and recipient need a restricted role: they may be absent.
INCLUDED = ("BUYER", "RECIPIENT", "PROCEEDS", "CANCELLATION", "FULFILLMENT", "PACKAGES")
#: The placeholder of ISO 4217 for an order without any price in a store that we do not know.
NO_CURRENCY = "XXX"


def build_order_query(window: Window, *, marketplace_id: str, limit: int) -> dict[str, Any]:
    """The parameters of searchOrders for a window. The filters are repeated beside the page token."""
    query: dict[str, Any] = {
        "lastUpdatedAfter": iso_millis(window.after),
        "lastUpdatedBefore": iso_millis(window.before),
        "marketplaceIds": [marketplace_id],
        "maxResultsPerPage": limit,
        "includedData": list(INCLUDED),
    }
    if window.token is not None:
        query["paginationToken"] = window.token
    return query


def parse_order_page(payload: Any, window: Window, now: datetime) -> OrderPage:
    """A page of orders; what cannot be read is set aside and never stops the page. The newest copy of an order stays."""
    page = remote.read(remote.OrderSearch, payload, operation="searchOrders")
    orders: dict[str, ChannelOrder] = {}
    bad: list[BadRecord] = []
    for raw in page.orders:
        try:
            order = parse_order(raw)
        except (ChannelError, ValueError, TypeError, ArithmeticError) as error:
            bad.append(_bad(raw, error))
            continue
        known = orders.get(order.order_id)
        if known is None or known.updated_at <= order.updated_at:
            orders[order.order_id] = order
    token = page.pagination.next_token if page.pagination else None
    if token:
        cursor, covered = window.page(token, now).cursor(), None
    else:
        cursor, covered = window.next_cursor(), window.covered_until
    return OrderPage(
        orders=tuple(orders.values()), bad=tuple(bad), cursor=cursor, has_more=bool(token), covered_until=covered
    )


def _bad(raw: Any, error: Exception) -> BadRecord:
    why = error.detail or error.message if isinstance(error, ChannelError) else f"{type(error).__name__}: {error}"
    order_id = raw.get("orderId") if isinstance(raw, dict) else None
    return BadRecord(why=shorten(why, 300), order_id=order_id if isinstance(order_id, str) else None, raw=_text(raw))


def _text(raw: Any) -> str:
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def parse_order(raw: Any) -> ChannelOrder:
    """One order.

    Raises:
        AdapterBug, ValueError: it has another shape, a time without zone, a negative quantity, an odd amount.
    """
    order = read_order(raw)
    status = order.fulfillment.fulfillment_status if order.fulfillment else ""
    currency = _currency(order)
    lines = tuple(_line(item, status, currency) for item in order.order_items)
    fulfilment = order.fulfillment
    by_amazon = fulfilment is not None and fulfilment.fulfilled_by == "AMAZON"
    facts = {
        "marketplace_id": order.sales_channel.marketplace_id,
        "status": status,
        "programs": ",".join(order.programs or ()),
    }
    return ChannelOrder(
        order_id=order.order_id,
        display_id=order.order_id,
        placed_at=parse_instant(order.created_time),
        updated_at=parse_instant(order.last_updated_time),
        currency=currency,
        payment=_payment(status, lines),
        fulfilment=_fulfilment(status, lines),
        cancellation=_cancellation(status, order.order_items, lines),
        lines=lines,
        totals=_totals(order, currency),
        ship_to=_address(order.recipient),
        buyer=Buyer(name=order.buyer.buyer_name or "", email=order.buyer.buyer_email or "") if order.buyer else None,
        ship_by=_latest(fulfilment.ship_by_window) if fulfilment else None,
        deliver_by=_latest(fulfilment.deliver_by_window) if fulfilment else None,
        service_code=(fulfilment.fulfillment_service_level or "") if fulfilment else "",
        channel_fulfils=by_amazon,
        shipments=tuple(
            parse_package(package)
            for package in order.packages or ()
            if package.package_status is None or package.package_status.status != "CANCELLED"
        ),
        facts={name: value for name, value in facts.items() if value},
        raw=_text(raw),
    )


def read_order(raw: Any) -> remote.Order:
    return remote.read(remote.Order, raw, operation="searchOrders")


# ---------------------------------------------------------------- the three axes


def _payment(status: str, lines: Sequence[ChannelOrderLine]) -> PaymentState:
    """Amazon tells no payment state; PENDING means not authorised. A status unknown to us must not be shipped.

    A cancelled order of which nothing was shipped was never charged.
    """
    match status:
        case "UNSHIPPED" | "PARTIALLY_SHIPPED" | "SHIPPED" | "UNFULFILLABLE":
            return PaymentState.PAID
        case "CANCELLED" if any(line.shipped for line in lines):
            return PaymentState.PAID
        case _:
            return PaymentState.PENDING


def _fulfilment(status: str, lines: Sequence[ChannelOrderLine]) -> FulfilmentState:
    match status:
        case "SHIPPED":
            return FulfilmentState.FULFILLED
        case "PARTIALLY_SHIPPED":
            return FulfilmentState.PARTIAL
        case "PENDING" | "PENDING_AVAILABILITY" | "UNSHIPPED":
            return FulfilmentState.UNFULFILLED
        case "CANCELLED":
            return FulfilmentState.PARTIAL if any(line.shipped for line in lines) else FulfilmentState.UNFULFILLED
        case _:  # UNFULFILLABLE, none at all, or a word of next year: keep the stock, do not ship
            return FulfilmentState.ON_HOLD


def _cancellation(
    status: str, items: Iterable[remote.OrderItem], lines: Iterable[ChannelOrderLine]
) -> CancellationState:
    """A buyer's request counts while there is something left to cancel (contracts README 2.4)."""
    if status == "CANCELLED":
        return CancellationState.CANCELLED
    for item, line in zip(items, lines, strict=True):
        asked = item.cancellation is not None and item.cancellation.cancellation_request is not None
        if asked and line.quantity > line.shipped:
            return CancellationState.REQUESTED
    return CancellationState.NONE


# ---------------------------------------------------------------- lines and money


def _line(item: remote.OrderItem, status: str, currency: str) -> ChannelOrderLine:
    shipped = (item.fulfillment.quantity_fulfilled if item.fulfillment else None) or 0
    unshipped = item.fulfillment.quantity_unfulfilled if item.fulfillment else None
    if item.quantity_ordered < 0 or shipped < 0 or (unshipped or 0) < 0:
        raise ValueError(f"item {item.order_item_id} has a negative quantity")
    breakdowns = item.proceeds.breakdowns if item.proceeds else None
    return ChannelOrderLine(
        line_id=item.order_item_id,
        quantity=_wanted(item, status, shipped, unshipped),
        unit_price=_unit_price(item, currency),
        channel_sku=item.product.seller_sku or None,
        external_id=item.product.asin or None,
        title=item.product.title or "",
        shipped=shipped,
        tax=_part(breakdowns, currency, "TAX"),
        discount=_discount(breakdowns, currency),
    )


def _wanted(item: remote.OrderItem, status: str, shipped: int, unshipped: int | None) -> int:
    """Units still wanted. A pending order wants all it ordered: Amazon has committed them (contracts README 2.4)."""
    cancelled = item.cancellation is not None and item.cancellation.cancellation_execution is not None
    if status == "CANCELLED" or cancelled:
        return shipped
    if status in ("UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED") and unshipped is not None:
        return min(item.quantity_ordered, shipped + unshipped)
    return item.quantity_ordered


def _unit_price(item: remote.OrderItem, currency: str) -> Money:
    """The unit price, or the items' proceeds spread over the units, or zero: a pending order may have neither."""
    price = item.product.price.unit_price if item.product.price else None
    if price is not None:
        return _money(price)
    goods = _part(item.proceeds.breakdowns if item.proceeds else None, currency, "ITEM")
    if goods is not None and item.quantity_ordered > 0:
        return goods.split([1] * item.quantity_ordered)[-1]
    return Money.zero(currency)


def _totals(order: remote.Order, currency: str) -> OrderTotals:
    proceeds = order.proceeds
    breakdowns = proceeds.breakdowns if proceeds else None
    if breakdowns is None:
        breakdowns = [b for item in order.order_items if item.proceeds for b in item.proceeds.breakdowns or ()] or None
    return OrderTotals(
        total=_money(proceeds.grand_total) if proceeds and proceeds.grand_total else None,
        items=_part(breakdowns, currency, "ITEM"),
        shipping=_part(breakdowns, currency, "SHIPPING"),
        tax=_part(breakdowns, currency, "TAX"),
        discount=_discount(breakdowns, currency),
    )


def _part(breakdowns: Sequence[remote.Breakdown] | None, currency: str, kind: str) -> Money | None:
    amounts = [_money(b.subtotal) for b in breakdowns or () if b.type == kind]
    if not amounts:
        return None
    total = Money.zero(currency)
    for amount in amounts:
        total = total + amount
    return total


def _discount(breakdowns: Sequence[remote.Breakdown] | None, currency: str) -> Money | None:
    """A discount as a positive amount, whichever sign it came with."""
    found = _part(breakdowns, currency, "DISCOUNT")
    return None if found is None else Money(minor=abs(found.minor), currency=found.currency)


def _money(amount: remote.Amount) -> Money:
    return Money.parse(str(amount.amount), amount.currency_code)


def _currency(order: remote.Order) -> str:
    """The order's currency; without any price the store's own."""
    if order.proceeds and order.proceeds.grand_total:
        return order.proceeds.grand_total.currency_code
    for item in order.order_items:
        if item.product.price and item.product.price.unit_price:
            return item.product.price.unit_price.currency_code
        if item.proceeds and item.proceeds.proceeds_total:
            return item.proceeds.proceeds_total.currency_code
    return marketplace(order.sales_channel.marketplace_id or "").currency or NO_CURRENCY


# ---------------------------------------------------------------- people and times


def _address(recipient: remote.Recipient | None) -> Address | None:
    found = recipient.delivery_address if recipient else None
    if found is None:
        return None
    return Address(
        name=found.name or "",
        company=found.company_name or "",
        line1=found.address_line1 or "",
        line2=found.address_line2 or "",
        line3=found.address_line3 or "",
        city=found.city or "",
        region=found.state_or_region or found.district_or_county or "",
        postal_code=found.postal_code or "",
        country=found.country_code or "",
        phone=found.phone or "",
    )


def _latest(window: remote.Window | None) -> datetime | None:
    return parse_instant(window.latest_date_time) if window and window.latest_date_time else None
