"""A scripted eBay for the adapter's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ebay_desk import Shop, open_shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as opened:
        yield opened
