"""Ten thousand files that nobody meant well: read and parsed without a database, always into rows or located errors.

What the database does with the rows is the subject of tests/pim/test_import_hostile.py.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hub.kernel.errors import Invalid
from hub.pim.importing.catalogue_layouts import LAYOUTS
from hub.pim.importing.engine import Engine, Plan
from hub.pim.importing.layouts import Opening
from hub.pim.importing.parse import ParsedProduct
from hub.pim.importing.report import RowResult
from hub.pim.importing.variants import Reading

_names = itertools.count()
HEADERS = {
    "hub": "handle,title,sku,price,gtin,weight,tags,images,option1_name,option1_value,value:notes,title:de,components,stock:a",
    "shopify": "Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src,Status,Published",
    "woocommerce": "ID,Type,SKU,Name,Parent,Regular price,Images,Categories,Attribute 1 name,Attribute 1 value(s),Weight (kg)",
    "akeneo": "sku,code,family_variant,family,parent,enabled,categories,name-en_US,name-de_DE,color,size,price-EUR,weight,weight-unit",
    "amazon": "item_sku,item_name,parent_child,parent_sku,variation_theme,standard_price,color_name,size_name,main_image_url",
}  # fmt: skip


pytestmark = pytest.mark.timeout(600)  # 10,000 cases take half a minute of one quiet core


def fuzz(cases: int) -> settings:
    return settings(
        max_examples=cases, derandomize=True, deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip


def read(path: Path, layout: str, clear: bool = False) -> tuple[list[ParsedProduct], list[RowResult]]:
    refused: list[RowResult] = []
    plan = Plan(path=path, layout=LAYOUTS[layout], opening=Opening(currency="EUR", locales=("de",)))
    products: list[ParsedProduct] = []
    try:
        engine = Engine(plan, refused.extend, product_rows_max=50)
    except Invalid as problem:
        if problem.field != "file":  # nothing but a file that is no workbook is refused as a whole
            raise
        return [], []
    with engine:
        if engine.open() is not None:
            while not engine.read(100):
                pass
            for batch in engine.batches(Reading(currency="EUR", opening_location="main", clear=clear)):
                products.extend(batch.products)
    return products, refused


def sound(products: list[ParsedProduct], refused: list[RowResult], last_line: int) -> None:
    """What holds whatever is in the file."""
    problems = [*refused, *(problem for product in products for problem in product.problems)]
    for problem in problems:
        assert 1 <= problem.line <= last_line
        assert problem.result == "error"
        assert problem.cause
        assert problem.fix
    skus = [variant.facts.sku for product in products for variant in product.variants]
    assert len(skus) == len(set(skus))
    bad = {problem.line for problem in problems if problem.subject == "variant"}
    for product in products:
        assert product.facts is not None or product.problems
        assert all(1 <= variant.line <= last_line and variant.line not in bad for variant in product.variants)


def lines_of(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") + data.count(b"\x0a\x00") + 3


@fuzz(4_000)
@given(
    data=st.binary(max_size=300), layout=st.sampled_from(sorted(HEADERS)),
    encoding=st.sampled_from(["", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]), clear=st.booleans(),
)  # fmt: skip
@example(data=b"\x00" * 200, layout="hub", encoding="utf-8", clear=False)
@example(data=b'"' * 99, layout="shopify", encoding="utf-16", clear=True)
def test_any_bytes_below_a_header(tmp_path: Path, data: bytes, layout: str, encoding: str, clear: bool) -> None:
    content = (HEADERS[layout] + "\r\n").encode(encoding) + data if encoding else data
    path = tmp_path / str(next(_names))
    path.write_bytes(content)
    sound(*read(path, layout, clear), lines_of(content))
    path.unlink()


ODD = st.one_of(
    st.sampled_from(
        ["", "=1+1", "-1", "\0", "�", '"', "''", "<script>x</script>", "a\nb", "\u202e", "😀" * 30, "x" * 600, "１２", "1e5",
         "1,299", "kg", "0", "Default Title", "id:44", "parent", "Child", "variation", "variable", "grouped", "[", "[[]]",
         '["a"]', "{}", "A:2|B:0", "a > b, c", "\\,", "#N/A", "de@amazon", "a b/c", "true", "1"]
    ),
    st.text(max_size=8),
)  # fmt: skip
GOOD = {
    "handle": "h", "title": "T", "sku": "S", "price": "1.50", "Handle": "h", "Title": "T", "Variant SKU": "S",
    "Variant Price": "2", "Type": "simple", "Name": "N", "SKU": "S", "Regular price": "3", "ID": "44",
    "item_sku": "S", "item_name": "N", "standard_price": "4", "name-en_US": "N", "price-EUR": "5", "enabled": "1",
}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[list[str]]]:
    layout = draw(st.sampled_from(sorted(HEADERS)))
    header = HEADERS[layout].split(",")
    rows = [header]
    if draw(st.integers(0, 9)) == 0:  # headings twice, missing, in another order
        rows[0] = draw(st.lists(st.sampled_from([*header, "", "?"]), min_size=1, max_size=len(header) + 2))
    for n in range(draw(st.integers(1, 6))):
        cells = [
            GOOD.get(name, "") + (str(n) if name in ("sku", "SKU", "Variant SKU", "item_sku") else "")
            for name in header
        ]
        for place in draw(st.lists(st.integers(0, len(header) - 1), max_size=4)):
            cells[place] = draw(ODD)
        rows.append(
            cells[: draw(st.sampled_from([len(header)] * 8 + [2]))] + draw(st.sampled_from([[]] * 8 + [["more"]]))
        )
    return layout, rows


@fuzz(4_000)
@given(table=tables(), delimiter=st.sampled_from([",", ";", "\t"]), clear=st.booleans())
def test_any_cells_under_any_header(
    tmp_path: Path, table: tuple[str, list[list[str]]], delimiter: str, clear: bool
) -> None:
    layout, rows = table
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    content = out.getvalue().encode("utf-8", "surrogatepass")
    path = tmp_path / str(next(_names))
    path.write_bytes(content)
    sound(*read(path, layout, clear), lines_of(content))
    path.unlink()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        "handle",
        "title",
        "sku",
        "price",
        "variants",
        "options",
        "values",
        "stock",
        "tags",
        "images",
        "bullet_points",
        "gtin",
    ]
)


@fuzz(1_500)
@given(
    things=st.lists(st.dictionaries(KEYS, JSON, max_size=6) | JSON, min_size=1, max_size=4),
    odd=st.binary(max_size=20), good=st.booleans(),
)  # fmt: skip
def test_any_json_lines(tmp_path: Path, things: list[object], odd: bytes, good: bool) -> None:
    first = [{"handle": "h", "title": "T", "sku": "S", "price": 1}] if good else []
    text = "\n".join(json.dumps(thing) for thing in [*first, *things]).encode() + b"\n{" + odd + b"\n"
    path = tmp_path / str(next(_names))
    path.write_bytes(text)
    sound(*read(path, "hub"), text.count(b"\n") + 2)
    path.unlink()


@pytest.fixture(scope="module")
def parts() -> dict[str, bytes]:
    """The parts of a small sound workbook."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in ([*HEADERS["hub"].split(",")[:4]], ["h", "T", "S", 1.5], ["h2", "T2", "S2", "=A1"]):
        page.append(row)
    page.merge_cells("A3:B3")
    out = io.BytesIO()
    book.save(out)
    with zipfile.ZipFile(out) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def damaged(parts: dict[str, bytes], name: str, at: float, cut: int, put: bytes) -> Iterator[tuple[str, bytes]]:
    for part, content in parts.items():
        place = int(at * len(content))
        yield part, content if part != name else content[:place] + put + content[place + cut :]


@fuzz(500)
@given(
    name=st.sampled_from(
        ["[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml", "_rels/.rels",
         "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml"]
    ),
    at=st.floats(0, 1), cut=st.integers(0, 60), torn=st.booleans(),
    put=st.sampled_from([b"", b"<", b"&x;", b'"', b"</row>", b"\x00", b"-9999999999", b"<!DOCTYPE a>", b'r="ZZZ9999999"'])
    | st.binary(max_size=12),
)  # fmt: skip
def test_any_damage_to_a_workbook(
    tmp_path: Path, parts: dict[str, bytes], name: str, at: float, cut: int, torn: bool, put: bytes
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in damaged(parts, name, at, cut, put):
            archive.writestr(part, content)
    data = out.getvalue()
    path = tmp_path / f"{next(_names)}.xlsx"
    path.write_bytes(data[: int(len(data) * max(at, 0.1))] if torn else data)
    sound(*read(path, "hub"), 1_048_577)
    path.unlink()
