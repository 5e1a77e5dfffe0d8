"""The marketplace's service counter: requests in, answers out, in the marketplace's own little JSON dialect.

Still the remote side: the adapter sees only `exchange` and the bytes that come back. Every answer is JSON; a refusal of
a whole request has a status of 4xx and an `error`; items of a batch are answered one by one.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hub.channels.memory.marketplace import (
    CARRIERS,
    SKU_MAX,
    TITLE_MAX,
    TOKEN_LIFE_S,
    Listing,
    LoggedRequest,
    MemoryMarketplace,
    Order,
    Parcel,
    Ticket,
)
from hub.kernel.clock import parse_instant
from hub.loopback.faults import FaultKind

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: a status, lower-case headers, a body."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class _Refusal(Exception):
    """Ends a request with a status and a message."""

    def __init__(self, status: int, message: str, problems: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problems = problems or []


def exchange(shop: MemoryMarketplace, operation: str, token: str, payload: bytes, *, timeout_s: float) -> Answer:
    """One request and its answer, as a wire would carry it.

    A hang is not waited for: the caller's patience of `timeout_s` ends at once, in the marketplace's own time.

    Raises:
        ConnectionRefusedError: not reachable; the request did not arrive.
        ConnectionResetError, TimeoutError: no answer; the request may have been carried out.
    """
    if not shop.reachable:
        raise ConnectionRefusedError(f"nobody listens at marketplace {shop.name!r}")
    drawn = shop.plan.draw(operation)
    kind = drawn[0] if drawn else None
    answer = _serve(shop, operation, token, payload) if kind is None else _broken(shop, kind, operation, token, payload)
    with shop.lock:
        shop.log.append(
            LoggedRequest(
                operation=operation,
                at=shop.now(),
                status=None if answer is None else answer.status,
                fault=kind,
                payload=json.loads(payload),
            )
        )
    if answer is not None:
        return answer
    if kind in (FaultKind.HANG, FaultKind.APPLY_THEN_HANG):
        raise TimeoutError(f"no answer to {operation} within {timeout_s} s")
    raise ConnectionResetError(f"the connection ended during {operation}")


def _serve(shop: MemoryMarketplace, operation: str, token: str, payload: bytes) -> Answer:
    asked = json.loads(payload)
    with shop.lock:
        shop.settle()
        try:
            if operation == "login":
                return _json(_login(shop, asked))
            expires = shop.tokens.get(token)
            if expires is None or expires <= shop.now():
                raise _Refusal(401, "this session has ended")
            return _json(_OPERATIONS[operation](shop, asked))
        except _Refusal as refusal:
            return _json({"error": str(refusal), "problems": refusal.problems}, refusal.status)


def _json(value: Mapping[str, Any], status: int = 200) -> Answer:
    return Answer(status=status, body=json.dumps(value).encode(), headers={"content-type": "application/json"})


# ------------------------------------------------------------------ operations


def _login(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    if asked["api_key"] != shop.api_key:
        raise _Refusal(401, "the key is not known here")
    token = secrets.token_hex(16)
    shop.tokens[token] = shop.now() + timedelta(seconds=TOKEN_LIFE_S)
    return {"token": token, "expires_in": TOKEN_LIFE_S}


def _whoami(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    return {"account": shop.name, "currency": shop.currency}


def _set_stock(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    items = list(asked["items"])
    if not asked.get("later"):
        return {"results": [shop.write_stock(item) for item in items]}
    ticket = Ticket(ticket_id=f"T-{shop.next_number():06d}", due_at=shop.now() + shop.job_lag, items=items)
    shop.tickets[ticket.ticket_id] = ticket
    return {"ticket": ticket.ticket_id}


def _read_ticket(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    ticket = shop.tickets.get(asked["ticket"])
    if ticket is None:
        raise _Refusal(404, "no such ticket")
    if ticket.results is None:
        return {"done": False, "retry_after_s": max(1.0, (ticket.due_at - shop.now()).total_seconds())}
    return {"done": True, "results": ticket.results}


def _set_prices(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    results = []
    for item in asked["items"]:
        listing = shop.listings.get(item["sku"])
        if listing is None or listing.state == "ended":
            results.append({"sku": item["sku"], "status": "missing", "message": "there is no such listing"})
        elif item["price_minor"] <= 0 or item["currency"] != shop.currency:
            message = f"a price is above zero and in {shop.currency}"
            results.append({"sku": item["sku"], "status": "refused", "field": "price", "message": message})
        else:
            listing.price_minor = item["price_minor"]
            results.append({"sku": item["sku"], "status": "done"})
    return {"results": results}


def _put_listing(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    """Create or revise by the seller's own key: the same key and SKU is the same listing, however often it comes."""
    problems = [
        {"code": "value", "field": name, "message": message}
        for name, message, wrong in (
            ("title", f"a title has 1 to {TITLE_MAX} characters", not 1 <= len(asked["title"]) <= TITLE_MAX),
            ("title", "a title has no control characters", any(ord(ch) < 32 for ch in asked["title"])),
            ("price", f"a price is above zero and in {shop.currency}", any(
                v["price_minor"] <= 0 or v["currency"] != shop.currency for v in asked["variants"])),
            ("channel_sku", f"a SKU has 1 to {SKU_MAX} characters", any(
                not 1 <= len(v["sku"]) <= SKU_MAX for v in asked["variants"])),
        ) if wrong
    ]  # fmt: skip
    if problems:
        raise _Refusal(422, "the listing cannot be shown like this", problems)
    made = []
    for variant in asked["variants"]:
        known = shop.listings.get(variant["sku"])
        listing = known
        if listing is None or listing.state == "ended":
            listing = Listing(
                sku=variant["sku"],
                external_id=f"L-{shop.next_number():06d}",
                listing_key=asked["listing_key"],
                title="",
                description="",
                price_minor=0,
                currency=shop.currency,
                quantity=variant["quantity"],
                live_at=shop.now() + shop.publish_lag,
            )
            shop.listings[variant["sku"]] = listing
        listing.title = asked["title"]
        listing.description = asked["description"]
        listing.price_minor = variant["price_minor"]
        listing.options = dict(variant["options"])
        listing.brand = asked["brand"]
        listing.category = asked["category"]
        listing.images = tuple(asked["images"])
        listing.gtin = variant["gtin"]
        made.append({"sku": listing.sku, "external_id": listing.external_id})
    return {"listings": made}


