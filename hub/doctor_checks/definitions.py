"""Is what can be said about products sound: unique values, families, languages."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from hub.db.session import reading
from hub.doctor_checks.finding import SHOW, Check, Patient
from hub.pim.attributes import unique, usage
from hub.pim.attributes.book import BUILT_IN
from hub.pim.attributes.fields import OWN_FIELDS
from hub.pim.attributes.models import Attribute, Family, FamilyAttribute, FamilyRequirement, Locale, UniqueValue


def unique_values(patient: Patient) -> Check:
    """Who says a unique value is the one who has it."""
    broken: list[str] = []
    checked = 0
    with reading(patient.sessions) as session:
        rules = session.execute(select(Attribute.id, Attribute.code, Attribute.rules).order_by(Attribute.code)).all()
        for row in rules:  # a handful: few attributes are unique
            if not row.rules.get("unique"):
                continue
            holders = dict(
                session.execute(select(UniqueValue.digest, UniqueValue.owner).where(UniqueValue.attribute_id == row.id))
                .tuples()
                .all()
            )
            for subject, key, said in usage.sayings(session, row.code):
                for scope, value in said.items():
                    checked += 1
                    holder = holders.get(unique.mark_of(scope, value))
                    if holder != f"{subject}:{key}" and len(broken) < SHOW:
                        broken.append(f"{subject}:{key} says {row.code} {value!r}, which {holder or 'nobody'} has")
    return Check(
        id="unique", title="unique values are held by who says them", checked=checked, broken=tuple(broken),
        fix="give one of the two another value; hub attributes set CODE --rule unique=false, then true, counts anew",
        level="failure",
    )  # fmt: skip


def families(patient: Patient) -> Check:
    """Families require what there is, their axes are attributes of variants, and no fallback goes in a circle."""
    broken: list[str] = []
    with reading(patient.sessions) as session:
        members: dict[int, dict[str, str]] = {}
        for family_id, code, level in session.execute(
            select(FamilyAttribute.family_id, Attribute.code, FamilyAttribute.level).join(
                Attribute, Attribute.id == FamilyAttribute.attribute_id
            )
        ).tuples():
            members.setdefault(family_id, {})[code] = level
        names: dict[int, str] = {}
        for row in session.execute(select(Family.id, Family.code, Family.axes).order_by(Family.code)):
            names[row.id] = row.code
            wrong = [axis for axis in row.axes if members.get(row.id, {}).get(axis) != "variant"]
            broken.extend(f"variants of {row.code} differ in {axis}, which they do not have" for axis in wrong)
        locales = dict(session.execute(select(Locale.code, Locale.fallback)).tuples().all())
        needs = session.execute(select(FamilyRequirement.family_id, FamilyRequirement.field, FamilyRequirement.locale))
        checked = len(names)
        for family_id, field, locale in needs.tuples():
            checked += 1
            if field not in members.get(family_id, {}) and field not in BUILT_IN and field not in OWN_FIELDS:
                broken.append(f"{names[family_id]} requires {field}, which it does not have")
            if locale != "*" and locale not in locales:
                broken.append(f"{names[family_id]} requires {field} in {locale}, which there is not")
    for code in sorted(locales):
        seen, here = [code], locales[code]
        while here in locales and here not in seen:
            seen.append(here)
            here = locales[here]
        if here:
            broken.append(f"the fallbacks of {code} end nowhere: {' → '.join([*seen, here])}")
    return Check(
        id="families", title="families require what there is, languages fall back to an end",
        checked=checked + len(locales), broken=tuple(broken[:SHOW]),
        fix="hub families set and hub families require, hub locales set", level="warning",
    )  # fmt: skip


DEFINITIONS: dict[str, Callable[[Patient], Check]] = {"unique": unique_values, "families": families}
