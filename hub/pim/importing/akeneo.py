"""Akeneo's product CSV, alone or together with its product models: «attribute-locale-channel» columns.

Source: «Product data structure» and «Product model data structure» in akeneo/pim-docs (import_and_export_data/formats).
The base content of the hub is the file's first language and first channel, if nothing else is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.kernel.errors import Invalid
from hub.pim.attributes.codes import code_of
from hub.pim.exporting.text import guarded, is_list
from hub.pim.importing.cells import unguarded
from hub.pim.importing.layouts import Opening, Placed, Reader
from hub.pim.importing.profiles import Columns, Profile, Wanted, heading_key
from hub.pim.importing.reading import Role, Row
from hub.pim.importing.translated import (
    OPTIONS,
    Cut,
    cell,
    columns_for,
    json_map,
    missing,
    option_cells,
    places,
    replaced,
    slug,
    split_commas,
    turned,
)

PROFILE = Profile(name="akeneo", names={}, needed=(), guards=True)
_LOCALE = re.compile(r"[a-z]{2,3}(_[a-z0-9]{2,8})?_[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_RELATIONS = ("-groups", "-products", "-product_models")
_UNREAD = frozenset({"uuid", "family_variant", "groups"})
_OWN = frozenset({"sku", "identifier", "code", "family", "parent", "categories", "enabled"})
_FACTS = {  # base of a heading → our meaning, and whose fact it is
    "name": "title", "title": "title", "label": "title", "description": "description", "brand": "brand",
    "ean": "gtin", "gtin": "gtin", "upc": "gtin", "barcode": "gtin", "price": "price", "cost": "cost",
    "weight": "weight", "length": "length", "width": "width", "height": "height",
}  # fmt: skip
_OF_VARIANT = ("gtin", "price", "cost", "weight", "length", "width", "height")
_LANGUAGE_FACTS = ("title", "description")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One heading: `base-locale-channel`, `base-currency` or `base-unit`."""

    key: str
    base: str
    locale: str = ""
    channel: str = ""
    currency: str = ""


def _column(heading: str) -> _Column:
    parts = heading.strip().replace("\ufeff", "").split("-")
    base, rest = parts[0], parts[1:]
    locale = currency = ""
    if rest and _LOCALE.fullmatch(rest[0]):
        locale, rest = rest[0], rest[1:]
    if rest and _CURRENCY.fullmatch(rest[-1]):
        currency, rest = rest[-1], rest[:-1]
    return _Column(
        key=heading_key(heading), base=base, locale=locale, channel="-".join(rest).casefold(), currency=currency
    )


