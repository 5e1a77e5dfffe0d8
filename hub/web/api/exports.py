"""Order files for shipping programs: make one, look at it, download the same bytes whenever they are wanted."""

from __future__ import annotations

import base64
from datetime import datetime

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from pydantic import Field

from hub.db.session import reading
from hub.shipping import batches, exports
from hub.web import cursors
from hub.web.api.shapes import (
    BatchRef,
    In,
    Listed,
    OrderRef,
    Out,
    Paging,
    Query,
    Words,
    number_of,
    responses,
    shown,
)
from hub.web.hub import WebHub
from hub.web.idempotency import Call, Once

TAG = Tag(name="exports", description="Order files for shipping programs.")
LEFT_OUT_MAX = 500
ORDERS_MAX = 500


class LeftOutOut(Out):
    """An order that is not in the file, and why."""

    order: str
    number: str
    field: str
    cause: str
    fix: str


class ExportedOut(Out):
    """`batch` null = no order could go. `checksum` is the file's SHA-256."""

    batch: str | None
    orders: int
    rows: int
    checksum: str
    left_out: list[LeftOutOut] = Field(description="At most 500.")
    left_out_count: int


class BatchOut(Out):
    """`kept` = the file can still be downloaded; `to_ship` orders are open; `recalls` are to be called back."""

    batch: str
    profile: str
    created_at: datetime
    orders: int
    rows: int
    checksum: str
    kept: bool
    to_ship: int
    recalls: int


class BatchList(Listed[BatchOut]):
    """Batches, newest first."""


class BatchOrderOut(Out):
    order: str
    number: str
    account_name: str
    stage: str
    recall: bool
    again: bool


class BatchOrderList(Out):
    """The orders of a batch as they stand now, those to be called back first; at most 500."""

    data: list[BatchOrderOut]


class BatchPath(Query):
    batch: BatchRef


class NewExport(In):
    """No `orders` = everything that can go, most urgent first. `again` also takes orders that were exported before."""

    profile: Words = "generic"
    orders: list[OrderRef] | None = Field(default=None, min_length=1, max_length=exports.LIMIT_MAX)
    limit: int = Field(default=exports.LIMIT, ge=1, le=exports.LIMIT_MAX)
    again: bool = False


def _exported(done: exports.Exported) -> ExportedOut:
    return ExportedOut(
        batch=done.batch, orders=done.orders, rows=done.rows, checksum=done.checksum,
        left_out=[
            LeftOutOut(order=f"ord_{o.order_id}", number=o.order, field=o.field, cause=o.cause, fix=o.fix)
            for o in done.left_out[:LEFT_OUT_MAX]
        ],
        left_out_count=len(done.left_out),
    )  # fmt: skip


def blueprint(hub: WebHub, once: Once) -> APIBlueprint:
    api = APIBlueprint("exports", __name__, url_prefix="/api/v1", abp_tags=[TAG])

    def make(call: Call, body: NewExport) -> tuple[int, ExportedOut]:
        command = exports.Export(
            profile=body.profile, limit=body.limit, again=body.again, by="api",
            order_ids=None if body.orders is None else [number_of(ref) for ref in body.orders],
        )  # fmt: skip
        done = exports.export(call.session, command, call.now)
        return 200 if done.batch is None else 201, _exported(done)

    @api.post("/exports", operation_id="export_orders", responses=responses(ExportedOut, 200, 201, writes=True))
    def export_orders(body: NewExport) -> Response:
        """Make one file of the orders that can go. 200 instead of 201: none could."""
        return once(lambda call: make(call, body))

    @api.get("/exports", operation_id="list_exports", responses=responses(BatchList))
    def list_exports(query: Paging) -> Response:
        """Batches, newest first."""
        before = int(cursors.decode("exports", query.after, int)[0]) if query.after else None
        with reading(hub.sessions) as session:
            rows = batches.batches(session, limit=query.limit + 1, before=before)
        page = rows[: query.limit]
        following = cursors.encode("exports", page[-1].id) if len(rows) > query.limit else None
        return shown(BatchList(data=[BatchOut.model_validate(row) for row in page], next=following))

    @api.get("/exports/<batch>/orders", operation_id="list_export_orders", responses=responses(BatchOrderList))
    def list_export_orders(path: BatchPath) -> Response:
        """What is in a batch, as it stands now."""
        with reading(hub.sessions) as session:
            rows = batches.orders_of(session, path.batch, limit=ORDERS_MAX)
        out = [
            BatchOrderOut(
                order=f"ord_{row.order_id}", number=row.order, account_name=row.account, stage=row.stage,
                recall=row.recall, again=row.again,
            )
            for row in rows
        ]  # fmt: skip
        return shown(BatchOrderList(data=out))

    file_answers = responses(None)
    file_answers["200"] = {
        "description": "The file, the same bytes every time",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }

    @api.get("/exports/<batch>/file", operation_id="download_export", responses=file_answers)
    def download_export(path: BatchPath) -> Response:
        """The file itself. It holds personal data."""
        with reading(hub.sessions) as session:
            file = exports.download(session, path.batch)
        response = Response(file.content, mimetype="text/csv")
        response.headers["Content-Disposition"] = f'attachment; filename="{file.name}"'
        digest = base64.b64encode(bytes.fromhex(file.checksum)).decode()
        response.headers["Content-Digest"] = f"sha-256=:{digest}:"  # RFC 9530
        return response

    return api
