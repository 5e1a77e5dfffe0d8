"""One measured figure, its bar, and the table of all of them."""

from __future__ import annotations

import math
import os
import platform
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What performance.md section 1 asks: an absolute figure and, where there is a floor, a share of it."""

    hub: float | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A median over `runs`. `unit` rows/s or share: more is better; ms, s or times (used ÷ least possible): less is
    better. `ratio` is hub divided by floor, the median of the ratios of single runs, because both sides of one run met
    the same machine."""

    area: str
    name: str
    database: str
    unit: str
    hub: float
    floor: float | None = None
    ratio: float | None = None
    bar: Bar = Bar()
    runs: int = 1
    note: str = ""

    @property
    def more_is_better(self) -> bool:
        return self.unit in ("rows/s", "share")

    @property
    def verdict(self) -> str:
        """met or missed, by the absolute bar and by the share of the floor; empty where there is no bar."""
        words = []
        if self.bar.hub is not None:
            met = self.hub >= self.bar.hub if self.more_is_better else self.hub <= self.bar.hub
            words.append("met" if met else "missed")
        if self.bar.ratio is not None and self.ratio is not None:
            words.append("met" if self.ratio >= self.bar.ratio else "missed")
        return "/".join(words)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict}


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]


def speed(
    area: str, name: str, database: str, rows: int, pairs: Iterable[tuple[float, float]], bar: Bar, note: str = ""
) -> Figure:
    """A figure in rows/s from (seconds of the floor, seconds of the hub) of each run."""
    runs = list(pairs)
    return Figure(
        area=area, name=name, database=database, unit="rows/s",
        hub=statistics.median(rows / hub for _, hub in runs),
        floor=statistics.median(rows / floor for floor, _ in runs),
        ratio=statistics.median(floor / hub for floor, hub in runs),
        bar=bar, runs=len(runs), note=note,
    )  # fmt: skip


def bar_for(database: str, hub: float, ratio: float) -> Bar:
    """The bars of PostgreSQL as they stand; SQLite has 1.5 times the absolute one and no share of its floor."""
    return Bar(hub=hub, ratio=ratio) if database == "postgres" else Bar(hub=1.5 * hub)


def machine() -> dict[str, Any]:
    """What a reader must know to read the figures. The load tells how much else ran."""
    return {
        "cores": os.cpu_count(), "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "sqlalchemy": sqlalchemy.__version__,
    }  # fmt: skip


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "rows/s":
        return f"{value:,.0f}"
    return f"{value:.1f}" if unit in ("ms", "requests") else f"{value:.2f}" if unit == "s" else f"{value:.3f}"


def table(figures: Sequence[Figure]) -> str:
    """All figures as lines of text."""
    head = ("what", "on", "unit", "floor", "hub", "of floor", "bar", "bar: of floor", "")
    lines = [head]
    for f in figures:
        lines.append(
            (
                f"{f.area}: {f.name}", f.database, f.unit, _number(f.floor, f.unit), _number(f.hub, f.unit),
                "–" if f.ratio is None else f"{f.ratio:.2f}", _number(f.bar.hub, f.unit),
                "–" if f.bar.ratio is None else f"{f.bar.ratio:.2f}", f.verdict,
            )
        )  # fmt: skip
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if n < 3 else cell.rjust(w) for n, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
