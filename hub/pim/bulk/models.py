"""What a bulk edit was started for."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base


class BulkTarget(Base):
    """One product of a bulk edit's selection, fixed when it started. `position` counts from 1 without gaps. Kept as
    long as the job can be undone; the product may be gone by then."""

    __tablename__ = "bulk_targets"
    job_id: Mapped[int] = mapped_column(ForeignKey("catalogue_jobs.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    product_id: Mapped[int] = mapped_column(BigInteger)
