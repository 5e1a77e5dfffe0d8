"""A file of whatever format as one stream of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hub.kernel.errors import Invalid
from hub.pim.importing import jsonlines, reading, workbook
from hub.pim.importing.reading import Row, Unreadable

Format = Literal["csv", "xlsx", "jsonl"]
FORMATS: tuple[Format, ...] = ("csv", "xlsx", "jsonl")
_ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "cp1252",
    "iso-8859-1",
    "iso-8859-15",
    "mac-roman",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file and how it is read. `digest` is the SHA-256 of its bytes in hex, `size` is in bytes; `delimiter` is for CSV,
    `sheet` for XLSX."""

    path: Path
    format: Format
    digest: str
    size: int
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a person wants the file to be read; what is None is found out."""

    format: Format | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


def look(path: Path, known: Callable[[str], bool], wish: Wish) -> Source:
    """Find out what kind of file it is. `known` tells whether a heading means something.

    Raises:
        Invalid: it cannot be opened, is not what it was said to be, or would take too much to unpack.
    """
    seen = reading.survey(path)
    if wish.encoding is not None and wish.encoding.lower() not in _ENCODINGS:
        raise Invalid(
            f"the encoding {wish.encoding!r} is not known", field="encoding", value=wish.encoding,
            fix=f"one of: {', '.join(_ENCODINGS)}",
        )  # fmt: skip
    encoding = (wish.encoding or seen.encoding).lower()
    form = wish.format or _format(path, encoding)
    if form == "xlsx":
        names = workbook.sheets(path)
        return Source(
            path=path, format="xlsx", digest=seen.digest, size=seen.size, sheet=workbook.choose(names, wish.sheet),
            sheets=tuple(names),
        )  # fmt: skip
    if form == "jsonl":
        return Source(path=path, format="jsonl", digest=seen.digest, size=seen.size, encoding=encoding)
    delimiter = wish.delimiter
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise Invalid(f"{delimiter!r} cannot be a delimiter", field="delimiter", fix="give one character, like ;")
    if delimiter is None and seen.size:
        delimiter = reading.choose_delimiter(path, encoding, lambda cells: sum(known(cell) for cell in cells))
    return Source(
        path=path, format="csv", digest=seen.digest, size=seen.size, encoding=encoding, delimiter=delimiter or ","
    )


def _format(path: Path, encoding: str) -> Format:
    with path.open("rb") as handle:
        first = handle.read(4096)
    if first.startswith(b"PK\x03\x04"):
        return "xlsx"
    text = first.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    # A heading in braces is possible in a CSV file, a quotation mark right after the brace hardly.
    if text.startswith("{") and text[1:].lstrip()[:1] in ('"', "}"):
        return "jsonl"
    return "csv"


def rows(source: Source, at: Callable[[int], None]) -> Iterator[Row | Unreadable]:
    """The rows, the header among them. `at` is told the position in bytes now and then."""
    if source.format == "xlsx":
        return workbook.rows(source.path, source.sheet, at)
    if source.format == "jsonl":
        return jsonlines.rows(source.path, source.encoding, at)
    return reading.rows(source.path, source.encoding, source.delimiter, at)
