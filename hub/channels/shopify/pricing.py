"""Prices: variants of one product at a time, partial success allowed (contracts README 4.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.channels.contract.errors import ChannelError
from hub.channels.contract.records import Applied, ListingRef, Outcome, PriceLevel, Problem, Refused
from hub.channels.shopify import faults, queries
from hub.channels.shopify.shop import Shop, gone

MAX_ROWS = 250
_GONE = frozenset({"PRODUCT_VARIANT_DOES_NOT_EXIST", "PRODUCT_DOES_NOT_EXIST", "MUST_BE_FOR_THIS_PRODUCT"})


def build_prices(product_id: str, rows: Sequence[tuple[str, PriceLevel]]) -> dict[str, Any]:
    """Variables of SET_PRICES for one product; `rows` pair variant id and price."""
    variants = [{"id": variant_id, "price": level.price.text()} for variant_id, level in rows]
    return {"product": product_id, "variants": variants}


def parse_prices(answer: Mapping[str, Any], skus: Sequence[str]) -> list[Outcome]:
    """One outcome per row: with allowPartialUpdates only the rows that an error names were refused."""
    outcomes: list[Outcome] = [Applied() for _ in skus]
    for error in answer["userErrors"]:
        number = faults.row_of(error, "variants")
        rows = range(len(skus)) if number is None else [number] if number < len(skus) else []
        for row in rows:
            problem = faults.problem_of(error, field="price")
            outcomes[row] = gone(skus[row]) if problem.code in _GONE else Refused(problems=(problem,))
    return outcomes


def push(shop: Shop, prices: Sequence[PriceLevel]) -> list[Outcome]:
    """One outcome per price, in order. Raises only while nothing has been applied."""
    if not prices:
        return []
    outcomes: dict[int, Outcome] = {}
    placed = shop.place([level.ref for level in prices], "product_id", "variant_id")
    products: dict[str, list[int]] = {}
    currency = shop.currency()
    for index, (level, ref) in enumerate(zip(prices, placed, strict=True)):
        if isinstance(ref, Refused):
            outcomes[index] = ref
        elif level.price.currency != currency:
            message = f"The shop sells in {currency}; this price is in {level.price.currency}."
            outcomes[index] = Refused(problems=(Problem(code="CURRENCY", message=message, field="price"),))
        else:
            products.setdefault(ref.facts["product_id"], []).append(index)
    calls = [
        (product_id, indexes[start : start + MAX_ROWS])
        for product_id, indexes in products.items()
        for start in range(0, len(indexes), MAX_ROWS)
    ]
    facts = {index: ref for index, ref in enumerate(placed) if isinstance(ref, ListingRef)}
    for call, (product_id, indexes) in enumerate(calls):
        asked = build_prices(product_id, [(facts[index].facts["variant_id"], prices[index]) for index in indexes])
        try:
            answer = shop.client.run(queries.SET_PRICES, asked)[queries.SET_PRICES.root]
        except ChannelError as error:
            if not any(isinstance(outcome, Applied) for outcome in outcomes.values()):
                raise
            for later, (_, left) in enumerate(calls[call:]):
                outcomes.update({index: faults.settle(error, sent=later == 0) for index in left})
            break
        found = parse_prices(answer, [prices[index].ref.channel_sku for index in indexes])
        outcomes.update(zip(indexes, found, strict=True))
    return [outcomes[index] for index in range(len(prices))]
