"""The eBay adapter: it routes calls. Bodies and readings are in the modules beside it, the wire is in `client`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from hub.channels.contract import (
    AuthFailed,
    BuildContext,
    CancelRequest,
    ChannelOrder,
    Found,
    Identity,
    ListingDraft,
    ListingPage,
    ListingRef,
    ListingReport,
    Manifest,
    NotFound,
    OrderPage,
    Outcome,
    PriceLevel,
    Problem,
    ShipmentConfirmation,
    StockLevel,
)
from hub.channels.ebay import (
    cancellations,
    catalogue,
    listing_bodies,
    listing_reading,
    listings,
    orders,
    rest,
    shipments,
    stock,
)
from hub.channels.ebay.client import Client
from hub.channels.ebay.manifest import MANIFEST

# Setting, operation and path of the business policies that publishing needs (sell_account_v1).
_POLICIES = (
    ("payment_policy_id", "getPaymentPolicy", "payment_policy"),
    ("return_policy_id", "getReturnPolicy", "return_policy"),
    ("fulfillment_policy_id", "getFulfillmentPolicy", "fulfillment_policy"),
)


class EbayAdapter:
    """One eBay account. Keeps nothing between calls, so any number of threads may use it."""

    manifest: ClassVar[Manifest] = MANIFEST

    def __init__(self, ctx: BuildContext) -> None:
        self._client = Client(ctx)

    def __repr__(self) -> str:
        return f"<eBay adapter for {self._client.config.marketplace_id}>"

    def close(self) -> None:
        """Nothing is held open between calls."""

    def probe(self) -> Identity:
        """Who the token belongs to; the policies the account is set to publish with are looked up as well.

        Raises:
            AuthFailed: neither the identity nor the orders may be read with these credentials.
        """
        config = self._client.config
        missing: list[str] = []
        notes: list[str] = []
        try:
            user = rest.get_user(self._client)
        except AuthFailed as error:
            if not (error.detail.startswith("getUser") and "403" in error.detail):
                raise
            # The token works but may not say whose it is; orders tell whether it is good for anything.
            user = {}
            missing.append("commerce.identity.readonly")
            rest.ping_orders(self._client)
        for setting, operation, kind in _POLICIES:
            policy_id = getattr(config, setting)
            if not policy_id:
                notes.append(f"{setting} is not set; new listings cannot be published.")
                continue
            try:
                known = rest.get_policy(self._client, operation, kind, policy_id)
            except AuthFailed:
                missing.append("sell.account")
                break
            if not known:
                notes.append(f"eBay has no {kind.replace('_', ' ')} {policy_id}.")
        if not config.merchant_location_key:
            notes.append("merchant_location_key is not set; new listings cannot be published.")
        account = str(user.get("userId") or "")
        return Identity(
            account=account,
            label=str(user.get("username") or account),
            missing_scopes=tuple(missing),
            notes=tuple(notes),
            facts={"marketplace_id": config.marketplace_id},
        )

    def push_stock(self, levels: Sequence[StockLevel]) -> Sequence[Outcome]:
        return stock.push_stock(self._client, levels)

    def push_prices(self, prices: Sequence[PriceLevel]) -> Sequence[Outcome]:
        return stock.push_prices(self._client, prices)

    def check_listing(self, draft: ListingDraft) -> Sequence[Problem]:
        return listing_bodies.check(draft, self._client.config)

    def publish_listing(self, draft: ListingDraft) -> Outcome:
        return listings.publish(self._client, draft)

    def end_listing(self, ref: ListingRef) -> Outcome:
        return listings.end(self._client, ref)

    def read_listings(self, refs: Sequence[ListingRef]) -> Sequence[ListingReport]:
        return listing_reading.read(self._client, refs)

    def pull_listings(self, cursor: str | None, *, limit: int) -> ListingPage:
        return catalogue.pull(self._client, cursor, limit)

    def pull_orders(self, cursor: str | None, *, limit: int) -> OrderPage:
        return orders.pull(self._client, cursor, limit)

    def read_order(self, order_id: str) -> ChannelOrder:
        return orders.read_one(self._client, order_id)

    def confirm_shipment(self, confirmation: ShipmentConfirmation) -> Outcome:
        return shipments.confirm(self._client, confirmation)

    def find_shipment(self, order_id: str, tracking: str) -> Found | NotFound:
        return shipments.find(self._client, order_id, tracking)

    def cancel_order(self, request: CancelRequest) -> Outcome:
        return cancellations.cancel(self._client, request)


def build(ctx: BuildContext) -> EbayAdapter:
    """The factory the manifest names."""
    return EbayAdapter(ctx)
