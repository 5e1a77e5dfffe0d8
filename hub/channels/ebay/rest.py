"""The REST operations of eBay by their OpenAPI names: paths, queries and bodies, nothing decided.

Specifications: sell_inventory_v1, sell_fulfillment_v1, sell_account_v1, commerce_identity_v1 and, for cancellations,
the community-written cancellation document (contracts README 0) with field names from eBay's Post-Order reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.channels.contract import AdapterBug, Missing, OutcomeUnknown
from hub.channels.ebay.client import Client, escaped
from hub.channels.ebay.faults import REST_MISSING
from hub.channels.wire import Response

INVENTORY = "/sell/inventory/v1"
FULFILLMENT = "/sell/fulfillment/v1"
ACCOUNT = "/sell/account/v1"
POST_ORDER = "/post-order/v2"
OFFERS_PAGE = 100


def body_of(response: Response) -> dict[str, Any]:
    """The answer as a JSON object; an empty body (204, or a 200 without content) is an empty object.

    Raises:
        AdapterBug | OutcomeUnknown: it is something else (reading, writing).
    """
    if not response.body.strip():
        return {}
    answer = response.json()
    if isinstance(answer, dict):
        return answer
    kind = OutcomeUnknown if response.writing else AdapterBug
    raise kind("eBay's answer could not be read.", detail=f"HTTP {response.status}: a JSON {type(answer).__name__}")


def _reraise_unless_named(error: Missing) -> None:
    """«Not there» counts only if eBay says so by its own number: a proxy's 404 must not make listings vanish."""
    if error.code not in REST_MISSING:
        raise error


