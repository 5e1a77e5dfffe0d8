"""A small loopback Shopify with scripted answers, and the pieces an adapter is built from."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from werkzeug.wrappers import Request, Response

from hub.channels.contract import BuildContext, ListingRef, StockLevel
from hub.channels.shopify import queries
from hub.channels.shopify.adapter import ShopifyAdapter
from hub.channels.wire import RequestsWire, Traffic
from hub.kernel.clock import FixedClock
from hub.loopback.server import LoopbackServer

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LOCATION = "gid://shopify/Location/1"
COST = {
    "requestedQueryCost": 12,
    "actualQueryCost": 10,
    "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 1988, "restoreRate": 100.0},
}
Answer = Response | dict[str, Any] | Callable[[dict[str, Any]], "Answer"]
_ROOTS = {document.text: document.root for document in queries.ALL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    root: str
    variables: dict[str, Any]
    token: str
    query: str


class MemoryTokens:
    """The contract's TokenStore in memory, ruled by the test's clock."""

    def __init__(self, clock: FixedClock) -> None:
        self._clock = clock
        self._values: dict[str, tuple[str, float | None]] = {}
        self._lock = threading.RLock()
        self.puts: list[str] = []

    def get(self, key: str) -> str | None:
        with self._lock:
            value, until = self._values.get(key, (None, None))
            return None if until is not None and until <= self._clock.now().timestamp() else value

    def put(self, key: str, value: str, expires_at: float | None) -> None:
        with self._lock:
            self.puts.append(key)
            self._values[key] = (value, expires_at)

    def drop(self, key: str) -> None:
        with self._lock:
            self._values.pop(key, None)

    def single_flight(self, key: str, fetch: Callable[[], tuple[str, float | None]]) -> str:
        with self._lock:
            found = self.get(key)
            if found is not None:
                return found
            value, until = fetch()
            self.put(key, value, until)
            return value


def body(data: dict[str, Any] | None = None, *, errors: list[dict[str, Any]] | None = None, **cost: Any) -> Response:
    """An answer of the Admin API."""
    whole: dict[str, Any] = {"extensions": {"cost": {**COST, **cost}}}
    if data is not None:
        whole["data"] = data
    if errors is not None:
        whole["errors"] = errors
    return Response(json.dumps(whole), 200, {"X-Shopify-API-Version": "2026-10"}, mimetype="application/json")


def error(code: str, message: str = "No.", **more: Any) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code}, **more}


@dataclass
class FakeShop:
    """Answers each root field from a list; the last answer of a list stays."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    tokens_given: list[dict[str, str]] = field(default_factory=list)
    token_answers: list[Response] = field(default_factory=list)
    uploads: list[bytes] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    accepted_tokens: set[str] | None = None
    lock: Any = field(default_factory=threading.RLock)

    def on(self, root: str, *answers: Answer) -> None:
        self.answers[root] = list(answers)

    def of(self, root: str) -> list[dict[str, Any]]:
        """The variables of every call of a root field, in order."""
        return [asked.variables for asked in self.asked if asked.root == root]

    def handle(self, request: Request) -> Response:
        with self.lock:
            if request.path == "/admin/oauth/access_token":
                self.tokens_given.append({k: v[0] for k, v in parse_qs(request.get_data(as_text=True)).items()})
                return self.token_answers.pop(0)
            if request.path == "/upload":
                self.uploads.append(request.get_data())
                return Response("", 201)
            if request.path.startswith("/files/"):
                return Response(self.files[request.path], mimetype="application/jsonl")
            return self._graphql(request)

    def _graphql(self, request: Request) -> Response:
        sent = json.loads(request.get_data())
        root = _ROOTS.get(sent["query"]) or "productVariants"
        token = request.headers["X-Shopify-Access-Token"]
        self.asked.append(Asked(root=root, variables=sent["variables"], token=token, query=sent["query"]))
        if self.accepted_tokens is not None and token not in self.accepted_tokens:
            return Response('{"errors":"[API] Invalid API key or access token"}', 401, mimetype="application/json")
        waiting = self.answers[root]
        answer: Answer = waiting[0] if len(waiting) == 1 else waiting.pop(0)
        while not isinstance(answer, Response | dict):
            answer = answer(sent["variables"])
        return body(answer) if isinstance(answer, dict) else answer


