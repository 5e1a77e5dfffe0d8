"""`python -m tools.bench`: measure, print a table, and write JSON if asked."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.bench import catalogue, figures, intake, order_queue, places, requests, search, stock
from tools.bench.figures import Figure
from tools.bench.sizes import QUICK, Size

AREAS: dict[str, Callable[[str, Size], list[Figure]]] = {
    "orders": intake.measure,
    "stock": stock.measure,
    "catalogue": catalogue.measure,
    "search": search.measure,
    "queue": order_queue.measure,
    "requests": requests.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the arguments ask for. 0 even if a bar is missed: a bench informs, it does not judge."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=[*AREAS], help="measure this alone (repeatable)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument("--rows", type=int, help="rows of import, stock and intake (default 10,000)")
    parser.add_argument("--products", type=int, help="products that are searched (default 100,000)")
    parser.add_argument("--runs", type=int, help="runs of each; the median counts (default 3)")
    parser.add_argument("--database", choices=["sqlite", "postgres"], help="measure on this alone")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes: shape, not speed")
    chosen = parser.parse_args(arguments)
    size = QUICK if chosen.quick else Size()
    if chosen.rows is not None:
        size = dataclasses.replace(size, rows=chosen.rows, hot=min(size.hot, chosen.rows))
    if chosen.products is not None:
        size = dataclasses.replace(size, products=chosen.products)
    if chosen.runs is not None:
        size = dataclasses.replace(size, runs=chosen.runs)
    before = figures.machine()
    found: list[Figure] = []
    for kind in places.kinds() if chosen.database is None else (chosen.database,):
        for area in chosen.only or AREAS:
            print(f"measuring {area} on {kind} …", file=sys.stderr)
            found.extend(AREAS[area](kind, size))
    print(figures.table(found))
    after = figures.machine()
    print(
        f"load before {before['load']}, after {after['load']}, {after['cores']} cores; rows/s: medians of {size.runs} runs"
    )
    if chosen.json is not None:
        report = {"before": before, "after": after, "figures": [figure.as_dict() for figure in found]}
        chosen.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
