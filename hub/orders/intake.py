"""Taking orders in: monotone and idempotent, a page at a time, each page one unit with its cursor.

However often, in whatever order and by whichever path an order arrives, there is one hub order, and an older copy
never overwrites a newer one. What the pages of a channel bring is written in a handful of statements.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from hub.channels.contract.records import BadRecord, ChannelOrder
from hub.db.upsert import change, chunks, put, put_new, table_of
from hub.kernel.failpoints import reach
from hub.kernel.ids import digest
from hub.orders import mapping, persons
from hub.orders.models import BadOrder, Order, OrderEvent, OrderLine, OrderPerson, RawOrder
from hub.orders.rules import Axes, LineFacts, facts_between, reserves, residual, stage
from hub.pim import listing_dirt, reservations
from hub.pim.listings import believe_sales, forget_belief
from hub.pim.reservations import Wish
from hub.pim.stock import Out, ship_out
from hub.work.models import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one order of a page."""

    channel_order_id: str
    result: Literal["new", "changed", "unchanged"]
    order_id: int | None = None


def order_digest(order: ChannelOrder) -> str:
    """A fingerprint of everything the hub uses of an order (not of its raw text)."""
    return hashlib.sha256(msgspec.json.encode(dataclasses.replace(order, raw=""))).hexdigest()[:32]


def _newest(orders: Sequence[ChannelOrder]) -> dict[str, ChannelOrder]:
    """One copy per order: pages repeat and overlap."""
    best: dict[str, ChannelOrder] = {}
    for order in orders:
        seen = best.get(order.order_id)
        if seen is None or order.updated_at >= seen.updated_at:
            best[order.order_id] = order
    return best


def take(
    session: Session, account: Account, orders: Sequence[ChannelOrder], now: datetime, *, settle_s: float = 5.0
) -> list[Taken]:
    """Take a page of orders. `settle_s` is how long a stock write of this channel may take to show there.

    Idempotent: the same page again yields «unchanged» and writes nothing but reads.
    """
    incoming = _newest(orders)
    if not incoming:
        return []
    digests = {oid: order_digest(order) for oid, order in incoming.items()}
    # One intake per account at a time: a pull and a single read could both meet an order that neither knows yet. Not
    # the key of the row is locked, so whoever only refers to the account does not wait.
    session.execute(select(Account.id).where(Account.id == account.id).with_for_update(key_share=True))
    known: dict[str, Any] = {}
    o = Order
    for part in chunks(sorted(incoming)):
        for row in session.execute(
            select(
                o.id, o.channel_order_id, o.stamp, o.digest, o.payment, o.fulfilment, o.cancellation, o.hold_reason,
                o.exported_at, o.recall,
            )
            .where(o.account_id == account.id, o.channel_order_id.in_(part))
            .order_by(o.id)
            .with_for_update()
        ):  # fmt: skip
            known[row.channel_order_id] = row
    candidates = [
        order
        for oid, order in incoming.items()
        if oid not in known
        or order.updated_at > known[oid].stamp
        or (order.updated_at == known[oid].stamp and digests[oid] != known[oid].digest)
    ]
    if not candidates:
        return [Taken(channel_order_id=oid, result="unchanged") for oid in incoming]
    ids = _write_orders(session, account, candidates, digests, known, now)
    applied = [order for order in candidates if order.order_id in ids]
    if not applied:
        return [Taken(channel_order_id=oid, result="unchanged") for oid in incoming]
    lines = _write_lines(session, account, applied, ids, known)
    _write_documents(session, applied, ids, now)
    _after(session, account, applied, ids, known, lines, now, settle_s)
    results: dict[str, Taken] = {
        order.order_id: Taken(
            channel_order_id=order.order_id,
            result="changed" if order.order_id in known else "new",
            order_id=ids[order.order_id],
        )
        for order in applied
    }
    return [results.get(oid) or Taken(channel_order_id=oid, result="unchanged") for oid in incoming]


