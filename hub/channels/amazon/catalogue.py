"""Everything that the account lists in its store, page by page (searchListingsItems; contracts README 2.6).

A search shows its first thousand SKUs and no more (model, ItemSearchResults.numberOfResults). So the listings are read
in the order in which they were created, and when a search ends before all were seen, the next one begins at the instant
at which the last listing was created; those of that instant which came already are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from hub.channels.amazon import listing_reports, remote
from hub.channels.amazon.faults import garbled
from hub.channels.contract import (
    BadListing,
    ChannelListing,
    InvalidData,
    ListingPage,
    ListingRef,
    Unsupported,
)
from hub.kernel.clock import parse_instant
from hub.kernel.ids import digest
from hub.kernel.text import shorten

SEARCH = "searchListingsItems"
INCLUDED = (*listing_reports.INCLUDED, "attributes", "relationships")
#: SKUs of one instant that a cursor can remember within its 4 KB.
EDGE_MAX = 120
_MARK = 8  # hex digits kept of a SKU
_GTIN_TYPES = ("ean", "upc", "gtin", "isbn", "jan")
_PICTURES = ("main_product_image_locator", *(f"other_product_image_locator_{n}" for n in range(1, 9)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One search: listings created since `after` (None = ever), at the page `token`; `seen` have come from it so far.

    `last` is when the latest of them was created, `edge` the marks of those created in that very instant, `skip` the
    marks of those which the window before this one delivered at `after`.
    """

    after: str | None = None
    token: str | None = None
    seen: int = 0
    last: str | None = None
    edge: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    def cursor(self) -> str:
        parts = {
            "of": "listings", "after": self.after, "token": self.token, "seen": self.seen, "last": self.last,
            "edge": "".join(self.edge), "skip": "".join(self.skip),
        }  # fmt: skip
        return json.dumps(parts, separators=(",", ":"))


def open_window(cursor: str | None) -> Window:
    """The search to go on with.

    Raises:
        InvalidData: the cursor is not one of ours.
    """
    if cursor is None:
        return Window()
    try:
        parts = json.loads(cursor)
        if parts["of"] != "listings":
            raise ValueError("a cursor of something else")
        for name in ("after", "last"):
            if parts[name] is not None:
                parse_instant(parts[name])
        return Window(
            after=parts["after"], token=parts["token"], seen=int(parts["seen"]), last=parts["last"],
            edge=_marks(parts["edge"]), skip=_marks(parts["skip"]),
        )  # fmt: skip
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidData("The place to go on pulling listings could not be read.", detail=str(error)) from error


def _marks(text: str) -> tuple[str, ...]:
    return tuple(text[start : start + _MARK] for start in range(0, len(text), _MARK))


def _mark(sku: str) -> str:
    return digest(sku)[:_MARK]


def build_query(window: Window, *, marketplace_id: str, limit: int) -> dict[str, Any]:
    query: dict[str, Any] = {
        "marketplaceIds": marketplace_id,
        "includedData": ",".join(INCLUDED),
        "sortBy": "createdDate",
        "sortOrder": "ASC",
        "pageSize": limit,
    }
    if window.after is not None:
        query["createdAfter"] = window.after
    if window.token is not None:
        query["pageToken"] = window.token
    return query


def parse_page(payload: Any, window: Window, *, marketplace_id: str) -> ListingPage:
    """The page and the cursor behind it. Variation parents are no listing: nobody can buy one.

    Raises:
        AdapterBug: the answer is no page.
        Unsupported: more listings were created in one instant than a search shows.
    """
    page = remote.read(remote.ItemPage, payload, operation=SEARCH)
    listings: list[ChannelListing] = []
    bad: list[BadListing] = []
    for row in page.items:
        try:
            item = msgspec.convert(row, type=remote.Item, strict=False)
            window = _advanced(window, item, marketplace_id)
            if _mark(item.sku) in window.skip and _created(item, marketplace_id) == window.after:
                continue
            if not _is_parent(item, marketplace_id):
                listings.append(parse_listing(item, marketplace_id, raw=json.dumps(row, ensure_ascii=False)))
        except (msgspec.ValidationError, ValueError, TypeError, LookupError, AttributeError) as error:
            key = row.get("sku") if isinstance(row, dict) else None
            why = f"{type(error).__name__}: {shorten(str(error), 200)}"
            bad.append(BadListing(why=why, key=key if isinstance(key, str) else None, raw=json.dumps(row)))
    window = replace(window, seen=window.seen + len(page.items))
    token = page.pagination.next_token if page.pagination is not None else None
    following = replace(window, token=token) if token else _next_window(window, page.number_of_results)
    return ListingPage(
        listings=tuple(listings),
        bad=tuple(bad),
        cursor=(following or Window(after=window.last, skip=window.edge)).cursor(),
        has_more=following is not None,
    )


