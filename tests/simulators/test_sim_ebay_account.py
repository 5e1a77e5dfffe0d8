"""eBay simulator: tokens, quotas, account, faults, persistence."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from hub.kernel.clock import FixedClock
from hub.loopback.faults import Fault, FaultKind
from hub.simulators.base import Scenario
from hub.simulators.ebay import EbaySimulator
from tests.support.ebay_shop import START, EbayShop, error_ids


@pytest.fixture
def shop() -> EbayShop:
    return EbayShop()


def test_a_refresh_token_buys_an_access_token_for_two_hours(shop: EbayShop) -> None:
    answer = shop.mint().json
    assert (answer["expires_in"], answer["token_type"]) == (7200, "User Access Token")
    shop.token = answer["access_token"]
    assert shop.rest("GET", "/commerce/identity/v1/user/").json["username"] == "entrepot-verkauf"
    shop.clock.advance(timedelta(seconds=7199))
    assert shop.rest("GET", "/commerce/identity/v1/user/").status_code == 200
    shop.clock.advance(timedelta(seconds=1))
    late = shop.rest("GET", "/commerce/identity/v1/user/")
    assert (late.status_code, error_ids(late)) == (401, [1001])
    assert late.json["errors"][0]["domain"] == "OAuth"


def test_the_scenario_sets_the_token_life() -> None:
    assert EbayShop(Scenario(token_life_s=60)).mint().json["expires_in"] == 60


def test_wrong_secrets_buy_nothing(shop: EbayShop) -> None:
    assert shop.mint(refresh_token="old").json["error"] == "invalid_grant"
    assert shop.mint("password").json["error"] == "unsupported_grant_type"
    wrong = {"Authorization": "Basic " + base64.b64encode(b"a:b").decode()}
    answer = shop.client.post("/identity/v1/oauth2/token", data={"grant_type": "refresh_token"}, headers=wrong)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    nonsense = {"Authorization": "Basic %%%"}
    assert shop.client.post("/identity/v1/oauth2/token", headers=nonsense).status_code == 401


def test_an_application_token_reads_limits_but_not_the_seller(shop: EbayShop) -> None:
    token = shop.mint("client_credentials").json["access_token"]
    assert shop.rest("GET", "/developer/analytics/v1_beta/rate_limit/", token=token).status_code == 200
    refused = shop.rest("GET", "/sell/fulfillment/v1/order", token=token)
    assert (refused.status_code, error_ids(refused)) == (403, [1100])
    assert "<ErrorCode>21916984</ErrorCode>" in shop.trading("GetOrders", token=token)


def test_no_token_and_an_invented_one_are_told_apart(shop: EbayShop) -> None:
    assert error_ids(shop.client.get("/sell/fulfillment/v1/order")) == [1002]
    assert error_ids(shop.rest("GET", "/sell/fulfillment/v1/order", token="x")) == [1001]
    bearer = {"Authorization": f"Bearer {shop.token}"}
    assert error_ids(shop.client.get("/post-order/v2/cancellation/1", headers=bearer)) == [1001]


def test_policies_are_listed_per_marketplace_and_read_one_by_one(shop: EbayShop) -> None:
    for kind, name, key in (
        ("fulfillment_policy", "fulfillmentPolicies", "fulfillmentPolicyId"),
        ("payment_policy", "paymentPolicies", "paymentPolicyId"),
        ("return_policy", "returnPolicies", "returnPolicyId"),
    ):
        base = f"/sell/account/v1/{kind}"
        found = shop.rest("GET", base, marketplace_id="EBAY_DE").json
        assert (found["total"], found[name][0][key]) == (1, shop.sim.policies[f"{kind}_id"])
        assert shop.rest("GET", base, marketplace_id="EBAY_GB").json[name] == []
        assert error_ids(shop.rest("GET", base)) == [20401]
        assert shop.rest("GET", f"{base}/{found[name][0][key]}").json["marketplaceId"] == "EBAY_DE"
        assert shop.rest("GET", f"{base}/1").status_code == 404


def test_categories_can_be_found(shop: EbayShop) -> None:
    base = "/commerce/taxonomy/v1"
    tree = shop.rest("GET", f"{base}/get_default_category_tree_id", marketplace_id="EBAY_DE").json["categoryTreeId"]
    assert tree == "77"
    found = shop.rest("GET", f"{base}/category_tree/77/get_category_suggestions", q="T-Shirts").json
    assert found["categorySuggestions"][0]["category"]["categoryId"] == "15687"
    url = f"{base}/category_tree/77/get_item_aspects_for_category"
    assert shop.rest("GET", url, category_id="15687").json["aspects"][0]["localizedAspectName"] == "Marke"
    assert error_ids(shop.rest("GET", url, category_id="1")) == [62005]


def test_a_days_quota_ends_in_429_and_comes_back_at_midnight_pacific() -> None:
    shop = EbayShop(Scenario(extra={"quotas": {"fulfillment": 2, "trading": 1}}))
    assert [shop.rest("GET", "/sell/fulfillment/v1/order").status_code for _ in range(3)] == [200, 200, 429]
    refused = shop.rest("GET", "/sell/fulfillment/v1/order")
    assert (error_ids(refused), "Retry-After" in refused.headers) == ([2001], False)
    inner = "<NumberOfDays>1</NumberOfDays>"
    assert "<Ack>Success</Ack>" in shop.trading("GetOrders", inner)
    assert "<ErrorCode>518</ErrorCode>" in shop.trading("GetOrders", inner)
    assert +shop.sim.throttled == {"getOrders": 2, "Trading.GetOrders": 1}

    limits = shop.rest("GET", "/developer/analytics/v1_beta/rate_limit/", api_context="tradingapi").json["rateLimits"]
    rate = limits[0]["resources"][0]["rates"][0]
    assert rate == {"count": 1, "limit": 1, "remaining": 0, "reset": "2026-11-23T08:00:00.000Z", "timeWindow": 86400}
    shop.clock.advance(datetime(2026, 11, 23, 8, 0, tzinfo=UTC) - START)
    shop.token = shop.mint().json["access_token"]
    assert shop.rest("GET", "/sell/fulfillment/v1/order").status_code == 200


def test_trading_allows_5000_calls_a_day_and_limits_can_be_switched_off() -> None:
    shop = EbayShop()
    rows = shop.rest("GET", "/developer/analytics/v1_beta/rate_limit/").json["rateLimits"]
    limits = {row["apiName"]: row["resources"][0]["rates"][0]["limit"] for row in rows}
    assert (limits["tradingapi"], limits["account"], limits["analytics"]) == (5000, 25000, 5000)
    off = EbayShop(Scenario(enforce_limits=False, extra={"quotas": {"fulfillment": 0}}))
    assert off.rest("GET", "/sell/fulfillment/v1/order").status_code == 200
    assert shop.rest("GET", "/developer/analytics/v1_beta/rate_limit/", api_context="none").status_code == 204


@pytest.mark.parametrize(
    ("kind", "status", "number"),
    [
        (FaultKind.THROTTLE, 429, 2001),
        (FaultKind.THROTTLE_NO_HINT, 429, 2001),
        (FaultKind.AUTH_EXPIRED, 401, 1001),
        (FaultKind.FORBIDDEN, 403, 1100),
        (FaultKind.BAD_REQUEST, 400, 25002),
        (FaultKind.NOT_FOUND, 404, 25710),
        (FaultKind.CONFLICT, 409, 25002),
        (FaultKind.SERVER_ERROR, 500, 25001),
    ],
)
def test_rest_faults_speak_ebays_words(shop: EbayShop, kind: FaultKind, status: int, number: int) -> None:
    shop.sim.plan.arm(Fault(kinds=(kind,), operation="bulkUpdatePriceQuantity"))
    answer = shop.inventory("POST", "bulk_update_price_quantity", {"requests": []})
    assert (answer.status_code, error_ids(answer)) == (status, [number])
    assert set(answer.json["errors"][0]) >= {"errorId", "domain", "category", "message"}
    assert ("Retry-After" in answer.headers) == (kind is FaultKind.THROTTLE)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FaultKind.THROTTLE, "518"),
        (FaultKind.AUTH_EXPIRED, "932"),
        (FaultKind.FORBIDDEN, "21916984"),
        (FaultKind.BAD_REQUEST, "37"),
        (FaultKind.NOT_FOUND, "17"),
        (FaultKind.CONFLICT, "10007"),
    ],
)
def test_trading_faults_fail_inside_a_200(shop: EbayShop, kind: FaultKind, code: str) -> None:
    shop.sim.plan.arm(Fault(kinds=(kind,), operation="Trading.GetItem"))
    text = shop.trading("GetItem")
    assert "<Ack>Failure</Ack>" in text
    assert f"<ErrorCode>{code}</ErrorCode>" in text
    assert "<GetItemResponse " in text


def test_a_crash_of_trading_is_plain_text_and_of_oauth_an_oauth_error(shop: EbayShop) -> None:
    shop.sim.plan.arm(Fault(kinds=(FaultKind.SERVER_ERROR,), operation="Trading.GetItem"))
    shop.sim.plan.arm(Fault(kinds=(FaultKind.SERVER_ERROR,), operation="token"))
    headers = {"X-EBAY-API-CALL-NAME": "GetItem"}
    answer = shop.client.post("/ws/api.dll", data=b"<x/>", headers=headers)
    assert (answer.status_code, answer.mimetype) == (500, "text/plain")
    assert shop.mint().json == {"error": "server_error", "error_description": "server error"}


def test_an_unknown_path_is_a_404_in_ebays_shape(shop: EbayShop) -> None:
    assert error_ids(shop.rest("GET", "/sell/nothing/v1/x")) == [2002]


def test_a_body_that_is_not_json_is_refused(shop: EbayShop) -> None:
    headers = {"Authorization": f"Bearer {shop.token}", "Content-Language": "de-DE"}
    answer = shop.client.put("/sell/inventory/v1/inventory_item/A", data=b"{", headers=headers)
    assert (answer.status_code, error_ids(answer)) == (400, [25709])
    assert error_ids(shop.inventory("PUT", "inventory_item/A", [1])) == [25709]


def test_everything_survives_a_restart(shop: EbayShop) -> None:
    offer_id, _ = shop.publish("A", 9)
    shop.by_hand("B", 3)
    first, second = shop.order(("A", 2)), shop.order(("B", 1), pending=True)
    shop.sim.pay_order(second)
    shop.sim.request_cancel(first)
    line = shop.order_row(first)["lines"][0]["line_id"]
    body = {"lineItems": [{"lineItemId": line, "quantity": 1}], "trackingNumber": "T1", "shippingCarrierCode": "DHL"}
    shop.rest("POST", f"/sell/fulfillment/v1/order/{first}/shipping_fulfillment", body)

    again = EbayShop(clock=shop.clock)
    again.sim.restore(json.loads(json.dumps(shop.sim.dump())))
    again.token = shop.token
    assert again.sim.ledger() == shop.sim.ledger()
    assert again.sim.dump() == shop.sim.dump()
    assert again.rest("GET", "/commerce/identity/v1/user/").status_code == 200
    assert again.inventory("GET", f"offer/{offer_id}").json == shop.inventory("GET", f"offer/{offer_id}").json
    assert again.order(("A", 1)) == shop.order(("A", 1))
    assert again.sim.ledger() == shop.sim.ledger()
    again.sim.cancel_order(second)  # still known by the id it had before payment
    with pytest.raises(Exception, match="sold out"):
        again.order(("B", 4))


def test_state_files_carry_the_shop_and_its_clock(tmp_path, shop: EbayShop) -> None:
    sim = EbaySimulator(clock=FixedClock(START), state_file=tmp_path / "ebay.json")
    sim.add_listing({"sku": "A", "quantity": 1, "price_minor": 100, "currency": "EUR", "title": "x"})
    sim.clock.advance(timedelta(hours=3))
    sim.save()
    other = EbaySimulator(clock=FixedClock(START), state_file=tmp_path / "ebay.json")
    assert other.load()
    assert other.ledger() == sim.ledger()
    assert other.ledger()["now"] == "2026-11-22T15:00:00.000Z"
