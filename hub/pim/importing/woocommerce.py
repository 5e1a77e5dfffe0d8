"""The product CSV of WooCommerce: a row per product and one per variation, which names its parent by «id:123» or SKU.

Source: «Product CSV Import Schema» in the wiki of woocommerce/woocommerce.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten
from hub.pim.exporting.text import guarded
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
    json_map,
    missing,
    option_cells,
    places,
    replaced,
    slug,
    split_commas,
    turned,
)

PROFILE = Profile(name="woocommerce", names={}, needed=(), derive_sku=True, guards=True)
_ATTRIBUTE = re.compile(r"attribute ([0-9]{1,3}) (name|value\(s\)|visible|global|default)")
_MEASURE = re.compile(r"(weight|length|width|height) \(([a-z]{1,10})\)")
_GTIN = "gtin, upc, ean, or isbn"
_TYPES = frozenset({"simple", "variable", "variation", "grouped", "external", "virtual", "downloadable"})
# heading → our meaning, where the cell is taken as it stands
_PLAIN = {
    "name": "title", "description": "description", "brands": "brand", "published": "published", "sku": "sku",
    _GTIN: "gtin", "gtin": "gtin", "regular price": "price", "sale price": "variant_attribute:sale_price",
    "short description": "attribute:short_description", "tags": "tags", "stock": "quantity", "cost of goods": "cost",
}  # fmt: skip
_READ = frozenset({*_PLAIN, "id", "type", "parent", "categories", "images", "grouped products"})


class WooCommerce:
    name = "woocommerce"

    def known(self, heading: str) -> bool:
        key = heading_key(heading)
        return key in _READ or bool(_ATTRIBUTE.fullmatch(key) or _MEASURE.fullmatch(key)) or key.startswith("meta: ")

    def headings(self) -> Sequence[str]:
        return (*sorted(_READ), "weight (kg)", "length (cm)", "width (cm)", "height (cm)", "attribute 1 name",
                "attribute 1 value(s)")  # fmt: skip

    def fits(self, header: Sequence[str]) -> bool:
        return {"type", "name", "regular price"} <= {heading_key(text) for text in header}

    def open(
        self, header: Sequence[str], opening: Opening, shown: Sequence[str] = ()
    ) -> tuple[Reader | None, Columns, list[Invalid]]:
        place, titles, problems = places(header, shown)
        problems += [
            missing(self.name, name, header) for name in ("type", "name", "regular price") if name not in place
        ]
        headings = {meaning: titles[name] for name, meaning in reversed(_PLAIN.items()) if name in place}
        headings["title"] = titles.get("name", "Name")
        measures: dict[str, tuple[str, str]] = {}
        metas: dict[str, str] = {}
        for key in place:
            measure = _MEASURE.fullmatch(key)
            if measure is not None:
                measures[measure.group(1)] = (key, {"lbs": "lb"}.get(measure.group(2), measure.group(2)))
                headings[measure.group(1)] = titles[key]
            elif key.startswith("meta: ") and not key.startswith("meta: _"):
                metas[f"attribute:{key.removeprefix('meta: ')}"] = key
        headings |= {meaning: titles[key] for meaning, key in metas.items()}
        headings |= {"category": titles.get("categories", "Categories"), "images": titles.get("images", "Images"),
                     "image": titles.get("images", "Images"), "extras": "Attributes"}  # fmt: skip
        headings |= {meaning: f"Attribute {meaning[6]} {'name' if 'name' in meaning else 'value(s)'}"
                     for meaning in OPTIONS}  # fmt: skip
        ignored = [titles[key] for key in place if not self.known(key) or key.startswith("meta: _")]
        columns = columns_for(PROFILE, len(header), headings, ignored[:200])
        return (None if problems else _Reader(columns, place, measures, metas)), columns, problems


class _Reader:
    def __init__(
        self, columns: Columns, place: Mapping[str, int], measures: Mapping[str, tuple[str, str]], metas: Mapping[str, str]
    ) -> None:  # fmt: skip
        self.columns, self.width = columns, columns.width
        self._place, self._measures, self._metas = place, measures, metas
        self._attributes = sorted(
            {int(m.group(1)) for m in map(_ATTRIBUTE.fullmatch, place) if m is not None and m.group(2) == "name"}
        )

    def placed(self, row: Row) -> Placed:
        cut = Cut(self._place, row)
        kinds = [part.casefold() for part in split_commas(cut["type"])]
        if not kinds or not set(kinds) <= _TYPES:
            raise Invalid(
                f"{shorten(cut['type'], 40)!r} is no type of product", field="Type",
                fix="one of: simple, variable, variation, grouped, external",
            )  # fmt: skip
        if "variation" in kinds:
            parent = unguarded(cut["parent"])
            if not parent:
                raise Invalid("the variation names no parent", field="Parent", fix="give id:123 or the parent's SKU")
            key = " ".join(parent.split())
            return Placed(key=key, row=self._turned(cut, "variant"))
        role: Role = "product" if {"variable", "grouped"} & set(kinds) else ""
        number, sku = cut["id"], unguarded(cut["sku"])
        handle = slug(sku) or (f"product-{number}" if number.isdigit() else slug(unguarded(cut["name"])))
        if not handle:
            raise Invalid("the product has no SKU, no ID and no name", field="SKU", fix="give the SKU")
        aliases = [
            name for name in (f"id:{number}" if number else "", " ".join(sku.split())) if name and name != handle
        ]
        return Placed(key=handle, row=self._turned(cut, role), aliases=tuple(aliases))

    def _turned(self, cut: Cut, role: Role) -> Row:
        out = {meaning: cut[name] for name, meaning in reversed(_PLAIN.items()) if cut[name]}
        for side, (key, unit) in self._measures.items():
            out[side] = f"{cut[key]} {unit}" if cut[key] else ""
        out |= {meaning: cut[key] for meaning, key in self._metas.items()}
        pictures = split_commas(unguarded(cut["images"]))
        out["images"] = json_list(pictures) if role != "variant" else ""
        out["image"] = pictures[0] if pictures and role == "variant" else ""
        out["tags"] = json_list(split_commas(unguarded(cut["tags"])))
        if out.get("quantity", "").casefold() == "parent":  # the stock is counted at the parent
            out["quantity"] = ""
        extras = {}
        for n in self._attributes:
            name, value = cut[f"attribute {n} name"], cut[f"attribute {n} value(s)"]
            if name and (value or role == "variant"):
                parts = split_commas(unguarded(value))
                extras[name] = value.replace("\\,", ",") if role == "variant" else ", ".join(parts)
        paths = split_commas(unguarded(cut["categories"]))
        out["category"] = guarded(paths[0]) if paths else ""
        if role != "variant":
            if len(paths) > 1:
                extras["Categories"] = ", ".join(paths)
            if cut["grouped products"]:
                extras["Grouped products"] = cut["grouped products"]
        out["extras"] = json_map(extras)
        if role == "product":
            out["sku"] = out["price"] = out["quantity"] = ""
        return turned(self.columns, cut.row.line, role, out)

    def handle(self, key: str) -> str:
        return key

    def arrange(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Attributes of variations become options; the parent's list of their values is left out."""
        found = [_decoded(self.columns, row) for row in rows]
        axes = list(dict.fromkeys(name for row, has in zip(rows, found, strict=True) if row.role == "variant"
                                  for name in has))  # fmt: skip
        out: list[Row] = []
        for row, has in zip(rows, found, strict=True):
            if row.role == "variant":
                out.append(replaced(self.columns, row, {"extras": "", **option_cells(has, axes)}))
            else:
                kept = {unguarded(name): text for name, text in has.items() if name not in axes}
                out.append(replaced(self.columns, row, {"extras": json_map(kept)}))
        return out


def _decoded(columns: Columns, row: Row) -> dict[str, str]:
    text = cell(columns, row, "extras")
    return msgspec.json.decode(text, type=dict[str, str]) if text else {}
