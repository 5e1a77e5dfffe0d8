"""Orders: the queue across all channels, one order in full, holds and parcels."""

from __future__ import annotations

import json
import logging
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from flask import Response, g
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from pydantic import Field, field_validator
from sqlalchemy.orm import Session

from hub.db.session import reading
from hub.kernel.errors import Invalid, Unknown
from hub.orders import desk, fulfilment, reads
from hub.orders.fulfilment import RecordShipment
from hub.orders.models import Order
from hub.orders.rules import Stage
from hub.web import cursors
from hub.web.api.shapes import (
    UNITS_MAX,
    AccountRef,
    In,
    Instant,
    Line,
    LineRef,
    Listed,
    Nothing,
    OrderRef,
    Out,
    Paging,
    Query,
    Words,
    number_of,
    responses,
    shown,
)
from hub.web.hub import WebHub
from hub.web.idempotency import Call, Once

TAG = Tag(name="orders", description="Orders of every channel in one queue.")
LINES_MAX = 500
AHEAD = timedelta(days=1)

logger = logging.getLogger("hub.web")


class QueueRowOut(Out):
    """`number` is what people call the order; `units` are still to ship; `short` = not all of them are there. Amounts
    in minor units, null = the channel did not say."""

    id: str
    number: str
    channel_order_id: str
    account_name: str
    channel: str
    stage: str
    payment: str
    placed_at: datetime
    due: datetime
    country: str
    service: str
    lines: int
    units: int
    currency: str
    total_minor: int | None
    residual_minor: int
    short: bool
    hold_reason: str | None
    exported_at: datetime | None
    recall: bool = Field(description="It was exported and is to be called back.")


class OrderList(Listed[QueueRowOut]):
    """A page of the queue, by due time."""


class LineOut(Out):
    id: str
    channel_line_id: str
    channel_sku: str | None
    sku: str | None
    title: str
    quantity: int
    shipped: int
    left: int
    held: int
    location: str | None
    unit_price_minor: int


class ParcelLineOut(Out):
    line: str
    units: int


class ParcelOut(Out):
    package: int
    carrier: str
    service: str
    tracking: str
    shipped_at: datetime
    source: str
    confirmed_at: datetime | None = Field(description="null = the channel does not have it yet")
    lines: list[ParcelLineOut]


class EventOut(Out):
    kind: str
    at: datetime
    by: str
    detail: dict[str, Any]


class PersonOut(Out):
    """Who and where to; `masked` = only first letters are shown."""

    masked: bool
    known: bool
    ship_to: dict[str, str]
    buyer: dict[str, str]


class OrderOut(Out):
    """One order. Lists are cut at 1000 lines and 300 events."""

    id: str
    number: str
    channel_order_id: str
    account_name: str
    channel: str
    stage: str
    payment: str
    fulfilment: str
    cancellation: str
    placed_at: datetime
    due: datetime
    ship_by: datetime | None
    deliver_by: datetime | None
    service: str
    country: str
    currency: str
    total_minor: int | None
    items_minor: int | None
    shipping_minor: int | None
    tax_minor: int | None
    discount_minor: int | None
    residual_minor: int
    hold_reason: str | None
    hold_until: datetime | None
    cancel_reason: str | None
    exported_at: datetime | None
    recall: bool
    short: bool
    lines: list[LineOut]
    parcels: list[ParcelOut]
    events: list[EventOut]
    person: PersonOut


class HeldOut(Out):
    id: str
    number: str
    stage: str
    hold_reason: str | None
    hold_until: datetime | None


class ShippedOut(Out):
    """`is_new` false = this parcel was recorded before."""

    order: str
    shipment: str
    package: int
    is_new: bool


class QueueQuery(Paging):
    """Filters narrow each other; no `stage` = every open one."""

    stage: list[Stage] = Field(default_factory=list, max_length=9, description="Repeat it for several.")
    account: AccountRef | None = None
    due_before: Instant | None = None
    short: bool | None = None
    exported: bool | None = None
    recall: bool | None = None


class OrderPath(Query):
    order: OrderRef


class OrderQuery(Query):
    personal: bool = Field(default=False, description="Show personal data unmasked; it is logged who asked and when.")


class Hold(In):
    reason: Words
    until: Instant | None = None


class ShipLine(In):
    line: LineRef
    units: int = Field(ge=1, le=UNITS_MAX)


class Shipment(In):
    """A parcel left. No `lines` = everything that is still to ship; no `shipped_at` = now."""

    carrier: Words
    tracking: Line = ""
    service: Line = ""
    shipped_at: Instant | None = None
    lines: list[ShipLine] = Field(default_factory=list, max_length=LINES_MAX)

    @field_validator("lines")
    @classmethod
    def each_once(cls, lines: list[ShipLine]) -> list[ShipLine]:
        if len({line.line for line in lines}) != len(lines):
            raise ValueError("a line is named twice")
        return lines


def _named(record: Any) -> dict[str, Any]:
    values = {f.name: getattr(record, f.name) for f in fields(record)}
    return {**values, "id": f"ord_{record.id}", "number": record.order, "account_name": record.account}


