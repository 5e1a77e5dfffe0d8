"""What the shipping desk stores: export batches that can be downloaded again byte for byte."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base, BigId
from hub.db.types import EncryptedText


class ExportBatch(Base):
    """One file handed to shipping software. `content` (personal data: encrypted) is emptied when its time is over;
    `checksum` is the SHA-256 of the file's bytes."""

    __tablename__ = "export_batches"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(unique=True)
    profile: Mapped[str]
    created_at: Mapped[datetime]
    by: Mapped[str] = mapped_column(default="")
    orders: Mapped[int]
    rows: Mapped[int]
    checksum: Mapped[str]
    content: Mapped[str | None] = mapped_column(EncryptedText)
    purged_at: Mapped[datetime | None]
    __table_args__ = (CheckConstraint("orders >= 0 AND rows >= 0", name="sizes"),)


class ExportItem(Base):
    """An order in a batch. Without `again` an order is exported once in its life: the database sees to it."""

    __tablename__ = "export_items"
    batch_id: Mapped[int] = mapped_column(ForeignKey("export_batches.id"), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    again: Mapped[bool] = mapped_column(default=False)
    __table_args__ = (
        Index(
            "uq_export_items_once", "order_id", unique=True,
            postgresql_where=text("NOT again"), sqlite_where=text("NOT again"),
        ),
    )  # fmt: skip
