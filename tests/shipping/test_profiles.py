"""Layouts: what a cell may hold, and what keeps an order out of a file."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.kernel.money import Money
from hub.shipping import countries
from hub.shipping.profiles import (
    EXCEL,
    GENERIC,
    PROFILES,
    SHIPSTATION,
    SOURCES,
    Column,
    Fact,
    Profile,
    file_of,
    guard,
    render,
    unguard,
)

FACTS: dict[str, Fact] = {
    "order.hub_id": 1, "order.number": "A-1", "order.placed": datetime(2026, 11, 22, 9, 5, tzinfo=UTC),
    "ship.name": "Ana", "ship.line1": "Way 1", "ship.city": "Ulm", "ship.country": "DE", "line.quantity": 1,
}  # fmt: skip


def cell(column: Column, value: Fact) -> str:
    rows, problems = render(Profile(name="x", title="", columns=(column,)), [{column.source: value}])
    assert problems == []
    return rows[0][0]


def test_every_column_shows_something_there_is_and_only_notes_may_be_cut() -> None:
    for profile in PROFILES.values():
        headers = [column.header for column in profile.columns]
        assert len(set(headers)) == len(headers)
        for column in profile.columns:
            assert column.source in SOURCES or column.fixed, column
            assert not column.cut or column.source == "order.note", column


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=1+1", "'=1+1"), ("+cmd", "'+cmd"), ("-x", "'-x"), ("@SUM(A1)", "'@SUM(A1)"), ("\tx", "'\tx"), ("\rx", "'\rx"),
        ("＝1", "'＝1"), ("\u200b=1", "'\u200b=1"), (" =1", "' =1"), ("-5", "-5"), ("+49301234", "+49301234"),
        ("-5.00", "-5.00"), ("1,5", "1,5"), ("'s-Hertogenbosch", "'s-Hertogenbosch"), ("", ""), ("-", "'-"),
        ("-1-1", "'-1-1"),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_calculate_gets_an_apostrophe(text: str, expected: str) -> None:
    assert guard(text) == expected
    assert unguard(expected) == text


@given(st.lists(st.lists(st.text(), min_size=8, max_size=8), max_size=5))
def test_whatever_is_in_the_cells_the_file_reads_back_as_it_was_written(rows: list[list[str]]) -> None:
    columns = tuple(Column(header=f"h{n}", source="line.title") for n in range(8))
    profile = Profile(name="x", title="", columns=columns)
    cells = [
        [(render(Profile(name="y", title="", columns=columns[:1]), [{"line.title": text}])[0][0][0]) for text in row]
        for row in rows
    ]
    text = file_of(profile, cells)
    assert list(csv.reader(io.StringIO(text, newline="")))[1:] == cells
    assert text.encode().endswith(b"\r\n")
    for value in (value for row in cells for value in row):
        assert not value.startswith(("=", "@", "\t", "\r", "＝"))
        assert "\r" not in value
        assert "\x00" not in value


def test_weights_dates_money_and_countries_in_the_forms_of_the_layout() -> None:
    weights = [cell(Column(header="w", source="line.weight", unit=unit), 1250) for unit in ("g", "kg", "oz", "lb")]
    assert weights == ["1250", "1.25", "44.092", "2.756"]
    at = datetime(2026, 11, 22, 9, 5, 7, tzinfo=UTC)
    assert cell(Column(header="d", source="order.placed", date="%d/%m/%Y"), at) == "22/11/2026"
    assert cell(Column(header="m", source="order.total"), Money(minor=-1299, currency="EUR")) == "-12.99"
    assert cell(Column(header="m", source="order.total"), Money(minor=1299, currency="JPY")) == "1299"
    forms = [
        cell(Column(header="c", source="ship.country", country=form), "gb") for form in ("alpha2", "alpha3", "name")
    ]
    assert forms == ["GB", "GBR", "United Kingdom"]
    assert (countries.name("DE"), countries.alpha3("XK"), countries.name("ZZ"), countries.is_country("de")) == (
        "Germany", "XKX", None, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("+49 (0)30 12-34", "+49301234"), ("0049 30 1234", "0049 30 1234"), ("030/1234", "030/1234"),
        ("+49 30 12 ext. 5", "'+49 30 12 ext. 5"), ("", ""),
    ],
)  # fmt: skip
def test_phones_keep_their_zeros_and_need_no_apostrophe(phone: str, expected: str) -> None:
    assert cell(Column(header="p", source="ship.phone"), phone) == expected


@pytest.mark.parametrize(
    "column", [c for c in SHIPSTATION.columns if c.limit and c.source.startswith(("ship.", "line."))]
)
def test_a_value_as_long_as_the_limit_fits_and_one_more_is_a_problem_with_a_name(column: Column) -> None:
    if column.source in ("ship.country", "line.unit_price", "line.weight", "line.quantity", "line.hub_id"):
        return
    fits, over = FACTS | {column.source: "x" * column.limit}, FACTS | {column.source: "x" * (column.limit + 1)}
    assert render(SHIPSTATION, [fits])[1] == []
    (problem,) = render(SHIPSTATION, [over])[1]
    assert problem.field == column.header
    assert problem.cause == f"{column.header} has {column.limit + 1} characters, {column.limit} fit"


def test_an_apostrophe_counts_and_a_note_is_cut_to_the_very_limit() -> None:
    over = FACTS | {"ship.name": "=" + "x" * 99}
    assert render(SHIPSTATION, [over])[1][0].cause == "Ship To - Name has 101 characters, 100 fit"
    rows, problems = render(SHIPSTATION, [FACTS | {"order.note": "n\n" * 900}])
    note = rows[0][[c.header for c in SHIPSTATION.columns].index("Customer Notes")]
    assert problems == []
    assert len(note) == 1_000
    assert note.endswith("…")


def test_the_excel_layout_begins_with_the_mark_and_generic_does_not() -> None:
    assert file_of(EXCEL, []).encode().startswith(b"\xef\xbb\xbfhub_order_id,")
    assert file_of(GENERIC, []).encode().startswith(b"hub_order_id,")
