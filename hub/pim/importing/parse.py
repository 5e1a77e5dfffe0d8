"""The rows of one product, as what they say about it and its variants. No session."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.kernel.errors import Invalid
from hub.kernel.ids import digest
from hub.pim import facts, gtin, units
from hub.pim.attributes.codes import code_of
from hub.pim.facts import ProductFacts, VariantFacts
from hub.pim.importing.cells import Cells, money_of, whole
from hub.pim.importing.profiles import OPTION_COUNT, Columns
from hub.pim.importing.reading import Row
from hub.pim.importing.report import RowResult

DERIVED_SKU_MAX = 40  # what every channel takes


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedVariant:
    """`stock`: location code → units to open it with, if the SKU is new."""

    line: int
    facts: VariantFacts
    stock: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedProduct:
    """A product as the file tells it; `facts` None if its own columns are wrong. `problems` are of its rows."""

    handle: str
    line: int
    facts: ProductFacts | None
    variants: tuple[ParsedVariant, ...]
    picture_lines: tuple[int, ...]
    problems: tuple[RowResult, ...]


def product_fields(columns: Columns) -> frozenset[str]:
    """Which facts of a product this file speaks about; the others stay as they are."""
    sources = {
        "title": ("title",), "description": ("description",), "brand": ("brand",), "tags": ("tags",),
        "category": ("category", "category_second"), "images": ("images", "picture"), "axes": ("option1_name",),
    }  # fmt: skip
    fields = {name for name, meanings in sources.items() if any(m in columns.place for m in meanings)}
    return frozenset(fields | ({"values"} if columns.having("attribute") else set()))


def variant_fields(columns: Columns) -> frozenset[str]:
    """Which facts of a variant this file speaks about. Never the position: a file may hold only some variants."""
    sources = {
        "price": ("price",), "options": ("option1_value",), "gtin": ("gtin",), "cost": ("cost",),
        "weight_g": ("grams", "weight"), "length_mm": ("length",), "width_mm": ("width",), "height_mm": ("height",),
        "image": ("image",),
    }  # fmt: skip
    return frozenset(name for name, meanings in sources.items() if any(m in columns.place for m in meanings))


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


def parse_product(
    columns: Columns, handle: str, rows: Sequence[Row], *, currency: str, opening_location: str
) -> ParsedProduct:
    """What `rows` (all of one handle, in order) say. `opening_location` takes the counts of a column without location."""
    main = next((row for row in rows if _cell(columns, row, "title")), rows[0])
    head = Cells(main, columns, subject="product", key=handle)
    axes = _axes(columns, main, rows, head)
    problems: list[RowResult] = []
    variants: list[ParsedVariant] = []
    picture_lines: list[int] = []
    pictures: list[tuple[int, int, str]] = []
    for row in rows:
        picture_only = columns.profile.picture_rows and _is_picture(columns, row)
        cells = Cells(row, columns, subject="picture" if picture_only else "variant", key=handle)
        picture = cells.take("picture", facts.web_address)
        if picture_only:
            picture_lines.append(row.line)
        else:
            parsed = _variant(cells, handle, axes, len(variants), currency, opening_location)
            if parsed is not None:
                variants.append(parsed)
        if picture is not None and not cells.problems:
            pictures.append((_place(cells), row.line, picture))
        problems.extend(cells.problems)
    product = _product(head, columns, handle, axes, [address for _, _, address in sorted(pictures)])
    problems.extend(head.problems)
    bad = {p.line for p in problems}
    return ParsedProduct(
        handle=handle, line=main.line, facts=product, variants=tuple(variants),
        picture_lines=tuple(line for line in picture_lines if line not in bad), problems=tuple(problems),
    )  # fmt: skip


def _cell(columns: Columns, row: Row, meaning: str) -> str:
    place = columns.place.get(meaning)
    return "" if place is None else row.cells[place].strip()


def _is_picture(columns: Columns, row: Row) -> bool:
    return bool(_cell(columns, row, "picture")) and not any(
        _cell(columns, row, m) for m in ("title", "option1_value", "sku", "price", "gtin")
    )


def _place(cells: Cells) -> int:
    text = cells.raw("picture_place")
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 1_000_000


def _axes(columns: Columns, main: Row, rows: Sequence[Row], head: Cells) -> list[str]:
    """Option names, from the main row or the first row that has any. A product of which «Default Title» is the only
    value has none."""
    named = next((r for r in (main, *rows) if _cell(columns, r, "option1_name")), main)
    cells = Cells(named, columns, subject="product", key=head.key)
    axes = [
        cells.take(f"option{n}_name", lambda text, name: facts.plain_text(text, name, facts.NAME_MAX)) or ""
        for n in range(1, OPTION_COUNT + 1)
    ]
    head.problems.extend(cells.problems)
    if columns.profile.derive_sku and axes[0] == "Title" and _cell(columns, named, "option1_value") == "Default Title":
        return []
    while axes and not axes[-1]:
        axes.pop()
    if "" in axes:
        head.fault(f"option{axes.index('') + 1}_name", "the name of an option is missing before another", "fill it in")
    return axes


def _product(
    head: Cells, columns: Columns, handle: str, axes: Sequence[str], pictures: Sequence[str]
) -> ProductFacts | None:
    title = head.need("title", lambda text, name: facts.plain_text(text, name, facts.TITLE_MAX, needed=True))
    short = lambda text, name: facts.plain_text(text, name, facts.NAME_MAX)  # noqa: E731
    description = head.take("description", facts.description_html)
    brand = head.take("brand", short)
    category = head.take("category", short) or head.take("category_second", short)
    tags = head.take("tags", _tags)
    listed = head.take("images", _addresses)
    attributes = {
        name: head.take(f"attribute:{name}", lambda text, field: facts.plain_text(text, field, facts.ATTRIBUTE_MAX))
        or ""
        for name in columns.having("attribute")
    }
    product = ProductFacts(
        handle=handle, title=title or "", description=description or "", brand=brand or "", category=category or "",
        axes=tuple(axes), images=tuple(dict.fromkeys((*(listed or ()), *pictures))), tags=tags or (),
        values={code_of(key): {"": value} for key, value in attributes.items() if value},
    )  # fmt: skip
    if head.problems:
        return None
    try:
        return facts.checked_product(product)
    except Invalid as problem:
        head.fault(problem.field or "handle", problem.message, problem.fix or "correct the cell")
        return None


def _tags(text: str, name: str) -> tuple[str, ...]:
    return tuple(facts.plain_text(tag, name, facts.NAME_MAX) for tag in text.split(",") if tag.strip())


def _addresses(text: str, name: str) -> tuple[str, ...]:
    return tuple(facts.web_address(part, name) for part in text.split("|") if part.strip())


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
            value = cells.take(meaning, lambda t, name: facts.plain_text(t, name, facts.NAME_MAX))
            options[axis] = value or ""
    return options


def _variant(
    cells: Cells, handle: str, axes: Sequence[str], position: int, currency: str, opening_location: str
) -> ParsedVariant | None:
    options = _options(cells, axes)
    derive = cells.columns.profile.derive_sku
    sku = cells.take("sku", facts.sku_text) if cells.raw("sku") or derive else cells.need("sku", facts.sku_text)
    if sku is None and derive and not cells.raw("sku"):
        sku = derived_sku(handle, list(options.values()))
    cells.key = sku or handle
    money = money_of(currency)
    price = cells.need("price", money)
    number = cells.take("gtin", gtin.parse)
    cost = cells.take("cost", money)
    weight = _weight(cells)
    unit = cells.raw("dimension_unit")
    sides: list[int | None] = [
        cells.take(side, lambda text, name: units.millimetres(text, unit, name))
        for side in ("length", "width", "height")
    ]
    image = cells.take("image", facts.web_address)
    stock: dict[str, int] = {}
    for meaning, code in [("quantity", opening_location)] + [
        (f"stock:{code}", code) for code in cells.columns.having("stock")
    ]:
        units_there = cells.take(meaning, whole)
        if units_there:
            stock[code] = units_there
    if cells.problems or sku is None or price is None:
        return None
    return ParsedVariant(
        line=cells.row.line,
        facts=VariantFacts(
            sku=sku, handle=handle, price=price, options=options, position=position, gtin=number, cost=cost,
            weight_g=weight, length_mm=sides[0], width_mm=sides[1], height_mm=sides[2], image=image,
        ),
        stock=stock,
    )  # fmt: skip


def _weight(cells: Cells) -> int | None:
    """Shopify writes 0 grams for «not weighed»."""
    if cells.raw("grams"):
        return cells.take("grams", _grams_or_none)
    unit = cells.raw("weight_unit")
    return cells.take("weight", lambda text, name: units.grams(text, unit, name))


def _grams_or_none(text: str, name: str) -> int | None:
    if re.fullmatch(r"0+([.,]0+)?", text):
        return None
    return units.grams(text, "g", name)
