"""What is stored about the quality of products. All of it is derived: `hub completeness rebuild` makes it anew."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base

PLAIN = String().with_variant(String(collation="C"), "postgresql")
"""Text that both databases sort by code point."""


class Completeness(Base):
    """How complete a product is for a channel and in a language; written by quality/projector.py alone.

    `channel` «*» = wherever it is sold; `locale` «» = the base content. `percent` = filled of required, 0 to 100, rounded
    down, so that 100 means nothing is missing. `missing`: [{field, skus: the first of the variants that lack it, variants:
    how many do (0 = the product itself does)}]. `errors` and `warnings`: the findings of the lint that need no look at
    pictures or at other products.
    """

    __tablename__ = "completeness"
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[str] = mapped_column(PLAIN, primary_key=True)
    locale: Mapped[str] = mapped_column(PLAIN, primary_key=True)
    required: Mapped[int]
    filled: Mapped[int]
    percent: Mapped[int]
    missing: Mapped[list[Any]] = mapped_column(default=list)
    errors: Mapped[int] = mapped_column(default=0)
    warnings: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        CheckConstraint("filled BETWEEN 0 AND required", name="filled"),
        CheckConstraint("percent < 100 OR filled = required", name="complete"),
        Index("ix_completeness_percent", "channel", "locale", "percent", "product_id"),
        Index("ix_completeness_errors", "channel", "locale", "errors", "product_id"),
        Index("ix_completeness_warnings", "channel", "locale", "warnings", "product_id"),
    )


class DescriptionDigest(Base):
    """Which products have the same description in the base language: the hash of its words, without the markup. Only
    descriptions long enough to be somebody's own have one."""

    __tablename__ = "description_digests"
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[str]
    __table_args__ = (Index("ix_description_digests_digest", "digest", "product_id"),)
