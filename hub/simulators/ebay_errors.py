"""eBay's two ways of saying no: the REST `errors` array and the Trading `Errors` element.

Numbers and messages of the Sell APIs are those of the OpenAPI documents (x-response-codes). Trading numbers: contracts
README 3.4, 6 and 7.2; the few that it does not name are eBay's published ones (17, 37, 1047, 21919067, 21919165,
21919474, 21916984).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Response

_INVENTORY = {
    25001: "System error. {}",
    25002: "{}",
    25003: "Invalid price. {}",
    25004: "Invalid quantity. {}",
    25005: "Invalid category. {}",
    25007: "Invalid Shipping policy information. {}",
    25008: "Invalid Payment policy information. {}",
    25009: "Invalid Return policy information. {}",
    25012: "Invalid location. {}",
    25013: "Invalid data in the Inventory Item Group. {}",
    25014: "Invalid pictures. {}",
    25016: "Invalid {}",
    25017: "Missing information in fields. {}",
    25019: "Cannot revise the listing. {}",
    25021: "Invalid condition information. {}",
    25701: "One or more of the supplied SKU(s) could not be found in the system.",
    25702: "{} could not be found or is not available in the system.",
    25703: "The following SKU is already a member of another group. {}",
    25704: "The following SKU is already listed as a single SKU listing. {}",
    25705: "The Inventory Item Group named {} could not be found or is not available in the system.",
    25706: "You have provided invalid pagination values.  {}.",
    25707: "This is an invalid value for a SKU.  Only alphanumeric characters can be used for SKUs, "
    "and their length must not exceed 50 characters.",
    25709: "Invalid value for {}",
    25710: "We didn't find the resource/entity you are requesting. Please verify the request",
    25713: "This Offer is not available : {}.",
    25725: "No offer found",
    25727: "The number of InventoryItems in the request cannot exceed {}.",
    25729: "The combination of SKU, marketplaceId and format should be unique.",
    25730: "The number of offers in the request cannot exceed {}.",
    25731: "OfferId should be unique in the request.",
    25732: "Offers associated with SKUs that are part of a variation group cannot be published using this endpoint.",
    25733: "Valid SKU and locale information are required for all the InventoryItems in the request.",
    25734: "SKU should be unique in the request.",
    25801: "Missing field {}.",
    25803: "{} already exists.",
    25805: "{} Not Found.",
}
_FULFILLMENT = {
    30500: "System error",
    30700: "Invalid filter name: {}",
    30800: "Invalid filter value {}",
    30810: "Invalid date format",
    30820: "Start date is missing",
    30830: "Time range between start date and end date must be within '2' years.",
    30840: "Start date should be before end date",
    30850: "Start and end dates can't be in the future",
    30900: "Exceeded maximum number of order IDs (the current limit is 50)",
    31000: "Invalid offset: {}",
    31100: "Invalid limit: {}",
    32100: "Invalid order ID: {}",
    32110: "Invalid shipping fulfillment ID: {}",
    32200: "Invalid line item id: {}",
    32210: "Duplicate line item in the request",
    32300: "Invalid shipment tracking number or carrier",
    32500: "Invalid shipped date",
    32600: "Invalid input data",
    32800: "Invalid field group: {}",
}
_OTHER = {
    1001: ("OAuth", "Invalid access token"),
    1002: ("OAuth", "Missing access token"),
    1100: ("ACCESS", "Access denied"),
    2001: ("ACCESS", "Too many requests."),
    2002: ("ACCESS", "Resource not found"),
    2003: ("ACCESS", "Internal error"),
    2004: ("ACCESS", "Invalid request"),
    20401: ("API_ACCOUNT", "Missing field {}."),
    20403: ("API_ACCOUNT", "Invalid {}."),
    20404: ("API_ACCOUNT", "{} not found."),
    62002: ("API_TAXONOMY", "Missing marketplace ID."),
    62003: ("API_TAXONOMY", "The specified marketplace ID was not found."),
    62004: ("API_TAXONOMY", "The specified category tree ID was not found."),
    62005: ("API_TAXONOMY", "The specified category ID does not belong to specified category tree."),
    62006: ("API_TAXONOMY", "Missing category ID."),
    62007: ("API_TAXONOMY", "Missing keyword 'q'."),
}
_LONG = {
    1001: "Invalid access token. Check the value of the Authorization HTTP request header.",
    1002: "Access token is missing in the Authorization HTTP request header.",
    1100: "Insufficient permissions to fulfill the request.",
    2001: "The request limit has been reached for the resource.",
}


def complaint(error_id: int, info: str = "", **parameters: str) -> dict[str, Any]:
    """One element of an `errors` array."""
    if error_id in _INVENTORY:
        domain, template = "API_INVENTORY", _INVENTORY[error_id]
    elif error_id in _FULFILLMENT:
        domain, template = "API_FULFILLMENT", _FULFILLMENT[error_id]
    else:
        domain, template = _OTHER[error_id]
    message = template.replace("{}", info).strip()
    out: dict[str, Any] = {
        "errorId": error_id,
        "domain": domain,
        "category": "APPLICATION" if error_id in (25001, 30500, 2003) else "REQUEST",
        "message": message,
    }
    if error_id in _LONG:
        out["longMessage"] = _LONG[error_id]
    if parameters:
        out["parameters"] = [{"name": name, "value": value} for name, value in parameters.items()]
    return out


class RestRefusal(Exception):
    """A REST operation ends with `status` and these errors; nothing was applied."""

    def __init__(self, status: int, *errors: dict[str, Any]) -> None:
        super().__init__(f"{status}: {[error['message'] for error in errors]}")
        self.status = status
        self.errors = list(errors)

    def response(self) -> Response:
        return answer({"errors": self.errors}, self.status)


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return Response(body, status, dict(headers or {}), mimetype="application/json")


def empty(status: int = 204, headers: Mapping[str, str] | None = None) -> Response:
    return Response(b"", status, dict(headers or {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingError:
    """One `Errors` element. `parameters` are its ErrorParameters in order."""

    code: str
    short: str
    long: str = ""
    parameters: tuple[str, ...] = ()
    classification: str = "RequestError"


class TradingRefusal(Exception):
    """A Trading call ends with Ack Failure (and HTTP 200)."""

    def __init__(self, *errors: TradingError) -> None:
        super().__init__("; ".join(f"{error.code} {error.short}" for error in errors))
        self.errors: Sequence[TradingError] = errors


CALL_LIMIT = TradingError(
    code="518",
    short="Call usage limit has been reached.",
    long="Your application has exceeded usage limit on this call, please make call to Developer Analytics API to check "
    "your call usage.",
)
NO_TOKEN = TradingError(code="930", short="No Password and no token.", long="No Password and no token.")
BAD_TOKEN = TradingError(code="21916984", short="Invalid IAF token.", long="IAF token supplied is invalid.")
OLD_TOKEN = TradingError(code="932", short="Auth token is hard expired.", long="Auth token is hard expired.")
INVENTORY_LISTING = TradingError(
    code="21919474",
    short="Inventory-based listing management is not currently supported by this tool.",
    long="Inventory-based listing management is not currently supported by this tool. Please refer to the tool used to "
    "create this listing.",
)


def bad_input(what: str) -> TradingError:
    return TradingError(
        code="37",
        short="Input data is invalid.",
        long=f"Input data for tag <{what}> is invalid or missing. Please check API documentation.",
        parameters=(what,),
    )


def no_such_item(item_id: str) -> TradingError:
    return TradingError(
        code="17",
        short="This item cannot be accessed.",
        long="This item cannot be accessed because the listing has been deleted or you are not the seller.",
        parameters=(item_id,),
    )


def revisions_used_up(item_id: str) -> TradingError:
    return TradingError(
        code="21919165",
        short="The listing has reached its limit of revisions for today.",
        long="You have exceeded the number of revisions allowed for this item in a calendar day.",
        parameters=(item_id,),
    )
