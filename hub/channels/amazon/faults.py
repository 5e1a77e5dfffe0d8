"""What Amazon's refusals mean: a table of codes first, the HTTP status second.

Amazon's own front end answers `{"errors": [{"code", "message", "details"}]}` (contracts README 7.1); a proxy or load
balancer in front of it answers HTML, which says nothing about what was applied.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from hub.channels.amazon.manifest import RATES
from hub.channels.contract import (
    AdapterBug,
    AuthFailed,
    ChannelError,
    InvalidData,
    Missing,
    OutcomeUnknown,
    Problem,
    Throttled,
    Unavailable,
)
from hub.channels.wire import raise_for, retry_after_s
from hub.kernel.text import shorten

#: Codes whose meaning is fixed whatever the status. Everything else goes by the status.
_BY_CODE: dict[str, type[ChannelError]] = {
    "QuotaExceeded": Throttled,
    "TooManyRequests": Throttled,
    "Unauthorized": AuthFailed,
    "AccessDenied": AuthFailed,
    "MissingAuthenticationToken": AuthFailed,
    "InvalidInput": InvalidData,
    "NotFound": Missing,
}
_PER_SECOND = {rule.operation: rule.per_second for rule in RATES}
#: After a 429 the bucket has refilled by this much at the soonest, whatever the rate says.
MIN_WAIT_S = 1.0
#: The file store names no time; its quota is per second.
STORE_WAIT_S = 5.0

_SECRET_SHAPES = re.compile(r"Atz[ar]\|[^\s\"'&]+|amzn1\.oa2-cs\.[^\s\"'&]+")
_QUERY = re.compile(r"\?[^\s\"'>)=]*=[^\s\"'>)]*")


class Redactor:
    """Takes secrets and the query part of addresses (signatures, tokens) out of a text for operators."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted((s for s in secrets if s), key=len, reverse=True)

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return _QUERY.sub("?[…]", _SECRET_SHAPES.sub("[secret]", text))

    def error(self, error: ChannelError) -> ChannelError:
        """The same error with nothing secret in it, and cut loose from the exception it grew out of."""
        error.detail = self.text(error.detail)
        error.message = self.text(error.message)
        error.args = (error.message,)
        error.__cause__ = error.__context__ = None
        return error


def wait_s(operation: str, headers: Mapping[str, str], now: datetime) -> float:
    """How long until one token of the bucket is back.

    No Retry-After is documented; `x-amzn-RateLimit-Limit` tells the seller's true rate, when it is sent at all
    (contracts README 2.3). Otherwise the rate is that of the default usage plan.
    """
    told = retry_after_s(headers, now)
    if told is not None:
        return told
    try:
        rate = float(headers.get("x-amzn-ratelimit-limit", ""))
    except ValueError:
        rate = 0.0
    if not 0.0 < rate < float("inf"):
        rate = _PER_SECOND.get(operation, 1.0)
    return max(MIN_WAIT_S, 1.0 / rate)


def garbled(operation: str, why: str, *, writing: bool) -> ChannelError:
    """The answer cannot be understood: a bug when reading, an unknown outcome when writing."""
    detail = shorten(f"{operation}: {why}", 400)
    if writing:
        return OutcomeUnknown("Amazon's answer could not be read.", detail=detail)
    return AdapterBug("Amazon's answer could not be read.", detail=detail)


def json_object(body: bytes) -> dict[str, Any] | None:
    """A body that is a JSON object in UTF-8, or None."""
    try:
        decoded = json.loads(body.decode("utf-8"))
    except ValueError:
        return None
    return decoded if isinstance(decoded, dict) else None


def errors_in(decoded: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Amazon's `errors` of an answer; empty if it has none."""
    errors = decoded.get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def problems_of(errors: Iterable[Mapping[str, Any]]) -> tuple[Problem, ...]:
    """Amazon's error list in the hub's words."""
    return tuple(
        Problem(code=str(error.get("code") or "error"), message=shorten(str(error.get("message") or "refused"), 1000))
        for error in errors
    )


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, *, operation: str, writing: bool, now: datetime
) -> ChannelError:
    """The channel error for an answer that is not a success. `headers` have lower-case names."""
    decoded = json_object(body)
    problems = problems_of(errors_in(decoded or {}))
    code = problems[0].code if problems else None
    said = f"Amazon says: {problems[0].message}" if problems else f"Amazon answered with status {status}."
    request_id = headers.get("x-amzn-requestid", "")
    detail = shorten(f"{operation}: HTTP {status} {code or ''} {request_id}".strip(), 400)
    kind = _BY_CODE.get(code or "")
    if kind is Throttled or status == 429:
        return Throttled(
            "Amazon asks to wait.", retry_after_s=wait_s(operation, headers, now), detail=detail, code=code
        )
    # A 404 page of a proxy must not read as «the listing is gone».
    if status in (404, 410) and decoded is None:
        if writing:
            return OutcomeUnknown("Amazon did not confirm what was sent.", detail=detail)
        return Unavailable("Amazon did not answer.", detail=detail)
    if kind is AuthFailed and status < 500:
        return AuthFailed(said, detail=detail, code=code)
    if kind is InvalidData and status < 500:
        return InvalidData(said, detail=detail, code=code, problems=problems)
    if kind is Missing and status < 500:
        return Missing(said, detail=detail, code=code, problems=problems)
    try:
        raise_for(status, writing=writing, message=said, detail=detail, code=code)
    except InvalidData as error:
        error.problems = problems or (Problem(code=str(status), message=said),)
        return error
    except ChannelError as error:
        return error
    return garbled(operation, f"HTTP {status} with errors: {said}", writing=writing)


def token_refused(status: int, body: bytes) -> bool:
    """True if this refusal may be about the access token, so that a new one could help.

    Amazon answers 403 both for a token that has ended and for a role that the application lacks; only `details` tells
    them apart, when it is filled at all (github.com/amzn/selling-partner-api-docs/issues/2147, /issues/2336).
    """
    if status == 401:
        return True
    said = [str(error.get("details") or "") for error in errors_in(json_object(body) or {})]
    return status == 403 and (not any(said) or any("token" in text.lower() for text in said))


class AddressEnded(Unavailable):
    """A presigned address is no longer good: it lives five minutes. A new one helps; nothing was applied."""


def error_of_store(status: int, headers: Mapping[str, str], body: bytes, *, operation: str) -> ChannelError | None:
    """The error for an answer of the file store behind feeds, or None for a success.

    It answers XML, and says «slow down» with a 503. Nothing is applied by an upload until a feed names it.
    """
    detail = f"{operation}: HTTP {status}"
    said = "Amazon's file store did not answer."
    html = headers.get("content-type", "").startswith("text/html")
    if 200 <= status < 300 and not html:
        return None
    if status < 400:
        # A portal's page or a redirect. Not a bug of ours, and looking again is all it takes.
        return OutcomeUnknown("The answer of Amazon's file store could not be read.", detail=detail)
    if status == 429 or (status == 503 and b"SlowDown" in body):
        return Throttled("Amazon's file store asks to wait.", retry_after_s=STORE_WAIT_S, detail=detail)
    if status in (401, 403):
        return AddressEnded(said, detail=detail)
    if status >= 500 or status == 408:
        return Unavailable(said, detail=detail)
    return AdapterBug("Amazon's file store refused the document.", detail=detail)