def _write_orders(
    session: Session,
    account: Account,
    orders: Sequence[ChannelOrder],
    digests: Mapping[str, str],
    known: Mapping[str, Any],
    now: datetime,
) -> dict[str, int]:
    """Upsert the order rows; returns channel order id → id of those really written (a racing newer copy wins)."""
    table = table_of(Order)
    rows = []
    for order in orders:
        t = order.totals
        minor = {
            name: None if amount is None else amount.minor
            for name, amount in (
                ("total", t.total), ("items", t.items), ("shipping", t.shipping), ("tax", t.tax), ("discount", t.discount),
            )
        }  # fmt: skip
        rows.append(
            {
                "account_id": account.id, "channel_order_id": order.order_id,
                "display_id": order.display_id or order.order_id, "stamp": order.updated_at,
                "digest": digests[order.order_id], "placed_at": order.placed_at, "payment": order.payment.value,
                "fulfilment": order.fulfilment.value, "cancellation": order.cancellation.value,
                "channel_fulfils": order.channel_fulfils, "stage": "ready", "currency": order.currency,
                "total_minor": minor["total"], "items_minor": minor["items"], "shipping_minor": minor["shipping"],
                "tax_minor": minor["tax"], "discount_minor": minor["discount"],
                "residual_minor": residual(**minor), "ship_by": order.ship_by, "deliver_by": order.deliver_by,
                "due": order.ship_by or order.placed_at + timedelta(days=1), "service_code": order.service_code,
                "country": order.ship_to.country if order.ship_to else "", "facts": dict(order.facts),
                "recall": False, "taken_at": now, "changed_at": now,
            }
        )  # fmt: skip
    keep = ("account_id", "channel_order_id", "taken_at", "recall", "stage")
    from_incoming = [c for c in rows[0] if c not in keep]
    written: dict[str, int] = {}
    for part in chunks(rows, 300):
        stmt_rows = put(
            session,
            Order,
            part,
            key=("account_id", "channel_order_id"),
            update=from_incoming,
            where=or_(
                table.c.stamp < _excluded("stamp"),
                (table.c.stamp == _excluded("stamp")) & (table.c.digest != _excluded("digest")),
            ),
            returning=("id", "channel_order_id"),
        )
        written.update({row.channel_order_id: row.id for row in stmt_rows})
    return written


def _excluded(column: str) -> Any:
    return table_of(Order).alias("excluded").c[column]


@dataclass(slots=True, kw_only=True)
class _Line:
    id: int
    order_id: int
    variant_id: int | None
    listing_id: int | None
    quantity: int
    shipped: int
    is_new: bool
    grew: int  # units more than the last version had (a sale the channel subtracted)
    shrank: bool
    ahead: int  # units that the channel newly counts as shipped and we did not ship


def _write_lines(
    session: Session,
    account: Account,
    orders: Sequence[ChannelOrder],
    ids: Mapping[str, int],
    known: Mapping[str, Any],
) -> dict[str, list[_Line]]:
    """Upsert the lines of applied orders, mapped to variants where we know them."""
    old: dict[tuple[int, str], Any] = {}
    existing_ids = [ids[o.order_id] for o in orders if o.order_id in known]
    for part in chunks(existing_ids):
        for row in session.execute(select(OrderLine).where(OrderLine.order_id.in_(part))).scalars():
            old[row.order_id, row.channel_line_id] = row
    resolver = mapping.Resolver(
        session, account.id, [(line.channel_sku, line.external_id) for order in orders for line in order.lines]
    )
    rows: list[dict[str, Any]] = []
    meta: list[tuple[str, bool, int, bool, int]] = []
    for order in orders:
        order_id = ids[order.order_id]
        seen: set[str] = set()
        for line in order.lines:
            if line.line_id in seen:
                continue  # a channel that repeats a line within an order means the same line
            seen.add(line.line_id)
            before = old.get((order_id, line.line_id))
            target = resolver.find(line.channel_sku, line.external_id)
            if before is not None and before.variant_id is not None:
                target = mapping.Target(
                    variant_id=before.variant_id, listing_id=before.listing_id
                )  # a person's mapping stays
            rows.append(
                {
                    "order_id": order_id, "channel_line_id": line.line_id, "channel_sku": line.channel_sku,
                    "external_id": line.external_id, "title": line.title,
                    "variant_id": target.variant_id if target else None,
                    "listing_id": target.listing_id if target else None,
                    "quantity": line.quantity, "channel_shipped": line.shipped,
                    "shipped": before.shipped if before is not None else 0,
                    "unit_price_minor": line.unit_price.minor,
                    "tax_minor": line.tax.minor if line.tax else 0,
                    "discount_minor": line.discount.minor if line.discount else 0,
                }
            )  # fmt: skip
            was = before.quantity if before is not None else 0
            meta.append(
                (order.order_id, before is None, max(0, line.quantity - was), line.quantity < was, line.shipped)
            )
        for (owner, line_id), before in old.items():
            if owner == order_id and line_id not in seen and before.quantity > 0:  # edited away on the channel
                rows.append({c: getattr(before, c) for c in _LINE_COLUMNS} | {"quantity": before.shipped})
                meta.append((order.order_id, False, 0, True, before.channel_shipped))
    if not rows:
        return {order.order_id: [] for order in orders}
    written = {
        (row.order_id, row.channel_line_id): row
        for row in put(
            session,
            OrderLine,
            rows,
            key=("order_id", "channel_line_id"),
            update=[c for c in rows[0] if c not in ("order_id", "channel_line_id", "shipped")],
            returning=("id", "order_id", "channel_line_id", "shipped"),
        )
    }
    out: dict[str, list[_Line]] = {order.order_id: [] for order in orders}
    moved: list[_Line] = []
    for values, (oid, is_new, grew, shrank, channel_shipped) in zip(rows, meta, strict=True):
        stored = written[values["order_id"], values["channel_line_id"]]
        shipped = max(stored.shipped, channel_shipped)
        taken = _Line(
            id=stored.id, order_id=values["order_id"], variant_id=values["variant_id"], listing_id=values["listing_id"],
            quantity=values["quantity"], shipped=shipped, is_new=is_new, grew=grew, shrank=shrank,
            # What had left before we first saw the order left before our books began: it moves no stock.
            ahead=0 if is_new else shipped - stored.shipped,
        )  # fmt: skip
        if shipped > stored.shipped:
            moved.append(taken)
        out[oid].append(taken)
    _ship_outside(session, moved)
    return out


