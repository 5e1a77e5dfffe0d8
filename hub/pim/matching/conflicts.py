"""What does not fit together: shown to a person, with everything that is concerned, and decided by nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session, aliased

from hub.db.upsert import chunks
from hub.pim.matching.models import ChannelItem, Match, SkuKey
from hub.pim.models import Listing, Variant
from hub.work.models import Account

LIKELY = 50
"""A proposal below this claims nothing."""
KINDS = ("two_variants", "two_items", "same_sku", "sku_case", "shared_pool")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """`kind`: two_variants (one item is likely two variants of ours), two_items (one variant is likely, or is, two items
    of an account), same_sku (several items of an account have one SKU), sku_case (an item is bound to, or likely, a SKU
    that differs in case or signs alone), shared_pool (several listings are sold from one variant's stock; nothing is
    wrong with that, but it should be known)."""

    kind: str
    says: str
    account: str  # "" where several are concerned
    skus: tuple[str, ...]
    items: tuple[str, ...]


def find(session: Session, *, account_id: int | None = None, limit: int = 100) -> list[Conflict]:
    """Up to `limit` of each kind. A fixed number of queries."""
    looks: tuple[Callable[[Session, int | None, int], list[Conflict]], ...] = (
        _two_variants, _two_items, _same_sku, _sku_case, _shared_pool,
    )  # fmt: skip
    return [conflict for look in looks for conflict in look(session, account_id, limit)]


def _open(account_id: int | None) -> list[object]:
    conditions: list[object] = [
        ChannelItem.gone_at.is_(None), ChannelItem.dismissed.is_(False), Match.state == "proposed", Match.score >= LIKELY,
    ]  # fmt: skip
    return conditions if account_id is None else [*conditions, ChannelItem.account_id == account_id]


def _two_variants(session: Session, account_id: int | None, limit: int) -> list[Conflict]:
    ids = session.scalars(
        select(Match.item_id)
        .join(ChannelItem, ChannelItem.id == Match.item_id)
        .where(*_open(account_id))  # type: ignore[arg-type]  # conditions of several types
        .group_by(Match.item_id)
        .having(func.count() > 1)
        .order_by(Match.item_id)
        .limit(limit)
    ).all()
    claims: dict[int, tuple[str, str, list[str]]] = {}
    for part in chunks(ids):
        for item_id, name, account, sku in session.execute(
            select(ChannelItem.id, ChannelItem.channel_sku, Account.name, Variant.sku)
            .join(Account, Account.id == ChannelItem.account_id)
            .join(Match, Match.item_id == ChannelItem.id)
            .join(Variant, Variant.id == Match.variant_id)
            .where(ChannelItem.id.in_(part), Match.state == "proposed", Match.score >= LIKELY)
            .order_by(ChannelItem.id, Match.score.desc(), Variant.sku)
        ).tuples():
            claims.setdefault(item_id, (name, account, []))[2].append(sku)
    return [
        Conflict(
            kind="two_variants", account=account, items=(name,), skus=tuple(skus),
            says=f"{name} on {account} may be {' or '.join(skus)}",
        )
        for name, account, skus in claims.values()
    ]  # fmt: skip


def _two_items(session: Session, account_id: int | None, limit: int) -> list[Conflict]:
    """A variant that two items of an account claim, or one that is bound there and claimed by another item as well."""
    claimed = (
        select(ChannelItem.account_id, Match.variant_id, func.count().label("claims"))
        .join(ChannelItem, ChannelItem.id == Match.item_id)
        .where(*_open(account_id))  # type: ignore[arg-type]  # conditions of several types
        .group_by(ChannelItem.account_id, Match.variant_id)
        .subquery()
    )
    rows = session.execute(
        select(claimed.c.account_id, claimed.c.variant_id, Account.name, Variant.sku, Listing.channel_sku)
        .join(Account, Account.id == claimed.c.account_id)
        .join(Variant, Variant.id == claimed.c.variant_id)
        .outerjoin(Listing, (Listing.account_id == claimed.c.account_id) & (Listing.variant_id == claimed.c.variant_id))
        .where((claimed.c.claims > 1) | Listing.id.is_not(None))
        .order_by(claimed.c.account_id, Variant.sku)
        .limit(limit)
    ).all()
    claimants: dict[tuple[int, int], list[str]] = {}
    for part in chunks(sorted({row.variant_id for row in rows})):
        for account, variant_id, name in session.execute(
            select(ChannelItem.account_id, Match.variant_id, ChannelItem.channel_sku)
            .join(ChannelItem, ChannelItem.id == Match.item_id)
            .where(*_open(account_id), Match.variant_id.in_(part))  # type: ignore[arg-type]  # conditions of several types
            .order_by(ChannelItem.id)
        ).tuples():
            claimants.setdefault((account, variant_id), []).append(name)
    out = []
    for row in rows:
        others = claimants.get((row.account_id, row.variant_id), [])
        names = tuple(dict.fromkeys([row.channel_sku, *others] if row.channel_sku is not None else others))
        says = f"{' and '.join(names)} on {row.name} are both likely to be {row.sku}"
        if row.channel_sku is not None:
            says = f"{row.sku} is {row.channel_sku} on {row.name} already, and may be {', '.join(others)} too"
        out.append(Conflict(kind="two_items", account=row.name, items=names, skus=(row.sku,), says=says))
    return out


def _same_sku(session: Session, account_id: int | None, limit: int) -> list[Conflict]:
    query = (
        select(Account.name, ChannelItem.channel_sku, func.count().label("many"))
        .join(Account, Account.id == ChannelItem.account_id)
        .where(ChannelItem.gone_at.is_(None), ChannelItem.channel_sku != "")
        .group_by(Account.name, ChannelItem.channel_sku)
        .having(func.count() > 1)
        .order_by(Account.name, ChannelItem.channel_sku)
        .limit(limit)
    )
    if account_id is not None:
        query = query.where(ChannelItem.account_id == account_id)
    return [
        Conflict(
            kind="same_sku", account=name, items=(sku,), skus=(),
            says=f"{many} items on {name} have the SKU {sku}: only one of them could be written to",
        )
        for name, sku, many in session.execute(query).tuples()
    ]  # fmt: skip


def _sku_case(session: Session, account_id: int | None, limit: int) -> list[Conflict]:
    query = (
        select(Account.name, ChannelItem.channel_sku, Variant.sku)
        .join(Account, Account.id == ChannelItem.account_id)
        .join(SkuKey, SkuKey.sku_key == ChannelItem.sku_key)
        .join(Variant, Variant.id == SkuKey.variant_id)
        .where(ChannelItem.gone_at.is_(None), ChannelItem.sku_key != "", Variant.sku != ChannelItem.channel_sku)
        .order_by(Account.name, ChannelItem.channel_sku, Variant.sku)
        .limit(limit)
    )
    if account_id is not None:
        query = query.where(ChannelItem.account_id == account_id)
    return [
        Conflict(
            kind="sku_case", account=name, items=(there,), skus=(here,),
            says=f"{there} on {name} and {here} differ in case, spaces or signs alone",
        )
        for name, there, here in session.execute(query).tuples()
    ]  # fmt: skip


def _shared_pool(session: Session, account_id: int | None, limit: int) -> list[Conflict]:
    gone = ("ended", "vanished", "draft")
    query = (
        select(Listing.variant_id)
        .where(Listing.state.not_in(gone))
        .group_by(Listing.variant_id)
        .having(func.count(distinct(Listing.id)) > 1)
        .order_by(Listing.variant_id)
        .limit(limit)
    )
    if account_id is not None:
        own = aliased(Listing)
        query = query.where(
            Listing.variant_id.in_(select(own.variant_id).where(own.account_id == account_id, own.state.not_in(gone)))
        )
    pools: dict[str, list[str]] = {}
    for part in chunks(session.scalars(query).all()):
        for sku, name, there in session.execute(
            select(Variant.sku, Account.name, Listing.channel_sku)
            .join(Listing, Listing.variant_id == Variant.id)
            .join(Account, Account.id == Listing.account_id)
            .where(Variant.id.in_(part), Listing.state.not_in(gone))
            .order_by(Variant.id, Account.name)
        ).tuples():
            pools.setdefault(sku, []).append(f"{there} on {name}")
    return [
        Conflict(
            kind="shared_pool", account="", items=tuple(names), skus=(sku,),
            says=f"{' and '.join(names)} are sold from the stock of {sku}",
        )
        for sku, names in pools.items()
    ]  # fmt: skip
