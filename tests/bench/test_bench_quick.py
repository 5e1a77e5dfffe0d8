"""`make bench` measures what it says and says what it measured. Shape only: a test machine is no measure of speed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.bench import figures, requests
from tools.bench.__main__ import AREAS, main
from tools.bench.figures import Bar, Figure


def test_a_quick_run_yields_every_figure_with_its_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bench.json"
    areas = ["orders", "stock", "catalogue", "search", "queue"]
    only = [word for area in areas for word in ("--only", area)]
    assert main(["--quick", "--database", "sqlite", "--json", str(out), *only]) == 0
    report = json.loads(out.read_text("utf-8"))
    found = {f["name"]: f for f in report["figures"]}
    assert {f["area"] for f in found.values()} == set(areas)
    assert {f["database"] for f in found.values()} == {"sqlite"}
    assert all(f["hub"] >= 0 for f in found.values())
    for name in ("taken, new, 100 a page", "set by SKU, ledger and work rows included", "product file imported"):
        entry = found[name]
        assert entry["unit"] == "rows/s"
        assert entry["hub"] > 0
        assert entry["floor"] > 0
        assert entry["ratio"] > 0
        assert entry["verdict"] in ("met", "missed")
    assert found["no-op pushes suppressed"]["hub"] == 1.0
    assert report["before"]["cores"] >= 1
    assert len(report["after"]["load"]) == 3
    table = capsys.readouterr().out
    assert all(name in table for name in found)


def test_areas_are_the_ones_that_performance_md_names() -> None:
    assert set(AREAS) == {"orders", "stock", "catalogue", "search", "queue", "requests"}


@pytest.mark.parametrize(
    ("unit", "hub", "bar", "ratio", "expected"),
    [
        ("rows/s", 1000.0, Bar(hub=1000, ratio=0.2), 0.2, "met/met"),
        ("rows/s", 999.0, Bar(hub=1000, ratio=0.2), 0.3, "missed/met"),
        ("rows/s", 5.0, Bar(ratio=0.2), 0.1, "missed"),
        ("ms", 25.0, Bar(hub=25), None, "met"),
        ("ms", 25.1, Bar(hub=25), None, "missed"),
        ("ms", 25.1, Bar(), None, ""),
    ],
)
def test_a_figure_says_whether_its_bars_are_met(
    unit: str, hub: float, bar: Bar, ratio: float | None, expected: str
) -> None:
    figure = Figure(area="a", name="n", database="postgres", unit=unit, hub=hub, ratio=ratio, bar=bar)
    assert figure.verdict == expected


def test_the_ratio_is_the_median_of_the_runs_not_a_ratio_of_medians() -> None:
    figure = figures.speed("a", "n", "sqlite", 100, [(1.0, 2.0), (1.0, 4.0), (4.0, 5.0)], Bar())
    assert figure.ratio == 0.5
    assert figure.hub == 25.0
    assert figure.floor == 100.0
    assert figure.runs == 3


def test_percentiles_name_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [figures.percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50.0, 95.0, 99.0, 100.0]
    assert figures.percentile([7.0], 0.95) == 7.0


def test_requests_are_weighed_against_the_least_possible() -> None:
    report = {
        "requests_by_operation": {
            "amazon": {"patchListingsItem": 11, "searchOrders": 10, "token": 3},
            "ebay": {"bulkUpdatePriceQuantity": 4, "getOrders": 5},
            "shopify": {"inventorySetQuantities": 3, "orders": 6},
        }
    }
    found = requests.figures_of(report, {"amazon": (10, 10), "ebay": (2, 5), "shopify": (3, 0)})
    assert [(f.name, f.hub, f.verdict) for f in found] == [
        ("amazon, writes: used ÷ least", 1.1, "met"),
        ("amazon, order pulls: used ÷ least", 1.0, "met"),
        ("ebay, writes: used ÷ least", 2.0, "missed"),
        ("ebay, order pulls: used ÷ least", 1.0, "met"),
        ("shopify, writes: used ÷ least", 1.0, "met"),
    ]
