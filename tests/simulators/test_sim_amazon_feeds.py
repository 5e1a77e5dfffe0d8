"""Feeds of the simulated Amazon: documents, states, processing reports, cancelling order items."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hub.simulators.amazon_feeds import CANCEL_FEED
from tests.support.amazon_shop import Shop, errors, open_shop

HEADER = "order-id\tamazon-order-item-code\tcancellation-reason-code\n"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop(enforce_limits=False) as shop:
        yield shop


def stock_message(number: int, sku: str, quantity: Any) -> dict[str, Any]:
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": quantity}]
    patch = {"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}
    return {"messageId": number, "sku": sku, "operationType": "PATCH", "productType": "PRODUCT", "patches": [patch]}


def submit(shop: Shop, messages: list[Any], **header: Any) -> str:
    content = {"header": {"sellerId": shop.seller, "version": "2.0", **header}, "messages": messages}
    answer = shop.feed(json.dumps(content).encode())
    assert answer.status_code == 202
    return str(answer.json()["feedId"])


# ---------------------------------------------------------------- documents


def test_a_document_is_uploaded_to_this_server_and_read_back(shop: Shop) -> None:
    answer = shop.call("POST", "/feeds/2021-06-30/documents", body={"contentType": "text/tab-separated-values"})
    assert answer.status_code == 201
    document = answer.json()
    assert document["url"].startswith(f"{shop.http.base_url}/feed-documents/".replace("//feed", "/feed"))
    assert shop.http.put(document["url"], content=b"one\ttwo\n").status_code == 200
    held = shop.call("GET", f"/feeds/2021-06-30/documents/{document['feedDocumentId']}").json()
    assert shop.http.get(held["url"]).content == b"one\ttwo\n"


def test_the_address_does_not_follow_the_host_header(shop: Shop) -> None:
    shop.call("GET", "/sellers/v1/marketplaceParticipations")
    answer = shop.http.post(
        "/feeds/2021-06-30/documents",
        json={"contentType": "text/plain"},
        headers={"x-amz-access-token": shop.token, "host": "27.0.0.1:9001"},
    )
    assert answer.json()["url"].startswith("http://127.0.0.1:")


def test_an_upload_address_lives_five_minutes(shop: Shop) -> None:
    url = shop.call("POST", "/feeds/2021-06-30/documents", body={"contentType": "text/plain"}).json()["url"]
    shop.wait(299)
    assert shop.http.put(url, content=b"x").status_code == 200
    shop.wait(1)
    late = shop.http.put(url, content=b"x")
    assert (late.status_code, "Request has expired" in late.text) == (403, True)
    forged = url.rpartition("=")[0] + "=0"
    assert "SignatureDoesNotMatch" in shop.http.put(forged, content=b"x").text


def test_feed_requests_are_checked(shop: Shop) -> None:
    assert errors(shop.call("POST", "/feeds/2021-06-30/documents", body={})) == (400, "InvalidInput")
    assert errors(shop.submit("unknown")) == (400, "InvalidInput")
    document = shop.call("POST", "/feeds/2021-06-30/documents", body={"contentType": "x"}).json()["feedDocumentId"]
    for wrong in (
        {"marketplaceIds": [shop.store], "inputFeedDocumentId": document},
        {"feedType": "JSON_LISTINGS_FEED", "marketplaceIds": [], "inputFeedDocumentId": document},
        {"feedType": "JSON_LISTINGS_FEED", "marketplaceIds": ["ATVPDKIKX0DER"], "inputFeedDocumentId": document},
        {"feedType": "JSON_LISTINGS_FEED", "marketplaceIds": ["M"] * 26, "inputFeedDocumentId": document},
    ):
        assert errors(shop.call("POST", "/feeds/2021-06-30/feeds", body=wrong)) == (400, "InvalidInput")
    assert errors(shop.call("GET", "/feeds/2021-06-30/feeds/1")) == (404, "NotFound")
    assert errors(shop.call("GET", "/feeds/2021-06-30/documents/1")) == (404, "NotFound")


# ---------------------------------------------------------------- JSON_LISTINGS_FEED


def test_a_feed_waits_works_and_is_done_and_its_changes_take_effect_after_that(shop: Shop) -> None:
    shop.list("CUP")
    feed_id = submit(shop, [stock_message(1, "CUP", 9)])
    states = []
    for _ in range(4):
        states.append(shop.feed_state(feed_id)["processingStatus"])
        shop.wait(20)
    assert states == ["IN_QUEUE", "IN_PROGRESS", "IN_PROGRESS", "DONE"]
    state = shop.feed_state(feed_id)
    assert (state["createdTime"], state["processingStartTime"], state["processingEndTime"]) == (
        "2026-11-22T09:00:00.000Z", "2026-11-22T09:00:20.000Z", "2026-11-22T09:01:00.000Z",
    )  # fmt: skip
    assert shop.report(feed_id).json() == {
        "header": {"sellerId": shop.seller, "version": "2.0", "feedId": feed_id},
        "issues": [],
        "summary": {"errors": 0, "warnings": 0, "messagesProcessed": 1, "messagesAccepted": 1, "messagesInvalid": 0},
    }
    assert shop.stock("CUP") == 9


def test_accepted_messages_are_not_live_when_the_feed_is_done() -> None:
    with open_shop(job_s=10, apply_lag_s=30) as shop:
        shop.list("CUP")
        feed_id = submit(shop, [stock_message(1, "CUP", 9)])
        shop.wait(10)
        assert (shop.feed_state(feed_id)["processingStatus"], shop.stock("CUP")) == ("DONE", 5)
        shop.wait(30)
        assert shop.stock("CUP") == 9


def test_every_operation_of_a_message_works_and_bad_ones_do_not_stop_the_others(shop: Shop) -> None:
    for sku in ("A", "B", "C"):
        shop.list(sku)
    title = {"item_name": [{"value": "Renamed"}]}
    feed_id = submit(
        shop,
        [
            stock_message(1, "A", 11),
            {"messageId": 2, "sku": "B", "operationType": "PARTIAL_UPDATE", "productType": "PRODUCT", "attributes": title},
            {"messageId": 3, "sku": "C", "operationType": "DELETE"},
            {"messageId": 4, "sku": "NEW", "operationType": "UPDATE", "productType": "PRODUCT", "attributes": shop.full()},
            stock_message(5, "A", -1),
            stock_message(6, "MISSING", 1),
            {"messageId": 7, "sku": "A", "operationType": "UPSERT"},
            stock_message(1, "A", 99),
            {"messageId": 9, "sku": "A", "operationType": "DELETE", "productType": "PRODUCT"},
            "noise",
        ],
    )  # fmt: skip
    shop.wait(80)
    report = shop.report(feed_id).json()
    assert report["summary"] == {
        "errors": 6, "warnings": 0, "messagesProcessed": 10, "messagesAccepted": 4, "messagesInvalid": 6,
    }  # fmt: skip
    assert [(issue.get("messageId"), issue.get("sku"), issue["severity"]) for issue in report["issues"]] == [
        (5, "A", "ERROR"), (6, "MISSING", "ERROR"), (7, "A", "ERROR"), (1, "A", "ERROR"), (9, "A", "ERROR"),
        (None, None, "ERROR"),
    ]  # fmt: skip
    assert report["issues"][0]["attributeName"] == "quantity"
    rows = {row["sku"]: row for row in shop.sim.ledger()["listings"]}
    assert (rows["A"]["quantity"], rows["B"]["title"], rows["C"]["state"]) == (11, "Renamed", "ended")
    assert (rows["B"]["quantity"], rows["NEW"]["state"]) == (5, "live")


def test_a_report_may_carry_the_items(shop: Shop) -> None:
    shop.list("CUP")
    report = {"includedData": ["summaries", "offers"], "apiVersion": "2021-08-01"}
    feed_id = submit(shop, [stock_message(1, "CUP", 2)], report=report)
    shop.wait(60)
    answer = shop.report(feed_id).json()
    assert answer["header"]["report"] == report
    assert answer["summary"]["itemSummary"] == {"items": 1, "errors": 0, "warnings": 0}
    assert (answer["items"][0]["sku"], set(answer["items"][0])) == ("CUP", {"sku", "summaries", "offers"})


def test_a_report_may_come_compressed() -> None:
    with open_shop(extra={"gzip_reports": True}) as shop:
        shop.list("CUP")
        feed_id = submit(shop, [stock_message(1, "CUP", 2)])
        shop.wait(60)
        document_id = shop.feed_state(feed_id)["resultFeedDocumentId"]
        document = shop.call("GET", f"/feeds/2021-06-30/documents/{document_id}").json()
        assert document["compressionAlgorithm"] == "GZIP"
        report = json.loads(gzip.decompress(shop.http.get(document["url"]).content))
        assert report["summary"]["messagesAccepted"] == 1


def test_25000_messages_are_taken_and_one_more_is_fatal() -> None:
    with open_shop() as shop:
        shop.list("CUP")
        whole = submit(shop, [stock_message(n + 1, "CUP", n) for n in range(25_000)])
        shop.wait(80)
        assert shop.feed_state(whole)["processingStatus"] == "DONE"
        assert shop.stock("CUP") == 24_999
        over = submit(shop, [{"messageId": n + 1, "sku": "CUP", "operationType": "DELETE"} for n in range(25_001)])
        shop.wait(80)
        assert shop.feed_state(over)["processingStatus"] == "FATAL"
        assert shop.report(over).json()["summary"]["messagesProcessed"] == 0
        assert shop.stock("CUP") == 24_999


@pytest.mark.parametrize(
    "content",
    [
        b"not json",
        b"[]",
        b'{"messages": []}',
        b'{"header": {"sellerId": "SOMEONE", "version": "2.0"}, "messages": [{}]}',
        b'{"header": {"sellerId": "A2SIMULATEDSELLR", "version": "1.0"}, "messages": [{}]}',
        b'{"header": {"sellerId": "A2SIMULATEDSELLR", "version": "2.0"}, "messages": []}',
        b"\xff\xfe",
    ],
)
def test_a_broken_file_is_fatal_with_a_report(shop: Shop, content: bytes) -> None:
    feed_id = shop.feed(content).json()["feedId"]
    shop.wait(60)
    assert shop.feed_state(feed_id)["processingStatus"] == "FATAL"
    (issue,) = shop.report(feed_id).json()["issues"]
    assert (issue["severity"], "messageId" in issue) == ("ERROR", False)


def test_legacy_types_and_missing_uploads_are_fatal_without_a_report(shop: Shop) -> None:
    legacy = shop.feed(b"sku\tquantity\nCUP\t3\n", "POST_FLAT_FILE_INVLOADER_DATA").json()["feedId"]
    document = shop.call("POST", "/feeds/2021-06-30/documents", body={"contentType": "x"}).json()["feedDocumentId"]
    empty = shop.submit(document).json()["feedId"]
    shop.wait(60)
    for feed_id in (legacy, empty):
        state = shop.feed_state(feed_id)
        assert (state["processingStatus"], "resultFeedDocumentId" in state) == ("FATAL", False)


def test_results_stay_readable_for_28_days(shop: Shop) -> None:
    shop.list("CUP")
    feed_id = submit(shop, [stock_message(1, "CUP", 2)])
    shop.wait(60)
    document_id = shop.feed_state(feed_id)["resultFeedDocumentId"]
    shop.wait(28 * 86_400)
    shop.token = ""
    assert shop.call("GET", f"/feeds/2021-06-30/documents/{document_id}").status_code == 200
    shop.wait(1)
    assert errors(shop.call("GET", f"/feeds/2021-06-30/documents/{document_id}")) == (404, "NotFound")


# ---------------------------------------------------------------- cancelling


def test_the_acknowledgement_feed_cancels_items_and_gives_the_units_back(shop: Shop) -> None:
    shop.list("A")
    shop.list("B")
    order_id = shop.order(("A", 2), ("B", 1))
    first, second = shop.item_ids(order_id)
    feed_id = shop.feed(f"{HEADER}{order_id}\t{first}\tNoInventory\n".encode(), CANCEL_FEED).json()["feedId"]
    assert shop.stock("A") == 3
    shop.wait(60)
    assert shop.feed_state(feed_id)["processingStatus"] == "DONE"
    assert "Number of records successful\t\t1" in shop.report(feed_id).text
    assert (shop.stock("A"), shop.stock("B")) == (5, 4)
    shop.wait(120)
    order = shop.get_order(order_id)
    assert order["fulfillment"]["fulfillmentStatus"] == "UNSHIPPED"
    assert order["orderItems"][0]["cancellation"]["cancellationExecution"] == {
        "cancelledBy": "MERCHANT", "cancelReason": "NoInventory",
    }  # fmt: skip
    shop.feed(f"{HEADER}{order_id}\t{second}\tNoInventory\n".encode(), CANCEL_FEED)
    shop.wait(180)
    assert shop.get_order(order_id)["fulfillment"]["fulfillmentStatus"] == "CANCELLED"
    assert shop.sim.ledger()["orders"][0]["cancellation"] == "cancelled"
    assert (shop.stock("A"), shop.stock("B")) == (5, 5)


def test_records_that_cannot_be_cancelled_are_named_and_the_others_are_done(shop: Shop) -> None:
    shop.list("A", quantity=9)
    shipped, open_order = shop.order(("A", 1)), shop.order(("A", 1))
    (shipped_item,), (open_item,) = shop.item_ids(shipped), shop.item_ids(open_order)
    shop.confirm(shipped, [(shipped_item, 1)])
    records = [
        f"{shipped}\t{shipped_item}\tNoInventory",
        f"1-2-3\t{open_item}\tNoInventory",
        f"{open_order}\t\tNoInventory",
        f"{open_order}\t{open_item}\t",
        f"{open_order}\t{open_item}\tNoInventory",
    ]
    feed_id = shop.feed((HEADER + "\n".join(records) + "\n").encode(), CANCEL_FEED).json()["feedId"]
    shop.wait(60)
    lines = shop.report(feed_id).text.splitlines()
    assert lines[1:3] == ["\tNumber of records processed\t\t5", "\tNumber of records successful\t\t1"]
    assert [line.split("\t")[0] for line in lines[5:]] == ["1", "2", "3", "4"]
    rows = {row["order_id"]: row["cancellation"] for row in shop.sim.ledger()["orders"]}
    assert rows == {shipped: "none", open_order: "cancelled"}


def test_an_acknowledgement_file_without_its_columns_is_fatal(shop: Shop) -> None:
    feed_id = shop.feed(b"order-id\tmerchant-order-id\n1-2-3\tx\n", CANCEL_FEED).json()["feedId"]
    shop.wait(60)
    assert shop.feed_state(feed_id)["processingStatus"] == "FATAL"
    assert "amazon-order-item-code" in shop.report(feed_id).text
