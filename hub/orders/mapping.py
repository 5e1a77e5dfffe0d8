"""From a channel's line to our variant: by the listing that is bound to its SKU or item. Lines nobody knows wait on the
unmapped desk; their order is never refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.kernel.errors import Unknown
from hub.orders.models import Order, OrderLine
from hub.orders.stages import refresh
from hub.pim import listing_dirt, reservations
from hub.pim.models import Listing
from hub.pim.reservations import Wish
from hub.pim.stock import variant_by_sku
from hub.work.models import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    variant_id: int
    listing_id: int | None


class Resolver:
    """Looks all lines of a page up at once."""

    def __init__(self, session: Session, account_id: int, lines: Iterable[tuple[str | None, str | None]]) -> None:
        pairs = list(lines)
        self._by_sku: dict[str, Target] = {}
        self._by_item: dict[str, Target] = {}
        for part in chunks(sorted({sku for sku, _ in pairs if sku})):
            for row in session.execute(
                select(Listing.id, Listing.variant_id, Listing.channel_sku).where(
                    Listing.account_id == account_id, Listing.channel_sku.in_(part)
                )
            ):
                self._by_sku[row.channel_sku] = Target(variant_id=row.variant_id, listing_id=row.id)
        for part in chunks(sorted({item for sku, item in pairs if item and not sku})):
            for item in session.execute(
                select(Listing.id, Listing.variant_id, Listing.external_id).where(
                    Listing.account_id == account_id, Listing.external_id.in_(part)
                )
            ):
                self._by_item[item.external_id or ""] = Target(variant_id=item.variant_id, listing_id=item.id)

    def find(self, channel_sku: str | None, external_id: str | None) -> Target | None:
        if channel_sku:
            return self._by_sku.get(channel_sku)
        return self._by_item.get(external_id) if external_id else None


def resolve_waiting(session: Session, account_id: int, now: datetime, limit: int = 1000) -> int:
    """Map lines that wait and can be mapped now; they reserve at once. Returns how many lines."""
    rows = (
        session.execute(
            select(OrderLine)
            .join(Order, Order.id == OrderLine.order_id)
            .where(OrderLine.variant_id.is_(None), Order.account_id == account_id)
            .order_by(OrderLine.id)
            .limit(limit)
        )
        .scalars()
        .all()
    )
    resolver = Resolver(session, account_id, [(line.channel_sku, line.external_id) for line in rows])
    found = [(line, target) for line in rows if (target := resolver.find(line.channel_sku, line.external_id))]
    for line, target in found:
        line.variant_id, line.listing_id = target.variant_id, target.listing_id
    session.flush()  # promises are made by query
    _reserve(session, [line for line, _ in found], now)
    return len(found)


def map_line(session: Session, line_id: int, sku: str, now: datetime) -> None:
    """A person says what a line is.

    Raises:
        Unknown: no such line or SKU.
    """
    line = session.get(OrderLine, line_id)
    if line is None:
        raise Unknown(f"there is no order line {line_id}", field="line", value=line_id)
    line.variant_id = variant_by_sku(session, sku).id
    session.flush()  # promises are made by query
    _reserve(session, [line], now)


def _reserve(session: Session, lines: list[OrderLine], now: datetime) -> None:
    if not lines:
        return
    orders = {
        order.id: order
        for order in session.scalars(select(Order).where(Order.id.in_(sorted({line.order_id for line in lines}))))
    }
    accounts = {a.id: a for a in session.scalars(select(Account))}
    wishes = []
    for line in lines:
        order = orders[line.order_id]
        if order.channel_fulfils or order.cancellation == "cancelled" or line.variant_id is None:
            continue
        wishes.append(
            Wish(
                order_line_id=line.id, variant_id=line.variant_id, wanted=max(0, line.quantity - line.shipped),
                account_id=order.account_id, order_ref=order.display_id, placed_at=order.placed_at,
                locations=tuple(accounts[order.account_id].location_ids),
            )
        )  # fmt: skip
    promised = reservations.promise(session, wishes, now)
    refresh(session, orders)
    variants = {wish.variant_id for wish in wishes}.union(*promised.variants.values())
    listing_dirt.mark_stock_dirty(session, reservations.urgency_of(session, variants, down=True), now)


def unmapped(session: Session, limit: int = 100) -> list[tuple[OrderLine, Order]]:
    """The unmapped desk, oldest order first."""
    return [
        (line, order)
        for line, order in session.execute(
            select(OrderLine, Order)
            .join(Order, Order.id == OrderLine.order_id)
            .where(OrderLine.variant_id.is_(None), OrderLine.quantity > OrderLine.shipped)
            .order_by(Order.placed_at, OrderLine.id)
            .limit(limit)
        ).tuples()
    ]
