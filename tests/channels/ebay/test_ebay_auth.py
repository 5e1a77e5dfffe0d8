"""Tokens: fetched once, renewed once, never shared between accounts, never seen outside the request."""

from __future__ import annotations

import base64
import logging
import threading
import traceback
from urllib.parse import parse_qs

import pytest
from ebay_desk import NOW, Shop, Tokens, open_shop, trading_error

from hub.channels.contract import AuthFailed, ChannelError, Throttled, Unavailable

ORDERS = "/sell/fulfillment/v1/order"
EMPTY = {"orders": [], "total": 0, "limit": 200, "offset": 0}
HUSH = ("hush-", base64.b64encode(b"client-1:hush-secret").decode())


def test_the_refresh_token_buys_an_access_token_that_is_used_until_shortly_before_its_end(shop: Shop) -> None:
    shop.desk.on("GET", ORDERS, (200, EMPTY))
    shop.adapter.pull_orders(None, limit=10)
    shop.adapter.pull_orders(None, limit=10)
    token = shop.desk.seen[0]
    assert token.path == "/identity/v1/oauth2/token"
    assert token.headers["authorization"] == "Basic " + base64.b64encode(b"client-1:hush-secret").decode()
    form = parse_qs(token.body.decode())
    assert (form["grant_type"], form["refresh_token"]) == (["refresh_token"], ["hush-refresh"])
    assert "https://api.ebay.com/oauth/api_scope/sell.inventory" in form["scope"][0].split()
    assert [one.headers["authorization"] for one in shop.desk.seen[1:]] == ["Bearer hush-access-1"] * 2
    assert [expires for _, expires in shop.tokens.kept.values()] == [NOW.timestamp() + 7200 - 120]


def test_a_401_is_answered_with_one_new_token(shop: Shop) -> None:
    expired = {"errors": [{"errorId": 1001, "message": "Invalid access token"}]}
    shop.desk.on("GET", ORDERS, (401, expired), (200, EMPTY))
    assert shop.adapter.pull_orders(None, limit=10).orders == ()
    assert [one.headers["authorization"][-1] for one in shop.desk.seen if one.path == ORDERS] == ["1", "2"]


def test_a_second_401_blocks_the_account(shop: Shop) -> None:
    shop.desk.on("GET", ORDERS, (401, {"errors": [{"errorId": 1001, "message": "Invalid access token"}]}))
    with pytest.raises(AuthFailed) as caught:
        shop.adapter.pull_orders(None, limit=10)
    assert caught.value.code == "1001"
    assert len(shop.desk.paths()) == 2


@pytest.mark.parametrize(
    "answer",
    ["<Ack>Failure</Ack>" + trading_error("21917053", "Expired IAF token."), (401, b"{}")],
)
def test_trading_renews_an_expired_token_once(shop: Shop, answer: str | tuple[int, bytes]) -> None:
    good = "<Ack>Success</Ack><Item><ItemID>1</ItemID><Quantity>1</Quantity></Item>"
    shop.desk.trading("GetItem", answer, good)
    assert shop.adapter._client.trading("GetItem", {"ItemID": "1"}, writing=False).findtext("Item/ItemID") == "1"
    assert [one.headers["x-ebay-api-iaf-token"][-1] for one in shop.desk.seen if "ws" in one.path] == ["1", "2"]


def test_trading_gives_up_after_the_second_refusal(shop: Shop) -> None:
    shop.desk.trading("GetItem", "<Ack>Failure</Ack>" + trading_error("932", "Auth token is hard expired."))
    with pytest.raises(AuthFailed):
        shop.adapter._client.trading("GetItem", {"ItemID": "1"}, writing=False)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "invalid_grant", "error_description": "hush-refresh is no good"}, AuthFailed),
        (401, {"error": "invalid_client"}, AuthFailed),
        (429, {}, Throttled),
        (503, {}, Unavailable),
    ],
)
def test_refusals_of_the_token_host(shop: Shop, status: int, body: dict[str, str], kind: type[ChannelError]) -> None:
    shop.desk.on("POST", "/identity/v1/oauth2/token", (status, body))
    with pytest.raises(kind) as caught:
        shop.adapter.pull_orders(None, limit=10)
    assert "hush" not in repr(caught.value.__dict__) + str(caught.value)


def test_many_threads_fetch_one_token(shop: Shop) -> None:
    shop.desk.on("GET", ORDERS, (200, EMPTY))
    threads = [threading.Thread(target=lambda: shop.adapter.pull_orders(None, limit=1)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.path.endswith("/token") for one in shop.desk.seen) == 1


def test_two_accounts_with_one_store_never_mix_tokens() -> None:
    store = Tokens()
    other = {"client_id": "client-1", "client_secret": "hush-secret", "refresh_token": "hush-other"}
    with open_shop(tokens=store) as one, open_shop(tokens=store, secrets=other) as two:
        for shop in (one, two):
            shop.desk.on("GET", ORDERS, (200, EMPTY))
            shop.adapter.pull_orders(None, limit=1)
        assert len(store.kept) == 2


def test_no_secret_shows_in_reprs_logs_or_errors(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shop.desk.on("GET", ORDERS, (401, {"errors": [{"errorId": 1001, "message": "Invalid access token"}]}))
    shop.desk.trading("GetItem", (500, b"no"))
    texts = [repr(shop.adapter), repr(shop.adapter._client), str(shop.traffic)]
    for step in (
        lambda: shop.adapter.pull_orders(None, limit=1),
        lambda: shop.adapter._client.trading("GetItem", {"ItemID": "1"}, writing=False),
    ):
        try:
            step()
        except ChannelError as error:
            texts.append("".join(traceback.format_exception(error)) + repr(error.__dict__))
    everything = "\n".join([*texts, *shop.logged, caplog.text, *shop.tokens.kept])
    assert len(texts) == 5
    assert not [word for word in HUSH if word in everything]


def test_a_redirect_is_not_followed_with_the_token(shop: Shop) -> None:
    shop.desk.trading("GetItem", (302, b""))
    with pytest.raises(ChannelError):
        shop.adapter._client.trading("GetItem", {"ItemID": "1"}, writing=False)
    assert len(shop.desk.paths()) == 1


def test_every_request_is_charged_under_its_own_name(shop: Shop) -> None:
    shop.desk.on("GET", ORDERS, (200, EMPTY))
    shop.desk.trading("GetItem", "<Ack>Success</Ack>")
    shop.adapter.pull_orders(None, limit=1)
    shop.adapter._client.trading("GetItem", {"ItemID": "1"}, writing=False)
    assert [one.operation for one in shop.traffic] == ["token", "getOrders", "Trading.GetItem"]
    assert [one.status for one in shop.traffic] == [200, 200, 200]
