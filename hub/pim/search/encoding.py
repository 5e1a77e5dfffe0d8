"""Queries as JSON, for saved views, jobs and the API. Pure.

{"version": 1, "text": "", "filter": …, "sort": "title", "descending": false}, where a filter is {"all": […]},
{"any": […]}, {"not": …}, {"attribute": "colour", "is": ["red"]}, {"attribute": "alcohol", "from": "11", "to": "13"}
or {"field": …} with what that field can be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten
from hub.pim.search.query import (
    DEPTH_MAX,
    EVERYTHING,
    OWN_TEXTS,
    PARTS_MAX,
    TEXT_MAX,
    VALUES_MAX,
    All,
    AnyOf,
    AttributeBetween,
    AttributeIs,
    Available,
    Filter,
    Has,
    Incomplete,
    Is,
    Listed,
    Not,
    Price,
    Query,
    Sort,
    Updated,
    checked,
    unknown,
)

VERSION = 1
NUMBER_MAX = 2**53  # what JSON and both databases hold exactly
WORD_MAX = 500


def to_json(query: Query) -> dict[str, Any]:
    """A query as plain JSON with its version; `from_json` gives it back."""
    out: dict[str, Any] = {"version": VERSION, "text": query.text, "sort": query.sort, "descending": query.descending}
    if query.filter != EVERYTHING:
        out["filter"] = filter_to_json(query.filter)
    if query.channel or query.locale:
        out |= {"channel": query.channel, "locale": query.locale}
    return out


def filter_to_json(part: Filter) -> dict[str, Any]:
    """A filter as plain JSON: {"all": […]}, {"any": […]}, {"not": …} or {"field": …, …}."""
    match part:
        case All():
            return {"all": [filter_to_json(inner) for inner in part.parts]}
        case AnyOf():
            return {"any": [filter_to_json(inner) for inner in part.parts]}
        case Not():
            return {"not": filter_to_json(part.part)}
        case Is():
            return {"field": part.field, "is": list(part.values)}
        case Price():
            return {"field": "price", "from": part.low, "to": part.high, "currency": part.currency}
        case Available():
            return {"field": "available", "from": part.low, "to": part.high}
        case Updated():
            ends = {"since": part.since, "until": part.until}
            return {"field": "updated"} | {k: None if v is None else v.isoformat() for k, v in ends.items()}
        case Has():
            return {"field": part.what, "has": True}
        case Listed():
            return {"field": "listing", "account": part.account, "states": list(part.states)}
        case Incomplete():
            return {"field": "completeness", "channel": part.channel, "locale": part.locale, "below": part.below}
        case AttributeIs():
            return {"attribute": part.code, "is": list(part.values)}
        case AttributeBetween():
            return {"attribute": part.code, "from": part.low, "to": part.high}


def from_json(given: Any) -> Query:
    """The query of a stored or sent JSON value.

    Raises:
        Invalid: it is none; the error names the part.
    """
    record = _record(given, "query")
    if record.get("version", VERSION) != VERSION:
        raise Invalid(
            "this query is of another version", field="version", value=record.get("version"), fix=f"version {VERSION}"
        )
    _only(record, "query", "version", "text", "filter", "sort", "descending", "channel", "locale")
    return checked(
        Query(
            text=_text(record, "text", TEXT_MAX), sort=cast(Sort, _text(record, "sort") or "relevance"),
            descending=_flag(record, "descending"), channel=_text(record, "channel"), locale=_text(record, "locale"),
            filter=filter_from_json(record["filter"]) if record.get("filter") is not None else EVERYTHING,
        )
    )  # fmt: skip


def filter_from_json(given: Any, depth: int = 0) -> Filter:
    """The filter of a JSON value.

    Raises:
        Invalid: it is none; the error names the part.
    """
    if depth > DEPTH_MAX:
        raise Invalid(f"a filter is at most {DEPTH_MAX} levels deep", field="filter", fix="make it flatter")
    record = _record(given, "filter")
    for name, make in (("all", All), ("any", AnyOf)):
        if name in record:
            _only(record, "filter", name)
            parts = record[name]
            if not isinstance(parts, list) or len(parts) > PARTS_MAX:
                raise Invalid(f"«{name}» holds a list of at most {PARTS_MAX} filters", field=name)
            return make(parts=tuple(filter_from_json(part, depth + 1) for part in parts))
    if "not" in record:
        _only(record, "filter", "not")
        return Not(part=filter_from_json(record["not"], depth + 1))
    if "attribute" in record:
        code = _text(record, "attribute")
        if "is" in record:
            _only(record, "filter", "attribute", "is")
            return AttributeIs(code=code, values=_texts(record, "is"))
        _only(record, "filter", "attribute", "from", "to")
        return AttributeBetween(code=code, low=_text(record, "from"), high=_text(record, "to"))
    return _own(record)


def _own(record: Mapping[str, Any]) -> Filter:
    field = _text(record, "field")
    if field in OWN_TEXTS:
        _only(record, field, "field", "is")
        return Is(field=field, values=_texts(record, "is"))
    makers: dict[str, tuple[tuple[str, ...], Callable[[], Filter]]] = {
        "price": (("from", "to", "currency"), lambda: Price(
            low=_whole(record, "from"), high=_whole(record, "to"), currency=_text(record, "currency"))),
        "available": (("from", "to"), lambda: Available(low=_whole(record, "from"), high=_whole(record, "to"))),
        "updated": (("since", "until"), lambda: Updated(since=_time(record, "since"), until=_time(record, "until"))),
        "gtin": (("has",), lambda: _has(record, Has(what="gtin"))),
        "picture": (("has",), lambda: _has(record, Has(what="picture"))),
        "listing": (("account", "states"), lambda: Listed(
            account=_text(record, "account"), states=_texts(record, "states"))),
        "completeness": (("channel", "locale", "below"), lambda: Incomplete(
            channel=_text(record, "channel"), locale=_text(record, "locale"),
            below=100 if (below := _whole(record, "below")) is None else below)),
    }  # fmt: skip
    if field not in makers:
        raise unknown("field", field, (*OWN_TEXTS, *makers))
    names, make = makers[field]
    _only(record, field, "field", *names)
    return make()


def _has(record: Mapping[str, Any], has: Has) -> Filter:
    return has if _flag(record, "has", default=True) else Not(part=has)


def _record(given: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise Invalid(f"a {what} is a JSON object", field=what, value=shorten(str(given), 40))
    return given


def _only(record: Mapping[str, Any], what: str, *names: str) -> None:
    for name in record:
        if name not in names:
            raise Invalid(
                f"{shorten(str(name), 40)!r} is not understood in {what}", field=what, value=shorten(str(name), 40),
                fix=f"use: {', '.join(names)}",
            )  # fmt: skip


def _text(record: Mapping[str, Any], name: str, limit: int = WORD_MAX) -> str:
    value = record.get(name, "")
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > limit or "\x00" in value:
        raise Invalid(f"{name} is a text of at most {limit} characters", field=name, value=shorten(str(value), 40))
    return value


def _texts(record: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = record.get(name, [])
    if not isinstance(values, list) or len(values) > VALUES_MAX:
        raise Invalid(f"{name} is a list of at most {VALUES_MAX} texts", field=name)
    return tuple(_text({name: value}, name) for value in values)


def _whole(record: Mapping[str, Any], name: str) -> int | None:
    value = record.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) > NUMBER_MAX):
        raise Invalid(f"{name} is a whole number", field=name, value=shorten(str(value), 40))
    return value


def _flag(record: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    value = record.get(name, default)
    if not isinstance(value, bool):
        raise Invalid(f"{name} is true or false", field=name, value=shorten(str(value), 40))
    return value


def _time(record: Mapping[str, Any], name: str) -> datetime | None:
    text = _text(record, name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid(f"{name} is an instant with its zone", field=name, value=text, fix="write 2026-11-22T09:00+00:00")
    return at
