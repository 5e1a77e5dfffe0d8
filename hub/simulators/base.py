"""What the three simulators share: the shop behind the wire, the control API, the request log, buyers, persistence.

A simulator is the channel's own truth. It answers the channel's real operations (`handle`), and on a separate path
(`/_control/…`) it tells a rehearsal what really happened and lets it place orders, move time and break things.

Control API (JSON; never rate-limited, never broken):

    GET    /_control/health                 {"channel", "now"}
    GET    /_control/account                {"credentials", "policies", "location_id"}: what a seller would have been given
    GET    /_control/ledger                 `Ledger`, see below
    POST   /_control/orders                 OrderSpec -> {"order_id"}
    POST   /_control/orders/ID/pay          a pending order becomes paid
    POST   /_control/orders/ID/cancel       the buyer's order is cancelled outright (unpaid or by the channel)
    POST   /_control/orders/ID/request_cancel   the buyer asks for a cancellation
    POST   /_control/orders/ID/release      what the channel holds back may be shipped (Shopify only)
    POST   /_control/orders/ID/amend        {"lines": [{"line_id", "quantity"}]}: order edited after placing
    POST   /_control/orders/ID/spoil        from now on the channel shows this order with amounts that are no numbers
    POST   /_control/orders/ID/unspoil      and now it is well again
    POST   /_control/buy                    {"seed", "max_quantity", "pending_share"} -> {"order_id"} or {"order_id": null}
    POST   /_control/listings               {"sku", "quantity", "price_minor", "currency", "title", ...}: a listing made by hand
    POST   /_control/stock                  {"sku", "quantity"}: someone changes the number in the channel's own screen
    POST   /_control/clock                  {"advance_s"} -> {"now"}
    POST   /_control/faults                 {"kinds": [...], "operation": "*", "times": 1|null, "rate": 1.0, "hang_s": 30}
    DELETE /_control/faults
    POST   /_control/reseed                 {"seed"}
    GET    /_control/requests?since=N       {"requests": [RequestRow], "next": N}
    GET    /_control/counts                 {"requests": {operation: n}, "throttled": {operation: n}, "faults": n}
    POST   /_control/save                   write the state to its file now
"""

from __future__ import annotations

import json
import random
import threading
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypedDict

from werkzeug.wrappers import Request, Response

from hub.kernel.clock import Clock, SystemClock, iso_millis
from hub.loopback.faults import Fault, FaultKind, FaultPlan
from hub.loopback.server import LoopbackServer
from hub.simulators.spoil import OrderShape, spoiled

CONTROL = "/_control/"
LOG_LIMIT = 200_000


class LedgerLine(TypedDict):
    line_id: str
    sku: str
    quantity: int  # still wanted, after edits and cancellations
    shipped: int


class LedgerShipment(TypedDict):
    shipment_id: str
    tracking: str
    carrier: str
    lines: dict[str, int]  # line id -> quantity


class LedgerOrder(TypedDict):
    order_id: str
    placed_at: str
    updated_at: str
    payment: str  # pending | paid | refunded
    cancellation: str  # none | requested | cancelled
    currency: str
    total_minor: int
    lines: list[LedgerLine]
    shipments: list[LedgerShipment]


class LedgerListing(TypedDict):
    sku: str
    external_id: str
    state: str  # live | inactive | ended | suppressed
    quantity: int  # what a buyer can take now
    price_minor: int
    currency: str
    title: str


class Ledger(TypedDict):
    channel: str
    now: str
    listings: list[LedgerListing]
    orders: list[LedgerOrder]


class RequestRow(TypedDict):
    n: int
    at: str
    operation: str
    method: str
    path: str
    status: int | None  # None = the connection was cut
    fault: str | None
    throttled: bool


@dataclass(slots=True, kw_only=True)
class OrderSpec:
    """What a buyer orders. `lines` pairs SKU and quantity; a buyer can only take what the listing shows unless `force`."""

    lines: list[tuple[str, int]]
    pending: bool = False
    force: bool = False
    buyer: dict[str, str] = field(default_factory=dict)
    ship_to: dict[str, str] = field(default_factory=dict)
    service: str = ""
    shipping_minor: int = 0

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> OrderSpec:
        return cls(
            lines=[(str(line["sku"]), int(line["quantity"])) for line in data["lines"]],
            pending=bool(data.get("pending")),
            force=bool(data.get("force")),
            buyer=dict(data.get("buyer", {})),
            ship_to=dict(data.get("ship_to", {})),
            service=str(data.get("service", "")),
            shipping_minor=int(data.get("shipping_minor", 0)),
        )


