"""What the Amazon adapter's tests share: a token store in memory, a context, a small server that answers by script."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.channels.amazon.adapter import AmazonAdapter, build
from hub.channels.contract import BuildContext
from hub.channels.wire import Limiter, RequestsWire, Traffic
from hub.kernel.clock import Clock, FixedClock
from hub.loopback.server import LoopbackServer

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SELLER = "A2SELLER"
STORE = "A1PA6795UKMFR9"
SECRETS = {
    "client_id": "amzn1.application-oa2-client.test",
    "client_secret": "amzn1.oa2-cs.v1.very-secret",
    "refresh_token": "Atzr|refresh-me",
}


class Tokens:
    """A token store in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[str, float | None]] = {}
        self._lock = threading.RLock()
        self._flights: dict[str, threading.Lock] = {}

    def get(self, key: str) -> str | None:
        with self._lock:
            value, expires = self._kept.get(key, (None, None))
        return None if expires is not None and expires <= self._clock.now().timestamp() else value

    def put(self, key: str, value: str, expires_at: float | None) -> None:
        with self._lock:
            self._kept[key] = (value, expires_at)

    def drop(self, key: str) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def single_flight(self, key: str, fetch: Callable[[], tuple[str, float | None]]) -> str:
        with self._lock:
            flight = self._flights.setdefault(key, threading.Lock())
        with flight:
            kept = self.get(key)
            if kept is None:
                kept, expires = fetch()
                self.put(key, kept, expires)
            return kept


@dataclass
class Bench:
    """An adapter and what it did."""

    adapter: AmazonAdapter
    clock: FixedClock
    tokens: Tokens
    traffic: list[Traffic] = field(default_factory=list)
    logged: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def operations(self) -> list[str]:
        return [row.operation for row in self.traffic]


def bench(
    url: str,
    *,
    clock: FixedClock | None = None,
    limiter: Limiter | None = None,
    secrets: Mapping[str, str] | None = None,
    tokens: Tokens | None = None,
    **settings: str,
) -> Bench:
    clock = clock or FixedClock(NOW)
    tokens = tokens or Tokens(clock)
    traffic: list[Traffic] = []
    logged: list[tuple[str, dict[str, object]]] = []
    context = BuildContext(
        settings={
            "api_url": url,
            "auth_url": url,
            "seller_id": SELLER,
            "marketplace_id": STORE,
            "timeout_s": "2",
            **settings,
        },
        secrets={**SECRETS, **(secrets or {})},
        wire=RequestsWire(limiter=limiter, clock=clock, observe=traffic.append, timeout_s=2.0),
        clock=clock,
        tokens=tokens,
        log=lambda event, /, **fields: logged.append((event, fields)),
    )
    return Bench(adapter=build(context), clock=clock, tokens=tokens, traffic=traffic, logged=logged)


@dataclass
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Answer = Response | Callable[[Request], Response]


class Script:
    """A server that gives the prepared answers in turn, and a token whenever one is asked for."""

    def __init__(self, *answers: Answer, tokens: Callable[[Request], Response] | None = None) -> None:
        self.answers = list(answers)
        self.seen: list[Seen] = []
        self.token_requests: list[Seen] = []
        self._tokens = tokens
        self._lock = threading.Lock()
        self.url = ""

    def handle(self, request: Request) -> Response:
        seen = Seen(
            method=request.method,
            path=str(request.environ.get("REQUEST_URI") or request.path).split("?")[0],
            query=request.args.to_dict(),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.get_data(),
        )
        with self._lock:
            if request.path == "/auth/o2/token":
                self.token_requests.append(seen)
                if self._tokens is not None:
                    return self._tokens(request)
                n = len(self.token_requests)
                return reply({"access_token": f"Atza|token-{n}", "expires_in": 3600, "token_type": "bearer"})
            self.seen.append(seen)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request) if not isinstance(answer, Response) else answer

    @contextmanager
    def serve(self) -> Iterator[str]:
        with LoopbackServer(self.handle) as server:
            self.url = server.url
            yield server.url


def reply(value: Any, status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(json.dumps(value), status, named, mimetype="application/json")


def page(status: int) -> Response:
    return Response(f"<html><body><h1>{status}</h1></body></html>", status, mimetype="text/html")


def amazon_error(status: int, code: str, message: str = "Something is wrong.", **headers: str) -> Response:
    return reply({"errors": [{"code": code, "message": message, "details": ""}]}, status, **headers)
