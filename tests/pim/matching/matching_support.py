"""A catalogue, an account, and items that its channel lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.channels.contract import ChannelListing, ListingPage, ListingRef, ListingState
from hub.kernel.money import Money
from hub.pim import projections
from hub.pim.history.note import By, act_as
from hub.pim.matching import candidates, pulls
from hub.pim.matching.models import ChannelItem, Match
from hub.pim.models import Product, Variant


def listed(
    sku: str,
    *,
    title: str = "",
    quantity: int | None = 3,
    price: int | None = 1000,
    gtin: str = "",
    options: Mapping[str, str] | None = None,
    group: str = "",
    key: str = "",
    images: Sequence[str] = (),
    description: str = "",
) -> ChannelListing:
    return ChannelListing(
        key=key or f"K-{sku}", ref=ListingRef(channel_sku=sku, external_id=f"X-{sku}", facts={"place": sku}),
        state=ListingState.LIVE, title=title or sku, description=description, gtins=(gtin,) if gtin else (),
        price=None if price is None else Money(minor=price, currency="EUR"), quantity=quantity, images=tuple(images),
        options=dict(options or {}), group=group,
    )  # fmt: skip


def pulled(session: Session, account_id: int, now: datetime, *listings: ChannelListing) -> dict[str, int]:
    """A whole round of these; key → item id. Products are projected before."""
    act_as(session, By(kind="person", name="ana"))
    while projections.project(session, now):
        pass
    pull = pulls.ask_for(session, account_id, now)
    page = ListingPage(listings=listings, cursor="{}", has_more=False)
    candidates.propose(session, pulls.take(session, pull, page, now), now)
    session.flush()
    return dict(
        session.execute(select(ChannelItem.key, ChannelItem.id).where(ChannelItem.account_id == account_id))
        .tuples()
        .all()
    )


def proposals(session: Session, item_id: int) -> list[tuple[str, str, int]]:
    """(SKU, state, score), the best first."""
    query = (
        select(Variant.sku, Match.state, Match.score)
        .join(Variant, Variant.id == Match.variant_id)
        .where(Match.item_id == item_id)
        .order_by(Match.score.desc(), Variant.sku)
    )
    return list(session.execute(query).tuples())


def retitle(session: Session, variant: Variant, title: str, now: datetime) -> None:
    product = session.get(Product, variant.product_id)
    assert product is not None
    product.title = title
    session.flush()
    projections.touch(session, [product.id], now)
