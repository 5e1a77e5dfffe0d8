"""The audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base


class AuditRow(Base):
    """What one unit of work changed of one subject.

    `changes` maps each field to [before, after]; a value of a scope has the field «values.CODE» or
    «values.CODE.SCOPE». `source` says what it was part of («import:12», «bulk:7», «undo:9», «api»), `seq` has no gaps,
    `hash` covers the row and the hash before it.
    """

    __tablename__ = "audit_rows"
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor_kind: Mapped[str]  # person, import, rule, channel, api, system
    actor: Mapped[str]
    reason: Mapped[str]
    source: Mapped[str]
    subject: Mapped[str]  # product, variant, listing, account, kit, family, attribute, category, media …
    subject_id: Mapped[int] = mapped_column(BigInteger)
    subject_key: Mapped[str]  # what a person calls it: handle, SKU, name
    action: Mapped[str]
    changes: Mapped[dict[str, Any]]
    previous: Mapped[str]
    hash: Mapped[str]
    __table_args__ = (
        CheckConstraint("action IN ('created','updated','deleted')", name="action"),
        Index("ix_audit_rows_subject", "subject", "subject_id", "seq"),
        Index("ix_audit_rows_source", "source", "seq"),
        Index("ix_audit_rows_at", "at"),
    )


class AuditHead(Base):
    """The end of the chain (one row, id 1): locked for the instant in which a unit commits, so that rows cannot be cut
    off unseen."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str]
