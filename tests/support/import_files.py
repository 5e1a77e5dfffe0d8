"""Small product files for the import tests."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from hub.db.session import Sessions
from hub.kernel.clock import FixedClock
from hub.pim.importing import ImportReport, import_products
from tests.support.builders import NOW

SHOPIFY = (
    "Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Option1 Name", "Option1 Value", "Option2 Name",
    "Option2 Value", "Option3 Name", "Option3 Value", "Variant SKU", "Variant Grams", "Variant Inventory Qty",
    "Variant Price", "Variant Barcode", "Image Src", "Image Position", "Variant Image", "Variant Weight Unit",
    "Cost per item",
)  # fmt: skip


def shopify_row(handle: str, **cells: str) -> dict[str, str]:
    """A row by short names: title, body, vendor, type, tags, o1n, o1, o2n, o2, sku, grams, qty, price, …"""
    names = {
        "title": "Title", "body": "Body (HTML)", "vendor": "Vendor", "type": "Type", "tags": "Tags",
        "o1n": "Option1 Name", "o1": "Option1 Value", "o2n": "Option2 Name", "o2": "Option2 Value",
        "sku": "Variant SKU", "grams": "Variant Grams", "qty": "Variant Inventory Qty", "price": "Variant Price",
        "gtin": "Variant Barcode", "src": "Image Src", "place": "Image Position", "image": "Variant Image",
        "unit": "Variant Weight Unit", "cost": "Cost per item",
    }  # fmt: skip
    return {"Handle": handle, **{names[key]: value for key, value in cells.items()}}


def csv_text(rows: list[dict[str, str]], header: tuple[str, ...] = SHOPIFY, delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def run(sessions: Sessions, path: Path, profile: str = "shopify", **more: Any) -> ImportReport:
    options: dict[str, Any] = {"currency": "EUR", "dry_run": False, "clock": FixedClock(NOW), **more}
    return import_products(sessions, path, profile, **options)


def lines(report: ImportReport) -> list[tuple[int, str, str, str]]:
    """(line, subject, key, result) of every result."""
    return [(r.line, r.subject, r.key, r.result) for r in report.results]


def errors(report: ImportReport) -> list[tuple[int, str, str]]:
    """(line, column, cause) of every error."""
    return [(r.line, r.field, r.cause) for r in report.problems()]
