"""WooCommerce's product CSV: a row per product, and one per variation that names its parent by SKU. Read back by
importing/woocommerce.py, whose source is the schema in WooCommerce's wiki.

WooCommerce's own export puts an apostrophe before what a spreadsheet would calculate, and its import takes it away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hub.pim.exporting import text
from hub.pim.exporting.foreign import alone, base_text, categories, commas, fitted, scaled
from hub.pim.exporting.goods import Goods, GoodsVariant

HEADER = (
    "Type", "SKU", "GTIN, UPC, EAN, or ISBN", "Name", "Published", "Short description", "Description", "Stock",
    "Weight (kg)", "Length (cm)", "Width (cm)", "Height (cm)", "Sale price", "Regular price", "Cost of goods",
    "Categories", "Tags", "Images", "Parent", "Brands",
)  # fmt: skip
_COLUMN_OF_ITS_OWN = frozenset({"title", "description", "short_description"})


def further(found: Iterable[Goods]) -> set[str]:
    """The headings of as many attributes as the product with the most of them has."""
    most = max((len(_attributes(one)) for one in found), default=0)
    return {f"Attribute {n} {part}" for n in range(1, most + 1) for part in ("name", "value(s)")}


def header(extras: Iterable[str]) -> tuple[str, ...]:
    """The first row."""
    return (*HEADER, *sorted(extras, key=lambda heading: (int(heading.split()[1]), heading)))


def rows(one: Goods, columns: Sequence[str]) -> Iterator[list[str]]:
    """The rows of a product; one without a variant is a parent without variations."""
    single = alone(one)
    if single is not None:
        found = [{"Type": "simple"} | _product(one) | _variant(single)]
    else:
        found = [{"Type": "variable", "SKU": one.handle} | _product(one)]
        found += [_variation(one, variant) for variant in one.variants]
    for cells in found:
        yield [text.guarded(cell) for cell in fitted(cells, columns)]


def _product(one: Goods) -> dict[str, str]:
    row = one.row
    cells = {
        "Name": row["title"], "Published": "1" if row["state"] == "approved" else "-1", "Brands": row["brand"],
        "Short description": base_text(one, "short_description"), "Description": row["description"],
        "Categories": commas(categories(one)), "Tags": commas(row["tags"]), "Images": commas(row["images"]),
    }  # fmt: skip
    return cells | _numbered(_attributes(one))


def _variation(one: Goods, variant: GoodsVariant) -> dict[str, str]:
    options = variant.row["options"]
    said = {axis: commas([options[axis]]) for axis in one.axes if options.get(axis)}
    cells = {"Type": "variation", "Parent": one.handle, "Name": one.row["title"], "Images": variant.row["image"] or ""}
    return cells | _variant(variant) | _numbered(said)


def _variant(variant: GoodsVariant) -> dict[str, str]:
    row, cost = variant.row, variant.cost
    sale = variant.values.get("sale_price", {}).get("")
    cells = {
        "SKU": variant.sku, "GTIN, UPC, EAN, or ISBN": row["gtin"] or "", "Regular price": variant.price.text(),
        "Stock": str(sum(variant.stock.values())), "Cost of goods": "" if cost is None else cost.text(),
        "Sale price": sale if isinstance(sale, str) else "",
    }  # fmt: skip
    if row["weight_g"]:
        cells["Weight (kg)"] = scaled(row["weight_g"], 3)
    for side in ("length", "width", "height"):
        if row[f"{side}_mm"]:
            cells[f"{side.capitalize()} (cm)"] = scaled(row[f"{side}_mm"], 1)
    return cells


def _numbered(said: Mapping[str, str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for n, (name, value) in enumerate(said.items(), 1):
        out |= {f"Attribute {n} name": name, f"Attribute {n} value(s)": value}
    return out


def _attributes(one: Goods) -> dict[str, str]:
    """The options with all their values, then the attributes that a cell of this layout can say."""
    out: dict[str, str] = {}
    if alone(one) is None:
        for axis in one.axes:
            out[axis] = commas(
                dict.fromkeys(v.row["options"][axis] for v in one.variants if v.row["options"].get(axis))
            )
    has_more = len(categories(one)) > 1
    for code, by_scope in one.values.items():
        if code in _COLUMN_OF_ITS_OWN or code in out or (code == "categories" and has_more):
            continue
        said = _said(by_scope.get(""), one.kinds.get(code, ""))
        if said:
            out[code] = said
    return out


def _said(stored: Any, kind: str) -> str:
    """The cell of a value; "" where it would not come back as it is: several lines, or several texts that are no
    choices."""
    if isinstance(stored, list):
        if kind != "multi_choice" and len(stored) > 1:
            return ""
        parts = stored
    else:
        parts = [] if stored is None else [text.value(stored) if not isinstance(stored, str) else stored]
    return commas(parts) if all(part == " ".join(part.split()) for part in parts) else ""
