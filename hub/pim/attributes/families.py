"""Families: sorts of products, which attributes they have and what they need to be complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from hub.db.upsert import put, put_new
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.kernel.text import shorten
from hub.pim import projections
from hub.pim.attributes.book import BUILT_IN
from hub.pim.attributes.codes import checked_code
from hub.pim.attributes.fallback import EVERY
from hub.pim.attributes.fields import OWN_FIELDS
from hub.pim.attributes.labels import checked_labels, checked_position, differences, label_text, record
from hub.pim.attributes.models import Attribute, Family, FamilyAttribute, FamilyRequirement, Locale
from hub.pim.attributes.values import is_channel
from hub.pim.facts import AXES_MAX
from hub.pim.models import Product

Level = Literal["product", "variant"]
ATTRIBUTES_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFamily:
    """A sort of product to create."""

    code: str
    label: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFamily:
    """What to change of the family `code`; None = leave it. `axes`: attributes of the family at the level of variants."""

    code: str
    label: str | None = None
    labels: Mapping[str, str] | None = None
    axes: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An attribute of a family. `level`: who has the value; a product's is the default of its variants."""

    attribute: str
    level: Level = "product"
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """`field` (an attribute of the family, or a field that every product has) is needed on `channel` in `locale`; «*» =
    on every channel, in every language."""

    field: str
    channel: str = EVERY
    locale: str = EVERY


def create_family(session: Session, cmd: NewFamily, now: datetime) -> int:
    """Make a family without attributes; returns its id.

    Raises:
        Invalid: the code is taken or no code, a label is not possible.
    """
    row = {
        "code": checked_code(cmd.code), "label": label_text(cmd.label), "labels": checked_labels(session, cmd.labels),
        "axes": [],
    }  # fmt: skip
    made = put_new(session, Family, [row], key=("code",), returning=("id",))
    if not made:
        raise Invalid(f"there is a family {cmd.code} already", field="code", value=cmd.code, fix="choose another code")
    changes = {name: (None, value) for name, value in row.items() if name != "code"}
    record(session, "family", made[0].id, cmd.code, "created", changes, now)
    return int(made[0].id)


def change_family(session: Session, cmd: ChangeFamily, now: datetime) -> frozenset[str]:
    """Change a family; returns the columns that really changed.

    Raises:
        Unknown: no such family.
        Invalid: a label is not possible, or an axis is no attribute of its variants.
    """
    row = locked_family(session, cmd.code)
    before = {"label": row.label, "labels": row.labels, "axes": row.axes}
    after = {
        "label": row.label if cmd.label is None else label_text(cmd.label),
        "labels": row.labels if cmd.labels is None else checked_labels(session, cmd.labels),
        "axes": row.axes if cmd.axes is None else _axes(session, row, cmd.axes),
    }
    changed = differences(before, after)
    if not changed:
        return frozenset()
    for name in changed:
        setattr(row, name, after[name])
    session.flush()
    record(session, "family", row.id, row.code, "updated", changed, now)
    return frozenset(changed)


def remove_family(session: Session, code: str, now: datetime) -> None:
    """Remove a family that no product belongs to.

    Raises:
        Unknown: no such family.
        NotAllowedNow: a product belongs to it.
    """
    row = locked_family(session, code)
    product = session.scalars(select(Product.handle).where(Product.family_id == row.id).limit(1)).first()
    if product is not None:
        raise NotAllowedNow(
            f"the product {product} belongs to {code}",
            field="family",
            value=code,
            fix="give its products another family",
        )
    members, needs = _members(session, row.id), _requirements(session, row.id)
    session.execute(delete(FamilyAttribute).where(FamilyAttribute.family_id == row.id))
    session.execute(delete(FamilyRequirement).where(FamilyRequirement.family_id == row.id))
    session.delete(row)
    session.flush()
    changes = {
        "label": (row.label, None), "attributes": (_plain(members), None),
        "requirements": ([[r.field, r.channel, r.locale] for r in needs], None),
    }  # fmt: skip
    record(session, "family", row.id, code, "deleted", changes, now)


