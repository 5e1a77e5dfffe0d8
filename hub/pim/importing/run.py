"""Importing a product file in one go: read, bring together by product, write in units of about 500 rows.

A crash between two units loses nothing and doubles nothing: products and variants are put by handle and SKU, and the
opening stock of a new SKU is posted in the unit that creates it, under a token made from the file, the SKU and the
location. A dry run does all of it and takes each unit back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.session import Sessions, reading, unit
from hub.kernel import failpoints
from hub.kernel.clock import Clock
from hub.kernel.errors import Invalid
from hub.kernel.money import Money
from hub.kernel.text import shorten
from hub.pim import stock
from hub.pim.attributes.models import Locale
from hub.pim.history.note import By, act_as
from hub.pim.importing.catalogue_layouts import LAYOUTS
from hub.pim.importing.engine import LINES_PER_FILE, Batch, Engine, Plan, file_error
from hub.pim.importing.layouts import Opening, layout_of
from hub.pim.importing.profiles import Columns
from hub.pim.importing.report import ImportReport, Progress, RowResult, Tally
from hub.pim.importing.sources import Wish
from hub.pim.importing.variants import Reading
from hub.pim.importing.writing import Outcome, write
from hub.pim.models import Location

PRODUCT_ROWS_MAX = 5_000
DEFAULT_LOCATION = "main"
READ_ROWS = 20_000  # rows between two reports of progress while the file is read


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a file is imported. `currency` is that of every price without one of its own; `location` the code of the place
    whose stock quantities open (None = the first by priority). `clear`: an empty cell empties its fact; otherwise it
    says nothing. `base_locale` and `axes`: see layouts.Opening. `renamed`: see engine.Plan."""

    currency: str
    location: str | None = None
    clear: bool = False
    base_locale: str = ""
    axes: tuple[str, ...] = ()
    wish: Wish = field(default_factory=Wish)
    renamed: Mapping[str, str] = field(default_factory=dict)
    models: Path | None = None


