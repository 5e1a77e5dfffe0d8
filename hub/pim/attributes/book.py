"""All attribute definitions as one frozen snapshot, so that a thousand values are checked without a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.pim.attributes.fallback import scopes
from hub.pim.attributes.models import Attribute, AttributeOption, Locale
from hub.pim.attributes.types import AttributeType

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """An attribute as values are checked against it. `options`: code → label, in order."""

    id: int
    code: str
    label: str
    type: AttributeType
    labels: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    localisable: bool = False
    per_channel: bool = False
    filterable: bool = False
    searchable: bool = False
    rules: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    option_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # option code → locale → label


BUILT_IN: Mapping[str, Definition] = MappingProxyType(
    {
        definition.code: definition
        for definition in (
            Definition(
                id=0, code="title", label="Title", type=AttributeType.TEXT, localisable=True, per_channel=True,
                searchable=True, rules={"max_length": 500},
            ),
            Definition(
                id=0, code="description", label="Description", type=AttributeType.RICH_TEXT, localisable=True,
                per_channel=True, searchable=True,
            ),
            Definition(
                id=0, code="bullet_points", label="Bullet points", type=AttributeType.LINES, localisable=True,
                per_channel=True, searchable=True, rules={"max_length": 1000},
            ),
            Definition(
                id=0, code="keywords", label="Keywords", type=AttributeType.LINES, localisable=True,
                per_channel=True, searchable=True, rules={"max_length": 200},
            ),
            Definition(
                id=0, code="images", label="Pictures", type=AttributeType.LINES, per_channel=True,
            ),
        )
    }
)  # fmt: skip
"""Attributes that every product has, without a family. Their codes cannot be used for others. The base content of title
and description is in the product's own columns, the rest in its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """`definitions` by code; `locales`: code → fallback; `base`: the locale that the base content is in, "" = not said."""

    definitions: Mapping[str, Definition]
    locales: Mapping[str, str]
    base: str = ""

    def scopes(self, locale: str = "", channel: str = "") -> tuple[str, ...]:
        """The scopes to try for a locale and a channel, best first."""
        return tuple(scopes("" if locale == self.base else locale, channel, self.locales))


def book_of(session: Session) -> Book:
    """The definitions as they are now. Three queries over small tables: take one per unit, not per product."""
    options: dict[int, dict[str, str]] = {}
    labels: dict[int, dict[str, Mapping[str, str]]] = {}
    o = AttributeOption
    for row in session.execute(
        select(o.attribute_id, o.code, o.label, o.labels).order_by(o.attribute_id, o.position, o.id)
    ):
        options.setdefault(row.attribute_id, {})[row.code] = row.label
        labels.setdefault(row.attribute_id, {})[row.code] = row.labels
    a = Attribute
    definitions = dict(BUILT_IN) | {
        row.code: Definition(
            id=row.id, code=row.code, label=row.label, labels=row.labels, type=AttributeType(row.type), unit=row.unit,
            localisable=row.localisable, per_channel=row.per_channel, filterable=row.filterable,
            searchable=row.searchable, rules=row.rules, options=options.get(row.id, _NOTHING),
            option_labels=labels.get(row.id, _NOTHING),
        )
        for row in session.execute(
            select(
                a.id, a.code, a.label, a.labels, a.type, a.unit, a.localisable, a.per_channel, a.filterable,
                a.searchable, a.rules,
            ).order_by(a.position, a.id)
        )
    }  # fmt: skip
    n = Locale
    spoken = session.execute(select(n.code, n.fallback, n.is_base).order_by(n.position, n.code)).all()
    return Book(
        definitions=definitions,
        locales={row.code: row.fallback for row in spoken},
        base=next((row.code for row in spoken if row.is_base), ""),
    )
