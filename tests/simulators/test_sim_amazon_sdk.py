"""The official-style client library talks to the simulated Amazon as it would to the real one (contracts README 2.2)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from sp_api.api import Feeds, ListingsItems, Orders, Sellers
from sp_api.auth import AccessTokenClient
from sp_api.base.exceptions import SellingApiForbiddenException, SellingApiRequestThrottledException

from tests.support.amazon_shop import Shop, open_shop


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    # The SDK keeps access tokens in a module-wide cache by refresh token: each shop has its own.
    with open_shop(credentials={"refresh_token": f"Atzr|{request.node.name}"}) as shop:
        yield shop


def client(shop: Shop, kind: Any, version: str | None = None) -> Any:
    url = str(shop.http.base_url).rstrip("/")

    class Tokens(AccessTokenClient):  # type: ignore[misc]
        scheme = "http://"
        host = url.removeprefix("http://")

    held = shop.sim.credentials
    return kind(
        marketplace=SimpleNamespace(endpoint=url, marketplace_id=shop.store, region="eu-west-1"),
        credentials={
            "refresh_token": held["refresh_token"],
            "lwa_app_id": held["client_id"],
            "lwa_client_secret": held["client_secret"],
        },
        auth_token_client_class=Tokens,
        **({"version": version} if version else {}),
    )


def test_the_sdk_reads_orders_page_by_page_and_confirms_a_shipment(shop: Shop) -> None:
    shop.list("CUP/1 ก", quantity=9)
    placed = [shop.order(("CUP/1 ก", 1)) for _ in range(3)]
    shop.wait(120)
    orders = client(shop, Orders, "2026-01-01")
    first = orders.search_orders(
        lastUpdatedAfter=shop.ago(600), marketplaceIds=[shop.store], includedData=["FULFILLMENT", "BUYER"], maxResultsPerPage=2
    )  # fmt: skip
    second = orders.search_orders(paginationToken=first.next_token, marketplaceIds=[shop.store])
    found = first.payload["orders"] + second.payload["orders"]
    assert sorted(order["orderId"] for order in found) == sorted(placed)
    assert second.payload["orders"][0]["fulfillment"]["fulfillmentStatus"] == "UNSHIPPED"
    whole = orders.get_order(placed[0], includedData=["RECIPIENT"]).payload["order"]
    assert whole["recipient"]["deliveryAddress"]["city"]
    detail = {
        "packageReferenceId": "1", "carrierCode": "DHL", "trackingNumber": "JD1", "shipDate": shop.ago(0),
        "orderItems": [{"orderItemId": whole["orderItems"][0]["orderItemId"], "quantity": 1}],
    }  # fmt: skip
    client(shop, Orders).confirm_shipment(placed[0], marketplaceId=shop.store, packageDetail=detail)
    shipments = {row["order_id"]: len(row["shipments"]) for row in shop.sim.ledger()["orders"]}
    assert shipments == {order_id: int(order_id == placed[0]) for order_id in placed}


def test_the_sdk_patches_stock_under_a_difficult_sku_and_runs_into_the_quota(shop: Shop) -> None:
    shop.list("CUP/1 ก")
    listings = client(shop, ListingsItems)
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 7}]
    patch = {"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}
    body = {"productType": "PRODUCT", "patches": [patch]}
    answer = listings.patch_listings_item(shop.seller, "CUP/1 ก", marketplaceIds=[shop.store], body=body).payload
    assert (answer["sku"], answer["status"]) == ("CUP/1 ก", "ACCEPTED")
    shop.wait(20)
    item = listings.get_listings_item(
        shop.seller, "CUP/1 ก", marketplaceIds=[shop.store], includedData=["fulfillmentAvailability"]
    )
    assert item.payload["fulfillmentAvailability"] == [{"fulfillmentChannelCode": "DEFAULT", "quantity": 7}]
    for _ in range(5):
        listings.patch_listings_item(shop.seller, "CUP/1 ก", marketplaceIds=[shop.store], body=body)
    with pytest.raises(SellingApiRequestThrottledException) as caught:
        listings.patch_listings_item(shop.seller, "CUP/1 ก", marketplaceIds=[shop.store], body=body)
    assert caught.value.amzn_code == "QuotaExceeded"


def test_the_sdk_submits_a_feed_and_reads_its_report(shop: Shop) -> None:
    shop.list("CUP")
    feeds = client(shop, Feeds)
    content = {
        "header": {"sellerId": shop.seller, "version": "2.0"},
        "messages": [{"messageId": 1, "sku": "CUP", "operationType": "DELETE"}],
    }
    document, feed = feeds.submit_feed(
        "JSON_LISTINGS_FEED", io.StringIO(json.dumps(content)), content_type="application/json"
    )
    assert document.payload["feedDocumentId"]
    shop.wait(60)
    state = feeds.get_feed(feed.payload["feedId"]).payload
    assert state["processingStatus"] == "DONE"
    report = feeds.get_feed_document(state["resultFeedDocumentId"])
    assert '"messagesAccepted": 1' in report


def test_the_sdk_sees_the_account_and_a_refusal(shop: Shop) -> None:
    sellers = client(shop, Sellers)
    assert sellers.get_marketplace_participation().payload[0]["marketplace"]["id"] == shop.store
    shop.wait(3600)
    with pytest.raises(SellingApiForbiddenException) as caught:
        sellers.get_marketplace_participation()
    assert caught.value.amzn_code == "Unauthorized"
