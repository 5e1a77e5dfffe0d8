"""confirmShipment v0 of the simulated Amazon (model ordersV0, contracts README 2.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.kernel.clock import parse_instant
from hub.simulators.amazon_orders import SHIP_PLUS, Order, Orders, Package
from hub.simulators.amazon_wire import bad_input, json_body, not_found, to_ms

_REFERENCE = re.compile(r"0*[1-9][0-9]*", re.ASCII)


def confirm(orders: Orders, request: Request, order_id: str, now: int) -> Response:
    """confirmShipment v0: 204; the same packageReferenceId again edits that package (README 2.5)."""
    body = json_body(request)
    order = orders.orders.get(order_id)
    if order is None:
        raise not_found(f"Order {order_id} not found.")
    if body.get("marketplaceId") != orders.terms.store.id:
        raise bad_input("'marketplaceId' is not the marketplace of the order.")
    if body.get("codCollectionMethod", "DirectPayment") != "DirectPayment":
        raise bad_input("'codCollectionMethod' must be 'DirectPayment'.")
    detail = body.get("packageDetail")
    if not isinstance(detail, dict):
        raise bad_input("'packageDetail' is required.")
    if SHIP_PLUS in order.programs:
        raise bad_input("FBM Ship+ orders are confirmed by Amazon.")
    status = order.status(order.now)
    if status in ("PENDING", "CANCELLED"):
        raise bad_input(f"Order {order_id} cannot be confirmed: its status is {status}.")
    reference = _string(detail, "packageReferenceId")
    if not _REFERENCE.fullmatch(reference):
        raise bad_input("'packageReferenceId' must be a positive numeric value.", reference)
    held = order.now.packages.get(reference)
    carrier_code = _string(detail, "carrierCode")
    package = Package(
        ref=reference,
        created=held.created if held else now,
        shipped=_date(detail, "shipDate"),
        carrier=_string(detail, "carrierName") if carrier_code == "Other" else carrier_code,
        carrier_code=carrier_code,
        method=str(detail.get("shippingMethod") or ""),
        tracking=_string(detail, "trackingNumber"),
        items=_units(order, detail.get("orderItems"), held),
    )
    if package != held:
        orders.change(order, now, packages={**order.now.packages, reference: package})
    return Response(status=204)


def _units(order: Order, rows: Any, held: Package | None) -> dict[str, int]:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise bad_input("'orderItems' needs at least one item.")
    units: dict[str, int] = {}
    for row in rows:
        item = order.item(_string(row, "orderItemId"))
        if item is None:
            raise bad_input(f"Order {order.order_id} has no item {row['orderItemId']}.")
        count = row.get("quantity")
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise bad_input("'quantity' must be an integer of 1 or more.")
        units[item.item_id] = units.get(item.item_id, 0) + count
        room = order.open(item, order.now) + (held.items.get(item.item_id, 0) if held else 0)
        if units[item.item_id] > room:
            raise bad_input(
                f"The quantity {units[item.item_id]} of item {item.item_id} is more than what is left to ship.",
                f"left: {room}",
            )
    return units


def _string(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise bad_input(f"'{name}' is required and must be a string.")
    return value


def _date(row: Mapping[str, Any], name: str) -> int:
    try:
        return to_ms(parse_instant(_string(row, name)))
    except (ValueError, OverflowError) as error:
        raise bad_input(f"'{name}' is not an ISO 8601 date-time.", str(row.get(name))) from error
