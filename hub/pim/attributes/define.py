"""Creating, changing and removing what can be said about products: attributes and the groups they stand in.

Whatever narrows a definition locks it first: catalog holds the definitions it writes values of, so that no value slips
in between the look and the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from hub.db.upsert import put_new
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.kernel.text import shorten
from hub.pim import projections, units
from hub.pim.attributes import unique, usage
from hub.pim.attributes.book import BUILT_IN
from hub.pim.attributes.codes import checked_code, code_of
from hub.pim.attributes.fields import OWN_FIELDS
from hub.pim.attributes.labels import checked_labels, checked_position, differences, label_text, record
from hub.pim.attributes.models import (
    Attribute,
    AttributeGroup,
    AttributeOption,
    Family,
    FamilyAttribute,
    FamilyRequirement,
    UniqueValue,
)
from hub.pim.attributes.rules import checked_rules
from hub.pim.attributes.types import AttributeType

HELP_MAX = 2_000
CHOICES = (AttributeType.CHOICE, AttributeType.MULTI_CHOICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttribute:
    """An attribute to create. `group` is a group's code, "" = none; `unit` only of numbers; `rules` as in rules.py."""

    code: str
    label: str
    type: AttributeType
    labels: Mapping[str, str] = field(default_factory=dict)
    help: str = ""
    group: str = ""
    unit: str = ""
    localisable: bool = False
    per_channel: bool = False
    filterable: bool = False
    searchable: bool = False
    system: bool = False
    rules: Mapping[str, Any] = field(default_factory=dict)
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAttribute:
    """What to change of the attribute `code`; None = leave it. The code itself never changes."""

    code: str
    label: str | None = None
    type: AttributeType | None = None
    labels: Mapping[str, str] | None = None
    help: str | None = None
    group: str | None = None
    unit: str | None = None
    localisable: bool | None = None
    per_channel: bool | None = None
    filterable: bool | None = None
    searchable: bool | None = None
    rules: Mapping[str, Any] | None = None
    position: int | None = None


def create_attribute(session: Session, cmd: NewAttribute, now: datetime) -> int:
    """Define an attribute; returns its id.

    Raises:
        Invalid: the code is taken, reserved or no code; a label, unit or rule is not possible.
        Unknown: no such group.
    """
    code = checked_code(cmd.code)
    _refuse_reserved(code)
    after = _columns(session, {f.name: getattr(cmd, f.name) for f in fields(cmd) if f.name != "code"})
    made = put_new(
        session, Attribute, [{"code": code, **after}], key=("code",), returning=("id",)
    )  # two people at once: one of them makes it
    if not made:
        raise Invalid(f"there is an attribute {code} already", field="code", value=code, fix="choose another code")
    number: int = made[0].id
    record(session, "attribute", number, code, "created", {n: (None, v) for n, v in after.items()}, now)
    return number


def change_attribute(session: Session, cmd: ChangeAttribute, now: datetime) -> frozenset[str]:
    """Change an attribute; returns the columns that really changed.

    Raises:
        Unknown: no such attribute or group.
        Invalid: a label, unit or rule is not possible, or values that are there are not unique.
        NotAllowedNow: the type or unit would change, or values per locale or channel would be lost, and there are some.
    """
    row = locked_attribute(session, cmd.code)
    before = {name: getattr(row, name) for name in _COLUMNS}
    given = {f.name: getattr(cmd, f.name) for f in fields(cmd) if f.name != "code" and getattr(cmd, f.name) is not None}
    merged = before | {"group": _code_of_group(session, row.group_id)} | given
    if "type" in given and "rules" not in given and given["type"] != row.type:
        merged["rules"] = {}  # those of another type
    merged.pop("group_id")
    after = _columns(session, merged)
    changed = differences(before, after)
    if not changed:
        return frozenset()
    if row.system and {"type", "unit", "localisable", "per_channel"} & changed.keys():
        raise NotAllowedNow(f"the hub relies on {row.code} as it is", field="code", value=row.code)
    _refuse_narrowing(session, row, changed)
    for name in changed:
        setattr(row, name, after[name])
    session.flush()
    was, becomes = bool(before["rules"].get("unique")), bool(after["rules"].get("unique"))
    if becomes and not was:
        unique.claim_all(session, row.id, row.code)
    elif was and not becomes:
        session.execute(delete(UniqueValue).where(UniqueValue.attribute_id == row.id))
    record(session, "attribute", row.id, row.code, "updated", changed, now)
    if {"filterable", "searchable", "type"} & changed.keys():
        projections.touch_where(session, usage.products_with(session, row.code), now)
    return frozenset(changed)


def remove_attribute(session: Session, code: str, now: datetime) -> None:
    """Remove an attribute of which nothing is said and that no family has.

    Raises:
        Unknown: no such attribute.
        NotAllowedNow: the hub relies on it, a family has it, or a product or variant has a value.
    """
    row = locked_attribute(session, code)
    if row.system:
        raise NotAllowedNow(f"the hub relies on {code}", field="code", value=code, fix="leave it unused")
    family = session.scalars(
        select(Family.code)
        .where(
            Family.id.in_(select(FamilyAttribute.family_id).where(FamilyAttribute.attribute_id == row.id))
            | Family.id.in_(select(FamilyRequirement.family_id).where(FamilyRequirement.field == code))
        )
        .limit(1)
    ).first()
    if family is not None:
        raise NotAllowedNow(
            f"the family {family} has {code}", field="code", value=code, fix="take it out of the family first"
        )
    usage.refuse_used(session, code, f"{code} cannot be removed", "clear its values first")
    before = {name: getattr(row, name) for name in _COLUMNS}
    session.execute(delete(AttributeOption).where(AttributeOption.attribute_id == row.id))
    session.execute(delete(UniqueValue).where(UniqueValue.attribute_id == row.id))
    session.delete(row)
    session.flush()
    record(session, "attribute", row.id, code, "deleted", {name: (v, None) for name, v in before.items()}, now)


