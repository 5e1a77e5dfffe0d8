"""eBay's refusals in the hub's terms: tables first, code second. No network here.

REST error ids are those of the official OpenAPI documents (sell_inventory_v1, sell_fulfillment_v1). Trading codes are
from contracts README 3.4, 6 and 7.2; codes marked «observed» are from public issue threads, and an unknown code is
always a refusal of the data, never a success.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from hub.channels.contract import (
    AdapterBug,
    AuthFailed,
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
)
from hub.channels.wire import DEFAULT_WAIT_S, Response, raise_for, retry_after_s
from hub.kernel.text import shorten

PACIFIC = ZoneInfo("America/Los_Angeles")  # eBay's quota day runs midnight to midnight there (README 3.4)
RECHECK_QUOTA_S = 900.0  # the longest we stay away on a call limit: eBay may raise it, and a refused call is cheap

# SKU, item, group, offer or order that eBay does not know.
REST_MISSING = frozenset({"25702", "25705", "25710", "25713", "25725", "32100"})
# «Concurrent access … try again later»: documented as not carried out.
REST_BUSY = frozenset({"25025"})
# «A system error has occurred»: nothing is known about what was applied.
REST_SYSTEM = frozenset({"25001", "30500"})

TRADING_QUOTA = frozenset({"518"})
# Token expired, revoked or invalid; 931/932/17470 README 6, the IAF pair observed.
TRADING_AUTH = frozenset({"930", "931", "932", "16110", "17470", "21916984", "21917053"})
# Item unknown to eBay or not the seller's, and item that has ended.
TRADING_MISSING = frozenset({"17"})
TRADING_ENDED = frozenset({"291", "1047"})
TRADING_SYSTEM = frozenset({"10007"})

_REVISIONS = re.compile(r"revis", re.IGNORECASE)
_LIMIT = re.compile(r"\b250\b|limit|threshold|exceed|maximum|too many|calendar day", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One error of an eBay answer. `values` are its parameters: the ids it is about, where eBay says so."""

    code: str
    text: str
    severity: Literal["error", "warning"] = "error"
    values: tuple[str, ...] = ()

    def problem(self) -> Problem:
        return Problem(
            code=self.code,
            message=shorten(self.text, 500),
            severity=Severity.ERROR if self.severity == "error" else Severity.WARNING,
        )


class RevisedTooOften(Throttled):
    """One listing has used up its 250 changes of the day. The account may go on: callers make a Deferred of it."""


def deferred(error: RevisedTooOften) -> Deferred:
    return Deferred(retry_after_s=error.retry_after_s, why=error.message)


def complaints(body: object) -> tuple[Complaint, ...]:
    """The errors of a REST answer («errors», or Post-Order's «error»), warnings left out."""
    if not isinstance(body, dict):
        return ()
    rows = body.get("errors") or body.get("error") or ()
    found: list[Complaint] = []
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict):
            continue
        parameters = row.get("parameters")
        values = tuple(
            str(one.get("value", ""))
            for one in (parameters if isinstance(parameters, list) else ())
            if isinstance(one, dict)
        )
        found.append(
            Complaint(
                code=str(row.get("errorId", "")),
                text=_text(row.get("longMessage") or row.get("message")),
                values=values,
            )
        )
    return tuple(found)


def _text(value: object) -> str:
    # Post-Order wraps its messages as {"value": "…"}.
    inner = value.get("value") if isinstance(value, dict) else value
    return str(inner or "eBay gave no reason.")


def until_pacific_midnight(now: datetime) -> float:
    """Seconds until eBay's next quota day begins (up to 25 hours when the clocks change)."""
    local = now.astimezone(PACIFIC)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return max(1.0, midnight.timestamp() - now.timestamp())


def revised_too_often(complaint: Complaint) -> bool:
    """Is it the limit of 250 revisions a day of one listing? eBay documents the limit, not its error number."""
    return bool(_REVISIONS.search(complaint.text) and _LIMIT.search(complaint.text))


def of_item(status: int, found: Sequence[Complaint], now: datetime) -> Outcome | None:
    """The outcome of one item of a REST bulk answer; None = it worked."""
    errors = [one for one in found if one.severity == "error"]
    if 200 <= status < 300 and not errors:
        return None
    refused = refusal(errors, now)
    if refused is not None:
        return refused
    why = errors[0].text if errors else f"eBay answered {status} for this item."
    if status == 429:
        return Deferred(retry_after_s=DEFAULT_WAIT_S, why=shorten(why, 200))
    if status >= 500 or any(one.code in REST_SYSTEM for one in errors):
        return Unclear(why=shorten(why, 200))
    problems = tuple(one.problem() for one in errors) or (Problem(code=str(status), message=why),)
    return Refused(problems=problems, missing=status == 404)


