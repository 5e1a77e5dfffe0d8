"""A scripted eBay on loopback: answers given in advance, every request kept, and an adapter that talks to it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.channels.contract import BuildContext
from hub.channels.ebay.adapter import EbayAdapter, build
from hub.channels.wire import Limiter, RequestsWire, Traffic
from hub.kernel.clock import Clock, FixedClock
from hub.loopback.server import LoopbackServer

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRETS = {"client_id": "client-1", "client_secret": "hush-secret", "refresh_token": "hush-refresh"}
POLICIES = {
    "payment_policy_id": "P1",
    "return_policy_id": "R1",
    "fulfillment_policy_id": "F1",
    "merchant_location_key": "main",
    "category_id": "9355",
}
XMLNS = 'xmlns="urn:ebay:apis:eBLBaseComponents"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True, kw_only=True)
class Tokens:
    """A token store of one process that forgets nothing on its own."""

    kept: dict[str, tuple[str, float | None]] = field(default_factory=dict)
    fetches: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def get(self, key: str) -> str | None:
        with self.lock:
            return self.kept[key][0] if key in self.kept else None

    def put(self, key: str, value: str, expires_at: float | None) -> None:
        with self.lock:
            self.kept[key] = (value, expires_at)

    def drop(self, key: str) -> None:
        with self.lock:
            self.kept.pop(key, None)

    def single_flight(self, key: str, fetch: Callable[[], tuple[str, float | None]]) -> str:
        with self.lock:
            if key not in self.kept:
                self.fetches += 1
                self.kept[key] = fetch()
            return self.kept[key][0]


Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]] | Callable[[Seen], Any]


class Desk:
    """Answers by method and path pattern. Of several answers for one pattern each is used once, the last for ever."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._rules: list[tuple[str, re.Pattern[str], list[Answer]]] = []
        self._tokens = 0
        self.lock = threading.Lock()
        self.server = LoopbackServer(self._handle)

    def on(self, method: str, pattern: str, *answers: Answer) -> None:
        self._rules.insert(0, (method, re.compile(pattern), list(answers)))

    def trading(self, call: str, *answers: str | tuple[int, Any]) -> None:
        """Answers of a Trading call: the inner XML of its response, or (status, body)."""
        ready = [one if isinstance(one, tuple) else (200, trading_xml(call, one)) for one in answers]
        self._rules.insert(0, (f"X-{call}", re.compile("/ws/api.dll"), list(ready)))

    def paths(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.seen if one.path != "/identity/v1/oauth2/token"]

    def last(self, pattern: str) -> Seen:
        return next(one for one in reversed(self.seen) if re.search(pattern, f"{one.method} {one.path}"))

    def _handle(self, request: Request) -> Response:
        seen = Seen(
            method=request.method,
            path=request.path,
            query=request.args.to_dict(),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.get_data(),
        )
        method = "X-" + seen.headers["x-ebay-api-call-name"] if "x-ebay-api-call-name" in seen.headers else seen.method
        with self.lock:
            self.seen.append(seen)
            for wanted, pattern, answers in self._rules:
                if wanted == method and pattern.fullmatch(seen.path):
                    answer = answers.pop(0) if len(answers) > 1 else answers[0]
                    return _response(answer(seen) if callable(answer) else answer)
            if seen.path == "/identity/v1/oauth2/token":
                self._tokens += 1
                token = {"access_token": f"hush-access-{self._tokens}", "expires_in": 7200, "token_type": "User"}
                return _response((200, token))
        return _response((404, {"errors": [{"errorId": 1, "message": f"unscripted: {method} {seen.path}"}]}))


def _response(answer: Any) -> Response:
    status, body, *rest = answer
    headers = rest[0] if rest else {}
    if isinstance(body, bytes):
        return Response(body, status, headers)
    if isinstance(body, str):
        return Response(body, status, headers, mimetype="text/xml")
    return Response("" if body is None else json.dumps(body), status, headers, mimetype="application/json")


def trading_xml(call: str, inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><{call}Response {XMLNS}>{inner}</{call}Response>'


def trading_error(code: str, text: str, *values: str, severity: str = "Error") -> str:
    parameters = "".join(
        f'<ErrorParameters ParamID="{n}"><Value>{value}</Value></ErrorParameters>' for n, value in enumerate(values)
    )
    return (
        f"<Errors><ShortMessage>{text}</ShortMessage><LongMessage>{text}</LongMessage><ErrorCode>{code}</ErrorCode>"
        f"<SeverityCode>{severity}</SeverityCode>{parameters}"
        "<ErrorClassification>RequestError</ErrorClassification></Errors>"
    )


@dataclass(slots=True, kw_only=True)
class Shop:
    """A scripted eBay with an adapter on it."""

    desk: Desk
    adapter: EbayAdapter
    clock: Clock
    tokens: Tokens
    traffic: list[Traffic]
    logged: list[str]


def settings_for(url: str, **more: str) -> dict[str, str]:
    urls = dict.fromkeys(("api_url", "apiz_url", "auth_url", "trading_url"), url)
    return {**urls, **POLICIES, "marketplace_id": "EBAY_DE", "timeout_s": "5", **more}


@contextmanager
def open_shop(
    *,
    settings: dict[str, str] | None = None,
    secrets: dict[str, str] | None = None,
    limiter: Limiter | None = None,
    tokens: Tokens | None = None,
    now: datetime = NOW,
) -> Iterator[Shop]:
    desk = Desk()
    clock = FixedClock(now)
    traffic: list[Traffic] = []
    logged: list[str] = []
    store = tokens or Tokens()
    with desk.server:
        ctx = BuildContext(
            settings=settings_for(desk.server.url, **(settings or {})),
            secrets=SECRETS if secrets is None else secrets,
            wire=RequestsWire(clock=clock, observe=traffic.append, limiter=limiter),
            clock=clock,
            tokens=store,
            log=lambda event, /, **fields: logged.append(f"{event} {fields}"),
        )
        yield Shop(desk=desk, adapter=build(ctx), clock=clock, tokens=store, traffic=traffic, logged=logged)