def put_members(session: Session, code: str, members: Sequence[Member], now: datetime) -> int:
    """Give the family these attributes, or change the level and position of those it has; returns how many changed.

    Raises:
        Unknown: no such family or attribute.
        Invalid: an attribute is named twice or built in, they would be too many, or an axis would leave the variants.
    """
    row = locked_family(session, code)
    ids = _ids(session, [member.attribute for member in members])
    if len(ids) != len(members):
        raise Invalid("an attribute is named twice", field="attribute", fix="name each once")
    before = _members(session, row.id)
    wanted = {m.attribute: (m.level, checked_position(m.position)) for m in members}
    changed = {a: pair for a, pair in wanted.items() if before.get(a) != pair}
    if len(before | wanted) > ATTRIBUTES_MAX:
        raise Invalid(f"a family has at most {ATTRIBUTES_MAX} attributes", field="attribute", fix="make two families")
    for axis in row.axes:
        if wanted.get(axis, ("variant", 0))[0] != "variant":
            raise Invalid(
                f"variants of {code} differ in {axis}",
                field="level",
                value="product",
                fix="take it from the axes first",
            )
    if not changed:
        return 0
    put(
        session, FamilyAttribute,
        [
            {"family_id": row.id, "attribute_id": ids[a], "level": level, "position": position}
            for a, (level, position) in sorted(changed.items())
        ],
        key=("family_id", "attribute_id"), update=("level", "position"),
    )  # fmt: skip
    noted = {f"attributes.{a}": (before[a][0] if a in before else None, pair[0]) for a, pair in changed.items()}
    _changed(session, row, noted, now)
    return len(changed)


def drop_members(session: Session, code: str, attributes: Sequence[str], now: datetime) -> int:
    """Take attributes out of the family, and what it required of them; values stay. Returns how many it had.

    Raises:
        Unknown: no such family or attribute.
        NotAllowedNow: variants of the family differ in one.
    """
    row = locked_family(session, code)
    ids = _ids(session, attributes)
    axis = next((a for a in attributes if a in row.axes), None)
    if axis is not None:
        raise NotAllowedNow(
            f"variants of {code} differ in {axis}", field="attribute", value=axis, fix="take it from the axes first"
        )
    before = _members(session, row.id)
    gone = [a for a in ids if a in before]
    if not gone:
        return 0
    f, r = FamilyAttribute, FamilyRequirement
    session.execute(delete(f).where(f.family_id == row.id, f.attribute_id.in_([ids[a] for a in gone])))
    session.execute(delete(r).where(r.family_id == row.id, r.field.in_(gone)))
    _changed(session, row, {f"attributes.{a}": (before[a][0], None) for a in gone}, now)
    return len(gone)


def require(session: Session, code: str, needs: Sequence[Requirement], now: datetime) -> int:
    """Let products of the family be complete only with these; returns how many are new.

    Raises:
        Unknown: no such family or locale.
        Invalid: a field that the family does not have, or no channel.
    """
    row = locked_family(session, code)
    members, locales = _members(session, row.id), set(session.scalars(select(Locale.code)))
    for need in needs:
        _check_need(need, members, locales, code)
    new = sorted(set(needs) - set(_requirements(session, row.id)), key=_order)
    put_new(
        session, FamilyRequirement,
        [{"family_id": row.id, "field": n.field, "channel": n.channel, "locale": n.locale} for n in new],
        key=("family_id", "field", "channel", "locale"),
    )  # fmt: skip
    if new:
        _changed(session, row, {_need_name(n): (False, True) for n in new}, now)
    return len(new)


def release(session: Session, code: str, needs: Sequence[Requirement], now: datetime) -> int:
    """Require these no longer; returns how many were required.

    Raises:
        Unknown: no such family.
    """
    row = locked_family(session, code)
    there = set(_requirements(session, row.id))
    gone = sorted(set(needs) & there, key=_order)
    r = FamilyRequirement
    if gone:
        wanted = [(n.field, n.channel, n.locale) for n in gone]
        session.execute(delete(r).where(r.family_id == row.id, tuple_(r.field, r.channel, r.locale).in_(wanted)))
        _changed(session, row, {_need_name(n): (True, False) for n in gone}, now)
    return len(gone)


