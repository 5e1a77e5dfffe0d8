"""Is this hub fit to work? For whoever watches the process: the database answers, its schema is ours, time passes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from hub.db.session import Sessions, reading
from hub.work.models import Account, Cadence


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """`scheduler_late_s`: how long the oldest regular wish is overdue; it grows while no scheduler runs. None = nothing
    is wanted regularly, or the database does not answer."""

    database: bool
    schema_at: str | None
    schema_needed: str | None
    scheduler_late_s: float | None

    @property
    def ok(self) -> bool:
        return self.database and self.schema_at == self.schema_needed


def look(sessions: Sessions, now: datetime, schema_needed: str | None) -> Fitness:
    """Ask the database; one that does not answer is a finding, not a failure."""
    try:
        with reading(sessions) as session:
            at = _schema(session)
            late = _late(session, now) if at is not None else None
    except SQLAlchemyError:
        return Fitness(database=False, schema_at=None, schema_needed=schema_needed, scheduler_late_s=None)
    return Fitness(database=True, schema_at=at, schema_needed=schema_needed, scheduler_late_s=late)


def _schema(session: Session) -> str | None:
    try:
        with session.begin_nested():
            found = session.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError as error:
        if "alembic_version" in str(error.orig):
            return None  # there is no such table: the database is empty
        raise
    return None if found is None else str(found)


def _late(session: Session, now: datetime) -> float | None:
    first: datetime | None = session.scalar(
        select(func.min(Cadence.next_at))
        .join(Account, Account.id == Cadence.account_id)
        .where(Cadence.enabled.is_(True), Account.state == "open")
    )
    return None if first is None else max(0.0, (now - first).total_seconds())
