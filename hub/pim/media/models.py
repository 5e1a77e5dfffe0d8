"""Assets, where they were fetched from, and which products use them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base, BigId


class MediaAsset(Base):
    """A file by its content. Pictures have width, height (pixels, as a viewer shows them), `mode` (Pillow's), and a
    perceptual hash: `dhash` in hex and its four 16-bit bands, by which likenesses are found. `border` is the share of
    near-white pixels along the edge, in permille; None = not a picture."""

    __tablename__ = "media_assets"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    content_type: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(default="")
    width: Mapped[int | None]
    height: Mapped[int | None]
    mode: Mapped[str] = mapped_column(default="")
    animated: Mapped[bool] = mapped_column(default=False)
    border: Mapped[int | None]
    dhash: Mapped[str] = mapped_column(default="")
    band_0: Mapped[int | None] = mapped_column(index=True)
    band_1: Mapped[int | None] = mapped_column(index=True)
    band_2: Mapped[int | None] = mapped_column(index=True)
    band_3: Mapped[int | None] = mapped_column(index=True)
    alt: Mapped[dict[str, str]] = mapped_column(default=dict)  # locale («» = base) → what a picture shows, in words
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("bytes > 0", name="bytes"),
        CheckConstraint("border IS NULL OR (border >= 0 AND border <= 1000)", name="border"),
    )


class MediaFetch(Base):
    """A web address that products name, and what became of fetching it. `state`: waiting (due at `due_at`), done,
    failed (for good, `cause` says why)."""

    __tablename__ = "media_fetches"
    address: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    cause: Mapped[str] = mapped_column(default="")
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("media_assets.id"), index=True)
    fetched_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint("state IN ('waiting','done','failed')", name="state"),
        Index(
            "ix_media_fetches_waiting", "due_at",
            postgresql_where=text("state = 'waiting'"), sqlite_where=text("state = 'waiting'"),
        ),
    )  # fmt: skip


class MediaUse(Base):
    """A product names a picture (derived from products, see uses.py). `reference` as it stands there."""

    __tablename__ = "media_uses"
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    reference: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str | None] = mapped_column(index=True)  # None = an address that was not fetched yet
    __table_args__ = (Index("ix_media_uses_reference", "reference"),)
