"""The hub's own fields of products and variants, as completeness, filters, bulk edits and mappings name them. Pure.

Beside these every attribute is a field under its code. «title» and «description» are both: a column for the base
content, and values for other locales and channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["product", "variant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnField:
    """`kind`: how it is typed and edited. `multiple`: a list of such values."""

    code: str
    label: str
    level: Level
    kind: Literal["text", "html", "choice", "money", "weight", "length", "gtin", "address", "whole", "yes_no"]
    multiple: bool = False
    translated: bool = False


OWN_FIELDS = {
    field.code: field
    for field in (
        OwnField(code="handle", label="Handle", level="product", kind="text"),
        OwnField(code="title", label="Title", level="product", kind="text", translated=True),
        OwnField(code="description", label="Description", level="product", kind="html", translated=True),
        OwnField(code="brand", label="Brand", level="product", kind="text"),
        OwnField(code="category", label="Type", level="product", kind="text"),
        OwnField(code="tags", label="Tags", level="product", kind="text", multiple=True),
        OwnField(code="images", label="Pictures", level="product", kind="address", multiple=True),
        OwnField(code="family", label="Family", level="product", kind="choice"),
        OwnField(code="state", label="State", level="product", kind="choice"),
        OwnField(code="stock_class", label="Stock class", level="product", kind="choice"),
        OwnField(code="sku", label="SKU", level="variant", kind="text"),
        OwnField(code="gtin", label="GTIN", level="variant", kind="gtin"),
        OwnField(code="price", label="Price", level="variant", kind="money"),
        OwnField(code="cost", label="Cost", level="variant", kind="money"),
        OwnField(code="weight_g", label="Weight", level="variant", kind="weight"),
        OwnField(code="length_mm", label="Length", level="variant", kind="length"),
        OwnField(code="width_mm", label="Width", level="variant", kind="length"),
        OwnField(code="height_mm", label="Height", level="variant", kind="length"),
        OwnField(code="image", label="Variant picture", level="variant", kind="address"),
        OwnField(code="is_kit", label="Kit", level="variant", kind="yes_no"),
    )
}

PRODUCT_STATES = ("draft", "in_review", "approved", "archived")
STOCK_CLASSES = ("finished", "raw", "in_progress", "mro")
"""Only «finished» can be listed."""
STOCK_CLASS_WORDS = {
    "finished": "finished goods",
    "raw": "raw material",
    "in_progress": "work in progress",
    "mro": "supplies (MRO)",
}
