"""Looking at what the channel really shows: the only way a listing becomes live, and the net under every push."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.channels.contract.adapter import ReadsListings
from hub.channels.contract.errors import ChannelError
from hub.channels.contract.records import ListingReport
from hub.db.session import unit
from hub.kernel.ids import AccountId
from hub.pim import listings
from hub.pim.models import Listing, Variant
from hub.sync import settle
from hub.sync.hub import Hub, OpenAccount
from hub.sync.policy import Ask
from hub.work import items
from hub.work.items import Claimed
from hub.work.kinds import LISTING_READ, PRICE_PUSH, STOCK_PUSH
from hub.work.models import WorkItem

NOT_YET_S = 30.0


def run(hub: Hub, account_id: AccountId) -> int:
    """Read one batch of listings back."""
    opened = hub.open(account_id)
    if opened is None or not isinstance(opened.adapter, ReadsListings):
        return 0
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        claimed = items.claim(
            session, LISTING_READ, account_id, opened.manifest.max_read_batch, now, owner=hub.owner, lease_s=hub.lease_s
        )
        found = {
            row.id: row
            for row in session.scalars(select(Listing).where(Listing.id.in_([int(item.key) for item in claimed])))
        }
        asking: list[tuple[Claimed, Listing]] = []
        for item in claimed:
            row = found.get(int(item.key))
            if row is None or row.state == "draft":
                items.finish(session, item, now)
            else:
                asking.append((item, row))
    if not asking:
        return len(claimed)
    reports: Sequence[ListingReport | ChannelError]
    try:
        reports = opened.adapter.read_listings([listings.ref_of(row) for _, row in asking])
    except ChannelError as error:
        reports = [error] * len(asking)
    done_at = hub.clock.now()
    with unit(hub.sessions) as session:
        for (item, _), report in zip(asking, reports, strict=True):
            _record(session, opened, item, report, done_at)
    return len(claimed)


def _record(
    session: Session, opened: OpenAccount, item: Claimed, report: ListingReport | ChannelError, now: datetime
) -> None:
    if isinstance(report, ChannelError):
        settle.write(session, item, settle.step_of(item, report), now)
        return
    listing_id = int(item.key)
    settled = is_settled(session, opened, listing_id, now)
    state = listings.reported(session, listing_id, report, now, settled=settled)
    if state == "accepted":
        worn_out = LISTING_READ.max_attempts <= item.attempts
        message = "The channel accepted this listing, but it does not appear there."
        if worn_out:
            settle.write(session, item, Ask(result="accepted", code="hub.not_live", message=message), now)
        else:
            wait = min(NOT_YET_S * item.attempts, 900.0)
            items.again(session, item, now + timedelta(seconds=wait), code="hub.not_live", message=message)
        return
    items.finish(session, item, now)
    if settled and state in ("live", "suppressed"):
        _correct_drift(session, opened, listing_id, report, now)


def is_settled(session: Session, opened: OpenAccount, listing_id: int, now: datetime) -> bool:
    """No stock write of this listing is under way or may still be settling on the channel."""
    row = session.execute(
        select(WorkItem.state, WorkItem.phase, Listing.shown_at, Listing.shown_by)
        .select_from(Listing)
        .outerjoin(
            WorkItem,
            (WorkItem.account_id == Listing.account_id)
            & (WorkItem.kind == STOCK_PUSH.name)
            & (WorkItem.key == str(listing_id)),
        )
        .where(Listing.id == listing_id)
    ).one_or_none()
    if row is None or row.state in ("due", "leased"):
        return False
    if row.shown_at is None or row.shown_by == "read back":
        return True
    return bool((now - row.shown_at).total_seconds() >= opened.settle_s)


def _correct_drift(
    session: Session, opened: OpenAccount, listing_id: int, report: ListingReport, now: datetime
) -> None:
    """The channel shows another number or price than it should: want it sent again."""
    wanted = listings.levels(session, opened.account, {listing_id: 0}).get(listing_id)
    if wanted is not None and report.quantity is not None and wanted.sum.publishable != report.quantity:
        items.want(session, STOCK_PUSH, opened.account.id, str(listing_id), now)
    if report.price is None:
        return
    row = session.execute(
        select(Listing.price_minor, Variant.price_minor.label("variant_minor"), Variant.currency)
        .join(Variant, Variant.id == Listing.variant_id)
        .where(Listing.id == listing_id)
    ).one()
    price = row.price_minor if row.price_minor is not None else row.variant_minor
    if report.price.currency == row.currency and report.price.minor != price:
        items.want(session, PRICE_PUSH, opened.account.id, str(listing_id), now)
