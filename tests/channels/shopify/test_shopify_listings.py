"""Listings and prices: drafts, revisions that keep what they do not name, read-back, ending."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shopify_support import LOCATION, body, error, item, node, ref, variant, variant_node

from hub.channels.contract import (
    Applied,
    Deferred,
    ListingDraft,
    ListingRef,
    ListingState,
    PriceLevel,
    Refused,
    Throttled,
    VariantDraft,
)
from hub.channels.shopify.listings import Existing, Product, build_product, check, handle_of
from hub.kernel.money import Money

GOLDEN = Path(__file__).parent / "golden"
KEY = "0f" * 16
SHOP = {
    "shop": {"id": "s", "name": "T", "myshopifyDomain": "t", "currencyCode": "EUR"},
    "locations": {"nodes": [{"id": LOCATION, "name": "Main", "isActive": True}]},
}
ONLINE = {"publications": {"nodes": [{"id": "gid://shopify/Publication/1", "name": "Online Store"}]}}
PUBLISHED = {"publishablePublish": {"userErrors": []}}


def _eur(minor):
    return Money(minor=minor, currency="EUR")


def _variant(sku, **more):
    given = {"channel_sku": sku, "price": _eur(1290), "quantity": 3, **more}
    return VariantDraft(**given)


def _draft(*variants, **more):
    given = {"listing_key": KEY, "title": "Cup", "description": "<p>Cup</p>", "variants": variants, **more}
    return ListingDraft(**given)


def _made(*numbers, product=1):
    nodes = [{"id": variant(n), "sku": f"SKU-{n}", "inventoryItem": {"id": item(n)}} for n in numbers]
    made = {"id": f"gid://shopify/Product/{product}", "handle": "h", "status": "ACTIVE", "variants": {"nodes": nodes}}
    return {"productSet": {"product": made, "userErrors": []}}


def _existing(*variants, status="ACTIVE", options=None, published="2026-11-01T00:00:00Z"):
    """A product as PRODUCT_BY_ID shows it; `variants` are (number, sku, options)."""
    rows = [
        {
            "id": variant(n), "sku": sku, "inventoryItem": {"id": item(n)},
            "selectedOptions": [{"name": axis, "value": value} for axis, value in chosen.items()],
        }
        for n, sku, chosen in variants
    ]  # fmt: skip
    axes = options or {"Title": ["Default Title"]}
    return {
        "product": {
            "id": "gid://shopify/Product/1", "handle": "h", "status": status, "title": "Cup", "publishedAt": published,
            "options": [
                {"id": "o", "name": axis, "position": 1, "optionValues": [{"id": "v", "name": v} for v in values]}
                for axis, values in axes.items()
            ],
            "variants": {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": rows},
        }
    }  # fmt: skip


# ---------------------------------------------------------------- checking


def test_everything_wrong_is_said_at_once():
    draft = _draft(
        _variant("A", options={"Size": "S"}),
        _variant("A", options={"Colour": "red"}, price=Money(minor=5, currency="USD"), quantity=-1),
        title=" ",
        images=("file:///etc/passwd",),
        attributes={"material": "clay"},
    )
    codes = {problem.code: problem.severity for problem in check(draft, "EUR")}
    assert codes == {
        "TITLE_MISSING": "error", "OPTIONS_DIFFER": "error", "SKU_TWICE": "error", "CURRENCY": "error",
        "QUANTITY_NEGATIVE": "error", "IMAGE_URL": "error", "ATTRIBUTE_UNUSED": "info",
    }  # fmt: skip


def test_a_good_draft_has_no_problem_and_checking_asks_nobody(rig):
    assert rig.adapter.check_listing(_draft(_variant("SKU-1"))) == []
    assert rig.shop.asked == []


# ---------------------------------------------------------------- building


def test_the_handle_comes_from_the_key_alone():
    assert handle_of(_draft(_variant("A"))) == handle_of(_draft(_variant("A"), title="Other")) == f"p-{KEY}"


def test_a_new_product_is_tracked_and_stocked_at_the_location():
    data, identifier = build_product(_draft(_variant("SKU-1")), product=None, location=LOCATION, with_images=False)
    assert identifier == {"handle": f"p-{KEY}"}
    assert data["handle"] == f"p-{KEY}"
    assert data["productOptions"] == [{"name": "Title", "position": 1, "values": [{"name": "Default Title"}]}]
    [one] = data["variants"]
    assert one["inventoryItem"]["tracked"] is True
    assert one["inventoryQuantities"] == [{"locationId": LOCATION, "name": "available", "quantity": 3}]
    assert "files" not in data


def test_the_golden_revision_keeps_the_variant_it_does_not_name():
    product = Product(
        product_id="gid://shopify/Product/1",
        status="ACTIVE",
        online=True,
        options={"Size": ["S", "L"]},
        variants=(
            Existing(variant_id=variant(1), sku="SKU-S", options={"Size": "S"}),
            Existing(variant_id=variant(2), sku="SKU-L", options={"Size": "L"}),
        ),
    )
    draft = _draft(
        _variant("SKU-S", options={"Size": "S"}),
        _variant("SKU-M", options={"Size": "M"}, weight_g=250),
        brand="Acme",
        category="Cups",
    )
    data, identifier = build_product(draft, product=product, location=LOCATION, with_images=False)
    assert {"i": data, "id": identifier} == json.loads((GOLDEN / "product_set_revision.json").read_text("utf-8"))


# ---------------------------------------------------------------- publishing


def _creating(rig):
    rig.shop.on("shop", SHOP)
    rig.shop.on("productByIdentifier", {"productByIdentifier": None})
    rig.shop.on("productVariants", {"s0": {"nodes": []}})
    rig.shop.on("publications", ONLINE)
    rig.shop.on("publishablePublish", PUBLISHED)
    rig.shop.on("productSet", _made(1))


def test_a_new_product_is_looked_for_made_and_put_online(rig):
    _creating(rig)
    outcome = rig.adapter.publish_listing(_draft(_variant("SKU-1"), images=("https://i.example/a.jpg",)))
    assert isinstance(outcome, Applied)
    [made] = outcome.refs
    assert (made.channel_sku, made.external_id) == ("SKU-1", variant(1))
    assert made.facts["inventory_item_id"] == item(1)
    assert made.facts["product_id"] == "gid://shopify/Product/1"
    assert [asked.root for asked in rig.shop.asked] == [
        "shop", "productByIdentifier", "productVariants", "productSet", "publications", "publishablePublish",
    ]  # fmt: skip
    assert rig.shop.of("productSet")[0]["i"]["files"] == [
        {"originalSource": "https://i.example/a.jpg", "contentType": "IMAGE"}
    ]
    assert rig.shop.of("publishablePublish")[0] == {
        "id": "gid://shopify/Product/1", "input": [{"publicationId": "gid://shopify/Publication/1"}],
    }  # fmt: skip


def test_the_same_pictures_are_not_sent_again(rig):
    _creating(rig)
    pictures = ("https://i.example/a.jpg",)
    outcome = rig.adapter.publish_listing(_draft(_variant("SKU-1"), images=pictures))
    rig.shop.on("product", _existing((1, "SKU-1", {"Title": "Default Title"})))
    rig.adapter.publish_listing(_draft(_variant("SKU-1", ref=outcome.refs[0]), images=pictures))
    again = rig.shop.of("productSet")[1]
    assert "files" not in again["i"]
    assert again["id"] == {"id": "gid://shopify/Product/1"}
    assert "inventoryQuantities" not in again["i"]["variants"][0]


def test_after_a_lost_answer_the_product_is_found_by_its_handle(rig):
    _creating(rig)
    rig.shop.on("productByIdentifier", {"productByIdentifier": {"id": "gid://shopify/Product/1"}})
    rig.shop.on("product", _existing((1, "SKU-1", {"Title": "Default Title"})))
    rig.adapter.publish_listing(_draft(_variant("SKU-1")))
    [asked] = rig.shop.of("productSet")
    assert asked["id"] == {"id": "gid://shopify/Product/1"}
    assert asked["i"]["variants"][0]["id"] == variant(1)


def test_a_product_made_by_hand_with_the_same_sku_is_revised_not_doubled(rig):
    _creating(rig)
    rig.shop.on("productVariants", {"s0": {"nodes": [variant_node(1)]}})
    rig.shop.on("product", _existing((1, "SKU-1", {"Title": "Default Title"})))
    rig.adapter.publish_listing(_draft(_variant("SKU-1")))
    assert rig.shop.of("productSet")[0]["id"] == {"id": "gid://shopify/Product/1"}


def test_skus_of_several_products_are_left_to_a_person(rig):
    _creating(rig)
    other = {**variant_node(2)["product"], "id": "gid://shopify/Product/2", "title": "Bowl"}
    found = {"s0": {"nodes": [variant_node(1)]}, "s1": {"nodes": [variant_node(2, product=other)]}}
    rig.shop.on("productVariants", found)
    draft = _draft(_variant("SKU-1", options={"S": "1"}), _variant("SKU-2", options={"S": "2"}))
    outcome = rig.adapter.publish_listing(draft)
    assert outcome.problems[0].code == "SKU_ELSEWHERE"
    assert rig.shop.of("productSet") == []


def test_variants_by_other_options_are_refused_instead_of_deleted(rig):
    _creating(rig)
    rig.shop.on("productByIdentifier", {"productByIdentifier": {"id": "gid://shopify/Product/1"}})
    rig.shop.on(
        "product", _existing((1, "X-1", {"Size": "S"}), (2, "X-2", {"Size": "M"}), options={"Size": ["S", "M"]})
    )
    outcome = rig.adapter.publish_listing(_draft(_variant("SKU-1")))
    assert outcome.problems[0].code == "OPTIONS_DIFFER"
    assert rig.shop.of("productSet") == []


def test_what_shopify_refuses_is_passed_on_with_its_field(rig):
    _creating(rig)
    refused = [{"code": "INVALID_INPUT", "field": ["input", "title"], "message": "Title is too long"}]
    rig.shop.on("productSet", {"productSet": {"product": None, "userErrors": refused}})
    outcome = rig.adapter.publish_listing(_draft(_variant("SKU-1")))
    assert isinstance(outcome, Refused)
    assert (outcome.problems[0].message, outcome.problems[0].field) == ("Title is too long", "input.title")


def test_without_the_scope_the_product_stays_unpublished_but_made(rig):
    _creating(rig)
    rig.shop.on("publications", body(errors=[error("ACCESS_DENIED", path=["publications"])]))
    assert isinstance(rig.adapter.publish_listing(_draft(_variant("SKU-1"))), Applied)
    assert rig.logged[0][0] == "shopify.publications_hidden"


def test_a_product_that_was_made_but_not_put_online_is_finished_by_the_next_try(rig):
    _creating(rig)
    rig.shop.on("publishablePublish", body(errors=[error("THROTTLED")]), PUBLISHED)
    with pytest.raises(Throttled):
        rig.adapter.publish_listing(_draft(_variant("SKU-1")))
    rig.shop.on("productByIdentifier", {"productByIdentifier": {"id": "gid://shopify/Product/1"}})
    rig.shop.on("product", _existing((1, "SKU-1", {"Title": "Default Title"}), published=None))
    assert isinstance(rig.adapter.publish_listing(_draft(_variant("SKU-1"))), Applied)
    assert len(rig.shop.of("publishablePublish")) == 2


def test_a_product_that_is_online_is_not_put_there_again(rig):
    _creating(rig)
    rig.shop.on("productByIdentifier", {"productByIdentifier": {"id": "gid://shopify/Product/1"}})
    rig.shop.on("product", _existing((1, "SKU-1", {"Title": "Default Title"})))
    assert isinstance(rig.adapter.publish_listing(_draft(_variant("SKU-1"))), Applied)
    assert rig.shop.of("publishablePublish") == []


# ---------------------------------------------------------------- reading back


def _read(rig, *nodes, refs=None):
    rig.shop.on("shop", SHOP)
    rig.shop.on("nodes", {"nodes": list(nodes)})
    rig.shop.on("productVariants", {f"s{n}": {"nodes": []} for n in range(20)})
    rig.shop.on("publications", ONLINE)
    return rig.adapter.read_listings(refs or [ref(1)])


def test_a_live_listing_with_its_number_price_and_facts(rig):
    [report] = _read(rig, variant_node(1), refs=[ListingRef(channel_sku="SKU-1", external_id=variant(1))])
    assert (report.state, report.quantity, report.price) == (ListingState.LIVE, 3, _eur(1290))
    assert report.ref.facts == {
        "variant_id": variant(1), "inventory_item_id": item(1), "product_id": "gid://shopify/Product/1",
    }  # fmt: skip


def test_sold_out_and_oversold_are_live_with_zero(rig):
    for number in (0, -2):
        [report] = _read(rig, variant_node(1, inventoryItem=node(1, number)))
        assert (report.state, report.quantity) == (ListingState.LIVE, 0)


def test_states_of_a_product(rig):
    for status, published, state in (
        ("DRAFT", "2026-11-01T00:00:00Z", ListingState.ACCEPTED),
        ("ARCHIVED", None, ListingState.ENDED),
        ("UNLISTED", "2026-11-01T00:00:00Z", ListingState.LIVE),
        ("ACTIVE", None, ListingState.ACCEPTED),
    ):
        product = {**variant_node(1)["product"], "status": status, "publishedAt": published}
        [report] = _read(rig, variant_node(1, product=product))
        assert report.state is state, status


def test_a_vanished_variant_is_looked_for_by_sku_once_more(rig):
    [gone, moved] = _read(rig, None, None, refs=[ref(1), ref(2)])
    assert (gone.state, moved.state) == (ListingState.VANISHED, ListingState.VANISHED)
    rig.shop.on("productVariants", {"s0": {"nodes": []}, "s1": {"nodes": [variant_node(7, sku="SKU-2")]}})
    [gone, moved] = rig.adapter.read_listings([ref(1), ref(2)])
    assert gone.state is ListingState.VANISHED
    assert (moved.state, moved.ref.facts["variant_id"]) == (ListingState.LIVE, variant(7))


def test_an_awkward_sku_is_searched_in_quotes(rig):
    rig.shop.on("shop", SHOP)
    sku = "a'b: c\\d"
    rig.shop.on("productVariants", {"s0": {"nodes": [variant_node(1, sku=sku)]}})
    [report] = rig.adapter.read_listings([ListingRef(channel_sku=sku)])
    assert report.state is ListingState.LIVE
    assert rig.shop.of("productVariants")[0]["q0"] == "sku:'a\\'b: c\\\\d'"


# ---------------------------------------------------------------- ending


def _end_state(status="ACTIVE", variants=1):
    nodes = [{"id": variant(n)} for n in range(1, variants + 1)]
    product = {"id": "gid://shopify/Product/1", "status": status, "variants": {"nodes": nodes}}
    return {"productVariant": {"id": variant(1), "sku": "SKU-1", "product": product}}


def test_the_last_variant_archives_its_product(rig):
    rig.shop.on("productVariant", _end_state())
    rig.shop.on("productUpdate", {"productUpdate": {"product": None, "userErrors": []}})
    assert isinstance(rig.adapter.end_listing(ref(1)), Applied)
    assert rig.shop.of("productUpdate") == [{"product": {"id": "gid://shopify/Product/1", "status": "ARCHIVED"}}]


def test_one_of_several_variants_is_removed(rig):
    rig.shop.on("productVariant", _end_state(variants=2))
    rig.shop.on("productVariantsBulkDelete", {"productVariantsBulkDelete": {"userErrors": []}})
    assert isinstance(rig.adapter.end_listing(ref(1)), Applied)
    assert rig.shop.of("productVariantsBulkDelete") == [{"product": "gid://shopify/Product/1", "ids": [variant(1)]}]


def test_ending_what_is_gone_or_archived_is_applied_without_a_write(rig):
    rig.shop.on("productVariant", {"productVariant": None}, _end_state(status="ARCHIVED"))
    assert isinstance(rig.adapter.end_listing(ref(1)), Applied)
    assert isinstance(rig.adapter.end_listing(ref(1)), Applied)
    assert [asked.root for asked in rig.shop.asked] == ["productVariant", "productVariant"]


# ---------------------------------------------------------------- prices


def _price(n, minor, currency="EUR", product=1):
    facts = {**ref(n).facts, "product_id": f"gid://shopify/Product/{product}"}
    placed = ListingRef(channel_sku=f"SKU-{n}", external_id=variant(n), facts=facts)
    return PriceLevel(ref=placed, price=Money(minor=minor, currency=currency), revision=1, idempotency_key=f"p{n}")


def _priced(*errors):
    rows = [{"code": code, "field": ["variants", str(row), "price"], "message": code} for code, row in errors]
    return {"productVariantsBulkUpdate": {"productVariants": [], "userErrors": rows}}


def test_prices_go_out_by_product(rig):
    rig.shop.on("shop", SHOP)
    rig.shop.on("productVariantsBulkUpdate", _priced())
    outcomes = rig.adapter.push_prices([_price(1, 999), _price(2, 500, product=2), _price(3, 1000)])
    assert outcomes == [Applied()] * 3
    assert rig.shop.of("productVariantsBulkUpdate") == [
        {
            "product": "gid://shopify/Product/1",
            "variants": [{"id": variant(1), "price": "9.99"}, {"id": variant(3), "price": "10.00"}],
        },
        {"product": "gid://shopify/Product/2", "variants": [{"id": variant(2), "price": "5.00"}]},
    ]


def test_one_bad_price_and_one_bad_currency_sink_no_other(rig):
    rig.shop.on("shop", SHOP)
    rig.shop.on("productVariantsBulkUpdate", _priced(("NEGATIVE_PRICE_VALUE", 1)))
    outcomes = rig.adapter.push_prices([_price(1, 999), _price(2, -1), _price(3, 5, currency="USD")])
    assert outcomes[0] == Applied()
    assert (outcomes[1].problems[0].code, outcomes[2].problems[0].code) == ("NEGATIVE_PRICE_VALUE", "CURRENCY")


def test_a_later_product_that_is_throttled_is_deferred(rig):
    rig.shop.on("shop", SHOP)
    rig.shop.on("productVariantsBulkUpdate", _priced(), body(errors=[error("THROTTLED")]))
    outcomes = rig.adapter.push_prices([_price(1, 999), _price(2, 500, product=2), _price(3, 500, product=3)])
    assert outcomes[0] == Applied()
    assert [type(outcome) for outcome in outcomes[1:]] == [Deferred, Deferred]
    assert len(rig.shop.of("productVariantsBulkUpdate")) == 2


def test_an_unpublished_product_is_live_only_where_there_is_no_online_store(make_rig):
    hidden = variant_node(1, product={**variant_node(1)["product"], "publishedAt": None})
    for names, state in (
        (["Onlineshop", "POS"], ListingState.ACCEPTED),
        (["Kiosk", "POS"], ListingState.ACCEPTED),
        (["Headless"], ListingState.LIVE),
        ([], ListingState.LIVE),
    ):
        rig = make_rig()
        nodes = [{"id": f"gid://shopify/Publication/{n}", "name": name} for n, name in enumerate(names)]
        rig.shop.on("shop", SHOP)
        rig.shop.on("nodes", {"nodes": [hidden]})
        rig.shop.on("publications", {"publications": {"nodes": nodes}})
        assert rig.adapter.read_listings([ref(1)])[0].state is state, names
