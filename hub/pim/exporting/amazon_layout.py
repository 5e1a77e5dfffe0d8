"""The fields of Amazon's inventory file: a row per parent and per child. Read back by importing/amazon.py.

The settings and labels above the field names belong to the template of a category, which only Amazon has: the rows are
put into it below its own three.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from hub.pim.exporting import text
from hub.pim.exporting.foreign import alone, base_text, fitted
from hub.pim.exporting.goods import Goods, GoodsVariant

_BULLETS = tuple(f"bullet_point{n}" for n in range(1, 11))
_KEYWORDS = ("generic_keywords", *(f"generic_keywords{n}" for n in range(1, 6)))
_PICTURES = ("main_image_url", *(f"other_image_url{n}" for n in range(1, 9)))
_TEXTS = {
    "manufacturer": "manufacturer", "part_number": "mpn", "item_type": "item_type",
    "recommended_browse_nodes": "browse_node", "country_of_origin": "country_of_origin", "condition_type": "condition",
}  # fmt: skip
_SIDES = ("length", "width", "height")
HEADER = (
    "feed_product_type", "item_sku", "brand_name", "external_product_id", "external_product_id_type", "item_name",
    "standard_price", "currency", "quantity", *_PICTURES, "parent_child", "parent_sku", "relationship_type",
    "variation_theme", "product_description", *_BULLETS, *_KEYWORDS, "item_weight", "item_weight_unit_of_measure",
    *(f"item_{side}{part}" for side in _SIDES for part in ("", "_unit_of_measure")), *_TEXTS,
)  # fmt: skip
_WORDS = {"colour": "color"}
_TAKEN = frozenset({"item", "brand"})  # item_name and brand_name are no options
_SPARE = ("style", "pattern", "edition")
_STEM = re.compile(r"[a-z_]{2,40}")
_NUMBERS = {8: "EAN", 12: "UPC", 13: "EAN", 14: "GTIN"}


def further(found: Iterable[Goods]) -> set[str]:
    """The fields of the options."""
    return {field for one in found for field in _fields(one).values()}


def header(extras: Iterable[str]) -> tuple[str, ...]:
    """The row of field names."""
    return (*HEADER, *sorted(extras))


def rows(one: Goods, columns: Sequence[str]) -> Iterator[list[str]]:
    """The rows of a product; one without a variant is a parent without children."""
    single, fields = alone(one), _fields(one)
    if single is not None:
        found = [_product(one) | _variant(single)]
    else:
        family = {"variation_theme": "-".join(fields.values())}
        found = [_product(one) | family | {"item_sku": one.handle, "parent_child": "Parent"}]
        for variant in one.variants:
            cells = {"item_name": one.row["title"], "brand_name": one.row["brand"], "parent_child": "Child"}
            cells |= {"feed_product_type": one.row["category"], "main_image_url": variant.row["image"] or ""}
            cells |= {"parent_sku": one.handle, "relationship_type": "Variation"} | family
            cells |= {field: variant.row["options"].get(axis, "") for axis, field in fields.items()}
            found.append(cells | _variant(variant))
    for cells in found:
        yield [text.guarded(cell) for cell in fitted(cells, columns)]


def _fields(one: Goods) -> dict[str, str]:
    """Option → field, such as color_name. Amazon has no free ones: a name that is none becomes one of the spare."""
    out: dict[str, str] = {}
    spare = iter(_SPARE)
    for axis in one.axes[:3]:
        stem = "_".join(axis.casefold().split())
        stem = _WORDS.get(stem, stem)
        while not _STEM.fullmatch(stem) or stem in _TAKEN or f"{stem}_name" in out.values():
            stem = next(spare)
        out[axis] = f"{stem}_name"
    return out


def _product(one: Goods) -> dict[str, str]:
    row = one.row
    cells = {
        "feed_product_type": row["category"], "item_name": row["title"], "brand_name": row["brand"],
        "product_description": row["description"], **dict(zip(_PICTURES, row["images"], strict=False)),
    }  # fmt: skip
    for fields, code in ((_BULLETS, "bullet_points"), (_KEYWORDS, "keywords")):
        cells |= dict(zip(fields, one.values.get(code, {}).get("", ()), strict=False))
    cells |= {field: base_text(one, code) for field, code in _TEXTS.items()}
    asin = base_text(one, "asin")
    return cells | ({"external_product_id": asin, "external_product_id_type": "ASIN"} if asin else {})


def _variant(variant: GoodsVariant) -> dict[str, str]:
    row = variant.row
    cells = {
        "item_sku": variant.sku, "standard_price": variant.price.text(), "currency": row["currency"],
        "quantity": str(sum(variant.stock.values())),
    }  # fmt: skip
    if row["gtin"]:
        cells |= {"external_product_id": row["gtin"], "external_product_id_type": _NUMBERS[len(row["gtin"])]}
    if row["weight_g"]:
        cells |= {"item_weight": str(row["weight_g"]), "item_weight_unit_of_measure": "GR"}
    for side in _SIDES:
        if row[f"{side}_mm"]:
            cells |= {f"item_{side}": str(row[f"{side}_mm"]), f"item_{side}_unit_of_measure": "MM"}
    return cells
