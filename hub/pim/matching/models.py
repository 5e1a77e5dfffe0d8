"""What was pulled from channels, and what it may be of ours."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base, BigId, Minor


class CataloguePull(Base):
    """One round through everything that an account offers. `ended_at` None = not at its end yet; `complete` = it came
    to its end, so that what it did not see is gone. `problems` are the first listings that could not be read (key, why),
    `unreadable` counts them all. `cursor` is where it goes on, None = at the beginning."""

    __tablename__ = "catalogue_pulls"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    by: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    complete: Mapped[bool] = mapped_column(default=False)
    cursor: Mapped[str | None] = mapped_column(Text)
    pages: Mapped[int] = mapped_column(default=0)
    items: Mapped[int] = mapped_column(default=0)
    gone: Mapped[int] = mapped_column(default=0)
    unreadable: Mapped[int] = mapped_column(default=0)
    problems: Mapped[list[Any]] = mapped_column(default=list)
    __table_args__ = (
        Index(
            "uq_catalogue_pulls_open", "account_id", unique=True,
            postgresql_where=text("ended_at IS NULL"), sqlite_where=text("ended_at IS NULL"),
        ),
        Index("ix_catalogue_pulls_account", "account_id", "id"),
    )  # fmt: skip


class ChannelItem(Base):
    """One buyable thing that an account offers, as its channel described it at `seen_at`.

    `key` is the channel's own name of it (ChannelListing.key), `channel_sku` "" where it has none, `group_key` "" where it
    stands alone. `gtin` is the first that is one (14 digits, zeros before it), `gone_at` when a whole round did not see it
    any more. `dismissed` = a person said that it is none of ours. `facts` belong to the adapter. `sku_key` is the SKU
    without case, spaces and signs.
    """

    __tablename__ = "channel_items"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    key: Mapped[str]
    channel_sku: Mapped[str]
    sku_key: Mapped[str]
    external_id: Mapped[str | None]
    group_key: Mapped[str]
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    brand: Mapped[str]
    gtin: Mapped[str | None]
    price_minor: Mapped[Minor | None]
    currency: Mapped[str | None]
    quantity: Mapped[int | None]
    state: Mapped[str]
    category: Mapped[str]
    url: Mapped[str] = mapped_column(Text)
    options: Mapped[dict[str, str]] = mapped_column(default=dict)
    images: Mapped[list[str]] = mapped_column(default=list)
    facts: Mapped[dict[str, str]] = mapped_column(default=dict)
    pull_id: Mapped[int] = mapped_column(ForeignKey("catalogue_pulls.id"))
    first_seen_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]
    dismissed: Mapped[bool] = mapped_column(default=False)
    __table_args__ = (
        UniqueConstraint("account_id", "key"),
        Index("ix_channel_items_sku", "account_id", "channel_sku"),
        Index("ix_channel_items_alike", "account_id", "sku_key"),
        Index("ix_channel_items_group", "account_id", "group_key"),
        Index("ix_channel_items_pull", "account_id", "pull_id"),
    )


class Match(Base):
    """That a channel item may be, is, or is not one of our variants.

    `state`: proposed (by the hub), accepted, rejected, created (the variant was made from the item). `evidence` is what
    speaks for and against it (kind, points, a sentence), `score` 0 to 100 their sum. Proposals come and go with each
    round, what a person decided stays. `listing_id` is the binding that accepting it made; `made_product` = the product
    was made with it, so that undoing archives it.
    """

    __tablename__ = "channel_matches"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("channel_items.id", ondelete="CASCADE"))
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String, default="proposed")
    score: Mapped[int]
    evidence: Mapped[list[Any]] = mapped_column(default=list)
    listing_id: Mapped[int | None] = mapped_column(BigId)
    made_product: Mapped[bool] = mapped_column(default=False)
    by: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("item_id", "variant_id"),
        CheckConstraint("state IN ('proposed','accepted','rejected','created')", name="state"),
        CheckConstraint("score >= 0 AND score <= 100", name="score"),
        Index(
            "uq_channel_matches_decided", "item_id", unique=True,
            postgresql_where=text("state IN ('accepted','created')"),
            sqlite_where=text("state IN ('accepted','created')"),
        ),
        Index("ix_channel_matches_score", "state", "score", "id"),
    )  # fmt: skip


class SkuKey(Base):
    """A variant's SKU without case, spaces and signs: how a SKU that differs in those alone is found."""

    __tablename__ = "match_sku_keys"
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id", ondelete="CASCADE"), primary_key=True)
    product_id: Mapped[int] = mapped_column(BigId, index=True)
    sku_key: Mapped[str] = mapped_column(index=True)


class TitleWord(Base):
    """A word of a product's title, brand or options: how titles are compared with those alone that share a rare word."""

    __tablename__ = "match_title_words"
    word: Mapped[str] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), primary_key=True)
    __table_args__ = (Index("ix_match_title_words_product", "product_id"),)
