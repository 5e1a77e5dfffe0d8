"""The Amazon adapter: it routes calls between the hub's words, the twins beside it and the client.

Design decisions, each for a fact of the channel:

* Stock and prices go SKU by SKU while a batch is small and as one JSON_LISTINGS_FEED from `feed_from` items on: a patch
  costs a token of five a second, a feed one of one in two minutes. A batch uses one way only, since a feed and a patch
  for the same SKU have no defined order (contracts README 2.6).
* Publishing puts what is new and patches what is there: a put replaces all attributes, also those the seller wrote by
  hand. A revision never writes the quantity; only a stock push does.
* Ending deletes the listings item. Quantity 0 would leave a listing that any stock push brings back and that reads as
  live; a deleted SKU can be put again and finds its ASIN by GTIN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from hub.channels.amazon import catalogue, feeds, listing_reports, listings, orders, prices, remote, shipments, stock
from hub.channels.amazon.client import SellingPartner
from hub.channels.amazon.cursors import open_window
from hub.channels.amazon.faults import garbled
from hub.channels.amazon.feed_desk import FeedDesk
from hub.channels.amazon.identity import identity
from hub.channels.amazon.manifest import MANIFEST
from hub.channels.amazon.publishing import Publisher
from hub.channels.amazon.settings import AmazonSettings
from hub.channels.amazon.submissions import errors_among, one_by_one, parse_submission, refused
from hub.channels.contract import (
    Applied,
    BuildContext,
    CancelRequest,
    ChannelOrder,
    Found,
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

#: Up to this many listings are read one by one: getListingsItem sees a new listing before the search does.
READ_SINGLY = 3
#: How many listings that a search did not find are looked up once more before they count as gone.
VERIFY_MISSING = 5


class AmazonAdapter:
    """One seller in one Amazon store. Safe for several threads: nothing changes after it is built."""

    manifest: ClassVar[Manifest] = MANIFEST

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        self._settings = settings = AmazonSettings.read(context)
        self._client = SellingPartner(
            context,
            api_url=settings.api_url,
            auth_url=settings.auth_url,
            marketplace_id=settings.marketplace_id,
            timeout_s=settings.timeout_s,
        )
        self._desk = FeedDesk(self._client, context, settings)
        self._place = settings.marketplace_id

    def probe(self) -> Identity:
        """Names the stores of the credentials; a note says when the account's own store is not among them."""
        return identity(self._client.participations(), self._settings)

    def close(self) -> None:
        self._client.close()

    # ---------------------------------------------------------------- stock and prices

    def push_stock(self, levels: Sequence[StockLevel]) -> Sequence[Outcome]:
        _at_most(len(levels), self.manifest.max_stock_batch, "stock levels")
        refusals = [stock.unsendable(level.ref) for level in levels]
        patches = [stock.build_stock_patch(level) for level in levels]
        return self._push([level.ref for level in levels], patches, refusals)

    def push_prices(self, prices_: Sequence[PriceLevel]) -> Sequence[Outcome]:
        _at_most(len(prices_), self.manifest.max_price_batch, "prices")
        refusals = [prices.unsendable(level, self._place) for level in prices_]
        patches = [prices.build_price_patch(level, self._place) for level in prices_]
        return self._push([level.ref for level in prices_], patches, refusals)

    def _push(
        self, refs: Sequence[ListingRef], patches: Sequence[dict[str, object]], refusals: Sequence[Refused | None]
    ) -> list[Outcome]:
        """One patch per listing, by feed or one by one; what is known to be wrong is not sent."""
        going = [index for index, refusal in enumerate(refusals) if refusal is None]
        outcomes: list[Outcome | None] = list(refusals)
        if len(going) >= self._settings.feed_from:
            messages = [
                feeds.build_patch_message(number, refs[i].channel_sku, self._type_of(refs[i]), [patches[i]])
                for number, i in enumerate(going, start=1)
            ]
            sent: Sequence[Outcome] = [Submitted(ticket=self._desk.submit_listings(messages))] * len(going)
        else:
            sent = one_by_one(going, lambda i: self._patch(refs[i], [patches[i]]))
        for index, outcome in zip(going, sent, strict=True):
            outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _patch(self, ref: ListingRef, patches: Sequence[Mapping[str, object]]) -> Outcome:
        body = {"productType": self._type_of(ref), "patches": list(patches)}
        told = self._client.patch_item(self._settings.seller_id, ref.channel_sku, {"marketplaceIds": self._place}, body)
        return parse_submission(told, operation="patchListingsItem", marketplace_id=self._place)[0]

    def _type_of(self, ref: ListingRef) -> str:
        return stock.product_type(ref, self._settings.product_type)

    def poll(self, ticket: str) -> Pending | Mapping[str, Outcome]:
        """Outcome per SKU of a listings feed; per order id of a cancellation."""
        return self._desk.poll(ticket)

    # ---------------------------------------------------------------- listings

    def check_listing(self, draft: ListingDraft) -> Sequence[Problem]:
        return listings.check_draft(draft, self._place, self._settings.product_type)

    def publish_listing(self, draft: ListingDraft) -> Outcome:
        problems = errors_among(self.check_listing(draft))
        if problems:
            return Refused(problems=tuple(problems))
        return Publisher(self._client, self._desk, self._settings).publish(draft)

    def end_listing(self, ref: ListingRef) -> Outcome:
        try:
            told = self._client.delete_item(self._settings.seller_id, ref.channel_sku, {"marketplaceIds": self._place})
        except Missing:
            return Applied(external_id=ref.external_id or "")
        except InvalidData as error:
            return refused(error)
        return parse_submission(told, operation="deleteListingsItem", marketplace_id=self._place)[0]

    def read_listings(self, refs: Sequence[ListingRef]) -> Sequence[ListingReport]:
        _at_most(len(refs), self.manifest.max_read_batch, "listings")
        # A comma would split a SKU in the search's list.
        searched = [ref.channel_sku for ref in refs if "," not in ref.channel_sku]
        found: dict[str, remote.Item] = {}
        sure = set(searched)
        if len(refs) > READ_SINGLY and searched:
            query = listing_reports.build_search_query(self._place, searched)
            found = listing_reports.parse_items(self._client.search_items(self._settings.seller_id, query))
            unseen = [sku for sku in searched if sku not in found]
            sure -= set(unseen[:VERIFY_MISSING])
        else:
            sure = set()
        return [self._report(ref, found.get(ref.channel_sku), gone=ref.channel_sku in sure) for ref in refs]

    def _report(self, ref: ListingRef, item: remote.Item | None, *, gone: bool) -> ListingReport:
        if item is None and not gone:
            try:
                told = self._client.item(
                    self._settings.seller_id, ref.channel_sku, listing_reports.build_item_query(self._place)
                )
            except Missing:
                return listing_reports.vanished(ref)
            item = listing_reports.parse_item(told)
        return listing_reports.vanished(ref) if item is None else listing_reports.report(item, ref, self._place)

    def pull_listings(self, cursor: str | None, *, limit: int) -> ListingPage:
        _at_most(limit, self.manifest.max_listing_page, "listings")
        window = catalogue.open_window(cursor)
        query = catalogue.build_query(window, marketplace_id=self._place, limit=limit)
        return catalogue.parse_page(
            self._client.search_items(self._settings.seller_id, query), window, marketplace_id=self._place
        )

    # ---------------------------------------------------------------- orders

    def pull_orders(self, cursor: str | None, *, limit: int) -> OrderPage:
        _at_most(limit, self.manifest.max_order_page, "orders")
        now = self._context.clock.now()
        window = open_window(cursor, since=self._settings.orders_since, now=now)
        try:
            told = self._client.search_orders(orders.build_order_query(window, marketplace_id=self._place, limit=limit))
        except (InvalidData, Missing):
            # A page token ends after 24 hours or when Amazon likes: the window is read again from its first page.
            again = window.restarted() if window.token is not None else None
            if again is None:
                raise
            self._context.log("amazon.order_window_restarted", restarts=again.restarts)
            window = again
            told = self._client.search_orders(orders.build_order_query(window, marketplace_id=self._place, limit=limit))
        return orders.parse_order_page(told, window, now)

    def read_order(self, order_id: str) -> ChannelOrder:
        return self._understood(self._client.order(order_id, orders.INCLUDED).get("order"))

    def _understood(self, raw: object) -> ChannelOrder:
        try:
            return orders.parse_order(raw)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise garbled("getOrder", str(error), writing=False) from error

    # ---------------------------------------------------------------- shipments and cancellations

    def confirm_shipment(self, confirmation: ShipmentConfirmation) -> Outcome:
        refusal = shipments.check_shipment(confirmation)
        if refusal is not None:
            return refusal
        try:
            self._client.confirm_shipment(confirmation.order_id, shipments.build_shipment(confirmation, self._place))
        except (InvalidData, Missing) as error:
            return refused(error)
        return Applied(external_id=str(confirmation.package_number))

    def find_shipment(self, order_id: str, tracking: str) -> Found | NotFound:
        told = self._client.order(order_id, ("PACKAGES",))
        return shipments.find_parcel(orders.read_order(told.get("order")), tracking)

    def cancel_order(self, request: CancelRequest) -> Outcome:
        if request.answers_request and not request.accept:
            # A buyer's request is declined by shipping: there is nothing to send (contracts README 2.4).
            return Applied(external_id=request.order_id)
        try:
            return self._desk.cancel(request)
        except (InvalidData, Missing) as error:
            return refused(error)


def build(context: BuildContext) -> AmazonAdapter:
    """The factory named in the manifest.

    Raises:
        Misconfigured: a setting or secret is missing or makes no sense.
    """
    return AmazonAdapter(context)


def _at_most(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise InvalidData(f"At most {limit} {what} fit into one call, not {count}.")
