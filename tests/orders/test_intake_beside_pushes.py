"""Sales are taken in while stock writes of the same listings are acknowledged: neither waits for the other in a circle."""

from __future__ import annotations

import random
import threading

from hub.channels.contract.records import Applied
from hub.db.session import Sessions, unit
from hub.kernel.ids import AccountId
from hub.orders import intake
from hub.pim import listings
from hub.sync import push_stock
from hub.work import attempts, items
from hub.work.kinds import STOCK_PUSH
from hub.work.models import Account
from tests.support.builders import NOW, a_listing, a_variant, an_account
from tests.support.orders import a_channel_order

LISTINGS, TURNS = 12, 25


def test_acknowledging_stock_writes_and_taking_sales_of_the_same_listings_wait_in_one_order(sessions: Sessions) -> None:
    with unit(sessions) as session:
        account_id = an_account(session).id
        account = session.get_one(Account, account_id)
        ids = [a_listing(session, account, a_variant(session, sku=f"SKU-{n}", stock=10**6)).id for n in range(LISTINGS)]
    failures: list[BaseException] = []
    start = threading.Barrier(3)

    def guarded(work: object) -> None:
        start.wait()
        try:
            work()  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test reports it
            failures.append(error)

    def sell() -> None:
        for turn in range(TURNS):
            lines = [(f"SKU-{n}", 1) for n in range(LISTINGS)]
            with unit(sessions) as session:
                account = session.get_one(Account, account_id)
                intake.take(session, account, [a_channel_order(f"O-{turn}", lines)], NOW)

    def push(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(TURNS):
            with unit(sessions) as session:
                items.want_many(session, STOCK_PUSH, [(account_id, str(i), draw.randint(1, 50)) for i in ids], NOW)
            with unit(sessions) as session:
                claimed = items.claim(session, STOCK_PUSH, AccountId(account_id), 100, NOW, owner="w", lease_s=90)
                account = session.get_one(Account, account_id)
                levels = listings.levels(session, account, {int(c.key): c.revision for c in claimed}, force=True)
                sending = [(c, levels[int(c.key)]) for c in claimed]
                opened = attempts.open_many(session, [push_stock._sending(c, w) for c, w in sending], NOW)
            with unit(sessions) as session:
                push_stock.record(session, sending, opened, [Applied()] * len(sending), NOW)

    threads = [
        threading.Thread(target=guarded, args=(work,)) for work in (sell, lambda: push(1), lambda: push(2))
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