@dataclass
class Rig:
    """An adapter on a fake shop."""

    shop: FakeShop
    server: LoopbackServer
    adapter: ShopifyAdapter
    clock: FixedClock
    tokens: MemoryTokens
    traffic: list[Traffic]
    logged: list[tuple[str, dict[str, object]]]
    learned: list[tuple[str, float | None, float | None]]


class RecordingLimiter:
    def __init__(self, learned: list[tuple[str, float | None, float | None]]) -> None:
        self.charged: list[tuple[str, float]] = []
        self._learned = learned

    def charge(self, operation: str, cost: float) -> None:
        self.charged.append((operation, cost))

    def learn(self, operation: str, *, retry_after_s: float | None = None, remaining: float | None = None) -> None:
        self._learned.append((operation, retry_after_s, remaining))


def rig_on(server: LoopbackServer, fake: FakeShop, /, *, secrets: dict[str, str] | None = None, **settings: str) -> Rig:
    clock = FixedClock(NOW)
    tokens = MemoryTokens(clock)
    traffic: list[Traffic] = []
    logged: list[tuple[str, dict[str, object]]] = []
    learned: list[tuple[str, float | None, float | None]] = []
    wire = RequestsWire(clock=clock, observe=traffic.append, limiter=RecordingLimiter(learned), timeout_s=2)
    ctx = BuildContext(
        settings={
            "api_url": server.url,
            "shop": "teststore.myshopify.com",
            "credential_kind": "static",
            "location_id": LOCATION,
            "timeout_s": "2",
            **settings,
        },
        secrets=secrets if secrets is not None else {"access_token": "shpat_1", "client_secret": "hush"},
        wire=wire,
        clock=clock,
        tokens=tokens,
        log=lambda event, /, **fields: logged.append((event, fields)),
    )
    return Rig(
        shop=fake, server=server, adapter=ShopifyAdapter(ctx), clock=clock, tokens=tokens, traffic=traffic,
        logged=logged, learned=learned,
    )  # fmt: skip


def item(n: int) -> str:
    return f"gid://shopify/InventoryItem/{n}"


def variant(n: int) -> str:
    return f"gid://shopify/ProductVariant/{n}"


def ref(n: int) -> ListingRef:
    return ListingRef(
        channel_sku=f"SKU-{n}",
        external_id=variant(n),
        facts={"variant_id": variant(n), "inventory_item_id": item(n), "product_id": "gid://shopify/Product/1"},
    )


def level(n: int, quantity: int, expected: int | None) -> StockLevel:
    return StockLevel(ref=ref(n), quantity=quantity, revision=1, idempotency_key=f"key-{n}", expected=expected)


def node(n: int, available: int | None, *, tracked: bool = True) -> dict[str, Any]:
    """An InventoryItem as STOCK_NOW shows it."""
    stocked = {"id": f"gid://shopify/InventoryLevel/{n}", "quantities": [{"name": "available", "quantity": available}]}
    return {"id": item(n), "tracked": tracked, "inventoryLevel": None if available is None else stocked}


def variant_node(n: int, **more: Any) -> dict[str, Any]:
    """A ProductVariant as VARIANTS and the SKU search show it."""
    product = {
        "id": "gid://shopify/Product/1", "status": "ACTIVE", "title": "Cup", "publishedAt": "2026-11-01T00:00:00Z",
    }  # fmt: skip
    return {
        "id": variant(n), "sku": f"SKU-{n}", "price": "12.90", "product": product, "inventoryItem": node(n, 3), **more,
    }  # fmt: skip


def set_ok() -> dict[str, Any]:
    return {"inventorySetQuantities": {"inventoryAdjustmentGroup": None, "userErrors": []}}


def set_errors(*rows: tuple[str, int | None]) -> dict[str, Any]:
    errors = [
        {
            "code": code,
            "field": ["input"] if row is None else ["input", "quantities", str(row), "changeFromQuantity"],
            "message": f"{code} happened",
        }
        for code, row in rows
    ]
    return {"inventorySetQuantities": {"inventoryAdjustmentGroup": None, "userErrors": errors}}
