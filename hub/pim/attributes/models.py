"""What an attribute, a family and a locale are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base, BigId
from hub.pim.attributes.types import AttributeType

_TYPES = ",".join(f"'{kind.value}'" for kind in AttributeType)


class Locale(Base):
    """A language that content is written in («de», «pt-BR»). `fallback` is read where it says nothing; "" = the base
    content. `is_base`: the base content (scope «») is in this language; at most one is."""

    __tablename__ = "locales"
    code: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    fallback: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(default=0)
    is_base: Mapped[bool] = mapped_column(default=False)
    __table_args__ = (
        Index(
            "uq_locales_base", "is_base", unique=True, postgresql_where=text("is_base"), sqlite_where=text("is_base")
        ),
    )


class AttributeGroup(Base):
    """A heading under which attributes stand together."""

    __tablename__ = "attribute_groups"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    label: Mapped[str]
    labels: Mapped[dict[str, str]] = mapped_column(default=dict)  # locale → label
    position: Mapped[int] = mapped_column(default=0)


class Attribute(Base):
    """Something that can be said about a product or a variant, and what makes a value acceptable.

    `rules`: min_length, max_length (characters), pattern (whole value), min, max, decimals, unique, withheld: rules.py says which
    type knows which. `unit` is the unit values are stored in (a dimensionless number has none).
    `localisable`: a value per locale is possible; `per_channel`: a value per channel is.
    `filterable` values are indexed for filters and facets, `searchable` ones are found by their words.
    """

    __tablename__ = "attributes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    label: Mapped[str]
    labels: Mapped[dict[str, str]] = mapped_column(default=dict)
    help: Mapped[str] = mapped_column(default="")
    type: Mapped[str]
    group_id: Mapped[int | None] = mapped_column(ForeignKey("attribute_groups.id"))
    unit: Mapped[str] = mapped_column(default="")
    localisable: Mapped[bool] = mapped_column(default=False)
    per_channel: Mapped[bool] = mapped_column(default=False)
    filterable: Mapped[bool] = mapped_column(default=False)
    searchable: Mapped[bool] = mapped_column(default=False)
    system: Mapped[bool] = mapped_column(default=False)  # the hub itself relies on it: it cannot be removed
    rules: Mapped[dict[str, Any]] = mapped_column(default=dict)
    position: Mapped[int] = mapped_column(default=0)
    __table_args__ = (CheckConstraint(f"type IN ({_TYPES})", name="type"),)


class AttributeOption(Base):
    """One possible answer of a choice."""

    __tablename__ = "attribute_options"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"))
    code: Mapped[str]
    label: Mapped[str]
    labels: Mapped[dict[str, str]] = mapped_column(default=dict)
    position: Mapped[int] = mapped_column(default=0)
    __table_args__ = (UniqueConstraint("attribute_id", "code"),)


class Family(Base):
    """A sort of product («Wine»): which attributes its products have. `axes` are the attributes its variants usually
    differ in."""

    __tablename__ = "families"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    label: Mapped[str]
    labels: Mapped[dict[str, str]] = mapped_column(default=dict)
    axes: Mapped[list[str]] = mapped_column(default=list)


class FamilyAttribute(Base):
    """An attribute of a family. `level`: whether each variant has its own value or the product one for all."""

    __tablename__ = "family_attributes"
    family_id: Mapped[int] = mapped_column(ForeignKey("families.id"), primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"), primary_key=True)
    level: Mapped[str] = mapped_column(default="product")
    position: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        CheckConstraint("level IN ('product','variant')", name="level"),
        Index("ix_family_attributes_attribute", "attribute_id"),
    )


class FamilyRequirement(Base):
    """A product of the family is complete for `channel` and `locale` only with `field`: an attribute's code, or one of
    the hub's own fields (attributes/fields.py). «*» = every channel, every locale."""

    __tablename__ = "family_requirements"
    family_id: Mapped[int] = mapped_column(ForeignKey("families.id"), primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True, default="*")
    locale: Mapped[str] = mapped_column(primary_key=True, default="*")


class UniqueValue(Base):
    """The values of attributes that no two products (or variants) may share. Written with the value, by catalog alone."""

    __tablename__ = "unique_values"
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]  # product:HANDLE or variant:SKU
    __table_args__ = (Index("ix_unique_values_owner", "owner"),)
