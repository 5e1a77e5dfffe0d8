"""Stock in the simulated shop: compare-and-set, idempotency keys, all or nothing, what orders do to the numbers."""

from __future__ import annotations

from typing import Any

import pytest

from hub.simulators.base import ControlError
from tests.support.sim_shopify import LOCATION, SET_STOCK, UPSERT, Shop

ADJUST = """mutation A($i: InventoryAdjustQuantitiesInput!, $k: String!) { inventoryAdjustQuantities(input: $i)
 @idempotent(key: $k) { inventoryAdjustmentGroup { changes(quantityNames: ["available"]) { delta quantityAfterChange } }
 userErrors { code field message } } }"""
ACTIVATE = """mutation V($i: ID!, $l: ID!, $n: Int, $k: String!) { inventoryActivate(inventoryItemId: $i, locationId: $l,
 available: $n) @idempotent(key: $k) { inventoryLevel { quantities(names: ["available"]) { quantity } }
 userErrors { field message } } }"""


@pytest.fixture
def shop() -> Shop:
    return Shop()


def row(item: str, quantity: int, **more: Any) -> dict[str, Any]:
    return {"inventoryItemId": item, "locationId": LOCATION, "quantity": quantity} | more


def test_a_set_with_the_right_expectation_is_applied_and_described(shop: Shop) -> None:
    item = shop.sell("A-1", 5)
    answer = shop.set_stock("k1", (item, 4, 5), referenceDocumentUri="gid://hub/Outbox/17")
    assert answer["userErrors"] == []
    assert answer["inventoryAdjustmentGroup"] == {
        "createdAt": "2026-11-22T09:00:00Z",
        "reason": "correction",
        "referenceDocumentUri": "gid://hub/Outbox/17",
        "changes": [
            {"name": "available", "delta": -1, "quantityAfterChange": 4},
            {"name": "on_hand", "delta": -1, "quantityAfterChange": 4},
        ],
    }
    assert shop.stock("A-1") == {"available": 4, "committed": 0, "on_hand": 4}


def test_a_stale_row_stops_the_whole_call_and_names_itself(shop: Shop) -> None:
    first, second = shop.sell("A-1", 5), shop.sell("A-2", 7)
    answer = shop.set_stock("k1", (first, 1, 5), (second, 1, 6))
    assert answer["inventoryAdjustmentGroup"] is None
    assert [(error["code"], error["field"]) for error in answer["userErrors"]] == [
        ("CHANGE_FROM_QUANTITY_STALE", ["input", "quantities", "1", "changeFromQuantity"])
    ]
    assert (shop.stock("A-1")["available"], shop.stock("A-2")["available"]) == (5, 7)


def test_an_explicit_null_overwrites(shop: Shop) -> None:
    item = shop.sell("A-1", 5)
    assert shop.set_stock("k1", (item, 9, None))["userErrors"] == []
    assert shop.stock("A-1")["available"] == 9


def test_a_row_without_an_expectation_is_a_run_time_error(shop: Shop) -> None:
    item = shop.sell("A-1", 5)
    source = {"name": "available", "reason": "correction", "quantities": [row(item, 1)]}
    answer = shop.ask(SET_STOCK, {"i": source, "k": "k1"})
    assert answer["data"] == {"inventorySetQuantities": None}
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert "changeFromQuantity is required" in answer["errors"][0]["message"]
    assert shop.stock("A-1")["available"] == 5


@pytest.mark.parametrize("mutation", ["inventorySetQuantities", "inventoryAdjustQuantities", "inventoryActivate"])
def test_a_write_without_an_idempotency_key_is_refused(shop: Shop, mutation: str) -> None:
    item = shop.sell("A-1", 5)
    arguments = {
        "inventorySetQuantities": f'input: {{name: "available", reason: "correction", quantities: [{{inventoryItemId: '
        f'"{item}", locationId: "{LOCATION}", quantity: 1, changeFromQuantity: null}}]}}',
        "inventoryAdjustQuantities": f'input: {{name: "available", reason: "correction", changes: [{{inventoryItemId: '
        f'"{item}", locationId: "{LOCATION}", delta: 1, changeFromQuantity: null}}]}}',
        "inventoryActivate": f'inventoryItemId: "{item}", locationId: "{LOCATION}"',
    }[mutation]
    answer = shop.ask(f"mutation {{ {mutation}({arguments}) {{ userErrors {{ message }} }} }}")
    assert answer["data"] == {mutation: None}
    assert answer["errors"][0]["message"].startswith("The @idempotent directive is required")
    assert shop.stock("A-1")["available"] == 5
    blank = shop.ask(f'mutation {{ {mutation}({arguments}) @idempotent(key: " ") {{ userErrors {{ message }} }} }}')
    assert "cannot be an empty string" in blank["errors"][0]["message"]


