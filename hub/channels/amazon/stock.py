"""Stock twins: our levels to Amazon's patches."""

from __future__ import annotations

from typing import Any

from hub.channels.contract import ListingRef, Problem, Refused, StockLevel

#: The fulfilment channel of units that the seller ships (contracts README 2.6).
MERCHANT = "DEFAULT"


def build_stock_patch(level: StockLevel) -> dict[str, Any]:
    """The patch that sets the merchant's quantity.

    `merge` keeps handling time and restock date, which `replace` would drop (contracts README 2.6).
    """
    return {
        "op": "merge",
        "path": "/attributes/fulfillment_availability",
        "value": [{"fulfillment_channel_code": MERCHANT, "quantity": level.quantity}],
    }


def unsendable(ref: ListingRef) -> Refused | None:
    """Why this listing's stock must not be written, or None.

    Writing a merchant quantity to a listing that Amazon fulfils would turn it into one that the seller ships.
    """
    if ref.facts.get("fulfilment_channel", MERCHANT) == MERCHANT:
        return None
    return Refused(
        problems=(
            Problem(
                code="fulfilled_by_amazon",
                message="Amazon fulfils this listing: its stock is what lies in Amazon's warehouses.",
                field="quantity",
            ),
        )
    )


def product_type(ref: ListingRef, default: str) -> str:
    """The product type a patch has to name: as read back from Amazon, else the account's default."""
    return ref.facts.get("product_type") or default
