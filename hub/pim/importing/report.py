"""What an import says about a file: counts, and a line for every row as long as there are not too many."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

KEEP = 10_000  # results kept of each sort: good ones, and errors; counts are always complete
KEEP_CHANGES = 1_000  # of so many updated items it is said what changes

Result = Literal["created", "updated", "unchanged", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of one row (`line` of the file, from 1). A row can have several errors; each names the column, what
    is wrong with it and what to do. `subject` is file, product, variant or picture; `key` its handle or SKU. `changes` of an
    updated item: field → (before, after). `file` names the second file of an import, if the line is in that one."""

    line: int
    subject: Literal["file", "product", "variant", "picture"]
    key: str
    result: Result
    field: str = ""
    cause: str = ""
    fix: str = ""
    changes: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    file: str = ""

    def as_dict(self) -> dict[str, object]:
        out: dict[str, object] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        out["changes"] = {name: list(pair) for name, pair in self.changes.items()}
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an import is. `done` and `total` are bytes of the file."""

    done: int
    total: int
    rows: int
    products: int
    variants: int
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """The outcome of an import. `products` and `variants` count by result; `pictures` are the different pictures of the
    products that are in the hub now; `opening_units` were counted into stock; `bad_rows` have at least one error.

    `results` are in the order of the file; `omitted` more were left out because the file is large.
    """

    file: str
    profile: str
    dry_run: bool
    currency: str
    encoding: str
    delimiter: str
    digest: str
    rows: int
    products: dict[str, int]
    variants: dict[str, int]
    pictures: int
    opening_units: int
    errors: int
    bad_rows: int
    ignored_columns: tuple[str, ...]
    results: tuple[RowResult, ...] = dataclasses.field(repr=False)
    omitted: int
    format: str = "csv"
    sheet: str = ""
    job: int | None = None
    outcome: str = ""  # of a job: imported, trial, or «nothing written» (all or nothing, and a row had an error)

    @property
    def clean(self) -> bool:
        """Whether every row was taken."""
        return self.errors == 0

    def problems(self) -> list[RowResult]:
        return [r for r in self.results if r.result == "error"]

    def as_dict(self) -> dict[str, object]:
        out: dict[str, object] = {n: getattr(self, n) for n in self.__dataclass_fields__ if n != "results"}
        out["ignored_columns"] = list(self.ignored_columns)
        out["results"] = [r.as_dict() for r in self.results]
        return out


class Tally:
    """Counts while the file is read; memory stays bounded however long the file is."""

    def __init__(self) -> None:
        self.rows = 0
        self.pictures = 0
        self.opening_units = 0
        self.errors = 0
        self.bad_rows = 0
        self.products: Counter[str] = Counter({"created": 0, "updated": 0, "unchanged": 0})
        self.variants: Counter[str] = Counter({"created": 0, "updated": 0, "unchanged": 0})
        self._good: list[RowResult] = []
        self._bad: list[RowResult] = []
        self._omitted = 0
        self._changes = 0

    def add(self, results: list[RowResult]) -> None:
        """Results of whole rows: no row may be spread over two calls."""
        self.bad_rows += len({r.line for r in results if r.result == "error"})
        for result in results:
            if result.result == "error":
                self.errors += 1
            elif result.subject == "product":
                self.products[result.result] += 1
            elif result.subject == "variant":
                self.variants[result.result] += 1
            if result.changes:
                self._changes += 1
            kept = self._bad if result.result == "error" else self._good
            if len(kept) < KEEP:
                too_many = result.changes and self._changes > KEEP_CHANGES
                kept.append(replace(result, changes={}) if too_many else result)
            else:
                self._omitted += 1

    def progress(self, done: int, total: int) -> Progress:
        return Progress(
            done=done, total=total, rows=self.rows, products=self.products.total(), variants=self.variants.total(),
            errors=self.errors,
        )  # fmt: skip

    def results(self) -> tuple[tuple[RowResult, ...], int]:
        """What was kept, in the order of the file, and how many were left out."""
        return tuple(sorted([*self._good, *self._bad], key=lambda r: r.line)), self._omitted
