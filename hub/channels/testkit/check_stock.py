"""Stock and prices: absolute numbers arrive, item by item, and what comes back fits what went out."""

from __future__ import annotations

from collections.abc import Sequence

from hub.channels.contract import (
    Adapter,
    Applied,
    Capability,
    ListingRef,
    Missing,
    Outcome,
    PriceLevel,
    PushesPrices,
    PushesStock,
    Refused,
    Stale,
    StockLevel,
)
from hub.channels.testkit.checks import NotApplicable, check, expect
from hub.channels.testkit.harness import Harness
from hub.kernel.money import Money

STOCK = Capability.STOCK


def level(harness: Harness, ref: ListingRef, quantity: int, expected: int | None = None) -> StockLevel:
    """A new revision for a listing. What is there now is expected unless told otherwise."""
    if expected is None:
        seen = harness.channel.observed_listing(ref.channel_sku)
        expected = None if seen is None else seen.quantity
    number = harness.number()
    return StockLevel(
        ref=ref, quantity=quantity, revision=number, idempotency_key=f"kit-stock-{number:08d}", expected=expected
    )


def push(harness: Harness, adapter: Adapter, levels: Sequence[StockLevel]) -> list[Outcome]:
    """Push in batches of the size the manifest allows and wait for tickets: one final outcome per level."""
    assert isinstance(adapter, PushesStock)
    outcomes: list[Outcome] = []
    size = harness.manifest.max_stock_batch
    for start in range(0, len(levels), size):
        batch = levels[start : start + size]
        told = adapter.push_stock(batch)
        expect(len(told) == len(batch), f"{len(batch)} levels were pushed and {len(told)} outcomes came back")
        outcomes += [
            harness.finish(adapter, outcome, item.ref.channel_sku) for item, outcome in zip(batch, told, strict=True)
        ]
    return outcomes


def _applied(harness: Harness, adapter: Adapter, item: StockLevel) -> None:
    outcome = push(harness, adapter, [item])[0]
    expect(isinstance(outcome, Applied), f"a sound stock level should be applied, got {outcome!r}")
    seen = harness.channel.observed_stock(item.ref.channel_sku)
    expect(seen == item.quantity, f"{item.quantity} was pushed and called applied, the channel shows {seen}")


@check("stock", STOCK)
def the_number_arrives(harness: Harness) -> None:
    """An applied level is what buyers see; a later one replaces it, up and down."""
    adapter = harness.make_adapter()
    ref = harness.listing(adapter, quantity=5)
    for quantity in (7, 3, 12):
        _applied(harness, adapter, level(harness, ref, quantity))


@check("stock", STOCK)
def the_same_level_twice_is_one_truth(harness: Harness) -> None:
    """Sending a revision again leaves the same number."""
    adapter = harness.make_adapter()
    ref = harness.listing(adapter, quantity=5)
    item = level(harness, ref, 9)
    push(harness, adapter, [item])
    again = push(harness, adapter, [item])[0]
    seen = harness.channel.observed_stock(ref.channel_sku)
    expect(seen == 9, f"9 was pushed twice, the channel shows {seen}")
    # A compare-and-set channel may say that what we expected is no longer there: it is not, we changed it.
    expect(isinstance(again, Applied | Stale), f"the second time ended in {again!r}")


@check("stock", STOCK)
def zero_means_sold_out(harness: Harness) -> None:
    """Zero is a quantity like any other, and the listing can be filled again."""
    adapter = harness.make_adapter()
    ref = harness.listing(adapter, quantity=5)
    _applied(harness, adapter, level(harness, ref, 0))
    _applied(harness, adapter, level(harness, ref, 4))


@check("stock", STOCK)
def outcomes_keep_the_order_of_the_levels(harness: Harness) -> None:
    """Several levels with different numbers: each listing gets its own."""
    adapter = harness.make_adapter()
    skus = [harness.fresh_sku() for _ in range(4)]
    refs = harness.listings(adapter, *skus, quantity=1)
    levels = [level(harness, ref, 20 + index) for index, ref in enumerate(refs)]
    outcomes = push(harness, adapter, [levels[i] for i in (2, 0, 3, 1)])
    expect(all(isinstance(outcome, Applied) for outcome in outcomes), f"four sound levels ended in {outcomes!r}")
    seen = [harness.channel.observed_stock(sku) for sku in skus]
    expect(seen == [20, 21, 22, 23], f"20, 21, 22, 23 were pushed, the channel shows {seen}")


