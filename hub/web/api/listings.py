"""Listings: what is offered where, publishing and ending. Channels are told by work that follows, not by the request."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from pydantic import Field
from sqlalchemy import select

from hub.db.session import reading
from hub.kernel.errors import Unknown
from hub.pim import listings, reads
from hub.pim.models import Variant
from hub.web import cursors
from hub.web.api.accounts import account_of
from hub.web.api.shapes import (
    AccountRef,
    In,
    Listed,
    ListingRef,
    Nothing,
    Out,
    Paging,
    Query,
    Sku,
    number_of,
    responses,
    shown,
)
from hub.web.hub import WebHub
from hub.web.idempotency import Call, Once

TAG = Tag(name="listings", description="A SKU on an account.")
SKUS_MAX = 500
State = Literal["draft", "valid", "submitted", "accepted", "live", "suppressed", "rejected", "ended", "vanished"]


class ListingOut(Out):
    """`shown_quantity` is what the channel is believed to show as of `shown_at`; null = not known. `issues` are the
    channel's objections."""

    id: str
    account: str
    account_name: str
    sku: str
    channel_sku: str
    external_id: str | None
    state: str
    state_since: datetime
    price_minor: int
    currency: str
    shown_quantity: int | None
    shown_price_minor: int | None
    shown_at: datetime | None
    issues: list[dict[str, Any]]


class ListingList(Listed[ListingOut]):
    """A page of listings."""


class ListingQuery(Paging):
    account: AccountRef | None = None
    state: list[State] = Field(default_factory=list, max_length=9, description="Repeat it for several.")
    sku: Sku | None = None


class ListingPath(Query):
    listing: ListingRef


class Publish(In):
    """Publish these SKUs on an account; all variants of their products come along."""

    account: AccountRef
    skus: list[Sku] = Field(min_length=1, max_length=SKUS_MAX)


class PublishedOut(Out):
    """`products` is how many products are wanted there now."""

    account: str
    products: int


class EndedOut(Out):
    id: str
    state: str = Field(description="As it is now: it changes when the channel has ended it.")


def listing_out(row: reads.ListingRow) -> ListingOut:
    values = {name: getattr(row, name, None) for name in ListingOut.model_fields}
    return ListingOut.model_validate(
        {**values, "id": f"lst_{row.id}", "account": f"acc_{row.account_id}", "account_name": row.account}
    )


def blueprint(hub: WebHub, once: Once) -> APIBlueprint:
    api = APIBlueprint("listings", __name__, url_prefix="/api/v1", abp_tags=[TAG])

    @api.get("/listings", operation_id="list_listings", responses=responses(ListingList))
    def list_listings(query: ListingQuery) -> Response:
        """Listings in the order in which they were made."""
        after = int(cursors.decode("listings", query.after, int)[0]) if query.after else 0
        with reading(hub.sessions) as session:
            rows = reads.listing_page(
                session, after=after, limit=query.limit + 1, states=query.state, sku=query.sku,
                account_id=number_of(query.account) if query.account else None,
            )  # fmt: skip
        page = rows[: query.limit]
        following = cursors.encode("listings", page[-1].id) if len(rows) > query.limit else None
        return shown(ListingList(data=[listing_out(row) for row in page], next=following))

    @api.get("/listings/<listing>", operation_id="get_listing", responses=responses(ListingOut))
    def get_listing(path: ListingPath) -> Response:
        """One listing."""
        with reading(hub.sessions) as session:
            return shown(listing_out(reads.listing_of(session, number_of(path.listing))))

    def publish(call: Call, body: Publish) -> tuple[int, PublishedOut]:
        account = account_of(call, body.account)
        rows = call.session.execute(
            select(Variant.sku, Variant.product_id).where(Variant.sku.in_(set(body.skus)))
        ).all()
        found = {row.sku: row.product_id for row in rows}
        missing = [sku for sku in body.skus if sku not in found]
        if missing:
            raise Unknown(
                f"no variant has the SKU {missing[0]!r}", field="skus", value=missing[0], fix="import it first"
            )
        count = listings.want_published(call.session, account, found.values(), call.now)
        return 202, PublishedOut(account=body.account, products=count)

    @api.post("/listings", operation_id="publish", responses=responses(PublishedOut, 202, writes=True))
    def publish_listings(body: Publish) -> Response:
        """Offer SKUs on an account."""
        return once(lambda call: publish(call, body))

    def end(call: Call, ref: str) -> tuple[int, EndedOut]:
        listings.want_ended(call.session, number_of(ref), call.now)
        return 202, EndedOut(id=ref, state=reads.listing_of(call.session, number_of(ref)).state)

    @api.post("/listings/<listing>/end", operation_id="end_listing", responses=responses(EndedOut, 202, writes=True))
    def end_listing(path: ListingPath, body: Nothing) -> Response:
        """Take a listing off sale."""
        return once(lambda call: end(call, path.listing))

    return api
