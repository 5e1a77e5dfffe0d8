"""Translations between the hub's records and the marketplace's JSON, pure both ways: `build_…` theirs, `parse_…` ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hub.channels.contract import (
    Address,
    Applied,
    BadListing,
    BadRecord,
    Buyer,
    CancellationState,
    ChannelListing,
    ChannelOrder,
    ChannelOrderLine,
    ChannelShipment,
    FulfilmentState,
    ListingDraft,
    ListingPage,
    ListingRef,
    ListingReport,
    ListingState,
    OrderTotals,
    Outcome,
    PaymentState,
    PriceLevel,
    Problem,
    Refused,
    ShipmentConfirmation,
    Stale,
    StockLevel,
    Unclear,
)
from hub.channels.memory.marketplace import SKU_MAX, TITLE_MAX
from hub.kernel.clock import parse_instant
from hub.kernel.money import Money
from hub.kernel.text import shorten

# ---------------------------------------------------------------- stock and prices


def build_stock(levels: Sequence[StockLevel], *, compare: bool, later: bool) -> dict[str, Any]:
    items = [
        {"sku": level.ref.channel_sku, "quantity": level.quantity, "expected": level.expected if compare else None}
        for level in levels
    ]
    return {"items": items, "later": later}


def build_prices(prices: Sequence[PriceLevel]) -> dict[str, Any]:
    return {
        "items": [
            {"sku": level.ref.channel_sku, "price_minor": level.price.minor, "currency": level.price.currency}
            for level in prices
        ]
    }


def parse_results(answer: Any, skus: Sequence[str]) -> list[Outcome]:
    """One outcome per SKU, in the order asked; one that the answer does not mention may or may not have been done."""
    found = {row["sku"]: _outcome(row) for row in answer["results"]}
    return [found.get(sku, Unclear(why="the answer does not mention this item")) for sku in skus]


def parse_ticket(answer: Any) -> Mapping[str, Outcome] | float:
    """Outcome per SKU, or the seconds until asking again."""
    if not answer["done"]:
        return float(answer["retry_after_s"])
    return {str(row["sku"]): _outcome(row) for row in answer["results"]}


def _outcome(row: Mapping[str, Any]) -> Outcome:
    match row["status"]:
        case "done":
            return Applied(observed=row.get("observed"))
        case "stale":
            return Stale(observed=row.get("observed"))
        case "missing" | "refused" as status:
            problem = Problem(code=status, message=str(row["message"]), field=row.get("field"))
            return Refused(problems=(problem,), missing=status == "missing")
        case other:
            return Unclear(why=f"the marketplace answered {shorten(repr(other), 40)}")


# ---------------------------------------------------------------- listings


def check_draft(draft: ListingDraft) -> list[Problem]:
    """Everything that the marketplace would object to, found without asking it."""
    problems: list[Problem] = []

    def object_to(field: str, message: str, code: str = "value") -> None:
        problems.append(Problem(code=code, message=message, field=field))

    if not 1 <= len(draft.title) <= TITLE_MAX:
        object_to("title", f"The title has {len(draft.title)} characters; the marketplace takes 1 to {TITLE_MAX}.")
    if any(ord(ch) < 32 for ch in draft.title):
        object_to("title", "The title contains control characters, such as a line break.")
    if not draft.variants:
        object_to("variants", "There is nothing to sell: the draft has no variant.", "missing")
    skus = [variant.channel_sku for variant in draft.variants]
    for sku in sorted({sku for sku in skus if skus.count(sku) > 1}):
        object_to("channel_sku", f"The SKU {sku!r} is used by more than one variant.", "duplicate")
    if len({variant.price.currency for variant in draft.variants}) > 1:
        object_to("price", "All variants of a listing need prices in one currency.")
    options = [tuple(sorted(variant.options.items())) for variant in draft.variants]
    if len(draft.variants) > 1 and len(set(options)) < len(options):
        object_to("options", "Two variants have the same options; a buyer could not tell them apart.", "duplicate")
    for variant in draft.variants:
        if not 1 <= len(variant.channel_sku) <= SKU_MAX:
            object_to("channel_sku", f"A SKU has 1 to {SKU_MAX} characters, this one {len(variant.channel_sku)}.")
        if variant.price.minor <= 0:
            object_to("price", f"The price of {shorten(variant.channel_sku, 40)!r} must be above zero.")
        if variant.quantity < 0:
            object_to("quantity", f"The quantity of {shorten(variant.channel_sku, 40)!r} must not be negative.")
    return problems


def build_listing(draft: ListingDraft) -> dict[str, Any]:
    return {
        "listing_key": draft.listing_key,
        "title": draft.title,
        "description": draft.description,
        "brand": draft.brand,
        "category": draft.category,
        "images": list(draft.images),
        "variants": [
            {
                "sku": variant.channel_sku,
                "price_minor": variant.price.minor,
                "currency": variant.price.currency,
                "quantity": variant.quantity,
                "options": dict(variant.options),
                "gtin": variant.gtin,
            }
            for variant in draft.variants
        ],
    }


def parse_listing(answer: Any) -> Applied:
    refs = tuple(
        ListingRef(channel_sku=str(row["sku"]), external_id=str(row["external_id"])) for row in answer["listings"]
    )
    return Applied(external_id=refs[0].external_id or "", refs=refs)


_STATES = {
    "live": ListingState.LIVE,
    "accepted": ListingState.ACCEPTED,
    "suppressed": ListingState.SUPPRESSED,
    "ended": ListingState.ENDED,
}


def parse_reports(answer: Any, refs: Sequence[ListingRef]) -> list[ListingReport]:
    rows = {row["sku"]: row for row in answer["listings"]}
    reports = []
    for ref in refs:
        row = rows.get(ref.channel_sku)
        if row is None:
            reports.append(ListingReport(ref=ref, state=ListingState.VANISHED))
            continue
        reports.append(
            ListingReport(
                ref=ListingRef(channel_sku=ref.channel_sku, external_id=str(row["external_id"]), facts=ref.facts),
                state=_STATES[row["state"]],
                quantity=int(row["quantity"]),
                price=Money(minor=int(row["price_minor"]), currency=row["currency"]),
            )
        )
    return reports


def build_listing_query(cursor: str | None, limit: int) -> dict[str, Any]:
    """The question for the next page of listings.

    Raises:
        ValueError: the cursor is none of ours.
    """
    if cursor is None:
        return {"after": None, "limit": limit}
    kept = json.loads(cursor)
    if not isinstance(kept, dict) or kept.get("of") != "listings" or not isinstance(kept.get("after"), str):
        raise ValueError(f"not a cursor of this channel: {shorten(cursor, 60)}")
    return {"after": kept["after"], "limit": limit}


def parse_listing_page(answer: Any) -> ListingPage:
    """The page; a listing that has no sound shape is told apart and stops nothing."""
    listings: list[ChannelListing] = []
    bad: list[BadListing] = []
    for row in answer["listings"]:
        try:
            listings.append(_channel_listing(row))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            key = str(row["external_id"]) if isinstance(row, dict) and "external_id" in row else None
            bad.append(
                BadListing(why=f"{type(error).__name__}: {shorten(str(error), 200)}", key=key, raw=json.dumps(row))
            )
    after = answer["after"]
    return ListingPage(
        listings=tuple(listings),
        bad=tuple(bad),
        cursor=json.dumps({"of": "listings", "after": after or ""}),
        has_more=after is not None,
    )


def _channel_listing(row: Mapping[str, Any]) -> ChannelListing:
    return ChannelListing(
        key=str(row["external_id"]),
        ref=ListingRef(channel_sku=str(row["sku"]), external_id=str(row["external_id"])),
        state=_STATES[row["state"]],
        title=str(row["title"]),
        description=str(row["description"]),
        brand=str(row["brand"]),
        gtins=(str(row["gtin"]),) if row["gtin"] else (),
        price=Money(minor=int(row["price_minor"]), currency=row["currency"]),
        quantity=int(row["quantity"]),
        images=tuple(map(str, row["images"])),
        options={str(axis): str(value) for axis, value in row["options"].items()},
        group=str(row["page"]) if row["options"] else "",
        category=str(row["category"]),
        raw=json.dumps(row, ensure_ascii=False),
    )


# ---------------------------------------------------------------- orders


def build_order_query(cursor: str | None, since: datetime, limit: int) -> dict[str, Any]:
    """The question for the next page.

    Raises:
        ValueError: the cursor is none of ours.
    """
    if cursor is None:
        return {"changed_from": since.isoformat(), "after": None, "limit": limit}
    try:
        kept = json.loads(cursor)
        parse_instant(kept["from"])
        return {"changed_from": kept["from"], "after": kept["after"], "limit": limit}
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"not a cursor of this channel: {shorten(cursor, 60)}") from error


def parse_order_page(
    answer: Any, asked: Mapping[str, Any]
) -> tuple[list[ChannelOrder], list[BadRecord], str, bool, datetime]:
    """Orders, unreadable ones, the next cursor, whether there is more now, and the time that the answer covers."""
    orders: list[ChannelOrder] = []
    bad: list[BadRecord] = []
    for row in answer["orders"]:
        try:
            orders.append(parse_order(row))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            order_id = str(row["order_id"]) if isinstance(row, dict) and "order_id" in row else None
            why = f"{type(error).__name__}: {shorten(str(error), 200)}"
            bad.append(BadRecord(why=why, order_id=order_id, raw=json.dumps(row)))
    as_of = parse_instant(answer["as_of"])
    if answer["after"] is not None:
        cursor = {"from": asked["changed_from"], "after": answer["after"]}
    else:
        # The next round starts where this answer's view ended, inclusive: a change within the same instant comes again
        # rather than never. It must not move back either, which a lag would do on the first round.
        cursor = {"from": max(as_of, parse_instant(asked["changed_from"])).isoformat(), "after": None}
    return orders, bad, json.dumps(cursor), answer["after"] is not None, as_of


def parse_order(row: Mapping[str, Any]) -> ChannelOrder:
    currency = str(row["currency"])

    def money(minor: Any) -> Money:
        return Money(minor=minor, currency=currency)

    lines = tuple(
        ChannelOrderLine(
            line_id=str(line["line_id"]),
            quantity=int(line["quantity"]),
            unit_price=money(line["price_minor"]),
            channel_sku=line["sku"],
            external_id=line["external_id"],
            title=str(line["title"]),
            shipped=int(line["shipped"]),
        )
        for line in row["lines"]
    )
    address = row["ship_to"]
    return ChannelOrder(
        order_id=str(row["order_id"]),
        display_id=str(row["order_id"]),
        placed_at=parse_instant(row["placed_at"]).astimezone(UTC),
        updated_at=parse_instant(row["changed_at"]).astimezone(UTC),
        currency=currency,
        payment=PaymentState(row["payment"]),
        fulfilment=_fulfilment(lines),
        cancellation=CancellationState(row["cancellation"]),
        lines=lines,
        totals=OrderTotals(
            total=money(row["items_minor"] + row["shipping_minor"]),
            items=money(row["items_minor"]),
            shipping=money(row["shipping_minor"]),
            tax=money(0),
            discount=money(0),
        ),
        ship_to=Address(
            name=str(address.get("name", "")),
            line1=str(address.get("line1", "")),
            city=str(address.get("city", "")),
            postal_code=str(address.get("postal_code", "")),
            country=str(address.get("country", "")),
        ),
        buyer=Buyer(name=str(row["buyer"].get("name", "")), email=str(row["buyer"].get("email", ""))),
        shipments=tuple(parse_parcel(parcel) for parcel in row["parcels"]),
        raw=json.dumps(row, ensure_ascii=False),
    )


def _fulfilment(lines: Sequence[ChannelOrderLine]) -> FulfilmentState:
    shipped = sum(line.shipped for line in lines)
    if shipped == 0:
        return FulfilmentState.UNFULFILLED
    return FulfilmentState.FULFILLED if shipped >= sum(line.quantity for line in lines) else FulfilmentState.PARTIAL


# ---------------------------------------------------------------- shipments


def build_shipment(confirmation: ShipmentConfirmation) -> dict[str, Any]:
    return {
        "key": confirmation.shipment_key,
        "order_id": confirmation.order_id,
        "carrier": confirmation.carrier,
        "tracking": confirmation.tracking,
        "lines": dict(confirmation.lines),
    }


def parse_parcel(row: Mapping[str, Any]) -> ChannelShipment:
    return ChannelShipment(
        external_id=str(row["parcel_id"]),
        tracking=str(row["tracking"]),
        carrier=str(row["carrier"]),
        lines=tuple((str(line_id), int(quantity)) for line_id, quantity in row["lines"].items()),
    )
