"""What there is of variants where somebody sells from, and what that makes of kits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.pim.kits import rules
from hub.pim.kits.recipes import leaves_of
from hub.pim.models import Reservation, StockPosition, Variant
from hub.pim.rules import Arithmetic, KitPart, publishable


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelves:
    """Units by location and variant, of some locations; `short` units are promised and held nowhere."""

    on_hand: Mapping[int, Mapping[int, int]]
    reserved: Mapping[int, Mapping[int, int]]
    short: Mapping[int, int]

    def free(self) -> dict[int, dict[int, int]]:
        return {
            place: {variant: units - self.reserved[place][variant] for variant, units in there.items()}
            for place, there in self.on_hand.items()
        }


def arithmetic(
    session: Session, variant_ids: Iterable[int], location_ids: Collection[int], *, buffer: int, cap: int | None
) -> dict[int, Arithmetic]:
    """What may be shown of each variant by an account that sells from these locations (none = all)."""
    ids = set(variant_ids)
    kits = leaves_of(session, ids)
    singles = sorted(ids - kits.keys())
    sums = _sums(session, singles, location_ids)
    short = shorts(session, singles)
    out = {
        variant_id: publishable(
            on_hand=sums[variant_id][0], reserved=sums[variant_id][1], short=short.get(variant_id, 0), buffer=buffer,
            cap=cap,
        )
        for variant_id in singles
    }  # fmt: skip
    if kits:
        leaves = {leaf for recipe in kits.values() for leaf in recipe}
        there = shelves(session, leaves, location_ids)
        skus = skus_of(session, leaves)
        for kit, recipe in kits.items():
            out[kit] = of_kit(recipe, there, skus, buffer=buffer, cap=cap)
    return out


def of_kit(
    recipe: rules.Recipe, there: Shelves, skus: Mapping[int, str], *, buffer: int = 0, cap: int | None = None
) -> Arithmetic:
    """The sum of a kit: all in whole kits, with its components behind it."""
    on_hand, free = list(there.on_hand.values()), list(there.free().values())
    possible = sum(rules.kits_from(recipe, place) for place in on_hand)
    unpromised = sum(rules.kits_from(recipe, place) for place in free)
    left = rules.kits_from_places(recipe, free, there.short)
    scarcest = rules.limiting(recipe, free, there.short)
    parts = tuple(
        KitPart(
            sku=skus[leaf], per_kit=per_kit, on_hand=sum(place.get(leaf, 0) for place in on_hand),
            reserved=sum(place.get(leaf, 0) for place in there.reserved.values()), short=there.short.get(leaf, 0),
            kits=rules.part_makes(leaf, per_kit, free, there.short), limits=leaf == scarcest,
        )
        for leaf, per_kit in recipe.items()
    )  # fmt: skip
    return publishable(
        on_hand=possible, reserved=possible - unpromised, short=unpromised - left, buffer=buffer, cap=cap, parts=parts
    )


def _sums(session: Session, variant_ids: Iterable[int], location_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    p = StockPosition
    out = dict.fromkeys(variant_ids, (0, 0))
    for part in chunks(list(out)):
        query = select(
            p.variant_id, func.sum(p.on_hand).label("on_hand"), func.sum(p.reserved).label("reserved")
        ).where(p.variant_id.in_(part))
        if location_ids:
            query = query.where(p.location_id.in_(location_ids))
        for row in session.execute(query.group_by(p.variant_id)):
            out[row.variant_id] = (int(row.on_hand), int(row.reserved))
    return out


def shorts(session: Session, variant_ids: Iterable[int]) -> dict[int, int]:
    """Units promised and held nowhere, by variant."""
    r = Reservation
    out: dict[int, int] = {}
    for part in chunks(sorted(variant_ids)):
        for row in session.execute(
            select(r.variant_id, func.sum(r.wanted - r.quantity).label("units"))
            .where(r.variant_id.in_(part), r.closed_at.is_(None), r.quantity < r.wanted)
            .group_by(r.variant_id)
        ):
            out[row.variant_id] = int(row.units)
    return out


def shelves(session: Session, variant_ids: Iterable[int], location_ids: Collection[int] = ()) -> Shelves:
    """What there is of these variants at each of these locations (none = all)."""
    ids = sorted(set(variant_ids))
    p = StockPosition
    on_hand: dict[int, dict[int, int]] = {}
    reserved: dict[int, dict[int, int]] = {}
    for part in chunks(ids):
        query = select(p.variant_id, p.location_id, p.on_hand, p.reserved).where(p.variant_id.in_(part))
        if location_ids:
            query = query.where(p.location_id.in_(location_ids))
        for row in session.execute(query.order_by(p.location_id, p.variant_id)):
            on_hand.setdefault(row.location_id, {})[row.variant_id] = row.on_hand
            reserved.setdefault(row.location_id, {})[row.variant_id] = row.reserved
    return Shelves(on_hand=on_hand, reserved=reserved, short=shorts(session, ids))


def skus_of(session: Session, variant_ids: Iterable[int]) -> dict[int, str]:
    out: dict[int, str] = {}
    for part in chunks(sorted(set(variant_ids))):
        out.update(session.execute(select(Variant.id, Variant.sku).where(Variant.id.in_(part))).tuples().all())
    return out
