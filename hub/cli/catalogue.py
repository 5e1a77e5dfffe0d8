"""`hub import`: files into the catalogue."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from hub.cli.common import console, json_option, show, system
from hub.cli.tables import instant, safe, table
from hub.cli.values import person
from hub.db.session import reading, unit
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.pim import workers
from hub.pim.history.note import act_as
from hub.pim.importing import ImportReport, import_products, job, mappings, reports, uploads
from hub.pim.importing.catalogue_layouts import LAYOUTS
from hub.pim.importing.detect import detect
from hub.pim.importing.mappings import MappingSpec
from hub.pim.importing.profiles import heading_key
from hub.pim.importing.report import Progress as Done
from hub.pim.importing.run import Options
from hub.pim.importing.sources import FORMATS, Format, Wish
from hub.pim.jobs import run as jobs
from hub.pim.jobs.run import Progress as JobProgress
from hub.wiring import System

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("import")
def import_() -> None:
    """Bring files into the hub."""


@import_.command()
@click.argument("file", type=_FILE)
@click.option(
    "--profile",
    default="auto",
    show_default=True,
    help="Whose layout the file has: hub, shopify, woocommerce, akeneo, amazon, a saved mapping, or auto.",
)
@click.option("--currency", default="", help="The currency of every price in the file, like EUR.")
@click.option("--location", help="Whose stock quantities without a place open (default: the first by priority).")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option(
    "--blank",
    type=click.Choice(["keep", "clear"]),
    default="keep",
    show_default=True,
    help="What an empty cell means: leave the fact as it is, or empty it.",
)
@click.option("--all-or-nothing", is_flag=True, help="Check the whole file first; write nothing if a row has an error.")
@click.option("--map", "map_", type=_FILE, help="JSON file: heading of the file → heading of the layout.")
@click.option("--save-mapping", default="", help="Remember the mapping under this name.")
@click.option("--models", type=_FILE, help="Akeneo: the file of the product models.")
@click.option("--base-locale", default="", help="Akeneo: the language without scope, like en_US (default: the first).")
@click.option("--axes", default="", help="Akeneo: what variants differ in, like color,size (default: found out).")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Instead of what the file looks like.")
@click.option("--encoding", help="Instead of what the file looks like.")
@click.option("--delimiter", help="Instead of what the file looks like.")
@click.option("--sheet", help="Of a workbook (default: the first).")
@click.option("--errors-only", is_flag=True, help="List only rows that were not taken.")
@json_option
def products(
    file: Path, profile: str, currency: str, location: str | None, dry_run: bool, blank: str, all_or_nothing: bool,
    map_: Path | None, save_mapping: str, models: Path | None, base_locale: str, axes: str, format_: Format | None,
    encoding: str | None, delimiter: str | None, sheet: str | None, errors_only: bool, as_json: bool,
) -> None:  # fmt: skip
    """Products, variants and opening stock of a CSV, XLSX or JSON lines file. The same file again changes nothing.

    One bad row never stops the others: it is named with its line, its column and what to do. The import is a job: it
    goes on after a crash (`hub jobs`) and can be undone as a whole. Exit code 1 if any row was not taken.
    """
    wish = Wish(format=format_, encoding=encoding, delimiter=delimiter, sheet=sheet)
    given = Options(
        currency=currency.strip().upper(), location=location, clear=blank == "clear", base_locale=base_locale,
        axes=tuple(part.strip() for part in axes.split(",") if part.strip()), wish=wish, models=models,
    )  # fmt: skip
    with system() as running:
        layout, options, header = _mapped(running, file, profile, given, map_)
        if save_mapping:
            with unit(running.sessions) as session:
                act_as(session, person())
                spec = MappingSpec(name=save_mapping, layout=layout, columns=options.renamed, header=header,
                                   options=_saved(options))  # fmt: skip
                mappings.save(session, spec, running.clock.now())
        if dry_run:
            with _bar(file.name) as moved:
                report = import_products(
                    running.sessions, file, layout, currency=options.currency, dry_run=True, clock=running.clock,
                    progress=moved, options=options,
                )  # fmt: skip
        else:
            report = _carried_out(running, file, layout, options, all_or_nothing)
    value = report.as_dict()
    if errors_only:
        value["results"] = [row.as_dict() for row in report.problems()]
    show(value, as_json=as_json, text=_text(report, errors_only))
    if not report.clean:
        sys.exit(1)


def _mapped(
    running: System, file: Path, profile: str, given: Options, map_: Path | None
) -> tuple[str, Options, tuple[str, ...]]:
    """The layout, the options with the mapping of the columns, and the file's header where it was looked at."""
    header: tuple[str, ...] = ()
    layout, options = profile, given
    if profile == "auto":
        found = detect(running.sessions, file, given.wish)
        header, layout = found.header, found.layout
        if found.mapping:
            with reading(running.sessions) as session:
                layout, options = job.with_mapping(session, found.mapping, given)
        else:
            options = dataclasses.replace(given, renamed=found.renamed())
    elif profile not in LAYOUTS:
        with reading(running.sessions) as session:
            try:
                layout, options = job.with_mapping(session, profile, given)
            except Unknown as problem:
                known = ", ".join(sorted(LAYOUTS))
                raise click.BadParameter(f"{problem.message}; layouts: {known}", param_hint="--profile") from problem
    if map_ is not None:
        options = dataclasses.replace(options, renamed={**options.renamed, **_map_file(map_)})
    return layout, options, header or detect(running.sessions, file, given.wish).header


