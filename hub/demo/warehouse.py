"""The warehouse of a rehearsal: it sees the hub only through order files, and answers with tracking files."""

from __future__ import annotations

import csv
import io
import random
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import exists, select, text

from hub.db.session import reading, unit
from hub.orders.models import Order
from hub.orders.rules import SHIPPABLE_STAGES
from hub.shipping import exports
from hub.shipping.exports import Export
from hub.shipping.models import ExportBatch, ExportItem
from hub.shipping.tracking import ImportTracking, TrackingReport, import_tracking
from hub.wiring import System

CARRIERS = ("dhl", "ups", "dpd", "royal_mail")
BY = "warehouse"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row of the tracking file."""

    order: str
    carrier: str
    tracking: str
    line: str
    sku: str
    units: int


@dataclass(slots=True, kw_only=True)
class Warehouse:
    """Packs what the order files say, sometimes in two parcels. `parcels` that left, `refused` rows that came back."""

    system: System
    rng: random.Random
    parcels: int = 0
    refused: int = 0
    _labels: int = field(default=0, init=False)

    def ship(self, limit: int = 200) -> int:
        """Fetch an order file, pack, and hand in the tracking numbers; returns how many parcels left.

        Orders whose parcels came back (cancelled, held) are packed anew once they may leave again.
        """
        now = self.system.clock.now()
        packed: list[_Row] = []
        left_before = self._left_before(limit)
        if left_before:
            packed += self._packed(
                Export(profile="shipstation", order_ids=left_before, again=True, limit=limit, by=BY), now
            )
        packed += self._packed(Export(profile="shipstation", limit=limit, by=BY), now)
        if not packed:
            return 0
        report = self._hand_in(packed, now)
        self.parcels += report.parcels
        self.refused += report.errors
        for row in report.problems():
            self.system.hub.log("demo.warehouse", order=row.order, returned=row.cause)
        return report.parcels

    def _left_before(self, limit: int) -> list[int]:
        """Orders of our own files that have not left in full, though nothing stands in their way."""
        ours = (
            select(ExportItem.order_id)
            .join(ExportBatch, ExportBatch.id == ExportItem.batch_id)
            .where(ExportItem.order_id == Order.id, text("NOT export_items.again"), ExportBatch.by == BY)
        )
        open_stages = [stage.value for stage in SHIPPABLE_STAGES]
        with reading(self.system.sessions) as session:
            return list(
                session.scalars(
                    select(Order.id)
                    .where(Order.stage.in_(open_stages), Order.exported_at.is_not(None), exists(ours.correlate(Order)))
                    .order_by(Order.due, Order.id)
                    .limit(limit)
                )
            )

    def _packed(self, wish: Export, now: datetime) -> list[_Row]:
        """The parcels made from one order file."""
        with unit(self.system.sessions) as session:
            made = exports.export(session, wish, now)
        if made.batch is None:
            return []
        with reading(self.system.sessions) as session:
            content = exports.download(session, made.batch).content
        orders: dict[str, list[tuple[str, str, int]]] = {}
        for row in csv.DictReader(io.StringIO(content.decode(), newline="")):
            wanted = (row["Item Line ID"], row["Item SKU"], int(row["Item Quantity"]))
            orders.setdefault(row["Order #"], []).append(wanted)
        return [row for number, wanted in orders.items() for row in self._pack(number, wanted, now)]

    def _pack(self, number: str, wanted: list[tuple[str, str, int]], now: datetime) -> list[_Row]:
        parcels = [wanted]
        if sum(units for _, _, units in wanted) > 1 and self.rng.random() < 0.25:
            (line, sku, units), *others = wanted
            rest = [(line, sku, units - 1)] if units > 1 else []
            parcels = [[(line, sku, 1)], rest + others]
        out = []
        for content in parcels:
            self._labels += 1
            tracking = f"EN{int(now.timestamp()):x}{self._labels:06d}".upper()  # differs after a restart, too
            carrier = self.rng.choice(CARRIERS)
            out += [
                _Row(order=number, carrier=carrier, tracking=tracking, line=line, sku=sku, units=units)
                for line, sku, units in content
            ]
        return out

    def _hand_in(self, rows: list[_Row], now: datetime) -> TrackingReport:
        with tempfile.TemporaryDirectory(prefix="hub-warehouse-") as folder:
            path = Path(folder) / "tracking.csv"
            with path.open("w", encoding="utf-8", newline="") as handle:
                writer = csv.writer(handle)
                writer.writerow(["Order #", "Carrier", "Tracking #", "Hub Line ID", "SKU", "Quantity", "Ship Date"])
                for row in rows:
                    writer.writerow(
                        [row.order, row.carrier, row.tracking, row.line, row.sku, row.units, now.isoformat()]
                    )  # fmt: skip
            return import_tracking(self.system.sessions, ImportTracking(path=path, by=BY), now)
