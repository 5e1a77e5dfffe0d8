"""Everything that a product says in one language on one channel, field by field, as a page or a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select, tuple_
from sqlalchemy.orm import Session

from hub.kernel.errors import Unknown
from hub.kernel.money import Money
from hub.pim.attributes.book import BUILT_IN, Book, Definition, book_of
from hub.pim.attributes.content import shown
from hub.pim.attributes.fallback import EVERY, Resolved, resolve, split_scope
from hub.pim.attributes.fields import OWN_FIELDS, OwnField
from hub.pim.attributes.models import Attribute, AttributeGroup, Family, FamilyAttribute, FamilyRequirement
from hub.pim.models import Product, Variant

VARIANTS_MAX = 250
_OWN_LEFT_OUT = frozenset({"handle", "family", "state", "stock_class", "sku"}) | set(BUILT_IN)  # said elsewhere here


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetField:
    """One field. `value` in stored form (None = nothing is said), `text` as a buyer reads it; `scope` is where it was
    found. `inherited`: it is the product's, not the variant's own. `fallen_back`: from another language than asked for.
    `missing`: required here, and nothing is said in this language. `extra`: its family does not have it."""

    code: str
    label: str
    type: str
    level: str
    value: Any
    text: str
    scope: str | None
    inherited: bool = False
    fallen_back: bool = False
    required: bool = False
    missing: bool = False
    extra: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetGroup:
    """Fields under a heading; the first heading is empty: what every product has."""

    code: str
    label: str
    fields: tuple[SheetField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSheet:
    """A variant with its own fields and those of its family at the level of variants."""

    id: int
    sku: str
    options: Mapping[str, str]
    position: int
    version: int
    groups: tuple[SheetGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSheet:
    """A product in `locale` ("" = the base content) on `channel` ("" = in general). `more`: there are variants behind
    the last of these."""

    id: int
    handle: str
    title: str
    state: str
    stock_class: str
    version: int
    locale: str
    channel: str
    family: str
    family_label: str
    groups: tuple[SheetGroup, ...]
    variants: tuple[VariantSheet, ...]
    more: bool

    def missing(self) -> tuple[str, ...]:
        """The codes of required fields that are empty, of the product or of one of these variants, sorted."""
        groups = (*self.groups, *(group for variant in self.variants for group in variant.groups))
        return tuple(sorted({field.code for group in groups for field in group.fields if field.missing}))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    group: str
    label: str
    order: tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What every field of one sheet needs to know."""

    book: Book
    locale: str
    channel: str
    members: Mapping[str, str]  # code → level
    required: frozenset[str]
    places: Mapping[str, _Place]


def product_sheet(
    session: Session,
    product_id: int,
    *,
    locale: str = "",
    channel: str = "",
    after: tuple[int, int] | None = None,
    limit: int = 100,
) -> ProductSheet:
    """The product and its variants by position, from behind `after` (position, id), at most `limit` (to 250).

    Raises:
        Unknown: no such product or locale.
    """
    product = session.get(Product, product_id, populate_existing=True)
    if product is None:
        raise Unknown(f"there is no product {product_id}", field="product", value=product_id)
    book = book_of(session)
    if locale and locale not in book.locales:
        known = ", ".join(book.locales) or "none yet"
        raise Unknown(f"there is no locale {locale[:40]!r}", field="locale", value=locale[:40], fix=f"known: {known}")
    top = min(max(1, limit), VARIANTS_MAX)
    v = Variant
    query = select(v).where(v.product_id == product_id).order_by(v.position, v.id).limit(top + 1)
    if after is not None:
        query = query.where(tuple_(v.position, v.id) > after)
    variants = session.scalars(query.execution_options(populate_existing=True)).all()
    family = None if product.family_id is None else session.get(Family, product.family_id, populate_existing=True)
    members = {} if family is None else _members(session, family.id)
    said = {*product.values, *(code for variant in variants for code in variant.values)}
    asked = _Asked(
        book=book, locale=locale, channel=channel, members=members,
        required=frozenset() if family is None else _required(session, family.id, locale or book.base, channel),
        places=_places(session, book, {*members, *said}, locale),
    )  # fmt: skip
    return ProductSheet(
        id=product.id, handle=product.handle, title=product.title, state=product.state,
        stock_class=product.stock_class, version=product.version, locale=locale, channel=channel,
        family="" if family is None else family.code,
        family_label="" if family is None else _label(book, locale, family.label, family.labels),
        groups=_product_groups(asked, product),
        variants=tuple(_variant(asked, product, variant) for variant in variants[:top]), more=len(variants) > top,
    )  # fmt: skip


def named(session: Session, name: str) -> int:
    """The product of that handle, or of the variant with that SKU.

    Raises:
        Unknown: there is neither.
    """
    found = session.scalars(select(Product.id).where(Product.handle == name)).first()
    if found is None:
        found = session.scalars(select(Variant.product_id).where(Variant.sku == name)).first()
    if found is None:
        seen = name[:60]
        raise Unknown(
            f"no product and no variant is called {seen!r}", field="product", value=seen, fix="give a handle or a SKU"
        )
    return found


def _members(session: Session, family_id: int) -> dict[str, str]:
    f = FamilyAttribute
    query = select(Attribute.code, f.level).join(f, f.attribute_id == Attribute.id).where(f.family_id == family_id)
    return dict(session.execute(query.order_by(f.position, Attribute.code)).tuples().all())


def _required(session: Session, family_id: int, locale: str, channel: str) -> frozenset[str]:
    r = FamilyRequirement
    return frozenset(
        session.scalars(
            select(r.field).where(
                r.family_id == family_id, or_(r.channel == EVERY, r.channel == channel),
                or_(r.locale == EVERY, r.locale == locale),
            )
        )
    )  # fmt: skip


