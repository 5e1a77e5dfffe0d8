"""Orders 2026-01-01 on the simulated wire: searchOrders and getOrder (contracts README 2.4)."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.loopback.faults import FaultKind, FaultPlan
from hub.simulators.amazon_orders import DAY_MS, Item, Order, Orders, Package, Version
from hub.simulators.amazon_wire import (
    amount,
    answer,
    bad_input,
    chosen,
    instant,
    iso,
    listed,
    not_found,
    number,
    seal,
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
TEXTS_KEPT = 4_000


class OrdersApi:
    """Answers searchOrders and getOrder from the orders. `plan` is asked for page faults."""

    def __init__(self, orders: Orders, plan: FaultPlan, rng: random.Random) -> None:
        self.orders = orders
        self.terms = orders.terms
        self.plan = plan
        self.random = rng
        self._texts: dict[tuple[str, int, str], str] = {}

    # ---------------------------------------------------------------- reading

    def search(self, request: Request, now: int) -> Response:
        token = request.args.get("paginationToken")
        query = self._resumed(token, now) if token else self._query(request, now)
        horizon, size = query["horizon"], query["size"]
        read = self.orders.changed if query["by"] == "lastUpdated" else self.orders.placed
        after, seen = query["from"] or (query["after"], "")
        rows = self._wanted(read(after, query["before"], horizon), query, (after, seen))
        page = list(islice(rows, size + 1))
        orders = [self._text(order, version, query["data"]) for _, order, version in page[:size]]
        self._page_fault(orders)
        body: dict[str, Any] = {}
        if len(page) > size:
            last_time, last_order, _ = page[size - 1]
            body["pagination"] = {"nextToken": seal({**query, "from": [last_time, last_order.order_id]})}
        until = iso(horizon if query["before"] is None else min(query["before"], horizon))
        body["lastUpdatedBefore" if query["by"] == "lastUpdated" else "createdBefore"] = until
        whole = f'{{"orders": [{", ".join(orders)}], {json.dumps(body)[1:]}'
        return Response(whole, mimetype="application/json")

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

    def _text(self, order: Order, version: Version, included: list[str]) -> str:
        """The order as JSON, kept: polls overlap, and a page of a hundred orders takes a while to spell out."""
        key = (order.order_id, version.shown, ",".join(sorted(included)))
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) >= TEXTS_KEPT:
                self._texts.clear()
            text = self._texts[key] = json.dumps(self.order(order, version, included), ensure_ascii=False)
        return text

    def forget(self) -> None:
        """The orders were replaced: nothing spelled out before holds any longer."""
        self._texts.clear()

    def _page_fault(self, page: list[str]) -> None:
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
        goods = shipping = tax = 0
        for item in items:
            goods += item.unit_minor * item.ordered
            shipping += item.shipping_minor
            tax += item.tax_minor
        parts = (("ITEM", goods), ("SHIPPING", shipping), ("TAX", tax))
        return [{"type": kind, "subtotal": self._money(minor)} for kind, minor in parts]

    def _money(self, minor: int) -> dict[str, str]:
        currency = self.terms.store.currency
        return {"amount": amount(minor, currency), "currencyCode": currency}


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
