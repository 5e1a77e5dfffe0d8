"""The client: tokens of three kinds, the nine errors, the shared cost bucket, two shops that never mix."""

from __future__ import annotations

import json
import threading

import pytest
from shopify_support import LOCATION, FakeShop, body, error, level, rig_on, set_ok
from werkzeug.wrappers import Response

from hub.channels.contract import (
    AdapterBug,
    Applied,
    AuthFailed,
    ChannelError,
    InvalidData,
    OutcomeUnknown,
    Throttled,
    Unavailable,
)
from hub.channels.shopify import queries
from hub.loopback.faults import Fault, FaultKind
from hub.loopback.server import LoopbackServer

APP = {"client_id": "app", "client_secret": "hush"}


def _token(token, **more):
    return Response(json.dumps({"access_token": token, "scope": "x", **more}), mimetype="application/json")


def _probe_data(scopes=(), domain="teststore.myshopify.com"):
    return {
        "shop": {"id": "gid://shopify/Shop/1", "name": "Test", "myshopifyDomain": domain, "currencyCode": "EUR"},
        "currentAppInstallation": {"id": "x", "accessScopes": [{"handle": scope} for scope in scopes]},
    }


# ---------------------------------------------------------------- probe


def test_probe_says_who_and_which_scopes_are_missing(rig):
    rig.shop.on("shop", _probe_data(["write_products", "write_inventory", "read_locations", "read_orders"]))
    found = rig.adapter.probe()
    assert (found.account, found.label, found.facts["currency"]) == ("teststore.myshopify.com", "Test", "EUR")
    assert found.missing_scopes == (
        "read_merchant_managed_fulfillment_orders", "write_merchant_managed_fulfillment_orders",
    )  # fmt: skip
    assert any("write_orders" in note for note in found.notes)


def test_probe_notes_a_version_that_fell_forward_and_another_shop(make_rig):
    rig = make_rig(api_version="2025-01", shop="other")
    rig.shop.on("shop", _probe_data())
    notes = " ".join(rig.adapter.probe().notes)
    assert "2026-10 instead of 2025-01" in notes
    assert "teststore.myshopify.com, the account is set up for other" in notes


# ---------------------------------------------------------------- credentials


def test_a_static_token_is_sent_as_it_is_and_a_401_is_final(rig):
    rig.shop.on("shop", _probe_data())
    rig.adapter.probe()
    assert rig.shop.asked[0].token == "shpat_1"
    rig.shop.accepted_tokens = set()
    with pytest.raises(AuthFailed):
        rig.adapter.probe()


def test_client_credentials_are_fetched_once_and_again_when_they_end(make_rig):
    from datetime import timedelta

    rig = make_rig(credential_kind="client_credentials", secrets=APP)
    rig.shop.token_answers = [_token("t1", expires_in=86399), _token("t2", expires_in=86399)]
    rig.shop.on("shop", _probe_data())
    rig.adapter.probe()
    rig.adapter.probe()
    rig.clock.advance(timedelta(hours=24))
    rig.adapter.probe()
    assert [asked.token for asked in rig.shop.asked] == ["t1", "t1", "t2"]
    assert rig.shop.tokens_given[0] == {**APP, "grant_type": "client_credentials"}


def test_a_401_in_mid_life_renews_the_token_once_and_sends_again(make_rig):
    rig = make_rig(credential_kind="client_credentials", secrets=APP)
    rig.shop.token_answers = [_token("t1", expires_in=86399), _token("t2", expires_in=86399)]
    rig.shop.on("inventorySetQuantities", set_ok())
    rig.shop.accepted_tokens = {"t2"}
    assert rig.adapter.push_stock([level(1, 4, 5)]) == [Applied(observed=4)]
    assert [asked.token for asked in rig.shop.asked] == ["t1", "t2"]


def test_a_second_401_is_a_matter_for_a_person(make_rig):
    rig = make_rig(credential_kind="client_credentials", secrets=APP)
    rig.shop.token_answers = [_token("t1"), _token("t2")]
    rig.shop.on("shop", _probe_data())
    rig.shop.accepted_tokens = set()
    with pytest.raises(AuthFailed):
        rig.adapter.probe()
    assert len(rig.shop.tokens_given) == 2


def test_a_rotated_refresh_token_is_stored_before_the_new_access_token_and_used_next(make_rig):
    rig = make_rig(credential_kind="offline", secrets={**APP, "refresh_token": "r0"})
    rig.shop.token_answers = [
        _token("t1", expires_in=3600, refresh_token="r1", refresh_token_expires_in=7776000),
        _token("t2", expires_in=3600, refresh_token="r2", refresh_token_expires_in=7776000),
    ]
    rig.shop.on("shop", _probe_data())
    rig.adapter.probe()
    assert [key.split(":")[1] for key in rig.tokens.puts] == ["refresh", "access"]
    rig.shop.accepted_tokens = {"t2"}
    rig.adapter.probe()
    assert [given["refresh_token"] for given in rig.shop.tokens_given] == ["r0", "r1"]
    assert {given["grant_type"] for given in rig.shop.tokens_given} == {"refresh_token"}


