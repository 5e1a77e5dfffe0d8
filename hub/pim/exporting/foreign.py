"""What the layouts of other systems have in common: a product as one row or as a parent with its variants. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from hub.pim.exporting.goods import Goods, GoodsVariant
from hub.pim.importing.translated import slug


def alone(one: Goods) -> GoodsVariant | None:
    """The variant of a product that these layouts write in one row: it has no options, and the handle that the import
    makes of its SKU is the product's. None: the product needs a row of its own."""
    if len(one.variants) != 1 or one.axes or slug(one.variants[0].sku) != one.handle:
        return None
    return one.variants[0]


def commas(items: Iterable[str]) -> str:
    """Several texts in one cell, as translated.split_commas reads them."""
    return ", ".join(item.replace(",", "\\,") for item in items)


def base_text(one: Goods, code: str) -> str:
    """The base value of a product's attribute, where it is a text; else ""."""
    stored = one.values.get(code, {}).get("")
    return stored if isinstance(stored, str) else ""


def categories(one: Goods) -> list[str]:
    """The category first, then the further ones that an import kept in the attribute «categories»."""
    category = one.row["category"]
    listed = [path.strip() for path in base_text(one, "categories").split(",")]
    return listed if category and len(listed) > 1 and listed[0] == category else [category] if category else []


def scaled(number: int, places: int) -> str:
    """`number` divided by ten to the power of `places`, exactly and without needless zeros: 1500 g are 1.5 kg."""
    return f"{Decimal(number).scaleb(-places).normalize():f}"


def fitted(cells: dict[str, str], columns: Sequence[str]) -> list[str]:
    return [cells.get(heading, "") for heading in columns]