class Akeneo:
    name = "akeneo"

    def known(self, heading: str) -> bool:
        key = heading_key(heading)
        return bool(key) and key not in _UNREAD and not key.endswith(_RELATIONS)

    def headings(self) -> Sequence[str]:
        return (*sorted(_OWN), *_FACTS)

    def fits(self, header: Sequence[str]) -> bool:
        keys = {heading_key(text) for text in header}
        return ("family" in keys and "enabled" in keys and bool({"sku", "identifier"} & keys)) or (
            {"code", "family_variant"} <= keys
        )

    def open(
        self, header: Sequence[str], opening: Opening, shown: Sequence[str] = ()
    ) -> tuple[Reader | None, Columns, list[Invalid]]:
        place, titles, problems = places(header, shown)
        if not {"sku", "identifier", "code"} & place.keys():
            problems.append(missing(self.name, "sku", header))
        found = [_column(text) for text in header if self.known(text) and heading_key(text) not in _OWN]
        units = {c.key.removesuffix("-unit") for c in found if c.channel == "unit"}
        found = [c for c in found if c.channel != "unit"]
        base_locale = opening.base_locale.replace("-", "_") or next((c.locale for c in found if c.locale), "")
        base_channel = next((c.channel for c in found if c.channel), "")
        taken: dict[str, _Column] = {}
        scoped: dict[str, tuple[_Column, str]] = {}  # meaning without level → column, code
        wanted: dict[str, Wanted] = {}
        locales: list[str] = []
        ignored = [titles[key] for key in place if not self.known(key)]
        for column in found:
            locale = "" if column.locale == base_locale else _locale(column.locale, opening.locales)
            channel = "" if column.channel == base_channel else column.channel
            scope = f"{locale}@{channel}" if channel else locale
            meaning = _FACTS.get(column.base.casefold(), "")
            if meaning in ("price", "cost") and column.currency not in ("", opening.currency):
                ignored.append(titles[column.key])
                continue
            if meaning and not scope and meaning not in taken:
                taken[meaning] = column
                continue
            code = meaning if meaning in _LANGUAGE_FACTS and scope else code_of(
                f"{column.base} {column.currency}" if column.currency else column.base
            )  # fmt: skip
            if f"{code}:{scope}" in scoped or (not scope and code in _LANGUAGE_FACTS):
                ignored.append(titles[column.key])
                continue
            scoped[f"{code}:{scope}" if scope else code] = (column, code)
            if locale and locale not in locales:
                locales.append(locale)
            old = wanted.get(code)
            wanted[code] = Wanted(
                code=code, label=column.base, localisable=bool(column.locale) or (old is not None and old.localisable),
                per_channel=bool(column.channel) or (old is not None and old.per_channel),
            )  # fmt: skip
        headings = {meaning: titles[column.key] for meaning, column in taken.items()}
        headings["title"] = headings.get("title", "name")
        headings |= {f"value:{rest}": titles[column.key] for rest, (column, _) in scoped.items()}
        headings |= {f"variant:{rest}": titles[column.key] for rest, (column, _) in scoped.items()}
        headings |= {name: titles[name] for name in ("family",) if name in place}
        headings |= {"category": "categories", "published": "enabled", "sku": "sku", "price": headings.get("price", "price"),
                     "extras": "categories", "code": "code", "parent": "parent"}  # fmt: skip
        headings |= dict.fromkeys(OPTIONS, "family_variant")
        columns = columns_for(
            PROFILE, len(header), headings, ignored[:200], wanted=tuple(wanted.values()), locales=locales, families=True
        )
        reader = _Reader(
            columns, place, {meaning: column.key for meaning, column in taken.items()},
            {rest: column.key for rest, (column, _) in scoped.items()}, units, opening.axes,
        )  # fmt: skip
        return (None if problems else reader), columns, problems


def _locale(locale: str, known: object) -> str:
    """Akeneo's en_US is the hub's «en-US» if the hub has that, else «en»."""
    name = locale.replace("_", "-")
    return name if name in known else name.partition("-")[0]  # type: ignore[operator]  # a collection of codes


def _option(text: str) -> str:
    """The value of an attribute as a text: without the apostrophe that says that it is no list."""
    return text[1:] if text.startswith("'") and is_list(text.lstrip("'")) else text


