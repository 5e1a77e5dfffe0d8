"""The one door to the network for adapters: time limits, budget, tracing, and faults turned into the nine errors.

`send` makes a request of our own. `around` wraps a call that an SDK makes, so that it is charged, timed and translated
in the same way. Neither retries: retries live in `hub.sync`.
"""

from __future__ import annotations

import http.client
import json
import math
import socket
import time
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import httpx
import requests
import urllib3

from hub.channels.bounded import BoundedAdapter
from hub.channels.contract.errors import (
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
from hub.kernel.clock import Clock, SystemClock
from hub.kernel.text import shorten

MAX_BODY = 64 * 1024 * 1024
DEFAULT_TIMEOUT_S = 20.0
DEFAULT_WAIT_S = 30.0  # when a throttled answer does not say how long


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. `operation` names the rate bucket; `writing` decides what a lost answer means.

    `cost` is charged to the bucket (tokens or points).
    """

    operation: str
    method: str
    url: str
    writing: bool
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    cost: float = 1.0
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, whatever its status. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    writing: bool = False

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            AdapterBug: reading, and it is not JSON.
            OutcomeUnknown: writing, and it is not JSON.
        """
        try:
            return json.loads(self.body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            # A page of a proxy is worth quoting; the beginning of an answer that was cut may be a token or an address.
            head = self.body[:200] if self.body.lstrip()[:1] == b"<" else self.body[:2]
            detail = f"HTTP {self.status}, {len(self.body)} bytes that are not JSON: {shorten(repr(head), 200)}"
            raise _garbled(detail, writing=self.writing) from error


class Limiter(Protocol):
    """The account's budget, shared by all workers."""

    def charge(self, operation: str, cost: float) -> None:
        """Take `cost` tokens of the bucket now, or raise Throttled with the time to wait."""
        ...

    def learn(self, operation: str, *, retry_after_s: float | None = None, remaining: float | None = None) -> None:
        """The channel told something about the bucket: close it for a while, or correct what is left."""
        ...


class NoLimiter:
    """A budget without end, for tests that are not about budgets."""

    def charge(self, operation: str, cost: float) -> None:
        return

    def learn(self, operation: str, *, retry_after_s: float | None = None, remaining: float | None = None) -> None:
        return


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """One call that went over the wire, for counting and tracing. Carries no payload."""

    operation: str
    writing: bool
    status: int | None
    seconds: float
    error: str | None


class Trace:
    """What the caller of `around` may report about the SDK's call."""

    status: int | None = None


class Wire(Protocol):
    def send(self, request: Request) -> Response: ...

    @contextmanager
    def around(self, operation: str, *, writing: bool, cost: float = 1.0) -> Iterator[Trace]: ...

    def learn(self, operation: str, *, retry_after_s: float | None = None, remaining: float | None = None) -> None: ...


class RequestsWire:
    """The real wire. Thread-safe: each `send` opens its own connection unless the thread's session has one."""

    def __init__(
        self,
        *,
        limiter: Limiter | None = None,
        clock: Clock | None = None,
        observe: Callable[[Traffic], None] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        self._limiter = limiter or NoLimiter()
        self._clock = clock or SystemClock()
        self._observe = observe or (lambda traffic: None)
        self.timeout_s = timeout_s

    def learn(self, operation: str, *, retry_after_s: float | None = None, remaining: float | None = None) -> None:
        self._limiter.learn(operation, retry_after_s=retry_after_s, remaining=remaining)

    def send(self, request: Request) -> Response:
        """Send and return whatever came back with an HTTP status; `raise_for` turns statuses into errors.

        Redirects are not followed. The whole exchange ends within the time limit.

        Raises:
            Throttled: the budget is used up (nothing was sent).
            Unavailable: no connection.
            OutcomeUnknown: writing, and the answer was lost.
        """
        with self.around(request.operation, writing=request.writing, cost=request.cost) as trace:
            limit = request.timeout_s or self.timeout_s
            deadline = time.monotonic() + limit
            # A session of its own per request: no state, cookies or credentials shared between accounts.
            with requests.Session() as session:
                session.trust_env = False
                for scheme in ("https://", "http://"):
                    session.mount(scheme, BoundedAdapter(lambda: deadline))
                try:
                    answer = session.request(
                        request.method,
                        request.url,
                        headers=dict(request.headers),
                        data=request.body,
                        timeout=(min(limit, 10.0), limit),
                        allow_redirects=False,
                        stream=True,
                    )
                except UnicodeError as error:  # a header that HTTP cannot carry: nothing was sent
                    raise requests.exceptions.InvalidHeader(type(error).__name__) from error
                trace.status = answer.status_code
                body = bytearray()
                for chunk in answer.iter_content(65536):
                    body += chunk
                    if len(body) > MAX_BODY:
                        raise requests.exceptions.ContentDecodingError(f"an answer over {MAX_BODY} bytes")
                return Response(
                    status=answer.status_code,
                    headers={k.lower(): v for k, v in answer.headers.items()},
                    body=bytes(body),
                    writing=request.writing,
                )

    @contextmanager
    def around(self, operation: str, *, writing: bool, cost: float = 1.0) -> Iterator[Trace]:
        """Charge, time and trace a call; turn transport exceptions of requests, httpx and urllib into channel errors."""
        self._limiter.charge(operation, cost)
        trace = Trace()
        started = time.monotonic()
        failed: str | None = None
        try:
            yield trace
        except ChannelError as error:
            failed = type(error).__name__
            if isinstance(error, Throttled):
                self._limiter.learn(operation, retry_after_s=error.retry_after_s)
            raise
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            httpx.HTTPError,
            http.client.HTTPException,
            OSError,  # urllib's URLError is one
        ) as error:
            translated = error_of_exception(error, writing=writing, sent_at=self._clock.now())
            failed = type(translated).__name__
            raise translated from error
        finally:
            self._observe(
                Traffic(
                    operation=operation,
                    writing=writing,
                    status=trace.status,
                    seconds=time.monotonic() - started,
                    error=failed,
                )
            )


def _never_left(error: BaseException) -> bool:
    """True if no byte of the request can have reached the channel: name, connect or TLS failure."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return True
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    if isinstance(error, requests.exceptions.SSLError):
        # A certificate or handshake that fails comes before the request; other TLS trouble may come after it.
        return any(sign in str(error).lower() for sign in ("certificate", "handshake", "wrong_version", "hostname"))
    if isinstance(error, requests.exceptions.ConnectionError):
        # By class, not by text: the text may quote what the channel sent. Covers unknown names too.
        reason = getattr(error.args[0], "reason", None) if error.args else None
        return isinstance(reason, urllib3.exceptions.NewConnectionError)
    if isinstance(error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError):
        return True
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return isinstance(error.reason, ConnectionRefusedError | socket.gaierror)
    return isinstance(error, ConnectionRefusedError | socket.gaierror)


#: Nothing that could be sent was made of the data: addresses and headers that HTTP does not know.
_NO_REQUEST = (
    requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader, requests.exceptions.URLRequired, httpx.UnsupportedProtocol,
)  # fmt: skip
#: An answer came and cannot be decoded.
_UNREADABLE = (
    requests.exceptions.ContentDecodingError, requests.exceptions.InvalidJSONError, httpx.DecodingError,
    urllib3.exceptions.DecodeError,
)  # fmt: skip


def error_of_exception(error: BaseException, *, writing: bool, sent_at: datetime | None = None) -> ChannelError:
    """The channel error for a transport exception. A lost answer to a write is an unknown outcome, never a failure."""
    detail = shorten(f"{type(error).__name__}: {error}", 300)
    status = _status_of(error)
    if status is not None:
        try:
            raise_for(status, writing=writing, message=f"The channel answered with status {status}.", detail=detail)
        except ChannelError as meant:
            return meant
    if isinstance(error, _NO_REQUEST):
        return InvalidData("No request can be made of this data.", detail=type(error).__name__)
    if isinstance(error, _UNREADABLE):
        # The text of such an error may quote the answer.
        return _garbled(f"{type(error).__name__} while reading the answer", writing=writing)
    if _never_left(error) or not writing:
        return Unavailable("The channel did not answer.", detail=detail)
    return OutcomeUnknown("The channel did not confirm what was sent.", sent_at=sent_at, detail=detail)


def _status_of(error: BaseException) -> int | None:
    """The HTTP status that an SDK hid in an exception, if it is one that stands for an error."""
    status: object = None
    if isinstance(error, urllib.error.HTTPError):
        status = error.code
    elif isinstance(error, requests.HTTPError | httpx.HTTPStatusError):
        status = getattr(error.response, "status_code", None)
    return status if isinstance(status, int) and not 200 <= status < 300 else None


def _garbled(detail: str, *, writing: bool) -> ChannelError:
    if writing:
        return OutcomeUnknown("The channel's answer could not be read.", detail=detail)
    return AdapterBug("The channel's answer could not be read.", detail=detail)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait by the Retry-After header (a number or a date), or None. Names are looked up in lower case."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):
        return None


def raise_for(
    status: int,
    *,
    writing: bool,
    message: str,
    detail: str = "",
    code: str | None = None,
    wait_s: float | None = None,
    unprocessed_503: bool = False,
) -> None:
    """Raise the error that a status stands for by the default table; return for 2xx.

    Adapters read the channel's own error body first and fall back to this. `unprocessed_503`: the channel documents
    that a 503 means «not processed».
    """
    if 200 <= status < 300:
        return
    if status == 429:
        raise Throttled(message, retry_after_s=DEFAULT_WAIT_S if wait_s is None else wait_s, detail=detail, code=code)
    if status in (401, 403):
        raise AuthFailed(message, detail=detail, code=code)
    if status in (404, 410):
        raise Missing(message, detail=detail, code=code)
    if status in (409, 412):
        raise Conflict(message, detail=detail, code=code)
    if status in (400, 413, 415, 422):
        raise InvalidData(message, detail=detail, code=code)
    if status == 503 and unprocessed_503:
        raise Unavailable(message, detail=detail, code=code)
    if status >= 500:
        if writing:
            raise OutcomeUnknown(message, detail=detail, code=code)
        raise Unavailable(message, detail=detail, code=code)
    raise _garbled(detail or f"unexpected HTTP status {status}", writing=writing)