def locked_attribute(session: Session, code: str) -> Attribute:
    """The attribute, so that no value of it is written until the unit ends.

    Raises:
        Unknown: there is none.
        NotAllowedNow: it is one that every product has.
    """
    if code in BUILT_IN:
        raise NotAllowedNow(f"{code} is built in: it cannot be changed", field="code", value=code)
    query = select(Attribute).where(Attribute.code == code).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).first()
    if row is None:
        raise Unknown(f"there is no attribute {shorten(code, 60)!r}", field="code", value=shorten(code, 60))
    return row


_COLUMNS = (
    "label", "labels", "help", "type", "group_id", "unit", "localisable", "per_channel", "filterable", "searchable",
    "system", "rules", "position",
)  # fmt: skip


def _columns(session: Session, given: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an attribute as they are stored."""
    try:
        kind = AttributeType(given["type"])
    except ValueError as error:
        known = ", ".join(kind.value for kind in AttributeType)
        raise Invalid(
            f"{given['type']!r} is no type", field="type", value=given["type"], fix=f"one of: {known}"
        ) from error
    unit = given["unit"].strip()
    if unit and kind is not AttributeType.NUMBER:
        raise Invalid("only numbers have a unit", field="unit", value=unit, fix="leave it out")
    if unit and not units.is_unit(unit):
        raise Invalid(
            f"{shorten(unit, 20)!r} is not a unit that is known", field="unit", value=shorten(unit, 20),
            fix="use one like ml, kg, cm, %, °C, or none",
        )  # fmt: skip
    if len(given["help"]) > HELP_MAX:
        raise Invalid(f"the help has at most {HELP_MAX:,} characters", field="help", fix="shorten it")
    return {
        "label": label_text(given["label"]), "labels": checked_labels(session, given["labels"]),
        "help": given["help"].strip(), "type": kind.value, "group_id": _group_id(session, given["group"]), "unit": unit,
        "localisable": given["localisable"], "per_channel": given["per_channel"], "filterable": given["filterable"],
        "searchable": given["searchable"], "system": given["system"], "rules": checked_rules(kind, given["rules"]),
        "position": checked_position(given["position"]),
    }  # fmt: skip


def _refuse_reserved(code: str) -> None:
    if code in BUILT_IN or code in OWN_FIELDS:
        raise Invalid(
            f"every product has {code} already", field="code", value=code, fix="use that one, or choose another code"
        )


def _refuse_narrowing(session: Session, row: Attribute, changed: Mapping[str, tuple[Any, Any]]) -> None:
    if "type" in changed:
        usage.refuse_used(
            session, row.code, f"{row.code} must remain {row.type}", "clear its values, or define another attribute",
            field="type",
        )  # fmt: skip
        count = session.scalar(select(func.count()).where(AttributeOption.attribute_id == row.id)) or 0
        if count and changed["type"][1] not in {kind.value for kind in CHOICES}:
            raise NotAllowedNow(
                f"{row.code} has {count} options", field="type", value=changed["type"][1], fix="remove them first"
            )
    elif "unit" in changed:
        usage.refuse_used(
            session, row.code, f"{row.code} must remain in {row.unit or 'no unit'}", "define another attribute",
            field="unit",
        )  # fmt: skip
    narrower = {name: name in changed and not changed[name][1] for name in ("localisable", "per_channel")}
    if any(narrower.values()):
        usage.refuse_scoped(session, row.code, locales=narrower["localisable"], channels=narrower["per_channel"])


def _group_id(session: Session, code: str) -> int | None:
    if not code:
        return None
    found = session.scalars(select(AttributeGroup.id).where(AttributeGroup.code == code)).first()
    if found is None:
        raise Unknown(
            f"there is no group {shorten(code, 60)!r}", field="group", value=shorten(code, 60), fix="create it first"
        )
    return found


def _code_of_group(session: Session, number: int | None) -> str:
    if number is None:
        return ""
    return session.scalars(select(AttributeGroup.code).where(AttributeGroup.id == number)).one()


def declare(session: Session, labels: Iterable[str]) -> dict[str, str]:
    """Make sure that there is an attribute for each of these headings; returns heading → code. New ones are long text
    that can be searched: whoever brings a catalogue in need not define it first."""
    codes = {label: code_of(label) for label in labels}
    new = {code: label for label, code in codes.items() if code not in BUILT_IN}
    put_new(
        session,
        Attribute,
        [
            {
                "code": code, "label": " ".join(label.split()), "labels": {}, "help": "",
                "type": AttributeType.LONG_TEXT.value, "unit": "", "localisable": False, "per_channel": False,
                "filterable": False, "searchable": True, "system": False, "rules": {}, "position": 0,
            }
            for code, label in sorted(new.items())
        ],
        key=("code",),
    )  # fmt: skip
    return codes
