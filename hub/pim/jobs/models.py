"""A piece of long work, with everything needed to go on after a crash."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base, BigId


class Job(Base):
    """`state`: ready, running, stopping (a person asked), stopped, done, failed, undone.

    `params` never change; `cursor` says how far it is and is written in the same unit as the work itself. `report` is
    what a person gets to read. A job that was left running is taken over when its lease ends; `fence` keeps the old
    worker from writing. `undo_of` is the job that this one takes back. `forgotten_at`: since then what it needs to be
    undone is gone (pim/jobs/retention.py).
    """

    __tablename__ = "catalogue_jobs"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str]
    title: Mapped[str]
    state: Mapped[str] = mapped_column(default="ready")
    params: Mapped[dict[str, Any]]
    cursor: Mapped[dict[str, Any]] = mapped_column(default=dict)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error: Mapped[str] = mapped_column(default="")
    actor_kind: Mapped[str]
    actor: Mapped[str]
    undo_of: Mapped[int | None] = mapped_column(ForeignKey("catalogue_jobs.id"))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    forgotten_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        CheckConstraint(
            "state IN ('ready','running','stopping','stopped','done','failed','undone')", name="state"
        ),
        Index(
            "ix_catalogue_jobs_open", "created_at",
            postgresql_where=text("state IN ('ready','running','stopping')"),
            sqlite_where=text("state IN ('ready','running','stopping')"),
        ),
    )  # fmt: skip
