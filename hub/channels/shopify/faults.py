"""Shopify's way of saying no, in the hub's nine errors: top-level `errors`, HTTP statuses and `userErrors`.

Top-level errors are about the call, `userErrors` about the data; both come with HTTP 200 (contracts README 4.3, 4.5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from itertools import pairwise
from typing import Any, ParamSpec, TypeVar

from hub.channels.contract.errors import (
    AdapterBug,
    AuthFailed,
    ChannelError,
    InvalidData,
    OutcomeUnknown,
    Throttled,
    Unavailable,
)
from hub.channels.contract.records import Deferred, Outcome, Problem, Unclear
from hub.channels.wire import Response, raise_for
from hub.kernel.text import shorten

#: When a throttled answer does not say how much is left: a Standard shop's bucket has 200 points again by then.
THROTTLE_WAIT_S = 2.0
_INTERNAL = frozenset({"INTERNAL_SERVER_ERROR", "INTERNAL_ERROR", "TIMEOUT"})
_LOCKED = frozenset({"ACCESS_DENIED", "SHOP_INACTIVE", "UNAUTHORIZED", "FORBIDDEN"})
_LATER_S = 15.0
_P = ParamSpec("_P")
_T = TypeVar("_T")


def garbled(detail: str, *, writing: bool) -> ChannelError:
    """An answer that nobody can read: a lost answer when writing, a bug to look at when reading."""
    if writing:
        return OutcomeUnknown("Shopify's answer could not be read.", detail=detail)
    return AdapterBug("Shopify's answer could not be read.", detail=detail)


def in_shape(*, writing: bool) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Around a call of the contract: an answer of another shape than the schema promises is an unreadable answer."""

    def around(call: Callable[_P, _T]) -> Callable[_P, _T]:
        @wraps(call)
        def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            try:
                return call(*args, **kwargs)
            except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
                raise garbled(f"{call.__name__}: {type(error).__name__}: {error}", writing=writing) from error

        return guarded

    return around


def raise_for_status(answer: Response, *, writing: bool, wait_s: float | None) -> None:
    """Raise what a status other than 2xx stands for; `wait_s` is the Retry-After of a 429, if it had one."""
    if 200 <= answer.status < 300:
        return
    raise_for(
        answer.status,
        writing=writing,
        message=f"Shopify answered with HTTP status {answer.status}.",
        detail=shorten(repr(answer.body[:300]), 300),
        code=str(answer.status),
        wait_s=THROTTLE_WAIT_S if wait_s is None else wait_s,
    )


def throttle_wait_s(cost: Mapping[str, Any]) -> float:
    """Seconds until the bucket holds what the call asks for: (requested - available) / restore rate."""
    status = cost.get("throttleStatus")
    try:
        rate = float(status["restoreRate"])  # type: ignore[index]
        short = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        return THROTTLE_WAIT_S
    return max(0.05, short / rate) if rate > 0 else THROTTLE_WAIT_S


def raise_for_errors(errors: Sequence[Any], data: Any, cost: Mapping[str, Any], *, writing: bool) -> None:
    """Raise what the top-level errors of an answer stand for.

    Returns for a read whose only trouble is single fields the app may not see (protected customer data comes back as
    null with an ACCESS_DENIED error, contracts README 4.1): the rest of the answer is good.
    """
    found = [error for error in errors if isinstance(error, Mapping)]
    codes = [_code(error) for error in found]
    text = shorten("; ".join(str(error.get("message", "")) for error in found) or repr(errors), 300)
    code = next((code for code in codes if code), None)
    if "THROTTLED" in codes:
        raise Throttled(
            "Shopify is busy with our earlier calls.",
            retry_after_s=throttle_wait_s(cost),
            detail=text,
            code="THROTTLED",
        )
    if "MAX_COST_EXCEEDED" in codes:
        raise AdapterBug("Shopify found a query of the hub too large.", detail=text, code="MAX_COST_EXCEEDED")
    hidden_fields_only = bool(found) and all(
        _code(error) == "ACCESS_DENIED" and len(error.get("path") or ()) > 1 for error in found
    )
    if hidden_fields_only and not writing and isinstance(data, Mapping) and any(v is not None for v in data.values()):
        return
    if writing and isinstance(data, Mapping) and any(value is not None for value in data.values()):
        # The mutation ran and a part of its answer failed: nobody knows what became of it.
        raise OutcomeUnknown("Shopify answered a change only in part.", detail=text, code=code)
    if any(code in _LOCKED for code in codes):
        raise AuthFailed(f"Shopify does not let the hub in: {text}", detail=text, code=code)
    if any(code in _INTERNAL for code in codes):
        if writing:
            raise OutcomeUnknown(
                "Shopify had trouble and did not say what became of the change.", detail=text, code=code
            )
        raise Unavailable("Shopify had trouble answering.", detail=text, code=code)
    raise AdapterBug("Shopify did not understand a query of the hub.", detail=text, code=code)


def _code(error: Mapping[str, Any]) -> str:
    extensions = error.get("extensions")
    return str(extensions.get("code") or "") if isinstance(extensions, Mapping) else ""


def problem_of(error: Mapping[str, Any], *, field: str | None = None) -> Problem:
    """One userError as the seller reads it."""
    path = [str(part) for part in error.get("field") or ()]
    return Problem(
        code=str(error.get("code") or "USER_ERROR"),
        message=str(error.get("message") or "Shopify refused this without a reason."),
        field=field if field is not None else (".".join(path) or None),
    )


def invalid(errors: Sequence[Mapping[str, Any]], what: str) -> InvalidData:
    """The userErrors of a call that has no rows."""
    problems = tuple(problem_of(error) for error in errors)
    return InvalidData(f"{what}: {problems[0].message}", code=problems[0].code, problems=problems)


def row_of(error: Mapping[str, Any], list_name: str) -> int | None:
    """The row a userError is about: the number after `list_name` in its field path."""
    path = [str(part) for part in error.get("field") or ()]
    for name, number in pairwise(path):
        if name == list_name and number.isdigit():
            return int(number)
    return None


def settle(error: ChannelError, *, sent: bool) -> Outcome:
    """The outcome of one item when the call for it failed after others of its batch were applied.

    `sent`: this item was part of the call that failed (an unknown outcome is about it); others were not tried.
    """
    if sent and isinstance(error, OutcomeUnknown):
        return Unclear(why=error.message)
    if isinstance(error, Throttled):
        return Deferred(retry_after_s=error.retry_after_s, why=error.message)
    return Deferred(retry_after_s=_LATER_S, why=error.message)
