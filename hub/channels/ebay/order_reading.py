"""eBay's order JSON (Fulfillment API) in the hub's records. Pure: the same order always reads the same.

An unknown payment state reads as «not paid» and an unknown shipping state as «hold», so nothing is shipped by mistake.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from hub.channels.contract import (
    Address,
    Buyer,
    CancellationState,
    ChannelOrder,
    ChannelOrderLine,
    ChannelShipment,
    FulfilmentState,
    OrderTotals,
    PaymentState,
)
from hub.channels.ebay.rest import rows_of
from hub.kernel.clock import parse_instant
from hub.kernel.money import Money

_PAYMENT = {
    "PAID": PaymentState.PAID,
    "PENDING": PaymentState.PENDING,
    "FAILED": PaymentState.FAILED,
    "PARTIALLY_REFUNDED": PaymentState.PARTLY_REFUNDED,
    "FULLY_REFUNDED": PaymentState.REFUNDED,
}
_FULFILMENT = {
    "NOT_STARTED": FulfilmentState.UNFULFILLED,
    "IN_PROGRESS": FulfilmentState.PARTIAL,
    "FULFILLED": FulfilmentState.FULFILLED,
}
_CANCELLATION = {
    "NONE_REQUESTED": CancellationState.NONE,
    "IN_PROGRESS": CancellationState.REQUESTED,
    "CANCELED": CancellationState.CANCELLED,
}
# States of a cancellation request that nobody has to answer any more.
_ANSWERED = frozenset({"COMPLETED", "REJECTED"})


def needs_fulfillments(row: Mapping[str, Any]) -> bool:
    """Partly shipped: what is left per line is only told by the order's fulfilments (README 8)."""
    return row.get("orderFulfillmentStatus") == "IN_PROGRESS"


def read_order(row: Mapping[str, Any], fulfillments: Sequence[Mapping[str, Any]] = ()) -> ChannelOrder:
    """One order of getOrders or getOrder, with the answer of getShippingFulfillments where it was asked.

    Raises:
        ValueError | KeyError | TypeError | AttributeError: a field that must be there is missing or of another kind.
    """
    order_id = _text(row["orderId"])
    if not order_id:
        raise ValueError("an order without orderId")
    pricing = row.get("pricingSummary") or {}
    currency = _currency(row)
    shipments = tuple(read_shipment(one) for one in fulfillments)
    shipped: dict[str, int] = {}
    for shipment in shipments:
        for line_id, quantity in shipment.lines:
            shipped[line_id] = shipped.get(line_id, 0) + quantity
    lines = tuple(_line(line, shipped, currency) for line in rows_of(row, "lineItems"))
    if not lines:
        raise ValueError("an order without lineItems")
    start = (rows_of(row, "fulfillmentStartInstructions") or [{}])[0]
    step = start.get("shippingStep") or {}
    return ChannelOrder(
        order_id=order_id,
        display_id=order_id,
        placed_at=parse_instant(row["creationDate"]),
        updated_at=parse_instant(row["lastModifiedDate"]),
        currency=currency,
        payment=_PAYMENT.get(_text(row.get("orderPaymentStatus")), PaymentState.PENDING),
        fulfilment=_FULFILMENT.get(_text(row.get("orderFulfillmentStatus")), FulfilmentState.ON_HOLD),
        cancellation=_CANCELLATION.get(_text(_cancel(row).get("cancelState")), CancellationState.NONE),
        lines=lines,
        totals=_totals(pricing, currency),
        ship_to=_address(step.get("shipTo")),
        buyer=_buyer(row.get("buyer") or {}, step.get("shipTo") or {}),
        ship_by=_earliest(row),
        deliver_by=_instant(start.get("maxEstimatedDeliveryDate")),
        service_code=_text(step.get("shippingServiceCode")),
        channel_fulfils=bool((row.get("program") or {}).get("fulfillmentProgram")),
        shipments=shipments,
        facts=_facts(row),
        raw=json.dumps(row, ensure_ascii=False),
    )


def read_shipment(one: Mapping[str, Any]) -> ChannelShipment:
    """A fulfilment of getShippingFulfillments; a line without a quantity counts as one unit."""
    lines = tuple((_text(line["lineItemId"]), int(line.get("quantity") or 1)) for line in rows_of(one, "lineItems"))
    return ChannelShipment(
        external_id=_text(one.get("fulfillmentId")),
        tracking=_text(one.get("shipmentTrackingNumber")),
        carrier=_text(one.get("shippingCarrierCode")),
        lines=lines,
    )


