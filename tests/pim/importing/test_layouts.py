"""Files of other programs come in as their sellers mean them. The files in tests/data follow the documented layouts."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from hub.db.session import Sessions, reading
from hub.pim.attributes.models import Attribute, Family, Locale
from hub.pim.importing.run import Options
from hub.pim.models import Location, Product, StockPosition, Variant
from tests.support.import_files import errors, run

DATA = Path(__file__).resolve().parents[2] / "data"


def _variants(sessions: Sessions) -> dict[str, Variant]:
    with reading(sessions) as session:
        return {variant.sku: variant for variant in session.scalars(select(Variant))}


def _products(sessions: Sessions) -> dict[str, Product]:
    with reading(sessions) as session:
        return {product.handle: product for product in session.scalars(select(Product))}


def _stock(sessions: Sessions) -> dict[str, int]:
    with reading(sessions) as session:
        rows = session.execute(
            select(Variant.sku, StockPosition.on_hand).join(StockPosition, StockPosition.variant_id == Variant.id)
        )
        assert session.scalars(select(Location.code)).all() == ["main"]
        return dict(rows.tuples().all())


def test_a_woocommerce_export_brings_products_variations_pictures_and_stock(sessions: Sessions) -> None:
    report = run(sessions, DATA / "woocommerce.csv", "woocommerce")
    assert errors(report) == [
        (8, "handle", "the row of its product 'id:79' is not in the file"),
        (8, "", "the product id:79 was left out"),
    ]
    assert (report.rows, report.products["created"], report.variants["created"]) == (7, 4, 4)
    products = _products(sessions)
    tee = products["tee"]
    assert (tee.title, tee.description) == ("V-Neck Tee", "<p>Made of cotton, cut in a V.</p>")
    assert (tee.category, tee.tags, tee.axes) == ("Clothing > Tees", ["cotton", "soft"], ["Colour", "Size"])
    assert tee.images == ["https://shop.example/tee.jpg", "https://shop.example/tee-back.jpg"]
    assert tee.values == {
        "short_description": {"": "A <em>soft</em> tee."}, "care": {"": "Wash cold"},
        "categories": {"": "Clothing > Tees, Clothing > Sale"},
    }  # fmt: skip
    assert {name: product.state for name, product in products.items()} == {
        "tee": "approved", "cap": "draft", "book": "draft", "set": "approved",
    }  # fmt: skip
    assert products["set"].values == {"grouped_products": {"": "TEE, CAP"}}
    assert products["cap"].values == {"material": {"": "Wool"}}
    assert (products["cap"].axes, products["cap"].images) == ([], ["https://shop.example/cap.jpg"])
    variants = _variants(sessions)
    red, blue, cap = variants["TEE-R-M"], variants["TEE-B-L"], variants["CAP"]
    assert (red.options, red.price_minor, red.weight_g, red.image) == (
        {"Colour": "Red", "Size": "M"}, 2000, 200, "https://shop.example/tee-red.jpg",
    )  # fmt: skip
    assert (blue.options, blue.price_minor, blue.gtin) == ({"Colour": "Blue", "Size": "L"}, 2150, "4006381333931")
    assert blue.values == {"sale_price": {"": "18"}}
    assert (cap.length_mm, cap.width_mm, cap.height_mm) == (200, 180, 100)
    assert _stock(sessions) == {"TEE-R-M": 3, "CAP": 12}
    again = run(sessions, DATA / "woocommerce.csv", "woocommerce")
    assert {result.result for result in again.results} == {"unchanged", "error"}


def test_an_akeneo_export_with_models_brings_languages_families_and_inherited_facts(sessions: Sessions) -> None:
    options = Options(currency="EUR", models=DATA / "akeneo-product-models.csv")
    report = run(sessions, DATA / "akeneo-products.csv", "akeneo", options=options)
    assert errors(report) == [
        (6, "handle", "the row of its product 'nobody' is not in the file"),
        (6, "", "the product nobody was left out"),
    ]
    assert {r.file for r in report.results if r.subject == "product" and r.key == "amor"} == {
        "akeneo-product-models.csv"
    }
    products = _products(sessions)
    amor, mug = products["amor"], products["mug"]
    assert (amor.title, amor.description, amor.brand, amor.category, amor.state) == (
        "Heritage jacket", "<p>Heritage jacket.</p>", "Zaro", "master_men_blazers", "approved",
    )  # fmt: skip
    assert amor.values == {
        "title": {"fr": "Veste héritage"}, "description": {"fr": "<p>Veste.</p>"}, "collection": {"": "summer_2016"},
        "categories": {"": "master_men_blazers, supplier_zaro"},
    }  # fmt: skip
    assert amor.axes == ["color", "size"]
    assert (mug.title, mug.state, mug.axes) == ("Mug", "draft", [])
    assert mug.values == {
        "title": {"fr": "Tasse"}, "color": {"": "black"}, "release_date": {"@mobile": "2026-11-22"},
    }  # fmt: skip
    variants = _variants(sessions)
    assert {sku: (v.options, v.price_minor, v.weight_g) for sku, v in variants.items()} == {
        "AMOR-B-M": ({"color": "blue", "size": "m"}, 99900, 800),
        "AMOR-B-L": ({"color": "blue", "size": "l"}, 99900, 800),
        "AMOR-R-M": ({"color": "red", "size": "m"}, 89900, 800),
        "mug": ({}, 500, 400),
    }
    assert variants["AMOR-B-M"].gtin == "4006381333931"
    with reading(sessions) as session:
        assert session.scalars(select(Locale.code)).all() == ["fr"]
        families = dict(session.execute(select(Family.id, Family.code)).tuples().all())
        assert (families[amor.family_id or 0], families[mug.family_id or 0]) == ("clothing", "mugs")
        scoped = session.scalars(select(Attribute).where(Attribute.code == "release_date")).one()
        assert (scoped.localisable, scoped.per_channel) == (False, True)
    again = run(sessions, DATA / "akeneo-products.csv", "akeneo", options=options)
    assert {result.result for result in again.results} == {"unchanged", "error"}


def test_an_amazon_inventory_file_is_read_under_its_third_row(sessions: Sessions) -> None:
    report = run(sessions, DATA / "amazon.txt", "amazon")
    assert errors(report) == []
    assert (report.products["created"], report.variants["created"], report.delimiter) == (2, 3, "\t")
    products = _products(sessions)
    shirt, mug = products["sh"], products["mug"]
    assert (shirt.title, shirt.brand, shirt.category, shirt.axes) == (
        "Flannel shirt", "Acme", "shirt", ["Size", "Color"],
    )  # fmt: skip
    assert shirt.images == ["https://shop.example/sh.jpg", "https://shop.example/sh2.jpg"]
    assert shirt.values == {"bullet_points": {"": ["Soft", "Warm"]}, "keywords": {"": ["flannel winter"]}}
    assert mug.values == {"bullet_points": {"": ["Holds tea"]}}
    variants = _variants(sessions)
    assert (variants["SH-R-M"].options, variants["SH-R-M"].price_minor) == ({"Size": "M", "Color": "Red"}, 2990)
    assert (variants["SH-R-M"].gtin, variants["SH-B-L"].gtin) == ("4006381333931", None)
    assert (variants["SH-R-M"].weight_g, variants["SH-B-L"].weight_g) == (300, 318)
    assert variants["SH-R-M"].image == "https://shop.example/red.jpg"
    assert _stock(sessions) == {"SH-R-M": 4, "MUG": 2}
