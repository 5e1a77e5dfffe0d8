"""Tracking files: parcels recorded once, partial ones by line, every row with its own answer."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import Invalid
from hub.orders import desk
from hub.orders.models import Order, OrderLine, Shipment, ShipmentLine
from hub.pim.models import StockMovement, StockPosition
from hub.shipping.tracking import ImportTracking, TrackingReport, import_tracking
from hub.work.models import Account, WorkItem
from tests.shipping.conftest import Shop
from tests.support.builders import NOW
from tests.support.orders import a_channel_order, cancelled, take

HEAD = "Order Number,Carrier,Tracking Number,SKU,Quantity\r\n"


@pytest.fixture
def bring(shop: Shop, tmp_path: Path) -> Any:
    def run(content: str | bytes, **options: Any) -> TrackingReport:
        path = tmp_path / "tracking.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return import_tracking(shop.sessions, ImportTracking(path=path, **options), NOW)

    return run


def parcels(sessions: Sessions) -> list[tuple[str, str, str, list[tuple[int, int]]]]:
    """(order, carrier, tracking, [(line, units)]) in the order in which they were recorded."""
    with reading(sessions) as session:
        out = []
        for shipment, name in session.execute(
            select(Shipment, Order.display_id).join(Order, Order.id == Shipment.order_id).order_by(Shipment.id)
        ).tuples():
            lines = session.execute(
                select(ShipmentLine.order_line_id, ShipmentLine.quantity)
                .where(ShipmentLine.shipment_id == shipment.id)
                .order_by(ShipmentLine.order_line_id)
            ).tuples()
            out.append((name, shipment.carrier, shipment.tracking, list(lines)))
        return out


def said(report: TrackingReport) -> list[tuple[int, str, str]]:
    return [(r.line, r.result, r.cause) for r in report.results]


def test_a_whole_order_leaves_in_one_parcel_and_the_channel_shall_hear_of_it(shop: Shop, bring: Any) -> None:
    order_id = shop.order("A-1", [("SKU-1", 2), ("SKU-2", 1)])
    report = bring("Order #,Carrier,Tracking #\r\nA-1,DHL,00340434\r\n", by="ana")
    assert (report.rows, report.parcels, report.recorded, report.repeated, report.errors) == (1, 1, 1, 0, 0)
    assert parcels(shop.sessions) == [("A-1", "DHL", "00340434", [(1, 2), (2, 1)])]
    assert shop.get(order_id).stage == "shipped"
    with reading(shop.sessions) as session:
        assert session.scalars(select(Shipment.source)).one() == "csv"
        assert session.scalar(select(func.count()).where(WorkItem.kind == "shipment.confirm")) == 1
        assert session.scalar(select(func.sum(StockMovement.delta)).where(StockMovement.kind == "ship")) == -3


def test_the_same_file_again_changes_nothing_whichever_way_it_names_the_goods(shop: Shop, bring: Any) -> None:
    for name in ("A-1", "A-2", "A-3", "A-4"):
        shop.order(name, [("SKU-1", 3), ("SKU-2", 1)])
    text = HEAD + "\r\n".join(
        ["A-1,DHL,T1,,", "A-2,DHL,T2,SKU-1,2", "A-2,DHL,T2,SKU-2,1", "A-2,DHL,T3,SKU-1,1", "A-3,UPS,T4,SKU-1,",
         "A-4,UPS,T5,,4", ""]
    )  # fmt: skip
    first = bring(text)
    assert (first.parcels, first.recorded, first.errors) == (5, 6, 0)
    before = parcels(shop.sessions)
    again = bring(text)
    assert (again.parcels, again.recorded, again.repeated, again.errors) == (0, 0, 6, 0)
    assert [r.package for r in again.results] == [1, 1, 1, 2, 1, 1]
    assert parcels(shop.sessions) == before
    with reading(shop.sessions) as session:
        assert list(session.scalars(select(OrderLine.shipped).order_by(OrderLine.id))) == [3, 1, 3, 1, 3, 0, 3, 1]
        assert session.scalar(select(func.sum(StockPosition.reserved))) == 1


def test_partial_parcels_leave_the_rest_to_be_shipped(shop: Shop, bring: Any) -> None:
    order_id = shop.order("A-1", [("SKU-1", 2), ("SKU-2", 1)])
    bring(HEAD + "A-1,DHL,T1,SKU-1,1\r\n")
    assert shop.get(order_id).stage == "partly"
    report = bring(HEAD + "A-1,DHL,T2,,\r\n")
    assert report.results[0].package == 2
    assert parcels(shop.sessions) == [("A-1", "DHL", "T1", [(1, 1)]), ("A-1", "DHL", "T2", [(1, 1), (2, 1)])]
    assert shop.get(order_id).stage == "shipped"


def test_two_lines_of_one_sku_are_filled_in_turn_and_recognised_again(shop: Shop, bring: Any) -> None:
    shop.order("A-1", [("SKU-1", 1), ("SKU-1", 2)])
    text = HEAD + "A-1,DHL,T1,SKU-1,2\r\nA-1,DHL,T2,sku-1,1\r\n"
    assert bring(text).recorded == 2
    assert parcels(shop.sessions) == [("A-1", "DHL", "T1", [(1, 1), (2, 1)]), ("A-1", "DHL", "T2", [(2, 1)])]
    assert bring(text).repeated == 2


def test_lines_are_named_by_the_hubs_or_the_channels_id(shop: Shop, bring: Any) -> None:
    shop.order("A-1", [("SKU-1", 2), ("SKU-2", 1)])
    report = bring("Order,Carrier,Tracking,Line,Qty\r\nA-1,DHL,T1,A-1-2,1\r\nA-1,DHL,T2,1,1\r\nA-1,DHL,T3,77,1\r\n")
    assert said(report) == [(2, "recorded", ""), (3, "recorded", ""), (4, "error", "the order has no line 77")]
    assert parcels(shop.sessions) == [("A-1", "DHL", "T1", [(2, 1)]), ("A-1", "DHL", "T2", [(1, 1)])]


def test_every_bad_row_is_named_and_none_stops_the_others(shop: Shop, bring: Any) -> None:
    for name in ("GOOD-1", "GOOD-2", "PART"):
        shop.order(name, [("SKU-1", 1), ("SKU-2", 1)])
    held, asked, gone = shop.order("HELD"), shop.order("ASKED"), shop.order("GONE")
    with unit(shop.sessions) as session:
        account = session.get_one(Account, shop.account_id)
        desk.hold(session, session.get_one(Order, held), "address", NOW)
        session.get_one(Order, asked).stage = "cancel_requested"
        take(session, account, cancelled(a_channel_order("GONE"), NOW + timedelta(minutes=1)))
    assert gone
    report = bring(
        HEAD
        + "\r\n".join(
            [
                "GOOD-1,DHL,T1,,", "NOBODY,DHL,T2,,", "HELD,DHL,T3,,", "ASKED,DHL,T4,,", "GONE,DHL,T5,,", ",DHL,T6,,",
                "PART,DHL,,,", "PART,,T7,,", "PART,DHL,1.23457E+17,,", "PART,DHL,T8,SKU-1,many", "PART,DHL,T9,NO-SUCH,1",
                "PART,DHL,T9,SKU-1,1", "PART,DHL,T10,SKU-1,5", "PART,DHL,T11,SKU-1,1,x", 'PART,DHL,"=cmd|x!A0",,',
                "GOOD-2,DHL,T12", "GOOD-2,DHL,T13,,", "",
            ]
        )
    )  # fmt: skip
    assert said(report) == [
        (2, "recorded", ""),
        (3, "error", "no order is called 'NOBODY'"),
        (4, "error", "order HELD is on hold"),
        (5, "error", "the buyer asked to cancel order ASKED"),
        (6, "error", "order GONE is cancelled: stop the parcel"),
        (7, "error", "the row names no order"),
        (8, "error", "the tracking number is empty"),
        (9, "error", "the carrier is empty"),
        (10, "error", "1.23457E+17 is what a spreadsheet made of a long number"),
        (11, "error", "'many' is no quantity"),
        (12, "error", "the order has no line with the SKU 'NO-SUCH'"),
        (13, "error", "the order has no line with the SKU 'NO-SUCH'"),
        (14, "error", "5 units of SKU-1 cannot be shipped: 1 are left"),
        (15, "error", "the row has 6 cells, the first row 5"),
        (16, "error", "'=cmd|x!A0' is no tracking number"),
        (17, "recorded", ""),
        (18, "error", "nothing of order GOOD-2 is left to ship"),
    ]
    assert (report.parcels, report.recorded, report.errors, report.clean) == (2, 2, 15, False)
    assert [p[0] for p in parcels(shop.sessions)] == ["GOOD-1", "GOOD-2"]
    fixes = {r.line: r.fix for r in report.problems()}
    assert (fixes[3], fixes[4]) == ("use the number from the exported file", "release it first")


def test_a_parcel_with_a_bad_row_is_not_recorded_and_comes_in_whole_once_corrected(shop: Shop, bring: Any) -> None:
    shop.order("A-1", [("SKU-1", 1), ("SKU-2", 1)])
    assert bring(HEAD + "A-1,DHL,T1,SKU-1,1\r\nA-1,DHL,T1,WRONG,1\r\n").errors == 2
    assert parcels(shop.sessions) == []
    assert bring(HEAD + "A-1,DHL,T1,SKU-1,1\r\nA-1,DHL,T1,SKU-2,1\r\n").recorded == 2
    assert parcels(shop.sessions) == [("A-1", "DHL", "T1", [(1, 1), (2, 1)])]


def test_a_known_parcel_with_other_contents_is_refused(shop: Shop, bring: Any) -> None:
    shop.order("A-1", [("SKU-1", 3)])
    bring(HEAD + "A-1,DHL,T1,SKU-1,1\r\n")
    report = bring(HEAD + "A-1,DHL,T1,SKU-1,2\r\n")
    assert said(report) == [(2, "error", "parcel T1 is recorded already with other contents")]
    assert parcels(shop.sessions) == [("A-1", "DHL", "T1", [(1, 1)])]


def test_a_dry_run_says_the_same_and_leaves_no_trace(shop: Shop, bring: Any) -> None:
    shop.order("A-1", [("SKU-1", 2)])
    text = HEAD + "A-1,DHL,T1,SKU-1,1\r\nA-1,DHL,T2,,\r\nA-1,DHL,T3,,\r\n"
    tried = bring(text, dry_run=True)
    assert parcels(shop.sessions) == []
    with reading(shop.sessions) as session:
        assert session.scalar(select(func.count()).where(WorkItem.kind == "shipment.confirm")) == 0
        assert session.scalars(select(OrderLine.shipped)).one() == 0
    done = bring(text)
    assert said(tried) == said(done)
    assert (tried.dry_run, tried.parcels, done.parcels, done.errors) == (True, 2, 2, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfOrder Number;Carrier Name;Tracking No.\r\nA-1;DHL;T1\r\n",
        "order_number\ttracking_code\tcourier\nA-1\tT1\tDHL\n".encode("utf-16"),
        "Bestellnummer;Paketdienst;Sendungsnummer;Größe\r\nA-1;DHL;T1;groß\r\n".encode("cp1252"),
        b'sep=;\r\nORDER NO;CARRIER;TRACKING ID\r\n"A-1";"DHL";"=""T1"""\r\n',
        b"  Order #  , carrier_code , Tracking - Number \n A-1 ,DHL,T 1\n",
    ],
    ids=["bom", "utf16", "cp1252", "excel", "spaces"],
)
def test_headers_encodings_and_separators_of_other_programs(shop: Shop, bring: Any, content: bytes) -> None:
    shop.order("A-1", [("SKU-1", 1)])
    report = bring(content)
    if b"'A-1" in content:
        assert said(report)[0] == (2, "error", 'no order is called "\'A-1"')
        return
    assert said(report) == [(report.results[0].line, "recorded", "")]
    assert parcels(shop.sessions) == [("A-1", "DHL", "T1", [(1, 1)])]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("Order Number,Tracking\r\nA-1,T1\r\n", "no column names the carrier; the first row has: Order Number, Tracking"),
        ("a,b\r\n1,2\r\n", "no column names the order number and the tracking number and the carrier"),
        ("Order,Carrier,Tracking,Tracking Number\r\n", "two columns name the tracking number: 'Tracking' and 'Tracking Number'"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_tracking_file_is_refused_as_a_whole(bring: Any, content: str, message: str) -> None:
    with pytest.raises(Invalid) as refusal:
        bring(content)
    assert refusal.value.message.startswith(message)


def test_a_file_without_carriers_takes_the_one_that_is_given(shop: Shop, bring: Any) -> None:
    shop.order("A-1")
    assert bring("Order,Tracking\r\nA-1,T1\r\n", carrier="royal_mail").recorded == 1
    assert parcels(shop.sessions)[0][1] == "royal_mail"


def test_orders_are_found_by_every_name_they_have_and_not_by_chance(shop: Shop, bring: Any) -> None:
    first = shop.order("GID-1", display_id="#1001")
    shop.order("GID-2", display_id="#1002")
    shop.order("GID-3", display_id="#1003")
    shop.order("GID-4", display_id="#1004")
    fifth = shop.order("GID-5", display_id="#1005")
    # A shipping program's own id 5 beside the order number is not the hub's order 5.
    assert (
        bring(
            "Order ID,Order Number,Carrier,Tracking\r\n5,1001,DHL,T1\r\nGID-2,zzz,DHL,T2\r\n5,nobody,DHL,T3\r\n"
        ).errors
        == 1
    )
    assert bring("Order ID,Carrier,Tracking\r\nGID-3,DHL,T4\r\n").recorded == 1
    assert (
        bring("Hub Order ID,Order Number,Carrier,Tracking\r\n4,,DHL,T5\r\n5,#1004,DHL,T6\r\n99,,DHL,T7\r\n").errors == 2
    )
    assert bring(f"Order ID,Carrier,Tracking\r\n{fifth},DHL,T8\r\n").recorded == 1
    assert [(p[0], p[2]) for p in parcels(shop.sessions)] == [
        ("#1001", "T1"), ("#1002", "T2"), ("#1003", "T4"), ("#1004", "T5"), ("#1005", "T8"),
    ]  # fmt: skip
    assert first


def test_of_several_with_one_name_the_exported_number_decides(shop: Shop, bring: Any) -> None:
    old = shop.order("GID-1", display_id="#1001")
    shop.export()
    new = shop.order("GID-2", display_id="#1001")
    newest = shop.order("GID-3", display_id="#1001")
    report = bring(f"Order,Carrier,Tracking\r\n#1001,DHL,T1\r\n#1001-{new},DHL,T2\r\n")
    assert said(report) == [(2, "recorded", ""), (3, "recorded", "")]
    assert (shop.get(old).stage, shop.get(new).stage, shop.get(newest).stage) == ("shipped", "shipped", "ready")
    other = shop.order("GID-4", display_id="#2000")
    shop.order("GID-5", display_id="#2000")
    assert other
    report = bring("Order,Carrier,Tracking\r\n2000,DHL,T3\r\n")
    assert said(report) == [(2, "error", "2 orders are called '2000'")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", NOW),
        ("2026-11-22", NOW),
        ("2026-11-21", datetime(2026, 11, 21, 12, tzinfo=UTC)),
        ("2026-11-21T10:30:00+01:00", datetime(2026, 11, 21, 9, 30, tzinfo=UTC)),
        ("2026/11/21 08:15:00", datetime(2026, 11, 21, 8, 15, tzinfo=UTC)),
        ("11/21/2026 03:15 PM", datetime(2026, 11, 21, 15, 15, tzinfo=UTC)),
        ("21/11/2026", datetime(2026, 11, 21, 12, tzinfo=UTC)),
        ("21.11.2026 07:05", datetime(2026, 11, 21, 7, 5, tzinfo=UTC)),
        ("2026-11-19", datetime(2026, 11, 20, 17, tzinfo=UTC)),  # a day's difference may be the time zone's
        ("2026-11-18", "the ship date 2026-11-18 is before the order's own, 2026-11-20"),
        ("2026-11-25", "the ship date 2026-11-25 is in the future"),
        ("31.02.2026", "'31.02.2026' is no date"),
        ("yesterday", "'yesterday' is no date"),
    ],
)
def test_ship_dates_as_programs_write_them(shop: Shop, bring: Any, text: str, expected: datetime | str) -> None:
    shop.order("A-1", at=NOW - timedelta(days=2, hours=-9))
    report = bring(f"Order,Carrier,Tracking,Ship Date\r\nA-1,DHL,T1,{text}\r\n")
    if isinstance(expected, str):
        assert said(report) == [(2, "error", expected)]
        return
    with reading(shop.sessions) as session:
        assert session.scalars(select(Shipment.shipped_at)).one() == expected


