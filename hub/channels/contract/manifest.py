"""What a channel can do, said without importing its SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

CONTRACT_VERSION = 1


class Capability(StrEnum):
    STOCK = "stock"
    PRICE = "price"
    LISTINGS = "listings"
    END_LISTINGS = "end_listings"
    READ_LISTINGS = "read_listings"
    PULL_LISTINGS = "pull_listings"
    ORDERS = "orders"
    SHIPMENTS = "shipments"
    FIND_SHIPMENT = "find_shipment"
    CANCELLATIONS = "cancellations"
    POLL = "poll"
    WEBHOOKS = "webhooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingField:
    """One setting of an account: drives forms, validation and `hub account add`."""

    name: str
    help: str
    kind: Literal["text", "url", "secret", "choice"] = "text"
    required: bool = True
    default: str = ""
    choices: tuple[str, ...] = ()

    @property
    def secret(self) -> bool:
        return self.kind == "secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRule:
    """A token bucket of the channel: `burst` tokens, refilled at `per_second`. `operation` names the bucket.

    `scope` says whose bucket it is. Source of the figures: performance.md section 3, contracts README sections 2.3, 3.4, 4.3.
    """

    operation: str
    per_second: float
    burst: int
    scope: Literal["account", "app"] = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A channel's card. Importing the module that holds it imports no SDK."""

    id: str
    label: str
    contract: int
    factory: str  # "package.module:function", imported when an account is first opened
    capabilities: frozenset[Capability]
    settings: tuple[SettingField, ...]
    rates: tuple[RateRule, ...] = ()
    max_stock_batch: int = 1
    max_price_batch: int = 1
    max_read_batch: int = 20
    max_order_page: int = 100
    max_listing_page: int = 20
    stock_write: Literal["absolute", "compare_and_set"] = "absolute"
    # Acknowledged «now» means the channel's own number is already the new one; «later» means it only took the request.
    stock_ack: Literal["now", "later"] = "now"
    order_lag_s: int = 0  # how long a change may stay invisible to an order pull
    pull_every_s: int = 300  # the cadence the channel's limits allow by default
    confirms: Mapping[Capability, Literal["now", "later"]] = field(default_factory=dict)
