"""Bulk operations: staged uploads, bulkOperationRunMutation and -RunQuery, and their JSONL results (README 4.3).

A job takes the scenario's `job_s` and does its work at the end of it; the result lines come in no particular order.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    visit,
)

from hub.kernel.ids import named_uuid
from hub.simulators.shopify_query import Search, Term, by_id, compare, compare_number, paginate, text_matches
from hub.simulators.shopify_records import BulkOperation, Upload, number_of
from hub.simulators.shopify_schema import Document, Fields, bare_schema, document_of
from hub.simulators.shopify_shop import call_of, table_finder, user_error
from hub.simulators.shopify_state import Call, ShopState, stamp

Data = dict[str, Any]
Run = Callable[[Call, Document, Data], Data]
CONCURRENT = 5  # of each kind, contracts README 4.3
UPLOAD_MAX = 100 * 1024 * 1024
RESULT_DAYS = 7
_OPEN = ("CREATED", "RUNNING", "CANCELING")


# ---------------------------------------------------------------- uploads


def _staged_uploads(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    targets = []
    for row in args["input"]:
        number = call.shop.mint("StagedUpload")
        folder = "bulk" if row["resource"] == "BULK_MUTATION_VARIABLES" else "files"
        key = f"tmp/1/{folder}/{named_uuid('staged', number)}/{row['filename']}"
        call.shop.uploads[key] = Upload(key=key, filename=row["filename"])
        post = row.get("httpMethod") == "POST"
        parameters = [{"name": "Content-Type", "value": row["mimeType"]}]
        if post:
            parameters += [
                {"name": "success_action_status", "value": "201"},
                {"name": "acl", "value": "private"},
                {"name": "key", "value": key},
            ]
        url = f"{call.base_url}/upload/" + ("" if post else key)
        target = f"{call.base_url}/upload/{key}" if folder == "files" or not post else None
        targets.append({"url": url, "resourceUrl": target, "parameters": parameters})
    return {"stagedTargets": targets, "userErrors": []}


# ---------------------------------------------------------------- starting


def _run_mutation(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    error = _mutation_error(call, args["mutation"], args["stagedUploadPath"])
    if error is not None:
        return {"bulkOperation": None, "userErrors": [error]}
    job = _start(call, "MUTATION", args["mutation"])
    job.upload_key = args["stagedUploadPath"]
    job.client_identifier = args.get("clientIdentifier")
    return {"bulkOperation": job, "userErrors": []}


def _mutation_error(call: Call, text: str, upload_key: str) -> Data | None:
    document = document_of(text)
    operation = document.operation(None)
    if document.errors or operation is None or operation.operation is not OperationType.MUTATION:
        reason = document.errors[0].message if document.errors else "it must be one mutation"
        return user_error(["mutation"], f"The mutation is invalid: {reason}", "INVALID_MUTATION")
    if len(operation.selection_set.selections) != 1:
        return user_error(["mutation"], "The mutation must have exactly one root field.", "INVALID_MUTATION")
    upload = call.shop.uploads.get(upload_key)
    if upload is None or upload.body is None:
        message = "The JSONL file could not be found. Try uploading the file again."
        return user_error(["stagedUploadPath"], message, "NO_SUCH_FILE")
    if not _is_jsonl(upload.body):
        message = "The JSONL file is invalid: every line must be a JSON object."
        return user_error(["stagedUploadPath"], message, "INVALID_STAGED_UPLOAD_FILE")
    return _limit_error(call, "MUTATION")


def _is_jsonl(body: str) -> bool:
    lines = [line for line in body.split("\n") if line.strip()]
    try:
        return bool(lines) and all(isinstance(json.loads(line), dict) for line in lines)
    except ValueError:
        return False


def _limit_error(call: Call, kind: str) -> Data | None:
    running = sum(job.status in _OPEN and job.type == kind for job in call.shop.bulk.values())
    if running < CONCURRENT:
        return None
    return user_error(None, "Bulk operations limit reached. Please try again later.", "LIMIT_REACHED")


class _Connections(Visitor):
    """Counts the connections of a document and how deep they stand in each other."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.count = self.depth = self.deepest = 0

    def _is_connection(self) -> bool:
        kind = self.types.get_type()
        return kind is not None and get_named_type(kind).name.endswith("Connection")

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if self._is_connection():
            self.count += 1
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)

    def leave_field(self, node: FieldNode, *_: Any) -> None:
        self.depth -= self._is_connection()


