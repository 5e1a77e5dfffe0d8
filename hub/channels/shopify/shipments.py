"""Shipments, the pure half: which fulfilment orders a parcel takes its units from (contracts README 4.6).

`fulfillmentCreate` has no idempotency: the tracking number among the order's fulfilments is what makes a repeat safe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.channels.contract.records import Problem, Refused, ShipmentConfirmation
from hub.channels.shopify.carriers import company
from hub.channels.shopify.orders import DEAD_FULFILMENTS
from hub.kernel.clock import parse_instant

_SHIPPABLE = frozenset({"OPEN", "IN_PROGRESS"})
_REASONS = {
    "HIGH_RISK_OF_FRAUD": "a high risk of fraud",
    "AWAITING_PAYMENT": "the payment is awaited",
    "INCORRECT_ADDRESS": "the address is wrong",
    "INVENTORY_OUT_OF_STOCK": "it is out of stock",
    "AWAITING_RETURN_ITEMS": "returned items are awaited",
    "UNKNOWN_DELIVERY_DATE": "the delivery date is unknown",
    "ONLINE_STORE_POST_PURCHASE_CROSS_SELL": "the buyer may still add something",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLine:
    """A line of a fulfilment order: `line_id` is the order's line, `remaining` what is left to ship."""

    id: str
    line_id: str
    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfilmentOrder:
    id: str
    status: str
    actions: frozenset[str]
    holds: tuple[str, ...]
    location: str
    lines: tuple[OpenLine, ...]

    @property
    def shippable(self) -> bool:
        return self.status in _SHIPPABLE and "CREATE_FULFILLMENT" in self.actions


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A fulfilment that exists: one tracking number each (several numbers make several parcels)."""

    id: str
    tracking: str
    carrier: str
    made_at: datetime | None


def same_number(one: str, other: str) -> bool:
    """Tracking numbers are the same number however they are spaced or cased."""
    return bare_number(one) == bare_number(other)


def bare_number(tracking: str) -> str:
    return "".join(tracking.split()).casefold()


def parse_parcels(fulfilments: Sequence[Mapping[str, Any]]) -> list[Parcel]:
    """The living fulfilments of an order."""
    return [
        Parcel(
            id=str(row["id"]),
            tracking=str(info.get("number") or ""),
            carrier=str(info.get("company") or ""),
            made_at=parse_instant(row["createdAt"]) if row.get("createdAt") else None,
        )
        for row in fulfilments
        if row["status"] not in DEAD_FULFILMENTS
        for info in _infos(row)
    ]


def _infos(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The tracking entries of a fulfilment; one empty entry for a parcel without a number."""
    return row["trackingInfo"] or ({},)


def parse_open_lines(nodes: Sequence[Mapping[str, Any]]) -> tuple[OpenLine, ...]:
    return tuple(
        OpenLine(id=str(row["id"]), line_id=str(row["lineItem"]["id"]), remaining=int(row["remainingQuantity"]))
        for row in nodes
    )


def parse_fulfilment_order(node: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> FulfilmentOrder:
    """One fulfilment order; `lines` are all of its lines."""
    location = (node.get("assignedLocation") or {}).get("location") or {}
    return FulfilmentOrder(
        id=str(node["id"]),
        status=str(node["status"]),
        actions=frozenset(str(row["action"]) for row in node["supportedActions"]),
        holds=tuple(str(row["reason"]) for row in node["fulfillmentHolds"]),
        location=str(location.get("id") or ""),
        lines=parse_open_lines(lines),
    )


def choose(orders: Sequence[FulfilmentOrder], wanted: Mapping[str, int]) -> list[list[dict[str, Any]]] | Refused:
    """For each location the `lineItemsByFulfillmentOrder` of one call, together exactly `wanted` (line id → units)."""
    left = {line_id: quantity for line_id, quantity in wanted.items() if quantity > 0}
    groups: dict[str, list[dict[str, Any]]] = {}
    for order in orders:
        if not order.shippable:
            continue
        takes = []
        for line in order.lines:
            units = min(left.get(line.line_id, 0), line.remaining)
            if units > 0:
                takes.append({"id": line.id, "quantity": units})
                left[line.line_id] -= units
        if takes:
            part = {"fulfillmentOrderId": order.id, "fulfillmentOrderLineItems": takes}
            groups.setdefault(order.location, []).append(part)
    short = {line_id: units for line_id, units in left.items() if units > 0}
    return _why_short(orders, wanted, short) if short else list(groups.values())


def _why_short(orders: Sequence[FulfilmentOrder], wanted: Mapping[str, int], short: Mapping[str, int]) -> Refused:
    problems = []
    for line_id, missing in short.items():
        homes = [o for o in orders if any(line.line_id == line_id for line in o.lines)]
        blocked = [
            o
            for o in homes
            if not o.shippable and any(line.line_id == line_id and line.remaining > 0 for line in o.lines)
        ]
        if not homes:
            code, text = "UNKNOWN_LINE", f"The order has no line {line_id} to ship."
        elif blocked:
            code, text = _blocked(blocked[0])
        else:
            code = "ALREADY_FULFILLED"
            text = (
                f"Shopify has only {wanted[line_id] - missing} left to ship of line {line_id}, not {wanted[line_id]}."
            )
        problems.append(Problem(code=code, message=text, field="lines"))
    return Refused(problems=tuple(problems))


def _blocked(order: FulfilmentOrder) -> tuple[str, str]:
    if order.holds or order.status == "ON_HOLD":
        why = ", ".join(_REASONS.get(hold, hold.replace("_", " ").lower()) for hold in order.holds) or "no reason given"
        return (
            "ON_HOLD",
            f"Shopify holds this order back ({why}). Release the hold in Shopify; the parcel is then confirmed.",
        )
    if order.status == "SCHEDULED":
        return "SCHEDULED", "Shopify has scheduled this order for later; it cannot be shipped yet."
    return "NOT_SHIPPABLE", f"Shopify does not let the hub ship this part of the order (its state is {order.status})."


def build_fulfilment(
    confirmation: ShipmentConfirmation, group: Sequence[dict[str, Any]], *, notify: bool
) -> dict[str, Any]:
    """Variables of SHIP for one location."""
    tracking = {"company": company(confirmation.carrier), "number": confirmation.tracking}
    data: dict[str, Any] = {"lineItemsByFulfillmentOrder": list(group), "notifyCustomer": notify}
    filled = {name: value for name, value in tracking.items() if value}
    if filled:
        data["trackingInfo"] = filled
    return {"f": data}
