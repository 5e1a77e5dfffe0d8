"""Is an account in order? One word per account and the reasons for it, the same on the page, in `hub sync status` and
in `hub doctor`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.work import reads
from hub.work.kinds import ORDERS_PULL
from hub.work.models import Account, Cadence, Cursor, LaneGate
from hub.work.reads import AccountHealth

PERIODS = 2  # order pulls that stopped show within two periods of their rhythm
LATE_WORK = timedelta(minutes=10)

Colour = Literal["green", "amber", "red", "grey"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutLane:
    """The channel wants no more of `kind` before `until`."""

    kind: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`colour`: green in order; amber somebody should look; red orders or credentials stopped; grey paused by a person.

    `pull_age_s` counts from the newest sign of life of order pulls, or from the opening of the account; None where no
    pulls are wanted. `pull_every_s` is their rhythm.
    """

    health: AccountHealth
    colour: Colour
    reasons: tuple[str, ...]
    shut: tuple[ShutLane, ...]
    pull_age_s: float | None
    pull_every_s: int | None

    @property
    def stalled(self) -> bool:
        """Order pulls stopped."""
        return (
            self.pull_age_s is not None
            and self.pull_every_s is not None
            and self.pull_age_s >= PERIODS * self.pull_every_s
        )

    def as_dict(self) -> dict[str, object]:
        return {
            **self.health.as_dict(), "colour": self.colour, "reasons": list(self.reasons),
            "shut": [{"kind": s.kind, "until": s.until.isoformat()} for s in self.shut],
            "pull_age_s": self.pull_age_s, "pull_every_s": self.pull_every_s,
        }  # fmt: skip


def judge(session: Session, now: datetime, *, without_orders: Collection[str] = ()) -> list[Verdict]:
    """A verdict on every account. `without_orders` names the channels that have no orders to pull."""
    rhythms = {
        row.account_id: row.every_s
        for row in session.scalars(select(Cadence).where(Cadence.kind == ORDERS_PULL.name, Cadence.enabled.is_(True)))
    }
    moved = {
        row.account_id: row.newest
        for row in session.execute(
            select(Cursor.account_id, func.max(Cursor.updated_at).label("newest"))
            .where(Cursor.name == "orders")
            .group_by(Cursor.account_id)
        )
    }
    since = {row.id: row.state_since for row in session.execute(select(Account.id, Account.state_since))}
    gates: dict[int, list[ShutLane]] = {}
    for gate in session.scalars(
        select(LaneGate).where(LaneGate.not_before > now).order_by(LaneGate.account_id, LaneGate.kind)
    ):
        gates.setdefault(gate.account_id, []).append(ShutLane(kind=gate.kind, until=gate.not_before))
    out = []
    for health in reads.health(session, now):
        every = None if health.channel in without_orders else rhythms.get(health.id)
        signs = [t for t in (health.last_pull_at, moved.get(health.id), since.get(health.id)) if t is not None]
        age = (now - max(signs)).total_seconds() if every is not None and health.state == "open" else None
        out.append(_verdict(health, age, every, tuple(gates.get(health.id, ()))))
    return out


def _verdict(health: AccountHealth, age_s: float | None, every_s: int | None, shut: tuple[ShutLane, ...]) -> Verdict:
    reasons: list[str] = []
    colour: Colour = "green"
    if health.state == "paused":
        reasons.append(f"paused: {health.reason}" if health.reason else "paused")
        return Verdict(
            health=health, colour="grey", reasons=tuple(reasons), shut=shut, pull_age_s=age_s, pull_every_s=every_s
        )
    if health.needs_human:
        colour = "amber"
        reasons.append(f"{health.needs_human} wait for a person")
    late_s = health.oldest_due_s if health.state == "open" else None  # behind a gate everything waits
    if late_s is not None and late_s > LATE_WORK.total_seconds():
        colour = "amber"
        reasons.append(f"work has been due for {round(late_s / 60)} min")
    if every_s is not None and age_s is not None and age_s >= PERIODS * every_s:
        colour = "red"
        reasons.insert(0, f"no orders pulled for {round(age_s)} s, the rhythm is {every_s} s")
    if health.state == "blocked":
        colour = "red"
        reasons.insert(0, f"blocked: {health.reason}")
    return Verdict(
        health=health, colour=colour, reasons=tuple(reasons), shut=shut, pull_age_s=age_s, pull_every_s=every_s
    )
