"""Exports as jobs: the selection is fixed when they start, the columns are found in a first walk over it, the rows are
appended in a second; what a killed job wrote beyond its last step is cut off when it goes on. A layout may have a second
file beside the first.

The file grows beside its place and moves there when it is complete: nobody finds half an export.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.db.session import Sessions
from hub.db.upsert import table_of
from hub.kernel.errors import Invalid
from hub.pim.bulk import selection as selecting
from hub.pim.bulk.models import BulkTarget
from hub.pim.bulk.selection import Selection
from hub.pim.exporting.goods import Goods, goods
from hub.pim.exporting.layouts import LAYOUTS, Layout, layout_of
from hub.pim.history.note import By
from hub.pim.jobs import retention, run
from hub.pim.jobs.models import Job
from hub.pim.jobs.run import JobView, Step, Worker

STEP = 1_000
COLUMNS_MAX = 2_000
_COUNTS = ("products", "variants", "rows", "left_out")
SHEET_ROWS_MAX = 1_000_000
CELL_MAX = 32_767
"""Characters that a cell of a workbook holds."""


def start(
    session: Session, path: Path, profile: str, form: str, by: By, now: datetime, *, chosen: Selection | None = None
) -> Job:
    """Put an export to `path` in the queue; without `chosen`, of every product. An old file of that name is replaced when
    the new one is complete.

    Raises:
        Invalid: no such layout or form, or there is no such folder.
        Unknown: something that the selection asks about does not exist.
    """
    layout_of(profile, form)
    if not path.parent.is_dir() or path.is_dir():
        raise Invalid(f"{path.parent} is not a folder to write to", field="path", value=str(path))
    job = run.start(
        session, kind="export", title=f"Export to {path.name}", by=by, now=now,
        params={"path": str(path.absolute()), "profile": profile, "format": form},
    )  # fmt: skip
    job.total = selecting.keep(session, job.id, chosen)
    return job


class Export:
    """The worker: a page of products per step."""

    def step(self, session: Session, job: JobView, now: datetime) -> Step:
        form = str(job.params["format"])
        layout = layout_of(str(job.params["profile"]), form)
        path = Path(str(job.params["path"]))
        cursor = dict(job.cursor)
        total = job.total or 0
        if cursor.get("columns") is None:
            if layout.further is not None and form != "jsonl":
                return self._look(session, job, layout, cursor, total)
            cursor["columns"] = list(layout.header(()))
        part = path.with_name(f".{path.name}.{job.id}.part")
        at = int(cursor.get("at", 0))
        ids = _ids(session, job.id, at)
        names = _COUNTS if layout.beside is None else (*_COUNTS, "model_rows")
        report = {name: int(job.report.get(name, 0)) for name in names}
        text, beside = _texts(layout, form, cursor, goods(session, ids), report, first=at == 0)
        cursor["bytes"] = _append(part, int(cursor.get("bytes", 0)), text)
        second, second_part = beside_name(path), beside_name(part)
        if layout.beside is not None:
            cursor["beside_bytes"] = _append(second_part, int(cursor.get("beside_bytes", 0)), beside)
        cursor["at"] = at + len(ids)
        finished = cursor["at"] >= total
        if finished and layout.beside is not None:
            if report["model_rows"]:
                _finish(second_part, second, form, report["model_rows"])
            else:
                second_part.unlink()
        if finished:
            _finish(part, path, form, report["rows"])
        said = {**report, "file": str(path)} | ({"models_file": str(second)} if report.get("model_rows") else {})
        return Step(cursor=cursor, done=cursor["at"], report=said, finished=finished)

    def _look(self, session: Session, job: JobView, layout: Layout, cursor: dict[str, Any], total: int) -> Step:
        """Find the columns of the next products."""
        assert layout.further is not None
        looked = int(cursor.get("looked", 0))
        ids = _ids(session, job.id, looked)
        extras = set(cursor.get("extras", ())) | layout.further(goods(session, ids))
        if len(extras) > COLUMNS_MAX:
            raise Invalid(
                f"these products need more than {COLUMNS_MAX:,} columns", field="format", fix="export JSON lines"
            )
        cursor |= {"looked": looked + len(ids), "extras": sorted(extras)}
        if cursor["looked"] >= total:
            cursor["columns"] = list(layout.header(extras))
            if layout.beside is not None:
                cursor["beside_columns"] = list(layout.beside.header(extras))
        return Step(cursor=cursor, done=0, report=dict(job.report))


def _ids(session: Session, job_id: int, at: int) -> Sequence[int]:
    t = table_of(BulkTarget)
    query = select(t.c.product_id).where(t.c.job_id == job_id, t.c.position > at).order_by(t.c.position).limit(STEP)
    return session.scalars(query).all()


def beside_name(path: Path) -> Path:
    """The second file of a layout that has one: goods.csv → goods-models.csv."""
    return path.with_name(f"{path.stem}-models{path.suffix}")


def _texts(
    layout: Layout, form: str, cursor: Mapping[str, Any], found: Iterable[Goods], report: dict[str, int], *, first: bool
) -> tuple[str, str]:
    """What the next products add to the file and to the one beside it, counted in `report`."""
    out, beside = io.StringIO(), io.StringIO()
    columns: Sequence[str] = cursor["columns"]
    writer, second = csv.writer(out, lineterminator="\n"), csv.writer(beside, lineterminator="\n")
    if first and form != "jsonl":
        out.write("\ufeff")  # spreadsheets know by it that this is UTF-8
        writer.writerow(columns)
        if layout.beside is not None:
            beside.write("\ufeff")
            second.writerow(cursor["beside_columns"])
    for one in found:
        report["products"] += 1
        report["variants"] += len(one.variants)
        if form == "jsonl":
            assert layout.record is not None
            out.write(msgspec.json.encode(layout.record(one)).decode() + "\n")
            report["rows"] += 1
            continue
        before = report["rows"] + report.get("model_rows", 0)
        for row in layout.rows(one, columns):
            writer.writerow(row)
            report["rows"] += 1
        for row in () if layout.beside is None else layout.beside.rows(one, cursor["beside_columns"]):
            second.writerow(row)
            report["model_rows"] += 1
        report["left_out"] += report["rows"] + report.get("model_rows", 0) == before
    return out.getvalue(), beside.getvalue()


def _append(part: Path, length: int, text: str) -> int:
    """Write `text` at `length`, and cut off what stands beyond; returns the new length."""
    with part.open("r+b" if part.exists() else "w+b") as file:
        if file.seek(0, io.SEEK_END) < length:
            raise Invalid(f"{part.name} is gone or was cut off", field="path", fix="start the export anew")
        file.seek(length)
        file.truncate()
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def _finish(part: Path, path: Path, form: str, rows: int) -> None:
    if form != "xlsx":
        part.replace(path)
        return
    if rows > SHEET_ROWS_MAX:
        raise Invalid(
            f"a sheet holds no {rows:,} rows", field="format", value="xlsx", fix="export CSV, or fewer products"
        )
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Products")
    with part.open(encoding="utf-8-sig", newline="") as file:
        for line, row in enumerate(csv.reader(file), 1):
            sheet.append([_sheet_cell(sheet, text, line) for text in row])
    made = part.with_suffix(".xlsx")
    book.save(made)
    made.replace(path)
    part.unlink()


def _sheet_cell(sheet: Any, text: str, line: int) -> Any:
    if not text:
        return None
    if len(text) > CELL_MAX:
        raise Invalid(
            f"row {line} has a cell of {len(text):,} characters; a workbook's holds {CELL_MAX:,}", field="format",
            value="xlsx", fix="export CSV",
        )  # fmt: skip
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"  # a GTIN is no number, and nothing is a formula
    return cell


def forms() -> Iterator[tuple[str, str]]:
    """Every layout with every form of its files."""
    for layout in LAYOUTS.values():
        for form in layout.formats:
            yield layout.name, form


def _forget(session: Session, job: Job) -> None:
    session.execute(delete(table_of(BulkTarget)).where(table_of(BulkTarget).c.job_id == job.id))


def _make(sessions: Sessions) -> Worker:
    return Export()


run.register("export", _make)
retention.register("export", _forget)
