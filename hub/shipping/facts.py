"""What an export says of orders, read for many at once: the number of queries does not depend on how many."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.kernel.money import Money
from hub.orders.models import Order, OrderLine, OrderPerson
from hub.pim.models import Location, Reservation, Variant
from hub.shipping.profiles import Fact
from hub.work.models import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """One order for a file: the `number` it bears there, and a row per line that is still to ship."""

    order_id: int
    number: str
    has_address: bool
    rows: tuple[Mapping[str, Fact], ...]


def numbers(session: Session, orders: Sequence[Order]) -> dict[int, str]:
    """How each order is called in files: what people call it, with the hub's id added where several are called so.

    Shipping programs take rows with the same number for one order, and two shops may well both have a «#1001».
    """
    shared: set[str] = set()
    for part in chunks(sorted({order.display_id for order in orders})):
        shared.update(
            session.scalars(
                select(Order.display_id)
                .where(Order.display_id.in_(part))
                .group_by(Order.display_id)
                .having(func.count() > 1)
            )
        )
    return {o.id: f"{o.display_id}-{o.id}" if o.display_id in shared else o.display_id for o in orders}


def facts_of(session: Session, orders: Sequence[Order]) -> list[OrderFacts]:
    """The facts of these orders, in the same order."""
    called = numbers(session, orders)
    accounts = {row.id: row for row in session.execute(select(Account.id, Account.name, Account.channel))}
    lines: dict[int, list[dict[str, Fact]]] = {}
    people: dict[int, Any] = {}
    ids = [order.id for order in orders]
    currencies = {order.id: order.currency for order in orders}
    for part in chunks(ids):
        for row in session.execute(
            select(OrderLine, Variant.sku, Variant.gtin, Variant.weight_g, Location.code)
            .outerjoin(Variant, Variant.id == OrderLine.variant_id)
            .outerjoin(Reservation, (Reservation.order_line_id == OrderLine.id) & (Reservation.part == 0))
            .outerjoin(Location, Location.id == Reservation.location_id)
            .where(OrderLine.order_id.in_(part), OrderLine.quantity > OrderLine.shipped)
            .order_by(OrderLine.order_id, OrderLine.id)
        ).tuples():
            line, sku, gtin, weight_g, location = row
            lines.setdefault(line.order_id, []).append(
                {
                    "line.hub_id": line.id, "line.channel_id": line.channel_line_id,
                    "line.sku": sku or line.channel_sku or "", "line.channel_sku": line.channel_sku or "",
                    "line.title": line.title, "line.quantity": line.quantity - line.shipped,
                    "line.unit_price": Money(minor=line.unit_price_minor, currency=currencies[line.order_id]),
                    "line.weight": weight_g, "line.gtin": gtin or "", "line.location": location or "",
                }
            )  # fmt: skip
        for order_id, document in session.execute(
            select(OrderPerson.order_id, OrderPerson.document).where(
                OrderPerson.order_id.in_(part), OrderPerson.document.is_not(None)
            )
        ).tuples():
            people[order_id] = json.loads(document or "null")
    out = []
    for order in orders:
        person = people.get(order.id) or {}
        account = accounts[order.account_id]
        head = _head(order, called[order.id], account.name, account.channel) | _who(person)
        out.append(
            OrderFacts(
                order_id=order.id, number=called[order.id], has_address=bool(person.get("ship_to")),
                rows=tuple(head | line for line in lines.get(order.id, [])),
            )
        )  # fmt: skip
    return out


def _head(order: Order, number: str, account: str, channel: str) -> dict[str, Fact]:
    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor=minor, currency=order.currency)

    return {
        "order.hub_id": order.id, "order.number": number, "order.channel_id": order.channel_order_id,
        "order.channel": channel, "order.account": account, "order.placed": order.placed_at,
        "order.ship_by": order.ship_by, "order.deliver_by": order.deliver_by, "order.service": order.service_code,
        "order.currency": order.currency, "order.total": money(order.total_minor),
        "order.shipping": money(order.shipping_minor), "order.tax": money(order.tax_minor),
        "order.discount": money(order.discount_minor), "order.note": order.facts.get("note", ""),
    }  # fmt: skip


def _who(person: Mapping[str, Any]) -> dict[str, Fact]:
    to = person.get("ship_to") or {}
    buyer = person.get("buyer") or {}
    out: dict[str, Fact] = {
        f"ship.{part}": str(to.get(part) or "")
        for part in ("company", "line1", "line2", "line3", "city", "region", "postal_code", "country", "phone")
    }
    # A parcel to a firm may bear the firm's name alone.
    out["ship.name"] = str(to.get("name") or to.get("company") or "")
    out["ship.line2_3"] = ", ".join(str(to[part]) for part in ("line2", "line3") if to.get(part))
    out["buyer.name"] = str(buyer.get("name") or "")
    out["buyer.email"] = str(buyer.get("email") or "")
    return out
