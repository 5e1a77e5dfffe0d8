"""Looking recipes up: what a variant is made of, and in which kits it is. For single variants each look is one query by
key or index that finds nothing."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.kernel.errors import NotAllowedNow
from hub.pim.kits.models import KitLeaf
from hub.pim.models import Variant

Parts = tuple[tuple[int, int], ...]
"""What one sold unit takes from the shelf: (variant, units), in the order of the ids. A single variant is ((itself, 1),)."""


def leaves_of(session: Session, variant_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """The exploded recipes of those that are kits; the others are not named."""
    out: dict[int, dict[int, int]] = {}
    k = KitLeaf
    for part in chunks(sorted(set(variant_ids))):
        for row in session.execute(
            select(k.kit_variant_id, k.variant_id, k.quantity)
            .where(k.kit_variant_id.in_(part))
            .order_by(k.kit_variant_id, k.variant_id)
        ):
            out.setdefault(row.kit_variant_id, {})[row.variant_id] = row.quantity
    return out


def parts_of(session: Session, variant_ids: Iterable[int]) -> dict[int, Parts]:
    """What one unit of each takes, for a promise that this unit makes: until it ends, none of them becomes a kit or
    ceases to be one."""
    ids = sorted(set(variant_ids))
    kits: list[int] = []
    for part in chunks(ids):
        kits += [row.id for row in _held(session, part) if row.is_kit]
    found = leaves_of(session, kits) if kits else {}
    return {i: tuple(found[i].items()) if i in found else ((i, 1),) for i in ids}


def _held(session: Session, variant_ids: Iterable[int]) -> Iterable[Variant]:
    """Their ids and whether they are kits. A foreign key would take the same lock on PostgreSQL a moment later."""
    rows: Iterable[Variant] = session.execute(  # type: ignore[assignment]  # rows with the attributes named
        select(Variant.id, Variant.sku, Variant.is_kit)
        .where(Variant.id.in_(list(variant_ids)))
        .order_by(Variant.id)
        .with_for_update(read=True, key_share=True)
    ).all()
    return rows


def containing(session: Session, variant_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """The exploded recipes of every kit that is among these variants or contains one of them, at whatever depth."""
    out: dict[int, dict[int, int]] = {}
    k = KitLeaf
    for part in chunks(sorted(set(variant_ids))):
        concerned = union(
            select(k.kit_variant_id).where(k.variant_id.in_(part)),
            select(k.kit_variant_id).where(k.kit_variant_id.in_(part)),
        )
        for row in session.execute(
            select(k.kit_variant_id, k.variant_id, k.quantity)
            .where(k.kit_variant_id.in_(concerned))
            .order_by(k.kit_variant_id, k.variant_id)
        ):
            out.setdefault(row.kit_variant_id, {})[row.variant_id] = row.quantity
    return out


def refuse_kits(session: Session, variant_ids: Iterable[int]) -> None:
    """Raises NotAllowedNow if one of these is a kit: it has no stock of its own."""
    for part in chunks(sorted(set(variant_ids))):
        kit = next((row for row in _held(session, part) if row.is_kit), None)
        if kit is not None:
            raise NotAllowedNow(
                f"{kit.sku} is a kit and has no stock of its own", field="sku", value=kit.sku,
                fix=f"change the stock of its components (hub kits show {kit.sku})",
            )  # fmt: skip
