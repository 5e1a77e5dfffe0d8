"""An import as a job: read, check if that was asked for, then write; each step one unit of about 500 rows.

The cursor is the number of the last product written. A killed import reads its file again (which writes nothing) and
goes on behind that product. All or nothing: everything is written and taken back first, and only a file without any
error is then written. If somebody else changes the catalogue between the check and the writing so that a row is refused
after all, the job fails at that step; what earlier steps wrote stays, and can be undone as a whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from hub.db.session import Sessions
from hub.db.upsert import put_new
from hub.kernel.errors import Invalid, NotAllowedNow
from hub.kernel.text import shorten
from hub.pim.history.note import By
from hub.pim.importing import mappings, uploads
from hub.pim.importing.catalogue_layouts import LAYOUTS
from hub.pim.importing.engine import Batch, Engine
from hub.pim.importing.layouts import layout_of
from hub.pim.importing.models import ImportRow, Upload
from hub.pim.importing.profiles import Columns
from hub.pim.importing.report import KEEP, KEEP_CHANGES, RowResult, Tally
from hub.pim.importing.run import (
    PRODUCT_ROWS_MAX,
    Options,
    located,
    opened,
    plan_of,
    reading_of,
    token_of,
)
from hub.pim.importing.sources import Wish
from hub.pim.importing.writing import write
from hub.pim.jobs import run
from hub.pim.jobs.models import Job
from hub.pim.jobs.run import JobView, Step, Worker

READ_ROWS = 10_000
_KEPT = ("seq", "good", "bad", "changes", "omitted")
_COUNTS = ("rows", "pictures", "opening_units", "errors", "bad_rows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An import to be made. `profile` is a layout or a saved mapping; what `options` does not say, the mapping does."""

    digest: str
    profile: str
    options: Options
    all_or_nothing: bool = False
    dry_run: bool = False
    models_digest: str = ""


def start(session: Session, home: Path, request: Request, by: By, now: datetime) -> Job:
    """Put an import of an uploaded file in the queue.

    Raises:
        Unknown: the file was not uploaded, or there is no such mapping.
        Invalid: no such layout.
    """
    upload = uploads.get(session, request.digest)
    layout, options, strict = request.profile, request.options, request.all_or_nothing
    if layout not in LAYOUTS:
        layout, options = with_mapping(session, request.profile, options)
        strict = strict or bool(mappings.get(session, request.profile).options.get("all_or_nothing"))
    layout_of(layout, LAYOUTS)
    models: Upload | None = uploads.get(session, request.models_digest) if request.models_digest else None
    params: dict[str, Any] = {
        "digest": upload.digest, "file": upload.name, "path": str(uploads.place(home, upload.digest)),
        "profile": request.profile, "layout": layout, "dry_run": request.dry_run,
        "all_or_nothing": strict, "token": token_of(upload.digest), "currency": options.currency,
        "location": options.location, "clear": options.clear, "base_locale": options.base_locale,
        "axes": list(options.axes), "renamed": dict(options.renamed), "wish": dataclasses.asdict(options.wish),
        "models_digest": request.models_digest,
        "models": "" if models is None else str(uploads.place(home, models.digest)),
        "models_file": "" if models is None else models.name,
    }  # fmt: skip
    title = f"{'Trial of ' if request.dry_run else 'Import of '}{upload.name}"
    return run.start(session, kind="import", title=title, params=params, by=by, now=now)


def with_mapping(session: Session, name: str, given: Options) -> tuple[str, Options]:
    """The layout under a saved mapping, and `given` completed by what the mapping says.

    Raises:
        Unknown: there is no mapping of that name.
    """
    saved = mappings.get(session, name)
    said: Mapping[str, Any] = saved.options
    wish = Wish(
        format=given.wish.format or (saved.format or None),  # type: ignore[arg-type]  # checked when it was saved
        encoding=given.wish.encoding or said.get("encoding"), delimiter=given.wish.delimiter or said.get("delimiter"),
        sheet=given.wish.sheet or said.get("sheet"),
    )  # fmt: skip
    return saved.layout, dataclasses.replace(
        given, currency=given.currency or str(said.get("currency", "")), location=given.location or said.get("location"),
        clear=given.clear or said.get("blank") == "clear", base_locale=given.base_locale or str(said.get("base_locale", "")),
        axes=given.axes or tuple(said.get("axes", ())), wish=wish, renamed={**saved.columns, **given.renamed},
    )  # fmt: skip


