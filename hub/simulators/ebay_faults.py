"""Faults in eBay's own words: REST `errors` bodies, OAuth errors, and Trading answers that fail inside a 200."""

from __future__ import annotations

from werkzeug.wrappers import Response

from hub.loopback.faults import FaultKind
from hub.simulators.ebay_errors import (
    BAD_TOKEN,
    CALL_LIMIT,
    OLD_TOKEN,
    RestRefusal,
    TradingError,
    answer,
    bad_input,
    complaint,
    no_such_item,
)
from hub.simulators.ebay_routes import Target
from hub.simulators.ebay_trading_xml import envelope

_REST_STATUS = {
    FaultKind.THROTTLE: 429,
    FaultKind.THROTTLE_NO_HINT: 429,
    FaultKind.AUTH_EXPIRED: 401,
    FaultKind.FORBIDDEN: 403,
    FaultKind.BAD_REQUEST: 400,
    FaultKind.NOT_FOUND: 404,
    FaultKind.CONFLICT: 409,
    FaultKind.SERVER_ERROR: 500,
}
#: api -> error numbers for bad request, not found, conflict, server error
_NUMBERS = {"inventory": (25002, 25710, 25002, 25001), "fulfillment": (32600, 32100, 32600, 30500)}
_TRADING: dict[FaultKind, TradingError] = {
    FaultKind.THROTTLE: CALL_LIMIT,
    FaultKind.THROTTLE_NO_HINT: CALL_LIMIT,
    FaultKind.AUTH_EXPIRED: OLD_TOKEN,
    FaultKind.FORBIDDEN: BAD_TOKEN,
    FaultKind.BAD_REQUEST: bad_input("Item"),
    FaultKind.NOT_FOUND: no_such_item(""),
    FaultKind.CONFLICT: TradingError(
        code="10007",
        short="Internal error to the application.",
        long="Internal error to the application.",
        classification="SystemError",
    ),
}


def broken(kind: FaultKind, target: Target | None, stamp: str) -> Response | None:
    """The answer of a fault, None where the loopback server's own will do."""
    if target is not None and target.api == "trading":
        if kind is FaultKind.SERVER_ERROR:
            return Response("Internal Server Error", 500, mimetype="text/plain")
        error = _TRADING.get(kind)
        return None if error is None else envelope(target.operation, stamp, errors=(error,), ack="Failure")
    status = _REST_STATUS.get(kind)
    if status is None:
        return None
    if target is not None and target.api == "oauth" and status != 429:
        name = {400: "invalid_grant", 401: "invalid_client", 403: "access_denied"}.get(status, "server_error")
        return answer({"error": name, "error_description": name.replace("_", " ")}, status)
    bad, missing, conflict, crash = _NUMBERS.get("" if target is None else target.api, (2004, 2002, 2004, 2003))
    number = {429: 2001, 401: 1001, 403: 1100, 400: bad, 404: missing, 409: conflict, 500: crash}[status]
    response = RestRefusal(status, complaint(number, "simulated")).response()
    if kind is FaultKind.THROTTLE:
        response.headers["Retry-After"] = "2"
    return response
