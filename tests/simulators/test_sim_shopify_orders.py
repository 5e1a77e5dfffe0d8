"""Orders in the simulated shop: the lagging search, edits, holds, shipping, cancelling, page faults, money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hub.loopback.faults import Fault, FaultKind
from hub.simulators.base import ControlError
from tests.support.sim_shopify import ORDERS, SHIP, Shop

ORDER = """query O($id: ID!) { order(id: $id) { name updatedAt edited cancelledAt cancelReason displayFinancialStatus
 displayFulfillmentStatus note totalPriceSet { shopMoney { amount } } currentTotalPriceSet { shopMoney { amount } }
 totalRefundedSet { shopMoney { amount } } lineItems(first: 5) { nodes { id sku quantity currentQuantity
 unfulfilledQuantity } } } }"""
CANCEL = """mutation C($id: ID!, $restock: Boolean!) { orderCancel(orderId: $id, reason: INVENTORY, restock: $restock,
 refundMethod: {originalPaymentMethodsRefund: true}, staffNote: "sold out") { job { id done }
 orderCancelUserErrors { code field message } } }"""
HOLD = """mutation H($id: ID!) { fulfillmentOrderHold(id: $id, fulfillmentHold: {reason: INCORRECT_ADDRESS}) {
 fulfillmentOrder { status } userErrors { message } } }"""
RELEASE = """mutation R($id: ID!) { fulfillmentOrderReleaseHold(id: $id) { fulfillmentOrder { status } userErrors {
 message } } }"""


@pytest.fixture
def shop() -> Shop:
    made = Shop()
    for number in range(1, 4):
        made.sell(f"A-{number}", 50, 1000 * number)
    return made


def read(shop: Shop, order_id: str) -> dict[str, Any]:
    found: dict[str, Any] = shop.data(ORDER, {"id": order_id})["order"]
    return found


def search(shop: Shop, query: str = "", **more: Any) -> list[str]:
    page = shop.data(ORDERS, {"q": query} | more)["orders"]
    return [order["name"] for order in page["nodes"]]


def names(shop: Shop, args: str) -> list[str]:
    return [row["name"] for row in shop.data(f"{{ orders({args}) {{ nodes {{ name }} }} }}")["orders"]["nodes"]]


# ---------------------------------------------------------------- the search


def test_a_new_order_is_in_its_own_query_at_once_and_in_the_search_after_the_lag(shop: Shop) -> None:
    order = shop.order(("A-1", 1))
    assert read(shop, order)["name"] == "#1001"
    assert search(shop) == []
    shop.later(4.9)
    assert search(shop) == []
    shop.later(0.1)
    assert search(shop) == ["#1001"]


def test_the_search_knows_the_old_time_of_a_change_until_the_lag_is_over(shop: Shop) -> None:
    order = shop.order(("A-1", 1), pending=True)
    shop.later(60)
    shop.sim.pay_order(order)
    assert read(shop, order)["updatedAt"] == "2026-11-22T09:01:00Z"
    assert search(shop, "updated_at:>='2026-11-22T09:01:00Z'") == []
    shop.later(5)
    assert search(shop, "updated_at:>='2026-11-22T09:01:00Z'") == ["#1001"]


def test_every_change_moves_updated_at_even_within_one_second(shop: Shop) -> None:
    order = shop.order(("A-1", 2), pending=True)
    seen = [read(shop, order)["updatedAt"]]
    shop.sim.pay_order(order)
    seen.append(read(shop, order)["updatedAt"])
    shop.ship(order, "T1", [{"id": shop.tasks(order)[0]["lineItems"]["nodes"][0]["id"], "quantity": 1}])
    seen.append(read(shop, order)["updatedAt"])
    assert seen == sorted(set(seen))


def test_a_scenario_can_set_the_lag() -> None:
    shop = Shop(order_lag_s=0)
    shop.sell("A-1", 5)
    shop.order(("A-1", 1))
    assert search(shop) == ["#1001"]


def test_searches_compare_times_names_ids_and_states(shop: Shop) -> None:
    first = shop.order(("A-1", 1))
    shop.later(100)
    shop.order(("A-2", 1), pending=True)
    shop.later(100)
    shop.order(("A-3", 1))
    shop.later(100)
    shop.sim.cancel_order(first)
    shop.later(100)
    assert search(shop) == ["#1002", "#1003", "#1001"]
    assert names(shop, "first: 5, sortKey: CREATED_AT, reverse: true") == ["#1003", "#1002", "#1001"]
    assert search(shop, "created_at:<2026-11-22T09:02:00Z") == ["#1002", "#1001"]
    assert search(shop, "updated_at:>'2026-11-22T09:01:40Z' updated_at:<='2026-11-22T09:03:20Z'") == ["#1003"]
    assert search(shop, "name:#1002 OR name:1003") == ["#1002", "#1003"]
    assert search(shop, "id:>5000001002") == ["#1003"]
    assert search(shop, "financial_status:pending") == ["#1002"]
    assert search(shop, "-status:cancelled AND (sku:A-1 OR sku:A-3)") == ["#1003"]
    assert search(shop, "NOT status:cancelled") == ["#1002", "#1003"]
    answer = shop.ask(ORDERS, {"q": "updatedat:>2026"})
    assert "no filter 'updatedat'" in answer["errors"][0]["message"]


def test_pages_follow_each_other_without_gap_or_repetition(shop: Shop) -> None:
    for _ in range(25):
        shop.order(("A-1", 1))
        shop.later(7)
    found: list[str] = []
    cursor = None
    for _ in range(3):
        page = shop.data(ORDERS, {"q": "updated_at:>='2026-11-22T09:00:00Z'", "c": cursor})["orders"]
        found += [order["name"] for order in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
    assert found == [f"#{number}" for number in range(1001, 1026)]
    assert page["pageInfo"]["hasNextPage"] is False
    assert search(shop, "", c=cursor) == []
    assert names(shop, "last: 2, sortKey: UPDATED_AT") == ["#1024", "#1025"]
    assert "first or last" in shop.ask("{ orders { nodes { id } } }")["errors"][0]["message"]
    assert "0 to 250" in shop.ask("{ orders(first: 251) { nodes { id } } }")["errors"][0]["message"]
    assert "Invalid cursor" in shop.ask(ORDERS, {"q": "", "c": "x"})["errors"][0]["message"]


def test_an_order_that_changes_while_paging_comes_again_at_the_end(shop: Shop) -> None:
    orders = []
    for _ in range(12):
        orders.append(shop.order(("A-1", 1)))
        shop.later(10)
    page = shop.data(ORDERS, {"q": ""})["orders"]
    shop.sim.cancel_order(orders[0])
    shop.later(10)
    assert search(shop, "", c=page["pageInfo"]["endCursor"]) == ["#1011", "#1012", "#1001"]


def test_page_faults_repeat_or_shuffle_the_page_and_keep_its_cursor(shop: Shop) -> None:
    for _ in range(5):
        shop.order(("A-1", 1))
        shop.later(10)
    plain = shop.data(ORDERS, {"q": ""})["orders"]
    shop.sim.plan.arm(Fault(kinds=(FaultKind.DUPLICATE_PAGE,), operation="orders"))
    assert search(shop) == [f"#{number}" for number in range(1001, 1006) for _ in (1, 2)]
    shop.sim.plan.arm(Fault(kinds=(FaultKind.SHUFFLE_PAGE,), operation="orders"))
    mixed = shop.data(ORDERS, {"q": ""})["orders"]
    assert [order["name"] for order in mixed["nodes"]] != [order["name"] for order in plain["nodes"]]
    assert sorted(order["name"] for order in mixed["nodes"]) == [order["name"] for order in plain["nodes"]]
    assert mixed["pageInfo"] == plain["pageInfo"]


# ---------------------------------------------------------------- money and people


def test_money_adds_up_and_people_write_in_several_scripts(shop: Shop) -> None:
    query = """{ orders(first: 40) { nodes { customer { displayName } shippingAddress { name countryCodeV2 }
      taxesIncluded totalPriceSet { shopMoney { amount } } subtotalPriceSet { shopMoney { amount } } totalTaxSet {
      shopMoney { amount } } totalShippingPriceSet { shopMoney { amount } } lineItems(first: 3) { nodes { quantity
      originalUnitPriceSet { shopMoney { amount } } } } } } }"""
    for number in range(40):
        shop.order((f"A-{number % 3 + 1}", 1), (f"A-{(number + 1) % 3 + 1}", 2), shipping_minor=499)
    shop.later(10)
    orders = shop.data(query)["orders"]["nodes"]

    def amount(money: dict[str, Any]) -> Decimal:
        return Decimal(money["shopMoney"]["amount"])

    for order in orders:
        items = sum(amount(line["originalUnitPriceSet"]) * line["quantity"] for line in order["lineItems"]["nodes"])
        assert amount(order["subtotalPriceSet"]) == items
        assert amount(order["totalPriceSet"]) == items + amount(order["totalShippingPriceSet"])
        total = amount(order["totalPriceSet"])
        assert amount(order["totalTaxSet"]) == (total - total / Decimal("1.19")).quantize(Decimal("0.01"))
    everyone = "".join(order["customer"]["displayName"] for order in orders)
    assert {"latin": any("À" <= ch <= "ž" for ch in everyone), "other": any(ch > "ʰ" for ch in everyone)} == {
        "latin": True,
        "other": True,
    }


def test_a_control_call_may_say_who_buys_and_where_it_goes(shop: Shop) -> None:
    order = shop.order(
        ("A-1", 1),
        buyer={"name": "Ada Lovelace", "email": "ada@example.com"},
        ship_to={"line1": "1 Way", "city": "Graz", "postal_code": "8010", "country": "AT"},
        service="Express",
    )
    query = """query O($id: ID!) { order(id: $id) { email customer { firstName lastName } shippingAddress { name address1
      city zip countryCodeV2 company } shippingLine { title } } }"""
    assert shop.data(query, {"id": order})["order"] == {
        "email": "ada@example.com",
        "customer": {"firstName": "Ada", "lastName": "Lovelace"},
        "shippingAddress": {
            "name": "Ada Lovelace", "address1": "1 Way", "city": "Graz", "zip": "8010", "countryCodeV2": "AT",
            "company": None,
        },
        "shippingLine": {"title": "Express"},
    }  # fmt: skip


# ---------------------------------------------------------------- paying and editing


def test_a_pending_order_becomes_paid_once(shop: Shop) -> None:
    order = shop.order(("A-1", 1), pending=True)
    assert read(shop, order)["displayFinancialStatus"] == "PENDING"
    shop.sim.pay_order(order)
    assert read(shop, order)["displayFinancialStatus"] == "PAID"
    with pytest.raises(ControlError, match="not PENDING"):
        shop.sim.pay_order(order)


def test_an_edited_order_keeps_its_quantity_and_shows_the_current_one(shop: Shop) -> None:
    order = shop.order(("A-1", 5), ("A-2", 2))
    lines = read(shop, order)["lineItems"]["nodes"]
    shop.later(60)
    shop.sim.amend_order(order, {lines[0]["id"]: 3, lines[1]["id"]: 4})
    after = read(shop, order)
    assert after["edited"] is True
    assert [
        (row["quantity"], row["currentQuantity"], row["unfulfilledQuantity"]) for row in after["lineItems"]["nodes"]
    ] == [(5, 3, 3), (4, 4, 4)]
    assert after["totalPriceSet"]["shopMoney"]["amount"] == "130.00"
    assert after["currentTotalPriceSet"]["shopMoney"]["amount"] == "110.00"
    assert [line["remainingQuantity"] for line in shop.tasks(order)[0]["lineItems"]["nodes"]] == [3, 4]
    assert shop.stock("A-1") == {"available": 47, "committed": 3, "on_hand": 50}
    assert shop.stock("A-2") == {"available": 46, "committed": 4, "on_hand": 50}


def test_an_edit_cannot_take_back_what_was_shipped(shop: Shop) -> None:
    order = shop.order(("A-1", 5))
    task = shop.tasks(order)[0]["lineItems"]["nodes"][0]
    shop.ship(order, "T1", [{"id": task["id"], "quantity": 2}])
    with pytest.raises(ControlError, match="2 of line"):
        shop.sim.amend_order(order, {task["lineItem"]["id"]: 1})
    shop.sim.amend_order(order, {task["lineItem"]["id"]: 2})
    assert read(shop, order)["displayFulfillmentStatus"] == "FULFILLED"
    assert shop.tasks(order)[0]["status"] == "CLOSED"


# ---------------------------------------------------------------- shipping


def test_a_part_and_then_the_rest_is_shipped(shop: Shop) -> None:
    order = shop.order(("A-1", 2), ("A-2", 1))
    task = shop.tasks(order)[0]
    assert (task["status"], {row["action"] for row in task["supportedActions"]}) == (
        "OPEN",
        {"CREATE_FULFILLMENT", "HOLD", "MOVE", "SPLIT"},
    )
    first = shop.ship(order, "T1", [{"id": task["lineItems"]["nodes"][0]["id"], "quantity": 1}])
    assert first["userErrors"] == []
    assert first["fulfillment"]["trackingInfo"] == [{"number": "T1", "company": "DHL Paket", "url": None}]
    assert read(shop, order)["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
    assert [line["remainingQuantity"] for line in shop.tasks(order)[0]["lineItems"]["nodes"]] == [1, 1]
    assert shop.ship(order, "T2")["userErrors"] == []
    assert read(shop, order)["displayFulfillmentStatus"] == "FULFILLED"
    assert shop.tasks(order)[0]["status"] == "CLOSED"
    shipped = shop.sim.ledger()["orders"][0]
    assert [(parcel["tracking"], sorted(parcel["lines"].values())) for parcel in shipped["shipments"]] == [
        ("T1", [1]),
        ("T2", [1, 1]),
    ]
    assert [(line["quantity"], line["shipped"]) for line in shipped["lines"]] == [(2, 2), (1, 1)]


def test_shipping_is_not_idempotent_and_checks_quantities(shop: Shop) -> None:
    order = shop.order(("A-1", 3))
    line = shop.tasks(order)[0]["lineItems"]["nodes"][0]["id"]
    shop.ship(order, "T1", [{"id": line, "quantity": 1}])
    shop.ship(order, "T1", [{"id": line, "quantity": 1}])
    assert len(shop.sim.ledger()["orders"][0]["shipments"]) == 2
    for lines, message in (
        ([{"id": line, "quantity": 2}], "Invalid fulfillment order line item quantity requested."),
        ([{"id": line, "quantity": 0}], "Invalid fulfillment order line item quantity requested."),
        ([{"id": "gid://shopify/FulfillmentOrderLineItem/99", "quantity": 1}], "line item does not exist"),
        ([{"id": line, "quantity": 1}] * 2, "given twice"),
    ):
        answer = shop.ship(order, "T2", lines)
        assert answer["fulfillment"] is None
        assert message in answer["userErrors"][0]["message"]
    shop.ship(order, "T2")
    assert "unfulfillable status= closed" in shop.ship(order, "T3")["userErrors"][0]["message"]
    assert shop.stock("A-1") == {"available": 47, "committed": 0, "on_hand": 47}


def test_fulfilment_orders_of_different_orders_do_not_go_together(shop: Shop) -> None:
    tasks = [shop.tasks(shop.order(("A-1", 1)))[0]["id"] for _ in range(2)]
    parts = [{"fulfillmentOrderId": task} for task in tasks]
    answer = shop.data(SHIP, {"f": {"lineItemsByFulfillmentOrder": parts}})["fulfillmentCreate"]
    assert answer["userErrors"][0]["message"] == "All fulfillment orders must belong to the same order."
    unknown = [{"fulfillmentOrderId": "gid://shopify/FulfillmentOrder/99"}]
    answer = shop.data(SHIP, {"f": {"lineItemsByFulfillmentOrder": unknown}})["fulfillmentCreate"]
    assert answer["userErrors"][0]["field"] == [
        "fulfillment", "lineItemsByFulfillmentOrder", "0", "fulfillmentOrderId",
    ]  # fmt: skip


def test_a_fulfilment_order_on_hold_is_not_shipped_until_it_is_released(shop: Shop) -> None:
    order = shop.order(("A-1", 1))
    task = shop.tasks(order)[0]["id"]
    assert shop.data(HOLD, {"id": task})["fulfillmentOrderHold"]["fulfillmentOrder"] == {"status": "ON_HOLD"}
    held = shop.tasks(order)[0]
    assert held["fulfillmentHolds"] == [{"reason": "INCORRECT_ADDRESS"}]
    assert "CREATE_FULFILLMENT" not in {row["action"] for row in held["supportedActions"]}
    assert read(shop, order)["displayFulfillmentStatus"] == "ON_HOLD"
    assert "on hold" in shop.ship(order, "T1")["userErrors"][0]["message"]
    assert shop.data(RELEASE, {"id": task})["fulfillmentOrderReleaseHold"]["fulfillmentOrder"] == {"status": "OPEN"}
    assert shop.ship(order, "T1")["userErrors"] == []


def test_a_buyers_request_to_cancel_shows_as_a_hold_with_a_note(shop: Shop) -> None:
    order = shop.order(("A-1", 1))
    shop.sim.request_cancel(order)
    seen = read(shop, order)
    assert (seen["displayFulfillmentStatus"], seen["note"]) == ("ON_HOLD", "The customer asks for a cancellation.")
    assert shop.sim.ledger()["orders"][0]["cancellation"] == "requested"


def test_staff_release_what_the_buyer_wants_after_all(shop: Shop) -> None:
    order = shop.order(("A-1", 2))
    with pytest.raises(ControlError, match="not on hold"):
        shop.sim.release_order(order)
    shop.sim.request_cancel(order)
    before = read(shop, order)["updatedAt"]
    shop.later(60)
    shop.sim.release_order(order)
    seen = read(shop, order)
    assert (seen["displayFulfillmentStatus"], seen["note"]) == ("UNFULFILLED", None)
    assert seen["updatedAt"] > before
    assert shop.sim.ledger()["orders"][0]["cancellation"] == "none"
    assert shop.ship(order, "T1")["userErrors"] == []
    with pytest.raises(ControlError, match="not on hold"):
        shop.sim.release_order(order)


def test_tracking_can_be_changed_afterwards(shop: Shop) -> None:
    order = shop.order(("A-1", 1))
    parcel = shop.ship(order, "T1")["fulfillment"]["id"]
    shop.later(60)
    update = """mutation U($id: ID!, $t: FulfillmentTrackingInput!) { fulfillmentTrackingInfoUpdate(fulfillmentId: $id,
      trackingInfoInput: $t) { fulfillment { trackingInfo { number company url } } userErrors { message } } }"""
    wanted = {"company": "DPD", "numbers": ["N1", "N2"], "urls": ["https://example.com/1"]}
    done = shop.data(update, {"id": parcel, "t": wanted})["fulfillmentTrackingInfoUpdate"]
    assert done["fulfillment"]["trackingInfo"] == [
        {"number": "N1", "company": "DPD", "url": "https://example.com/1"},
        {"number": "N2", "company": "DPD", "url": None},
    ]
    assert read(shop, order)["updatedAt"] == "2026-11-22T09:01:00Z"


# ---------------------------------------------------------------- cancelling


@pytest.mark.parametrize(("restock", "available"), [(True, 50), (False, 48)])
def test_order_cancel_is_a_job_that_takes_its_time(shop: Shop, restock: bool, available: int) -> None:
    order = shop.order(("A-1", 2))
    answer = shop.data(CANCEL, {"id": order, "restock": restock})["orderCancel"]
    job = answer["job"]["id"]
    assert (answer["job"]["done"], answer["orderCancelUserErrors"]) == (False, [])
    assert read(shop, order)["cancelledAt"] is None
    shop.later(2)
    assert shop.data("query J($id: ID!) { job(id: $id) { done } }", {"id": job})["job"] == {"done": True}
    after = read(shop, order)
    assert (after["cancelledAt"], after["cancelReason"]) == ("2026-11-22T09:00:02Z", "INVENTORY")
    assert (after["displayFinancialStatus"], after["displayFulfillmentStatus"]) == ("REFUNDED", "UNFULFILLED")
    assert after["totalRefundedSet"]["shopMoney"]["amount"] == "20.00"
    assert [row["currentQuantity"] for row in after["lineItems"]["nodes"]] == [0]
    assert shop.tasks(order)[0]["status"] == "CANCELLED"
    assert shop.stock("A-1") == {"available": available, "committed": 0, "on_hand": available}
    again = shop.data(CANCEL, {"id": order, "restock": True})["orderCancel"]["orderCancelUserErrors"]
    assert [(error["code"], error["field"]) for error in again] == [("INVALID", ["orderId"])]


def test_a_shipped_order_cannot_be_cancelled_over_the_api(shop: Shop) -> None:
    order = shop.order(("A-1", 2))
    shop.ship(order, "T1")
    answer = shop.data(CANCEL, {"id": order, "restock": True})["orderCancel"]
    assert answer["job"] is None
    assert answer["orderCancelUserErrors"][0]["code"] == "INVALID"
    missing = shop.data(CANCEL, {"id": "gid://shopify/Order/1", "restock": True})["orderCancel"]
    assert missing["orderCancelUserErrors"][0]["code"] == "NOT_FOUND"


def test_a_cancellation_that_a_shipment_overtakes_changes_nothing(shop: Shop) -> None:
    order = shop.order(("A-1", 2))
    shop.data(CANCEL, {"id": order, "restock": True})
    shop.ship(order, "T1")
    shop.later(10)
    assert read(shop, order)["cancelledAt"] is None
    assert shop.stock("A-1") == {"available": 48, "committed": 0, "on_hand": 48}


def test_an_unpaid_order_that_is_cancelled_is_void_and_a_half_shipped_one_keeps_what_went(shop: Shop) -> None:
    unpaid = shop.order(("A-1", 1), pending=True)
    shop.sim.cancel_order(unpaid)
    assert read(shop, unpaid)["displayFinancialStatus"] == "VOIDED"
    half = shop.order(("A-1", 3))
    line = shop.tasks(half)[0]["lineItems"]["nodes"][0]["id"]
    shop.ship(half, "T1", [{"id": line, "quantity": 1}])
    shop.sim.cancel_order(half)
    after = read(shop, half)
    assert (after["displayFinancialStatus"], after["displayFulfillmentStatus"]) == ("PARTIALLY_REFUNDED", "FULFILLED")
    assert [row["currentQuantity"] for row in after["lineItems"]["nodes"]] == [1]
    assert shop.stock("A-1") == {"available": 49, "committed": 0, "on_hand": 49}


def test_an_order_survives_the_deletion_of_its_product(shop: Shop) -> None:
    order = shop.order(("A-1", 1))
    shop.data('mutation { productDelete(input: {id: "gid://shopify/Product/1"}) { deletedProductId } }')
    query = "query O($id: ID!) { order(id: $id) { lineItems(first: 1) { nodes { sku variant { id } } } } }"
    assert shop.data(query, {"id": order})["order"]["lineItems"]["nodes"] == [{"sku": "A-1", "variant": None}]
    assert shop.ship(order, "T1")["userErrors"] == []


def test_fulfilment_orders_can_be_filtered_and_unknown_sort_keys_are_refused(shop: Shop) -> None:
    order = shop.order(("A-1", 1))
    query = (
        "query F($id: ID!, $q: String!) { order(id: $id) { fulfillmentOrders(first: 5, query: $q) { nodes { id } } } }"
    )
    for text, count in (("status:open", 1), ("-status:open", 0), ("status:closed OR status:open", 1)):
        found = shop.data(query, {"id": order, "q": text})["order"]["fulfillmentOrders"]["nodes"]
        assert len(found) == count
    refused = shop.ask("{ orders(first: 1, sortKey: TOTAL_PRICE) { nodes { id } } }")
    assert "not by TOTAL_PRICE" in refused["errors"][0]["message"]


def test_orders_older_than_sixty_days_need_a_scope_of_their_own() -> None:
    shop = Shop(extra={"scopes": ["read_orders", "read_products", "read_inventory"]})
    shop.sell("A-1", 5)
    old = shop.order(("A-1", 1))
    shop.later(59 * 86_400)
    shop.order(("A-1", 1))
    shop.later(60)
    assert search(shop) == ["#1001", "#1002"]
    shop.later(86_400)
    assert search(shop) == ["#1002"]
    assert shop.data("query O($id: ID!) { order(id: $id) { id } }", {"id": old}) == {"order": None}
