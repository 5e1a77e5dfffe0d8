"""What Amazon says to a put, a patch and a delete, and how a batch goes out one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from hub.channels.amazon import remote
from hub.channels.amazon.faults import garbled
from hub.channels.contract import (
    AdapterBug,
    Applied,
    AuthFailed,
    ChannelError,
    Conflict,
    Deferred,
    InvalidData,
    Missing,
    Outcome,
    OutcomeUnknown,
    Problem,
    Refused,
    Severity,
    Throttled,
    Unavailable,
    Unclear,
    Unsupported,
)

T = TypeVar("T")
#: When to try the rest of a batch again after trouble that does not say how long it lasts.
REST_WAIT_S = 30.0
#: A SKU that somebody else is changing just now.
CONFLICT_WAIT_S = 5.0
_SEVERITIES = {"ERROR": Severity.ERROR, "WARNING": Severity.WARNING, "INFO": Severity.INFO}


def problem_of(issue: remote.Issue) -> Problem:
    """An issue in the hub's words. An unknown severity counts as an error: better seen than lost."""
    return Problem(
        code=issue.code or "issue",
        message=issue.message,
        field=", ".join(issue.attribute_names) if issue.attribute_names else None,
        severity=_SEVERITIES.get(issue.severity, Severity.ERROR),
    )


def parse_submission(payload: Any, *, operation: str, marketplace_id: str) -> tuple[Outcome, str | None]:
    """The outcome of one put, patch or delete, and the ASIN if Amazon told it.

    INVALID comes with HTTP 200 and applies nothing; ACCEPTED means queued: what became of it is seen by reading back
    (contracts README 2.6). VALID belongs to previews only and is nothing we asked for.
    """
    told = remote.read(remote.Submission, payload, operation=operation, writing=True)
    problems = tuple(problem_of(issue) for issue in told.issues or ())
    match told.status:
        case "ACCEPTED":
            asin = next((i.asin for i in told.identifiers or () if i.asin and i.marketplace_id == marketplace_id), None)
            return Applied(external_id=asin or ""), asin
        case "INVALID":
            refusal = Problem(code="invalid", message="Amazon refused the data without saying why.")
            return Refused(problems=problems or (refusal,)), None
        case _:
            raise garbled(operation, f"unknown submission status {told.status!r}", writing=True)


def refused(error: InvalidData | Missing) -> Refused:
    """A call that Amazon refused for its data, as the outcome of the one item it was about."""
    problems = error.problems or (Problem(code=error.code or "refused", message=error.message),)
    return Refused(problems=problems, missing=isinstance(error, Missing))


def one_by_one(items: Sequence[T], send: Callable[[T], Outcome]) -> list[Outcome]:
    """Send each item by its own call: one outcome per item, in order.

    A refused item does not stop the others. Trouble with the channel as a whole ends the batch: the first item raises
    it (nothing was applied), later ones leave the rest `Deferred`, and one whose answer was lost is `Unclear`.
    """
    outcomes: list[Outcome] = []
    for item in items:
        try:
            outcomes.append(send(item))
        except (InvalidData, Missing) as error:
            outcomes.append(refused(error))
        except Conflict as error:
            if len(items) == 1:
                raise
            outcomes.append(Deferred(retry_after_s=CONFLICT_WAIT_S, why=error.message))
        except OutcomeUnknown as error:
            if len(items) == 1:
                raise
            outcomes.append(Unclear(why=error.message))
            return outcomes + _rest(items, outcomes, error)
        except (Throttled, Unavailable, AuthFailed, Unsupported, AdapterBug) as error:
            if not outcomes:
                raise
            return outcomes + _rest(items, outcomes, error)
    return outcomes


def _rest(items: Sequence[object], outcomes: Sequence[Outcome], error: ChannelError) -> list[Outcome]:
    wait = error.retry_after_s if isinstance(error, Throttled) else REST_WAIT_S
    return [Deferred(retry_after_s=wait, why=error.message) for _ in range(len(items) - len(outcomes))]


def errors_among(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity is Severity.ERROR]
