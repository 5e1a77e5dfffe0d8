"""The suite without pytest: run every check against fresh harnesses and return a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from hub.channels.testkit import (
    check_catalogue,
    check_faults,
    check_hostile,
    check_listings,
    check_manifest,
    check_manners,
    check_orders,
    check_shipments,
    check_stock,
)
from hub.channels.testkit.checks import CHECKS, Check, CheckFailed, NotApplicable, carry_out
from hub.channels.testkit.harness import Harness

#: Importing these fills the list of checks.
MODULES = (
    check_manifest, check_stock, check_listings, check_catalogue, check_orders, check_shipments, check_hostile, check_manners,
    check_faults,
)  # fmt: skip

OpenHarness = Callable[[], AbstractContextManager[Harness]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One cell: `group` and `name` of the check, what it promises, how it went and why."""

    group: str
    name: str
    says: str
    outcome: Literal["passed", "failed", "skipped"]
    why: str
    seconds: float


def all_checks() -> tuple[Check, ...]:
    """Every check of the kit, group by group in the order of the modules above."""
    ranks = [module.__name__ for module in MODULES]
    return tuple(sorted(CHECKS.values(), key=lambda checked: ranks.index(checked.run.__module__)))


def run_checks(open_harness: OpenHarness, checks: Iterable[Check] | None = None) -> Iterator[Result]:
    """Results as they come, each check on a harness of its own. Whatever a check raises becomes data."""
    for checked in all_checks() if checks is None else checks:
        yield run_one(checked, open_harness)


def run_one(checked: Check, open_harness: OpenHarness) -> Result:
    """One check on a fresh harness."""

    def body() -> None:
        with open_harness() as harness:
            carry_out(checked, harness)

    started = time.monotonic()
    # In a thread of its own: whatever escapes from an adapter, of whatever class, is handed over as a value.
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(body).exception()
    outcome: Literal["passed", "failed", "skipped"] = "passed"
    why = ""
    if isinstance(error, NotApplicable):
        outcome, why = "skipped", str(error)
    elif isinstance(error, CheckFailed):
        outcome, why = "failed", str(error)
    elif error is not None:
        outcome, why = "failed", f"{type(error).__name__} escaped: {error}"
    return Result(
        group=checked.group,
        name=checked.name,
        says=checked.says,
        outcome=outcome,
        why=why,
        seconds=time.monotonic() - started,
    )
