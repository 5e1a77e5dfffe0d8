"""Orders: the window of a pull, its cursor, and the reading of eBay's order JSON (contracts README 3.5, 8).

A pull reads a window of `lastmodifieddate` whose upper bound is fixed before the first page. While it pages, orders
that change leave the window and the rest move up, so an offset alone would skip some. Each page therefore asks for one
row it already has; if none of the previous page's rows comes back, the pull steps one page back and reads again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hub.channels.contract import BadRecord, ChannelOrder, InvalidData, Missing, OrderPage
from hub.channels.ebay import rest, unpaid
from hub.channels.ebay.client import Client
from hub.channels.ebay.manifest import ORDER_PAGE
from hub.channels.ebay.order_reading import needs_fulfillments, read_order
from hub.kernel.clock import iso_millis, parse_instant

LAG = timedelta(minutes=2)  # eBay's advice for the upper bound and for the overlap of two windows (README 1, 3.5)
FIRST_WINDOW = timedelta(days=30)
_MARK = 6  # hex digits kept of an order id's checksum


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a pull stands. Between two windows only `to` counts: the next window begins a lag before it.

    `marks` are checksums of the previous page's order ids, `last` the id of its last row. `unpaid_page` > 0: the paid
    orders of the window are read, the unpaid ones are next.
    """

    start: datetime
    to: datetime
    paging: bool = False
    position: int = 0
    marks: str = ""
    last: str = ""
    unpaid_page: int = 0

    def text(self) -> str:
        return json.dumps(
            {
                "v": 1,
                "from": iso_millis(self.start),
                "to": iso_millis(self.to),
                "paging": self.paging,
                "at": self.position,
                "marks": self.marks,
                "last": self.last,
                "unpaid": self.unpaid_page,
            },
            separators=(",", ":"),
        )

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Raises InvalidData: not a cursor of ours."""
        try:
            data = json.loads(text)
            return cls(
                start=parse_instant(str(data["from"])),
                to=parse_instant(str(data["to"])),
                paging=bool(data["paging"]),
                position=int(data["at"]),
                marks=str(data["marks"]),
                last=str(data["last"]),
                unpaid_page=int(data["unpaid"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidData(
                "The place to go on pulling orders from cannot be read.", detail=repr(text)[:200]
            ) from error


def window(cursor: str | None, *, now: datetime, orders_since: str) -> Cursor:
    """The window to read: the open one, the one after the last, or the first.

    Raises:
        InvalidData: the cursor or the `orders_since` setting cannot be read.
    """
    if cursor is not None:
        state = Cursor.parse(cursor)
        if state.paging:
            return state
        start = state.to - LAG
    elif orders_since:
        try:
            start = parse_instant(orders_since)
        except ValueError as error:
            raise InvalidData(
                f"orders_since must be an instant such as 2026-11-01T00:00:00Z, not {orders_since!r}."
            ) from error
    else:
        start = now - FIRST_WINDOW
    # The bound never goes back, and eBay refuses windows that are empty or reach into the future (30840, 30850).
    to = max(now - LAG, start + timedelta(milliseconds=1))
    return Cursor(start=start, to=to, paging=True)


def pull(client: Client, cursor: str | None, limit: int) -> OrderPage:
    limit = max(1, min(limit, ORDER_PAGE))
    state = window(cursor, now=client.clock.now(), orders_since=client.config.orders_since)
    if state.unpaid_page:
        return _unpaid_page(client, state)
    # One row of the previous page is asked for again, see above.
    again = 1 if state.position else 0
    offset = state.position - again
    size = min(limit + again, ORDER_PAGE)
    answer = rest.get_orders(
        client, changed=f"[{iso_millis(state.start)}..{iso_millis(state.to)}]", limit=size, offset=offset
    )
    rows = _distinct(rest.rows_of(answer, "orders"))
    continuous = not again or any(_mark(_id(row)) in _marks(state.marks) for row in rows)
    fresh = [row for row in rows if not (again and _id(row) == state.last)]
    orders, bad = _read(client, fresh)
    if not continuous:
        back = replace(state, position=max(0, state.position - max(1, size - 1)))
        return OrderPage(orders=orders, bad=bad, cursor=back.text(), has_more=True)
    end = offset + len(rows)
    if rows and _has_more(answer, end):
        marks = "".join(_mark(_id(row)) for row in rows)
        onward = replace(state, position=end, marks=marks, last=_id(rows[-1]))
        return OrderPage(orders=orders, bad=bad, cursor=onward.text(), has_more=True)
    if client.config.pull_unpaid:
        onward = replace(state, position=0, marks="", last="", unpaid_page=1)
        return OrderPage(orders=orders, bad=bad, cursor=onward.text(), has_more=True)
    return _finished(state, orders, bad)


def _finished(state: Cursor, orders: tuple[ChannelOrder, ...], bad: tuple[BadRecord, ...]) -> OrderPage:
    done = Cursor(start=state.start, to=state.to)
    return OrderPage(orders=orders, bad=bad, cursor=done.text(), has_more=False, covered_until=state.to)


def _unpaid_page(client: Client, state: Cursor) -> OrderPage:
    orders, bad, more = unpaid.page(client, start=state.start, to=state.to, page=state.unpaid_page)
    if not more:
        return _finished(state, orders, bad)
    onward = replace(state, unpaid_page=state.unpaid_page + 1)
    return OrderPage(orders=orders, bad=bad, cursor=onward.text(), has_more=True)


def _has_more(answer: Mapping[str, Any], end: int) -> bool:
    total = answer.get("total")
    return end < total if isinstance(total, int) else bool(answer.get("next"))


def _distinct(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each order once: a page may hold one twice. Rows without an id are all kept, they go to the desk."""
    seen: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows):
        seen.setdefault(_id(row) or f"\0{number}", row)
    return list(seen.values())