class _Reader:
    def __init__(
        self, columns: Columns, place: Mapping[str, int], taken: Mapping[str, str], scoped: Mapping[str, str],
        units: set[str], axes: Sequence[str],
    ) -> None:  # fmt: skip
        self.columns, self.width = columns, columns.width
        self._place, self._taken, self._scoped, self._units, self._wished = place, taken, scoped, units, axes
        self._plain = [rest for rest in scoped if ":" not in rest]

    def placed(self, row: Row) -> Placed:
        cut = Cut(self._place, row)
        sku, code, parent = (unguarded(text) for text in (cut.first("sku", "identifier"), cut["code"], cut["parent"]))
        if code and not sku:
            role: Role = "model" if parent else "product"
            key = parent or slug(code)
            return Placed(key=key, row=self._turned(cut, role), aliases=(code,) if code != key else ())
        if not sku:
            raise Invalid("the row has neither sku nor code", field="sku", fix="give the sku")
        if parent:
            return Placed(key=parent, row=self._turned(cut, "variant"))
        return Placed(key=slug(sku), row=self._turned(cut, ""))

    def _turned(self, cut: Cut, role: Role) -> Row:
        out: dict[str, str] = {}
        for meaning, key in self._taken.items():
            out[meaning] = self._measured(cut, key)
        for rest, key in self._scoped.items():
            text = self._measured(cut, key)
            if role in ("", "product"):
                out[f"value:{rest}"] = text
            else:
                out[f"variant:{rest}"] = text
        out["sku"], out["code"], out["parent"] = (
            cut.first("sku", "identifier"),
            unguarded(cut["code"]),
            unguarded(cut["parent"]),
        )
        out["family"], out["published"] = cut["family"], cut["enabled"]
        named = split_commas(unguarded(cut["categories"]))
        out["category"] = guarded(named[0]) if named else ""
        out["extras"] = json_map({"Categories": ", ".join(named)} if len(named) > 1 and role != "variant" else {})
        return turned(self.columns, cut.row.line, role, out)

    def _measured(self, cut: Cut, key: str) -> str:
        """A cell, with its unit if there is a column of units: «800» and «GRAM»."""
        text = cut[key]
        unit = cut[f"{key}-unit"].casefold() if key in self._units else ""
        return f"{text} {unit}" if text and unit else text

    def handle(self, key: str) -> str:
        return slug(key)

    def arrange(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Variants get what their models say; what they differ in becomes their options."""
        models = {cell(self.columns, row, "code"): row for row in rows if row.role in ("product", "model")}
        variants = [self._inherited(row, models) for row in rows if row.role == "variant"]
        axes = self._axes_of(variants)
        out = [row for row in rows if row.role != "variant"]
        if out and out[0].role == "product" and not cell(self.columns, out[0], "published"):
            states = {cell(self.columns, row, "published") for row in variants}
            out[0] = replaced(self.columns, out[0], {"published": "1" if "1" in states else ""})
        if out and not cell(self.columns, out[0], "family"):
            out[0] = replaced(self.columns, out[0], {"family": self._first(variants, "family")})
        for row in variants:
            options = {axis: _option(cell(self.columns, row, f"variant:{axis}")) for axis in axes}
            out.append(replaced(self.columns, row, option_cells(options, axes)))
        return out

    def _first(self, rows: Sequence[Row], meaning: str) -> str:
        return next((text for row in rows if (text := cell(self.columns, row, meaning))), "")

    def _inherited(self, row: Row, models: Mapping[str, Row]) -> Row:
        model = models.get(cell(self.columns, row, "parent"))
        filled: dict[str, str] = {}
        seen = 0
        while model is not None and seen < 3:
            meanings = list(_OF_VARIANT)
            if model.role == "model":
                meanings += [f"variant:{rest}" for rest in self._scoped]
            for meaning in meanings:
                text = cell(self.columns, model, meaning)
                if text and not cell(self.columns, row, meaning):
                    filled.setdefault(meaning, text)
            model = models.get(cell(self.columns, model, "parent"))
            seen += 1
        return replaced(self.columns, row, filled)

    def _axes_of(self, variants: Sequence[Row]) -> list[str]:
        """The attributes that tell the variants apart: those asked for, else the first that differ and that every
        variant has, until no two are alike."""
        if self._wished:
            return [
                axis for axis in self._wished if any(cell(self.columns, row, f"variant:{axis}") for row in variants)
            ]
        if len(variants) < 2:
            return []
        axes: list[str] = []
        alike = 1
        for rest in self._plain:
            texts = [cell(self.columns, row, f"variant:{rest}") for row in variants]
            if all(texts) and len(set(texts)) > 1 and max(map(len, texts)) <= 100:
                combined = {tuple(cell(self.columns, row, f"variant:{a}") for a in (*axes, rest)) for row in variants}
                if len(combined) > alike:
                    axes.append(rest)
                    alike = len(combined)
            if alike == len(variants) or len(axes) == 3:
                break
        return axes
