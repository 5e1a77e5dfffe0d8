"""The feed desk: hands documents in, keeps who is in them, and asks what became of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hub.channels.amazon import feeds, orders, remote
from hub.channels.amazon.client import SellingPartner
from hub.channels.amazon.faults import AddressEnded, garbled, json_object
from hub.channels.amazon.settings import AmazonSettings
from hub.channels.contract import (
    Applied,
    BuildContext,
    CancellationState,
    CancelRequest,
    Deferred,
    Outcome,
    Pending,
    Problem,
    Refused,
    Submitted,
    Unclear,
)

#: A feed takes minutes; asking more often than this only uses the budget up.
ASK_AGAIN_S = 60.0
#: Feeds have been seen to wait for half a day; what is not done after three is sent again by then.
REMEMBER_S = 3 * 24 * 3600.0


class FeedDesk:
    """One account's feeds. Keeps nothing itself: the SKUs of a feed lie in the account's token store until it is done,
    because a ticket of 500 characters cannot name a thousand of them and a report names only those with issues."""

    def __init__(self, client: SellingPartner, context: BuildContext, settings: AmazonSettings) -> None:
        self._client = client
        self._context = context
        self._settings = settings

    def submit_listings(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """Hand a listings feed in; the text of its ticket. Nothing is applied when this raises, unless OutcomeUnknown."""
        document = feeds.build_listings_feed(self._settings.seller_id, messages)
        feed_id = self._submit(feeds.LISTINGS, feeds.LISTINGS_TYPE, document)
        skus = [str(message["sku"]) for message in messages]
        expires = self._context.clock.now().timestamp() + REMEMBER_S
        self._context.tokens.put(_key(feed_id), json.dumps(skus, ensure_ascii=False), expires)
        return feeds.Ticket(feed_id=feed_id, kind="listings").text()

    def cancel(self, request: CancelRequest) -> Outcome:
        """Cancel whole items of an order by feed, after a look at what is left to cancel."""
        answer = self._client.order(request.order_id, ("CANCELLATION", "FULFILLMENT"))
        order = orders.parse_order(answer.get("order"))
        if order.cancellation is CancellationState.CANCELLED:
            return Applied(external_id=request.order_id)
        asked = {line_id for line_id, _ in request.lines}
        open_items = [line.line_id for line in order.lines if line.quantity > line.shipped]
        items = [line_id for line_id in open_items if not asked or line_id in asked]
        if not items:
            problem = Problem(code="nothing_to_cancel", message="Everything of this order is shipped or cancelled.")
            return Refused(problems=(problem,))
        document = feeds.build_cancellation(request.order_id, items, request.reason)
        feed_id = self._submit(feeds.CANCELLATION, feeds.CANCELLATION_TYPE, document)
        return Submitted(ticket=feeds.Ticket(feed_id=feed_id, kind="cancel", order_id=request.order_id).text())

    def _submit(self, feed_type: str, content_type: str, document: bytes) -> str:
        try:
            document_id = self._upload(content_type, document)
        except AddressEnded:
            document_id = self._upload(content_type, document)
        body = feeds.build_feed(feed_type, document_id, self._settings.marketplace_id)
        told = remote.read(remote.NewFeed, self._client.create_feed(body), operation="createFeed", writing=True)
        self._context.log("amazon.feed_submitted", feed=told.feed_id, type=feed_type, bytes=len(document))
        return told.feed_id

    def _upload(self, content_type: str, document: bytes) -> str:
        told = self._client.create_document(content_type)
        made = remote.read(remote.NewDocument, told, operation="createFeedDocument", writing=True)
        self._client.upload(made.url, content_type, document)
        return made.feed_document_id

    # ---------------------------------------------------------------- what became of it

    def poll(self, text: str) -> Pending | Mapping[str, Outcome]:
        """Pending, or the outcome per SKU (per order id for a cancellation)."""
        ticket = feeds.Ticket.parse(text)
        feed = remote.read(remote.Feed, self._client.feed(ticket.feed_id), operation="getFeed")
        match feed.processing_status:
            case "IN_QUEUE" | "IN_PROGRESS":
                return Pending(retry_after_s=ASK_AGAIN_S)
            case "CANCELLED":
                return self._all(ticket, Deferred(retry_after_s=ASK_AGAIN_S, why="Amazon cancelled the feed unread."))
            case "DONE" | "FATAL" if feed.result_feed_document_id:
                return self._finished(ticket, feed)
            case "DONE" | "FATAL":
                return self._undocumented(ticket)
            case other:
                raise garbled("getFeed", f"unknown processing status {other!r}", writing=False)

    def _finished(self, ticket: feeds.Ticket, feed: remote.Feed) -> Mapping[str, Outcome]:
        document_id = feed.result_feed_document_id or ""
        where = remote.read(remote.Document, self._client.document(document_id), operation="getFeedDocument")
        body = self._client.download(where.url, gzipped=where.compression_algorithm == "GZIP")
        if ticket.kind == "cancel":
            told = feeds.parse_cancellation_report(body)
            return {ticket.order_id: told} if told is not None else self._undocumented(ticket)
        report = json_object(body)
        if report is None:
            raise garbled("downloadFeedDocument", f"{len(body)} bytes that are no JSON object", writing=False)
        return feeds.parse_listings_report(report, self._members(ticket))

    def _undocumented(self, ticket: feeds.Ticket) -> Mapping[str, Outcome]:
        """A finished feed without a usable report: some, none or all of it may have been applied."""
        if ticket.kind == "listings":
            return self._all(ticket, Unclear(why="Amazon finished the feed without saying what it applied."))
        order = orders.parse_order(self._client.order(ticket.order_id, ("CANCELLATION", "FULFILLMENT")).get("order"))
        if order.cancellation is CancellationState.CANCELLED:
            return {ticket.order_id: Applied(external_id=ticket.order_id)}
        return {ticket.order_id: Unclear(why="Amazon does not show the order as cancelled yet.")}

    def _all(self, ticket: feeds.Ticket, outcome: Outcome) -> Mapping[str, Outcome]:
        members = [ticket.order_id] if ticket.kind == "cancel" else self._members(ticket)
        return dict.fromkeys(members, outcome)

    def _members(self, ticket: feeds.Ticket) -> list[str]:
        kept = self._context.tokens.get(_key(ticket.feed_id))
        if kept is None:
            self._context.log("amazon.feed_members_forgotten", feed=ticket.feed_id)
            return []
        return [str(sku) for sku in json.loads(kept)]


def _key(feed_id: str) -> str:
    return f"feed:{feed_id}"
