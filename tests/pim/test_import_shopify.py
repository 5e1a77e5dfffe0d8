"""Shopify's product file: one row per variant, pictures in rows of their own, options, opening stock."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.db.session import Sessions, reading, unit
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Invalid, Unknown
from hub.pim.importing import Progress
from hub.pim.importing.variants import derived_sku
from hub.pim.models import Location, Product, StockMovement, StockPosition, Variant
from hub.work.models import WorkItem
from tests.support.builders import NOW, a_listing, a_location, an_account
from tests.support.import_files import csv_text, errors, lines, run, shopify_row, write

BRACELET = [
    shopify_row(
        "chain", title="Chain bracelet", body="<p>Seven stones.</p>", vendor="Company 123", type="Bracelet",
        tags="Beads, Gold", o1n="Colour", o1="Blue", o2n="Length", o2="18 cm", sku="CH-B", grams="120", qty="4",
        price="42.99", gtin="'4006381333931", src="https://pictures.example/a.jpg", place="1",
        image="https://pictures.example/blue.jpg", unit="kg", cost="20",
    ),
    shopify_row("chain", o1="Black", o2="18 cm", grams="0", qty="0", price="39", src="https://pictures.example/c.jpg",
                place="3"),
    shopify_row("chain", src="https://pictures.example/b.jpg", place="2"),
    shopify_row("ring", title="Ring", o1n="Title", o1="Default Title", grams="0", qty="7", price="5"),
]  # fmt: skip


@pytest.fixture
def bracelet(tmp_path: Path) -> Path:
    return write(tmp_path / "export.csv", csv_text(BRACELET))


def test_variants_options_pictures_and_opening_stock(sessions: Sessions, bracelet: Path) -> None:
    report = run(sessions, bracelet)
    assert errors(report) == []
    assert lines(report) == [
        (2, "product", "chain", "created"), (2, "variant", "CH-B", "created"),
        (3, "variant", "chain_black_18-cm", "created"), (4, "picture", "chain", "created"),
        (5, "product", "ring", "created"), (5, "variant", "ring", "created"),
    ]  # fmt: skip
    assert (report.rows, report.pictures, report.opening_units, report.delimiter) == (4, 3, 11, ",")
    with reading(sessions) as session:
        chain, ring = session.scalars(select(Product).order_by(Product.id)).all()
        assert (chain.title, chain.description, chain.brand, chain.category) == (
            "Chain bracelet", "<p>Seven stones.</p>", "Company 123", "Bracelet",
        )  # fmt: skip
        assert (chain.tags, chain.axes, ring.axes) == (["Beads", "Gold"], ["Colour", "Length"], [])
        assert chain.images == [f"https://pictures.example/{n}.jpg" for n in "abc"]
        blue, black, only = session.scalars(select(Variant).order_by(Variant.id)).all()
        assert (blue.options, blue.price_minor, blue.cost_minor, blue.currency) == (
            {"Colour": "Blue", "Length": "18 cm"}, 4299, 2000, "EUR",
        )  # fmt: skip
        assert (blue.weight_g, blue.gtin, blue.image) == (120, "4006381333931", "https://pictures.example/blue.jpg")
        assert (black.weight_g, black.position, only.options) == (None, 1, {})
        assert session.execute(select(StockPosition.variant_id, StockPosition.on_hand)).tuples().all() == [
            (blue.id, 4), (only.id, 7),
        ]  # fmt: skip
        assert session.scalars(select(Location.code)).all() == ["main"]


def test_the_same_file_again_changes_nothing(sessions: Sessions, bracelet: Path) -> None:
    run(sessions, bracelet)
    report = run(sessions, bracelet, clock=FixedClock(NOW + timedelta(days=1)))
    assert {r.result for r in report.results} == {"unchanged"}
    assert report.opening_units == 0
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(StockMovement)) == 2
        assert set(session.scalars(select(Variant.updated_at))) == {NOW}


def test_a_dry_run_reports_the_same_and_writes_nothing(sessions: Sessions, bracelet: Path) -> None:
    dry = run(sessions, bracelet, dry_run=True)
    with reading(sessions) as session:
        for model in (Product, Variant, Location, StockMovement, StockPosition):
            assert session.scalar(select(func.count()).select_from(model)) == 0
    real = run(sessions, bracelet)
    assert dry.results == real.results
    assert (dry.products, dry.variants, dry.opening_units) == (real.products, real.variants, real.opening_units)


def test_a_changed_file_updates_what_changed_and_leaves_stock_alone(
    sessions: Sessions, bracelet: Path, tmp_path: Path
) -> None:
    run(sessions, bracelet)
    with unit(sessions) as session:
        account = an_account(session)
        for variant in session.scalars(select(Variant).order_by(Variant.id)).all():
            a_listing(session, account, variant)
    rows = [dict(row) for row in BRACELET]
    rows[0]["Variant Inventory Qty"] = "99"
    rows[1]["Variant Price"] = "38"
    rows[3]["Title"] = "Golden ring"
    rows.append(shopify_row("chain-2", title="Another", price="1", qty="2"))
    report = run(sessions, write(tmp_path / "again.csv", csv_text(rows)))
    assert lines(report) == [
        (2, "product", "chain", "unchanged"), (2, "variant", "CH-B", "unchanged"),
        (3, "variant", "chain_black_18-cm", "updated"), (4, "picture", "chain", "unchanged"),
        (5, "product", "ring", "updated"), (5, "variant", "ring", "unchanged"),
        (6, "product", "chain-2", "created"), (6, "variant", "chain-2", "created"),
    ]  # fmt: skip
    with reading(sessions) as session:
        assert session.scalars(select(StockPosition.on_hand).order_by(StockPosition.variant_id)).all() == [4, 7, 2]
        wanted = session.execute(select(WorkItem.kind, WorkItem.key).order_by(WorkItem.kind)).tuples().all()
        assert wanted == [("listing.publish", "2"), ("price.push", "2")]


def test_a_file_without_some_columns_leaves_those_facts_alone(
    sessions: Sessions, bracelet: Path, tmp_path: Path
) -> None:
    run(sessions, bracelet)
    text = "Handle;Title;Variant SKU;Variant Price\nchain;Chain bracelet;CH-B;42,99\n"
    report = run(sessions, write(tmp_path / "prices.csv", text))
    assert (report.delimiter, lines(report)) == (
        ";", [(2, "product", "chain", "unchanged"), (2, "variant", "CH-B", "unchanged")],
    )  # fmt: skip


def test_quantities_go_to_the_place_that_is_named_or_comes_first(
    sessions: Sessions, bracelet: Path, tmp_path: Path
) -> None:
    with unit(sessions) as session:
        a_location(session, code="shop", priority=20)
        a_location(session, code="cellar", priority=10)
    run(sessions, bracelet)
    other = write(tmp_path / "other.csv", csv_text([shopify_row("hat", title="Hat", price="9", qty="3")]))
    run(sessions, other, location="shop")
    with reading(sessions) as session:
        rows = session.execute(
            select(Location.code, func.sum(StockPosition.on_hand))
            .join(StockPosition, StockPosition.location_id == Location.id)
            .group_by(Location.code)
            .order_by(Location.code)
        ).tuples()
        assert list(rows) == [("cellar", 11), ("shop", 3)]
    with pytest.raises(Unknown, match="no location has the code 'moon'"):
        run(sessions, other, location="moon")


def test_one_bad_row_is_reported_and_the_rest_comes_in(sessions: Sessions, tmp_path: Path) -> None:
    rows = [
        shopify_row("shirt", title="Shirt", o1n="Size", o1="S", price="12,50", qty="-3"),
        shopify_row("shirt", o1="M", price="12.505", gtin="4006381333932", grams="heavy"),
        shopify_row("shirt", o1="L", price="14"),
        shopify_row("shirt", o1="", price="15", sku="SHIRT-?"),
        shopify_row("shirt", o1="L", price="16", sku="SHIRT-L2"),
        shopify_row("shirt", src="ftp://pictures.example/a.jpg"),
        shopify_row("mug", title="", price="3"),
        shopify_row("", title="Nobody", price="3"),
        shopify_row("cup", title="Cup", price=""),
        shopify_row("shirt", o1="XL", price="12"),
    ]
    report = run(sessions, write(tmp_path / "bad.csv", csv_text(rows)))
    assert errors(report) == [
        (2, "Variant Inventory Qty", "-3 is below 0; stock cannot be opened with it"),
        (3, "Variant Price", "12.505 has more than 2 decimals, EUR has 2"),
        (3, "Variant Barcode", "4006381333932 is not a GTIN: its last digit must be 1, not 2"),
        (3, "Variant Grams", "'heavy' is not a weight"),
        (5, "Option1 Value", "Size is empty"),
        (6, "Option1 Value", "shirt_l is L of shirt already"),
        (7, "Image Src", "'ftp://pictures.example/a.jpg' is not the web address of a picture"),
        (8, "Title", "Title is empty"),
        (8, "", "the product mug was left out"),
        (9, "Handle", "Handle is empty"),
        (10, "Variant Price", "Variant Price is empty"),
    ]
    assert all(problem.fix for problem in report.problems())
    assert (report.errors, report.bad_rows, report.rows) == (11, 8, 10)
    assert report.products == {"created": 1, "updated": 0, "unchanged": 0}
    with reading(sessions) as session:
        # the last row of the shirt stands apart from the others and belongs to it all the same
        assert session.scalars(select(Variant.sku).order_by(Variant.id)).all() == ["shirt_l", "shirt_xl"]


def test_a_sku_of_another_product_or_line_is_refused(sessions: Sessions, bracelet: Path, tmp_path: Path) -> None:
    run(sessions, bracelet)
    rows = [
        shopify_row("new", title="New", o1n="Size", o1="S", sku="CH-B", price="1"),
        shopify_row("new", o1="M", sku="N-M", price="1"),
        shopify_row("new", o1="L", sku="N-M", price="1"),
        shopify_row("lone", title="Lone", sku="CH-B", price="1"),
    ]
    report = run(sessions, write(tmp_path / "new.csv", csv_text(rows)))
    assert errors(report) == [
        (2, "Variant SKU", "the SKU CH-B belongs to the product chain"),
        (4, "Variant SKU", "the SKU N-M is in line 3 already"),
        (5, "Variant SKU", "the SKU CH-B is in line 2 already"),
    ]
    with reading(sessions) as session:
        assert session.scalars(select(Product.handle).order_by(Product.id)).all() == ["chain", "ring", "new"]


def test_progress_is_told_after_each_batch(sessions: Sessions, tmp_path: Path) -> None:
    rows = [shopify_row(f"p-{n}", title=f"P {n}", price="1") for n in range(1200)]
    path = write(tmp_path / "long.csv", csv_text(rows))
    seen: list[Progress] = []
    report = run(sessions, path, progress=seen.append)
    assert [p.products for p in seen] == [500, 1000, 1200, 1200]
    assert seen[-1].done == seen[-1].total == path.stat().st_size
    assert sorted(p.done for p in seen) == [p.done for p in seen]
    assert report.products["created"] == 1200


def test_a_wrong_request_is_refused_before_anything_is_read(sessions: Sessions, tmp_path: Path, bracelet: Path) -> None:
    with pytest.raises(Invalid, match="there is no layout 'excel'"):
        run(sessions, bracelet, "excel")
    with pytest.raises(Invalid, match="three capital letters"):
        run(sessions, bracelet, currency="euro")
    with pytest.raises(Invalid, match="the file cannot be read"):
        run(sessions, tmp_path / "nowhere.csv")
    with pytest.raises(Invalid, match="the file cannot be read"):
        run(sessions, tmp_path)


def test_derived_skus_are_stable_short_and_different() -> None:
    assert derived_sku("chain", []) == "chain"
    assert derived_sku("chain", ["Black", "18 cm"]) == "chain_black_18-cm"
    assert derived_sku("a-b", ["c"]) != derived_sku("a", ["b-c"])
    long = derived_sku("h" * 60, ["Extra large"])
    assert long == derived_sku("h" * 60, ["Extra large"])
    assert len(long) <= 40
    assert derived_sku("τσάι", ["μπλε"]) != derived_sku("τσάι", ["κόκκινο"])
    assert derived_sku("tee", ["Größe"]).isascii()


@pytest.mark.parametrize(
    ("name", "rows", "variants", "pictures", "units"), [("apparel", 22, 22, 20, 22), ("jewelery", 41, 23, 41, 20)]
)
def test_real_exports_come_in_completely_and_once(
    sessions: Sessions, name: str, rows: int, variants: int, pictures: int, units: int
) -> None:
    path = Path(__file__).resolve().parents[3] / "shared" / "data" / "catalogues" / f"shopify-{name}.csv"
    if not path.exists():
        pytest.skip("needs the real product exports in ../shared/data/catalogues")
    first = run(sessions, path)
    assert errors(first) == []
    assert (first.rows, first.pictures, first.opening_units) == (rows, pictures, units)
    assert first.products == {"created": 20, "updated": 0, "unchanged": 0}
    assert first.variants == {"created": variants, "updated": 0, "unchanged": 0}
    second = run(sessions, path)
    assert second.products == {"created": 0, "updated": 0, "unchanged": 20}
    assert second.variants == {"created": 0, "updated": 0, "unchanged": variants}
    assert {r.result for r in second.results} == {"unchanged"}
    with reading(sessions) as session:
        assert session.scalar(select(func.sum(StockPosition.on_hand))) == units
        assert sum(len(images) for images in session.scalars(select(Product.images))) == pictures
