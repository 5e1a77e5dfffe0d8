"""What must be true of a live database (architecture section 8), checked in a handful of queries.

Each check counts what it looked at: a check that looked at nothing proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, String, and_, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from hub.orders.models import Order, OrderLine, Shipment, ShipmentLine
from hub.pim.kits import audit as kits
from hub.pim.models import Listing, Product, Reservation, StockMovement, StockPosition, Variant
from hub.pim.rules import PUSHABLE_STATES
from hub.work.models import Account, Attempt, TrafficCount, WorkItem

LOST_AFTER = timedelta(hours=1)
SHOW = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One invariant: does it hold, how many facts were looked at, and the first few that break it, in words."""

    id: str
    title: str
    checked: int
    broken: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.broken

    def as_dict(self) -> dict[str, object]:
        return {"ok": self.ok, "checked": self.checked, "title": self.title, "broken": list(self.broken)}


def _count(session: Session, model: type, *where: object) -> int:
    query: Select[int] = select(func.count()).select_from(model)
    for condition in where:
        query = query.where(condition)  # type: ignore[arg-type]  # conditions of any model
    return int(session.scalar(query) or 0)


def ledger_sums(session: Session) -> Finding:
    """I1: for every SKU and location, on_hand is the sum of its movements."""
    m, p = StockMovement, StockPosition
    sums = (
        select(m.variant_id, m.location_id, func.sum(m.delta).label("total"))
        .group_by(m.variant_id, m.location_id)
        .subquery()
    )
    rows = session.execute(
        select(Variant.sku, p.location_id, p.on_hand, func.coalesce(sums.c.total, 0).label("total"))
        .join(Variant, Variant.id == p.variant_id)
        .outerjoin(sums, and_(sums.c.variant_id == p.variant_id, sums.c.location_id == p.location_id))
        .where(p.on_hand != func.coalesce(sums.c.total, 0))
        .limit(SHOW)
    )
    return Finding(
        id="I1", title="on hand = sum of the ledger", checked=_count(session, p),
        broken=tuple(f"{r.sku} at location {r.location_id}: {r.on_hand} on hand, the ledger says {r.total}" for r in rows),
    )  # fmt: skip


def reservation_sums(session: Session) -> Finding:
    """I2: reserved is the sum of open reservations."""
    r, p = Reservation, StockPosition
    sums = (
        select(r.variant_id, r.location_id, func.sum(r.quantity).label("total"))
        .where(r.closed_at.is_(None), r.location_id.is_not(None))
        .group_by(r.variant_id, r.location_id)
        .subquery()
    )
    rows = session.execute(
        select(Variant.sku, p.location_id, p.reserved, func.coalesce(sums.c.total, 0).label("total"))
        .join(Variant, Variant.id == p.variant_id)
        .outerjoin(sums, and_(sums.c.variant_id == p.variant_id, sums.c.location_id == p.location_id))
        .where(p.reserved != func.coalesce(sums.c.total, 0))
        .limit(SHOW)
    )
    broken = [f"{x.sku} at location {x.location_id}: {x.reserved} reserved, promises hold {x.total}" for x in rows]
    closed = session.execute(
        select(Reservation.order_ref, Reservation.quantity)
        .where(Reservation.closed_at.is_not(None), Reservation.quantity != 0)
        .limit(SHOW)
    )
    broken += [f"the closed promise of order {x.order_ref} still holds {x.quantity}" for x in closed]
    return Finding(id="I2", title="reserved = sum of open promises", checked=_count(session, p), broken=tuple(broken))


def position_bounds(session: Session) -> Finding:
    """I3: 0 <= reserved <= on_hand."""
    p = StockPosition
    rows = session.execute(
        select(Variant.sku, p.location_id, p.on_hand, p.reserved)
        .join(Variant, Variant.id == p.variant_id)
        .where(or_(p.reserved < 0, p.on_hand < p.reserved))
        .limit(SHOW)
    )
    return Finding(
        id="I3", title="0 <= reserved <= on hand", checked=_count(session, p),
        broken=tuple(f"{r.sku} at location {r.location_id}: {r.reserved} reserved of {r.on_hand}" for r in rows),
    )  # fmt: skip


def one_order_each(session: Session) -> Finding:
    """I4: one hub order per account and channel order id."""
    rows = session.execute(
        select(Order.account_id, Order.channel_order_id, func.count().label("n"))
        .group_by(Order.account_id, Order.channel_order_id)
        .having(func.count() > 1)
        .limit(SHOW)
    )
    return Finding(
        id="I4", title="one order per channel order id", checked=_count(session, Order),
        broken=tuple(f"account {r.account_id}: {r.channel_order_id} is there {r.n} times" for r in rows),
    )  # fmt: skip


