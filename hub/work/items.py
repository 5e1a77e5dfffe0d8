"""Wanting work, claiming it under a lease, and settling it. Every settle carries the fence: a worker that lost its
lease writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, literal, literal_column, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from hub.db.types import UtcDateTime
from hub.db.upsert import chunks, put, table_of
from hub.kernel.ids import AccountId, WorkId
from hub.work.kinds import KINDS, PROBE, Kind
from hub.work.models import Account, LaneGate, WorkItem

_items = table_of(WorkItem)
_EXCLUDED_PRIORITY: Any = literal_column("excluded.priority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A leased item. `expired` = taken over from a worker that never settled: what it sent is unknown."""

    id: WorkId
    kind: str
    account_id: AccountId
    key: str
    revision: int
    sent_revision: int
    phase: str
    ticket: str | None
    attempts: int
    fence: int
    expired: bool


def want(
    session: Session,
    kind: Kind,
    account_id: int,
    key: str,
    now: datetime,
    *,
    priority: int | None = None,
    due_at: datetime | None = None,
) -> None:
    """Ask for one piece of work; asking again before it is done bumps its revision and coalesces."""
    want_many(session, kind, [(account_id, key, kind.priority if priority is None else priority)], now, due_at=due_at)


def want_many(
    session: Session,
    kind: Kind,
    wishes: Iterable[tuple[int, str, int]],
    now: datetime,
    *,
    due_at: datetime | None = None,
) -> None:
    """`want` for many (account, key, priority) at once. An item that waits for a retry is due at once again only if a
    person had to act; a throttled one keeps its time."""
    best: dict[tuple[int, str], int] = {}
    for account_id, key, priority in wishes:
        best[account_id, key] = min(priority, best.get((account_id, key), priority))
    rows = [
        {
            "kind": kind.name, "account_id": account_id, "key": key, "lane": kind.lane.value, "priority": priority,
            "revision": 1, "done_revision": 0, "sent_revision": 0, "state": "due", "phase": "send",
            "due_at": due_at or now, "attempts": 0, "fence": 0, "wanted_at": now,
        }
        for (account_id, key), priority in sorted(best.items())
    ]  # fmt: skip
    if not rows:
        return
    t = _items
    fresh = or_(t.c.state == "done", t.c.state == "needs_human")  # not IN, which no executemany can carry
    # Typed, or a CASE would bind the instants as plain timestamps.
    given = literal(due_at or now, UtcDateTime())
    put(
        session,
        WorkItem,
        rows,
        key=("kind", "account_id", "key"),
        update={
            "revision": t.c.revision + 1,
            "state": case((fresh, "due"), else_=t.c.state),
            "due_at": case((fresh, given), else_=t.c.due_at),
            "attempts": case((fresh, 0), else_=t.c.attempts),
            "wanted_at": case((fresh, literal(now, UtcDateTime())), else_=t.c.wanted_at),
            "priority": case(
                (fresh, _EXCLUDED_PRIORITY),
                (t.c.priority > _EXCLUDED_PRIORITY, _EXCLUDED_PRIORITY),
                else_=t.c.priority,
            ),
        },
    )


def open_account(account_id: int) -> Any:
    return select(Account.id).where(Account.id == account_id, Account.state == "open")


def claim(
    session: Session,
    kind: Kind,
    account_id: AccountId,
    limit: int,
    now: datetime,
    *,
    owner: str,
    lease_s: float,
    phases: Sequence[str] | None = None,
    key: str | None = None,
    even_if_gated: bool = False,
) -> list[Claimed]:
    """Lease up to `limit` due items, most urgent first. Nothing while the account's gate or the kind's lane is shut.

    Attempts are counted here, before the call, so that an item that kills its worker still runs out of attempts.
    """
    if not even_if_gated:
        account = session.get(Account, account_id, populate_existing=True)
        if account is None or account.state != "open" or (KINDS[kind.name].writes and not account.writes_enabled):
            return []
        gate = session.get(LaneGate, (account_id, kind.name), populate_existing=True)
        if gate is not None and gate.not_before > now:
            return []
    t = WorkItem
    takeable = or_(
        and_(t.state == "due", t.due_at <= now),
        and_(t.state == "leased", t.lease_until <= now),
    )
    query = select(t.id, t.state).where(t.account_id == account_id, t.kind == kind.name, takeable)
    if phases is not None:
        query = query.where(t.phase.in_(phases))
    if key is not None:
        query = query.where(t.key == key)
    query = query.order_by(t.priority, t.due_at, t.id).limit(limit).with_for_update(skip_locked=True)
    found = session.execute(query).all()
    if not found:
        return []
    expired = {row.id for row in found if row.state == "leased"}
    out: list[Claimed] = []
    for part in chunks([row.id for row in found]):
        rows = session.execute(
            update(t)
            .where(t.id.in_(part), takeable)
            .values(
                state="leased",
                lease_owner=owner,
                lease_until=now + timedelta(seconds=lease_s),
                fence=t.fence + 1,
                attempts=t.attempts + 1,
            )
            .returning(
                t.id,
                t.kind,
                t.account_id,
                t.key,
                t.revision,
                t.sent_revision,
                t.phase,
                t.ticket,
                t.attempts,
                t.fence,
                t.priority,
            )
            .execution_options(synchronize_session=False)
        ).all()
        out.extend(
            Claimed(
                id=WorkId(r.id), kind=r.kind, account_id=AccountId(r.account_id), key=r.key, revision=r.revision,
                sent_revision=r.sent_revision, phase=r.phase, ticket=r.ticket, attempts=r.attempts, fence=r.fence,
                expired=r.id in expired,
            )
            for r in sorted(rows, key=lambda r: (r.priority, r.id))
        )  # fmt: skip
    return out


