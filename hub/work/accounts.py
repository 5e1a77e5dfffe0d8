"""Accounts and their gates: add, pause, resume, block; cadence of what is wanted regularly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from hub.db.upsert import put
from hub.kernel.errors import Invalid, Unknown
from hub.work import items
from hub.work.kinds import KINDS, ORDERS_PULL, PROBE, RECONCILE
from hub.work.models import Account, Cadence, LaneGate

PROBE_BLOCKED_EVERY_S = 300
REGULAR = (ORDERS_PULL.name, RECONCILE.name, PROBE.name)
"""The kinds that concern a whole account (key «*»): only these can be wanted by the clock."""


def add(
    session: Session,
    *,
    channel: str,
    name: str,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    currency: str,
    now: datetime,
    buffer: int = 0,
    cap: int | None = None,
    location_ids: Sequence[int] = (),
    cadence: Mapping[str, int] | None = None,
) -> Account:
    """A new account, open, with what it wants regularly (`cadence`: kind → seconds).

    Raises:
        Invalid: the name is taken or empty, a cadence is not above zero.
    """
    if not name.strip():
        raise Invalid("an account needs a name", field="name", value=name)
    if session.scalars(select(Account).where(Account.name == name)).first() is not None:
        raise Invalid(
            f"there is an account named {name!r} already", field="name", value=name, fix="choose another name"
        )
    account = Account(
        channel=channel, name=name, settings=dict(settings), secrets=json.dumps(dict(secrets)), currency=currency,
        state="open", state_since=now, buffer=buffer, cap=cap, location_ids=list(location_ids), created_at=now,
    )  # fmt: skip
    session.add(account)
    session.flush()  # the id is needed for the cadences
    set_cadence(session, account.id, cadence or {}, now)
    return account


def set_cadence(session: Session, account_id: int, cadence: Mapping[str, int], now: datetime) -> None:
    """How often something is wanted of the account (kind → seconds).

    Raises:
        Invalid: the kind is not one that concerns a whole account, or the time is not above zero.
    """
    for kind, every_s in cadence.items():
        if kind not in REGULAR:
            raise Invalid(f"{kind!r} has no rhythm", field="kind", value=kind, fix=", ".join(REGULAR))
        if every_s <= 0:
            raise Invalid(f"{kind} every {every_s} s is not possible", field="every_s", value=every_s)
    rows = [
        {"account_id": account_id, "kind": kind, "every_s": every_s, "next_at": now, "enabled": True}
        for kind, every_s in cadence.items()
    ]
    if rows:
        put(session, Cadence, rows, key=("account_id", "kind"), update=("every_s", "enabled"))


def named(session: Session, name: str) -> Account:
    """The account of that name or id.

    Raises:
        Unknown: there is none.
    """
    account = session.scalars(select(Account).where(Account.name == name)).first()
    if account is None and name.isdigit():
        account = session.get(Account, int(name))
    if account is None:
        known = ", ".join(session.scalars(select(Account.name).order_by(Account.name).limit(20)))
        raise Unknown(
            f"no account is named {name!r}", field="account", value=name, fix=f"one of: {known or '(none yet)'}"
        )
    return account


def secrets_of(account: Account) -> dict[str, str]:
    return {str(k): str(v) for k, v in json.loads(account.secrets).items()}


def set_state(session: Session, account_id: int, state: str, reason: str, now: datetime) -> bool:
    """Move the gate; False if it already stood so. A person's pause is not undone by a machine's block."""
    return _move(session, account_id, state, reason, now, only_from="open" if state == "blocked" else None)


def unblock(session: Session, account_id: int, now: datetime) -> bool:
    """The credentials work again: a blocked account opens, a paused one stays as the person left it."""
    return _move(session, account_id, "open", "", now, only_from="blocked")


def _move(session: Session, account_id: int, state: str, reason: str, now: datetime, *, only_from: str | None) -> bool:
    condition = [Account.id == account_id, Account.state != state]
    if only_from is not None:
        condition.append(Account.state == only_from)
    result = session.execute(
        update(Account)
        .where(*condition)
        .values(state=state, reason=reason, state_since=now)
        .execution_options(synchronize_session="fetch")
    )
    assert isinstance(result, CursorResult)
    changed = result.rowcount == 1
    if changed and state == "blocked":
        items.want(session, PROBE, account_id, "*", now, due_at=now + timedelta(seconds=PROBE_BLOCKED_EVERY_S))
    if changed and state == "open":
        for gate in session.scalars(select(LaneGate).where(LaneGate.account_id == account_id)):
            session.delete(gate)
    return changed


def tick(session: Session, now: datetime, limit: int = 500) -> int:
    """Want whatever is due by its cadence; returns how many. Two schedulers at once want it once."""
    due = session.scalars(
        select(Cadence)
        .join(Account, Account.id == Cadence.account_id)
        .where(Cadence.enabled.is_(True), Cadence.next_at <= now, Account.state == "open")
        .order_by(Cadence.next_at)
        .limit(limit)
    ).all()
    count = 0
    for row in due:
        # From the planned time, so that a late tick does not shift the rhythm; but never a burst to catch up.
        following = max(row.next_at + timedelta(seconds=row.every_s), now + timedelta(seconds=row.every_s / 2))
        result = session.execute(
            update(Cadence)
            .where(Cadence.account_id == row.account_id, Cadence.kind == row.kind, Cadence.next_at == row.next_at)
            .values(next_at=following)
            .execution_options(synchronize_session=False)
        )
        assert isinstance(result, CursorResult)
        if result.rowcount == 1:
            items.want(session, KINDS[row.kind], row.account_id, "*", now)
            count += 1
    return count
