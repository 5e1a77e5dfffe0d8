from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shopify_support import FakeShop, Rig, rig_on

from hub.loopback.server import LoopbackServer

_CONTRACT = Path(__file__).parents[3].parent / "shared/contracts/shopify/admin_2026-10.json.gz"


@pytest.fixture
def make_rig() -> Iterator[Callable[..., Rig]]:
    servers: list[LoopbackServer] = []

    def make(**options: Any) -> Rig:
        shop = FakeShop()
        server = LoopbackServer(shop.handle).start()
        servers.append(server)
        return rig_on(server, shop, **options)

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig()


@pytest.fixture(scope="session")
def official() -> tuple[Any, list[dict[str, Any]]]:
    """Shopify's own schema of 2026-10 and its list of the access scopes each type and field needs."""
    if not _CONTRACT.exists():
        pytest.skip("needs the official Shopify schema in ../shared/contracts, which is not part of the repository")
    from graphql import build_client_schema

    data = json.loads(gzip.decompress(_CONTRACT.read_bytes()))
    return build_client_schema(data["data"], assume_valid=True), data["offline_scopes"]["items"]