def _settle(session: Session, item: Claimed, values: Mapping[str, Any]) -> bool:
    result = session.execute(
        update(WorkItem)
        .where(WorkItem.id == item.id, WorkItem.fence == item.fence, WorkItem.state == "leased")
        .values(lease_owner=None, lease_until=None, **values)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


def keep(session: Session, item: Claimed, now: datetime, *, lease_s: float) -> bool:
    """Prolong the lease of an item that is about to be sent. False if another worker has taken it over (this one was
    frozen, or its batch took longer than the lease): then it must not be sent from here any more."""
    result = session.execute(
        update(WorkItem)
        .where(WorkItem.id == item.id, WorkItem.fence == item.fence, WorkItem.state == "leased")
        .values(lease_until=now + timedelta(seconds=lease_s))
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


def finish(session: Session, item: Claimed, now: datetime, *, revision: int | None = None) -> bool:
    """Done for `revision` (default: the claimed one). If more was wanted meanwhile the item stays due."""
    done = item.revision if revision is None else revision
    return _settle(
        session,
        item,
        {
            "done_revision": case((WorkItem.done_revision > done, WorkItem.done_revision), else_=done),
            "state": case((WorkItem.revision > done, "due"), else_="done"),
            "phase": "send",
            "ticket": None,
            "due_at": now,
            "attempts": 0,
            "last_code": None,
            "last_message": None,
        },
    )


def submitted(session: Session, item: Claimed, ticket: str, due_at: datetime, *, revision: int | None = None) -> bool:
    """The channel took it; ask `ticket` at `due_at`. `revision` is what was sent."""
    values: dict[str, Any] = {"state": "due", "phase": "poll", "ticket": ticket, "due_at": due_at}
    if revision is not None:
        values["sent_revision"] = revision
    return _settle(session, item, values)


def again(
    session: Session,
    item: Claimed,
    due_at: datetime,
    *,
    counted: bool = True,
    phase: str = "send",
    code: str | None = None,
    message: str | None = None,
) -> bool:
    """Due again at `due_at`. `counted` False gives the attempt back (throttles do not count)."""
    values: dict[str, Any] = {
        "state": "due",
        "phase": phase,
        "due_at": due_at,
        "last_code": code,
        "last_message": message,
    }
    if phase != "poll":
        values["ticket"] = None
    if not counted:
        values["attempts"] = case((WorkItem.attempts > 0, WorkItem.attempts - 1), else_=0)
    return _settle(session, item, values)


def ask(session: Session, item: Claimed, *, code: str, message: str, phase: str = "send") -> bool:
    """A person has to change something; a newer wish (or a retry) makes it due again. `phase` «look» = nobody knows
    what the last send did, so that even then it is looked up first."""
    return _settle(
        session,
        item,
        {
            # A wish that arrived meanwhile may well be the correction: try that one.
            "state": case((WorkItem.revision > item.revision, "due"), else_="needs_human"),
            "phase": phase, "attempts": 0, "ticket": None, "last_code": code, "last_message": message,
        },
    )  # fmt: skip


def retry_desk(session: Session, now: datetime, *, account_id: int | None = None, kind: str | None = None) -> int:
    """Everything that waits for a person is tried again. Returns how many items."""
    stmt = update(WorkItem).where(WorkItem.state == "needs_human")
    if account_id is not None:
        stmt = stmt.where(WorkItem.account_id == account_id)
    if kind is not None:
        stmt = stmt.where(WorkItem.kind == kind)
    result = session.execute(
        stmt.values(state="due", due_at=now, attempts=0, revision=WorkItem.revision + 1).execution_options(
            synchronize_session=False
        )
    )
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


def shut_lane(session: Session, account_id: int, kind: str, until: datetime) -> None:
    """The channel wants no more of this kind before `until`; never shortens an earlier word."""
    put(
        session,
        LaneGate,
        [{"account_id": account_id, "kind": kind, "not_before": until}],
        key=("account_id", "kind"),
        update=("not_before",),
        newer="not_before",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DueLane:
    account_id: AccountId
    kind: str


def due_lanes(session: Session, now: datetime, lanes: Sequence[str] | None = None) -> list[DueLane]:
    """Every (account, kind) that has something to carry out now: what the relay rings for."""
    t = WorkItem
    query = (
        select(t.account_id, t.kind, func.min(t.priority).label("urgency"))
        .join(Account, Account.id == t.account_id)
        .outerjoin(LaneGate, and_(LaneGate.account_id == t.account_id, LaneGate.kind == t.kind))
        .where(
            or_(and_(t.state == "due", t.due_at <= now), and_(t.state == "leased", t.lease_until <= now)),
            or_(Account.state == "open", and_(Account.state == "blocked", t.kind == PROBE.name)),
            or_(LaneGate.not_before.is_(None), LaneGate.not_before <= now),
            or_(
                Account.writes_enabled.is_(True),
                t.kind.not_in([kind.name for kind in KINDS.values() if kind.writes]),
            ),
        )
        .group_by(t.account_id, t.kind)
        .order_by("urgency", t.account_id, t.kind)
    )
    if lanes is not None:
        query = query.where(t.lane.in_(lanes))
    return [DueLane(account_id=AccountId(r.account_id), kind=r.kind) for r in session.execute(query)]
