"""Getting in and paying for it: tokens, versions, query cost, throttling, injected faults."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from hub.loopback.faults import Fault, FaultKind
from tests.support.sim_shopify import ORDERS, SHIP, TO_SHIP, Shop

SHOP_NAME = "{ shop { name } }"
BIG = "{ products(first: 250) { nodes { id variants(first: 4) { nodes { id } } } } }"


def grant(shop: Shop, **form: str) -> tuple[int, dict[str, Any]]:
    known = shop.sim.credentials
    data = {"client_id": known["client_id"], "client_secret": known["client_secret"]} | form
    answer = shop.sim.handle(shop.request("POST", "/admin/oauth/access_token", data=data))
    return answer.status_code, answer.get_json()


def status_with(shop: Shop, token: str) -> int:
    shop.token = token
    return shop.send(SHOP_NAME).status_code


# ---------------------------------------------------------------- tokens


def test_a_missing_or_wrong_token_is_a_401_with_a_sentence() -> None:
    shop = Shop()
    for token in ("", "shpat_wrong"):
        shop.token = token
        answer = shop.send(SHOP_NAME)
        assert answer.status_code == 401
        assert answer.get_json()["errors"].startswith("[API] Invalid API key or access token")


def test_client_credentials_give_a_token_for_a_day() -> None:
    shop = Shop()
    status, body = grant(shop, grant_type="client_credentials")
    assert (status, body["expires_in"], sorted(body)) == (200, 86399, ["access_token", "expires_in", "scope"])
    assert status_with(shop, body["access_token"]) == 200
    shop.later(86_399)
    assert status_with(shop, body["access_token"]) == 401


def test_a_wrong_client_or_grant_is_refused() -> None:
    shop = Shop()
    assert grant(shop, grant_type="client_credentials", client_secret="x")[1]["error"] == "invalid_client"
    assert grant(shop, grant_type="password") == (
        400,
        {"error": "unsupported_grant_type", "error_description": "grant_type 'password' is not supported"},
    )
    assert grant(shop, grant_type="refresh_token", refresh_token="x")[1]["error"] == "invalid_grant"


def test_the_previous_refresh_token_stays_usable_until_the_new_one_is_first_used() -> None:
    shop = Shop()
    old = shop.sim.credentials["refresh_token"]
    _, first = grant(shop, grant_type="refresh_token", refresh_token=old)
    assert first["expires_in"] == 3600
    _, again = grant(shop, grant_type="refresh_token", refresh_token=old)  # the first answer was lost
    assert again["refresh_token"] != first["refresh_token"]
    status, third = grant(shop, grant_type="refresh_token", refresh_token=again["refresh_token"])
    assert status == 200
    for dead in (old, first["refresh_token"]):
        assert grant(shop, grant_type="refresh_token", refresh_token=dead)[0] == 400
    assert status_with(shop, third["access_token"]) == 200
    shop.later(3600)
    assert status_with(shop, third["access_token"]) == 401


def test_a_scenario_can_shorten_the_life_of_tokens() -> None:
    shop = Shop(token_life_s=10)
    _, body = grant(shop, grant_type="client_credentials")
    assert body["expires_in"] == 10
    shop.later(10)
    assert status_with(shop, body["access_token"]) == 401


def test_a_missing_scope_is_access_denied_and_the_scopes_can_be_read() -> None:
    shop = Shop(extra={"scopes": ["read_products"]})
    scopes = shop.data("{ currentAppInstallation { accessScopes { handle } } }")["currentAppInstallation"]
    assert scopes == {"accessScopes": [{"handle": "read_products"}]}
    answer = shop.ask('{ order(id: "gid://shopify/Order/1") { id } }')
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["ACCESS_DENIED"]


# ---------------------------------------------------------------- versions and requests


@pytest.mark.parametrize(("asked", "served"), [("2026-10", "2026-10"), ("2026-04", "2026-04"), ("2024-10", "2026-01")])
def test_an_expired_version_falls_forward(asked: str, served: str) -> None:
    answer = Shop().send(SHOP_NAME, version=asked)
    assert (answer.status_code, answer.headers["X-Shopify-API-Version"]) == (200, served)


def test_an_unknown_version_or_path_is_not_found() -> None:
    shop = Shop()
    assert shop.send(SHOP_NAME, version="2031-01").status_code == 404
    assert shop.sim.handle(shop.request("GET", "/admin/products.json")).status_code == 404


def test_requests_that_are_not_graphql_are_told_so() -> None:
    shop = Shop()
    headers = {"X-Shopify-Access-Token": shop.token}
    path = "/admin/api/2026-10/graphql.json"
    answer = shop.sim.handle(shop.request("POST", path, json={"no": "query"}, headers=headers))
    assert answer.status_code == 400
    assert "compareQuantity" in str(
        shop.ask(
            """mutation { inventorySetQuantities(input: {name: "available", reason: "correction", quantities: [{
            inventoryItemId: "gid://shopify/InventoryItem/1", locationId: "gid://shopify/Location/1", quantity: 1,
            compareQuantity: 1}]}) @idempotent(key: "a") { userErrors { message } } }"""
        )["errors"]
    )
    assert "errors" in shop.ask("{ shop { name ")
    assert "data" not in shop.ask("query A { shop { name } } query B { shop { id } }")


# ---------------------------------------------------------------- cost


def test_the_cost_counts_objects_connections_by_size_and_mutations() -> None:
    shop = Shop()
    shop.sell("A-1", 5)

    def requested(query: str, variables: dict[str, Any] | None = None) -> int:
        found: int = shop.ask(query, variables)["extensions"]["cost"]["requestedQueryCost"]
        return found

    assert requested(SHOP_NAME) == 1
    assert requested("{ products(first: 10) { nodes { id } } }") == 10
    assert (
        requested("query P($n: Int = 7) { products(first: $n) { edges { node { id } } pageInfo { endCursor } } }") == 7
    )
    assert requested("query P($n: Int) { products(first: $n) { nodes { id } } }", {"n": 4}) == 4
    assert (
        requested("{ products(first: 10) { nodes { id variants(first: 5) { nodes { id product { id } } } } } }") == 110
    )
    assert requested('{ nodes(ids: ["gid://shopify/Product/1", "gid://shopify/Product/2"]) { id } }') == 2
    assert requested('mutation { webhookSubscriptionDelete(id: "gid://shopify/W/1") { userErrors { message } } }') == 10
    assert requested(TO_SHIP, {"id": "gid://shopify/Order/1"}) <= 1000
    assert requested(ORDERS, {"q": ""}) == 420


def test_what_was_not_used_is_given_back() -> None:
    shop = Shop()
    shop.sell("A-1", 5)
    shop.later(60)
    cost = shop.ask("{ products(first: 100) { nodes { id } } }")["extensions"]["cost"]
    assert cost == {
        "requestedQueryCost": 100,
        "actualQueryCost": 1,
        "throttleStatus": {"maximumAvailable": 2000, "currentlyAvailable": 1999, "restoreRate": 100},
    }


def test_a_query_over_a_thousand_points_is_refused_and_costs_nothing() -> None:
    answer = Shop().ask(BIG)
    assert "data" not in answer
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["MAX_COST_EXCEEDED"]
    assert answer["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 2000


def test_what_does_not_fit_is_throttled_inside_a_200_and_fits_after_the_wait() -> None:
    shop = Shop()
    shop.sim.bucket.take(shop.clock.now(), 1950)
    answer = shop.send("{ products(first: 250) { nodes { id } } }")
    body = answer.get_json()
    assert answer.status_code == 200
    assert "data" not in body
    assert [error["extensions"]["code"] for error in body["errors"]] == ["THROTTLED"]
    assert body["extensions"]["cost"] == {
        "requestedQueryCost": 250,
        "actualQueryCost": None,
        "throttleStatus": {"maximumAvailable": 2000, "currentlyAvailable": 50, "restoreRate": 100},
    }
    assert shop.sim.is_throttled(answer)
    shop.later((250 - 50) / 100)
    after = shop.send("{ products(first: 250) { nodes { id } } }")
    assert "data" in after.get_json()
    assert not shop.sim.is_throttled(after)


def test_limits_can_be_switched_off() -> None:
    shop = Shop(enforce_limits=False)
    for _ in range(30):
        assert "data" in shop.ask("{ products(first: 250) { nodes { id } } }")


def test_productset_costs_a_fifth_of_a_point_per_variant_on_top() -> None:
    shop = Shop()
    values = [f"V{n}" for n in range(10)]
    variants = [{"optionValues": [{"optionName": "Size", "name": value}]} for value in values]
    options = [{"name": "Size", "values": [{"name": value} for value in values]}]
    source = {"title": "T", "productOptions": options, "variants": variants}
    answer = shop.ask(
        "mutation U($i: ProductSetInput!) { productSet(input: $i) { userErrors { message } } }", {"i": source}
    )
    assert answer["extensions"]["cost"]["requestedQueryCost"] == 12


# ---------------------------------------------------------------- operations and faults


def test_operations_are_named_by_their_first_root_field() -> None:
    shop = Shop()

    def name(query: str) -> str:
        return shop.sim.operation_of(shop.request("POST", "/admin/api/2026-10/graphql.json", json={"query": query}))

    assert [name(text) for text in (ORDERS, TO_SHIP, SHIP, "{ x: shop { id } }", "broken {")] == [
        "orders", "order", "fulfillmentCreate", "shop", "graphql",
    ]  # fmt: skip
    paths = {
        "/admin/oauth/access_token": "token",
        "/upload/tmp/1": "upload",
        "/bulk/x.jsonl": "download",
        "/admin/api/2026-10/graphql.json": "graphql",
    }
    assert {path: shop.sim.operation_of(shop.request("POST", path)) for path in paths} == paths


def test_injected_faults_speak_shopify() -> None:
    shop = Shop()
    path = "/admin/api/2026-10/graphql.json"
    request = shop.request("POST", path, json={"query": "{ products(first: 42) { nodes { id } } }"})
    throttle = shop.sim.fault_response(FaultKind.THROTTLE, request)
    assert throttle is not None
    assert (throttle.status_code, shop.sim.is_throttled(throttle)) == (200, True)
    assert throttle.get_json()["extensions"]["cost"]["requestedQueryCost"] == 42
    assert throttle.get_json()["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 0
    statuses = {
        FaultKind.THROTTLE_NO_HINT: 429,
        FaultKind.AUTH_EXPIRED: 401,
        FaultKind.FORBIDDEN: 403,
        FaultKind.BAD_REQUEST: 400,
        FaultKind.NOT_FOUND: 404,
        FaultKind.CONFLICT: 409,
        FaultKind.SERVER_ERROR: 500,
    }
    for kind, status in statuses.items():
        answer = shop.sim.fault_response(kind, request)
        assert answer is not None
        assert (answer.status_code, list(answer.get_json())) == (status, ["errors"])
        assert isinstance(answer.get_json()["errors"], str)
    assert shop.sim.fault_response(FaultKind.UNAVAILABLE, request) is None
    token = Request(EnvironBuilder(path="/admin/oauth/access_token", method="POST").get_environ())
    refused = shop.sim.fault_response(FaultKind.THROTTLE, token)
    assert refused is not None
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")


def test_over_http_faults_hit_their_operation_and_the_control_api_stays_well() -> None:
    shop = Shop()
    with shop.sim.server() as server:
        shop.sim.plan.arm(Fault(kinds=(FaultKind.THROTTLE,), operation="shop", times=1))
        url = f"{server.url}/admin/api/2026-10/graphql.json"
        headers = {"X-Shopify-Access-Token": shop.token}
        first = requests.post(url, json={"query": SHOP_NAME}, headers=headers, timeout=5)
        second = requests.post(url, json={"query": SHOP_NAME}, headers=headers, timeout=5)
        assert (first.status_code, first.json()["errors"][0]["extensions"]["code"]) == (200, "THROTTLED")
        assert second.json()["data"] == {"shop": {"name": "Entrepôt Test"}}
        counts = requests.get(f"{server.url}/_control/counts", timeout=5).json()
        assert counts == {"requests": {"shop": 2}, "throttled": {}, "faults": 1}


def test_the_control_api_places_and_changes_orders_by_their_global_id() -> None:
    shop = Shop()
    with shop.sim.server() as server:
        listing = {"sku": "A-1", "quantity": 5, "price_minor": 1299, "currency": "EUR", "title": "Thing"}
        made = requests.post(f"{server.url}/_control/listings", json=listing, timeout=5).json()
        assert made == {"external_id": "gid://shopify/ProductVariant/1"}
        spec = {"lines": [{"sku": "A-1", "quantity": 2}], "pending": True}
        order = requests.post(f"{server.url}/_control/orders", json=spec, timeout=5).json()["order_id"]
        assert order == "gid://shopify/Order/5000001001"
        assert requests.post(f"{server.url}/_control/orders/{order}/pay", json={}, timeout=5).status_code == 200
        again = requests.post(f"{server.url}/_control/orders/{order}/pay", json={}, timeout=5)
        assert (again.status_code, again.json()) == (409, {"error": "#1001 is PAID, not PENDING"})
        ledger = requests.get(f"{server.url}/_control/ledger", timeout=5).json()
        assert ledger["orders"][0]["payment"] == "paid"
        assert ledger["listings"][0]["quantity"] == 3


def test_a_throttled_answer_is_recognised_even_when_it_is_garbled() -> None:
    shop = Shop()
    answer = shop.send(SHOP_NAME)
    answer.set_data(json.dumps({"errors": [{"extensions": {"code": "THROTTLED"}}]})[:-3])
    assert not shop.sim.is_throttled(answer)
