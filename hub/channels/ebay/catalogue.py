"""Everything that the account has on sale, whoever listed it (contracts README 3.3).

GetSellerList shows the listings of both APIs, so that one call pages through all of them: a running listing is one whose
end lies ahead (a listing until cancelled renews every 30 days). The Inventory API is then asked which SKUs it knows:
those it does not are Trading's for certain, the others are routed when they are first written to or read back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element, tostring

from hub.channels.contract import (
    AdapterBug,
    BadListing,
    ChannelListing,
    InvalidData,
    ListingPage,
    ListingRef,
    ListingState,
)
from hub.channels.ebay import faults, rest, trading
from hub.channels.ebay.client import Client
from hub.channels.ebay.listing_bodies import SKU_MAX
from hub.channels.ebay.manifest import BULK_REST, LISTING_PAGE
from hub.channels.ebay.xml import errors, number, text
from hub.kernel.clock import iso_millis, parse_instant
from hub.kernel.text import shorten

CALL = "GetSellerList"
#: A window of end times is at most 120 days wide; a listing until cancelled ends (and renews) within 31.
AHEAD = timedelta(days=60)
#: What a buyer takes at a set price; an auction has no stock to keep (ListingTypeCodeType).
_FIXED = ("", "FixedPriceItem", "StoresFixedPrice")
_CODES = ("EAN", "UPC", "ISBN")
_BRANDS = ("Brand", "Marke", "Marque", "Marca", "Merk", "Marka")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A round reads the listings that end after `start`, fixed when it began; `page` counts from 1."""

    start: datetime
    page: int = 1

    def text(self) -> str:
        return json.dumps({"of": "listings", "from": iso_millis(self.start), "page": self.page})


def parse_cursor(cursor: str | None, now: datetime) -> Place:
    """Raises InvalidData: not a cursor of ours."""
    if cursor is None:
        return Place(start=now)
    try:
        parts = json.loads(cursor)
        if parts["of"] != "listings" or int(parts["page"]) < 1:
            raise ValueError("a cursor of something else")
        return Place(start=parse_instant(parts["from"]), page=int(parts["page"]))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidData("The place to go on pulling listings could not be read.", detail=str(error)) from error


def pull(client: Client, cursor: str | None, limit: int) -> ListingPage:
    """The next page. A page has at most `limit` items of eBay; one with variations is many listings."""
    place = parse_cursor(cursor, client.clock.now())
    root = client.trading(CALL, build_request(place, max(1, min(limit, LISTING_PAGE))), writing=False)
    items, more = parse_answer(root, client.clock.now())
    ours = _known_to_inventory(client, items)
    listings: list[ChannelListing] = []
    bad: list[BadListing] = []
    for item in items:
        try:
            listings += parse_item(item, ours)
        except (ValueError, LookupError, TypeError) as error:
            why = f"{type(error).__name__}: {shorten(str(error), 200)}"
            bad.append(BadListing(why=why, key=text(item, "ItemID") or None, raw=tostring(item, encoding="unicode")))
    following = Place(start=place.start, page=place.page + 1)
    return ListingPage(listings=tuple(listings), bad=tuple(bad), cursor=following.text(), has_more=more)


# ---------------------------------------------------------------- GetSellerList


def build_request(place: Place, limit: int) -> dict[str, Any]:
    return {
        "DetailLevel": "ReturnAll",
        "EndTimeFrom": iso_millis(place.start),
        "EndTimeTo": iso_millis(place.start + AHEAD),
        "IncludeVariations": "true",
        "Pagination": {"EntriesPerPage": str(limit), "PageNumber": str(place.page)},
    }


def parse_answer(root: Element, now: datetime) -> tuple[list[Element], bool]:
    """The items at a set price, and whether there are more pages.

    Raises:
        ChannelError: eBay refused, or the answer does not say whether it is complete.
    """
    found = errors(root)
    if text(root, "Ack") == "Failure":
        raise faults.error_of_trading(found, call=CALL, now=now)
    more = text(root, "HasMoreItems")
    if more not in ("true", "false"):
        raise AdapterBug("eBay's answer could not be read.", detail=f"{CALL}: HasMoreItems is {more[:20]!r}")
    items = root.findall("ItemArray/Item")
    return [item for item in items if text(item, "ListingType") in _FIXED], more == "true"