class ControlError(Exception):
    """A control call that cannot be carried out (sold out, unknown order …); answered with 409."""


class TokenBucket:
    """A channel's own token bucket in the simulator's time: `burst` tokens, `per_second` refill, full at the start."""

    __slots__ = ("at", "burst", "per_second", "tokens")

    def __init__(self, per_second: float, burst: float) -> None:
        self.per_second = per_second
        self.burst = burst
        self.tokens = float(burst)
        self.at: datetime | None = None

    def _refill(self, now: datetime) -> None:
        if self.at is not None and now > self.at:
            self.tokens = min(self.burst, self.tokens + (now - self.at).total_seconds() * self.per_second)
        if self.at is None or now > self.at:
            self.at = now

    def take(self, now: datetime, cost: float = 1.0) -> bool:
        self._refill(now)
        # A hair of tolerance: a caller that waited exactly the time it was told must not be refused by rounding.
        if self.tokens + 1e-6 < cost:
            return False
        self.tokens = max(0.0, self.tokens - cost)
        return True

    def wait_s(self, now: datetime, cost: float = 1.0) -> float:
        self._refill(now)
        return max(0.0, (cost - self.tokens) / self.per_second)


class SimClock:
    """The base clock plus this simulator's own offset."""

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._offset = timedelta(0)

    def now(self) -> datetime:
        return self._base.now() + self._offset

    def advance(self, by: timedelta) -> datetime:
        self._offset += by
        return self.now()


@dataclass(slots=True, kw_only=True)
class Scenario:
    """How the simulated channel behaves. `--scenario FILE` holds these as JSON."""

    seed: int = 1
    order_lag_s: float | None = None  # visibility lag of orders; None = the channel's usual one
    apply_lag_s: float | None = None  # how long ACCEPTED writes take; None = the channel's usual one
    job_s: float | None = None  # how long feeds and bulk operations take; None = the channel's usual time
    enforce_limits: bool = True
    token_life_s: float | None = None  # access token life; None = the channel's usual one
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | None) -> Scenario:
        return cls(**json.loads(path.read_text("utf-8"))) if path else cls()