def _id(row: Mapping[str, Any]) -> str:
    value = row.get("orderId")
    return value if isinstance(value, str) else ""


def _mark(order_id: str) -> str:
    return f"{zlib.crc32(order_id.encode()):08x}"[:_MARK]


def _marks(text: str) -> set[str]:
    return {text[at : at + _MARK] for at in range(0, len(text), _MARK)}


def _read(client: Client, rows: Sequence[dict[str, Any]]) -> tuple[tuple[ChannelOrder, ...], tuple[BadRecord, ...]]:
    orders: list[ChannelOrder] = []
    bad: list[BadRecord] = []
    for row in rows:
        try:
            orders.append(complete(client, row))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raw = json.dumps(row, ensure_ascii=False)
            bad.append(BadRecord(why=f"{type(error).__name__}: {error}"[:300], order_id=_id(row) or None, raw=raw))
    return tuple(orders), tuple(bad)


def complete(client: Client, row: dict[str, Any], *, parcels: bool = False) -> ChannelOrder:
    """The order with what the list leaves out: cancellation requests (only getOrder has them, README 3.5) and, where
    quantities depend on it or `parcels` asks for them, its parcels.

    Raises:
        ValueError | KeyError | TypeError | AttributeError: the order cannot be read.
    """
    cancel = row.get("cancelStatus") or {}
    if cancel.get("cancelState") == "IN_PROGRESS" and not cancel.get("cancelRequests"):
        try:
            row = rest.get_order(client, str(row["orderId"])) or row
        except Missing:
            client.log("ebay_order_gone", operation="getOrder")
    wanted = needs_fulfillments(row) or (parcels and row.get("orderFulfillmentStatus") != "NOT_STARTED")
    return read_order(row, rest.get_shipping_fulfillments(client, str(row["orderId"])) if wanted else ())


def read_one(client: Client, order_id: str) -> ChannelOrder:
    """One order as it is now.

    Raises:
        Missing: eBay has no such order.
        InvalidData: the order cannot be read.
    """
    row = rest.get_order(client, order_id)
    try:
        return complete(client, row, parcels=True)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidData(
            "This order of eBay cannot be read.", detail=f"{type(error).__name__}: {error}"[:300]
        ) from error
