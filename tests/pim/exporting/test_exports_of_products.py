"""Exports: read back by the import they change nothing; a spreadsheet calculates nothing; a killed one goes on."""

from __future__ import annotations

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from hub.db.session import Sessions, unit
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Invalid
from hub.kernel.money import Money
from hub.pim.bulk.selection import Selection
from hub.pim.exporting import run as exporting
from hub.pim.exporting import text
from hub.pim.exporting.layouts import LAYOUTS
from hub.pim.facts import ProductFacts, VariantFacts, checked_product
from hub.pim.importing import ImportReport, import_products
from hub.pim.importing.catalogue_layouts import LAYOUTS as READ
from hub.pim.importing.cells import unguarded
from hub.pim.jobs import run
from hub.pim.kits.edit import SetKit, remove_kit, set_kit
from hub.pim.kits.reads import kit_of
from tests.support import catalogue
from tests.support.builders import a_variant
from tests.support.catalogue import ANNA, snapshot, some, write

FORMS = [pytest.param(*pair, id="-".join(pair)) for pair in exporting.forms()]
_names = itertools.count()


def export(
    sessions: Sessions, clock: FixedClock, path: Path, profile: str = "hub", form: str = "csv",
    chosen: Selection | None = None,
) -> dict[str, Any]:  # fmt: skip
    with unit(sessions) as session:
        job = exporting.start(session, path, profile, form, ANNA, clock.now(), chosen=chosen).id
    assert run.run(sessions, clock, job) == "done", run.view(sessions, job).error
    return dict(run.view(sessions, job).report)


def read_back(sessions: Sessions, clock: FixedClock, path: Path, profile: str = "hub") -> ImportReport:
    return import_products(sessions, path, profile, currency="EUR", dry_run=True, clock=clock)


def nothing_changes(report: ImportReport, products: int, variants: int) -> None:
    assert [row for row in report.results if row.result != "unchanged"] == []
    assert report.products == {"created": 0, "updated": 0, "unchanged": products}
    assert report.variants == {"created": 0, "updated": 0, "unchanged": variants}


def ready(sessions: Sessions) -> None:
    with unit(sessions) as session:
        catalogue.definitions(session)


FULL = ProductFacts(
    handle="-=wein", title="=1+1", description="<p>«Ψωμί» &amp; ขนมปัง</p>", brand="@brand(x)", category="'=already",
    axes=("Größe", "Farbe"), images=("https://example.com/a.jpg", "https://example.com/b|c.jpg"), tags=("a, b", "c"),
    state="approved", stock_class="finished",
    values={
        "title": {"de": "-Wein", "th": "ไวน์"}, "description": {"de": "<b>Hallo</b>"}, "bullet_points": {"": ["one", "two|2"]},
        "keywords": {"th": ["ก", "ข"]}, "material": {"": '["oak"]', "de@amazon": "'=Eiche", "@ebay": "#N/A"},
        "vintage": {"": "-5"}, "colour": {"": "red"}, "features": {"": ["red", "blue"]}, "organic": {"": False},
        "released": {"": "2026-11-22"}, "deposit": {"": "0.25 EUR"}, "care": {"de": ["30°, nicht bleichen"]},
    },
)  # fmt: skip
FULL_VARIANTS = [
    VariantFacts(
        sku="+1(2)", handle="-=wein", price=Money(minor=1299, currency="EUR"), options={"Größe": "L", "Farbe": "rot"},
        gtin="4006381333931", cost=Money(minor=5, currency="EUR"), weight_g=1500, length_mm=10, width_mm=20, height_mm=30,
        image="https://example.com/a.jpg", values={"material": {"": "ash", "de": "Esche"}},
    ),
    VariantFacts(sku="B", handle="-=wein", price=Money(minor=500, currency="JPY"), options={"Größe": "S", "Farbe": "-"}),
]  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "xlsx", "jsonl"])
def test_everything_comes_back_as_it_was(sessions: Sessions, clock: FixedClock, tmp_path: Path, form: str) -> None:
    ready(sessions)
    write(sessions, [FULL], FULL_VARIANTS)
    write(sessions, *some(2))
    with unit(sessions) as session:
        a_variant(session, sku="STOCK", stock=7)
    path = tmp_path / f"out.{form}"
    report = export(sessions, clock, path, form=form)
    assert (report["products"], report["variants"], report["left_out"]) == (4, 5, 0)
    before = snapshot(sessions)
    nothing_changes(read_back(sessions, clock, path), 4, 5)
    assert snapshot(sessions) == before


