"""Looking at a file before it is imported: what it is, and what its columns probably mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.db.session import Sessions, reading
from hub.kernel.errors import Invalid
from hub.kernel.text import shorten
from hub.pim.importing import mappings, sources
from hub.pim.importing.catalogue_layouts import LAYOUTS
from hub.pim.importing.engine import HEADER_WITHIN
from hub.pim.importing.mappings import ColumnProposal
from hub.pim.importing.profiles import heading_key
from hub.pim.importing.reading import Row
from hub.pim.importing.sources import Wish

SAMPLE_ROWS = 5
_CELL_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What a file is. `mapping` is the saved mapping for this header, if there is one; `sample` the first rows below the
    header, cells shortened."""

    format: str
    encoding: str
    delimiter: str
    sheet: str
    sheets: tuple[str, ...]
    digest: str
    size: int
    header_line: int
    header: tuple[str, ...]
    layout: str
    mapping: str
    columns: tuple[ColumnProposal, ...]
    missing: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...] = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        out = {name: getattr(self, name) for name in self.__dataclass_fields__}
        out["columns"] = [{n: getattr(c, n) for n in c.__dataclass_fields__} for c in self.columns]
        return out

    def renamed(self) -> Mapping[str, str]:
        """The proposals as a mapping, those that are sure."""
        return {
            heading_key(c.heading): c.target
            for c in self.columns
            if c.why in ("saved", "word") or (c.why == "alike" and c.score >= mappings.SURE)
        }


def detect(sessions: Sessions, path: Path, wish: Wish | None = None, *, layout: str | None = None) -> Detected:
    """Find out what the file is. `layout` fixes the layout that columns are proposed for.

    Raises:
        Invalid: it cannot be read, or there is nothing in it.
    """

    def known(text: str) -> bool:
        return any(one.known(text) for one in LAYOUTS.values() if one.name != "akeneo")

    source = sources.look(path, known, wish or Wish())
    seen: list[Row] = []
    stream = sources.rows(source, lambda here: None)
    for row in stream:
        if isinstance(row, Row):
            seen.append(row)
        if len(seen) >= HEADER_WITHIN + SAMPLE_ROWS:
            break
    if not seen:
        raise Invalid("there is nothing in the file", field="file", fix="choose the file that your program exported")
    best = max(range(min(len(seen), HEADER_WITHIN)), key=lambda n: (_merit(seen[n].cells), -n))
    header = seen[best].cells
    with reading(sessions) as session:
        saved = mappings.remembered(session, header)
    name = layout or (saved.layout if saved is not None else mappings.fitting(header))
    proposals = mappings.propose(header, name, saved if saved is not None and saved.layout == name else None)
    found = {heading_key(c.target) for c in proposals if c.target}
    needed = {"hub": ("handle", "title", "sku", "price"), "shopify": ("handle", "title", "variant price")}
    below = seen[best + 1 : best + 1 + SAMPLE_ROWS]
    return Detected(
        format=source.format, encoding=source.encoding, delimiter=source.delimiter, sheet=source.sheet,
        sheets=source.sheets, digest=source.digest, size=source.size, header_line=seen[best].line, header=header,
        layout=name, mapping="" if saved is None else saved.name, columns=tuple(proposals),
        missing=tuple(one for one in needed.get(name, ()) if one not in found),
        sample=tuple(tuple(shorten(cell, _CELL_SHOWN) for cell in row.cells) for row in below),
    )  # fmt: skip


def _merit(cells: tuple[str, ...]) -> tuple[int, int]:
    """How much a row looks like a header: a layout certainly fits, else how many headings the layouts know."""
    fits = any(layout.fits(cells) for layout in LAYOUTS.values())
    known = max(sum(one.known(text) for text in cells) for one in LAYOUTS.values() if one.name != "akeneo")
    return int(fits), known
