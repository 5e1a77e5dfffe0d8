"""Forgetting buyers at the shipping desk: files are emptied, what was in which batch stays."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from hub.shipping.models import ExportBatch

KEEP = timedelta(days=30)


def purge(session: Session, now: datetime, *, keep: timedelta = KEEP) -> int:
    """Empty the files of batches older than `keep`; returns how many. They cannot be downloaded again afterwards."""
    result = session.execute(
        update(ExportBatch)
        .where(ExportBatch.created_at < now - keep, ExportBatch.purged_at.is_(None))
        .values(content=None, purged_at=now)
    )
    assert isinstance(result, CursorResult)
    return int(result.rowcount)
