"""Sell Fulfillment API: orders and shipping fulfillments. Source: OpenAPI sell_fulfillment_v1, contracts README 3.5, 3.6.

Pages are offsets over the search result of the moment: orders modified while somebody pages shift the later pages.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from werkzeug.wrappers import Response

from hub.kernel.clock import iso_millis, parse_instant
from hub.loopback.faults import FaultKind, FaultPlan
from hub.simulators.ebay_errors import RestRefusal, answer, complaint
from hub.simulators.ebay_order_view import order_json, parcel_view
from hub.simulators.ebay_routes import Call
from hub.simulators.ebay_shop import Shop
from hub.simulators.ebay_state import Order

LIMIT_MAX = 200
IDS_MAX = 50
TWO_YEARS = timedelta(days=2 * 365 + 1)
NINETY_DAYS = timedelta(days=90)
#: How far ahead of the channel's clock a caller's clock may run before a date counts as «in the future».
SKEW = timedelta(minutes=5)
_FILTER = re.compile(r"\s*([a-z]+):(\[[^\]]*\]|\{[^}]*\}|[^,]*)\s*(?:,|$)")
_STATES = ("NOT_STARTED", "IN_PROGRESS", "FULFILLED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A filter taken apart; instants as texts, empty = open. `by` is the field that the window is about."""

    by: str
    since: str
    until: str
    states: tuple[str, ...]


class FulfillmentApi:
    """Handlers by operation id."""

    def __init__(self, shop: Shop, plan: FaultPlan, rng: random.Random) -> None:
        self._shop = shop
        self._plan = plan
        self._rng = rng
        self._texts: dict[str, tuple[int, str]] = {}  # rendered orders as getOrders shows them
        self.handlers: dict[str, Callable[[Call], Response]] = {
            "getOrders": self._search,
            "getOrder": self._get,
            "createShippingFulfillment": self._ship,
            "getShippingFulfillments": self._parcels,
            "getShippingFulfillment": self._parcel,
        }

    def forget(self) -> None:
        """The state was replaced."""
        self._texts.clear()

    # ---------------------------------------------------------------- reading

    def _search(self, call: Call) -> Response:
        _field_groups(call)
        ids = [each for each in call.query("orderIds").split(",") if each]
        if len(ids) > IDS_MAX:
            raise RestRefusal(400, complaint(30900))
        if ids:
            found = [order for each in ids if (order := self._shop.state.orders.get(each)) and order.visible_since]
            limit, offset = IDS_MAX, 0
        else:
            limit, offset = _paging(call)
            found = self._find(parse_filter(call.query("filter"), call.now))
        page = found[offset : offset + limit]
        drawn = self._plan.draw("getOrders", page=True) if page else None  # an empty page wastes no fault
        if drawn is not None and drawn[0] is FaultKind.DUPLICATE_PAGE:
            page = page + page
        if drawn is not None and drawn[0] is FaultKind.SHUFFLE_PAGE:
            self._rng.shuffle(page)
        return self._page(call, page, total=len(found), limit=limit, offset=offset)

    def _find(self, search: Search) -> list[Order]:
        """Windows of modification run oldest first, all others newest first: what changes moves other orders along."""
        horizon, hits = self._shop.horizon(), []
        for order in self._shop.state.orders.values():
            if not order.visible_since or order.visible_since > horizon:
                continue
            at = order.placed_at if search.by == "creationdate" else self._shop.seen_at(order, horizon)
            if at < search.since or (search.until and at > search.until):
                continue
            if search.states and order.status() not in search.states:
                continue
            hits.append((at, order.record_no, order))
        hits.sort(key=lambda hit: hit[:2], reverse=search.by == "creationdate")
        return [hit[2] for hit in hits]

    def _page(self, call: Call, page: list[Order], *, total: int, limit: int, offset: int) -> Response:
        """The collection, put together from orders rendered once per change."""
        base = call.url("/sell/fulfillment/v1/order")
        given = [f"{key}={value}" for key, value in call.request.args.items() if key not in ("limit", "offset")]

        def link(at: int) -> str:
            return base + "?" + "&".join([*given, f"limit={limit}", f"offset={at}"])

        head: dict[str, Any] = {"href": link(offset), "total": total, "limit": limit, "offset": offset}
        if offset + limit < total:
            head["next"] = link(offset + limit)
        if offset > 0:
            head["prev"] = link(max(0, offset - limit))
        shell = answer(head).get_data(as_text=True)
        body = shell[:-1] + ',"orders":[' + ",".join(self._text(order, base) for order in page) + "]}"
        return Response(body.encode("utf-8", "surrogatepass"), mimetype="application/json")

    def _text(self, order: Order, base: str) -> str:
        key = order.lines[0].line_id
        known = self._texts.get(key)
        if known is None or known[0] != order.rev:
            known = self._texts[key] = (order.rev, order_json(order, base, with_requests=False))
        return known[1]

    def _known(self, order_id: str, status: int) -> Order:
        order = self._shop.state.orders.get(order_id)
        if order is None or not order.visible_since:
            raise RestRefusal(status, complaint(32100, order_id))
        return order

    def _get(self, call: Call) -> Response:
        _field_groups(call)
        text = order_json(self._known(call.params[0], 404), call.url("/sell/fulfillment/v1/order"), with_requests=True)
        return Response(text.encode("utf-8", "surrogatepass"), mimetype="application/json")

    def _parcels(self, call: Call) -> Response:
        order = self._known(call.params[0], 400)
        parcels = [parcel_view(parcel) for parcel in order.shipments]
        return answer({"total": len(parcels), "fulfillments": parcels, "warnings": []})

    def _parcel(self, call: Call) -> Response:
        order = self._known(call.params[0], 404)
        for parcel in order.shipments:
            if parcel.fulfillment_id == call.params[1]:
                return answer(parcel_view(parcel))
        raise RestRefusal(404, complaint(32110, call.params[1]))

    # ---------------------------------------------------------------- shipping

    def _ship(self, call: Call) -> Response:
        """One parcel per call. NOT idempotent: the same call again makes another parcel (contracts README 3.6)."""
        order, body = self._known(call.params[0], 400), call.json()
        if order.cancel_state == "CANCELED":
            raise RestRefusal(409, complaint(32600))
        lines = _parcel_lines(order, body.get("lineItems"))
        carrier, tracking = str(body.get("shippingCarrierCode") or ""), str(body.get("trackingNumber") or "")
        if bool(carrier) != bool(tracking) or not re.fullmatch(r"[0-9A-Za-z]*", tracking):
            raise RestRefusal(400, complaint(32300))
        shipped_at = iso_millis(call.now)
        if body.get("shippedDate"):
            try:
                at = parse_instant(str(body["shippedDate"]))
            except ValueError as error:
                raise RestRefusal(400, complaint(32500)) from error
            if at > call.now + SKEW:
                raise RestRefusal(400, complaint(32500))
            shipped_at = iso_millis(at)
        parcel = self._shop.ship(order, carrier=carrier, tracking=tracking, shipped_at=shipped_at, lines=lines)
        where = f"/sell/fulfillment/v1/order/{order.order_id}/shipping_fulfillment/{parcel.fulfillment_id}"
        return answer({}, 201, {"Location": call.url(where)})