class ImportWorker:
    """Keeps the file open between steps."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._engine: Engine | None = None
        self._columns: Columns | None = None
        self._ready = False
        self._refused: list[RowResult] = []
        self._batches: Iterator[Batch] | None = None
        self._batches_of = ""

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()

    def step(self, session: Session, job: JobView, now: datetime) -> Step:
        if self._engine is None:
            self._open(job)
        engine = self._engine
        assert engine is not None
        phase = str(job.cursor.get("phase", "read"))
        if not self._ready:
            self._ready = engine.read(READ_ROWS)
            if not self._ready:
                return Step(cursor=job.cursor, done=job.done, total=job.total, report=job.report)
            if phase != "read":  # the job was taken over: what the reading found is stored already
                self._refused.clear()
            else:
                return self._read(session, job)
        batch = next(self._in(phase, job), None)
        return self._end(session, job, phase) if batch is None else self._batch(session, job, phase, batch, now)

    def _open(self, job: JobView) -> None:
        params = job.params
        options = _options(params)
        plan = plan_of(self._sessions, Path(params["path"]), str(params["layout"]), options)
        self._engine = Engine(plan, self._refused.extend, product_rows_max=PRODUCT_ROWS_MAX)
        self._columns = opened(self._sessions, self._engine, self._refused.extend)
        if self._columns is None:
            first = self._refused[0]
            raise Invalid(f"{params['file']}, line {first.line}: {first.cause}", field=first.field, fix=first.fix)

    def _read(self, session: Session, job: JobView) -> Step:
        """All rows are in: store what was wrong with them, and go on to checking or writing."""
        engine = self._engine
        assert engine is not None
        tally = Tally()
        tally.rows = engine.rows
        checks = bool(job.params["all_or_nothing"] or job.params["dry_run"])
        cursor = {"phase": "check" if checks else "write", "after": 0, **dict.fromkeys(_KEPT, 0)}
        return self._stored(session, job, cursor, tally, job.done, engine.rows * (2 if self._twice(job) else 1))

    def _twice(self, job: JobView) -> bool:
        return bool(job.params["all_or_nothing"]) and not job.params["dry_run"]

    def _in(self, phase: str, job: JobView) -> Iterator[Batch]:
        if self._batches is None or self._batches_of != phase:
            assert self._engine is not None
            how = reading_of(self._sessions, _options(job.params))
            self._batches = self._engine.batches(how, int(job.cursor.get("after", 0)))
            self._batches_of = phase
        return self._batches

    def _batch(self, session: Session, job: JobView, phase: str, batch: Batch, now: datetime) -> Step:
        params = job.params
        assert self._columns is not None
        if phase == "check":
            with taken_back(session):
                outcome = write(session, self._columns, batch.products, params["token"], params["file"], now)
        else:
            outcome = write(session, self._columns, batch.products, params["token"], params["file"], now)
        errors = [result for result in outcome.results if result.result == "error"]
        if errors and phase == "write" and params["all_or_nothing"]:
            raise NotAllowedNow(
                f"line {errors[0].line}: {errors[0].cause}. It was right when the file was checked: the catalogue was "
                "changed meanwhile. What was written before this line stays",
                field=errors[0].field, fix="undo this import, then start it again",
            )  # fmt: skip
        tally = _tally(job.report)
        tally.opening_units += outcome.opened
        tally.pictures += outcome.pictures
        self._refused.extend(outcome.results)
        cursor = {**job.cursor, "after": batch.last}
        return self._stored(session, job, cursor, tally, job.done + batch.rows, job.total)

    def _end(self, session: Session, job: JobView, phase: str) -> Step:
        tally = _tally(job.report)
        cursor = dict(job.cursor)
        if phase == "check" and not job.params["dry_run"]:
            if not tally.errors:
                session.execute(delete(ImportRow).where(ImportRow.job_id == job.id))
                fresh = Tally()
                fresh.rows = tally.rows
                cursor = {"phase": "write", "after": 0, **dict.fromkeys(_KEPT, 0)}
                self._batches = None
                return self._stored(session, job, cursor, fresh, job.done, job.total)
            nothing = Tally()
            nothing.rows, nothing.errors, nothing.bad_rows = tally.rows, tally.errors, tally.bad_rows
            step = self._stored(session, job, cursor, nothing, job.done, job.done)
            return dataclasses.replace(step, finished=True, report={**step.report, "outcome": "nothing written"})
        step = self._stored(session, job, cursor, tally, job.done, job.total)
        outcome = "trial" if job.params["dry_run"] else "imported"
        return dataclasses.replace(step, finished=True, report={**step.report, "outcome": outcome})

    def _stored(
        self, session: Session, job: JobView, cursor: Mapping[str, Any], tally: Tally, done: int, total: int | None
    ) -> Step:
        """Count and keep the results that came together in this step."""
        assert self._engine is not None
        assert self._columns is not None
        results = located(self._refused, str(job.params["models_file"]))
        self._refused = []
        tally.add(results)
        kept = {name: int(cursor[name]) for name in _KEPT}
        rows: list[dict[str, Any]] = []
        for result in results:
            sort = "bad" if result.result == "error" else "good"
            if kept[sort] >= KEEP:
                kept["omitted"] += 1
                continue
            kept[sort] += 1
            kept["seq"] += 1
            kept["changes"] += bool(result.changes)
            row = _row(result)
            if kept["changes"] > KEEP_CHANGES:
                row["changes"] = {}
            rows.append({**row, "job_id": job.id, "seq": kept["seq"]})
        put_new(session, ImportRow, rows, key=("job_id", "seq"))
        source = self._engine.source
        report: dict[str, Any] = {name: getattr(tally, name) for name in _COUNTS}
        report |= {
            "products": dict(tally.products),
            "variants": dict(tally.variants),
            "listed": kept["seq"],
            "omitted": kept["omitted"],
        }
        report |= {"format": source.format, "encoding": source.encoding, "delimiter": source.delimiter,
                   "sheet": source.sheet, "ignored_columns": list(self._columns.ignored),
                   "header": list(self._engine.header)}  # fmt: skip
        return Step(cursor={**cursor, **kept}, done=done, total=total, report=report)


def _row(result: RowResult) -> dict[str, Any]:
    row = result.as_dict()
    return {name: shorten(text, 2_000) if isinstance(text, str) else text for name, text in row.items()}


def _tally(report: Mapping[str, Any]) -> Tally:
    tally = Tally()
    for name in _COUNTS:
        setattr(tally, name, int(report.get(name, 0)))
    tally.products.update(report.get("products", {}))
    tally.variants.update(report.get("variants", {}))
    return tally


def _options(params: Mapping[str, Any]) -> Options:
    return Options(
        currency=params["currency"], location=params["location"], clear=params["clear"],
        base_locale=params["base_locale"], axes=tuple(params["axes"]), renamed=params["renamed"],
        wish=Wish(**params["wish"]), models=Path(params["models"]) if params["models"] else None,
    )  # fmt: skip


@contextmanager
def taken_back(session: Session) -> Iterator[None]:
    """What happens inside leaves no trace: neither in the database nor in what the unit wants to do at its end."""
    kept = {key: list(value) if isinstance(value, list) else value for key, value in session.info.items()}
    nested = session.begin_nested()
    try:
        yield
    finally:
        nested.rollback()
        session.info.clear()
        session.info.update(kept)


def _make(sessions: Sessions) -> Worker:
    return ImportWorker(sessions)


run.register("import", _make)
