"""The nine things that can go wrong with a whole call, each defined by what the hub will do about it.

One bad item of a batch is a value (`Refused`, `Stale`, `Unclear`, `Deferred`); these exceptions are for the call.
An adapter that already applied some items of a batch does not raise: it returns `Deferred` or `Unclear` for the rest.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.channels.contract.records import Problem


class ChannelError(Exception):
    """Base. `message` is for the seller, `detail` for the operator (redacted), `code` is the channel's own."""

    def __init__(
        self, message: str, *, detail: str = "", code: str | None = None, problems: Sequence[Problem] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.code = code
        self.problems = tuple(problems)

    def __reduce__(self) -> str | tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.__dict__.copy()))


def _rebuild(kind: type[ChannelError], message: str, state: dict[str, object]) -> ChannelError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class Throttled(ChannelError):
    """Refused for quota; nothing was applied. Wait `retry_after_s` seconds. Not counted as an attempt."""

    def __init__(self, message: str, *, retry_after_s: float, detail: str = "", code: str | None = None) -> None:
        super().__init__(message, detail=detail, code=code)
        self.retry_after_s = retry_after_s


class Unavailable(ChannelError):
    """Passing trouble, and known not to have been applied. Back off and try again; counted."""


class Conflict(ChannelError):
    """The remote thing moved meanwhile. Re-read, recompute, again."""

    def __init__(self, message: str, *, observed: int | None = None, detail: str = "", code: str | None = None) -> None:
        super().__init__(message, detail=detail, code=code)
        self.observed = observed


class AuthFailed(ChannelError):
    """Credentials or scope. Blocks the account until a person (or a later probe) fixes it."""


class InvalidData(ChannelError):
    """The data must change before this can work; `problems` say what."""


class Missing(ChannelError):
    """The remote thing is gone."""


class Unsupported(ChannelError):
    """This account or channel can never do it."""


class OutcomeUnknown(ChannelError):
    """The request left and no trustworthy answer came. It may have been applied: look before leaping."""

    def __init__(
        self, message: str, *, sent_at: datetime | None = None, detail: str = "", code: str | None = None
    ) -> None:
        super().__init__(message, detail=detail, code=code)
        self.sent_at = sent_at


class AdapterBug(ChannelError):
    """The answer could not be understood, or the contract was broken. Stop the item and tell a person."""
