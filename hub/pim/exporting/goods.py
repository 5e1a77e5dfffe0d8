"""Products with everything an export says about them, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.kernel.money import Money
from hub.pim.attributes.models import Family
from hub.pim.history import edits
from hub.pim.models import Location, StockPosition


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsVariant:
    """A variant: its columns, and the units on hand by location code."""

    sku: str
    row: Mapping[str, Any]
    stock: Mapping[str, int] = field(default_factory=dict)

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
    """A product with its variants in order; `family` is a code, "" = none."""

    handle: str
    row: Mapping[str, Any]
    family: str
    variants: tuple[GoodsVariant, ...]

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
                variants=tuple(GoodsVariant(sku=v.key, row=v.row, stock=counts.get(v.id, {})) for v in here),
            )
        )  # fmt: skip
    return out