def _places(session: Session, book: Book, codes: Iterable[str], locale: str) -> dict[str, _Place]:
    """Under which heading each attribute stands, and where there."""
    a, g = Attribute, AttributeGroup
    rows = session.execute(
        select(a.code, g.code.label("group"), g.label, g.labels, g.position.label("first"))
        .outerjoin(g, g.id == a.group_id)
        .where(a.code.in_(sorted(codes)))
    )
    return {
        row.code: _Place(
            group=row.group or "", label=_label(book, locale, row.label, row.labels) if row.group else "",
            order=(row.first if row.group else -1, row.group or ""),
        )
        for row in rows
    }  # fmt: skip


def _label(book: Book, locale: str, label: str, labels: Mapping[str, str]) -> str:
    return next((labels[scope] for scope in book.scopes(locale) if scope in labels), label)


def _product_groups(asked: _Asked, product: Product) -> tuple[SheetGroup, ...]:
    said = _with_columns(product)
    first = [_attribute(asked, definition, said, None) for definition in BUILT_IN.values()]
    first += [_own(asked, field, product) for field in OWN_FIELDS.values() if _shown(field, "product")]
    codes = dict.fromkeys([*asked.members, *sorted(product.values)])
    rest = [
        _attribute(asked, asked.book.definitions[code], said, None)
        for code in codes
        if code in asked.book.definitions and code not in BUILT_IN
    ]
    return _grouped(asked, first, rest)


def _variant(asked: _Asked, product: Product, variant: Variant) -> VariantSheet:
    own = [_own(asked, field, variant) for field in OWN_FIELDS.values() if _shown(field, "variant")]
    said, parent = variant.values, _with_columns(product)
    codes = dict.fromkeys([*(c for c, level in asked.members.items() if level == "variant"), *sorted(said)])
    rest = [
        _attribute(asked, asked.book.definitions[code], said, parent)
        for code in codes
        if code in asked.book.definitions
    ]
    return VariantSheet(
        id=variant.id, sku=variant.sku, options=dict(variant.options), position=variant.position,
        version=variant.version, groups=_grouped(asked, own, rest),
    )  # fmt: skip


def _with_columns(product: Product) -> dict[str, Mapping[str, Any]]:
    """The product's values with the base content, which has columns of its own."""
    said: dict[str, Mapping[str, Any]] = dict(product.values)
    columns = (("title", product.title), ("description", product.description), ("images", product.images))
    for code, base in columns:
        said[code] = {**said.get(code, {}), **({"": base} if base else {})}
    return said


def _shown(field: OwnField, level: str) -> bool:
    return field.level == level and field.code not in _OWN_LEFT_OUT


def _attribute(
    asked: _Asked, definition: Definition, said: Mapping[str, Any], parent: Mapping[str, Any] | None
) -> SheetField:
    code, book = definition.code, asked.book
    order = book.scopes(asked.locale, asked.channel)
    found: Resolved[Any] | None = resolve(said.get(code, {}), order, None if parent is None else parent.get(code, {}))
    level = asked.members.get(code, "product" if parent is None else "variant")
    required = code in asked.required
    here = parent is not None or level == "product"  # what each variant says for itself is missing there, not here
    tongue = "" if found is None else split_scope(found.scope)[0]
    away = definition.localisable and asked.locale not in ("", book.base) and tongue != asked.locale
    foreign = away and not (tongue and asked.locale.startswith(f"{tongue}-"))  # German will do for Austria
    return SheetField(
        code=code, label=_label(book, asked.locale, definition.label, definition.labels), type=definition.type.value,
        level=level, value=None if found is None else found.value,
        text="" if found is None else shown(definition, found.value, book.scopes(asked.locale)),
        scope=None if found is None else found.scope, inherited=found is not None and found.inherited,
        fallen_back=away and found is not None, required=required,
        missing=required and here and (found is None or foreign),
        extra=code not in asked.members and code not in BUILT_IN,
    )  # fmt: skip


def _own(asked: _Asked, field: OwnField, row: Product | Variant) -> SheetField:
    value: Any = None
    if field.kind == "money":
        assert isinstance(row, Variant)
        minor = row.price_minor if field.code == "price" else row.cost_minor
        value = None if minor is None else {"minor": minor, "currency": row.currency}
        text = "" if minor is None else str(Money(minor=minor, currency=row.currency))
    else:
        value = getattr(row, field.code)
        text = ", ".join(value) if field.multiple else "" if value is None else str(value)
        if field.kind in ("weight", "length") and text:
            text += " g" if field.kind == "weight" else " mm"
        if field.kind == "yes_no":
            text = "yes" if value else "no"
    empty = value is None or value == "" or value == []
    return SheetField(
        code=field.code, label=field.label, type=field.kind, level=field.level, value=None if empty else value,
        text=text, scope=None if empty else "", required=field.code in asked.required,
        missing=empty and field.code in asked.required,
    )  # fmt: skip


def _grouped(asked: _Asked, first: list[SheetField], rest: list[SheetField]) -> tuple[SheetGroup, ...]:
    nowhere = _Place(group="", label="", order=(-1, ""))
    groups: dict[str, list[SheetField]] = {"": list(first)}
    labels = {"": ""}
    for field in sorted(rest, key=lambda f: asked.places.get(f.code, nowhere).order):  # stable: as the family has them
        place = asked.places.get(field.code, nowhere)
        groups.setdefault(place.group, []).append(field)
        labels[place.group] = place.label
    return tuple(
        SheetGroup(code=code, label=labels[code], fields=tuple(fields)) for code, fields in groups.items() if fields
    )
