"""Rehearsals: `hub channels check` gets its table, and third parties bring their own harness."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from hub import rehearsal
from hub.channels.testkit.checks import CHECKS
from hub.channels.testkit.memory import memory_harness
from hub.channels.testkit.table import Result, all_checks, run_one
from hub.kernel.errors import Unknown


def test_the_whole_suite_runs_without_pytest_and_gives_a_table() -> None:
    results = list(rehearsal.run_check("memory"))
    assert [result.name for result in results] == [checked.name for checked in all_checks()]
    assert [result.name for result in results if result.outcome == "failed"] == []
    table = rehearsal.table(results)
    assert list(table)[:3] == ["manifest", "stock", "price"]
    assert sum(sum(row.values()) for row in table.values()) == len(CHECKS)


def test_a_failure_says_what_and_why() -> None:
    def opens_without_a_secret() -> object:
        return memory_harness(lambda context: (_ for _ in ()).throw(ZeroDivisionError("at once")))  # type: ignore[arg-type]

    result = run_one(CHECKS["manifest_probe_says_who_we_are"], opens_without_a_secret)  # type: ignore[arg-type]
    assert isinstance(result, Result)
    assert (result.outcome, result.why) == ("failed", "ZeroDivisionError escaped: at once")


def test_an_unknown_channel_is_told_before_anything_runs() -> None:
    with pytest.raises(Unknown, match="nothing to rehearse 'etsy' with"):
        rehearsal.run_check("etsy")


def test_a_third_party_brings_its_harness_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint(name="etsy", value="hub.channels.testkit.memory:memory_harness", group=rehearsal.GROUP)
    monkeypatch.setattr(rehearsal, "entry_points", lambda group, name: [point] if name == "etsy" else [])
    with rehearsal.open_harness("etsy") as harness:
        assert harness.make_adapter().probe().account


def test_what_is_skipped_is_what_is_not_declared() -> None:
    assert rehearsal.undeclared("memory") == frozenset()
    assert rehearsal.undeclared("amazon") == {"webhooks"}


@pytest.mark.parametrize("kind", ["static", "client_credentials", "offline"])
@pytest.mark.parametrize(
    "name", ["manifest_probe_says_who_we_are", "stock_the_number_arrives", "manifest_wrong_credentials_fail_the_probe"]
)
def test_shopify_works_with_each_kind_of_credentials(kind: str, name: str) -> None:
    result = run_one(CHECKS[name], lambda: rehearsal.shopify_harness(kind))
    assert (result.outcome, result.why) == ("passed", "")