def order_out(full: reads.OrderFull) -> OrderOut:
    lines = [{**_values(line), "id": f"lin_{line.id}"} for line in full.lines]
    parcels = [
        {**_values(parcel), "lines": [{"line": f"lin_{line_id}", "units": units} for line_id, units in parcel.lines]}
        for parcel in full.parcels
    ]
    return OrderOut.model_validate({**_named(full), "lines": lines, "parcels": parcels})


def _values(record: Any) -> dict[str, Any]:
    return {f.name: getattr(record, f.name) for f in fields(record)}


def _place(cursor: str) -> str | None:
    if not cursor:
        return None
    due, last = cursors.decode("orders", cursor, str, int)
    return f"{due}_{last}"


def _order(session: Session, ref: str, *, to_change: bool = False) -> Order:
    order = session.get(Order, number_of(ref), with_for_update=True if to_change else None)
    if order is None:
        raise Unknown(f"there is no order {ref}", field="order", value=ref)
    return order


def blueprint(hub: WebHub, once: Once) -> APIBlueprint:
    api = APIBlueprint("orders", __name__, url_prefix="/api/v1", abp_tags=[TAG])

    @api.get("/orders", operation_id="list_orders", responses=responses(OrderList))
    def list_orders(query: QueueQuery) -> Response:
        """The queue, by due time."""
        command = reads.Queue(
            stages=[stage.value for stage in query.stage], due_before=query.due_before, short=query.short,
            account_id=number_of(query.account) if query.account else None, exported=query.exported,
            recall=query.recall, limit=query.limit, after=_place(query.after),
        )  # fmt: skip
        with reading(hub.sessions) as session:
            page = reads.queue(session, command)
        rows = [QueueRowOut.model_validate(_named(row)) for row in page.rows]
        following = None
        if page.next is not None:
            due, _, last = page.next.rpartition("_")
            following = cursors.encode("orders", due, int(last))
        return shown(OrderList(data=rows, next=following))

    @api.get("/orders/<order>", operation_id="get_order", responses=responses(OrderOut))
    def get_order(path: OrderPath, query: OrderQuery) -> Response:
        """One order in full; personal data are masked unless they are asked for."""
        with reading(hub.sessions) as session:
            full = reads.in_full(session, _order(session, path.order), person=query.personal)
        if query.personal:
            logger.info("person.shown %s", json.dumps({"order": full.id, "request": g.request_id}))
        return shown(order_out(full))

    def held(order: Order) -> tuple[int, HeldOut]:
        return 200, HeldOut(
            id=f"ord_{order.id}", number=order.display_id, stage=order.stage, hold_reason=order.hold_reason,
            hold_until=order.hold_until,
        )  # fmt: skip

    def hold(call: Call, ref: str, body: Hold) -> tuple[int, HeldOut]:
        order = _order(call.session, ref, to_change=True)
        desk.hold(call.session, order, body.reason, call.now, until=body.until, by="api")
        return held(order)

    def release(call: Call, ref: str) -> tuple[int, HeldOut]:
        order = _order(call.session, ref, to_change=True)
        desk.release(call.session, order, call.now, by="api")
        return held(order)

    def ship(call: Call, ref: str, body: Shipment) -> tuple[int, ShippedOut]:
        if body.shipped_at is not None and body.shipped_at > call.now + AHEAD:
            raise Invalid("a parcel cannot have left in the future", field="shipped_at", value=str(body.shipped_at))
        done = fulfilment.record_shipment(
            call.session,
            RecordShipment(
                order_id=number_of(ref), carrier=body.carrier, tracking=body.tracking, service=body.service,
                shipped_at=body.shipped_at or call.now, source="api", by="api",
                lines=tuple((number_of(line.line), line.units) for line in body.lines),
            ),
            call.now,
        )  # fmt: skip
        answer = ShippedOut(
            order=ref, shipment=f"shp_{done.shipment_id}", package=done.package_number, is_new=done.is_new
        )
        return 201 if done.is_new else 200, answer

    @api.post("/orders/<order>/hold", operation_id="hold_order", responses=responses(HeldOut, writes=True))
    def hold_order(path: OrderPath, body: Hold) -> Response:
        """Park an order: it keeps its stock and is neither exported nor shipped."""
        return once(lambda call: hold(call, path.order, body))

    @api.post("/orders/<order>/release", operation_id="release_order", responses=responses(HeldOut, writes=True))
    def release_order(path: OrderPath, body: Nothing) -> Response:
        """End a hold; releasing what is not held changes nothing."""
        return once(lambda call: release(call, path.order))

    @api.post(
        "/orders/<order>/shipments", operation_id="ship_order", responses=responses(ShippedOut, 200, 201, writes=True)
    )
    def ship_order(path: OrderPath, body: Shipment) -> Response:
        """Record a parcel; the channel is told by work that follows."""
        return once(lambda call: ship(call, path.order, body))

    return api
