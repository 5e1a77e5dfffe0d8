"""What a kit is made of, as a person said it (`KitComponent`) and down to what can be counted (`KitLeaf`)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base


class KitComponent(Base):
    """`quantity` units of the component are in one kit. The component may be a kit; a kit never contains itself."""

    __tablename__ = "kit_components"
    kit_variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"), primary_key=True)
    component_variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"), primary_key=True, index=True)
    quantity: Mapped[int]
    __table_args__ = (
        CheckConstraint("quantity >= 1", name="quantity"),
        CheckConstraint("kit_variant_id <> component_variant_id", name="itself"),
    )


class KitLeaf(Base):
    """`quantity` units of `variant_id`, which is no kit, are in one kit at whatever depth. Derived from the components
    by `kits.edit` alone, so that a sale, a stock change and a push need one look instead of a descent."""

    __tablename__ = "kit_leaves"
    kit_variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"), primary_key=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"), primary_key=True, index=True)
    quantity: Mapped[int]
    __table_args__ = (CheckConstraint("quantity >= 1", name="quantity"),)
