"""Completeness and lint from the terminal."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from hub.db.session import Sessions, unit
from hub.db.upsert import table_of
from hub.kernel.money import Money
from hub.pim import catalog, projections
from hub.pim.facts import ProductFacts, VariantFacts
from hub.pim.quality.models import Completeness
from tests.support.builders import NOW, an_account
from tests.support.cli import Terminal

TEXT = "A dry red wine from old vines on slate, ripe and full, with dark berries and a long finish, for lamb."


@pytest.fixture
def shop(terminal: Terminal, sessions: Sessions) -> Terminal:
    """Three products: one complete, one without a price, one without a variant; an account on eBay."""
    with unit(sessions) as session:
        an_account(session, channel="ebay")
        products = [
            ProductFacts(handle=handle, title=f"Leroc {handle} 2019 red wine", description=f"<p>{TEXT}</p>")
            for handle in ("syrah", "merlot", "gamay")
        ]
        catalog.put_products(session, catalog.PutProducts(products=products), NOW)
        variants = [
            VariantFacts(sku=f"{handle.upper()}-1", handle=handle, price=Money(minor=price, currency="EUR"))
            for handle, price in (("syrah", 1299), ("merlot", 0))
        ]
        catalog.put_variants(session, catalog.PutVariants(variants=variants), NOW)
        projections.project(session, NOW)
    return terminal


def test_products_that_lack_something_are_listed_the_worst_first_page_by_page(shop: Terminal) -> None:
    ran = shop.hub("completeness", "--json", "--limit", "1")
    assert ran.code == 0
    (line,) = ran.json["lines"]
    assert (line["product"], line["percent"], line["missing"]) == (
        "gamay", 33,
        [{"field": "variants", "skus": [], "variants": 0}, {"field": "price", "skus": [], "variants": 0}],
    )  # fmt: skip
    second = shop.hub("completeness", "--json", "--limit", "1", "--after", ran.json["after"]).json
    assert [(line["product"], line["percent"]) for line in second["lines"]] == [("merlot", 66)]
    assert second["after"] is None
    assert [line["product"] for line in shop.hub("completeness", "--json", "--below", "101").json["lines"]] == [
        "gamay", "merlot", "syrah",
    ]  # fmt: skip
    lacking = shop.hub("completeness", "--json", "--lacking", "variants").json
    assert [line["product"] for line in lacking["lines"]] == ["gamay"]
    text = shop.hub("completeness").out
    assert "price (MERLOT-1)" in text
    assert "syrah" not in text


def test_sums_gaps_and_copies(shop: Terminal) -> None:
    general, there = shop.hub("completeness", "summary", "--json").json
    assert (general["channel"], general["products"], general["mean"], there["channel"]) == ("*", 3, 66.3, "ebay")
    assert {band["from"]: band["products"] for band in general["bands"]} == {0: 0, 25: 1, 50: 1, 75: 0, 100: 1}
    assert there["with_errors"] == 3  # eBay wants a picture
    assert shop.hub("completeness", "gaps", "--json").json == [
        {"field": "price", "products": 2}, {"field": "variants", "products": 1},
    ]  # fmt: skip
    (same,) = shop.hub("completeness", "copies", "--json").json
    assert (same["products"], same["handles"]) == (3, ["syrah", "merlot", "gamay"])


def test_what_a_channel_would_refuse_ends_with_three(shop: Terminal) -> None:
    ran = shop.hub("lint", "SYRAH-1", "--channel", "ebay", "--json")
    assert (ran.code, ran.json["product"]) == (3, "syrah")
    found = {finding["code"]: finding for finding in ran.json["findings"]}
    assert [code for code, finding in found.items() if finding["severity"] == "error"] == ["picture_missing"]
    assert found["description_copied"]["message"] == "The same description is on merlot, gamay."
    assert found["category_missing"]["severity"] == "advice"
    general = shop.hub("lint", "syrah", "--channel", "*")
    assert general.code == 0
    assert "error" not in general.out
    assert shop.hub("lint", "merlot", "--channel", "*").code == 3


def test_what_is_not_there_is_refused_by_name(shop: Terminal) -> None:
    for arguments, says in (
        (("lint", "nothing"), "no product has the handle 'nothing', no variant the SKU"),
        (("lint", "syrah", "--channel", "amazon"), "no account sells on 'amazon' (one of: *, ebay)"),
        (("completeness", "--locale", "de"), "there is no locale 'de'"),
        (("completeness", "--after", "x:1"), "'x:1' is no place in a list"),
    ):
        ran = shop.hub(*arguments)
        assert (ran.code, says in ran.err) == (1, True), ran.err


def test_completeness_is_made_anew(shop: Terminal, sessions: Sessions) -> None:
    before = shop.hub("completeness", "--json", "--below", "101").json
    with unit(sessions) as session:
        session.execute(delete(table_of(Completeness)))
    assert shop.hub("completeness", "--json", "--below", "101").json["lines"] == []
    assert shop.hub("completeness", "rebuild", "--json").json == {"products": 3}
    assert shop.hub("completeness", "--json", "--below", "101").json == before
