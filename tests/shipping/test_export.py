"""Export batches: every order once, the same bytes again, and what is left out is said."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.orders import desk
from hub.orders.models import Order, OrderEvent
from hub.shipping import batches, exports
from hub.shipping.exports import Exported
from hub.shipping.models import ExportBatch, ExportItem
from hub.work.models import Account
from tests.shipping.conftest import Shop
from tests.support.builders import NOW
from tests.support.orders import HOME, a_channel_order, cancelled, take


def rows_of(shop: Shop, batch: str | None) -> list[dict[str, str]]:
    assert batch is not None
    with reading(shop.sessions) as session:
        content = exports.download(session, batch).content
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def count(shop: Shop, what: Any) -> int:
    with reading(shop.sessions) as session:
        return int(session.scalar(select(func.count()).select_from(what)) or 0)


def test_an_order_leaves_in_one_file_with_its_address_and_a_row_per_line(shop: Shop) -> None:
    order_id = shop.order("A-1", [("SKU-1", 2), ("SKU-2", 1)])
    made = shop.export(profile="shipstation", by="ana")
    assert (made.orders, made.rows, made.left_out) == (1, 2, ())
    first, second = rows_of(shop, made.batch)
    assert {k: first[k] for k in ("Order #", "Order Date", "Order Status", "Order Source", "Order Total")} == {
        "Order #": "A-1", "Order Date": "2026/11/22 08:00:00", "Order Status": "Awaiting Shipment",
        "Order Source": "alpha", "Order Total": "43.87",
    }  # fmt: skip
    assert [first[f"Ship To - {k}"] for k in ("Name", "Address 1", "City", "Postal Code", "Country", "Phone")] == [
        "Ana Müller", "Weinbergstraße 7", "Zürich", "08001", "CH", "+41441234567",
    ]  # fmt: skip
    assert [(r["Item SKU"], r["Item Quantity"], r["Item Unit Price"]) for r in (first, second)] == [
        ("SKU-1", "2", "12.99"), ("SKU-2", "1", "12.99"),
    ]  # fmt: skip
    assert {k: v for k, v in first.items() if not k.startswith("Item")} == {
        k: v for k, v in second.items() if not k.startswith("Item")
    }
    assert shop.get(order_id).exported_at == NOW
    with reading(shop.sessions) as session:
        said = session.scalars(select(OrderEvent).where(OrderEvent.kind == "exported")).one()
        assert (said.fact, said.by) == (f"exported:{made.batch}", "ana")
        assert said.detail == {"batch": made.batch, "profile": "shipstation", "number": "A-1"}


def test_a_second_export_is_empty_and_leaves_no_batch(shop: Shop) -> None:
    shop.order("A-1")
    assert shop.export().orders == 1
    assert shop.export() == Exported(batch=None, orders=0, rows=0, checksum="", left_out=())
    assert (count(shop, ExportBatch), count(shop, ExportItem)) == (1, 1)


def test_an_asked_for_order_that_was_exported_is_named_with_its_batch_and_goes_again_only_if_told(shop: Shop) -> None:
    order_id = shop.order("A-1")
    first = shop.export()
    second = shop.export(order_ids=[order_id])
    assert second.batch is None
    assert [(o.order, o.cause) for o in second.left_out] == [("A-1", f"it was exported in batch {first.batch}")]
    third = shop.export(order_ids=[order_id], again=True)
    assert (third.orders, third.left_out) == (1, ())
    assert third.batch != first.batch
    fourth = shop.export(order_ids=[order_id], again=True)
    assert fourth.orders == 1
    assert shop.export().batch is None
    with reading(shop.sessions) as session:
        assert list(session.scalars(select(ExportItem.again).order_by(ExportItem.batch_id))) == [False, True, True]


def test_a_first_export_with_again_counts_as_the_one_export(shop: Shop) -> None:
    shop.order("A-1")
    assert shop.export(again=True).orders == 1
    assert shop.export().batch is None


def test_the_file_is_the_same_bytes_whenever_it_is_asked_for_and_encrypted_where_it_lies(
    shop: Shop, engine: Engine
) -> None:
    order_id = shop.order("A-1")
    made = shop.export()
    assert made.batch is not None
    with reading(shop.sessions) as session:
        before = exports.download(session, made.batch)
    with unit(shop.sessions) as session:
        account = session.get_one(Account, shop.account_id)
        moved = dataclasses.replace(HOME, line1="Elsewhere 1")
        take(session, account, a_channel_order("A-1", ship_to=moved, at=NOW + timedelta(minutes=5)))
    with reading(shop.sessions) as session:
        after = exports.download(session, made.batch)
    assert after == before
    assert hashlib.sha256(after.content).hexdigest() == after.checksum == made.checksum
    assert "Weinbergstraße 7" in after.content.decode()
    with engine.connect() as connection:
        stored = bytes(connection.exec_driver_sql("SELECT content FROM export_batches").scalar_one())
    assert b"Weinberg" not in stored
    assert "Elsewhere 1" in str(rows_of(shop, shop.export(order_ids=[order_id], again=True).batch))


def test_an_erased_file_and_an_unknown_batch_are_refused(shop: Shop) -> None:
    shop.order("A-1")
    made = shop.export()
    with unit(shop.sessions) as session:
        session.scalars(select(ExportBatch)).one().content = None
    with reading(shop.sessions) as session:
        with pytest.raises(NotAllowedNow, match="was erased"):
            exports.download(session, made.batch or "")
        with pytest.raises(Unknown, match="no export batch 'exp_none'"):
            exports.download(session, "exp_none")


def test_held_unpaid_short_unmapped_cancelling_and_asked_orders_stay_out_with_their_reason(shop: Shop) -> None:
    from hub.channels.contract.records import CancellationState, PaymentState

    shop.stock("RARE", 1)
    good = shop.order("GOOD")
    held = shop.order("HELD")
    unpaid = shop.order("UNPAID", payment=PaymentState.PENDING)
    short = shop.order("SHORT", [("RARE", 2)])
    unmapped = shop.order("UNMAPPED", [("WHO-KNOWS", 1)])
    asked = shop.order("ASKED", cancellation=CancellationState.REQUESTED)
    dropped = shop.order("DROPPED")
    with unit(shop.sessions) as session:
        desk.hold(session, session.get_one(Order, held), "address", NOW)
        desk.want_cancelled(session, session.get_one(Order, dropped), "out_of_stock", NOW)
    everything = [held, unpaid, short, unmapped, asked, dropped]
    told = shop.export(order_ids=[*everything, 999])
    assert told.batch is None
    assert {o.order: o.cause for o in told.left_out} == {
        "HELD": "it is on hold", "UNPAID": "it is not paid yet", "SHORT": "not every unit of it is in stock",
        "UNMAPPED": "a line has no SKU of ours yet", "ASKED": "the buyer asked to cancel it",
        "DROPPED": "it is being cancelled", "999": "there is no such order",
    }  # fmt: skip
    made = shop.export()
    assert [r["hub_order_id"] for r in rows_of(shop, made.batch)] == [str(good)]
    with unit(shop.sessions) as session:
        desk.release(session, session.get_one(Order, held), NOW)
    assert [r["order_number"] for r in rows_of(shop, shop.export().batch)] == ["HELD"]


def test_an_address_that_does_not_fit_keeps_its_order_out_by_name_and_never_cuts_it(shop: Shop) -> None:
    long = dataclasses.replace(HOME, line1="x" * 201, city="y" * 101)
    bad = shop.order("LONG", ship_to=long)
    shop.order("NONE", ship_to=None)
    shop.order("LOST", ship_to=dataclasses.replace(HOME, country="ZZ", name=""))
    shop.order("FINE", ship_to=dataclasses.replace(HOME, line1="x" * 200))
    made = shop.export(profile="shipstation")
    assert [r["Order #"] for r in rows_of(shop, made.batch)] == ["FINE"]
    assert [(o.order, o.field, o.cause) for o in made.left_out] == [
        ("LONG", "Ship To - Address 1", "Ship To - Address 1 has 201 characters, 200 fit"),
        ("LONG", "Ship To - City", "Ship To - City has 101 characters, 100 fit"),
        ("NONE", "address", "no address of order NONE is known"),
        ("LOST", "Ship To - Name", "Ship To - Name is empty"),
        ("LOST", "Ship To - Country", "the country is not known"),
    ]
    assert shop.get(bad).exported_at is None
    assert "x" * 20 not in str(made.left_out)


def test_orders_that_do_not_fit_at_the_head_of_the_queue_do_not_stop_the_rest(shop: Shop) -> None:
    for number in range(5):
        shop.order(f"BAD-{number}", ship_to=dataclasses.replace(HOME, line1="x" * 300))
    shop.order("GOOD")
    made = shop.export(limit=2)
    assert [r["order_number"] for r in rows_of(shop, made.batch)] == ["GOOD"]
    assert len(made.left_out) == 5


def test_hostile_cells_are_made_harmless_and_notes_alone_are_cut(shop: Shop) -> None:
    evil = dataclasses.replace(
        HOME, name="=HYPERLINK(\"http://x\")", company="@SUM(A1)", line1="\t=1+1", line2="+cmd|' /C calc'!A0",
        city='Quote " and, comma\r\n=2', postal_code="-1", region="-2+3", phone="0049 30 1",
    )  # fmt: skip
    shop.order("A-1", ship_to=evil, note="=" + "n" * 1_200, title="first\nsecond")
    made = shop.export(profile="shipstation")
    assert made.batch is not None
    with reading(shop.sessions) as session:
        content = exports.download(session, made.batch).content
    assert content.count(b"\r\n") == 2
    assert content.endswith(b"\r\n")
    (row,) = rows_of(shop, made.batch)
    assert [row[f"Ship To - {k}"] for k in ("Name", "Company", "Address 1", "Address 2", "City")] == [
        "'=HYPERLINK(\"http://x\")", "'@SUM(A1)", "'=1+1", "'+cmd|' /C calc'!A0", 'Quote " and, comma =2',
    ]  # fmt: skip
    assert [row[f"Ship To - {k}"] for k in ("Postal Code", "State", "Phone")] == ["-1", "'-2+3", "0049 30 1"]
    assert row["Item Name"] == "first second"
    assert row["Customer Notes"] == "'=" + "n" * 997 + "…"


def test_orders_with_the_same_number_are_told_apart(shop: Shop) -> None:
    first = shop.order("GID-1", display_id="#1001")
    second = shop.order("GID-2", display_id="#1001")
    third = shop.order("GID-3", display_id="#1002")
    assert [r["Order #"] for r in rows_of(shop, shop.export(profile="shipstation").batch)] == [
        f"#1001-{first}", f"#1001-{second}", "#1002",
    ]  # fmt: skip
    assert third


def test_cancelled_after_export_is_called_back(shop: Shop) -> None:
    order_id = shop.order("A-1")
    made = shop.export()
    with unit(shop.sessions) as session:
        account = session.get_one(Account, shop.account_id)
        take(session, account, cancelled(a_channel_order("A-1"), NOW + timedelta(hours=1)))
    assert (shop.get(order_id).stage, shop.get(order_id).recall) == ("cancelled", True)
    with reading(shop.sessions) as session:
        kinds = list(session.scalars(select(OrderEvent.kind).order_by(OrderEvent.id)))
        assert kinds[-2:] == ["cancelled", "recall"]
        (row,) = batches.batches(session)
        assert (row.batch, row.orders, row.to_ship, row.recalls, row.kept) == (made.batch, 1, 0, 1, True)
        assert [(o.order, o.recall) for o in batches.orders_of(session, row.batch)] == [("A-1", True)]


def test_a_batch_is_bounded_and_the_most_urgent_go_first(shop: Shop) -> None:
    shop.order("LATER", at=NOW + timedelta(hours=2))
    shop.order("SOON")
    ids = [shop.order(f"X-{n}", at=NOW + timedelta(hours=3)) for n in range(3)]
    assert [r["order_number"] for r in rows_of(shop, shop.export(limit=2).batch)] == ["SOON", "LATER"]
    told = shop.export(order_ids=ids, limit=2)
    assert (told.orders, [o.cause for o in told.left_out]) == (2, ["a batch has at most 2 orders"])
    for limit in (0, 5_001):
        with pytest.raises(Invalid, match="1 to 5000 orders"):
            shop.export(limit=limit)
    with pytest.raises(Invalid, match="no layout 'fax'"):
        shop.export(profile="fax")


def test_the_number_of_queries_does_not_grow_with_the_orders(shop: Shop, engine: Engine) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    used = []
    for size in (1, 60):
        shop.orders(size) if size == 1 else [shop.order(f"B-{n}") for n in range(size)]
        statements.clear()
        assert shop.export().orders == size
        used.append(len([s for s in statements if not s.startswith(("BEGIN", "COMMIT"))]))
    assert used[0] == used[1]
    assert used[0] <= 12


def test_eight_at_once_export_each_order_exactly_once(shop: Shop, sessions: Sessions) -> None:
    ids = shop.orders(160)
    made: list[Exported] = []
    trouble: list[BaseException] = []
    barrier = threading.Barrier(8)

    def run() -> None:
        try:
            barrier.wait()
            for _ in range(4):
                made.append(shop.export(limit=40))
        except BaseException as error:  # noqa: BLE001 — told to the test's own thread
            trouble.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    assert sum(e.orders for e in made) == 160
    seen = [r["hub_order_id"] for e in made if e.batch for r in rows_of(shop, e.batch)]
    assert sorted(set(seen)) == sorted(map(str, ids))
    assert len(seen) == 160 + 160 // 5
    assert count(shop, ExportBatch) == len([e for e in made if e.batch])
    assert count(shop, ExportItem) == 160


def test_two_who_ask_for_the_same_orders_by_name_get_each_once(shop: Shop) -> None:
    ids = shop.orders(30)
    made: list[Exported] = []
    barrier = threading.Barrier(2)

    def run(order: list[int]) -> None:
        barrier.wait()
        made.append(shop.export(order_ids=order))

    threads = [threading.Thread(target=run, args=(order,)) for order in (ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(e.orders for e in made) == [0, 30]
    assert count(shop, ExportItem) == 30
