"""Who may speak to a hub without a login, and in which form."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.kernel.clock import FixedClock
from hub.kernel.errors import Misconfigured
from hub.web.app import Server, serve_in_thread
from hub.web.guard import BODY_MAX
from tests.support import databases
from tests.support.web import Shop, a_shop, problem_of


@pytest.fixture(scope="module")
def shop(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One hub for all these tests: what is refused at the door asks no database, and SKU-1 never moves."""
    databases.install_test_key()
    place = tmp_path_factory.mktemp("guard")
    clock = FixedClock(datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
    with a_shop(databases.sqlite_copy(sqlite_template, place), place / "home", clock) as made:
        yield made


@pytest.fixture
def server(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(shop.system, "settings", replace(shop.system.settings, web_port=0))
    started = serve_in_thread(shop.system)
    yield started
    started.close()


ADD = {"sku": "SKU-1", "location": "main", "delta": 3}
HOSTS = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example:8420", "127.0.0.1@evil", "", "::1",
         "localhost:", "[::1", "127.0.0.1 , evil", "localhost:999999", "2130706433", "127.1"]  # fmt: skip


def raw(shop: Shop, body: bytes, content_type: str = "application/json", **headers: str) -> tuple[int, str, str | None]:
    answer = shop.client.post(
        "/api/v1/stock/adjustments", data=body, content_type=content_type,
        headers={"Idempotency-Key": "k", **{name.replace("_", "-"): value for name, value in headers.items()}},
    )  # fmt: skip
    return problem_of(answer)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/", "/api/v1/stock", "/healthz", "/static/page.css", "/nowhere"])
def test_a_host_name_that_is_not_loopback_gets_nothing(shop: Shop, host: str, path: str) -> None:
    answer = shop.client.get(path, environ_overrides={"HTTP_HOST": host})
    assert problem_of(answer) == (403, "host_not_allowed", None)


def test_a_request_without_a_host_gets_nothing(shop: Shop) -> None:
    answer = shop.client.get("/", headers={"Host": ""}, environ_overrides={"HTTP_HOST": ""})
    assert problem_of(answer)[:2] == (403, "host_not_allowed")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8420", "localhost", "LOCALHOST:80", "[::1]", "[::1]:8420"])
def test_loopback_names_are_answered(shop: Shop, host: str) -> None:
    assert shop.client.get("/api/v1/stock", environ_overrides={"HTTP_HOST": host}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost:8421", "http://127.0.0.1",
     "file://", "", "http://localhost@evil.example", "//localhost", "http://[", "chrome-extension://localhost"],
)  # fmt: skip
def test_a_post_of_another_origin_changes_nothing(shop: Shop, origin: str) -> None:
    answer = shop.post("/stock/adjustments", ADD, headers={"Origin": origin})
    assert problem_of(answer) == (403, "origin_not_allowed", None)
    assert shop.moved() == []


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_a_post_that_a_foreign_page_caused_changes_nothing(shop: Shop, site: str) -> None:
    answer = shop.post("/stock/adjustments", ADD, headers={"Sec-Fetch-Site": site})
    assert problem_of(answer) == (403, "origin_not_allowed", None)
    assert shop.moved() == []


def test_a_post_of_our_own_origin_is_carried_out(shop: Shop) -> None:
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert shop.post("/stock/adjustments", {**ADD, "sku": "SKU-2"}, headers=own).status_code == 200


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "", "application/jsonp",
     "text/json", "application/vnd.api+json", "application/json-patch+json"],
)  # fmt: skip
def test_what_a_form_of_a_foreign_page_can_send_is_refused(shop: Shop, kind: str) -> None:
    assert raw(shop, json.dumps(ADD).encode(), kind) == (415, "unsupported_media_type", "Content-Type")
    assert shop.moved() == []


def test_a_browser_that_asks_whether_it_may_send_is_not_encouraged(shop: Shop) -> None:
    asked = shop.client.options(
        "/api/v1/stock/adjustments",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )
    assert not [name for name in asked.headers if name[0].startswith("Access-Control")]  # type: ignore[index]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nonsense", b"{'a': 1}", b'{"delta": NaN}', b'{"delta": Infinity}', b'{"sku": "\xff"}',
     b'{"sku": "\xed\xa0\x80"}', '{"sku": "x"}'.encode("utf-16"), b'{"delta": 1, "delta": 2}', b"[" * 100_000,
     b'{"a":' * 30_000, b"[]", b'"{}"', b"null", b"7", b"\x00", b'{"delta": ' + b"9" * 5_000 + b"}"],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(shop: Shop, body: bytes) -> None:
    assert raw(shop, body) == (400, "invalid_json", None)
    assert shop.moved() == []


