"""The people of a rehearsal: buyers on the marketplaces, and the operator who clears desks, and the warehouse."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select

from hub.db.session import reading, unit
from hub.demo.marketplaces import Marketplace
from hub.demo.truth import visible
from hub.demo.warehouse import Warehouse as Warehouse
from hub.kernel.errors import HubError
from hub.orders import desk
from hub.orders.models import Order
from hub.pim import stock
from hub.pim.models import Location, Reservation, Variant
from hub.wiring import System
from hub.work import accounts, items
from hub.work.models import Account


@dataclass(slots=True, kw_only=True)
class Buyers:
    """Buy what each marketplace itself shows; now and then pay late, cancel, or change their mind.

    `asked` are wishes to cancel that only staff in the marketplace's own screen can answer: Shopify knows a hold, and
    no wish that the hub could read (contracts README 8).
    """

    places: Mapping[str, Marketplace]
    rng: random.Random
    placed: dict[str, int] = field(default_factory=dict)
    pending: list[tuple[str, str, datetime]] = field(default_factory=list)
    recent: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[str, str, datetime]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many orders the marketplaces show or will show."""
        return sum(self.placed.values())

    def buy(self, channel: str, now: datetime) -> None:
        place = self.places[channel]
        unpaid = self.rng.random() < 0.1
        body = {"seed": self.rng.getrandbits(32), "max_quantity": 3, "pending_share": 1.0 if unpaid else 0.0}
        answer = place.post("buy", body)
        order_id = answer["order_id"] if answer else None
        if order_id is None:
            return
        self.placed[channel] = self.placed.get(channel, 0) + 1
        if unpaid:
            self.pending.append((channel, order_id, now + timedelta(minutes=self.rng.randint(10, 120))))
        else:
            self.recent.append((channel, order_id))

    def change_minds(self, now: datetime) -> None:
        """Pending orders are paid (or abandoned) when their time has come; a few paid ones are cancelled or asked to be."""
        still = []
        for channel, order_id, due in self.pending:
            if due > now:
                still.append((channel, order_id, due))
                continue
            verb = "cancel" if self.rng.random() < 0.15 else "pay"
            self.places[channel].post(f"orders/{order_id}/{verb}")
            if verb == "cancel" and not visible(channel, "pending"):
                self.placed[channel] -= 1  # nobody will ever see it
        self.pending = still
        self.recent = self.recent[-60:]
        if self.recent and self.rng.random() < 0.12:
            channel, order_id = self.recent.pop(self.rng.randrange(len(self.recent)))
            verb = self.rng.choice(("cancel", "request_cancel"))
            self.places[channel].post(f"orders/{order_id}/{verb}")
            if verb == "request_cancel" and channel == "shopify":
                self.asked.append((channel, order_id, now + timedelta(minutes=self.rng.randint(20, 240))))
        self._answer([wish for wish in self.asked if wish[2] <= now])

    def _answer(self, wishes: list[tuple[str, str, datetime]]) -> None:
        """Staff grant every third wish; the other buyers keep their orders."""
        for wish in wishes:
            channel, order_id, _ = wish
            verb = "cancel" if self.rng.random() < 1 / 3 else "release"
            self.places[channel].post(f"orders/{order_id}/{verb}")
            self.asked.remove(wish)

    def finish(self) -> None:
        """The day ends: every open payment arrives, every hold is answered."""
        for channel, order_id, _ in self.pending:
            self.places[channel].post(f"orders/{order_id}/pay")
        self.pending = []
        self._answer(list(self.asked))


@dataclass(slots=True, kw_only=True)
class Operator:
    """Answers cancellation wishes, retries desks, opens gates, restocks what is short."""

    system: System
    rng: random.Random
    restocked: int = 0

    def round(self, *, restock: bool) -> None:
        now = self.system.clock.now()
        with reading(self.system.sessions) as session:
            asked = list(
                session.scalars(
                    select(Order.id).where(Order.stage == "cancel_requested", Order.cancel_reason.is_(None)).limit(100)
                )
            )
        for order_id in asked:
            try:
                with unit(self.system.sessions) as session:
                    order = session.get(Order, order_id)
                    if order is not None:
                        desk.want_cancelled(session, order, "buyer_request", now, by="operator")
            except HubError as error:
                self.system.hub.log("demo.operator", order=order_id, refused=error.message)
        with unit(self.system.sessions) as session:
            items.retry_desk(session, now)
            for account in session.scalars(select(Account).where(Account.state == "blocked")).all():
                accounts.set_state(session, account.id, "open", "", now)
        if restock:
            self._restock(now)

    def _restock(self, now: datetime) -> None:
        """A delivery for everything that is short."""
        with unit(self.system.sessions) as session:
            location = session.scalars(select(Location).order_by(Location.priority)).first()
            short = session.execute(
                select(Variant.sku, func.sum(Reservation.wanted - Reservation.quantity).label("n"))
                .join(Variant, Variant.id == Reservation.variant_id)
                .where(Reservation.closed_at.is_(None), Reservation.quantity < Reservation.wanted)
                .group_by(Variant.sku)
                .limit(200)
            ).all()
            if location is None:
                return
            for row in short:
                self.restocked += 1
                change = stock.StockChange(
                    sku=row.sku, location=location.code, delta=int(row.n) + self.rng.randint(2, 8), kind="receive",
                    token=f"restock:{row.sku}:{now.isoformat()}", reason="delivery", by="operator",
                )  # fmt: skip
                stock.change(session, change, now)
