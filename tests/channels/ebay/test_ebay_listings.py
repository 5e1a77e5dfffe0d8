"""Publishing, ending and reading listings: nothing twice, nothing erased, nothing claimed that eBay does not show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ebay_desk import Shop, open_shop, trading_error

from hub.channels.contract import (
    Applied,
    Deferred,
    InvalidData,
    ListingDraft,
    ListingRef,
    ListingReport,
    ListingState,
    OutcomeUnknown,
    Refused,
    Severity,
    VariantDraft,
)
from hub.channels.ebay.listing_bodies import build_item
from hub.kernel.money import Money

INVENTORY = "/sell/inventory/v1"
KEY = "0f8e7d6c5b4a49388776655443322110"
KNOWN = {"offerId": "O1", "sku": "A", "marketplaceId": "EBAY_DE", "format": "FIXED_PRICE"}
NO_OFFER = {"errors": [{"errorId": 25713, "message": "This Offer is not available."}]}


def variant(sku: str = "A", **more: Any) -> VariantDraft:
    fields: dict[str, Any] = {"price": Money(minor=1299, currency="EUR"), "quantity": 3, **more}
    return VariantDraft(channel_sku=sku, **fields)


def draft(*variants: VariantDraft, **more: Any) -> ListingDraft:
    fields: dict[str, Any] = {
        "title": "Messer",
        "description": "<p>Scharf & gut</p>",
        "brand": "Plain",
        "images": ("https://img.example/1.jpg",),
        "attributes": {"Material": "Stahl"},
        **more,
    }
    return ListingDraft(listing_key=KEY, variants=variants or (variant(),), **fields)


def sizes() -> tuple[VariantDraft, ...]:
    return variant("A", options={"Size": "M"}), variant("B", options={"Size": "L"}, gtin="4006381333931", weight_g=250)


def group_answers(shop: Shop) -> None:
    shop.desk.on("PUT", f"{INVENTORY}/inventory_item/.*", (204, None))
    shop.desk.on("PUT", f"{INVENTORY}/inventory_item_group/.*", (204, None))
    shop.desk.on(
        "GET", f"{INVENTORY}/inventory_item_group/.*", (404, {"errors": [{"errorId": 25705, "message": "no"}]})
    )
    shop.desk.on("GET", f"{INVENTORY}/offer", (404, NO_OFFER))
    shop.desk.on("POST", f"{INVENTORY}/offer", (201, {"offerId": "O1"}), (201, {"offerId": "O2"}))
    shop.desk.on("POST", f"{INVENTORY}/offer/publish_by_inventory_item_group", (200, {"listingId": "110"}))


def single_answers(shop: Shop, *, offers: list[dict[str, Any]] | None = None) -> None:
    shop.desk.on("PUT", f"{INVENTORY}/inventory_item/.*", (204, None))
    shop.desk.on("GET", f"{INVENTORY}/offer", (200, {"offers": offers}) if offers else (404, NO_OFFER))
    shop.desk.on("POST", f"{INVENTORY}/offer", (201, {"offerId": "O1"}))
    shop.desk.on("PUT", f"{INVENTORY}/offer/O1", (200, {"offerId": "O1"}))
    shop.desk.on("POST", f"{INVENTORY}/offer/O1/publish", (200, {"listingId": "110"}))


def test_a_single_product_becomes_item_offer_and_listing(shop: Shop) -> None:
    single_answers(shop)
    outcome = shop.adapter.publish_listing(draft(variant("A/ 1%", gtin="4006381333931", weight_g=250)))
    facts = {"managed_by": "inventory_api", "offer_id": "O1", "item_id": "110"}
    ref = ListingRef(channel_sku="A/ 1%", external_id="110", facts=facts)
    assert outcome == Applied(external_id="110", refs=(ref,))
    item, _, offer, _ = shop.desk.seen[1:]
    assert item.path == f"{INVENTORY}/inventory_item/A/ 1%"  # as decoded by the server
    assert item.headers["content-language"] == "de-DE"
    assert item.json() == {
        "availability": {"shipToLocationAvailability": {"quantity": 3}},
        "condition": "NEW",
        "product": {
            "title": "Messer",
            "description": "<p>Scharf & gut</p>",
            "aspects": {"Material": ["Stahl"], "Brand": ["Plain"]},
            "imageUrls": ["https://img.example/1.jpg"],
            "brand": "Plain",
            "ean": ["4006381333931"],
        },
        "packageWeightAndSize": {"weight": {"value": 250, "unit": "GRAM"}},
    }
    assert offer.json() == {
        "sku": "A/ 1%",
        "marketplaceId": "EBAY_DE",
        "format": "FIXED_PRICE",
        "availableQuantity": 3,
        "categoryId": "9355",
        "listingDescription": "<p>Scharf & gut</p>",
        "listingDuration": "GTC",
        "listingPolicies": {"paymentPolicyId": "P1", "returnPolicyId": "R1", "fulfillmentPolicyId": "F1"},
        "merchantLocationKey": "main",
        "pricingSummary": {"price": {"value": "12.99", "currency": "EUR"}},
    }


def test_an_offer_that_is_there_is_replaced_and_published_not_made_again(shop: Shop) -> None:
    single_answers(shop, offers=[{**KNOWN, "status": "UNPUBLISHED"}])
    assert isinstance(shop.adapter.publish_listing(draft()), Applied)
    assert shop.desk.paths() == [
        f"PUT {INVENTORY}/inventory_item/A",
        f"GET {INVENTORY}/offer",
        f"PUT {INVENTORY}/offer/O1",
        f"POST {INVENTORY}/offer/O1/publish",
    ]
    assert not {"sku", "marketplaceId", "format"} & set(shop.desk.last("PUT .*/offer/O1").json())


def test_a_published_offer_is_revised_and_not_published_again(shop: Shop) -> None:
    listing = {"listingId": "110", "listingStatus": "ACTIVE"}
    single_answers(shop, offers=[{**KNOWN, "status": "PUBLISHED", "listing": listing}])
    outcome = shop.adapter.publish_listing(draft())
    assert isinstance(outcome, Applied)
    assert outcome.external_id == "110"
    assert f"POST {INVENTORY}/offer/O1/publish" not in shop.desk.paths()


def test_variants_share_one_group_one_listing_and_one_key(shop: Shop) -> None:
    group_answers(shop)
    outcome = shop.adapter.publish_listing(draft(*sizes()))
    assert isinstance(outcome, Applied)
    assert [(one.channel_sku, one.external_id, one.facts["offer_id"]) for one in outcome.refs] == [
        ("A", "110", "O1"),
        ("B", "110", "O2"),
    ]
    assert {one.facts["group_key"] for one in outcome.refs} == {KEY}
    assert shop.desk.last("PUT .*/inventory_item_group/").json() == {
        "title": "Messer",
        "description": "<p>Scharf & gut</p>",
        "aspects": {"Material": ["Stahl"], "Brand": ["Plain"]},
        "variantSKUs": ["A", "B"],
        "variesBy": {"specifications": [{"name": "Size", "values": ["M", "L"]}]},
        "imageUrls": ["https://img.example/1.jpg"],
    }
    assert shop.desk.last("publish_by").json() == {"inventoryItemGroupKey": KEY, "marketplaceId": "EBAY_DE"}


def test_a_revision_keeps_the_variants_it_does_not_name(shop: Shop) -> None:
    group_answers(shop)
    standing = {
        "variantSKUs": ["B", "C"],
        "variesBy": {"specifications": [{"name": "Size", "values": ["L", "S"]}]},
    }
    shop.desk.on("GET", f"{INVENTORY}/inventory_item_group/{KEY}", (200, standing))
    shop.adapter.publish_listing(draft(*sizes()))
    group = shop.desk.last("PUT .*/inventory_item_group/").json()
    assert group["variantSKUs"] == ["C", "A", "B"]
    assert group["variesBy"]["specifications"] == [{"name": "Size", "values": ["L", "S", "M"]}]


def test_one_variant_of_a_group_is_revised_within_the_group(shop: Shop) -> None:
    group_answers(shop)
    ref = ListingRef(channel_sku="A", external_id="110", facts={"group_key": "other-key", "offer_id": "O1"})
    outcome = shop.adapter.publish_listing(draft(variant("A", options={"Size": "M"}, ref=ref)))
    assert isinstance(outcome, Applied)
    assert outcome.refs[0].facts["group_key"] == "other-key"
    assert f"PUT {INVENTORY}/inventory_item_group/other-key" in shop.desk.paths()


@pytest.mark.parametrize("lost", ["createOffer", "publishOffer"])
def test_a_lost_answer_is_an_unknown_outcome(shop: Shop, lost: str) -> None:
    single_answers(shop)
    path = f"{INVENTORY}/offer" if lost == "createOffer" else f"{INVENTORY}/offer/O1/publish"
    shop.desk.on("POST", path, (200, b'{"offerId": "O1", "listi'))
    with pytest.raises(OutcomeUnknown):
        shop.adapter.publish_listing(draft())


def test_what_ebay_refuses_is_told_with_its_problems(shop: Shop) -> None:
    single_answers(shop)
    errors = [{"errorId": 25005, "message": "Invalid category."}, {"errorId": 25029, "message": "Size is required."}]
    shop.desk.on("POST", f"{INVENTORY}/offer/O1/publish", (400, {"errors": errors}))
    with pytest.raises(InvalidData) as caught:
        shop.adapter.publish_listing(draft())
    assert [one.code for one in caught.value.problems] == ["25005", "25029"]


def test_a_listing_revised_too_often_waits_without_slowing_the_account(shop: Shop) -> None:
    single_answers(shop, offers=[{**KNOWN, "status": "UNPUBLISHED"}])
    worn = {"errors": [{"errorId": 25002, "message": "This listing was revised 250 times today."}]}
    shop.desk.on("PUT", f"{INVENTORY}/offer/O1", (400, worn))
    outcome = shop.adapter.publish_listing(draft())
    assert isinstance(outcome, Deferred)
    assert outcome.retry_after_s == 20 * 3600.0


def test_a_listing_made_elsewhere_is_not_rewritten(shop: Shop) -> None:
    ref = ListingRef(channel_sku="A", external_id="110", facts={"managed_by": "trading"})
    outcome = shop.adapter.publish_listing(draft(variant("A", ref=ref)))
    assert isinstance(outcome, Refused)
    assert outcome.problems[0].code == "managed_by_trading"
    assert shop.desk.paths() == []


def test_all_problems_of_a_draft_come_at_once_and_without_the_network() -> None:
    empty = dict.fromkeys(("payment_policy_id", "return_policy_id", "fulfillment_policy_id", "category_id"), "")
    with open_shop(settings={**empty, "merchant_location_key": ""}) as shop:
        bad = draft(
            variant("x" * 51, options={"Size": "M"}, price=Money(minor=0, currency="EUR"), quantity=-1),
            variant("B", options={"Colour": "red"}, price=Money(minor=5, currency="USD")),
            variant("B", options={"Size": "M"}),
            title="t" * 81,
            description=" ",
            condition="haunted",
            images=("http://img.example/1.jpg",),
            attributes={"a" * 41: "v"},
        )
        found = shop.adapter.check_listing(bad)
        assert {one.code for one in found} == {
            "title_too_long",
            "description_missing",
            "condition_unknown",
            "aspect_too_long",
            "image_not_https",
            "category_missing",
            "policy_missing",
            "sku_length",
            "price",
            "quantity",
            "sku_twice",
            "axes_differ",
            "options_twice",
            "currencies",
        }
        assert sum(one.code == "policy_missing" for one in found) == 4
        outcome = shop.adapter.publish_listing(bad)
        assert isinstance(outcome, Refused)
        assert len(outcome.problems) == len([one for one in found if one.severity is Severity.ERROR]) == len(found) - 1
        assert shop.desk.seen == []


def test_what_is_no_item_specific_or_too_long_for_one_is_left_out_and_told() -> None:
    words = {"Grape": "Riesling", "Story": "x" * 51, "bullet_points": "Dry\nCool", "keywords": "wine"}
    given = draft(attributes=words)
    with open_shop() as shop:
        assert [(one.code, one.severity) for one in shop.adapter.check_listing(given)] == [
            ("aspect_too_long", Severity.WARNING)
        ]
    assert build_item(given, given.variants[0])["product"]["aspects"] == {"Grape": ["Riesling"], "Brand": ["Plain"]}


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (draft(title=""), "title_missing"),
        (draft(images=()), "image_missing"),
        (draft(variant(quantity=0)), "quantity_zero"),
        (replace(draft(), variants=()), "no_variants"),
    ],
)
def test_each_single_problem_is_found(shop: Shop, bad: ListingDraft, code: str) -> None:
    assert [one.code for one in shop.adapter.check_listing(bad)] == [code]


def test_a_sound_draft_has_no_problems_and_a_sold_out_revision_is_sound(shop: Shop) -> None:
    assert list(shop.adapter.check_listing(draft(*sizes()))) == []
    ref = ListingRef(channel_sku="A", external_id="110")
    assert not [
        one for one in shop.adapter.check_listing(draft(variant(quantity=0, ref=ref))) if one.severity is Severity.ERROR
    ]


# ---------------------------------------------------------------- ending


def offer(sku: str, status: str = "PUBLISHED", listing_status: str = "ACTIVE", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        **KNOWN,
        "sku": sku,
        "offerId": f"O-{sku}",
        "status": status,
        "availableQuantity": 5,
        "pricingSummary": {"price": {"value": "12.99", "currency": "EUR"}},
        **more,
    }
    if status == "PUBLISHED":
        made["listing"] = {"listingId": "110", "listingStatus": listing_status, "soldQuantity": 0}
    return made


def item(sku: str, quantity: int = 5, *groups: str) -> dict[str, Any]:
    inner: dict[str, Any] = {"sku": sku, "availability": {"shipToLocationAvailability": {"quantity": quantity}}}
    if groups:
        inner["inventoryItemGroupKeys"] = list(groups)
    return {"statusCode": 200, "sku": sku, "inventoryItem": inner}


def unknown_item(sku: str) -> dict[str, Any]:
    return {"statusCode": 404, "sku": sku, "errors": [{"errorId": 25710, "message": "not found"}]}


def serve(shop: Shop, offers: dict[str, dict[str, Any]], *items: dict[str, Any]) -> None:
    def by_sku(seen: Any) -> tuple[int, Any]:
        sku = seen.query["sku"]
        return (200, {"offers": [offers[sku]], "total": 1}) if sku in offers else (404, NO_OFFER)

    shop.desk.on("GET", f"{INVENTORY}/offer", by_sku)
    shop.desk.on("POST", f"{INVENTORY}/bulk_get_inventory_item", (200, {"responses": list(items)}))


def test_a_single_listing_is_withdrawn_and_ending_it_again_is_applied(shop: Shop) -> None:
    serve(shop, {"A": offer("A")}, item("A"))
    shop.desk.on("POST", f"{INVENTORY}/offer/O-A/withdraw", (200, {"listingId": "110"}))
    ref = ListingRef(channel_sku="A", external_id="110", facts={"managed_by": "inventory_api", "offer_id": "O-A"})
    assert shop.adapter.end_listing(ref) == Applied(external_id="110")
    serve(shop, {"A": offer("A", "UNPUBLISHED")}, item("A"))
    assert shop.adapter.end_listing(ref) == Applied(external_id="110")
    serve(shop, {})
    assert shop.adapter.end_listing(ref) == Applied()
    assert sum("withdraw" in one for one in shop.desk.paths()) == 1


def test_a_variation_is_taken_out_and_the_last_one_ends_the_listing(shop: Shop) -> None:
    ref = ListingRef(channel_sku="A", external_id="110", facts={"managed_by": "inventory_api", "group_key": "G"})
    shop.desk.on("GET", f"{INVENTORY}/inventory_item_group/G", (200, {"variantSKUs": ["A", "B"]}))
    shop.desk.on("DELETE", f"{INVENTORY}/offer/O-A", (204, None))
    shop.desk.on("POST", f"{INVENTORY}/offer/withdraw_by_inventory_item_group", (204, None))
    serve(shop, {"A": offer("A"), "B": offer("B")})
    assert shop.adapter.end_listing(ref) == Applied(external_id="110")
    assert shop.desk.paths()[-1] == f"DELETE {INVENTORY}/offer/O-A"
    serve(shop, {"A": offer("A"), "B": offer("B", "UNPUBLISHED")})
    assert shop.adapter.end_listing(ref) == Applied(external_id="110")
    assert shop.desk.paths()[-1] == f"POST {INVENTORY}/offer/withdraw_by_inventory_item_group"


def test_a_variation_that_has_sold_is_set_to_zero(shop: Shop) -> None:
    ref = ListingRef(channel_sku="A", external_id="110", facts={"group_key": "G"})
    shop.desk.on("GET", f"{INVENTORY}/inventory_item_group/G", (200, {"variantSKUs": ["A", "B"]}))
    shop.desk.on("DELETE", f"{INVENTORY}/offer/O-A", (400, {"errors": [{"errorId": 25002, "message": "has sales"}]}))
    rows = {"responses": [{"sku": "A", "offerId": "O-A", "statusCode": 200}]}
    shop.desk.on("POST", f"{INVENTORY}/bulk_update_price_quantity", (200, rows))
    serve(shop, {"A": offer("A"), "B": offer("B")})
    assert shop.adapter.end_listing(ref) == Applied(external_id="110", observed=0)


def test_a_trading_listing_is_ended_and_a_closed_one_is_applied(shop: Shop) -> None:
    ref = ListingRef(channel_sku="A", external_id="110", facts={"managed_by": "trading", "item_id": "110"})
    shop.desk.trading(
        "EndFixedPriceItem",
        "<Ack>Success</Ack><EndTime>2026-11-22T12:00:00.000Z</EndTime>",
        "<Ack>Failure</Ack>" + trading_error("1047", "The auction has already been closed."),
        "<Ack>Failure</Ack>" + trading_error("5", "No."),
    )
    assert shop.adapter.end_listing(ref) == Applied(external_id="110")
    assert b"<EndingReason>NotAvailable</EndingReason><ItemID>110</ItemID>" in shop.desk.seen[-1].body
    assert shop.adapter.end_listing(ref) == Applied(external_id="110")
    assert isinstance(shop.adapter.end_listing(ref), Refused)


def test_one_variation_of_a_trading_listing_is_set_to_zero(shop: Shop) -> None:
    facts = {"managed_by": "trading", "item_id": "110", "variation": "yes"}
    shop.desk.trading("ReviseInventoryStatus", "<Ack>Success</Ack>")
    outcome = shop.adapter.end_listing(ListingRef(channel_sku="A", external_id="110", facts=facts))
    assert outcome == Applied(external_id="110", observed=0)
    assert b"<Quantity>0</Quantity><SKU>A</SKU>" in shop.desk.seen[-1].body


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("made", "state", "quantity"),
    [
        (offer("A"), ListingState.LIVE, 4),
        (offer("A", availableQuantity=2), ListingState.LIVE, 2),
        (offer("A", listing_status="OUT_OF_STOCK"), ListingState.LIVE, 0),
        (offer("A", listing_status="INACTIVE"), ListingState.SUPPRESSED, 0),
        (offer("A", listing_status="ENDED"), ListingState.ENDED, 0),
        (offer("A", listing_status="EBAY_ENDED"), ListingState.ENDED, 0),
        (offer("A", listing_status="NOT_LISTED"), ListingState.ACCEPTED, 0),
        (offer("A", listing_status="SOMETHING_NEW"), ListingState.SUPPRESSED, 0),
        (offer("A", "UNPUBLISHED"), ListingState.ENDED, 0),
    ],
)
def test_the_states_of_an_offer(shop: Shop, made: dict[str, Any], state: ListingState, quantity: int) -> None:
    serve(shop, {"A": made}, item("A", 4, "G"))
    (report,) = shop.adapter.read_listings([ListingRef(channel_sku="A", external_id="110")])
    assert (report.state, report.quantity, report.price) == (state, quantity, Money(minor=1299, currency="EUR"))
    assert report.ref.facts["group_key"] == "G"
    assert report.ref.facts["managed_by"] == "inventory_api"


def test_an_offer_never_published_is_accepted_and_a_listing_on_hold_is_suppressed(shop: Shop) -> None:
    held = offer("B")
    held["listing"]["listingOnHold"] = True
    serve(shop, {"A": offer("A", "UNPUBLISHED"), "B": held}, item("A"), item("B"))
    reports = shop.adapter.read_listings([ListingRef(channel_sku="A"), ListingRef(channel_sku="B")])
    assert [one.state for one in reports] == [ListingState.ACCEPTED, ListingState.SUPPRESSED]


ITEM = """<Ack>Success</Ack><Item><ItemID>{id}</ItemID><Quantity>9</Quantity><SKU>T</SKU>
<StartPrice currencyID="EUR">4.5</StartPrice>
<SellingStatus><QuantitySold>2</QuantitySold><ListingStatus>{status}</ListingStatus>
<CurrentPrice currencyID="EUR">4.5</CurrentPrice></SellingStatus>{more}</Item>"""
VARIATIONS = """<Variations><Variation><SKU>V1</SKU><StartPrice currencyID="EUR">3.0</StartPrice><Quantity>5</Quantity>
<SellingStatus><QuantitySold>5</QuantitySold></SellingStatus></Variation><Variation><SKU>V2</SKU><Quantity>6</Quantity>
<SellingStatus><QuantitySold>1</QuantitySold></SellingStatus></Variation></Variations>"""


def test_mixed_refs_are_reported_in_order_and_the_unknown_has_vanished(shop: Shop) -> None:
    serve(shop, {"A": offer("A")}, item("A"), unknown_item("gone"), unknown_item("T"))
    shop.desk.trading(
        "GetItem",
        ITEM.format(id="210", status="Active", more=""),
        ITEM.format(id="220", status="Completed", more=""),
        "<Ack>Failure</Ack>" + trading_error("17", "This item cannot be accessed."),
    )
    trading = {"managed_by": "trading"}
    gone = ListingRef(channel_sku="gone")
    ours = ListingRef(channel_sku="ours", external_id="111", facts={"offer_id": "O", "managed_by": "inventory_api"})
    reports = shop.adapter.read_listings(
        [
            gone,
            ListingRef(channel_sku="T", external_id="210"),
            ListingRef(channel_sku="A"),
            ListingRef(channel_sku="T", external_id="220", facts=trading),
            ListingRef(channel_sku="T", external_id="230", facts=trading),
            ours,
        ]
    )
    facts = {"managed_by": "trading", "item_id": "210", "variation": "no"}
    assert reports[0] == ListingReport(ref=gone, state=ListingState.VANISHED)
    assert reports[1] == ListingReport(
        ref=ListingRef(channel_sku="T", external_id="210", facts=facts),
        state=ListingState.LIVE,
        quantity=7,
        price=Money(minor=450, currency="EUR"),
    )
    assert [one.state for one in reports[2:]] == [
        ListingState.LIVE,
        ListingState.ENDED,
        ListingState.VANISHED,
        ListingState.VANISHED,
    ]


def test_a_variation_is_read_by_its_own_numbers(shop: Shop) -> None:
    shop.desk.trading("GetItem", ITEM.format(id="210", status="Active", more=VARIATIONS))
    facts = {"managed_by": "trading"}
    refs = [ListingRef(channel_sku=sku, external_id="210", facts=facts) for sku in ("V1", "V2", "V3")]
    reports = shop.adapter.read_listings(refs)
    assert [(one.state, one.quantity) for one in reports] == [
        (ListingState.LIVE, 0),
        (ListingState.LIVE, 5),
        (ListingState.VANISHED, None),
    ]
    assert reports[0].price == Money(minor=300, currency="EUR")
    assert reports[0].ref.facts["variation"] == "yes"


def test_no_item_is_looked_up_twice_over_the_network(shop: Shop) -> None:
    serve(shop, {"A": offer("A"), "B": offer("B")}, item("A"), item("B"))
    shop.adapter.read_listings([ListingRef(channel_sku="A"), ListingRef(channel_sku="B")])
    assert shop.desk.paths() == [
        f"POST {INVENTORY}/bulk_get_inventory_item",
        f"GET {INVENTORY}/offer",
        f"GET {INVENTORY}/offer",
    ]