@pytest.mark.parametrize("form", ["csv", "xlsx", "jsonl"])
def test_a_kit_comes_back_with_its_components(sessions: Sessions, clock: FixedClock, tmp_path: Path, form: str) -> None:
    write(sessions, *some(3))
    with unit(sessions) as session:
        set_kit(session, SetKit(sku="S-2", components=[("S-0", 6), ("S-1", 1)]), clock.now())
    path = tmp_path / f"kits.{form}"
    export(sessions, clock, path, form=form)
    nothing_changes(read_back(sessions, clock, path), 3, 3)
    with unit(sessions) as session:
        remove_kit(session, "S-2", clock.now())
    report = read_back(sessions, clock, path)
    assert [row.key for row in report.results if row.result == "updated"] == ["S-2"]
    import_products(sessions, path, "hub", currency="EUR", dry_run=False, clock=clock)
    with unit(sessions) as session:
        assert [(part.sku, part.quantity) for part in kit_of(session, "S-2").components] == [("S-0", 6), ("S-1", 1)]


def test_a_product_without_a_variant_comes_back_in_json_lines(
    sessions: Sessions, clock: FixedClock, tmp_path: Path
) -> None:
    ready(sessions)
    write(sessions, [FULL, ProductFacts(handle="bare", title="=Bare", tags=("a",))])
    path = tmp_path / "bare.jsonl"
    assert export(sessions, clock, path, form="jsonl")["left_out"] == 0
    before = snapshot(sessions)
    nothing_changes(read_back(sessions, clock, path), 2, 0)
    path.write_text('{"handle": "new", "title": "New", "variants": []}\n{"handle": "none", "title": "None"}\n')
    report = import_products(sessions, path, "hub", currency="EUR", dry_run=False, clock=clock)
    assert report.products["created"] == 1
    assert {row.key for row in report.results if row.result == "error"} == {"none"}  # it says nothing of variants
    assert snapshot(sessions).keys() - before.keys() == {"handle:new"}


TEXT = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffd"), min_size=1, max_size=30
).filter(lambda s: s.strip() != "")
MARKED = st.one_of(
    TEXT, st.builds(lambda mark, s: mark + s, st.sampled_from(["=", "+A(", "-", "@", "'", "'=", "[", "''-", "#"]), TEXT),
    st.sampled_from(["ไวน์แดง", "Ψωμί", "Գինի", "شراب", "🍷🍇", '["a"]', "'[\"a\"]", "-5", "=", "#N/A", "1e5", "007"]),
)  # fmt: skip
SCOPES = st.sampled_from(["", "de", "th", "@amazon", "de@amazon"])


@st.composite
def a_product(draw: st.DrawFn) -> tuple[ProductFacts, list[VariantFacts]]:
    number = next(_names)
    values: dict[str, Any] = {}
    if draw(st.booleans()):
        values["material"] = draw(st.dictionaries(SCOPES, MARKED, min_size=1, max_size=3))
    if draw(st.booleans()):
        values["care"] = {draw(st.sampled_from(["", "de"])): draw(st.lists(MARKED, min_size=1, max_size=3))}
    if draw(st.booleans()):
        values["vintage"] = {"": str(draw(st.decimals(-1000, 1000, places=2)))}
    if draw(st.booleans()):
        values["features"] = {"": draw(st.lists(st.sampled_from(["red", "green"]), min_size=1))}
    if draw(st.booleans()):
        values["title"] = {"th": draw(MARKED)}
    product = ProductFacts(
        handle=f"h{number}", title=draw(MARKED), brand=draw(st.one_of(st.just(""), MARKED)), category=draw(MARKED),
        description=draw(st.one_of(st.just(""), MARKED)), tags=tuple(draw(st.lists(MARKED, max_size=3))),
        axes=("Size",), state=draw(st.sampled_from(["draft", "approved"])), values=values,
    )  # fmt: skip
    sizes = draw(st.lists(MARKED, min_size=1, max_size=3, unique_by=lambda s: " ".join(s.split()).casefold()))
    variants = [
        VariantFacts(
            sku=f"{number}-{n}", handle=product.handle, options={"Size": size},
            price=Money(minor=draw(st.integers(0, 10**6)), currency=draw(st.sampled_from(["EUR", "JPY"]))),
            weight_g=draw(st.one_of(st.none(), st.integers(1, 10**6))), values=draw(
                st.sampled_from([{}, {"material": {"de": "x"}}])),
        )
        for n, size in enumerate(sizes)
    ]  # fmt: skip
    return product, variants


def taken(product: ProductFacts) -> bool:
    """Whether the catalogue takes it at all: some texts are nothing once they are cleaned."""
    try:
        checked_product(product)
    except Invalid:
        return False
    return True


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(given=st.lists(a_product(), min_size=1, max_size=4), form=st.sampled_from(["csv", "jsonl", "xlsx"]))
def test_any_catalogue_comes_back_as_it_was(
    sessions: Sessions,
    clock: FixedClock,
    tmp_path: Path,
    given: list[tuple[ProductFacts, list[VariantFacts]]],
    form: str,
) -> None:
    if not snapshot(sessions):
        ready(sessions)
    kept = [(p, v) for p, v in given if taken(p)]
    write(sessions, [p for p, _ in kept], [v for _, vs in kept for v in vs])
    rows = snapshot(sessions)
    products, variants = sum(key.startswith("handle") for key in rows), sum(key.startswith("sku") for key in rows)
    path = tmp_path / f"any.{form}"
    export(sessions, clock, path, form=form)
    if products:
        nothing_changes(read_back(sessions, clock, path), products, variants)


