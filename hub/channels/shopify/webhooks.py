"""Webhooks: is it Shopify's, and which orders shall the hub look at (contracts README 4.7)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence

from hub.channels.contract.errors import InvalidData
from hub.channels.contract.records import Hint
from hub.channels.shopify.orders import ORDER_GID


def signature(secret: str, body: bytes) -> str:
    """base64(HMAC-SHA256(client secret, raw body))."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def verify(headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], shop: str) -> Hint:
    """The hint of a delivery signed with one of `secrets` (after a rotation the old one still signs for an hour).

    Raises:
        InvalidData: the signature does not fit, or it is another shop's delivery.
    """
    given = {name.lower(): value for name, value in headers.items()}
    sent = given.get("x-shopify-hmac-sha256", "").strip().encode()
    # Every secret is tried, however early one fits, and compared in constant time.
    fits = [hmac.compare_digest(signature(secret, body).encode(), sent) for secret in secrets if secret]
    if not any(fits):
        raise InvalidData("This is not signed by Shopify.", code="SIGNATURE")
    domain = given.get("x-shopify-shop-domain", "")
    if domain and shop and _domain(domain) != _domain(shop):
        raise InvalidData("This is another shop's notice.", code="SHOP")
    topic = given.get("x-shopify-topic", "")
    event_id = given.get("x-shopify-event-id") or given.get("x-shopify-webhook-id") or hashlib.sha256(body).hexdigest()
    return Hint(event_id=event_id, topic=topic, order_ids=_orders(topic, body))


def _domain(shop: str) -> str:
    """`shop.myshopify.com` and `shop` are the same shop."""
    return shop.strip().lower().removeprefix("https://").rstrip("/").removesuffix(".myshopify.com")


def _orders(topic: str, body: bytes) -> tuple[str, ...]:
    """Orders named by the payload (REST-shaped JSON): by gid or number, or through their order_id."""
    try:
        data = json.loads(body)
    except ValueError:
        return ()
    if not isinstance(data, dict):
        return ()
    if topic.startswith("orders/"):
        found = data.get("admin_graphql_api_id") or data.get("id")
    else:
        found = data.get("order_id")
    if isinstance(found, str) and found.startswith(ORDER_GID):
        return (found,)
    if isinstance(found, int) or (isinstance(found, str) and found.isdigit()):
        return (f"{ORDER_GID}{found}",)
    return ()
