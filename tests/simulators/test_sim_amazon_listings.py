"""Listings of the simulated Amazon: submissions, patches, what is live when, issues, search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.amazon_shop import Shop, errors, open_shop

STOCK = "/attributes/fulfillment_availability"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop(enforce_limits=False) as shop:
        yield shop


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(issue["categories"][0], issue["attributeNames"][0]) for issue in answer.json()["issues"]]


def search(shop: Shop, **params: Any) -> Any:
    path = f"/listings/2021-08-01/items/{shop.seller}"
    return shop.call("GET", path, params={"marketplaceIds": shop.store, **params})


def skus(answer: Any) -> list[str]:
    return [item["sku"] for item in answer.json()["items"]]


# ---------------------------------------------------------------- life of a submission


def test_accepted_is_not_live_until_the_lag_has_passed(shop: Shop) -> None:
    answer = shop.put("CUP", shop.full())
    assert answer.json()["status"] == "ACCEPTED"
    assert answer.json()["issues"] == []
    shop.wait(19)
    assert errors(shop.call("GET", shop.item_path("CUP"), params={"marketplaceIds": shop.store})) == (404, "NotFound")
    shop.wait(1)
    item = shop.item("CUP")
    assert item["summaries"][0]["status"] == ["BUYABLE", "DISCOVERABLE"]
    assert item["summaries"][0]["itemName"] == "A cup"
    assert item["summaries"][0]["createdDate"] == "2026-11-22T09:00:20.000Z"
    assert item["offers"][0]["price"] == {"currencyCode": "EUR", "amount": "12.99"}
    assert item["fulfillmentAvailability"] == [{"fulfillmentChannelCode": "DEFAULT", "quantity": 5}]
    assert shop.sim.ledger()["listings"] == [
        {
            "sku": "CUP", "external_id": "CUP", "state": "live", "quantity": 5, "price_minor": 1299, "currency": "EUR",
            "title": "A cup",
        }
    ]  # fmt: skip


def test_the_scenario_sets_the_lag_of_writes() -> None:
    with open_shop(apply_lag_s=300) as shop:
        shop.list()
        shop.patch_stock("SKU-1", 9)
        shop.wait(299)
        assert shop.stock("SKU-1") == 5
        shop.wait(1)
        assert shop.stock("SKU-1") == 9


def test_a_put_replaces_everything_a_listing_had(shop: Shop) -> None:
    shop.list("CUP", quantity=7)
    attributes = shop.full("New")
    del attributes["fulfillment_availability"]
    shop.put("CUP", attributes)
    shop.wait(20)
    assert shop.stock("CUP") == 0
    assert shop.item("CUP")["summaries"][0]["status"] == ["DISCOVERABLE"]


def test_a_preview_validates_and_keeps_nothing(shop: Shop) -> None:
    good = shop.put("CUP", shop.full(), more={"mode": "VALIDATION_PREVIEW", "includedData": "issues,identifiers"})
    assert (good.json()["status"], good.json()["identifiers"]) == ("VALID", [])
    assert (
        shop.put("CUP", {"brand": [{"value": "X"}]}, more={"mode": "VALIDATION_PREVIEW"}).json()["status"] == "INVALID"
    )
    shop.list("OLD")
    assert shop.patch_stock("OLD", 1, mode="VALIDATION_PREVIEW").json()["status"] == "VALID"
    shop.wait(60)
    assert [row["sku"] for row in shop.sim.ledger()["listings"]] == ["OLD"]
    assert shop.stock("OLD") == 5
    assert errors(shop.put("CUP", shop.full(), more={"mode": "DRY_RUN"})) == (400, "InvalidInput")
    assert errors(shop.put("CUP", shop.full(), more={"includedData": "identifiers"})) == (400, "InvalidInput")


def test_invalid_is_a_success_on_the_wire_and_changes_nothing(shop: Shop) -> None:
    answer = shop.put("CUP", {"fulfillment_availability": [{"fulfillment_channel_code": "DEFAULT", "quantity": 1}]})
    assert (answer.status_code, answer.json()["status"]) == (200, "INVALID")
    assert answer.json()["issues"] == [
        {
            "code": "90220", "message": "'item_name' is required but missing.", "severity": "ERROR",
            "attributeNames": ["item_name"], "categories": ["MISSING_ATTRIBUTE"],
        }
    ]  # fmt: skip
    shop.wait(60)
    assert shop.sim.ledger()["listings"] == []


def test_the_scenario_may_require_more_attributes() -> None:
    with open_shop(extra={"required": ["brand"]}) as shop:
        assert codes(shop.put("CUP", shop.full())) == [("MISSING_ATTRIBUTE", "brand")]
        brand = {"brand": [{"value": "Acme", "marketplace_id": shop.store}]}
        assert shop.put("CUP", {**shop.full(), **brand}).json()["status"] == "ACCEPTED"


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("fulfillment_availability", [{"fulfillment_channel_code": "DEFAULT", "quantity": -1}], "quantity"),
        ("fulfillment_availability", [{"fulfillment_channel_code": "DEFAULT", "quantity": 1.5}], "quantity"),
        ("fulfillment_availability", [{"fulfillment_channel_code": "DEFAULT", "quantity": "3"}], "quantity"),
        ("fulfillment_availability", [{"fulfillment_channel_code": "DEFAULT"}], "quantity"),
        ("fulfillment_availability", [{"quantity": 3}], "fulfillment_channel_code"),
        ("purchasable_offer", [{"currency": "USD", "our_price": [{"schedule": [{"value_with_tax": 1}]}]}], "purchasable_offer"),
        ("purchasable_offer", [{"currency": "EUR", "our_price": []}], "purchasable_offer.our_price"),
        ("purchasable_offer", [{"our_price": [{"schedule": [{"value_with_tax": 0}]}]}], "purchasable_offer.our_price"),
        ("purchasable_offer", [{"our_price": [{"schedule": [{"value_with_tax": "9.99"}]}]}], "purchasable_offer.our_price"),
        ("purchasable_offer", [{"our_price": [{"schedule": [{"value_with_tax": 9.999}]}]}], "purchasable_offer.our_price"),
        ("item_name", [{"value": "x" * 201}], "item_name"),
        ("item_name", [{"value": " "}], "item_name"),
        ("item_name", [{"value": "Cup", "marketplace_id": "ATVPDKIKX0DER"}], "item_name"),
        ("item_name", "Cup", "item_name"),
        ("condition_type", [{"value": "shiny"}], "condition_type"),
        ("parentage_level", [{"value": "uncle"}], "parentage_level"),
        ("main_product_image_locator", [{"media_location": "cup.jpg"}], "main_product_image_locator"),
    ],
)  # fmt: skip
def test_bad_values_make_a_submission_invalid(shop: Shop, name: str, value: Any, found: str) -> None:
    answer = shop.put("CUP", {**shop.full(), name: value})
    assert (answer.status_code, answer.json()["status"]) == (200, "INVALID")
    assert [issue["attributeNames"] for issue in answer.json()["issues"]] == [[found]]


def test_a_deleted_listing_is_gone_after_the_lag(shop: Shop) -> None:
    shop.list("CUP")
    params = {"marketplaceIds": shop.store}
    answer = shop.call("DELETE", shop.item_path("CUP"), params=params).json()
    assert (answer["sku"], answer["status"]) == ("CUP", "ACCEPTED")
    assert shop.stock("CUP") == 5
    shop.wait(20)
    assert errors(shop.call("GET", shop.item_path("CUP"), params=params)) == (404, "NotFound")
    assert [(row["state"], row["quantity"]) for row in shop.sim.ledger()["listings"]] == [("ended", 0)]
    assert skus(search(shop)) == []
    shop.put("CUP", shop.full("Again"))
    shop.wait(20)
    assert shop.sim.ledger()["listings"][0]["state"] == "live"


# ---------------------------------------------------------------- patches


def test_merge_keeps_what_replace_drops(shop: Shop) -> None:
    whole = [{"fulfillment_channel_code": "DEFAULT", "quantity": 5, "lead_time_to_ship_max_days": 3}]
    shop.put("CUP", {**shop.full(), "fulfillment_availability": whole})
    shop.patch_stock("CUP", 8)
    shop.wait(20)
    assert shop.item("CUP")["attributes"]["fulfillment_availability"] == [{**whole[0], "quantity": 8}]
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 2}]
    shop.patch("CUP", {"op": "replace", "path": STOCK, "value": value})
    shop.wait(20)
    assert shop.item("CUP")["attributes"]["fulfillment_availability"] == value


def test_add_and_delete_of_an_attribute(shop: Shop) -> None:
    shop.list("CUP")
    bullets = [{"value": "Holds tea", "language_tag": "de_DE"}, {"value": "Holds tea", "language_tag": "en_GB"}]
    shop.patch("CUP", {"op": "add", "path": "/attributes/bullet_point", "value": bullets})
    shop.wait(20)
    assert shop.item("CUP")["attributes"]["bullet_point"] == bullets
    shop.patch("CUP", {"op": "delete", "path": "/attributes/bullet_point", "value": [{"language_tag": "en_GB"}]})
    shop.wait(20)
    assert shop.item("CUP")["attributes"]["bullet_point"] == bullets[:1]
    shop.patch("CUP", {"op": "delete", "path": "/attributes/bullet_point"})
    shop.wait(20)
    assert "bullet_point" not in shop.item("CUP")["attributes"]


def test_a_price_patch_moves_the_price_alone(shop: Shop) -> None:
    shop.list("CUP")
    offer = {"our_price": [{"schedule": [{"value_with_tax": 8.5}]}], "marketplace_id": shop.store, "currency": "EUR"}
    assert (
        shop.patch("CUP", {"op": "merge", "path": "/attributes/purchasable_offer", "value": [offer]}).status_code == 200
    )
    shop.wait(20)
    (row,) = shop.sim.ledger()["listings"]
    assert (row["price_minor"], row["quantity"]) == (850, 5)


def test_a_stock_patch_without_its_selector_or_quantity_is_invalid(shop: Shop) -> None:
    shop.list("CUP")
    no_selector = shop.patch("CUP", {"op": "merge", "path": STOCK, "value": [{"quantity": 3}]})
    assert codes(no_selector) == [("MISSING_ATTRIBUTE", "fulfillment_channel_code")]
    assert codes(shop.patch_stock("CUP", None)) == [("MISSING_ATTRIBUTE", "quantity")]
    assert codes(shop.patch_stock("CUP", "3")) == [("INVALID_ATTRIBUTE", "quantity")]
    shop.wait(60)
    assert shop.stock("CUP") == 5


def test_a_patch_that_becomes_effective_overwrites_what_buyers_did_meanwhile(shop: Shop) -> None:
    shop.list("CUP", quantity=5)
    shop.patch_stock("CUP", 5)
    shop.order(("CUP", 2))
    assert shop.stock("CUP") == 3
    shop.wait(20)
    assert shop.stock("CUP") == 5
    shop.patch("CUP", {"op": "replace", "path": "/attributes/item_name", "value": [{"value": "Mug"}]})
    shop.order(("CUP", 2))
    shop.wait(20)
    assert (shop.stock("CUP"), shop.sim.ledger()["listings"][0]["title"]) == (3, "Mug")


def test_patches_take_effect_in_the_order_they_were_accepted(shop: Shop) -> None:
    shop.list("CUP")
    for quantity in (9, 4, 7):
        shop.patch_stock("CUP", quantity)
        shop.wait(1)
    shop.wait(17)
    seen = []
    for _ in range(3):
        seen.append(shop.stock("CUP"))
        shop.wait(1)
    assert seen == [9, 4, 7]


def test_a_patch_may_follow_a_put_that_is_not_live_yet_but_needs_a_listing(shop: Shop) -> None:
    assert shop.patch_stock("CUP", 3).json()["status"] == "INVALID"
    shop.put("CUP", shop.full())
    assert shop.patch_stock("CUP", 3).json()["status"] == "ACCEPTED"
    shop.wait(20)
    assert shop.stock("CUP") == 3


@pytest.mark.parametrize(
    "patches",
    [
        [],
        [{"op": "move", "path": STOCK, "value": []}],
        [{"op": "merge", "path": "/fulfillment_availability", "value": []}],
        [{"op": "merge", "path": f"{STOCK}/0/quantity", "value": []}],
        [{"op": "merge", "path": STOCK}],
        [{"op": "merge", "path": STOCK, "value": {"quantity": 3}}],
        [{"op": "merge", "path": STOCK, "value": [3]}],
        ["merge"],
    ],
)
def test_malformed_patches_are_bad_input(shop: Shop, patches: Any) -> None:
    shop.list("CUP")
    body = {"productType": "PRODUCT", "patches": patches}
    answer = shop.call("PATCH", shop.item_path("CUP"), params={"marketplaceIds": shop.store}, body=body)
    assert errors(answer) == (400, "InvalidInput")


def test_requests_outside_the_account_or_the_model_are_refused(shop: Shop) -> None:
    shop.list("CUP")
    path, params = shop.item_path("CUP"), {"marketplaceIds": shop.store}
    assert errors(shop.call("GET", path)) == (400, "InvalidInput")
    assert errors(shop.call("GET", path, params={"marketplaceIds": "ATVPDKIKX0DER"})) == (400, "InvalidInput")
    assert errors(shop.call("GET", path, params={**params, "includedData": "all"})) == (400, "InvalidInput")
    assert errors(shop.call("GET", "/listings/2021-08-01/items/OTHER/CUP", params=params)) == (403, "Unauthorized")
    assert errors(shop.call("PUT", path, params=params, body={"attributes": {}})) == (400, "InvalidInput")
    assert errors(shop.call("PUT", path, params=params, body={"productType": "CUP"})) == (400, "InvalidInput")
    assert errors(shop.call("PUT", path, params=params, body=["x"])) == (400, "InvalidInput")
    two = {"marketplaceIds": f"{shop.store},ATVPDKIKX0DER"}
    assert errors(shop.call("DELETE", path, params=two)) == (400, "InvalidInput")


@pytest.mark.parametrize("sku", ["A/1", "A B", "ก ขวด/250", "100% wool", "a+b&c?d#e"])
def test_a_sku_may_hold_any_character(shop: Shop, sku: str) -> None:
    assert shop.put(sku, shop.full()).json()["sku"] == sku
    shop.wait(20)
    assert shop.patch_stock(sku, 2).json()["sku"] == sku
    shop.wait(20)
    assert shop.item(sku)["sku"] == sku
    assert shop.stock(sku) == 2


# ---------------------------------------------------------------- state and issues


def test_sold_out_is_visible_but_not_buyable_and_still_live(shop: Shop) -> None:
    shop.list("CUP", quantity=1)
    shop.order(("CUP", 1))
    assert shop.item("CUP")["summaries"][0]["status"] == ["DISCOVERABLE"]
    assert shop.sim.ledger()["listings"][0]["state"] == "live"


def test_without_a_price_a_listing_is_inactive(shop: Shop) -> None:
    attributes = shop.full()
    del attributes["purchasable_offer"]
    assert shop.put("CUP", attributes).json()["status"] == "ACCEPTED"
    shop.wait(20)
    assert shop.item("CUP")["offers"] == []
    assert shop.sim.ledger()["listings"][0]["state"] == "inactive"


def test_an_error_can_arrive_minutes_after_acceptance_and_take_the_listing_down() -> None:
    late = {"CUP-*": {"code": "18299", "message": "Prohibited claim.", "action": "LISTING_SUPPRESSED"}}
    with open_shop(extra={"late_issues": late, "issue_lag_s": 180}) as shop:
        assert shop.put("CUP-1", shop.full()).json()["status"] == "ACCEPTED"
        shop.wait(199)
        assert shop.item("CUP-1")["issues"] == []
        assert shop.item("CUP-1")["summaries"][0]["status"] == ["BUYABLE", "DISCOVERABLE"]
        shop.wait(1)
        item = shop.item("CUP-1")
        assert item["summaries"][0]["status"] == ["DISCOVERABLE"]
        assert item["issues"] == [
            {
                "code": "18299", "message": "Prohibited claim.", "severity": "ERROR", "attributeNames": ["item_name"],
                "categories": ["INVALID_ATTRIBUTE"],
                "enforcements": {"actions": [{"action": "LISTING_SUPPRESSED"}], "exemption": {"status": "NOT_EXEMPT"}},
            }
        ]  # fmt: skip
        assert shop.sim.ledger()["listings"][0]["state"] == "suppressed"
        assert shop.sim.buy() is None


def test_a_missing_picture_is_only_a_warning(shop: Shop) -> None:
    attributes = shop.full()
    del attributes["main_product_image_locator"]
    shop.put("CUP", attributes)
    shop.wait(80)
    (issue,) = shop.item("CUP")["issues"]
    assert (issue["severity"], issue["categories"]) == ("WARNING", ["MISSING_IMAGE"])
    assert shop.sim.ledger()["listings"][0]["state"] == "live"


# ---------------------------------------------------------------- variations


def family(shop: Shop) -> None:
    mark = {"marketplace_id": shop.store}
    parent = {
        "item_name": [{"value": "Cups", **mark}],
        "parentage_level": [{"value": "parent", **mark}],
        "variation_theme": [{"name": "COLOR"}],
    }
    relation = {"child_relationship_type": "variation", "parent_sku": "CUPS", **mark}
    assert shop.put("CUPS", parent).json()["status"] == "ACCEPTED"
    for color in ("red", "blue"):
        child = {"parentage_level": [{"value": "child", **mark}], "child_parent_sku_relationship": [relation]}
        assert shop.put(f"CUP-{color}", {**shop.full(f"Cup {color}"), **child}).json()["status"] == "ACCEPTED"
    shop.wait(20)


def test_a_family_of_variations_hangs_together(shop: Shop) -> None:
    family(shop)
    theme = {"attributes": ["color"], "theme": "COLOR"}
    (parent,) = shop.item("CUPS", "relationships")["relationships"]
    assert parent["relationships"] == [
        {"type": "VARIATION", "variationTheme": theme, "childSkus": ["CUP-red", "CUP-blue"]}
    ]
    (child,) = shop.item("CUP-red", "relationships")["relationships"]
    assert child["relationships"] == [{"type": "VARIATION", "variationTheme": theme, "parentSkus": ["CUPS"]}]
    assert shop.item("CUPS")["summaries"][0]["status"] == ["DISCOVERABLE"]
    assert {row["sku"]: row["state"] for row in shop.sim.ledger()["listings"]} == {
        "CUPS": "inactive", "CUP-red": "live", "CUP-blue": "live",
    }  # fmt: skip
    assert sorted(skus(search(shop, variationParentSku="CUPS"))) == ["CUP-blue", "CUP-red"]
    shop.wait(60)
    assert shop.item("CUP-red")["issues"] == []


def test_a_child_without_its_parent_gets_an_error_later(shop: Shop) -> None:
    relation = [{"child_relationship_type": "variation", "parent_sku": "NOWHERE"}]
    child = {"parentage_level": [{"value": "child"}], "child_parent_sku_relationship": relation}
    assert shop.put("CUP", {**shop.full(), **child}).json()["status"] == "ACCEPTED"
    shop.wait(80)
    (issue,) = shop.item("CUP")["issues"]
    assert (issue["severity"], issue["attributeNames"]) == ("ERROR", ["child_parent_sku_relationship"])


def test_parent_and_child_need_their_attributes(shop: Shop) -> None:
    parent = {"item_name": [{"value": "Cups"}], "parentage_level": [{"value": "parent"}]}
    assert codes(shop.put("CUPS", parent)) == [("MISSING_ATTRIBUTE", "variation_theme")]
    child = {**shop.full(), "parentage_level": [{"value": "child"}]}
    assert codes(shop.put("CUP", child)) == [("MISSING_ATTRIBUTE", "child_parent_sku_relationship")]


# ---------------------------------------------------------------- search


def test_search_pages_through_everything_latest_change_first(shop: Shop) -> None:
    for number in range(25):
        shop.list(f"S{number:02}")
        shop.wait(1)
    first = search(shop).json()
    assert (first["numberOfResults"], len(first["items"]), first["items"][0]["sku"]) == (25, 10, "S24")
    second = search(shop, pageSize=20, pageToken=search(shop, pageSize=20).json()["pagination"]["nextToken"])
    assert skus(second) == ["S04", "S03", "S02", "S01", "S00"]
    assert set(second.json()["pagination"]) == {"previousToken"}
    back = search(shop, pageSize=20, pageToken=second.json()["pagination"]["previousToken"])
    assert skus(back)[0] == "S24"
    assert skus(search(shop, sortBy="sku", sortOrder="ASC", pageSize=2)) == ["S00", "S01"]


def test_search_filters(shop: Shop) -> None:
    shop.list("A-B", quantity=0)
    shop.list("C")
    shop.wait(100)
    attributes = shop.full()
    del attributes["main_product_image_locator"]
    attributes["externally_assigned_product_identifier"] = [{"type": "ean", "value": "4006381333931"}]
    shop.put("D", attributes)
    shop.wait(80)
    asin = shop.item("C")["summaries"][0]["asin"]
    assert skus(search(shop, identifiers="D,C,X", identifiersType="SKU", sortBy="sku", sortOrder="ASC")) == ["C", "D"]
    assert skus(search(shop, identifiers=asin, identifiersType="ASIN")) == ["C"]
    assert skus(search(shop, identifiers="4006381333931", identifiersType="EAN")) == ["D"]
    assert sorted(skus(search(shop, withStatus="BUYABLE"))) == ["C", "D"]
    assert skus(search(shop, withoutStatus="BUYABLE")) == ["A-B"]
    assert skus(search(shop, withIssueSeverity="WARNING")) == ["D"]
    assert skus(search(shop, lastUpdatedAfter="2026-11-22T09:01:00Z")) == ["D"]
    assert sorted(skus(search(shop, createdBefore="2026-11-22T09:01:00Z"))) == ["A-B", "C"]


@pytest.mark.parametrize(
    "params",
    [
        {"pageSize": "21"},
        {"pageSize": "0"},
        {"pageToken": "garbage"},
        {"identifiers": "A"},
        {"identifiersType": "SKU"},
        {"identifiers": "A", "identifiersType": "NAME"},
        {"identifiers": ",".join("ABCDEFGHIJKLMNOPQRSTU"), "identifiersType": "SKU"},
        {"identifiers": "A", "identifiersType": "SKU", "variationParentSku": "B"},
        {"withStatus": "LIVE"},
        {"sortBy": "price"},
        {"createdAfter": "monday"},
    ],
)
def test_search_parameters_outside_the_rules_are_bad_input(shop: Shop, params: dict[str, str]) -> None:
    assert errors(search(shop, **params)) == (400, "InvalidInput")


# ---------------------------------------------------------------- values nobody expects


@pytest.mark.parametrize(
    "value",
    [None, 1, "x", [], {}, [{}], [[1]], True, 1e308, [{"value": []}], [{"our_price": 5}], [{"name": {}}],
     [{"fulfillment_channel_code": [], "quantity": 10**30}], [{"marketplace_id": {}}], [{"parent_sku": []}]],
    ids=repr,
)  # fmt: skip
def test_no_value_of_an_attribute_breaks_the_simulator(shop: Shop, value: Any) -> None:
    shop.list("CUP")
    names = ("item_name", "purchasable_offer", "fulfillment_availability", "condition_type", "parentage_level",
             "child_parent_sku_relationship", "variation_theme", "main_product_image_locator", "brand")  # fmt: skip
    for name in names:
        assert shop.put("NEW", {**shop.full(), name: value}).status_code == 200
        for op in ("merge", "replace", "delete"):
            patch = {"op": op, "path": f"/attributes/{name}", "value": value}
            assert shop.patch("CUP", patch).status_code in (200, 400)
    shop.wait(200)
    assert search(shop, includedData="summaries,attributes,offers,relationships").status_code == 200
    assert shop.sim.dump()["listings"]


def test_numbers_that_are_not_json_are_refused(shop: Shop) -> None:
    shop.list("CUP")
    shop.item("CUP")
    content = b'{"productType": "PRODUCT", "attributes": {"item_name": NaN}}'
    path, params = shop.item_path("CUP"), {"marketplaceIds": shop.store}
    answer = shop.http.put(path, params=params, content=content, headers={"x-amz-access-token": shop.token})
    assert errors(answer) == (400, "InvalidInput")