class Simulator(ABC):
    """One simulated channel (one seller account unless the subclass supports more)."""

    channel: ClassVar[str]
    order_shape: ClassVar[OrderShape | None] = None  # None: this channel's orders cannot be spoilt

    def __init__(
        self, *, clock: Clock | None = None, scenario: Scenario | None = None, state_file: Path | None = None
    ) -> None:
        self.scenario = scenario or Scenario()
        self.clock = SimClock(clock or SystemClock())
        self.random = random.Random(self.scenario.seed)
        self.plan = FaultPlan(self.scenario.seed)
        self.lock = threading.RLock()  # every operation runs whole: the channel is consistent with itself
        self.log: deque[RequestRow] = deque(maxlen=LOG_LIMIT)
        self._log_n = 0
        self.counts: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self.faulted = 0
        self.spoilt: set[str] = set()  # ids of orders that are shown broken
        self.state_file = state_file

    # ---------------------------------------------------------------- the channel's own wire: subclasses

    @abstractmethod
    def operation_of(self, request: Request) -> str:
        """A stable name of the operation («searchOrders», «inventorySetQuantities»), never with ids in it."""

    @abstractmethod
    def handle(self, request: Request) -> Response:
        """Answer one request of the channel's API. Called under `self.lock`."""

    @abstractmethod
    def fault_response(self, kind: FaultKind, request: Request) -> Response | None:
        """THROTTLE, AUTH_EXPIRED, FORBIDDEN … in the channel's own wire format; None for the plain default."""

    def is_throttled(self, response: Response) -> bool:
        """Did this answer refuse for quota? Channels that say so inside a 200 override."""
        return response.status_code == 429

    # ---------------------------------------------------------------- the shop: subclasses

    @abstractmethod
    def place_order(self, spec: OrderSpec) -> str:
        """A buyer orders: checks and lowers the listing's own quantity. Raises ControlError when sold out."""

    @abstractmethod
    def pay_order(self, order_id: str) -> None: ...

    @abstractmethod
    def cancel_order(self, order_id: str) -> None:
        """Cancelled outright; the channel puts the units of unshipped lines back on its own listing where it does so."""

    @abstractmethod
    def request_cancel(self, order_id: str) -> None: ...

    @abstractmethod
    def amend_order(self, order_id: str, lines: Mapping[str, int]) -> None:
        """The order changes after placing (line id -> new quantity). Raises ControlError where the channel cannot."""

    @abstractmethod
    def add_listing(self, data: Mapping[str, Any]) -> str:
        """A listing made in the channel's own screen. Returns its external id."""

    @abstractmethod
    def set_stock(self, sku: str, quantity: int) -> None: ...

    @abstractmethod
    def ledger(self) -> Ledger: ...

    @abstractmethod
    def dump(self) -> dict[str, Any]:
        """The whole state as JSON."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None: ...

    # ---------------------------------------------------------------- shared

    def account(self) -> dict[str, Any]:
        """What the seller was given when the account was opened: credentials, policies, location."""
        names = ("credentials", "policies", "location_id")
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def buy(self, *, seed: int | None = None, max_quantity: int = 3, pending_share: float = 0.0) -> str | None:
        """A buyer looks at what the channel itself shows and buys some of it; None if everything is sold out."""
        rng = random.Random(seed) if seed is not None else self.random
        with self.lock:
            shown = [row for row in self.ledger()["listings"] if row["state"] == "live" and row["quantity"] > 0]
            if not shown:
                return None
            picks = rng.sample(shown, k=min(len(shown), 1 if rng.random() < 0.7 else 2))
            lines = [(row["sku"], rng.randint(1, min(max_quantity, row["quantity"]))) for row in picks]
            return self.place_order(OrderSpec(lines=lines, pending=rng.random() < pending_share))

    def server(self, port: int = 0) -> LoopbackServer:
        """A server for this simulator; `start()` it or use it as a context manager."""
        return LoopbackServer(
            self._serve,
            plan=self.plan,
            operation_of=self.operation_of,
            native=self.fault_response,
            on_answer=self._record,
            exempt=lambda request: request.path.startswith(CONTROL),
            port=port,
        )

    def save(self) -> None:
        if self.state_file is None:
            return
        with self.lock:
            state = {
                "clock_offset_s": self.clock._offset.total_seconds(),
                "spoilt": sorted(self.spoilt),
                "shop": self.dump(),
            }
        self.state_file.parent.mkdir(parents=True, exist_ok=True)
        part = self.state_file.with_suffix(".part")
        part.write_text(json.dumps(state), "utf-8")
        part.replace(self.state_file)

    def load(self) -> bool:
        """Go on where `save` stopped. False if there is nothing to load."""
        if self.state_file is None or not self.state_file.exists():
            return False
        state = json.loads(self.state_file.read_text("utf-8"))
        with self.lock:
            self.clock.advance(timedelta(seconds=state["clock_offset_s"]))
            self.spoilt = set(state.get("spoilt", ()))
            self.restore(state["shop"])
        return True

    def _serve(self, request: Request) -> Response:
        if request.path.startswith(CONTROL):
            return self._control(request)
        with self.lock:
            response = self.handle(request)
            if self.spoilt and self.order_shape is not None:
                response = spoiled(response, self.order_shape, self.spoilt)
            return response

    def _record(self, request: Request, operation: str, response: Response | None, fault: FaultKind | None) -> None:
        throttled = response is not None and self.is_throttled(response)
        with self.lock:
            self._log_n += 1
            self.counts[operation] += 1
            self.faulted += fault is not None
            # A throttle that we injected is the rehearsal's doing, not the caller's.
            self.throttled[operation] += throttled and fault is None
            self.log.append(
                RequestRow(
                    n=self._log_n,
                    at=iso_millis(self.clock.now()),
                    operation=operation,
                    method=request.method,
                    path=request.path,
                    status=None if response is None else response.status_code,
                    fault=None if fault is None else fault.value,
                    throttled=throttled,
                )
            )

    # ---------------------------------------------------------------- control API

    def _control(self, request: Request) -> Response:
        try:
            answer = self._controlled(request.method, request.path.removeprefix(CONTROL).strip("/").split("/"), request)
        except ControlError as error:
            return _json({"error": str(error)}, 409)
        except (KeyError, ValueError, TypeError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, 400)
        return (
            _json({"error": f"no such control: {request.method} {request.path}"}, 404)
            if answer is None
            else _json(answer)
        )

    def _controlled(self, method: str, path: list[str], request: Request) -> Any:
        body: Any = request.get_json(silent=True) or {}
        match method, path:
            case "GET", ["health"]:
                return {"channel": self.channel, "now": iso_millis(self.clock.now())}
            case "GET", ["account"]:
                return self.account()
            case "GET", ["ledger"]:
                with self.lock:
                    return self.ledger()
            case "POST", ["orders"]:
                with self.lock:
                    return {"order_id": self.place_order(OrderSpec.of(body))}
            case "POST", ["orders", *order_id, verb] if order_id:
                with self.lock:
                    self._order_verb("/".join(order_id), verb, body)
                return {}
            case "POST", ["buy"]:
                return {"order_id": self.buy(**body)}
            case "POST", ["listings"]:
                with self.lock:
                    return {"external_id": self.add_listing(body)}
            case "POST", ["stock"]:
                with self.lock:
                    self.set_stock(body["sku"], int(body["quantity"]))
                return {}
            case "POST", ["clock"]:
                return {"now": iso_millis(self.clock.advance(timedelta(seconds=float(body["advance_s"]))))}
            case "POST", ["faults"]:
                kinds = tuple(FaultKind(kind) for kind in body["kinds"])
                self.plan.arm(
                    Fault(
                        kinds=kinds, **{k: v for k, v in body.items() if k in ("operation", "times", "rate", "hang_s")}
                    )
                )
                return {}
            case "DELETE", ["faults"]:
                self.plan.clear()
                return {}
            case "POST", ["reseed"]:
                self.random.seed(int(body["seed"]))
                self.plan.reseed(int(body["seed"]))
                return {}
            case "GET", ["requests"]:
                since = int(request.args.get("since", "0"))
                with self.lock:
                    rows = [row for row in self.log if row["n"] > since]
                return {"requests": rows, "next": self._log_n}
            case "GET", ["counts"]:
                with self.lock:
                    return {"requests": dict(self.counts), "throttled": dict(+self.throttled), "faults": self.faulted}
            case "POST", ["save"]:
                self.save()
                return {}
            case _:
                return None

    def _order_verb(self, order_id: str, verb: str, body: Mapping[str, Any]) -> None:
        match verb:
            case "pay":
                self.pay_order(order_id)
            case "cancel":
                self.cancel_order(order_id)
            case "request_cancel":
                self.request_cancel(order_id)
            case "release":
                self.release_order(order_id)
            case "amend":
                self.amend_order(order_id, {str(line["line_id"]): int(line["quantity"]) for line in body["lines"]})
            case "spoil":
                self.spoil_order(order_id)
            case "unspoil":
                self.spoilt.discard(order_id)
            case _:
                known = "pay, cancel, request_cancel, release, amend, spoil, unspoil"
                raise ControlError(f"orders cannot be told to {verb!r}; known: {known}")

    def release_order(self, order_id: str) -> None:
        """Staff end a hold of the channel's own.

        Raises:
            ControlError: the order is not held, or this channel holds none back.
        """
        raise ControlError(f"{self.channel} holds no order back, so {order_id} cannot be released")

    def spoil_order(self, order_id: str) -> None:
        """Show this order broken until it is told to «unspoil».

        Raises:
            ControlError: no such order, or this channel has no way to do it.
        """
        if self.order_shape is None:
            raise ControlError(f"orders of {self.channel} cannot be spoilt")
        if all(order["order_id"] != order_id for order in self.ledger()["orders"]):
            raise ControlError(f"no order {order_id!r}")
        self.spoilt.add(order_id)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, mimetype="application/json")