@check("stock", STOCK)
def one_bad_item_does_not_sink_the_others(harness: Harness) -> None:
    """A listing that the channel does not know is refused on its own place; its neighbours are applied."""
    adapter = harness.make_adapter()
    first, second = harness.listings(adapter, harness.fresh_sku(), harness.fresh_sku(), quantity=1)
    ghost = ListingRef(channel_sku=harness.fresh_sku("GHOST"))
    levels = [level(harness, first, 6), level(harness, ghost, 7), level(harness, second, 8)]
    if harness.manifest.max_stock_batch == 1:
        _applied(harness, adapter, levels[0])
        told: list[Outcome | Missing] = [_ghost(harness, adapter, levels[1])]
        _applied(harness, adapter, levels[2])
    else:
        outcomes = push(harness, adapter, levels)
        good = [outcomes[0], outcomes[2]]
        expect(all(isinstance(o, Applied) for o in good), f"the bad item sank its neighbours: {outcomes!r}")
        told = [outcomes[1]]
    expect(isinstance(told[0], Refused | Missing), f"an unknown listing ended in {told[0]!r}")
    seen = [harness.channel.observed_stock(ref.channel_sku) for ref in (first, second)]
    expect(seen == [6, 8], f"6 and 8 were pushed, the channel shows {seen}")


def _ghost(harness: Harness, adapter: Adapter, item: StockLevel) -> Outcome | Missing:
    try:
        return push(harness, adapter, [item])[0]
    except Missing as error:
        return error


@check("stock", STOCK)
def a_refusal_says_why(harness: Harness) -> None:
    """An unknown listing: Refused with a sentence, or Missing. Nothing appears on the channel."""
    adapter = harness.make_adapter()
    ghost = ListingRef(channel_sku=harness.fresh_sku("GHOST"))
    told = _ghost(harness, adapter, level(harness, ghost, 3))
    if isinstance(told, Refused):
        expect(
            bool(told.problems) and all(p.message.strip() for p in told.problems), f"a refusal without words: {told!r}"
        )
    else:
        expect(isinstance(told, Missing), f"an unknown listing ended in {told!r}")
    expect(harness.channel.observed_listing(ghost.channel_sku) is None, "pushing stock made a listing")


@check("stock", STOCK)
def a_full_batch_works(harness: Harness) -> None:
    """As many levels as the manifest allows (ten at most here) go in one call."""
    size = min(harness.manifest.max_stock_batch, 10)
    if size == 1:
        raise NotApplicable("levels go one at a time")
    adapter = harness.make_adapter()
    refs = harness.listings(adapter, *[harness.fresh_sku() for _ in range(size)], quantity=1)
    outcomes = push(harness, adapter, [level(harness, ref, 30 + i) for i, ref in enumerate(refs)])
    expect(all(isinstance(outcome, Applied) for outcome in outcomes), f"a full batch ended in {outcomes!r}")
    seen = [harness.channel.observed_stock(ref.channel_sku) for ref in refs]
    expect(seen == [30 + i for i in range(size)], f"the channel shows {seen}")


@check("stock", STOCK)
def a_moved_number_is_not_overwritten(harness: Harness) -> None:
    """Compare-and-set: when the channel sold meanwhile, the write is Stale and nothing is applied."""
    adapter = harness.make_adapter()
    if adapter.manifest.stock_write != "compare_and_set":
        raise NotApplicable("stock is written as absolute numbers")
    ref = harness.listing(adapter, quantity=5)
    harness.channel.place_order([(ref.channel_sku, 2)])
    outcome = push(harness, adapter, [level(harness, ref, 5, expected=5)])[0]
    expect(isinstance(outcome, Stale), f"the number had moved from 5 to 3, but the write ended in {outcome!r}")
    seen = harness.channel.observed_stock(ref.channel_sku)
    expect(seen == 3, f"a stale write changed the number to {seen}")


def price(harness: Harness, ref: ListingRef, minor: int) -> PriceLevel:
    number = harness.number()
    return PriceLevel(
        ref=ref,
        price=Money(minor=minor, currency=harness.currency),
        revision=number,
        idempotency_key=f"kit-price-{number:08d}",
    )


@check("price", Capability.PRICE)
def the_amount_arrives(harness: Harness) -> None:
    """Prices land in the currency's minor units, exactly, and leave the stock alone."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, PushesPrices)
    ref = harness.listing(adapter, quantity=5)
    for minor in (1234, 100, 99999):
        told = adapter.push_prices([price(harness, ref, minor)])
        expect(len(told) == 1, f"one price was pushed and {len(told)} outcomes came back")
        outcome = harness.finish(adapter, told[0], ref.channel_sku)
        expect(isinstance(outcome, Applied), f"a sound price should be applied, got {outcome!r}")
        seen = harness.channel.observed_listing(ref.channel_sku)
        expect(seen is not None and seen.price_minor == minor, f"{minor} was pushed, the channel shows {seen!r}")
        expect(seen is not None and seen.quantity == 5, f"pushing a price changed the stock: {seen!r}")


@check("price", Capability.PRICE)
def an_unknown_listing_is_refused(harness: Harness) -> None:
    """A price for a listing that is not there is Refused or Missing."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, PushesPrices)
    ghost = ListingRef(channel_sku=harness.fresh_sku("GHOST"))
    try:
        outcome = harness.finish(adapter, adapter.push_prices([price(harness, ghost, 500)])[0], ghost.channel_sku)
    except Missing:
        return
    expect(isinstance(outcome, Refused), f"a price for an unknown listing ended in {outcome!r}")
