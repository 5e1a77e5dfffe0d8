"""Shopify's product CSV: a row per variant, then a row per further picture. The headings mean to the import what they mean
here (importing/profiles.py), which the tests hold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from hub.pim.exporting import text
from hub.pim.exporting.goods import Goods, GoodsVariant

_STATES = {"approved": "active", "draft": "draft", "in_review": "draft", "archived": "archived"}
HEADER = (
    "Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published",
    "Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value", "Option3 Name", "Option3 Value",
    "Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Inventory Policy",
    "Variant Fulfillment Service", "Variant Price", "Variant Requires Shipping", "Variant Taxable", "Variant Barcode",
    "Image Src", "Image Position", "Variant Image", "Variant Weight Unit", "Cost per item", "Status",
)  # fmt: skip


def rows(one: Goods) -> Iterator[list[str]]:
    """The rows of a product."""
    axes = one.axes[:3]
    for number, (variant, picture) in enumerate(zip_longest(one.variants, one.row["images"]), 1):
        cells = {"Handle": one.handle}
        if number == 1:
            cells |= {
                "Title": one.row["title"], "Body (HTML)": one.row["description"], "Vendor": one.row["brand"],
                "Type": one.row["category"], "Tags": ", ".join(one.row["tags"]),
                "Published": "true" if one.row["state"] == "approved" else "false",
                "Status": _STATES[one.row["state"]],
            }  # fmt: skip
        if variant is not None:
            cells |= _variant(variant, axes, first=number == 1)
        if picture is not None:
            cells |= {"Image Src": picture, "Image Position": str(number)}
        yield [text.guarded(cells.get(heading, "")) for heading in HEADER]


def _variant(variant: GoodsVariant, axes: tuple[str, ...], *, first: bool) -> dict[str, str]:
    row, cost = variant.row, variant.cost
    cells = {
        "Variant SKU": variant.sku, "Variant Grams": str(row["weight_g"] or 0), "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": str(sum(variant.stock.values())), "Variant Inventory Policy": "deny",
        "Variant Fulfillment Service": "manual", "Variant Price": variant.price.text(),
        "Variant Requires Shipping": "true", "Variant Taxable": "true", "Variant Barcode": row["gtin"] or "",
        "Variant Image": row["image"] or "", "Variant Weight Unit": "g", "Cost per item": "" if cost is None else cost.text(),
    }  # fmt: skip
    if not axes:
        return cells | {"Option1 Value": "Default Title"} | ({"Option1 Name": "Title"} if first else {})
    for n, axis in enumerate(axes, 1):
        cells[f"Option{n} Value"] = row["options"].get(axis, "")
        if first:
            cells[f"Option{n} Name"] = axis
    return cells
