"""What the Inventory API's handlers share: checks of common fields, paging, and bulk calls with an answer per row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from werkzeug.wrappers import Response

from hub.simulators.ebay_errors import RestRefusal, answer, complaint
from hub.simulators.ebay_routes import Call
from hub.simulators.ebay_shop import RevisionsUsedUp

BULK_MAX = 25
SKU_MAX = 50
Row = dict[str, Any]


def no_more_revisions(item_id: str) -> Row:
    return complaint(25019, f"Listing {item_id} has been revised 250 times today.", listingId=item_id)


def check_sku(sku: object) -> str:
    """Raises: RestRefusal: empty or longer than 50 characters."""
    if not isinstance(sku, str) or not sku.strip() or len(sku) > SKU_MAX:
        raise RestRefusal(400, complaint(25707, sku=str(sku)))
    return sku


def rows_of(call: Call, too_many: int) -> list[Row]:
    """`requests` of a bulk call: 1 to 25 objects."""
    rows = call.json().get("requests")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise RestRefusal(400, complaint(25709, "requests. It must be an array of 1 to 25 objects."))
    if len(rows) > BULK_MAX:
        info = str(BULK_MAX) if too_many != 25709 else f"requests. The number of requests cannot exceed {BULK_MAX}."
        raise RestRefusal(400, complaint(too_many, info))
    return rows


def multi(rows: Sequence[Row]) -> Response:
    """200 if every row went well, otherwise 207."""
    return answer({"responses": list(rows)}, 200 if all(row["statusCode"] < 300 for row in rows) else 207)


def attempt(do: Callable[[Row], Row], row: Row) -> Row:
    """One row of a bulk answer: what `do` says (statusCode and more), or its refusal."""
    try:
        return {"errors": [], "warnings": [], **do(row)}
    except RestRefusal as refusal:
        return {"statusCode": refusal.status, "errors": refusal.errors, "warnings": []}
    except RevisionsUsedUp as used_up:
        return {"statusCode": 400, "errors": [no_more_revisions(used_up.item_id)], "warnings": []}


def quantity_of(value: object) -> int:
    """Raises: RestRefusal: not a whole number of at least 0."""
    if type(value) is not int or value < 0:
        raise RestRefusal(400, complaint(25004, "The quantity must be a whole number of 0 or more."))
    return value


def need_language(call: Call) -> str:
    """Inventory writes must name their language (OpenAPI: Content-Language is required).

    Raises:
        RestRefusal: the header is missing.
    """
    language = call.request.headers.get("Content-Language", "")
    if not language:
        raise RestRefusal(400, complaint(25709, "header Content-Language."))
    return language


def paging(call: Call, default: int, most: int) -> tuple[int, int]:
    """`limit` and `offset` of an Inventory API list.

    Raises:
        RestRefusal: 25706, not numbers or out of range.
    """
    limit, offset = call.query("limit") or str(default), call.query("offset") or "0"
    if not limit.isdecimal() or not offset.isdecimal() or not 1 <= int(limit) <= most:
        raise RestRefusal(400, complaint(25706, f"limit is 1 to {most}, offset 0 or more"))
    return int(limit), int(offset)
