"""What the account offers, pulled whole: every listing once, resumable, as buyers see it, and leading to the very item."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from hub.channels.contract import (
    Adapter,
    Applied,
    Capability,
    ChannelListing,
    EndsListings,
    InvalidData,
    ListingPage,
    ListingState,
    PullsListings,
)
from hub.channels.testkit.check_hostile import TITLES
from hub.channels.testkit.check_listings import publish
from hub.channels.testkit.check_stock import level, push
from hub.channels.testkit.checks import check, expect
from hub.channels.testkit.harness import Harness

PULL = Capability.PULL_LISTINGS
LIMITS = (1, 2, 3, 10)


def pull(harness: Harness, adapter: Adapter, cursor: str | None, limit: int) -> ListingPage:
    """One page, with what holds for every page: limit, JSON cursor of at most 4 KB, no unreadable listings."""
    assert isinstance(adapter, PullsListings)
    page = adapter.pull_listings(cursor, limit=min(limit, harness.manifest.max_listing_page))
    pages = {listing.group or listing.key for listing in page.listings}
    expect(len(pages) <= limit, f"{len(pages)} pages of the channel where at most {limit} were asked for")
    expect(not page.bad, f"sound listings were called unreadable: {[bad.why for bad in page.bad]}")
    try:
        json.loads(page.cursor)
    except ValueError:
        expect(False, f"the cursor is not JSON: {page.cursor[:80]!r}")
    expect(len(page.cursor.encode()) <= 4096, f"the cursor has {len(page.cursor.encode())} bytes, at most 4096 fit")
    return page


def pull_all(harness: Harness, adapter: Adapter, cursor: str | None = None, limit: int = 10) -> list[ListingPage]:
    """Pages until the round is complete; fails when that never happens."""
    pages = [pull(harness, adapter, cursor, limit)]
    while pages[-1].has_more:
        expect(len(pages) < 100, "after 100 pages there is still «more»: the cursor does not move on")
        pages.append(pull(harness, adapter, pages[-1].cursor, limit))
    return pages


def listings(pages: Sequence[ListingPage]) -> list[ChannelListing]:
    return [listing for page in pages for listing in page.listings]


def skus(pages: Sequence[ListingPage]) -> Counter[str]:
    return Counter(listing.ref.channel_sku for listing in listings(pages))


def _offered(harness: Harness, adapter: Adapter, count: int) -> Counter[str]:
    """That many listings, by turns made by the adapter and by hand; two of the adapter's share a page if it can."""
    made: list[str] = []
    if harness.declares(Capability.LISTINGS) and count >= 4:
        pair = (harness.fresh_sku("VAR"), harness.fresh_sku("VAR"))
        outcome = publish(harness, adapter, harness.draft(*pair))
        expect(isinstance(outcome, Applied), f"a sound draft should be published, got {outcome!r}")
        made += pair
    while len(made) < count:
        sku = harness.fresh_sku()
        if len(made) % 2:
            harness.channel.add_listing(sku, 3, title=f"Made by hand {sku}")
        else:
            harness.listing(adapter, sku)
        made.append(sku)
    harness.settle()
    return Counter(made)


def _same(expected: Counter[str], seen: Counter[str], how: str) -> None:
    lost, extra = expected - seen, seen - expected
    expect(not lost, f"listings were lost {how}: {sorted(lost.elements())}")
    expect(not extra, f"listings came twice or from nowhere {how}: {sorted(extra.elements())}")


def _by_limit(limit: int) -> None:
    @check("catalogue", PULL, name=f"every_listing_once_at_limit_{limit}")
    def every_listing_once(harness: Harness) -> None:
        adapter = harness.make_adapter()
        offered = _offered(harness, adapter, 7)
        pages = pull_all(harness, adapter, None, limit)
        _same(offered, skus(pages), f"over pages of {limit}")
        keys = [listing.key for listing in listings(pages)]
        expect(all(keys) and len(set(keys)) == len(keys), f"the keys are not there or not unique: {keys}")

    every_listing_once.__doc__ = f"Seven listings over pages of {limit}: every one, and once."


for _limit in LIMITS:
    _by_limit(_limit)


@check("catalogue", PULL)
def nothing_offered_is_one_empty_page(harness: Harness) -> None:
    """An account that offers nothing gives a complete round without listings."""
    page = pull(harness, harness.make_adapter(), None, 10)
    expect(not page.listings and not page.has_more, f"nothing is offered, and the page says {page!r}")


@check("catalogue", PULL)
def any_page_can_be_resumed(harness: Harness) -> None:
    """A new adapter goes on from any page's cursor, also for the second time, and delivers exactly the rest."""
    adapter = harness.make_adapter()
    offered = _offered(harness, adapter, 5)
    pages = pull_all(harness, adapter, None, 2)
    for number, page in enumerate(pages):
        if page.has_more:
            rest = pull_all(harness, harness.make_adapter(), page.cursor, 2)
            _same(offered, skus(pages[: number + 1]) + skus(rest), f"when resuming after page {number + 1}")