def one_promise_each(session: Session) -> Finding:
    """I5: one reservation per order line and component, one shipment per order, tracking and lines, one confirmation per shipment."""
    broken: list[str] = []
    doubled = session.execute(
        select(Reservation.order_line_id, func.count().label("n"))
        .group_by(Reservation.order_line_id, Reservation.variant_id)
        .having(func.count() > 1)
        .limit(SHOW)
    )
    broken += [f"order line {r.order_line_id} has {r.n} promises of one variant" for r in doubled]
    parcels = session.execute(
        select(Shipment.order_id, Shipment.tracking, func.count().label("n"))
        .group_by(Shipment.order_id, Shipment.tracking, Shipment.lines_digest)
        .having(func.count() > 1)
        .limit(SHOW)
    )
    broken += [f"order {r.order_id}: parcel {r.tracking} is recorded {r.n} times" for r in parcels]
    confirmed = session.execute(
        select(Attempt.key, func.count().label("n"))
        .where(Attempt.kind == "shipment.confirm", Attempt.result == "applied")
        .group_by(Attempt.account_id, Attempt.key)
        .having(func.count() > 1)
        .limit(SHOW)
    )
    broken += [f"shipment {r.key} was confirmed {r.n} times" for r in confirmed]
    over = session.execute(
        select(OrderLine.id, OrderLine.quantity, OrderLine.shipped, func.sum(ShipmentLine.quantity).label("n"))
        .join(ShipmentLine, ShipmentLine.order_line_id == OrderLine.id)
        .group_by(OrderLine.id, OrderLine.quantity, OrderLine.shipped)
        .having(func.sum(ShipmentLine.quantity) > OrderLine.shipped)
        .limit(SHOW)
    )
    broken += [f"order line {r.id}: parcels hold {r.n}, the line counts {r.shipped} as shipped" for r in over]
    checked = _count(session, Reservation) + _count(session, Shipment)
    return Finding(
        id="I5", title="one promise per line, one parcel each, confirmed once", checked=checked, broken=tuple(broken)
    )


def never_above_publishable(session: Session) -> Finding:
    """I6: no stock write was sent above what was publishable at its moment (as the attempt itself recorded it)."""
    broken: list[str] = []
    checked = 0
    for attempt in session.scalars(
        select(Attempt).where(Attempt.kind == "stock.push").order_by(Attempt.id.desc()).limit(100_000)
    ):
        checked += 1
        detail = attempt.detail
        limit = max(0, detail["on_hand"] - detail["reserved"] - detail["short"] - detail["buffer"])
        if detail["cap"] is not None:
            limit = min(limit, detail["cap"])
        if attempt.quantity is None or attempt.quantity > limit:
            broken.append(f"attempt {attempt.id}: sent {attempt.quantity}, publishable was {limit}")
    return Finding(
        id="I6", title="nothing sent above what was publishable", checked=checked, broken=tuple(broken[:SHOW])
    )


def every_write_recorded(session: Session, now: datetime) -> Finding:
    """I7: every outbound write has an attempt with a digest, and each ended or was marked unclear. One that is open for
    longer than an hour belongs to nobody."""
    rows = session.execute(
        select(Attempt.id, Attempt.kind, Attempt.sent_at)
        .join(WorkItem, WorkItem.id == Attempt.work_id)
        .where(
            Attempt.result.is_(None),
            Attempt.sent_at < now - LOST_AFTER,
            or_(WorkItem.state != "leased", WorkItem.fence != Attempt.fence),
        )
        .limit(SHOW)
    )
    broken = [f"attempt {r.id} ({r.kind}) of {r.sent_at.isoformat()} never ended" for r in rows]
    empty = session.execute(select(Attempt.id).where(Attempt.digest == "").limit(SHOW))
    broken += [f"attempt {r.id} has no digest" for r in empty]
    # A parcel whose order was cancelled first is settled without a call: what counts is what a channel is said to know.
    said = session.execute(
        select(Shipment.id)
        .outerjoin(Attempt, and_(Attempt.kind == "shipment.confirm", Attempt.key == cast(Shipment.id, String)))
        .where(Shipment.confirmed_at.is_not(None), Shipment.source != "channel", Attempt.id.is_(None))
        .limit(SHOW)
    )
    broken += [f"shipment {r.id} counts as confirmed without an attempt" for r in said]
    unbacked = session.execute(
        select(WorkItem.id, WorkItem.kind)
        .outerjoin(Attempt, Attempt.work_id == WorkItem.id)
        .where(
            WorkItem.kind == "listing.publish",
            WorkItem.state == "done",
            WorkItem.done_revision > 0,
            Attempt.id.is_(None),
            select(Listing.id)
            .join(Product, Product.id == Listing.product_id)
            .join(Account, Account.id == Listing.account_id)
            .where(
                # what is held back (listings.hold_back) is settled without a call
                Product.stock_class == "finished",
                Product.state != "archived",
                or_(Account.approved_only.is_(False), Product.state == "approved"),
                Listing.account_id == WorkItem.account_id,
                cast(Listing.product_id, String) == WorkItem.key,
                Listing.state.in_(PUSHABLE_STATES),
            )
            .exists(),
        )
        .limit(SHOW)
    )
    broken += [f"work {r.id} ({r.kind}) is done without an attempt" for r in unbacked]
    return Finding(
        id="I7", title="every write has an attempt that ended", checked=_count(session, Attempt), broken=tuple(broken)
    )