def rows_of(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list field; absent, null or stray entries count as none."""
    rows = answer.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


# ---------------------------------------------------------------- inventory


def get_offers(client: Client, sku: str) -> list[dict[str, Any]]:
    """This SKU's fixed-price offers on the account's marketplace: at most one (README 3.4), none if unknown."""
    query = {"sku": sku, "marketplace_id": client.config.marketplace_id, "format": "FIXED_PRICE"}
    try:
        response = client.rest("getOffers", "GET", f"{INVENTORY}/offer", writing=False, query=query)
    except Missing as error:
        _reraise_unless_named(error)
        return []
    here = client.config.marketplace_id
    return [
        offer
        for offer in rows_of(body_of(response), "offers")
        if offer.get("marketplaceId", here) == here and offer.get("format", "FIXED_PRICE") == "FIXED_PRICE"
    ]


def bulk_get_inventory_item(client: Client, skus: Sequence[str]) -> list[dict[str, Any]]:
    """One row per SKU: statusCode, sku, inventoryItem. At most 25 SKUs, none twice."""
    body = {"requests": [{"sku": sku} for sku in skus]}
    path = f"{INVENTORY}/bulk_get_inventory_item"
    try:
        response = client.rest("bulkGetInventoryItem", "POST", path, writing=False, body=body)
    except Missing as error:
        # When none of the SKUs is known eBay may refuse the whole call.
        _reraise_unless_named(error)
        return []
    return rows_of(body_of(response), "responses")


def bulk_update_price_quantity(client: Client, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per offer or SKU: statusCode, sku, offerId, errors. At most 25 requests."""
    response = client.rest(
        "bulkUpdatePriceQuantity",
        "POST",
        f"{INVENTORY}/bulk_update_price_quantity",
        writing=True,
        body={"requests": list(requests)},
    )
    return rows_of(body_of(response), "responses")


def put_inventory_item(client: Client, sku: str, item: Mapping[str, Any]) -> None:
    path = f"{INVENTORY}/inventory_item/{escaped(sku)}"
    body_of(client.rest("createOrReplaceInventoryItem", "PUT", path, writing=True, body=item))


def get_item_group(client: Client, key: str) -> dict[str, Any] | None:
    path = f"{INVENTORY}/inventory_item_group/{escaped(key)}"
    try:
        return body_of(client.rest("getInventoryItemGroup", "GET", path, writing=False))
    except Missing as error:
        _reraise_unless_named(error)
        return None


def put_item_group(client: Client, key: str, group: Mapping[str, Any]) -> None:
    path = f"{INVENTORY}/inventory_item_group/{escaped(key)}"
    body_of(client.rest("createOrReplaceInventoryItemGroup", "PUT", path, writing=True, body=group))


def create_offer(client: Client, offer: Mapping[str, Any]) -> str:
    """The new offer's id."""
    response = client.rest("createOffer", "POST", f"{INVENTORY}/offer", writing=True, body=offer)
    return _needed(body_of(response), "offerId", "createOffer")


def update_offer(client: Client, offer_id: str, offer: Mapping[str, Any]) -> None:
    path = f"{INVENTORY}/offer/{escaped(offer_id)}"
    body_of(client.rest("updateOffer", "PUT", path, writing=True, body=offer))


def publish_offer(client: Client, offer_id: str) -> str:
    """The listing id (ItemID)."""
    path = f"{INVENTORY}/offer/{escaped(offer_id)}/publish"
    return _needed(body_of(client.rest("publishOffer", "POST", path, writing=True)), "listingId", "publishOffer")


def publish_group(client: Client, key: str) -> str:
    """The listing id (ItemID) of the multi-variation listing."""
    operation = "publishOfferByInventoryItemGroup"
    response = client.rest(
        operation,
        "POST",
        f"{INVENTORY}/offer/publish_by_inventory_item_group",
        writing=True,
        body={"inventoryItemGroupKey": key, "marketplaceId": client.config.marketplace_id},
    )
    return _needed(body_of(response), "listingId", operation)


def withdraw_offer(client: Client, offer_id: str) -> None:
    path = f"{INVENTORY}/offer/{escaped(offer_id)}/withdraw"
    body_of(client.rest("withdrawOffer", "POST", path, writing=True))


def delete_offer(client: Client, offer_id: str) -> None:
    path = f"{INVENTORY}/offer/{escaped(offer_id)}"
    body_of(client.rest("deleteOffer", "DELETE", path, writing=True))


def withdraw_group(client: Client, key: str) -> None:
    response = client.rest(
        "withdrawOfferByInventoryItemGroup",
        "POST",
        f"{INVENTORY}/offer/withdraw_by_inventory_item_group",
        writing=True,
        body={"inventoryItemGroupKey": key, "marketplaceId": client.config.marketplace_id},
    )
    body_of(response)


# ---------------------------------------------------------------- orders


def get_orders(client: Client, *, changed: str, limit: int, offset: int) -> dict[str, Any]:
    """One page. `changed` is «[from..to]» with millisecond instants."""
    response = client.rest(
        "getOrders",
        "GET",
        f"{FULFILLMENT}/order",
        writing=False,
        query={"filter": f"lastmodifieddate:{changed}", "limit": str(limit), "offset": str(offset)},
    )
    return body_of(response)


def ping_orders(client: Client) -> None:
    """The cheapest question about orders: are we let in?"""
    client.rest("getOrders", "GET", f"{FULFILLMENT}/order", writing=False, query={"limit": "1"})


def get_order(client: Client, order_id: str) -> dict[str, Any]:
    path = f"{FULFILLMENT}/order/{escaped(order_id)}"
    return body_of(client.rest("getOrder", "GET", path, writing=False))


def get_shipping_fulfillments(client: Client, order_id: str) -> list[dict[str, Any]]:
    path = f"{FULFILLMENT}/order/{escaped(order_id)}/shipping_fulfillment"
    return rows_of(body_of(client.rest("getShippingFulfillments", "GET", path, writing=False)), "fulfillments")


def create_shipping_fulfillment(client: Client, order_id: str, parcel: Mapping[str, Any]) -> str:
    """The fulfilment's id: the last part of the Location header (README 3.6); empty if eBay sent none."""
    path = f"{FULFILLMENT}/order/{escaped(order_id)}/shipping_fulfillment"
    response = client.rest("createShippingFulfillment", "POST", path, writing=True, body=parcel)
    if response.status != 201:
        raise OutcomeUnknown(
            "eBay did not confirm the shipment.", detail=f"createShippingFulfillment: HTTP {response.status}, not 201"
        )
    return response.headers.get("location", "").rstrip("/").rpartition("/")[2]


# ---------------------------------------------------------------- cancellations (Post-Order, «IAF» instead of «Bearer»)


def create_cancellation(client: Client, request: Mapping[str, Any]) -> str:
    """The cancellation's id; empty if eBay names none."""
    response = client.rest(
        "createCancellation",
        "POST",
        f"{POST_ORDER}/cancellation",
        writing=True,
        body=request,
        scheme="IAF",
        signed=True,
    )
    return str(body_of(response).get("cancelId") or "")


def approve_cancellation(client: Client, cancel_id: str) -> None:
    path = f"{POST_ORDER}/cancellation/{escaped(cancel_id)}/approve"
    body_of(client.rest("approveCancellationRequest", "POST", path, writing=True, scheme="IAF", signed=True))


def reject_cancellation(client: Client, cancel_id: str) -> None:
    # Both fields are optional, but eBay wants at least the braces.
    path = f"{POST_ORDER}/cancellation/{escaped(cancel_id)}/reject"
    body_of(client.rest("rejectCancellationRequest", "POST", path, writing=True, body={}, scheme="IAF"))


# ---------------------------------------------------------------- who am I


def get_user(client: Client) -> dict[str, Any]:
    return body_of(client.rest("getUser", "GET", "/commerce/identity/v1/user/", writing=False, host="apiz"))


def get_policy(client: Client, operation: str, kind: str, policy_id: str) -> bool:
    """Is there such a business policy? `kind` is the path's own name for it."""
    path = f"{ACCOUNT}/{kind}/{escaped(policy_id)}"
    return client.rest(operation, "GET", path, writing=False, accept=(400, 404)).status == 200


def _needed(answer: Mapping[str, Any], name: str, operation: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise OutcomeUnknown("eBay did not confirm what was sent.", detail=f"{operation}: no {name} in the answer")
    return value
