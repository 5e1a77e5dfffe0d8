"""An order as the Fulfillment API shows it (OpenAPI sell_fulfillment_v1: Order, ShippingFulfillment)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hub.kernel.clock import iso_millis, parse_instant
from hub.simulators.ebay_state import Line, Order, Shipment, amount

HANDLING = timedelta(days=1)
TRANSIT = (timedelta(days=2), timedelta(days=5))


def order_json(order: Order, base: str, *, with_requests: bool) -> str:
    """The order as JSON text. `with_requests`: getOrder fills cancelRequests, getOrders leaves it empty (README 3.5)."""
    return json.dumps(order_view(order, base, with_requests=with_requests), ensure_ascii=False, separators=(",", ":"))


def order_view(order: Order, base: str, *, with_requests: bool) -> dict[str, Any]:
    paid = parse_instant(order.paid_at or order.placed_at)
    currency = order.currency
    pricing = {
        "priceSubtotal": amount(order.subtotal_minor(), currency),
        "deliveryCost": amount(order.delivery_minor, currency),
        "total": amount(order.total_minor(), currency),
    }
    if order.tax_minor:
        pricing["tax"] = amount(order.tax_minor, currency)
    cancel: dict[str, Any] = {"cancelState": order.cancel_state, "cancelRequests": []}
    if order.cancelled_at:
        cancel["cancelledDate"] = order.cancelled_at
    if with_requests:
        cancel["cancelRequests"] = [
            {
                "cancelRequestId": each.cancel_id,
                "cancelInitiator": each.initiator,
                "cancelReason": each.reason,
                "cancelRequestState": each.state,
                "cancelRequestedDate": each.requested_at,
                **({"cancelCompletedDate": each.completed_at} if each.completed_at else {}),
            }
            for each in order.cancellations
        ]
    refunds = []
    if order.refunded_at:
        refunds = [
            {
                "refundId": f"5{order.record_no:09d}",
                "refundDate": order.refunded_at,
                "amount": amount(order.total_minor(), currency),
                "refundStatus": "REFUNDED",
            }
        ]
    return {
        "orderId": order.order_id,
        "creationDate": order.placed_at,
        "lastModifiedDate": order.modified_at,
        "orderFulfillmentStatus": order.status(),
        "orderPaymentStatus": order.payment(),
        "sellerId": "entrepot-verkauf",
        "salesRecordReference": str(order.record_no),
        "buyer": {"username": order.buyer.get("handle", "")},
        "cancelStatus": cancel,
        "pricingSummary": pricing,
        "paymentSummary": {
            "totalDueSeller": amount(0 if order.refunded_at else order.total_minor(), currency),
            "payments": [
                {
                    "paymentMethod": "EBAY",
                    "paymentReferenceId": f"P{order.record_no:010d}",
                    "paymentDate": order.paid_at,
                    "amount": amount(order.total_minor(), currency),
                    "paymentStatus": "PAID",
                }
            ],
            "refunds": refunds,
        },
        "fulfillmentStartInstructions": [
            {
                "fulfillmentInstructionsType": "SHIP_TO",
                "minEstimatedDeliveryDate": iso_millis(paid + TRANSIT[0]),
                "maxEstimatedDeliveryDate": iso_millis(paid + TRANSIT[1]),
                "ebaySupportedFulfillment": False,
                "shippingStep": {
                    "shipTo": _contact(order),
                    "shippingCarrierCode": order.service.partition("_")[2] or order.service,
                    "shippingServiceCode": order.service,
                },
            }
        ],
        "fulfillmentHrefs": [
            f"{base}/{order.order_id}/shipping_fulfillment/{parcel.fulfillment_id}" for parcel in order.shipments
        ],
        "lineItems": [_line(order, line, iso_millis(paid + HANDLING)) for line in order.lines],
    }


def _contact(order: Order) -> dict[str, Any]:
    to = order.ship_to
    address = {
        "addressLine1": to.get("line1", ""),
        "addressLine2": to.get("line2", ""),
        "city": to.get("city", ""),
        "stateOrProvince": to.get("region", ""),
        "postalCode": to.get("postal_code", ""),
        "countryCode": to.get("country", ""),
    }
    contact: dict[str, Any] = {
        "fullName": to.get("name", ""),
        "contactAddress": {key: value for key, value in address.items() if value},
        "email": order.buyer.get("email", ""),
    }
    if to.get("company"):
        contact["companyName"] = to["company"]
    if to.get("phone"):
        contact["primaryPhone"] = {"phoneNumber": to["phone"]}
    return contact


def _line(order: Order, line: Line, ship_by: str) -> dict[str, Any]:
    """Delivery and tax of the order stand on its first line, so that the line totals add up to the order's."""
    first = line is order.lines[0]
    cost = line.quantity * line.unit_minor
    delivery, tax = (order.delivery_minor, order.tax_minor) if first else (0, 0)
    currency = order.currency
    out: dict[str, Any] = {
        "lineItemId": line.line_id,
        "legacyItemId": line.item_id,
        "title": line.title,
        "quantity": line.quantity,
        "soldFormat": "FIXED_PRICE",
        "listingMarketplaceId": "EBAY_DE",
        "purchaseMarketplaceId": "EBAY_DE",
        "lineItemFulfillmentStatus": order.line_status(line),
        "lineItemCost": amount(cost, currency),
        "deliveryCost": {"shippingCost": amount(delivery, currency)},
        "total": amount(cost + delivery + tax, currency),
        "taxes": [{"amount": amount(tax, currency), "taxType": "SALES_TAX"}] if tax else [],
        "lineItemFulfillmentInstructions": {"shipByDate": ship_by, "guaranteedDelivery": False},
        "properties": {"buyerProtection": True},
        "appliedPromotions": [],
        "refunds": [],
    }
    if line.sku:
        out["sku"] = line.sku
    if line.variation_id:
        out["legacyVariationId"] = line.variation_id
        out["variationAspects"] = [{"name": name, "value": value} for name, value in line.options.items()]
    return out


def parcel_view(parcel: Shipment) -> dict[str, Any]:
    out: dict[str, Any] = {
        "fulfillmentId": parcel.fulfillment_id,
        "shippedDate": parcel.shipped_at,
        "lineItems": [{"lineItemId": line_id, "quantity": count} for line_id, count in parcel.lines.items()],
    }
    if parcel.tracking:
        out["shipmentTrackingNumber"], out["shippingCarrierCode"] = parcel.tracking, parcel.carrier
    return out