def test_many_threads_refresh_once(make_rig):
    rig = make_rig(credential_kind="offline", secrets={**APP, "refresh_token": "r0"})
    rig.shop.token_answers = [_token("t1", expires_in=3600, refresh_token="r1")]
    rig.shop.on("shop", _probe_data())
    threads = [threading.Thread(target=rig.adapter.probe) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rig.shop.tokens_given) == 1
    assert [asked.token for asked in rig.shop.asked] == ["t1"] * 6


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_refused_credentials_block_the_account(make_rig, status):
    rig = make_rig(credential_kind="client_credentials", secrets=APP)
    rig.shop.token_answers = [Response('{"error":"invalid_client"}', status)]
    with pytest.raises(AuthFailed):
        rig.adapter.probe()


@pytest.mark.parametrize("kind", [FaultKind.HTML_200, FaultKind.BAD_GATEWAY, FaultKind.RESET_BEFORE])
def test_a_token_that_cannot_be_fetched_is_passing_trouble_even_for_a_write(make_rig, kind):
    rig = make_rig(credential_kind="client_credentials", secrets=APP)
    rig.shop.token_answers = [_token("t1")]
    rig.server.plan.arm(Fault(kinds=(kind,), operation="*access_token"))
    with pytest.raises(Unavailable):
        rig.adapter.push_stock([level(1, 4, 5)])


def test_no_secret_is_in_any_error_or_repr(make_rig):
    rig = make_rig(credential_kind="client_credentials", secrets={"client_id": "app", "client_secret": "s3cr3t"})
    rig.shop.token_answers = [Response('{"error":"invalid_client"}', 401)]
    with pytest.raises(AuthFailed) as caught:
        rig.adapter.probe()
    assert "s3cr3t" not in f"{caught.value!r}{caught.value.detail}{rig.adapter!r}"


# ---------------------------------------------------------------- errors


def test_throttled_in_a_200_waits_for_what_is_short(rig):
    short = {"maximumAvailable": 2000.0, "currentlyAvailable": 50, "restoreRate": 100.0}
    rig.shop.on("shop", body(errors=[error("THROTTLED")], requestedQueryCost=300, throttleStatus=short))
    with pytest.raises(Throttled) as caught:
        rig.adapter.probe()
    assert caught.value.retry_after_s == 2.5
    assert rig.learned == [("graphql", None, 50.0)]


def test_a_429_waits_as_told_or_two_seconds(rig):
    rig.shop.on("shop", Response("slow", 429, {"Retry-After": "7"}), Response("slow", 429))
    for wait in (7.0, 2.0):
        with pytest.raises(Throttled) as caught:
            rig.adapter.probe()
        assert caught.value.retry_after_s == wait


def test_the_bucket_is_corrected_by_every_answer_and_a_dearer_price_is_remembered(rig):
    dear = {"maximumAvailable": 2000.0, "currentlyAvailable": 1234, "restoreRate": 100.0}
    rig.shop.on("shop", body(_probe_data(), requestedQueryCost=77, throttleStatus=dear))
    rig.adapter.probe()
    rig.adapter.probe()
    charged = rig.adapter._ctx.wire._limiter.charged
    assert charged == [("graphql", 4.0), ("graphql", 77.0)]
    assert rig.learned == [("graphql", None, 1234.0)] * 2


@pytest.mark.parametrize(
    ("code", "reading", "writing"),
    [
        ("MAX_COST_EXCEEDED", AdapterBug, AdapterBug),
        ("ACCESS_DENIED", AuthFailed, AuthFailed),
        ("SHOP_INACTIVE", AuthFailed, AuthFailed),
        ("INTERNAL_SERVER_ERROR", Unavailable, OutcomeUnknown),
        ("undefinedField", AdapterBug, AdapterBug),
    ],
)
def test_top_level_errors(rig, code, reading, writing):
    rig.shop.on("shop", body(errors=[error(code)]))
    rig.shop.on("inventorySetQuantities", body(errors=[error(code)]))
    with pytest.raises(ChannelError) as read:
        rig.adapter.probe()
    with pytest.raises(ChannelError) as written:
        rig.adapter.push_stock([level(1, 4, 5)])
    assert (type(read.value), type(written.value)) == (reading, writing)


