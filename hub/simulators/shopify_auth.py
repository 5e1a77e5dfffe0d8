"""Access tokens of the simulated shop: static, client credentials, and expiring offline tokens (contracts README 4.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

CLIENT_CREDENTIALS_S = 86_399
OFFLINE_S = 3_600
REFRESH_DAYS = 90

#: What a self-hosted installation asks for (contracts README 4.1).
SCOPES = (
    "read_products", "write_products", "read_inventory", "write_inventory", "read_locations", "read_orders",
    "write_orders", "read_all_orders", "read_merchant_managed_fulfillment_orders",
    "write_merchant_managed_fulfillment_orders", "read_publications", "write_publications", "read_returns",
)  # fmt: skip

#: The scope a root field needs; any one of several is enough.
NEEDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("product", "products", "productByIdentifier", "productVariant", "productVariants", "productOperation"),
        ("read_products", "write_products"),
    ),
    **dict.fromkeys(
        (
            "productSet",
            "productUpdate",
            "productVariantsBulkUpdate",
            "productVariantsBulkDelete",
            "productDelete",
            "productChangeStatus",
        ),
        ("write_products",),
    ),
    **dict.fromkeys(("publishablePublish", "publishableUnpublish"), ("write_publications",)),
    "publications": ("read_publications", "write_publications"),
    **dict.fromkeys(("inventoryItem", "inventoryItems", "inventoryLevel"), ("read_inventory", "write_inventory")),
    **dict.fromkeys(("inventorySetQuantities", "inventoryAdjustQuantities", "inventoryActivate"), ("write_inventory",)),
    **dict.fromkeys(("location", "locations"), ("read_locations", "read_inventory", "write_inventory")),
    **dict.fromkeys(("order", "orders", "orderByIdentifier"), ("read_orders", "write_orders")),
    "orderCancel": ("write_orders",),
    "fulfillmentOrder": ("read_merchant_managed_fulfillment_orders", "write_merchant_managed_fulfillment_orders"),
    **dict.fromkeys(
        (
            "fulfillmentCreate",
            "fulfillmentTrackingInfoUpdate",
            "fulfillmentOrderHold",
            "fulfillmentOrderReleaseHold",
        ),
        ("write_merchant_managed_fulfillment_orders",),
    ),
}


class Refused(Exception):
    """The token endpoint says no: OAuth's own error code and a sentence."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


@dataclass(slots=True, kw_only=True)
class Tokens:
    """All tokens that were ever given out and still count. Times are seconds since the epoch in the shop's time."""

    credentials: dict[str, str]
    seed: int
    life_s: float | None = None
    access: dict[str, float] = field(default_factory=dict)  # token -> end
    refresh: dict[str, float] = field(default_factory=dict)  # token -> end
    parent: dict[str, str] = field(default_factory=dict)  # refresh token -> the one it came from
    made: int = 0

    def accepts(self, token: str, at: datetime) -> bool:
        """Is this a valid X-Shopify-Access-Token?"""
        if token and token == self.credentials["access_token"]:
            return True
        return at.timestamp() < self.access.get(token, 0.0)

    def grant(self, form: Mapping[str, str], at: datetime) -> dict[str, Any]:
        """Answer of POST /admin/oauth/access_token.

        Raises:
            Refused: wrong client, unknown grant, or a refresh token that is unknown, replaced or too old.
        """
        known = self.credentials
        if form.get("client_id") != known["client_id"] or form.get("client_secret") != known["client_secret"]:
            raise Refused("invalid_client", "The client id or secret is wrong.")
        match form.get("grant_type"):
            case "client_credentials":
                life = int(self.life_s or CLIENT_CREDENTIALS_S)
                return {"access_token": self._access(at, life), "scope": ",".join(SCOPES), "expires_in": life}
            case "refresh_token":
                return self._refreshed(form.get("refresh_token", ""), at)
            case other:
                raise Refused("unsupported_grant_type", f"grant_type {other!r} is not supported")

    def _refreshed(self, token: str, at: datetime) -> dict[str, Any]:
        if not self.refresh:
            self.refresh[self.credentials["refresh_token"]] = _in(at, days=REFRESH_DAYS)
        if self.refresh.get(token, 0.0) <= at.timestamp():
            raise Refused("invalid_grant", "The refresh token is not valid.")
        # Using a token for the first time is what ends the one before it, and the twins of a lost answer with it.
        forebear = self.parent.pop(token, None)
        if forebear is not None:
            self.refresh.pop(forebear, None)
            for twin in [name for name, source in self.parent.items() if source == forebear]:
                del self.parent[twin]
                del self.refresh[twin]
        fresh = self._random("shprt_")
        self.refresh[fresh] = _in(at, days=REFRESH_DAYS)
        self.parent[fresh] = token
        life = int(self.life_s or OFFLINE_S)
        return {
            "access_token": self._access(at, life),
            "scope": ",".join(SCOPES),
            "expires_in": life,
            "refresh_token": fresh,
            "refresh_token_expires_in": REFRESH_DAYS * 86_400,
        }

    def _access(self, at: datetime, life_s: int) -> str:
        self.access = {token: end for token, end in self.access.items() if end > at.timestamp()}
        token = self._random("shpat_")
        self.access[token] = at.timestamp() + life_s
        return token

    def _random(self, prefix: str) -> str:
        self.made += 1
        return prefix + hashlib.sha256(f"{self.seed}:{self.made}".encode()).hexdigest()[:32]

    def dump(self) -> dict[str, Any]:
        return {"access": self.access, "refresh": self.refresh, "parent": self.parent, "made": self.made}

    def restore(self, state: dict[str, Any]) -> None:
        self.access = dict(state["access"])
        self.refresh = dict(state["refresh"])
        self.parent = dict(state["parent"])
        self.made = int(state["made"])


def _in(at: datetime, *, days: int) -> float:
    return (at + timedelta(days=days)).timestamp()