def _map_file(path: Path) -> dict[str, str]:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (msgspec.DecodeError, OSError) as error:
        raise Invalid(
            f"{path.name} is not a mapping ({error})", field="--map", value=str(path),
            fix='write JSON like {"Artikelnummer": "sku", "Preis": "price", "Intern": ""}',
        ) from error  # fmt: skip
    return {heading_key(heading): target for heading, target in found.items()}


def _saved(options: Options) -> dict[str, object]:
    """What of the options is remembered with a mapping."""
    said: dict[str, object] = {
        "currency": options.currency, "location": options.location, "blank": "clear" if options.clear else "",
        "base_locale": options.base_locale, "axes": list(options.axes), "encoding": options.wish.encoding,
        "delimiter": options.wish.delimiter, "sheet": options.wish.sheet,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value}


def _carried_out(running: System, file: Path, layout: str, options: Options, all_or_nothing: bool) -> ImportReport:
    """Upload the file, and run its import here."""
    workers.load()
    now = running.clock.now()
    home = running.settings.home
    with unit(running.sessions) as session:
        models_digest = ""
        if options.models is not None:
            with options.models.open("rb") as stream:
                models_digest = uploads.store(session, home, stream, options.models.name, now).digest
        with file.open("rb") as stream:
            digest = uploads.store(session, home, stream, file.name, now).digest
        request = job.Request(
            digest=digest, profile=layout, options=options, all_or_nothing=all_or_nothing, models_digest=models_digest
        )
        by = dataclasses.replace(person(), kind="import")
        number = job.start(session, home, request, by, now).id
    with _bar(file.name) as moved:

        def tell(done: JobProgress) -> None:
            total = done.total or 0
            moved(Done(done=done.done, total=total, rows=done.done, products=0, variants=0, errors=0))

        jobs.run(running.sessions, running.clock, number, progress=tell)
    ended = jobs.view(running.sessions, number)
    if ended.state != "done":
        raise NotAllowedNow(
            ended.error or f"the import is {ended.state}", field="job", value=number, fix=f"`hub jobs show {number}`"
        )
    return reports.report_of(running.sessions, number)


