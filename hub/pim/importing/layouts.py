"""Layouts: how the rows of a file become rows whose columns have our meanings, and which product each belongs to.

`open_layout` is given a header and returns a `Reader` for the rows under it. The simple layouts only rename columns;
WooCommerce's, Akeneo's and Amazon's are turned row by row (`placed`) and product by product (`arrange`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hub.kernel.errors import Invalid
from hub.pim import facts
from hub.pim.importing.cells import unguarded
from hub.pim.importing.profiles import PROFILES, Columns, columns_of
from hub.pim.importing.reading import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a layout must know beside the header. `base_locale`: the language without scope («en_US» or «en»); `locales`
    are those the hub has; `axes` are the attributes that variants differ in, where the file does not say."""

    currency: str
    locales: Collection[str] = ()
    base_locale: str = ""
    axes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A row in our columns. `key` is the product it belongs to; rows of a product may be known by `aliases` too."""

    key: str
    row: Row
    aliases: tuple[str, ...] = ()


class Reader(Protocol):
    """An open file of one layout. `width` is the number of cells that a row must have."""

    columns: Columns
    width: int

    def placed(self, row: Row) -> Placed:
        """Raises Invalid if the row belongs to no product; the error's field is the heading."""

    def handle(self, key: str) -> str:
        """The handle of the product with that key."""

    def arrange(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows of one product, put in order."""


class Layout(Protocol):
    """A kind of file."""

    name: str

    def known(self, heading: str) -> bool:
        """Whether a column of that heading is read."""

    def headings(self) -> Sequence[str]:
        """The fixed headings it reads, for mappings."""

    def fits(self, header: Sequence[str]) -> bool:
        """Whether this is certainly the header of such a file."""

    def open(
        self, header: Sequence[str], opening: Opening, shown: Sequence[str] = ()
    ) -> tuple[Reader | None, Columns, list[Invalid]]:
        """A reader for the rows under `header`, or what is wrong with it. `shown`: the headings as the file has them."""


@dataclass(slots=True)
class _Renamed:
    columns: Columns
    width: int
    _place: int = field(default=0)
    _heading: str = field(default="")

    def placed(self, row: Row) -> Placed:
        cell = row.cells[self._place]
        key = unguarded(cell.strip()) if self.columns.profile.guards else cell
        return Placed(key=facts.handle_text(key, self._heading), row=row)

    def handle(self, key: str) -> str:
        return key

    def arrange(self, rows: Sequence[Row]) -> Sequence[Row]:
        return rows


class NamedLayout:
    """A layout whose rows only need their columns named."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.profile = PROFILES[name]

    def known(self, heading: str) -> bool:
        return self.profile.meaning(heading) is not None

    def headings(self) -> Sequence[str]:
        return tuple(self.profile.names)

    def fits(self, header: Sequence[str]) -> bool:
        return not columns_of(self.profile, header)[1]

    def open(
        self, header: Sequence[str], opening: Opening, shown: Sequence[str] = ()
    ) -> tuple[Reader | None, Columns, list[Invalid]]:
        columns, problems = columns_of(self.profile, header, shown)
        if problems:
            return None, columns, problems
        place, heading = columns.place["handle"], columns.heading["handle"]
        return _Renamed(columns, len(header), place, heading), columns, []


def layout_of(name: str, layouts: Mapping[str, Layout]) -> Layout:
    """Raises Invalid if there is no layout of that name."""
    found = layouts.get(name)
    if found is None:
        raise Invalid(f"there is no layout {name!r}", field="profile", value=name, fix="one of: " + ", ".join(layouts))
    return found
