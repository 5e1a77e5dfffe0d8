"""Refusals of the domain: what a person or a program asked for cannot be done, and why."""

from __future__ import annotations


class HubError(Exception):
    """A refusal in the reader's terms. `code` is stable for programs; the text is for people."""

    code = "refused"

    def __init__(self, message: str, *, field: str | None = None, value: object = None, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.value = value
        self.fix = fix

    def as_dict(self) -> dict[str, object]:
        out: dict[str, object] = {"type": "refused", "code": self.code, "message": self.message}
        if self.field is not None:
            out["param"] = self.field
        if self.fix is not None:
            out["fix"] = self.fix
        return out


class Invalid(HubError):
    """A value is not acceptable; `field` names it."""

    code = "invalid"


class Unknown(HubError):
    """The thing named does not exist."""

    code = "unknown"


class StaleEdit(HubError):
    """Somebody changed it meanwhile; look again."""

    code = "stale_edit"


class NotEnoughStock(HubError):
    """Fewer units are there than asked for."""

    code = "not_enough_stock"


class NotAllowedNow(HubError):
    """The thing is in a state in which this cannot be done."""

    code = "not_allowed_now"


class Misconfigured(HubError):
    """A setting is missing or wrong."""

    code = "misconfigured"
