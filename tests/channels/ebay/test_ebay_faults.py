"""eBay's refusals, one by one: what the hub is told to do about each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from ebay_desk import Shop, open_shop

from hub.channels.contract import (
    AdapterBug,
    AuthFailed,
    ChannelError,
    Conflict,
    Deferred,
    InvalidData,
    Missing,
    OutcomeUnknown,
    Problem,
    Refused,
    Throttled,
    Unavailable,
    Unclear,
)
from hub.channels.ebay import faults
from hub.channels.ebay.faults import Complaint
from hub.channels.wire import Response

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def answer(status: int, *errors: tuple[int, str], writing: bool = False, **headers: str) -> Response:
    body = {"errors": [{"errorId": code, "message": text, "longMessage": text} for code, text in errors]}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status=status, headers=names, body=json.dumps(body).encode(), writing=writing)


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(400, (25709, "Invalid value")), InvalidData),
        (answer(400, (25702, "SKU could not be found")), Missing),
        (answer(404, (25713, "Offer not available")), Missing),
        (answer(404), Missing),
        (answer(401, (1001, "Invalid token")), AuthFailed),
        (answer(403, (1100, "Access denied")), AuthFailed),
        (answer(409), Conflict),
        (answer(429, (2001, "Too many requests")), Throttled),
        (answer(500, (25001, "System error")), Unavailable),
        (answer(500, (25001, "System error"), writing=True), OutcomeUnknown),
        (answer(500, (25025, "Concurrent access"), writing=True), Unavailable),
        (answer(502, writing=True), OutcomeUnknown),
        (answer(503), Unavailable),
        (answer(302), AdapterBug),
        (answer(302, writing=True), OutcomeUnknown),
        (answer(400, (25002, "Exceeded the maximum of 250 revisions"), writing=True), faults.RevisedTooOften),
        (Response(status=503, headers={}, body=b"<html>busy</html>", writing=True), OutcomeUnknown),
        (Response(status=400, headers={}, body=b"[1, 2]"), InvalidData),
        (Response(status=400, headers={}, body=b'{"errors": [1, {"errorId": 7, "parameters": null}]}'), InvalidData),
    ],
)
def test_whole_answers(response: Response, kind: type[ChannelError]) -> None:
    with pytest.raises(kind) as caught:
        faults.raise_rest(response, operation="x", now=NOW)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("hint", "seconds"), [("7", 7.0), ("Sun, 22 Nov 2026 12:01:00 GMT", 60.0), ("soon", 30.0), (None, 30.0)]
)
def test_a_throttle_says_how_long(hint: str | None, seconds: float) -> None:
    with pytest.raises(Throttled) as caught:
        faults.raise_rest(answer(429, **({"retry_after": hint} if hint else {})), operation="x", now=NOW)
    assert caught.value.retry_after_s == seconds


def complaint(code: str, text: str = "no", *values: str) -> Complaint:
    return Complaint(code=code, text=text, values=values)


@pytest.mark.parametrize(
    ("status", "found", "expected"),
    [
        (200, [], None),
        (204, [], None),
        (200, [complaint("25709")], Refused(problems=(Problem(code="25709", message="no"),))),
        (404, [], Refused(problems=(Problem(code="404", message="eBay answered 404 for this item."),), missing=True)),
        (400, [complaint("25702")], Refused(problems=(Problem(code="25702", message="no"),), missing=True)),
        (500, [complaint("25001", "System error")], Unclear(why="System error")),
        (503, [], Unclear(why="eBay answered 503 for this item.")),
        (429, [], Deferred(retry_after_s=30.0, why="eBay answered 429 for this item.")),
        (
            500,
            [complaint("25025")],
            Deferred(retry_after_s=5.0, why="eBay is still busy with an earlier change of this item."),
        ),
    ],
)
def test_items_of_a_bulk_answer(status: int, found: list[Complaint], expected: Any) -> None:
    assert faults.of_item(status, found, NOW) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Throttled("t", retry_after_s=9.0), Deferred(retry_after_s=9.0, why="t")),
        (OutcomeUnknown("o"), Unclear(why="o")),
        (AdapterBug("b"), Unclear(why="b")),
        (InvalidData("i", code="5"), Refused(problems=(Problem(code="5", message="i"),))),
        (Missing("m"), Refused(problems=(Problem(code="missing", message="m"),), missing=True)),
        (Unavailable("u"), Deferred(retry_after_s=60.0, why="u")),
        (Conflict("c"), Deferred(retry_after_s=60.0, why="c")),
        (AuthFailed("a"), Deferred(retry_after_s=60.0, why="a")),
    ],
)
def test_errors_of_a_later_call_become_values(error: ChannelError, expected: Any) -> None:
    assert faults.outcome_of_error(error) == expected


def test_what_is_no_channel_error_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        faults.outcome_of_error(ZeroDivisionError())


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ([complaint("17")], Missing),
        ([complaint("291")], Missing),
        ([complaint("5", "You have revised it more than 250 times")], Throttled),
        ([complaint("5")], InvalidData),
        ([], InvalidData),
    ],
)
def test_refused_trading_calls(found: list[Complaint], kind: type[ChannelError]) -> None:
    assert type(faults.error_of_trading(found, call="GetItem", now=NOW)) is kind


@pytest.mark.parametrize(("writing", "kind"), [(False, Unavailable), (True, OutcomeUnknown)])
def test_an_internal_error_of_trading(writing: bool, kind: type[ChannelError]) -> None:
    with pytest.raises(kind):
        faults.raise_trading([complaint("10007")], call="X", writing=writing, now=NOW)


@pytest.mark.parametrize(
    ("text", "limited"),
    [
        ("The listing was revised 250 times today.", True),
        ("Revision limit exceeded for this calendar day.", True),
        ("You are not allowed to revise an ended item.", False),
        ("The price exceeds the maximum.", False),
    ],
)
def test_the_revision_limit_is_known_by_its_words(text: str, limited: bool) -> None:
    assert faults.revised_too_often(complaint("1", text)) is limited


@pytest.mark.parametrize("timeout", ["soon", "0", "-1", "9999"])
def test_a_timeout_must_be_a_sensible_number(timeout: str) -> None:
    with pytest.raises(InvalidData), open_shop(settings={"timeout_s": timeout}):
        pass


def test_a_429_closes_the_bucket_of_its_operation_only() -> None:
    class Learning:
        def __init__(self) -> None:
            self.learned: list[tuple[str, float | None]] = []

        def charge(self, operation: str, cost: float) -> None:
            return

        def learn(self, operation: str, *, retry_after_s: float | None = None, remaining: float | None = None) -> None:
            self.learned.append((operation, retry_after_s))

    limiter = Learning()
    with open_shop(limiter=limiter) as shop:
        shop.desk.on("GET", "/sell/fulfillment/v1/order", (429, {}, {"Retry-After": "5"}))
        with pytest.raises(Throttled):
            shop.adapter.pull_orders(None, limit=1)
    assert limiter.learned == [("getOrders", 5.0)]


def test_an_answer_in_another_charset_is_no_answer(shop: Shop) -> None:
    body = '{"orders": [], "total": 0}'.encode("utf-16")
    shop.desk.on("GET", "/sell/fulfillment/v1/order", (200, body))
    with pytest.raises(AdapterBug):
        shop.adapter.pull_orders(None, limit=1)
