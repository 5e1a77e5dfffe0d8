"""Hostile data: what people and spreadsheets really put into titles and SKUs."""

from __future__ import annotations

from hub.channels.contract import Adapter, Applied, Capability, ChannelError, InvalidData, PublishesListings, Refused
from hub.channels.testkit.check_orders import ids, pull_all
from hub.channels.testkit.check_stock import level, push
from hub.channels.testkit.checks import check, expect
from hub.channels.testkit.harness import Harness

TITLES = {
    "emoji": "Messer 🔪 für die 👩‍👩‍👧 Küche",
    "right to left": "סכין מטבח — \u202eمقلوب\u202c",
    "markup": "Knife <b>&amp;</b> \"fork\" 'n' <script>alert(1)</script>",
    "control characters": "Knife\x00with\x08\x1bcontrol\ncharacters",
    "ten kilobytes": "Kitchen knife " * 740,
}
SKUS = ("SP ACE 1", "sl/ash/2", "50%25-off", "Größe-é-日本", "q?a=1&b=#+;", "LONG-" + "x" * 45)


def _publish(harness: Harness, adapter: Adapter, sku: str, title: str = "") -> str | None:
    """None when it went live, else why the adapter says it cannot be."""
    assert isinstance(adapter, PublishesListings)
    try:
        outcome = harness.finish(adapter, adapter.publish_listing(harness.draft(sku, title=title)), sku)
    except InvalidData as error:
        return str(error)
    if isinstance(outcome, Refused):
        words = " ".join(problem.message for problem in outcome.problems).strip()
        expect(bool(words), f"refused without a word: {outcome!r}")
        return words
    expect(isinstance(outcome, Applied), f"hostile data ended in {outcome!r}")
    return None


@check("hostile", Capability.LISTINGS)
def titles_go_live_or_are_refused_with_words(harness: Harness) -> None:
    """Emoji, right-to-left, markup, control characters, 10 kB: live, or refused in a sentence; never half."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, PublishesListings)
    for kind, title in TITLES.items():
        sku = harness.fresh_sku()
        adapter.check_listing(harness.draft(sku, title=title))  # must not raise
        why = _publish(harness, adapter, sku, title)
        seen = harness.channel.observed_listing(sku)
        live = seen is not None and seen.state == "live"
        expect(live == (why is None), f"title with {kind}: the adapter says {why or 'live'}, the channel {seen!r}")
        if live and seen is not None and kind in ("emoji", "markup"):
            expect(seen.title == title, f"the title {title!r} arrived as {seen.title!r}")


@check("hostile", Capability.STOCK)
def skus_survive_the_round_trip(harness: Harness) -> None:
    """Spaces, slashes, percent signs, umlauts, 40 characters and more: stock lands on that very SKU."""
    adapter = harness.make_adapter()
    for number, wanted in enumerate(SKUS, start=1):
        sku = wanted[: harness.sku_max]
        if isinstance(adapter, PublishesListings) and harness.declares(Capability.LISTINGS):
            why = _publish(harness, adapter, sku)
            if why is not None:
                continue  # the channel does not take such a SKU, and says so
        ref = harness.listing(adapter, sku, quantity=2)
        outcome = push(harness, adapter, [level(harness, ref, 40 + number)])[0]
        expect(isinstance(outcome, Applied), f"SKU {sku!r}: a sound level ended in {outcome!r}")
        seen = harness.channel.observed_stock(sku)
        expect(seen == 40 + number, f"SKU {sku!r}: {40 + number} was pushed, the channel shows {seen}")


@check("hostile", Capability.STOCK)
def a_sku_that_is_too_long_is_refused(harness: Harness) -> None:
    """A SKU that no channel takes (300 characters) is refused or missing, and harms nobody."""
    adapter = harness.make_adapter()
    if not (isinstance(adapter, PublishesListings) and harness.declares(Capability.LISTINGS)):
        return
    sku = "LONG" + "9" * 296
    try:
        why = _publish(harness, adapter, sku)
    except ChannelError as error:
        expect(False, f"a SKU of 300 characters raises {type(error).__name__}: {error} {error.detail}")
    else:
        seen = harness.channel.observed_listing(sku)
        expect(why is not None or seen is not None, "published, but under another SKU")


@check("hostile", Capability.ORDERS)
def strange_orders_arrive_whole(harness: Harness) -> None:
    """Titles, SKUs and buyers with strange letters: the order is read and its SKU is the listing's."""
    adapter = harness.make_adapter()
    placed: dict[str, str] = {}
    for kind, title in TITLES.items():
        if kind in ("control characters", "ten kilobytes"):
            continue  # no channel lets its own screen make these
        sku = f"HAND {harness.number()}/%é"
        harness.channel.add_listing(sku, 5, title=title[:80])
        harness.settle()
        name = "Zoë 💐 O'Brien-Łukasz"
        address = {"name": name, "line1": "Straße 1; «Hof»", "city": "Köln", "postal_code": "50667", "country": "DE"}
        placed[
            harness.channel.place_order([(sku, 1)], buyer={"name": name, "email": "z@example.test"}, ship_to=address)
        ] = sku
    harness.settle()
    pages = pull_all(harness, adapter, None)
    lost = set(placed) - set(ids(pages))
    expect(not lost, f"orders with strange letters were lost: {sorted(lost)}")
    for order in (o for page in pages for o in page.orders if o.order_id in placed):
        skus = [line.channel_sku for line in order.lines]
        expect(skus == [placed[order.order_id]], f"the SKU {placed[order.order_id]!r} was read as {skus!r}")
