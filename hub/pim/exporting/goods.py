"""Products with everything an export says about them, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.kernel.money import Money
from hub.pim.attributes.models import Attribute, Family, Locale
from hub.pim.history import edits
from hub.pim.kits.models import KitComponent
from hub.pim.models import Location, StockPosition, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsVariant:
    """A variant: its columns, the units on hand by location code, and what it is made of if it is a kit: SKU → how many."""

    sku: str
    row: Mapping[str, Any]
    stock: Mapping[str, int] = field(default_factory=dict)
    components: Mapping[str, int] = field(default_factory=dict)

    @property
    def price(self) -> Money:
        return Money(minor=self.row["price_minor"], currency=self.row["currency"])

    @property
    def cost(self) -> Money | None:
        minor = self.row["cost_minor"]
        return None if minor is None else Money(minor=minor, currency=self.row["currency"])

    @property
    def values(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self.row["values"]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """A product with its variants in order; `family` is a code, "" = none. `kinds`: attribute code → type; `base`: the
    language of the base content, "" = not said."""

    handle: str
    row: Mapping[str, Any]
    family: str
    variants: tuple[GoodsVariant, ...]
    kinds: Mapping[str, str] = field(default_factory=dict)
    base: str = ""

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the options: the product's, and whatever else its variants have."""
        names = dict.fromkeys(self.row["axes"])
        for variant in self.variants:
            names.update(dict.fromkeys(variant.row["options"]))
        return tuple(names)

    @property
    def values(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self.row["values"]
        return found


def goods(session: Session, ids: Sequence[int], *, stock: bool = True) -> list[Goods]:
    """These products in the order of `ids`, without those that are gone."""
    seen = edits.look(session, variants_of=ids)
    families = dict(session.execute(select(Family.id, Family.code)).tuples().all())
    counts: dict[int, dict[str, int]] = {}
    if stock:
        codes = dict(session.execute(select(Location.id, Location.code)).tuples().all())
        p = StockPosition
        for part in chunks(sorted(number for subject, number in seen if subject == "variant")):
            for row in session.execute(
                select(p.variant_id, p.location_id, p.on_hand).where(p.variant_id.in_(part), p.on_hand > 0)
            ):
                counts.setdefault(row.variant_id, {})[codes[row.location_id]] = row.on_hand
    kinds = dict(session.execute(select(Attribute.code, Attribute.type)).tuples().all())
    base = session.scalar(select(Locale.code).where(Locale.is_base)) or ""
    kits = _components(
        session, [n for (subject, n), thing in seen.items() if subject == "variant" and thing.row["is_kit"]]
    )
    variants: dict[int, list[edits.Seen]] = {}
    for thing in seen.values():
        if thing.subject == "variant":
            variants.setdefault(thing.product_id, []).append(thing)
    out: list[Goods] = []
    for number in ids:
        product = seen.get(("product", number))
        if product is None:
            continue
        family = product.row["family_id"]
        here = sorted(variants.get(number, ()), key=lambda v: (v.row["position"], v.id))
        out.append(
            Goods(
                handle=product.key, row=product.row, family="" if family is None else families.get(family, ""),
                variants=tuple(
                    GoodsVariant(sku=v.key, row=v.row, stock=counts.get(v.id, {}), components=kits.get(v.id, {}))
                    for v in here
                ),
                kinds=kinds, base=base,
            )
        )  # fmt: skip
    return out


def _components(session: Session, kits: Sequence[int]) -> dict[int, dict[str, int]]:
    """What these kits are made of, one level down: variant id → SKU → how many."""
    c = KitComponent
    out: dict[int, dict[str, int]] = {}
    for part in chunks(sorted(kits)):
        query = select(c.kit_variant_id, Variant.sku, c.quantity).join(Variant, Variant.id == c.component_variant_id)
        for kit, sku, quantity in session.execute(
            query.where(c.kit_variant_id.in_(part)).order_by(c.kit_variant_id, Variant.sku)
        ).tuples():
            out.setdefault(kit, {})[sku] = quantity
    return out