def _query_error(call: Call, text: str) -> Data | None:
    try:
        node = parse(text)
    except GraphQLError as error:
        return user_error(["query"], f"Invalid bulk query: {error.message}", "INVALID")
    document = document_of(text)
    operations = [part for part in node.definitions if isinstance(part, OperationDefinitionNode)]
    if document.errors or len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        reason = document.errors[0].message if document.errors else "it must be one query"
        return user_error(["query"], f"Invalid bulk query: {reason}", "INVALID")
    types = TypeInfo(bare_schema())
    counter = _Connections(types)
    visit(node, TypeInfoVisitor(types, counter))
    if counter.count == 0:
        return user_error(["query"], "Bulk queries must contain at least one connection.", "INVALID")
    if counter.count > 5 or counter.deepest > 2:
        message = "Bulk queries have at most five connections, two levels deep."
        return user_error(["query"], message, "INVALID")
    return _limit_error(call, "QUERY")


def _run_query(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    error = _query_error(call, args["query"])
    if error is not None:
        return {"bulkOperation": None, "userErrors": [error]}
    return {"bulkOperation": _start(call, "QUERY", args["query"]), "userErrors": []}


def _start(call: Call, kind: str, text: str) -> BulkOperation:
    job = BulkOperation(
        id=call.shop.mint("BulkOperation"), type=kind, query=text, created_at=call.now,
        due=call.at.timestamp() + call.job_s,
    )  # fmt: skip
    call.shop.bulk[job.id] = job
    return job


def _cancel(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    job = call.shop.bulk.get(number_of("BulkOperation", args["id"]) or 0)
    if job is None:
        return {"bulkOperation": None, "userErrors": [user_error(["id"], "Bulk operation does not exist")]}
    if job.status not in _OPEN:
        message = f"A bulk operation cannot be canceled when it is {job.status.lower()}"
        return {"bulkOperation": job, "userErrors": [user_error(None, message)]}
    job.status = "CANCELING"
    return {"bulkOperation": job, "userErrors": []}


# ---------------------------------------------------------------- carrying them out


def settle_bulk(call: Call, run: Run) -> None:
    """Let every job come as far as it should be by now. `run` executes one document."""
    now = call.at.timestamp()
    for job in [job for job in call.shop.bulk.values() if job.status in _OPEN]:
        if job.status == "CANCELING":
            job.status = "CANCELED"
        elif job.due <= now:
            _finish(call, job, run)
        elif job.created_at < call.now:
            job.status = "RUNNING"


def _finish(call: Call, job: BulkOperation, run: Run) -> None:
    document = document_of(job.query)
    if job.type == "MUTATION":
        upload = call.shop.uploads.pop(job.upload_key or "")
        lines = [line for line in (upload.body or "").split("\n") if line.strip()]
        rows = [{**run(call, document, json.loads(line)), "__lineNumber": n} for n, line in enumerate(lines)]
        job.object_count = job.root_object_count = len(rows)
    else:
        rows = _exported(call, job, run(call, document, {}))
    random.Random(job.id).shuffle(rows)
    job.completed_at = stamp(datetime.fromtimestamp(job.due, UTC))
    if job.status != "FAILED":
        job.status = "COMPLETED"
    if rows:
        job.result_key = f"{named_uuid('bulk', job.id, job.created_at)}.jsonl"
        body = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
        job.file_size = len(body.encode())
        call.shop.results[job.result_key] = body


def _exported(call: Call, job: BulkOperation, answer: Data) -> list[Data]:
    if answer.get("errors"):
        job.status, job.error_code = "FAILED", "INTERNAL_SERVER_ERROR"
        return []
    rows: list[Data] = []
    for value in (answer["data"] or {}).values():
        for node in _nodes_of(value) if _is_page(value) else [value]:
            job.root_object_count += 1
            _emit(node, None, rows)
    job.object_count = len(rows)
    return rows


def _is_page(value: Any) -> bool:
    return isinstance(value, dict) and bool(value.keys() & {"edges", "nodes"}) and "id" not in value


def _nodes_of(page: Data) -> list[Data]:
    return page["nodes"] if "nodes" in page else [edge["node"] for edge in page["edges"]]


def _emit(node: Data, parent: str | None, rows: list[Data]) -> None:
    """One line per object; what stood in a connection below it gets lines of its own that name their parent."""
    pages: list[Data] = []

    def stripped(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        for inner in value.values():
            if _is_page(inner):
                pages.append(inner)
        return {name: stripped(inner) for name, inner in value.items() if not _is_page(inner)}

    row = stripped(node)
    rows.append(row if parent is None else {**row, "__parentId": parent})
    for page in pages:
        for child in _nodes_of(page):
            _emit(child, node.get("id"), rows)


def result_of(shop: ShopState, key: str, at: datetime) -> str | None:
    """A result file, while it is there: seven days."""
    job = next((job for job in shop.bulk.values() if job.result_key == key), None)
    if job is None or at.timestamp() > job.due + RESULT_DAYS * 86_400:
        return None
    return shop.results.get(key)


# ---------------------------------------------------------------- reads


def _operations(root: Any, info: Any, **args: Any) -> Any:
    call = call_of(info)

    def test(term: Term, job: BulkOperation) -> bool:
        match term.field:
            case "id":
                return compare_number(job.id, term)
            case "created_at":
                return compare(job.created_at, term.op, term.value)
            case "operation_type":
                return text_matches(job.type, term.value)
            case _:
                return text_matches(job.status, term.value)

    search = Search(args.get("query"), frozenset({"id", "created_at", "operation_type", "status"}), test)
    return paginate([job for job in call.shop.bulk.values() if search.matches(job)], args, call, by_id)


def _current(root: Any, info: Any, **args: Any) -> BulkOperation | None:
    jobs = [job for job in call_of(info).shop.bulk.values() if job.type == args.get("type", "QUERY")]
    return jobs[-1] if jobs else None


def _url(job: BulkOperation, info: Any) -> str | None:
    call = call_of(info)
    if job.result_key is None or result_of(call.shop, job.result_key, call.at) is None:
        return None
    return f"{call.base_url}/bulk/{job.result_key}"


table_finder("BulkOperation", "bulk")

FIELDS: Fields = {
    "QueryRoot.bulkOperation": lambda root, info, **args: call_of(info).shop.bulk.get(
        number_of("BulkOperation", args["id"]) or 0
    ),
    "QueryRoot.bulkOperations": _operations,
    "QueryRoot.currentBulkOperation": _current,
    "Mutation.stagedUploadsCreate": _staged_uploads,
    "Mutation.bulkOperationRunMutation": _run_mutation,
    "Mutation.bulkOperationRunQuery": _run_query,
    "Mutation.bulkOperationCancel": _cancel,
    "BulkOperation.fileSize": lambda job, info: None if job.file_size is None else str(job.file_size),
    "BulkOperation.objectCount": lambda job, info: str(job.object_count),
    "BulkOperation.rootObjectCount": lambda job, info: str(job.root_object_count),
    "BulkOperation.partialDataUrl": lambda job, info: None,
    "BulkOperation.url": _url,
}
