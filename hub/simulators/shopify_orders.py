"""Orders over GraphQL, as they are read: the orders() search with its lagging index, and every field of an order."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from datetime import timedelta
from typing import Any

from hub.kernel.money import Money
from hub.loopback.faults import FaultKind
from hub.simulators.shopify_query import (
    Connection,
    Key,
    Search,
    Term,
    by_id,
    compare,
    compare_number,
    decode_cursor,
    encode_cursor,
    page_size,
    paginate,
    text_matches,
)
from hub.simulators.shopify_records import FulfillmentOrder, Line, Order, gid, number_of
from hub.simulators.shopify_schema import Fields
from hub.simulators.shopify_shop import bad_request, call_of, table_finder
from hub.simulators.shopify_state import CURRENCY, Call, stamp

TAX_PERCENT = 19  # prices include it
_FIELDS = frozenset(
    {
        "id", "name", "updated_at", "created_at", "processed_at", "financial_status", "fulfillment_status", "status",
        "sku", "email", "tag", "confirmation_number", "customer_id", "test",
    }
)  # fmt: skip
_TASK_FIELDS = frozenset({"id", "status", "updated_at", "assigned_location_id"})
_SORT_KEYS = ("UPDATED_AT", "CREATED_AT", "PROCESSED_AT", "ID", "ORDER_NUMBER", "RELEVANCE")
READABLE_DAYS = 60


def bag(minor: int) -> dict[str, Any]:
    """A MoneyBag: shop and presentment money are the same currency here."""
    money = {"amount": Money(minor=minor, currency=CURRENCY).text(), "currencyCode": CURRENCY}
    return {"shopMoney": money, "presentmentMoney": money}


def tax_in(minor: int) -> int:
    """The tax inside a gross amount, rounded half up to a cent."""
    return (minor * TAX_PERCENT * 2 + 100 + TAX_PERCENT) // (2 * (100 + TAX_PERCENT))


def tax_lines(minor: int) -> list[dict[str, Any]]:
    rate = TAX_PERCENT / 100
    return [{"title": "MwSt", "rate": rate, "ratePercentage": float(TAX_PERCENT), "priceSet": bag(tax_in(minor))}]


# ---------------------------------------------------------------- states


def fulfillment_status(order: Order) -> str:
    """displayFulfillmentStatus."""
    shipped = sum(line.fulfilled for line in order.lines)
    left = sum(line.unfulfilled for line in order.lines)
    if shipped and not left:
        return "FULFILLED"
    if shipped:
        return "PARTIALLY_FULFILLED"
    waiting = [task for task in order.fulfillment_orders if any(row.remaining for row in task.lines)]
    if waiting and all(task.status == "ON_HOLD" for task in waiting):
        return "ON_HOLD"
    return "UNFULFILLED"


def is_closed(order: Order) -> bool:
    return order.cancelled_at is not None or (
        order.financial == "PAID" and not any(line.unfulfilled for line in order.lines)
    )


def _test(call: Call, term: Term, order: Order) -> bool:
    match term.field:
        case "updated_at":
            return compare(call.shop.indexed[order.id], term.op, term.value)
        case "created_at" | "processed_at":
            return compare(order.created_at, term.op, term.value)
        case "id":
            return compare_number(order.id, term)
        case "name":
            return text_matches(order.name.lstrip("#"), term.value.lstrip("#"))
        case "financial_status":
            return any(text_matches(order.financial, wanted) for wanted in term.value.split(","))
        case "fulfillment_status":
            names = {"unshipped": "UNFULFILLED", "shipped": "FULFILLED", "partial": "PARTIALLY_FULFILLED"}
            wanted = names.get(term.value.casefold(), term.value)
            return text_matches(fulfillment_status(order), wanted)
        case "status":
            return _status_matches(order, term.value.casefold())
        case "sku":
            return any(text_matches(line.sku, term.value) for line in order.lines)
        case "email":
            return text_matches(order.email, term.value)
        case "tag":
            return any(text_matches(tag, term.value) for tag in order.tags)
        case "confirmation_number":
            return text_matches(order.confirmation, term.value)
        case "customer_id":
            return compare_number(order.customer_id, term)
        case "test":
            return term.value != "true"
        case _:
            words = f"{order.name} {order.email} {order.first_name} {order.last_name}".casefold()
            return term.value.casefold() in words


def _status_matches(order: Order, wanted: str) -> bool:
    match wanted:
        case "any":
            return True
        case "open":
            return not is_closed(order)
        case "closed":
            return is_closed(order) and order.cancelled_at is None
        case "cancelled":
            return order.cancelled_at is not None
        case "not_closed":
            return not is_closed(order) or order.cancelled_at is not None
        case _:
            return False


# ---------------------------------------------------------------- the orders() page


def _orders(root: Any, info: Any, **args: Any) -> Connection[Order]:
    call = call_of(info)
    if args.get("sortKey") not in _SORT_KEYS:
        raise bad_request(f"The simulated shop sorts orders by {', '.join(_SORT_KEYS)} only, not by {args['sortKey']}")
    call.shop.catch_up_index(call.at)
    search = Search(args.get("query"), _FIELDS, lambda term, order: _test(call, term, order))
    by_update = args.get("sortKey") == "UPDATED_AT"
    keys = call.shop.by_updated if by_update else call.shop.by_created
    reverse = bool(args.get("reverse"))
    size, from_end = page_size(args, call)
    start, end = 0, len(keys)
    bound = search.lower_bound("updated_at" if by_update else "created_at")
    if bound is not None:
        start = bisect_left(keys, (bound, 0))
    oldest = _oldest(call)
    after, before = args.get("after"), args.get("before")
    if reverse:
        after, before = before, after
    if after:
        start = max(start, bisect_right(keys, decode_cursor(after)))
    if before:
        end = min(end, bisect_left(keys, decode_cursor(before)))
    backwards = from_end is not reverse
    places = range(end - 1, start - 1, -1) if backwards else range(start, end)
    found: list[Key] = []
    more = False
    for place in places:
        order = call.shop.orders[keys[place][1]]
        if order.created_at >= oldest and search.matches(order):
            more = len(found) == size
            if more:
                break
            found.append(keys[place])
    if from_end:
        found.reverse()
    return _garbled(call, _page_of(call, found, more=more, from_end=from_end, args=args))


def _page_of(call: Call, keys: list[Key], *, more: bool, from_end: bool, args: dict[str, Any]) -> Connection[Order]:
    places = {number: (value, number) for value, number in keys}
    return Connection(
        [call.shop.orders[number] for _, number in keys],
        lambda order: encode_cursor(places[order.id]),
        has_next=bool(args.get("before")) if from_end else more,
        has_previous=more if from_end else bool(args.get("after")),
    )


def _garbled(call: Call, page: Connection[Order]) -> Connection[Order]:
    match call.page_fault():
        case FaultKind.DUPLICATE_PAGE:
            page.nodes = [order for order in page.nodes for _ in (1, 2)]
        case FaultKind.SHUFFLE_PAGE:
            page.nodes = random.Random(len(page.nodes)).sample(page.nodes, k=len(page.nodes))[::-1]
        case _:
            pass
    return page


def _oldest(call: Call) -> str:
    """From when on orders can be read: 60 days back, without `read_all_orders` (contracts README 4.1)."""
    return "" if "read_all_orders" in call.scopes else stamp(call.at - timedelta(days=READABLE_DAYS))


def order_by_id(call: Call, text: str) -> Order | None:
    found = call.shop.orders.get(number_of("Order", text) or 0)
    return found if found is not None and found.created_at >= _oldest(call) else None


def _tasks(order: Order, info: Any, **args: Any) -> Any:
    """The fulfilment orders of an order, filtered as «status:open» would."""

    def test(term: Term, task: FulfillmentOrder) -> bool:
        match term.field:
            case "status":
                return text_matches(task.status, term.value)
            case "updated_at":
                return compare(task.updated_at, term.op, term.value)
            case "assigned_location_id":
                return compare_number(task.location_id, term)
            case _:
                return compare_number(task.id, term)

    search = Search(args.get("query"), _TASK_FIELDS, test)
    return paginate([task for task in order.fulfillment_orders if search.matches(task)], args, call_of(info), by_id)


# ---------------------------------------------------------------- fields of an order


def _address(order: Order, info: Any) -> dict[str, Any]:
    data = order.address
    lines = [data["address1"], data["address2"], f"{data['zip']} {data['city']}".strip(), data["country"]]
    first, _, last = data["name"].rpartition(" ")
    blank = {name: value or None for name, value in data.items()}
    return {
        **blank,
        "__typename": "MailingAddress",
        "id": f"gid://shopify/MailingAddress/{order.id}?model_name=Address",
        "firstName": first or None,
        "lastName": last or None,
        "countryCodeV2": data["countryCode"],
        "formatted": [line for line in lines if line],
        "formattedArea": ", ".join(part for part in (data["city"], data["country"]) if part),
    }


def _customer(order: Order, info: Any) -> dict[str, Any]:
    return {
        "__typename": "Customer",
        "id": gid("Customer", order.customer_id),
        "legacyResourceId": str(order.customer_id),
        "firstName": order.first_name or None,
        "lastName": order.last_name,
        "displayName": f"{order.first_name} {order.last_name}".strip(),
        "email": order.email,
        "defaultEmailAddress": {"emailAddress": order.email},
        "phone": order.phone,
        "defaultPhoneNumber": {"phoneNumber": order.phone} if order.phone else None,
        "locale": "de",
        "note": None,
        "tags": [],
        "createdAt": order.created_at,
    }


def _shipping_line(order: Order, info: Any) -> dict[str, Any]:
    price = bag(order.shipping_minor)
    return {
        "id": gid("ShippingLine", order.id), "title": order.shipping_title, "code": order.shipping_title,
        "carrierIdentifier": None, "custom": False, "deliveryCategory": None, "isRemoved": False, "phone": None,
        "source": "shopify", "originalPriceSet": price, "discountedPriceSet": price,
        "currentDiscountedPriceSet": price, "taxLines": tax_lines(order.shipping_minor) if order.shipping_minor else [],
    }  # fmt: skip


def _items_minor(order: Order) -> int:
    return sum(line.unit_minor * line.quantity for line in order.lines)


def _current_items_minor(order: Order) -> int:
    return sum(line.unit_minor * line.current for line in order.lines)


def _outstanding(order: Order) -> int:
    if order.financial == "VOIDED":
        return 0
    return order.current_minor - (order.received_minor - order.refunded_minor)


def _owner(part: Any, info: Any) -> Order:
    return call_of(info).shop.orders[part.order_id]


def _line(part: Any, info: Any) -> Line:
    return _owner(part, info).line(part.line_id)


def _fulfillable(order: Order, info: Any) -> bool:
    return any(task.status in ("OPEN", "IN_PROGRESS") for task in order.fulfillment_orders)


def _line_page(order: Order, info: Any, **args: Any) -> Any:
    return paginate(order.lines, args, call_of(info), by_id)


table_finder("Order", "orders")

FIELDS: Fields = {
    "QueryRoot.orders": _orders,
    "QueryRoot.order": lambda root, info, **args: order_by_id(call_of(info), args["id"]),
    "QueryRoot.orderByIdentifier": lambda root, info, identifier: order_by_id(
        call_of(info), identifier.get("id") or ""
    ),
    "Order.billingAddress": _address,
    "Order.shippingAddress": _address,
    "Order.displayAddress": _address,
    "Order.billingAddressMatchesShippingAddress": lambda order, info: True,
    "Order.canMarkAsPaid": lambda order, info: order.financial == "PENDING",
    "Order.canNotifyCustomer": lambda order, info: True,
    "Order.cancellation": lambda order, info: {"staffNote": order.staff_note} if order.cancelled_at else None,
    "Order.capturable": lambda order, info: False,
    "Order.closed": lambda order, info: is_closed(order),
    "Order.closedAt": lambda order, info: order.updated_at if is_closed(order) else None,
    "Order.confirmationNumber": lambda order, info: order.confirmation,
    "Order.confirmed": lambda order, info: True,
    "Order.currencyCode": lambda order, info: CURRENCY,
    "Order.presentmentCurrencyCode": lambda order, info: CURRENCY,
    "Order.currentCartDiscountAmountSet": lambda order, info: bag(0),
    "Order.currentShippingPriceSet": lambda order, info: bag(order.current_minor - _current_items_minor(order)),
    "Order.currentSubtotalLineItemsQuantity": lambda order, info: sum(line.current for line in order.lines),
    "Order.currentSubtotalPriceSet": lambda order, info: bag(_current_items_minor(order)),
    "Order.currentTaxLines": lambda order, info: tax_lines(order.current_minor),
    "Order.currentTotalDiscountsSet": lambda order, info: bag(0),
    "Order.currentTotalPriceSet": lambda order, info: bag(order.current_minor),
    "Order.currentTotalTaxSet": lambda order, info: bag(tax_in(order.current_minor)),
    "Order.customAttributes": lambda order, info: [],
    "Order.customer": _customer,
    "Order.customerLocale": lambda order, info: "de",
    "Order.discountCode": lambda order, info: None,
    "Order.discountCodes": lambda order, info: [],
    "Order.displayFinancialStatus": lambda order, info: order.financial,
    "Order.displayFulfillmentStatus": lambda order, info: fulfillment_status(order),
    "Order.estimatedTaxes": lambda order, info: False,
    "Order.fulfillable": _fulfillable,
    "Order.fulfillmentOrders": _tasks,
    "Order.fulfillments": lambda order, info, **args: order.fulfillments[: args.get("first")],
    "Order.fulfillmentsCount": lambda order, info: {"count": len(order.fulfillments), "precision": "EXACT"},
    "Order.fullyPaid": lambda order, info: order.financial == "PAID",
    "Order.lineItems": _line_page,
    "Order.netPaymentSet": lambda order, info: bag(order.received_minor - order.refunded_minor),
    "Order.originalTotalPriceSet": lambda order, info: bag(order.original_minor),
    "Order.paymentGatewayNames": lambda order, info: ["bogus"],
    "Order.poNumber": lambda order, info: None,
    "Order.processedAt": lambda order, info: order.created_at,
    "Order.refundable": lambda order, info: order.financial == "PAID",
    "Order.requiresShipping": lambda order, info: any(line.requires_shipping for line in order.lines),
    "Order.restockable": lambda order, info: any(line.unfulfilled for line in order.lines),
    "Order.returnStatus": lambda order, info: "NO_RETURN",
    "Order.shippingLine": _shipping_line,
    "Order.shippingLines": lambda order, info, **args: paginate(
        [_shipping_line(order, info)], args, call_of(info), lambda row: ("", 1)
    ),
    "Order.sourceName": lambda order, info: "web",
    "Order.subtotalLineItemsQuantity": lambda order, info: sum(line.quantity for line in order.lines),
    "Order.subtotalPriceSet": lambda order, info: bag(_items_minor(order)),
    "Order.taxLines": lambda order, info: tax_lines(order.total_minor),
    "Order.taxesIncluded": lambda order, info: True,
    "Order.test": lambda order, info: False,
    "Order.totalDiscountsSet": lambda order, info: bag(0),
    "Order.totalOutstandingSet": lambda order, info: bag(_outstanding(order)),
    "Order.totalPriceSet": lambda order, info: bag(order.total_minor),
    "Order.totalReceivedSet": lambda order, info: bag(order.received_minor),
    "Order.totalRefundedSet": lambda order, info: bag(order.refunded_minor),
    "Order.totalShippingPriceSet": lambda order, info: bag(order.shipping_minor),
    "Order.totalTaxSet": lambda order, info: bag(tax_in(order.total_minor)),
    "Order.totalTipReceivedSet": lambda order, info: bag(0),
    "Order.unpaid": lambda order, info: order.received_minor == 0,
    "LineItem.currentQuantity": lambda line, info: line.current,
    "LineItem.customAttributes": lambda line, info: [],
    "LineItem.discountedTotalSet": lambda line, info, **args: bag(line.unit_minor * line.quantity),
    "LineItem.discountedUnitPriceSet": lambda line, info: bag(line.unit_minor),
    "LineItem.fulfillableQuantity": lambda line, info: line.unfulfilled,
    "LineItem.isGiftCard": lambda line, info: False,
    "LineItem.name": lambda line, info: f"{line.title} - {line.variant_title}" if line.variant_title else line.title,
    "LineItem.nonFulfillableQuantity": lambda line, info: line.quantity - line.unfulfilled,
    "LineItem.originalTotalSet": lambda line, info: bag(line.unit_minor * line.quantity),
    "LineItem.originalUnitPriceSet": lambda line, info: bag(line.unit_minor),
    "LineItem.product": lambda line, info: call_of(info).shop.products.get(line.product_id),
    "LineItem.variant": lambda line, info: call_of(info).shop.variants.get(line.variant_id),
    "LineItem.refundableQuantity": lambda line, info: line.current,
    "LineItem.restockable": lambda line, info: line.unfulfilled > 0,
    "LineItem.sku": lambda line, info: line.sku or None,
    "LineItem.taxLines": lambda line, info, **args: tax_lines(line.unit_minor * line.quantity),
    "LineItem.taxable": lambda line, info: True,
    "LineItem.totalDiscountSet": lambda line, info: bag(0),
    "LineItem.unfulfilledQuantity": lambda line, info: line.unfulfilled,
    "LineItem.unfulfilledDiscountedTotalSet": lambda line, info: bag(line.unit_minor * line.unfulfilled),
    "FulfillmentLineItem.lineItem": _line,
    "FulfillmentLineItem.discountedTotalSet": lambda row, info: bag(_line(row, info).unit_minor * row.quantity),
    "FulfillmentLineItem.originalTotalSet": lambda row, info: bag(_line(row, info).unit_minor * row.quantity),
    "FulfillmentOrderLineItem.lineItem": _line,
    "FulfillmentOrder.order": _owner,
    "Fulfillment.order": _owner,
}
