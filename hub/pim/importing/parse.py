"""The rows of one product, as what they say about it and its variants. No session."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hub.kernel.errors import Invalid
from hub.pim import facts
from hub.pim.attributes.codes import code_of
from hub.pim.facts import ProductFacts
from hub.pim.importing.cells import Cells
from hub.pim.importing.profiles import OPTION_COUNT, Columns
from hub.pim.importing.reading import Row
from hub.pim.importing.report import RowResult
from hub.pim.importing.variants import ParsedVariant, Reading, parts, said, short, values_of, variant_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedProduct:
    """A product as the file tells it; `facts` None if its own columns are wrong. `problems` are of its rows. `extras`:
    labels of attributes that only the cells name. `bare`: it may come without a variant."""

    handle: str
    line: int
    facts: ProductFacts | None
    fields: frozenset[str]
    variants: tuple[ParsedVariant, ...]
    picture_lines: tuple[int, ...]
    problems: tuple[RowResult, ...]
    extras: tuple[str, ...] = ()
    bare: bool = False


_PRODUCT_SOURCES: Mapping[str, tuple[str, ...]] = {
    "title": ("title",), "description": ("description",), "brand": ("brand",), "tags": ("tags",),
    "category": ("category", "category_second"), "images": ("images", "picture"), "axes": ("option1_name",),
    "family": ("family",), "state": ("state", "published"), "stock_class": ("stock_class",),
}  # fmt: skip
_YES, _NO = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no", "-1"})


def parse_product(columns: Columns, handle: str, rows: Sequence[Row], how: Reading) -> ParsedProduct:
    """What `rows` (all of one handle, in order) say."""
    owners = [row for row in rows if row.role != "variant"]
    main = next((row for row in owners if _cell(columns, row, "title")), owners[0] if owners else rows[0])
    head = Cells(main, columns, subject="product", key=handle)
    if not owners:
        head.fault("handle", f"the row of its product {handle[:60]!r} is not in the file", "add it to the file")
    axes = _axes(columns, main, rows, head)
    problems: list[RowResult] = []
    variants: list[ParsedVariant] = []
    picture_lines: list[int] = []
    pictures: list[tuple[int, int, str]] = []
    for row in rows:
        if row.role in ("product", "model"):
            continue
        picture_only = columns.profile.picture_rows and _is_picture(columns, row)
        cells = Cells(row, columns, subject="picture" if picture_only else "variant", key=handle)
        picture = cells.take("picture", facts.web_address)
        if picture_only:
            picture_lines.append(row.line)
        else:
            parsed = variant_of(cells, handle, axes, len(variants), how)
            if parsed is not None:
                variants.append(parsed)
        if picture is not None and not cells.problems:
            pictures.append((_place(cells), row.line, picture))
        problems.extend(cells.problems)
    values, extras = values_of(head, columns.product_values, how.clear), _extras(head)
    for label, text in extras.items():
        values.setdefault(code_of(label), {})[""] = text
    found = [address for _, _, address in sorted(pictures)]
    product = _product(head, handle, axes, found, values) if owners else None
    problems.extend(head.problems)
    bad = {p.line for p in problems}
    fields = said(_PRODUCT_SOURCES, main, rows, columns, how.clear) | ({"values"} if values else set())
    return ParsedProduct(
        handle=handle, line=main.line, facts=product, fields=frozenset(fields), variants=tuple(variants),
        picture_lines=tuple(line for line in picture_lines if line not in bad), problems=tuple(problems),
        extras=tuple(extras), bare=any(row.role == "product" for row in rows),
    )  # fmt: skip


def _extras(head: Cells) -> dict[str, str]:
    """Attributes that a layout found in the cells («Attribute 1 name»): label → value."""
    text = head.raw("extras")
    given: dict[str, str] = msgspec.json.decode(text, type=dict[str, str]) if text else {}
    out: dict[str, str] = {}
    for label, value in given.items():
        try:
            name = facts.plain_text(label, "attribute", facts.NAME_MAX, needed=True)
            out[name] = facts.plain_text(value, name, facts.ATTRIBUTE_MAX)
        except Invalid as problem:
            head.fault("extras", problem.message, problem.fix or "correct the cell")
    return out


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
    axes = [cells.take(f"option{n}_name", short) or "" for n in range(1, OPTION_COUNT + 1)]
    head.problems.extend(cells.problems)
    if columns.profile.derive_sku and axes[0] == "Title" and _cell(columns, named, "option1_value") == "Default Title":
        return []
    while axes and not axes[-1]:
        axes.pop()
    if "" in axes:
        head.fault(f"option{axes.index('') + 1}_name", "the name of an option is missing before another", "fill it in")
    return axes


def _product(
    head: Cells, handle: str, axes: Sequence[str], pictures: Sequence[str], values: Mapping[str, Mapping[str, Any]]
) -> ProductFacts | None:
    title = head.need("title", _title)
    category = head.take("category", short) or head.take("category_second", short)
    listed = head.take("images", _addresses)
    product = ProductFacts(
        handle=handle, title=title or "", description=head.take("description", facts.description_html) or "",
        brand=head.take("brand", short) or "", category=category or "", axes=tuple(axes),
        images=tuple(dict.fromkeys((*(listed or ()), *pictures))), tags=head.take("tags", _tags) or (),
        values=values, family=head.take("family", short) or "", state=_state(head),
        stock_class=head.take("stock_class", lambda text, name: text.casefold()) or "finished",
    )  # fmt: skip
    if head.problems:
        return None
    try:
        return facts.checked_product(product)
    except Invalid as problem:
        head.fault(problem.field or "handle", problem.message, problem.fix or "correct the cell")
        return None


def _title(text: str, name: str) -> str:
    return facts.plain_text(text, name, facts.TITLE_MAX, needed=True)


def _state(head: Cells) -> str:
    known = head.columns.profile.states

    def parse(text: str, name: str) -> str:
        state = known.get(text.casefold())
        if state is None:
            raise Invalid(f"{text[:40]!r} is no state of a product", field=name, fix=f"one of: {', '.join(known)}")
        return state

    state = head.take("state", parse)
    if state is not None:
        return state
    published = head.raw("published").casefold()
    if published and published not in _YES | _NO:
        head.fault("published", f"{published[:40]!r} is neither true nor false", "write true or false")
    return "approved" if published in _YES else "draft"


def _tags(text: str, name: str) -> tuple[str, ...]:
    return tuple(short(tag, name) for tag in parts(text, ",") if tag.strip())


def _addresses(text: str, name: str) -> tuple[str, ...]:
    return tuple(facts.web_address(part, name) for part in parts(text, "|") if part.strip())
