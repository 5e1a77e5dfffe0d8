"""The conformance suite for pytest. A third party writes this much:

    class TestEtsy(AdapterConformance):
        @pytest.fixture
        def harness(self):
            with etsy_harness() as harness:      # a channel of its own and the adapter for it
                yield harness

Every check becomes a test named after it; a capability that is not declared is a printed skip. A subclass may replace a
test by its name when its channel has a documented reason to differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hub.channels.testkit.checks import Check, NotApplicable, carry_out
from hub.channels.testkit.harness import Harness
from hub.channels.testkit.table import all_checks


class AdapterConformance:
    """Subclass it with a `harness` fixture."""

    @pytest.fixture
    def harness(self) -> Harness:
        raise pytest.UsageError("a conformance test class needs a fixture named «harness» that yields a Harness")


def _test_of(checked: Check) -> Callable[[Any, Harness], None]:
    def test(self: Any, harness: Harness) -> None:
        try:
            carry_out(checked, harness)
        except NotApplicable as why:
            pytest.skip(str(why))

    test.__name__ = test.__qualname__ = f"test_{checked.name}"
    test.__doc__ = checked.says
    return test


for _checked in all_checks():
    setattr(AdapterConformance, f"test_{_checked.name}", _test_of(_checked))