def test_the_same_key_and_input_gives_the_original_answer_and_changes_nothing(shop: Shop) -> None:
    item = shop.sell("A-1", 5)
    first = shop.set_stock("k1", (item, 4, 5))
    shop.order(("A-1", 1))
    shop.later(60)
    assert shop.set_stock("k1", (item, 4, 5)) == first
    assert shop.stock("A-1") == {"available": 3, "committed": 1, "on_hand": 4}


def test_a_stale_answer_too_is_the_answer_of_its_key(shop: Shop) -> None:
    item = shop.sell("A-1", 5)
    assert shop.set_stock("k1", (item, 4, 6))["userErrors"][0]["code"] == "CHANGE_FROM_QUANTITY_STALE"
    shop.sim.set_stock("A-1", 6)
    assert shop.set_stock("k1", (item, 4, 6))["userErrors"][0]["code"] == "CHANGE_FROM_QUANTITY_STALE"
    assert shop.stock("A-1")["available"] == 6


def test_the_same_key_with_another_input_is_a_mismatch(shop: Shop) -> None:
    item = shop.sell("A-1", 5)
    shop.set_stock("k1", (item, 4, 5))
    answer = shop.set_stock("k1", (item, 3, 4))
    assert [error["code"] for error in answer["userErrors"]] == ["IDEMPOTENCY_KEY_PARAMETER_MISMATCH"]
    assert shop.stock("A-1")["available"] == 4


def test_duplicate_rows_unknown_things_and_bad_numbers_are_refused(shop: Shop) -> None:
    item = shop.sell("A-1", 5)

    def codes(key: str, *rows: dict[str, Any], **more: Any) -> list[tuple[str | None, list[str]]]:
        source = {"name": "available", "reason": "correction", "quantities": list(rows)} | more
        answer = shop.data(SET_STOCK, {"i": source, "k": key})["inventorySetQuantities"]
        return [(error["code"], error["field"]) for error in answer["userErrors"]]

    twice = row(item, 1, changeFromQuantity=None)
    assert codes("a", twice, twice) == [("NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR", ["input", "quantities", "1"])]
    nothing = row("gid://shopify/InventoryItem/99", 1, changeFromQuantity=None)
    assert codes("b", nothing) == [("INVALID_INVENTORY_ITEM", ["input", "quantities", "0", "inventoryItemId"])]
    closed = {**twice, "locationId": "gid://shopify/Location/2"}
    assert codes("c", closed) == [("INVALID_LOCATION", ["input", "quantities", "0", "locationId"])]
    minus = row(item, -1, changeFromQuantity=None)
    assert codes("d", minus) == [("INVALID_QUANTITY_NEGATIVE", ["input", "quantities", "0", "quantity"])]
    assert codes("e", twice, name="incoming") == [("INVALID_NAME", ["input", "name"])]
    assert codes("f", twice, reason="because") == [("INVALID_REASON", ["input", "reason"])]
    assert codes("g", twice, referenceDocumentUri="17") == [
        ("INVALID_REFERENCE_DOCUMENT", ["input", "referenceDocumentUri"])
    ]
    assert shop.stock("A-1")["available"] == 5


def test_more_than_250_rows_are_too_many(shop: Shop) -> None:
    item = shop.sell("A-1", 5)
    rows = [row(item, 1, changeFromQuantity=None)] * 251
    source = {"name": "available", "reason": "correction", "quantities": rows}
    answer = shop.ask(SET_STOCK, {"i": source, "k": "k1"})
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["MAX_INPUT_SIZE_EXCEEDED"]


