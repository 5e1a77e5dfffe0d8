"""What delivery itself stores: the answers to requests that must not be carried out twice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base


class IdempotencyKey(Base):
    """One POST that was answered. Written in the transaction of its effect, so either both are there or neither.

    `route` is method and path, `digest` the fingerprint of the JSON body. `status` 0 = its own transaction is still
    running: nobody else ever sees that. `body` is the answer's JSON; it never holds personal data. Kept for 24 hours.
    """

    __tablename__ = "idempotency_keys"
    key: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str]
    digest: Mapped[str]
    status: Mapped[int] = mapped_column(default=0)
    body: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(index=True)
    __table_args__ = (CheckConstraint("status = 0 OR (status >= 200 AND status < 500)", name="status"),)
