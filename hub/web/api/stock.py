"""Stock: what there is, per SKU and place, and the three ways in which a person changes it."""

from __future__ import annotations

from datetime import datetime

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from pydantic import Field

from hub.db.session import reading
from hub.pim import reads, stock
from hub.pim.explain import explain
from hub.pim.reads import StockRow
from hub.web import cursors
from hub.web.api.shapes import (
    UNITS_MAX,
    AccountRef,
    In,
    Line,
    Listed,
    Out,
    Paging,
    Query,
    Sku,
    Words,
    number_of,
    responses,
    shown,
)
from hub.web.hub import WebHub
from hub.web.idempotency import Call, Once

TAG = Tag(name="stock", description="Counts per SKU and place.")


class PlaceOut(Out):
    location: str
    on_hand: int
    reserved: int
    available: int
    version: int = Field(description="Send it back with a count: a count made on an old page is refused.")


class StockOut(Out):
    sku: str
    title: str
    price_minor: int = Field(description="In the currency's smallest unit.")
    currency: str
    on_hand: int
    reserved: int
    available: int
    short: int = Field(description="Units that are promised to buyers and not there.")
    places: list[PlaceOut]


class StockList(Listed[StockOut]):
    """A page of SKUs."""


class PromiseOut(Out):
    order_ref: str
    wanted: int
    held: int
    location: str | None
    placed_at: datetime


class MovementOut(Out):
    location: str
    kind: str
    delta: int
    reason: str
    reference: str
    at: datetime


class StockDetailOut(StockOut):
    promises: list[PromiseOut] = Field(description="Oldest first, at most 100.")
    movements: list[MovementOut] = Field(description="Newest first, at most 20.")


class LevelOut(Out):
    """A position after a change. `changed` 0 = it was carried out before. `now_short`: orders that lost units."""

    sku: str
    location: str
    on_hand: int
    reserved: int
    available: int
    version: int
    changed: int
    now_short: list[str]


class SumOut(Out):
    """publishable = min(cap, max(0, on_hand - reserved - short - buffer))"""

    on_hand: int
    reserved: int
    short: int
    buffer: int
    cap: int | None
    publishable: int


class WriteOut(Out):
    quantity: int | None
    result: str | None = Field(description="null = under way")
    sent_at: datetime
    ended_at: datetime | None
    message: str | None


class PendingOut(Out):
    state: str
    due_at: datetime
    attempts: int
    message: str | None
    not_before: datetime | None


class ExplainedOut(Out):
    listing: str
    account: str
    account_name: str
    account_state: str
    channel_sku: str
    state: str
    sums: SumOut
    shown: int | None
    shown_at: datetime | None
    shown_by: str
    last_write: WriteOut | None
    pending: PendingOut | None
    says: str


class ExplanationOut(Out):
    stock: StockDetailOut
    listings: list[ExplainedOut]


class SkuPath(Query):
    sku: Sku


class ExplainQuery(Query):
    sku: Sku
    account: AccountRef | None = Field(default=None, description="Only this account.")


class Adjustment(In):
    sku: Sku
    location: Words
    delta: int = Field(ge=-UNITS_MAX, le=UNITS_MAX)
    reason: Line = ""


class Receipt(In):
    sku: Sku
    location: Words
    quantity: int = Field(ge=1, le=UNITS_MAX)
    reason: Line = ""


class Count(In):
    sku: Sku
    location: Words
    counted: int = Field(ge=0, le=UNITS_MAX)
    seen_version: int | None = Field(default=None, ge=0, le=2**31 - 1, description="The place's version when counted.")


def detail_out(detail: reads.StockDetail) -> StockDetailOut:
    return StockDetailOut(
        **StockOut.model_validate(detail.row).model_dump(),
        promises=[PromiseOut.model_validate(item) for item in detail.promises],
        movements=[MovementOut.model_validate(item) for item in detail.movements],
    )


def blueprint(hub: WebHub, once: Once) -> APIBlueprint:
    api = APIBlueprint("stock", __name__, url_prefix="/api/v1", abp_tags=[TAG])

    @api.get("/stock", operation_id="list_stock", responses=responses(StockList))
    def list_stock(query: Paging) -> Response:
        """SKUs with their counts, in the order of the SKU."""
        after = str(cursors.decode("stock", query.after, str)[0]) if query.after else ""
        with reading(hub.sessions) as session:
            rows: list[StockRow] = reads.stock_page(session, after=after, limit=query.limit + 1)
        page = rows[: query.limit]
        following = cursors.encode("stock", page[-1].sku) if len(rows) > query.limit else None
        return shown(StockList(data=[StockOut.model_validate(row) for row in page], next=following))

    @api.get("/stock/<path:sku>", operation_id="get_stock", responses=responses(StockDetailOut))
    def get_stock(path: SkuPath) -> Response:
        """One SKU with the promises on it and its last movements."""
        with reading(hub.sessions) as session:
            return shown(detail_out(reads.stock_of(session, path.sku)))

    @api.get("/explain", operation_id="explain", responses=responses(ExplanationOut))
    def explain_number(query: ExplainQuery) -> Response:
        """Why each channel shows the number it shows."""
        account_id = number_of(query.account) if query.account else None
        with reading(hub.sessions) as session:
            found = explain(session, query.sku, account_id=account_id)
        listings = [
            ExplainedOut(
                listing=f"lst_{item.listing_id}", account=f"acc_{item.account_id}", account_name=item.account,
                account_state=item.account_state, channel_sku=item.channel_sku, state=item.state,
                sums=SumOut.model_validate(item.sums), shown=item.shown, shown_at=item.shown_at,
                shown_by=item.shown_by, says=item.says,
                last_write=WriteOut.model_validate(item.last_write) if item.last_write else None,
                pending=PendingOut.model_validate(item.pending) if item.pending else None,
            )
            for item in found.listings
        ]  # fmt: skip
        return shown(ExplanationOut(stock=detail_out(found.stock), listings=listings))

    def change(call: Call, sku: str, location: str, delta: int, kind: str, reason: str) -> tuple[int, LevelOut]:
        command = stock.StockChange(
            sku=sku, location=location, delta=delta, token=call.token, kind=kind, reason=reason, by="api"
        )
        return 200, LevelOut.model_validate(stock.change(call.session, command, call.now))

    @api.post("/stock/adjustments", operation_id="adjust_stock", responses=responses(LevelOut, writes=True))
    def adjust_stock(body: Adjustment) -> Response:
        """Change a count by so many units, up or down."""
        return once(lambda call: change(call, body.sku, body.location, body.delta, "adjust", body.reason))

    @api.post("/stock/receipts", operation_id="receive_stock", responses=responses(LevelOut, writes=True))
    def receive_stock(body: Receipt) -> Response:
        """Goods arrived."""
        return once(lambda call: change(call, body.sku, body.location, body.quantity, "receive", body.reason))

    @api.post("/stock/counts", operation_id="count_stock", responses=responses(LevelOut, writes=True))
    def count_stock(body: Count) -> Response:
        """Somebody counted: this is how many there are."""

        def effect(call: Call) -> tuple[int, LevelOut]:
            command = stock.StockCount(
                sku=body.sku, location=body.location, counted=body.counted, token=call.token,
                seen_version=body.seen_version, by="api",
            )  # fmt: skip
            return 200, LevelOut.model_validate(stock.count(call.session, command, call.now))

        return once(effect)

    return api