def locked_family(session: Session, code: str) -> Family:
    """The family, so that nobody else changes it until the unit ends.

    Raises:
        Unknown: there is none.
    """
    query = select(Family).where(Family.code == code).with_for_update(key_share=True)
    row = session.scalars(query.execution_options(populate_existing=True)).first()
    if row is None:
        seen = shorten(code, 60)
        raise Unknown(f"there is no family {seen!r}", field="family", value=seen, fix="create it first")
    return row


def _changed(session: Session, row: Family, changes: Mapping[str, tuple[Any, Any]], now: datetime) -> None:
    record(session, "family", row.id, row.code, "updated", changes, now)
    projections.touch_where(session, Product.family_id == row.id, now)


def _members(session: Session, family_id: int) -> dict[str, tuple[str, int]]:
    f = FamilyAttribute
    rows = session.execute(
        select(Attribute.code, f.level, f.position)
        .join(f, f.attribute_id == Attribute.id)
        .where(f.family_id == family_id)
        .order_by(f.position, Attribute.code)
    )
    return {row.code: (row.level, row.position) for row in rows}


def _plain(members: Mapping[str, tuple[str, int]]) -> dict[str, str]:
    return {attribute: level for attribute, (level, _) in members.items()}


def _requirements(session: Session, family_id: int) -> list[Requirement]:
    r = FamilyRequirement
    rows = session.execute(select(r.field, r.channel, r.locale).where(r.family_id == family_id))
    return sorted((Requirement(field=x.field, channel=x.channel, locale=x.locale) for x in rows), key=_order)


def _order(need: Requirement) -> tuple[str, str, str]:
    return need.field, need.channel, need.locale


def _need_name(need: Requirement) -> str:
    return f"required.{need.field}.{need.channel}.{need.locale}"


def _ids(session: Session, codes: Sequence[str]) -> dict[str, int]:
    for code in codes:
        if code in BUILT_IN or code in OWN_FIELDS:
            raise Invalid(f"every product has {code}", field="attribute", value=code, fix="leave it out")
    found = dict(session.execute(select(Attribute.code, Attribute.id).where(Attribute.code.in_(codes))).tuples().all())
    for code in codes:
        if code not in found:
            seen = shorten(code, 60)
            raise Unknown(f"there is no attribute {seen!r}", field="attribute", value=seen, fix="create it first")
    return found


def _axes(session: Session, row: Family, axes: Sequence[str]) -> list[str]:
    members = _members(session, row.id)
    if len(axes) > AXES_MAX or len(set(axes)) != len(axes):
        raise Invalid(f"variants differ in at most {AXES_MAX} attributes", field="axes", value=", ".join(axes)[:200])
    for axis in axes:
        if members.get(axis, ("", 0))[0] != "variant":
            raise Invalid(
                f"{shorten(axis, 60)} is no attribute of the variants of {row.code}", field="axes",
                value=shorten(axis, 60), fix="add it to the family with the level variant first",
            )  # fmt: skip
    return list(axes)


def _check_need(need: Requirement, members: Mapping[str, Any], locales: set[str], code: str) -> None:
    name = shorten(need.field, 60)
    if need.field not in members and need.field not in BUILT_IN and need.field not in OWN_FIELDS:
        raise Invalid(f"{code} has no {name!r}", field="field", value=name, fix="add the attribute to the family first")
    if need.channel != EVERY and not is_channel(need.channel):
        raise Invalid(f"{shorten(need.channel, 40)!r} is no channel", field="channel", value=shorten(need.channel, 40))
    if need.locale != EVERY and need.locale not in locales:
        seen = shorten(need.locale, 40)
        known = ", ".join(sorted(locales)) or "none yet"
        raise Unknown(f"there is no locale {seen!r}", field="locale", value=seen, fix=f"known: {known}; or add it")
