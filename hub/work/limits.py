"""Channel budgets shared by all workers: token buckets kept as one timestamp each (GCRA) in the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult

from hub.channels.contract.errors import Throttled
from hub.channels.contract.manifest import RateRule
from hub.db.session import Sessions, unit
from hub.db.upsert import put, put_new
from hub.kernel.clock import Clock
from hub.work.models import RateSlot

_PAST = datetime(2000, 1, 1, tzinfo=UTC)


def usable_burst(burst: int) -> float:
    """A tenth of every bucket, at least one token of a larger one, stays in reserve: a request is charged there a moment
    later than here, and never at exactly the distance at which it was charged here."""
    return burst - max(1.0, burst / 10) if burst >= 4 else float(burst)


class SharedLimiter:
    """The budget of one account. `charge` takes tokens in one conditional UPDATE: two workers never share a token.

    Operations without a rule are free.
    """

    def __init__(self, sessions: Sessions, account_id: int, rates: tuple[RateRule, ...], clock: Clock) -> None:
        self._sessions = sessions
        self._account_id = account_id
        self._rates: Mapping[str, RateRule] = {rule.operation: rule for rule in rates}
        self._clock = clock

    def charge(self, operation: str, cost: float) -> None:
        rule = self._rates.get(operation)
        if rule is None:
            return
        now = self._clock.now()
        step = timedelta(seconds=cost / rule.per_second)
        room = timedelta(seconds=max(usable_burst(rule.burst), cost) / rule.per_second)
        with unit(self._sessions) as session:
            for _ in range(2):
                base = session.get(RateSlot, (self._account_id, operation), populate_existing=True)
                if base is not None:
                    break
                put_new(
                    session,
                    RateSlot,
                    [{"account_id": self._account_id, "bucket": operation, "tat": _PAST, "closed_until": _PAST}],
                    key=("account_id", "bucket"),
                )
            # The sum of an instant and an interval is computed here; the guard makes a racing writer's change visible.
            for _ in range(8):
                slot = session.execute(
                    select(RateSlot.tat, RateSlot.closed_until).where(
                        RateSlot.account_id == self._account_id, RateSlot.bucket == operation
                    )
                ).one()
                new = max(slot.tat, now) + step
                wait = max(new - room - now, slot.closed_until - now)
                if wait > timedelta(0):
                    raise Throttled(
                        "The channel's budget is used up for the moment.",
                        retry_after_s=wait.total_seconds(),
                        code="hub.budget",
                        detail=f"{operation}: {rule.per_second}/s, burst {rule.burst}",
                    )
                result = session.execute(
                    update(RateSlot)
                    .where(
                        RateSlot.account_id == self._account_id, RateSlot.bucket == operation, RateSlot.tat == slot.tat
                    )
                    .values(tat=new)
                    .execution_options(synchronize_session=False)
                )
                assert isinstance(result, CursorResult)
                if result.rowcount == 1:
                    return
        raise Throttled("Too many workers want the same budget at once.", retry_after_s=1.0, code="hub.budget")

    def learn(self, operation: str, *, retry_after_s: float | None = None, remaining: float | None = None) -> None:
        """The channel's own word: shut for a while, or this many tokens are left."""
        rule = self._rates.get(operation)
        if rule is None:
            return
        now = self._clock.now()
        row = {"account_id": self._account_id, "bucket": operation, "tat": _PAST, "closed_until": _PAST}
        if retry_after_s is not None:
            row["closed_until"] = now + timedelta(seconds=min(retry_after_s, 3600.0))
            with unit(self._sessions) as session:
                put(
                    session,
                    RateSlot,
                    [row],
                    key=("account_id", "bucket"),
                    update=("closed_until",),
                    newer="closed_until",
                )
        if remaining is not None:
            used = max(0.0, rule.burst - remaining)
            row["tat"] = now + timedelta(seconds=used / rule.per_second)
            with unit(self._sessions) as session:
                put(
                    session, RateSlot, [row], key=("account_id", "bucket"), update=("tat",)
                )  # its word counts, both ways
