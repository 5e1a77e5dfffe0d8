"""The conformance suite against the Amazon simulator."""

from collections.abc import Iterator

import pytest

from hub.channels.testkit.harness import Harness
from hub.channels.testkit.suite import AdapterConformance
from hub.rehearsal import open_harness

pytest.importorskip("hub.channels.amazon.adapter")
pytest.importorskip("hub.simulators.amazon")


class TestAmazon(AdapterConformance):
    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        with open_harness("amazon") as harness:
            yield harness