def open_request(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The cancellation request that still waits for an answer, the newest if there are several."""
    waiting = [one for one in rows_of(_cancel(row), "cancelRequests") if _text(one.get("cancelRequestId"))]
    waiting = [one for one in waiting if _text(one.get("cancelRequestState")).upper() not in _ANSWERED]
    return max(waiting, key=lambda one: _text(one.get("cancelRequestedDate")), default=None)


def _cancel(row: Mapping[str, Any]) -> Mapping[str, Any]:
    value = row.get("cancelStatus")
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _instant(value: object) -> datetime | None:
    return parse_instant(value) if isinstance(value, str) and value.strip() else None


# ---------------------------------------------------------------- money


def _currency(row: Mapping[str, Any]) -> str:
    """The currency of the order's total, else of its first line.

    Raises:
        ValueError: eBay names none.
    """
    places = [(row.get("pricingSummary") or {}).get("total")]
    places += [line.get("lineItemCost") for line in rows_of(row, "lineItems")]
    for place in places:
        if isinstance(place, dict) and _text(place.get("currency")):
            return _text(place["currency"])
    raise ValueError("an order without a currency")


def _money(amount: object) -> Money | None:
    if not isinstance(amount, dict) or amount.get("value") in (None, ""):
        return None
    return Money.parse(_text(amount["value"]), _text(amount.get("currency")))


def _same(amount: object, currency: str) -> Money | None:
    """The amount if it is in the order's currency; another currency cannot be added up."""
    money = _money(amount)
    return money if money is not None and money.currency == currency else None


def _size(money: Money | None) -> int:
    return 0 if money is None else abs(money.minor)


def _totals(pricing: Mapping[str, Any], currency: str) -> OrderTotals:
    # Discounts are «negative real numbers» here; the hub subtracts positive ones.
    discounts = [_same(pricing.get(name), currency) for name in ("priceDiscount", "deliveryDiscount")]
    known = any(one is not None for one in discounts)
    return OrderTotals(
        total=_same(pricing.get("total"), currency),
        items=_same(pricing.get("priceSubtotal"), currency),
        shipping=_same(pricing.get("deliveryCost"), currency),
        tax=_same(pricing.get("tax"), currency),
        discount=Money(minor=sum(_size(one) for one in discounts), currency=currency) if known else None,
    )


def _line(line: Mapping[str, Any], shipped: Mapping[str, int], currency: str) -> ChannelOrderLine:
    line_id = _text(line["lineItemId"])
    quantity = int(line["quantity"])
    if not line_id or quantity < 0:
        raise ValueError(f"a line with the id {line_id!r} and the quantity {quantity}")
    cost = _money(line["lineItemCost"])
    if cost is None:
        raise ValueError(f"line {line_id} without lineItemCost")
    # lineItemCost is unit price times quantity, before discounts.
    unit = int((Decimal(cost.minor) / max(1, quantity)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    status = _text(line.get("lineItemFulfillmentStatus"))
    item, variation = _text(line.get("legacyItemId")), _text(line.get("legacyVariationId"))
    taxes = [_same(tax.get("amount"), currency) for tax in rows_of(line, "taxes")]
    promotions = [_same(one.get("discountAmount"), currency) for one in rows_of(line, "appliedPromotions")]
    return ChannelOrderLine(
        line_id=line_id,
        quantity=quantity,
        unit_price=Money(minor=unit, currency=cost.currency),
        channel_sku=_text(line.get("sku")) or None,
        external_id=f"{item}:{variation}" if item and variation else item or None,
        title=_text(line.get("title")),
        shipped=quantity if status == "FULFILLED" else min(quantity, shipped.get(line_id, 0)),
        tax=Money(minor=sum(one.minor for one in taxes if one), currency=currency) if any(taxes) else None,
        discount=Money(minor=sum(_size(one) for one in promotions), currency=currency) if any(promotions) else None,
    )


# ---------------------------------------------------------------- people, dates, facts


def _address(contact: object) -> Address | None:
    if not isinstance(contact, dict):
        return None
    where = contact.get("contactAddress") or {}
    return Address(
        name=_text(contact.get("fullName")),
        company=_text(contact.get("companyName")),
        line1=_text(where.get("addressLine1")),
        line2=_text(where.get("addressLine2")),
        city=_text(where.get("city")),
        region=_text(where.get("stateOrProvince")) or _text(where.get("county")),
        postal_code=_text(where.get("postalCode")),
        country=_text(where.get("countryCode")),
        phone=_text((contact.get("primaryPhone") or {}).get("phoneNumber")),
    )


def _buyer(buyer: Mapping[str, Any], ship_to: Mapping[str, Any]) -> Buyer:
    registered = buyer.get("buyerRegistrationAddress") or {}
    return Buyer(
        name=_text(registered.get("fullName")) or _text(ship_to.get("fullName")),
        email=_text(registered.get("email")) or _text(ship_to.get("email")),
        handle=_text(buyer.get("username")),
    )


def _earliest(row: Mapping[str, Any]) -> datetime | None:
    dates = [
        _instant((line.get("lineItemFulfillmentInstructions") or {}).get("shipByDate"))
        for line in rows_of(row, "lineItems")
    ]
    return min((date for date in dates if date is not None), default=None)


def _facts(row: Mapping[str, Any]) -> dict[str, str]:
    first = (rows_of(row, "lineItems") or [{}])[0]
    request = open_request(row) or {}
    # ItemID-TransactionID of each line: what an order keeps when its number changes on payment (README 3.5).
    pairs = [f"{_text(line.get('legacyItemId'))}-{_text(line.get('lineItemId'))}" for line in rows_of(row, "lineItems")]
    facts = {
        "marketplace_id": _text(first.get("purchaseMarketplaceId")) or _text(first.get("listingMarketplaceId")),
        "order_line_item_ids": ",".join(pairs)[:1000],
        "cancel_request_id": _text(request.get("cancelRequestId")),
        "cancel_initiator": _text(request.get("cancelInitiator")),
        "sales_record": _text(row.get("salesRecordReference")),
    }
    return {name: value for name, value in facts.items() if value}