@pytest.mark.parametrize(
    ("kind", "reading", "writing"),
    [
        (FaultKind.HTML_200, AdapterBug, OutcomeUnknown),
        (FaultKind.CUT_JSON, AdapterBug, OutcomeUnknown),
        (FaultKind.WRONG_CHARSET, AdapterBug, OutcomeUnknown),
        (FaultKind.BIG_BODY, AdapterBug, OutcomeUnknown),
        (FaultKind.REDIRECT_AWAY, AdapterBug, OutcomeUnknown),
        (FaultKind.SERVER_ERROR, Unavailable, OutcomeUnknown),
        (FaultKind.BAD_GATEWAY, Unavailable, OutcomeUnknown),
        (FaultKind.UNAVAILABLE, Unavailable, OutcomeUnknown),
        (FaultKind.RESET_BEFORE, Unavailable, OutcomeUnknown),
        (FaultKind.APPLY_THEN_DROP, Unavailable, OutcomeUnknown),
        (FaultKind.FORBIDDEN, AuthFailed, AuthFailed),
    ],
)
def test_faults_of_the_wire(rig, kind, reading, writing):
    rig.shop.on("shop", _probe_data())
    rig.shop.on("inventorySetQuantities", set_ok())
    for call, expected in (
        (rig.adapter.probe, reading),
        (lambda: rig.adapter.push_stock([level(1, 4, 5)]), writing),
    ):
        rig.server.plan.arm(Fault(kinds=(kind,)))
        with pytest.raises(ChannelError) as caught:
            call()
        assert type(caught.value) is expected


def test_a_hang_ends_within_the_time_limit(make_rig):
    rig = make_rig(timeout_s="0.3")
    rig.shop.on("inventorySetQuantities", set_ok())
    rig.server.plan.arm(Fault(kinds=(FaultKind.HANG,), hang_s=3))
    with pytest.raises(OutcomeUnknown):
        rig.adapter.push_stock([level(1, 4, 5)])
    assert rig.traffic[-1].seconds < 1.5


def test_nobody_listening_is_unavailable_for_writes_too(rig):
    rig.server.stop()
    with pytest.raises(Unavailable):
        rig.adapter.push_stock([level(1, 4, 5)])


def test_fields_the_app_may_not_see_do_not_spoil_a_read(rig):
    hidden = error("ACCESS_DENIED", "Not approved for customer data", path=["order", "email"])
    data = {"order": {"id": "gid://shopify/Order/1", "fulfillments": []}}
    rig.shop.on("order", body(data, errors=[hidden]))
    assert type(rig.adapter.find_shipment("gid://shopify/Order/1", "T")).__name__ == "NotFound"


@pytest.mark.parametrize("data", [{}, {"orders": None}, {"orders": {"nodes": None}}, {"orders": []}, {"orders": "x"}])
def test_a_read_of_another_shape_is_a_bug_to_look_at(rig, data):
    rig.shop.on("orders", data)
    with pytest.raises(AdapterBug):
        rig.adapter.pull_orders(None, limit=5)


@pytest.mark.parametrize(
    "answer", [None, {}, {"userErrors": None}, {"userErrors": [{"field": 3}]}, {"userErrors": ["x"]}]
)
def test_a_write_answered_in_another_shape_is_an_unknown_outcome(rig, answer):
    rig.shop.on("inventorySetQuantities", {"inventorySetQuantities": answer})
    with pytest.raises(OutcomeUnknown):
        rig.adapter.push_stock([level(1, 4, 5)])


@pytest.mark.parametrize("name", ["timeout_s", "bulk_from"])
@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
def test_a_setting_that_is_no_number_is_told_when_the_account_is_opened(make_rig, name, value):
    with pytest.raises(InvalidData, match=name):
        make_rig(**{name: value})


def test_a_write_that_ran_and_failed_in_a_part_of_its_answer_is_an_unknown_outcome(rig):
    hidden = error("ACCESS_DENIED", path=["inventorySetQuantities", "inventoryAdjustmentGroup"])
    rig.shop.on("inventorySetQuantities", body(set_ok(), errors=[hidden]))
    with pytest.raises(OutcomeUnknown):
        rig.adapter.push_stock([level(1, 4, 5)])


# ---------------------------------------------------------------- two shops


def test_two_shops_in_two_threads_never_mix_tokens():
    shops = [FakeShop(), FakeShop()]
    servers = [LoopbackServer(shop.handle).start() for shop in shops]
    try:
        rigs = [
            rig_on(server, shop, secrets={"access_token": f"token-{number}"}, shop=f"shop-{number}")
            for number, (server, shop) in enumerate(zip(servers, shops, strict=True))
        ]
        for shop in shops:
            shop.on("inventorySetQuantities", set_ok())
        start = threading.Barrier(4)
        failures: list[BaseException] = []

        def work(first: int) -> None:
            try:
                start.wait()
                for turn in range(12):
                    rigs[(first + turn) % 2].adapter.push_stock([level(1, turn, 0)])
            except BaseException as failure:  # noqa: BLE001 - a thread's failure has to reach the test
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(first,)) for first in (0, 1, 0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        for number, shop in enumerate(shops):
            assert {asked.token for asked in shop.asked} == {f"token-{number}"}
            assert len(shop.asked) == 24
    finally:
        for server in servers:
            server.stop()


def test_the_sdk_session_state_is_neither_read_nor_written(rig):
    import shopify

    before = shopify.ShopifyResource.site
    rig.shop.on("shop", _probe_data())
    rig.adapter.probe()
    assert shopify.ShopifyResource.site == before
    assert LOCATION not in str(shopify.ShopifyResource.headers)
    assert queries.PROBE.root == "shop"
