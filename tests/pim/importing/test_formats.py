"""XLSX and JSON lines beside CSV: the same catalogue in each, and everything odd that a workbook can hold."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.pim.attributes.models import Attribute, Locale
from hub.pim.importing.run import Options
from hub.pim.importing.sources import Wish
from hub.pim.models import Product, StockPosition, Variant
from tests.support.builders import a_location
from tests.support.import_files import errors, lines, run, write

HEADER = ["handle", "title", "sku", "price", "gtin", "attribute:harvest", "weight"]


def workbook(path: Path, rows: Sequence[Sequence[object]], *, sheet: str = "Wines", merge: str = "") -> Path:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in rows:
        page.append(list(row))
    if merge:
        page.merge_cells(merge)
    book.save(path)
    return path


def test_a_workbook_is_read_without_loss(sessions: Sessions, tmp_path: Path) -> None:
    day = dt.datetime(2026, 9, 30)
    path = workbook(
        tmp_path / "x.xlsx",
        [
            ["Our wines"], HEADER, ["wine", "Wein «Ü» 😀", "W-1", 12.9, 4006381333931, day, "1.3 kg"], [None],
            ["two", 2026, 7, 5, None, dt.time(8, 30), None],
        ],
    )  # fmt: skip
    report = run(sessions, path, "hub")
    assert (errors(report), report.format, report.sheet, report.rows) == ([], "xlsx", "Wines", 2)
    assert lines(report) == [
        (3, "product", "wine", "created"), (3, "variant", "W-1", "created"),
        (5, "product", "two", "created"), (5, "variant", "7", "created"),
    ]  # fmt: skip
    with reading(sessions) as session:
        wine, two = session.scalars(select(Product).order_by(Product.id)).all()
        assert (wine.title, wine.values, two.title) == ("Wein «Ü» 😀", {"harvest": {"": "2026-09-30"}}, "2026")
        first, second = session.scalars(select(Variant).order_by(Variant.id)).all()
        assert (first.price_minor, first.gtin, first.weight_g) == (1290, "4006381333931", 1300)
        assert (second.price_minor, two.values) == (500, {"harvest": {"": "08:30:00"}})


def test_formulas_and_error_cells_are_located_errors(sessions: Sessions, tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", [HEADER, ["a", "=B1", "A", 1], ["b", "B", "B", "#N/A"], ["c", "C", "C", 1]])
    report = run(sessions, path, "hub")
    assert errors(report) == [
        (2, "title", "'=B1' is a formula, not a value"), (2, "", "the product a was left out"),
        (3, "price", "#N/A is an error of the spreadsheet, not a value"),
    ]  # fmt: skip
    assert lines(report)[-1] == (4, "variant", "C", "created")


def test_merged_cells_are_refused_where_they_are(sessions: Sessions, tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", [HEADER, ["a", "A", "A", 1], ["b", "B", "B", 2]], merge="B3:B4")
    report = run(sessions, path, "hub")
    assert errors(report) == [(3, "", "cells are merged here (B3:B4): only one has the value")]
    assert report.variants["created"] == 1


def test_the_sheet_can_be_chosen_and_an_amazon_template_is_found(sessions: Sessions, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Template").append(HEADER)
    book["Template"].append(["a", "A", "A", 1])
    book.create_sheet("Other").append(HEADER)
    book.save(tmp_path / "x.xlsx")
    assert run(sessions, tmp_path / "x.xlsx", "hub").sheet == "Template"
    options = Options(currency="EUR", wish=Wish(sheet="Nowhere"))
    with pytest.raises(Exception, match="there is no sheet 'Nowhere'"):
        run(sessions, tmp_path / "x.xlsx", "hub", options=options)


def _zip(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
KINDS = (
    b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" '
    b'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (_zip({"a.txt": b"x"}), "the file is a zip archive, not a workbook"),
        (_zip({"[Content_Types].xml": KINDS, "xl/worksheets/sheet1.xml": b"0" * 40_000_000}),
         "the workbook would take too much to unpack"),
        (_zip({"[Content_Types].xml": b"<broken"}), "the workbook is damaged (ParseError)"),
        (b"PK\x03\x04" + b"\0" * 200, "the file is not a workbook, or it is damaged"),
    ],
)  # fmt: skip
def test_a_workbook_that_is_none_or_a_bomb_is_one_error_of_the_file(
    sessions: Sessions, tmp_path: Path, content: bytes, cause: str
) -> None:
    report = run(sessions, write(tmp_path / "x.xlsx", content), "hub")
    assert [(line, field) for line, field, _ in errors(report)] == [(1, "file")]
    assert report.problems()[0].cause.partition(" (")[0] == cause.partition(" (")[0]
    assert report.rows == 0


def test_entities_in_a_sheet_are_not_expanded(sessions: Sessions, tmp_path: Path) -> None:
    good = workbook(tmp_path / "good.xlsx", [HEADER, ["a", "A", "A", 1]])
    with zipfile.ZipFile(good) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = ENTITIES + sheet.replace(b"<v>1</v>", b"<v>&b;</v>")
    report = run(sessions, write(tmp_path / "x.xlsx", _zip(parts)), "hub")
    assert [line for line, _, _ in errors(report)] == [1]
    assert "is damaged" in report.problems()[0].cause
    assert report.rows == 0


def test_json_lines_bring_products_with_variants_values_and_stock(sessions: Sessions, tmp_path: Path) -> None:
    with unit(sessions) as session:
        a_location(session, code="main")
        session.add(Locale(code="de", label="Deutsch", fallback="", position=0))
        session.add(
            Attribute(code="notes", label="Notes", labels={}, help="", type="lines", unit="", localisable=False,
                      per_channel=True, filterable=False, searchable=True, system=False, rules={}, position=0)
        )  # fmt: skip
    found = [
        {
            "handle": "riesling", "title": {"": "Riesling", "de": "Riesling trocken"}, "state": "approved",
            "tags": ["dry, but fruity", "steep"], "images": ["https://p.example/1.jpg", "https://p.example/2.jpg"],
            "bullet_points": ["One", "Two"], "values": {"notes": {"@amazon": ["peach", "slate"]}},
            "variants": [
                {"sku": "R-75", "price": 12.9, "options": {"Size": "75 cl"}, "stock": {"main": 4}},
                {"sku": "R-150", "price": "29.00", "options": {"Size": "150 cl"}, "values": {"notes": ["big"]}},
            ],
        },
        {"handle": "mug", "title": "Mug", "sku": "MUG", "price": 5},
    ]  # fmt: skip
    path = write(tmp_path / "x.jsonl", "\n".join(json.dumps(one, ensure_ascii=False) for one in found) + "\nnonsense\n")
    report = run(sessions, path, "hub")
    assert report.format == "jsonl"
    assert [(line, cause[:24]) for line, _, cause in errors(report)] == [(3, "the line is not JSON: JS")]
    assert report.variants["created"] == 3
    with reading(sessions) as session:
        riesling, mug = session.scalars(select(Product).order_by(Product.id)).all()
        assert riesling.tags == ["dry, but fruity", "steep"]
        assert riesling.images == ["https://p.example/1.jpg", "https://p.example/2.jpg"]
        assert riesling.values == {
            "title": {"de": "Riesling trocken"}, "bullet_points": {"": ["One", "Two"]},
            "notes": {"@amazon": ["peach", "slate"]},
        }  # fmt: skip
        assert (riesling.state, riesling.axes, mug.state, mug.axes) == ("approved", ["Size"], "draft", [])
        small, large, _ = session.scalars(select(Variant).order_by(Variant.id)).all()
        assert (small.options, small.price_minor, large.price_minor) == ({"Size": "75 cl"}, 1290, 2900)
        assert large.values == {"notes": {"": ["big"]}}
        assert session.scalars(select(StockPosition.on_hand)).all() == [4]


def test_a_key_that_a_json_line_lacks_is_not_an_empty_cell(sessions: Sessions, tmp_path: Path) -> None:
    first = '{"handle":"a","title":"A","brand":"Acme","sku":"A","price":1}\n{"handle":"b","title":"B","brand":"Acme","sku":"B","price":1}\n'
    run(sessions, write(tmp_path / "1.jsonl", first), "hub")
    second = (
        '{"handle":"a","title":"A","brand":"","sku":"A","price":1}\n{"handle":"b","title":"B","sku":"B","price":1}\n'
    )
    again = write(tmp_path / "2.jsonl", second)
    kept = run(sessions, again, "hub")
    assert {r.result for r in kept.results} == {"unchanged"}
    cleared = run(sessions, again, "hub", options=Options(currency="EUR", clear=True))
    changed = [(r.key, dict(r.changes)) for r in cleared.results if r.result == "updated"]
    assert changed == [("a", {"brand": ("Acme", "")})]


def test_depth_and_length_of_json_are_bounded(sessions: Sessions, tmp_path: Path) -> None:
    deep = "[" * 100_000
    text = f'{{"handle":"a","title":"A","sku":"A","price":1}}\n{{"x":{deep}\n{{"y":"{"x" * 4_100_000}"}}\n[1]\n'
    report = run(sessions, write(tmp_path / "x.jsonl", text), "hub")
    assert [line for line, _, _ in errors(report)] == [2, 3, 4]
    assert report.variants["created"] == 1
