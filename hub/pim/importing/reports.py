"""What an import left behind: its counts, its rows, and a file of the rows that were not taken."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from hub.db.session import Sessions, reading
from hub.kernel.errors import Unknown
from hub.pim.importing import sources
from hub.pim.importing.models import ImportRow
from hub.pim.importing.reading import Row
from hub.pim.importing.report import KEEP, ImportReport, Result, RowResult
from hub.pim.importing.sources import Wish
from hub.pim.jobs.models import Job

PAGE_MAX = 1_000


def job_of(session: Session, job_id: int) -> Job:
    """Raises Unknown if there is no such import."""
    job = session.get(Job, job_id)
    if job is None or job.kind != "import":
        raise Unknown(f"there is no import {job_id}", field="job", value=job_id, fix="`hub jobs list --kind import`")
    return job


def rows_of(
    session: Session, job_id: int, *, result: Result | None = None, limit: int = 100, after: tuple[int, int] = (0, 0)
) -> Sequence[ImportRow]:
    """Rows of a job in the order of the file. `after`: (line, seq) of the last one seen."""
    query = select(ImportRow).where(ImportRow.job_id == job_id, tuple_(ImportRow.line, ImportRow.seq) > tuple_(*after))
    if result is not None:
        query = query.where(ImportRow.result == result)
    return session.scalars(query.order_by(ImportRow.line, ImportRow.seq).limit(min(limit, PAGE_MAX))).all()


def report_of(sessions: Sessions, job_id: int) -> ImportReport:
    """The report of an import, as `import_products` gives it; `results` are the rows that were kept.

    Raises:
        Unknown: there is no such import.
    """
    with reading(sessions) as session:
        job = job_of(session, job_id)
        rows = session.scalars(
            select(ImportRow).where(ImportRow.job_id == job_id).order_by(ImportRow.line, ImportRow.seq).limit(2 * KEEP)
        ).all()
    said, params = job.report, job.params
    results = tuple(
        RowResult(
            line=row.line, subject=row.subject, key=row.key, result=row.result, field=row.field,  # type: ignore[arg-type]  # written from a RowResult
            cause=row.cause, fix=row.fix, changes=row.changes, file=row.file,
        )
        for row in rows
    )  # fmt: skip
    return ImportReport(
        file=params["file"], profile=params["profile"], dry_run=params["dry_run"], currency=params["currency"],
        encoding=said.get("encoding", ""), delimiter=said.get("delimiter", ""), digest=params["digest"],
        rows=int(said.get("rows", 0)), products=dict(said.get("products", {})), variants=dict(said.get("variants", {})),
        pictures=int(said.get("pictures", 0)), opening_units=int(said.get("opening_units", 0)),
        errors=int(said.get("errors", 0)),
        bad_rows=int(said.get("bad_rows", 0)), ignored_columns=tuple(said.get("ignored_columns", ())), results=results,
        omitted=int(said.get("omitted", 0)), format=said.get("format", "csv"),
        sheet=said.get("sheet", ""), job=job.id, outcome=said.get("outcome", ""),
    )  # fmt: skip


def error_file(sessions: Sessions, job_id: int) -> Iterator[str]:
    """The rows that were not taken, as CSV text piece by piece: the header of the file and a column `reason`, so that
    the rows can be corrected and imported alone.

    Raises:
        Unknown: there is no such import, or its file was removed.
    """
    with reading(sessions) as session:
        job = job_of(session, job_id)
        rows = session.scalars(
            select(ImportRow)
            .where(ImportRow.job_id == job_id, ImportRow.result == "error")
            .order_by(ImportRow.line, ImportRow.seq)
        ).all()
    reasons: dict[int, list[str]] = {}
    for row in rows:
        if not row.file:
            where = f"{row.field}: " if row.field else ""
            reasons.setdefault(row.line, []).append(f"{where}{row.cause} - {row.fix}" if row.fix else where + row.cause)
    path = Path(job.params["path"])
    if not path.exists():
        raise Unknown("the file of this import was removed", field="job", value=job_id, fix="import it again")
    wish = {**job.params["wish"]}
    if job.report.get("format") == "csv":
        wish |= {"delimiter": job.report["delimiter"], "encoding": job.report["encoding"]}
    return _lines(path, Wish(**wish), list(job.report.get("header", ())), reasons)


def _lines(path: Path, wish: Wish, header: list[str], reasons: dict[int, list[str]]) -> Iterator[str]:
    source = sources.look(path, lambda heading: True, wish)
    yield _line(header, ["reason"])
    for row in sources.rows(source, lambda here: None):
        if row.line in reasons:
            # of lines that could not be read at all there is only the reason
            cells = list(row.cells) if isinstance(row, Row) else []
            yield _line([*cells, *[""] * (len(header) - len(cells))], reasons[row.line])


def _line(cells: list[str], reasons: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([*cells, "; ".join(reasons)])
    return out.getvalue()
