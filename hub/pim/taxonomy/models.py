"""Category trees, brands and relations."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base, BigId
from hub.pim.taxonomy.rules import RELATION_KINDS

_KINDS = ",".join(f"'{kind}'" for kind in RELATION_KINDS)


class Category(Base):
    """A node of a tree: «own» is ours, the others are named by their channel. `path` is «/» + the ids from the root to
    the node itself, each with «/» behind it, so that a subtree is a prefix."""

    __tablename__ = "categories"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    tree: Mapped[str]
    code: Mapped[str]  # of the channel's tree: what the channel calls it on its wire
    label: Mapped[str]
    labels: Mapped[dict[str, str]] = mapped_column(default=dict)  # locale → label
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"), index=True)
    path: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    __table_args__ = (UniqueConstraint("tree", "code"), Index("ix_categories_path", "tree", "path"))


class CategoryMapping(Base):
    """A category of ours stands for one of a channel's. Its descendants inherit that."""

    __tablename__ = "category_mappings"
    own_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), primary_key=True)
    tree: Mapped[str] = mapped_column(primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), index=True)
    __table_args__ = (CheckConstraint("tree <> 'own'", name="tree"),)


class ProductCategory(Base):
    """A product in a category of ours. The main one decides where it is listed."""

    __tablename__ = "product_categories"
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), primary_key=True)
    main: Mapped[bool] = mapped_column(default=False)
    __table_args__ = (
        Index("ix_product_categories_category", "category_id", "product_id"),
        Index(
            "uq_product_categories_main", "product_id", unique=True,
            postgresql_where=text("main"), sqlite_where=text("main"),
        ),
    )  # fmt: skip


class Relation(Base):
    """`product_id` has `other_id` as its accessory, spare part and so on (rules.RELATION_KINDS), in order."""

    __tablename__ = "product_relations"
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    other_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
        CheckConstraint("product_id <> other_id", name="other"),
        Index("ix_product_relations_other", "other_id"),
    )


class Brand(Base):
    """A brand under its one right spelling."""

    __tablename__ = "brands"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class BrandSpelling(Base):
    """A way of writing a brand, as rules.brand_key has it: case and spaces do not count."""

    __tablename__ = "brand_spellings"
    key: Mapped[str] = mapped_column(primary_key=True)
    brand_id: Mapped[int] = mapped_column(ForeignKey("brands.id"), index=True)
