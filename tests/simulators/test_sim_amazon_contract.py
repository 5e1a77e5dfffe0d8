"""Answers of the simulated Amazon against Amazon's own schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hub.loopback.faults import Fault, FaultKind
from tests.support.amazon_shop import ALL_DATA, Shop, open_shop
from tests.support.contract_schemas import (
    amazon_answer_problems,
    amazon_feed_problems,
    amazon_model,
    amazon_problems,
    need_contracts,
)

pytestmark = pytest.mark.contracts

ORDERS, LISTINGS, FEEDS = "orders_2026-01-01", "listingsItems_2021-08-01", "feeds_2021-06-30"
ITEM_DATA = "summaries,attributes,issues,offers,fulfillmentAvailability,procurement,relationships,productTypes"


@pytest.fixture
def shop() -> Iterator[Shop]:
    need_contracts()
    extra = {"tax_percent": 19, "late_issues": {"BAD": {"action": "LISTING_SUPPRESSED"}}}
    with open_shop(enforce_limits=False, extra=extra) as shop:
        yield shop


def sound(answer: Any, model: str, operation: str, status: int = 200) -> None:
    assert answer.status_code == status
    value = answer.json() if answer.content else None
    assert amazon_answer_problems(value, model, operation, status) == []


def test_the_checker_sees_what_is_wrong() -> None:
    need_contracts()
    assert amazon_problems({"orderId": 1, "invented": True}, ORDERS, "Order") != []
    assert amazon_problems({"amount": "1.00", "currencyCode": "EUR"}, ORDERS, "Money") == []
    assert amazon_problems({"amount": "1.00", "currency": "EUR"}, ORDERS, "Money") != []
    assert amazon_answer_problems({}, ORDERS, "searchOrders", 200) == ["orders: 'orders' is a required property"] or (
        amazon_answer_problems({}, ORDERS, "searchOrders", 200) == [": 'orders' is a required property"]
    )
    assert amazon_answer_problems(None, ORDERS, "noSuchOperation", 200) != []


def test_orders_in_every_state_are_as_the_model_says(shop: Shop) -> None:
    shop.list("A", quantity=50)
    shop.list("B/ก", quantity=50)
    pending = shop.order(("A", 1), pending=True)
    plain, partly, cancelled = (shop.order(("A", 2), ("B/ก", 1), shipping_minor=499) for _ in range(3))
    shop.sim.request_cancel(plain)
    first, _ = shop.item_ids(partly)
    sound(shop.confirm(partly, [(first, 2)], shippingMethod="Paket"), "ordersV0", "confirmShipment", 204)
    shop.sim.cancel_order(cancelled)
    shop.wait(120)
    for data in (ALL_DATA, ""):
        sound(shop.search(includedData=data), ORDERS, "searchOrders")
        sound(shop.search(createdAfter=shop.ago(900), maxResultsPerPage=2, includedData=data), ORDERS, "searchOrders")
        for order_id in (pending, plain, partly, cancelled):
            answer = shop.call("GET", f"/orders/2026-01-01/orders/{order_id}", params={"includedData": data})
            sound(answer, ORDERS, "getOrder")
    states = {
        order["fulfillment"]["fulfillmentStatus"] for order in shop.search(includedData=ALL_DATA).json()["orders"]
    }
    assert states == {"PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "CANCELLED"}


def test_listing_answers_are_as_the_model_says(shop: Shop) -> None:
    mark = {"marketplace_id": shop.store}
    parent = {
        "item_name": [{"value": "P"}],
        "parentage_level": [{"value": "parent"}],
        "variation_theme": [{"name": "SIZE"}],
    }
    relation = {"child_relationship_type": "variation", "parent_sku": "P", **mark}
    child = {**shop.full(), "parentage_level": [{"value": "child"}], "child_parent_sku_relationship": [relation]}
    sound(shop.put("P", parent), LISTINGS, "putListingsItem")
    for sku in ("BAD", "C/1"):
        sound(shop.put(sku, child), LISTINGS, "putListingsItem")
    sound(shop.put("X", {"item_name": []}), LISTINGS, "putListingsItem")
    preview = {"mode": "VALIDATION_PREVIEW", "includedData": "identifiers,issues"}
    sound(shop.put("X", shop.full(), more=preview), LISTINGS, "putListingsItem")
    sound(shop.patch_stock("C/1", 4), LISTINGS, "patchListingsItem")
    sound(shop.patch_stock("C/1", "four"), LISTINGS, "patchListingsItem")
    shop.wait(80)
    params = {"marketplaceIds": shop.store, "includedData": ITEM_DATA}
    for sku in ("P", "BAD", "C/1"):
        sound(shop.call("GET", shop.item_path(sku), params=params), LISTINGS, "getListingsItem")
    sound(shop.patch_stock("BAD", 1, **preview), LISTINGS, "patchListingsItem")
    search = f"/listings/2021-08-01/items/{shop.seller}"
    sound(shop.call("GET", search, params={**params, "pageSize": 2}), LISTINGS, "searchListingsItems")
    sound(
        shop.call("DELETE", shop.item_path("P"), params={"marketplaceIds": shop.store}), LISTINGS, "deleteListingsItem"
    )


def test_feeds_and_their_reports_are_as_the_schemas_say(shop: Shop) -> None:
    shop.list("CUP")
    created = shop.call("POST", "/feeds/2021-06-30/documents", body={"contentType": "application/json"})
    sound(created, FEEDS, "createFeedDocument", 201)
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 3}]
    patch = {"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}
    good = {"messageId": 1, "sku": "CUP", "operationType": "PATCH", "productType": "PRODUCT", "patches": [patch]}
    report = {"includedData": ITEM_DATA.split(","), "apiVersion": "2021-08-01"}
    content = {"header": {"sellerId": shop.seller, "version": "2.0", "report": report}, "messages": [good]}
    assert amazon_feed_problems(content, "listings-feed-schema-v2") == []
    bad = [{"messageId": 2, "sku": "NONE", **{k: good[k] for k in ("operationType", "productType", "patches")}}, 5]
    content["messages"] = [good, *bad]
    shop.http.put(created.json()["url"], content=json.dumps(content).encode())
    feed = shop.submit(created.json()["feedDocumentId"])
    sound(feed, FEEDS, "createFeed", 202)
    broken = shop.feed(b"{").json()["feedId"]
    for _ in range(4):
        sound(shop.call("GET", f"/feeds/2021-06-30/feeds/{feed.json()['feedId']}"), FEEDS, "getFeed")
        shop.wait(20)
    for feed_id in (feed.json()["feedId"], broken):
        document = shop.feed_state(feed_id)["resultFeedDocumentId"]
        sound(shop.call("GET", f"/feeds/2021-06-30/documents/{document}"), FEEDS, "getFeedDocument")
        whole = shop.report(feed_id).json()
        assert amazon_feed_problems(whole, "listings-feed-processing-report-schema-v2") == []


@pytest.mark.parametrize("name", ["UPDATE", "PARTIAL_UPDATE", "PATCH", "DELETE", "BEYOND"])
def test_a_message_is_refused_exactly_when_the_message_schema_refuses_it(shop: Shop, name: str) -> None:
    shop.list("CUP")
    parts: dict[str, Any] = {
        "productType": "PRODUCT",
        "requirements": "LISTING",
        "attributes": shop.full(),
        "patches": [{"op": "delete", "path": "/attributes/bullet_point"}],
    }
    messages = []
    for mask in range(16):
        chosen = {key: value for bit, (key, value) in enumerate(parts.items()) if mask >> bit & 1}
        messages.append({"messageId": mask + 1, "sku": "CUP", "operationType": name, **chosen})
    expected = {m["messageId"] for m in messages if amazon_feed_problems(m, "listings-feed-message-schema-v2")}
    header = {"sellerId": shop.seller, "version": "2.0"}
    feed_id = shop.feed(json.dumps({"header": header, "messages": messages}).encode()).json()["feedId"]
    shop.wait(60)
    refused = {issue["messageId"] for issue in shop.report(feed_id).json()["issues"] if issue["code"] == "4000003"}
    assert refused == expected


def test_the_account_is_as_the_model_says(shop: Shop) -> None:
    answer = shop.call("GET", "/sellers/v1/marketplaceParticipations")
    sound(answer, "sellers", "getMarketplaceParticipations")


@pytest.mark.parametrize(
    ("model", "operation", "method", "path"),
    [
        (ORDERS, "searchOrders", "GET", "/orders/2026-01-01/orders"),
        (ORDERS, "getOrder", "GET", "/orders/2026-01-01/orders/1-2-3"),
        ("ordersV0", "confirmShipment", "POST", "/orders/v0/orders/1-2-3/shipmentConfirmation"),
        (LISTINGS, "getListingsItem", "GET", "/listings/2021-08-01/items/S/CUP"),
        (LISTINGS, "patchListingsItem", "PATCH", "/listings/2021-08-01/items/S/CUP"),
        (FEEDS, "createFeed", "POST", "/feeds/2021-06-30/feeds"),
        ("sellers", "getMarketplaceParticipations", "GET", "/sellers/v1/marketplaceParticipations"),
    ],
)
def test_errors_and_faults_have_the_body_of_the_model(
    shop: Shop, model: str, operation: str, method: str, path: str
) -> None:
    sound(shop.http.request(method, path), model, operation, 403)
    for kind, status in (
        (FaultKind.THROTTLE, 429), (FaultKind.BAD_REQUEST, 400), (FaultKind.FORBIDDEN, 403),
        (FaultKind.SERVER_ERROR, 500),
    ):  # fmt: skip
        shop.sim.plan.arm(Fault(kinds=(kind,), operation=operation))
        sound(shop.http.request(method, path), model, operation, status)


def test_every_answer_of_a_refused_request_has_the_body_of_the_model(shop: Shop) -> None:
    sound(shop.search(lastUpdatedAfter="never"), ORDERS, "searchOrders", 400)
    sound(shop.call("GET", "/orders/2026-01-01/orders/1-2-3"), ORDERS, "getOrder", 404)
    sound(shop.confirm("1-2-3", [("1", 1)]), "ordersV0", "confirmShipment", 404)
    sound(
        shop.call("GET", shop.item_path("NONE"), params={"marketplaceIds": shop.store}),
        LISTINGS,
        "getListingsItem",
        404,
    )
    assert "searchOrders" in json.dumps(amazon_model(ORDERS))
