"""Variants of a product that differ on one to three axes: making many of them at once, their order, and what one says
otherwise than its product."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product as combinations
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.kernel.errors import HubError, Invalid, Unknown
from hub.kernel.money import Money
from hub.pim.attributes.book import Book, Definition, book_of
from hub.pim.attributes.fallback import Resolved, resolve
from hub.pim.attributes.models import Attribute, FamilyAttribute
from hub.pim.attributes.types import AttributeType
from hub.pim.attributes.values import stored_value
from hub.pim.catalog import PutProducts, PutVariants, Refused, put_products, put_variants
from hub.pim.facts import AXES_MAX, ProductFacts, VariantFacts, plain_text
from hub.pim.models import Product, Variant
from hub.pim.stock import variant_by_sku

VARIANTS_MAX = 1_000  # made in one go
_HOLE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeVariants:
    """Variants of `handle` for every combination of `options` (axis → values, in order). In `sku_pattern`, {handle} and
    {AXIS} stand for the product and its options: «{handle}-{Colour}-{Size}» gives «shirt-DARK-BLUE-XL». `price` None =
    that of the product's first variant."""

    handle: str
    options: Mapping[str, Sequence[str]]
    sku_pattern: str
    price: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """SKUs `made`, and those that `existed` with the same options; neither is touched twice."""

    made: tuple[str, ...]
    existed: tuple[str, ...]


def make_variants(session: Session, cmd: MakeVariants, now: datetime) -> Made:
    """Make what is missing of a matrix; all of it or nothing. Doing it again makes nothing.

    Raises:
        Unknown: no such product.
        Invalid: other axes than the product has, an option that its attribute does not have, too many combinations, a
            pattern that gives two variants one SKU, or a variant that the catalogue refuses (the error says why).
    """
    product = _product(session, cmd.handle)
    existing = _variants(session, product.id)
    if product.axes and set(product.axes) != set(cmd.options):
        raise Invalid(
            f"the variants of {cmd.handle} differ in {', '.join(product.axes)}, not in {', '.join(cmd.options)}",
            field="options", value=", ".join(cmd.options), fix="give options for exactly these axes",
        )  # fmt: skip
    axes = tuple(product.axes) or tuple(cmd.options)
    if not 1 <= len(axes) <= AXES_MAX:
        raise Invalid(f"variants differ on 1 to {AXES_MAX} axes", field="options", value=len(axes))
    book = book_of(session)
    chosen = {axis: _values(_choice(session, book, product, axis), axis, cmd.options[axis]) for axis in axes}
    count = 1
    for values in chosen.values():
        count *= len(values)
    if not 1 <= count <= VARIANTS_MAX:
        raise Invalid(
            f"these options make {count:,} variants; 1 to {VARIANTS_MAX:,} are possible in one go", field="options",
            value=count, fix="give fewer values" if count else "give each axis a value",
        )  # fmt: skip
    price = cmd.price or (Money(minor=existing[0].price_minor, currency=existing[0].currency) if existing else None)
    if price is None:
        raise Invalid(
            f"{cmd.handle} has no variant whose price could be taken", field="price", value="", fix="give a price"
        )
    there = {frozenset(variant.options.items()): variant.sku for variant in existing}
    position = max((variant.position for variant in existing), default=-1)
    new: list[VariantFacts] = []
    existed: list[str] = []
    for picked in combinations(*(chosen[axis] for axis in axes)):
        options = {axis: option.text for axis, option in zip(axes, picked, strict=True)}
        sku = there.get(frozenset(options.items()))
        if sku is not None:
            existed.append(sku)
            continue
        position += 1
        new.append(
            VariantFacts(
                sku=sku_from(cmd.sku_pattern, cmd.handle, options), handle=cmd.handle, price=price, options=options,
                position=position,
                values={option.attribute: {"": option.code} for option in picked if option.attribute is not None},
            )
        )  # fmt: skip
    twice = next((v.sku for n, v in enumerate(new) if v.sku in {other.sku for other in new[:n]}), None)
    if twice is not None:
        raise Invalid(
            f"the pattern gives several variants the SKU {twice}", field="sku_pattern", value=cmd.sku_pattern,
            fix="name every axis in it: " + "-".join(f"{{{axis}}}" for axis in axes),
        )  # fmt: skip
    taken = session.scalars(select(Variant.sku).where(Variant.sku.in_([v.sku for v in new])).limit(1)).first()
    if taken is not None:
        raise Invalid(
            f"there is a variant with the SKU {taken} already", field="sku_pattern", value=cmd.sku_pattern,
            fix="use another pattern",
        )  # fmt: skip
    if not product.axes:
        facts = ProductFacts(handle=cmd.handle, title=product.title, axes=axes)
        _all_or_nothing(put_products(session, PutProducts(products=(facts,), fields=("axes",)), now))
    _all_or_nothing(put_variants(session, PutVariants(variants=new), now))
    return Made(made=tuple(variant.sku for variant in new), existed=tuple(existed))


