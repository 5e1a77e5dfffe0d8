"""Amazon's inventory file (flat file): settings in the first row, labels in the second, field names in the third, then
a row per parent and per child.

Source: the Data Definitions of Amazon's inventory file templates; which fields are read is listed in docs/import.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten
from hub.pim.importing.cells import unguarded
from hub.pim.importing.layouts import Opening, Placed, Reader
from hub.pim.importing.profiles import Columns, Profile, heading_key
from hub.pim.importing.reading import Role, Row
from hub.pim.importing.translated import (
    OPTIONS,
    Cut,
    cell,
    columns_for,
    json_list,
    missing,
    option_cells,
    places,
    replaced,
    slug,
    turned,
)

PROFILE = Profile(name="amazon", names={}, needed=(), guards=True)
_PLAIN = {
    "item_name": "title", "product_description": "description", "brand_name": "brand", "feed_product_type": "category",
    "item_sku": "sku", "standard_price": "price", "quantity": "quantity", "currency": "currency",
    "manufacturer": "attribute:manufacturer", "part_number": "attribute:mpn", "item_type": "attribute:item_type",
    "recommended_browse_nodes": "attribute:browse_node", "country_of_origin": "attribute:country_of_origin",
    "condition_type": "attribute:condition",
}  # fmt: skip
_BULLETS = tuple(f"bullet_point{n}" for n in range(1, 11))
_KEYWORDS = ("generic_keywords", *(f"generic_keywords{n}" for n in range(1, 6)))
_PICTURES = ("main_image_url", *(f"other_image_url{n}" for n in range(1, 9)))
_AXIS = re.compile(r"([a-z_]{2,40})_name|(material_type|flavor|scent|wattage|number_of_items|item_package_quantity)")
_RELATION = ("parent_child", "parent_sku", "relationship_type", "variation_theme", "update_delete",
             "external_product_id", "external_product_id_type")  # fmt: skip
_MEASURES = {
    "weight": (("item_weight", "website_shipping_weight"),
               ("item_weight_unit_of_measure", "website_shipping_weight_unit_of_measure")),
    "length": (("item_length",), ("item_length_unit_of_measure", "item_dimensions_unit_of_measure")),
    "width": (("item_width",), ("item_width_unit_of_measure", "item_dimensions_unit_of_measure")),
    "height": (("item_height",), ("item_height_unit_of_measure", "item_dimensions_unit_of_measure")),
}  # fmt: skip
_UNITS = {"gr": "g", "lb": "lb", "mg": "mg", "in": "inch", "inches": "inch"}
_READ = frozenset({*_PLAIN, *_BULLETS, *_KEYWORDS, *_PICTURES, *_RELATION,
                   *(name for group in _MEASURES.values() for names in group for name in names)})  # fmt: skip


class Amazon:
    name = "amazon"

    def known(self, heading: str) -> bool:
        key = heading_key(heading)
        return key in _READ or (_AXIS.fullmatch(key) is not None)

    def headings(self) -> Sequence[str]:
        return (*sorted(_READ), "color_name", "size_name")

    def fits(self, header: Sequence[str]) -> bool:
        return {"item_sku", "item_name"} <= {heading_key(text) for text in header}

    def open(
        self, header: Sequence[str], opening: Opening, shown: Sequence[str] = ()
    ) -> tuple[Reader | None, Columns, list[Invalid]]:
        place, titles, problems = places(header, shown)
        problems += [missing(self.name, name, header) for name in ("item_sku", "item_name", "standard_price")
                     if name not in place]  # fmt: skip
        headings = {meaning: titles[name] for name, meaning in _PLAIN.items() if name in place}
        headings["title"] = titles.get("item_name", "item_name")
        for side, (values, _) in _MEASURES.items():
            there = [titles[name] for name in values if name in place]
            if there:
                headings[side] = there[0]
        headings |= {"images": "main_image_url", "image": "main_image_url", "gtin": "external_product_id"}
        if any(name in place for name in _BULLETS):
            headings["value:bullet_points"] = "bullet_point1"
        if any(name in place for name in _KEYWORDS):
            headings["value:keywords"] = "generic_keywords"
        headings |= {"attribute:asin": "external_product_id", "theme": "variation_theme"}
        axes = [key for key in place if _AXIS.fullmatch(key) and key not in _READ]
        headings |= {f"axis {key}": titles[key] for key in axes}
        headings |= dict.fromkeys(OPTIONS, "variation_theme")
        ignored = [titles[key] for key in place if not self.known(key)]
        columns = columns_for(PROFILE, len(header), headings, ignored[:200])
        return (None if problems else _Reader(columns, place, axes)), columns, problems


class _Reader:
    def __init__(self, columns: Columns, place: Mapping[str, int], axes: Sequence[str]) -> None:
        self.columns, self.width = columns, columns.width
        self._place, self._axes = place, axes

    def placed(self, row: Row) -> Placed:
        cut = Cut(self._place, row)
        if cut["update_delete"].casefold() == "delete":
            raise Invalid("a row that deletes is not carried out", field="update_delete", fix="end the product by hand")
        sku, relation = " ".join(unguarded(cut["item_sku"]).split()), cut["parent_child"].casefold()
        if not sku:
            raise Invalid("item_sku is empty", field="item_sku", fix="give the item_sku")
        if relation not in ("", "parent", "child"):
            raise Invalid(
                f"{shorten(relation, 40)!r} is neither parent nor child", field="parent_child",
                fix="write Parent or Child, or leave it empty",
            )  # fmt: skip
        parent = " ".join(unguarded(cut["parent_sku"]).split())
        if relation == "child" or (parent and relation != "parent"):
            if not parent:
                raise Invalid("the child names no parent", field="parent_sku", fix="give the parent's item_sku")
            return Placed(key=parent, row=self._turned(cut, "variant"))
        handle = slug(sku)
        role: Role = "product" if relation == "parent" else ""
        return Placed(key=handle, row=self._turned(cut, role), aliases=(sku,) if sku != handle else ())

    def _turned(self, cut: Cut, role: Role) -> Row:
        out = {meaning: cut[name] for name, meaning in _PLAIN.items()}
        for side, (values, sizes) in _MEASURES.items():
            number, unit = cut.first(*values), cut.first(*sizes).casefold()
            out[side] = f"{number} {_UNITS.get(unit, unit)}".strip() if number else ""
        pictures = [cut[name] for name in _PICTURES]
        out["images"] = json_list(pictures) if role != "variant" else ""
        out["image"] = pictures[0] if role == "variant" else ""
        out["value:bullet_points"] = json_list([unguarded(cut[name]) for name in _BULLETS])
        out["value:keywords"] = json_list([unguarded(cut[name]) for name in _KEYWORDS])
        number, sort = cut["external_product_id"], cut["external_product_id_type"].casefold()
        out["attribute:asin" if sort == "asin" else "gtin"] = number if sort != "gcid" else ""
        out["theme"] = cut["variation_theme"]
        out |= {f"axis {key}": cut[key] for key in self._axes}
        if role == "product":
            out["sku"] = out["price"] = out["quantity"] = out["gtin"] = ""
        return turned(self.columns, cut.row.line, role, out)

    def handle(self, key: str) -> str:
        return key

    def arrange(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The fields that the variation theme names become options."""
        children = [row for row in rows if row.role == "variant"]
        if not children:
            return rows
        theme = next((text for row in rows if (text := cell(self.columns, row, "theme"))), "")
        plain = theme.casefold().replace("colour", "color").replace("_name", "").replace("_", "").replace("-", "")
        found: list[tuple[int, str, str]] = []
        for key in self._axes:
            stem = key.removesuffix("_name")
            at = plain.find(stem.replace("_", ""))
            if at >= 0 and stem:
                found.append((at, stem.replace("_", " ").capitalize(), f"axis {key}"))
        axes = [name for _, name, _ in sorted(found)]
        out: list[Row] = []
        for row in rows:
            if row.role == "variant":
                options = {name: cell(self.columns, row, meaning) for _, name, meaning in found}
                out.append(replaced(self.columns, row, option_cells(options, axes)))
            else:
                out.append(row)
        return out
