"""What every part of the Amazon simulator needs from the wire: errors, answers, parameters, times, quotas, opaque tokens."""

from __future__ import annotations

import base64
import hashlib
import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from werkzeug.wrappers import Request, Response

from hub.kernel.clock import iso_millis, parse_instant
from hub.kernel.money import Money

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Rate per second and burst of each operation (contracts amazon/usage_plans.tsv, README 2.3).
USAGE_PLANS: Mapping[str, tuple[float, float]] = {
    "searchOrders": (0.0056, 20),
    "getOrder": (0.5, 30),
    "confirmShipment": (2, 10),
    "patchListingsItem": (5, 5),
    "putListingsItem": (5, 10),
    "getListingsItem": (5, 10),
    "deleteListingsItem": (5, 5),
    "searchListingsItems": (5, 5),
    "createFeed": (0.0083, 15),
    "createFeedDocument": (0.5, 15),
    "getFeed": (2, 15),
    "getFeedDocument": (0.0222, 10),
    "getMarketplaceParticipations": (0.016, 15),
}
#: JSON_LISTINGS_FEED has its own: 5 submissions in 5 minutes (README 2.3).
LISTINGS_FEED_PLAN = (5 / 300, 5)
LISTINGS_FEED_BUCKET = "createFeed:JSON_LISTINGS_FEED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marketplace:
    """One Amazon store as the Sellers API describes it."""

    id: str
    name: str
    country: str
    currency: str
    language: str
    domain: str


_STORES = (
    ("A1PA6795UKMFR9", "Amazon.de", "DE", "EUR", "de_DE", "www.amazon.de"),
    ("A13V1IB3VIYZZH", "Amazon.fr", "FR", "EUR", "fr_FR", "www.amazon.fr"),
    ("APJ6JRA9NG5V4", "Amazon.it", "IT", "EUR", "it_IT", "www.amazon.it"),
    ("A1F83G8C2ARO7P", "Amazon.co.uk", "GB", "GBP", "en_GB", "www.amazon.co.uk"),
    ("ATVPDKIKX0DER", "Amazon.com", "US", "USD", "en_US", "www.amazon.com"),
    ("A1VC38T7YXB528", "Amazon.co.jp", "JP", "JPY", "ja_JP", "www.amazon.co.jp"),
)


