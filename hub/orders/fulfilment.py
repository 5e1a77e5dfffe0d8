"""Recording what was shipped: by line and parcel, once each, confirmed to the channel by work of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from hub.channels.contract.records import ShipmentConfirmation
from hub.db.upsert import chunks, put_new
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.kernel.failpoints import reach
from hub.kernel.ids import digest, named_uuid
from hub.orders.models import Order, OrderEvent, OrderLine, Shipment, ShipmentLine
from hub.orders.stages import refresh
from hub.pim.stock import Out, ship_out
from hub.work import items
from hub.work.kinds import SHIPMENT_CONFIRM
from hub.work.models import WorkItem


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordShipment:
    """A parcel left. `lines` pairs order line id and units (> 0); empty = everything that is still to ship.

    `tracking` may be empty only where the carrier gives none. `source`: hand, csv or api.
    """

    order_id: int
    carrier: str
    tracking: str
    shipped_at: datetime
    lines: tuple[tuple[int, int], ...] = ()
    service: str = ""
    source: str = "hand"
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    shipment_id: int
    package_number: int
    is_new: bool


def _locked(session: Session, order_id: int) -> Order:
    order = session.scalars(
        select(Order).where(Order.id == order_id).with_for_update().execution_options(populate_existing=True)
    ).first()
    if order is None:
        raise Unknown(f"there is no order {order_id}", field="order", value=order_id)
    return order


def record_shipment(session: Session, cmd: RecordShipment, now: datetime) -> Recorded:
    """Record one parcel: promises and count go down, the channel's confirmation is wanted. One unit.

    The same parcel again (order, tracking, lines) is recognised and changes nothing; without lines, a parcel with the
    same tracking number counts as the same.

    Raises:
        Unknown: no such order or line.
        NotAllowedNow: cancelled, fulfilled by the channel, unpaid, on hold or asked to be cancelled.
        Invalid: more units than are still to ship, or nothing left to ship.
    """
    order = _locked(session, cmd.order_id)
    lines = {
        line.id: line
        for line in session.scalars(
            select(OrderLine)
            .where(OrderLine.order_id == order.id)
            .order_by(OrderLine.id)
            .execution_options(populate_existing=True)
        )
    }
    earlier = session.scalars(
        select(Shipment).where(
            Shipment.order_id == order.id, Shipment.tracking == cmd.tracking, Shipment.source != "channel"
        )
    ).all()
    if not cmd.lines and cmd.tracking and earlier:
        return Recorded(shipment_id=earlier[0].id, package_number=earlier[0].package_number, is_new=False)
    wanted = _together(cmd.lines) or [
        (line.id, line.quantity - line.shipped) for line in lines.values() if line.quantity > line.shipped
    ]
    fingerprint = digest(sorted(wanted))
    for shipment in earlier:
        if shipment.lines_digest == fingerprint:
            return Recorded(shipment_id=shipment.id, package_number=shipment.package_number, is_new=False)
    _refuse(order, lines, wanted)
    number = 1 + int(
        session.scalar(select(func.max(Shipment.package_number)).where(Shipment.order_id == order.id)) or 0
    )
    shipment = Shipment(
        order_id=order.id, package_number=number, shipment_key=named_uuid("shipment", order.id, number),
        carrier=cmd.carrier, service=cmd.service, tracking=cmd.tracking, lines_digest=fingerprint,
        shipped_at=cmd.shipped_at, recorded_at=now, source=cmd.source, channel_ref="",
    )  # fmt: skip
    session.add(shipment)
    session.flush()  # the id names the work and the ledger entries
    session.execute(
        insert(ShipmentLine),
        [{"shipment_id": shipment.id, "order_line_id": line_id, "quantity": units} for line_id, units in wanted],
    )
    for line_id, units in wanted:
        lines[line_id].shipped += units
    session.flush()  # ship_out reads promises by query
    ship_out(
        session,
        [
            Out(
                order_line_id=line_id, units=units, token=f"ship:{shipment.shipment_key}:{line_id}",
                reference=order.display_id,
            )
            for line_id, units in wanted
        ],
        now,
        by=cmd.by,
    )  # fmt: skip
    refresh(session, (order.id,))
    _event(session, order.id, f"shipped:{number}", "shipped", now, cmd.by, {"carrier": cmd.carrier, "package": number})
    items.want(session, SHIPMENT_CONFIRM, order.account_id, str(shipment.id), now)
    reach("ship.recorded")
    return Recorded(shipment_id=shipment.id, package_number=number, is_new=True)


def _together(named: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """A line named twice counts together; units that are none stay as they are, to be refused."""
    sums: dict[int, int] = {}
    for line_id, units in named:
        if units <= 0:
            return list(named)
        sums[line_id] = sums.get(line_id, 0) + units
    return list(sums.items())


def _refuse(order: Order, lines: dict[int, OrderLine], wanted: Sequence[tuple[int, int]]) -> None:
    name = order.display_id
    if order.stage == "cancelled":
        raise NotAllowedNow(f"order {name} is cancelled: stop the parcel", field="order", value=name)
    if order.stage == "channel":
        raise NotAllowedNow(f"order {name} is shipped by the channel itself", field="order", value=name)
    if order.stage == "unpaid":
        raise NotAllowedNow(f"order {name} is not paid yet", field="order", value=name, fix="wait for the payment")
    if order.stage == "cancel_requested":
        raise NotAllowedNow(
            f"the buyer asked to cancel order {name}",
            field="order",
            value=name,
            fix="accept or decline the request first",
        )
    if order.stage == "hold":
        raise NotAllowedNow(f"order {name} is on hold", field="order", value=name, fix="release it first")
    if not wanted:
        raise Invalid(f"nothing of order {name} is left to ship", field="lines", value="")
    for line_id, units in wanted:
        line = lines.get(line_id)
        if line is None:
            raise Unknown(f"order {name} has no line {line_id}", field="lines", value=line_id)
        if units <= 0 or units > line.quantity - line.shipped:
            raise Invalid(
                f"{units} of line {line_id} cannot be shipped: {line.quantity - line.shipped} are left",
                field="lines", value=units,
            )  # fmt: skip


def _event(
    session: Session,
    order_id: int,
    fact: str,
    kind: str,
    at: datetime,
    by: str,
    detail: dict[str, object] | None = None,
) -> None:
    put_new(
        session,
        OrderEvent,
        [{"order_id": order_id, "fact": fact, "kind": kind, "at": at, "by": by, "detail": detail or {}}],
        key=("order_id", "fact"),
    )


def confirmation_of(session: Session, shipment_id: int) -> ShipmentConfirmation | None:
    """What to tell the channel about a parcel; None if it does not exist, or the channel has acknowledged it already."""
    shipment = session.get(Shipment, shipment_id)
    if shipment is None or shipment.confirmed_at is not None:
        return None
    order = session.get(Order, shipment.order_id)
    assert order is not None
    lines = session.execute(
        select(OrderLine.channel_line_id, ShipmentLine.quantity)
        .join(ShipmentLine, ShipmentLine.order_line_id == OrderLine.id)
        .where(ShipmentLine.shipment_id == shipment.id)
        .order_by(OrderLine.id)
    )
    return ShipmentConfirmation(
        shipment_key=shipment.shipment_key, package_number=shipment.package_number, order_id=order.channel_order_id,
        carrier=shipment.carrier, tracking=shipment.tracking, shipped_at=shipment.shipped_at, service=shipment.service,
        lines=tuple((row.channel_line_id, row.quantity) for row in lines), order_facts=dict(order.facts),
    )  # fmt: skip


def confirmed(session: Session, shipment_id: int, channel_ref: str, now: datetime) -> None:
    """The channel has the parcel."""
    shipment = session.get(Shipment, shipment_id)
    if shipment is None or shipment.confirmed_at is not None:
        return
    shipment.confirmed_at = now
    shipment.channel_ref = channel_ref
    _event(session, shipment.order_id, f"confirmed:{shipment.package_number}", "confirmed_on_channel", now, "hub")


def overtaken(session: Session, shipment_id: int, now: datetime) -> bool:
    """Has the channel cancelled the parcel's order before it heard of the parcel? Then nobody can confirm it any more,
    and the order is marked for recall: goods have left for a buyer who owes nothing."""
    shipment = session.get(Shipment, shipment_id)
    if shipment is None or shipment.confirmed_at is not None:
        return False
    order = session.get(Order, shipment.order_id, populate_existing=True)
    if order is None or order.cancellation != "cancelled":
        return False
    order.recall = True
    _event(session, order.id, "recall", "recall", now, "hub", {"package": shipment.package_number})
    return True


def turned_down(session: Session, account_id: int, order_ids: Collection[int]) -> list[int]:
    """Parcels of these orders that the channel would not hear of, or that it is being told of at this moment: what it
    says to that may be true of the order as it was."""
    out: list[int] = []
    for part in chunks(sorted(order_ids)):
        open_ids = session.scalars(
            select(Shipment.id).where(Shipment.order_id.in_(part), Shipment.confirmed_at.is_(None))
        ).all()
        for keys in chunks([str(shipment_id) for shipment_id in open_ids]):
            found = session.scalars(
                select(WorkItem.key).where(
                    WorkItem.kind == SHIPMENT_CONFIRM.name,
                    WorkItem.account_id == account_id,
                    WorkItem.key.in_(keys),
                    WorkItem.state.in_(("needs_human", "leased")),
                )
            )
            out += [int(key) for key in found]
    return sorted(out)


def offer_again(session: Session, account_id: int, shipment_ids: Collection[int], now: datetime) -> None:
    """Tell the channel of these parcels once more: their order has changed there, a hold may have been released."""
    wishes = [(account_id, str(shipment_id), SHIPMENT_CONFIRM.priority) for shipment_id in shipment_ids]
    items.want_many(session, SHIPMENT_CONFIRM, wishes, now)