def test_an_untracked_or_unstocked_item_cannot_be_set_until_it_is_activated(shop: Shop) -> None:
    plain = {"optionValues": [{"optionName": "Title", "name": "Default Title"}], "sku": "N-1", "price": "5.00"}
    options = [{"name": "Title", "values": [{"name": "Default Title"}]}]
    source = {"title": "New", "productOptions": options, "variants": [plain]}
    made = shop.data(UPSERT, {"i": source})["productSet"]["product"]
    item = made["variants"]["nodes"][0]["inventoryItem"]["id"]
    assert "not tracked" in shop.set_stock("k1", (item, 4, None))["userErrors"][0]["message"]
    variant = made["variants"]["nodes"][0]["id"]
    shop.data(
        """mutation T($p: ID!, $v: [ProductVariantsBulkInput!]!) { productVariantsBulkUpdate(productId: $p, variants: $v) {
        userErrors { message } } }""",
        {"p": made["id"], "v": [{"id": variant, "inventoryItem": {"tracked": True}}]},
    )
    refused = shop.set_stock("k2", (item, 4, None))["userErrors"]
    assert [(error["field"], error["message"]) for error in refused] == [
        (
            ["input", "quantities", "0", "locationId"],
            "The specified inventory item is not stocked at the location.",
        )
    ]
    done = shop.data(ACTIVATE, {"i": item, "l": LOCATION, "n": 2, "k": "k3"})["inventoryActivate"]
    assert done == {"inventoryLevel": {"quantities": [{"quantity": 2}]}, "userErrors": []}
    assert shop.set_stock("k4", (item, 4, 2))["userErrors"] == []
    again = shop.data(ACTIVATE, {"i": item, "l": LOCATION, "n": 9, "k": "k5"})["inventoryActivate"]
    assert again["userErrors"][0]["field"] == ["available"]
    assert shop.stock("N-1")["available"] == 4


def test_an_adjustment_counts_from_what_is_there(shop: Shop) -> None:
    item = shop.sell("A-1", 5)
    change = {"inventoryItemId": item, "locationId": LOCATION, "delta": -2, "changeFromQuantity": 5}
    source = {"name": "available", "reason": "correction", "changes": [change]}
    done = shop.data(ADJUST, {"i": source, "k": "k1"})["inventoryAdjustQuantities"]
    assert done["inventoryAdjustmentGroup"] == {"changes": [{"delta": -2, "quantityAfterChange": 3}]}
    stale = shop.data(ADJUST, {"i": source, "k": "k2"})["inventoryAdjustQuantities"]
    assert [(error["code"], error["field"]) for error in stale["userErrors"]] == [
        ("CHANGE_FROM_QUANTITY_STALE", ["input", "changes", "0", "changeFromQuantity"])
    ]
    assert shop.stock("A-1")["available"] == 3


def test_an_order_commits_a_shipment_removes_and_a_cancellation_gives_back(shop: Shop) -> None:
    shop.sell("A-1", 10)
    order = shop.order(("A-1", 4))
    assert shop.stock("A-1") == {"available": 6, "committed": 4, "on_hand": 10}
    pending = shop.order(("A-1", 1), pending=True)
    assert shop.stock("A-1") == {"available": 5, "committed": 5, "on_hand": 10}
    line = shop.tasks(order)[0]["lineItems"]["nodes"][0]["id"]
    assert shop.ship(order, "T1", [{"id": line, "quantity": 3}])["userErrors"] == []
    assert shop.stock("A-1") == {"available": 5, "committed": 2, "on_hand": 7}
    shop.sim.cancel_order(pending)
    assert shop.stock("A-1") == {"available": 6, "committed": 1, "on_hand": 7}
    shop.sim.cancel_order(order)
    assert shop.stock("A-1") == {"available": 7, "committed": 0, "on_hand": 7}


def test_setting_on_hand_leaves_the_committed_units_alone(shop: Shop) -> None:
    item = shop.sell("A-1", 10)
    shop.order(("A-1", 4))
    assert shop.set_stock("k1", (item, 8, 10), name="on_hand")["userErrors"] == []
    assert shop.stock("A-1") == {"available": 4, "committed": 4, "on_hand": 8}


def test_a_buyer_cannot_take_more_than_there_is_unless_forced(shop: Shop) -> None:
    shop.sell("A-1", 2)
    with pytest.raises(ControlError, match="sold out: 'A-1' has 2"):
        shop.order(("A-1", 1), ("A-1", 2))
    assert shop.stock("A-1") == {"available": 2, "committed": 0, "on_hand": 2}
    shop.order(("A-1", 3), force=True)
    assert shop.stock("A-1") == {"available": -1, "committed": 3, "on_hand": 2}
    with pytest.raises(ControlError, match="no such listing"):
        shop.order(("B-1", 1))


def test_an_order_is_split_over_locations_when_none_has_it_all() -> None:
    shop = Shop(extra={"locations": 1})
    item = shop.sell("A-1", 2)
    other = "gid://shopify/Location/2"
    shop.data(ACTIVATE, {"i": item, "l": other, "n": 3, "k": "k1"})
    order = shop.order(("A-1", 4))
    parts = {
        task["assignedLocation"]["location"]["id"]: task["lineItems"]["nodes"][0]["remainingQuantity"]
        for task in shop.tasks(order)
    }
    assert parts == {LOCATION: 2, other: 2}
