"""What imports store: mappings that are remembered, files that were uploaded, and what became of rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base, BigId


class MappingProfile(Base):
    """How a supplier's files are read. `layout` is the built-in layout under it; `columns`: heading of the file (lower
    case, single spaces) → heading of that layout, "" = leave the column out.

    `options`: delimiter, encoding, sheet, blank (keep | clear), currency, location, all_or_nothing, base_locale, axes.
    `fingerprint` is that of the header it was made for: the same header gets it proposed again.
    """

    __tablename__ = "mapping_profiles"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    layout: Mapped[str]
    format: Mapped[str] = mapped_column(default="")
    columns: Mapped[dict[str, str]] = mapped_column(default=dict)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    fingerprint: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (CheckConstraint("format IN ('','csv','xlsx','jsonl')", name="format"),)


class Upload(Base):
    """A file that was brought in, kept under its SHA-256 (`digest`, hex). `size` in bytes."""

    __tablename__ = "import_uploads"
    digest: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    uploaded_at: Mapped[datetime] = mapped_column(index=True)


class ImportRow(Base):
    """What became of one row of an import, up to a limit of errors and of good rows, the first updates with what they
    change. `seq` counts up in the job; `line` is that of the file (`file` names the second one of an import)."""

    __tablename__ = "import_rows"
    job_id: Mapped[int] = mapped_column(ForeignKey("catalogue_jobs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int]
    subject: Mapped[str]
    key: Mapped[str]
    result: Mapped[str]
    field: Mapped[str] = mapped_column(default="")
    cause: Mapped[str] = mapped_column(Text, default="")
    fix: Mapped[str] = mapped_column(Text, default="")
    file: Mapped[str] = mapped_column(default="")
    changes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    __table_args__ = (
        CheckConstraint("result IN ('created','updated','unchanged','error')", name="result"),
        Index("ix_import_rows_line", "job_id", "result", "line", "seq"),
    )
