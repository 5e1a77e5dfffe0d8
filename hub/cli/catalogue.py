"""`hub import`: files into the catalogue."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from hub.cli.common import console, json_option, show, system
from hub.cli.tables import safe
from hub.pim.importing import ImportReport, import_products
from hub.pim.importing.profiles import PROFILES
from hub.pim.importing.report import Progress as Done


@click.group("import")
def import_() -> None:
    """Bring files into the hub."""


@import_.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--profile", type=click.Choice(sorted(PROFILES)), required=True, help="Whose layout the file has.")
@click.option("--currency", required=True, help="The currency of every price in the file, like EUR.")
@click.option("--location", help="Whose stock Shopify's quantities open (default: the first by priority).")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option("--errors-only", is_flag=True, help="List only rows that were not taken.")
@json_option
def products(
    file: Path, profile: str, currency: str, location: str | None, dry_run: bool, errors_only: bool, as_json: bool
) -> None:
    """Products, variants and opening stock of a CSV file. The same file again changes nothing.

    One bad row never stops the others: it is named with its line, its column and what to do. Exit code 1 if any row
    was not taken.
    """
    with system() as running, _bar(file.name) as moved:
        report = import_products(
            running.sessions, file, profile, currency=currency.strip().upper(), dry_run=dry_run, clock=running.clock,
            location=location, progress=moved,
        )  # fmt: skip
    value = report.as_dict()
    if errors_only:
        value["results"] = [row.as_dict() for row in report.problems()]
    show(value, as_json=as_json, text=_text(report, errors_only))
    if not report.clean:
        sys.exit(1)


@contextmanager
def _bar(name: str) -> Iterator[Callable[[Done], None]]:
    """A progress bar on standard error, where that is a terminal."""
    if not console.is_terminal:
        yield lambda done: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
               TextColumn("{task.fields[counts]}"))  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(safe(name), total=None, counts="")
        yield lambda done: bar.update(
            task,
            completed=done.done,
            total=done.total,
            counts=f"{done.rows} rows, {done.variants} variants, {done.errors} errors",
        )


def _text(report: ImportReport, errors_only: bool) -> str:
    lines = []
    for row in report.results:
        if row.result == "error":
            column = f" {safe(row.field)}:" if row.field else ""
            fix = f" — {safe(row.fix)}" if row.fix else ""
            lines.append(f"line {row.line}: {row.subject} {safe(row.key)}:{column} {safe(row.cause)}{fix}")
        elif not errors_only:
            lines.append(f"line {row.line}: {row.subject} {safe(row.key)}: {row.result}")
    if report.omitted:
        lines.append(f"… and {report.omitted} more")

    def counts(by: dict[str, int]) -> str:
        return ", ".join(f"{count} {name}" for name, count in by.items())

    lines.append(
        f"{safe(report.file)}: {report.rows} rows" + (" (dry run: nothing was changed)" if report.dry_run else "")
    )
    lines.append(f"products: {counts(report.products)}")
    lines.append(f"variants: {counts(report.variants)}")
    lines.append(f"pictures: {report.pictures}, opening stock: {report.opening_units} units")
    if report.ignored_columns:
        lines.append("columns not used: " + ", ".join(safe(name) for name in report.ignored_columns))
    lines.append(f"errors: {report.errors} in {report.bad_rows} rows")
    return "\n".join(lines)


COMMANDS = (import_,)
