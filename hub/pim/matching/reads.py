"""Page-shaped questions about what channels list and what it may be of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from hub.db.upsert import chunks
from hub.kernel.errors import Unknown
from hub.pim.matching.models import CataloguePull, ChannelItem, Match
from hub.pim.models import Listing, Product, Variant

Status = Literal["open", "proposed", "unknown", "bound", "created", "dismissed", "gone"]
STATUSES: tuple[Status, ...] = ("open", "proposed", "unknown", "bound", "created", "dismissed", "gone")
"""open = proposed or unknown; bound = has a listing, whoever made it; created = made into a variant and not bound yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A variant that the item may be, is (accepted, created) or is not (rejected). `evidence`: kind, points, says."""

    variant_id: int
    sku: str
    title: str
    state: str
    score: int
    evidence: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """A channel item with its candidates, the likeliest first. `bound_to` is the SKU of ours that it is."""

    id: int
    account_id: int
    key: str
    channel_sku: str
    external_id: str | None
    group_key: str
    title: str
    brand: str
    gtin: str | None
    price_minor: int | None
    currency: str | None
    quantity: int | None
    state: str
    url: str
    options: dict[str, str]
    image: str | None
    seen_at: datetime
    gone_at: datetime | None
    dismissed: bool
    bound_to: str | None
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRow:
    """The newest round of an account, and how its items stand."""

    id: int
    by: str
    started_at: datetime
    ended_at: datetime | None
    complete: bool
    pages: int
    items: int
    gone: int
    unreadable: int
    problems: tuple[Any, ...]


def _bound_listing() -> ColumnElement[bool]:
    return exists().where(Listing.account_id == ChannelItem.account_id, Listing.channel_sku == ChannelItem.channel_sku)


def _with_match(*states: str) -> ColumnElement[bool]:
    return exists().where(Match.item_id == ChannelItem.id, Match.state.in_(states))


def _where(status: Status) -> list[ColumnElement[bool]]:
    there = ChannelItem.gone_at.is_(None)
    undecided = [there, ChannelItem.dismissed.is_(False), ~_bound_listing(), ~_with_match("accepted", "created")]
    match status:
        case "open":
            return undecided
        case "proposed":
            return [*undecided, _with_match("proposed")]
        case "unknown":
            return [*undecided, ~_with_match("proposed")]
        case "bound":
            return [there, _bound_listing()]
        case "created":
            return [there, ~_bound_listing(), _with_match("created")]
        case "dismissed":
            return [there, ChannelItem.dismissed.is_(True)]
        case "gone":
            return [ChannelItem.gone_at.is_not(None)]


def page(
    session: Session,
    account_id: int,
    *,
    status: Status = "open",
    min_score: int = 0,
    after: int = 0,
    limit: int = 50,
) -> list[ItemRow]:
    """Up to `limit` items with ids above `after`. `min_score` keeps those with a proposal at least that likely. Three
    queries."""
    query = select(ChannelItem).where(ChannelItem.account_id == account_id, ChannelItem.id > after, *_where(status))
    if min_score > 0:
        query = query.where(
            exists().where(Match.item_id == ChannelItem.id, Match.state == "proposed", Match.score >= min_score)
        )
    return _rows(session, session.scalars(query.order_by(ChannelItem.id).limit(limit)).all())


def one(session: Session, item_id: int) -> ItemRow:
    """An item with all its candidates.

    Raises:
        Unknown: no such item.
    """
    item = session.get(ChannelItem, item_id)
    if item is None:
        raise Unknown(f"there is no channel item {item_id}", field="item", value=item_id, fix="`hub mapping list`")
    return _rows(session, [item])[0]


def of_sku(session: Session, account_id: int, channel_sku: str) -> int:
    """The id of the item with this SKU on the account.

    Raises:
        Unknown: none, or several, have it.
    """
    query = select(ChannelItem.id).where(
        ChannelItem.account_id == account_id, ChannelItem.channel_sku == channel_sku, ChannelItem.gone_at.is_(None)
    )
    found = session.scalars(query.limit(2)).all()
    if len(found) != 1:
        how = "no item" if not found else "more than one item"
        raise Unknown(
            f"{how} there has the SKU {channel_sku!r}", field="item", value=channel_sku, fix="give the item's id"
        )
    return found[0]


def counts(session: Session, account_id: int) -> dict[str, int]:
    """How many items of the account there are in each status (open is proposed and unknown)."""
    return {
        status: int(
            session.scalar(
                select(func.count())
                .select_from(ChannelItem)
                .where(ChannelItem.account_id == account_id, *_where(status))
            )
            or 0
        )
        for status in STATUSES
    }


def newest_pull(session: Session, account_id: int) -> PullRow | None:
    """None = never pulled."""
    query = (
        select(CataloguePull).where(CataloguePull.account_id == account_id).order_by(CataloguePull.id.desc()).limit(1)
    )
    pull = session.scalars(query).first()
    if pull is None:
        return None
    return PullRow(
        id=pull.id, by=pull.by, started_at=pull.started_at, ended_at=pull.ended_at, complete=pull.complete,
        pages=pull.pages, items=pull.items, gone=pull.gone, unreadable=pull.unreadable, problems=tuple(pull.problems),
    )  # fmt: skip


def _rows(session: Session, items: Sequence[ChannelItem]) -> list[ItemRow]:
    found: dict[int, list[Candidate]] = {}
    for part in chunks([item.id for item in items]):
        for match, sku, title in session.execute(
            select(Match, Variant.sku, Product.title)
            .join(Variant, Variant.id == Match.variant_id)
            .join(Product, Product.id == Variant.product_id)
            .where(Match.item_id.in_(part))
            .order_by(Match.score.desc(), Match.id)
        ).tuples():
            found.setdefault(match.item_id, []).append(
                Candidate(
                    variant_id=match.variant_id, sku=sku, title=title, state=match.state, score=match.score,
                    evidence=tuple(match.evidence),
                )
            )  # fmt: skip
    bound = _bound_to(session, items)
    return [
        ItemRow(
            id=item.id, account_id=item.account_id, key=item.key, channel_sku=item.channel_sku,
            external_id=item.external_id, group_key=item.group_key, title=item.title, brand=item.brand, gtin=item.gtin,
            price_minor=item.price_minor, currency=item.currency, quantity=item.quantity, state=item.state,
            url=item.url, options=dict(item.options), image=item.images[0] if item.images else None,
            seen_at=item.seen_at, gone_at=item.gone_at, dismissed=item.dismissed, bound_to=bound.get(item.id),
            candidates=tuple(found.get(item.id, ())),
        )
        for item in items
    ]  # fmt: skip


def _bound_to(session: Session, items: Sequence[ChannelItem]) -> dict[int, str]:
    out: dict[int, str] = {}
    item = aliased(ChannelItem)
    for part in chunks([one.id for one in items]):
        out.update(
            session.execute(
                select(item.id, Variant.sku)
                .join(Listing, (Listing.account_id == item.account_id) & (Listing.channel_sku == item.channel_sku))
                .join(Variant, Variant.id == Listing.variant_id)
                .where(item.id.in_(part))
            )
            .tuples()
            .all()
        )
    return out
