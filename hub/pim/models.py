"""What the catalogue and the stock room store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base, BigId, Minor
from hub.pim.attributes import models as _attributes  # noqa: F401 - products refer to families


class Product(Base):
    """A product page: what variants share. `handle` is its stable key in imports; `axes` names the options in order.

    `title` and `description` are the base content; other locales and channels are in `values` under the same names
    (attributes/types.py has the form). `stock_class`: only «finished» can be listed. `version` rises with each change.
    """

    __tablename__ = "products"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    handle: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    description: Mapped[str] = mapped_column(Text, default="")
    brand: Mapped[str] = mapped_column(default="")
    category: Mapped[str] = mapped_column(default="")
    axes: Mapped[list[str]] = mapped_column(default=list)
    images: Mapped[list[str]] = mapped_column(default=list)
    tags: Mapped[list[str]] = mapped_column(default=list)
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    family_id: Mapped[int | None] = mapped_column(ForeignKey("families.id"), index=True)
    state: Mapped[str] = mapped_column(default="draft")
    stock_class: Mapped[str] = mapped_column(default="finished")
    version: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("state IN ('draft','in_review','approved','archived')", name="state"),
        CheckConstraint("stock_class IN ('finished','raw','in_progress','mro')", name="stock_class"),
    )


class DirtyProduct(Base):
    """A product whose projections (search, facets, completeness) lag behind: see pim/projections.py."""

    __tablename__ = "dirty_products"
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(default=1)
    since: Mapped[datetime]


class Variant(Base):
    """One thing that can be counted and sold. Weights in grams, lengths in millimetres, money in minor units.

    `values` are its own; what it does not say, its product says. A kit (`is_kit`) has no stock of its own: it is made of
    its components.
    """

    __tablename__ = "variants"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), index=True)
    sku: Mapped[str] = mapped_column(unique=True)
    gtin: Mapped[str | None] = mapped_column(index=True)
    options: Mapped[dict[str, str]] = mapped_column(default=dict)
    position: Mapped[int] = mapped_column(default=0)
    price_minor: Mapped[Minor]
    currency: Mapped[str]
    cost_minor: Mapped[Minor | None]
    weight_g: Mapped[int | None]
    length_mm: Mapped[int | None]
    width_mm: Mapped[int | None]
    height_mm: Mapped[int | None]
    image: Mapped[str | None]
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_kit: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("price_minor >= 0", name="price"),
        CheckConstraint("length(currency) = 3", name="currency"),
        CheckConstraint("weight_g IS NULL OR weight_g >= 0", name="weight"),
    )


class Location(Base):
    """A place where stock lies. Lower `priority` is taken from first."""

    __tablename__ = "locations"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    priority: Mapped[int] = mapped_column(default=100)


class StockPosition(Base):
    """The count of a variant at a location. `on_hand` is written by the ledger alone, `reserved` by reservations alone."""

    __tablename__ = "stock_positions"
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"), primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), primary_key=True)
    on_hand: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        CheckConstraint("reserved >= 0", name="reserved"),
        CheckConstraint("reserved <= on_hand", name="covered"),
    )


class StockMovement(Base):
    """One line of the append-only ledger. `token` makes a repeated command find its first result."""

    __tablename__ = "stock_movements"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"))
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    kind: Mapped[str]
    delta: Mapped[int]
    token: Mapped[str] = mapped_column(unique=True)
    reason: Mapped[str] = mapped_column(default="")
    reference: Mapped[str] = mapped_column(default="")
    by: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("kind IN ('receive','adjust','count','ship','return','found','transfer')", name="kind"),
        Index("ix_stock_movements_position", "variant_id", "location_id", "id"),
    )


class Reservation(Base):
    """The promise behind one order line: one row, or one per component where a kit was sold (`kit_id`).

    `wanted` units of the variant are still to be shipped, `quantity` of them are held at `location_id`; the difference is
    short. Both are multiples of `per_unit`, the units of the variant in one sold unit as the kit was when it was promised.
    All rows of a line stand for the same number of sold units and lie at one location, so row 0 (`part`) speaks for the
    line. Closed when shipped, cancelled or released.
    """

    __tablename__ = "reservations"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_line_id: Mapped[int]
    part: Mapped[int] = mapped_column(default=0)
    order_ref: Mapped[str]  # what a person calls the order: for explanations, never for logic
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"))
    kit_id: Mapped[int | None] = mapped_column(ForeignKey("variants.id"))
    per_unit: Mapped[int] = mapped_column(default=1)
    location_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"))
    wanted: Mapped[int]
    quantity: Mapped[int]
    placed_at: Mapped[datetime]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("order_line_id", "part"),
        UniqueConstraint("order_line_id", "variant_id"),
        CheckConstraint("per_unit >= 1", name="per_unit"),
        CheckConstraint("quantity >= 0", name="quantity"),
        CheckConstraint("quantity <= wanted", name="wanted"),
        Index(
            "ix_reservations_open", "variant_id", "placed_at",
            postgresql_where=text("closed_at IS NULL"), sqlite_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_reservations_open_kits", "variant_id", "location_id",
            postgresql_where=text("closed_at IS NULL AND kit_id IS NOT NULL"),
            sqlite_where=text("closed_at IS NULL AND kit_id IS NOT NULL"),
        ),
    )  # fmt: skip


class Listing(Base):
    """A variant on an account: the binding, its life, and what the channel is believed to show.

    `shown_quantity` is the hub's belief of the channel's own number as of `shown_at` (sales ingested since then are
    subtracted); None = not known. `issues` are the channel's objections: code, message, field, severity.
    """

    __tablename__ = "listings"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    channel_sku: Mapped[str]
    external_id: Mapped[str | None]
    facts: Mapped[dict[str, str]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(default="draft")
    state_since: Mapped[datetime]
    issues: Mapped[list[Any]] = mapped_column(default=list)
    price_minor: Mapped[Minor | None]  # this account's own price; None = the variant's
    shown_quantity: Mapped[int | None]
    shown_at: Mapped[datetime | None]
    shown_by: Mapped[str] = mapped_column(default="")  # acknowledged | read back
    shown_price_minor: Mapped[Minor | None]
    read_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("account_id", "variant_id"),
        UniqueConstraint("account_id", "channel_sku"),
        Index("ix_listings_product", "product_id", "account_id"),
        Index("ix_listings_state", "account_id", "state"),
    )
