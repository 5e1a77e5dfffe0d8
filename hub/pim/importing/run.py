"""Importing a product file: read, group by product, write in units of about 500 rows.

A crash between two units loses nothing and doubles nothing: products and variants are put by handle and SKU, and the
opening stock of a new SKU is posted in the unit that creates it, under a token made from the file, the SKU and the
location. A dry run does all of it and takes each unit back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.session import Sessions, reading, unit
from hub.db.upsert import put_new
from hub.kernel import failpoints
from hub.kernel.clock import Clock
from hub.kernel.errors import HubError, Invalid
from hub.kernel.money import Money
from hub.kernel.text import shorten
from hub.pim import catalog, facts, ledger, stock
from hub.pim.attributes import define
from hub.pim.catalog import Change, PutProducts, PutVariants, Refused, Written
from hub.pim.importing import reading as files
from hub.pim.importing.parse import ParsedProduct, ParsedVariant, parse_product, product_fields, variant_fields
from hub.pim.importing.profiles import PROFILES, Columns, Profile, columns_of
from hub.pim.importing.report import ImportReport, Progress, Result, RowResult, Tally
from hub.pim.models import Location

BATCH_ROWS = 500
PRODUCT_ROWS_MAX = 5_000
DEFAULT_LOCATION = "main"
_RESULTS: dict[Change, Result] = {
    Change.CREATED: "created",
    Change.UPDATED: "updated",
    Change.UNCHANGED: "unchanged",
}


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
) -> ImportReport:
    """Bring the products of a CSV file into the hub; importing the same file again changes nothing.

    `profile` is the layout: «shopify» or «hub» (docs/import.md). `currency` is that of every price in the file.
    `location` is the code of the place whose stock Shopify's quantities open; without it the first by priority, or a
    new one named «main» if there is none. Whatever is wrong inside the file is in the report, with its line.

    Raises:
        Invalid: no such profile or currency, or the file cannot be opened.
        Unknown: there is no such location.
    """
    layout = PROFILES.get(profile)
    if layout is None:
        raise Invalid(
            f"there is no layout {profile!r}", field="profile", value=profile, fix="one of: " + ", ".join(PROFILES)
        )
    try:
        Money.zero(currency)
    except ValueError as error:
        raise Invalid(str(error), field="currency", value=currency, fix="write it like EUR") from error
    return _Import(sessions, Path(path), layout, currency, dry_run, clock, location, progress).run()


class _TakeBackError(Exception):
    """Ends the unit of a dry run without a trace."""


@dataclass(frozen=True, slots=True)
class _Import:
    sessions: Sessions
    path: Path
    profile: Profile
    currency: str
    dry_run: bool
    clock: Clock
    location: str | None
    progress: Callable[[Progress], None] | None

    def run(self) -> ImportReport:
        seen = files.survey(self.path)
        tally = Tally()
        delimiter = ","
        ignored: tuple[str, ...] = ()
        if seen.size == 0:
            tally.add([_file_error(1, "file", "the file is empty", "choose the file that your program exported")])
        else:
            known = self.profile.meaning
            delimiter = files.choose_delimiter(
                self.path, seen.encoding, lambda cells: sum(known(cell) is not None for cell in cells)
            )
            position = 0

            def at(here: int) -> None:
                nonlocal position
                position = here

            rows = files.rows(self.path, seen.encoding, delimiter, at)
            columns, problems = self._header(rows)
            tally.add(problems)
            ignored = () if columns is None else columns.ignored
            if columns is not None and not problems:
                opening = self._opening_location()
                for batch in self._batches(columns, rows, tally, opening):
                    self._write(columns, batch, tally, seen.digest)
                    if self.progress is not None:
                        self.progress(tally.progress(position, seen.size))
        if self.progress is not None:
            self.progress(tally.progress(seen.size, seen.size))
        results, omitted = tally.results()
        return ImportReport(
            file=self.path.name, profile=self.profile.name, dry_run=self.dry_run, currency=self.currency,
            encoding=seen.encoding, delimiter=delimiter, digest=seen.digest, rows=tally.rows,
            products=dict(tally.products), variants=dict(tally.variants), pictures=tally.pictures,
            opening_units=tally.opening_units, errors=tally.errors, bad_rows=tally.bad_rows, ignored_columns=ignored,
            results=results, omitted=omitted,
        )  # fmt: skip

    def _header(self, rows: Iterator[files.Row | files.Unreadable]) -> tuple[Columns | None, list[RowResult]]:
        first = next(rows, None)
        if first is None:
            return None, [_file_error(1, "file", "there is nothing but empty lines in the file", "export it again")]
        if isinstance(first, files.Unreadable):
            return None, [_file_error(first.line, "file", first.cause, first.fix)]
        columns, problems = columns_of(self.profile, first.cells)
        with reading(self.sessions) as session:
            codes = set(session.scalars(select(Location.code)))
        for code in columns.having("stock"):
            if code not in codes:
                place = columns.heading[f"stock:{code}"]
                known = f"one of: {', '.join(sorted(codes))}; or add it" if codes else "add the location"
                problems.append(Invalid(f"no location has the code {shorten(code, 40)!r}", field=place, fix=known))
        return columns, [_file_error(first.line, p.field or "", p.message, p.fix or "") for p in problems]

    def _opening_location(self) -> str:
        with reading(self.sessions) as session:
            if self.location is not None:
                return stock.location_by_code(session, self.location).code
            first = session.scalars(select(Location.code).order_by(Location.priority, Location.id).limit(1)).first()
            return first or DEFAULT_LOCATION

    def _batches(
        self, columns: Columns, rows: Iterator[files.Row | files.Unreadable], tally: Tally, opening: str
    ) -> Iterator[list[ParsedProduct]]:
        """Whole products, about BATCH_ROWS rows at a time."""
        batch: list[ParsedProduct] = []
        size = 0
        skus: dict[str, int] = {}
        for handle, group in _groups(columns, rows, tally):
            product = parse_product(columns, handle, group, currency=self.currency, opening_location=opening)
            batch.append(_without_repeated(columns, product, skus))
            size += len(group)
            if size >= BATCH_ROWS:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _write(self, columns: Columns, batch: list[ParsedProduct], tally: Tally, digest: str) -> None:
        token = f"import:{digest[:32]}"
        try:
            with unit(self.sessions) as session:
                results, opened = _put(session, columns, batch, token, self.path.name, self.clock.now())
                failpoints.reach("import.before_commit")
                if self.dry_run:
                    raise _TakeBackError
        except _TakeBackError:
            pass
        tally.add(results)
        tally.opening_units += opened
        taken = {r.key for r in results if r.subject == "product" and r.result != "error"}
        tally.pictures += sum(len(p.facts.images) for p in batch if p.facts is not None and p.handle in taken)
        failpoints.reach("import.batch")


def _file_error(line: int, field: str, cause: str, fix: str) -> RowResult:
    return RowResult(line=line, subject="file", key="", result="error", field=field, cause=cause, fix=fix)


def _groups(
    columns: Columns, rows: Iterator[files.Row | files.Unreadable], tally: Tally
) -> Iterator[tuple[str, list[files.Row]]]:
    """Neighbouring rows of one handle. Rows that belong to no product are reported to `tally` here."""
    place = columns.place["handle"]
    name = columns.heading["handle"]
    began: dict[str, int] = {}
    handle: str | None = None
    group: list[files.Row] = []

    def refuse(line: int, key: str, field: str, cause: str, fix: str) -> None:
        result = RowResult(
            line=line, subject="product", key=shorten(key, 120), result="error", field=field, cause=cause, fix=fix
        )
        tally.add([result])

    for row in rows:
        tally.rows += 1
        if isinstance(row, files.Unreadable):
            refuse(row.line, "", "", row.cause, row.fix)
            continue
        if len(row.cells) != columns.width:
            refuse(
                row.line, row.cells[place].strip() if place < len(row.cells) else "", "",
                f"this row has {len(row.cells)} cells, the first row has {columns.width}",
                "look for a missing or stray delimiter or quotation mark",
            )  # fmt: skip
            continue
        try:
            here = facts.handle_text(row.cells[place], name)
        except Invalid as problem:
            refuse(row.line, row.cells[place], name, problem.message, problem.fix or "correct the cell")
            continue
        if here != handle:
            if handle is not None and group:
                yield handle, group
            handle, group = here, []
        if began.setdefault(here, row.line) != row.line and not group:
            refuse(
                row.line, here, name, f"the product {here} has rows further up, from line {began[here]}",
                "keep the rows of a product together: sort the file by this column",
            )  # fmt: skip
            continue
        if len(group) >= PRODUCT_ROWS_MAX:
            refuse(
                row.line, here, name, f"the product {here} has more than {PRODUCT_ROWS_MAX:,} rows",
                "make several products of it",
            )  # fmt: skip
            continue
        group.append(row)
    if handle is not None and group:
        yield handle, group


def _without_repeated(columns: Columns, product: ParsedProduct, skus: dict[str, int]) -> ParsedProduct:
    """The product without the variants whose SKU an earlier row of the file has. `skus`: SKU → its first line."""
    kept: list[ParsedVariant] = []
    problems = list(product.problems)
    for variant in product.variants:
        sku = variant.facts.sku
        first = skus.setdefault(sku, variant.line)
        if first == variant.line:
            kept.append(variant)
        else:
            cause = f"the SKU {sku} is in line {first} already"
            problems.append(_bad(variant.line, sku, columns.heading.get("sku", "sku"), cause, "give each its own SKU"))
    return replace(product, variants=tuple(kept), problems=tuple(problems))


def _bad(line: int, sku: str, field: str, cause: str, fix: str) -> RowResult:
    return RowResult(line=line, subject="variant", key=sku, result="error", field=field, cause=cause, fix=fix)


def _put(
    session: Session, columns: Columns, batch: list[ParsedProduct], token: str, file: str, now: datetime
) -> tuple[list[RowResult], int]:
    """Write one batch; returns what became of its rows, and how many units of stock were opened."""
    define.declare(session, columns.having("attribute"))
    results = [problem for product in batch for problem in product.problems]
    refused = catalog.refusals(session, [v.facts for p in batch if p.facts is not None for v in p.variants])
    writable = [p for p in batch if p.facts is not None and any(v.facts.sku not in refused for v in p.variants)]
    answers = catalog.put_products(
        session,
        PutProducts(products=[p.facts for p in writable if p.facts is not None], fields=product_fields(columns)),
        now,
    )
    done: dict[str, Written] = {}
    for product, answer in zip(writable, answers, strict=True):
        if isinstance(answer, Written):
            done[product.handle] = answer
        else:
            results.append(_left_out(product, answer.problem.message, answer.problem.fix or ""))
    variants: list[ParsedVariant] = []
    for product in batch:
        written = done.get(product.handle)
        if written is None:
            results.extend(_abandoned(product, refused))
            continue
        change = _RESULTS[written.change]
        results.append(RowResult(line=product.line, subject="product", key=product.handle, result=change))
        for line in product.picture_lines:
            seen: Result = change if change == "created" or "images" in written.fields else "unchanged"
            results.append(RowResult(line=line, subject="picture", key=product.handle, result=seen))
        for variant in product.variants:
            problem = refused.get(variant.facts.sku)
            if problem is None:
                variants.append(variant)
            else:
                results.append(_refused(columns, variant, problem))
    created: dict[str, int] = {}
    command = PutVariants(variants=[v.facts for v in variants], fields=variant_fields(columns))
    for variant, outcome in zip(variants, catalog.put_variants(session, command, now), strict=True):
        if isinstance(outcome, Refused):
            results.append(_refused(columns, variant, outcome.problem))
            continue
        results.append(
            RowResult(line=variant.line, subject="variant", key=variant.facts.sku, result=_RESULTS[outcome.change])
        )
        if outcome.change is Change.CREATED:
            created[variant.facts.sku] = outcome.id
    opened = _open_stock(session, [v for v in variants if v.facts.sku in created], created, token, file, now)
    return results, opened


def _open_stock(
    session: Session, new: list[ParsedVariant], ids: dict[str, int], token: str, file: str, now: datetime
) -> int:
    codes = {code for variant in new for code in variant.stock}
    if not codes:
        return 0
    # Only Shopify's quantities can name a place that is not there: the first one of a new installation.
    fresh = [{"code": code, "name": code.capitalize(), "priority": 100} for code in sorted(codes)]
    put_new(session, Location, fresh, key=("code",))
    places = dict(session.execute(select(Location.code, Location.id).where(Location.code.in_(codes))).tuples().all())
    posted = ledger.post(
        session,
        [
            ledger.Movement(
                variant_id=ids[v.facts.sku], location_id=places[code], kind="count", delta=count,
                token=f"{token}:{v.facts.sku}:{code}", reason="opening stock", reference=shorten(file, 120), by="import",
            )
            for v in new
            for code, count in v.stock.items()
        ],
        now,
    )  # fmt: skip
    return sum(movement.delta for movement in posted)


def _refused(columns: Columns, variant: ParsedVariant, problem: HubError) -> RowResult:
    meaning = {"options": "option1_value"}.get(problem.field or "", problem.field or "")
    return _bad(
        variant.line, variant.facts.sku, columns.heading.get(meaning, meaning), problem.message,
        problem.fix or "correct the row",
    )  # fmt: skip


def _left_out(product: ParsedProduct, cause: str, fix: str) -> RowResult:
    return RowResult(
        line=product.line, subject="product", key=product.handle, result="error", cause=cause, fix=fix or "correct it"
    )


def _abandoned(product: ParsedProduct, refused: dict[str, HubError]) -> list[RowResult]:
    """The rows of a product that was left out: each says so, unless it has an error of its own."""
    out: list[RowResult] = []
    if product.facts is not None and not product.problems and not product.variants:
        out.append(_left_out(product, "the product has no row with a variant", "add a row with a price"))
    cause = f"the product {shorten(product.handle, 60)} was left out"
    for variant in product.variants:
        problem = refused.get(variant.facts.sku)
        own = problem.message if problem is not None else cause
        fix = (problem.fix if problem is not None else None) or "correct the other errors of this product"
        field = "" if problem is None else problem.field or ""
        out.append(_bad(variant.line, variant.facts.sku, field, own, fix))
    for line in product.picture_lines:
        out.append(
            RowResult(
                line=line, subject="picture", key=product.handle, result="error", cause=cause,
                fix="correct the other errors of this product",
            )
        )  # fmt: skip
    return out
