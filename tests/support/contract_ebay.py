"""eBay's official schemas beside the repository (../shared/contracts): OpenAPI documents and the Trading XSD.

OpenAPI answers and requests are checked with every object closed: a member that the document does not know is a
problem. One correction: the documents type `aspects` as a string although their prose, and eBay, use an object.
"""

from __future__ import annotations

import copy
import gzip
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema
from lxml import etree

from tests.support.contract_schemas import need_contracts

DOCUMENTS = (
    "sell_inventory_v1", "sell_fulfillment_v1", "sell_account_v1", "commerce_identity_v1", "commerce_taxonomy_v1",
    "developer_analytics_v1_beta", "cancellation",
)  # fmt: skip
#: Answers of eBay's gateway rather than of an operation: the documents do not list them.
GATEWAY = (401, 403, 429)
_ASPECTS = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation of an OpenAPI document. `path` starts with the document's base path."""

    document: str
    method: str
    path: str
    spec: dict[str, Any]


@cache
def _document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        (need_contracts() / "ebay" / "openapi" / f"{name}_oas3.json").read_text("utf-8")
    )
    return loaded


@cache
def operations() -> dict[str, Operation]:
    """All operations of the documents by operation id."""
    found: dict[str, Operation] = {}
    for name in DOCUMENTS:
        base = _document(name)["servers"][0]["variables"]["basePath"]["default"]
        for path, spoken in _document(name)["paths"].items():
            for method, spec in spoken.items():
                if isinstance(spec, dict) and "operationId" in spec:
                    found[spec["operationId"]] = Operation(
                        document=name, method=method.upper(), path=base + path, spec=spec
                    )
    return found


@cache
def _closed(name: str) -> dict[str, Any]:
    """The document's schemas with additional members forbidden."""
    schemas: dict[str, Any] = copy.deepcopy(_document(name).get("components", {}).get("schemas", {}))
    for schema in schemas.values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
            if schema["properties"].get("aspects", {}).get("type") == "string":
                schema["properties"]["aspects"] = _ASPECTS
    return schemas


def _problems(value: Any, schema: dict[str, Any], document: str) -> list[str]:
    whole = {**schema, "components": {"schemas": _closed(document)}}
    errors = jsonschema.Draft4Validator(whole).iter_errors(value)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]


def _schema_of(content: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = content.get("content", {}).get("application/json", {}).get("schema")
    return found


def answer_problems(operation_id: str, status: int, body: bytes) -> list[str]:
    """What breaks the document in this answer: its status, a body where none belongs, or the body's members."""
    operation = operations()[operation_id]
    answers = operation.spec["responses"]
    if status >= 400:
        listed = [] if str(status) in answers or status in GATEWAY else [f"{operation_id} does not answer {status}"]
        errors = json.loads(body)["errors"] if operation.document != "cancellation" else []
        kind = {"$ref": "#/components/schemas/Error"}
        known = "Error" in _closed(operation.document)
        return listed + [line for each in errors if known for line in _problems(each, kind, operation.document)]
    if str(status) not in answers:
        return [f"{operation_id} does not answer {status}: {sorted(answers)}"]
    schema = _schema_of(answers["200" if status == 207 else str(status)])  # a 207 has the 200's rows
    if schema is None:
        return [] if not body or operation.document == "cancellation" else [f"{operation_id} {status} has no body"]
    return _problems(json.loads(body), schema, operation.document)


def request_problems(operation_id: str, body: Any) -> list[str]:
    """What breaks the document in a request's JSON body."""
    operation = operations()[operation_id]
    schema = _schema_of(operation.spec.get("requestBody", {}))
    return [f"{operation_id} takes no body"] if schema is None else _problems(body, schema, operation.document)


def documented_errors(operation_id: str) -> set[int]:
    """The error numbers that the document lists for an operation."""
    answers = operations()[operation_id].spec["responses"].values()
    return {int(number) for answer in answers for number in answer.get("x-response-codes", {}).get("errors", {})}


@cache
def _trading_schema() -> etree.XMLSchema:
    path = need_contracts() / "ebay" / "trading" / "ebaySvc-1487-anyorder.xsd.gz"
    with gzip.open(path) as handle:
        return etree.XMLSchema(etree.parse(handle))


def trading_problems(xml: str | bytes) -> list[str]:
    """What breaks the Trading schema (any order of elements) in a request or an answer."""
    schema = _trading_schema()
    tree = etree.fromstring(xml.encode() if isinstance(xml, str) else xml)
    return [] if schema.validate(tree) else [f"{each.line}: {each.message}" for each in schema.error_log]
