"""The conformance suite against the Ebay simulator."""

from collections.abc import Iterator

import pytest

from hub.channels.testkit.harness import Harness
from hub.channels.testkit.suite import AdapterConformance
from hub.rehearsal import open_harness

pytest.importorskip("hub.channels.ebay.adapter")
pytest.importorskip("hub.simulators.ebay")


class TestEbay(AdapterConformance):
    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        with open_harness("ebay") as harness:
            yield harness
