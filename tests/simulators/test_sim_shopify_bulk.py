"""Bulk operations in the simulated shop: upload, run, wait, download."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.support.sim_shopify import LOCATION, SET_STOCK, Shop

STAGE = """mutation S($i: [StagedUploadInput!]!) { stagedUploadsCreate(input: $i) { stagedTargets { url resourceUrl
 parameters { name value } } userErrors { message } } }"""
RUN = """mutation R($m: String!, $p: String!) { bulkOperationRunMutation(mutation: $m, stagedUploadPath: $p,
 clientIdentifier: "entrepot-17") { bulkOperation { id status } userErrors { code field message } } }"""
EXPORT = """mutation E($q: String!) { bulkOperationRunQuery(query: $q) { bulkOperation { id status } userErrors { code
 message } } }"""
JOB = """query J($id: ID!) { bulkOperation(id: $id) { status type errorCode objectCount rootObjectCount fileSize
 createdAt completedAt url partialDataUrl } }"""


@pytest.fixture
def shop() -> Shop:
    made = Shop()
    for number in range(1, 4):
        made.sell(f"A-{number}", 5)
    return made


def uploaded(shop: Shop, body: str) -> str:
    """Stage a file and return its key."""
    wanted = {
        "resource": "BULK_MUTATION_VARIABLES",
        "filename": "v.jsonl",
        "mimeType": "text/jsonl",
        "httpMethod": "POST",
    }
    target = shop.data(STAGE, {"i": [wanted]})["stagedUploadsCreate"]["stagedTargets"][0]
    form = {row["name"]: row["value"] for row in target["parameters"]}
    assert target["url"].startswith("http://127.0.0.1:9003/upload")
    data = {**form, "file": (io.BytesIO(body.encode()), "v.jsonl", "text/jsonl")}
    answer = shop.sim.handle(shop.request("POST", target["url"].removeprefix("http://127.0.0.1:9003"), data=data))
    assert answer.status_code == 201
    return form["key"]


def stock_line(item: int, quantity: int, key: str, expected: int | None = 5) -> str:
    row = {
        "inventoryItemId": f"gid://shopify/InventoryItem/{item}", "locationId": LOCATION, "quantity": quantity,
        "changeFromQuantity": expected,
    }  # fmt: skip
    return json.dumps({"i": {"name": "available", "reason": "correction", "quantities": [row]}, "k": key})


def start(shop: Shop, body: str) -> str:
    answer = shop.data(RUN, {"m": SET_STOCK, "p": uploaded(shop, body)})["bulkOperationRunMutation"]
    assert answer["userErrors"] == []
    assert answer["bulkOperation"]["status"] == "CREATED"
    found: str = answer["bulkOperation"]["id"]
    return found


def job(shop: Shop, number: str) -> dict[str, Any]:
    found: dict[str, Any] = shop.data(JOB, {"id": number})["bulkOperation"]
    return found


def lines_of(shop: Shop, url: str) -> list[dict[str, Any]]:
    answer = shop.sim.handle(shop.request("GET", url.removeprefix("http://127.0.0.1:9003")))
    assert answer.status_code == 200
    return [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]


def test_a_bulk_mutation_applies_every_line_when_its_time_is_over(shop: Shop) -> None:
    body = "\n".join([stock_line(1, 11, "a"), stock_line(2, 12, "b"), stock_line(3, 13, "c", expected=4)])
    number = start(shop, body)
    shop.later(10)
    assert job(shop, number)["status"] == "RUNNING"
    assert shop.stock("A-1")["available"] == 5
    shop.later(20)
    done = job(shop, number)
    assert (done["status"], done["type"], done["errorCode"], done["objectCount"]) == (
        "COMPLETED",
        "MUTATION",
        None,
        "3",
    )
    assert (done["createdAt"], done["completedAt"]) == ("2026-11-22T09:00:00Z", "2026-11-22T09:00:30Z")
    rows = lines_of(shop, done["url"])
    assert sorted(row["__lineNumber"] for row in rows) == [0, 1, 2]
    codes = {row["__lineNumber"]: row["data"]["inventorySetQuantities"]["userErrors"] for row in rows}
    assert (codes[0], codes[1]) == ([], [])
    assert codes[2][0]["code"] == "CHANGE_FROM_QUANTITY_STALE"
    assert [shop.stock(f"A-{n}")["available"] for n in (1, 2, 3)] == [11, 12, 5]


def test_result_lines_come_in_another_order_than_the_input(shop: Shop) -> None:
    number = start(shop, "\n".join(stock_line(1, 5, f"k{n}") for n in range(20)))
    shop.later(30)
    numbers = [row["__lineNumber"] for row in lines_of(shop, job(shop, number)["url"])]
    assert sorted(numbers) == list(range(20))
    assert numbers != sorted(numbers)


def test_a_line_with_the_key_of_an_earlier_line_is_not_applied_twice(shop: Shop) -> None:
    number = start(shop, "\n".join([stock_line(1, 7, "same"), stock_line(1, 7, "same")]))
    shop.later(30)
    answers = [row["data"] for row in lines_of(shop, job(shop, number)["url"])]
    assert answers[0] == answers[1]
    assert shop.stock("A-1")["available"] == 7


def test_a_line_that_does_not_fit_the_mutation_reports_errors_of_its_own(shop: Shop) -> None:
    number = start(shop, "\n".join([json.dumps({"i": {"name": 1}, "k": "a"}), stock_line(1, 6, "b")]))
    shop.later(30)
    rows = {row["__lineNumber"]: row for row in lines_of(shop, job(shop, number)["url"])}
    assert "errors" in rows[0]
    assert rows[1]["data"]["inventorySetQuantities"]["userErrors"] == []


def test_what_cannot_run_is_refused_at_once(shop: Shop) -> None:
    def code(mutation: str, path: str) -> str:
        answer = shop.data(RUN, {"m": mutation, "p": path})["bulkOperationRunMutation"]
        assert answer["bulkOperation"] is None
        found: str = answer["userErrors"][0]["code"]
        return found

    path = uploaded(shop, stock_line(1, 6, "a"))
    assert code(SET_STOCK, "tmp/1/bulk/nowhere") == "NO_SUCH_FILE"
    assert code("{ shop { name } }", path) == "INVALID_MUTATION"
    assert code("mutation { nothing { id } }", path) == "INVALID_MUTATION"
    assert code(SET_STOCK, uploaded(shop, "not json")) == "INVALID_STAGED_UPLOAD_FILE"
    assert code(SET_STOCK, uploaded(shop, "")) == "INVALID_STAGED_UPLOAD_FILE"


def test_five_of_a_kind_run_at_once_and_no_more(shop: Shop) -> None:
    for n in range(5):
        start(shop, stock_line(1, 5, f"k{n}"))
    sixth = shop.data(RUN, {"m": SET_STOCK, "p": uploaded(shop, stock_line(1, 5, "z"))})["bulkOperationRunMutation"]
    assert [error["code"] for error in sixth["userErrors"]] == ["LIMIT_REACHED"]
    query = shop.data(EXPORT, {"q": "{ products { edges { node { id } } } }"})["bulkOperationRunQuery"]
    assert query["userErrors"] == []
    shop.later(30)
    start(shop, stock_line(1, 5, "again"))


def test_a_bulk_query_exports_objects_with_their_parents(shop: Shop) -> None:
    query = "{ products { edges { node { id title variants { edges { node { id sku } } } } } } }"
    number = shop.data(EXPORT, {"q": query})["bulkOperationRunQuery"]["bulkOperation"]["id"]
    shop.later(30)
    done = job(shop, number)
    assert (done["status"], done["objectCount"], done["rootObjectCount"]) == ("COMPLETED", "6", "3")
    rows = lines_of(shop, done["url"])
    assert {row["title"] for row in rows if "__parentId" not in row} == {"Thing A-1", "Thing A-2", "Thing A-3"}
    children = {row["sku"]: row["__parentId"] for row in rows if "__parentId" in row}
    assert children == {f"A-{n}": f"gid://shopify/Product/{n}" for n in (1, 2, 3)}
    assert int(done["fileSize"]) == sum(
        len(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()) + 1 for row in rows
    )


def test_a_bulk_query_reads_more_than_a_page(shop: Shop) -> None:
    for number in range(300):
        shop.sim.add_listing({"sku": f"B-{number}", "quantity": 1})
    query = "{ productVariants { nodes { id sku inventoryItem { id } } } }"
    number = shop.data(EXPORT, {"q": query})["bulkOperationRunQuery"]["bulkOperation"]["id"]
    shop.later(30)
    assert job(shop, number)["objectCount"] == "303"
    assert all(row["inventoryItem"]["id"] for row in lines_of(shop, job(shop, number)["url"]))


def test_a_bulk_query_without_a_connection_or_too_deep_is_invalid(shop: Shop) -> None:
    deep = (
        "{ products { nodes { id variants { nodes { id inventoryItem { id inventoryLevels { nodes { id } } } } } } } }"
    )
    for query in ("{ shop { name } }", "{ nothing }", "{ products { nodes {", deep):
        answer = shop.data(EXPORT, {"q": query})["bulkOperationRunQuery"]
        assert [error["code"] for error in answer["userErrors"]] == ["INVALID"]


def test_an_empty_result_has_no_url_and_a_result_expires_after_a_week() -> None:
    shop = Shop()
    query = "{ products { nodes { id } } }"
    number = shop.data(EXPORT, {"q": query})["bulkOperationRunQuery"]["bulkOperation"]["id"]
    shop.later(30)
    assert (job(shop, number)["status"], job(shop, number)["url"]) == ("COMPLETED", None)
    shop.sell("A-1", 1)
    number = shop.data(EXPORT, {"q": query})["bulkOperationRunQuery"]["bulkOperation"]["id"]
    shop.later(30)
    url = job(shop, number)["url"]
    shop.later(7 * 86_400 + 1)
    assert job(shop, number)["url"] is None
    assert shop.sim.handle(shop.request("GET", url.removeprefix("http://127.0.0.1:9003"))).status_code == 404


def test_a_canceled_job_changes_nothing(shop: Shop) -> None:
    number = start(shop, stock_line(1, 9, "a"))
    cancel = "mutation C($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } userErrors { message } } }"
    assert shop.data(cancel, {"id": number})["bulkOperationCancel"]["bulkOperation"] == {"status": "CANCELING"}
    shop.later(60)
    assert job(shop, number)["status"] == "CANCELED"
    assert shop.stock("A-1")["available"] == 5
    assert shop.data(cancel, {"id": number})["bulkOperationCancel"]["userErrors"] != []


def test_a_put_upload_and_an_unknown_key(shop: Shop) -> None:
    wanted = {"resource": "BULK_MUTATION_VARIABLES", "filename": "v.jsonl", "mimeType": "text/jsonl"}
    target = shop.data(STAGE, {"i": [wanted]})["stagedUploadsCreate"]["stagedTargets"][0]
    path = target["url"].removeprefix("http://127.0.0.1:9003")
    assert shop.sim.handle(shop.request("PUT", path, data=stock_line(1, 6, "a"))).status_code == 200
    answer = shop.data(RUN, {"m": SET_STOCK, "p": path.removeprefix("/upload/")})["bulkOperationRunMutation"]
    assert answer["userErrors"] == []
    assert shop.sim.handle(shop.request("PUT", "/upload/tmp/nowhere", data="x")).status_code == 403


def test_jobs_can_be_listed_and_the_scenario_sets_their_time() -> None:
    shop = Shop(job_s=5)
    shop.sell("A-1", 5)
    number = shop.data(EXPORT, {"q": "{ products { nodes { id } } }"})["bulkOperationRunQuery"]["bulkOperation"]["id"]
    shop.later(5)
    query = '{ bulkOperations(first: 5, query: "status:completed operation_type:query") { nodes { id status } } }'
    assert shop.data(query)["bulkOperations"]["nodes"] == [{"id": number, "status": "COMPLETED"}]
    assert shop.data("{ currentBulkOperation { id } }") == {"currentBulkOperation": {"id": number}}
    assert shop.data("{ currentBulkOperation(type: MUTATION) { id } }") == {"currentBulkOperation": None}
