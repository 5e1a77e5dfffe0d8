"""The simulated Amazon: one seller in one store behind the Selling Partner API's own wire.

Written from the contracts alone (README 1, 2, 6, 7.1 and the official models). What the scenario can set in `extra`:
`required` (attribute names a full submission must have besides the title), `late_issues` (see `Shelf`), `issue_lag_s`
(60: from effect to late issues), `tax_percent` (0: tax on top of the price), `withheld` (order data sets the
application has no role for), `gzip_reports` (feed reports come compressed), `limit_header_share` (0.7: how often
`x-amzn-RateLimit-Limit` is sent), `storename`.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.kernel.clock import Clock
from hub.loopback.faults import FaultKind
from hub.simulators import amazon_wire as wire
from hub.simulators.amazon_auth import Login, refusal
from hub.simulators.amazon_feeds import DOCUMENTS, LISTINGS_FEED, Feeds
from hub.simulators.amazon_listings import Shelf
from hub.simulators.amazon_listings_api import ListingsApi
from hub.simulators.amazon_orders import Orders
from hub.simulators.amazon_orders_api import OrdersApi
from hub.simulators.amazon_shipments import confirm
from hub.simulators.base import ControlError, Ledger, OrderSpec, Scenario, Simulator, TokenBucket
from hub.simulators.spoil import OrderShape

CREDENTIALS = {
    "client_id": "amzn1.application-oa2-client.simulated",
    "client_secret": "amzn1.oa2-cs.v1.simulated",
    "refresh_token": "Atzr|simulated-refresh-token",
    "seller_id": "A2SIMULATEDSELLR",
    "marketplace_id": "A1PA6795UKMFR9",
}
_LISTING_VERBS = {
    "PUT": "putListingsItem",
    "PATCH": "patchListingsItem",
    "GET": "getListingsItem",
    "DELETE": "deleteListingsItem",
}
_STORAGE = ("uploadFeedDocument", "downloadFeedDocument")


class AmazonSimulator(Simulator):
    """See the module. `credentials` replaces single values of `CREDENTIALS`.

    Raises:
        ValueError: a marketplace the simulator does not know.
    """

    channel = "amazon"
    order_shape = OrderShape(order_id="orderId", number="amount", currency="currencyCode")

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        scenario: Scenario | None = None,
        state_file: Path | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(clock=clock, scenario=scenario, state_file=state_file)
        self.credentials = {**CREDENTIALS, **(credentials or {})}
        setting = self.scenario
        self.terms = wire.Terms(
            seller_id=self.credentials["seller_id"],
            store=wire.marketplace(self.credentials["marketplace_id"]),
            order_lag_ms=_ms(setting.order_lag_s, 120),
            apply_lag_ms=_ms(setting.apply_lag_s, 20),
            job_ms=_ms(setting.job_s, 60),
            issue_lag_ms=_ms(setting.extra.get("issue_lag_s"), 60),
            extra=setting.extra,
        )
        # Ids, tokens and headers draw from a generator of their own: what a caller does must not change who buys what.
        self._ids = random.Random(setting.seed + 1)
        self.agenda = wire.Agenda()
        self.login = Login(self.credentials, setting.token_life_s, self._ids)
        self.shelf = Shelf(self.terms, self.agenda)
        self.orders = Orders(self.terms, self.shelf, self.random)
        self._listings = ListingsApi(self.shelf, self._new_id)
        self._orders = OrdersApi(self.orders, self.plan, self._ids)
        self.feeds = Feeds(self.terms, self.agenda, self._listings, self.orders, self._ids)
        self._buckets: dict[str, TokenBucket] = {}

    # ---------------------------------------------------------------- the wire

    def operation_of(self, request: Request) -> str:
        match request.method, wire.segments(request):
            case "POST", ["auth", "o2", "token"]:
                return "token"
            case "GET", ["orders", "2026-01-01", "orders"]:
                return "searchOrders"
            case "GET", ["orders", "2026-01-01", "orders", _]:
                return "getOrder"
            case "POST", ["orders", "v0", "orders", _, "shipmentConfirmation"]:
                return "confirmShipment"
            case "GET", ["listings", "2021-08-01", "items", _]:
                return "searchListingsItems"
            case method, ["listings", "2021-08-01", "items", _, _] if method in _LISTING_VERBS:
                return _LISTING_VERBS[method]
            case "POST", ["feeds", "2021-06-30", "documents"]:
                return "createFeedDocument"
            case "GET", ["feeds", "2021-06-30", "documents", _]:
                return "getFeedDocument"
            case "POST", ["feeds", "2021-06-30", "feeds"]:
                return "createFeed"
            case "GET", ["feeds", "2021-06-30", "feeds", _]:
                return "getFeed"
            case "PUT" | "GET" as method, [path, _] if path == DOCUMENTS:
                return _STORAGE[method == "GET"]
            case "GET", ["sellers", "v1", "marketplaceParticipations"]:
                return "getMarketplaceParticipations"
            case _:
                return "unknown"

    def handle(self, request: Request) -> Response:
        now = self._settle()
        operation, parts = self.operation_of(request), wire.segments(request)
        try:
            if operation == "token":
                response = self.login.token(request, now)
            elif operation in _STORAGE:
                response = self.feeds.stored(request, parts[1], now)
            else:
                self.login.check(request, now)
                self._spend(operation, request)
                response = self._answer(operation, request, parts, now)
        except wire.WireError as error:
            response = error.response()
        return self._stamped(response, operation)

    def _answer(self, operation: str, request: Request, parts: list[str], now: int) -> Response:
        match operation:
            case "searchOrders":
                return self._orders.search(request, now)
            case "getOrder":
                return self._orders.get(request, parts[3], now)
            case "confirmShipment":
                return confirm(self.orders, request, parts[3], now)
            case "putListingsItem":
                return self._listings.put(request, parts[3], parts[4], now)
            case "patchListingsItem":
                return self._listings.patch(request, parts[3], parts[4], now)
            case "deleteListingsItem":
                return self._listings.delete(request, parts[3], parts[4], now)
            case "getListingsItem":
                return self._listings.get(request, parts[3], parts[4])
            case "searchListingsItems":
                return self._listings.search(request, parts[3])
            case "createFeedDocument":
                return self.feeds.create_document(request, now)
            case "getFeedDocument":
                return self.feeds.get_document(request, parts[3], now)
            case "createFeed":
                return self.feeds.create(request, now)
            case "getFeed":
                return self.feeds.get(parts[3], now)
            case "getMarketplaceParticipations":
                return wire.answer({"payload": [self._participation()]})
            case _:
                raise wire.not_found("The requested resource does not exist.")

    def _participation(self) -> dict[str, Any]:
        store = self.terms.store
        return {
            "marketplace": {
                "id": store.id,
                "name": store.name,
                "countryCode": store.country,
                "defaultCurrencyCode": store.currency,
                "defaultLanguageCode": store.language,
                "domainName": store.domain,
            },
            "participation": {"isParticipating": True, "hasSuspendedListings": False},
            "storeName": str(self.terms.extra.get("storename", "Simulated store")),
        }

    def _spend(self, operation: str, request: Request) -> None:
        """Takes a token from the operation's bucket. Raises WireError 429: none left."""
        name, plan = operation, wire.USAGE_PLANS.get(operation)
        if operation == "createFeed" and f'"{LISTINGS_FEED}"'.encode() in request.get_data():
            name, plan = wire.LISTINGS_FEED_BUCKET, wire.LISTINGS_FEED_PLAN
        if not self.scenario.enforce_limits or plan is None:
            return
        if name not in self._buckets:
            self._buckets[name] = TokenBucket(*plan)
        if not self._buckets[name].take(self.clock.now()):
            raise wire.quota_exceeded()

    def _stamped(self, response: Response, operation: str) -> Response:
        """Every answer has a request id; the rate is told often, not always (README 2.3)."""
        response.headers["x-amzn-RequestId"] = self._new_id()
        plan = wire.USAGE_PLANS.get(operation)
        if plan is not None and self._ids.random() < self.terms.extra.get("limit_header_share", 0.7):
            response.headers["x-amzn-RateLimit-Limit"] = str(plan[0])
        return response

    def fault_response(self, kind: FaultKind, request: Request) -> Response | None:
        operation = self.operation_of(request)
        if operation in _STORAGE:
            status, code = {
                FaultKind.AUTH_EXPIRED: (403, "AccessDenied"),
                FaultKind.FORBIDDEN: (403, "AccessDenied"),
                FaultKind.THROTTLE: (503, "SlowDown"),
                FaultKind.THROTTLE_NO_HINT: (503, "SlowDown"),
                FaultKind.BAD_REQUEST: (400, "InvalidRequest"),
                FaultKind.NOT_FOUND: (404, "NoSuchKey"),
                FaultKind.CONFLICT: (409, "OperationAborted"),
            }.get(kind, (500, "InternalError"))
            return wire.storage_error(status, code, "The request failed.")
        if operation == "token":
            status, code = {
                FaultKind.AUTH_EXPIRED: (400, "invalid_grant"),
                FaultKind.FORBIDDEN: (401, "invalid_client"),
                FaultKind.THROTTLE: (429, "too_many_requests"),
                FaultKind.THROTTLE_NO_HINT: (429, "too_many_requests"),
            }.get(kind, (500 if kind is FaultKind.SERVER_ERROR else 400, "server_error"))
            return refusal(status, code, "The request failed.")
        error = {
            FaultKind.THROTTLE: wire.quota_exceeded(),
            FaultKind.THROTTLE_NO_HINT: wire.quota_exceeded(),
            FaultKind.AUTH_EXPIRED: wire.unauthorized("The access token you provided has expired."),
            FaultKind.FORBIDDEN: wire.unauthorized("The application has no role for this operation."),
            FaultKind.BAD_REQUEST: wire.bad_input("The request is not valid."),
            FaultKind.NOT_FOUND: wire.not_found("The requested resource does not exist."),
            FaultKind.CONFLICT: wire.WireError(409, "Conflict", "The resource is being changed by another request."),
        }.get(kind, wire.WireError(500, "InternalFailure", "We encountered an internal error. Please try again."))
        response = error.response()
        with self.lock:
            response.headers["x-amzn-RequestId"] = self._new_id()
        plan = wire.USAGE_PLANS.get(operation)
        if plan is not None and kind is not FaultKind.THROTTLE_NO_HINT:
            response.headers["x-amzn-RateLimit-Limit"] = str(plan[0])
        return response

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))

    # ---------------------------------------------------------------- time

    def _settle(self) -> int:
        """Everything that is due by now has happened; returns now in milliseconds."""
        now = wire.to_ms(self.clock.now())
        for due, kind, data in self.agenda.due(now):
            if kind == "feed":
                self.feeds.work_off(data["feed"], due)
            else:
                self.shelf.apply(kind, data, due)
        return now

    # ---------------------------------------------------------------- the shop

    def place_order(self, spec: OrderSpec) -> str:
        return self.orders.place(spec, self._settle())

    def pay_order(self, order_id: str) -> None:
        self.orders.pay(order_id, self._settle())

    def cancel_order(self, order_id: str) -> None:
        self.orders.cancel(order_id, self._settle())

    def request_cancel(self, order_id: str) -> None:
        self.orders.request_cancel(order_id, "ORDERED_BY_MISTAKE", self._settle())

    def amend_order(self, order_id: str, lines: Mapping[str, int]) -> None:
        """Raises ControlError: always. An Amazon order only ever loses items, by cancellation."""
        raise ControlError(f"Amazon order {order_id} cannot be changed after placing")

    def add_listing(self, data: Mapping[str, Any]) -> str:
        return self.shelf.add_by_hand(data, self._settle()).sku

    def set_stock(self, sku: str, quantity: int) -> None:
        """Raises ControlError: no such listing. ValueError: below zero."""
        now = self._settle()
        listing = self.shelf.get(sku)
        if listing is None:
            raise ControlError(f"{sku} has no listing at Amazon")
        if quantity < 0:
            raise ValueError(f"a stock is 0 or more, got {quantity}")
        self.shelf.set_quantity(listing, quantity, now)

    def ledger(self) -> Ledger:
        now = self._settle()
        return Ledger(
            channel=self.channel, now=wire.iso(now), listings=self.shelf.ledger(), orders=self.orders.ledger()
        )

    # ---------------------------------------------------------------- persistence

    def dump(self) -> dict[str, Any]:
        self._settle()
        state = {
            "tokens": self.login.dump(),
            "listings": self.shelf.dump(),
            "orders": self.orders.dump(),
            "feeds": self.feeds.dump(),
            "agenda": self.agenda.dump(),
            "buckets": {
                name: [bucket.tokens, wire.to_ms(bucket.at) if bucket.at else None]
                for name, bucket in self._buckets.items()
            },
            "random": [self.random.getstate(), self._ids.getstate()],
        }
        # Through JSON at once: what is handed out shares nothing with the living shop and loads as it was written.
        copy: dict[str, Any] = json.loads(json.dumps(state))
        return copy

    def restore(self, state: dict[str, Any]) -> None:
        self.login.restore(state["tokens"])
        self.shelf.restore(state["listings"])
        self.orders.restore(state["orders"])
        self._orders.forget()
        self.feeds.restore(state["feeds"])
        self.agenda.restore(state["agenda"])
        self._buckets = {}
        for name, (tokens, at) in state["buckets"].items():
            plan = wire.LISTINGS_FEED_PLAN if name == wire.LISTINGS_FEED_BUCKET else wire.USAGE_PLANS[name]
            bucket = TokenBucket(*plan)
            bucket.tokens, bucket.at = tokens, None if at is None else wire.from_ms(at)
            self._buckets[name] = bucket
        for rng, (version, numbers, gauss) in zip((self.random, self._ids), state["random"], strict=True):
            rng.setstate((version, tuple(numbers), gauss))


def _ms(seconds: float | None, usual: float) -> int:
    return int((usual if seconds is None else seconds) * 1000)
