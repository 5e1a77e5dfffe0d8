"""Listings: published once, revised in place, LIVE only when live, ended for good, objections told all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hub.channels.contract import (
    Adapter,
    Applied,
    Capability,
    EndsListings,
    ListingDraft,
    ListingRef,
    ListingReport,
    ListingState,
    Outcome,
    PublishesListings,
    ReadsListings,
    Severity,
    Submitted,
)
from hub.channels.testkit.checks import NotApplicable, check, expect
from hub.channels.testkit.harness import Harness
from hub.kernel.money import Money

LISTINGS = Capability.LISTINGS
READ = Capability.READ_LISTINGS
END = Capability.END_LISTINGS


def publish(harness: Harness, adapter: Adapter, draft: ListingDraft) -> Outcome:
    """Publish and wait for the final outcome."""
    assert isinstance(adapter, PublishesListings)
    return harness.finish(adapter, adapter.publish_listing(draft), draft.variants[0].channel_sku)


def _published(harness: Harness, adapter: Adapter, draft: ListingDraft) -> tuple[ListingRef, ...]:
    outcome = publish(harness, adapter, draft)
    expect(isinstance(outcome, Applied), f"a sound draft should be published, got {outcome!r}")
    return outcome.refs if isinstance(outcome, Applied) else ()


def read(adapter: Adapter, refs: Sequence[ListingRef]) -> Sequence[ListingReport]:
    assert isinstance(adapter, ReadsListings)
    reports = adapter.read_listings(refs)
    expect(len(reports) == len(refs), f"{len(refs)} listings were asked for and {len(reports)} reports came back")
    return reports


@check("listings", LISTINGS)
def a_sound_draft_goes_live(harness: Harness) -> None:
    """A draft without objections is published with its price and quantity."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, PublishesListings)
    draft = harness.draft(harness.fresh_sku(), price_minor=2450, quantity=6)
    errors = [problem for problem in adapter.check_listing(draft) if problem.severity is Severity.ERROR]
    expect(not errors, f"a sound draft meets objections: {errors}")
    _published(harness, adapter, draft)
    seen = harness.channel.observed_listing(draft.variants[0].channel_sku)
    expect(seen is not None and seen.state == "live", f"published, but the channel shows {seen!r}")
    expect(
        seen is not None and (seen.price_minor, seen.quantity) == (2450, 6), f"2450 and 6 were published, not {seen!r}"
    )


@check("listings", LISTINGS, READ)
def live_is_said_only_when_live(harness: Harness) -> None:
    """A read-back right after publishing never says LIVE before buyers can buy, and says it once they can."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, PublishesListings)
    sku = harness.fresh_sku()
    outcome = adapter.publish_listing(harness.draft(sku))
    expect(isinstance(outcome, Applied | Submitted), f"a sound draft should be taken, got {outcome!r}")
    refs = outcome.refs if isinstance(outcome, Applied | Submitted) and outcome.refs else (ListingRef(channel_sku=sku),)
    early = read(adapter, refs)[0]
    seen = harness.channel.observed_listing(sku)
    if early.state is ListingState.LIVE:
        expect(seen is not None and seen.state == "live", f"the read-back says LIVE, the channel shows {seen!r}")
    harness.finish(adapter, outcome, sku)
    late = read(adapter, refs)[0]
    expect(late.state is ListingState.LIVE, f"buyers can buy it, the read-back says {late.state}: {late.issues!r}")


@check("listings", LISTINGS)
def publishing_twice_makes_one_listing(harness: Harness) -> None:
    """The same draft again, as after a lost answer, finds what is there."""
    adapter = harness.make_adapter()
    draft = harness.draft(harness.fresh_sku())
    sku = draft.variants[0].channel_sku
    _published(harness, adapter, draft)
    first = harness.channel.observed_listing(sku)
    _published(harness, harness.make_adapter(), draft)
    same = [seen for seen in harness.channel.observed_listings() if seen.sku == sku and seen.state != "ended"]
    expect(len(same) == 1, f"publishing twice left {len(same)} listings of one SKU")
    expect(first is not None and same[0].external_id == first.external_id, "publishing twice replaced the listing")


@check("listings", LISTINGS)
def a_revision_changes_the_listing_in_place(harness: Harness) -> None:
    """Title and price of a known listing change; its identity and stock stay."""
    adapter = harness.make_adapter()
    sku = harness.fresh_sku()
    refs = _published(harness, adapter, harness.draft(sku, quantity=4))
    before = harness.channel.observed_listing(sku)
    revised = replace(
        harness.draft(sku, title="A revised kitchen knife", price_minor=3100, quantity=4, refs=refs), revision=2
    )
    _published(harness, adapter, revised)
    after = harness.channel.observed_listing(sku)
    assert before is not None
    expect(after is not None and after.external_id == before.external_id, f"the revision made another: {after!r}")
    expect(after is not None and after.title == "A revised kitchen knife", f"the title is now {after!r}")
    expect(after is not None and after.price_minor == 3100, f"the price is now {after!r}")
    expect(after is not None and after.quantity == 4, f"the revision changed the stock: {after!r}")


@check("listings", LISTINGS)
def variations_are_all_there(harness: Harness) -> None:
    """Two variants of one product are both buyable, and there is a ref for each."""
    adapter = harness.make_adapter()
    skus = (harness.fresh_sku("VAR"), harness.fresh_sku("VAR"))
    refs = _published(harness, adapter, harness.draft(*skus, quantity=3))
    known = {ref.channel_sku for ref in refs}
    expect(known == set(skus), f"refs for {sorted(skus)} expected, got {sorted(known)}")
    for sku in skus:
        seen = harness.channel.observed_listing(sku)
        expect(seen is not None and (seen.state, seen.quantity) == ("live", 3), f"variant {sku} is shown as {seen!r}")


@check("listings", LISTINGS)
def all_objections_come_at_once(harness: Harness) -> None:
    """A draft with several faults gets all of them told, with fields; publishing it is refused and changes nothing."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, PublishesListings)
    good = harness.draft(harness.fresh_sku())
    bad_variant = replace(good.variants[0], price=Money(minor=0, currency=harness.currency))
    bad = replace(good, title="", variants=(bad_variant,))
    problems = [problem for problem in adapter.check_listing(bad) if problem.severity is Severity.ERROR]
    told = " ".join(f"{problem.field} {problem.message}" for problem in problems)
    expect(len(problems) >= 2, f"an empty title and a price of zero gave {len(problems)} objections: {told}")
    expect(all(problem.message.strip() for problem in problems), "an objection without words")
    expect(any(problem.field for problem in problems), "no objection names a field")


