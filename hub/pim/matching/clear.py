"""Which proposals are so clear that a person may accept them together, and what stands against the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.kernel.errors import Invalid
from hub.pim import listings
from hub.pim.matching.models import ChannelItem, Match
from hub.pim.matching.rules import CLEAR_LEAD
from hub.pim.models import Listing, Product, Variant
from hub.work.models import Account

MIN_SCORE = 50
"""Nothing below is ever clear."""
_AGAINST = {
    "gtin_differs": "the GTINs differ",
    "sku_alike": "the SKUs differ in case, spaces or signs",
    "options_differ": "the options differ",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """A proposal; `why` says what stands against accepting it unseen, "" = nothing."""

    item_id: int
    variant_id: int
    channel_sku: str
    sku: str
    title: str
    score: int
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """`clear` may be accepted together, `held` is for a person to look at. `more` = there are others with that score."""

    clear: tuple[Clear, ...]
    held: tuple[Clear, ...]
    more: bool = False


def look(session: Session, account_id: int, *, min_score: int, limit: int = 100) -> Cleared:
    """The best proposals of an account from `min_score` up, sorted out; up to `limit` clear and as many held.

    Raises:
        Invalid: the score is not 50 to 100.
    """
    if not MIN_SCORE <= min_score <= 100:
        raise Invalid(f"a score to accept unseen is {MIN_SCORE} to 100", field="min_score", value=min_score)
    account = session.get(Account, account_id)
    assert account is not None
    clear: list[Clear] = []
    held: list[Clear] = []
    after: tuple[int, int] | None = None
    while len(clear) < limit and len(held) < limit:
        page = _page(session, account_id, min_score, after, limit)
        for one in _sorted_out(session, account, page):
            (held if one.why else clear).append(one)
        if len(page) < limit:
            return Cleared(clear=tuple(clear[:limit]), held=tuple(held[:limit]), more=len(clear) > limit)
        after = (page[-1][0].score, page[-1][0].id)
    return Cleared(clear=tuple(clear[:limit]), held=tuple(held[:limit]), more=True)


_Row = tuple[Match, ChannelItem, str, str]


def _page(session: Session, account_id: int, min_score: int, after: tuple[int, int] | None, limit: int) -> list[_Row]:
    query = (
        select(Match, ChannelItem, Variant.sku, Product.state)
        .join(ChannelItem, ChannelItem.id == Match.item_id)
        .join(Variant, Variant.id == Match.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .where(
            ChannelItem.account_id == account_id, ChannelItem.gone_at.is_(None), ChannelItem.dismissed.is_(False),
            Match.state == "proposed", Match.score >= min_score,
        )
        .order_by(Match.score.desc(), Match.id)
        .limit(limit)
    )  # fmt: skip
    if after is not None:
        score, match_id = after
        query = query.where((Match.score < score) | ((Match.score == score) & (Match.id > match_id)))
    return list(session.execute(query).tuples())


def _sorted_out(session: Session, account: Account, page: Sequence[_Row]) -> list[Clear]:
    """What stands against each, from one look at everything that could."""
    item_ids = sorted({item.id for _, item, _, _ in page})
    variant_ids = sorted({match.variant_id for match, _, _, _ in page})
    rivals = _rivals(session, account.id, item_ids, variant_ids)
    bound = _bound(session, account.id, variant_ids, [item.channel_sku for _, item, _, _ in page])
    sums = listings.arithmetic(session, account, variant_ids)
    per_sku = Counter(
        item.channel_sku for item in _of_skus(session, account.id, [item.channel_sku for _, item, _, _ in page])
    )
    out = []
    for match, item, sku, product_state in page:
        lead = [
            score
            for item_id, variant_id, score in rivals
            if (item_id == item.id) != (variant_id == match.variant_id) and score > match.score - CLEAR_LEAD
        ]
        against = next((_AGAINST[e["kind"]] for e in match.evidence if e["kind"] in _AGAINST), "")
        if not item.channel_sku:
            why = "it has no SKU on the channel"
        elif match.variant_id in bound or item.channel_sku in bound:
            why = "one of the two is bound on this account already"
        elif per_sku[item.channel_sku] > 1:
            why = "several items on the channel have this SKU"
        elif against:
            why = against
        elif lead:
            why = "another item or variant is nearly as likely"
        elif product_state == "archived":
            why = "the product is archived"
        elif item.quantity and not sums[match.variant_id].publishable:
            why = f"the channel shows {item.quantity} and the hub counts none: it would go off sale"
        else:
            why = ""
        out.append(
            Clear(
                item_id=item.id, variant_id=match.variant_id, channel_sku=item.channel_sku, sku=sku, title=item.title,
                score=match.score, why=why,
            )
        )  # fmt: skip
    return out


def _rivals(
    session: Session, account_id: int, item_ids: Sequence[int], variant_ids: Sequence[int]
) -> list[tuple[int, int, int]]:
    """Every other proposal for these items and, on this account, for these variants: item, variant, score."""
    found: set[tuple[int, int, int]] = set()
    base = (
        select(Match.item_id, Match.variant_id, Match.score)
        .join(ChannelItem, ChannelItem.id == Match.item_id)
        .where(
            ChannelItem.account_id == account_id, ChannelItem.gone_at.is_(None), Match.state == "proposed",
            Match.score >= MIN_SCORE - CLEAR_LEAD,
        )
    )  # fmt: skip
    for part in chunks(item_ids):
        found.update(session.execute(base.where(Match.item_id.in_(part))).tuples())
    for part in chunks(variant_ids):
        found.update(session.execute(base.where(Match.variant_id.in_(part))).tuples())
    return sorted(found)


def _bound(session: Session, account_id: int, variant_ids: Sequence[int], skus: Sequence[str]) -> Mapping[object, bool]:
    """Variants and channel SKUs that have a listing on the account."""
    out: dict[object, bool] = {}
    for part in chunks(variant_ids):
        query = select(Listing.variant_id).where(Listing.account_id == account_id, Listing.variant_id.in_(part))
        out.update(dict.fromkeys(session.scalars(query), True))
    for names in chunks(sorted(set(skus))):
        query_skus = select(Listing.channel_sku).where(Listing.account_id == account_id, Listing.channel_sku.in_(names))
        out.update(dict.fromkeys(session.scalars(query_skus), True))
    return out


def _of_skus(session: Session, account_id: int, skus: Sequence[str]) -> list[ChannelItem]:
    out: list[ChannelItem] = []
    for part in chunks(sorted({sku for sku in skus if sku})):
        out += session.scalars(
            select(ChannelItem).where(
                ChannelItem.account_id == account_id, ChannelItem.channel_sku.in_(part), ChannelItem.gone_at.is_(None)
            )
        )
    return out
