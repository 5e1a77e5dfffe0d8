"""How often an account is looked at: what people may change of its cadences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.kernel.errors import Invalid
from hub.work import accounts
from hub.work.kinds import ORDERS_PULL, PROBE, RECONCILE
from hub.work.models import Cadence

WHOLE_ACCOUNT = (ORDERS_PULL.name, RECONCILE.name, PROBE.name)
"""Kinds that concern an account as a whole. The others name a subject each, so «regularly» means nothing for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """`kind` is wanted every `every_s` seconds, the next time at `next_at`; never while not `enabled`."""

    kind: str
    every_s: int
    next_at: datetime
    enabled: bool

    def as_dict(self) -> dict[str, object]:
        return {
            "kind": self.kind, "every_s": self.every_s, "next_at": self.next_at.isoformat(), "enabled": self.enabled,
        }  # fmt: skip


def of(session: Session, account_id: int) -> list[Beat]:
    """The account's rhythm, by kind."""
    rows = session.scalars(select(Cadence).where(Cadence.account_id == account_id).order_by(Cadence.kind))
    return [Beat(kind=r.kind, every_s=r.every_s, next_at=r.next_at, enabled=r.enabled) for r in rows]


def change(session: Session, account_id: int, kind: str, every_s: int, now: datetime) -> None:
    """Want `kind` every `every_s` seconds (> 0) from now on; what was planned later than that comes earlier.

    Raises:
        Invalid: the kind is not one of WHOLE_ACCOUNT, or the span is not above zero.
    """
    _check(kind)
    accounts.set_cadence(session, account_id, {kind: every_s}, now)
    session.execute(
        update(Cadence)
        .where(
            Cadence.account_id == account_id, Cadence.kind == kind, Cadence.next_at > now + timedelta(seconds=every_s)
        )
        .values(next_at=now + timedelta(seconds=every_s))
        .execution_options(synchronize_session=False)
    )


def silence(session: Session, account_id: int, kind: str) -> None:
    """Do not want `kind` regularly any more.

    Raises:
        Invalid: the kind is not one of WHOLE_ACCOUNT.
    """
    _check(kind)
    session.execute(
        update(Cadence)
        .where(Cadence.account_id == account_id, Cadence.kind == kind)
        .values(enabled=False)
        .execution_options(synchronize_session=False)
    )


def _check(kind: str) -> None:
    if kind not in WHOLE_ACCOUNT:
        raise Invalid(
            f"{kind!r} is nothing that an account wants regularly", field="kind", value=kind,
            fix="one of: " + ", ".join(WHOLE_ACCOUNT),
        )  # fmt: skip
