"""Orders whose buyer has not paid yet, which only Trading's GetOrders shows; read when `pull_unpaid` is yes.

The Trading OrderID of such an order changes when it is paid (contracts README 3.5), so the same sale then arrives under
another id. Both carry `order_line_item_ids` (ItemID-TransactionID) in their facts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from xml.etree.ElementTree import Element, tostring

from hub.channels.contract import (
    Address,
    BadRecord,
    Buyer,
    CancellationState,
    ChannelOrder,
    ChannelOrderLine,
    FulfilmentState,
    OrderTotals,
    PaymentState,
)
from hub.channels.ebay import faults
from hub.channels.ebay.client import Client
from hub.channels.ebay.xml import errors, number, text
from hub.kernel.clock import iso_millis, parse_instant
from hub.kernel.money import Money

PER_PAGE = 100  # README 3.5
WIDEST = timedelta(days=30)  # ModTimeFrom to ModTimeTo


def page(
    client: Client, *, start: datetime, to: datetime, page: int
) -> tuple[tuple[ChannelOrder, ...], tuple[BadRecord, ...], bool]:
    """One page of unpaid orders changed in the window, and whether there are more."""
    root = client.trading("GetOrders", build(start=start, to=to, page=page), writing=False)
    found = errors(root)
    if text(root, "Ack") == "Failure":
        raise faults.error_of_trading(found, call="GetOrders", now=client.clock.now())
    orders: list[ChannelOrder] = []
    bad: list[BadRecord] = []
    for one in root.findall("OrderArray/Order"):
        if text(one, "CheckoutStatus/Status") == "Complete":
            continue  # paid: getOrders delivers it, under its final number
        try:
            orders.append(parse(one))
        except ValueError as error:
            bad.append(
                BadRecord(
                    why=f"{error}"[:300], order_id=text(one, "OrderID") or None, raw=tostring(one, encoding="unicode")
                )
            )
    return tuple(orders), tuple(bad), text(root, "HasMoreOrders") == "true"


def build(*, start: datetime, to: datetime, page: int) -> dict[str, Any]:
    return {
        "DetailLevel": "ReturnAll",
        "ModTimeFrom": iso_millis(max(start, to - WIDEST)),
        "ModTimeTo": iso_millis(to),
        "OrderRole": "Seller",
        "OrderStatus": "Active",
        "Pagination": {"EntriesPerPage": str(PER_PAGE), "PageNumber": str(page)},
    }


def parse(order: Element) -> ChannelOrder:
    """An unpaid Trading order: PENDING, to be reserved and not shipped.

    Raises:
        ValueError: a field that must be there is missing.
    """
    order_id = text(order, "OrderID")
    currency = order.find("Total").get("currencyID", "") if order.find("Total") is not None else ""  # type: ignore[union-attr]
    lines = tuple(_line(one, currency) for one in order.findall("TransactionArray/Transaction"))
    if not order_id or not lines:
        raise ValueError("an order without OrderID or without transactions")
    where = order.find("ShippingAddress")
    pairs = [text(one, "OrderLineItemID") for one in order.findall("TransactionArray/Transaction")]
    return ChannelOrder(
        order_id=order_id,
        display_id=order_id,
        placed_at=parse_instant(text(order, "CreatedTime")),
        updated_at=parse_instant(text(order, "CheckoutStatus/LastModifiedTime") or text(order, "CreatedTime")),
        currency=currency,
        payment=PaymentState.PENDING,
        fulfilment=FulfilmentState.UNFULFILLED,
        cancellation=_cancellation(order),
        lines=lines,
        totals=OrderTotals(total=_money(order, "Total"), items=_money(order, "Subtotal")),
        ship_to=None if where is None else _address(where),
        buyer=Buyer(handle=text(order, "BuyerUserID")),
        facts={"order_line_item_ids": ",".join(pairs)[:1000], "unpaid": "yes"},
        raw=tostring(order, encoding="unicode"),
    )


def _cancellation(order: Element) -> CancellationState:
    match text(order, "OrderStatus"):
        case "Cancelled" | "Inactive":
            return CancellationState.CANCELLED
        case "CancelPending":
            return CancellationState.REQUESTED
        case _:
            return CancellationState.NONE


def _line(one: Element, currency: str) -> ChannelOrderLine:
    price = _money(one, "TransactionPrice")
    quantity = number(one, "QuantityPurchased", -1)
    line_id = text(one, "OrderLineItemID")
    if price is None or quantity < 0 or not line_id:
        raise ValueError("a transaction without OrderLineItemID, price or quantity")
    if price.currency != currency:
        raise ValueError(f"a transaction in {price.currency} in an order in {currency}")
    return ChannelOrderLine(
        line_id=line_id,
        quantity=quantity,
        unit_price=price,
        channel_sku=text(one, "Variation/SKU") or text(one, "Item/SKU") or None,
        external_id=text(one, "Item/ItemID") or None,
        title=text(one, "Item/Title"),
    )


def _money(root: Element, path: str) -> Money | None:
    """Trading writes amounts as doubles with a currencyID attribute; more digits than the currency has are rounded."""
    amount = root.find(path)
    if amount is None or not (amount.text or "").strip():
        return None
    value = Decimal((amount.text or "").strip()).quantize(Decimal("0.0001"), rounding=ROUND_HALF_EVEN)
    return Money.parse(str(value), amount.get("currencyID", ""))


def _address(where: Element) -> Address:
    return Address(
        name=text(where, "Name"),
        line1=text(where, "Street1"),
        line2=text(where, "Street2"),
        city=text(where, "CityName"),
        region=text(where, "StateOrProvince"),
        postal_code=text(where, "PostalCode"),
        country=text(where, "Country"),
        phone=text(where, "Phone"),
    )