def _next_window(window: Window, found: int) -> Window | None:
    """The search after this one, None if it showed all that there is."""
    if window.seen >= found:
        return None
    if window.last is None:
        raise garbled(
            SEARCH, f"{found} listings, {window.seen} shown, and none says when it was created", writing=False
        )
    if window.last == window.after or len(window.edge) > EDGE_MAX:
        raise Unsupported(
            "More listings were created in one instant than Amazon's search can show.",
            detail=f"{found} listings created since {window.last}, {window.seen} shown",
        )
    return Window(after=window.last, last=window.last, edge=window.edge, skip=window.edge)


def _created(item: remote.Item, marketplace_id: str) -> str | None:
    return next((s.created_date for s in item.summaries or () if s.marketplace_id == marketplace_id), None)


def _advanced(window: Window, item: remote.Item, marketplace_id: str) -> Window:
    created = _created(item, marketplace_id)
    if created is None:
        return window
    edge = (*window.edge, _mark(item.sku)) if created == window.last else (_mark(item.sku),)
    return replace(window, last=created, edge=tuple(dict.fromkeys(edge))[: EDGE_MAX + 1])


# ---------------------------------------------------------------- one listing


def parse_listing(item: remote.Item, marketplace_id: str, *, raw: str = "") -> ChannelListing:
    """Raises ValueError, LookupError, TypeError: what it says makes no sense."""
    told = listing_reports.report(item, ListingRef(channel_sku=item.sku), marketplace_id)
    summary = next((s for s in item.summaries or () if s.marketplace_id == marketplace_id), None)
    attributes = item.attributes or {}
    variation = _variation(item, marketplace_id)
    parents = (variation.parent_skus or []) if variation is not None else []
    pictures = [url for name in _PICTURES if (url := _first(attributes, name, "media_location"))]
    if not pictures and summary is not None and summary.main_image is not None:
        pictures = [summary.main_image.link]
    title = (summary.item_name if summary is not None else None) or _first(attributes, "item_name")
    return ChannelListing(
        key=item.sku,
        ref=told.ref,
        state=told.state,
        title=title,
        description=_first(attributes, "product_description"),
        brand=_first(attributes, "brand"),
        gtins=_gtins(attributes),
        price=told.price,
        quantity=told.quantity,
        images=tuple(pictures),
        options=_options(variation, attributes) if parents else {},
        group=parents[0] if parents else "",
        category=told.ref.facts.get("product_type", ""),
        raw=raw,
    )


def _variation(item: remote.Item, marketplace_id: str) -> remote.Relationship | None:
    rows = [r for s in item.relationships or () if s.marketplace_id == marketplace_id for r in s.relationships]
    return next((row for row in rows if row.type == "VARIATION"), None)


def _is_parent(item: remote.Item, marketplace_id: str) -> bool:
    variation = _variation(item, marketplace_id)
    level = _first(item.attributes or {}, "parentage_level")
    return level == "parent" or bool(variation is not None and variation.child_skus)


def _options(variation: remote.Relationship | None, attributes: Mapping[str, Any]) -> dict[str, str]:
    """Axis to value. The theme may call an attribute «size_name» that the listing calls «size»."""
    out: dict[str, str] = {}
    theme = variation.variation_theme if variation is not None else None
    for name in theme.attributes if theme is not None else ():
        value = _first(attributes, name) or _first(attributes, name.removesuffix("_name"))
        if value:
            out[name.removesuffix("_name").replace("_", " ").capitalize()] = value
    return out


def _gtins(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    rows = attributes.get("externally_assigned_product_identifier")
    return tuple(
        str(row["value"])
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict) and row.get("value") and str(row.get("type", "")).lower() in _GTIN_TYPES
    )


def _first(attributes: Mapping[str, Any], name: str, member: str = "value") -> str:
    """The first value of an attribute as text, "" if there is none."""
    rows = attributes.get(name)
    row = rows[0] if isinstance(rows, list) and rows else None
    value = row.get(member) if isinstance(row, dict) else None
    return str(value) if isinstance(value, str | int | float) else ""
