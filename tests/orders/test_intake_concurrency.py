"""Many workers take orders for the same few units at once: what is there is promised once, and nobody sees an error."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, func, select

from hub.db.session import Sessions, reading, unit
from hub.orders import intake
from hub.orders.fulfilment import RecordShipment, record_shipment
from hub.orders.models import Order, OrderLine
from hub.pim import stock
from hub.pim.models import Reservation, StockMovement, StockPosition
from hub.work.models import Account, WorkItem
from tests.support.builders import NOW, a_listing, a_variant, an_account
from tests.support.orders import a_channel_order, cancelled

SKUS = [f"SKU-{n:02d}" for n in range(20)]
EACH = 25


def together(work: Callable[[int], None], threads: int, timeout_s: float = 100) -> list[BaseException]:
    failures: list[BaseException] = []
    start = threading.Barrier(threads)

    def one(n: int) -> None:
        start.wait()
        try:
            work(n)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test reports it
            failures.append(error)

    running = [threading.Thread(target=one, args=(n,), daemon=True) for n in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(timeout_s)
    assert not any(thread.is_alive() for thread in running), "somebody waits for ever"
    return failures


@pytest.fixture
def shops(sessions: Sessions, engine: Engine) -> list[Account]:
    if engine.dialect.name == "sqlite":  # a test database need not survive a power cut
        event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA synchronous=OFF"))
    with unit(sessions) as session:
        found = [an_account(session) for _ in range(2)]
        for sku in SKUS:
            variant = a_variant(session, sku=sku, stock=EACH)
            for account in found:
                a_listing(session, account, variant)
    return found


def check_books(sessions: Sessions) -> None:
    """I1 to I3."""
    with reading(sessions) as session:
        p, m, r = StockPosition, StockMovement, Reservation
        moved = dict(session.execute(select(m.variant_id, func.sum(m.delta)).group_by(m.variant_id)).tuples().all())
        held = dict(
            session.execute(
                select(r.variant_id, func.sum(r.quantity)).where(r.closed_at.is_(None)).group_by(r.variant_id)
            )
            .tuples()
            .all()
        )
        for row in session.scalars(select(p)):
            assert row.on_hand == moved.get(row.variant_id, 0)
            assert row.reserved == held.get(row.variant_id, 0)
            assert 0 <= row.reserved <= row.on_hand


def test_two_thousand_buyers_of_five_hundred_units_get_five_hundred(sessions: Sessions, shops: list[Account]) -> None:
    threads, attempts, page = 16, 2000, 25
    wishes = [SKUS[n % len(SKUS)] for n in range(attempts)]
    random.Random(7).shuffle(wishes)
    share = attempts // threads

    def buy(n: int) -> None:
        mine = wishes[n * share : (n + 1) * share]
        for first in range(0, len(mine), page):
            orders = [
                a_channel_order(f"O-{n}-{first + k}", [(sku, 1)]) for k, sku in enumerate(mine[first : first + page])
            ]
            with unit(sessions) as session:
                account = session.get_one(Account, shops[n % 2].id)
                intake.take(session, account, orders, NOW)

    assert together(buy, threads) == []
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(Order)) == attempts
        assert session.scalar(select(func.sum(Reservation.quantity))) == len(SKUS) * EACH == 500
        assert session.scalar(select(func.sum(Reservation.wanted - Reservation.quantity))) == 1500
        assert set(session.execute(select(StockPosition.on_hand, StockPosition.reserved)).tuples()) == {(EACH, EACH)}
        assert set(session.scalars(select(WorkItem.priority))) == {10}, "everything is sold out: to zero first"
    check_books(sessions)


def test_the_same_page_by_several_workers_is_taken_once(sessions: Sessions, shops: list[Account]) -> None:
    page = [a_channel_order(f"O-{k}", [(sku, 2)]) for k, sku in enumerate(SKUS)]
    results: list[str] = []

    def pull(n: int) -> None:
        mine = page[:]
        random.Random(n).shuffle(mine)
        with unit(sessions) as session:
            account = session.get_one(Account, shops[0].id)
            results.extend(t.result for t in intake.take(session, account, mine, NOW))

    assert together(pull, 6) == []
    assert results.count("new") == len(SKUS)
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(OrderLine)) == len(SKUS)
        assert session.scalar(select(func.sum(Reservation.quantity))) == 2 * len(SKUS)
    check_books(sessions)


def test_orders_cancellations_shipments_counts_and_deliveries_at_once_leave_books_that_agree(
    sessions: Sessions, shops: list[Account]
) -> None:
    with unit(sessions) as session:
        account = session.get_one(Account, shops[0].id)
        made = intake.take(
            session,
            account,
            [a_channel_order(f"S-{k}", [(SKUS[k % 4], 2), (SKUS[3 - k % 4], 1)]) for k in range(16)],
            NOW,
        )
    ids = {t.channel_order_id: t.order_id for t in made}

    def work(n: int) -> None:
        draw = random.Random(n)
        for turn in range(8):
            with unit(sessions) as session:
                account = session.get_one(Account, shops[n % 2].id)
                if n < 2:
                    skus = draw.sample(SKUS[:4], 3)
                    intake.take(session, account, [a_channel_order(f"N-{n}-{turn}", [(s, 2) for s in skus])], NOW)
                elif n < 4:
                    name = f"S-{turn + 8 * (n - 2)}"
                    if turn % 2:
                        order = a_channel_order(name, [(SKUS[0], 2)])
                        account = session.get_one(Account, shops[0].id)
                        intake.take(session, account, [cancelled(order, NOW + timedelta(minutes=1))], NOW)
                    else:
                        record_shipment(
                            session,
                            RecordShipment(order_id=ids[name] or 0, carrier="dhl", tracking=name, shipped_at=NOW), NOW,
                        )  # fmt: skip
                elif n < 6:
                    stock.count(
                        session,
                        stock.StockCount(
                            sku=draw.choice(SKUS[:4]), location="main", counted=draw.randint(0, 9), token=f"c{n}-{turn}"
                        ),
                        NOW,
                    )
                else:
                    stock.change(
                        session,
                        stock.StockChange(
                            sku=draw.choice(SKUS[:4]), location="main", delta=draw.randint(1, 5), token=f"r{n}-{turn}"
                        ),
                        NOW,
                    )

    assert together(work, 8) == []
    check_books(sessions)
