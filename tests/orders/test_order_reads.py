"""The queue and one order in full: right, bounded, and with a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import Invalid, Unknown
from hub.orders import desk, fulfilment, reads
from hub.orders.models import Order
from hub.orders.reads import Queue
from hub.work.models import Account
from tests.support.builders import NOW, a_listing, a_variant, an_account
from tests.support.orders import a_channel_order, take


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*arguments: object) -> None:
        if not str(arguments[2]).startswith("BEGIN"):
            seen.append(str(arguments[2]))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def account(sessions: Sessions) -> int:
    with unit(sessions) as session:
        account = an_account(session, name="alpha")
        for sku, units in (("SKU-1", 500), ("RARE", 1)):
            a_listing(session, account, a_variant(session, sku=sku, stock=units))
        return account.id


def orders(sessions: Sessions, account_id: int, *wanted: tuple[str, str, int, float]) -> list[int]:
    """Orders by (name, SKU, units, hours later than now)."""
    made = [
        a_channel_order(name, [(sku, units)], at=NOW + timedelta(hours=hours)) for name, sku, units, hours in wanted
    ]
    with unit(sessions) as session:
        return [o.id for o in take(session, session.get_one(Account, account_id), *made)]


def names(sessions: Sessions, **wish: object) -> list[str]:
    with reading(sessions) as session:
        return [row.order for row in reads.queue(session, Queue(**wish)).rows]  # type: ignore[arg-type]


def test_the_queue_goes_by_due_then_id_and_pages_without_gaps(sessions: Sessions, account: int) -> None:
    orders(sessions, account, *[(f"A-{n}", "SKU-1", 1, (7 - n) // 2) for n in range(8)])
    expected = ["A-6", "A-7", "A-4", "A-5", "A-2", "A-3", "A-0", "A-1"]
    assert names(sessions) == expected
    seen: list[str] = []
    after = None
    for _ in range(10):
        with reading(sessions) as session:
            page = reads.queue(session, Queue(limit=3, after=after))
        seen += [row.order for row in page.rows]
        after = page.next
        if after is None:
            break
    assert seen == expected


def test_filters_and_short(sessions: Sessions, account: int) -> None:
    held, short, late, _ = orders(
        sessions, account, ("HELD", "SKU-1", 1, 0), ("SHORT", "RARE", 4, 0), ("LATE", "SKU-1", 1, -40), ("DONE", "SKU-1", 1, 1)
    )  # fmt: skip
    with unit(sessions) as session:
        desk.hold(session, session.get_one(Order, held), "address", NOW)
        session.get_one(Order, late).recall = True
        done = desk.by_name(session, "DONE")
        cmd = fulfilment.RecordShipment(order_id=done.id, carrier="dhl", tracking="T1", shipped_at=NOW)
        fulfilment.record_shipment(session, cmd, NOW)
    assert names(sessions) == ["LATE", "HELD", "SHORT"]
    assert names(sessions, stages=("hold", "shipped")) == ["HELD", "DONE"]
    assert names(sessions, short=True) == ["SHORT"]
    assert names(sessions, short=False) == ["LATE", "HELD"]
    assert names(sessions, due_before=NOW) == ["LATE"]
    assert names(sessions, recall=True) == ["LATE"]
    assert names(sessions, account_id=account + 1) == []
    with reading(sessions) as session:
        counts = reads.counts(session, NOW)
        assert reads.plain(counts.stages["ready"]) == {"orders": 2, "short": 1, "exported": 0, "late": 1}
        assert counts.stages["hold"].orders == 1
        assert counts.recalls == 1
        (row,) = reads.queue(session, Queue(short=True)).rows
        assert (row.id, row.units, row.lines, row.short, row.account, row.total_minor) == (
            short,
            4,
            1,
            True,
            "alpha",
            5686,
        )


def test_the_reads_use_as_many_queries_for_one_order_as_for_many(
    sessions: Sessions, account: int, engine: Engine
) -> None:
    orders(sessions, account, *[(f"A-{n}", "SKU-1", 1, n) for n in range(60)])
    with reading(sessions) as session:
        with counted(engine) as used:
            assert len(reads.queue(session, Queue(limit=50)).rows) == 50
            assert len(used) == 1
        with counted(engine) as used:
            reads.counts(session, NOW)
            assert len(used) == 1
        order = desk.by_name(session, "A-7")
        with counted(engine) as used:
            reads.in_full(session, order)
            assert len(used) == 5


def test_one_order_in_full_without_personal_data_unless_asked(sessions: Sessions, account: int) -> None:
    (order_id,) = orders(sessions, account, ("A-1", "RARE", 3, 0))
    with reading(sessions) as session:
        order = session.get_one(Order, order_id)
        masked, known = reads.in_full(session, order), reads.in_full(session, order, person=True)
    assert masked.short is True
    assert [(x.sku, x.quantity, x.left, x.held, x.location) for x in masked.lines] == [("RARE", 3, 3, 1, "main")]
    assert masked.person.ship_to == {
        "name": "A… M…", "line1": "W… 7…", "city": "Z…", "postal_code": "0…", "country": "CH", "phone": "+… 4… 1… 4… 6…",
    }  # fmt: skip
    assert known.person.ship_to["name"] == "Ana Müller"
    assert known.person.buyer["email"] == "ana@example.org"
    assert "Müller" not in repr(reads.plain(masked))


def test_nonsense_is_refused(sessions: Sessions, account: int) -> None:
    assert account
    with reading(sessions) as session:
        for wish, name in (
            (Queue(stages=("nowhere",)), "stage"), (Queue(limit=0), "limit"), (Queue(limit=501), "limit"),
            (Queue(after="x"), "after"), (Queue(after="2026-11-22T00:00:00_1"), "after"),
        ):  # fmt: skip
            with pytest.raises(Invalid) as refusal:
                reads.queue(session, wish)
            assert refusal.value.field == name


def test_an_order_is_found_by_every_name_it_has(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        alpha = session.get_one(Account, account)
        first, second, third = take(
            session, alpha, a_channel_order("GID-1", display_id="#1"), a_channel_order("GID-2", display_id="#1"),
            a_channel_order("GID-3", display_id="#3"),
        )  # fmt: skip
        assert desk.by_name(session, "GID-1") is first
        assert desk.by_name(session, "#3") is third
        assert desk.by_name(session, str(second.id)) is second
        assert desk.by_name(session, f"#1-{second.id}") is second
        with pytest.raises(Unknown, match="several orders are called '#1'"):
            desk.by_name(session, "#1")
        for name in ("nobody", f"#3-{second.id}", "99"):
            with pytest.raises(Unknown, match="no order is called"):
                desk.by_name(session, name)
