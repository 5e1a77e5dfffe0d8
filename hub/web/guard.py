"""Who may speak to a hub without a login: this machine, through its own name, and no page of somebody else.

A foreign page can make a browser send requests to loopback. Three things stop it: the Host header must name loopback
(a rebound DNS name does not), Origin and Sec-Fetch-Site must be our own, and a POST must be application/json, which a
browser sends across origins only after asking (and nobody answers).
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request, Response, g, request
from flask.json.provider import DefaultJSONProvider

from hub.kernel.ids import new_public_id
from hub.web.problems import Refused

LOOPBACK = ("127.0.0.1", "localhost", "::1")
BODY_MAX = 256 * 1024
KEY = re.compile(r"[\x21-\x7e]{1,255}")
_SAFE = ("GET", "HEAD", "OPTIONS")
_HOST = re.compile(r"(?P<name>127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def _strict(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        out = dict(pairs)
        if len(out) != len(pairs):
            raise ValueError("a member is given twice")
        return out

    def no_constant(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=no_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


class StrictJson(DefaultJSONProvider):
    """JSON as RFC 8259 has it: UTF-8, no NaN, no member twice, no endless nesting."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return _strict(s if isinstance(s, str) else s.decode())


class StrictRequest(Request):
    """Says what is wrong with a body that is not JSON."""

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        if e is None:
            raise Refused(415, "unsupported_media_type", "The body must be sent as application/json.")
        why = "it is not UTF-8" if isinstance(e, UnicodeDecodeError) else str(e)
        raise Refused(400, "invalid_json", f"The body is not JSON: {why}.") from e


def install(app: Flask) -> None:
    """Every request of the application passes the guard; every answer carries its request id and safe headers."""
    app.request_class = StrictRequest
    app.json = StrictJson(app)
    app.config["MAX_CONTENT_LENGTH"] = BODY_MAX

    @app.before_request
    def check() -> None:
        g.request_id = new_public_id("req")
        _check_host()
        if request.method not in _SAFE:
            _check_origin()
            if request.routing_exception is None:
                _check_body()

    @app.after_request
    def finish(response: Response) -> Response:
        if 300 <= response.status_code < 400:
            response.set_data(b"")  # the framework would add a page
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response


def _forbidden(code: str, message: str, fix: str) -> Refused:
    return Refused(403, code, message, kind="forbidden", fix=fix)


def _check_host() -> None:
    if _HOST.fullmatch(request.environ.get("HTTP_HOST", "")) is None:
        raise _forbidden(
            "host_not_allowed", "This hub has no login yet and answers only under a loopback name.",
            "open it as http://127.0.0.1 on the machine it runs on",
        )  # fmt: skip


def _check_origin() -> None:
    site = request.headers.get("Sec-Fetch-Site", "none")
    origins = request.headers.getlist("Origin")
    own = request.environ["HTTP_HOST"].lower()
    if site not in ("none", "same-origin") or any(not _is_own(origin, own) for origin in origins):
        raise _forbidden(
            "origin_not_allowed",
            "A page of another site asked for this.",
            "send it from a program, or from this hub's page",
        )


def _is_own(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host


def _check_body() -> None:
    if request.mimetype != "application/json":
        raise Refused(
            415, "unsupported_media_type", "The body must be sent as application/json.",
            param="Content-Type", fix="Content-Type: application/json, and {} where there is nothing to say",
        )  # fmt: skip
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(415, "unsupported_encoding", "The body must not be compressed.", param="Content-Encoding")
    if not isinstance(request.get_json(), dict):
        raise Refused(400, "invalid_json", "The body must be a JSON object.", fix="{} where there is nothing to say")
    keys = request.headers.getlist("Idempotency-Key")
    if not keys:
        raise Refused(
            400, "idempotency_key_missing", "Every POST needs an Idempotency-Key.", kind="idempotency",
            param="Idempotency-Key", fix="a new random value per intended effect, and the same one when repeating it",
        )  # fmt: skip
    if len(keys) > 1 or KEY.fullmatch(keys[0]) is None:
        raise Refused(
            400, "idempotency_key_invalid", "An Idempotency-Key is 1 to 255 visible ASCII characters.",
            kind="idempotency", param="Idempotency-Key",
        )  # fmt: skip
