"""Every route with values nobody should send: a proper refusal, never a failure, never HTML, never a change."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import delete

from hub.db.session import unit
from hub.orders.models import Order, Shipment
from hub.pim.models import StockMovement
from hub.shipping.models import ExportBatch
from hub.web.models import IdempotencyKey
from hub.work.models import WorkItem
from tests.support.web import Shop, problem_of

TEXTS = ["", " ", "\x00", "a\x00b", "\ud800", "\u202e", "x" * 5_000, "'; DROP TABLE orders; --", "%s%n", "../../etc/passwd",
         "\r\nX: y", "😀" * 300, "{{7*7}}", "<script>", "ord_1", "9" * 400]  # fmt: skip
VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e308,
    2**31,
    2**63,
    -(2**63),
    10**400,
    [],
    {},
    [[]],
    {"a": 1},
    *TEXTS,
]
REFS = ["", "ord", "ord_", "ord_0", "ord_-1", "ord_01", "ord_1 ", "ord_1\n", "ord_9999999999999999999", "ORD_1", "lst_1", "1",
        "ord_1.0", "ord_1;", "ord_\x00", "ord_１", "ord_1/../ord_1"]  # fmt: skip
POSTS: list[tuple[str, dict[str, Any]]] = [
    ("/accounts/acc_1/pause", {"reason": "holiday"}),
    ("/accounts/acc_1/resume", {}),
    ("/orders/ord_1/hold", {"reason": "ask", "until": "2026-11-30T00:00:00Z"}),
    ("/orders/ord_1/release", {}),
    (
        "/orders/ord_1/shipments",
        {"carrier": "DHL", "tracking": "T", "service": "", "shipped_at": "2026-11-22T08:00:00Z",
         "lines": [{"line": "lin_1", "units": 1}]},
    ),
    ("/stock/adjustments", {"sku": "SKU-1", "location": "main", "delta": 1, "reason": "x"}),
    ("/stock/receipts", {"sku": "SKU-1", "location": "main", "quantity": 1, "reason": "x"}),
    ("/stock/counts", {"sku": "SKU-1", "location": "main", "counted": 7, "seen_version": 1}),
    ("/listings", {"account": "acc_1", "skus": ["SKU-1"]}),
    ("/listings/lst_1/end", {}),
    ("/exports", {"profile": "generic", "orders": ["ord_1"], "limit": 10, "again": False}),
]  # fmt: skip
GETS = {
    "/accounts": (),
    "/orders": ("limit", "after", "stage", "account", "due_before", "short", "exported", "recall"),
    "/orders/ord_1": ("personal",),
    "/stock": ("limit", "after"),
    "/stock/SKU-1": (),
    "/explain?sku=SKU-1": ("account",),
    "/explain": ("sku",),
    "/products": ("limit", "after", "text", "filter", "query", "sort", "descending", "facet"),
    "/listings": ("limit", "after", "account", "state", "sku"),
    "/listings/lst_1": (),
    "/exports": ("limit", "after"),
    "/exports/exp_00000000000000000000/orders": (),
    "/exports/exp_00000000000000000000/file": (),
}
FREE_TEXTS = {"reason", "carrier", "tracking", "service"}


def marks(shop: Shop) -> tuple[int, ...]:
    return tuple(shop.count(model) for model in (Order, Shipment, StockMovement, ExportBatch, WorkItem, IdempotencyKey))


def test_every_route_is_tried_here(shop: Shop) -> None:
    rules = {
        (method, rule.rule)
        for rule in shop.app.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.rule.startswith("/api/v1/") and method in ("GET", "POST")
    }
    adapter = shop.app.url_map.bind("localhost")
    tried = {("GET", path) for path in GETS} | {("POST", path) for path, _ in POSTS}
    seen = {
        (method, adapter.match(f"/api/v1{path.partition('?')[0]}", method, return_rule=True)[0].rule)
        for method, path in tried
    }
    assert seen == rules - {("GET", "/api/v1/openapi.json")}


def test_the_good_requests_of_this_file_are_good(shop: Shop) -> None:
    shop.order()
    statuses = {path: shop.post(path, body).status_code for path, body in POSTS if "hold" not in path}
    assert statuses == {
        "/accounts/acc_1/pause": 200, "/accounts/acc_1/resume": 200, "/orders/ord_1/release": 200,
        "/orders/ord_1/shipments": 201, "/stock/adjustments": 200, "/stock/receipts": 200, "/stock/counts": 409,
        "/listings": 202, "/listings/lst_1/end": 202, "/exports": 201,
    }  # fmt: skip


@pytest.mark.parametrize(("path", "body"), POSTS, ids=[path for path, _ in POSTS])
def test_bodies_with_values_that_do_not_fit(shop: Shop, path: str, body: dict[str, Any]) -> None:
    shop.order()
    before = marks(shop)
    tried: list[dict[str, Any]] = [{**body, "unknown": 1}, {**body, "\ud800": 1}, {"__proto__": {}, **body}]
    for name, good in body.items():
        tried.append(
            {k: v for k, v in body.items() if k != name} if name in REQUIRED.get(path, ()) else {**body, "x": 1}
        )
        for bad in VALUES:
            fits = isinstance(bad, bool) or (isinstance(bad, int) and abs(bad) <= 10)
            if type(bad) is type(good) and fits:
                continue
            if name in FREE_TEXTS and isinstance(bad, str):
                continue  # texts are tried below
            if bad is None and name in NULLABLE:
                continue
            if bad == [] and name == "lines":
                continue
            tried.append({**body, name: bad})
    for sent in tried:
        data = json.dumps(sent)
        answer = shop.client.post(
            f"/api/v1{path}", data=data, content_type="application/json", headers={"Idempotency-Key": "hostile"}
        )
        status, _, _ = problem_of(answer)
        assert status in (400, 404, 409, 422), data[:200]
        if status in (404, 409):  # a domain refusal is kept under its key
            forget(shop)
        assert marks(shop)[:-2] == before[:-2], data[:200]


REQUIRED = {
    "/accounts/acc_1/pause": {"reason"}, "/orders/ord_1/hold": {"reason"}, "/orders/ord_1/shipments": {"carrier"},
    "/stock/adjustments": {"sku", "location", "delta"}, "/stock/receipts": {"sku", "location", "quantity"},
    "/stock/counts": {"sku", "location", "counted"}, "/listings": {"account", "skus"},
}  # fmt: skip
NULLABLE = {"until", "shipped_at", "seen_version", "orders"}


def forget(shop: Shop) -> None:
    with unit(shop.system.sessions) as session:
        session.execute(delete(IdempotencyKey))


def test_texts_of_people_are_taken_as_they_are_or_refused(shop: Shop) -> None:
    ref = shop.order()
    requests = [
        (text, path, json.dumps({**body, "reason": text}))
        for text in TEXTS
        for path, body in (
            ("/stock/adjustments", {"sku": "SKU-1", "location": "main", "delta": 1}),
            (f"/orders/{ref}/hold", {}),
            ("/accounts/acc_1/pause", {}),
        )
    ]
    for number, (text, path, data) in enumerate(requests):
        answer = shop.client.post(
            f"/api/v1{path}", data=data, content_type="application/json", headers={"Idempotency-Key": f"k{number}"}
        )
        fits = len(text) <= 200 and not {"\x00", "\r", "\ud800"} & set(text)
        optional = path == "/stock/adjustments"
        assert answer.status_code == (200 if fits and (text.strip() or optional) else 422), (path, text[:50])
        if answer.status_code == 422:
            problem_of(answer)


@pytest.mark.parametrize("path", GETS, ids=list(GETS))
def test_query_strings_with_values_that_do_not_fit(shop: Shop, path: str) -> None:
    shop.order()
    sign = "&" if "?" in path else "?"
    for name in (*GETS[path], "unknown"):
        for bad in [*TEXTS, *REFS, "-1", "0", "201", "1e3", "1.0", "NaN", "true", "2026-11-22", "2026-11-22T09:00:00",
                    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "٣", "W10", "W1tdXQ", "eyJhIjoxfQ", "AAAA=="]:  # fmt: skip
            answer = shop.get(f"{path}{sign}{name}={quote(bad.encode('utf-8', 'surrogatepass'))}")
            assert answer.status_code in (200, 404, 422), (name, bad[:50], answer.get_data(as_text=True)[:300])
            if answer.status_code == 200:
                assert answer.mimetype == "application/json"
            else:
                problem_of(answer)


@pytest.mark.parametrize(
    "path", ["/orders/{}", "/listings/{}", "/exports/{}/file", "/exports/{}/orders", "/stock/{}"]
)  # fmt: skip
def test_paths_with_values_that_do_not_fit(shop: Shop, path: str) -> None:
    shop.order()
    for bad in [*TEXTS, *REFS]:
        answer = shop.get(path.format(quote(bad.encode("utf-8", "surrogatepass"), safe="")))
        if answer.status_code == 200:
            assert bad in ("", "ord_1", "lst_1")  # the list itself, or what is there
            continue
        assert problem_of(answer)[0] in (404, 422), bad[:50]


def test_posts_to_things_that_are_not_there(shop: Shop) -> None:
    shop.order()
    for path, body in ((path, body) for path, body in POSTS if "_1/" in path):
        for ref in ("999999", "999999999999999999"):
            answer = shop.post(path.replace("_1/", f"_{ref}/"), body)
            assert problem_of(answer)[:2] == (404, "unknown"), path
        answer = shop.post(path.replace("_1/", "_1x/"), body)
        assert problem_of(answer)[:2] == (422, "invalid"), path


def test_every_wrong_parameter_is_named_but_no_value_is_repeated(shop: Shop) -> None:
    answer = shop.post("/stock/adjustments", {"sku": "", "delta": "four", "secret": "Ana Müller"})
    assert problem_of(answer) == (422, "invalid", "sku")
    problems = answer.get_json()["problems"]
    assert [item["param"] for item in problems] == ["sku", "location", "delta", "secret"]
    assert "Ana" not in answer.get_data(as_text=True)
    assert "four" not in answer.get_data(as_text=True)


def test_more_units_than_a_number_holds_are_refused(shop: Shop) -> None:
    for n in range(20):
        assert (
            shop.post("/stock/receipts", {"sku": "SKU-1", "location": "main", "quantity": 100_000_000}).status_code
            == 200
        ), n
    answers = [
        shop.post("/stock/receipts", {"sku": "SKU-1", "location": "main", "quantity": 100_000_000}) for _ in range(2)
    ]
    assert {answer.status_code for answer in answers} <= {200, 422}
