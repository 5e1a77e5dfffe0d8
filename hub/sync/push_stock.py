"""Sending stock levels: claim, compute at the moment of sending, call, record. And asking what became of tickets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.channels.contract.adapter import Polls, PushesStock
from hub.channels.contract.errors import ChannelError
from hub.channels.contract.records import Outcome, Pending, Stale, Unclear
from hub.db.session import unit
from hub.kernel.failpoints import reach
from hub.kernel.ids import AccountId, digest
from hub.pim import listings
from hub.pim.listings import WantedLevel
from hub.pim.models import Listing
from hub.sync import freshness, settle
from hub.sync.hub import Hub, OpenAccount
from hub.sync.policy import Again, Ask, Finish
from hub.work import attempts, items
from hub.work.attempts import Sending
from hub.work.items import Claimed
from hub.work.kinds import LISTING_READ, ORDERS_PULL, PRICE_PUSH, STOCK_PUSH, Kind
from hub.work.models import Attempt


def run(hub: Hub, account_id: AccountId) -> int:
    """One turn: polls open tickets, then pushes one batch. Returns how many items it moved."""
    opened = hub.open(account_id)
    if opened is None:
        return 0
    return poll(hub, opened, STOCK_PUSH) + push(hub, opened)


def push(hub: Hub, opened: OpenAccount) -> int:
    account = opened.account
    if not isinstance(opened.adapter, PushesStock):
        return 0
    now = hub.clock.now()
    moved = 0
    with unit(hub.sessions) as session:
        claimed = items.claim(
            session, STOCK_PUSH, AccountId(account.id), opened.manifest.max_stock_batch, now,
            owner=hub.owner, lease_s=hub.lease_s, phases=("send", "look"),
        )  # fmt: skip
        for item in claimed:
            if attempts.mark_lost(session, item, now):
                # A dead worker may have sent its number: what the channel shows is unknown until we send ours.
                listings.forget_belief(session, (int(item.key),))
        levels = listings.levels(session, account, {int(item.key): item.revision for item in claimed})
        fresh = freshness.orders_fresh(session, opened, now)
        sending: list[tuple[Claimed, WantedLevel]] = []
        for item in claimed:
            wanted = levels.get(int(item.key))
            if wanted is None or wanted.level is None:
                items.finish(session, item, now)
                moved += 1
            elif not fresh and _raises(wanted):
                items.again(
                    session, item, now + timedelta(seconds=freshness.RETRY_S), counted=False,
                    code=freshness.CODE, message=freshness.WAITING,
                )  # fmt: skip
                moved += 1
            else:
                sending.append((item, wanted))
        if not fresh:
            freshness.want_orders(session, opened, now)
        attempt_ids = attempts.open_many(session, [_sending(item, wanted) for item, wanted in sending], now)
    if not sending:
        return moved
    reach("push.claimed")
    batch = [wanted.level for _, wanted in sending if wanted.level is not None]
    results: Sequence[Outcome | ChannelError]
    reach("push.before_send")
    try:
        results = opened.adapter.push_stock(batch)
    except ChannelError as error:
        results = settle.for_all(len(sending), error)
    reach("push.after_send")
    done_at = hub.clock.now()
    with unit(hub.sessions) as session:
        record(session, sending, attempt_ids, results, done_at)
        reach("push.before_commit")
    reach("push.after_commit")
    return moved + len(sending)


def _raises(wanted: WantedLevel) -> bool:
    assert wanted.level is not None
    return wanted.level.quantity > 0 and (wanted.shown is None or wanted.level.quantity > wanted.shown)


def _sending(item: Claimed, wanted: WantedLevel) -> Sending:
    assert wanted.level is not None
    return Sending(
        item=item,
        digest=digest(["stock", wanted.level.ref.channel_sku, wanted.level.quantity]),
        quantity=wanted.level.quantity,
        detail={**wanted.sum.as_dict(), "shown_before": wanted.shown},
    )


def record(
    session: Session,
    sending: Sequence[tuple[Claimed, WantedLevel]],
    attempt_ids: Sequence[int],
    results: Sequence[Outcome | ChannelError],
    now: datetime,
) -> None:
    """What became of a call, for each item of it: by key, the order in which wishes are written too, so that a unit that
    wants these listings meanwhile and this one do not wait for each other."""
    rows = zip(sending, attempt_ids, results, strict=True)
    for (item, wanted), attempt_id, result in sorted(rows, key=lambda row: row[0][0].key):
        _record(session, item, wanted, attempt_id, result, now)


def _record(
    session: Session, item: Claimed, wanted: WantedLevel, attempt_id: int, result: Outcome | ChannelError, now: datetime
) -> None:
    step = settle.step_of(item, result)
    listing_id = int(item.key)
    held = settle.write(session, item, step, now, attempt_id=attempt_id, revision=item.revision)
    if isinstance(result, Stale):
        if result.observed is None:
            listings.forget_belief(session, (listing_id,))
        else:
            listings.shown(session, listing_id, result.observed, now, "compare failed")
        # It moved because somebody bought: that order is wanted now.
        items.want(session, ORDERS_PULL, item.account_id, "*", now)
    elif isinstance(step, Finish):
        assert wanted.level is not None
        if held:
            seen = wanted.level.quantity if result_observed(result) is None else result_observed(result)
            listings.shown(session, listing_id, seen or 0, now, "acknowledged")
        else:
            listings.forget_belief(session, (listing_id,))
    elif isinstance(step, Again) and step.result in ("throttled", "deferred", "unavailable"):
        return  # known not to have been applied: what was believed still holds
    else:
        listings.forget_belief(session, (listing_id,))
        if isinstance(step, Ask) and step.missing:
            items.want(session, LISTING_READ, item.account_id, item.key, now)


def result_observed(result: Outcome | ChannelError) -> int | None:
    observed = getattr(result, "observed", None)
    return observed if isinstance(observed, int) else None


def poll(hub: Hub, opened: OpenAccount, kind: Kind) -> int:
    """Ask about open tickets of stock or price writes; settle each item of a finished one."""
    if not isinstance(opened.adapter, Polls):
        return 0
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        claimed = items.claim(
            session,
            kind,
            AccountId(opened.account.id),
            25_000,
            now,
            owner=hub.owner,
            lease_s=hub.lease_s,
            phases=("poll",),
        )
    moved = 0
    by_ticket: dict[str, list[Claimed]] = {}
    for item in claimed:
        by_ticket.setdefault(item.ticket or "", []).append(item)
    for ticket, waiting in by_ticket.items():
        answer: Pending | Mapping[str, Outcome] | ChannelError
        try:
            answer = opened.adapter.poll(ticket)
        except ChannelError as error:
            answer = error
        moved += len(waiting)
        _settle_ticket(hub, kind, waiting, ticket, answer)
    return moved


def _settle_ticket(
    hub: Hub,
    kind: Kind,
    waiting: Sequence[Claimed],
    ticket: str,
    answer: Pending | Mapping[str, Outcome] | ChannelError,
) -> None:
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        names = {
            row.id: row.channel_sku
            for row in session.execute(
                select(Listing.id, Listing.channel_sku).where(Listing.id.in_([int(item.key) for item in waiting]))
            )
        }
        for item in sorted(waiting, key=lambda item: item.key):  # as wishes are written
            listing_id = int(item.key)
            if isinstance(answer, Pending):
                items.again(session, item, now + timedelta(seconds=answer.retry_after_s), counted=False, phase="poll")
                continue
            if isinstance(answer, ChannelError):
                step = settle.step_of(item, answer)
                if isinstance(step, Again):
                    settle.write(session, item, step, now, phase="poll")
                else:  # the ticket cannot be read any more: send the newest number again
                    settle.write(
                        session,
                        item,
                        Again(after_s=30.0, result="unclear", code=answer.code, message=answer.message),
                        now,
                    )
                    listings.forget_belief(session, (listing_id,))
                continue
            outcome = answer.get(names.get(listing_id, ""))
            attempt = session.scalars(
                select(Attempt)
                .where(Attempt.work_id == item.id, Attempt.result == "submitted")
                .order_by(Attempt.id.desc())
            ).first()
            # A report that misses a line: nobody knows, so the number is sent again, until that wears out.
            result: Outcome = outcome if outcome is not None else Unclear(why="Not in the channel's report.")
            step = settle.step_of(item, result)
            held = settle.write(
                session, item, step, now, attempt_id=attempt.id if attempt else None, revision=item.sent_revision
            )
            if kind is STOCK_PUSH:
                if isinstance(step, Finish) and held and attempt is not None and attempt.quantity is not None:
                    listings.shown(session, listing_id, attempt.quantity, now, "acknowledged")
                else:
                    listings.forget_belief(session, (listing_id,))
            elif kind is PRICE_PUSH and isinstance(step, Finish) and attempt is not None:
                listing = session.get(Listing, listing_id)
                if listing is not None:
                    listing.shown_price_minor = attempt.detail.get("price_minor")
