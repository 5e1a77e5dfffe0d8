"""What became of listings: state, quantity and price as Shopify shows them now."""

from __future__ import annotations

from collections.abc import Sequence

from hub.channels.contract.records import ListingRef, ListingReport, ListingState, Problem, Severity
from hub.channels.shopify import queries
from hub.channels.shopify.shop import Seen, Shop, parse_variant, variant_id_of
from hub.kernel.money import Money


def report(ref: ListingRef, seen: Seen | None, *, currency: str, has_online_store: bool) -> ListingReport:
    """One variant in the hub's words.

    LIVE: the product is ACTIVE (or UNLISTED: to be had by its link) and on the online store, or the shop has none.
    """
    if seen is None:
        return ListingReport(ref=ref, state=ListingState.VANISHED)
    issues = []
    if seen.status == "ARCHIVED":
        state = ListingState.ENDED
    elif seen.status not in ("ACTIVE", "UNLISTED"):
        state = ListingState.ACCEPTED
        issues.append(_issue("DRAFT", "The product is a draft in Shopify."))
    elif not seen.online and has_online_store:
        state = ListingState.ACCEPTED
        issues.append(_issue("NOT_PUBLISHED", "The product is not published to the online store."))
    else:
        state = ListingState.LIVE
    if not seen.tracked:
        issues.append(_issue("NOT_TRACKED", "Shopify does not track the stock of this variant: it never sells out."))
    if seen.sku != ref.channel_sku:
        issues.append(_issue("SKU_CHANGED", f"In Shopify this variant now has the SKU «{seen.sku}»."))
    return ListingReport(
        ref=seen.ref(ref.channel_sku, ref.facts),
        state=state,
        # Less than nothing happens in Shopify (oversold): buyers can take 0.
        quantity=max(0, seen.available or 0) if seen.tracked else None,
        price=Money.parse(seen.price, currency),
        issues=tuple(issues),
    )


def _issue(code: str, message: str) -> Problem:
    return Problem(code=code, message=message, severity=Severity.WARNING)


def read(shop: Shop, refs: Sequence[ListingRef]) -> list[ListingReport]:
    """One report per reference, in order: by variant id where known, else (or if that is gone) by SKU."""
    if not refs:
        return []
    location, currency = shop.location(), shop.currency()
    ids = list(dict.fromkeys(known for ref in refs if (known := variant_id_of(ref)) is not None))
    seen: dict[str, Seen] = {}
    for start in range(0, len(ids), 100):
        data = shop.client.run(queries.VARIANTS, {"ids": ids[start : start + 100], "location": location})
        for node in data["nodes"]:
            if node and "product" in node:
                seen[str(node["id"])] = parse_variant(node)
    lost = [ref.channel_sku for ref in refs if variant_id_of(ref) not in seen]
    by_sku = shop.find(lost) if lost else {}
    everything = list(seen.values()) + [found for group in by_sku.values() for found in group]
    # Only asked for when it decides something.
    hidden = any(not found.online and found.status in ("ACTIVE", "UNLISTED") for found in everything)
    has_store = hidden and shop.has_online_store()
    reports = []
    for ref in refs:
        found = seen.get(variant_id_of(ref) or "")
        group = [] if found else by_sku[ref.channel_sku]
        one = report(ref, found or (group[0] if group else None), currency=currency, has_online_store=has_store)
        if len(group) > 1:
            text = f"{len(group)} variants in Shopify have the SKU {ref.channel_sku}; this is the first of them."
            one = ListingReport(
                ref=one.ref, state=one.state, quantity=one.quantity, price=one.price,
                issues=(*one.issues, _issue("SKU_NOT_UNIQUE", text)),
            )  # fmt: skip
        reports.append(one)
    return reports
