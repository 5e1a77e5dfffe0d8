"""What eBay shows of our listings: offers and inventory items, or GetItem for listings made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.channels.contract import ListingRef, ListingReport, ListingState, Problem
from hub.channels.ebay import rest, trading
from hub.channels.ebay.client import Client
from hub.kernel.money import Money

# offer.listing.listingStatus (README 3.8); NOT_LISTED: published, but not yet on the site.
_STATES = {
    "ACTIVE": ListingState.LIVE,
    "OUT_OF_STOCK": ListingState.LIVE,
    "INACTIVE": ListingState.SUPPRESSED,
    "ENDED": ListingState.ENDED,
    "EBAY_ENDED": ListingState.ENDED,
    "NOT_LISTED": ListingState.ACCEPTED,
}


def read(client: Client, refs: Sequence[ListingRef]) -> list[ListingReport]:
    """One report per ref, in order."""
    ours = sorted({one.channel_sku for one in refs if not trading.is_trading(one.facts)})
    items: dict[str, Mapping[str, Any]] = {}
    for row in rest.bulk_get_inventory_item(client, ours) if ours else []:
        item = row.get("inventoryItem")
        if isinstance(item, dict):
            items[str(row.get("sku") or item.get("sku") or "")] = item
    return [_read_one(client, ref, items.get(ref.channel_sku)) for ref in refs]


def _read_one(client: Client, ref: ListingRef, item: Mapping[str, Any] | None) -> ListingReport:
    if trading.is_trading(ref.facts):
        return _get_item(client, ref)
    offers = rest.get_offers(client, ref.channel_sku) if item is not None else []
    if offers:
        return parse_offer(offers[0], item or {}, ref)
    if trading.item_id_of(ref) and not ref.facts.get("offer_id"):
        # Known by its number and not ours: a listing made on the site or through Trading.
        return _get_item(client, ref)
    return ListingReport(ref=ref, state=ListingState.VANISHED)


def _get_item(client: Client, ref: ListingRef) -> ListingReport:
    root = client.trading("GetItem", trading.build_get_item(ref), writing=False)
    return trading.parse_get_item(root, ref, client.clock.now())


def parse_offer(offer: Mapping[str, Any], item: Mapping[str, Any], ref: ListingRef) -> ListingReport:
    """The report of one offer with its inventory item.

    Buyers can take the smaller of the offer's and the item's quantity (schema of ShipToLocationAvailability).
    """
    listing = offer.get("listing") or {}
    listing_id = str(listing.get("listingId") or "")
    facts = {**ref.facts, "managed_by": "inventory_api", "offer_id": str(offer.get("offerId") or "")}
    keys = item.get("inventoryItemGroupKeys") or item.get("groupIds") or []
    if keys:
        facts["group_key"] = str(keys[0])
    if listing_id:
        facts["item_id"] = listing_id
    state, issues = _state(offer, listing, ref)
    sold_out = listing.get("listingStatus") == "OUT_OF_STOCK"
    quantity = 0 if sold_out or state is not ListingState.LIVE else _available(offer, item)
    return ListingReport(
        ref=ListingRef(channel_sku=ref.channel_sku, external_id=listing_id or ref.external_id, facts=facts),
        state=state,
        quantity=quantity,
        price=_price(offer),
        issues=issues,
    )


def _state(
    offer: Mapping[str, Any], listing: Mapping[str, Any], ref: ListingRef
) -> tuple[ListingState, tuple[Problem, ...]]:
    if offer.get("status") != "PUBLISHED":
        # An unpublished offer has no listing: withdrawn if the hub knew one, else not published so far.
        return (ListingState.ENDED if ref.external_id else ListingState.ACCEPTED), ()
    if listing.get("listingOnHold"):
        text = "eBay has put this listing on hold; see the seller's messages."
        return ListingState.SUPPRESSED, (Problem(code="25096", message=text),)
    status = str(listing.get("listingStatus") or "ACTIVE")
    if status in _STATES:
        return _STATES[status], ()
    return ListingState.SUPPRESSED, (Problem(code="listing_status", message=f"eBay says {status}."),)


def _available(offer: Mapping[str, Any], item: Mapping[str, Any]) -> int | None:
    at_item = ((item.get("availability") or {}).get("shipToLocationAvailability") or {}).get("quantity")
    known = [one for one in (offer.get("availableQuantity"), at_item) if isinstance(one, int)]
    return max(0, min(known)) if known else None


def _price(offer: Mapping[str, Any]) -> Money | None:
    amount = (offer.get("pricingSummary") or {}).get("price") or {}
    if not amount.get("value") or not amount.get("currency"):
        return None
    return Money.parse(str(amount["value"]), str(amount["currency"]))
