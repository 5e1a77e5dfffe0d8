"""The memory channel keeps the whole contract, in each of the ways it can be set up."""

from collections.abc import Iterator

import pytest

from hub.channels.testkit.harness import Harness
from hub.channels.testkit.memory import memory_harness
from hub.channels.testkit.suite import AdapterConformance


class TestMemory(AdapterConformance):
    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        with memory_harness() as harness:
            yield harness


class TestMemoryThatAnswersLater(AdapterConformance):
    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        with memory_harness(stock_answer="later", order_lag_s=90, publish_s=600) as harness:
            yield harness


class TestMemoryThatCompares(AdapterConformance):
    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        with memory_harness(stock_write="compare_and_set") as harness:
            yield harness
