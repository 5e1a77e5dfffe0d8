"""What the health page, `hub sync status` and `hub doctor` ask of the spine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from hub.work.models import Account, Cursor, PullRun, TrafficCount, WorkItem


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHealth:
    """One account at a glance. Ages in seconds; None = never."""

    id: int
    name: str
    channel: str
    state: str
    reason: str
    backlog: int
    waiting: int
    needs_human: int
    oldest_due_s: float | None
    orders_covered_until: datetime | None
    last_pull_at: datetime | None
    calls: int
    throttled: int

    def as_dict(self) -> dict[str, object]:
        return {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def health(session: Session, now: datetime, limit: int = 500) -> list[AccountHealth]:
    """Every account (at most `limit`), with its backlog."""
    ready = and_(WorkItem.state == "due", WorkItem.due_at <= now)
    counts = {
        row.account_id: row
        for row in session.execute(
            select(
                WorkItem.account_id,
                func.sum(case((or_(ready, WorkItem.state == "leased"), 1), else_=0)).label("backlog"),
                func.sum(case((and_(WorkItem.state == "due", WorkItem.due_at > now), 1), else_=0)).label("waiting"),
                func.sum(case((WorkItem.state == "needs_human", 1), else_=0)).label("asks"),
                func.min(case((ready, WorkItem.due_at))).label("oldest"),
            )
            .where(WorkItem.state != "done")
            .group_by(WorkItem.account_id)
        )
    }
    cursors = {c.account_id: c for c in session.scalars(select(Cursor).where(Cursor.name == "orders"))}
    pulls = {
        row[0]: row[1]
        for row in session.execute(select(PullRun.account_id, func.max(PullRun.ended_at)).group_by(PullRun.account_id))
    }
    traffic = {
        row.account_id: row
        for row in session.execute(
            select(
                TrafficCount.account_id,
                func.sum(TrafficCount.calls).label("calls"),
                func.sum(TrafficCount.throttled).label("throttled"),
            ).group_by(TrafficCount.account_id)
        )
    }
    out = []
    for account in session.scalars(select(Account).order_by(Account.id).limit(limit)):
        row = counts.get(account.id)
        cursor = cursors.get(account.id)
        seen = traffic.get(account.id)
        oldest = row.oldest if row is not None else None
        out.append(
            AccountHealth(
                id=account.id, name=account.name, channel=account.channel, state=account.state, reason=account.reason,
                backlog=int(row.backlog) if row else 0, waiting=int(row.waiting) if row else 0,
                needs_human=int(row.asks) if row else 0,
                oldest_due_s=None if oldest is None else (now - oldest).total_seconds(),
                orders_covered_until=cursor.covered_until if cursor else None,
                last_pull_at=pulls.get(account.id),
                calls=int(seen.calls) if seen else 0, throttled=int(seen.throttled) if seen else 0,
            )
        )  # fmt: skip
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskItem:
    """Work that waits for a person, with the channel's words."""

    id: int
    kind: str
    account: str
    key: str
    code: str
    message: str


def desk(session: Session, limit: int = 100) -> list[DeskItem]:
    rows = session.execute(
        select(WorkItem, Account.name)
        .join(Account, Account.id == WorkItem.account_id)
        .where(WorkItem.state == "needs_human")
        .order_by(WorkItem.id)
        .limit(limit)
    )
    return [
        DeskItem(
            id=item.id,
            kind=item.kind,
            account=name,
            key=item.key,
            code=item.last_code or "",
            message=item.last_message or "",
        )
        for item, name in rows
    ]


def open_work(session: Session, *, kinds: tuple[str, ...] | None = None, account_id: int | None = None) -> int:
    """How much is due or leased, whenever it is due (needs_human and done do not count)."""
    query = select(func.count()).select_from(WorkItem).where(WorkItem.state.in_(("due", "leased")))
    if kinds is not None:
        query = query.where(WorkItem.kind.in_(kinds))
    if account_id is not None:
        query = query.where(WorkItem.account_id == account_id)
    return int(session.scalar(query) or 0)