@given(st.one_of(MARKED, st.text(st.sampled_from("'=+-@#N/A1."), max_size=6)))
def test_a_guarded_cell_is_no_formula_and_comes_back(cell: str) -> None:
    safe = text.guarded(cell)
    assert unguarded(safe) == cell
    assert not safe or safe[0] not in "=+@\t\r"
    assert not safe.startswith("-") or safe[1:].replace(".", "").replace(",", "").isdigit()


@pytest.mark.parametrize(("profile", "form"), FORMS)
def test_no_cell_is_calculated(sessions: Sessions, clock: FixedClock, tmp_path: Path, profile: str, form: str) -> None:
    ready(sessions)
    write(sessions, [FULL], FULL_VARIANTS)
    path = tmp_path / f"out.{form}"
    export(sessions, clock, path, profile=profile, form=form)
    if form == "jsonl":
        assert json.loads(path.read_text("utf-8").splitlines()[0])["title"] == "=1+1"
        return
    files = [file for file in (path, exporting.beside_name(path)) if file.exists()]
    if form == "xlsx":
        rows = [row for file in files for row in load_workbook(file).active.iter_rows()]
        cells = [cell for row in rows for cell in row if cell.value is not None]
        assert {cell.data_type for cell in cells} == {"s"}
        found = [str(cell.value) for cell in cells]
    else:
        texts = [file.read_text("utf-8-sig") for file in files]
        found = [cell for told in texts for row in csv.reader(told.splitlines(keepends=True)) for cell in row]
    assert "'=1+1" in found
    assert [cell for cell in found if (cell and cell[0] in "=+@") or (cell.startswith("-") and cell != "-5")] == []


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_import_knows_every_column(name: str) -> None:
    unread = {
        "Variant Inventory Tracker", "Variant Inventory Policy", "Variant Fulfillment Service",
        "Variant Requires Shipping", "Variant Taxable", "Variant Weight Unit",
    }  # fmt: skip
    assert [h for h in LAYOUTS[name].header(()) if not READ[name].known(h) and h not in unread] == []


def test_a_shopify_file_brings_the_same_products(sessions: Sessions, clock: FixedClock, tmp_path: Path) -> None:
    products, variants = some(
        3, tags=("a", "b"), images=("https://e.com/1.jpg", "https://e.com/2.jpg"), state="approved"
    )
    write(sessions, products, [replace(v, weight_g=100, gtin="4006381333931") for v in variants])
    path = tmp_path / "shop.csv"
    assert export(sessions, clock, path, profile="shopify")["rows"] == 6
    report = read_back(sessions, clock, path, "shopify")
    nothing_changes(replace(report, results=tuple(r for r in report.results if r.subject != "picture")), 3, 3)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_killed_export_goes_on_and_writes_nothing_twice(
    sessions: Sessions, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(exporting, "STEP", 2)
    write(sessions, *some(7))
    whole = tmp_path / "whole"
    export(sessions, clock, whole, form=form)
    path = tmp_path / "killed"
    with unit(sessions) as session:
        job = exporting.start(session, path, "hub", form, ANNA, clock.now()).id
    while run.run(sessions, clock, job, steps=1) == "ready":
        part = path.with_name(f".killed.{job}.part")
        assert not path.exists()
        if part.exists():
            with part.open("ab") as file:
                file.write(b"what a killed step left behind")
    assert path.read_bytes() == whole.read_bytes()


def test_a_selection_is_exported(sessions: Sessions, clock: FixedClock, tmp_path: Path) -> None:
    write(sessions, *some(4))
    path = tmp_path / "two.jsonl"
    export(sessions, clock, path, form="jsonl", chosen=Selection(names=("p-3", "S-1")))
    assert [json.loads(line)["handle"] for line in path.read_text("utf-8").splitlines()] == ["p-1", "p-3"]


def test_an_empty_catalogue_is_a_header(sessions: Sessions, clock: FixedClock, tmp_path: Path) -> None:
    assert export(sessions, clock, tmp_path / "none.csv")["rows"] == 0
    assert (tmp_path / "none.csv").read_text("utf-8-sig").startswith("handle,title,")


@pytest.mark.parametrize(("profile", "form"), [("nobody", "csv"), ("shopify", "jsonl"), ("hub", "pdf")])
def test_what_cannot_be_exported_is_refused(
    sessions: Sessions, clock: FixedClock, tmp_path: Path, profile: str, form: str
) -> None:
    with pytest.raises(Invalid), unit(sessions) as session:
        exporting.start(session, tmp_path / "x", profile, form, ANNA, clock.now())
    with pytest.raises(Invalid, match="not a folder"), unit(sessions) as session:
        exporting.start(session, tmp_path / "no" / "x", "hub", "csv", ANNA, clock.now())
