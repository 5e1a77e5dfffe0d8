"""Orders, the half that calls: pages of what changed, complete with all lines, and single orders.

A run asks for everything updated from the watermark (less an overlap) up to an upper bound fixed when the run began:
an order that changes while the run pages moves behind the bound and belongs to the next run, so nothing is skipped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hub.channels.contract.errors import AdapterBug, InvalidData, Missing
from hub.channels.contract.records import ChannelOrder, OrderPage
from hub.channels.shopify import queries
from hub.channels.shopify.manifest import MANIFEST
from hub.channels.shopify.orders import ORDER_GID, parse_order, parse_orders
from hub.channels.shopify.shop import Shop
from hub.kernel.clock import iso_millis, parse_instant

#: The search index lags by seconds to minutes and has been seen to miss orders (contracts README 4.6).
OVERLAP = timedelta(minutes=10)
_LAG = timedelta(seconds=MANIFEST.order_lag_s)
_FIRST_RUN = timedelta(days=30)
_DATA_ERRORS = (ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where an order pull stands: from when, up to when, and after which of Shopify's page cursors."""

    since: datetime
    until: datetime | None = None  # None: the next call begins a new run
    after: str | None = None

    def text(self) -> str:
        data = {"since": iso_millis(self.since), "after": self.after}
        return json.dumps({**data, "until": iso_millis(self.until) if self.until else None})


def parse_cursor(text: str) -> Run:
    """A cursor that `Run.text` wrote.

    Raises:
        InvalidData: it did not.
    """
    try:
        data = json.loads(text)
        until = data.get("until")
        return Run(
            since=parse_instant(data["since"]),
            until=parse_instant(until) if until else None,
            after=None if data.get("after") is None else str(data["after"]),
        )
    except _DATA_ERRORS as error:
        raise InvalidData(
            "This is not the cursor of a Shopify order pull.", detail=f"{type(error).__name__}"
        ) from error


def build_query(since: datetime, until: datetime) -> str:
    """The search of a run. The lower end is rounded down and the upper end up to whole seconds."""
    up = until if until.microsecond == 0 else until.replace(microsecond=0) + timedelta(seconds=1)
    return f"updated_at:>='{_seconds(since - OVERLAP)}' AND updated_at:<='{_seconds(up)}'"


def _seconds(value: datetime) -> str:
    return iso_millis(value)[:19] + "Z"


def pull(shop: Shop, cursor: str | None, limit: int) -> OrderPage:
    """The next page."""
    now = shop.ctx.clock.now()
    run = parse_cursor(cursor) if cursor is not None else Run(since=_start(shop, now))
    until = run.until or max(now, run.since)
    size = max(1, min(limit, MANIFEST.max_order_page))
    asked: dict[str, Any] = {
        "q": build_query(run.since, until),
        "first": size,
        "after": run.after,
        "lines": queries.lines_per_order(size),
    }
    try:
        page = shop.client.run(queries.ORDERS, asked)["orders"]
    except AdapterBug as error:
        # A page cursor that Shopify no longer takes: the run begins again, the hub knows what it has.
        if run.after is None or "cursor" not in error.detail.casefold():
            raise
        page = shop.client.run(queries.ORDERS, {**asked, "after": None})["orders"]
    nodes = [_whole(shop, node) for node in page["nodes"]]
    orders, bad = parse_orders(nodes, authorized_is_paid=shop.setting("ship_authorized") == "yes")
    more = bool(page["pageInfo"]["hasNextPage"])
    if more:
        following = Run(since=run.since, until=until, after=str(page["pageInfo"]["endCursor"]))
        return OrderPage(orders=orders, bad=bad, cursor=following.text(), has_more=True)
    return OrderPage(orders=orders, bad=bad, cursor=Run(since=until).text(), has_more=False, covered_until=until - _LAG)


def _start(shop: Shop, now: datetime) -> datetime:
    since = shop.setting("orders_since")
    if not since:
        return now - _FIRST_RUN
    try:
        return parse_instant(since)
    except ValueError as error:
        raise InvalidData("The setting orders_since is not a time such as 2026-11-01T00:00:00Z.") from error


def _whole(shop: Shop, node: Any) -> Any:
    """The order with the lines that did not fit into the page."""
    if not isinstance(node, dict):
        return node
    try:
        page, order_id = node["lineItems"]["pageInfo"], str(node["id"])
        rows = list(node["lineItems"]["nodes"])
        while page["hasNextPage"]:
            asked = {"id": order_id, "after": page["endCursor"], "lines": queries.LINE_PAGE}
            more = shop.client.run(queries.ORDER_LINES, asked)["order"]["lineItems"]
            rows += more["nodes"]
            page = more["pageInfo"]
    except _DATA_ERRORS:
        return node  # parsing it says what is wrong and makes it a BadRecord
    return {**node, "lineItems": {"nodes": rows, "pageInfo": page}}


def read(shop: Shop, order_id: str) -> ChannelOrder:
    """One order as it is now.

    Raises:
        Missing: Shopify has no such order.
        AdapterBug: it cannot be read.
    """
    if not order_id.startswith(ORDER_GID):
        raise Missing("Shopify has no such order.", detail=order_id[:80])
    node = shop.client.run(queries.ORDER, {"id": order_id, "lines": queries.LINE_PAGE})["order"]
    if node is None:
        raise Missing("Shopify has no such order.", detail=order_id[:80])
    try:
        return parse_order(_whole(shop, node), authorized_is_paid=shop.setting("ship_authorized") == "yes")
    except _DATA_ERRORS as error:
        raise AdapterBug("This Shopify order could not be read.", detail=f"{type(error).__name__}: {error}") from error
