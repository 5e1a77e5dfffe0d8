"""Pulling what an account offers: a page, a unit, until the round is complete. Only on a person's word."""

from __future__ import annotations

from datetime import timedelta

from hub.channels.contract.adapter import PullsListings
from hub.channels.contract.errors import ChannelError, InvalidData
from hub.db.session import reading, unit
from hub.kernel.ids import AccountId
from hub.pim.matching import candidates, pulls
from hub.sync import settle
from hub.sync.hub import Hub, OpenAccount
from hub.work import items
from hub.work.items import Claimed
from hub.work.kinds import LISTINGS_PULL

PAGES_PER_TURN = 5
RESTART_AFTER = timedelta(seconds=15)


def run(hub: Hub, account_id: AccountId) -> int:
    """Up to five pages; a long catalogue gives other work its turn in between."""
    opened = hub.open(account_id)
    if opened is None:
        return 0
    with unit(hub.sessions) as session:
        now = hub.clock.now()
        claimed = items.claim(session, LISTINGS_PULL, account_id, 1, now, owner=hub.owner, lease_s=hub.lease_s)
        if claimed and not isinstance(opened.adapter, PullsListings):
            message = f"{opened.manifest.label} has no way to list what an account offers."
            items.ask(session, claimed[0], code="unsupported", message=message)
    if not claimed or not isinstance(opened.adapter, PullsListings):
        return len(claimed)
    for turn in range(PAGES_PER_TURN):
        if not _page(hub, opened, opened.adapter, claimed[0], last=turn == PAGES_PER_TURN - 1):
            break
    return 1


def _page(hub: Hub, opened: OpenAccount, adapter: PullsListings, item: Claimed, *, last: bool) -> bool:
    """Fetch and store one page; True if there is more to do in this turn."""
    account_id = opened.account.id
    with reading(hub.sessions) as session:
        pull = pulls.current(session, account_id)
        cursor = pull.cursor if pull is not None else None
        known = pull is not None
    if not known:  # it was completed by the worker from which this one took over
        with unit(hub.sessions) as session:
            items.finish(session, item, hub.clock.now())
        return False
    try:
        page = adapter.pull_listings(cursor, limit=opened.manifest.max_listing_page)
    except ChannelError as error:
        _failed(hub, account_id, item, error, resuming=cursor is not None)
        return False
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        pull = pulls.current(session, account_id)
        # A page that was fetched under a lost lease is dropped: another worker has moved the place on.
        if not items.keep(session, item, now, lease_s=hub.lease_s) or pull is None or pull.cursor != cursor:
            return False
        taken = pulls.take(session, pull, page, now)
        candidates.propose(session, taken, now)
        if not page.has_more:
            items.finish(session, item, now)
        elif last:
            items.again(session, item, now, counted=False)
    return page.has_more and not last


def _failed(hub: Hub, account_id: int, item: Claimed, error: ChannelError, *, resuming: bool) -> None:
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        pull = pulls.current(session, account_id)
        if isinstance(error, InvalidData) and resuming and pull is not None:
            # The channel does not know the place any more. Attempts count, so that this does not go on for ever.
            pulls.restart(session, pull)
            items.again(session, item, now + RESTART_AFTER, code="restarted", message=error.message)
            return
        settle.write(session, item, settle.step_of(item, error), now)