@check("listings", READ)
def reports_keep_the_order_and_name_the_vanished(harness: Harness) -> None:
    """One report per listing, in the order asked; one that the channel does not know is VANISHED."""
    adapter = harness.make_adapter()
    first, second = harness.listings(adapter, harness.fresh_sku(), harness.fresh_sku(), quantity=4)
    ghost = ListingRef(channel_sku=harness.fresh_sku("GHOST"))
    reports = read(adapter, [second, ghost, first])
    skus = [report.ref.channel_sku for report in reports]
    expect(skus == [second.channel_sku, ghost.channel_sku, first.channel_sku], f"the reports came as {skus}")
    states = [report.state for report in reports]
    expect(states == [ListingState.LIVE, ListingState.VANISHED, ListingState.LIVE], f"the states are {states}")
    numbers = [report.quantity for report in reports if report.state is ListingState.LIVE]
    expect(all(number in (4, None) for number in numbers), f"the channel shows 4 and 4, the reports say {numbers}")


@check("listings", END)
def ended_twice_is_ended(harness: Harness) -> None:
    """Ending takes the listing off sale; ending it again is Applied."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, EndsListings)
    ref = harness.listing(adapter)
    for time in ("first", "second"):
        outcome = harness.finish(adapter, adapter.end_listing(ref), ref.channel_sku)
        expect(isinstance(outcome, Applied), f"ending for the {time} time ended in {outcome!r}")
    seen = harness.channel.observed_listing(ref.channel_sku)
    expect(seen is None or seen.state != "live" or seen.quantity == 0, f"an ended listing is still on sale: {seen!r}")
    if isinstance(adapter, ReadsListings):
        state = read(adapter, [ref])[0].state
        expect(state is not ListingState.LIVE, f"an ended listing is reported as {state}")


@check("listings", END, READ)
def a_neighbour_stays_on_sale(harness: Harness) -> None:
    """Ending one listing leaves the others alone."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, EndsListings)
    ended, kept = harness.listings(adapter, harness.fresh_sku(), harness.fresh_sku())
    harness.finish(adapter, adapter.end_listing(ended), ended.channel_sku)
    seen = harness.channel.observed_listing(kept.channel_sku)
    expect(seen is not None and seen.state == "live", f"the neighbour of an ended listing is {seen!r}")
    if not isinstance(adapter, ReadsListings):
        raise NotApplicable("listings cannot be read back")
    expect(read(adapter, [kept])[0].state is ListingState.LIVE, "the neighbour is not reported as LIVE")
