"""The conformance suite against the Shopify simulator."""

from collections.abc import Iterator

import pytest

from hub.channels.testkit.harness import Harness
from hub.channels.testkit.suite import AdapterConformance
from hub.rehearsal import open_harness

pytest.importorskip("hub.channels.shopify.adapter")
pytest.importorskip("hub.simulators.shopify")


class TestShopify(AdapterConformance):
    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        with open_harness("shopify") as harness:
            yield harness
