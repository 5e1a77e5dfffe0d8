"""What an empty cell means is said, not guessed; a dry run says what would change; rows may stand anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.session import Sessions, reading
from hub.pim.history.models import AuditRow
from hub.pim.importing.run import Options
from hub.pim.models import Product, Variant
from tests.support.import_files import errors, run, write

HEAD = "handle,title,brand,tags,images,attribute:grape,option1_name,option1_value,sku,price,gtin,weight\n"
FULL = HEAD + (
    'w,Wine,Acme,"dry, red",https://p.example/1.jpg,Merlot,Size,75 cl,W-75,5,4006381333931,1.3 kg\n'
    "w,,,,,,,150 cl,W-150,9,,\n"
)
BLANK = HEAD + "w,Wine,,,,,Size,75 cl,W-75,5,,\nw,,,,,,,150 cl,W-150,9.50,,\n"


def test_empty_cells_keep_their_facts(sessions: Sessions, tmp_path: Path) -> None:
    run(sessions, write(tmp_path / "1.csv", FULL), "hub")
    report = run(sessions, write(tmp_path / "2.csv", BLANK), "hub")
    assert [(r.key, r.result) for r in report.results] == [
        ("w", "unchanged"),
        ("W-75", "unchanged"),
        ("W-150", "updated"),
    ]
    assert report.results[-1].changes == {"price_minor": (900, 950)}


def test_empty_cells_clear_their_facts_if_that_is_asked_for(sessions: Sessions, tmp_path: Path) -> None:
    run(sessions, write(tmp_path / "1.csv", FULL), "hub")
    options = Options(currency="EUR", clear=True)
    path = write(tmp_path / "2.csv", BLANK)
    dry = run(sessions, path, "hub", options=options, dry_run=True)
    assert {r.key: dict(r.changes) for r in dry.results} == {
        "w": {
            "brand": ("Acme", ""), "tags": (["dry", "red"], []), "images": (["https://p.example/1.jpg"], []),
            "values.grape": ("Merlot", None),
        },
        "W-75": {"gtin": ("4006381333931", None), "weight_g": (1300, None)},
        "W-150": {"price_minor": (900, 950)},
    }  # fmt: skip
    with reading(sessions) as session:
        assert session.scalars(select(Product.brand)).all() == ["Acme"]
    real = run(sessions, path, "hub", options=options)
    assert real.results == dry.results
    with reading(sessions) as session:
        product = session.scalars(select(Product)).one()
        assert (product.brand, product.tags, product.images, product.values) == ("", [], [], {})
        assert session.scalars(select(Variant.gtin).order_by(Variant.id)).all() == [None, None]


def test_a_file_of_prices_leaves_options_alone(sessions: Sessions, tmp_path: Path) -> None:
    run(sessions, write(tmp_path / "1.csv", FULL), "hub")
    report = run(sessions, write(tmp_path / "2.csv", "handle,title,sku,price\nw,Wine,W-75,6\nw,,W-150,10\n"), "hub")
    assert (errors(report), report.variants["updated"]) == ([], 2)
    with reading(sessions) as session:
        assert session.scalars(select(Variant.options).order_by(Variant.id)).all() == [
            {"Size": "75 cl"}, {"Size": "150 cl"},
        ]  # fmt: skip


def test_rows_of_a_product_stand_anywhere_and_keep_their_lines(sessions: Sessions, tmp_path: Path) -> None:
    rows = ["handle,title,option1_name,option1_value,sku,price"]
    rows += [f"p-{n},{'P' if turn == 0 else ''},Size,{turn},S-{n}-{turn},1" for turn in range(3) for n in range(400)]
    report = run(sessions, write(tmp_path / "x.csv", "\n".join(rows)), "hub")
    assert (errors(report), report.products["created"], report.variants["created"]) == ([], 400, 1200)
    assert {r.line: r.key for r in report.results if r.subject == "variant"} == {
        2 + turn * 400 + n: f"S-{n}-{turn}" for turn in range(3) for n in range(400)
    }
    with reading(sessions) as session:
        one = session.scalars(select(Product).where(Product.handle == "p-7")).one()
        found = session.scalars(
            select(Variant.sku).where(Variant.product_id == one.id).order_by(Variant.position)
        ).all()
        assert found == ["S-7-0", "S-7-1", "S-7-2"]


def test_an_import_is_on_record(sessions: Sessions, tmp_path: Path) -> None:
    run(sessions, write(tmp_path / "goods.csv", FULL), "hub")
    with reading(sessions) as session:
        rows = session.execute(
            select(AuditRow.actor_kind, AuditRow.actor, AuditRow.subject, AuditRow.subject_key, AuditRow.action)
            .where(AuditRow.subject.in_(("product", "variant")))
            .order_by(AuditRow.seq)
        ).tuples()
        assert list(rows) == [
            ("import", "goods.csv", "product", "w", "created"), ("import", "goods.csv", "variant", "W-75", "created"),
            ("import", "goods.csv", "variant", "W-150", "created"),
        ]  # fmt: skip


CATALOGUES = Path(__file__).resolve().parents[4] / "shared" / "data" / "catalogues"


@pytest.mark.skipif(not CATALOGUES.exists(), reason="needs the real product exports in ../shared/data/catalogues")
def test_the_real_exports_come_in_as_their_seller_knows_them(sessions: Sessions) -> None:
    for name in ("apparel", "jewelery"):
        assert errors(run(sessions, CATALOGUES / f"shopify-{name}.csv")) == []
    with reading(sessions) as session:
        products = {p.handle: p for p in session.scalars(select(Product))}
        top = products["classic-varsity-top"]
        assert (top.title, top.brand, top.tags, top.state) == (
            "Classic Varsity Top", "partners-demo", ["women"], "approved",
        )  # fmt: skip
        assert top.description == (
            "Womens casual varsity top, This grey and black buttoned top is a sport-inspired piece complete with an "
            "embroidered letter."
        )
        assert top.images == ["https://burst.shopifycdn.com/photos/casual-fashion-woman_925x.jpg"]
        variants = session.scalars(select(Variant).where(Variant.product_id == top.id).order_by(Variant.position)).all()
        assert [(v.sku, v.options, v.price_minor, v.weight_g) for v in variants] == [
            ("classic-varsity-top_small", {"Size": "Small"}, 6000, None),
            ("classic-varsity-top_medium", {"Size": "Medium"}, 6000, None),
            ("classic-varsity-top_large", {"Size": "Large"}, 6000, None),
        ]
        assert (products["ocean-blue-shirt"].axes, len(products)) == ([], 40)
