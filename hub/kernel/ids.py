"""Typed ids and the only maker of new ones."""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from typing import NewType

AccountId = NewType("AccountId", int)
VariantId = NewType("VariantId", int)
ProductId = NewType("ProductId", int)
LocationId = NewType("LocationId", int)
ListingId = NewType("ListingId", int)
OrderId = NewType("OrderId", int)
OrderLineId = NewType("OrderLineId", int)
ShipmentId = NewType("ShipmentId", int)
WorkId = NewType("WorkId", int)

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_public_id(prefix: str) -> str:
    """An unguessable id for the outside: `ord_…`, `shp_…` (100 random bits)."""
    return prefix + "_" + "".join(secrets.choice(_ALPHABET) for _ in range(20))


def new_token() -> str:
    """A random idempotency token."""
    return uuid.uuid4().hex


def named_uuid(*parts: object) -> str:
    """A UUID that is the same for the same parts: idempotency keys that survive a crash."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "entrepot:" + ":".join(str(p) for p in parts)))


def digest(value: object) -> str:
    """A short stable fingerprint (32 hex digits) of anything JSON can carry."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