_LINE_COLUMNS = (
    "order_id", "channel_line_id", "channel_sku", "external_id", "title", "variant_id", "listing_id", "quantity",
    "channel_shipped", "shipped", "unit_price_minor", "tax_minor", "discount_minor",
)  # fmt: skip


def _ship_outside(session: Session, lines: Sequence[_Line]) -> None:
    """The channel counts more as shipped than we do: someone shipped outside the hub, and the line follows. The stock
    leaves in `_after`, where the promise is known."""
    ahead = [{"b_id": line.id, "b_shipped": line.shipped} for line in lines if line.ahead or line.is_new]
    if ahead:
        table = table_of(OrderLine)
        session.connection().execute(
            update(table).where(table.c.id == bindparam("b_id")).values(shipped=bindparam("b_shipped")), ahead
        )


def _write_documents(session: Session, orders: Sequence[ChannelOrder], ids: Mapping[str, int], now: datetime) -> None:
    """Personal data and raw text, encrypted. A copy without an address never erases one that has it."""
    people = []
    for order in orders:
        if order.ship_to is None and order.buyer is None:
            continue
        text, fingerprint = persons.document_of(order)
        people.append({"order_id": ids[order.order_id], "document": text, "digest": fingerprint, "purged_at": None})
    if people:
        put(session, OrderPerson, people, key=("order_id",), where=table_of(OrderPerson).c.purged_at.is_(None))
    raws = [{"order_id": ids[o.order_id], "document": o.raw, "received_at": now} for o in orders if o.raw]
    if raws:
        put(session, RawOrder, raws, key=("order_id",))


