"""What the layouts that are turned row by row have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten
from hub.pim.importing.profiles import Columns, Profile, Wanted, heading_key, made
from hub.pim.importing.reading import Role, Row

OPTIONS = tuple(f"option{n}_{part}" for n in (1, 2, 3) for part in ("name", "value"))


class Cut:
    """The cells of a foreign row by heading (lower case)."""

    __slots__ = ("_place", "row")

    def __init__(self, place: Mapping[str, int], row: Row) -> None:
        self._place, self.row = place, row

    def __getitem__(self, heading: str) -> str:
        place = self._place.get(heading)
        return "" if place is None else self.row.cells[place].strip()

    def first(self, *headings: str) -> str:
        return next((text for text in (self[heading] for heading in headings) if text), "")


def places(header: Sequence[str], shown: Sequence[str]) -> tuple[dict[str, int], dict[str, str], list[Invalid]]:
    """Heading (lower case) → place, and → as it stands in the file; also which known ones are there twice."""
    place: dict[str, int] = {}
    titles: dict[str, str] = {}
    problems: list[Invalid] = []
    for index, text in enumerate(header):
        key = heading_key(text)
        title = shorten(" ".join((shown[index] if shown else text).replace("\ufeff", "").split()), 60)
        if key and key in place:
            problems.append(
                Invalid(
                    f"the column {title!r} is there twice (columns {place[key] + 1} and {index + 1})", field=title,
                    fix="remove or rename one of them",
                )
            )  # fmt: skip
        elif key:
            place[key], titles[key] = index, title
    return place, titles, problems


def missing(layout: str, heading: str, header: Sequence[str]) -> Invalid:
    seen = shorten(", ".join(" ".join(text.split()) for text in header), 120)
    return Invalid(
        f"the column {heading!r} is missing; the first row has: {seen}", field=heading,
        fix=f"add the column, or choose another layout than {layout}",
    )  # fmt: skip


def columns_for(
    profile: Profile, width: int, headings: Mapping[str, str], ignored: Sequence[str], *,
    wanted: Sequence[Wanted] = (), locales: Sequence[str] = (), families: bool = False,
) -> Columns:  # fmt: skip
    """Columns of turned rows. `headings`: meaning → heading in the file, in the order that the cells will have."""
    return made(
        profile, width, {meaning: index for index, meaning in enumerate(headings)}, headings, ignored, wanted=wanted,
        locales=locales, families=families,
    )  # fmt: skip


def turned(columns: Columns, line: int, role: Role, cells: Mapping[str, str]) -> Row:
    """A row in our columns; what has no column is left out."""
    return Row(line=line, role=role, cells=tuple(cells.get(meaning, "") for meaning in columns.place))


def replaced(columns: Columns, row: Row, cells: Mapping[str, str]) -> Row:
    """`row` with these cells."""
    out = list(row.cells)
    for meaning, text in cells.items():
        if meaning in columns.place:
            out[columns.place[meaning]] = text
    return Row(line=row.line, role=row.role, cells=tuple(out), unsaid=row.unsaid)


def cell(columns: Columns, row: Row, meaning: str) -> str:
    place = columns.place.get(meaning)
    return "" if place is None else row.cells[place].strip()


def option_cells(options: Mapping[str, str], axes: Sequence[str]) -> dict[str, str]:
    """Cells for the options of one variant, in the order of `axes`.

    Raises:
        Invalid: there are more than three.
    """
    if len(axes) > 3:
        raise Invalid(
            f"variants that differ in {len(axes)} ways ({', '.join(axes)[:120]}); at most 3 are possible",
            fix="put two of them into one",
        )  # fmt: skip
    out = dict.fromkeys(OPTIONS, "")
    for n, axis in enumerate(axes, 1):
        out[f"option{n}_name"], out[f"option{n}_value"] = axis, options.get(axis, "")
    return out


def json_list(texts: Sequence[str]) -> str:
    """Several values in one cell; "" if there are none."""
    kept = [text for text in texts if text]
    return msgspec.json.encode(kept).decode() if kept else ""


def json_map(given: Mapping[str, str]) -> str:
    return msgspec.json.encode(dict(given)).decode() if given else ""


def slug(text: str) -> str:
    """A handle out of a SKU or a name, letters of all languages kept."""
    return re.sub(r"[\s/]+", "-", text.strip()).strip("-").casefold()


def split_commas(text: str) -> list[str]:
    """Parts between commas; «\\,» is a comma."""
    return [part.replace("\\,", ",").strip() for part in re.split(r"(?<!\\),", text) if part.strip()]
