"""The memory channel's adapter: the reference for every other one. It routes; `twins` translates, `client` talks.

Read it beside `hub/channels/contract/adapter.py`. There is no retry, no wait, no state and no clock of its own here.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from hub.channels.contract import (
    Applied,
    BuildContext,
    CancelRequest,
    ChannelOrder,
    Found,
    Hint,
    Identity,
    InvalidData,
    ListingDraft,
    ListingPage,
    ListingRef,
    ListingReport,
    Manifest,
    Missing,
    NotFound,
    OrderPage,
    Outcome,
    Pending,
    PriceLevel,
    Problem,
    Refused,
    ShipmentConfirmation,
    StockLevel,
    Submitted,
)
from hub.channels.memory import twins
from hub.channels.memory.client import MemoryClient
from hub.channels.memory.manifest import MANIFEST
from hub.channels.memory.marketplace import sign
from hub.kernel.clock import parse_instant
from hub.kernel.errors import Misconfigured

FIRST_PULL = timedelta(days=30)


class MemoryAdapter:
    """One seller's account at a marketplace in this process. Stock is written as absolute numbers."""

    manifest: ClassVar[Manifest] = MANIFEST

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        self._client = MemoryClient(context)
        self._later = context.settings["stock_answer"] == "later"
        since = context.settings.get("orders_since", "")
        try:
            self._since = parse_instant(since) if since else context.clock.now() - FIRST_PULL
        except ValueError as error:
            raise Misconfigured("the start of the orders is no instant", field="orders_since", value=since) from error

    def probe(self) -> Identity:
        def parse(answer: Mapping[str, str]) -> Identity:
            return Identity(account=answer["account"], label=f"{answer['account']} ({answer['currency']})")

        return self._client.call("whoami", {}, parse, writing=False)

    def close(self) -> None:
        """Nothing is held open."""

    # ---------------------------------------------------------------- stock and prices

    def push_stock(self, levels: Sequence[StockLevel]) -> Sequence[Outcome]:
        _at_most(len(levels), self.manifest.max_stock_batch, "stock levels")
        if not levels:
            return []
        skus = [level.ref.channel_sku for level in levels]
        compare = self.manifest.stock_write == "compare_and_set"

        def parse(answer: Mapping[str, object]) -> list[Outcome]:
            if self._later:
                return [Submitted(ticket=str(answer["ticket"]))] * len(skus)
            return twins.parse_results(answer, skus)

        asked = twins.build_stock(levels, compare=compare, later=self._later)
        return self._client.call("setStock", asked, parse, writing=True)

    def poll(self, ticket: str) -> Pending | Mapping[str, Outcome]:
        found = self._client.call("readTicket", {"ticket": ticket}, twins.parse_ticket, writing=False)
        return Pending(retry_after_s=found) if isinstance(found, float) else found

    def push_prices(self, prices: Sequence[PriceLevel]) -> Sequence[Outcome]:
        _at_most(len(prices), self.manifest.max_price_batch, "prices")
        if not prices:
            return []
        skus = [level.ref.channel_sku for level in prices]
        return self._client.call(
            "setPrices", twins.build_prices(prices), lambda answer: twins.parse_results(answer, skus), writing=True
        )

    # ---------------------------------------------------------------- listings

    def check_listing(self, draft: ListingDraft) -> Sequence[Problem]:
        return twins.check_draft(draft)

    def publish_listing(self, draft: ListingDraft) -> Outcome:
        # Known objections are told without bothering the channel; the channel itself recognises SKUs it already has,
        # so that publishing again after an unknown outcome makes no second listing.
        problems = twins.check_draft(draft)
        if problems:
            return Refused(problems=tuple(problems))
        try:
            return self._client.call("putListing", twins.build_listing(draft), twins.parse_listing, writing=True)
        except InvalidData as error:
            return _refused(error)

    def end_listing(self, ref: ListingRef) -> Outcome:
        try:
            return self._client.call(
                "endListing",
                {"sku": ref.channel_sku},
                lambda answer: Applied(external_id=answer["external_id"]),
                writing=True,
            )
        except Missing:
            return Applied(external_id=ref.external_id or "")

    def read_listings(self, refs: Sequence[ListingRef]) -> Sequence[ListingReport]:
        _at_most(len(refs), self.manifest.max_read_batch, "listings")
        if not refs:
            return []
        return self._client.call(
            "readListings",
            {"skus": [ref.channel_sku for ref in refs]},
            lambda answer: twins.parse_reports(answer, refs),
            writing=False,
        )

    def pull_listings(self, cursor: str | None, *, limit: int) -> ListingPage:
        _at_most(limit, self.manifest.max_listing_page, "listings")
        try:
            asked = twins.build_listing_query(cursor, limit)
        except ValueError as error:
            raise InvalidData("The place to go on pulling listings could not be read.", detail=str(error)) from error
        return self._client.call("listListings", asked, twins.parse_listing_page, writing=False)

    # ---------------------------------------------------------------- orders

    def pull_orders(self, cursor: str | None, *, limit: int) -> OrderPage:
        _at_most(limit, self.manifest.max_order_page, "orders")
        try:
            asked = twins.build_order_query(cursor, self._since, limit)
        except ValueError as error:
            raise InvalidData("The place to go on pulling orders could not be read.", detail=str(error)) from error

        def parse(answer: object) -> OrderPage:
            orders, bad, following, more, covered = twins.parse_order_page(answer, asked)
            return OrderPage(
                orders=tuple(orders), bad=tuple(bad), cursor=following, has_more=more, covered_until=covered
            )

        return self._client.call("listOrders", asked, parse, writing=False)

    def read_order(self, order_id: str) -> ChannelOrder:
        return self._client.call(
            "readOrder", {"order_id": order_id}, lambda answer: twins.parse_order(answer["order"]), writing=False
        )

    # ---------------------------------------------------------------- shipments and cancellations

    def confirm_shipment(self, confirmation: ShipmentConfirmation) -> Outcome:
        try:
            return self._client.call(
                "confirmShipment",
                twins.build_shipment(confirmation),
                lambda answer: Applied(external_id=answer["parcel_id"]),
                writing=True,
            )
        except InvalidData as error:
            return _refused(error)

    def find_shipment(self, order_id: str, tracking: str) -> Found | NotFound:
        parcels = self._client.call(
            "readShipments",
            {"order_id": order_id},
            lambda answer: [twins.parse_parcel(row) for row in answer["parcels"]],
            writing=False,
        )
        for parcel in parcels:
            if parcel.tracking == tracking:
                return Found(external_id=parcel.external_id)
        return NotFound()

    def cancel_order(self, request: CancelRequest) -> Outcome:
        asked = {"key": request.cancel_key, "order_id": request.order_id, "accept": request.accept}
        try:
            return self._client.call(
                "cancelOrder", asked, lambda answer: Applied(external_id=answer["cancellation"]), writing=True
            )
        except InvalidData as error:
            return _refused(error)

    # ---------------------------------------------------------------- webhooks

    def verify(self, headers: Mapping[str, str], body: bytes) -> Hint:
        secret = self._context.secrets.get("webhook_secret", "")
        given = next((value for name, value in headers.items() if name.lower() == "x-memory-signature"), "")
        # An empty secret would make every signature computable: refuse rather than pretend to check.
        if not secret or not hmac.compare_digest(sign(secret, body).encode(), given.encode()):
            raise InvalidData("The notification's signature does not fit.")
        try:
            told = json.loads(body)
            return Hint(
                event_id=str(told["event"]), topic=str(told["topic"]), order_ids=tuple(map(str, told["orders"]))
            )
        except (ValueError, LookupError, TypeError) as error:
            raise InvalidData("The notification could not be read.", detail=type(error).__name__) from error


class ComparingMemoryAdapter(MemoryAdapter):
    """The same, but stock is written only if the number there is the expected one."""

    manifest: ClassVar[Manifest] = replace(MANIFEST, stock_write="compare_and_set")


def build(context: BuildContext) -> MemoryAdapter:
    """The factory named in the manifest."""
    compares = context.settings["stock_write"] == "compare_and_set"
    return ComparingMemoryAdapter(context) if compares else MemoryAdapter(context)


def _at_most(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise InvalidData(f"At most {limit} {what} fit into one call, not {count}.")


def _refused(error: InvalidData) -> Refused:
    return Refused(problems=error.problems or (Problem(code=error.code or "refused", message=error.message),))
