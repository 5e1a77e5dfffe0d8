"""Files that are broken, or meant to break us: always a located error, never a traceback, and nothing half done."""

from __future__ import annotations

import csv
import itertools
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.db.session import Sessions, reading
from hub.pim.importing import ImportReport
from hub.pim.models import Variant
from tests.support.import_files import SHOPIFY, csv_text, errors, run, shopify_row, write

GOOD = "good,Good,,,,,,,,,,,G-1,10,1,9.99,,,,,,\r\n"
HEADER = ",".join(SHOPIFY) + "\r\n"


@pytest.mark.parametrize(
    ("content", "line", "cause"),
    [
        (b"", 1, "the file is empty"),
        (b"\r\n\r\n  \r\n", 1, "there is nothing but empty lines in the file"),
        (b"\xef\xbb\xbf", 1, "there is nothing but empty lines in the file"),
        (b"Handle,Variant Price\n", 1, "the column 'title' is missing; the first row has: Handle, Variant Price"),
        (b"\n\nHandle,Title,Variant Price,title\n", 3, "the column 'title' is there twice (columns 2 and 4)"),
        (b'"Handle,Title\n', 1, "the file ends inside a quoted cell"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", 1, None),
        (b"\x00" * 5000, 1, None),
    ],
)
def test_a_file_that_is_no_product_file_is_one_located_error(
    sessions: Sessions, tmp_path: Path, content: bytes, line: int, cause: str | None
) -> None:
    report = run(sessions, write(tmp_path / "x.csv", content))
    assert report.errors >= 1
    assert report.problems()[0].line == line
    assert cause is None or report.problems()[0].cause == cause
    assert report.rows == 0


@pytest.mark.parametrize(
    ("row", "field", "cause"),
    [
        ("bad,Bad\0title,,,,,,,,,,,B,,,1,,,,,,", "Title", "Title contains the character U+0000, which is not text"),
        ("bad,=HYPERLINK(1),,,,,,,,,,,B,,,1,,,,,,", "Title", "'=HYPERLINK(1)' is a formula, not a value"),
        ("bad,Bad,,@SUM(A1),,,,,,,,,B,,,1,,,,,,", "Vendor", "'@SUM(A1)' is a formula, not a value"),
        ("bad,Bad,,+cmd|'x'!A0,,,,,,,,,B,,,1,,,,,,", "Vendor", "\"+cmd|'x'!A0\" is a formula, not a value"),
        ("bad,Bad,,,,,,,,,,,B,,,=1+1,,,,,,", "Variant Price", "'=1+1' is a formula, not a value"),
        ("bad,Bad,,,,,,,,,,,B,,,NaN,,,,,,", "Variant Price", "'NaN' is not a number"),
        ("bad,Bad,,,,,,,,,,,B,,,1e99,,,,,,", "Variant Price", "'1e99' is not a number"),
        ("bad,Bad,,,,,,,,,,,B,,,99999999.99,,,,,,", "Variant Price", "99999999.99 is too much"),
        ("bad,Bad,,,,,,,,,,,B,,9999999999,1,,,,,,", "Variant Inventory Qty", "'9999999999' is not a number of things"),
        ("bad,Bad,,,,,,,,,,,B,,,1,4.00638E+12,,,,,",
         "Variant Barcode", "4.00638E+12 was shortened by a spreadsheet and its digits are lost"),
        ("bad,Bad,,,,,,,,,,,B,,,1,,http://[::1,,,,", "Image Src", "'http://[::1' is not the web address of a picture"),
        ("bad,Bad,,,,,,,,,,,B,,,1", "", "this row has 16 cells, the first row has 22"),
        ("bad,Bad,,,,,,,,,,,B,,,1,,,,,,,,,,", "", "this row has 26 cells, the first row has 22"),
        ("b d,Bad,,,,,,,,,,,B,,,1,,,,,,", "Handle", "a handle has no spaces and no slashes: 'b d'"),
        ('bad,"Bad" title,,,,,,,,,,,B,,,1,,,,,,', "", "there is text after the closing quotation mark of a cell"),
        ("bad," + "x" * 1_000_000 + ",,,,,,,,,,,B,,,1,,,,,,", "", "a cell has more than 131,072 characters"),
        ("bad," + "x" * 5_000_000, "", "a row has more than 4,000,000 characters"),
        ("bad," + "x" * 20_000 + ",,,,,,,,,,,B,,,1,,,,,,",
         "Title", "Title has 20,000 characters; at most 500 are possible"),
    ],
    ids=itertools.count(),
)  # fmt: skip
def test_a_hostile_row_is_one_located_error_and_its_neighbours_come_in(
    sessions: Sessions, tmp_path: Path, row: str, field: str, cause: str
) -> None:
    after = GOOD.replace("good", "after").replace("G-1", "A-1")
    report = run(sessions, write(tmp_path / "x.csv", f"{HEADER}{GOOD}{row}\n{after}"))
    found = errors(report)
    assert found[0] == (3, field, cause)
    assert {line for line, _, _ in found} == {3}
    assert all(problem.fix for problem in report.problems())
    with reading(sessions) as session:
        assert session.scalars(select(Variant.sku).order_by(Variant.id)).all() == ["G-1", "A-1"]


def test_a_quote_that_is_never_closed_costs_the_lines_it_swallowed_and_says_so(
    sessions: Sessions, tmp_path: Path
) -> None:
    after = GOOD.replace("good", "after").replace("G-1", "A-1")
    rows = f'{GOOD}bad,"Bad,,,,,,,,,,,B,,,1,,,,,,\r\n{after}'
    report = run(sessions, write(tmp_path / "x.csv", HEADER + rows))
    assert errors(report) == [(3, "", "the file ends inside a quoted cell; lines 3 to 4 are lost with it")]
    with reading(sessions) as session:
        assert session.scalars(select(Variant.sku)).all() == ["G-1"]


def test_mixed_line_ends_and_quoted_line_breaks_keep_the_line_numbers(sessions: Sessions, tmp_path: Path) -> None:
    text = (
        f'{HEADER}a,A,"<p>one\ntwo\r\nthree</p>",,,,,,,,,,A,,,1,,,,,,\r\n'
        "b,B,,,,,,,,,,,B,,,1,,,,,,\n"
        "\r\n"
        "c,C,,,,,,,,,,,C,,,wrong,,,,,,\r"
        "d,D,,,,,,,,,,,D,,,1,,,,,,"
    )
    report = run(sessions, write(tmp_path / "x.csv", text))
    assert errors(report) == [(7, "Variant Price", "'wrong' is not a number")]
    assert [r.line for r in report.results if r.subject == "variant"] == [2, 5, 7, 8]


def test_a_product_of_far_too_many_rows_is_cut_with_an_error_per_row(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.pim.importing.run.PRODUCT_ROWS_MAX", 3)
    rows = [shopify_row("p", title="P" if n == 0 else "", o1n="N", o1=str(n), price="1") for n in range(5)]
    report = run(sessions, write(tmp_path / "x.csv", csv_text(rows)))
    assert errors(report) == [
        (5, "Handle", "the product p has more than 3 rows"), (6, "Handle", "the product p has more than 3 rows"),
    ]  # fmt: skip
    assert report.variants["created"] == 3


def test_memory_stays_bounded_in_a_file_of_errors(sessions: Sessions, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        handle.write(HEADER)
        handle.writelines(f"{'h' * 150}-{n} x,T\r\n" for n in range(25_000))
    tracemalloc.start()
    report = run(sessions, path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (report.errors, report.bad_rows, report.omitted) == (25_000, 25_000, 15_000)
    assert len(report.results) == 10_000
    assert peak < 32_000_000


def sound(report: ImportReport, data: bytes) -> None:
    """What holds for every file whatever is in it."""
    breaks = data.count(b"\n") + data.count(b"\r") + 2
    for result in report.results:
        assert 1 <= result.line <= breaks
        assert (result.result == "error") == bool(result.cause)
        assert bool(result.cause) == bool(result.fix)
    bad = {r.line for r in report.problems()}
    assert report.bad_rows == len(bad)
    assert report.errors == len(report.problems())
    taken = [r.line for r in report.results if r.subject == "variant" and r.result != "error"]
    assert len(taken) == len(set(taken)) == sum(report.variants.values())
    assert bad.isdisjoint(taken)


fuzz = settings(
    max_examples=120,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
_names = itertools.count()


@fuzz
@given(data=st.binary(max_size=400), encoding=st.sampled_from(["", "utf-8", "utf-16", "utf-16-le"]))
@example(data=b'"' * 99, encoding="utf-8")
def test_any_bytes_after_a_header_are_rows_or_located_errors(
    sessions: Sessions, tmp_path: Path, data: bytes, encoding: str
) -> None:
    content = HEADER.encode(encoding) + data if encoding else data
    report = run(sessions, write(tmp_path / f"{next(_names)}.csv", content), dry_run=True)
    sound(report, content)


ODD = st.one_of(
    st.sampled_from(
        ["", "=1", "-1", "\0", "\ud7ff", "�", '"', "''", "<script>", "a\nb", "\u202e", "😀" * 30, "x" * 600, "１２",
         "1e5", "1,299", "kg", "0", "Default Title"]
    ),
    st.text(max_size=12),
)  # fmt: skip
USUAL = {
    "Title": ["", "Shirt"], "Body (HTML)": ["<p>a</p>", "a & b", ""], "Option1 Name": ["Size", "", "Title"],
    "Option1 Value": ["S", "M", "L", "Default Title"], "Option2 Value": [""], "Option2 Name": [""],
    "Option3 Name": [""], "Option3 Value": [""], "Variant SKU": ["", "A-1", "A-2", "ü 3"],
    "Variant Grams": ["0", "250", "1.5"], "Variant Inventory Qty": ["", "0", "7", "12.0"],
    "Variant Price": ["9.99", "1.299,50", "5", ""], "Variant Barcode": ["", "4006381333931", "'73513537"],
    "Image Src": ["", "https://pictures.example/a.jpg"], "Image Position": ["", "1", "2", "x"], "Variant Image": [""],
    "Cost per item": ["", "3"],
}  # fmt: skip
ROW = st.tuples(
    st.sampled_from(["a", "a", "a", "b", "c", "", "A b"]),
    st.tuples(*(st.sampled_from(USUAL.get(name, ["", "word"])) for name in SHOPIFY[1:])),
    st.dictionaries(st.integers(0, len(SHOPIFY) - 2), ODD, max_size=2),
)


@fuzz
@given(rows=st.lists(ROW, min_size=1, max_size=8), delimiter=st.sampled_from([",", ";", "\t"]))
def test_any_cells_are_taken_or_refused_and_the_second_time_nothing_changes(
    sessions: Sessions, tmp_path: Path, rows: list[tuple[str, tuple[str, ...], dict[int, str]]], delimiter: str
) -> None:
    number = next(_names)
    good = {"Handle": f"good-{number}", "Title": "Good", "Variant Price": "5", "Variant SKU": f"GOOD-{number}"}
    path = tmp_path / f"{number}.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, delimiter=delimiter)
        writer.writerow(SHOPIFY)
        for key, usual, odd in rows:
            cells = [odd.get(index, text) for index, text in enumerate(usual)]
            if cells[11]:
                cells[11] += f"-{number}"  # SKUs of this example only
            writer.writerow([key and f"{key}-{number}", *cells])
        writer.writerow([good.get(name, "") for name in SHOPIFY])
    first = run(sessions, path)
    sound(first, path.read_bytes())
    second = run(sessions, path)
    sound(second, path.read_bytes())
    assert {r.result for r in second.results} <= {"unchanged", "error"}
    assert first.problems() == second.problems()
    assert [(r.line, r.subject, r.key) for r in first.results] == [(r.line, r.subject, r.key) for r in second.results]
    assert second.opening_units == 0
    assert (first.results[-1].key, first.results[-1].result) == (f"GOOD-{number}", "created")
