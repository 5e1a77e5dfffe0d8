"""From a file to batches of products, ready to be written: read, put into the hub's columns, brought together by product.

No database but the spool's own. `read` is called until it says that all rows are in; then `batches` gives whole products,
about 500 rows at a time, and can begin after any of them, which is how a killed import goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten
from hub.pim.importing import sources
from hub.pim.importing.layouts import Layout, Opening, Reader
from hub.pim.importing.parse import ParsedProduct, parse_product
from hub.pim.importing.profiles import Columns, heading_key
from hub.pim.importing.reading import Row, Unreadable
from hub.pim.importing.report import RowResult
from hub.pim.importing.sources import Source, Wish
from hub.pim.importing.spool import Spool
from hub.pim.importing.variants import ParsedVariant, Reading

BATCH_ROWS = 500
HEADER_WITHIN = 15  # a header may stand below some lines of title
LINES_PER_FILE = 1_000_000_000  # a row of the second file counts from here

Refuse = Callable[[list[RowResult]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to read and how. `renamed`: heading of the file (lower case) → heading of the layout, "" = leave it out.
    `models`: a second file of the same layout that is read first (Akeneo's product models)."""

    path: Path
    layout: Layout
    opening: Opening
    wish: Wish = field(default_factory=Wish)
    renamed: dict[str, str] = field(default_factory=dict)
    models: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Whole products. `last` is the number to go on after; `rows` how many rows of the file they took."""

    last: int
    rows: int
    products: tuple[ParsedProduct, ...]


def file_error(line: int, field_: str, cause: str, fix: str) -> RowResult:
    """An error of the file as a whole, or of its header."""
    return RowResult(line=line, subject="file", key="", result="error", field=field_, cause=cause, fix=fix)


class Engine:
    """One reading of one plan. `source`, `columns` and `header` are there once `open` returned."""

    def __init__(self, plan: Plan, refuse: Refuse, *, product_rows_max: int) -> None:
        self.plan, self._refuse, self._max = plan, refuse, product_rows_max
        self.source = sources.look(plan.path, self._known, plan.wish)
        self.columns: Columns | None = None
        self.header: tuple[str, ...] = ()
        self.rows = 0
        self.position = 0
        self._reader: Reader | None = None
        self._spool = Spool()
        self._pending: list[tuple[Source, Iterator[Row | Unreadable], dict[int, int] | None]] = []

    def close(self) -> None:
        self._spool.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _known(self, heading: str) -> bool:
        wanted = self.plan.renamed.get(heading_key(heading))
        return bool(wanted) if wanted is not None else self.plan.layout.known(heading)

    def open(self) -> Columns | None:
        """Find the header. None if it is unusable; what is wrong with it was refused. Called once, before `read`."""
        if self.source.size == 0:
            self._refuse([file_error(1, "file", "the file is empty", "choose the file that your program exported")])
            return None
        header, line, rest = self._header(self.source)
        if header is None:
            return None
        extra: tuple[Source, Iterator[Row | Unreadable], tuple[str, ...]] | None = None
        shown = header
        if self.plan.models is not None:
            source = sources.look(self.plan.models, self._known, Wish())
            second, _, others = self._header(source)
            if second is None:
                return None
            shown = (*header, *(text for text in second if heading_key(text) not in set(map(heading_key, header))))
            extra = (source, others, second)
        renamed = [self._renamed(text) for text in shown]
        reader, columns, problems = self.plan.layout.open(renamed, self.plan.opening, shown)
        if reader is None or problems:
            self._refuse([file_error(line, p.field or "", p.message, p.fix or "") for p in problems])
            return None
        self._reader, self.columns, self.header = reader, columns, header
        keys = {heading_key(text): place for place, text in enumerate(shown)}
        if extra is not None:
            source, others, second = extra
            self._pending.append((source, others, {i: keys[heading_key(text)] for i, text in enumerate(second)}))
            self._pending.append((self.source, rest, {i: i for i in range(len(header))}))
        else:
            self._pending.append((self.source, rest, None))
        return columns

    def _renamed(self, text: str) -> str:
        wanted = self.plan.renamed.get(heading_key(text))
        return text if wanted is None else wanted

    def _header(self, source: Source) -> tuple[tuple[str, ...] | None, int, Iterator[Row | Unreadable]]:
        """The header's cells, its line, and the rows below it."""

        def at(here: int) -> None:
            if source is self.source:
                self.position = here

        rows = sources.rows(source, at)
        seen: list[Row | Unreadable] = []
        best, best_known = 0, 0
        for row in rows:
            seen.append(row)
            if isinstance(row, Row):
                renamed = [self._renamed(text) for text in row.cells]
                if self.plan.layout.fits(renamed):
                    best = len(seen) - 1
                    break
                known = sum(self.plan.layout.known(text) for text in renamed)
                if known > best_known and known >= 2:
                    best, best_known = len(seen) - 1, known
            if len(seen) >= HEADER_WITHIN:
                break
        if not seen:
            cause = "there is nothing but empty lines in the file"
            self._refuse([file_error(1, "file", cause, "export it again")])
            return None, 1, rows
        found = seen[best]
        if isinstance(found, Unreadable):
            self._refuse([file_error(found.line, "file", found.cause, found.fix)])
            return None, found.line, rows
        return found.cells, found.line, _after(seen[best + 1 :], rows)

    def read(self, most: int) -> bool:
        """Take up to `most` rows; True once all are in."""
        reader = self._reader
        assert reader is not None, "open it first"
        done = 0
        while self._pending:
            source, rows, mapping = self._pending[0]
            offset = 0 if source is self.source else LINES_PER_FILE
            for row in rows:
                self._take(reader, row, mapping, offset)
                done += 1
                if done >= most:
                    return False
            self._pending.pop(0)
        self._spool.finish()
        self.position = self.source.size
        return True

    def _take(self, reader: Reader, row: Row | Unreadable, mapping: dict[int, int] | None, offset: int) -> None:
        self.rows += 1
        assert self.columns is not None
        if isinstance(row, Unreadable):
            self._refused(row.line + offset, "", "", row.cause, row.fix)
            return
        expected = reader.width if mapping is None else len(mapping)
        if self.source.format == "xlsx" and len(row.cells) < expected:  # a sheet does not store empty cells at the end
            row = replace(row, cells=row.cells + ("",) * (expected - len(row.cells)))
        if len(row.cells) != expected:
            place = self.columns.place.get("handle", 0)
            key = row.cells[place].strip() if place < len(row.cells) else ""
            self._refused(
                row.line + offset, key, "", f"this row has {len(row.cells)} cells, the first row has {expected}",
                "look for a missing or stray delimiter or quotation mark",
            )  # fmt: skip
            return
        if mapping is not None:
            cells = [""] * reader.width
            for index, text in enumerate(row.cells):
                cells[mapping[index]] = text
            row = replace(row, cells=tuple(cells))
        if offset:
            row = replace(row, line=row.line + offset)
        try:
            placed = reader.placed(row)
        except Invalid as problem:
            self._refused(row.line, str(problem.value or ""), problem.field or "", problem.message, problem.fix or "")
            return
        self._spool.add(placed.key, placed.row, placed.aliases)

    def _refused(self, line: int, key: str, field_: str, cause: str, fix: str) -> None:
        result = RowResult(
            line=line, subject="product", key=shorten(key, 120), result="error", field=field_, cause=cause,
            fix=fix or "correct the cell",
        )  # fmt: skip
        self._refuse([result])

    def batches(self, how: Reading, after: int = 0) -> Iterator[Batch]:
        """Whole products, about BATCH_ROWS rows at a time, beginning behind the product number `after`."""
        reader = self._reader
        assert reader is not None
        assert self.columns is not None
        batch: list[ParsedProduct] = []
        size, last = 0, after
        for number, key, rows, taken in self._groups(after):
            batch.append(self._parsed(reader, self.columns, reader.handle(key), rows, how))
            size, last = size + taken, number
            if size >= BATCH_ROWS:
                yield Batch(last=last, rows=size, products=tuple(batch))
                batch, size = [], 0
        if batch:
            yield Batch(last=last, rows=size, products=tuple(batch))

    def _groups(self, after: int) -> Iterator[tuple[int, str, list[Row], int]]:
        here, key, taken = 0, "", 0
        group: list[Row] = []
        for number, name, row in self._spool.groups(after):
            if number != here:
                if group:
                    yield here, key, group, taken
                here, key, group, taken = number, name, [], 0
            taken += 1
            if len(group) < self._max:
                group.append(row)
                continue
            assert self.columns is not None
            self._refused(
                row.line, name, self.columns.heading.get("handle", ""),
                f"the product {name} has more than {self._max:,} rows", "make several products of it",
            )  # fmt: skip
        if group:
            yield here, key, group, taken

    def _parsed(self, reader: Reader, columns: Columns, handle: str, rows: list[Row], how: Reading) -> ParsedProduct:
        try:
            arranged = reader.arrange(rows)
        except Invalid as problem:
            fault = RowResult(
                line=rows[0].line, subject="product", key=shorten(handle, 120), result="error",
                field=problem.field or "", cause=problem.message, fix=problem.fix or "correct the rows",
            )  # fmt: skip
            return ParsedProduct(
                handle=handle, line=rows[0].line, facts=None, fields=frozenset(), variants=(), picture_lines=(),
                problems=(fault,),
            )  # fmt: skip
        return self._without_repeated(parse_product(columns, handle, arranged, how))

    def _without_repeated(self, product: ParsedProduct) -> ParsedProduct:
        """The product without the variants whose SKU an earlier row of the file has."""
        assert self.columns is not None
        first = self._spool.first_lines([(v.facts.sku, v.line) for v in product.variants])
        if all(first[v.facts.sku] == v.line for v in product.variants) and len(first) == len(product.variants):
            return product
        kept: list[ParsedVariant] = []
        problems = list(product.problems)
        mine: set[str] = set()
        for variant in product.variants:
            sku = variant.facts.sku
            if first[sku] == variant.line and sku not in mine:
                kept.append(variant)
                mine.add(sku)
                continue
            problems.append(
                RowResult(
                    line=variant.line, subject="variant", key=sku, result="error",
                    field=self.columns.heading.get("sku", "sku"),
                    cause=f"the SKU {sku} is in line {first[sku] % LINES_PER_FILE} already", fix="give each its own SKU",
                )
            )  # fmt: skip
        return replace(product, variants=tuple(kept), problems=tuple(problems))


def _after(first: Sequence[Row | Unreadable], rest: Iterator[Row | Unreadable]) -> Iterator[Row | Unreadable]:
    yield from first
    yield from rest