def sku_from(pattern: str, handle: str, options: Mapping[str, str]) -> str:
    """The SKU that a pattern gives.

    Raises:
        Invalid: the pattern names something that is no axis.
    """
    known = {"handle": handle} | {
        axis.casefold(): "-".join(re.findall(r"\w+", value)).upper() for axis, value in options.items()
    }

    def filled(match: re.Match[str]) -> str:
        name = match.group(1).strip().casefold()
        if name not in known:
            raise Invalid(
                f"{match.group()} is no axis", field="sku_pattern", value=pattern,
                fix="use " + ", ".join(f"{{{axis}}}" for axis in ("handle", *options)),
            )  # fmt: skip
        return known[name]

    return _HOLE.sub(filled, pattern)


def reorder(session: Session, handle: str, skus: Sequence[str], now: datetime) -> int:
    """Put the variants of a product in this order; returns how many changed their place.

    Raises:
        Unknown: no such product.
        Invalid: not each of its variants once.
    """
    product = _product(session, handle)
    existing = {variant.sku: variant for variant in _variants(session, product.id)}
    if sorted(skus) != sorted(existing):
        odd = sorted({*skus} ^ existing.keys()) or sorted(sku for sku in existing if skus.count(sku) > 1)
        raise Invalid(
            f"the order names each variant of {handle} once; look at {', '.join(odd[:5])}", field="skus",
            value=odd[0], fix=f"name all {len(existing)} of them",
        )  # fmt: skip
    moved = [_facts(existing[sku], handle, position=n) for n, sku in enumerate(skus) if existing[sku].position != n]
    _all_or_nothing(put_variants(session, PutVariants(variants=moved, fields=("position",)), now))
    return len(moved)


def override(session: Session, sku: str, field: str, value: Any, now: datetime, *, scope: str = "") -> bool:
    """Let a variant say its own of an attribute («locale@channel» in `scope`, "" = for all); None = its product speaks
    for it again. Returns whether that changed anything.

    Raises:
        Unknown: no such SKU.
        Invalid: no such attribute, a scope that it does not have, or a value that is not acceptable.
    """
    variant = variant_by_sku(session, sku)
    handle = session.scalars(select(Product.handle).where(Product.id == variant.product_id)).one()
    facts = _facts(variant, handle, values={field: {scope: value}})
    (written,) = _all_or_nothing(put_variants(session, PutVariants(variants=(facts,), fields=("values",)), now))
    return bool(written.fields)


def value_of(session: Session, sku: str, field: str, *, locale: str = "", channel: str = "") -> Resolved[Any] | None:
    """What counts for a variant: its own value, else (`inherited`) its product's; None if nobody says anything.

    Raises:
        Unknown: no such SKU.
    """
    variant = variant_by_sku(session, sku)
    product = session.get_one(Product, variant.product_id)
    parent = dict(product.values.get(field, {}))
    if field in ("title", "description"):  # the base content is in columns of its own
        base = product.title if field == "title" else product.description
        parent |= {"": base} if base else {}
    return resolve(variant.values.get(field, {}), book_of(session).scopes(locale, channel), parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    """`text` is what buyers read; `attribute` and `code` are set where the axis is an attribute of each variant."""

    text: str
    attribute: str | None = None
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    definition: Definition
    per_variant: bool


def _choice(session: Session, book: Book, product: Product, axis: str) -> _Choice | None:
    """The choice of the product's family that the axis names by code or label; None if there is none."""
    if product.family_id is None:
        return None
    levels = dict(
        session.execute(
            select(Attribute.code, FamilyAttribute.level)
            .join(Attribute, Attribute.id == FamilyAttribute.attribute_id)
            .where(FamilyAttribute.family_id == product.family_id, Attribute.type == AttributeType.CHOICE.value)
        )
        .tuples()
        .all()
    )
    for code, level in sorted(levels.items()):
        definition = book.definitions[code]
        if axis.casefold() in (code.casefold(), definition.label.casefold()):
            return _Choice(definition=definition, per_variant=level == "variant")
    return None


def _values(choice: _Choice | None, axis: str, given: Sequence[str]) -> list[_Option]:
    out: dict[str, _Option] = {}
    for value in given:
        if choice is None:
            text = plain_text(value, axis, 200, needed=True)
            out[text] = _Option(text=text)
            continue
        code = str(stored_value(choice.definition, value))
        attribute = choice.definition.code if choice.per_variant else None
        out[code] = _Option(text=choice.definition.options[code], attribute=attribute, code=code)
    return list(out.values())


def _product(session: Session, handle: str) -> Product:
    """The product, locked: two who make its variants at once wait for each other."""
    query = select(Product).where(Product.handle == handle).with_for_update(key_share=True)
    product = session.scalars(query.execution_options(populate_existing=True)).first()
    if product is None:
        raise Unknown(f"no product has the handle {handle!r}", field="handle", value=handle, fix="create it first")
    return product


def _variants(session: Session, product_id: int) -> list[Variant]:
    query = select(Variant).where(Variant.product_id == product_id).order_by(Variant.position, Variant.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _facts(variant: Variant, handle: str, **changes: Any) -> VariantFacts:
    kept: dict[str, Any] = {"options": dict(variant.options), "position": variant.position} | changes
    price = Money(minor=variant.price_minor, currency=variant.currency)
    return VariantFacts(sku=variant.sku, handle=handle, price=price, **kept)


def _all_or_nothing(answers: Sequence[Any]) -> Sequence[Any]:
    """Raises the first refusal: the caller's unit is undone with it."""
    for answer in answers:
        if isinstance(answer, Refused):
            problem: HubError = answer.problem
            raise problem
    return answers
