"""The official Amazon schemas beside the repository (../shared/contracts): answers are checked against them.

Swagger 2.0 definitions are JSON Schema draft 4 in all that these models use; the feed schemas are draft 7.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

CONTRACTS = Path(__file__).resolve().parents[2].parent / "shared" / "contracts"


def need_contracts() -> Path:
    """The folder of the contracts; without it the test is skipped."""
    if not CONTRACTS.is_dir():
        pytest.skip(f"the official schemas are not here: {CONTRACTS} does not exist")
    return CONTRACTS


@cache
def amazon_model(name: str) -> dict[str, Any]:
    """A Swagger model by file name without ending, such as `orders_2026-01-01`."""
    model: dict[str, Any] = json.loads((need_contracts() / "amazon" / "models" / f"{name}.json").read_text("utf-8"))
    return model


def amazon_problems(value: Any, model: str, definition: str) -> list[str]:
    """What in `value` breaks a definition of a Swagger model; members the model does not know count as well."""
    schema = {"$ref": f"#/definitions/{definition}", "definitions": _closed(model)}
    checker = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in checker.iter_errors(value)]


def amazon_answer_problems(value: Any, model: str, operation: str, status: int) -> list[str]:
    """What breaks the schema that the model gives for this operation's answer with this status."""
    for path in amazon_model(model)["paths"].values():
        for spoken in path.values():
            if isinstance(spoken, dict) and spoken.get("operationId") == operation:
                answer = spoken["responses"].get(str(status))
                if answer is None:
                    return [f"{operation} does not answer {status}: {sorted(spoken['responses'])}"]
                if "schema" not in answer:
                    return [] if value in (None, b"", "") else [f"{operation} {status} has no body"]
                return amazon_problems(value, model, answer["schema"]["$ref"].rpartition("/")[2])
    return [f"{model} has no operation {operation}"]


def amazon_feed_problems(value: Any, name: str) -> list[str]:
    """What breaks a feed schema: `listings-feed-schema-v2`, `listings-feed-processing-report-schema-v2` …"""
    path = need_contracts() / "amazon" / "schemas" / "feeds" / f"{name}.json"
    checker = jsonschema.Draft7Validator(json.loads(path.read_text("utf-8")))
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in checker.iter_errors(value)]


@cache
def _closed(model: str) -> dict[str, Any]:
    """The definitions with every object closed, so that an invented member does not pass unseen."""
    definitions: dict[str, Any] = json.loads(json.dumps(amazon_model(model)["definitions"]))
    for definition in definitions.values():
        if definition.get("properties") and "additionalProperties" not in definition:
            definition["additionalProperties"] = False
    return definitions