def marketplace(marketplace_id: str) -> Marketplace:
    """The store behind an id.

    Raises:
        ValueError: the simulator does not know that store.
    """
    for row in _STORES:
        if row[0] == marketplace_id:
            return Marketplace(id=row[0], name=row[1], country=row[2], currency=row[3], language=row[4], domain=row[5])
    raise ValueError(f"unknown Amazon marketplace {marketplace_id!r}; known: {', '.join(row[0] for row in _STORES)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The simulated account and its delays, in milliseconds of the simulator's time."""

    seller_id: str
    store: Marketplace
    order_lag_ms: int
    apply_lag_ms: int
    job_ms: int
    issue_lag_ms: int
    extra: Mapping[str, Any] = field(default_factory=dict)


class WireError(Exception):
    """An answer other than success, in Amazon's error body (README 7.1)."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def response(self) -> Response:
        return answer({"errors": [{"code": self.code, "message": self.message, "details": self.details}]}, self.status)


def bad_input(message: str, details: str = "") -> WireError:
    return WireError(400, "InvalidInput", message, details)


def not_found(message: str) -> WireError:
    return WireError(404, "NotFound", message)


def quota_exceeded() -> WireError:
    return WireError(429, "QuotaExceeded", "You exceeded your quota for the requested resource.")


def unauthorized(details: str) -> WireError:
    return WireError(403, "Unauthorized", "Access to requested resource is denied.", details)


def answer(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), status, mimetype="application/json")


def storage_error(status: int, code: str, message: str) -> Response:
    """The document storage behind presigned addresses answers in XML, not in the API's JSON."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(body, status, mimetype="application/xml")


# ---------------------------------------------------------------- requests


def segments(request: Request) -> list[str]:
    """The path's parts, each percent-decoded on its own: a SKU may hold a slash (%2F), a space or any script."""
    raw = str(request.environ.get("REQUEST_URI") or "")
    if not raw:
        return request.path.strip("/").split("/")
    path = raw.partition("?")[0]
    if "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    return [unquote(part) for part in path.strip("/").split("/")]


def own_url(request: Request) -> str:
    """This server's address by its socket: the SDK sends a mutilated Host header over http (README 2.2)."""
    return f"http://{request.environ['SERVER_NAME']}:{request.environ['SERVER_PORT']}"


def listed(request: Request, name: str) -> list[str]:
    """A list parameter: comma-joined or repeated, empty parts dropped."""
    return [part for value in request.args.getlist(name) for part in value.split(",") if part]


def chosen(request: Request, name: str, known: frozenset[str]) -> list[str]:
    """A list parameter of a closed set."""
    values = listed(request, name)
    for value in values:
        if value not in known:
            raise bad_input(f"Invalid value '{value}' for parameter '{name}'.", f"Allowed: {', '.join(sorted(known))}")
    return values


def number(request: Request, name: str, *, default: int, low: int, high: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
        raise bad_input(f"Parameter '{name}' must be an integer between {low} and {high}.")
    return int(text)


def instant(request: Request, name: str) -> int | None:
    """An ISO 8601 parameter as milliseconds, None if absent."""
    text = request.args.get(name)
    if not text:
        return None
    try:
        return to_ms(parse_instant(text))
    except (ValueError, OverflowError) as error:
        raise bad_input(f"Parameter '{name}' is not an ISO 8601 date-time.", text) from error


def json_body(request: Request) -> dict[str, Any]:
    try:
        value = load_json(request.get_data())
    except ValueError as error:
        raise bad_input("Request body is not valid JSON.", str(error)) from error
    if not isinstance(value, dict):
        raise bad_input("Request body must be a JSON object.")
    return value


# ---------------------------------------------------------------- times and tokens


def to_ms(value: datetime) -> int:
    return (value - _EPOCH) // timedelta(milliseconds=1)


def from_ms(value: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=value)


@lru_cache(maxsize=20_000)
def iso(ms: int) -> str:
    return iso_millis(from_ms(ms))


@lru_cache(maxsize=20_000)
def amount(minor: int, currency: str) -> str:
    """The decimal string of a price; cached, since a page of orders holds a thousand of them."""
    return Money(minor=minor, currency=currency).text()


def seal(value: Mapping[str, Any]) -> str:
    """An opaque token that carries its own content and a check, so that an altered one is refused."""
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_check(text) + text).decode().rstrip("=")


def unseal(token: str, name: str) -> dict[str, Any]:
    """The content of a token. Raises WireError 400: not one of ours."""
    try:
        whole = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError as error:
        raise bad_input(f"Parameter '{name}' is not a valid token.") from error
    if whole[:6] != _check(whole[6:]):
        raise bad_input(f"Parameter '{name}' is not a valid token.")
    value: dict[str, Any] = json.loads(whole[6:])
    return value


def _check(text: bytes) -> bytes:
    return hashlib.sha256(b"simulated amazon" + text).digest()[:6]


def load_json(content: bytes) -> Any:
    """JSON as the standard has it: without NaN and Infinity. Raises ValueError."""
    return json.loads(content, parse_constant=_no_constant)


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def known(value: Any, words: frozenset[str]) -> bool:
    """Is it one of the words? Anything else a caller may send, such as a list, is not."""
    return isinstance(value, str) and value in words


class Agenda:
    """What the channel will do by itself later, in the order of its due time; entries about a SKU are found by it."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str, dict[str, Any]]] = []
        self._of_sku: dict[str, dict[int, tuple[str, dict[str, Any]]]] = {}
        self._sequence = 0

    def add(self, due_ms: int, kind: str, data: dict[str, Any]) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (due_ms, self._sequence, kind, data))
        if "sku" in data:
            self._of_sku.setdefault(data["sku"], {})[self._sequence] = (kind, data)

    def due(self, now_ms: int) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Everything due by now; entries added while iterating take part."""
        while self._heap and self._heap[0][0] <= now_ms:
            due_ms, sequence, kind, data = heapq.heappop(self._heap)
            if "sku" in data:
                waiting = self._of_sku[data["sku"]]
                del waiting[sequence]
                if not waiting:
                    del self._of_sku[data["sku"]]
            yield due_ms, kind, data

    def of_sku(self, sku: str) -> list[tuple[str, dict[str, Any]]]:
        """What is still to come for one SKU, in the order it was asked for."""
        return list(self._of_sku.get(sku, {}).values())

    def expects(self, sku: str) -> bool:
        """Is anything still to come for the SKU?"""
        return sku in self._of_sku

    def dump(self) -> dict[str, Any]:
        return {"sequence": self._sequence, "entries": [list(row) for row in sorted(self._heap, key=lambda r: r[:2])]}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._heap, self._of_sku = [], {}
        for due_ms, sequence, kind, data in state["entries"]:
            self._sequence = sequence - 1
            self.add(due_ms, kind, data)
        self._sequence = state["sequence"]
