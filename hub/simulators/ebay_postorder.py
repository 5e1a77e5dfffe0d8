"""Post-Order cancellations (OpenAPI cancellation; contracts README 3.6; bodies as eBay's Post-Order pages name them)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from hub.simulators.base import ControlError
from hub.simulators.ebay_errors import RestRefusal, answer, complaint, empty
from hub.simulators.ebay_routes import Call
from hub.simulators.ebay_shop import Shop
from hub.simulators.ebay_state import Cancellation, Order

REASONS_PAID = ("OUT_OF_STOCK_OR_CANNOT_FULFILL", "BUYER_ASKED_CANCEL", "ADDRESS_ISSUES")
REASONS_UNPAID = (*REASONS_PAID, "ORDER_UNPAID")
_STATES = {"REQUESTED": "APPROVAL_PENDING", "COMPLETED": "CLOSED", "REJECTED": "CLOSED"}
_STATUS = {"REQUESTED": "CANCEL_REQUESTED", "COMPLETED": "CANCEL_CLOSED_WITH_REFUND", "REJECTED": "CANCEL_REJECTED"}


class PostOrderApi:
    """Handlers by operation id. Only whole orders can be cancelled."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.handlers: dict[str, Callable[[Call], Response]] = {
            "checkCancellationEligibility": self._check,
            "createCancellation": self._create,
            "getCancellation": self._get,
            "approveCancellationRequest": self._approve,
            "rejectCancellationRequest": self._reject,
        }

    def _order(self, body: dict[str, Any]) -> Order:
        """By the id before or after payment: this API knows both."""
        try:
            return self._shop.order(str(body.get("legacyOrderId", "")))
        except ControlError as error:
            raise RestRefusal(404, complaint(2002, legacyOrderId=str(body.get("legacyOrderId", "")))) from error

    def _result(self, order: Order) -> dict[str, Any]:
        why = ""
        if order.cancel_state != "NONE_REQUESTED":
            why = "CANCELLATION_EXIST"
        elif order.status() != "NOT_STARTED":
            why = "CANCEL_WINDOW_ELAPSED"
        out: dict[str, Any] = {"legacyOrderId": order.order_id, "eligible": not why}
        if why:
            out["failureReason"] = [why]
        else:
            out["eligibleCancelReason"] = list(REASONS_PAID if order.paid_at else REASONS_UNPAID)
        out["itemEligibilityResult"] = [
            {"itemId": line.item_id, "transactionId": line.line_id, "eligible": not why} for line in order.lines
        ]
        return out

    def _check(self, call: Call) -> Response:
        return answer(self._result(self._order(call.json())))

    def _create(self, call: Call) -> Response:
        """The seller cancels: done at once, the buyer refunded."""
        body = call.json()
        order = self._order(body)
        result = self._result(order)
        if not result["eligible"]:
            return answer({"orderEligibilityResult": result})
        reason = str(body.get("cancelReason") or "OUT_OF_STOCK_OR_CANNOT_FULFILL")
        if reason not in result["eligibleCancelReason"]:
            raise RestRefusal(400, complaint(2004, cancelReason=reason))
        self._shop.cancel(order, reason=reason)
        return answer({"cancelId": order.cancellations[-1].cancel_id})

    def _known(self, cancel_id: str) -> tuple[Order, Cancellation]:
        for order in self._shop.state.orders.values():
            for request in order.cancellations:
                if request.cancel_id == cancel_id:
                    return order, request
        raise RestRefusal(404, complaint(2002, cancelId=cancel_id))

    def _get(self, call: Call) -> Response:
        order, request = self._known(call.params[0])
        status = _STATUS[request.state]
        if request.state == "COMPLETED" and not order.paid_at:
            status = "CANCEL_CLOSED_FOR_COMMITMENT"
        detail = {
            "cancelId": request.cancel_id,
            "marketplaceId": "EBAY_DE",
            "legacyOrderId": order.order_id,
            "requestorType": request.initiator,
            "cancelReason": request.reason,
            "cancelState": _STATES[request.state],
            "cancelStatus": status,
            "cancelRequestDate": {"value": request.requested_at},
        }
        if request.completed_at:
            detail["cancelCloseDate"] = {"value": request.completed_at}
        return answer({"cancelDetail": detail})

    def _open(self, call: Call) -> tuple[Order, Cancellation]:
        order, request = self._known(call.params[0])
        if request.state != "REQUESTED":
            raise RestRefusal(409, complaint(2004, cancelState=_STATES[request.state]))
        return order, request

    def _approve(self, call: Call) -> Response:
        order, _ = self._open(call)
        self._shop.cancel(order)
        return empty(200)

    def _reject(self, call: Call) -> Response:
        self._shop.reject_cancel(*self._open(call))
        return empty(200)
