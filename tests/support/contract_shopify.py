"""Shopify's official 2026-10 schema, read once per process (it takes seconds); tests skip where it is not at hand."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_client_schema

FILE = Path(__file__).resolve().parents[2].parent / "shared" / "contracts" / "shopify" / "admin_2026-10.json.gz"


@cache
def _load() -> GraphQLSchema:
    with gzip.open(FILE) as handle:
        data = json.load(handle)
    # assume_valid: Shopify's own schema does not pass graphql-core's validation (contracts README 0)
    return build_client_schema(data["data"], assume_valid=True)


def official_schema() -> GraphQLSchema:
    """The official schema; skips the test when the folder of contracts is not there."""
    if not FILE.exists():
        pytest.skip("the official Shopify schema is not here: ../shared/contracts is missing")
    return _load()
