"""Drafts checked and built, and what a read-back makes the hub believe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from amazon_support import STORE, Script, amazon_error, bench, reply
from werkzeug.wrappers import Request, Response

from hub.channels.amazon import listing_reports, listings
from hub.channels.amazon.publishing import plan
from hub.channels.contract import (
    Applied,
    Deferred,
    ListingDraft,
    ListingRef,
    ListingReport,
    ListingState,
    Refused,
    Severity,
    Submitted,
    VariantDraft,
)
from hub.kernel.money import Money

KEY = "0123456789abcdef0123456789abcdef"


def variant(sku: str = "KNIFE", **changes: Any) -> VariantDraft:
    facts: dict[str, Any] = {
        "price": Money(minor=1299, currency="EUR"),
        "quantity": 4,
        "gtin": "4006381333931",
        **changes,
    }
    return VariantDraft(channel_sku=sku, **facts)


def draft(*variants: VariantDraft, **changes: Any) -> ListingDraft:
    facts: dict[str, Any] = {
        "listing_key": KEY,
        "title": "Knife",
        "description": "<p>Sharp &amp; plain.</p><ul><li>Steel</li></ul>",
        "brand": "Plain",
        "images": ("https://images.example.test/a.jpg", "https://images.example.test/b.jpg"),
        **changes,
    }
    return ListingDraft(variants=variants, **facts)


SIZES = (variant("K-S", options={"Size": "S"}), variant("K-M", options={"Size": "M"}))


def codes(made: ListingDraft) -> list[str]:
    return [p.code for p in listings.check_draft(made, STORE, "PRODUCT") if p.severity is Severity.ERROR]


# ---------------------------------------------------------------- check


def test_a_sound_draft_has_no_errors() -> None:
    assert listings.check_draft(draft(variant()), STORE, "PRODUCT") == []
    assert codes(draft(*SIZES)) == []


def test_everything_wrong_is_told_at_once() -> None:
    bad = draft(
        variant("", price=Money(minor=0, currency="EUR"), quantity=-1, gtin="4006381333930"),
        variant("x" * 41, price=Money(minor=100, currency="GBP"), options={"Size": "S"}),
        title="t" * 201,
        category="knives and forks",
        condition="shiny",
        images=("ftp://a",),
        attributes={"bullet_point": "[1"},
    )
    assert codes(bad) == [
        "title_too_long", "product_type", "condition", "image_address", "attribute_json",
        "sku_missing", "price_not_positive", "quantity_negative", "gtin_shape",
        "sku_too_long", "wrong_currency", "axis_incomplete",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (draft(), ["no_variant"]),
        (draft(variant(), title=" "), ["title_missing"]),
        (draft(variant("A"), variant("B")), ["axes_missing"]),
        (draft(variant("A", options={"Size": "S"}), variant("A", options={"Size": "M"})), ["sku_twice"]),
        (draft(variant("A", options={"Size": "S"}), variant("B", options={"Size": "S"})), ["options_twice"]),
        (draft(variant("A", options={"色": "S"})), ["axis_name"]),
        (draft(variant("A", options={"Size": "S"}), listing_key="k" * 39), ["parent_sku_too_long"]),
        (draft(variant("a\tb")), ["sku_characters"]),
        (draft(variant("..")), ["sku_characters"]),
    ],
)
def test_each_objection_has_its_code(made: ListingDraft, expected: list[str]) -> None:
    assert codes(made) == expected


@pytest.mark.parametrize(
    ("gtin", "good"),
    [("4006381333931", True), ("036000291452", True), ("96385074", True), ("10614141000415", True),
     ("4006381333932", False), ("40063813339", False), ("４００６３８１３３３９３１", False), ("", False)],
)  # fmt: skip
def test_a_gtin_has_a_length_and_a_check_digit(gtin: str, good: bool) -> None:
    assert listings.is_gtin(gtin) is good


# ---------------------------------------------------------------- build


def test_a_single_listing_is_built_whole() -> None:
    assert listings.build_variant(draft(variant(weight_g=120)), variant(weight_g=120), STORE) == {
        "item_name": [{"value": "Knife", "marketplace_id": STORE, "language_tag": "de_DE"}],
        "product_description": [{"value": "Sharp & plain.\nSteel", "marketplace_id": STORE, "language_tag": "de_DE"}],
        "brand": [{"value": "Plain", "marketplace_id": STORE, "language_tag": "de_DE"}],
        "main_product_image_locator": [
            {"media_location": "https://images.example.test/a.jpg", "marketplace_id": STORE}
        ],
        "other_product_image_locator_1": [
            {"media_location": "https://images.example.test/b.jpg", "marketplace_id": STORE}
        ],
        "condition_type": [{"value": "new_new", "marketplace_id": STORE}],
        "purchasable_offer": [
            {
                "marketplace_id": STORE,
                "currency": "EUR",
                "audience": "ALL",
                "our_price": [{"schedule": [{"value_with_tax": 12.99}]}],
            }
        ],
        "externally_assigned_product_identifier": [{"type": "ean", "value": "4006381333931", "marketplace_id": STORE}],
        "item_weight": [{"unit": "grams", "value": 120, "marketplace_id": STORE}],
        "fulfillment_availability": [{"fulfillment_channel_code": "DEFAULT", "quantity": 4}],
    }


def test_a_family_is_a_parent_and_its_children() -> None:
    steps = plan(draft(*SIZES), STORE)
    assert [(step.sku, step.requirements, step.revise) for step in steps] == [
        (f"P-{KEY}", "LISTING_PRODUCT_ONLY", False),
        ("K-S", "LISTING", False),
        ("K-M", "LISTING", False),
    ]
    parent, child = steps[0].attributes, steps[1].attributes
    assert parent["parentage_level"] == [{"value": "parent", "marketplace_id": STORE}]
    assert parent["variation_theme"] == child["variation_theme"] == [{"name": "SIZE", "marketplace_id": STORE}]
    assert "purchasable_offer" not in parent
    assert "fulfillment_availability" not in parent
    assert child["parentage_level"] == [{"value": "child", "marketplace_id": STORE}]
    assert child["child_parent_sku_relationship"] == [
        {"child_relationship_type": "variation", "parent_sku": f"P-{KEY}", "marketplace_id": STORE}
    ]
    assert child["size"] == [{"value": "S", "marketplace_id": STORE, "language_tag": "de_DE"}]


def test_axes_are_named_in_the_sellers_language_too() -> None:
    made = draft(variant("A", options={"Farbe": "rot", "Größe": "S"}))
    attributes = plan(made, STORE)[1].attributes
    assert attributes["variation_theme"][0]["name"] == "COLOR/SIZE"
    assert {"color", "size"} <= attributes.keys()


def test_a_parent_keeps_the_sku_it_was_published_under() -> None:
    ref = ListingRef(channel_sku="K-S", facts={"parent_sku": "OLD-PARENT"})
    assert listings.parent_sku(draft(replace(SIZES[0], ref=ref), SIZES[1])) == "OLD-PARENT"


def test_a_json_list_is_sent_as_it_is() -> None:
    attributes = {"bullet_point": '[{"value": "one"}, {"value": "two"}]', "color": "red"}
    made = listings.build_variant(draft(variant(), attributes=attributes), variant(), STORE)
    assert made["bullet_point"] == [{"value": "one"}, {"value": "two"}]
    assert made["color"] == [{"value": "red", "marketplace_id": STORE, "language_tag": "de_DE"}]


def test_a_revision_never_writes_the_quantity() -> None:
    ref = ListingRef(channel_sku="KNIFE", facts={"product_type": "KNIFE"})
    step = plan(draft(variant(ref=ref)), STORE)[0]
    assert step.revise
    assert "fulfillment_availability" not in step.attributes
    assert listings.build_patches({"brand": [{"value": "B"}]}) == [
        {"op": "replace", "path": "/attributes/brand", "value": [{"value": "B"}]}
    ]


# ---------------------------------------------------------------- publish on the wire

ACCEPTED = {"sku": "A", "status": "ACCEPTED", "submissionId": "1", "issues": []}
INVALID = {
    "sku": "A", "status": "INVALID", "submissionId": "2",
    "issues": [{"code": "90220", "message": "brand is missing", "severity": "ERROR", "attributeNames": ["brand"], "categories": []}],
}  # fmt: skip


def test_publishing_remembers_what_later_calls_need() -> None:
    script = Script(reply(ACCEPTED))
    with script.serve() as url:
        outcome = bench(url).adapter.publish_listing(draft(*SIZES, category="KNIFE"))
    assert isinstance(outcome, Applied)
    assert [(ref.channel_sku, dict(ref.facts)) for ref in outcome.refs] == [
        (sku, {"product_type": "KNIFE", "marketplace_id": STORE, "parent_sku": f"P-{KEY}"}) for sku in ("K-S", "K-M")
    ]
    assert [seen.method for seen in script.seen] == ["PUT", "PUT", "PUT"]
    assert script.seen[0].json()["productType"] == "KNIFE"


def test_invalid_listings_are_refused_with_all_their_problems() -> None:
    with Script(reply(ACCEPTED), reply(INVALID)).serve() as url:
        outcome = bench(url).adapter.publish_listing(draft(*SIZES))
    assert isinstance(outcome, Refused)
    assert [(p.code, p.message, p.field) for p in outcome.problems] == [
        ("90220", "K-S: brand is missing", "brand"),
        ("90220", "K-M: brand is missing", "brand"),
    ]


def test_children_of_a_refused_parent_are_not_sent() -> None:
    script = Script(reply(INVALID))
    with script.serve() as url:
        assert isinstance(bench(url).adapter.publish_listing(draft(*SIZES)), Refused)
    assert len(script.seen) == 1


def test_a_draft_with_errors_is_refused_without_a_call() -> None:
    script = Script(reply(ACCEPTED))
    with script.serve() as url:
        assert isinstance(bench(url).adapter.publish_listing(draft(variant(), title="")), Refused)
    assert script.seen == []


def test_a_revision_patches_and_creates_again_what_is_gone() -> None:
    script = Script(amazon_error(404, "NotFound"), reply(ACCEPTED))
    ref = ListingRef(channel_sku="KNIFE")
    with script.serve() as url:
        assert isinstance(bench(url).adapter.publish_listing(draft(variant(ref=ref))), Applied)
    assert [seen.method for seen in script.seen] == ["PATCH", "PUT"]


def test_throttling_in_the_middle_of_a_family_defers_the_whole() -> None:
    with Script(reply(ACCEPTED), amazon_error(429, "QuotaExceeded")).serve() as url:
        outcome = bench(url).adapter.publish_listing(draft(*SIZES))
    assert outcome == Deferred(retry_after_s=1.0, why="Amazon asks to wait.")


def test_a_large_family_goes_as_a_feed() -> None:
    script = Script(reply({}))

    def answer(request: Request) -> Response:
        if request.path.endswith("/documents"):
            return reply({"feedDocumentId": "d", "url": f"{script.url}/store"}, 201)
        return Response("", 200) if request.path == "/store" else reply({"feedId": "9"}, 202)

    script.answers = [answer]
    many = [variant(f"K-{n}", options={"Size": str(n)}) for n in range(9)]
    with script.serve() as url:
        outcome = bench(url).adapter.publish_listing(draft(*many))
    assert isinstance(outcome, Submitted)
    assert [ref.channel_sku for ref in outcome.refs] == [v.channel_sku for v in many]
    assert [message["operationType"] for message in script.seen[1].json()["messages"]] == ["UPDATE"] * 10


def test_ending_what_is_gone_is_applied() -> None:
    with Script(amazon_error(404, "NotFound")).serve() as url:
        ended = bench(url).adapter.end_listing(ListingRef(channel_sku="A", external_id="B01"))
    assert ended == Applied(external_id="B01")


# ---------------------------------------------------------------- reports

ITEM: dict[str, Any] = {
    "sku": "KNIFE",
    "summaries": [
        {
            "marketplaceId": STORE, "asin": "B01", "productType": "KNIFE", "status": ["BUYABLE", "DISCOVERABLE"],
            "createdDate": "2026-11-01T00:00:00Z", "lastUpdatedDate": "2026-11-01T00:00:00Z",
        }
    ],
    "issues": [],
    "offers": [
        {"marketplaceId": STORE, "offerType": "B2B", "price": {"currencyCode": "EUR", "amount": "9.00"}},
        {"marketplaceId": STORE, "offerType": "B2C", "price": {"currencyCode": "EUR", "amount": "12.9900"}},
    ],
    "fulfillmentAvailability": [{"fulfillmentChannelCode": "DEFAULT", "quantity": 4}],
    "productTypes": [{"marketplaceId": STORE, "productType": "KNIFE"}],
}  # fmt: skip


def read(**changes: Any) -> ListingReport:
    item = {**ITEM, **{k: v for k, v in changes.items() if k not in ("status", "asin", "quantity")}}
    summary = dict(ITEM["summaries"][0])
    if "status" in changes:
        summary["status"] = changes["status"]
    if "asin" in changes:
        summary["asin"] = changes["asin"]
    item.setdefault("summaries", [summary])
    if "summaries" not in changes:
        item["summaries"] = [summary]
    if "quantity" in changes:
        item["fulfillmentAvailability"] = [{"fulfillmentChannelCode": "DEFAULT", "quantity": changes["quantity"]}]
    return listing_reports.report(listing_reports.parse_item(item), ListingRef(channel_sku="KNIFE"), STORE)


def problem(severity: str = "ERROR", *actions: str, exemption: str = "NOT_EXEMPT", **facts: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"code": "1", "message": "no", "severity": severity, "categories": [], **facts}
    if actions:
        found["enforcements"] = {"actions": [{"action": a} for a in actions], "exemption": {"status": exemption}}
    return found


def test_a_live_listing_is_read_whole() -> None:
    told = read()
    assert (told.state, told.quantity, told.price) == (ListingState.LIVE, 4, Money(minor=1299, currency="EUR"))
    assert told.ref.external_id == "B01"
    assert told.ref.facts == {"marketplace_id": STORE, "fulfilment_channel": "DEFAULT", "product_type": "KNIFE"}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"issues": [problem()]}, "live"),
        ({"status": ["DISCOVERABLE"], "quantity": 0}, "live"),
        ({"status": [], "quantity": 0}, "live"),
        ({"status": [], "quantity": 0, "asin": None}, "accepted"),
        ({"status": ["DISCOVERABLE"], "quantity": 4}, "accepted"),
        ({"status": None, "quantity": None}, "accepted"),
        ({"summaries": []}, "accepted"),
        ({"summaries": None, "issues": [problem()]}, "rejected"),
        ({"status": [], "issues": [problem()]}, "rejected"),
        ({"status": [], "issues": [problem("WARNING", "LISTING_SUPPRESSED")]}, "suppressed"),
        ({"status": [], "issues": [problem("ERROR", "CATALOG_ITEM_REMOVED")]}, "suppressed"),
        (
            {"status": [], "quantity": 0, "issues": [problem("WARNING", "SEARCH_SUPPRESSED", exemption="EXEMPT")]},
            "live",
        ),
        ({"status": [], "quantity": 0, "issues": [problem(marketplaceIds=["OTHER"])]}, "live"),
        ({"status": [], "issues": [problem("WARNING")], "quantity": 4}, "accepted"),
    ],
)
def test_what_a_read_back_makes_the_hub_believe(changes: dict[str, Any], state: str) -> None:
    assert read(**changes).state == state


def test_units_in_amazons_warehouses_are_not_counted() -> None:
    told = read(fulfillmentAvailability=[{"fulfillmentChannelCode": "AMAZON_EU"}])
    assert told.quantity is None
    assert told.ref.facts["fulfilment_channel"] == "AMAZON_EU"


def test_many_listings_are_searched_and_the_missing_looked_up_once_more() -> None:
    def answer(request: Request) -> Response:
        if request.path.count("/") == 4:
            found = [dict(ITEM, sku=sku) for sku in request.args["identifiers"].split(",") if sku != "NEW"]
            return reply({"numberOfResults": len(found), "items": [row for row in found if row["sku"] != "GONE"]})
        sku = request.path.rsplit("/", 1)[1]
        return amazon_error(404, "NotFound") if sku == "GONE" else reply(dict(ITEM, sku=sku, summaries=[]))

    script = Script(answer)
    refs = [ListingRef(channel_sku=sku) for sku in ("A", "GONE", "B", "NEW", "with,comma")]
    with script.serve() as url:
        reports = bench(url).adapter.read_listings(refs)
    assert [report.ref.channel_sku for report in reports] == [ref.channel_sku for ref in refs]
    assert [report.state for report in reports] == ["live", "vanished", "live", "accepted", "accepted"]
    assert script.seen[0].query["identifiers"] == "A,GONE,B,NEW"
    assert script.seen[0].query["identifiersType"] == "SKU"
    assert len(script.seen) == 4


def test_few_listings_are_read_one_by_one() -> None:
    script = Script(reply(ITEM))
    with script.serve() as url:
        bench(url).adapter.read_listings([ListingRef(channel_sku="KNIFE")])
    assert script.seen[0].query == {
        "marketplaceIds": STORE,
        "includedData": "summaries,issues,offers,fulfillmentAvailability,productTypes",
    }


def test_bullet_points_go_one_by_one_and_keywords_stay_here() -> None:
    words = {"bullet_points": "Bone dry\n\nKeeps for ten years", "keywords": "riesling\nmosel"}
    made = listings.build_variant(draft(variant(), attributes=words), variant(), STORE)
    assert [point["value"] for point in made["bullet_point"]] == ["Bone dry", "Keeps for ten years"]
    assert all(set(point) == {"value", "language_tag", "marketplace_id"} for point in made["bullet_point"])
    assert not {"bullet_points", "keywords"} & set(made)
