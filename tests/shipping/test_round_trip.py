"""Orders out and back: every one once, by way of the files alone."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.db.session import reading
from hub.orders.models import Order, Shipment
from hub.pim.models import Reservation, StockPosition
from hub.shipping import exports
from hub.shipping.tracking import ImportTracking, import_tracking
from hub.work.models import WorkItem
from tests.shipping.conftest import Shop
from tests.support.builders import NOW


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [30, pytest.param(500, marks=pytest.mark.slow)])
def test_orders_leave_once_and_come_back_shipped(shop: Shop, tmp_path: Path, count: int) -> None:
    assert len(shop.orders(count)) == count
    made = shop.export(profile="shipstation")
    assert (made.orders, made.rows, made.left_out) == (count, count + count // 5, ())
    assert shop.export(profile="shipstation").batch is None
    assert made.batch is not None
    with reading(shop.sessions) as session:
        content = exports.download(session, made.batch).content
        assert exports.download(session, made.batch).content == content
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    numbers = [row["Order #"] for row in rows]
    assert sorted(set(numbers)) == sorted(f"A-{n}" for n in range(1, count + 1))
    # Every other order of two lines leaves in two parcels.
    parcels = [
        f"T-{n}-{row['Item SKU']}" if int(n[2:]) % 10 == 0 else f"T-{n}" for n, row in zip(numbers, rows, strict=True)
    ]
    path = tmp_path / "tracking.csv"
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["Order #", "Carrier", "Tracking #", "SKU", "Qty"])
        for row, parcel in zip(rows, parcels, strict=True):
            writer.writerow([row["Order #"], "DHL", parcel, row["Item SKU"], row["Item Quantity"]])
    report = import_tracking(shop.sessions, ImportTracking(path=path), NOW)
    assert (report.rows, report.recorded, report.errors) == (len(rows), len(rows), 0)
    assert report.parcels == len(set(parcels)) == count + count // 10
    units = sum(int(row["Item Quantity"]) for row in rows)
    with reading(shop.sessions) as session:
        stages = session.execute(select(Order.stage, func.count()).group_by(Order.stage)).tuples().all()
        assert dict(stages) == {"shipped": count}
        assert session.scalar(select(func.count()).select_from(Shipment)) == report.parcels
        assert session.scalar(select(func.count()).where(WorkItem.kind == "shipment.confirm")) == report.parcels
        assert session.scalar(select(func.count()).where(Reservation.closed_at.is_(None))) == 0
        assert session.scalar(select(func.sum(StockPosition.on_hand))) == 10_000 - units
        assert session.scalar(select(func.sum(StockPosition.reserved))) == 0
    again = import_tracking(shop.sessions, ImportTracking(path=path), NOW)
    assert (again.repeated, again.recorded, again.errors, again.parcels) == (len(rows), 0, 0, 0)