@import_.command("detect")
@click.argument("file", type=_FILE)
@click.option("--layout", type=click.Choice(sorted(LAYOUTS)), help="Propose columns for this layout.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Instead of what the file looks like.")
@click.option("--encoding", help="Instead of what the file looks like.")
@click.option("--delimiter", help="Instead of what the file looks like.")
@click.option("--sheet", help="Of a workbook (default: the first).")
@json_option
def detect_(
    file: Path, layout: str | None, format_: Format | None, encoding: str | None, delimiter: str | None,
    sheet: str | None, as_json: bool,
) -> None:  # fmt: skip
    """What FILE is: format, encoding, delimiter, layout, and what its columns probably mean. Changes nothing."""
    with system() as running:
        found = detect(
            running.sessions, file, Wish(format=format_, encoding=encoding, delimiter=delimiter, sheet=sheet),
            layout=layout,
        )  # fmt: skip
    lines = [
        f"{safe(file.name)}: {found.format}, layout {found.layout}"
        + (f", encoding {found.encoding}" if found.encoding else "")
        + (f", delimiter {found.delimiter!r}" if found.delimiter else "")
        + (f", sheet {safe(found.sheet)}" if found.sheet else ""),
        f"header in line {found.header_line}" + (f", saved mapping {safe(found.mapping)}" if found.mapping else ""),
        table(
            ("column", "is", "score", "because"),
            [(safe(c.heading), safe(c.target) or "(left out)", c.score, c.why) for c in found.columns],
        ),
    ]
    if found.missing:
        lines.append("missing: " + ", ".join(found.missing))
    show(found.as_dict(), as_json=as_json, text="\n".join(lines))


@import_.command("mappings")
@click.option("--delete", "name", help="Delete the mapping of this name.")
@click.option("--after", default="", help="Only names after this one: the next page.")
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True)
@json_option
def mappings_(name: str | None, after: str, limit: int, as_json: bool) -> None:
    """Saved mappings: a supplier's headings and what they mean."""
    with system() as running:
        if name is not None:
            with unit(running.sessions) as session:
                act_as(session, person())
                mappings.delete(session, name, running.clock.now())
            show({"deleted": name}, as_json=as_json, text=f"deleted {safe(name)}")
            return
        with reading(running.sessions) as session:
            found = mappings.listed(session, limit=limit, after=after)
        value = [
            {"name": m.name, "layout": m.layout, "columns": m.columns, "options": m.options, "updated_at": m.updated_at}
            for m in found
        ]
        rows = [(safe(m.name), m.layout, len(m.columns), instant(m.updated_at)) for m in found]
        show({"mappings": value}, as_json=as_json, text=table(("mapping", "layout", "columns", "changed"), rows))


@import_.command("errors")
@click.argument("number", metavar="JOB", type=int)
@click.option("--after", type=(int, int), default=(0, 0), help="With --json: LINE and SEQ of the last one seen.")
@click.option("--limit", type=click.IntRange(1, reports.PAGE_MAX), default=100, show_default=True, help="With --json.")
@json_option
def errors(number: int, after: tuple[int, int], limit: int, as_json: bool) -> None:
    """The rows that import JOB did not take, as CSV with a column «reason»: correct them and import that file."""
    with system() as running:
        if not as_json:
            for line in reports.error_file(running.sessions, number):
                click.echo(line, nl=False)
            return
        with reading(running.sessions) as session:
            reports.job_of(session, number)
            rows = reports.rows_of(session, number, result="error", limit=limit, after=after)
        names = ("line", "seq", "subject", "key", "field", "cause", "fix", "file")
        show({"errors": [{name: getattr(row, name) for name in names} for row in rows]}, as_json=True)


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
            total=done.total or None,
            counts=f"{done.rows} rows",
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
    if report.outcome == "nothing written":
        lines.append("nothing was written: all or nothing was asked for, and there are errors")
    if report.job is not None:
        lines.append(
            f"job {report.job}" + ("" if report.clean else f": `hub import errors {report.job}` for a file of them")
        )
    lines.append(f"errors: {report.errors} in {report.bad_rows} rows")
    return "\n".join(lines)


COMMANDS = (import_,)
