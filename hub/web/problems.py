"""Refusals as `application/problem+json`: what kind, which code, which parameter, what to say and what would help."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any, cast

from flask import Flask, Response, g, has_request_context
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException

from hub.kernel.errors import HubError, Invalid, Misconfigured, NotAllowedNow, NotEnoughStock, StaleEdit, Unknown

MIMETYPE = "application/problem+json"
SHOWN = 20
_STATUS: tuple[tuple[type[HubError], int], ...] = (
    (Unknown, 404), (StaleEdit, 409), (NotEnoughStock, 409), (NotAllowedNow, 409), (Invalid, 422), (Misconfigured, 503),
)  # fmt: skip
_HTTP = {
    400: ("bad_request", "The request cannot be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method."),
    408: ("request_timeout", "The request took too long to arrive."),
    413: ("too_large", "The body is too large."),
    414: ("too_long", "The address is too long."),
    415: ("unsupported_media_type", "The body must be sent as application/json."),
    500: ("internal", "The hub could not do this; its log has the details under this request id."),
}

logger = logging.getLogger("hub.web")


class FieldProblem(BaseModel):
    """One thing that is wrong with the request."""

    param: str
    message: str


class Problem(BaseModel):
    """Why a request was not carried out. `code` is stable; `message` and `fix` are for people."""

    type: str = Field(description="invalid_request, refused, idempotency, forbidden, unavailable or internal")
    code: str
    status: int
    message: str
    param: str | None = Field(default=None, description="The parameter that is to blame.")
    fix: str | None = Field(default=None, description="What would help.")
    problems: list[FieldProblem] | None = Field(default=None, description="Every parameter that is wrong, at most 20.")
    request_id: str


class Refused(Exception):
    """The request is refused before anything was done."""

    def __init__(
        self, status: int, code: str, message: str, *, kind: str = "invalid_request", param: str | None = None,
        fix: str | None = None, retry_after_s: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"type": kind, "code": code, "message": message}
        if param is not None:
            self.body["param"] = param
        if fix is not None:
            self.body["fix"] = fix
        self.retry_after_s = retry_after_s


def status_of(error: HubError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 422)


def body_of(error: HubError) -> dict[str, Any]:
    return dict(error.as_dict())


def answer(status: int, body: dict[str, Any]) -> Response:
    """A problem document. The request id is of this request, also where a stored answer is given again."""
    request_id = g.get("request_id", "") if has_request_context() else ""
    full = {**body, "status": status, "request_id": request_id}
    return Response(json.dumps(full), status=status, mimetype=MIMETYPE)


def not_valid(error: ValidationError) -> Response:
    """What pydantic objects to, without repeating the values that were sent."""
    return fields_refused(
        (".".join(str(part) for part in item["loc"]), item["msg"])
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    )


def fields_refused(found: Iterable[tuple[str, str]]) -> Response:
    problems = [{"param": param[:200], "message": message} for param, message in found][:SHOWN]
    first = problems[0]
    return answer(
        422,
        {
            "type": "invalid_request", "code": "invalid", "param": first["param"], "problems": problems,
            "message": f"{first['param']}: {first['message']}" if first["param"] else first["message"],
        },
    )  # fmt: skip


def install(app: Flask) -> None:
    """Every refusal and every failure of the application answers with a problem document, never with HTML."""

    @app.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        response = answer(error.status, error.body)
        if error.retry_after_s is not None:
            response.headers["Retry-After"] = str(error.retry_after_s)
        return response

    @app.errorhandler(HubError)
    def not_done(error: HubError) -> Response:
        return answer(status_of(error), body_of(error))

    @app.errorhandler(OperationalError)
    def database_away(error: OperationalError) -> Response:
        logger.warning("web.database %s", type(error.orig).__name__)
        body = {"type": "unavailable", "code": "database", "message": "The database did not answer; nothing was done."}
        response = answer(503, body)
        response.headers["Retry-After"] = "2"
        return response

    @app.errorhandler(DataError)
    def out_of_range(error: DataError) -> Response:
        logger.info("web.out_of_range %s", type(error.orig).__name__)
        message = "A number is larger than the hub can keep; nothing was done."
        return answer(422, {"type": "invalid_request", "code": "out_of_range", "message": message})

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        if error.response is not None:
            return cast(Response, error.response)  # ours: a validation problem
        status = error.code or 500
        code, message = _HTTP.get(status, ("http", error.name))
        body = {"type": "internal" if status >= 500 else "invalid_request", "code": code, "message": message}
        response = answer(status, body)
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response
