"""What one row says about a variant, and what rows of products and variants have in common. No session."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from hub.kernel.errors import Invalid
from hub.kernel.ids import digest
from hub.kernel.money import Money
from hub.pim import facts, gtin, units
from hub.pim.facts import VariantFacts
from hub.pim.importing.cells import Cells, money_of, whole
from hub.pim.importing.profiles import OPTION_COUNT, Columns, Scoped
from hub.pim.importing.reading import Row

DERIVED_SKU_MAX = 40  # what every channel takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a file's cells are to be understood. `opening_location` takes the counts of a column without location; with
    `clear` an empty cell empties its fact, otherwise it says nothing."""

    currency: str
    opening_location: str
    clear: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedVariant:
    """`fields`: the facts that the row speaks about. `stock`: location code → units to open it with, if the SKU is new.
    `components`: what a kit is made of, SKU → how many; empty: it is none; None: the row does not say."""

    line: int
    facts: VariantFacts
    fields: frozenset[str]
    stock: Mapping[str, int]
    components: Mapping[str, int] | None = None


_VARIANT_SOURCES: Mapping[str, tuple[str, ...]] = {
    "price": ("price",), "options": ("option1_value",), "gtin": ("gtin",), "cost": ("cost",),
    "weight_g": ("grams", "weight"), "length_mm": ("length",), "width_mm": ("width",), "height_mm": ("height",),
    "image": ("image",),
}  # fmt: skip
_EACH_ROW = frozenset({"images", "axes"})


def derived_sku(handle: str, values: Sequence[str]) -> str:
    """The SKU of a variant that has none: always the same for the same handle and option values, at most 40 ASCII
    characters. Where letters had to be dropped, a mark from the full text keeps different variants apart."""

    def slug(text: str) -> str:
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")

    sku = "_".join(slug(part) for part in (handle, *values))
    faithful = all(slug(part) == "-".join(part.lower().split()) for part in (handle, *values))
    if faithful and len(sku) <= DERIVED_SKU_MAX:
        return sku
    mark = digest([handle, *values])[:8]
    return f"{sku[: DERIVED_SKU_MAX - 9].strip('-_')}-{mark}".strip("-")


def said(
    sources: Mapping[str, tuple[str, ...]], main: Row, rows: Sequence[Row], columns: Columns, clear: bool
) -> set[str]:
    """Which facts the rows speak about: those with a cell, or with `clear` those with a column."""
    out: set[str] = set()
    place = columns.place
    for field, meanings in sources.items():
        for meaning in meanings:
            at = place.get(meaning)
            if at is None or field in out:
                continue
            for row in rows if field in _EACH_ROW else (main,):
                if (at not in row.unsaid) if clear else (row.cells[at] and not row.cells[at].isspace()):
                    out.add(field)
                    break
    return out


def values_of(cells: Cells, columns: Sequence[Scoped], clear: bool) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for column in columns:
        plain = not column.meaning.startswith(("value:", "variant:"))
        text = cells.take(column.meaning, _plain_value if plain else _typed_value)
        if text is not None and text != "":
            out.setdefault(column.code, {})[column.scope] = text
        elif clear and cells.said(column.meaning):
            out.setdefault(column.code, {})[column.scope] = None
    return out


def _plain_value(text: str, name: str) -> str:
    return facts.plain_text(text, name, facts.ATTRIBUTE_MAX)


def _typed_value(text: str, name: str) -> Any:
    """A cell of an attribute: its type decides later. A JSON list is several values; one behind an apostrophe, as an
    export writes it, is a text that looks like one."""
    if text.startswith("'") and (bare := text.lstrip("'")).startswith("[") and several(bare) is not None:
        return text[1:]
    return several(text) if text.startswith("[") and several(text) is not None else text


def several(text: str) -> list[str] | None:
    """The strings of a JSON list; None if the text is none."""
    try:
        return msgspec.json.decode(text, type=list[str])
    except (msgspec.DecodeError, RecursionError):
        return None


def _name(text: str, name: str) -> str:
    return facts.plain_text(text, name, facts.NAME_MAX)


short: Callable[[str, str], str] = lru_cache(8192)(_name)  # brands, options and tags repeat


def parts(text: str, mark: str) -> list[str]:
    """A cell with several values: a JSON list, else one per line, else with `mark` between them."""
    listed = several(text) if text.startswith("[") else None
    return listed if listed is not None else text.split("\n" if "\n" in text else mark)


