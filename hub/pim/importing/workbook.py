"""The rows of a sheet of an XLSX workbook. The file is not trusted: its sizes are looked at before it is unpacked, and
whatever is wrong inside it is an `Unreadable` or an Invalid."""

from __future__ import annotations

import datetime as dt
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from hub.kernel.errors import Invalid
from hub.pim.importing.reading import Row, Unreadable

UNPACKED_MAX = 2_000_000_000  # bytes of all parts together
STRINGS_MAX = 200_000_000  # bytes of the shared strings, which are held in memory
RATIO_MAX = 250  # a sheet of real data packs some 10 to 40 times
RATIO_FROM = 5_000_000  # small parts may pack well
PARTS_MAX = 5_000
COLUMNS_MAX = 2_000
EMPTY_ROWS_MAX = 100_000
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]{0,200}?ref\s*=\s*"([A-Z]{1,3}[0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
_MERGES_MAX = 10_000
# What openpyxl and the modules under it raise on a broken part; there is no common base class.
_BROKEN = (
    zipfile.BadZipFile, InvalidFileException, zlib.error, SyntaxError, KeyError, ValueError, TypeError, AttributeError,
    IndexError, EOFError, OSError, RuntimeError, NotImplementedError, OverflowError, AssertionError,
)  # fmt: skip


def sheets(path: Path) -> list[str]:
    """The names of the workbook's sheets, in order.

    Raises:
        Invalid: it is not a workbook, or one that would take too much to unpack.
    """
    _guard(path)
    book = _open(path)
    try:
        return [sheet.title for sheet in book.worksheets]
    finally:
        book.close()


def choose(names: list[str], wanted: str | None) -> str:
    """The sheet to read: the one asked for, else the one that Amazon's templates keep their rows in, else the first.

    Raises:
        Invalid: there is none of that name, or none at all.
    """
    if wanted is not None and wanted not in names:
        raise Invalid(
            f"there is no sheet {wanted!r}", field="sheet", value=wanted, fix=f"one of: {', '.join(names[:20])}"
        )
    if not names:
        raise Invalid("the workbook has no sheet with cells", field="file", fix="save it again from a spreadsheet")
    return wanted or next((name for name in names if name.strip().casefold() == "template"), names[0])


def rows(path: Path, sheet: str, at: Callable[[int], None]) -> Iterator[Row | Unreadable]:
    """Rows that have a cell, in order, each up to its last one. All cells are text: numbers without loss, dates like
    2026-11-22."""
    size = path.stat().st_size
    book = _open(path)
    number = 0
    try:
        try:
            page = book[sheet]
            merged = _merged(path, page)
            page.reset_dimensions()  # what the file says about its size may be wrong
            cells = page.iter_rows()
        except _BROKEN as error:
            yield _damaged(1, error)
            return
        empty = 0
        while True:
            try:
                with _quiet():
                    found = next(cells, None)
            except _BROKEN as error:
                yield _damaged(number + 1, error)
                return
            if found is None:
                return
            number += 1
            if number % 100 == 0:
                at(min(size, number * 50))
            if len(found) > COLUMNS_MAX:
                yield Unreadable(
                    line=number, last=number, cause=f"the row has more than {COLUMNS_MAX:,} cells",
                    fix="remove the columns that are not needed",
                )  # fmt: skip
                continue
            texts = [_text(cell.value) for cell in found]
            if not any(text.strip() for text in texts):
                empty += 1
                if empty > EMPTY_ROWS_MAX:
                    yield Unreadable(
                        line=number, last=number, cause=f"{EMPTY_ROWS_MAX:,} empty rows follow each other",
                        fix="delete the empty rows below the data",
                    )  # fmt: skip
                    return
                continue
            empty = 0
            if number in merged:
                yield Unreadable(
                    line=number, last=number, cause=f"cells are merged here ({merged[number]}): only one has the value",
                    fix="split the merged cells and fill in each",
                )  # fmt: skip
                continue
            yield Row(line=number, cells=tuple(texts[: _used(texts)]))
    finally:
        with suppress(*_BROKEN):
            book.close()


def _used(texts: list[str]) -> int:
    return max(index for index, text in enumerate(texts, 1) if text.strip())


def _damaged(line: int, error: BaseException) -> Unreadable:
    return Unreadable(
        line=line, last=line, cause=f"the sheet is damaged from here on ({type(error).__name__})",
        fix="open it in a spreadsheet and save it again",
    )  # fmt: skip


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{Decimal(repr(value)).normalize():f}" if value == value and abs(value) < 1e300 else str(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time(0) else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)


def _guard(path: Path) -> None:
    """Raises Invalid if unpacking would take too much, or if this is no zip file at all."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (*_BROKEN,) as error:
        raise Invalid(
            "the file is not a workbook, or it is damaged", field="file", fix="save it again as XLSX or as CSV"
        ) from error
    if not any(part.filename == "[Content_Types].xml" for part in parts):
        raise Invalid("the file is a zip archive, not a workbook", field="file", fix="unpack it and choose a file")
    too_large = (
        len(parts) > PARTS_MAX
        or sum(part.file_size for part in parts) > UNPACKED_MAX
        or any(part.file_size > STRINGS_MAX for part in parts if "sharedStrings" in part.filename)
        or any(part.file_size > RATIO_FROM and part.file_size > RATIO_MAX * part.compress_size for part in parts)
    )
    if too_large:
        raise Invalid(
            "the workbook would take too much to unpack", field="file", fix="save it as CSV, or divide it into several"
        )
    if any(part.flag_bits & 1 for part in parts):
        raise Invalid("the workbook is encrypted", field="file", fix="save it without a password")


@contextmanager
def _quiet() -> Iterator[None]:
    """openpyxl warns of parts that it leaves out (print areas, validation): nothing that we read, and nobody's concern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _open(path: Path) -> Any:
    try:
        # By its content: an upload is stored under its digest, and openpyxl refuses names without .xlsx.
        with _quiet():
            return openpyxl.load_workbook(
                io.BytesIO(path.read_bytes()), read_only=True, data_only=False, keep_links=False
            )
    except _BROKEN as error:
        raise Invalid(
            f"the workbook is damaged ({type(error).__name__})", field="file",
            fix="open it in a spreadsheet and save it again",
        ) from error  # fmt: skip


def _merged(path: Path, page: Any) -> dict[int, str]:
    """Rows that a merged range touches → the range. openpyxl does not tell when it streams; the ranges stand after all
    rows, so the part is looked through once."""
    out: dict[int, str] = {}
    with zipfile.ZipFile(path) as archive, archive.open(page._worksheet_path.lstrip("/")) as part:
        rest = b""
        while block := part.read(1 << 20):
            text = rest + block
            for match in _MERGED.finditer(text):
                first, last = int(re.sub(rb"[A-Z]", b"", match.group(1))), int(match.group(3))
                name = f"{match.group(1).decode()}:{match.group(2).decode()}{match.group(3).decode()}"
                for line in range(first, min(last, first + _MERGES_MAX) + 1):
                    out.setdefault(line, name)
                if len(out) > _MERGES_MAX:
                    return out
            rest = text[-300:]
    return out
