"""Writing a policy step down: the same for every flow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy.orm import Session

from hub.channels.contract.errors import ChannelError
from hub.channels.contract.records import Outcome
from hub.sync.policy import Again, Ask, AwaitTicket, Block, Finish, Look, NextStep, after_error, after_outcome
from hub.work import accounts, attempts, items
from hub.work.items import Claimed
from hub.work.kinds import KINDS

POLL_FIRST_S = 20.0


def step_of(item: Claimed, result: Outcome | ChannelError) -> NextStep:
    """The policy's word on what happened to an item."""
    kind = KINDS[item.kind]
    if isinstance(result, ChannelError):
        return after_error(result, repeat=kind.repeat, attempts=item.attempts, max_attempts=kind.max_attempts)
    return after_outcome(result, repeat=kind.repeat, attempts=item.attempts, max_attempts=kind.max_attempts)


def write(
    session: Session,
    item: Claimed,
    step: NextStep,
    now: datetime,
    *,
    attempt_id: int | None = None,
    revision: int | None = None,
    phase: str = "send",
    owner_message: str = "",
) -> bool:
    """Record the attempt's end and move the item. False if the lease was lost meanwhile: then only the attempt is
    recorded, and the caller must not record any effect."""
    held: bool
    match step:
        case Finish():
            _close(session, attempt_id, "applied", now)
            held = items.finish(session, item, now, revision=revision)
        case AwaitTicket():
            _close(session, attempt_id, "submitted", now)
            held = items.submitted(session, item, step.ticket, now + timedelta(seconds=POLL_FIRST_S), revision=revision)
        case Again():
            _close(session, attempt_id, step.result, now, step.code, step.message)
            due = now + timedelta(seconds=step.after_s)
            if step.shut_lane:
                items.shut_lane(session, item.account_id, item.kind, due)
            held = items.again(
                session,
                item,
                due,
                counted=step.counted,
                phase=phase,
                code=step.code or step.result,
                message=step.message,
            )
        case Look():
            _close(session, attempt_id, "unclear", now, step.code, step.message)
            held = items.again(
                session, item, now + timedelta(seconds=step.after_s), phase="look",
                code=step.code or "unclear", message=step.message,
            )  # fmt: skip
        case Ask():
            _close(session, attempt_id, step.result, now, step.code, step.message)
            # What nobody knows stays unknown while it waits: a person's retry looks first, too.
            unknown = step.result in ("unclear", "bug") and KINDS[item.kind].repeat == "look"
            held = items.ask(
                session, item, code=step.code, message=step.message + owner_message,
                phase="look" if unknown or phase == "look" else "send",
            )  # fmt: skip
        case Block():
            _close(session, attempt_id, "auth", now, step.code, step.message)
            accounts.set_state(session, item.account_id, "blocked", step.message, now)
            held = items.again(session, item, now, counted=False, phase=phase, code=step.code, message=step.message)
        case _:
            assert_never(step)
    return held


def _close(
    session: Session,
    attempt_id: int | None,
    result: str,
    now: datetime,
    code: str | None = None,
    message: str | None = None,
) -> None:
    if attempt_id is not None:
        attempts.close(session, attempt_id, result, now, code=code, message=message)


def for_all(count: int, error: ChannelError) -> Sequence[ChannelError]:
    """One error for every item of a call."""
    return [error] * count
