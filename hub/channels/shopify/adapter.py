"""Shopify's adapter: routes each call of the contract to the module that knows it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar

from hub.channels.contract.adapter import BuildContext
from hub.channels.contract.errors import InvalidData
from hub.channels.contract.manifest import Manifest
from hub.channels.contract.records import (
    CancelRequest,
    ChannelOrder,
    Found,
    Hint,
    Identity,
    ListingDraft,
    ListingPage,
    ListingRef,
    ListingReport,
    NotFound,
    OrderPage,
    Outcome,
    Pending,
    PriceLevel,
    Problem,
    ShipmentConfirmation,
    StockLevel,
)
from hub.channels.shopify import (
    bulk,
    catalogue,
    faults,
    identity,
    listings,
    pricing,
    publishing,
    pulling,
    reading,
    shipping,
    stock,
    webhooks,
)
from hub.channels.shopify.client import Client
from hub.channels.shopify.manifest import MANIFEST
from hub.channels.shopify.shop import Shop


class ShopifyAdapter:
    """One shop. Thread-safe: what it remembers of the shop is written whole or not at all."""

    manifest: ClassVar[Manifest] = MANIFEST

    def __init__(self, ctx: BuildContext) -> None:
        self._ctx = ctx
        self._client = Client(ctx)
        self._shop = Shop(ctx, self._client)

    @faults.in_shape(writing=False)
    def probe(self) -> Identity:
        return identity.probe(self._ctx, self._client)

    def close(self) -> None:
        """Nothing to close: every request has its own connection."""

    @faults.in_shape(writing=True)
    def push_stock(self, levels: Sequence[StockLevel]) -> Sequence[Outcome]:
        return stock.push(self._shop, levels)

    @faults.in_shape(writing=True)
    def push_prices(self, prices: Sequence[PriceLevel]) -> Sequence[Outcome]:
        return pricing.push(self._shop, prices)

    def check_listing(self, draft: ListingDraft) -> Sequence[Problem]:
        """Without the network: the currency is compared once the shop's is known."""
        return listings.check(draft, self._shop.known_currency())

    @faults.in_shape(writing=True)
    def publish_listing(self, draft: ListingDraft) -> Outcome:
        return publishing.publish(self._shop, draft)

    @faults.in_shape(writing=True)
    def end_listing(self, ref: ListingRef) -> Outcome:
        return publishing.end(self._shop, ref)

    @faults.in_shape(writing=False)
    def read_listings(self, refs: Sequence[ListingRef]) -> Sequence[ListingReport]:
        return reading.read(self._shop, refs)

    @faults.in_shape(writing=False)
    def pull_listings(self, cursor: str | None, *, limit: int) -> ListingPage:
        return catalogue.pull(self._shop, cursor, limit)

    @faults.in_shape(writing=False)
    def pull_orders(self, cursor: str | None, *, limit: int) -> OrderPage:
        return pulling.pull(self._shop, cursor, limit)

    @faults.in_shape(writing=False)
    def read_order(self, order_id: str) -> ChannelOrder:
        return pulling.read(self._shop, order_id)

    @faults.in_shape(writing=True)
    def confirm_shipment(self, confirmation: ShipmentConfirmation) -> Outcome:
        return shipping.confirm(self._shop, confirmation)

    @faults.in_shape(writing=False)
    def find_shipment(self, order_id: str, tracking: str) -> Found | NotFound:
        return shipping.find(self._shop, order_id, tracking)

    @faults.in_shape(writing=True)
    def cancel_order(self, request: CancelRequest) -> Outcome:
        return shipping.cancel(self._shop, request)

    @faults.in_shape(writing=False)
    def poll(self, ticket: str) -> Pending | Mapping[str, Outcome]:
        """A bulk operation (outcome per SKU) or a cancellation (one outcome under the order's id)."""
        try:
            data = json.loads(ticket)
            if "bulk" in data:
                operation, job, order = str(data["bulk"]), "", ""
            else:
                operation, job, order = "", str(data["cancel"]), str(data["order"])
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidData("This is not a ticket of the Shopify adapter.", detail=ticket[:100]) from error
        return bulk.poll(self._shop, operation) if operation else shipping.poll(self._shop, job, order)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Hint:
        secrets = [self._ctx.secrets.get(name, "") for name in ("client_secret", "old_client_secret")]
        return webhooks.verify(headers, body, secrets=secrets, shop=self._ctx.settings.get("shop", ""))


def build(ctx: BuildContext) -> ShopifyAdapter:
    """The factory the manifest names."""
    return ShopifyAdapter(ctx)
