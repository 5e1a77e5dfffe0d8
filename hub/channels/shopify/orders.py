"""Orders, the pure half: Shopify's JSON of an order in the hub's words (contracts README 4.6 and 8).

Money is the shop's own (shopMoney), not what the buyer's screen showed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hub.channels.contract.records import (
    Address,
    BadRecord,
    Buyer,
    CancellationState,
    ChannelOrder,
    ChannelOrderLine,
    ChannelShipment,
    FulfilmentState,
    OrderTotals,
    PaymentState,
)
from hub.kernel.clock import parse_instant
from hub.kernel.money import Money

ORDER_GID = "gid://shopify/Order/"
#: Not there in the sense of «shipped»: README 4.6.
DEAD_FULFILMENTS = frozenset({"CANCELLED", "ERROR", "FAILURE"})

_PAYMENT = {
    "PAID": PaymentState.PAID,
    "PARTIALLY_REFUNDED": PaymentState.PARTLY_REFUNDED,
    "REFUNDED": PaymentState.REFUNDED,
    "PENDING": PaymentState.PENDING,
    "AUTHORIZED": PaymentState.PENDING,
    "PARTIALLY_PAID": PaymentState.PENDING,
    "EXPIRED": PaymentState.FAILED,
    "VOIDED": PaymentState.FAILED,
}
_FULFILMENT = {
    "FULFILLED": FulfilmentState.FULFILLED,
    "FULFILLMENT_NOT_REQUIRED": FulfilmentState.FULFILLED,
    "PARTIALLY_FULFILLED": FulfilmentState.PARTIAL,
    "ON_HOLD": FulfilmentState.ON_HOLD,
    "SCHEDULED": FulfilmentState.ON_HOLD,
    "UNFULFILLED": FulfilmentState.UNFULFILLED,
    "OPEN": FulfilmentState.UNFULFILLED,
    "IN_PROGRESS": FulfilmentState.UNFULFILLED,
    "PENDING_FULFILLMENT": FulfilmentState.UNFULFILLED,
    "REQUEST_DECLINED": FulfilmentState.UNFULFILLED,
    "RESTOCKED": FulfilmentState.UNFULFILLED,
}
_NOTHING_SHIPPED = frozenset({"UNFULFILLED", "OPEN", "RESTOCKED", "REQUEST_DECLINED"})


def parse_order(node: Mapping[str, Any], *, authorized_is_paid: bool = False) -> ChannelOrder:
    """One order with all its lines.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is not what the schema promises.
    """
    currency = str(node["currencyCode"])
    lines = tuple(_line(row, node) for row in node["lineItems"]["nodes"])
    cancelled = node.get("cancelledAt") is not None
    facts = {
        "payment_status": str(node.get("displayFinancialStatus") or ""),
        "fulfilment_status": str(node.get("displayFulfillmentStatus") or ""),
        "return_status": str(node.get("returnStatus") or ""),
        "cancel_reason": str(node.get("cancelReason") or ""),
    }
    totals = _totals(node, facts)
    service = node.get("shippingLine") or {}
    address = node.get("shippingAddress")
    return ChannelOrder(
        order_id=_gid(node["id"]),
        placed_at=parse_instant(node["createdAt"]),
        updated_at=parse_instant(node["updatedAt"]),
        currency=currency,
        payment=_payment(node, totals, authorized_is_paid=authorized_is_paid),
        fulfilment=_fulfilment(node, lines),
        cancellation=CancellationState.CANCELLED if cancelled else CancellationState.NONE,
        lines=lines,
        totals=totals,
        display_id=str(node.get("name") or ""),
        ship_to=_address(address) if address else None,
        buyer=Buyer(name=_text(address or {}, "name"), email=_text(node, "email")),
        service_code=str(service.get("code") or service.get("title") or ""),
        shipments=tuple(_shipments(node.get("fulfillments") or ())),
        facts={name: value for name, value in facts.items() if value},
        raw=json.dumps(node, ensure_ascii=False, separators=(",", ":")),
    )


def parse_orders(
    nodes: Sequence[Any], *, authorized_is_paid: bool = False
) -> tuple[tuple[ChannelOrder, ...], tuple[BadRecord, ...]]:
    """The orders of a page; one that cannot be read becomes a BadRecord and stops no other."""
    orders, bad = [], []
    for node in nodes:
        try:
            orders.append(parse_order(node, authorized_is_paid=authorized_is_paid))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            order_id = node.get("id") if isinstance(node, Mapping) else None
            bad.append(
                BadRecord(
                    why=f"This Shopify order could not be read: {type(error).__name__}: {error}",
                    order_id=str(order_id) if order_id else None,
                    raw=json.dumps(node, ensure_ascii=False, default=str),
                )
            )
    return tuple(orders), tuple(bad)


def _gid(value: Any) -> str:
    text = str(value)
    if not text.startswith(ORDER_GID):
        raise ValueError(f"not the id of an order: {text[:80]}")
    return text


def _text(node: Mapping[str, Any], name: str) -> str:
    """A field that may be null: personal data the app may not see comes back so."""
    return str(node.get(name) or "")


def _money(bag: Mapping[str, Any]) -> Money:
    money = bag["shopMoney"]
    return Money.parse(str(money["amount"]), str(money["currencyCode"]))


def _maybe(bag: Mapping[str, Any] | None) -> Money | None:
    return None if bag is None else _money(bag)


def _line(row: Mapping[str, Any], node: Mapping[str, Any]) -> ChannelOrderLine:
    current, open_quantity = int(row["currentQuantity"]), int(row["unfulfilledQuantity"])
    if current < 0 or open_quantity < 0:
        raise ValueError(f"a quantity below zero: {current}, {open_quantity}")
    # A cancelled order has nothing left to fulfil either; its status tells whether anything had been shipped.
    shipped = 0 if node.get("displayFulfillmentStatus") in _NOTHING_SHIPPED else max(0, current - open_quantity)
    variant = row.get("variant")
    return ChannelOrderLine(
        line_id=str(row["id"]),
        quantity=current,
        unit_price=_money(row["originalUnitPriceSet"]),
        channel_sku=str(row["sku"]) if row.get("sku") else None,
        external_id=str(variant["id"]) if variant else None,
        title=_text(row, "title"),
        shipped=shipped,
        discount=_maybe(row.get("totalDiscountSet")),
    )


def _totals(node: Mapping[str, Any], facts: dict[str, str]) -> OrderTotals:
    tax = _maybe(node.get("totalTaxSet"))
    if tax is not None and node.get("taxesIncluded"):
        # Part of the prices already: as a part of the sum it would count twice.
        facts["tax_included"] = tax.text()
        tax = None
    return OrderTotals(
        total=_money(node["totalPriceSet"]),
        # As ordered, because the total is stated before refunds, too.
        items=_items(node),
        shipping=_maybe(node.get("totalShippingPriceSet")),
        tax=tax,
        discount=_maybe(node.get("totalDiscountsSet")),
    )


def _items(node: Mapping[str, Any]) -> Money:
    amount = Money.zero(str(node["currencyCode"]))
    for row in node["lineItems"]["nodes"]:
        amount += _money(row["originalUnitPriceSet"]).times(int(row["quantity"]))
    return amount


def _payment(node: Mapping[str, Any], totals: OrderTotals, *, authorized_is_paid: bool) -> PaymentState:
    status = node.get("displayFinancialStatus")
    if status is None:  # nothing to pay, or not known yet
        return PaymentState.PAID if totals.total is not None and totals.total.minor == 0 else PaymentState.PENDING
    if status == "AUTHORIZED" and authorized_is_paid:
        return PaymentState.PAID
    # A status of a later version: reserve and do not ship until somebody looked; the facts keep its name.
    return _PAYMENT.get(str(status), PaymentState.PENDING)


def _fulfilment(node: Mapping[str, Any], lines: Sequence[ChannelOrderLine]) -> FulfilmentState:
    known = _FULFILMENT.get(str(node.get("displayFulfillmentStatus")))
    if known is not None:
        return known
    shipped, wanted = sum(line.shipped for line in lines), sum(line.quantity for line in lines)
    if shipped == 0:
        return FulfilmentState.UNFULFILLED
    return FulfilmentState.FULFILLED if shipped >= wanted else FulfilmentState.PARTIAL


def _address(node: Mapping[str, Any]) -> Address:
    return Address(
        name=_text(node, "name"),
        company=_text(node, "company"),
        line1=_text(node, "address1"),
        line2=_text(node, "address2"),
        city=_text(node, "city"),
        region=_text(node, "provinceCode"),
        postal_code=_text(node, "zip"),
        country=_text(node, "countryCodeV2"),
        phone=_text(node, "phone"),
    )


def _shipments(fulfilments: Sequence[Mapping[str, Any]]) -> list[ChannelShipment]:
    """One per tracking number; a fulfilment without one counts as a parcel without a number."""
    found = []
    for row in fulfilments:
        if row["status"] in DEAD_FULFILMENTS:
            continue
        infos: Sequence[Mapping[str, Any]] = row["trackingInfo"] or ({},)
        for info in infos:
            found.append(
                ChannelShipment(
                    external_id=str(row["id"]), tracking=_text(info, "number"), carrier=_text(info, "company")
                )
            )
    return found
