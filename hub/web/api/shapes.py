"""What the API's requests and answers are made of: strict input, typed ids, instants, bounded text, lists."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from flask import Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from hub.kernel.clock import parse_instant
from hub.kernel.text import SKU_MAX, clean_sku
from hub.web import cursors
from hub.web.problems import MIMETYPE, Problem

T = TypeVar("T", bound=BaseModel)
LIMIT = 50
LIMIT_MAX = 200
UNITS_MAX = 100_000_000
_SENSIBLE_YEARS = range(2000, 2101)


def _one_line(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("control characters are not possible here")
    return text.strip()


def _not_blank(text: str) -> str:
    if not text:
        raise ValueError("it must not be empty")
    return text


def _instant(value: object) -> object:
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError("an instant is a text such as 2026-11-22T09:00:00Z")
    try:
        at = parse_instant(value)
    except (ValueError, OverflowError):
        raise ValueError("an instant is a text such as 2026-11-22T09:00:00Z, with its zone") from None
    if at.year not in _SENSIBLE_YEARS:
        raise ValueError("the year is out of range")
    return at


OneLine = AfterValidator(_one_line)
Sku = Annotated[str, StringConstraints(max_length=SKU_MAX), AfterValidator(clean_sku)]
Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(_one_line)]
Words = Annotated[str, StringConstraints(max_length=200), AfterValidator(_one_line), AfterValidator(_not_blank)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
After = Annotated[str, StringConstraints(max_length=cursors.LENGTH_MAX), AfterValidator(_one_line)]
AccountRef = Annotated[str, StringConstraints(pattern=r"^acc_[1-9][0-9]{0,17}$")]
OrderRef = Annotated[str, StringConstraints(pattern=r"^ord_[1-9][0-9]{0,17}$")]
LineRef = Annotated[str, StringConstraints(pattern=r"^lin_[1-9][0-9]{0,17}$")]
ListingRef = Annotated[str, StringConstraints(pattern=r"^lst_[1-9][0-9]{0,17}$")]
BatchRef = Annotated[str, StringConstraints(pattern=r"^exp_[0-9a-z]{20}$")]


def number_of(ref: str) -> int:
    """The hub's own number in a checked reference such as `ord_17`."""
    return int(ref.partition("_")[2])


class In(BaseModel):
    """A request's body: unknown members and numbers written as text are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """A request's query string: unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")


class Paging(Query):
    limit: int = Field(default=LIMIT, ge=1, le=LIMIT_MAX, description="Rows of this page.")
    after: After = Field(default="", description="The `next` of the page before.")


class Out(BaseModel):
    """An answer."""

    model_config = ConfigDict(from_attributes=True)


class Nothing(In):
    """A body that says nothing: {}."""


class Listed(Out, Generic[T]):
    """A page of a list. `next` = where the following page begins; null = this is the last one."""

    data: list[T]
    next: str | None


def shown(model: BaseModel, status: int = 200) -> Response:
    return Response(model.model_dump_json(), status=status, mimetype="application/json")


_WHY = {
    "400": "The body is not JSON, or the Idempotency-Key is missing",
    "403": "Asked from another machine or another site's page",
    "404": "What is named does not exist",
    "409": "Not possible in its present state, or the same key is being carried out",
    "413": "The body is too large",
    "415": "The body is not application/json",
    "422": "A parameter is not acceptable, or the key was used for another request",
    "503": "The database did not answer; nothing was done",
}


def responses(model: type[BaseModel] | None, *statuses: int, writes: bool = False) -> dict[str | int, Any]:
    """The answers of an operation, for its document."""
    codes = ("400", "403", "404", "409", "413", "415", "422", "503") if writes else ("403", "404", "422", "503")
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    out: dict[str | int, Any] = {
        code: {"description": _WHY[code], "content": {MIMETYPE: {"schema": schema}}} for code in codes
    }
    if model is not None:
        out.update(dict.fromkeys(statuses or (200,), model))
    return out