def _parcel_lines(order: Order, wanted: object) -> dict[str, int]:
    """Line id -> units in the parcel; without `lineItems` the whole order. A line cannot fill more than its quantity."""
    if wanted is None:
        return {line.line_id: line.quantity for line in order.lines}
    if not isinstance(wanted, list) or not wanted or not all(isinstance(row, dict) for row in wanted):
        raise RestRefusal(400, complaint(32600))
    lines: dict[str, int] = {}
    for row in wanted:
        line_id, quantity = str(row.get("lineItemId", "")), row.get("quantity", 1)
        line = order.line(line_id)
        if line is None:
            raise RestRefusal(400, complaint(32200, line_id))
        if line_id in lines:
            raise RestRefusal(400, complaint(32210))
        if type(quantity) is not int or not 1 <= quantity <= line.quantity:
            raise RestRefusal(400, complaint(32600, lineItemId=line_id, quantity=str(quantity)))
        lines[line_id] = quantity
    return lines


def parse_filter(text: str, now: datetime) -> Search:
    """`creationdate:[a..b],orderfulfillmentstatus:{NOT_STARTED|IN_PROGRESS}` taken apart.

    creationdate wins over lastmodifieddate; without either: created in the last 90 days.

    Raises:
        RestRefusal: 30700 to 30850.
    """
    windows: dict[str, tuple[str, str]] = {}
    states: tuple[str, ...] = ()
    at = 0
    while at < len(text):
        match = _FILTER.match(text, at)
        if match is None:
            raise RestRefusal(400, complaint(30700, text[at:]))
        name, value = match[1], match[2]
        at = match.end()
        if name in ("creationdate", "lastmodifieddate"):
            windows[name] = _window(value, now)
        elif name == "orderfulfillmentstatus":
            states = tuple(value.strip("{}").split("|"))
            if not all(state in _STATES for state in states):
                raise RestRefusal(400, complaint(30800, f"{value} for filter {name}"))
        else:
            raise RestRefusal(400, complaint(30700, name))
    by = "lastmodifieddate" if "lastmodifieddate" in windows and "creationdate" not in windows else "creationdate"
    since, until = windows.get(by, (iso_millis(now - NINETY_DAYS), ""))
    return Search(by=by, since=since, until=until, states=states)


def _window(value: str, now: datetime) -> tuple[str, str]:
    first, dots, last = value.strip("[]").partition("..")
    if not first or not dots:
        raise RestRefusal(400, complaint(30820))
    try:
        since = parse_instant(first)
        until = parse_instant(last) if last else None
    except ValueError as error:
        raise RestRefusal(400, complaint(30810)) from error
    if since > now + SKEW or (until is not None and until > now + SKEW):
        raise RestRefusal(400, complaint(30850))
    if until is not None and since > until:
        raise RestRefusal(400, complaint(30840))
    if since < now - TWO_YEARS:
        raise RestRefusal(400, complaint(30830))
    return iso_millis(since), iso_millis(until) if until is not None else ""


def _paging(call: Call) -> tuple[int, int]:
    limit, offset = call.query("limit") or "50", call.query("offset") or "0"
    if not limit.isdecimal() or not 1 <= int(limit) <= LIMIT_MAX:
        raise RestRefusal(400, complaint(31100, limit))
    if not offset.isdecimal():
        raise RestRefusal(400, complaint(31000, offset))
    return int(limit), int(offset)


def _field_groups(call: Call) -> None:
    group = call.query("fieldGroups")
    if group not in ("", "TAX_BREAKDOWN"):
        raise RestRefusal(400, complaint(32800, group))