def newest_number_last(session: Session) -> Finding:
    """I9: once a revision was acknowledged, no older one was sent after it."""
    broken: list[str] = []
    checked = 0
    acknowledged: dict[int, tuple[int, datetime]] = {}
    rows = session.execute(
        select(Attempt.id, Attempt.work_id, Attempt.revision, Attempt.sent_at, Attempt.ended_at, Attempt.result)
        .where(Attempt.kind.in_(("stock.push", "price.push")))
        .order_by(Attempt.work_id, Attempt.id)
    )
    for row in rows:
        checked += 1
        newest = acknowledged.get(row.work_id)
        if newest is not None and row.revision < newest[0] and row.sent_at > newest[1]:
            broken.append(f"attempt {row.id}: revision {row.revision} sent after {newest[0]} was acknowledged")
        if row.result == "applied" and row.ended_at is not None and (newest is None or row.revision >= newest[0]):
            acknowledged[row.work_id] = (row.revision, row.ended_at)
    return Finding(
        id="I9",
        title="an outdated number is never sent after a newer one",
        checked=checked,
        broken=tuple(broken[:SHOW]),
    )


def no_call_in_transaction(session: Session) -> Finding:
    """I11: no call to a channel is made while a transaction is open. Each process counts its own and adds them up here."""
    t = TrafficCount
    rows = session.execute(select(t.operation, t.in_transaction).where(t.in_transaction > 0).limit(SHOW))
    return Finding(
        id="I11", title="no call to a channel inside a transaction",
        checked=int(session.scalar(select(func.coalesce(func.sum(t.calls), 0))) or 0),
        broken=tuple(f"{r.operation}: {r.in_transaction} calls made with a transaction open" for r in rows),
    )  # fmt: skip


def money_balances(session: Session) -> Finding:
    """I12: items + shipping + tax - discount + residual = total, wherever the channel gave the parts."""
    o = Order
    zero = literal(0)
    explained = (
        o.items_minor
        + func.coalesce(o.shipping_minor, zero)
        + func.coalesce(o.tax_minor, zero)
        - func.coalesce(o.discount_minor, zero)
        + o.residual_minor
    )
    given = and_(o.total_minor.is_not(None), o.items_minor.is_not(None))
    rows = session.execute(select(o.display_id, o.total_minor).where(given, explained != o.total_minor).limit(SHOW))
    return Finding(
        id="I12", title="the money of an order balances", checked=_count(session, Order, given),
        broken=tuple(f"order {r.display_id}: the parts do not make {r.total_minor}" for r in rows),
    )  # fmt: skip


def kits_agree(session: Session) -> Finding:
    """I13: kits contain no circle and have no stock of their own, their exploded recipes are what their components give,
    and all promises of a kit's line stand for the same whole kits at one location."""
    checked, broken = kits.disagreements(session, SHOW)
    return Finding(
        id="I13", title="kits are made of their components, and so are their promises", checked=checked,
        broken=tuple(broken[:SHOW]),
    )  # fmt: skip


CHECKS: dict[str, Callable[[Session, datetime], Finding]] = {
    "I1": lambda session, _: ledger_sums(session),
    "I2": lambda session, _: reservation_sums(session),
    "I3": lambda session, _: position_bounds(session),
    "I4": lambda session, _: one_order_each(session),
    "I5": lambda session, _: one_promise_each(session),
    "I6": lambda session, _: never_above_publishable(session),
    "I7": every_write_recorded,
    "I9": lambda session, _: newest_number_last(session),
    "I11": lambda session, _: no_call_in_transaction(session),
    "I12": lambda session, _: money_balances(session),
    "I13": lambda session, _: kits_agree(session),
}


def invariants(session: Session, now: datetime) -> list[Finding]:
    """Every invariant that a database alone can show."""
    return [check(session, now) for check in CHECKS.values()]
