"""Whole shop days as anybody can run them: the hub, three marketplaces, and the comparison at rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import databases
from tests.support.brokers import broker
from tests.support.processes import environment, naming, run_hub

CHANNELS = {"amazon", "ebay", "shopify"}
INVARIANTS = [f"I{n}" for n in range(1, 14)]
SMALL = ("--orders", "36", "--hours", "4")
ORDERS = 36


def day(home: Path, *arguments: str, timeout_s: float = 540, **settings: str) -> dict[str, Any]:
    """The report of a checked day that must have held."""
    env = environment(HUB_HOME=str(home), **settings)
    done = run_hub("demo", "--check", "--json", "--home", str(home), *arguments, env=env, timeout_s=timeout_s)
    assert done.stdout, done.stderr[-4000:]
    report: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (0, True), brief(report)
    assert naming(str(home)) == []
    return report


def brief(report: dict[str, Any]) -> dict[str, Any]:
    """What is wrong with a day."""
    broken = {name: entry for name, entry in report["invariants"].items() if not entry["ok"] or not entry["checked"]}
    names = ("examples", "listings_not_live", "waiting_for_a_person", "open_work", "orders_placed", "orders_in_hub")
    return {"broken": broken, **{name: report[name] for name in names}}


def check(report: dict[str, Any]) -> None:
    """Everything was looked at, and nothing differs."""
    for name in ("listings_live", "orders_placed", "orders_in_hub", "requests", "throttled"):
        assert set(report[name]) == CHANNELS, name
    assert all(count > 0 for name in ("listings_live", "requests") for count in report[name].values())
    assert len(set(report["listings_live"].values())) == 1
    assert report["listings_not_live"] == []
    assert sum(report["orders_placed"].values()) >= ORDERS
    assert report["orders_in_hub"] == report["orders_placed"]
    for name in ("lost", "duplicated", "order_differences", "stock_mismatches_at_rest"):
        assert report[name] == 0, name
    assert report["shipments_confirmed"] >= ORDERS // 2
    assert (report["shipments_missing"], report["shipments_doubled"]) == (0, 0)
    assert report["open_work"] == 0
    assert list(report["invariants"]) == INVARIANTS
    for name, entry in report["invariants"].items():
        assert entry["ok"] is True, name
        assert entry["checked"] > 0, name
    assert report["quarantined"] == report["invariants"]["I10"]["quarantined"] > 0
    assert report["seconds"] > 0


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_a_day_without_faults_holds_and_no_marketplace_ever_says_slow_down(tmp_path: Path) -> None:
    report = day(tmp_path / "home", *SMALL)
    check(report)
    assert report["faults_injected"] == 0
    assert report["throttled"] == dict.fromkeys(CHANNELS, 0)
    assert report["quarantined"] == report["invariants"]["I10"]["spoilt"] == 3
    assert report["invariants"]["I10"]["taken_meanwhile"] > 0


@pytest.mark.e2e
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(1, 11))
def test_a_day_with_everything_broken_now_and_then_holds_too(tmp_path: Path, seed: int) -> None:
    report = day(tmp_path / "home", *SMALL, "--faults", str(seed), "--seed", str(seed))
    check(report)
    assert report["faults_injected"] > 20


@pytest.mark.e2e
@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_a_day_on_postgres_holds(tmp_path: Path) -> None:
    with databases.throwaway_postgres(databases.postgres_server()) as url:
        report = day(tmp_path / "home", *SMALL, HUB_DATABASE_URL=url)
    check(report)
    assert report["throttled"] == dict.fromkeys(CHANNELS, 0)


@pytest.mark.e2e
@pytest.mark.postgres
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "kind",
    [pytest.param("redis", marks=pytest.mark.redis), pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)],
)
def test_a_day_with_worker_processes_and_a_real_broker_holds(tmp_path: Path, kind: str) -> None:
    home = tmp_path / "home"
    with broker(kind) as used, databases.throwaway_postgres(databases.postgres_server()) as url:
        report = day(home, *SMALL, HUB_DATABASE_URL=url, HUB_BROKER_URL=used.url)
    check(report)
    assert report["throttled"] == dict.fromkeys(CHANNELS, 0)
    assert sorted(path.name for path in home.glob("worker-*.log")) == ["worker-0.log", "worker-1.log"]
