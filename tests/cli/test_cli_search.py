"""`hub search` and `hub views`: what is found, how it is filtered, and searches kept under a name."""

from __future__ import annotations

import json

import pytest

from hub.db.session import Sessions, unit
from hub.kernel.money import Money
from hub.pim import projections
from hub.pim.catalog import PutProducts, PutVariants, put_products, put_variants
from hub.pim.facts import ProductFacts, VariantFacts
from tests.support.builders import NOW
from tests.support.cli import Terminal


@pytest.fixture
def shop(sessions: Sessions) -> None:
    with unit(sessions) as session:
        put_products(
            session,
            PutProducts(
                products=[
                    ProductFacts(handle="riesling", title="Dry Riesling", brand="Acme", tags=("white",)),
                    ProductFacts(handle="merlot", title="Merlot", brand="Bloom", tags=("red",)),
                    ProductFacts(handle="box", title="Riesling box", brand="Bloom"),
                ]
            ),
            NOW,
        )
        put_variants(
            session,
            PutVariants(
                variants=[
                    VariantFacts(sku=f"W-{handle}", handle=handle, price=Money.parse(price, "EUR"))
                    for handle, price in (("riesling", "12.50"), ("merlot", "9.99"), ("box", "70"))
                ]
            ),
            NOW,
        )
        projections.project(session, NOW)


def found(terminal: Terminal, *arguments: str) -> list[str]:
    ran = terminal.hub("search", *arguments, "--json")
    assert ran.code == 0, ran.err
    return [row["handle"] for row in ran.json["products"]]


@pytest.mark.usefixtures("shop")
def test_words_and_filters_narrow_what_is_found(terminal: Terminal) -> None:
    assert found(terminal, "riesling") == ["box", "riesling"]  # the title that begins so comes first
    assert found(terminal, "riesling", "-f", "brand=Bloom") == ["box"]
    assert found(terminal, "-f", "brand!=Acme", "-f", "price<=10 EUR") == ["merlot"]
    assert found(terminal, "--any", "-f", "tag=red", "-f", "price>=70", "--sort", "price") == ["merlot", "box"]
    assert found(terminal, "-f", "gtin=yes") == []
    query = json.dumps({"filter": {"not": {"field": "tag", "is": ["red", "white"]}}})
    assert found(terminal, "--query", query) == ["box"]
    assert found(terminal, "find", "rebuild") == []


@pytest.mark.usefixtures("shop")
def test_pages_counts_and_facets(terminal: Terminal) -> None:
    first = terminal.hub("search", "--sort", "title", "--limit", "2", "--facet", "brand", "--json").json
    assert [row["handle"] for row in first["products"]] == ["riesling", "merlot"]
    assert (first["count"], first["count_capped"], first["behind"]) == (3, False, 0)
    assert first["facets"] == [
        {
            "name": "brand", "capped": False, "more": False,
            "values": [
                {"value": "Bloom", "label": "Bloom", "count": 2}, {"value": "Acme", "label": "Acme", "count": 1},
            ],
        }
    ]  # fmt: skip
    assert found(terminal, "--sort", "title", "--after", first["next"]) == ["box"]
    text = terminal.hub("search", "merlot", "--facet", "brand").out
    assert "9.99 EUR" in text
    assert "brand: Bloom 1" in text
    assert "1 products" in text


@pytest.mark.usefixtures("shop")
def test_what_is_not_understood_is_refused(terminal: Terminal) -> None:
    for arguments, says in (
        (("-f", "brand"), "write it like brand=Acme"),
        (("-f", "brand>=A"), "has no order"),
        (("-f", "price>=much"), "12.50"),
        (("-f", "gtin=maybe"), "gtin=yes"),
        (("-f", "nothing=1"), "no attribute"),
        (("--query", "{"), "not JSON"),
        (("--view", "nothing"), "no view"),
    ):
        ran = terminal.hub("search", *arguments)
        assert (ran.code, says in ran.err) == (1, True), ran.err


@pytest.mark.usefixtures("shop")
def test_a_view_is_saved_shown_used_renamed_and_removed(terminal: Terminal) -> None:
    saved = terminal.hub("views", "save", "Rieslings", "riesling", "-f", "brand=Acme", "--column", "title", "--json")
    assert (saved.code, saved.json["columns"], saved.json["version"]) == (0, ["title"], 1)
    assert found(terminal, "--view", "Rieslings") == ["riesling"]
    assert terminal.hub("views", "save", "Rieslings", "riesling", "--shared", "--json").json["version"] == 2
    assert found(terminal, "--view", "Rieslings", "-f", "brand=Bloom") == ["box"]
    assert terminal.hub("views", "rename", "Rieslings", "All").code == 0
    assert [view["name"] for view in terminal.hub("views", "list", "--json").json] == ["All"]
    assert terminal.hub("views", "show", "All", "--json").json["query"]["text"] == "riesling"
    assert terminal.hub("views", "save", "Bad", "-f", "nothing=1").code == 1
    assert terminal.hub("views", "remove", "All").code == 0
    assert terminal.hub("views", "remove", "All").code == 1
    assert terminal.hub("views", "list", "--json").json == []


@pytest.mark.usefixtures("shop")
def test_search_is_rebuilt_and_suggests(terminal: Terminal) -> None:
    assert terminal.hub("search", "rebuild", "--json").json == {"products": 3}
    assert found(terminal, "merl") == ["merlot"]
    suggested = terminal.hub("search", "suggest", "blo", "--json").json
    assert suggested[0] == {"kind": "brand", "text": "Bloom", "value": "Bloom"}
