"""Products through the API: words, filters, pages, facets."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from hub.db.session import unit
from hub.kernel.money import Money
from hub.pim import projections
from hub.pim.catalog import PutProducts, PutVariants, put_products, put_variants
from hub.pim.facts import ProductFacts, VariantFacts
from tests.support.builders import NOW
from tests.support.web import Shop, problem_of


def fill(shop: Shop) -> None:
    with unit(shop.system.sessions) as session:
        given = [ProductFacts(handle=f"red-{n}", title=f"Red {n}", brand=brand) for n, brand in enumerate("AAB")]
        put_products(session, PutProducts(products=given), NOW)
        made = [
            VariantFacts(sku=f"RED/{n}", handle=f"red-{n}", price=Money.parse(f"{n + 1}.50", "EUR")) for n in range(3)
        ]
        put_variants(session, PutVariants(variants=made), NOW)
        projections.project(session, NOW)


def handles(shop: Shop, **asked: object) -> list[str]:
    answer = shop.get("/products?" + urlencode(asked, doseq=True))
    assert answer.status_code == 200, answer.get_json()
    return [row["handle"] for row in answer.get_json()["data"]]


def test_products_are_found_by_words_and_filters_in_pages(shop: Shop) -> None:
    fill(shop)
    assert handles(shop, text="red") == ["red-0", "red-1", "red-2"]
    assert handles(shop, text="red", filter=["brand=A", "price>=2 EUR"]) == ["red-1"]
    query = json.dumps({"filter": {"not": {"field": "brand", "is": ["A"]}}, "text": "red"})
    assert handles(shop, query=query) == ["red-2"]
    first = shop.get("/products?text=red&sort=price&descending=true&limit=2&facet=brand").get_json()
    assert [row["handle"] for row in first["data"]] == ["red-2", "red-1"]
    assert (first["count"], first["count_capped"]) == (3, False)
    assert first["facets"] == [
        {
            "name": "brand", "more": False, "capped": False,
            "values": [{"value": "A", "label": "A", "count": 2}, {"value": "B", "label": "B", "count": 1}],
        }
    ]  # fmt: skip
    assert handles(shop, text="red", sort="price", descending="true", limit=2, after=first["next"]) == ["red-0"]
    assert {k: first["data"][0][k] for k in ("first_sku", "skus", "price_from_minor", "currency", "available")} == {
        "first_sku": "RED/2", "skus": 1, "price_from_minor": 350, "currency": "EUR", "available": 0,
    }  # fmt: skip


def test_what_cannot_be_asked_is_refused(shop: Shop) -> None:
    assert problem_of(shop.get("/products?filter=brand")) == (422, "invalid", "filter")
    assert problem_of(shop.get("/products?query=%7B")) == (422, "invalid", "query")
    assert problem_of(shop.get("/products?filter=nothing%3D1")) == (404, "unknown", "attribute")
    assert problem_of(shop.get("/products?after=x")) == (422, "invalid", "after")
    assert problem_of(shop.get("/products?facet=nothing")) == (404, "unknown", "facets")