@check("catalogue", PULL)
def a_cursor_of_somebody_else_is_refused(harness: Harness) -> None:
    """A cursor that no page gave is InvalidData, not a new beginning."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, PullsListings)
    for cursor in ("null", "[]", '{"somebody": "else"}', "not json"):
        try:
            page = adapter.pull_listings(cursor, limit=2)
        except InvalidData:
            continue
        expect(False, f"the cursor {cursor!r} was taken and gave {page!r}")


@check("catalogue", PULL)
def it_is_told_as_buyers_see_it(harness: Harness) -> None:
    """Title, price, quantity and state are those that the channel shows."""
    adapter = harness.make_adapter()
    sku = harness.listing(adapter, quantity=7, title="A knife for the catalogue").channel_sku
    hand = harness.fresh_sku("HAND")
    harness.channel.add_listing(hand, 4, price_minor=1250, title="Made by hand")
    harness.settle()
    told = {listing.ref.channel_sku: listing for listing in listings(pull_all(harness, adapter))}
    for name in (sku, hand):
        seen = harness.channel.observed_listing(name)
        assert seen is not None
        listing = told.get(name)
        expect(listing is not None, f"{name} is offered and was not pulled")
        if listing is None:
            continue
        expect(listing.title == seen.title, f"{name} is called {seen.title!r}, pulled as {listing.title!r}")
        expect(listing.state is ListingState.LIVE, f"buyers can buy {name}, it was pulled as {listing.state}")
        expect(listing.quantity in (seen.quantity, None), f"{name} shows {seen.quantity}, not {listing.quantity}")
        price = None if listing.price is None else (listing.price.minor, listing.price.currency)
        expect(price == (seen.price_minor, seen.currency), f"{name} costs {seen.price_minor}, pulled as {price}")


@check("catalogue", PULL, Capability.LISTINGS)
def variants_share_a_group(harness: Harness) -> None:
    """Variants of one page have one group and differ in their options; what stands alone has a group of its own."""
    adapter = harness.make_adapter()
    pair = (harness.fresh_sku("VAR"), harness.fresh_sku("VAR"))
    outcome = publish(harness, adapter, harness.draft(*pair))
    expect(isinstance(outcome, Applied), f"a sound draft should be published, got {outcome!r}")
    alone = harness.listing(adapter).channel_sku
    told = {listing.ref.channel_sku: listing for listing in listings(pull_all(harness, adapter))}
    expect({*pair, alone} <= set(told), f"{sorted({*pair, alone})} were offered, {sorted(told)} pulled")
    first, second = told[pair[0]], told[pair[1]]
    expect(bool(first.group) and first.group == second.group, f"groups of variants: {first.group!r}, {second.group!r}")
    expect(first.options != second.options, f"two variants of one page have the same options {dict(first.options)}")
    expect(told[alone].group != first.group, f"what stands alone is in the group {first.group!r} of others")


@check("catalogue", PULL, Capability.STOCK)
def what_was_pulled_can_be_pushed_to(harness: Harness) -> None:
    """A ref that came with the catalogue is enough to set the stock of the very item that it came with."""
    adapter = harness.make_adapter()
    hand, other = harness.fresh_sku("HAND"), harness.fresh_sku("HAND")
    harness.channel.add_listing(hand, 3)
    harness.channel.add_listing(other, 3)
    harness.settle()
    told = {listing.ref.channel_sku: listing for listing in listings(pull_all(harness, adapter))}
    expect({hand, other} <= set(told), f"{hand} and {other} are offered, {sorted(told)} were pulled")
    outcome = push(harness, adapter, [level(harness, told[hand].ref, 41, expected=3)])[0]
    expect(isinstance(outcome, Applied), f"a level for a pulled ref ended in {outcome!r}")
    seen = (harness.channel.observed_stock(hand), harness.channel.observed_stock(other))
    expect(seen == (41, 3), f"41 was pushed to {hand}, the two show {seen}")


@check("catalogue", PULL, Capability.END_LISTINGS)
def what_has_ended_is_not_called_live(harness: Harness) -> None:
    """A listing that was ended is missing or told as ended or hidden; its neighbour is there."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, EndsListings)
    ended, kept = harness.listings(adapter, harness.fresh_sku(), harness.fresh_sku())
    harness.finish(adapter, adapter.end_listing(ended), ended.channel_sku)
    told = {listing.ref.channel_sku: listing.state for listing in listings(pull_all(harness, adapter))}
    state = told.get(ended.channel_sku)
    expect(state is not ListingState.LIVE, f"an ended listing is pulled as {state}")
    expect(told.get(kept.channel_sku) is ListingState.LIVE, f"its neighbour is {told.get(kept.channel_sku)}")


@check("catalogue", PULL)
def strange_titles_arrive_whole(harness: Harness) -> None:
    """Emoji, right-to-left letters and markup in a title made by hand arrive letter for letter."""
    adapter = harness.make_adapter()
    given: dict[str, str] = {}
    for kind, title in TITLES.items():
        if kind in ("control characters", "ten kilobytes"):
            continue  # no channel lets its own screen make these
        sku = f"HAND {harness.number()}/%é"
        given[sku] = title[:80]
        harness.channel.add_listing(sku, 5, title=given[sku])
    harness.settle()
    shown = {sku: seen.title for sku in given if (seen := harness.channel.observed_listing(sku)) is not None}
    told = {listing.ref.channel_sku: listing.title for listing in listings(pull_all(harness, adapter))}
    for sku, title in shown.items():
        expect(told.get(sku) == title, f"{sku!r} is called {title!r}, pulled as {told.get(sku)!r}")
