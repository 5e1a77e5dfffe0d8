"""The eBay simulator: one seller account of eBay.de behind all of eBay's hosts (api, apiz, OAuth, Trading) at once.

What it answers is written in `ebay_routes`; the rules come from contracts README 3 and eBay's OpenAPI and XSD documents.

Scenario: `order_lag_s` (default 5), `token_life_s` (default 7200), `enforce_limits`; `extra` may hold
`quotas` ({api: calls per day}), `tax_percent` (added to order totals, default 0) and
`expired_token_code` (Trading's error for an expired token, default 932).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from werkzeug.wrappers import Request, Response

from hub.kernel.clock import Clock, iso_millis
from hub.loopback.faults import FaultKind
from hub.simulators.base import ControlError, Ledger, OrderSpec, Scenario, Simulator
from hub.simulators.ebay_account import AccountApi
from hub.simulators.ebay_bulk import no_more_revisions
from hub.simulators.ebay_errors import RestRefusal, complaint
from hub.simulators.ebay_faults import broken
from hub.simulators.ebay_fulfillment import FulfillmentApi
from hub.simulators.ebay_gate import TOKEN_LIFE_S, Gate
from hub.simulators.ebay_inventory import InventoryApi
from hub.simulators.ebay_offers import OfferDesk
from hub.simulators.ebay_postorder import PostOrderApi
from hub.simulators.ebay_routes import BadBody, Call, target_of
from hub.simulators.ebay_shop import RevisionsUsedUp, Shop
from hub.simulators.ebay_state import Listing, Unit, load_state
from hub.simulators.ebay_trading import TradingApi
from hub.simulators.spoil import OrderShape

ORDER_LAG_S = 5.0


class EbaySimulator(Simulator):
    """`credentials` are the app's and seller's secrets, `policies` what an offer must name to be published."""

    channel: ClassVar[str] = "ebay"
    order_shape = OrderShape(order_id="orderId", number="value", currency="currency")

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        scenario: Scenario | None = None,
        state_file: Path | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(clock=clock, scenario=scenario, state_file=state_file)
        self.credentials = {
            "client_id": "entrepot-sim-PRD-0000",
            "client_secret": "PRD-sim-secret",
            "refresh_token": "v^1.1#i^1#p^3#r^1#sim-refresh",
            **(credentials or {}),
        }
        self.policies = {
            "payment_policy_id": "6196932000",
            "return_policy_id": "6196944000",
            "fulfillment_policy_id": "6196947000",
            "merchant_location_key": "hauptlager",
        }
        setup, extra = self.scenario, self.scenario.extra
        self.shop = Shop(
            clock=self.clock,
            rng=self.random,
            order_lag_s=ORDER_LAG_S if setup.order_lag_s is None else setup.order_lag_s,
            tax_percent=int(extra.get("tax_percent", 0)),
        )
        self._seed()
        self.gate = Gate(
            self.shop,
            self.credentials,
            life_s=TOKEN_LIFE_S if setup.token_life_s is None else setup.token_life_s,
            enforce=setup.enforce_limits,
            quotas=extra.get("quotas", {}),
        )
        desk = OfferDesk(self.shop, self.policies)
        self._fulfillment = FulfillmentApi(self.shop, self.plan, self.random)
        self._trading = TradingApi(self.shop, self.gate, expired_code=str(extra.get("expired_token_code", "932")))
        self._handlers: dict[str, Callable[[Call], Response]] = {
            "token": self.gate.mint,
            "getRateLimits": self.gate.rate_limits,
            "getUserRateLimits": self.gate.rate_limits,
            **AccountApi(self.policies).handlers,
            **InventoryApi(self.shop, desk).handlers,
            **desk.handlers,
            **self._fulfillment.handlers,
            **PostOrderApi(self.shop).handlers,
        }

    def _seed(self) -> None:
        self.shop.state.locations[self.policies["merchant_location_key"]] = {
            "name": "Hauptlager",
            "merchantLocationStatus": "ENABLED",
            "locationTypes": ["WAREHOUSE"],
            "location": {"address": {"city": "Bremen", "postalCode": "28195", "country": "DE"}},
        }

    # ---------------------------------------------------------------- the wire

    def operation_of(self, request: Request) -> str:
        target = target_of(request)
        return "unknown" if target is None else target.operation

    def handle(self, request: Request) -> Response:
        target = target_of(request)
        if target is None:
            return RestRefusal(404, complaint(2002)).response()
        call = Call(request=request, target=target, now=self.clock.now())
        if target.api == "trading":
            return self._trading.answer(call)
        try:
            if target.api != "oauth":
                self.gate.check_bearer(call)
                if not self.gate.take(target.api, call.now):
                    raise RestRefusal(429, complaint(2001))
            return self._handlers[target.operation](call)
        except RestRefusal as refusal:
            return refusal.response()
        except RevisionsUsedUp as used_up:
            return RestRefusal(400, no_more_revisions(used_up.item_id)).response()
        except BadBody as error:
            number = {"inventory": 25709, "fulfillment": 32600}.get(target.api, 2004)
            return RestRefusal(400, complaint(number, f"request. {error}")).response()

    def fault_response(self, kind: FaultKind, request: Request) -> Response | None:
        return broken(kind, target_of(request), iso_millis(self.clock.now()))

    def is_throttled(self, response: Response) -> bool:
        """Trading refuses inside a 200."""
        if response.status_code == 429:
            return True
        return response.mimetype == "text/xml" and b"<ErrorCode>518</ErrorCode>" in response.get_data()

    # ---------------------------------------------------------------- the shop

    def place_order(self, spec: OrderSpec) -> str:
        return self.shop.place(spec).order_id

    def pay_order(self, order_id: str) -> None:
        self.shop.pay(self.shop.order(order_id))

    def cancel_order(self, order_id: str) -> None:
        self.shop.cancel(self.shop.order(order_id))

    def request_cancel(self, order_id: str) -> None:
        self.shop.request_cancel(self.shop.order(order_id))

    def amend_order(self, order_id: str, lines: Mapping[str, int]) -> None:
        raise ControlError("eBay orders are not edited after they are placed: cancel and place another")

    def add_listing(self, data: Mapping[str, Any]) -> str:
        """A listing made on ebay.de: Trading manages it. `variations` may hold several {sku, quantity, price_minor,
        options}; otherwise sku, quantity, price_minor are the listing's own. `tracking` «SKU» lets Trading calls find
        it by SKU alone (default ItemID)."""
        shop = self.shop
        rows = data.get("variations") or [data]
        taken = [str(row["sku"]) for row in rows if str(row["sku"]) in shop.live]
        if taken:
            raise ControlError(f"already listed: {', '.join(taken)}")
        listing = Listing(
            item_id=shop.new_item_id(),
            managed_by="trading",
            title=str(data.get("title", "")) or str(rows[0]["sku"]),
            currency=str(data.get("currency", "EUR")),
            started_at=shop.stamp(),
            category_id=str(data.get("category_id", "88433")),
            description=str(data.get("description", "")),
            condition="1000",
            tracking="SKU" if data.get("tracking") == "SKU" else "ItemID",
            units=[
                Unit(
                    sku=str(row["sku"]),
                    price_minor=int(row.get("price_minor", data.get("price_minor", 0))),
                    available=int(row.get("quantity", 0)),
                    variation_id=shop.new_variation_id() if data.get("variations") else "",
                    options={str(name): str(value) for name, value in row.get("options", {}).items()},
                )
                for row in rows
            ],
        )
        shop.open_listing(listing)
        return listing.item_id

    def set_stock(self, sku: str, quantity: int) -> None:
        self.shop.set_stock(sku, quantity)

    def ledger(self) -> Ledger:
        return Ledger(
            channel=self.channel,
            now=self.shop.stamp(),
            listings=self.shop.ledger_listings(),
            orders=self.shop.ledger_orders(),
        )

    def dump(self) -> dict[str, Any]:
        version, internal, gauss = self.random.getstate()
        return {**self.shop.state.dump(), "random": [version, list(internal), gauss]}

    def restore(self, state: dict[str, Any]) -> None:
        self.shop.use(load_state(state))
        version, internal, gauss = state["random"]
        self.random.setstate((version, tuple(internal), gauss))
        self._fulfillment.forget()
        self._trading.forget()
