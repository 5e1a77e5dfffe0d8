"""A shop with one account and plenty of stock."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hub.db.session import Sessions, reading, unit
from hub.orders.models import Order
from hub.shipping.exports import Export, Exported, export
from hub.work.models import Account
from tests.support.builders import NOW, a_listing, a_variant, an_account
from tests.support.orders import a_channel_order, take


@dataclass(slots=True, kw_only=True)
class Shop:
    sessions: Sessions
    account_id: int

    def stock(self, sku: str, units: int, **listing: str) -> None:
        with unit(self.sessions) as session:
            variant = a_variant(session, sku=sku, stock=units)
            a_listing(session, session.get_one(Account, self.account_id), variant, **listing)

    def order(self, order_id: str, lines: list[tuple[str, int]] | None = None, **options: object) -> int:
        with unit(self.sessions) as session:
            made = a_channel_order(order_id, lines or [("SKU-1", 1)], **options)  # type: ignore[arg-type]
            return take(session, session.get_one(Account, self.account_id), made)[0].id

    def orders(self, count: int) -> list[int]:
        """A-1 to A-`count`, with one to three of SKU-1; every fifth has two of SKU-2, too."""
        with unit(self.sessions) as session:
            made = [
                a_channel_order(
                    f"A-{n}", [("SKU-1", n % 3 + 1), ("SKU-2", 2)] if n % 5 == 0 else [("SKU-1", n % 3 + 1)]
                )
                for n in range(1, count + 1)
            ]
            return [o.id for o in take(session, session.get_one(Account, self.account_id), *made)]

    def export(self, **options: object) -> Exported:
        with unit(self.sessions) as session:
            return export(session, Export(**options), NOW)  # type: ignore[arg-type]

    def get(self, order_id: int) -> Order:
        with reading(self.sessions) as session:
            return session.get_one(Order, order_id)


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    with unit(sessions) as session:
        account_id = an_account(session, name="alpha").id
    made = Shop(sessions=sessions, account_id=account_id)
    made.stock("SKU-1", 5_000)
    made.stock("SKU-2", 5_000)
    return made
