"""Shipments and cancellations, the half that calls."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.channels.contract.errors import ChannelError, Missing, Unsupported
from hub.channels.contract.records import (
    Applied,
    CancelRequest,
    Found,
    NotFound,
    Outcome,
    Pending,
    Problem,
    Refused,
    ShipmentConfirmation,
    Submitted,
    Unclear,
)
from hub.channels.shopify import faults, queries
from hub.channels.shopify.orders import ORDER_GID
from hub.channels.shopify.shipments import (
    FulfilmentOrder,
    Parcel,
    build_fulfilment,
    choose,
    parse_fulfilment_order,
    parse_parcels,
    same_number,
)
from hub.channels.shopify.shop import Shop

_POLL_S = 5.0
_REASONS = {"out_of_stock": "INVENTORY", "buyer_request": "CUSTOMER", "fraud": "FRAUD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    cancelled: bool
    parcels: list[Parcel]
    fulfilment_orders: list[FulfilmentOrder]


def confirm(shop: Shop, confirmation: ShipmentConfirmation) -> Outcome:
    """Report one parcel. Looks first: what a fulfilment with this tracking number already has is not sent again."""
    order = _to_ship(shop, confirmation.order_id)
    if order is None:
        return _no_order(confirmation.order_id)
    wanted = Counter[str]()
    for line_id, quantity in confirmation.lines:
        wanted[line_id] += quantity
    earlier = _same_parcel(shop, order, confirmation, wanted)
    for parcel in earlier:
        wanted.subtract(_lines_of(shop, parcel.id))
    if earlier and not any(units > 0 for units in wanted.values()):
        return Applied(external_id=earlier[0].id)
    if order.cancelled:
        text = "The order was cancelled in Shopify; nothing of it can be shipped."
        return Refused(problems=(Problem(code="ORDER_CANCELLED", message=text),))
    groups = choose(order.fulfilment_orders, wanted)
    if isinstance(groups, Refused):
        return groups
    made = earlier[0].id if earlier else ""
    for number, group in enumerate(groups):
        asked = build_fulfilment(confirmation, group, notify=shop.setting("notify_customer") == "yes")
        try:
            answer = shop.client.run(queries.SHIP, asked)["fulfillmentCreate"]
        except ChannelError as error:
            if number == 0:
                raise
            return faults.settle(error, sent=True)
        if answer["userErrors"]:
            return Refused(problems=tuple(faults.problem_of(error) for error in answer["userErrors"]))
        made = made or str(answer["fulfillment"]["id"])
    return Applied(external_id=made)


def _same_parcel(shop: Shop, order: _Order, confirmation: ShipmentConfirmation, wanted: Counter[str]) -> list[Parcel]:
    """What an earlier try of this very confirmation made: the same number, or (a parcel without a number) exactly the
    same lines in a fulfilment made since it was shipped."""
    if confirmation.tracking.strip():
        return list({p.id: p for p in order.parcels if same_number(p.tracking, confirmation.tracking)}.values())
    for parcel in order.parcels:
        since = parcel.made_at is not None and parcel.made_at >= confirmation.shipped_at
        if not parcel.tracking and since and _lines_of(shop, parcel.id) == wanted:
            return [parcel]
    return []


def _lines_of(shop: Shop, fulfilment_id: str) -> Counter[str]:
    node = shop.client.run(queries.SHIPPED_LINES, {"id": fulfilment_id})["fulfillment"]
    lines = Counter[str]()
    for row in node["fulfillmentLineItems"]["nodes"] if node else ():
        lines[str(row["lineItem"]["id"])] += int(row["quantity"] or 0)
    return lines


def _to_ship(shop: Shop, order_id: str) -> _Order | None:
    """The order's fulfilments and fulfilment orders, all pages of them; None if there is no such order."""
    if not order_id.startswith(ORDER_GID):
        return None
    found: list[FulfilmentOrder] = []
    asked: dict[str, Any] = {"id": order_id, "after": None, "n": queries.FULFILMENTS_FIRST}
    while True:
        node = shop.client.run(queries.TO_SHIP, asked)["order"]
        if node is None:
            return None
        page = node["fulfillmentOrders"]
        found += [parse_fulfilment_order(one, _all_lines(shop, one)) for one in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        asked["after"] = page["pageInfo"]["endCursor"]
    fulfilments = node["fulfillments"]
    parcels = parse_parcels(fulfilments)
    if len(fulfilments) == queries.FULFILMENTS_FIRST:
        parcels = _parcels(shop, order_id)
    return _Order(cancelled=node["cancelledAt"] is not None, parcels=parcels, fulfilment_orders=found)


def _all_lines(shop: Shop, node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows, page = list(node["lineItems"]["nodes"]), node["lineItems"]["pageInfo"]
    while page["hasNextPage"]:
        asked = {"id": node["id"], "after": page["endCursor"]}
        more = shop.client.run(queries.MORE_TO_SHIP, asked)["fulfillmentOrder"]["lineItems"]
        rows += more["nodes"]
        page = more["pageInfo"]
    return rows


def _parcels(shop: Shop, order_id: str) -> list[Parcel]:
    """Every living fulfilment of an order.

    Raises:
        Missing: Shopify has no such order.
    """
    fulfilments: list[Mapping[str, Any]] = []
    for count in (queries.FULFILMENTS_FIRST, queries.FULFILMENTS_ALL):  # the list has no cursor, only a length
        node = shop.client.run(queries.SHIPMENTS, {"id": order_id, "n": count})["order"]
        if node is None:
            raise Missing("Shopify has no such order.", detail=order_id[:80])
        fulfilments = node["fulfillments"]
        if len(fulfilments) < count:
            break
    return parse_parcels(fulfilments)


def find(shop: Shop, order_id: str, tracking: str) -> Found | NotFound:
    """Is a parcel with this number among the order's fulfilments?"""
    if not order_id.startswith(ORDER_GID):
        raise Missing("Shopify has no such order.", detail=order_id[:80])
    for parcel in _parcels(shop, order_id):
        if same_number(parcel.tracking, tracking):
            return Found(external_id=parcel.id, facts={"carrier": parcel.carrier})
    return NotFound()


# ---------------------------------------------------------------- cancellations


def cancel(shop: Shop, request: CancelRequest) -> Outcome:
    """Cancel a whole order and refund it. Asynchronous in Shopify: Submitted until the order says so itself.

    Units of an order cancelled for want of stock are not put back on sale: they are not there.

    Raises:
        Unsupported: the buyer's request is to be declined; Shopify knows no such request.
    """
    if not request.accept:
        raise Unsupported("Shopify buyers cannot ask for a cancellation, so there is none to decline.")
    if request.lines:
        text = "Shopify cancels whole orders only. Remove single lines by editing the order in Shopify."
        return Refused(problems=(Problem(code="WHOLE_ORDER_ONLY", message=text, field="lines"),))
    state = _cancel_state(shop, request.order_id)
    if state is None:
        return _no_order(request.order_id)
    if state["cancelledAt"] is not None:
        return Applied(external_id=request.order_id)
    answer = shop.client.run(
        queries.CANCEL,
        {
            "id": request.order_id,
            "reason": _REASONS.get(request.reason, "OTHER"),
            "restock": request.reason != "out_of_stock",
            "refund": {"originalPaymentMethodsRefund": True},
            "notify": shop.setting("notify_customer") == "yes",
        },
    )["orderCancel"]
    errors = answer["orderCancelUserErrors"]
    if errors:
        codes = {str(error.get("code") or "") for error in errors}
        if "INTERNAL_ERROR" in codes:
            return Unclear(why=str(errors[0].get("message") or "Shopify had trouble cancelling."))
        return Refused(problems=tuple(faults.problem_of(e) for e in errors), missing="NOT_FOUND" in codes)
    job = answer["job"]
    if job is None:
        return Unclear(why="Shopify did not say how the cancellation goes on.")
    ticket = json.dumps({"cancel": job["id"], "order": request.order_id})
    if job["done"]:
        done = poll(shop, str(job["id"]), request.order_id)
        if not isinstance(done, Pending):
            return done[request.order_id]
    return Submitted(ticket=ticket)


def poll(shop: Shop, job_id: str, order_id: str) -> Pending | Mapping[str, Outcome]:
    """What became of a cancellation: one outcome under the order's id."""
    job = shop.client.run(queries.JOB, {"id": job_id})["job"]
    state = _cancel_state(shop, order_id)
    if state is None:
        return {order_id: _no_order(order_id)}
    if state["cancelledAt"] is not None:
        return {order_id: Applied(external_id=order_id)}
    if job is not None and not job["done"]:
        return Pending(retry_after_s=_POLL_S)
    text = "Shopify finished the cancellation without cancelling the order; look at it in Shopify."
    return {order_id: Refused(problems=(Problem(code="NOT_CANCELLED", message=text),))}


def _cancel_state(shop: Shop, order_id: str) -> dict[str, Any] | None:
    if not order_id.startswith(ORDER_GID):
        return None
    state: dict[str, Any] | None = shop.client.run(queries.CANCEL_STATE, {"id": order_id})["order"]
    return state


def _no_order(order_id: str) -> Refused:
    problem = Problem(code="NOT_FOUND", message=f"Shopify has no order {order_id[:80]}.", field="order_id")
    return Refused(problems=(problem,), missing=True)
