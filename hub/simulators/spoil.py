"""Spoiling orders: in every JSON answer that shows a spoilt order, its amounts are no numbers any more.

A rehearsal of the one record that cannot be read: it must stop no other order of its page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Response

#: What stands where a number should be.
NO_NUMBER = "n/a"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShape:
    """How a channel writes an order: the field of its id, and the two fields of an amount."""

    order_id: str
    number: str
    currency: str


def spoiled(response: Response, shape: OrderShape, order_ids: Set[str]) -> Response:
    """The answer with the amounts of these orders broken; the very same answer where it shows none of them."""
    body = response.get_data()
    if not any(order_id.encode() in body for order_id in order_ids):
        return response
    try:
        answer = json.loads(body)
    except ValueError:
        return response  # XML and uploads show no orders
    found = [amount for order in _orders(answer, shape, order_ids) for amount in _amounts(order, shape)]
    for amount in found:
        amount[shape.number] = NO_NUMBER
    if found:
        response.set_data(json.dumps(answer, separators=(",", ":")))
    return response


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)


def _orders(answer: Any, shape: OrderShape, order_ids: Set[str]) -> Iterator[dict[str, Any]]:
    for part in _parts(answer):
        named = part.get(shape.order_id)
        if isinstance(named, str) and named in order_ids:
            yield part


def _amounts(order: dict[str, Any], shape: OrderShape) -> Iterator[dict[str, Any]]:
    return (part for part in _parts(order) if shape.number in part and shape.currency in part)
