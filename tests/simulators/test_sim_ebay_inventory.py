"""eBay simulator: Sell Inventory API and what buyers see of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from hub.simulators.base import ControlError
from tests.support.ebay_shop import START, EbayShop, error_ids


@pytest.fixture
def shop() -> EbayShop:
    return EbayShop()


def quantities(sku: str, total: int | None = None, **offers: tuple[int | None, str | None]) -> dict[str, Any]:
    row: dict[str, Any] = {"sku": sku}
    if total is not None:
        row["shipToLocationAvailability"] = {"quantity": total}
    rows = []
    for key, (count, price) in offers.items():
        each: dict[str, Any] = {"offerId": key.removeprefix("o")}
        if count is not None:
            each["availableQuantity"] = count
        if price is not None:
            each["price"] = {"value": price, "currency": "EUR"}
        rows.append(each)
    return row | ({"offers": rows} if rows else {})


def bulk(shop: EbayShop, *rows: dict[str, Any]) -> Any:
    return shop.inventory("POST", "bulk_update_price_quantity", {"requests": list(rows)})


def test_replacing_an_item_erases_what_is_left_out(shop: EbayShop) -> None:
    assert shop.inventory("PUT", "inventory_item/A", shop.item(5)).status_code == 201
    read = shop.inventory("GET", "inventory_item/A").json
    assert (read["sku"], read["locale"], read["product"]["aspects"]["Marke"]) == ("A", "de_DE", ["Werk"])
    assert shop.inventory("PUT", "inventory_item/A", {"condition": "NEW"}).status_code == 204
    assert shop.inventory("GET", "inventory_item/A").json == {"sku": "A", "locale": "de_DE", "condition": "NEW"}


def test_leaving_the_quantity_out_takes_a_live_listing_out_of_stock(shop: EbayShop) -> None:
    offer_id, _ = shop.publish("A", 5)
    item = shop.item()
    del item["availability"]
    assert shop.inventory("PUT", "inventory_item/A", item).status_code == 204
    assert shop.row("A")["quantity"] == 0
    assert shop.inventory("GET", f"offer/{offer_id}").json["listing"]["listingStatus"] == "OUT_OF_STOCK"


def test_a_live_item_cannot_lose_its_title(shop: EbayShop) -> None:
    shop.publish("A", 5)
    refused = shop.inventory("PUT", "inventory_item/A", {"condition": "NEW"})
    assert (refused.status_code, error_ids(refused)) == (400, [25017, 25014])
    assert shop.inventory("GET", "inventory_item/A").json["product"]["title"] == "Tasse"
    assert shop.row("A")["quantity"] == 5


@pytest.mark.parametrize(("sku", "status"), [("x" * 50, 201), ("x" * 51, 400), ("a/b c%ü", 201)])
def test_a_sku_has_at_most_50_characters_and_may_hold_a_slash(shop: EbayShop, sku: str, status: int) -> None:
    answer = shop.inventory("PUT", f"inventory_item/{quote(sku, safe='')}", shop.item())
    assert answer.status_code == status
    read = shop.inventory("GET", f"inventory_item/{quote(sku, safe='')}")
    assert (read.status_code, read.json.get("sku", "")) == ((200, sku) if status == 201 else (404, ""))


def test_writes_name_their_language(shop: EbayShop) -> None:
    refused = shop.rest("PUT", "/sell/inventory/v1/inventory_item/A", shop.item(), language="")
    assert (refused.status_code, error_ids(refused)) == (400, [25709])
    assert shop.inventory("GET", "inventory_item/A").status_code == 404


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"availability": {"shipToLocationAvailability": {"quantity": -1}}}, 25004),
        ({"availability": {"shipToLocationAvailability": {"quantity": "5"}}}, 25004),
        ({"product": {"title": "x" * 81}}, 25016),
    ],
)
def test_items_are_checked(shop: EbayShop, change: dict[str, Any], number: int) -> None:
    assert error_ids(shop.inventory("PUT", "inventory_item/A", shop.item() | change)) == [number]


def test_items_in_bulk_stand_each_for_itself(shop: EbayShop) -> None:
    good, bad = shop.item() | {"sku": "A", "locale": "de_DE"}, shop.item(-1) | {"sku": "B", "locale": "de_DE"}
    answer = shop.inventory("POST", "bulk_create_or_replace_inventory_item", {"requests": [good, bad]})
    assert answer.status_code == 207
    assert [(row["sku"], row["statusCode"]) for row in answer.json["responses"]] == [("A", 201), ("B", 400)]
    again = shop.inventory("POST", "bulk_create_or_replace_inventory_item", {"requests": [good]})
    assert (again.status_code, again.json["responses"][0]["statusCode"]) == (200, 200)
    read = shop.inventory("POST", "bulk_get_inventory_item", {"requests": [{"sku": "A"}, {"sku": "Z"}]})
    assert [row["statusCode"] for row in read.json["responses"]] == [200, 404]
    assert read.json["responses"][0]["inventoryItem"]["product"]["title"] == "Tasse"
    assert shop.inventory("GET", "inventory_item", limit=10).json["total"] == 1


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("bulk_create_or_replace_inventory_item", 25727),
        ("bulk_get_inventory_item", 25727),
        ("bulk_update_price_quantity", 25709),
        ("bulk_create_offer", 25730),
        ("bulk_publish_offer", 25730),
    ],
)
def test_bulk_calls_take_25_rows_and_refuse_26(shop: EbayShop, path: str, number: int) -> None:
    rows = [shop.offer(f"S{i}") | {"sku": f"S{i}", "locale": "de_DE", "offerId": str(i)} for i in range(26)]
    refused = shop.inventory("POST", path, {"requests": rows})
    assert (refused.status_code, error_ids(refused)) == (400, [number])
    taken = shop.inventory("POST", path, {"requests": rows[:25]})
    assert (taken.status_code in (200, 207), len(taken.json["responses"])) == (True, 25)
    assert shop.inventory("POST", path, {"requests": []}).status_code == 400


def test_one_offer_per_sku_marketplace_and_format(shop: EbayShop) -> None:
    shop.inventory("PUT", "inventory_item/A", shop.item())
    first = shop.inventory("POST", "offer", shop.offer("A"))
    assert first.status_code == 201
    second = shop.inventory("POST", "offer", shop.offer("A"))
    assert (second.status_code, error_ids(second)) == (400, [25002])
    assert second.json["errors"][0]["message"] == "Offer entity already exists."
    assert second.json["errors"][0]["parameters"] == [{"name": "offerId", "value": first.json["offerId"]}]
    assert error_ids(shop.inventory("POST", "offer", shop.offer("Z"))) == [25702]


def test_offers_are_read_by_sku_and_a_sku_without_one_is_a_404(shop: EbayShop) -> None:
    offer_id, listing_id = shop.publish("A", 5)
    found = shop.inventory("GET", "offer", sku="A").json
    assert (found["total"], found["offers"][0]["offerId"], found["offers"][0]["status"]) == (1, offer_id, "PUBLISHED")
    assert found["offers"][0]["listing"] == {
        "listingId": listing_id, "listingStatus": "ACTIVE", "soldQuantity": 0, "listingOnHold": False,
    }  # fmt: skip
    assert shop.inventory("GET", "offer", sku="A", marketplace_id="EBAY_GB").status_code == 404
    missing = shop.inventory("GET", "offer", sku="Z")
    assert (missing.status_code, error_ids(missing)) == (404, [25713])
    assert shop.inventory("GET", "offer").status_code == 400


def test_replacing_an_offer_erases_what_is_left_out(shop: EbayShop) -> None:
    shop.inventory("PUT", "inventory_item/A", shop.item())
    offer_id = shop.inventory("POST", "offer", shop.offer("A", availableQuantity=3, quantityLimitPerBuyer=2)).json[
        "offerId"
    ]
    assert shop.inventory("PUT", f"offer/{offer_id}", {"categoryId": "15687", "sku": "other"}).status_code == 204
    assert shop.inventory("GET", f"offer/{offer_id}").json == {
        "offerId": offer_id, "sku": "A", "marketplaceId": "EBAY_DE", "format": "FIXED_PRICE", "status": "UNPUBLISHED",
        "categoryId": "15687",
    }  # fmt: skip
    assert shop.inventory("PUT", "offer/1", {}).status_code == 404


def test_a_published_offer_cannot_lose_what_it_needs(shop: EbayShop) -> None:
    offer_id, _ = shop.publish("A", 5)
    refused = shop.inventory("PUT", f"offer/{offer_id}", {"categoryId": "15687"})
    assert error_ids(refused) == [25007, 25008, 25009, 25003, 25012]
    assert shop.row("A")["price_minor"] == 1250
    assert shop.inventory("PUT", f"offer/{offer_id}", shop.offer("A", "9.99")).status_code == 204
    assert shop.row("A")["price_minor"] == 999


def test_publishing_says_everything_that_is_missing(shop: EbayShop) -> None:
    shop.inventory("PUT", "inventory_item/A", {"product": {"title": "Tasse"}})
    offer = {"sku": "A", "marketplaceId": "EBAY_DE", "format": "FIXED_PRICE"}
    offer_id = shop.inventory("POST", "offer", offer).json["offerId"]
    refused = shop.inventory("POST", f"offer/{offer_id}/publish")
    assert error_ids(refused) == [25007, 25008, 25009, 25003, 25005, 25012, 25014, 25021, 25017]
    assert shop.sim.ledger()["listings"] == []
    assert shop.inventory("POST", "offer/1/publish").status_code == 404


@pytest.mark.parametrize(
    "price", [{"value": "0", "currency": "EUR"}, {"value": "1", "currency": "USD"}, {"value": "x"}]
)
def test_prices_are_positive_and_in_the_marketplaces_currency(shop: EbayShop, price: dict[str, str]) -> None:
    shop.inventory("PUT", "inventory_item/A", shop.item())
    refused = shop.inventory("POST", "offer", shop.offer("A") | {"pricingSummary": {"price": price}})
    assert error_ids(refused) == [25003]


def test_a_published_offer_is_a_listing_buyers_can_take(shop: EbayShop) -> None:
    offer_id, listing_id = shop.publish("A", 5, "12.50")
    assert shop.row("A") == {
        "sku": "A", "external_id": listing_id, "state": "live", "quantity": 5, "price_minor": 1250, "currency": "EUR",
        "title": "Tasse",
    }  # fmt: skip
    assert shop.inventory("POST", f"offer/{offer_id}/publish").json["listingId"] == listing_id
    shop.order(("A", 2))
    assert shop.row("A")["quantity"] == 3
    item = shop.inventory("GET", "inventory_item/A").json
    assert item["availability"]["shipToLocationAvailability"]["quantity"] == 3
    assert shop.inventory("GET", f"offer/{offer_id}").json["listing"]["soldQuantity"] == 2


def test_the_listing_shows_the_lower_of_the_two_quantities(shop: EbayShop) -> None:
    offer_id, _ = shop.publish("A", 9, availableQuantity=4)
    assert shop.row("A")["quantity"] == 4
    assert bulk(shop, quantities("A", 2)).status_code == 200
    assert shop.row("A")["quantity"] == 2
    assert bulk(shop, quantities("A", 50, **{f"o{offer_id}": (7, None)})).status_code == 200
    assert shop.row("A")["quantity"] == 7
    shop.order(("A", 3))
    assert shop.row("A")["quantity"] == 4
    assert shop.inventory("GET", f"offer/{offer_id}").json["availableQuantity"] == 4


def test_quantity_0_hides_the_listing_and_stock_brings_it_back(shop: EbayShop) -> None:
    offer_id, listing_id = shop.publish("A", 5)
    bulk(shop, quantities("A", 0))
    assert shop.inventory("GET", f"offer/{offer_id}").json["listing"]["listingStatus"] == "OUT_OF_STOCK"
    assert (shop.row("A")["state"], shop.row("A")["quantity"]) == ("live", 0)
    with pytest.raises(ControlError, match="sold out"):
        shop.order(("A", 1))
    bulk(shop, quantities("A", 1))
    assert (shop.row("A")["external_id"], shop.row("A")["quantity"]) == (listing_id, 1)


def test_price_and_quantity_in_bulk_answer_per_row(shop: EbayShop) -> None:
    offer_id, _ = shop.publish("A", 5)
    other, _ = shop.publish("B", 5)
    answer = bulk(
        shop,
        quantities("A", 4, **{f"o{offer_id}": (4, "10.00")}),
        quantities("B", 3, **{f"o{offer_id}": (1, None)}),  # not B's offer
        quantities("Z", 1),
        quantities("B", -1),
        quantities("B", 2),
    )
    assert answer.status_code == 207
    rows = answer.json["responses"]
    assert rows[0] == {"statusCode": 200, "sku": "A", "offerId": offer_id, "errors": [], "warnings": []}
    found = [(row["sku"], row["statusCode"], [each["errorId"] for each in row["errors"]]) for row in rows[1:]]
    assert found == [("B", 400, [25713]), ("Z", 404, [25702]), ("B", 400, [25004]), ("B", 200, [])]
    assert (shop.row("A")["quantity"], shop.row("A")["price_minor"]) == (4, 1000)
    assert shop.row("B")["quantity"] == 2
    twice = quantities("A") | {"offers": [{"offerId": offer_id}, {"offerId": offer_id}]}
    assert bulk(shop, twice).json["responses"][0]["errors"][0]["errorId"] == 25731
    shop.inventory("POST", f"offer/{other}/withdraw")
    assert bulk(shop, quantities("B", **{f"o{other}": (1, None)})).json["responses"][0]["statusCode"] == 400


def test_a_listing_is_revised_at_most_250_times_per_pacific_day(shop: EbayShop) -> None:
    offer_id, listing_id = shop.publish("A", 5)
    shop.publish("B", 5)
    for number in range(10):
        assert bulk(shop, *[quantities("A", number * 25 + row) for row in range(25)]).status_code == 200
    answer = bulk(shop, quantities("A", 1), quantities("B", 1))
    assert [row["statusCode"] for row in answer.json["responses"]] == [400, 200]
    error = answer.json["responses"][0]["errors"][0]
    assert error["errorId"] == 25019
    assert error["parameters"] == [{"name": "listingId", "value": listing_id}]
    assert error_ids(shop.inventory("PUT", "inventory_item/A", shop.item(1))) == [25019]
    assert error_ids(shop.inventory("PUT", f"offer/{offer_id}", shop.offer("A", "1.00"))) == [25019]
    assert (shop.row("A")["quantity"], shop.row("A")["price_minor"]) == (249, 1250)
    shop.clock.advance(datetime(2026, 11, 23, 7, 59, tzinfo=UTC) - START)
    shop.token = shop.mint().json["access_token"]
    assert bulk(shop, quantities("A", 1)).status_code == 207
    shop.clock.advance(datetime(2026, 11, 23, 8, 0, tzinfo=UTC) - datetime(2026, 11, 23, 7, 59, tzinfo=UTC))
    assert bulk(shop, quantities("A", 1)).status_code == 200
    assert shop.row("A")["quantity"] == 1


def test_withdrawing_ends_the_listing_and_publishing_again_makes_another(shop: EbayShop) -> None:
    offer_id, listing_id = shop.publish("A", 5)
    assert shop.inventory("POST", f"offer/{offer_id}/withdraw").json["listingId"] == listing_id
    assert shop.row("A")["state"] == "ended"
    read = shop.inventory("GET", f"offer/{offer_id}").json
    assert (read["status"], read["listing"]["listingStatus"]) == ("UNPUBLISHED", "ENDED")
    assert error_ids(shop.inventory("POST", f"offer/{offer_id}/withdraw")) == [25713]
    fresh = shop.inventory("POST", f"offer/{offer_id}/publish").json["listingId"]
    assert fresh != listing_id
    assert (shop.row("A")["external_id"], shop.row("A")["state"]) == (fresh, "live")


def test_deleting_an_offer_or_item_ends_what_it_sells(shop: EbayShop) -> None:
    offer_id, _ = shop.publish("A", 5)
    assert shop.inventory("DELETE", f"offer/{offer_id}").status_code == 204
    assert shop.row("A")["state"] == "ended"
    shop.publish("B", 5)
    assert shop.inventory("DELETE", "inventory_item/B").status_code == 204
    assert shop.row("B")["state"] == "ended"
    assert shop.inventory("GET", "inventory_item/B").status_code == 404
    assert shop.inventory("DELETE", "inventory_item/B").status_code == 404


def test_offers_in_bulk(shop: EbayShop) -> None:
    shop.inventory("PUT", "inventory_item/A", shop.item())
    shop.inventory("PUT", "inventory_item/B", {"condition": "NEW"})
    made = shop.inventory(
        "POST", "bulk_create_offer", {"requests": [shop.offer("A"), shop.offer("B"), shop.offer("C")]}
    )
    rows = made.json["responses"]
    assert (made.status_code, [row["statusCode"] for row in rows]) == (207, [201, 201, 400])
    ids = [{"offerId": row["offerId"]} for row in rows[:2]]
    published = shop.inventory("POST", "bulk_publish_offer", {"requests": ids})
    assert [row["statusCode"] for row in published.json["responses"]] == [200, 400]
    assert published.json["responses"][0]["listingId"] == shop.row("A")["external_id"]
    doubled = shop.inventory("POST", "bulk_create_offer", {"requests": [shop.offer("A"), shop.offer("A")]})
    assert error_ids(doubled) == [25729]


def group_of(shop: EbayShop, *skus: str) -> dict[str, Any]:
    for sku in skus:
        item = shop.item(4, f"Hemd {sku}")
        item["product"]["aspects"]["Größe"] = [sku]
        shop.inventory("PUT", f"inventory_item/{sku}", item)
        shop.inventory("POST", "offer", shop.offer(sku))
    varies = {"specifications": [{"name": "Größe", "values": list(skus)}]}
    return {"title": "Hemd", "description": "<p>Leinen</p>", "variantSKUs": list(skus), "variesBy": varies}


def test_a_group_is_published_as_one_listing_with_variations(shop: EbayShop) -> None:
    body = group_of(shop, "S", "M")
    assert shop.inventory("PUT", "inventory_item_group/G", body).status_code == 201
    assert shop.inventory("PUT", "inventory_item_group/G", body).status_code == 204
    assert shop.inventory("GET", "inventory_item_group/G").json == {"inventoryItemGroupKey": "G", **body}
    assert shop.inventory("GET", "inventory_item/S").json["inventoryItemGroupKeys"] == ["G"]
    offer_id = shop.inventory("GET", "offer", sku="S").json["offers"][0]["offerId"]
    assert error_ids(shop.inventory("POST", f"offer/{offer_id}/publish")) == [25732]
    key = {"inventoryItemGroupKey": "G", "marketplaceId": "EBAY_DE"}
    listing_id = shop.inventory("POST", "offer/publish_by_inventory_item_group", key).json["listingId"]
    assert {row["sku"]: row["external_id"] for row in shop.sim.ledger()["listings"]} == {
        "S": listing_id,
        "M": listing_id,
    }
    order_id = shop.order(("M", 1), ("S", 2))
    assert (shop.row("M")["quantity"], shop.row("S")["quantity"]) == (3, 2)
    line = shop.rest("GET", f"/sell/fulfillment/v1/order/{order_id}").json["lineItems"][0]
    assert (line["sku"], line["variationAspects"]) == ("M", [{"name": "Größe", "value": "M"}])
    assert line["legacyVariationId"] != ""

    group_of(shop, "L")
    shop.inventory("PUT", "inventory_item_group/G", {**body, "variantSKUs": ["S", "M", "L"]})
    again = shop.inventory("POST", "offer/publish_by_inventory_item_group", key)
    assert again.json["listingId"] == listing_id
    assert shop.row("L")["external_id"] == listing_id
    assert shop.inventory("POST", "offer/withdraw_by_inventory_item_group", key).status_code == 204
    assert {row["state"] for row in shop.sim.ledger()["listings"]} == {"ended"}
    assert error_ids(shop.inventory("POST", "offer/withdraw_by_inventory_item_group", key)) == [25725]
    assert shop.inventory("DELETE", "inventory_item_group/G").status_code == 204
    assert shop.inventory("GET", "inventory_item_group/G").status_code == 404


def test_a_sku_is_in_one_group_and_not_sold_alone_besides(shop: EbayShop) -> None:
    body = group_of(shop, "S")
    shop.inventory("PUT", "inventory_item_group/G", body)
    assert error_ids(shop.inventory("PUT", "inventory_item_group/H", body)) == [25703]
    shop.publish("A", 1)
    assert error_ids(shop.inventory("PUT", "inventory_item_group/H", {**body, "variantSKUs": ["A"]})) == [25704]
    assert error_ids(shop.inventory("PUT", "inventory_item_group/H", {**body, "variantSKUs": ["Z"]})) == [25701]
    unready = {"inventoryItemGroupKey": "Z", "marketplaceId": "EBAY_DE"}
    assert error_ids(shop.inventory("POST", "offer/publish_by_inventory_item_group", unready)) == [25705]


def test_locations_are_made_once(shop: EbayShop) -> None:
    place = {"location": {"address": {"city": "Ulm", "postalCode": "89073", "country": "DE"}}, "name": "Süd"}
    assert shop.inventory("POST", "location/sued", place).status_code == 204
    again = shop.inventory("POST", "location/sued", place)
    assert (again.status_code, error_ids(again)) == (409, [25803])
    assert shop.inventory("GET", "location/sued").json["merchantLocationStatus"] == "ENABLED"
    assert shop.inventory("GET", "location").json["total"] == 2
    assert shop.inventory("GET", "location/nord").status_code == 404
    assert error_ids(shop.inventory("POST", "location/nord", {})) == [25801]


def test_a_web_listing_is_out_of_the_inventory_apis_reach(shop: EbayShop) -> None:
    item_id = shop.by_hand("W", 7)
    assert bulk(shop, quantities("W", 1)).json["responses"][0]["errors"][0]["errorId"] == 25702
    shop.inventory("PUT", "inventory_item/W", shop.item(1))
    assert shop.row("W")["quantity"] == 7
    offer_id = shop.inventory("POST", "offer", shop.offer("W")).json["offerId"]
    refused = shop.inventory("POST", f"offer/{offer_id}/publish")
    assert error_ids(refused) == [25002]
    assert refused.json["errors"][0]["parameters"] == [{"name": "listingId", "value": item_id}]
    assert (shop.row("W")["external_id"], shop.row("W")["quantity"]) == (item_id, 7)