def test_one_day_first_date_makes_the_whole_file_day_first(shop: Shop, bring: Any) -> None:
    for name in ("A-1", "A-2"):
        shop.order(name, at=NOW - timedelta(days=300))
    bring("Order,Carrier,Tracking,Shipped\r\nA-1,DHL,T1,02/03/2026\r\nA-2,DHL,T2,13/03/2026\r\n")
    with reading(shop.sessions) as session:
        assert [f"{at:%m-%d}" for at in session.scalars(select(Shipment.shipped_at).order_by(Shipment.id))] == [
            "03-02", "03-13",
        ]  # fmt: skip


def test_the_same_file_from_two_sides_at_once_records_every_parcel_once(shop: Shop, tmp_path: Path) -> None:
    shop.orders(20)
    path = tmp_path / "both.csv"
    path.write_text("Order,Carrier,Tracking\n" + "".join(f"A-{n},DHL,T{n}\n" for n in range(1, 21)))
    reports: list[TrackingReport] = []
    barrier = threading.Barrier(3)

    def run() -> None:
        barrier.wait()
        reports.append(import_tracking(shop.sessions, ImportTracking(path=path), NOW))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.errors for r in reports] == [0, 0, 0]
    assert sum(r.parcels for r in reports) == 20
    assert len(parcels(shop.sessions)) == 20
