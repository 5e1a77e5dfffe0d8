"""Price twins: our prices to Amazon's purchasable offers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hub.channels.amazon.marketplaces import marketplace
from hub.channels.contract import PriceLevel, Problem, Refused
from hub.kernel.money import Money

#: The audience of ordinary buyers (listings model, `Audience`).
EVERYBODY = "ALL"


def build_offer(price: Money, marketplace_id: str) -> dict[str, Any]:
    """One purchasable offer. Its selectors are marketplace, currency and audience (contracts README 2.6)."""
    return {
        "marketplace_id": marketplace_id,
        "currency": price.currency,
        "audience": EVERYBODY,
        "our_price": [{"schedule": [{"value_with_tax": _number(price)}]}],
    }


def build_price_patch(level: PriceLevel, marketplace_id: str) -> dict[str, Any]:
    """The patch that sets the price of one offer.

    Amazon documents `merge` for quantities only (amzn/selling-partner-api-models issue 5235), so this is a `replace` of the offer with the same selectors: a sale
    price or a price rule that the seller set by hand in this offer goes with it. Business offers (another audience) stay.
    """
    return {
        "op": "replace",
        "path": "/attributes/purchasable_offer",
        "value": [build_offer(level.price, marketplace_id)],
    }


def unsendable(level: PriceLevel, marketplace_id: str) -> Refused | None:
    """Why this price must not be sent, or None."""
    if level.price.minor <= 0:
        return _refuse("price_not_positive", f"A price must be above zero, not {level.price}.")
    currency = marketplace(marketplace_id).currency
    if currency and currency != level.price.currency:
        return _refuse("wrong_currency", f"This store sells in {currency}, not in {level.price.currency}.")
    return None


def _refuse(code: str, message: str) -> Refused:
    return Refused(problems=(Problem(code=code, message=message, field="price"),))


def _number(price: Money) -> int | float:
    # Amazon wants a JSON number. A double holds every amount of up to 15 digits exactly as it is written.
    amount = Decimal(price.text())
    return int(amount) if amount == amount.to_integral_value() else float(amount)
