"""Orders 2026-01-01 and v0 confirmShipment on the simulated wire (contracts README 2.4, 2.5)."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.kernel.clock import parse_instant
from hub.kernel.money import Money
from hub.loopback.faults import FaultKind, FaultPlan
from hub.simulators.amazon_orders import DAY_MS, SHIP_PLUS, Item, Order, Orders, Package, Version
from hub.simulators.amazon_wire import (
    answer,
    bad_input,
    chosen,
    instant,
    iso,
    json_body,
    listed,
    not_found,
    number,
    seal,
    to_ms,
    unseal,
)

ORDER_DATA = frozenset({
    "BUYER", "RECIPIENT", "PROCEEDS", "EXPENSE", "PROMOTION", "CANCELLATION", "FULFILLMENT", "PACKAGES", "TAX",
    "PAYMENT", "FULFILLMENT_ORDERS",
})  # fmt: skip
STATUSES = frozenset({
    "PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED", "UNFULFILLABLE",
})  # fmt: skip
BEFORE_MARGIN_MS = 120_000  # a Before must be at least two minutes in the past
TOKEN_LIFE_MS = DAY_MS
_REFERENCE = re.compile(r"0*[1-9][0-9]*", re.ASCII)


class OrdersApi:
    """Answers searchOrders, getOrder and confirmShipment from the orders. `plan` is asked for page faults."""

    def __init__(self, orders: Orders, plan: FaultPlan, rng: random.Random) -> None:
        self.orders = orders
        self.terms = orders.terms
        self.plan = plan
        self.random = rng

    # ---------------------------------------------------------------- reading

    def search(self, request: Request, now: int) -> Response:
        token = request.args.get("paginationToken")
        query = self._resumed(token, now) if token else self._query(request, now)
        horizon, size = query["horizon"], query["size"]
        read = self.orders.changed if query["by"] == "lastUpdated" else self.orders.placed
        after, seen = query["from"] or (query["after"], "")
        rows = self._wanted(read(after, query["before"], horizon), query, (after, seen))
        page = list(islice(rows, size + 1))
        body: dict[str, Any] = {
            "orders": [self.order(order, version, query["data"]) for _, order, version in page[:size]]
        }
        self._page_fault(body["orders"])
        if len(page) > size:
            last_time, last_order, _ = page[size - 1]
            body["pagination"] = {"nextToken": seal({**query, "from": [last_time, last_order.order_id]})}
        until = iso(horizon if query["before"] is None else min(query["before"], horizon))
        body["lastUpdatedBefore" if query["by"] == "lastUpdated" else "createdBefore"] = until
        return answer(body)

    def _query(self, request: Request, now: int) -> dict[str, Any]:
        created, updated = instant(request, "createdAfter"), instant(request, "lastUpdatedAfter")
        if (created is None) == (updated is None):
            raise bad_input("Exactly one of 'createdAfter' and 'lastUpdatedAfter' must be provided.")
        by, other = ("lastUpdated", "created") if created is None else ("created", "lastUpdated")
        after = instant(request, f"{by}After")
        before = instant(request, f"{by}Before")
        if request.args.get(f"{other}Before"):
            raise bad_input(f"'{other}Before' must not be provided together with '{by}After'.")
        if before is not None and after is not None and before < after:
            raise bad_input(f"'{by}Before' must be equal to or after '{by}After'.")
        if before is not None and before > now - BEFORE_MARGIN_MS:
            raise bad_input(f"'{by}Before' must be at least two minutes before the time of the request.")
        stores = listed(request, "marketplaceIds")
        if len(stores) > 50:
            raise bad_input("'marketplaceIds' can hold at most 50 values.")
        fulfilled_by = chosen(request, "fulfilledBy", frozenset({"MERCHANT", "AMAZON"}))
        return {
            "by": by,
            "after": after,
            "before": before,
            "size": number(request, "maxResultsPerPage", default=100, low=1, high=100),
            "statuses": chosen(request, "fulfillmentStatuses", STATUSES),
            "none": (stores and self.terms.store.id not in stores) or fulfilled_by == ["AMAZON"],
            "data": chosen(request, "includedData", ORDER_DATA),
            "horizon": now - self.terms.order_lag_ms,
            "issued": now,
            "from": None,
        }

    def _resumed(self, token: str, now: int) -> dict[str, Any]:
        """The search a token belongs to, as it was at its first page: the token carries it whole and wins over other
        parameters of the request (as NextToken does in v0)."""
        query = unseal(token, "paginationToken")
        if "horizon" not in query:
            raise bad_input("Parameter 'paginationToken' is not a valid token.")
        if now > query["issued"] + TOKEN_LIFE_MS:
            raise bad_input("Parameter 'paginationToken' has expired.")
        return query

    def _wanted(
        self, rows: Iterable[tuple[int, Order, Version]], query: Mapping[str, Any], start: tuple[int, str]
    ) -> Iterable[tuple[int, Order, Version]]:
        if query["none"]:
            return
        statuses = frozenset(query["statuses"])
        for time, order, version in rows:
            # `start` names the last row of the page before; on a first page its order id is empty.
            if start[1] and (time, order.order_id) <= start:
                continue
            if not statuses or order.status(version) in statuses:
                yield time, order, version

    def _page_fault(self, page: list[dict[str, Any]]) -> None:
        drawn = self.plan.draw("searchOrders", page=True)
        if drawn is None:
            return
        if drawn[0] is FaultKind.DUPLICATE_PAGE:
            page.extend(list(page))
        else:
            self.random.shuffle(page)

    def get(self, request: Request, order_id: str, now: int) -> Response:
        included = chosen(request, "includedData", ORDER_DATA)
        order = self.orders.orders.get(order_id)
        version = order.visible(now - self.terms.order_lag_ms) if order else None
        if order is None or version is None:
            raise not_found(f"Order {order_id} not found.")
        return answer({"order": self.order(order, version, included)})

    # ---------------------------------------------------------------- one order

    def order(self, order: Order, version: Version, included: Collection[str]) -> dict[str, Any]:
        """The order with the data sets asked for; a pending one has neither price nor people (README 2.4).
        `extra["withheld"]` names data sets that the application has no role for: they stay away."""
        store = self.terms.store
        data = set(included).difference(self.terms.extra.get("withheld", ()))
        status = order.status(version)
        known = version.paid
        out: dict[str, Any] = {
            "orderId": order.order_id,
            "createdTime": iso(order.created),
            "lastUpdatedTime": iso(version.shown),
            "programs": list(order.programs),
            "salesChannel": {"channelName": "AMAZON", "marketplaceId": store.id, "marketplaceName": store.name},
        }
        if "BUYER" in data and known:
            out["buyer"] = dict(order.buyer)
        if "RECIPIENT" in data and known:
            out["recipient"] = {"deliveryAddress": dict(order.address)}
        if "PROCEEDS" in data and known:
            out["proceeds"] = {"grandTotal": self._money(order.total().minor), "breakdowns": self._split(order.items)}
        if "FULFILLMENT" in data:
            out["fulfillment"] = self._fulfillment(order, status)
        if "PAYMENT" in data and known:
            out["payment"] = {
                "paymentExecutions": [{"paymentMethod": "STANDARD", "paymentAmount": self._money(order.total().minor)}]
            }
        if "TAX" in data:
            out["tax"] = {"taxRegistrations": []}
        if "PACKAGES" in data:
            out["packages"] = [_package(package) for package in version.packages.values()]
        if "FULFILLMENT_ORDERS" in data:
            out["fulfillmentOrders"] = []  # EasyShip only
        out["orderItems"] = [self._item(order, item, version, data) for item in order.items]
        return out

    def _fulfillment(self, order: Order, status: str) -> dict[str, Any]:
        out: dict[str, Any] = {
            "fulfillmentStatus": status,
            "fulfilledBy": "MERCHANT",
            "fulfillmentServiceLevel": order.service,
        }
        if status != "PENDING":
            out["shipByWindow"] = _window(order.created, 0, 2)
            out["deliverByWindow"] = _window(order.created, 3, 6)
        return out

    def _item(self, order: Order, item: Item, version: Version, data: Collection[str]) -> dict[str, Any]:
        known = version.paid
        product: dict[str, Any] = {
            "asin": item.asin,
            "title": item.title,
            "sellerSku": item.sku,
            "condition": {"conditionType": "NEW", "conditionSubtype": "NEW"},
        }
        if known:
            product["price"] = {"unitPrice": self._money(item.unit_minor)}
        out: dict[str, Any] = {"orderItemId": item.item_id, "quantityOrdered": item.ordered, "product": product}
        if "PROCEEDS" in data and known:
            breakdowns = self._split([item])
            total = item.unit_minor * item.ordered + item.shipping_minor + item.tax_minor
            out["proceeds"] = {"proceedsTotal": self._money(total), "breakdowns": breakdowns}
        if "PROMOTION" in data:
            out["promotion"] = {"breakdowns": []}
        if "FULFILLMENT" in data:
            out["fulfillment"] = {
                "quantityFulfilled": version.shipped(item.item_id),
                "quantityUnfulfilled": order.open(item, version),
            }
        if "CANCELLATION" in data:
            cancellation = _cancellation(item, version)
            if cancellation:
                out["cancellation"] = cancellation
        return out

    def _split(self, items: Iterable[Item]) -> list[dict[str, Any]]:
        items = list(items)
        parts = {
            "ITEM": sum(item.unit_minor * item.ordered for item in items),
            "SHIPPING": sum(item.shipping_minor for item in items),
            "TAX": sum(item.tax_minor for item in items),
        }
        return [{"type": kind, "subtotal": self._money(minor)} for kind, minor in parts.items()]

    def _money(self, minor: int) -> dict[str, str]:
        currency = self.terms.store.currency
        return {"amount": Money(minor=minor, currency=currency).text(), "currencyCode": currency}

    # ---------------------------------------------------------------- shipping

    def confirm(self, request: Request, order_id: str, now: int) -> Response:
        """confirmShipment v0: 204; the same packageReferenceId again edits that package (README 2.5)."""
        body = json_body(request)
        order = self.orders.orders.get(order_id)
        if order is None:
            raise not_found(f"Order {order_id} not found.")
        if body.get("marketplaceId") != self.terms.store.id:
            raise bad_input("'marketplaceId' is not the marketplace of the order.")
        if body.get("codCollectionMethod", "DirectPayment") != "DirectPayment":
            raise bad_input("'codCollectionMethod' must be 'DirectPayment'.")
        detail = body.get("packageDetail")
        if not isinstance(detail, dict):
            raise bad_input("'packageDetail' is required.")
        if SHIP_PLUS in order.programs:
            raise bad_input("FBM Ship+ orders are confirmed by Amazon.")
        status = order.status(order.now)
        if status in ("PENDING", "CANCELLED"):
            raise bad_input(f"Order {order_id} cannot be confirmed: its status is {status}.")
        reference = _text(detail, "packageReferenceId")
        if not _REFERENCE.fullmatch(reference):
            raise bad_input("'packageReferenceId' must be a positive numeric value.", reference)
        held = order.now.packages.get(reference)
        carrier_code = _text(detail, "carrierCode")
        package = Package(
            ref=reference,
            created=held.created if held else now,
            shipped=_date(detail, "shipDate"),
            carrier=_text(detail, "carrierName") if carrier_code == "Other" else carrier_code,
            carrier_code=carrier_code,
            method=str(detail.get("shippingMethod") or ""),
            tracking=_text(detail, "trackingNumber"),
            items=self._units(order, detail.get("orderItems"), held),
        )
        if package != held:
            self.orders.change(order, now, packages={**order.now.packages, reference: package})
        return Response(status=204)

    def _units(self, order: Order, rows: Any, held: Package | None) -> dict[str, int]:
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise bad_input("'orderItems' needs at least one item.")
        units: dict[str, int] = {}
        for row in rows:
            item = order.item(_text(row, "orderItemId"))
            if item is None:
                raise bad_input(f"Order {order.order_id} has no item {row['orderItemId']}.")
            count = row.get("quantity")
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise bad_input("'quantity' must be an integer of 1 or more.")
            units[item.item_id] = units.get(item.item_id, 0) + count
            room = order.open(item, order.now) + (held.items.get(item.item_id, 0) if held else 0)
            if units[item.item_id] > room:
                raise bad_input(
                    f"The quantity {units[item.item_id]} of item {item.item_id} is more than what is left to ship.",
                    f"left: {room}",
                )
        return units


def _window(created: int, first_day: int, last_day: int) -> dict[str, str]:
    return {
        "earliestDateTime": iso(created + first_day * DAY_MS),
        "latestDateTime": iso(created + last_day * DAY_MS),
    }


def _cancellation(item: Item, version: Version) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if version.requested:
        out["cancellationRequest"] = {"requester": "BUYER", "cancelReason": version.requested}
    gone = version.cancelled.get(item.item_id)
    if gone:
        out["cancellationExecution"] = {"cancelledBy": gone.by, "cancelReason": gone.reason}
    return out


def _package(package: Package) -> dict[str, Any]:
    out = {
        "packageReferenceId": package.ref,
        "createdTime": iso(package.created),
        "packageStatus": {"status": "SHIPPED"},
        "carrier": package.carrier,
        "shipTime": iso(package.shipped),
        "shippingService": package.method,
        "trackingNumber": package.tracking,
        "packageItems": [{"orderItemId": item_id, "quantity": count} for item_id, count in package.items.items()],
    }
    return {key: value for key, value in out.items() if value}


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise bad_input(f"'{name}' is required and must be a string.")
    return value


def _date(row: Mapping[str, Any], name: str) -> int:
    try:
        return to_ms(parse_instant(_text(row, name)))
    except ValueError as error:
        raise bad_input(f"'{name}' is not an ISO 8601 date-time.", str(row.get(name))) from error
