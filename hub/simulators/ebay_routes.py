"""Which request is which operation: eBay's paths with the operation ids of its OpenAPI documents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from werkzeug.wrappers import Request

_INV = "/sell/inventory/v1"
_FUL = "/sell/fulfillment/v1"
_ACC = "/sell/account/v1"
_TAX = "/commerce/taxonomy/v1"
_POST = "/post-order/v2/cancellation"

#: api, method, path (a segment in braces is a parameter), operation id; fixed paths stand before those with parameters
ROUTES: tuple[tuple[str, str, str, str], ...] = (
    ("oauth", "POST", "/identity/v1/oauth2/token", "token"),
    ("identity", "GET", "/commerce/identity/v1/user", "getUser"),
    ("analytics", "GET", "/developer/analytics/v1_beta/rate_limit", "getRateLimits"),
    ("analytics", "GET", "/developer/analytics/v1_beta/user_rate_limit", "getUserRateLimits"),
    ("account", "GET", f"{_ACC}/fulfillment_policy", "getFulfillmentPolicies"),
    ("account", "GET", f"{_ACC}/fulfillment_policy/{{id}}", "getFulfillmentPolicy"),
    ("account", "GET", f"{_ACC}/payment_policy", "getPaymentPolicies"),
    ("account", "GET", f"{_ACC}/payment_policy/{{id}}", "getPaymentPolicy"),
    ("account", "GET", f"{_ACC}/return_policy", "getReturnPolicies"),
    ("account", "GET", f"{_ACC}/return_policy/{{id}}", "getReturnPolicy"),
    ("account", "GET", f"{_ACC}/privilege", "getPrivileges"),
    ("account", "GET", f"{_ACC}/program/get_opted_in_programs", "getOptedInPrograms"),
    ("taxonomy", "GET", f"{_TAX}/get_default_category_tree_id", "getDefaultCategoryTreeId"),
    ("taxonomy", "GET", f"{_TAX}/category_tree/{{tree}}/get_category_suggestions", "getCategorySuggestions"),
    ("taxonomy", "GET", f"{_TAX}/category_tree/{{tree}}/get_item_aspects_for_category", "getItemAspectsForCategory"),
    ("inventory", "POST", f"{_INV}/bulk_create_or_replace_inventory_item", "bulkCreateOrReplaceInventoryItem"),
    ("inventory", "POST", f"{_INV}/bulk_get_inventory_item", "bulkGetInventoryItem"),
    ("inventory", "POST", f"{_INV}/bulk_update_price_quantity", "bulkUpdatePriceQuantity"),
    ("inventory", "POST", f"{_INV}/bulk_create_offer", "bulkCreateOffer"),
    ("inventory", "POST", f"{_INV}/bulk_publish_offer", "bulkPublishOffer"),
    ("inventory", "GET", f"{_INV}/inventory_item", "getInventoryItems"),
    ("inventory", "GET", f"{_INV}/inventory_item/{{sku}}", "getInventoryItem"),
    ("inventory", "PUT", f"{_INV}/inventory_item/{{sku}}", "createOrReplaceInventoryItem"),
    ("inventory", "DELETE", f"{_INV}/inventory_item/{{sku}}", "deleteInventoryItem"),
    ("inventory", "GET", f"{_INV}/inventory_item_group/{{key}}", "getInventoryItemGroup"),
    ("inventory", "PUT", f"{_INV}/inventory_item_group/{{key}}", "createOrReplaceInventoryItemGroup"),
    ("inventory", "DELETE", f"{_INV}/inventory_item_group/{{key}}", "deleteInventoryItemGroup"),
    ("inventory", "POST", f"{_INV}/offer/publish_by_inventory_item_group", "publishOfferByInventoryItemGroup"),
    ("inventory", "POST", f"{_INV}/offer/withdraw_by_inventory_item_group", "withdrawOfferByInventoryItemGroup"),
    ("inventory", "GET", f"{_INV}/offer", "getOffers"),
    ("inventory", "POST", f"{_INV}/offer", "createOffer"),
    ("inventory", "GET", f"{_INV}/offer/{{offer}}", "getOffer"),
    ("inventory", "PUT", f"{_INV}/offer/{{offer}}", "updateOffer"),
    ("inventory", "DELETE", f"{_INV}/offer/{{offer}}", "deleteOffer"),
    ("inventory", "POST", f"{_INV}/offer/{{offer}}/publish", "publishOffer"),
    ("inventory", "POST", f"{_INV}/offer/{{offer}}/withdraw", "withdrawOffer"),
    ("inventory", "GET", f"{_INV}/location", "getInventoryLocations"),
    ("inventory", "GET", f"{_INV}/location/{{key}}", "getInventoryLocation"),
    ("inventory", "POST", f"{_INV}/location/{{key}}", "createInventoryLocation"),
    ("fulfillment", "GET", f"{_FUL}/order", "getOrders"),
    ("fulfillment", "GET", f"{_FUL}/order/{{order}}", "getOrder"),
    ("fulfillment", "GET", f"{_FUL}/order/{{order}}/shipping_fulfillment", "getShippingFulfillments"),
    ("fulfillment", "POST", f"{_FUL}/order/{{order}}/shipping_fulfillment", "createShippingFulfillment"),
    ("fulfillment", "GET", f"{_FUL}/order/{{order}}/shipping_fulfillment/{{id}}", "getShippingFulfillment"),
    ("postorder", "POST", f"{_POST}/check_eligibility", "checkCancellationEligibility"),
    ("postorder", "POST", _POST, "createCancellation"),
    ("postorder", "GET", f"{_POST}/{{id}}", "getCancellation"),
    ("postorder", "POST", f"{_POST}/{{id}}/approve", "approveCancellationRequest"),
    ("postorder", "POST", f"{_POST}/{{id}}/reject", "rejectCancellationRequest"),
    ("trading", "POST", "/ws/api.dll", "Trading"),
)


def _split(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


_TABLE: dict[tuple[str, int], list[tuple[tuple[str, ...], str, str]]] = {}
for _api, _method, _path, _operation in ROUTES:
    _TABLE.setdefault((_method, len(_split(_path))), []).append((_split(_path), _api, _operation))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a request goes. `params` are the path's parameters, decoded."""

    api: str
    operation: str
    params: tuple[str, ...]


def target_of(request: Request) -> Target | None:
    """The operation of a request; a SKU with an encoded «/» stays one segment."""
    raw = str(request.environ.get("REQUEST_URI") or "").partition("?")[0] or quote(request.path)
    parts = _split(raw)
    for pattern, api, operation in _TABLE.get((request.method, len(parts)), ()):
        params: list[str] = []
        for want, got in zip(pattern, parts, strict=True):
            if want[0] == "{":
                params.append(unquote(got))
            elif want != got:
                break
        else:
            call_name = "." + request.headers.get("X-EBAY-API-CALL-NAME", "") if api == "trading" else ""
            return Target(api=api, operation=operation + call_name, params=tuple(params))
    return None


class BadBody(ValueError):
    """The body is not a JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One REST call as its handler sees it."""

    request: Request
    target: Target
    now: datetime

    @property
    def params(self) -> tuple[str, ...]:
        return self.target.params

    def query(self, name: str) -> str:
        return str(self.request.args.get(name, ""))

    def json(self) -> dict[str, Any]:
        """Raises: BadBody."""
        try:
            value = json.loads(self.request.get_data())
        except ValueError as error:
            raise BadBody("the body is not JSON") from error
        if not isinstance(value, dict):
            raise BadBody("the body is not a JSON object")
        return value

    def url(self, path: str) -> str:
        return self.request.host_url.rstrip("/") + path
