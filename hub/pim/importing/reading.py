"""A file of unknown origin as rows of cells, each with its line number. Memory is bounded; nothing in the file can stop
the reading: what cannot be read is an `Unreadable`."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hub.kernel.errors import Invalid

Role = Literal["", "product", "model", "variant"]
RECORD_MAX = 4_000_000  # characters of one record, quoted line breaks included
_BLOCK = 1 << 20
_SAMPLE = 1 << 16
DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A file's fingerprint (SHA-256 in hex), size in bytes and encoding as Python names it."""

    digest: str
    size: int
    encoding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Cells of one line. `role`: what the row is about, where the layout says so ("" = it shows by its cells).
    `unsaid`: places of cells that the row does not have at all (JSON), which is not the same as empty."""

    line: int
    cells: tuple[str, ...]
    role: Role = ""
    unsaid: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Lines that are no row: from `line` to `last`."""

    line: int
    last: int
    cause: str
    fix: str


def survey(path: Path) -> Survey:
    """Read the file once for its fingerprint and encoding: UTF-8 and UTF-16 with or without a byte order mark, else
    Windows-1252.

    Raises:
        Invalid: there is no such file, or it cannot be opened.
    """
    sha = hashlib.sha256()
    size = valid = broken = 0
    first = b""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    try:
        with path.open("rb") as handle:
            while block := handle.read(_BLOCK):
                first = first or block[:_SAMPLE]
                sha.update(block)
                size += len(block)
                text = decoder.decode(block)
                if not text.isascii():
                    bad = text.count("�")
                    broken += bad
                    valid += sum(1 for char in text if char > "\x7f") - bad
            broken += decoder.decode(b"", final=True).count("�")
    except OSError as error:
        raise Invalid(
            f"the file cannot be read: {path} ({error.strerror or type(error).__name__})",
            field="path", value=str(path), fix="check its name and who may read it",
        ) from error  # fmt: skip
    return Survey(digest=sha.hexdigest(), size=size, encoding=_encoding(first, valid, broken))


def _encoding(first: bytes, valid: int, broken: int) -> str:
    """`valid`, `broken`: how many characters beyond ASCII are right in UTF-8, and how many are not."""
    if first.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = len(first) // 2
    if pairs >= 2:
        low, high = first[0 : 2 * pairs : 2].count(0), first[1 : 2 * pairs : 2].count(0)
        if high > 0.4 * pairs and low < 0.05 * pairs:
            return "utf-16-le"
        if low > 0.4 * pairs and high < 0.05 * pairs:
            return "utf-16-be"
    # In a Windows-1252 file hardly any character beyond ASCII is right in UTF-8 by chance; a damaged UTF-8 file has
    # mostly right ones, and its damaged rows are reported one by one.
    return "utf-8" if broken == 0 or valid > broken else "cp1252"


class _Lines:
    """Lines for the csv reader, with their number and a limit for what one record may take."""

    def __init__(self, handle: io.TextIOBase) -> None:
        self._handle = handle
        self.number = 0
        self.left = RECORD_MAX

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._handle.readline(self.left + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > self.left:
            while line and line[-1] not in "\r\n":
                line = self._handle.readline(RECORD_MAX)
            raise _TooLongError
        self.left -= len(line)
        return line


class _TooLongError(Exception):
    """One record takes more than RECORD_MAX characters."""


def choose_delimiter(path: Path, encoding: str, score: Callable[[tuple[str, ...]], int]) -> str:
    """The delimiter under which the first row scores best (`score` counts the column names it knows)."""
    with path.open(encoding=encoding, errors="replace", newline="") as handle:
        sample = handle.read(_SAMPLE)
    declared = _declared(sample)
    if declared is not None:
        return declared

    def merit(delimiter: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader(io.StringIO(sample.lstrip(), newline=""), delimiter=delimiter), [])
        except csv.Error:
            return (0, 0)
        return score(tuple(cells)), len(cells)

    return max(DELIMITERS, key=merit)


def _declared(sample: str) -> str | None:
    """Excel's own hint: a first line «sep=;»."""
    first = sample.splitlines()[0].strip().strip('"') if sample.strip() and sample.splitlines() else ""
    if first.lower().startswith("sep=") and first[4:] in DELIMITERS:
        return first[4:]
    return None


def rows(path: Path, encoding: str, delimiter: str, at: Callable[[int], None]) -> Iterator[Row | Unreadable]:
    """Rows in order, empty ones left out. `at` is told the position in bytes now and then."""
    with path.open("rb") as raw, io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline="") as handle:
        lines = _Lines(handle)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        told = 0
        while True:
            first = lines.number + 1
            lines.left = RECORD_MAX
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield _unreadable(first, lines.number, str(error))
                continue
            except _TooLongError:
                yield Unreadable(
                    line=first, last=lines.number, cause=f"a row has more than {RECORD_MAX:,} characters",
                    fix="look for a quotation mark that is never closed",
                )  # fmt: skip
                continue
            if cells is None:
                return
            if lines.number - told >= 100:
                told = lines.number
                at(raw.tell())
            if first == 1 and len(cells) <= 2 and cells and cells[0].strip().lower().startswith("sep="):
                continue
            if any(cell.strip() for cell in cells):
                yield Row(line=first, cells=tuple(cells))


def _unreadable(first: int, last: int, reason: str) -> Unreadable:
    fix = "look for a quotation mark that is never closed or stands alone; inside a quoted cell it is written twice"
    if "field larger" in reason:
        cause = f"a cell has more than {csv.field_size_limit():,} characters"
    elif "unexpected end" in reason:
        cause = "the file ends inside a quoted cell"
    elif "expected after" in reason:
        cause = "there is text after the closing quotation mark of a cell"
    else:
        cause = f"the row cannot be read ({reason})"
    if last > first:
        cause += f"; lines {first} to {last} are lost with it"
    return Unreadable(line=first, last=last, cause=cause, fix=fix)
