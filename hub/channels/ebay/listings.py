"""Publishing and ending: the flows. The bodies they send are built in `listing_bodies`.

A listing the hub creates is an inventory item per variant, an offer per item, and for variants that share a page an
inventory item group whose key is the hub's own listing key. Every step says the whole truth again (eBay replaces, it
does not merge) and looks before it creates, so a publish may be repeated after any lost answer (contracts README 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hub.channels.contract import (
    Applied,
    InvalidData,
    ListingDraft,
    ListingRef,
    Missing,
    Outcome,
    Problem,
    Refused,
    Severity,
    VariantDraft,
)
from hub.channels.ebay import faults, rest, stock, trading
from hub.channels.ebay.client import Client
from hub.channels.ebay.listing_bodies import build_group, build_item, build_offer, check, group_key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """An offer as it stands on eBay before publishing."""

    offer_id: str
    listing_id: str  # empty unless published

    @classmethod
    def of(cls, offer: dict[str, Any]) -> _Standing:
        live = offer.get("status") == "PUBLISHED"
        listing = (offer.get("listing") or {}) if live else {}
        return cls(offer_id=str(offer.get("offerId") or ""), listing_id=str(listing.get("listingId") or ""))


def publish(client: Client, draft: ListingDraft) -> Outcome:
    problems = tuple(one for one in check(draft, client.config) if one.severity is Severity.ERROR)
    if problems:
        return Refused(problems=problems)
    foreign = [one for one in draft.variants if one.ref is not None and trading.is_trading(one.ref.facts)]
    if foreign:
        return Refused(problems=(_made_elsewhere(foreign[0]),))
    key = group_key_of(draft)
    try:
        return _publish_group(client, draft, key) if key else _publish_single(client, draft)
    except faults.RevisedTooOften as error:
        return faults.deferred(error)


def _made_elsewhere(variant: VariantDraft) -> Problem:
    return Problem(
        code="managed_by_trading",
        message=f"The listing of {variant.channel_sku} was made outside the hub. eBay lets the hub change its stock and "
        "price, but not its texts, until it is migrated to the Inventory API.",
    )


def _publish_single(client: Client, draft: ListingDraft) -> Outcome:
    variant = draft.variants[0]
    rest.put_inventory_item(client, variant.channel_sku, build_item(draft, variant))
    standing = _put_offer(client, draft, variant)
    listing_id = standing.listing_id or rest.publish_offer(client, standing.offer_id)
    ref = _ref(variant, standing.offer_id, listing_id, "")
    return Applied(external_id=listing_id, refs=(ref,))


def _publish_group(client: Client, draft: ListingDraft, key: str) -> Outcome:
    for variant in draft.variants:
        rest.put_inventory_item(client, variant.channel_sku, build_item(draft, variant))
    rest.put_item_group(client, key, build_group(draft, rest.get_item_group(client, key)))
    standings = [_put_offer(client, draft, variant) for variant in draft.variants]
    listing_id = next((one.listing_id for one in standings if one.listing_id), "")
    if not all(one.listing_id for one in standings):
        # Publishes the offers that are not yet live, into the same listing if there is one.
        listing_id = rest.publish_group(client, key)
    refs = tuple(
        _ref(variant, standing.offer_id, listing_id, key)
        for variant, standing in zip(draft.variants, standings, strict=True)
    )
    return Applied(external_id=listing_id, refs=refs)


def _put_offer(client: Client, draft: ListingDraft, variant: VariantDraft) -> _Standing:
    """Create the offer, or replace the one that is there: eBay keeps one per SKU, marketplace and format."""
    body = build_offer(draft, variant, client.config)
    offers = rest.get_offers(client, variant.channel_sku)
    if not offers:
        return _Standing(offer_id=rest.create_offer(client, body), listing_id="")
    standing = _Standing.of(offers[0])
    rest.update_offer(client, standing.offer_id, {name: body[name] for name in body if name not in _FIXED})
    return standing


# What updateOffer's schema (EbayOfferDetailsWithId) does not have: it can never change.
_FIXED = frozenset({"sku", "marketplaceId", "format"})


def _ref(variant: VariantDraft, offer_id: str, listing_id: str, key: str) -> ListingRef:
    facts = {"managed_by": "inventory_api", "offer_id": offer_id, "item_id": listing_id}
    if key:
        facts["group_key"] = key
    return ListingRef(channel_sku=variant.channel_sku, external_id=listing_id, facts=facts)


# ---------------------------------------------------------------- ending


def end(client: Client, ref: ListingRef) -> Outcome:
    """Take one listing off sale; what is gone already is Applied."""
    if trading.is_trading(ref.facts):
        return _end_trading(client, ref)
    offers = rest.get_offers(client, ref.channel_sku)
    if not offers:
        # No offer: either never ours, then it is a Trading listing if we know its number, or gone.
        ours = "offer_id" in ref.facts or ref.facts.get("managed_by") == "inventory_api"
        return Applied() if ours or not trading.item_id_of(ref) else _end_trading(client, ref)
    standing = _Standing.of(offers[0])
    if not standing.listing_id:
        return Applied(external_id=ref.external_id or "")
    key = ref.facts.get("group_key", "") or _group_of(client, ref.channel_sku)
    try:
        if key:
            return _end_variation(client, ref, standing, key)
        rest.withdraw_offer(client, standing.offer_id)
    except Missing:
        client.log("ebay_listing_gone", operation="withdrawOffer")
    return Applied(external_id=standing.listing_id)


def _group_of(client: Client, sku: str) -> str:
    for row in rest.bulk_get_inventory_item(client, [sku]):
        item = row.get("inventoryItem") or {}
        keys = item.get("inventoryItemGroupKeys") or item.get("groupIds") or []
        if keys:
            return str(keys[0])
    return ""


def _end_variation(client: Client, ref: ListingRef, standing: _Standing, key: str) -> Outcome:
    """The last variation ends the whole listing; any other is taken out of it, so that its siblings go on selling."""
    group = rest.get_item_group(client, key) or {}
    siblings = [sku for sku in group.get("variantSKUs") or [] if sku != ref.channel_sku]
    if not any(_is_live(client, sku) for sku in siblings):
        rest.withdraw_group(client, key)
        return Applied(external_id=standing.listing_id)
    try:
        rest.delete_offer(client, standing.offer_id)
    except InvalidData as error:
        # eBay keeps a variation that has sold and advises quantity 0 (deleteOffer, sell_inventory_v1).
        client.log("ebay_variation_kept", code=error.code)
        revision = trading.Revision(ref=ref, idempotency_key="", quantity=0)
        pairs = [(revision, standing.offer_id)]
        rows = rest.bulk_update_price_quantity(client, stock.build_bulk(pairs))
        return stock.parse_bulk(rows, pairs, client.clock.now())[0]
    return Applied(external_id=standing.listing_id)


def _is_live(client: Client, sku: str) -> bool:
    return any(_Standing.of(offer).listing_id for offer in rest.get_offers(client, sku))


def _end_trading(client: Client, ref: ListingRef) -> Outcome:
    if ref.facts.get("variation") == "yes":
        # Ending the item would end every variation; quantity 0 takes just this one off sale.
        return _zero(client, ref)
    root = client.trading("EndFixedPriceItem", trading.build_end(ref), writing=True)
    return trading.parse_end(root, ref, client.clock.now())


def _zero(client: Client, ref: ListingRef) -> Outcome:
    revision = trading.Revision(ref=ref, idempotency_key=f"end:{ref.channel_sku}:{ref.external_id}", quantity=0)
    request = trading.build_revise([revision])
    # No InvocationID here: it would make eBay ignore a second ending after the seller had put stock back.
    del request["InvocationID"]
    root = client.trading("ReviseInventoryStatus", request, writing=True)
    outcome = trading.parse_revise(root, [revision], client.clock.now())[0]
    gone = isinstance(outcome, Refused) and outcome.missing
    return Applied(external_id=trading.item_id_of(ref)) if gone else outcome
