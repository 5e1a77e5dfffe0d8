"""The simulated Shopify shop: token endpoint, GraphQL with its cost bucket, uploads and downloads, and the control API.

Written from contracts README 0, 1, 4, 6, 7.4 and the official 2026-10 schema. One shop, currency EUR, two locations
(one of them closed), two publications. Operation names: the first root field of a GraphQL document, «token», «upload»,
«download». Scenario extras: `scopes` (list of access scopes), `locations` (number of further active locations),
`oldest_version` (from which API version on requests are answered as asked).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from werkzeug.wrappers import Request, Response

from hub.kernel.clock import Clock, iso_millis, parse_instant
from hub.kernel.money import Money
from hub.loopback.faults import FaultKind
from hub.simulators.base import ControlError, Ledger, OrderSpec, Scenario, Simulator, TokenBucket
from hub.simulators.shopify_auth import SCOPES, Refused, Tokens
from hub.simulators.shopify_bulk import UPLOAD_MAX, result_of, settle_bulk
from hub.simulators.shopify_checkout import Checkout
from hub.simulators.shopify_cost import BUCKET, MAX_COST, MUTATION_COST, RESTORE_RATE, cost_of
from hub.simulators.shopify_engine import formatted, run
from hub.simulators.shopify_fulfilment import settle_cancellations
from hub.simulators.shopify_product_set import set_product
from hub.simulators.shopify_records import gid
from hub.simulators.shopify_schema import bare_schema, document_of, first_root_field
from hub.simulators.shopify_state import CURRENCY, ONLINE_STORE, Call, ShopState, stamp
from hub.simulators.spoil import OrderShape

VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")
CREDENTIALS = {
    "shop": "entrepot-test.myshopify.com",
    "access_token": "shpat_0123456789abcdef0123456789abcdef",
    "client_id": "0f3c5a7b9d1e2f4a6c8b0d2e4f6a8c1b",
    "client_secret": "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",
    "refresh_token": "shprt_00112233445566778899aabbccddeeff",
}
ORDER_LAG_S = 5.0
JOB_S = 30.0
CANCEL_S = 2.0
_TOKEN_PATH = "/admin/oauth/access_token"
_FAULTS: dict[FaultKind, tuple[int, str]] = {
    FaultKind.AUTH_EXPIRED: (401, "[API] Invalid API key or access token (unrecognized login or wrong password)"),
    FaultKind.FORBIDDEN: (403, "[API] This action requires merchant approval for the needed scope."),
    FaultKind.BAD_REQUEST: (400, "Bad Request"),
    FaultKind.NOT_FOUND: (404, "Not Found"),
    FaultKind.CONFLICT: (409, "Conflict"),
    FaultKind.SERVER_ERROR: (500, "Internal Server Error"),
    FaultKind.THROTTLE_NO_HINT: (429, "Too many requests"),
}


class ShopifySimulator(Simulator):
    """One shop. `credentials` holds all three kinds of access; `location_id` is the location that ships."""

    channel: ClassVar[str] = "shopify"
    order_shape = OrderShape(order_id="id", number="amount", currency="currencyCode")

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        scenario: Scenario | None = None,
        state_file: Path | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(clock=clock, scenario=scenario, state_file=state_file)
        self.credentials = CREDENTIALS | dict(credentials or {})
        extra = self.scenario.extra
        lag = self.scenario.order_lag_s
        self.shop = ShopState(
            created_at=stamp(self.clock.now()),
            order_lag_s=ORDER_LAG_S if lag is None else lag,
            extra_locations=int(extra.get("locations", 0)),
        )
        self.checkout = Checkout(self.shop, self.scenario.seed)
        self.tokens = Tokens(credentials=self.credentials, seed=self.scenario.seed, life_s=self.scenario.token_life_s)
        self.bucket = TokenBucket(RESTORE_RATE, BUCKET)
        self.scopes = frozenset(extra.get("scopes", SCOPES))
        self.oldest_version = str(extra.get("oldest_version", VERSIONS[0]))
        self.location_id = gid("Location", 1)

    # ---------------------------------------------------------------- wire

    def operation_of(self, request: Request) -> str:
        if request.path == _TOKEN_PATH:
            return "token"
        if request.path.startswith("/upload"):
            return "upload"
        if request.path.startswith("/bulk/"):
            return "download"
        body = request.get_json(silent=True)
        if isinstance(body, dict) and isinstance(body.get("query"), str):
            return first_root_field(body["query"], body.get("operationName"))
        return "graphql"

    def handle(self, request: Request) -> Response:
        self._settle()
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["admin", "oauth", "access_token"]:
                return self._token(request)
            case "POST", ["admin", "api", version, "graphql.json"]:
                return self._graphql(request, version)
            case (("POST" | "PUT"), ["upload", *key]):
                return self._upload(request, "/".join(key))
            case "GET", ["bulk", key]:
                body = result_of(self.shop, key, self.clock.now())
                return _errors(404, "Not Found") if body is None else Response(body, mimetype="application/jsonl")
            case _:
                return _errors(404, "Not Found")

    def fault_response(self, kind: FaultKind, request: Request) -> Response | None:
        if kind is FaultKind.THROTTLE:
            if not request.path.endswith("/graphql.json"):
                return _errors(429, "Too many requests", {"Retry-After": "2"})
            with self.lock:
                return _json(self._throttled(self._requested(request), available=0))
        found = _FAULTS.get(kind)
        return _errors(*found) if found is not None else None

    def is_throttled(self, response: Response) -> bool:
        if response.status_code == 429:
            return True
        if response.status_code != 200 or b"THROTTLED" not in response.get_data():
            return False
        body = response.get_json(silent=True)
        errors = body.get("errors") if isinstance(body, dict) else None
        return isinstance(errors, list) and any(
            isinstance(row, dict) and row.get("extensions", {}).get("code") == "THROTTLED" for row in errors
        )

    def _token(self, request: Request) -> Response:
        form = request.form.to_dict() or request.get_json(silent=True) or {}
        try:
            return _json(self.tokens.grant(form, self.clock.now()))
        except Refused as refused:
            status = 401 if refused.error == "invalid_client" else 400
            return _json({"error": refused.error, "error_description": refused.description}, status)

    def _graphql(self, request: Request, version: str) -> Response:
        if version != "unstable" and version > VERSIONS[-1]:
            return _errors(404, "Not Found")
        served = version if version == "unstable" else max(version, self.oldest_version)
        headers = {"X-Shopify-API-Version": served}
        if not self.tokens.accepts(request.headers.get("X-Shopify-Access-Token", ""), self.clock.now()):
            return _errors(*_FAULTS[FaultKind.AUTH_EXPIRED], headers)
        body = request.get_json(silent=True)
        query = body.get("query") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(query, str):
            return _json({"errors": {"query": "Required parameter missing or invalid"}}, 400, headers)
        variables = body.get("variables") or {}
        if not isinstance(variables, dict):
            return _json({"errors": {"variables": "Must be an object"}}, 400, headers)
        answer = self._answer(self._call(request), query, variables, body.get("operationName"))
        return _json(answer, 200, headers)

    def _answer(self, call: Call, query: str, variables: dict[str, Any], name: str | None) -> dict[str, Any]:
        document = document_of(query)
        operation = document.operation(name)
        if document.node is None or document.errors or operation is None:
            errors = [formatted(error) for error in document.errors]
            return {
                "errors": errors
                or [{"message": "An operation name is required", "extensions": {"code": "BAD_REQUEST"}}],
                "extensions": self._cost(0, 0),
            }
        cost = cost_of(bare_schema(), document.node, operation, variables)
        if cost.requested > MAX_COST:
            message = f"Query cost is {cost.requested}, which exceeds the single query max cost limit ({MAX_COST})."
            code = {"code": "MAX_COST_EXCEEDED", "cost": cost.requested, "maxCost": MAX_COST}
            return {
                "errors": [{"message": message, "extensions": code}],
                "extensions": self._cost(cost.requested, None),
            }
        if self.scenario.enforce_limits and not self.bucket.take(call.at, cost.requested):
            return self._throttled(cost.requested)
        answer = run(call, document, variables, name)
        actual = min(cost.requested, cost.actual(answer.get("data")))
        if self.scenario.enforce_limits:
            self.bucket.tokens = min(self.bucket.burst, self.bucket.tokens + cost.requested - actual)
        answer["extensions"] = self._cost(cost.requested, actual)
        return answer

    def _cost(self, requested: int, actual: int | None, available: int | None = None) -> dict[str, Any]:
        self.bucket.wait_s(self.clock.now(), 0)  # brings the bucket up to now
        left = math.floor(self.bucket.tokens + 1e-6) if available is None else available
        status = {"maximumAvailable": BUCKET, "currentlyAvailable": left, "restoreRate": RESTORE_RATE}
        return {"cost": {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}}

    def _throttled(self, requested: int, available: int | None = None) -> dict[str, Any]:
        error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
        return {"errors": [error], "extensions": self._cost(requested, None, available)}

    def _requested(self, request: Request) -> int:
        body = request.get_json(silent=True)
        query = body.get("query") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(query, str):
            return MUTATION_COST
        document = document_of(query)
        operation = document.operation(body.get("operationName"))
        if document.node is None or document.errors or operation is None:
            return MUTATION_COST
        return min(MAX_COST, cost_of(bare_schema(), document.node, operation, body.get("variables") or {}).requested)

    def _upload(self, request: Request, key: str) -> Response:
        name = key or request.form.get("key", "")
        upload = self.shop.uploads.get(name)
        if upload is None:
            return Response("<Error><Code>AccessDenied</Code></Error>", 403, mimetype="application/xml")
        if request.method == "POST":
            part = request.files.get("file")
            data = part.read() if part is not None else request.form.get("file", "").encode()
        else:
            data = request.get_data()
        if len(data) > UPLOAD_MAX:
            return Response("<Error><Code>EntityTooLarge</Code></Error>", 400, mimetype="application/xml")
        upload.body = data.decode("utf-8", "replace")
        done = f"<PostResponse><Key>{name}</Key></PostResponse>"
        return Response(done, 201 if request.method == "POST" else 200, mimetype="application/xml")

    # ---------------------------------------------------------------- time

    def _call(self, request: Request | None = None) -> Call:
        return Call(
            shop=self.shop,
            at=self.clock.now(),
            base_url=request.host_url.rstrip("/") if request is not None else "",
            scopes=self.scopes,
            job_s=JOB_S if self.scenario.job_s is None else self.scenario.job_s,
            cancel_s=CANCEL_S if self.scenario.apply_lag_s is None else self.scenario.apply_lag_s,
            page_fault=self._page_fault,
        )

    def _page_fault(self) -> str | None:
        drawn = self.plan.draw("orders", page=True)
        return drawn[0] if drawn is not None else None

    def _settle(self) -> datetime:
        """What should have happened by now happens: cancellations, bulk operations."""
        at = self.clock.now()
        settle_cancellations(self.shop, at)
        if any(job.completed_at is None for job in self.shop.bulk.values()):
            call = self._call()
            call.in_bulk = True
            settle_bulk(call, run)
        return at

    # ---------------------------------------------------------------- shop

    def place_order(self, spec: OrderSpec) -> str:
        return gid("Order", self.checkout.place(spec, self._settle()).id)

    def pay_order(self, order_id: str) -> None:
        self.checkout.pay(order_id, self._settle())

    def cancel_order(self, order_id: str) -> None:
        self.checkout.cancel(order_id, self._settle())

    def request_cancel(self, order_id: str) -> None:
        self.checkout.request_cancel(order_id, self._settle())

    def release_order(self, order_id: str) -> None:
        self.checkout.release(order_id, self._settle())

    def amend_order(self, order_id: str, lines: Mapping[str, int]) -> None:
        self.checkout.amend(order_id, lines, self._settle())

    def add_listing(self, data: Mapping[str, Any]) -> str:
        """An ACTIVE product of one variant, published to the online store; returns the variant's global id."""
        if data.get("currency", CURRENCY) != CURRENCY:
            raise ControlError(f"this shop sells in {CURRENCY}, not in {data['currency']}")
        self._settle()
        call = self._call()
        levels = [{"locationId": self.location_id, "name": "available", "quantity": int(data.get("quantity", 0))}]
        variant = {
            "optionValues": [{"optionName": "Title", "name": "Default Title"}], "sku": data["sku"],
            "price": Money(minor=int(data.get("price_minor", 0)), currency=CURRENCY).text(),
            "barcode": data.get("gtin"), "inventoryItem": {"tracked": True}, "inventoryQuantities": levels,
        }  # fmt: skip
        product = set_product(
            call,
            {
                "title": data.get("title") or data["sku"],
                "descriptionHtml": data.get("description", ""),
                "vendor": data.get("brand", ""),
                "productOptions": [{"name": "Title", "values": [{"name": "Default Title"}]}],
                "variants": [variant],
            },
            None,
        )
        product.published[str(ONLINE_STORE)] = call.now
        return gid("ProductVariant", product.variant_ids[0])

    def set_stock(self, sku: str, quantity: int) -> None:
        """Someone types another number into the shop's own screen (`available` at the first location)."""
        self._settle()
        known = self.shop.variants_with_sku(sku)
        if not known:
            raise ControlError(f"no listing {sku!r}")
        now = stamp(self.clock.now())
        level = self.shop.stocked(known[0].item_id, 1, now)
        level.available, level.updated_at = quantity, now

    def ledger(self) -> Ledger:
        at = self._settle()
        return Ledger(
            channel=self.channel, now=iso_millis(at), listings=self.checkout.listings(), orders=self.checkout.orders()
        )

    # ---------------------------------------------------------------- state

    def dump(self) -> dict[str, Any]:
        self._settle()
        return {
            "shop": self.shop.dump(),
            "tokens": self.tokens.dump(),
            "credentials": self.credentials,
            "bucket": {
                "tokens": self.bucket.tokens,
                "at": iso_millis(self.bucket.at) if self.bucket.at is not None else None,
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.shop.restore(state["shop"])
        self.checkout = Checkout(self.shop, self.scenario.seed)
        self.tokens.restore(state["tokens"])
        self.credentials.update(state["credentials"])
        self.bucket.tokens = float(state["bucket"]["tokens"])
        at = state["bucket"]["at"]
        self.bucket.at = parse_instant(at) if at is not None else None


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, content_type="application/json; charset=utf-8")


def _errors(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return _json({"errors": message}, status, headers)