def _end_listing(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    listing = shop.listings.get(asked["sku"])
    if listing is None:
        raise _Refusal(404, "there is no such listing")
    listing.state = "ended"
    listing.quantity = 0
    return {"external_id": listing.external_id}


def _read_listings(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    found = [shop.listings[sku] for sku in asked["skus"] if sku in shop.listings]
    return {
        "listings": [
            {
                "sku": listing.sku,
                "external_id": listing.external_id,
                "state": "accepted" if listing.state == "live" and listing.live_at > shop.now() else listing.state,
                "quantity": listing.quantity,
                "price_minor": listing.price_minor,
                "currency": listing.currency,
            }
            for listing in found
        ]
    }


def _list_listings(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    """Every listing that was not ended, in the order in which they were made; `after` goes on."""
    rows = sorted((x for x in shop.listings.values() if x.state != "ended"), key=lambda x: x.external_id)
    rows = [x for x in rows if asked["after"] is None or x.external_id > asked["after"]]
    page = rows[: asked["limit"]]
    return {
        "listings": [
            {
                "sku": x.sku,
                "external_id": x.external_id,
                "page": x.listing_key,
                "state": "accepted" if x.state == "live" and x.live_at > shop.now() else x.state,
                "title": x.title,
                "description": x.description,
                "brand": x.brand,
                "gtin": x.gtin,
                "category": x.category,
                "images": list(x.images),
                "options": x.options,
                "quantity": x.quantity,
                "price_minor": x.price_minor,
                "currency": x.currency,
            }
            for x in page
        ],
        "after": page[-1].external_id if len(rows) > len(page) else None,
    }


def _list_orders(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    """Orders changed since `changed_from` (inclusive) and visible by now, oldest change first; `after` goes on."""
    as_of = shop.now() - shop.order_lag
    since = parse_instant(asked["changed_from"])
    after = asked["after"]
    start = (parse_instant(after[0]), int(after[1])) if after else (since, -1)
    rows = sorted(
        (order for order in shop.orders.values() if since <= order.changed_at <= as_of),
        key=lambda order: (order.changed_at, order.change),
    )
    rows = [order for order in rows if (order.changed_at, order.change) > start]
    page = rows[: asked["limit"]]
    more = len(rows) > len(page)
    shown = [_order(order) for order in page]
    drawn = shop.plan.draw("listOrders", page=True)
    if drawn is not None:
        shown = shown * 2 if drawn[0] is FaultKind.DUPLICATE_PAGE else shown[::-1]
    return {
        "orders": shown,
        "after": [page[-1].changed_at.isoformat(), page[-1].change] if page and more else None,
        "as_of": as_of.isoformat(),
    }


def _read_order(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    return {"order": _order(_order_of(shop, asked))}


def _confirm_shipment(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    order = _order_of(shop, asked)
    for parcel in order.parcels:
        if parcel.key == asked["key"]:
            return {"parcel_id": parcel.parcel_id}
    if asked["carrier"] not in CARRIERS:
        known = ", ".join(sorted(CARRIERS))
        problem = {"code": "carrier", "field": "carrier", "message": f"unknown carrier; known are {known}"}
        raise _Refusal(422, "the carrier is not known", [problem])
    lines = {line.line_id: line for line in order.lines}
    for line_id, quantity in asked["lines"].items():
        if line_id not in lines or not 0 < quantity <= lines[line_id].quantity - lines[line_id].shipped:
            problem = {"code": "lines", "field": "lines", "message": f"line {line_id} cannot ship {quantity}"}
            raise _Refusal(422, "the parcel does not fit the order", [problem])
    for line_id, quantity in asked["lines"].items():
        lines[line_id].shipped += quantity
    parcel = Parcel(
        parcel_id=f"P-{shop.next_number():06d}",
        key=asked["key"],
        tracking=asked["tracking"],
        carrier=asked["carrier"],
        lines=dict(asked["lines"]),
    )
    order.parcels.append(parcel)
    shop.touch(order)
    return {"parcel_id": parcel.parcel_id}


def _read_shipments(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    return {"parcels": [_parcel(parcel) for parcel in _order_of(shop, asked).parcels]}


def _cancel_order(shop: MemoryMarketplace, asked: Payload) -> dict[str, Any]:
    if asked["key"] in shop.answered:
        return shop.answered[asked["key"]]
    order = _order_of(shop, asked)
    if asked["accept"] and any(line.shipped for line in order.lines):
        problem = {"code": "shipped", "field": None, "message": "a parcel of this order is on its way"}
        raise _Refusal(422, "the order cannot be cancelled any more", [problem])
    if asked["accept"]:
        shop.cancel_order(order.order_id)
    elif order.cancellation == "requested":
        shop.touch(order).cancellation = "none"
    answer = {"cancellation": order.cancellation}
    shop.answered[asked["key"]] = answer
    return answer


_OPERATIONS: Mapping[str, Callable[[MemoryMarketplace, Payload], dict[str, Any]]] = {
    "whoami": _whoami,
    "setStock": _set_stock,
    "readTicket": _read_ticket,
    "setPrices": _set_prices,
    "putListing": _put_listing,
    "endListing": _end_listing,
    "readListings": _read_listings,
    "listListings": _list_listings,
    "listOrders": _list_orders,
    "readOrder": _read_order,
    "confirmShipment": _confirm_shipment,
    "readShipments": _read_shipments,
    "cancelOrder": _cancel_order,
}


def _order_of(shop: MemoryMarketplace, asked: Payload) -> Order:
    order = shop.orders.get(asked["order_id"])
    if order is None:
        raise _Refusal(404, "there is no such order")
    return order


def _instant(value: datetime) -> str:
    return value.isoformat()


def _order(order: Order) -> dict[str, Any]:
    items = sum(line.price_minor * line.quantity for line in order.lines)
    return {
        "order_id": order.order_id,
        "placed_at": _instant(order.placed_at),
        "changed_at": _instant(order.changed_at),
        "currency": order.currency,
        "payment": order.payment,
        "cancellation": order.cancellation,
        "lines": [
            {
                "line_id": line.line_id,
                "sku": line.sku,
                "external_id": line.external_id,
                "title": line.title,
                "quantity": line.quantity,
                "shipped": line.shipped,
                "price_minor": line.price_minor,
            }
            for line in order.lines
        ],
        "items_minor": items,
        "shipping_minor": order.shipping_minor,
        "buyer": order.buyer,
        "ship_to": order.ship_to,
        "parcels": [_parcel(parcel) for parcel in order.parcels],
    }


def _parcel(parcel: Parcel) -> dict[str, Any]:
    return {
        "parcel_id": parcel.parcel_id,
        "tracking": parcel.tracking,
        "carrier": parcel.carrier,
        "lines": parcel.lines,
    }


# ------------------------------------------------------------------ faults


def _broken(shop: MemoryMarketplace, kind: FaultKind, operation: str, token: str, payload: bytes) -> Answer | None:
    """Carry a fault out as `hub.loopback.server` does on a socket; None = the connection is cut or never answers."""
    if kind in (FaultKind.RESET_BEFORE, FaultKind.HANG):
        return None
    if kind in (FaultKind.APPLY_THEN_DROP, FaultKind.APPLY_THEN_HANG):
        _serve(shop, operation, token, payload)
        return None
    if kind is FaultKind.APPLY_THEN_500:
        _serve(shop, operation, token, payload)
        return Answer(status=500, body=b'{"error": "internal"}')
    if kind is FaultKind.CUT_JSON:
        whole = _serve(shop, operation, token, payload)
        return replace(whole, body=whole.body[: max(1, len(whole.body) // 2)])
    if kind is FaultKind.WRONG_CHARSET:
        whole = _serve(shop, operation, token, payload)
        return replace(whole, body=whole.body.decode().encode("utf-16"))
    if kind is FaultKind.BIG_BODY:
        return Answer(status=200, body=b"x" + b" " * (5 * 1024 * 1024))
    if kind is FaultKind.HTML_200:
        return Answer(status=200, body=b"<html><body>Welcome to the captive portal</body></html>")
    if kind is FaultKind.AUTH_EXPIRED:
        with shop.lock:
            shop.tokens.pop(token, None)
    status, headers = {
        FaultKind.THROTTLE: (429, {"retry-after": "2"}),
        FaultKind.THROTTLE_NO_HINT: (429, {}),
        FaultKind.AUTH_EXPIRED: (401, {}),
        FaultKind.FORBIDDEN: (403, {}),
        FaultKind.BAD_REQUEST: (400, {}),
        FaultKind.NOT_FOUND: (404, {}),
        FaultKind.CONFLICT: (409, {}),
        FaultKind.BAD_GATEWAY: (502, {}),
        FaultKind.UNAVAILABLE: (503, {}),
        FaultKind.REDIRECT_AWAY: (302, {"location": "http://192.0.2.1/elsewhere"}),
    }.get(kind, (500, {}))
    return Answer(status=status, body=json.dumps({"error": kind.value}).encode(), headers=headers)
