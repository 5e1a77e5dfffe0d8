"""Groups: the headings under which attributes stand together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from hub.db.upsert import put_new
from hub.kernel.errors import Invalid, Unknown
from hub.kernel.text import shorten
from hub.pim.attributes.codes import checked_code
from hub.pim.attributes.labels import checked_labels, checked_position, differences, label_text, record
from hub.pim.attributes.models import Attribute, AttributeGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGroup:
    """A heading to create; lower `position` stands first."""

    code: str
    label: str
    labels: Mapping[str, str] = field(default_factory=dict)
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeGroup:
    """What to change of the group `code`; None = leave it."""

    code: str
    label: str | None = None
    labels: Mapping[str, str] | None = None
    position: int | None = None


def create_group(session: Session, cmd: NewGroup, now: datetime) -> int:
    """Make a heading; returns its id.

    Raises:
        Invalid: the code is taken or no code, a label is not possible.
    """
    row = {
        "code": checked_code(cmd.code), "label": label_text(cmd.label), "labels": checked_labels(session, cmd.labels),
        "position": checked_position(cmd.position),
    }  # fmt: skip
    made = put_new(session, AttributeGroup, [row], key=("code",), returning=("id",))
    if not made:
        raise Invalid(f"there is a group {cmd.code} already", field="code", value=cmd.code, fix="choose another code")
    changes = {name: (None, value) for name, value in row.items() if name != "code"}
    record(session, "attribute_group", made[0].id, cmd.code, "created", changes, now)
    return int(made[0].id)


def change_group(session: Session, cmd: ChangeGroup, now: datetime) -> frozenset[str]:
    """Change a heading; returns the columns that really changed.

    Raises:
        Unknown: no such group.
        Invalid: a label is not possible.
    """
    row = _named(session, cmd.code)
    before = {"label": row.label, "labels": row.labels, "position": row.position}
    after = {
        "label": row.label if cmd.label is None else label_text(cmd.label),
        "labels": row.labels if cmd.labels is None else checked_labels(session, cmd.labels),
        "position": row.position if cmd.position is None else checked_position(cmd.position),
    }
    changed = differences(before, after)
    if not changed:
        return frozenset()
    for name in changed:
        setattr(row, name, after[name])
    record(session, "attribute_group", row.id, row.code, "updated", changed, now)
    return frozenset(changed)


def remove_group(session: Session, code: str, now: datetime) -> int:
    """Remove a heading; its attributes then stand under none. Returns how many they were.

    Raises:
        Unknown: no such group.
    """
    row = _named(session, code)
    count = session.scalar(select(func.count()).where(Attribute.group_id == row.id)) or 0
    session.execute(update(Attribute).where(Attribute.group_id == row.id).values(group_id=None))
    session.delete(row)
    session.flush()
    changes = {"label": (row.label, None), "attributes": (count, 0)}
    record(session, "attribute_group", row.id, code, "deleted", changes, now)
    return count


def _named(session: Session, code: str) -> AttributeGroup:
    query = select(AttributeGroup).where(AttributeGroup.code == code).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).first()
    if row is None:
        raise Unknown(f"there is no group {shorten(code, 60)!r}", field="group", value=shorten(code, 60))
    return row
