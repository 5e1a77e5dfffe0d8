"""Shipping and cancelling: fulfilment orders, fulfillmentCreate, tracking, holds and orderCancel (contracts README 4.6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hub.simulators.shopify_orders import order_by_id
from hub.simulators.shopify_query import by_id, paginate
from hub.simulators.shopify_records import (
    CancelJob,
    Fulfillment,
    FulfillmentLine,
    FulfillmentOrder,
    FulfillmentOrderLine,
    Hold,
    Order,
    Tracking,
    gid,
    number_of,
)
from hub.simulators.shopify_schema import Fields
from hub.simulators.shopify_shop import call_of, finder, user_error
from hub.simulators.shopify_state import Call, ShopState, stamp

Data = dict[str, Any]
ACTIONS = {
    "OPEN": ("CREATE_FULFILLMENT", "HOLD", "MOVE", "SPLIT"),
    "IN_PROGRESS": ("CREATE_FULFILLMENT", "MARK_AS_OPEN"),
    "ON_HOLD": ("RELEASE_HOLD", "HOLD", "MOVE"),
}


class _Refusal(Exception):
    def __init__(self, path: list[str], message: str) -> None:
        super().__init__(message)
        self.entry = user_error(path, message)


# ---------------------------------------------------------------- fulfillmentCreate


def _create(root: Any, info: Any, fulfillment: Data, message: str | None = None) -> Data:
    call = call_of(info)
    try:
        order, takes = _plan(call, fulfillment)
    except _Refusal as refusal:
        return {"fulfillment": None, "userErrors": [refusal.entry]}
    return {
        "fulfillment": _ship(call, order, takes, _tracking(fulfillment.get("trackingInfo") or {})),
        "userErrors": [],
    }


Takes = list[tuple[FulfillmentOrder, list[tuple[FulfillmentOrderLine, int]]]]


def _plan(call: Call, data: Data) -> tuple[Order, Takes]:
    """Which units of which fulfilment orders go; everything is checked before anything changes."""
    takes: Takes = []
    orders: list[Order] = []
    for index, part in enumerate(data["lineItemsByFulfillmentOrder"]):
        path = ["fulfillment", "lineItemsByFulfillmentOrder", str(index)]
        found = call.shop.fulfillment_order(number_of("FulfillmentOrder", part["fulfillmentOrderId"]))
        if found is None:
            raise _Refusal([*path, "fulfillmentOrderId"], "Fulfillment order does not exist.")
        order, task = found
        if any(task is known for known, _ in takes):
            raise _Refusal([*path, "fulfillmentOrderId"], "Fulfillment order was given twice.")
        if task.status == "ON_HOLD":
            raise _Refusal([*path, "fulfillmentOrderId"], f"Fulfillment order {task.id} is on hold.")
        if task.status not in ("OPEN", "IN_PROGRESS"):
            message = f"Fulfillment order {task.id} has an unfulfillable status= {task.status.lower()}."
            raise _Refusal([*path, "fulfillmentOrderId"], message)
        orders.append(order)
        takes.append((task, _lines_to_take(task, part.get("fulfillmentOrderLineItems"), path)))
    if not takes:
        raise _Refusal(["fulfillment"], "At least one fulfillment order is needed.")
    if any(order is not orders[0] for order in orders):
        raise _Refusal(["fulfillment"], "All fulfillment orders must belong to the same order.")
    if len({task.location_id for task, _ in takes}) > 1:
        raise _Refusal(["fulfillment"], "All fulfillment orders must be assigned to the same location.")
    return orders[0], takes


def _lines_to_take(
    task: FulfillmentOrder, rows: list[Data] | None, path: list[str]
) -> list[tuple[FulfillmentOrderLine, int]]:
    if not rows:
        return [(line, line.remaining) for line in task.lines if line.remaining]
    taken: list[tuple[FulfillmentOrderLine, int]] = []
    for index, row in enumerate(rows):
        where = [*path, "fulfillmentOrderLineItems", str(index)]
        number = number_of("FulfillmentOrderLineItem", row["id"])
        line = next((line for line in task.lines if line.id == number), None)
        if line is None:
            raise _Refusal([*where, "id"], "Fulfillment order line item does not exist.")
        if any(line is known for known, _ in taken):
            raise _Refusal([*where, "id"], "Fulfillment order line item was given twice.")
        if not 1 <= row["quantity"] <= line.remaining:
            raise _Refusal([*where, "quantity"], "Invalid fulfillment order line item quantity requested.")
        taken.append((line, row["quantity"]))
    return taken


def _tracking(data: Data) -> list[Tracking]:
    numbers = data.get("numbers") or ([data["number"]] if data.get("number") else [])
    urls = data.get("urls") or ([data["url"]] if data.get("url") else [])
    company = data.get("company")
    if not numbers and not urls and not company:
        return []
    count = max(len(numbers), len(urls), 1)
    numbers = numbers + [None] * (count - len(numbers))
    urls = urls + [None] * (count - len(urls))
    return [Tracking(company=company, number=number, url=url) for number, url in zip(numbers, urls, strict=True)]


def _ship(call: Call, order: Order, takes: Takes, tracking: list[Tracking]) -> Fulfillment:
    shop = call.shop
    parcel = Fulfillment(
        id=shop.mint("Fulfillment"), order_id=order.id, location_id=takes[0][0].location_id,
        ordinal=len(order.fulfillments) + 1, created_at=call.now, updated_at=call.now, tracking=tracking,
        fulfillment_order_ids=[task.id for task, _ in takes],
    )  # fmt: skip
    for task, lines in takes:
        for row, quantity in lines:
            line = order.line(row.line_id)
            row.remaining -= quantity
            line.fulfilled += quantity
            if line.tracked:
                shop.move_stock(line.item_id, task.location_id, call.now, committed=-quantity)
            number = shop.mint("FulfillmentLineItem")
            parcel.lines.append(FulfillmentLine(id=number, order_id=order.id, line_id=line.id, quantity=quantity))
        task.status = "IN_PROGRESS" if any(row.remaining for row in task.lines) else "CLOSED"
        task.updated_at = call.now
    order.fulfillments.append(parcel)
    shop.touch(order, call.at)
    return parcel


def _tracking_update(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    found = call.shop.fulfillment(number_of("Fulfillment", args["fulfillmentId"]))
    if found is None:
        return {"fulfillment": None, "userErrors": [user_error(["fulfillmentId"], "Fulfillment does not exist.")]}
    order, parcel = found
    parcel.tracking = _tracking(args["trackingInfoInput"])
    parcel.updated_at = call.now
    call.shop.touch(order, call.at)
    return {"fulfillment": parcel, "userErrors": []}


# ---------------------------------------------------------------- holds


def put_on_hold(shop: ShopState, order: Order, at: datetime, *, reason: str, notes: str | None) -> None:
    """Hold every fulfilment order that still has something to ship."""
    for task in order.fulfillment_orders:
        if task.status in ("OPEN", "IN_PROGRESS", "ON_HOLD"):
            task.holds.append(Hold(id=shop.mint("FulfillmentHold"), reason=reason, notes=notes))
            task.status, task.updated_at = "ON_HOLD", stamp(at)
    shop.touch(order, at)


def lift_holds(shop: ShopState, order: Order, at: datetime) -> None:
    """End every hold on the order."""
    for task in order.fulfillment_orders:
        if task.status == "ON_HOLD":
            _lift(task, [])
            task.updated_at = stamp(at)
    shop.touch(order, at)


def _lift(task: FulfillmentOrder, left: list[Hold]) -> None:
    """Only the holds `left` go on; without any, the fulfilment order is open again."""
    task.holds = left
    if task.status == "ON_HOLD" and not left:
        begun = any(row.remaining < row.total for row in task.lines)
        task.status = "IN_PROGRESS" if begun else "OPEN"


def _hold(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    found = call.shop.fulfillment_order(number_of("FulfillmentOrder", args["id"]))
    if found is None or found[1].status not in ("OPEN", "ON_HOLD"):
        message = "The fulfillment order is not in a holdable state."
        code = "FULFILLMENT_ORDER_NOT_FOUND" if found is None else None
        return {"fulfillmentHold": None, "fulfillmentOrder": None, "userErrors": [user_error(["id"], message, code)]}
    order, task = found
    data = args["fulfillmentHold"]
    hold = Hold(
        id=call.shop.mint("FulfillmentHold"), reason=data["reason"], notes=data.get("reasonNotes"),
        handle=data.get("handle") or None, by_app=True,
    )  # fmt: skip
    task.holds.append(hold)
    task.status, task.updated_at = "ON_HOLD", call.now
    call.shop.touch(order, call.at)
    return {"fulfillmentHold": hold, "fulfillmentOrder": task, "userErrors": []}


def _release(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    found = call.shop.fulfillment_order(number_of("FulfillmentOrder", args["id"]))
    if found is None:
        missing = user_error(["id"], "Fulfillment order does not exist.", "FULFILLMENT_ORDER_NOT_FOUND")
        return {"fulfillmentOrder": None, "userErrors": [missing]}
    order, task = found
    wanted = args.get("holdIds")
    _lift(task, [hold for hold in task.holds if wanted and gid("FulfillmentHold", hold.id) not in wanted])
    task.updated_at = call.now
    call.shop.touch(order, call.at)
    return {"fulfillmentOrder": task, "userErrors": []}


# ---------------------------------------------------------------- cancelling


def cancel_now(
    shop: ShopState, order: Order, at: datetime, *, reason: str, restock: bool, refund: bool, note: str | None = None
) -> None:
    """Take back what was not shipped. With `restock` the committed units become available again."""
    now = stamp(at)
    for task in order.fulfillment_orders:
        for row in task.lines:
            line = order.line(row.line_id)
            line.current -= row.remaining
            if line.tracked:
                back = row.remaining if restock else 0
                shop.move_stock(line.item_id, task.location_id, now, available=back, committed=-row.remaining)
            row.remaining = 0
        if task.status in ("OPEN", "IN_PROGRESS", "ON_HOLD"):
            task.status = "CLOSED" if order.fulfillments else "CANCELLED"
            task.holds, task.updated_at = [], now
    order.cancelled_at, order.cancel_reason, order.staff_note = now, reason, note
    if order.financial == "PENDING":
        order.financial = "VOIDED"
    elif refund:
        order.refunded_minor = order.received_minor - order.current_minor
        order.financial = "PARTIALLY_REFUNDED" if order.current_minor else "REFUNDED"
    shop.touch(order, at)


def _order_cancel(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    order = order_by_id(call, args["orderId"])
    if order is None:
        return _not_cancelled(["orderId"], "Order does not exist", "NOT_FOUND")
    if order.cancelled_at is not None:
        return _not_cancelled(["orderId"], "Cannot cancel an order that has already been canceled", "INVALID")
    if order.fulfillments:
        return _not_cancelled(["orderId"], "Cannot cancel an order that has fulfillments", "INVALID")
    if args.get("refund") is not None and args.get("refundMethod") is not None:
        return _not_cancelled(["refund"], "Use either refund or refundMethod", "INVALID")
    method = args.get("refundMethod") or {}
    number = f"{call.shop.mint('Job'):08d}-0000-4000-8000-{order.id:012d}"
    job = CancelJob(
        id=number, order_id=order.id, due=call.at.timestamp() + call.cancel_s, reason=args["reason"],
        restock=args["restock"], staff_note=args.get("staffNote"),
        refund=bool(args.get("refund") or method.get("originalPaymentMethodsRefund")),
    )  # fmt: skip
    call.shop.cancel_jobs[number] = job
    return {"job": {"id": gid_of_job(number), "done": False}, "orderCancelUserErrors": [], "userErrors": []}


def gid_of_job(number: str) -> str:
    return f"gid://shopify/Job/{number}"


def _not_cancelled(path: list[str], message: str, code: str) -> Data:
    entry = user_error(path, message, code)
    return {"job": None, "orderCancelUserErrors": [entry], "userErrors": [entry]}


def settle_cancellations(shop: ShopState, at: datetime) -> None:
    """Carry out the cancellations whose time has come. One that meanwhile became impossible changes nothing."""
    for job in shop.cancel_jobs.values():
        if job.done or job.due > at.timestamp():
            continue
        job.done = True
        order = shop.orders[job.order_id]
        if order.cancelled_at is None and not order.fulfillments:
            cancel_now(shop, order, at, reason=job.reason, restock=job.restock, refund=job.refund, note=job.staff_note)


# ---------------------------------------------------------------- reads


def _assigned(task: FulfillmentOrder, info: Any) -> Data:
    room = call_of(info).shop.locations[task.location_id]
    return {
        "location": room, "name": room.name, "address1": room.address1, "address2": None, "city": room.city,
        "countryCode": room.country_code, "phone": None, "province": None, "zip": room.zip,
    }  # fmt: skip


def _destination(task: FulfillmentOrder, info: Any) -> Data:
    order = call_of(info).shop.orders[task.order_id]
    first, _, last = order.address["name"].rpartition(" ")
    return {
        **order.address, "__typename": "FulfillmentOrderDestination",
        "id": gid("FulfillmentOrderDestination", task.id), "firstName": first, "lastName": last, "email": order.email,
    }  # fmt: skip


def _delivery(task: FulfillmentOrder, info: Any) -> Data:
    title = call_of(info).shop.orders[task.order_id].shipping_title
    return {
        "__typename": "DeliveryMethod", "id": gid("DeliveryMethod", task.id), "methodType": "SHIPPING",
        "serviceCode": title, "presentedName": title,
    }  # fmt: skip


def _of_line(name: str) -> Any:
    def read(row: FulfillmentOrderLine, info: Any) -> Any:
        return getattr(call_of(info).shop.orders[row.order_id].line(row.line_id), name)

    return read


def _parcels_of(task: FulfillmentOrder, info: Any, **args: Any) -> Any:
    order = call_of(info).shop.orders[task.order_id]
    rows = [parcel for parcel in order.fulfillments if task.id in parcel.fulfillment_order_ids]
    return paginate(rows, args, call_of(info), by_id)


def _tasks_of(parcel: Fulfillment, info: Any, **args: Any) -> Any:
    order = call_of(info).shop.orders[parcel.order_id]
    rows = [task for task in order.fulfillment_orders if task.id in parcel.fulfillment_order_ids]
    return paginate(rows, args, call_of(info), by_id)


def _second(found: tuple[Order, Any] | None) -> Any:
    return found[1] if found is not None else None


def _find_task(call: Call, text: str) -> Any:
    return _second(call.shop.fulfillment_order(number_of("FulfillmentOrder", text)))


def _find_parcel(call: Call, text: str) -> Any:
    return _second(call.shop.fulfillment(number_of("Fulfillment", text)))


finder("FulfillmentOrder", _find_task)
finder("Fulfillment", _find_parcel)

FIELDS: Fields = {
    "QueryRoot.fulfillmentOrder": lambda root, info, **args: _find_task(call_of(info), args["id"]),
    "QueryRoot.fulfillment": lambda root, info, **args: _find_parcel(call_of(info), args["id"]),
    "Mutation.fulfillmentCreate": _create,
    "Mutation.fulfillmentTrackingInfoUpdate": _tracking_update,
    "Mutation.fulfillmentOrderHold": _hold,
    "Mutation.fulfillmentOrderReleaseHold": _release,
    "Mutation.orderCancel": _order_cancel,
    "FulfillmentOrder.assignedLocation": _assigned,
    "FulfillmentOrder.deliveryMethod": _delivery,
    "FulfillmentOrder.destination": _destination,
    "FulfillmentOrder.fulfillAt": lambda task, info: task.created_at,
    "FulfillmentOrder.fulfillBy": lambda task, info: None,
    "FulfillmentOrder.fulfillmentHolds": lambda task, info: task.holds,
    "FulfillmentOrder.fulfillments": _parcels_of,
    "FulfillmentOrder.lineItems": lambda task, info, **args: paginate(task.lines, args, call_of(info), by_id),
    "FulfillmentOrder.orderId": lambda task, info: gid("Order", task.order_id),
    "FulfillmentOrder.orderName": lambda task, info: call_of(info).shop.orders[task.order_id].name,
    "FulfillmentOrder.orderProcessedAt": lambda task, info: call_of(info).shop.orders[task.order_id].created_at,
    "FulfillmentOrder.requestStatus": lambda task, info: "UNSUBMITTED",
    "FulfillmentOrder.supportedActions": lambda task, info: [
        {"action": name, "externalUrl": None} for name in ACTIONS.get(task.status, ())
    ],
    "FulfillmentOrderLineItem.inventoryItemId": lambda row, info: gid("InventoryItem", _of_line("item_id")(row, info)),
    "FulfillmentOrderLineItem.productTitle": _of_line("title"),
    "FulfillmentOrderLineItem.variantTitle": _of_line("variant_title"),
    "FulfillmentOrderLineItem.vendor": _of_line("vendor"),
    "FulfillmentOrderLineItem.sku": lambda row, info: _of_line("sku")(row, info) or None,
    "FulfillmentOrderLineItem.requiresShipping": _of_line("requires_shipping"),
    "FulfillmentOrderLineItem.remainingQuantity": lambda row, info: row.remaining,
    "FulfillmentOrderLineItem.totalQuantity": lambda row, info: row.total,
    "FulfillmentOrderLineItem.variant": lambda row, info: call_of(info).shop.variants.get(
        _of_line("variant_id")(row, info)
    ),
    "FulfillmentHold.displayReason": lambda hold, info: hold.reason.replace("_", " ").capitalize(),
    "FulfillmentHold.heldByRequestingApp": lambda hold, info: hold.by_app,
    "FulfillmentHold.reasonNotes": lambda hold, info: hold.notes,
    "Fulfillment.name": lambda parcel, info: f"{call_of(info).shop.orders[parcel.order_id].name}.{parcel.ordinal}",
    "Fulfillment.status": lambda parcel, info: "SUCCESS",
    "Fulfillment.displayStatus": lambda parcel, info: "FULFILLED",
    "Fulfillment.deliveredAt": lambda parcel, info: None,
    "Fulfillment.estimatedDeliveryAt": lambda parcel, info: None,
    "Fulfillment.inTransitAt": lambda parcel, info: None,
    "Fulfillment.location": lambda parcel, info: call_of(info).shop.locations[parcel.location_id],
    "Fulfillment.requiresShipping": lambda parcel, info: True,
    "Fulfillment.totalQuantity": lambda parcel, info: sum(row.quantity for row in parcel.lines),
    "Fulfillment.trackingInfo": lambda parcel, info, first=None: parcel.tracking[:first],
    "Fulfillment.fulfillmentLineItems": lambda parcel, info, **args: paginate(parcel.lines, args, call_of(info), by_id),
    "Fulfillment.fulfillmentOrders": _tasks_of,
}
