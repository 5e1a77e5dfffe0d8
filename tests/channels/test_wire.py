"""The wire: every status and every exception becomes the error that architecture.md 3.2 says, and time limits hold."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import Message

import httpx
import pytest
import requests
import urllib3
from werkzeug.wrappers import Request as Asked
from werkzeug.wrappers import Response as Answered

from hub.channels.contract import (
    AdapterBug,
    AuthFailed,
    ChannelError,
    Conflict,
    InvalidData,
    Missing,
    OutcomeUnknown,
    Throttled,
    Unavailable,
)
from hub.channels.wire import (
    Request,
    RequestsWire,
    Response,
    Traffic,
    error_of_exception,
    raise_for,
    retry_after_s,
)
from hub.kernel.clock import FixedClock
from hub.loopback.faults import Fault, FaultKind
from hub.loopback.server import LoopbackServer

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def raised(status: int, *, writing: bool, **more: object) -> type[ChannelError] | None:
    try:
        raise_for(status, writing=writing, message="no", **more)  # type: ignore[arg-type]
    except ChannelError as error:
        return type(error)
    return None


# ---------------------------------------------------------------- statuses


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_success_raises_nothing(status: int) -> None:
    assert raised(status, writing=True) is None
    assert raised(status, writing=False) is None


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        (400, InvalidData), (401, AuthFailed), (403, AuthFailed), (404, Missing), (409, Conflict), (410, Missing),
        (412, Conflict), (413, InvalidData), (415, InvalidData), (422, InvalidData), (429, Throttled),
    ],
)  # fmt: skip
def test_a_clear_refusal_means_the_same_for_reading_and_writing(status: int, meant: type[ChannelError]) -> None:
    assert raised(status, writing=False) is meant
    assert raised(status, writing=True) is meant


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 599])
def test_a_server_error_is_passing_for_a_read_and_unknown_for_a_write(status: int) -> None:
    assert raised(status, writing=False) is Unavailable
    assert raised(status, writing=True) is OutcomeUnknown


def test_a_503_that_the_channel_documents_as_not_processed_is_unavailable_for_a_write() -> None:
    assert raised(503, writing=True, unprocessed_503=True) is Unavailable
    assert raised(500, writing=True, unprocessed_503=True) is OutcomeUnknown


@pytest.mark.parametrize("status", [100, 301, 302, 307, 304, 405, 418])
def test_a_status_that_nobody_planned_for_is_not_an_answer(status: int) -> None:
    assert raised(status, writing=False) is AdapterBug
    assert raised(status, writing=True) is OutcomeUnknown


def test_a_throttle_carries_the_channels_time_or_the_default() -> None:
    with pytest.raises(Throttled) as hinted:
        raise_for(429, writing=True, message="slow", wait_s=2.5)
    with pytest.raises(Throttled) as bare:
        raise_for(429, writing=True, message="slow")
    assert (hinted.value.retry_after_s, bare.value.retry_after_s) == (2.5, 30.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2", 2.0), ("0.5", 0.5), ("-3", 0.0), ("Sun, 22 Nov 2026 09:30:45 GMT", 45.0),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0.0), ("soon", None), ("", None), ("nan", None), ("inf", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_a_number_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": value}, NOW) == seconds


def test_no_retry_after_is_none() -> None:
    assert retry_after_s({}, NOW) is None


# ---------------------------------------------------------------- exceptions


def _refused(kind: type[urllib3.exceptions.NewConnectionError]) -> requests.ConnectionError:
    pool = urllib3.HTTPConnectionPool("127.0.0.1", 9)
    reason = kind(pool, "refused", None) if kind is urllib3.exceptions.NameResolutionError else kind(pool, "refused")  # type: ignore[call-arg,arg-type]
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/", reason))


@pytest.mark.parametrize(
    "error",
    [
        _refused(urllib3.exceptions.NewConnectionError),
        requests.ConnectTimeout("connect timed out"),
        requests.exceptions.SSLError("certificate verify failed: self-signed certificate"),
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        ConnectionRefusedError(111, "refused"),
        socket.gaierror(-2, "Name or service not known"),
        urllib.error.URLError(ConnectionRefusedError(111, "refused")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_never_left_is_unavailable_even_for_a_write(error: Exception) -> None:
    assert type(error_of_exception(error, writing=True)) is Unavailable
    assert type(error_of_exception(error, writing=False)) is Unavailable


@pytest.mark.parametrize(
    "error",
    [
        requests.ReadTimeout("read timed out"),
        requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError())),
        requests.ConnectionError("('Connection aborted.', BadStatusLine('NewConnectionError'))"),
        requests.exceptions.ChunkedEncodingError("IncompleteRead"),
        requests.exceptions.SSLError("EOF occurred in violation of protocol"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("Server disconnected"),
        http.client.IncompleteRead(b"half"),
        http.client.RemoteDisconnected("no response"),
        urllib.error.URLError(TimeoutError("timed out")),
        ConnectionResetError(104, "reset"),
        TimeoutError("timed out"),
        ssl.SSLError("read failed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_have_arrived_is_unknown_for_a_write(error: Exception) -> None:
    meant = error_of_exception(error, writing=True, sent_at=NOW)
    assert isinstance(meant, OutcomeUnknown)
    assert meant.sent_at == NOW
    assert type(error_of_exception(error, writing=False)) is Unavailable


@pytest.mark.parametrize(
    "error",
    [
        requests.exceptions.JSONDecodeError("Expecting value", "secret-token", 0),
        requests.exceptions.ContentDecodingError("gzip"),
        httpx.DecodingError("gzip"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_answer_that_cannot_be_decoded_is_a_bug_for_a_read_and_unknown_for_a_write(error: Exception) -> None:
    assert type(error_of_exception(error, writing=True)) is OutcomeUnknown
    read = error_of_exception(error, writing=False)
    assert type(read) is AdapterBug
    assert "secret-token" not in read.detail


def test_a_status_that_an_sdk_raised_means_what_the_status_means() -> None:
    answer = requests.Response()
    answer.status_code = 404
    assert type(error_of_exception(requests.HTTPError(response=answer), writing=True)) is Missing
    hidden = urllib.error.HTTPError("http://x", 429, "slow", Message(), None)
    assert type(error_of_exception(hidden, writing=True)) is Throttled
    asked = httpx.Request("GET", "http://x")
    raised_by_httpx = httpx.HTTPStatusError("no", request=asked, response=httpx.Response(500, request=asked))
    assert type(error_of_exception(raised_by_httpx, writing=True)) is OutcomeUnknown


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/", "http://", "http://[::1"])
def test_an_address_that_is_none_is_bad_data_and_nothing_was_sent(url: str) -> None:
    with pytest.raises(InvalidData):
        RequestsWire().send(Request(operation="x", method="POST", url=url, writing=True))


# ---------------------------------------------------------------- the wire at work


@contextmanager
def serving(handler: object) -> Iterator[LoopbackServer]:
    with LoopbackServer(handler) as server:  # type: ignore[arg-type]
        yield server


def _get(url: str, *, writing: bool = False, timeout_s: float | None = None) -> Request:
    return Request(operation="read", method="POST" if writing else "GET", url=url, writing=writing, timeout_s=timeout_s)


def test_an_answer_comes_back_whole_whatever_its_status() -> None:
    def handler(asked: Asked) -> Answered:
        return Answered(asked.get_data() + asked.headers["X-Sent"].encode(), 418, {"X-Back": "yes"})

    seen: list[Traffic] = []
    with serving(handler) as server:
        answer = RequestsWire(observe=seen.append).send(
            Request(operation="op", method="PUT", url=server.url, writing=True, headers={"X-Sent": "b"}, body=b"a")
        )
    assert (answer.status, answer.body, answer.headers["x-back"], answer.writing) == (418, b"ab", "yes", True)
    assert [(row.operation, row.writing, row.status, row.error) for row in seen] == [("op", True, 418, None)]


def test_redirects_are_not_followed() -> None:
    asked: list[str] = []

    def handler(request: Asked) -> Answered:
        asked.append(request.path)
        return Answered("", 302, {"Location": "/elsewhere"})

    with serving(handler) as server:
        answer = RequestsWire().send(_get(server.url + "/here"))
    assert (answer.status, asked) == (302, ["/here"])


def test_cookies_and_environment_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    cookies: list[str] = []

    def handler(request: Asked) -> Answered:
        cookies.append(request.headers.get("Cookie", ""))
        return Answered("", 200, {"Set-Cookie": "account=one"})

    with serving(handler) as server:
        wire = RequestsWire()
        wire.send(_get(server.url))
        wire.send(_get(server.url))
    assert cookies == ["", ""]


@pytest.mark.parametrize("writing", [False, True])
def test_a_refused_connection_is_unavailable(writing: bool) -> None:
    server = LoopbackServer(lambda request: Answered("")).start()
    server.stop()
    with pytest.raises(Unavailable):
        RequestsWire().send(_get(server.url, writing=writing))


@pytest.mark.parametrize(("writing", "meant"), [(False, Unavailable), (True, OutcomeUnknown)])
@pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.APPLY_THEN_DROP])
def test_a_cut_connection(kind: FaultKind, writing: bool, meant: type[ChannelError]) -> None:
    with serving(lambda request: Answered("")) as server:
        server.plan.arm(Fault(kinds=(kind,)))
        with pytest.raises(meant):
            RequestsWire().send(_get(server.url, writing=writing))


@pytest.mark.parametrize(("writing", "meant"), [(False, Unavailable), (True, OutcomeUnknown)])
def test_a_hang_ends_within_the_time_limit(writing: bool, meant: type[ChannelError]) -> None:
    with serving(lambda request: Answered("")) as server:
        server.plan.arm(Fault(kinds=(FaultKind.HANG,), hang_s=10))
        started = time.monotonic()
        with pytest.raises(meant):
            RequestsWire().send(_get(server.url, writing=writing, timeout_s=0.4))
    assert 0.3 < time.monotonic() - started < 1.5


@contextmanager
def dripping(head: bytes, drip: bytes, every_s: float) -> Iterator[str]:
    """A server that sends `head` and then a few bytes now and then, for ever."""
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(65536)
            try:
                peer.sendall(head)
                while not stop.wait(every_s):
                    peer.sendall(drip)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        thread.join(timeout=5)
        listener.close()


@pytest.mark.parametrize(
    ("head", "drip"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n"),
        (b"HTTP/1.1 2", b"0"),
    ],
    ids=["body", "chunks", "headers", "status line"],
)
def test_an_answer_that_drips_is_ended_by_the_time_limit(head: bytes, drip: bytes) -> None:
    with dripping(head, drip, 0.05) as url:
        started = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            RequestsWire().send(_get(url, writing=True, timeout_s=0.5))
        assert time.monotonic() - started < 1.5


def test_a_body_that_is_shorter_than_promised_is_no_answer() -> None:
    with dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf", b"", 5) as url:
        with pytest.raises(Unavailable):
            RequestsWire().send(_get(url, timeout_s=0.3))


def test_broken_gzip_is_a_bug_for_a_read() -> None:
    with serving(lambda request: Answered(b"\x1f\x8bnonsense", 200, {"Content-Encoding": "gzip"})) as server:
        with pytest.raises(AdapterBug):
            RequestsWire().send(_get(server.url))


def test_a_header_that_http_cannot_carry_is_bad_data() -> None:
    for value in ("日本", "a\r\nX-Injected: yes"):
        with serving(lambda request: Answered("")) as server:
            with pytest.raises(InvalidData):
                RequestsWire().send(
                    Request(operation="x", method="GET", url=server.url, writing=True, headers={"X-Sku": value})
                )


# ---------------------------------------------------------------- json


@pytest.mark.parametrize(
    "body", [b"<html>portal</html>", b'{"a": ', '{"a": 1}'.encode("utf-16"), b"", b"[" * 200_000, b"\xff"]
)
def test_what_is_not_json_is_a_bug_for_a_read_and_unknown_for_a_write(body: bytes) -> None:
    with pytest.raises(AdapterBug):
        Response(status=200, headers={}, body=body).json()
    with pytest.raises(OutcomeUnknown):
        Response(status=200, headers={}, body=body, writing=True).json()


def test_json_is_read() -> None:
    assert Response(status=200, headers={}, body='{"ä": [1, "é"]}'.encode()).json() == {"ä": [1, "é"]}


def test_half_a_token_answer_does_not_show_the_token() -> None:
    with pytest.raises(AdapterBug) as caught:
        Response(status=200, headers={}, body=b'{"access_token": "shpat_0123456789"').json()
    assert "shpat" not in caught.value.detail


def test_reprs_show_neither_headers_nor_bodies() -> None:
    sent = Request(
        operation="op",
        method="POST",
        url="http://x",
        writing=True,
        headers={"Authorization": "Bearer s3cret"},
        body=b"p1n",
    )
    got = Response(status=200, headers={}, body=b"s3cret")
    for text in (repr(sent), repr(got), repr(RequestsWire())):
        assert "s3cret" not in text
        assert "p1n" not in text


# ---------------------------------------------------------------- the budget


class Budget:
    """A limiter that writes down what it is asked and told; `refuse` closes it."""

    def __init__(self, *, refuse: bool = False) -> None:
        self.refuse = refuse
        self.charged: list[tuple[str, float]] = []
        self.learned: list[tuple[str, float | None]] = []

    def charge(self, operation: str, cost: float) -> None:
        if self.refuse:
            raise Throttled("our own budget is used up", retry_after_s=7)
        self.charged.append((operation, cost))

    def learn(self, operation: str, *, retry_after_s: float | None = None, remaining: float | None = None) -> None:
        self.learned.append((operation, retry_after_s))


def test_every_request_is_charged_with_its_cost() -> None:
    budget = Budget()
    with serving(lambda request: Answered("")) as server:
        RequestsWire(limiter=budget).send(
            Request(operation="orders", method="GET", url=server.url, writing=False, cost=11)
        )
    assert budget.charged == [("orders", 11)]


def test_an_empty_budget_sends_nothing() -> None:
    asked: list[str] = []

    def handler(request: Asked) -> Answered:
        asked.append(request.path)
        return Answered("")

    seen: list[Traffic] = []
    with serving(handler) as server:
        with pytest.raises(Throttled) as caught:
            RequestsWire(limiter=Budget(refuse=True), observe=seen.append).send(_get(server.url))
    assert (caught.value.retry_after_s, asked, seen) == (7, [], [])


def test_a_throttle_seen_by_the_caller_closes_the_bucket() -> None:
    budget = Budget()
    with pytest.raises(Throttled), RequestsWire(limiter=budget).around("orders", writing=False):
        raise Throttled("slow down", retry_after_s=12)
    assert budget.learned == [("orders", 12)]


def test_around_traces_what_an_sdk_does_and_translates_its_errors() -> None:
    seen: list[Traffic] = []
    wire = RequestsWire(observe=seen.append, clock=FixedClock(NOW))
    with wire.around("good", writing=False) as trace:
        trace.status = 207
    with pytest.raises(OutcomeUnknown) as caught, wire.around("lost", writing=True):
        raise requests.ReadTimeout("late")
    assert caught.value.sent_at == NOW
    assert [(row.operation, row.status, row.error) for row in seen] == [
        ("good", 207, None),
        ("lost", None, "OutcomeUnknown"),
    ]
    assert all(row.seconds >= 0 for row in seen)


def test_a_bug_of_the_adapter_is_not_dressed_up_as_the_channels() -> None:
    seen: list[Traffic] = []
    with pytest.raises(ZeroDivisionError), RequestsWire(observe=seen.append).around("x", writing=True):
        1 / 0  # noqa: B018
    assert len(seen) == 1


def test_two_threads_share_a_wire() -> None:
    def handler(request: Asked) -> Answered:
        return Answered(request.headers["Authorization"])

    wrong: list[str] = []
    with serving(handler) as server:
        wire = RequestsWire()

        def work(token: str) -> None:
            for _ in range(20):
                answer = wire.send(
                    Request(
                        operation="x", method="GET", url=server.url, writing=False, headers={"Authorization": token}
                    )
                )
                if answer.body.decode() != token:
                    wrong.append(answer.body.decode())

        threads = [threading.Thread(target=work, args=(f"token-{n}",)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_the_time_of_a_late_answer_is_the_hubs() -> None:
    clock = FixedClock(NOW)
    clock.advance(timedelta(days=300))
    with pytest.raises(OutcomeUnknown) as caught, RequestsWire(clock=clock).around("x", writing=True):
        raise TimeoutError
    assert caught.value.sent_at == NOW + timedelta(days=300)
