"""The number as it is now."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from hub.explain.model import Belief, Explanation, Hold, ReadBack, Spot, Waiting
from hub.explain.shared import last_acknowledged, last_sent, sales_since
from hub.pim import listings
from hub.pim.counts import shelves
from hub.pim.kits.recipes import leaves_of
from hub.pim.kits.rules import kits_from
from hub.pim.models import Listing, Location, Reservation, Variant
from hub.pim.rules import PUSHABLE_STATES, Arithmetic
from hub.work.kinds import STOCK_PUSH
from hub.work.models import Account, LaneGate, WorkItem

HOLDS_SHOWN = 1000


def explain(session: Session, account: Account, listing: Listing, now: datetime) -> Explanation:
    """Everything about the number of a listing at this moment; all of it exact."""
    variant = session.get(Variant, listing.variant_id)
    assert variant is not None
    total = listings.arithmetic(session, account, (variant.id,))[variant.id]
    acknowledged = last_acknowledged(session, listing, now)
    since = listing.shown_at if listing.shown_at is not None else acknowledged and acknowledged.ended_at
    return Explanation(
        account=account.name, channel=account.channel, account_state=account.state, sku=variant.sku,
        channel_sku=listing.channel_sku, listing_state=listing.state, asked_at=now, at=None,
        spots=_spots(session, account, variant.id), holds=_holds(session, variant), sum=total,
        belief=Belief(quantity=listing.shown_quantity, since=listing.shown_at, by=listing.shown_by),
        sent=last_sent(session, listing, now), acknowledged=acknowledged, read_back=_read_back(listing),
        sales=sales_since(session, listing, since, now) if since else (),
        waiting=_waiting(session, account, listing, total, now),
    )  # fmt: skip


def _spots(session: Session, account: Account, variant_id: int) -> tuple[Spot, ...]:
    recipe = leaves_of(session, (variant_id,)).get(variant_id, {variant_id: 1})
    there = shelves(session, recipe)
    free = there.free()
    out = []
    for place in session.execute(
        select(Location.id, Location.code).where(Location.id.in_(list(free))).order_by(Location.priority, Location.id)
    ):
        on_hand = kits_from(recipe, there.on_hand[place.id])
        out.append(
            Spot(
                location=place.code, on_hand=on_hand, reserved=on_hand - kits_from(recipe, free[place.id]),
                counts=not account.location_ids or place.id in account.location_ids,
            )
        )  # fmt: skip
    return tuple(out)


def _holds(session: Session, variant: Variant) -> tuple[Hold, ...]:
    """Orders that hold units of it; of a kit those that bought it, in kits."""
    r = Reservation
    bought = (r.kit_id == variant.id) & (r.part == 0)
    per = r.per_unit if variant.is_kit else literal(1)
    rows = session.execute(
        select(
            r.order_ref, (r.quantity // per).label("quantity"), (r.wanted // per).label("wanted"), r.placed_at,
            Account.name, Location.code,
        )
        .join(Account, Account.id == r.account_id)
        .outerjoin(Location, Location.id == r.location_id)
        .where(bought if variant.is_kit else r.variant_id == variant.id, r.closed_at.is_(None))
        .order_by(r.placed_at, r.id)
        .limit(HOLDS_SHOWN)
    )  # fmt: skip
    return tuple(
        Hold(
            order=row.order_ref, account=row.name, location=row.code if row.quantity else None, held=row.quantity,
            wanted=row.wanted, placed_at=row.placed_at,
        )
        for row in rows
    )  # fmt: skip


def _read_back(listing: Listing) -> ReadBack | None:
    if listing.read_at is None:
        return None
    same = listing.shown_by == "read back" and listing.shown_at == listing.read_at
    return ReadBack(at=listing.read_at, quantity=listing.shown_quantity if same else None)


def _waiting(session: Session, account: Account, listing: Listing, total: Arithmetic, now: datetime) -> Waiting:
    item = session.scalars(
        select(WorkItem)
        .where(
            WorkItem.kind == STOCK_PUSH.name,
            WorkItem.account_id == listing.account_id,
            WorkItem.key == str(listing.id),
        )
        .execution_options(populate_existing=True)
    ).first()
    why: list[str] = []
    if listing.state not in PUSHABLE_STATES:
        why.append(f"The listing is {listing.state}: no number is sent.")
    if account.state != "open":
        why.append(f"The account is {account.state}" + (f" ({account.reason})." if account.reason else "."))
    if not account.writes_enabled:
        why.append("The account is for looking only: nothing is sent.")
    if item is None or item.state == "done":
        if not why and listing.shown_quantity is None:
            why.append("What it shows is not known; the next push is sent whatever the number.")
        elif not why and listing.shown_quantity != total.publishable:
            why.append("It should show another number and nothing is on its way: the next reconciliation sends it.")
        return Waiting(
            state="nothing", revision=item.revision if item else None, due_at=None, why=tuple(why),
            done_revision=item.done_revision if item else None,
        )  # fmt: skip
    gate = session.get(LaneGate, (account.id, STOCK_PUSH.name), populate_existing=True)
    if gate is not None and gate.not_before > now:
        why.append(f"The channel wants no stock writes before {gate.not_before.isoformat()}.")
    state = _state_of(item, now)
    why += _words(item, state, now)
    return Waiting(
        state=state, revision=item.revision, done_revision=item.done_revision, due_at=item.due_at, why=tuple(why)
    )


def _state_of(item: WorkItem, now: datetime) -> str:
    if item.state == "needs_human":
        return "person"
    if item.state == "leased" and item.lease_until is not None and item.lease_until > now:
        return "under_way"
    if item.phase == "poll":
        return "ticket"
    return "later" if item.state == "due" and item.due_at > now else "due"


def _words(item: WorkItem, state: str, now: datetime) -> list[str]:
    said = (item.last_message or "").strip()
    if state == "person":
        return [f"A person has to act: {said or 'the channel refused the number.'}"]
    if state == "under_way":
        return ["It is being sent at this moment."]
    if state == "ticket":
        return [f"The channel took the number and has not said yet what became of it; asked again at "
                f"{item.due_at.isoformat()}."]  # fmt: skip
    if state == "later":
        return [f"It is tried again at {item.due_at.isoformat()}: {said or 'it has to wait.'}"]
    out = [f"It was wanted at {item.wanted_at.isoformat()} and waits for a worker."]
    if item.state == "leased":
        out.append("A worker took it and did not come back: another one takes over.")
    if said:
        out.append(f"The last try said: {said}")
    return out
