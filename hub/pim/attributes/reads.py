"""What is defined, for pages and the command line: lists by code, a bounded number at a time, and one thing in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from hub.kernel.errors import Unknown
from hub.kernel.text import shorten
from hub.pim.attributes.book import BUILT_IN
from hub.pim.attributes.models import (
    Attribute,
    AttributeGroup,
    AttributeOption,
    Family,
    FamilyAttribute,
    FamilyRequirement,
    Locale,
)
from hub.pim.models import Product

PAGE_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeLine:
    """An attribute in a list. `options` and `families` are counts; a built-in one has the id 0."""

    id: int
    code: str
    label: str
    type: str
    group: str
    unit: str
    localisable: bool
    per_channel: bool
    filterable: bool
    searchable: bool
    system: bool
    options: int
    families: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionLine:
    """A possible answer."""

    code: str
    label: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeSheet:
    """An attribute in full. `families`: code → level."""

    line: AttributeLine
    labels: Mapping[str, str]
    help: str
    rules: Mapping[str, Any]
    position: int
    options: tuple[OptionLine, ...]
    families: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLine:
    """A heading and how many attributes stand under it."""

    code: str
    label: str
    labels: Mapping[str, str]
    position: int
    attributes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyLine:
    """A family in a list, with counts."""

    id: int
    code: str
    label: str
    axes: tuple[str, ...]
    attributes: int
    requirements: int
    products: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLine:
    """An attribute of a family. `required`: the (channel, locale) pairs that need it, «*» = every."""

    code: str
    label: str
    type: str
    group: str
    level: str
    position: int
    required: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilySheet:
    """A family in full. `required_fields`: what is needed of the fields that every product has, with (channel,
    locale)."""

    line: FamilyLine
    labels: Mapping[str, str]
    members: tuple[MemberLine, ...]
    required_fields: Mapping[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocaleLine:
    """A language that content is written in."""

    code: str
    label: str
    fallback: str
    is_base: bool
    position: int


def list_attributes(
    session: Session, *, after: str = "", limit: int = 100, containing: str = "", family: str = ""
) -> list[AttributeLine]:
    """Attributes by code, from behind the code `after`, at most `limit` (to 1,000). `containing`: letters of the code or
    label; `family`: only those of that family. Built-in ones are not among them."""
    a = Attribute
    query = _lines().where(a.code > after).order_by(a.code).limit(min(max(1, limit), PAGE_MAX))
    if containing:
        word = containing.casefold()
        query = query.where(
            or_(a.code.contains(word, autoescape=True), func.lower(a.label).contains(word, autoescape=True))
        )
    if family:
        member = select(FamilyAttribute.attribute_id).join(Family, Family.id == FamilyAttribute.family_id)
        query = query.where(a.id.in_(member.where(Family.code == family)))
    return [_line(row) for row in session.execute(query)]


def attribute(session: Session, code: str) -> AttributeSheet:
    """One attribute with its options and families.

    Raises:
        Unknown: there is none of that code.
    """
    if code in BUILT_IN:
        return _built_in(code)
    row = session.execute(
        _lines()
        .add_columns(Attribute.labels, Attribute.help, Attribute.rules, Attribute.position)
        .where(Attribute.code == code)
    ).first()
    if row is None:
        seen = shorten(code, 60)
        raise Unknown(f"there is no attribute {seen!r}", field="code", value=seen, fix="hub attributes list shows them")
    o = AttributeOption
    options = session.execute(
        select(o.code, o.label, o.labels).where(o.attribute_id == row.id).order_by(o.position, o.id)
    ).all()
    families = session.execute(
        select(Family.code, FamilyAttribute.level)
        .join(FamilyAttribute, FamilyAttribute.family_id == Family.id)
        .where(FamilyAttribute.attribute_id == row.id)
        .order_by(Family.code)
    )
    return AttributeSheet(
        line=_line(row), labels=row.labels, help=row.help, rules=row.rules, position=row.position,
        options=tuple(OptionLine(code=x.code, label=x.label, labels=x.labels) for x in options),
        families=dict(families.tuples().all()),
    )  # fmt: skip


def list_groups(session: Session) -> list[GroupLine]:
    """All headings in their order."""
    g = AttributeGroup
    count = select(func.count()).where(Attribute.group_id == g.id).scalar_subquery()
    rows = session.execute(select(g.code, g.label, g.labels, g.position, count.label("n")).order_by(g.position, g.code))
    return [
        GroupLine(code=r.code, label=r.label, labels=r.labels, position=r.position, attributes=r.n) for r in rows
    ]  # fmt: skip


def list_families(session: Session, *, after: str = "", limit: int = 100) -> list[FamilyLine]:
    """Families by code, from behind the code `after`, at most `limit` (to 1,000)."""
    query = _family_lines().where(Family.code > after).order_by(Family.code).limit(min(max(1, limit), PAGE_MAX))
    return [_family_line(row) for row in session.execute(query)]


def family(session: Session, code: str) -> FamilySheet:
    """One family with its attributes and requirements.

    Raises:
        Unknown: there is none of that code.
    """
    row = session.execute(_family_lines().add_columns(Family.labels).where(Family.code == code)).first()
    if row is None:
        seen = shorten(code, 60)
        raise Unknown(f"there is no family {seen!r}", field="family", value=seen, fix="hub families list shows them")
    f, r = FamilyAttribute, FamilyRequirement
    needs: dict[str, list[tuple[str, str]]] = {}
    for need in session.execute(
        select(r.field, r.channel, r.locale).where(r.family_id == row.id).order_by(r.field, r.channel, r.locale)
    ):
        needs.setdefault(need.field, []).append((need.channel, need.locale))
    members = session.execute(
        select(
            Attribute.code, Attribute.label, Attribute.type, f.level, f.position,
            func.coalesce(AttributeGroup.code, "").label("group"),
        )
        .join(f, f.attribute_id == Attribute.id)
        .outerjoin(AttributeGroup, AttributeGroup.id == Attribute.group_id)
        .where(f.family_id == row.id)
        .order_by(f.position, Attribute.code)
    )  # fmt: skip
    lines = tuple(
        MemberLine(
            code=m.code, label=m.label, type=m.type, group=m.group, level=m.level, position=m.position,
            required=tuple(needs.pop(m.code, ())),
        )
        for m in members
    )  # fmt: skip
    return FamilySheet(
        line=_family_line(row), labels=row.labels, members=lines,
        required_fields={name: tuple(pairs) for name, pairs in needs.items()},
    )  # fmt: skip


def list_locales(session: Session) -> list[LocaleLine]:
    """All languages in their order."""
    n = Locale
    rows = session.execute(select(n.code, n.label, n.fallback, n.is_base, n.position).order_by(n.position, n.code))
    return [LocaleLine(**row._mapping) for row in rows]


def _lines() -> Any:
    a = Attribute
    options = select(func.count()).where(AttributeOption.attribute_id == a.id).scalar_subquery()
    families = select(func.count()).where(FamilyAttribute.attribute_id == a.id).scalar_subquery()
    return select(
        a.id, a.code, a.label, a.type, func.coalesce(AttributeGroup.code, "").label("group"), a.unit, a.localisable,
        a.per_channel, a.filterable, a.searchable, a.system, options.label("options"), families.label("families"),
    ).outerjoin(AttributeGroup, AttributeGroup.id == a.group_id)  # fmt: skip


def _line(row: Any) -> AttributeLine:
    return AttributeLine(**{name: getattr(row, name) for name in AttributeLine.__slots__})


def _built_in(code: str) -> AttributeSheet:
    d = BUILT_IN[code]
    line = AttributeLine(
        id=0, code=d.code, label=d.label, type=d.type.value, group="", unit=d.unit, localisable=d.localisable,
        per_channel=d.per_channel, filterable=d.filterable, searchable=d.searchable, system=True, options=0, families=0,
    )  # fmt: skip
    return AttributeSheet(
        line=line, labels=d.labels, help="Every product has it.", rules=d.rules, position=0, options=(), families={}
    )


def _family_lines() -> Any:
    members = select(func.count()).where(FamilyAttribute.family_id == Family.id).scalar_subquery()
    needs = select(func.count()).where(FamilyRequirement.family_id == Family.id).scalar_subquery()
    products = select(func.count()).where(Product.family_id == Family.id).scalar_subquery()
    return select(
        Family.id, Family.code, Family.label, Family.axes, members.label("attributes"), needs.label("requirements"),
        products.label("products"),
    )  # fmt: skip


def _family_line(row: Any) -> FamilyLine:
    given = {name: getattr(row, name) for name in FamilyLine.__slots__}
    return FamilyLine(**given | {"axes": tuple(row.axes)})
