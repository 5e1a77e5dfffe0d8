"""Publishing, revising and ending listings. Accepted is not live: a read-back decides (read_back.py)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from hub.channels.contract.adapter import EndsListings, Polls, PublishesListings
from hub.channels.contract.errors import ChannelError, InvalidData
from hub.channels.contract.records import Applied, ListingState, Outcome, Pending, Refused, Submitted
from hub.db.session import unit
from hub.kernel.failpoints import reach
from hub.kernel.ids import AccountId, digest
from hub.pim import listings
from hub.pim.listings import Publishing
from hub.pim.models import Listing
from hub.sync import freshness, settle
from hub.sync.hub import Hub, OpenAccount
from hub.sync.policy import Again, Ask, Finish
from hub.work import attempts, items
from hub.work.attempts import Sending
from hub.work.items import Claimed
from hub.work.kinds import LISTING_END, LISTING_PUBLISH

BATCH = 10


def run(hub: Hub, account_id: AccountId) -> int:
    """One turn: open tickets, then up to ten products, a call each."""
    opened = hub.open(account_id)
    if opened is None or not isinstance(opened.adapter, PublishesListings):
        return 0
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        claimed = items.claim(session, LISTING_PUBLISH, account_id, BATCH, now, owner=hub.owner, lease_s=hub.lease_s)
    for item in claimed:
        if item.phase == "poll" and item.ticket is not None:
            _poll(hub, opened, item, item.ticket)
        else:
            _publish(hub, opened, opened.adapter, item)
    return len(claimed)


def _publish(hub: Hub, opened: OpenAccount, adapter: PublishesListings, item: Claimed) -> None:
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        attempts.mark_lost(session, item, now)
        publishing = listings.draft_of(session, opened.account, int(item.key), item.revision, media_url=hub.media_url)
        if publishing is None:
            items.finish(session, item, now)
            return
        if publishing.held is not None:
            listings.hold_back(session, publishing.listing_ids.values(), publishing.held)
            items.finish(session, item, now)
            return
        revises = any(variant.ref is not None for variant in publishing.draft.variants)
        if revises and not freshness.orders_fresh(session, opened, now):
            # Some channels take the quantity with the content: a revision is an absolute write as well.
            freshness.want_orders(session, opened, now)
            items.again(
                session, item, now + timedelta(seconds=freshness.RETRY_S), counted=False,
                code=freshness.CODE, message=freshness.WAITING,
            )  # fmt: skip
            return
    result: Outcome | ChannelError
    attempt_id: int | None = None
    problems = [p for p in adapter.check_listing(publishing.draft) if listings.has_errors((p,))]
    if problems:
        result = Refused(problems=tuple(problems))
    else:
        with unit(hub.sessions) as session:
            if not items.keep(session, item, now, lease_s=hub.lease_s):
                return
            listings.found_valid(session, publishing.listing_ids.values(), now)
            sums = {sku: total.as_dict() for sku, total in publishing.sums.items()}
            (attempt_id,) = attempts.open_many(
                session,
                [Sending(item=item, digest=digest(repr(publishing.draft)), detail={"quantities": sums})],
                now,
            )
        reach("publish.before_send")
        try:
            result = adapter.publish_listing(publishing.draft)
        except ChannelError as error:
            result = error
        reach("publish.after_send")
    done_at = hub.clock.now()
    with unit(hub.sessions) as session:
        _record(session, item, publishing, attempt_id, result, done_at)
        reach("publish.before_commit")
    reach("publish.after_commit")


def _record(
    session: Session,
    item: Claimed,
    publishing: Publishing,
    attempt_id: int | None,
    result: Outcome | ChannelError,
    now: datetime,
) -> None:
    step = settle.step_of(item, result)
    held = settle.write(session, item, step, now, attempt_id=attempt_id, revision=item.revision)
    if isinstance(result, Applied):
        # What was published is a fact even if the lease was lost: bind it, or the next publish would not find it.
        listings.published(session, publishing, result.refs, ListingState.ACCEPTED, now)
    elif isinstance(result, Submitted):
        listings.published(session, publishing, result.refs, ListingState.SUBMITTED, now)
    elif held and isinstance(step, Ask):
        found = result.problems if isinstance(result, Refused | InvalidData) else step.problems
        listings.rejected(session, publishing.listing_ids.values(), found, now)
    if not isinstance(result, Applied | Submitted):
        listings.forget_belief(session, publishing.listing_ids.values())


def _poll(hub: Hub, opened: OpenAccount, item: Claimed, ticket: str) -> None:
    answer: Pending | Mapping[str, Outcome] | ChannelError
    assert isinstance(opened.adapter, Polls)
    try:
        answer = opened.adapter.poll(ticket)
    except ChannelError as error:
        answer = error
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        if isinstance(answer, Pending):
            items.again(session, item, now + timedelta(seconds=answer.retry_after_s), counted=False, phase="poll")
            return
        if isinstance(answer, ChannelError):
            step = settle.step_of(item, answer)
            if isinstance(step, Again):
                settle.write(session, item, step, now, phase="poll")
            else:
                settle.write(
                    session, item, Again(after_s=60.0, result="unclear", code=answer.code, message=answer.message), now
                )
            return
        publishing = listings.draft_of(session, opened.account, int(item.key), item.revision, media_url=hub.media_url)
        if publishing is None:
            items.finish(session, item, now)
            return
        bad = next((o for o in answer.values() if not isinstance(o, Applied)), None)
        if bad is None:
            refs = [ref for o in answer.values() if isinstance(o, Applied) for ref in o.refs]
            settle.write(session, item, Finish(), now, revision=item.sent_revision)
            listings.published(session, publishing, refs, ListingState.ACCEPTED, now)
        else:
            _record(session, item, publishing, None, bad, now)


def run_end(hub: Hub, account_id: AccountId) -> int:
    """Take listings off sale."""
    opened = hub.open(account_id)
    if opened is None or not isinstance(opened.adapter, EndsListings):
        return 0
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        claimed = items.claim(session, LISTING_END, account_id, BATCH, now, owner=hub.owner, lease_s=hub.lease_s)
    for item in claimed:
        _end(hub, opened, opened.adapter, item)
    return len(claimed)


def _end(hub: Hub, opened: OpenAccount, adapter: EndsListings, item: Claimed) -> None:
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        attempts.mark_lost(session, item, now)
        listing = session.get(Listing, int(item.key))
        if listing is None or listing.account_id != opened.account.id:
            items.finish(session, item, now)
            return
        if not items.keep(session, item, now, lease_s=hub.lease_s):
            return
        ref = listings.ref_of(listing)
        (attempt_id,) = attempts.open_many(session, [Sending(item=item, digest=digest(["end", ref.channel_sku]))], now)
    result: Outcome | ChannelError
    try:
        result = adapter.end_listing(ref)
    except ChannelError as error:
        result = error
    done_at = hub.clock.now()
    with unit(hub.sessions) as session:
        step = settle.step_of(item, result)
        settle.write(session, item, step, done_at, attempt_id=attempt_id, revision=item.revision)
        if isinstance(step, Finish) or (isinstance(step, Ask) and step.missing):
            listings.mark_ended(session, int(item.key), done_at)