def _known_to_inventory(client: Client, items: Sequence[Element]) -> dict[str, Mapping[str, Any]]:
    """What the Inventory API knows of the page's SKUs."""
    skus = {text(row, "SKU") for item in items for row in (item, *item.findall("Variations/Variation"))}
    asked = sorted(sku for sku in skus if 1 <= len(sku) <= SKU_MAX)
    known: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(asked), BULK_REST):
        for row in rest.bulk_get_inventory_item(client, asked[start : start + BULK_REST]):
            item = row.get("inventoryItem")
            if isinstance(item, dict):
                known[str(row.get("sku") or item.get("sku") or "")] = item
    return known


# ---------------------------------------------------------------- one item


def parse_item(item: Element, ours: Mapping[str, Mapping[str, Any]]) -> list[ChannelListing]:
    """The listings of an item: itself, or each of its variations.

    Raises:
        ValueError: it has no number, or a price that is none.
    """
    item_id = text(item, "ItemID")
    if not item_id:
        raise ValueError("an item without ItemID")
    variations = item.findall("Variations/Variation")
    return [_listing(item, item_id, row, ours, varied=bool(variations)) for row in variations or (item,)]


def _listing(
    item: Element, item_id: str, row: Element, ours: Mapping[str, Mapping[str, Any]], *, varied: bool
) -> ChannelListing:
    sku = text(row, "SKU")
    options = _pairs(row, "VariationSpecifics") if varied else {}
    mine = ours.get(sku)
    facts = {"item_id": item_id, "variation": "yes" if varied else "no"}
    if mine is None:
        facts["managed_by"] = "trading"
    state = _state(item)
    available = max(0, number(row, "Quantity") - number(row, "SellingStatus/QuantitySold"))
    specifics = _pairs(item, "ItemSpecifics")
    return ChannelListing(
        key=item_id if not varied else f"{item_id}/{_told_apart_by(options) or sku}",
        ref=ListingRef(channel_sku=sku, external_id=item_id, facts=facts),
        state=state,
        title=text(item, "Title"),
        description=text(item, "Description"),
        brand=text(item, "ProductListingDetails/BrandMPN/Brand")
        or next((specifics[name] for name in _BRANDS if specifics.get(name)), ""),
        gtins=_codes(row, "VariationProductListingDetails" if varied else "ProductListingDetails", mine),
        price=trading.price_of(row, item),
        quantity=available if state is ListingState.LIVE else 0,
        images=tuple(dict.fromkeys([*_own_pictures(item, options), *_texts(item, "PictureDetails/PictureURL")])),
        options=options,
        group=item_id if varied else "",
        category=text(item, "PrimaryCategory/CategoryID"),
        url=text(item, "ListingDetails/ViewItemURL"),
        raw=tostring(item, encoding="unicode"),
    )


def _told_apart_by(options: Mapping[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in sorted(options.items()))


def _state(item: Element) -> ListingState:
    if text(item, "SellingStatus/ListingOnHold") == "true":
        return ListingState.SUPPRESSED
    return ListingState.LIVE if text(item, "SellingStatus/ListingStatus") == "Active" else ListingState.ENDED


def _texts(root: Element, path: str) -> list[str]:
    return [found for one in root.findall(path) if (found := (one.text or "").strip())]


def _pairs(root: Element, path: str) -> dict[str, str]:
    rows = root.findall(f"{path}/NameValueList")
    return {text(row, "Name"): text(row, "Value") for row in rows if text(row, "Name") and text(row, "Value")}


def _own_pictures(item: Element, options: Mapping[str, str]) -> list[str]:
    """The pictures of the variation: those of the value by which eBay tells pictures apart."""
    out: list[str] = []
    for pictures in item.findall("Variations/Pictures"):
        value = options.get(text(pictures, "VariationSpecificName"))
        for one in pictures.findall("VariationSpecificPictureSet"):
            if value is not None and text(one, "VariationSpecificValue") == value:
                out += _texts(one, "PictureURL")
    return out


def _codes(row: Element, path: str, mine: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Product codes; eBay's «Does not apply» in any language is none."""
    told = [text(row, f"{path}/{name}") for name in _CODES]
    product = (mine or {}).get("product") or {}
    for name in _CODES:
        told += [str(code) for code in product.get(name.lower()) or []]
    return tuple(dict.fromkeys(code for code in told if code.isdigit()))
