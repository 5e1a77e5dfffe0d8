"""Listing reports: Amazon's view of one listing in the hub's words (contracts README 2.6)."""

from __future__ import annotations

from typing import Any

from hub.channels.amazon import remote
from hub.channels.amazon.stock import MERCHANT
from hub.channels.amazon.submissions import errors_among, problem_of
from hub.channels.contract import ListingRef, ListingReport, ListingState, Problem
from hub.kernel.money import Money

INCLUDED = ("summaries", "issues", "offers", "fulfillmentAvailability", "productTypes")
#: Enforcements that take a listing off sale or out of sight (listings model, `IssueEnforcementAction`).
_SUPPRESSING = ("LISTING_SUPPRESSED", "CATALOG_ITEM_REMOVED", "SEARCH_SUPPRESSED")


def build_item_query(marketplace_id: str) -> dict[str, Any]:
    return {"marketplaceIds": marketplace_id, "includedData": ",".join(INCLUDED)}


def build_search_query(marketplace_id: str, skus: list[str]) -> dict[str, Any]:
    """Look up to 20 SKUs up at once. The list is comma-joined, so that no SKU may hold a comma."""
    return {
        **build_item_query(marketplace_id),
        "identifiers": ",".join(skus),
        "identifiersType": "SKU",
        "pageSize": 20,
    }


def vanished(ref: ListingRef) -> ListingReport:
    return ListingReport(ref=ref, state=ListingState.VANISHED)


def parse_items(payload: Any) -> dict[str, remote.Item]:
    """The answer of searchListingsItems by SKU."""
    found = remote.read(remote.ItemSearch, payload, operation="searchListingsItems")
    return {item.sku: item for item in found.items}


def parse_item(payload: Any) -> remote.Item:
    return remote.read(remote.Item, payload, operation="getListingsItem")


def report(item: remote.Item, ref: ListingRef, marketplace_id: str) -> ListingReport:
    """What the hub should believe of a listing.

    * BUYABLE is LIVE, whatever issues it has.
    * Not buyable and enforced against is SUPPRESSED; not buyable with other errors is REJECTED.
    * Not buyable without errors, in the catalogue (it has an ASIN) and with quantity 0 is LIVE and sold out: stock
      alone would bring it back. Amazon shows such a listing as DISCOVERABLE only or with no status at all.
    * Anything else is ACCEPTED: there, and not (yet) buyable.
    """
    summary = next((s for s in item.summaries or () if s.marketplace_id == marketplace_id), None)
    issues = [i for i in item.issues or () if not i.marketplace_ids or marketplace_id in i.marketplace_ids]
    problems = tuple(problem_of(issue) for issue in issues)
    channel, quantity = _availability(item)
    return ListingReport(
        ref=_ref(item, ref, summary, marketplace_id, channel),
        state=_state(summary, issues, problems, quantity),
        quantity=quantity,
        price=_price(item, marketplace_id),
        issues=problems,
    )


def _state(
    summary: remote.Summary | None, issues: list[remote.Issue], problems: tuple[Problem, ...], quantity: int | None
) -> ListingState:
    if summary is not None and "BUYABLE" in (summary.status or ()):
        return ListingState.LIVE
    if any(_suppresses(issue) for issue in issues):
        return ListingState.SUPPRESSED
    if errors_among(problems):
        return ListingState.REJECTED
    if summary is not None and summary.asin and quantity == 0:
        return ListingState.LIVE
    return ListingState.ACCEPTED


def _suppresses(issue: remote.Issue) -> bool:
    found = issue.enforcements
    exempt = found is not None and found.exemption is not None and found.exemption.status != "NOT_EXEMPT"
    return found is not None and not exempt and any(a.action in _SUPPRESSING for a in found.actions or ())


def _availability(item: remote.Item) -> tuple[str, int | None]:
    """Fulfilment channel and quantity. Units in Amazon's warehouses are not the seller's to count."""
    rows = item.fulfillment_availability or []
    mine = next((row for row in rows if row.fulfillment_channel_code == MERCHANT), None)
    if mine is not None:
        return MERCHANT, mine.quantity
    return (rows[0].fulfillment_channel_code, None) if rows else (MERCHANT, None)


def _price(item: remote.Item, marketplace_id: str) -> Money | None:
    for offer in item.offers or ():
        everybody = offer.audience is None or offer.audience.value in (None, "ALL")
        if offer.marketplace_id == marketplace_id and offer.offer_type == "B2C" and everybody:
            return Money.parse(str(offer.price.amount), offer.price.currency_code)
    return None


def _ref(
    item: remote.Item, ref: ListingRef, summary: remote.Summary | None, marketplace_id: str, channel: str
) -> ListingRef:
    typed = next((p.product_type for p in item.product_types or () if p.marketplace_id == marketplace_id), None)
    facts = {
        **ref.facts,
        "marketplace_id": marketplace_id,
        "fulfilment_channel": channel,
    }
    product_type = typed or (summary.product_type if summary else None)
    if product_type:
        facts["product_type"] = product_type
    return ListingRef(
        channel_sku=ref.channel_sku,
        external_id=(summary.asin if summary else None) or ref.external_id,
        facts=facts,
    )
