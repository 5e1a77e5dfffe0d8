"""What the spine stores. Keys only: payloads live with the subject that owns them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base, BigId
from hub.db.types import EncryptedText


class Account(Base):
    """One seller account on one channel, with its gate and its stock rule.

    `state`: open, paused (a person), blocked (credentials; a probe that succeeds opens it again).
    `buffer` units are kept back, `cap` limits what is shown (None = no limit), `location_ids` which locations sell
    here (empty = all). `writes_enabled` False = look, but send nothing. `locale` is the language of its listings ("" = the
    base content), `approved_only` holds back products that nobody approved.
    """

    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel: Mapped[str]
    name: Mapped[str] = mapped_column(unique=True)
    settings: Mapped[dict[str, str]]
    secrets: Mapped[str] = mapped_column(EncryptedText)
    currency: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    reason: Mapped[str] = mapped_column(default="")
    state_since: Mapped[datetime]
    writes_enabled: Mapped[bool] = mapped_column(default=True)
    buffer: Mapped[int] = mapped_column(default=0)
    cap: Mapped[int | None]
    location_ids: Mapped[list[int]] = mapped_column(default=list)
    locale: Mapped[str] = mapped_column(default="")
    approved_only: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("buffer >= 0", name="buffer"),
        CheckConstraint("cap IS NULL OR cap >= 0", name="cap"),
        CheckConstraint("state IN ('open','paused','blocked')", name="state"),
    )


class WorkItem(Base):
    """One thing wanted of one account. `revision` rises with every wish; `done_revision` is what was carried out.

    `state`: due (carry out at `due_at`), leased, needs_human, done. `phase`: send, poll (a `ticket` is open), look
    (the outcome of a send is unknown: read back first).
    """

    __tablename__ = "work_items"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    key: Mapped[str]
    lane: Mapped[str]
    priority: Mapped[int]
    revision: Mapped[int] = mapped_column(default=1)
    done_revision: Mapped[int] = mapped_column(default=0)
    sent_revision: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(default="due")
    phase: Mapped[str] = mapped_column(default="send")
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    ticket: Mapped[str | None]
    last_code: Mapped[str | None]
    last_message: Mapped[str | None]
    wanted_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("kind", "account_id", "key"),
        CheckConstraint("state IN ('due','leased','needs_human','done')", name="state"),
        CheckConstraint("phase IN ('send','poll','look')", name="phase"),
        Index(
            "ix_work_items_due", "account_id", "kind", "priority", "due_at",
            postgresql_where=text("state IN ('due','leased')"), sqlite_where=text("state IN ('due','leased')"),
        ),
        Index(
            "ix_work_items_open", "lane", "due_at",
            postgresql_where=text("state IN ('due','leased')"), sqlite_where=text("state IN ('due','leased')"),
        ),
    )  # fmt: skip


class Attempt(Base):
    """One outbound write (or look), written before the call. `result` None = under way, or lost with its worker.

    For stock writes it is also a grant (architecture section 9): `quantity` given, `sent_at`, `ended_at` as the
    acknowledgement, `covered_by` the pull that made later sales visible.
    """

    __tablename__ = "attempts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    work_id: Mapped[int] = mapped_column(ForeignKey("work_items.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[str]
    key: Mapped[str]
    revision: Mapped[int]
    fence: Mapped[int]
    digest: Mapped[str]
    quantity: Mapped[int | None]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)  # the arithmetic behind the number, never payloads
    sent_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    result: Mapped[str | None]
    code: Mapped[str | None]
    message: Mapped[str | None]
    covered_by: Mapped[int | None]
    __table_args__ = (
        Index("ix_attempts_work", "work_id", "id"),
        Index("ix_attempts_subject", "account_id", "kind", "key", "id"),
        Index(
            "ix_attempts_uncovered", "account_id",
            postgresql_where=text("covered_by IS NULL AND kind = 'stock.push'"),
            sqlite_where=text("covered_by IS NULL AND kind = 'stock.push'"),
        ),
    )  # fmt: skip


class LaneGate(Base):
    """Until when the channel wants no more of a kind of work from an account."""

    __tablename__ = "lane_gates"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    not_before: Mapped[datetime]


class Cursor(Base):
    """How far a feed of an account has been read. Saved in the same commit as what was read."""

    __tablename__ = "cursors"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    covered_until: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class PullRun(Base):
    """One run of order pages, from its first page to «no more». `covered_until` is set when it completed."""

    __tablename__ = "pull_runs"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    covered_until: Mapped[datetime | None]
    pages: Mapped[int] = mapped_column(default=0)
    orders: Mapped[int] = mapped_column(default=0)
    applied: Mapped[int] = mapped_column(default=0)
    __table_args__ = (Index("ix_pull_runs_account", "account_id", "id"),)


class Cadence(Base):
    """How often something is wanted of an account."""

    __tablename__ = "cadences"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    every_s: Mapped[int]
    next_at: Mapped[datetime]
    enabled: Mapped[bool] = mapped_column(default=True)
    __table_args__ = (CheckConstraint("every_s > 0", name="every"),)


class RateSlot(Base):
    """A channel's token bucket as all workers share it: `tat` is the time at which the bucket is full again."""

    __tablename__ = "rate_slots"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    bucket: Mapped[str] = mapped_column(primary_key=True)
    tat: Mapped[datetime]
    closed_until: Mapped[datetime]


class AccountToken(Base):
    """A credential that changes while running (access and rotating refresh tokens), shared by all workers."""

    __tablename__ = "account_tokens"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str | None] = mapped_column(EncryptedText)
    expires_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]


class TrafficCount(Base):
    """Calls made per account and operation, for the health page: no payloads, only sums."""

    __tablename__ = "traffic_counts"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    throttled: Mapped[int] = mapped_column(default=0)
    in_transaction: Mapped[int] = mapped_column(default=0)  # calls made with a transaction open: must stay 0 (I11)


class Ring(Base):
    """A message to the broker that nobody has answered yet: at most one per account and kind is under way."""

    __tablename__ = "rings"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    rung_at: Mapped[datetime]
