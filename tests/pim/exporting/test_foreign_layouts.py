"""Exports in the layouts of WooCommerce, Akeneo and Amazon: read back by the import they change nothing of what the layout
can say."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.db.session import Sessions, unit
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Invalid
from hub.kernel.money import Money
from hub.pim.attributes.models import Attribute
from hub.pim.exporting import run as exporting
from hub.pim.facts import ProductFacts, VariantFacts, checked_product
from hub.pim.importing import ImportReport, import_products
from hub.pim.importing.run import Options
from hub.pim.jobs import run
from tests.support import catalogue
from tests.support.builders import a_variant
from tests.support.catalogue import ANNA, snapshot, some, write

PROFILES = ["woocommerce", "akeneo", "amazon"]
FORMS = ["csv", "xlsx"]
_names = itertools.count()


def export(sessions: Sessions, clock: FixedClock, path: Path, profile: str, form: str = "csv") -> dict[str, Any]:
    with unit(sessions) as session:
        job = exporting.start(session, path, profile, form, ANNA, clock.now()).id
    assert run.run(sessions, clock, job) == "done", run.view(sessions, job).error
    return dict(run.view(sessions, job).report)


def read_back(sessions: Sessions, clock: FixedClock, path: Path, profile: str, *axes: str) -> ImportReport:
    models = exporting.beside_name(path)
    chosen = Options(currency="EUR", axes=axes, models=models if models.exists() else None)
    return import_products(sessions, path, profile, currency="EUR", dry_run=True, clock=clock, options=chosen)


def nothing_changes(report: ImportReport, products: int, variants: int) -> None:
    assert [row for row in report.results if row.result != "unchanged"] == []
    assert report.products == {"created": 0, "updated": 0, "unchanged": products}
    assert report.variants == {"created": 0, "updated": 0, "unchanged": variants}


def ready(sessions: Sessions) -> None:
    with unit(sessions) as session:
        catalogue.definitions(session)


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# A backslash before a comma is a comma of the text in WooCommerce's and Akeneo's lists.
TEXT = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffd\\"), min_size=1, max_size=30
).filter(lambda s: s.strip() != "")
MARKED = st.one_of(
    TEXT, st.builds(lambda mark, s: mark + s, st.sampled_from(["=", "+A(", "-", "@", "'", "'=", "[", "''-", "#", ","]), TEXT),
    st.sampled_from(["ไวน์แดง, หวาน", "Ψωμί", "Գինի", "شراب", "🍷🍇", '["a"]', "'[\"a\"]", "-5", "=", "#N/A", "1e5", "007"]),
)  # fmt: skip


@st.composite
def a_product(draw: st.DrawFn, profile: str) -> tuple[ProductFacts, list[VariantFacts]]:
    """Anything that the layout can say about a product: alone, with variants, or without one."""
    number = next(_names)
    handle, size = f"h{number}", "Size" if profile != "akeneo" else "size"
    values: dict[str, Any] = {}
    more: dict[str, Any] = {}
    if profile != "amazon":
        more["state"] = draw(st.sampled_from(["draft", "approved"]))
        scopes = [""] if profile == "woocommerce" else ["", "de", "th", "@ebay", "de@ebay"]
        if draw(st.booleans()):
            values["material"] = draw(st.dictionaries(st.sampled_from(scopes), MARKED, min_size=1, max_size=3))
        if draw(st.booleans()):
            values["vintage"] = {"": str(draw(st.decimals(-1000, 1000, places=2)))}
        if draw(st.booleans()):
            values["features"] = {"": draw(st.lists(st.sampled_from(["red", "green"]), min_size=1))}
        values |= draw(
            st.sampled_from([{}, {"organic": {"": False}, "colour": {"": "red"}, "released": {"": "2026-11-22"}}])
        )
    if profile == "akeneo" and draw(st.booleans()):
        values |= {"title": {"th": draw(MARKED), "de": draw(MARKED)}, "care": {"": draw(st.lists(MARKED, min_size=1))}}
    if profile == "amazon":
        for code, most in (("bullet_points", 10), ("keywords", 6)):
            if draw(st.booleans()):
                values[code] = {"": draw(st.lists(MARKED, min_size=1, max_size=most))}
    if profile == "woocommerce":
        more["tags"] = tuple(draw(st.lists(MARKED, max_size=3)))
    if profile != "akeneo":
        pictures = ["https://e.com/1.jpg", "https://e.com/a,b.jpg"]
        more["images"] = tuple(draw(st.lists(st.sampled_from(pictures), unique=True)))
    kind = draw(st.sampled_from(["alone", "variants", "bare"]))
    sizes = draw(
        st.lists(MARKED, min_size=2, max_size=3, unique_by=lambda s: " ".join(s.replace(",", "").split()).casefold())
    )
    product = ProductFacts(
        handle=handle, title=draw(MARKED), brand=draw(st.one_of(st.just(""), MARKED)), category=draw(MARKED),
        description=draw(st.one_of(st.just(""), MARKED)), values=values, axes=(size,) if kind == "variants" else (), **more,
    )  # fmt: skip
    kept = {"alone": [""], "variants": sizes, "bare": []}[kind]
    return product, [
        VariantFacts(
            sku=f"{number}-{n}" if chosen else handle, handle=handle, options={size: chosen} if chosen else {},
            price=Money(minor=draw(st.integers(0, 10**6)), currency="EUR"), position=n,
            gtin=draw(st.sampled_from([None, "4006381333931", "036000291452", "96385074"])),
            cost=None if profile == "amazon" else draw(st.sampled_from([None, Money(minor=5, currency="EUR")])),
            weight_g=draw(st.one_of(st.none(), st.integers(1, 10**6))),
            length_mm=draw(st.one_of(st.none(), st.integers(1, 10**5))),
            values={"size": {"": chosen}} if chosen and profile == "akeneo" else {},
        )
        for n, chosen in enumerate(kept)
    ]  # fmt: skip


def taken(product: ProductFacts, variants: Sequence[VariantFacts]) -> bool:
    """Whether the catalogue takes it at all, and the option is a text still when it is cleaned."""
    try:
        checked_product(product)
    except Invalid:
        return False
    return all(c.strip(" ,'") for v in variants for c in v.options.values())


@pytest.mark.parametrize("profile", PROFILES)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data(), form=st.sampled_from(FORMS))
def test_any_catalogue_comes_back_as_it_was(
    sessions: Sessions, clock: FixedClock, tmp_path: Path, profile: str, data: st.DataObject, form: str
) -> None:
    given = data.draw(st.lists(a_product(profile), min_size=1, max_size=4))
    kept = [(product, variants) for product, variants in given if taken(product, variants)]
    with unit(sessions) as session:
        if session.scalar(select(Attribute.id).where(Attribute.code == "size")) is None:
            catalogue.definitions(session)
            session.add(Attribute(code="size", label="Size", type="text"))
    write(sessions, [p for p, _ in kept], [v for _, vs in kept for v in vs])
    before = snapshot(sessions)
    products, variants = sum(key.startswith("handle") for key in before), sum(key.startswith("sku") for key in before)
    path = tmp_path / f"any{next(_names)}.{form}"
    report = export(sessions, clock, path, profile, form)
    assert (report["products"], report["variants"], report["left_out"]) == (products, variants, 0)
    if products:
        nothing_changes(read_back(sessions, clock, path, profile, "size"), products, variants)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_further_import_opens_no_stock_and_knows_every_column(
    sessions: Sessions, clock: FixedClock, tmp_path: Path, profile: str
) -> None:
    ready(sessions)
    with unit(sessions) as session:
        a_variant(session, sku="STOCK", stock=7)
    path = tmp_path / "stock.csv"
    export(sessions, clock, path, profile)
    report = read_back(sessions, clock, path, profile)
    unread = ("family_variant",) if profile == "akeneo" else ()
    assert (report.errors, report.opening_units, report.ignored_columns) == (0, 0, unread)


def test_woocommerce_rows_are_a_parent_and_its_variations(
    sessions: Sessions, clock: FixedClock, tmp_path: Path
) -> None:
    ready(sessions)
    product = ProductFacts(
        handle="shirt", title="Hemd «Ö»", state="approved", tags=("a, b", "c"), axes=("Größe",), category="Hemden",
        values={"features": {"": ["red", "blue"]}, "care": {"": ["one", "two"]}, "material": {"": "Leinen, grob"}},
    )  # fmt: skip
    write(sessions, [product], [
        VariantFacts(sku=f"shirt-{s}", handle="shirt", price=Money(minor=1250, currency="EUR"), weight_g=1500,
                     length_mm=305, options={"Größe": s}) for s in ("S", "=L")
    ])  # fmt: skip
    export(sessions, clock, tmp_path / "woo.csv", "woocommerce")
    parent, _, large = cells(tmp_path / "woo.csv")
    assert (parent["Type"], parent["SKU"], parent["Published"], parent["Tags"]) == (
        "variable",
        "shirt",
        "1",
        "a\\, b, c",
    )
    assert (parent["Attribute 1 name"], parent["Attribute 1 value(s)"]) == ("Größe", "S, =L")
    said = {parent[f"Attribute {n} name"]: parent[f"Attribute {n} value(s)"] for n in (2, 3)}
    assert said == {"features": "red, blue", "material": "Leinen\\, grob"}  # two lines of «care» would become one
    assert (large["Type"], large["Parent"], large["SKU"], large["Regular price"]) == (
        "variation",
        "shirt",
        "shirt-=L",
        "12.50",
    )
    assert (large["Weight (kg)"], large["Length (cm)"], large["Attribute 1 value(s)"]) == ("1.5", "30.5", "'=L")


def test_akeneo_products_have_their_models_beside_them(sessions: Sessions, clock: FixedClock, tmp_path: Path) -> None:
    ready(sessions)
    product = ProductFacts(
        handle="shirt", title="Shirt", axes=("Size",), state="approved", brand="B",
        values={"title": {"de": "Hemd"}, "material": {"": "linen", "de@ebay": "Leinen"}},
    )  # fmt: skip
    price = Money(minor=1250, currency="EUR")
    write(
        sessions, [product], [VariantFacts(sku=s, handle="shirt", price=price, options={"Size": s}) for s in ("S", "L")]
    )
    path = tmp_path / "goods.csv"
    report = export(sessions, clock, path, "akeneo")
    assert (report["rows"], report["model_rows"], report["models_file"]) == (2, 1, str(tmp_path / "goods-models.csv"))
    (model,) = cells(tmp_path / "goods-models.csv")
    assert {name: text for name, text in model.items() if text} == {
        "code": "shirt", "name-en_US": "Shirt", "name-de_DE": "Hemd", "brand": "B", "material-en_US-default": "linen",
        "material-de_DE-ebay": "Leinen",
    }  # fmt: skip
    small = cells(path)[0]
    assert {name: text for name, text in small.items() if text} == {
        "sku": "S", "parent": "shirt", "enabled": "1", "size": "S", "price-EUR": "12.50"
    }  # fmt: skip


def test_akeneo_without_variants_is_one_file(sessions: Sessions, clock: FixedClock, tmp_path: Path) -> None:
    products, variants = [ProductFacts(handle="s-1", title="One")], [
        VariantFacts(sku="S-1", handle="s-1", price=Money(minor=1, currency="EUR"))
    ]  # fmt: skip
    write(sessions, products, variants)
    report = export(sessions, clock, tmp_path / "goods.csv", "akeneo")
    assert "models_file" not in report
    assert [path.name for path in tmp_path.glob("*goods*")] == ["goods.csv"]


def test_amazon_options_are_fields_that_the_theme_names(sessions: Sessions, clock: FixedClock, tmp_path: Path) -> None:
    product = ProductFacts(
        handle="shirt", title="Hemd", axes=("Colour", "Größe"), values={"keywords": {"": ["a", "b"]}}
    )
    options = {"Colour": "rot", "Größe": "L"}
    price = Money(minor=1250, currency="EUR")
    write(
        sessions, [product], [VariantFacts(sku="X", handle="shirt", price=price, gtin="4006381333931", options=options)]
    )
    export(sessions, clock, tmp_path / "amazon.csv", "amazon")
    parent, child = cells(tmp_path / "amazon.csv")
    assert (parent["item_sku"], parent["parent_child"], parent["standard_price"]) == ("shirt", "Parent", "")
    assert (parent["generic_keywords"], parent["generic_keywords1"]) == ("a", "b")
    assert (child["parent_child"], child["parent_sku"], child["standard_price"]) == ("Child", "shirt", "12.50")
    assert (child["color_name"], child["style_name"], child["variation_theme"]) == ("rot", "L", "color_name-style_name")
    assert (child["external_product_id"], child["external_product_id_type"]) == ("4006381333931", "EAN")


def test_a_killed_export_of_two_files_goes_on(
    sessions: Sessions, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "STEP", 2)
    write(sessions, *some(5))
    export(sessions, clock, tmp_path / "whole.csv", "akeneo")
    with unit(sessions) as session:
        job = exporting.start(session, tmp_path / "killed.csv", "akeneo", "csv", ANNA, clock.now()).id
    while run.run(sessions, clock, job, steps=1) == "ready":
        for part in tmp_path.glob(".*.part"):
            with part.open("ab") as file:
                file.write(b"what a killed step left behind")
    for name in ("{}.csv", "{}-models.csv"):
        assert (tmp_path / name.format("killed")).read_bytes() == (tmp_path / name.format("whole")).read_bytes()
    assert len(cells(tmp_path / "killed-models.csv")) == 5
