"""The account's settings, read once and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.channels.amazon.manifest import MANIFEST
from hub.channels.contract import BuildContext
from hub.kernel.clock import parse_instant
from hub.kernel.errors import Misconfigured

_DEFAULTS = {field.name: field.default for field in MANIFEST.settings}


@dataclass(frozen=True, slots=True, kw_only=True)
class AmazonSettings:
    """`feed_from` counts the items of a batch; `orders_since` None = 30 days back; `timeout_s` is per request."""

    api_url: str
    auth_url: str
    seller_id: str
    marketplace_id: str
    product_type: str
    feed_from: int
    orders_since: datetime | None
    timeout_s: float

    @classmethod
    def read(cls, context: BuildContext) -> AmazonSettings:
        """
        Raises:
            Misconfigured: a setting or secret is missing or makes no sense.
        """
        given = context.settings
        for name in ("client_id", "client_secret", "refresh_token"):
            if not context.secrets.get(name):
                raise Misconfigured(f"Amazon needs the secret {name}", field=name)
        if not given.get("seller_id"):
            raise Misconfigured("Amazon needs the seller's merchant token", field="seller_id")
        since = _text(given, "orders_since")
        try:
            return cls(
                api_url=_text(given, "api_url"),
                auth_url=_text(given, "auth_url"),
                seller_id=given["seller_id"],
                marketplace_id=_text(given, "marketplace_id"),
                product_type=_text(given, "product_type"),
                feed_from=max(1, int(_text(given, "feed_from"))),
                orders_since=parse_instant(since) if since else None,
                timeout_s=max(0.1, float(_text(given, "timeout_s"))),
            )
        except ValueError as error:
            raise Misconfigured(f"a setting of this Amazon account cannot be read: {error}") from error


def _text(given: Mapping[str, str], name: str) -> str:
    return (given.get(name) or _DEFAULTS.get(name) or "").strip()