def test_a_body_has_a_size(shop: Shop) -> None:
    text = b'{"reason": "' + b"x" * BODY_MAX + b'"}'
    assert raw(shop, text) == (413, "too_large", None)


def test_a_compressed_body_is_refused(shop: Shop) -> None:
    assert raw(shop, b"{}", Content_Encoding="gzip") == (415, "unsupported_encoding", "Content-Encoding")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "TRACE"])
def test_a_method_that_an_address_does_not_take(shop: Shop, method: str) -> None:
    answer = shop.client.open("/api/v1/accounts", method=method)
    assert problem_of(answer) == (405, "method_not_allowed", None)
    assert set(answer.headers["Allow"].replace(" ", "").split(",")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/api/v1/nothing", "/api/v2/stock", "/api/v1/stock/", "/api/v1//stock", "/static/../app.py",
     "/static/nothing.css", "/static/..%2fapp.py", "/openapi", "/api/v1/orders/ord_1/hold/more", "/%00", "/é", "/x//"],
)  # fmt: skip
def test_an_address_that_is_not_there_is_no_html_page(shop: Shop, path: str) -> None:
    assert problem_of(shop.client.get(path))[0] in (404, 422)


def test_a_redirect_has_no_page(shop: Shop) -> None:
    answer = shop.client.get("", environ_overrides={"PATH_INFO": ""})
    assert (answer.status_code, answer.get_data()) == (308, b"")


def test_a_post_to_nowhere_is_told_so(shop: Shop) -> None:
    assert problem_of(shop.client.post("/nowhere", data="x")) == (404, "not_found", None)


def test_every_answer_carries_its_own_id_and_safe_headers(shop: Shop) -> None:
    answers = [
        shop.get("/"),
        shop.get("/stock"),
        shop.get("/nowhere"),
        shop.get("/static/page.css"),
        shop.get("/healthz"),
    ]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 5
    for answer in answers:
        assert answer.headers["X-Request-Id"].startswith("req_")
        assert answer.headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
            "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Set-Cookie" not in answer.headers
    assert answers[0].headers["Cache-Control"] == answers[1].headers["Cache-Control"] == "no-store"


def test_a_failure_says_nothing_of_the_inside(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail of Ana Müller")

    monkeypatch.setattr("hub.web.api.stock.reads.stock_page", fails)
    answer = shop.get("/stock")
    assert problem_of(answer) == (500, "internal", None)
    assert "secret" not in answer.get_data(as_text=True)


def test_a_failure_is_logged_with_its_id_and_without_values(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    buyer = "".join(["A", "n", "a"])

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError(buyer)

    monkeypatch.setattr("hub.web.api.stock.reads.stock_page", fails)
    with caplog.at_level("ERROR", logger="hub.web"):
        answer = shop.get("/stock")
    assert answer.headers["X-Request-Id"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "test_web_guard.py" in caplog.text  # where
    assert buyer not in caplog.text


@pytest.mark.parametrize("host", ["0.0.0.1", "192.168.1.5", "hub.example", "::", ""])
def test_the_server_does_not_listen_beyond_loopback(shop: Shop, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr(shop.system, "settings", replace(shop.system.settings, web_host=host))
    with pytest.raises(Misconfigured, match="loopback only"):
        serve_in_thread(shop.system)


def test_a_server_answers_on_its_port_and_stops(server: Server) -> None:
    port = server.port
    kept_open = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    kept_open.request("GET", "/api/v1/accounts")
    answer = kept_open.getresponse()
    assert (answer.status, answer.getheader("Server")) == (200, None)
    assert json.loads(answer.read())["data"][0]["name"] == "alpha"
    kept_open.request("GET", "/", headers={"Host": "rebound.example"})
    refused = kept_open.getresponse()
    assert (refused.status, json.loads(refused.read())["code"]) == (403, "host_not_allowed")
    server.close()
    server.close()
    kept_open.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.0\r\n\r\n", b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n",
     b"POST /api/v1/stock/counts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999\r\n\r\n",
     b"POST /api/v1/stock/counts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
     b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_proper_request_is_refused_without_html(server: Server, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
        wire.sendall(sent)
        wire.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    assert answer.split(b" ")[1][:1] == b"4"
    assert b"<html" not in answer.lower()
