"""The number as it was: from the ledger, the promises and the attempts, with a word on what they do not keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from hub.explain.model import Belief, Explanation, Hold, ReadBack, Sale, Sent, Spot, Waiting
from hub.explain.shared import last_acknowledged, last_sent, sales_since
from hub.kernel.errors import Invalid
from hub.orders.models import OrderLine
from hub.pim.kits.recipes import leaves_of
from hub.pim.kits.rules import kits_from, kits_from_places
from hub.pim.models import Listing, Location, Reservation, StockMovement, Variant
from hub.pim.rules import Arithmetic, publishable
from hub.work.kinds import LISTING_PUBLISH
from hub.work.models import Account, Attempt

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Counts and promises of a variant at a moment."""

    spots: tuple[Spot, ...]
    holds: tuple[Hold, ...]
    on_hand: int
    reserved: int
    short: int
    is_kit: bool = False


def explain(session: Session, account: Account, listing: Listing, at: datetime, now: datetime) -> Explanation:
    """The same as of `at`.

    Raises:
        Invalid: `at` is in the future, or the account was not there yet.
    """
    if at > now:
        raise Invalid(f"{at.isoformat()} has not come yet", field="at", value=at.isoformat())
    if at < account.created_at:
        raise Invalid(
            f"{account.name} was added at {account.created_at.isoformat()}", field="at", value=at.isoformat(),
            fix="ask for a later time",
        )  # fmt: skip
    variant = session.get(Variant, listing.variant_id)
    assert variant is not None
    books = books_at(session, account, variant.id, at)
    sent = last_sent(session, listing, at)
    acknowledged = last_acknowledged(session, listing, at)
    rule = sent.sum if sent is not None else None
    total = publishable(
        on_hand=books.on_hand, reserved=books.reserved, short=books.short,
        buffer=account.buffer if rule is None else rule.buffer, cap=account.cap if rule is None else rule.cap,
    )  # fmt: skip
    since = acknowledged.ended_at if acknowledged is not None else None
    sales = sales_since(session, listing, since, at) if since is not None else ()
    belief, doubts = _belief(session, listing, sent, acknowledged, sales, at)
    limits = [*_limits(session, account, variant.id, books, sent, rule), *doubts]
    if listing.state_since > at:
        limits.append(
            f"The listing is {listing.state} since {listing.state_since.isoformat()}; what it was is not kept."
        )
    seen = listing.read_at if listing.read_at is not None and listing.read_at <= at else None
    return Explanation(
        account=account.name, channel=account.channel, account_state=account.state, sku=variant.sku,
        channel_sku=listing.channel_sku, listing_state=listing.state, asked_at=now, at=at, spots=books.spots,
        holds=books.holds, sum=total, belief=belief, sent=sent, acknowledged=acknowledged,
        read_back=None if seen is None else ReadBack(at=seen, quantity=None), sales=sales,
        waiting=Waiting(
            state="unknown", revision=None, done_revision=None, due_at=None,
            why=("What was waiting to be sent at that time is not kept.",),
        ),
        limits=tuple(limits),
    )  # fmt: skip


def books_at(session: Session, account: Account, variant_id: int, at: datetime) -> Books:
    """Counts and promises of a variant at a moment; of a kit those that its components then made, with the recipe of today."""
    recipe = leaves_of(session, (variant_id,)).get(variant_id)
    if recipe is None:
        return _books_of_single(session, account, variant_id, at)
    books = {leaf: _books_of_single(session, account, leaf, at) for leaf in recipe}
    short = {leaf: found.short for leaf, found in books.items()}
    there = {(leaf, spot.location): spot for leaf, found in books.items() for spot in found.spots}
    spots = []
    free: list[dict[int, int]] = []
    for place in dict.fromkeys(place for _, place in there):
        here = {leaf: there[leaf, place] for leaf in recipe if (leaf, place) in there}
        on_hand = kits_from(recipe, {leaf: spot.on_hand for leaf, spot in here.items()})
        left = {leaf: spot.on_hand - spot.reserved for leaf, spot in here.items()}
        counts = all(spot.counts for spot in here.values())
        spots.append(Spot(location=place, on_hand=on_hand, reserved=on_hand - kits_from(recipe, left), counts=counts))
        if counts:
            free.append(left)
    on_hand = sum(spot.on_hand for spot in spots if spot.counts)
    unpromised = sum(kits_from(recipe, left) for left in free)
    return Books(
        spots=tuple(spots), holds=(), on_hand=on_hand, reserved=on_hand - unpromised,
        short=unpromised - kits_from_places(recipe, free, short), is_kit=True,
    )  # fmt: skip


def _books_of_single(session: Session, account: Account, variant_id: int, at: datetime) -> Books:
    """Counts from the ledger's lines up to `at`; promises from those that were open then, with what was shipped of them
    since put back."""
    holds, held_at, short = _holds(session, variant_id, at)
    m = StockMovement
    sums: dict[int, int] = {
        row[0]: int(row[1])
        for row in session.execute(
            select(m.location_id, func.sum(m.delta))
            .where(m.variant_id == variant_id, m.at <= at)
            .group_by(m.location_id)
        )
    }
    spots = [
        Spot(
            location=place.code, on_hand=sums.get(place.id, 0), reserved=held_at.get(place.id, 0),
            counts=not account.location_ids or place.id in account.location_ids,
        )
        for place in session.scalars(select(Location).order_by(Location.priority, Location.id))
        if place.id in sums or place.id in held_at
    ]  # fmt: skip
    return Books(
        spots=tuple(spots), holds=holds, on_hand=sum(s.on_hand for s in spots if s.counts),
        reserved=sum(s.reserved for s in spots if s.counts), short=short,
    )  # fmt: skip


