"""The hash chain of the audit trail. Standard library only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

GENESIS = "0" * 64


def row_hash(previous: str, row: Mapping[str, Any]) -> str:
    """SHA-256 in hex of a row (plain JSON values; `at` in ISO form) and the hash of the row before it."""
    body = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()
