"""Plain tables for terminals and pipes: aligned columns, nothing that a terminal would act on."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.cells import cell_len


def safe(value: object) -> str:
    """A value as one line of text. Control characters, which channels and files may bring, lose their power."""
    text = "" if value is None else str(value)
    if text.isprintable():
        return text
    return "".join(" " if ch in "\r\n\t" else "\N{REPLACEMENT CHARACTER}" if _acts(ch) else ch for ch in text)


def _acts(ch: str) -> bool:
    return unicodedata.category(ch) in ("Cc", "Cf", "Cs")


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, indent: str = "") -> str:
    """Aligned columns under a header. Numbers lean right. Without rows only the header is left."""
    cells = [[safe(value) for value in row] for row in rows]
    right = [
        bool(cells) and all(_is_number(row[index]) for row in cells if row[index]) and any(row[index] for row in cells)
        for index in range(len(header))
    ]
    widths = [max(cell_len(row[index]) for row in [list(header), *cells]) for index in range(len(header))]
    lines = []
    for row in [list(header), *cells]:
        parts = []
        for text, width, lean in zip(row, widths, right, strict=True):
            gap = " " * (width - cell_len(text))
            parts.append(gap + text if lean else text + gap)
        lines.append((indent + "  ".join(parts)).rstrip())
    return "\n".join(lines)


def _is_number(text: str) -> bool:
    return text.lstrip("-−+").isdigit()


def instant(value: datetime | None) -> str:
    """An instant as people compare them: UTC, to the second; «never» for None."""
    return "never" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def age(seconds: float | None) -> str:
    """A span in the unit that fits: 45 s, 12 min, 3.5 h, 2.1 d; «–» for None."""
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{max(0, round(seconds))} s"
    if seconds < 7200:
        return f"{round(seconds / 60)} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.1f} d"
