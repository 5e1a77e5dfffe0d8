"""Bringing pictures that products name by address into the library, a few at a time, with retries that end."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from hub.blobs.fetch import Fetcher, NotFetched
from hub.blobs.store import BlobStore
from hub.db.session import Sessions, unit
from hub.kernel.clock import Clock
from hub.kernel.errors import Invalid
from hub.pim import projections
from hub.pim.media.analyse import analyse
from hub.pim.media.library import key_of, put_asset
from hub.pim.media.models import MediaFetch, MediaUse

ATTEMPTS = 6
HELD = timedelta(minutes=5)
"""Who took an address to fetch has it for so long; then it is anybody's again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReport:
    """What became of one address. `again` = it will be tried once more."""

    address: str
    sha256: str
    cause: str
    again: bool


def fetch_some(
    sessions: Sessions, store: BlobStore, fetcher: Fetcher, clock: Clock, *, limit: int = 10
) -> list[FetchReport]:
    """Fetch up to `limit` addresses that are due. No unit is open while a stranger's server is asked."""
    with unit(sessions) as session:
        f = MediaFetch
        due = list(
            session.scalars(
                select(f.address)
                .where(f.state == "waiting", f.due_at <= clock.now())
                .order_by(f.due_at, f.address)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
        )
        session.execute(update(f).where(f.address.in_(due)).values(attempts=f.attempts + 1, due_at=clock.now() + HELD))
    return [_one(sessions, store, fetcher, clock, address) for address in due]


def _one(sessions: Sessions, store: BlobStore, fetcher: Fetcher, clock: Clock, address: str) -> FetchReport:
    try:
        got = fetcher.fetch(address)
        found = analyse(got.content, address.rsplit("/", 1)[-1])
    except (NotFetched, Invalid) as refusal:
        again = isinstance(refusal, NotFetched) and refusal.again
        return _not_got(sessions, clock, address, refusal.message, again=again)
    sha256 = hashlib.sha256(got.content).hexdigest()
    store.put(key_of(sha256, found.content_type), got.content, found.content_type)
    with unit(sessions) as session:
        now = clock.now()
        added = put_asset(session, sha256, len(got.content), found, now, name=address.rsplit("/", 1)[-1])
        session.execute(
            update(MediaFetch)
            .where(MediaFetch.address == address)
            .values(state="done", cause="", asset_id=added.id, fetched_at=now)
        )
        projections.touch(session, _users(session, address), now)
    return FetchReport(address=address, sha256=sha256, cause="", again=False)


def _not_got(sessions: Sessions, clock: Clock, address: str, cause: str, *, again: bool) -> FetchReport:
    with unit(sessions) as session:
        now = clock.now()
        row = session.get(MediaFetch, address, with_for_update=True, populate_existing=True)
        if row is None:  # nobody names it any more
            return FetchReport(address=address, sha256="", cause=cause, again=False)
        again = again and row.attempts < ATTEMPTS
        row.cause = cause
        row.state = "waiting" if again else "failed"
        row.due_at = now + timedelta(minutes=2**row.attempts)
        projections.touch(session, _users(session, address), now)
    return FetchReport(address=address, sha256="", cause=cause, again=again)


def _users(session: Session, address: str) -> list[int]:
    return list(session.scalars(select(MediaUse.product_id).where(MediaUse.reference == address)))


def again(session: Session, now: datetime, *, address: str = "") -> int:
    """Try what failed for good once more (`address`: only this one); returns how many."""
    f = MediaFetch
    query = select(f).where(f.state == "failed").with_for_update()
    if address:
        query = query.where(f.address == address)
    rows = session.scalars(query.limit(10_000)).all()
    for row in rows:
        row.state, row.attempts, row.due_at = "waiting", 0, now
    return len(rows)


def counts(session: Session) -> dict[str, int]:
    """How many addresses wait, are done, have failed."""
    rows = session.execute(select(MediaFetch.state, func.count()).group_by(MediaFetch.state)).tuples()
    return {"waiting": 0, "done": 0, "failed": 0} | dict(rows.all())
