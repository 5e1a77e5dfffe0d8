"""Does the hub work: gates, order coverage, backlogs, and what waits for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import and_, func, or_, select

from hub.channels.contract.manifest import Capability
from hub.db.session import reading
from hub.doctor_checks.finding import SHOW, Check, Patient
from hub.orders.models import BadOrder
from hub.work import reads, verdicts
from hub.work.kinds import KINDS, Lane
from hub.work.models import Account, LaneGate, WorkItem

OLDEST = {
    Lane.INTERACTIVE: timedelta(minutes=1),
    Lane.STOCK: timedelta(minutes=5),
    Lane.ORDERS: timedelta(minutes=10),
    Lane.SHIPMENTS: timedelta(minutes=15),
    Lane.BULK: timedelta(hours=6),
    Lane.HOUSEKEEPING: timedelta(hours=6),
}
"""How long due work of a lane may wait for a worker before somebody should look."""


def blocked(patient: Patient) -> Check:
    """No account is blocked by its credentials."""
    with reading(patient.sessions) as session:
        rows = session.execute(select(Account.name, Account.state, Account.reason).order_by(Account.id)).all()
    return Check(
        id="blocked", title="no account is blocked", checked=len(rows),
        broken=tuple(f"{r.name}: {r.reason}" for r in rows if r.state == "blocked"),
        fix="hub account set NAME --secrets-file …, then hub account probe NAME",
    )  # fmt: skip


def coverage(patient: Patient) -> Check:
    """Orders of every open account are pulled in their rhythm."""
    without = [
        name for name, manifest in patient.registry.available.items() if Capability.ORDERS not in manifest.capabilities
    ]
    with reading(patient.sessions) as session:
        found = verdicts.judge(session, patient.clock.now(), without_orders=without)
    broken = [
        f"{v.health.name}: no pull for {v.pull_age_s:.0f} s, the rhythm is {v.pull_every_s} s"
        for v in found
        if v.stalled
    ]
    return Check(
        id="coverage", title="orders are pulled in their rhythm",
        checked=sum(1 for v in found if v.pull_age_s is not None), broken=tuple(broken),
        fix="see that a worker and a scheduler run (hub up), or hub sync once",
    )  # fmt: skip


def backlog(patient: Patient) -> Check:
    """Due work does not wait long for a worker. Behind a shut gate it may."""
    now = patient.clock.now()
    w = WorkItem
    with reading(patient.sessions) as session:
        rows = session.execute(
            select(w.lane, func.min(w.due_at).label("oldest"), func.count().label("n"))
            .join(Account, Account.id == w.account_id)
            .outerjoin(LaneGate, and_(LaneGate.account_id == w.account_id, LaneGate.kind == w.kind))
            .where(
                Account.state == "open",
                w.state == "due",
                w.due_at <= now,
                or_(LaneGate.not_before.is_(None), LaneGate.not_before <= now),
                or_(Account.writes_enabled.is_(True), w.kind.not_in([k.name for k in KINDS.values() if k.writes])),
            )
            .group_by(w.lane)
            .order_by(w.lane)
        ).all()
    broken = []
    for row in rows:
        age = now - row.oldest
        if age > OLDEST[Lane(row.lane)]:
            broken.append(f"{row.lane}: {row.n} due, the oldest for {age.total_seconds() / 60:.0f} min")
    return Check(
        id="backlog", title="due work is carried out", checked=sum(r.n for r in rows), broken=tuple(broken),
        fix="see that workers run and keep up (hub sync status)", level="warning",
    )  # fmt: skip


def desks(patient: Patient) -> Check:
    """Nothing waits for a person."""
    with reading(patient.sessions) as session:
        found = reads.desk(session, limit=SHOW)
        count = int(
            session.scalar(select(func.count()).select_from(WorkItem).where(WorkItem.state == "needs_human")) or 0
        )
    broken = [f"{d.account} {d.kind} {d.key}: {d.message or d.code}" for d in found]
    return Check(
        id="desks", title="nothing waits for a person", checked=count, broken=tuple(broken),
        fix="hub listings issues, correct the data, hub sync retry", level="warning",
    )  # fmt: skip


def bad_orders(patient: Patient) -> Check:
    """Every order could be read."""
    with reading(patient.sessions) as session:
        rows = session.execute(
            select(BadOrder.channel_order_id, BadOrder.why, BadOrder.received_at, Account.name)
            .join(Account, Account.id == BadOrder.account_id)
            .where(BadOrder.resolved_at.is_(None))
            .order_by(BadOrder.received_at, BadOrder.id)
            .limit(SHOW)
        ).all()
        count = int(session.scalar(select(func.count()).select_from(BadOrder)) or 0)
    return Check(
        id="bad_orders", title="every order could be read", checked=count,
        broken=tuple(f"{r.name} {r.channel_order_id or '(no id)'} of {r.received_at.isoformat()}: {r.why}" for r in rows),
        fix="they are tried again with every reconciliation; look at them on the channel until then", level="warning",
    )  # fmt: skip


WORK: dict[str, Callable[[Patient], Check]] = {
    "blocked": blocked,
    "coverage": coverage,
    "backlog": backlog,
    "desks": desks,
    "bad_orders": bad_orders,
}
