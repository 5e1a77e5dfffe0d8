"""One order per marketplace that nobody can read for part of the day: it may stop no other, and may not be lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select

from hub.db.session import reading
from hub.demo.marketplaces import Marketplace
from hub.demo.people import Buyers
from hub.demo.truth import visible
from hub.kernel.clock import parse_instant
from hub.orders.models import BadOrder, Order
from hub.wiring import System
from hub.work.models import Account, Cursor


@dataclass(slots=True, kw_only=True)
class Poison:
    """`spoilt` names each marketplace's unreadable order. `held_up` lists what the hub should have had in spite of it,
    and `unnoticed` the unreadable ones that it pulled past without a word; `meanwhile` counts the other orders that
    were taken while theirs could not be."""

    system: System
    places: Mapping[str, Marketplace]
    spoilt: dict[str, str] = field(default_factory=dict)
    held_up: list[str] = field(default_factory=list)
    unnoticed: list[str] = field(default_factory=list)
    meanwhile: int = 0

    def spoil(self, buyers: Buyers) -> None:
        """Spoil the next paid order of every marketplace that has none yet; its buyer changes nothing about it."""
        for channel, order_id in list(buyers.recent):
            if channel not in self.spoilt:
                self.places[channel].post(f"orders/{order_id}/spoil")
                self.spoilt[channel] = order_id
                buyers.recent.remove((channel, order_id))

    def heal(self) -> None:
        """Look what became of the others, then make the spoilt orders well."""
        for channel, order_id in self.spoilt.items():
            self._look(channel, order_id)
            self.places[channel].post(f"orders/{order_id}/unspoil")

    def _look(self, channel: str, spoilt: str) -> None:
        with reading(self.system.sessions) as session:
            account_id = session.scalars(select(Account.id).where(Account.name == channel)).one()
            cursor = session.get(Cursor, (account_id, "orders"))
            covered = cursor.covered_until if cursor is not None else None
            taken = set(session.scalars(select(Order.channel_order_id).where(Order.account_id == account_id)))
            noticed = self._on_the_desk(account_id, spoilt) > 0
        if covered is None:
            return
        orders = self.places[channel].ledger()["orders"]
        since = next(parse_instant(order["updated_at"]) for order in orders if order["order_id"] == spoilt)
        for order in orders:
            changed = parse_instant(order["updated_at"])
            if order["order_id"] == spoilt or not visible(channel, order["payment"]):
                continue
            if changed <= covered and order["order_id"] not in taken:
                self.held_up.append(f"{channel} {order['order_id']}: not taken because of {spoilt}")
            elif changed >= since and order["order_id"] in taken:
                self.meanwhile += 1
        if since <= covered and not noticed:
            self.unnoticed.append(f"{channel} {spoilt}: neither taken nor set aside")

    def _on_the_desk(self, account_id: int, order_id: str, *, open_only: bool = False) -> int:
        query = select(func.count()).where(BadOrder.account_id == account_id, BadOrder.channel_order_id == order_id)
        if open_only:
            query = query.where(BadOrder.resolved_at.is_(None))
        with reading(self.system.sessions) as session:
            return int(session.scalar(query) or 0)

    def quarantined(self) -> int:
        """How many of the spoilt orders the hub set aside."""
        return sum(self._on_the_desk(self._account(c), order_id) > 0 for c, order_id in self.spoilt.items())

    def unsettled(self) -> list[str]:
        """Spoilt orders that still lie on the desk of unreadable ones, or never came into the hub."""
        found = []
        for channel, order_id in self.spoilt.items():
            account_id = self._account(channel)
            if self._on_the_desk(account_id, order_id, open_only=True):
                found.append(f"{channel} {order_id}: still set aside")
            with reading(self.system.sessions) as session:
                known = session.scalar(
                    select(Order.id).where(Order.account_id == account_id, Order.channel_order_id == order_id)
                )
            if known is None:
                found.append(f"{channel} {order_id}: never taken")
        return found

    def _account(self, channel: str) -> int:
        with reading(self.system.sessions) as session:
            return session.scalars(select(Account.id).where(Account.name == channel)).one()