def _holds(session: Session, variant_id: int, at: datetime) -> tuple[tuple[Hold, ...], Mapping[int, int], int]:
    r = Reservation
    left = _shipped_since(session, variant_id, at)
    codes = {row.id: row.code for row in session.execute(select(Location.id, Location.code))}
    rows = session.execute(
        select(r, Account.name, OrderLine.quantity, OrderLine.shipped)
        .join(Account, Account.id == r.account_id)
        .outerjoin(OrderLine, OrderLine.id == r.order_line_id)
        .where(r.variant_id == variant_id, r.created_at <= at, or_(r.closed_at.is_(None), r.closed_at > at))
        .order_by(r.placed_at, r.id)
        .execution_options(populate_existing=True)
    ).tuples()
    out: list[Hold] = []
    held_at: dict[int, int] = defaultdict(int)
    short = 0
    for promise, name, ordered, shipped in rows:
        since = left.get(promise.order_line_id, 0)
        held, wanted = promise.quantity + since, promise.wanted + since
        # Cancelled or released later: what it held is gone from the books; what the line still wanted is the best guess.
        gone = max(0, (ordered or 0) - (shipped or 0)) * promise.per_unit
        guess = gone if promise.closed_at is not None else 0
        if guess:
            held, wanted = held + guess, wanted + guess
        exact = promise.closed_at is None or (since > 0 and guess == 0)
        out.append(
            Hold(
                order=promise.order_ref, account=name, held=held, wanted=wanted, placed_at=promise.placed_at,
                location=codes.get(promise.location_id or 0) if held else None, exact=exact,
            )
        )  # fmt: skip
        if held and promise.location_id is not None:
            held_at[promise.location_id] += held
        short += wanted - held
    return tuple(out), held_at, short


def _shipped_since(session: Session, variant_id: int, at: datetime) -> dict[int, int]:
    """Units by order line that left after `at`. The tokens of departures name their line (`fulfilment`, `intake`)."""
    m = StockMovement
    out: dict[int, int] = defaultdict(int)
    for token, delta in session.execute(
        select(m.token, m.delta).where(m.variant_id == variant_id, m.kind == "ship", m.at > at)
    ):
        parts = token.partition(":part:")[0].split(":")
        number = parts[-1] if parts[0] == "ship" else parts[1] if parts[0] == "outside" and len(parts) == 3 else ""
        if number.isdecimal():
            out[int(number)] -= delta
    return out


def _belief(
    session: Session,
    listing: Listing,
    sent: Sent | None,
    acknowledged: Sent | None,
    sales: tuple[Sale, ...],
    at: datetime,
) -> tuple[Belief, list[str]]:
    """What it showed then: the last acknowledged number less what was sold under it, unless something after it left
    that open."""
    if acknowledged is None or acknowledged.quantity is None:
        return Belief(quantity=None, since=None, by=""), ["No number had been acknowledged by the channel."]
    since = acknowledged.ended_at
    assert since is not None
    doubts: list[str] = []
    if (
        sent is not None
        and sent.attempt > acknowledged.attempt
        and sent.result in (None, "unclear", "submitted", "bug")
    ):
        doubts.append(f"Attempt {sent.attempt} may have reached the channel: which number it showed is not known.")
    published = session.scalars(
        select(Attempt.id).where(
            Attempt.account_id == listing.account_id, Attempt.kind == LISTING_PUBLISH.name,
            Attempt.key == str(listing.product_id), Attempt.sent_at > since, Attempt.sent_at <= at,
        )
    ).first()  # fmt: skip
    if published is not None:
        doubts.append(f"Attempt {published} published the product anew, with a quantity of its own.")
    notes = []
    if listing.read_at is not None and since < listing.read_at <= at:
        notes.append("A look at the channel came after that number; what it saw then is not kept.")
    if doubts:
        return Belief(quantity=None, since=since, by="acknowledged"), doubts + notes
    sold = sum(sale.units for sale in sales)
    return Belief(quantity=max(0, acknowledged.quantity - sold), since=since, by="acknowledged"), notes


def _limits(
    session: Session,
    account: Account,
    variant_id: int,
    books: Books,
    sent: Sent | None,
    rule: Arithmetic | None,
) -> list[str]:
    out = []
    if books.is_kit:
        out.append(
            "What the kit was made of is taken as it is now; which orders held its components is asked of those."
        )
    if rule is None:
        out.append("Buffer and cap are today's: no number had been sent that recorded those of the time.")
    for guessed, says in (
        (True, "Closed since; what they held is a guess from what they had ordered: "),
        (False, "Closed since; how much they held is not kept, and it is missing from the sum: "),
    ):
        vague = [hold.order for hold in books.holds if not hold.exact and (hold.held > 0) is guessed]
        if vague:
            out.append(says + ", ".join(vague[:20]) + ".")
    if books.holds:
        out.append("Promises are taken as they are now; whether one was short or changed in between is not kept.")
    if sent is not None and sent.sum is not None:
        then = books_at(session, account, variant_id, sent.sent_at - _INSTANT)
        after = books_at(session, account, variant_id, sent.sent_at)
        recorded = (sent.sum.on_hand, sent.sum.reserved, sent.sum.short)
        if recorded not in ((b.on_hand, b.reserved, b.short) for b in (then, after)):
            out.append(
                f"The sum recorded with attempt {sent.attempt} ({recorded[0]} on hand, {recorded[1]} reserved, "
                f"{recorded[2]} short) differs from what the books give for that moment ({after.on_hand}, "
                f"{after.reserved}, {after.short}): trust the recorded one."
            )
    return out
