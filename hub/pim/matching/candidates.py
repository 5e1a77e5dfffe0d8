"""Which variants a channel item may be: found through SKUs, GTINs and rare words of the title, never by comparing all
with all; weighed by rules.py; kept as proposals until a person decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rapidfuzz import fuzz
from sqlalchemy import delete, literal, select, union_all
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, put
from hub.pim.matching.index import title_words
from hub.pim.matching.models import ChannelItem, Match, SkuKey, TitleWord
from hub.pim.matching.rules import PROPOSED_FROM, Side, Weighed, choice_of, gtin_forms, gtin_key, weigh
from hub.pim.models import Listing, Product, Variant
from hub.pim.search.words import fold

RARE = 50
"""A word that more products have tells nothing apart."""
PRODUCTS_BY_TITLE = 10
KEPT = 5
"""So many proposals of an item are kept, the best."""
_WORDS_PER_QUERY = 60
_ITEMS_AT_ONCE = 200
_DECIDED = ("accepted", "created")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ours:
    id: int
    product_id: int
    titles: tuple[str, ...]
    side: Side


def propose(session: Session, item_ids: Iterable[int], now: datetime) -> int:
    """Find and keep the proposals of these items anew; returns how many there are. What a person decided stays: items
    that are bound, dismissed, decided or gone get none, and what was rejected is not proposed again."""
    total = 0
    for part in chunks(sorted(set(item_ids)), _ITEMS_AT_ONCE):
        total += _propose(session, part, now)
    return total


def _propose(session: Session, ids: Sequence[int], now: datetime) -> int:
    items = list(session.scalars(select(ChannelItem).where(ChannelItem.id.in_(ids))))
    settled = _settled(session, items)
    rejected: set[tuple[int, int]] = set()
    for item_id, variant_id, state in session.execute(
        select(Match.item_id, Match.variant_id, Match.state).where(Match.item_id.in_(ids), Match.state != "proposed")
    ).tuples():
        rejected.add((item_id, variant_id))
        if state in _DECIDED:
            settled.add(item_id)
    asking = [item for item in items if item.id not in settled]
    wanted = _found(session, asking)
    ours = _load(session, wanted)
    rows: list[dict[str, Any]] = []
    for item in asking:
        weighed = _weighed(
            item, [ours[vid] for vid in wanted[item.id] if vid in ours and (item.id, vid) not in rejected]
        )
        rows += [
            {
                "item_id": item.id, "variant_id": one.id, "state": "proposed", "score": result.score,
                "evidence": [each.as_dict() for each in result.evidence], "listing_id": None, "made_product": False,
                "by": "", "at": now,
            }
            for one, result in weighed
        ]  # fmt: skip
    kept = {(row["item_id"], row["variant_id"]) for row in rows}
    stale = [
        match_id
        for match_id, item_id, variant_id in session.execute(
            select(Match.id, Match.item_id, Match.variant_id).where(Match.item_id.in_(ids), Match.state == "proposed")
        ).tuples()
        if (item_id, variant_id) not in kept
    ]
    for part in chunks(stale):
        session.execute(delete(Match).where(Match.id.in_(part)).execution_options(synchronize_session=False))
    put(
        session, Match, sorted(rows, key=lambda row: (row["item_id"], row["variant_id"])),
        key=("item_id", "variant_id"), update=("score", "evidence"), where=Match.state == "proposed",
    )  # fmt: skip
    return len(rows)


def _settled(session: Session, items: Sequence[ChannelItem]) -> set[int]:
    """Items of which nothing is to be proposed: gone, dismissed, or bound already."""
    out = {item.id for item in items if item.gone_at is not None or item.dismissed}
    by_account: dict[int, list[ChannelItem]] = {}
    for item in items:
        if item.channel_sku:
            by_account.setdefault(item.account_id, []).append(item)
    for account_id, mine in by_account.items():
        bound = set(
            session.scalars(
                select(Listing.channel_sku).where(
                    Listing.account_id == account_id, Listing.channel_sku.in_({item.channel_sku for item in mine})
                )
            )
        )
        out |= {item.id for item in mine if item.channel_sku in bound}
    return out


# ---------------------------------------------------------------- finding


def _found(session: Session, items: Sequence[ChannelItem]) -> dict[int, list[int]]:
    """Item → variants that may be it, the surest reasons first."""
    out: dict[int, dict[int, None]] = {item.id: {} for item in items}
    skus = _by(session, Variant.sku, Variant.id, {item.channel_sku for item in items if item.channel_sku})
    alike = _by(session, SkuKey.sku_key, SkuKey.variant_id, {item.sku_key for item in items if item.sku_key})
    forms = {form: item.gtin for item in items if item.gtin for form in gtin_forms(item.gtin)}
    codes: dict[str, list[int]] = {}
    for form, found in _by(session, Variant.gtin, Variant.id, set(forms)).items():
        codes.setdefault(forms[form], []).extend(found)
    for item in items:
        for source, name in ((skus, item.channel_sku), (codes, item.gtin), (alike, item.sku_key)):
            out[item.id].update(dict.fromkeys(source.get(name or "", ())))
    by_title = _by_title(session, items)
    variants = _variants_of(session, {pid for found in by_title.values() for pid in found})
    for item_id, product_ids in by_title.items():
        for pid in product_ids:
            out[item_id].update(dict.fromkeys(variants.get(pid, ())))
    return {item_id: list(found) for item_id, found in out.items()}


def _by(session: Session, column: Any, target: Any, wanted: set[str]) -> dict[str, list[int]]:
    out: dict[str, list[int]] = {}
    for part in chunks(sorted(wanted)):
        for value, found in session.execute(select(column, target).where(column.in_(part)).order_by(target)).tuples():
            out.setdefault(value, []).append(found)
    return out


def _by_title(session: Session, items: Sequence[ChannelItem]) -> dict[int, list[int]]:
    """Item → the products that share most of its rare words. A word's products are read up to the bound alone, so that
    «the» costs no more than any other word."""
    words = {item.id: title_words(f"{item.title} {item.brand}") for item in items}
    products: dict[str, list[int]] = {}
    for part in chunks(sorted({word for found in words.values() for word in found}), _WORDS_PER_QUERY):
        queries = []
        for word in part:
            few = select(TitleWord.product_id).where(TitleWord.word == word).limit(RARE + 1).subquery()
            queries.append(select(literal(word).label("word"), few.c.product_id))
        for word, pid in session.execute(union_all(*queries)).tuples():
            products.setdefault(word, []).append(pid)
    out: dict[int, list[int]] = {}
    for item in items:
        shared = Counter(
            pid for word in words[item.id] if len(found := products.get(word, [])) <= RARE for pid in found
        )
        best = sorted(shared.items(), key=lambda pair: (-pair[1], pair[0]))[:PRODUCTS_BY_TITLE]
        if best:
            out[item.id] = [pid for pid, _ in best]
    return out


def _variants_of(session: Session, product_ids: set[int]) -> dict[int, list[int]]:
    out: dict[int, list[int]] = {}
    for part in chunks(sorted(product_ids)):
        for pid, vid in session.execute(
            select(Variant.product_id, Variant.id).where(Variant.product_id.in_(part)).order_by(Variant.id)
        ).tuples():
            out.setdefault(pid, []).append(vid)
    return out


def _load(session: Session, wanted: Mapping[int, Sequence[int]]) -> dict[int, _Ours]:
    out: dict[int, _Ours] = {}
    for part in chunks(sorted({vid for found in wanted.values() for vid in found})):
        for variant, title, key in session.execute(
            select(Variant, Product.title, SkuKey.sku_key)
            .join(Product, Product.id == Variant.product_id)
            .outerjoin(SkuKey, SkuKey.variant_id == Variant.id)
            .where(Variant.id.in_(part))
        ).tuples():
            choice = " ".join(variant.options.values())
            out[variant.id] = _Ours(
                id=variant.id, product_id=variant.product_id,
                titles=(fold(title), fold(f"{title} {choice}")) if choice else (fold(title),),
                side=Side(
                    sku=variant.sku, sku_key=key or "", gtin=gtin_key(variant.gtin), choice=_choice(variant.options),
                    price_minor=variant.price_minor, currency=variant.currency,
                ),
            )  # fmt: skip
    return out


# ---------------------------------------------------------------- weighing


def _weighed(item: ChannelItem, ours: Sequence[_Ours]) -> list[tuple[_Ours, Weighed]]:
    mine = Side(
        sku=item.channel_sku, sku_key=item.sku_key, gtin=item.gtin, choice=_choice(item.options),
        price_minor=item.price_minor, currency=item.currency,
    )  # fmt: skip
    title = fold(item.title)
    weighed = [(one, weigh(mine, one.side, likeness(title, one.titles))) for one in ours]
    good = [pair for pair in weighed if pair[1].score >= PROPOSED_FROM]
    return sorted(good, key=lambda pair: (-pair[1].score, pair[0].id))[:KEPT]


def likeness(title: str, others: Iterable[str]) -> float:
    """How alike a (folded) title is to the most alike of others, 0 to 1. Half of it is the words in any order and half
    the words they share, so that «Knife» is not the same as «Knife block with six knives»."""
    if not title:
        return 0.0
    return max((fuzz.token_sort_ratio(title, o) + fuzz.token_set_ratio(title, o)) / 200 for o in others)


def _choice(options: Mapping[str, str]) -> frozenset[str]:
    return choice_of(options, {value: fold(value).strip() for value in options.values()})
