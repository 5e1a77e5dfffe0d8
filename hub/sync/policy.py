"""What follows from an outcome or an error: pure, total, and the only place where retries are decided.

One rule stands above all: an unknown outcome of a write that is not absolute is always looked up, never sent blindly
again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from hub.channels.contract.errors import (
    AdapterBug,
    AuthFailed,
    ChannelError,
    Conflict,
    InvalidData,
    Missing,
    OutcomeUnknown,
    Throttled,
    Unavailable,
    Unsupported,
)
from hub.channels.contract.records import Applied, Deferred, Outcome, Problem, Refused, Stale, Submitted, Unclear

Repeat = Literal["absolute", "look", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Carried out."""

    external_id: str = ""
    observed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitTicket:
    """The channel will answer later."""

    ticket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Due again in `after_s`. `counted` False gives the attempt back; `shut_lane` stops this kind for the account."""

    after_s: float
    result: str
    code: str | None = None
    message: str | None = None
    counted: bool = True
    shut_lane: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Unknown: read back after `after_s`, then decide."""

    after_s: float
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A person must change something. `missing` = the remote thing is gone."""

    result: str
    code: str
    message: str
    problems: tuple[Problem, ...] = ()
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The account's credentials or scopes: everything of it waits."""

    code: str
    message: str


NextStep = Finish | AwaitTicket | Again | Look | Ask | Block

FIRST_BACKOFF_S = 15.0
LONGEST_BACKOFF_S = 900.0
LONGEST_THROTTLE_S = 3600.0 * 26  # a daily quota of eBay may ask for most of a day


def backoff_s(attempts: int) -> float:
    """15 s, 30 s, 1 min … 15 min."""
    return float(min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(max(0, attempts - 1), 10)))


def after_error(error: ChannelError, *, repeat: Repeat, attempts: int, max_attempts: int) -> NextStep:
    """The step after a whole call failed. `attempts` counts this one (>= 1)."""
    code, message = error.code, error.message
    worn_out = attempts >= max_attempts
    match error:
        case Throttled():
            wait = min(max(0.5, error.retry_after_s), LONGEST_THROTTLE_S)
            return Again(after_s=wait, result="throttled", code=code, message=message, counted=False, shut_lane=True)
        case Unavailable():
            if worn_out:
                return Ask(result="unavailable", code=code or "unavailable", message=message)
            return Again(after_s=backoff_s(attempts), result="unavailable", code=code, message=message)
        case Conflict():
            if worn_out:
                return Ask(result="conflict", code=code or "conflict", message=message)
            return Again(after_s=min(5.0 * attempts, 60.0), result="conflict", code=code, message=message)
        case AuthFailed():
            return Block(code=code or "auth", message=message)
        case OutcomeUnknown():
            if worn_out:
                return Ask(result="unclear", code=code or "unclear", message=message)
            if repeat == "look":
                return Look(after_s=backoff_s(attempts), code=code, message=message)
            return Again(after_s=backoff_s(attempts), result="unclear", code=code, message=message)
        case AdapterBug():
            if repeat == "look":
                return Look(after_s=backoff_s(attempts), code=code, message=message) if not worn_out else _bug(error)
            if worn_out:
                return _bug(error)
            return Again(after_s=backoff_s(attempts), result="bug", code=code, message=message)
        case InvalidData():
            return Ask(result="refused", code=code or "invalid", message=message, problems=error.problems)
        case Missing():
            return Ask(result="missing", code=code or "missing", message=message, missing=True)
        case Unsupported():
            return Ask(result="unsupported", code=code or "unsupported", message=message)
        case _:
            return _bug(error)


def _bug(error: ChannelError) -> Ask:
    return Ask(result="bug", code=error.code or "adapter", message=error.message)


def after_outcome(outcome: Outcome, *, repeat: Repeat, attempts: int, max_attempts: int) -> NextStep:
    """The step after one item's outcome."""
    worn_out = attempts >= max_attempts
    match outcome:
        case Applied():
            return Finish(external_id=outcome.external_id, observed=outcome.observed)
        case Submitted():
            return AwaitTicket(ticket=outcome.ticket)
        case Refused():
            first = outcome.problems[0] if outcome.problems else None
            return Ask(
                result="missing" if outcome.missing else "refused",
                code=first.code if first else "refused",
                message=" ".join(p.message for p in outcome.problems)
                or "The channel turned this down and gave no reason.",
                problems=outcome.problems,
                missing=outcome.missing,
            )
        case Stale():
            if worn_out:
                return Ask(result="stale", code="stale", message="The number on the channel keeps moving.")
            return Again(after_s=0.0, result="stale", code="stale", message="The number on the channel had moved.")
        case Deferred():
            wait = min(max(0.5, outcome.retry_after_s), LONGEST_THROTTLE_S)
            return Again(after_s=wait, result="deferred", code="deferred", message=outcome.why, counted=False)
        case Unclear():
            if worn_out:
                return Ask(result="unclear", code="unclear", message=outcome.why)
            if repeat == "look":
                return Look(after_s=backoff_s(attempts), code="unclear", message=outcome.why)
            return Again(after_s=backoff_s(attempts), result="unclear", code="unclear", message=outcome.why)
        case _:
            assert_never(outcome)
