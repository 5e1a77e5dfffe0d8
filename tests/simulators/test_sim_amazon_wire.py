"""The simulated Amazon's front door: tokens, access, quotas, faults, addresses of operations, state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from hub.kernel.clock import FixedClock
from hub.loopback.faults import Fault, FaultKind
from hub.simulators.amazon import AmazonSimulator
from hub.simulators.amazon_wire import USAGE_PLANS
from hub.simulators.base import Scenario
from tests.support.amazon_shop import START, Shop, errors, open_shop
from tests.support.contract_schemas import need_contracts

PARTICIPATIONS = "/sellers/v1/marketplaceParticipations"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def test_a_refresh_token_buys_an_access_token_for_an_hour(shop: Shop) -> None:
    answer = shop.login().json()
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    assert answer["refresh_token"] == shop.sim.credentials["refresh_token"]
    shop.token = answer["access_token"]
    shop.wait(3599)
    assert shop.call("GET", PARTICIPATIONS).status_code == 200
    shop.wait(1)
    late = shop.call("GET", PARTICIPATIONS)
    assert errors(late) == (403, "Unauthorized")
    assert late.json()["errors"][0]["details"] == "The access token you provided has expired."


def test_the_scenario_shortens_the_life_of_tokens() -> None:
    with open_shop(token_life_s=10) as shop:
        assert shop.login().json()["expires_in"] == 10
        assert shop.call("GET", PARTICIPATIONS).status_code == 200
        shop.wait(10)
        assert errors(shop.call("GET", PARTICIPATIONS)) == (403, "Unauthorized")


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"refresh_token": "wrong"}, 400, "invalid_grant"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "everything"}, 400, "invalid_scope"),
    ],
)
def test_wrong_credentials_are_refused_in_oauth_words(
    shop: Shop, form: dict[str, str], status: int, error: str
) -> None:
    answer = shop.login(**form)
    assert answer.status_code == status
    assert answer.json()["error"] == error
    assert "access_token" not in answer.json()


def test_a_grantless_token_opens_no_seller_operation(shop: Shop) -> None:
    answer = shop.login(grant_type="client_credentials", scope="sellingpartnerapi::notifications").json()
    assert "refresh_token" not in answer
    shop.token = answer["access_token"]
    assert errors(shop.call("GET", PARTICIPATIONS)) == (403, "Unauthorized")


def test_no_token_and_an_unknown_token_are_unauthorized(shop: Shop) -> None:
    assert errors(shop.http.get(PARTICIPATIONS)) == (403, "Unauthorized")
    shop.token = "Atza|invented"
    assert errors(shop.call("GET", PARTICIPATIONS)) == (403, "Unauthorized")


def test_the_seller_takes_part_in_its_one_store(shop: Shop) -> None:
    (row,) = shop.call("GET", PARTICIPATIONS).json()["payload"]
    assert row["marketplace"] == {
        "id": "A1PA6795UKMFR9", "name": "Amazon.de", "countryCode": "DE", "defaultCurrencyCode": "EUR",
        "defaultLanguageCode": "de_DE", "domainName": "www.amazon.de",
    }  # fmt: skip
    assert row["participation"] == {"isParticipating": True, "hasSuspendedListings": False}


def test_an_unknown_marketplace_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="unknown Amazon marketplace 'X'"):
        AmazonSimulator(credentials={"marketplace_id": "X"})


def test_an_address_nobody_serves_is_not_found(shop: Shop) -> None:
    assert errors(shop.call("GET", "/orders/v0/orders")) == (404, "NotFound")


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/auth/o2/token", "token"),
        ("GET", "/orders/2026-01-01/orders", "searchOrders"),
        ("GET", "/orders/2026-01-01/orders/1-2-3", "getOrder"),
        ("POST", "/orders/v0/orders/1-2-3/shipmentConfirmation", "confirmShipment"),
        ("PUT", "/listings/2021-08-01/items/S/A%2FB", "putListingsItem"),
        ("PATCH", "/listings/2021-08-01/items/S/A%2FB", "patchListingsItem"),
        ("GET", "/listings/2021-08-01/items/S/A%2FB%20%E0%B8%81", "getListingsItem"),
        ("DELETE", "/listings/2021-08-01/items/S/A", "deleteListingsItem"),
        ("GET", "/listings/2021-08-01/items/S", "searchListingsItems"),
        ("POST", "/feeds/2021-06-30/documents", "createFeedDocument"),
        ("GET", "/feeds/2021-06-30/documents/d", "getFeedDocument"),
        ("POST", "/feeds/2021-06-30/feeds", "createFeed"),
        ("GET", "/feeds/2021-06-30/feeds/1", "getFeed"),
        ("PUT", "/feed-documents/d", "uploadFeedDocument"),
        ("GET", "/feed-documents/d", "downloadFeedDocument"),
        ("GET", "/sellers/v1/marketplaceParticipations", "getMarketplaceParticipations"),
        ("DELETE", "/orders/2026-01-01/orders", "unknown"),
    ],
)
def test_operations_have_amazons_own_names(method: str, path: str, operation: str) -> None:
    request = Request(EnvironBuilder(path=path, method=method).get_environ())
    assert AmazonSimulator().operation_of(request) == operation


# ---------------------------------------------------------------- quotas


def test_the_burst_of_an_operation_ends_in_quota_exceeded_and_refills_by_the_simulated_clock(shop: Shop) -> None:
    shop.list()
    assert [shop.patch_stock("SKU-1", n).status_code for n in range(6)] == [200] * 5 + [429]
    refused = shop.patch_stock("SKU-1", 9)
    assert errors(refused) == (429, "QuotaExceeded")
    assert "retry-after" not in refused.headers
    assert shop.item("SKU-1")["sku"] == "SKU-1"  # another operation, another bucket
    shop.wait(0.2)
    assert shop.patch_stock("SKU-1", 9).status_code == 200
    assert shop.sim.throttled["patchListingsItem"] == 2


def test_a_search_token_comes_back_after_three_minutes(shop: Shop) -> None:
    assert [shop.search().status_code for _ in range(21)] == [200] * 20 + [429]
    shop.wait(178)
    assert shop.search().status_code == 429
    shop.wait(1)
    assert shop.search().status_code == 200


def test_the_listings_feed_has_its_own_limit_of_five_in_five_minutes(shop: Shop) -> None:
    document = shop.call("POST", "/feeds/2021-06-30/documents", body={"contentType": "application/json"}).json()
    made = [shop.submit(document["feedDocumentId"]).status_code for _ in range(6)]
    assert made == [202] * 5 + [429]
    assert shop.submit(document["feedDocumentId"], "POST_PRODUCT_DATA").status_code == 202
    shop.wait(60)
    assert shop.submit(document["feedDocumentId"]).status_code == 202


def test_limits_can_be_switched_off() -> None:
    with open_shop(enforce_limits=False) as shop:
        shop.list()
        assert {shop.patch_stock("SKU-1", n).status_code for n in range(30)} == {200}


def test_every_answer_has_a_request_id_and_the_rate_is_told_often_but_not_always() -> None:
    with open_shop(enforce_limits=False) as shop:
        answers = [shop.search() for _ in range(40)]
    assert len({answer.headers["x-amzn-RequestId"] for answer in answers}) == 40
    told = [answer.headers.get("x-amzn-RateLimit-Limit") for answer in answers]
    assert set(told) == {"0.0056", None}


@pytest.mark.contracts
def test_the_quota_table_is_the_official_one() -> None:
    lines = (need_contracts() / "amazon" / "usage_plans.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    models = ("orders_2026-01-01", "listingsItems_2021-08-01", "feeds_2021-06-30", "sellers", "ordersV0")
    official = {
        row[1]: tuple(float(part) for part in row[4].split("/"))
        for row in reversed(rows)
        if row[0] in models and row[4] != "-" and not (row[0] == "ordersV0" and row[1] != "confirmShipment")
    }
    assert {name: official[name] for name in USAGE_PLANS} == dict(USAGE_PLANS)


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FaultKind.THROTTLE, 429, "QuotaExceeded"),
        (FaultKind.THROTTLE_NO_HINT, 429, "QuotaExceeded"),
        (FaultKind.AUTH_EXPIRED, 403, "Unauthorized"),
        (FaultKind.FORBIDDEN, 403, "Unauthorized"),
        (FaultKind.BAD_REQUEST, 400, "InvalidInput"),
        (FaultKind.NOT_FOUND, 404, "NotFound"),
        (FaultKind.CONFLICT, 409, "Conflict"),
        (FaultKind.SERVER_ERROR, 500, "InternalFailure"),
        (FaultKind.APPLY_THEN_500, 500, "InternalFailure"),
    ],
)
def test_faults_speak_amazons_error_body(shop: Shop, kind: FaultKind, status: int, code: str) -> None:
    shop.list()
    shop.item("SKU-1")
    shop.sim.plan.arm(Fault(kinds=(kind,), operation="patchListingsItem"))
    answer = shop.patch_stock("SKU-1", 9)
    assert errors(answer) == (status, code)
    assert answer.headers["x-amzn-RequestId"]
    assert ("x-amzn-RateLimit-Limit" in answer.headers) == (kind is not FaultKind.THROTTLE_NO_HINT)
    shop.wait(20)
    assert shop.stock("SKU-1") == (9 if kind is FaultKind.APPLY_THEN_500 else 5)
    assert shop.sim.throttled["patchListingsItem"] == 0


def test_an_outage_is_a_page_and_not_amazons_body(shop: Shop) -> None:
    shop.sim.plan.arm(Fault(kinds=(FaultKind.UNAVAILABLE,), operation="searchOrders"))
    answer = shop.search()
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")


def test_a_connection_cut_after_the_change_leaves_the_change(shop: Shop) -> None:
    shop.list()
    shop.item("SKU-1")
    shop.sim.plan.arm(Fault(kinds=(FaultKind.APPLY_THEN_DROP,), operation="patchListingsItem"))
    with pytest.raises(httpx.RemoteProtocolError):
        shop.patch_stock("SKU-1", 3)
    shop.wait(20)
    assert shop.stock("SKU-1") == 3


def test_faults_of_the_token_host_and_of_the_storage_have_their_own_bodies(shop: Shop) -> None:
    shop.sim.plan.arm(Fault(kinds=(FaultKind.AUTH_EXPIRED,), operation="token"))
    assert (shop.login().status_code, shop.login().status_code) == (400, 200)
    url = shop.call("POST", "/feeds/2021-06-30/documents", body={"contentType": "text/plain"}).json()["url"]
    shop.sim.plan.arm(Fault(kinds=(FaultKind.FORBIDDEN,), operation="uploadFeedDocument"))
    refused = shop.http.put(url, content=b"x")
    assert refused.status_code == 403
    assert "<Code>AccessDenied</Code>" in refused.text


# ---------------------------------------------------------------- state and control


def test_a_restored_simulator_goes_on_exactly_where_the_other_stopped() -> None:
    with open_shop() as shop:
        shop.list("A/1 ü", quantity=9)
        paid, pending = shop.order(("A/1 ü", 2)), shop.order(("A/1 ü", 1), pending=True)
        shop.confirm(paid, [(shop.item_ids(paid)[0], 1)])
        shop.sim.request_cancel(paid)
        shop.sim.cancel_order(pending)
        shop.patch_stock("A/1 ü", 4)
        message = {"messageId": 1, "sku": "A/1 ü", "operationType": "DELETE"}
        content = {"header": {"sellerId": shop.seller, "version": "2.0"}, "messages": [message]}
        feed_id = shop.feed(json.dumps(content).encode()).json()["feedId"]
        state = json.loads(json.dumps(shop.sim.dump()))
        other = AmazonSimulator(clock=FixedClock(START), scenario=Scenario(seed=7))
        other.restore(state)
        assert other.dump() == state
        assert other.ledger() == shop.sim.ledger()
        shop.wait(20)
        with other.server() as server, httpx.Client(base_url=server.url, trust_env=False) as http:
            twin = Shop(other, FixedClock(START), http)
            twin.token = shop.token  # the token is still good
            other.clock.advance(shop.clock.now() - START)
            assert twin.stock("A/1 ü") == shop.stock("A/1 ü") == 4
            assert twin.feed_state(feed_id) == shop.feed_state(feed_id)
            shop.wait(130)
            other.clock.advance(shop.clock.now() - other.clock.now())
            assert twin.get_order(paid) == shop.get_order(paid)
            assert twin.sim.ledger()["listings"][0]["state"] == "ended"
            assert twin.feed_state(feed_id)["processingStatus"] == "DONE"
            assert twin.sim.buy(seed=3) is None


def test_the_state_file_carries_the_shop_over(tmp_path: Path) -> None:
    with open_shop(state_file=tmp_path / "amazon.json") as shop:
        shop.list()
        order_id = shop.order(("SKU-1", 2))
        assert shop.http.post("/_control/clock", json={"advance_s": 50}).status_code == 200
        assert shop.http.post("/_control/save").status_code == 200
        ledger = shop.sim.ledger()
    again = AmazonSimulator(clock=FixedClock(START), state_file=tmp_path / "amazon.json")
    assert again.load() is True
    assert again.ledger() == ledger
    again.cancel_order(order_id)
    assert again.ledger()["listings"][0]["quantity"] == 5


def test_the_control_interface_places_pays_and_cancels(shop: Shop) -> None:
    listing = {"sku": "SKU/1", "quantity": 3, "price_minor": 500, "currency": "EUR", "title": "Cup"}
    assert shop.http.post("/_control/listings", json=listing).json() == {"external_id": "SKU/1"}
    order = {"lines": [{"sku": "SKU/1", "quantity": 2}], "pending": True}
    order_id = shop.http.post("/_control/orders", json=order).json()["order_id"]
    assert shop.http.post(f"/_control/orders/{order_id}/pay").status_code == 200
    assert shop.http.post(f"/_control/orders/{order_id}/pay").status_code == 409
    amended = shop.http.post(f"/_control/orders/{order_id}/amend", json={"lines": [{"line_id": "1", "quantity": 1}]})
    assert amended.status_code == 409
    assert shop.http.post("/_control/orders", json=order).status_code == 409  # 1 left
    assert shop.http.post(f"/_control/orders/{order_id}/request_cancel").status_code == 200
    assert shop.http.post(f"/_control/orders/{order_id}/cancel").status_code == 200
    assert shop.http.post("/_control/stock", json={"sku": "SKU/1", "quantity": 8}).status_code == 200
    (listed,) = shop.http.get("/_control/ledger").json()["listings"]
    assert listed == {
        "sku": "SKU/1", "external_id": "SKU/1", "state": "live", "quantity": 8, "price_minor": 500, "currency": "EUR",
        "title": "Cup",
    }  # fmt: skip
    assert shop.http.post("/_control/stock", json={"sku": "none", "quantity": 8}).status_code == 409
    assert shop.http.post("/_control/listings", json=listing).status_code == 409


def test_buyers_take_only_what_is_shown_until_it_is_gone(shop: Shop) -> None:
    shop.list("A", quantity=2)
    shop.list("B", quantity=1)
    bought = [shop.sim.buy(max_quantity=1) for _ in range(5)]
    orders = shop.sim.ledger()["orders"]
    assert sum(line["quantity"] for order in orders for line in order["lines"]) == 3
    assert bought[-1] is None
    assert (shop.stock("A"), shop.stock("B")) == (0, 0)
