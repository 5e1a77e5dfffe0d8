"""`hub jobs`: imports, bulk edits and their undo: look, run, stop, go on, take back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from hub.cli.common import console, json_option, show, system
from hub.cli.tables import instant, safe, table
from hub.cli.values import person
from hub.db.session import reading, unit
from hub.pim import workers
from hub.pim.history import undo as undoing
from hub.pim.jobs import reads, run
from hub.pim.jobs.reads import JobRow
from hub.pim.jobs.run import Progress
from hub.wiring import System

_STATES = ("ready", "running", "stopping", "stopped", "done", "failed", "undone")
_wait_option = click.option("--wait/--no-wait", default=True, show_default=True, help="Carry it out here and now.")


@click.group("jobs")
def jobs() -> None:
    """Long work on the catalogue: imports, bulk edits and their undo."""


@jobs.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only these; repeat the option.")
@click.option("--kind", default="", help="Only this kind: import, bulk, undo, export.")
@click.option("--before", type=int, help="Only jobs before this number: the next page.")
@click.option("--limit", type=click.IntRange(1, reads.PAGE_MAX), default=reads.PAGE, show_default=True)
@json_option
def list_(states: tuple[str, ...], kind: str, before: int | None, limit: int, as_json: bool) -> None:
    """Jobs, the newest first."""
    with system() as running:
        with reading(running.sessions) as session:
            rows = reads.page(session, running.clock.now(), states=states, kind=kind, before=before, limit=limit)
        text = table(
            ("job", "kind", "title", "state", "done", "of", "began", "by"),
            [(r.id, r.kind, r.title, r.state, r.done, r.total, instant(r.created_at), r.actor) for r in rows],
        )
        show({"jobs": [row.as_dict() for row in rows]}, as_json=as_json, text=text)


@jobs.command("show")
@click.argument("job", type=int)
@json_option
def show_(job: int, as_json: bool) -> None:
    """How far JOB is, and what it did."""
    with system() as running:
        shown(running, job, as_json)


@jobs.command()
@click.argument("job", type=int)
@json_option
def stop(job: int, as_json: bool) -> None:
    """Stop JOB after the step it is in. What it did stays done, and can be taken back."""
    with system() as running:
        with unit(running.sessions) as session:
            run.ask_to_stop(session, job, running.clock.now())
        shown(running, job, as_json)


@jobs.command()
@click.argument("job", type=int)
@_wait_option
@json_option
def resume(job: int, wait: bool, as_json: bool) -> None:
    """Let JOB, which was stopped or failed, go on from where it is. Exit code 1 if it fails."""
    with system() as running:
        with unit(running.sessions) as session:
            run.resume(session, job, running.clock.now())
        finish(running, job, as_json, wait=wait)


@jobs.command("run")
@click.argument("job", type=int)
@click.option("--take-over", is_flag=True, help="Even if somebody seems to work on it: a worker that died, say.")
@json_option
def run_(job: int, take_over: bool, as_json: bool) -> None:
    """Carry out JOB here, from where it is. Exit code 1 if it fails, or if somebody else works on it."""
    with system() as running:
        finish(running, job, as_json, take_over=take_over)


@jobs.command()
@click.argument("job", type=int)
@_wait_option
@json_option
def undo(job: int, wait: bool, as_json: bool) -> None:
    """Take back everything that JOB, an import or a bulk edit, changed: for 30 days after its end.

    Where somebody changed a field since, it stays and is listed.
    """
    with system() as running:
        workers.load()
        with unit(running.sessions) as session:
            started = undoing.start(session, job, person(), running.clock.now())
        finish(running, started.id, as_json, wait=wait)


def finish(running: System, job: int, as_json: bool, *, wait: bool = True, take_over: bool = False) -> None:
    """Carry the job out here (unless `wait` is off), with a progress bar, and show what became of it. Ends the process
    with exit code 1 if it failed or is somebody else's, 130 if Ctrl-C stopped it."""
    workers.load()
    state: str | None = "ready"
    if wait:
        with reading(running.sessions) as session:
            title = reads.one(session, job, running.clock.now()).title
        with bar(title) as moved:
            try:
                state = run.run(running.sessions, running.clock, job, progress=moved, take_over=take_over)
            except KeyboardInterrupt:
                with unit(running.sessions) as session:
                    run.ask_to_stop(session, job, running.clock.now())
                run.run(running.sessions, running.clock, job, steps=1, take_over=True)
                state = "interrupted"
    row = shown(running, job, as_json)
    if state == "interrupted":
        sys.exit(130)
    if row.state == "failed" or (wait and state in (None, "lost")):
        sys.exit(1)


@contextmanager
def bar(title: str) -> Iterator[Callable[[Progress], None]]:
    """A progress bar on standard error, where that is a terminal."""
    if not console.is_terminal:
        yield lambda done: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as shown_bar:
        task = shown_bar.add_task(safe(title), total=None)
        yield lambda seen: shown_bar.update(task, completed=seen.done, total=seen.total)


def shown(running: System, job: int, as_json: bool) -> JobRow:
    """Print a job."""
    with reading(running.sessions) as session:
        row = reads.one(session, job, running.clock.now())
    show(row.as_dict(), as_json=as_json, text=_text(row))
    return row


def _text(row: JobRow) -> str:
    of = "" if row.total is None else f" of {row.total}"
    lines = [
        f"job {row.id}: {safe(row.title)}",
        f"{row.kind}, {row.state}, {row.done}{of} done, by {safe(row.actor)}",
        f"created {instant(row.created_at)}, began {instant(row.started_at)}, ended {instant(row.ended_at)}",
    ]
    if row.lease_until is not None and row.state in ("running", "stopping"):
        lines.append(f"somebody works on it; it can be taken over from {instant(row.lease_until)}")
    if row.error:
        lines.append(f"error: {safe(row.error)}")
    for name, value in row.report.items():
        if isinstance(value, list):
            lines += [f"  {_line(item)}" for item in value[:50]]
            if len(value) > 50:
                lines.append(f"  … and {len(value) - 50} more (--json has them)")
        elif value not in (0, "", None):
            lines.append(f"{safe(name.replace('_', ' '))}: {safe(value)}")
    if row.undone_by is not None:
        lines.append(f"taken back by job {row.undone_by}")
    return "\n".join(lines)


def _line(item: Any) -> str:
    if not isinstance(item, dict):
        return safe(item)
    return ", ".join(f"{safe(name)} {safe(value)}" for name, value in item.items() if value not in (None, ""))


COMMANDS = (jobs,)
