"""Five hundred orders out and back: every one once, by way of the files alone."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from sqlalchemy import func, select

from hub.db.session import reading
from hub.orders.models import Order, Shipment
from hub.pim.models import Reservation, StockPosition
from hub.shipping import exports
from hub.shipping.tracking import ImportTracking, import_tracking
from hub.work.models import WorkItem
from tests.shipping.conftest import Shop
from tests.support.builders import NOW


def test_five_hundred_orders_leave_once_and_come_back_shipped(shop: Shop, tmp_path: Path) -> None:
    ids = shop.orders(500)
    made = shop.export(profile="shipstation")
    assert (made.orders, made.rows, made.left_out) == (500, 1_000, ())
    assert shop.export(profile="shipstation").batch is None
    assert made.batch is not None
    with reading(shop.sessions) as session:
        content = exports.download(session, made.batch).content
        assert exports.download(session, made.batch).content == content
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    numbers = list(dict.fromkeys(row["Order #"] for row in rows))
    assert (len(rows), len(numbers)) == (1_000, 500)
    path = tmp_path / "tracking.csv"
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["Order #", "Carrier", "Tracking #", "SKU", "Qty"])
        for index, row in enumerate(rows):
            split = index % 7 == 0
            writer.writerow(
                [row["Order #"], "DHL", f"T-{row['Order #']}-{split}", row["Item SKU"], row["Item Quantity"]]
            )
    report = import_tracking(shop.sessions, ImportTracking(path=path), NOW)
    expected = len({(row["Order #"], index % 7 == 0) for index, row in enumerate(rows)})
    assert (report.rows, report.recorded, report.errors, report.parcels) == (1_000, 1_000, 0, expected)
    with reading(shop.sessions) as session:
        assert dict(session.execute(select(Order.stage, func.count()).group_by(Order.stage)).tuples().all()) == {
            "shipped": 500
        }
        assert session.scalar(select(func.count()).select_from(Shipment)) == expected
        assert session.scalar(select(func.count()).where(WorkItem.kind == "shipment.confirm")) == expected
        assert session.scalar(select(func.count()).where(Reservation.closed_at.is_(None))) == 0
        assert session.scalar(select(func.sum(StockPosition.on_hand))) == 10_000 - 500 - sum(
            n % 3 + 1 for n in range(1, 501)
        )
        assert session.scalar(select(func.sum(StockPosition.reserved))) == 0
    assert len(ids) == 500
    again = import_tracking(shop.sessions, ImportTracking(path=path), NOW)
    assert (again.repeated, again.recorded, again.errors, again.parcels) == (1_000, 0, 0, 0)
