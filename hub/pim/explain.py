"""Why a channel shows the number it shows: the sum, what was sent last, what is still to be sent, what is in the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.pim.listings import arithmetic
from hub.pim.models import Listing
from hub.pim.reads import StockDetail, stock_of
from hub.pim.rules import PUSHABLE_STATES, Arithmetic
from hub.work import attempts
from hub.work.kinds import STOCK_PUSH
from hub.work.models import Account, LaneGate, WorkItem

SHOWN_LISTINGS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWrite:
    """The newest stock write of a listing. `result` None = under way."""

    quantity: int | None
    result: str | None
    sent_at: datetime
    ended_at: datetime | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A stock write that is wanted and not carried out. `not_before` = the channel asked for a pause until then."""

    state: str
    due_at: datetime
    attempts: int
    message: str | None
    not_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One listing. `sums.publishable` is what it should show, `shown` what the hub believes it shows as of `shown_at`;
    `says` is the conclusion as a sentence."""

    listing_id: int
    account_id: int
    account: str
    account_state: str
    channel_sku: str
    state: str
    sums: Arithmetic
    shown: int | None
    shown_at: datetime | None
    shown_by: str
    last_write: LastWrite | None
    pending: Pending | None
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    stock: StockDetail
    listings: tuple[Explained, ...]


def explain(session: Session, sku: str, *, account_id: int | None = None) -> Explanation:
    """The numbers of a SKU wherever it is listed (at most 100 listings), or on one account.

    Raises:
        Unknown: no such SKU.
    """
    detail = stock_of(session, sku)
    query = (
        select(Listing, Account)
        .join(Account, Account.id == Listing.account_id)
        .where(Listing.variant_id == detail.row.variant_id)
        .order_by(Listing.id)
        .limit(SHOWN_LISTINGS)
    )
    if account_id is not None:
        query = query.where(Listing.account_id == account_id)
    return Explanation(
        stock=detail,
        listings=tuple(_explained(session, listing, account) for listing, account in session.execute(query).all()),
    )


def _explained(session: Session, listing: Listing, account: Account) -> Explained:
    sums = arithmetic(session, account, [listing.variant_id])[listing.variant_id]
    attempt = attempts.last_of(session, account.id, STOCK_PUSH.name, str(listing.id))
    write = None if attempt is None else LastWrite(
        quantity=attempt.quantity, result=attempt.result, sent_at=attempt.sent_at, ended_at=attempt.ended_at,
        message=attempt.message,
    )  # fmt: skip
    pending = _pending(session, listing)
    return Explained(
        listing_id=listing.id, account_id=account.id, account=account.name, account_state=account.state,
        channel_sku=listing.channel_sku, state=listing.state, sums=sums, shown=listing.shown_quantity,
        shown_at=listing.shown_at, shown_by=listing.shown_by, last_write=write, pending=pending,
        says=_sentence(listing, account, sums, pending),
    )  # fmt: skip


def _pending(session: Session, listing: Listing) -> Pending | None:
    item = session.scalars(
        select(WorkItem).where(
            WorkItem.kind == STOCK_PUSH.name, WorkItem.account_id == listing.account_id,
            WorkItem.key == str(listing.id), WorkItem.state != "done",
        )
    ).first()  # fmt: skip
    if item is None:
        return None
    gate = session.get(LaneGate, (listing.account_id, STOCK_PUSH.name))
    return Pending(
        state=item.state, due_at=item.due_at, attempts=item.attempts, message=item.last_message,
        not_before=gate.not_before if gate is not None and gate.not_before > item.due_at else None,
    )  # fmt: skip


def _sentence(listing: Listing, account: Account, sums: Arithmetic, pending: Pending | None) -> str:
    if listing.state not in PUSHABLE_STATES:
        return f"The listing is {listing.state}: no number is sent."
    if pending is not None and pending.state == "needs_human":
        return f"Waits for a person: {pending.message or 'the channel refused the number'}"
    if listing.shown_quantity == sums.publishable:
        return f"The channel shows {sums.publishable}, as it should."
    if account.state != "open":
        return f"The account is {account.state}: {sums.publishable} is sent when it is open again."
    if not account.writes_enabled:
        return f"The account only looks: {sums.publishable} is not sent."
    if pending is not None:
        return f"{sums.publishable} is about to be sent."
    return f"{sums.publishable} should be shown and nothing is on its way: the next reconciliation sends it."