def _options(cells: Cells, axes: Sequence[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for n in range(1, OPTION_COUNT + 1):
        axis = axes[n - 1] if n <= len(axes) else ""
        meaning = f"option{n}_value"
        text = cells.raw(meaning)
        if not axis and text == "Default Title" and n == 1:
            continue
        if text and not axis:
            cells.fault(meaning, f"the option {text[:40]!r} has no name", f"fill in {cells.heading(f'option{n}_name')}")
        elif axis and not text:
            cells.fault(meaning, f"{axis} is empty", f"give the {axis.lower()} of this variant")
        elif axis:
            value = cells.take(meaning, short)
            options[axis] = value or ""
    return options


def variant_of(cells: Cells, handle: str, axes: Sequence[str], position: int, how: Reading) -> ParsedVariant | None:
    options = _options(cells, axes)
    derive = cells.columns.profile.derive_sku
    sku = cells.take("sku", facts.sku_text) if cells.raw("sku") or derive else cells.need("sku", facts.sku_text)
    if sku is None and derive and not cells.raw("sku"):
        sku = derived_sku(handle, list(options.values()))
    cells.key = sku or handle
    coin = cells.take("currency", _currency)
    money = money_of(how.currency if coin is None else coin)
    price = cells.need("price", money)
    number = cells.take("gtin", gtin.parse)
    cost = cells.take("cost", money)
    weight = _weight(cells)
    unit = cells.raw("dimension_unit")
    sides: list[int | None] = [
        cells.take(side, lambda text, name: _millimetres(text, unit, name)) for side in ("length", "width", "height")
    ]
    image = cells.take("image", facts.web_address)
    values = values_of(cells, cells.columns.variant_values, how.clear)
    components = cells.take("components", _components)
    if components is None and how.clear and cells.said("components") and not cells.problems:
        components = {}
    stock: dict[str, int] = {}
    for meaning, code in [("quantity", how.opening_location)] + [(f"stock:{c}", c) for c in cells.columns.stock]:
        units_there = cells.take(meaning, whole)
        if units_there:
            stock[code] = units_there
    if cells.problems or sku is None or price is None:
        return None
    fields = said(_VARIANT_SOURCES, cells.row, (cells.row,), cells.columns, how.clear) | {"price"}
    fields |= ({"values"} if values else set()) | ({"options"} if options else set())
    return ParsedVariant(
        line=cells.row.line,
        facts=VariantFacts(
            sku=sku, handle=handle, price=price, options=options, position=position, gtin=number, cost=cost,
            weight_g=weight, length_mm=sides[0], width_mm=sides[1], height_mm=sides[2], image=image, values=values,
        ),
        fields=frozenset(fields),
        stock=stock,
        components=components,
    )  # fmt: skip


def _currency(text: str, name: str) -> str:
    try:
        return Money.zero(text).currency
    except ValueError as error:
        raise Invalid(str(error), field=name, value=text[:20], fix="write it like EUR") from error


def _components(text: str, name: str) -> dict[str, int]:
    """«SKU:2|SKU:1»: the number after the last colon is how many."""
    out: dict[str, int] = {}
    for part in parts(text, "|"):
        sku, colon, count = part.strip().rpartition(":")
        if not colon or not re.fullmatch(r"[1-9][0-9]{0,5}", count.strip()):
            raise Invalid(
                f"{part.strip()[:60]!r} is not a component", field=name, fix="write it like RED-75:6, with | between"
            )
        sku = facts.sku_text(sku, name)
        if sku in out:
            raise Invalid(f"{sku} is there twice", field=name, value=sku, fix="give it once, with the sum")
        out[sku] = int(count)
    return out


def _weight(cells: Cells) -> int | None:
    """Shopify writes 0 grams for «not weighed»."""
    if cells.raw("grams"):
        return cells.take("grams", _grams_or_none)
    unit = cells.raw("weight_unit")
    return cells.take("weight", lambda text, name: _grams(text, unit, name))


# Weights and sizes repeat in a catalogue, and reading one takes longer than all the rest of a row.
_grams = lru_cache(8192)(units.grams)
_millimetres = lru_cache(8192)(units.millimetres)


def _grams_or_none(text: str, name: str) -> int | None:
    if re.fullmatch(r"0+([.,]0+)?", text):
        return None
    return _grams(text, "g", name)
