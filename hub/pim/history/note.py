"""Writing the audit trail. Operations say what they changed (`note`); the rows are chained and written just before the
unit commits, so that the end of the chain is locked for an instant only and always last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.db.session import before_commit
from hub.db.upsert import put_new, table_of
from hub.pim.history.chain import GENESIS, row_hash
from hub.pim.history.models import AuditHead, AuditRow

Action = Literal["created", "updated", "deleted"]
ActorKind = Literal["person", "import", "rule", "channel", "api", "system"]
_BY = "hub_acting"
_NOTES = "hub_audit_notes"


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who acts in a unit, why, and as part of what («import:12»; empty = on its own)."""

    kind: ActorKind
    name: str
    reason: str = ""
    source: str = ""


SYSTEM = By(kind="system", name="hub")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What changed of one subject: field → (before, after), as plain JSON values."""

    subject: str
    id: int
    key: str
    action: Action
    changes: Mapping[str, Sequence[Any]]


def act_as(session: Session, by: By) -> None:
    """Say who acts in this unit; without it, the hub itself does."""
    session.info[_BY] = by


def acting(session: Session) -> By:
    found = session.info.get(_BY)
    return found if isinstance(found, By) else SYSTEM


def note(session: Session, changed: Sequence[Changed], now: datetime) -> None:
    """Put what changed on record, in the name of whoever acts in this unit. Written with the commit or not at all."""
    if not changed:
        return
    notes = session.info.get(_NOTES)
    if notes is None:
        notes = session.info[_NOTES] = []
        before_commit(session, _write)
    by = acting(session)
    notes.extend((by, change, now) for change in changed)


def _write(session: Session) -> None:
    notes: list[tuple[By, Changed, datetime]] = session.info.pop(_NOTES, [])
    if not notes:
        return
    head = _locked_head(session)
    seq, previous = head
    rows: list[dict[str, Any]] = []
    for by, change, at in notes:
        seq += 1
        row: dict[str, Any] = {
            "seq": seq, "at": at, "actor_kind": by.kind, "actor": by.name, "reason": by.reason, "source": by.source,
            "subject": change.subject, "subject_id": change.id, "subject_key": change.key, "action": change.action,
            "changes": {field: list(pair) for field, pair in change.changes.items()},
        }  # fmt: skip
        row["previous"] = previous
        row["hash"] = previous = row_hash(previous, {**row, "at": at.isoformat()})
        rows.append(row)
    put_new(session, AuditRow, rows, key=("seq",))
    session.execute(update(AuditHead).where(AuditHead.id == 1).values(seq=seq, hash=previous))


def _locked_head(session: Session) -> tuple[int, str]:
    query = select(AuditHead.seq, AuditHead.hash).where(AuditHead.id == 1).with_for_update()
    row = session.execute(query).first()
    if row is None:  # the first note ever; two units at once both try, one of them makes it
        put_new(session, AuditHead, [{"id": 1, "seq": 0, "hash": GENESIS}], key=("id",))
        row = session.execute(query).one()
    return row.seq, row.hash


def audited(row: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a stored row that its hash covers."""
    names = [c.name for c in table_of(AuditRow).columns if c.name != "hash"]
    return {name: (row[name].isoformat() if name == "at" else row[name]) for name in names}
