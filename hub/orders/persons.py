"""Buyers' personal data: packed into one encrypted document per order, unpacked only where it is needed."""

from __future__ import annotations

import json
from dataclasses import asdict

from sqlalchemy.orm import Session

from hub.channels.contract.records import Address, Buyer, ChannelOrder
from hub.kernel.ids import digest
from hub.orders.models import OrderPerson


def document_of(order: ChannelOrder) -> tuple[str, str]:
    """(document, digest): the digest tells whether the person or address changed without decrypting."""
    data = {
        "ship_to": asdict(order.ship_to) if order.ship_to else None,
        "buyer": asdict(order.buyer) if order.buyer else None,
    }
    text = json.dumps(data, ensure_ascii=False, sort_keys=True)
    return text, digest(data)


def person_of(session: Session, order_id: int) -> tuple[Address | None, Buyer | None]:
    """The address and buyer of an order; (None, None) once purged or never known."""
    row = session.get(OrderPerson, order_id)
    if row is None or row.document is None:
        return None, None
    data = json.loads(row.document)
    return (
        Address(**data["ship_to"]) if data["ship_to"] else None,
        Buyer(**data["buyer"]) if data["buyer"] else None,
    )
