"""What pages need of kits: what one is made of, how many its components make and which of them there is least of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.kernel.errors import Invalid
from hub.pim.counts import of_kit, shelves, skus_of
from hub.pim.kits.models import KitComponent
from hub.pim.kits.recipes import leaves_of
from hub.pim.kits.rules import kits_from
from hub.pim.models import Location, Product, Variant
from hub.pim.rules import Arithmetic
from hub.pim.stock import variant_by_sku

LIMIT_MAX = 500
USED_IN_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class KitPlace:
    """Whole kits that the components at one location make; `reserved` of them are promised away."""

    location: str
    on_hand: int
    reserved: int

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How many kits there are: over all locations with the components behind it (`sum`), and per location."""

    sum: Arithmetic
    places: tuple[KitPlace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A component as a person named it. `is_kit`: it is made of others itself."""

    sku: str
    title: str
    quantity: int
    is_kit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KitView:
    """One kit. `version` goes back with an edit. `used_in`: kits that contain it (at most 100)."""

    variant_id: int
    sku: str
    title: str
    version: int
    components: tuple[Component, ...]
    standing: Standing
    used_in: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        total = self.standing.sum
        return {
            "sku": self.sku, "title": self.title, "version": self.version,
            "components": [
                {"sku": c.sku, "title": c.title, "quantity": c.quantity, "is_kit": c.is_kit} for c in self.components
            ],
            "available": total.publishable, "on_hand": total.on_hand, "reserved": total.reserved, "short": total.short,
            "parts": [part.as_dict() for part in total.parts],
            "locations": [
                {"location": p.location, "on_hand": p.on_hand, "reserved": p.reserved, "available": p.available}
                for p in self.standing.places
            ],
            "used_in": list(self.used_in),
        }  # fmt: skip


def standings(session: Session, variant_ids: Iterable[int]) -> dict[int, Standing]:
    """Of those of these variants that are kits. One query that finds nothing where none is."""
    kits = leaves_of(session, variant_ids)
    if not kits:
        return {}
    leaves = {leaf for recipe in kits.values() for leaf in recipe}
    there = shelves(session, leaves)
    free = there.free()
    skus = skus_of(session, leaves)
    codes = session.execute(
        select(Location.id, Location.code).where(Location.id.in_(list(free))).order_by(Location.priority, Location.id)
    ).all()
    out = {}
    for kit, recipe in kits.items():
        places = []
        for place in codes:
            on_hand = kits_from(recipe, there.on_hand[place.id])
            reserved = on_hand - kits_from(recipe, free[place.id])
            if recipe.keys() & there.on_hand[place.id].keys():
                places.append(KitPlace(location=place.code, on_hand=on_hand, reserved=reserved))
        out[kit] = Standing(sum=of_kit(recipe, there, skus), places=tuple(places))
    return out


def kit_of(session: Session, sku: str) -> KitView:
    """One kit.

    Raises:
        Unknown: no such SKU.
        Invalid: it is no kit.
    """
    variant = variant_by_sku(session, sku)
    if not variant.is_kit:
        raise Invalid(
            f"{sku} is no kit", field="sku", value=sku, fix=f"hub kits set {sku} --component SKU:QUANTITY makes it one"
        )
    (view,) = _views(session, [variant.id])
    return view


def kits_page(session: Session, *, after: str = "", limit: int = 50) -> list[KitView]:
    """Up to `limit` (1 to 500) kits that follow the SKU `after`, in the order of their SKU. A handful of queries."""
    if not 1 <= limit <= LIMIT_MAX:
        raise Invalid(f"a page has 1 to {LIMIT_MAX} kits", field="limit", value=limit)
    ids = session.scalars(
        select(Variant.id).where(Variant.is_kit, Variant.sku > after).order_by(Variant.sku).limit(limit)
    ).all()
    return _views(session, ids)


def _views(session: Session, kit_ids: Sequence[int]) -> list[KitView]:
    c = KitComponent
    components: dict[int, list[Component]] = {}
    above: dict[int, list[str]] = {}
    for part in chunks(list(kit_ids)):
        for row in session.execute(
            select(c.kit_variant_id, c.quantity, Variant.sku, Variant.is_kit, Product.title)
            .join(Variant, Variant.id == c.component_variant_id)
            .join(Product, Product.id == Variant.product_id)
            .where(c.kit_variant_id.in_(part))
            .order_by(Variant.sku)
        ):
            components.setdefault(row.kit_variant_id, []).append(
                Component(sku=row.sku, title=row.title, quantity=row.quantity, is_kit=row.is_kit)
            )
        for user in session.execute(
            select(c.component_variant_id, Variant.sku)
            .join(Variant, Variant.id == c.kit_variant_id)
            .where(c.component_variant_id.in_(part))
            .order_by(Variant.sku)
        ):
            above.setdefault(user.component_variant_id, []).append(user.sku)
    found = standings(session, kit_ids)
    rows = [
        row
        for part in chunks(list(kit_ids))
        for row in session.execute(
            select(Variant.id, Variant.sku, Variant.version, Product.title)
            .join(Product, Product.id == Variant.product_id)
            .where(Variant.id.in_(part))
            .order_by(Variant.sku)
        )
    ]
    return [
        KitView(
            variant_id=row.id, sku=row.sku, title=row.title, version=row.version,
            components=tuple(components.get(row.id, ())), standing=found[row.id],
            used_in=tuple(above.get(row.id, ())[:USED_IN_SHOWN]),
        )
        for row in rows
    ]  # fmt: skip