def refusal(errors: Sequence[Complaint], now: datetime) -> Outcome | None:
    """What eBay's error numbers alone decide about an item, whichever API said it."""
    if any(revised_too_often(one) for one in errors):
        wait = until_pacific_midnight(now)
        return Deferred(retry_after_s=wait, why="eBay allows 250 changes of a listing a day; they are used up.")
    codes = {one.code for one in errors}
    if codes & REST_BUSY:
        return Deferred(retry_after_s=5.0, why="eBay is still busy with an earlier change of this item.")
    if codes & (REST_MISSING | TRADING_MISSING | TRADING_ENDED):
        return Refused(problems=tuple(one.problem() for one in errors), missing=True)
    return None


def raise_rest(response: Response, *, operation: str, now: datetime) -> None:
    """Raise what a REST answer stands for; return for 2xx.

    Raises:
        ChannelError: one of the nine, by eBay's error number first and the HTTP status second.
    """
    status = response.status
    if 200 <= status < 300:
        return
    found = complaints(_body(response))
    errors = [one for one in found if one.severity == "error"]
    code = errors[0].code if errors else None
    detail = f"{operation}: HTTP {status}" + "".join(f"; {one.code} {shorten(one.text, 200)}" for one in errors[:3])
    message = shorten(errors[0].text, 300) if errors else f"eBay answered {operation} with {status}."
    if status == 429:
        hint = retry_after_s(response.headers, now)
        raise Throttled(
            "eBay's call limit is reached.",
            retry_after_s=DEFAULT_WAIT_S if hint is None else hint,
            detail=detail,
            code=code,
        )
    if status in (401, 403):
        raise AuthFailed("eBay refuses the account's credentials or permissions.", detail=detail, code=code)
    codes = {one.code for one in errors}
    if codes & REST_BUSY:
        raise Unavailable("eBay is still busy with an earlier change.", detail=detail, code=code)
    if status in (400, 404) and codes & REST_MISSING:
        raise Missing(message, detail=detail, code=code)
    if any(revised_too_often(one) for one in errors):
        raise RevisedTooOften(
            "eBay allows 250 changes of a listing a day; they are used up.",
            retry_after_s=until_pacific_midnight(now),
            detail=detail,
            code=code,
        )
    if status in (400, 422) and errors:
        raise InvalidData(message, detail=detail, code=code, problems=[one.problem() for one in errors])
    raise_for(status, writing=response.writing, message=message, detail=detail, code=code)


def _body(response: Response) -> Any:
    """The error body if it is JSON; a proxy's page tells nothing and must not hide the status."""
    try:
        return response.json()
    except (AdapterBug, OutcomeUnknown):
        return None


def raise_trading(errors: Sequence[Complaint], *, call: str, writing: bool, now: datetime) -> None:
    """Raise what errors mean for the whole Trading call (quota, trouble at eBay); return if they are about items.

    Raises:
        Throttled: the application's call limit (518, an HTTP 200).
        Unavailable | OutcomeUnknown: eBay's internal error.
    """
    codes = {one.code for one in errors}
    detail = f"{call}: " + "; ".join(f"{one.code} {shorten(one.text, 200)}" for one in errors[:3])
    if codes & TRADING_QUOTA:
        wait = min(until_pacific_midnight(now), RECHECK_QUOTA_S)
        raise Throttled("eBay's call limit is reached.", retry_after_s=wait, detail=detail, code="518")
    if codes & TRADING_SYSTEM:
        if writing:
            raise OutcomeUnknown("eBay reports an internal error.", detail=detail, code="10007")
        raise Unavailable("eBay reports an internal error.", detail=detail, code="10007")


def error_of_trading(errors: Sequence[Complaint], *, call: str, now: datetime) -> Exception:
    """The error for a refused Trading call about a single thing."""
    outcome = refusal(errors, now)
    message = shorten(errors[0].text, 300) if errors else f"eBay refused {call} without a reason."
    code = errors[0].code if errors else None
    if isinstance(outcome, Deferred):
        return Throttled(outcome.why, retry_after_s=outcome.retry_after_s, code=code)
    if isinstance(outcome, Refused) and outcome.missing:
        return Missing(message, code=code)
    return InvalidData(message, code=code, problems=[one.problem() for one in errors])


def outcome_of_error(error: Exception) -> Outcome:
    """A later call of the same batch failed, after an earlier one was applied: its items get values, not an exception.

    Raises:
        Exception: `error` itself, if it is no channel error.
    """
    match error:
        case Throttled():
            return Deferred(retry_after_s=error.retry_after_s, why=error.message)
        case OutcomeUnknown():
            return Unclear(why=error.message)
        case InvalidData():
            problems = error.problems or (Problem(code=error.code or "refused", message=error.message),)
            return Refused(problems=problems)
        case Missing():
            return Refused(problems=(Problem(code=error.code or "missing", message=error.message),), missing=True)
        case Unavailable() | Conflict() | AuthFailed():
            return Deferred(retry_after_s=60.0, why=error.message)
        case AdapterBug():
            return Unclear(why=error.message)
        case _:
            raise error
