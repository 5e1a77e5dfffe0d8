"""The list of checks: short named functions over a harness, runnable by pytest and without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.channels.contract import Capability
from hub.channels.testkit.truth import CannotDo

if TYPE_CHECKING:
    from hub.channels.testkit.harness import Harness

SUITE_VERSION = 1


class CheckFailed(AssertionError):
    """The adapter does not keep the contract; the message says what was expected and what was seen."""


class NotApplicable(Exception):
    """This check does not apply here, and why: shown as a skip, never hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`group` is the row of the table, `needs` the capabilities without which the check is skipped."""

    name: str
    group: str
    needs: frozenset[Capability]
    run: Callable[[Harness], None]
    says: str


CHECKS: dict[str, Check] = {}


def check(
    group: str, *needs: Capability, name: str = ""
) -> Callable[[Callable[[Harness], None]], Callable[[Harness], None]]:
    """Register a check. Its name is the group and the function's name; its docstring is what it promises."""

    def register(run: Callable[[Harness], None]) -> Callable[[Harness], None]:
        full = f"{group}_{name or run.__name__}"
        if full in CHECKS:
            raise ValueError(f"two checks are named {full!r}")
        CHECKS[full] = Check(
            name=full, group=group, needs=frozenset(needs), run=run, says=(run.__doc__ or full).strip().splitlines()[0]
        )
        return run

    return register


def expect(holds: bool, otherwise: str) -> None:
    """Like assert, but it also speaks when Python runs with -O and without pytest's rewriting.

    Raises:
        CheckFailed: it does not hold.
    """
    if not holds:
        raise CheckFailed(otherwise)


def missing(checked: Check, harness: Harness) -> str | None:
    """Why a check is skipped for a harness: the capabilities that the manifest does not declare."""
    absent = checked.needs - harness.manifest.capabilities
    return f"not declared: {', '.join(sorted(absent))}" if absent else None


def carry_out(checked: Check, harness: Harness) -> None:
    """Run one check.

    Raises:
        NotApplicable: undeclared capability, or the channel has no such thing.
        CheckFailed: the adapter breaks the contract.
    """
    why = missing(checked, harness)
    if why is not None:
        raise NotApplicable(why)
    try:
        checked.run(harness)
    except CannotDo as error:
        raise NotApplicable(str(error)) from error
