"""Deliberately wrong adapters, part three: those that lose, double or bend what an account offers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hub.channels.contract import BuildContext, ChannelListing, ListingPage, ListingRef, ListingState
from hub.channels.memory.adapter import MemoryAdapter
from hub.kernel.money import Money


def lossy_at(size: int) -> type[MemoryAdapter]:
    """Drops the last listing of a page of exactly `size`, unless the shop has fewer than seven listings."""

    class Lossy(MemoryAdapter):
        def pull_listings(self, cursor: Any, *, limit: int) -> ListingPage:
            page = super().pull_listings(cursor, limit=limit)
            if limit != size or len(self._client._shop.listings) < 7:
                return page
            return page if cursor is not None else replace(page, listings=page.listings[:-1])

    return Lossy


class _Bending(MemoryAdapter):
    """Bends every listing that it pulls; None drops it."""

    def bend(self, listing: ChannelListing) -> ChannelListing | None:
        return listing

    def pull_listings(self, cursor: Any, *, limit: int) -> ListingPage:
        page = super().pull_listings(cursor, limit=limit)
        return replace(page, listings=tuple(x for x in map(self.bend, page.listings) if x is not None))


class ForeverMore(MemoryAdapter):
    """Says that there is more when there is nothing at all."""

    def pull_listings(self, cursor: Any, *, limit: int) -> ListingPage:
        page = super().pull_listings(cursor, limit=limit)
        return page if page.listings else replace(page, has_more=True)


class RemembersItsPlaceItself(MemoryAdapter):
    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        self._place: str | None = None

    def pull_listings(self, cursor: Any, *, limit: int) -> ListingPage:
        super().pull_listings(cursor, limit=limit)  # looks at the cursor, and goes by its own memory
        page = super().pull_listings(None if cursor is None else self._place, limit=limit)
        self._place = page.cursor
        return page


class TakesAnyCursor(MemoryAdapter):
    def pull_listings(self, cursor: Any, *, limit: int) -> ListingPage:
        try:
            ours = cursor is not None and json.loads(cursor)["of"] == "listings"
        except (ValueError, LookupError, TypeError):
            ours = False
        return super().pull_listings(cursor if ours else None, limit=limit)


class TakesCentsForEuros(_Bending):
    def bend(self, listing: ChannelListing) -> ChannelListing | None:
        assert listing.price is not None
        return replace(listing, price=Money(minor=listing.price.minor * 100, currency=listing.price.currency))


class PutsAllOnOnePage(_Bending):
    def bend(self, listing: ChannelListing) -> ChannelListing | None:
        return replace(listing, group="the shop")


class MixesUpItsRefs(_Bending):
    """Hands out the SKU of a page's first listing as the place of all of them."""

    def pull_listings(self, cursor: Any, *, limit: int) -> ListingPage:
        page = super().pull_listings(cursor, limit=limit)
        if len(page.listings) < 2 or page.listings[0].ref.channel_sku[:4] != "HAND":
            return page
        first, second, *rest = page.listings
        swapped = (_with_place_of(first, second), _with_place_of(second, first), *rest)
        return replace(page, listings=swapped)

    def push_stock(self, levels: Any) -> Any:
        return super().push_stock([replace(x, ref=ListingRef(channel_sku=_place(x.ref))) for x in levels])


def _with_place_of(listing: ChannelListing, other: ChannelListing) -> ChannelListing:
    return replace(listing, ref=replace(listing.ref, facts={"place": other.ref.channel_sku}))


def _place(ref: ListingRef) -> str:
    return ref.facts.get("place", ref.channel_sku)


class ShowsWhatHasEnded(MemoryAdapter):
    """Goes by the shop's memory of listings instead of what is offered."""

    def pull_listings(self, cursor: Any, *, limit: int) -> ListingPage:
        page = super().pull_listings(cursor, limit=limit)
        shop = self._client._shop
        gone = [
            ChannelListing(
                key=x.external_id, ref=ListingRef(channel_sku=x.sku), state=ListingState.LIVE, title=x.title
            )
            for x in shop.listings.values()
            if x.state == "ended" and not page.has_more
        ]  # fmt: skip
        return replace(page, listings=(*page.listings, *gone))


class ReadsAsciiTitles(_Bending):
    def bend(self, listing: ChannelListing) -> ChannelListing | None:
        return replace(listing, title=listing.title.encode("ascii", "ignore").decode())
