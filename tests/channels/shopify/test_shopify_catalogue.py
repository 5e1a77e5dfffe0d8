"""Everything that the shop has: a variant read whole, pictures beyond a page, broken nodes, cursors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shopify_support import body, error, item, variant, variant_node

from hub.channels.contract import InvalidData, ListingState
from hub.channels.shopify import catalogue, queries

PRODUCT = {
    "id": "gid://shopify/Product/1", "status": "ACTIVE", "title": "Cup", "publishedAt": "2026-11-01T00:00:00Z",
    "descriptionHtml": "<p>A cup.</p>", "vendor": "Acme", "productType": "Cups", "hasOnlyDefaultVariant": False,
    "onlineStoreUrl": "https://shop.example/products/cup", "category": {"id": "gid://shopify/TaxonomyCategory/hg-1"},
}  # fmt: skip


def picture(n: int) -> dict[str, Any]:
    return {"id": f"gid://shopify/MediaImage/{n}", "image": {"url": f"https://img.example/{n}.jpg"}}


def media(*numbers: int, more: str | None = None) -> dict[str, Any]:
    return {"pageInfo": {"hasNextPage": more is not None, "endCursor": more}, "nodes": [picture(n) for n in numbers]}


def node(n: int, size: str = "S", *, pictures: Any = None, own: Any = (), **product: Any) -> dict[str, Any]:
    return variant_node(
        n, barcode=f"400638133393{n}", selectedOptions=[{"name": "Size", "value": size}], media={"nodes": list(own)},
        product={**PRODUCT, "media": pictures or media(1, 2), **product},
    )  # fmt: skip


def page(*nodes: Any, more: str | None = None) -> dict[str, Any]:
    return {
        "productVariants": {
            "pageInfo": {"hasNextPage": more is not None, "endCursor": more or "end"},
            "nodes": list(nodes),
        }
    }


@pytest.fixture
def shop(rig):
    rig.shop.on("shop", {"shop": {"currencyCode": "EUR"}, "locations": {"nodes": []}})
    return rig


def test_a_variant_is_read_whole(shop):
    shop.shop.on("productVariants", page(node(1, own=[picture(2)])))
    (cup,) = shop.adapter.pull_listings(None, limit=20).listings
    assert (cup.key, cup.ref.channel_sku, cup.ref.external_id) == (variant(1), "SKU-1", variant(1))
    assert (cup.title, cup.description, cup.brand) == ("Cup", "<p>A cup.</p>", "Acme")
    assert (cup.gtins, str(cup.price), cup.quantity, cup.state) == (
        ("4006381333931",),
        "12.90 EUR",
        3,
        ListingState.LIVE,
    )
    assert (cup.group, dict(cup.options)) == ("gid://shopify/Product/1", {"Size": "S"})
    assert cup.images == ("https://img.example/2.jpg", "https://img.example/1.jpg")
    assert (cup.category, cup.url) == ("gid://shopify/TaxonomyCategory/hg-1", "https://shop.example/products/cup")
    assert cup.ref.facts["inventory_item_id"] == item(1)


def test_what_stands_alone_has_no_options_and_no_group(shop):
    shop.shop.on("productVariants", page(node(1, "Default Title", hasOnlyDefaultVariant=True, category=None)))
    (cup,) = shop.adapter.pull_listings(None, limit=20).listings
    assert (dict(cup.options), cup.group, cup.category) == ({}, "", "Cups")


def test_pictures_beyond_a_page_are_fetched_once_for_all_variants_of_the_product(shop):
    first = media(1, 2, more="m1")
    shop.shop.on("productVariants", page(node(1, "S", pictures=first), node(2, "M", pictures=first)))
    shop.shop.on("product", {"product": {"id": PRODUCT["id"], "media": media(3, more="m2")}},
                 {"product": {"id": PRODUCT["id"], "media": media(4)}})  # fmt: skip
    listings = shop.adapter.pull_listings(None, limit=20).listings
    assert [len(one.images) for one in listings] == [4, 4]
    assert [asked["after"] for asked in shop.shop.of("product")] == ["m1", "m2"]


@pytest.mark.parametrize("broken", [None, 7, {}, {"id": "x"}, {"id": "x", "product": None}])
def test_what_cannot_be_read_stops_no_other(shop, broken):
    shop.shop.on("productVariants", page(broken, node(2)))
    told = shop.adapter.pull_listings(None, limit=20)
    assert [one.key for one in told.listings] == [variant(2)]
    assert len(told.bad) == 1


def test_pages_go_on_from_shopifys_cursor(shop):
    shop.shop.on("productVariants", page(node(1), more="c1"), page(node(2)))
    first = shop.adapter.pull_listings(None, limit=500)
    second = shop.adapter.pull_listings(first.cursor, limit=3)
    assert (first.has_more, second.has_more) == (True, False)
    assert [(asked["first"], asked["after"]) for asked in shop.shop.of("productVariants")] == [(20, None), (3, "c1")]


def test_a_cursor_that_shopify_has_forgotten_is_bad_data(shop):
    refused = body(errors=[error("INVALID_CURSOR", "Invalid cursor for current pagination sort.")])
    shop.shop.on("productVariants", refused)
    with pytest.raises(InvalidData):
        shop.adapter.pull_listings(json.dumps({"of": "listings", "after": "c1"}), limit=3)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"of": "listings"}', '{"of": "listings", "after": 3}'])
def test_a_strange_cursor_is_refused(text):
    with pytest.raises(InvalidData):
        catalogue.parse_cursor(text)


def test_a_full_page_fits_into_one_query():
    assert queries.CATALOGUE.cost({"first": 20}) <= queries.COST_CAP
