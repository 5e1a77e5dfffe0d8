"""The hub's own layout: stock per place, attributes, measures with units, every encoding and delimiter."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.pim.models import Location, Product, StockMovement, StockPosition, Variant
from tests.support.builders import a_location
from tests.support.import_files import errors, lines, run, write

HEADER = (
    "handle,title,images,option1_name,option1_value,sku,price,weight,weight_unit,length,dimension_unit,"
    "attribute:Region,stock:Main,stock:shop"
)
CHATEAU = (
    f"{HEADER}\n"
    "château,Château «Été»,https://pictures.example/1.jpg|https://pictures.example/2.jpg,Vintage,2019,CH-19,17.90,"
    "1.3 kg,,31,cm,Médoc,12,3\n"
    "château,,,,2020,CH-20,16.90,46,oz,12 in,cm,,0,\n"
)


@pytest.fixture
def two_places(sessions: Sessions) -> Sessions:
    with unit(sessions) as session:
        a_location(session, code="Main")
        a_location(session, code="shop")
    return sessions


def check_chateau(sessions: Sessions) -> None:
    with reading(sessions) as session:
        product = session.scalars(select(Product)).one()
        assert (product.handle, product.title, product.values) == (
            "château", "Château «Été»", {"region": {"": "Médoc"}},
        )  # fmt: skip
        assert product.images == ["https://pictures.example/1.jpg", "https://pictures.example/2.jpg"]
        first, second = session.scalars(select(Variant).order_by(Variant.id)).all()
        assert (first.weight_g, first.length_mm, second.weight_g, second.length_mm) == (1300, 310, 1304, 305)
        assert session.execute(
            select(Location.code, StockPosition.on_hand)
            .join(StockPosition, StockPosition.location_id == Location.id)
            .order_by(Location.id)
        ).tuples().all() == [("Main", 12), ("shop", 3)]  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"), ("cp1252", "cp1252"),
    ],
)  # fmt: skip
def test_every_usual_encoding_is_recognised(two_places: Sessions, tmp_path: Path, encoding: str, found: str) -> None:
    report = run(two_places, write(tmp_path / "x.csv", CHATEAU, encoding), "hub")
    assert (errors(report), report.encoding) == ([], found)
    check_chateau(two_places)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_usual_delimiter_and_line_end(
    two_places: Sessions, tmp_path: Path, delimiter: str, line_end: str
) -> None:
    text = CHATEAU.replace(",", delimiter).replace("\n", line_end)
    report = run(two_places, write(tmp_path / "x.csv", text), "hub")
    assert (errors(report), report.delimiter) == ([], delimiter)
    assert lines(report) == [
        (2, "product", "château", "created"), (2, "variant", "CH-19", "created"), (3, "variant", "CH-20", "created"),
    ]  # fmt: skip
    check_chateau(two_places)


def test_a_line_that_declares_the_delimiter_is_obeyed(two_places: Sessions, tmp_path: Path) -> None:
    report = run(two_places, write(tmp_path / "x.csv", "sep=;\r\n" + CHATEAU.replace(",", ";")), "hub")
    assert (errors(report), report.rows) == ([], 2)
    check_chateau(two_places)


def test_a_damaged_utf8_file_names_the_damaged_row_only(two_places: Sessions, tmp_path: Path) -> None:
    text = CHATEAU + "thé,Thé vert,,,,THE,5,,,,,,,\n"
    report = run(
        two_places, write(tmp_path / "x.csv", text.encode().replace("Thé vert".encode(), b"Th\xe9 vert")), "hub"
    )
    assert report.encoding == "utf-8"
    assert errors(report) == [
        (4, "title", "'Th� vert' has a character that cannot be read"),
        (4, "", "the product thé was left out"),
    ]
    check_chateau(two_places)


def test_opening_stock_bears_a_token_of_file_sku_and_place(two_places: Sessions, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", CHATEAU)
    report = run(two_places, path, "hub")
    with reading(two_places) as session:
        assert session.execute(select(StockMovement.token, StockMovement.reason, StockMovement.by)).tuples().all() == [
            (f"import:{report.digest[:32]}:CH-19:Main", "opening stock", "import"),
            (f"import:{report.digest[:32]}:CH-19:shop", "opening stock", "import"),
        ]


def test_a_place_that_does_not_exist_is_named_before_anything_is_written(sessions: Sessions, tmp_path: Path) -> None:
    with unit(sessions) as session:
        a_location(session, code="shop")
    report = run(sessions, write(tmp_path / "x.csv", CHATEAU), "hub")
    assert errors(report) == [(1, "stock:Main", "no location has the code 'Main'")]
    assert report.problems()[0].fix == "one of: shop; or add it"
    with reading(sessions) as session:
        assert session.scalars(select(Product)).all() == []


def test_measures_without_unit_and_prices_of_two_meanings_are_refused(two_places: Sessions, tmp_path: Path) -> None:
    text = f"{HEADER}\nh,T,,,,A,1.299,1.3,,31,bananas,,1.5,x\nk,K,,,,,5,,,,,,,\n"
    report = run(two_places, write(tmp_path / "x.csv", text), "hub")
    assert errors(report) == [
        (2, "price", "1.299 has more than 2 decimals, EUR has 2"),
        (2, "weight", "1.3 has no unit"),
        (2, "length", "'bananas' is not a unit of length"),
        (2, "stock:Main", "'1.5' is not a number of things"),
        (2, "stock:shop", "'x' is not a number of things"),
        (3, "sku", "sku is empty"),
    ]


def test_prices_follow_the_currency(two_places: Sessions, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "handle,title,sku,price\na,A,A,1299\nb,B,B,12.99\n")
    report = run(two_places, path, "hub", currency="JPY")
    assert errors(report) == [(3, "price", "12.99 has more than 0 decimals, JPY has 0")]
    with reading(two_places) as session:
        assert session.execute(select(Variant.price_minor, Variant.currency)).tuples().all() == [(1299, "JPY")]
