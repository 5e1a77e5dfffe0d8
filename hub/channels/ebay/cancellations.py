"""Cancelling orders and answering buyers' requests through Post-Order (contracts README 3.6).

eBay cancels whole orders only. Sellers in the EU and the UK need a signing key for creating and approving (README 3.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.channels.contract import Applied, CancelRequest, Outcome, Problem, Refused
from hub.channels.ebay import rest
from hub.channels.ebay.client import Client
from hub.channels.ebay.order_reading import open_request

# Post-Order's CancelReasonEnum as far as it is open to sellers; eBay has no «fraud» and no «other» for them.
REASONS: Mapping[str, str] = {
    "out_of_stock": "OUT_OF_STOCK_OR_CANNOT_FULFILL",
    "buyer_request": "BUYER_ASKED_CANCEL",
    "address": "ADDRESS_ISSUES",
}


def build_cancellation(request: CancelRequest, order: Mapping[str, Any]) -> dict[str, Any]:
    """The body of createCancellation; `order` is the order as getOrder shows it."""
    paid = order.get("orderPaymentStatus") not in ("PENDING", "FAILED")
    body: dict[str, Any] = {
        "legacyOrderId": request.order_id,
        "cancelReason": REASONS.get(request.reason, "OUT_OF_STOCK_OR_CANNOT_FULFILL"),
        "buyerPaid": paid,
    }
    payments = rest.rows_of(order.get("paymentSummary") or {}, "payments")
    dates = [str(one["paymentDate"]) for one in payments if one.get("paymentDate")]
    if paid and dates:
        body["buyerPaidDate"] = {"value": min(dates)}
    return body


def cancel(client: Client, request: CancelRequest) -> Outcome:
    order = rest.get_order(client, request.order_id)
    state = (order.get("cancelStatus") or {}).get("cancelState")
    waiting = open_request(order)
    if state == "CANCELED":
        if request.accept:
            return Applied(external_id=request.order_facts.get("cancel_request_id", ""))
        return _no("cancelled", "This order is cancelled already; the request cannot be declined any more.")
    if request.answers_request:
        return _answer(client, request, waiting)
    if _is_part(request, order):
        return _no("whole_orders", "eBay can cancel only whole orders.", "lines")
    if state == "IN_PROGRESS" and waiting is not None:
        if str(waiting.get("cancelInitiator") or "").lower() == "seller":
            return Applied(external_id=str(waiting["cancelRequestId"]))
        # The buyer has asked meanwhile: approving that request is the same cancellation, without a mark on the seller.
        rest.approve_cancellation(client, str(waiting["cancelRequestId"]))
        return Applied(external_id=str(waiting["cancelRequestId"]))
    return Applied(external_id=rest.create_cancellation(client, build_cancellation(request, order)))


def _answer(client: Client, request: CancelRequest, waiting: Mapping[str, Any] | None) -> Outcome:
    if waiting is None:
        # Declined before, or withdrawn by the buyer: there is nothing to decline, and nothing to accept either.
        if not request.accept:
            return Applied(external_id=request.order_facts.get("cancel_request_id", ""))
        return _no("no_request", "The buyer's request to cancel this order is no longer open.")
    cancel_id = str(waiting["cancelRequestId"])
    if request.accept:
        rest.approve_cancellation(client, cancel_id)
    else:
        rest.reject_cancellation(client, cancel_id)
    return Applied(external_id=cancel_id)


def _is_part(request: CancelRequest, order: Mapping[str, Any]) -> bool:
    if not request.lines:
        return False
    asked = dict(request.lines)
    return any(
        asked.get(str(line.get("lineItemId")), 0) < int(line.get("quantity") or 0)
        for line in rest.rows_of(order, "lineItems")
    )


def _no(code: str, message: str, field: str | None = None) -> Refused:
    return Refused(problems=(Problem(code=code, message=message, field=field),))