def import_products(
    sessions: Sessions,
    path: Path,
    profile: str,
    *,
    currency: str,
    dry_run: bool,
    clock: Clock,
    location: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    options: Options | None = None,
) -> ImportReport:
    """Bring the products of a file into the hub; importing the same file again changes nothing.

    `profile` is the layout (docs/import.md). `currency` is that of every price in the file. `location` is the code of
    the place whose stock Shopify's quantities open; without it the first by priority, or a new one named «main» if
    there is none. `options` says the rest. Whatever is wrong inside the file is in the report, with its line.

    Raises:
        Invalid: no such profile or currency, or the file cannot be opened.
        Unknown: there is no such location.
    """
    chosen = options or Options(currency=currency, location=location)
    plan = plan_of(sessions, Path(path), profile, chosen)
    tally = Tally()
    names = (plan.path.name, "" if plan.models is None else plan.models.name)
    tell = progress or (lambda done: None)

    def add(results: list[RowResult]) -> None:
        tally.add(located(results, names[1]))

    try:
        engine = Engine(plan, add, product_rows_max=PRODUCT_ROWS_MAX)
    except Invalid as problem:
        if problem.field != "file":
            raise
        add([file_error(1, "file", problem.message, problem.fix or "choose another file")])
        return _unopened(tally, plan, chosen, dry_run)
    with engine:
        source = engine.source
        columns = opened(sessions, engine, add)
        if columns is not None:
            while not engine.read(READ_ROWS):
                tally.rows = engine.rows
                tell(tally.progress(engine.position // 10, source.size))
            tally.rows = engine.rows
            how = reading_of(sessions, chosen)
            written = 0
            for batch in engine.batches(how):
                outcome = _write(sessions, columns, batch, source.digest, names[0], dry_run, clock)
                add(outcome.results)
                tally.opening_units += outcome.opened
                tally.pictures += outcome.pictures
                written += batch.rows
                done = source.size // 10 + source.size * 9 // 10 * written // max(written, engine.rows)
                tell(tally.progress(done, source.size))
        tell(tally.progress(source.size, source.size))
        results, omitted = tally.results()
        return ImportReport(
            file=names[0], profile=profile, dry_run=dry_run, currency=chosen.currency, encoding=source.encoding,
            delimiter=source.delimiter, digest=source.digest, rows=tally.rows, products=dict(tally.products),
            variants=dict(tally.variants), pictures=tally.pictures, opening_units=tally.opening_units,
            errors=tally.errors, bad_rows=tally.bad_rows, ignored_columns=() if columns is None else columns.ignored,
            results=results, omitted=omitted, format=source.format, sheet=source.sheet,
        )  # fmt: skip


def plan_of(sessions: Sessions, path: Path, profile: str, options: Options) -> Plan:
    """Raises:
    Invalid: no such layout or currency.
    """
    layout = layout_of(profile, LAYOUTS)
    try:
        Money.zero(options.currency)
    except ValueError as error:
        raise Invalid(str(error), field="currency", value=options.currency, fix="write it like EUR") from error
    with reading(sessions) as session:
        locales = frozenset(session.scalars(select(Locale.code)))
    opening = Opening(currency=options.currency, locales=locales, base_locale=options.base_locale, axes=options.axes)
    return Plan(
        path=path, layout=layout, opening=opening, wish=options.wish, renamed=dict(options.renamed),
        models=options.models,
    )  # fmt: skip


def opened(sessions: Sessions, engine: Engine, refuse: Callable[[list[RowResult]], None]) -> Columns | None:
    """The engine's columns; None if the header cannot be used, or names a place that is not there."""
    columns = engine.open()
    if columns is None:
        return None
    with reading(sessions) as session:
        codes = set(session.scalars(select(Location.code)))
    known = f"one of: {', '.join(sorted(codes))}; or add it" if codes else "add the location"
    problems = [
        file_error(1, columns.heading[f"stock:{code}"], f"no location has the code {shorten(code, 40)!r}", known)
        for code in columns.stock
        if code not in codes
    ]
    refuse(problems)
    return None if problems else columns


def reading_of(sessions: Sessions, options: Options) -> Reading:
    """Raises:
    Unknown: there is no such location.
    """
    with reading(sessions) as session:
        if options.location is not None:
            code = stock.location_by_code(session, options.location).code
        else:
            first = session.scalars(select(Location.code).order_by(Location.priority, Location.id).limit(1)).first()
            code = first or DEFAULT_LOCATION
    return Reading(currency=options.currency, opening_location=code, clear=options.clear)


def located(results: list[RowResult], second: str) -> list[RowResult]:
    """Results with the lines of their own file: those of the second file name it."""
    if not second:
        return results
    return [replace(r, line=r.line - LINES_PER_FILE, file=second) if r.line >= LINES_PER_FILE else r for r in results]


def _unopened(tally: Tally, plan: Plan, options: Options, dry_run: bool) -> ImportReport:
    results, omitted = tally.results()
    return ImportReport(
        file=plan.path.name, profile=plan.layout.name, dry_run=dry_run, currency=options.currency, encoding="",
        delimiter="", digest="", rows=0, products=dict(tally.products), variants=dict(tally.variants), pictures=0,
        opening_units=0, errors=tally.errors, bad_rows=tally.bad_rows, ignored_columns=(), results=results,
        omitted=omitted,
    )  # fmt: skip


class _TakeBackError(Exception):
    """Ends the unit of a dry run without a trace."""


def _write(
    sessions: Sessions, columns: Columns, batch: Batch, digest: str, file: str, dry_run: bool, clock: Clock
) -> Outcome:
    outcome: Outcome | None = None
    try:
        with unit(sessions) as session:
            outcome = _written(session, columns, batch, digest, file, clock)
            failpoints.reach("import.before_commit")
            if dry_run:
                raise _TakeBackError
    except _TakeBackError:
        pass
    failpoints.reach("import.batch")
    assert outcome is not None
    return outcome


def _written(session: Session, columns: Columns, batch: Batch, digest: str, file: str, clock: Clock) -> Outcome:
    act_as(session, By(kind="import", name=shorten(file, 120)))
    return write(session, columns, batch.products, token_of(digest), file, clock.now())


def token_of(digest: str) -> str:
    """What the tokens of an import's stock movements begin with: the same file opens the stock of a SKU once."""
    return f"import:{digest[:32]}"