def _after(
    session: Session,
    account: Account,
    orders: Sequence[ChannelOrder],
    ids: Mapping[str, int],
    known: Mapping[str, Any],
    lines: Mapping[str, list[_Line]],
    now: datetime,
    settle_s: float,
) -> None:
    """What follows from applied orders: promises, external shipments, beliefs, events, stages, dirty listings."""
    wishes: list[Wish] = []
    outside: list[Out] = []
    events: list[dict[str, Any]] = []
    stages: list[dict[str, Any]] = []
    sales: list[tuple[int, int, datetime]] = []
    forget: set[int] = set()
    touched: set[int] = set()  # variants sold
    moved: set[int] = set()  # lines
    for order in orders:
        order_id = ids[order.order_id]
        before = known.get(order.order_id)
        axes = Axes(
            payment=order.payment.value, fulfilment=order.fulfilment.value, cancellation=order.cancellation.value
        )
        old_axes = (
            None
            if before is None
            else Axes(payment=before.payment, fulfilment=before.fulfilment, cancellation=before.cancellation)
        )
        holding = reserves(cancellation=axes.cancellation, channel_fulfils=order.channel_fulfils, payment=axes.payment)
        facts = facts_between(old_axes, axes)
        for index, line in enumerate(lines[order.order_id]):
            if index == 0:
                reach("pull.kth_order")
            if line.variant_id is None:
                continue
            wanted = max(0, line.quantity - line.shipped) if holding else 0
            moves = line.is_new or line.grew > 0 or line.shrank or line.ahead > 0 or bool(facts)
            if not order.channel_fulfils:
                wishes.append(
                    Wish(
                        order_line_id=line.id, variant_id=line.variant_id, wanted=wanted, account_id=account.id,
                        order_ref=order.display_id or order.order_id, placed_at=order.placed_at,
                        locations=tuple(account.location_ids),
                    )
                )  # fmt: skip
                if line.ahead:
                    outside.append(
                        Out(order_line_id=line.id, units=line.ahead, token=f"outside:{line.id}:{line.shipped}")
                    )
                if moves:
                    touched.add(line.variant_id)
                    moved.add(line.id)
            if line.listing_id is not None:
                if line.grew:
                    sales.append((line.listing_id, line.grew, order.placed_at if line.is_new else order.updated_at))
                if line.shrank or "cancelled" in facts:
                    forget.add(line.listing_id)
        for fact in facts:
            events.append(
                {
                    "order_id": order_id,
                    "fact": fact,
                    "kind": fact,
                    "at": order.updated_at,
                    "by": "channel",
                    "detail": {},
                }
            )
        exported = before is not None and before.exported_at is not None
        if exported and axes.cancellation in ("requested", "cancelled"):
            events.append(
                {"order_id": order_id, "fact": "recall", "kind": "recall", "at": now, "by": "hub", "detail": {}}
            )
        stages.append(
            {
                "id": order_id,
                "to_stage": stage(
                    payment=axes.payment, fulfilment=axes.fulfilment, cancellation=axes.cancellation,
                    channel_fulfils=order.channel_fulfils,
                    held=before is not None and before.hold_reason is not None,
                    lines=[
                        LineFacts(quantity=line.quantity, shipped=line.shipped, mapped=line.variant_id is not None)
                        for line in lines[order.order_id]
                    ],
                ).value,
                "to_recall": (before is not None and before.recall)
                or (exported and axes.cancellation in ("requested", "cancelled")),
            }
        )  # fmt: skip
    if outside:  # before the promises shrink: the units that left are taken out of them
        reservations.lock_for(session, wishes)
        ship_out(session, outside, now, by="channel")
    promised = reservations.promise(session, wishes, now)
    for line_id in moved:
        touched.update(promised.variants.get(line_id, ()))
    table = table_of(Order)
    change(
        session, Order, sorted(stages, key=lambda row: row["id"]), key=("id",),
        types={"to_stage": table.c.stage.type, "to_recall": table.c.recall.type},
        values=lambda given: {"stage": given("to_stage"), "recall": given("to_recall")},
    )  # fmt: skip
    if events:
        put_new(session, OrderEvent, events, key=("order_id", "fact"))
    # Wishes before beliefs: a unit that acknowledges stock writes takes its work before its listings, too. The other way
    # round the two would wait for each other.
    if touched:
        listing_dirt.mark_stock_dirty(session, reservations.urgency_of(session, touched, down=True), now)
    believe_sales(session, sales, settle_s)
    forget_belief(session, forget)


def quarantine(session: Session, account_id: int, bad: Sequence[BadRecord], now: datetime) -> int:
    """Put unreadable orders on their desk; returns how many are new there."""
    rows = {}
    for record in bad:
        fingerprint = digest([record.order_id, record.why, record.raw])
        rows[fingerprint] = {
            "account_id": account_id, "digest": fingerprint, "channel_order_id": record.order_id,
            "why": record.why[:500], "raw": record.raw, "received_at": now,
        }  # fmt: skip
    if not rows:
        return 0
    return len(put_new(session, BadOrder, list(rows.values()), key=("account_id", "digest"), returning=("id",)))


def readable(session: Session, account_id: int, order_ids: Collection[str], now: datetime) -> int:
    """These orders could be read: whatever lies on the desk of unreadable ones about them is settled. Returns how many
    entries that were."""
    settled = 0
    for part in chunks(sorted(order_ids)):
        result = session.execute(
            update(BadOrder)
            .where(
                BadOrder.account_id == account_id,
                BadOrder.resolved_at.is_(None),
                BadOrder.channel_order_id.in_(part),
            )
            .values(resolved_at=now)
            .execution_options(synchronize_session=False)
        )
        assert isinstance(result, CursorResult)
        settled += result.rowcount
    return settled
