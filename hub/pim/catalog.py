"""Operations on products and variants, many at a time: created, updated or left as they are.

What channels show follows by itself: a changed price marks listings for a price push, changed content asks for the
product to be published again where it is listed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, put, table_of
from hub.kernel.errors import HubError, Invalid, Unknown
from hub.pim import listing_dirt, projections, record
from hub.pim.attributes import unique
from hub.pim.attributes.book import Book, book_of
from hub.pim.attributes.models import Family
from hub.pim.attributes.values import checked, merged
from hub.pim.facts import (
    PRODUCT_FIELDS,
    VARIANT_FIELDS,
    ProductFacts,
    VariantFacts,
    checked_product,
    checked_variant,
    picture,
)
from hub.pim.models import Listing, Product, Variant
from hub.work import items
from hub.work.kinds import LISTING_PUBLISH

_GONE_STATES = ("ended", "vanished")  # nothing is there to be kept up to date
_NOTHING: Mapping[str, Sequence[Any]] = {}
_VARIANT_COLUMNS = {"price": ("price_minor", "currency"), "cost": ("cost_minor",)}
_products = table_of(Product)
_variants = table_of(Variant)


class Change(StrEnum):
    """What became of one item."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class PutProducts:
    """Products to create, or to bring up to date by `handle`. Only `fields` of those that exist already change;
    `values` are merged, scope by scope (an empty value removes one). `only`, if given, has the fields of each product."""

    products: Sequence[ProductFacts]
    fields: Collection[str] = PRODUCT_FIELDS
    only: Sequence[Collection[str]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PutVariants:
    """Variants to create, or to bring up to date by `sku`. Only `fields` of those that exist already change. `only`, if
    given, has the fields of each variant."""

    variants: Sequence[VariantFacts]
    fields: Collection[str] = VARIANT_FIELDS
    only: Sequence[Collection[str]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An item that is stored as asked. `fields` are the columns that changed (empty unless updated), `changes` the same
    as the history has it: field → (before, after)."""

    key: str
    id: int
    change: Change
    fields: frozenset[str] = frozenset()
    changes: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An item of which nothing was stored, and why."""

    key: str
    problem: HubError


def put_products(session: Session, cmd: PutProducts, now: datetime) -> list[Written | Refused]:
    """Create and update products; the answers are in the order of the command."""
    columns: dict[frozenset[str], frozenset[str]] = {}
    given: dict[str, ProductFacts] = {}
    out: dict[int, Written | Refused] = {}
    place: dict[str, int] = {}
    spoken: dict[str, dict[str, dict[str, Any]]] = {}
    for index, item in enumerate(cmd.products):
        try:
            facts = checked_product(item, cmd.fields if cmd.only is None else cmd.only[index])
            if facts.handle in given:
                raise Invalid(f"{facts.handle} is given twice", field="handle", value=facts.handle, fix="give it once")
        except Invalid as problem:
            out[index] = Refused(key=item.handle, problem=problem)
            continue
        given[facts.handle], place[facts.handle] = facts, index
    unique.hold(session, (code for facts in given.values() for code in facts.values))
    book, families = book_of(session), _families(session)
    for handle in list(given):
        try:
            spoken[handle] = _spoken(book, given[handle].values, base_columns=True)
            _family(families, given[handle].family)
        except Invalid as problem:
            out[place[handle]] = Refused(key=handle, problem=problem)
            del given[handle]
    stored = _stored(session, _products, "handle", given)
    for handle in [handle for handle, facts in given.items() if handle not in stored and not facts.title]:
        untitled = Invalid("a new product needs a title", field="title", value="", fix="give the title")
        out[place[handle]] = Refused(key=handle, problem=untitled)
        del given[handle]
    said = _said(stored, given, spoken)
    for handle, refusal in _claim(session, book, "product", stored, said, cmd.fields).items():
        out[place[handle]] = Refused(key=handle, problem=refusal)
        del given[handle]
    rows: list[dict[str, Any]] = []
    changed: dict[str, frozenset[str]] = {}
    for handle, facts in given.items():
        old = stored.get(handle)
        wanted: dict[str, Any] = {
            "title": facts.title, "description": facts.description, "brand": facts.brand, "category": facts.category,
            "axes": list(facts.axes), "images": list(facts.images), "tags": list(facts.tags),
            "values": said[handle],
            "family_id": _family(families, facts.family), "state": facts.state, "stock_class": facts.stock_class,
        }  # fmt: skip
        fields = frozenset(cmd.fields if cmd.only is None else cmd.only[place[handle]])
        if fields not in columns:
            columns[fields] = frozenset("family_id" if name == "family" else name for name in fields)
        _sort_out(rows, changed, handle, old, {"handle": handle}, wanted, columns[fields], now)
    ids = _write(session, Product, "handle", rows, now)
    noted = record.changes(session, "product", rows, stored, ids, changed, now)
    projections.touch(session, [ids[row["handle"]][0] for row in rows if row["handle"] in ids], now)
    for handle in given:
        if place[handle] not in out:
            out[place[handle]] = _answer(handle, stored.get(handle), ids, changed, noted)
    want_republished(session, [stored[handle]["id"] for handle in changed if handle in stored], now)
    return [out[index] for index in range(len(cmd.products))]


def put_variants(session: Session, cmd: PutVariants, now: datetime) -> list[Written | Refused]:
    """Create and update variants of products that exist; the answers are in the order of the command."""
    given: dict[str, VariantFacts] = {}
    out: dict[int, Written | Refused] = {}
    place: dict[str, int] = {}
    for index, item in enumerate(cmd.variants):
        try:
            facts = checked_variant(item)
            if facts.sku in given:
                raise Invalid(f"{facts.sku} is given twice", field="sku", value=facts.sku, fix="give it once")
        except Invalid as problem:
            out[index] = Refused(key=item.sku, problem=problem)
            continue
        given[facts.sku], place[facts.sku] = facts, index
    unsaid = set() if cmd.only is None else {s for s in given if "options" not in cmd.only[place[s]]}
    if "options" not in cmd.fields:
        unsaid = set(given)
    for sku, refusal in refusals(session, given.values(), unsaid).items():
        out[place[sku]] = Refused(key=sku, problem=refusal)
        del given[sku]
    products = _ids(session, {facts.handle for facts in given.values()})
    for sku in [sku for sku, facts in given.items() if facts.handle not in products]:
        handle = given.pop(sku).handle
        missing = Unknown(f"no product has the handle {handle!r}", field="handle", value=handle, fix="create it first")
        out[place[sku]] = Refused(key=sku, problem=missing)
    unique.hold(session, (code for facts in given.values() for code in facts.values))
    book = book_of(session)
    spoken: dict[str, dict[str, dict[str, Any]]] = {}
    for sku in list(given):
        try:
            spoken[sku] = _spoken(book, given[sku].values)
        except Invalid as problem:
            out[place[sku]] = Refused(key=sku, problem=problem)
            del given[sku]
    stored = _stored(session, _variants, "sku", given)
    said = _said(stored, given, spoken)
    for sku, taken in _claim(session, book, "variant", stored, said, cmd.fields).items():
        out[place[sku]] = Refused(key=sku, problem=taken)
        del given[sku]
    rows: list[dict[str, Any]] = []
    columns: dict[frozenset[str], frozenset[str]] = {}
    changed: dict[str, frozenset[str]] = {}
    for sku, facts in given.items():
        wanted: dict[str, Any] = {
            "options": dict(facts.options), "position": facts.position, "gtin": facts.gtin,
            "price_minor": facts.price.minor, "currency": facts.price.currency,
            "cost_minor": None if facts.cost is None else facts.cost.minor, "weight_g": facts.weight_g,
            "length_mm": facts.length_mm, "width_mm": facts.width_mm, "height_mm": facts.height_mm,
            "image": facts.image, "values": said[sku],
        }  # fmt: skip
        fixed = {"sku": sku, "product_id": products[facts.handle]}
        fields = frozenset(cmd.fields if cmd.only is None else cmd.only[place[sku]])
        if fields not in columns:
            columns[fields] = frozenset(name for f in fields for name in _VARIANT_COLUMNS.get(f, (f,)))
        _sort_out(rows, changed, sku, stored.get(sku), fixed, wanted, columns[fields], now)
    ids = _write(session, Variant, "sku", rows, now)
    noted = record.changes(session, "variant", rows, stored, ids, changed, now)
    projections.touch(session, [row["product_id"] for row in rows], now)
    for sku in given:
        out[place[sku]] = _answer(sku, stored.get(sku), ids, changed, noted)
    dearer = [stored[s]["id"] for s, f in changed.items() if s in stored and f & {"price_minor", "currency"}]
    listing_dirt.mark_price_dirty(session, dearer, now)
    reworded = {
        stored[s]["product_id"]
        for s, f in changed.items()
        if s in stored and f - {"price_minor", "currency", "cost_minor"}
    }
    want_republished(session, reworded, now)
    return [out[index] for index in range(len(cmd.variants))]


def refusals(
    session: Session, variants: Iterable[VariantFacts], keep_options: Collection[str] = ()
) -> dict[str, HubError]:
    """Which of these (checked) variants cannot be stored beside what is there, by SKU: a SKU of another product,
    options that another variant of the product has, another currency than the accounts it is listed on. The SKUs of
    `keep_options` keep the options they have, if they exist."""
    given = {facts.sku: facts for facts in variants}
    there: dict[str, Mapping[str, Any]] = {}
    query = select(
        Variant.id, Variant.sku, Variant.options, Variant.currency, Product.handle.label("handle")
    ).join(Product, Product.id == Variant.product_id)  # fmt: skip
    for part in chunks(sorted(given)):
        there.update({row.sku: row._mapping for row in session.execute(query.where(Variant.sku.in_(part)))})
    for part in chunks(sorted({facts.handle for facts in given.values()})):
        there.update({row.sku: row._mapping for row in session.execute(query.where(Product.handle.in_(part)))})
    out: dict[str, HubError] = {}
    recoined = {
        there[sku]["id"]: sku for sku, f in given.items() if sku in there and there[sku]["currency"] != f.price.currency
    }
    for part in chunks(sorted(recoined)):
        for variant_id in session.scalars(select(Listing.variant_id).where(Listing.variant_id.in_(part)).distinct()):
            sku = recoined[variant_id]
            out[sku] = Invalid(
                f"{sku} is listed at a price in {there[sku]['currency']}", field="price", value=str(given[sku].price),
                fix=f"give its price in {there[sku]['currency']}",
            )  # fmt: skip
    seen: dict[tuple[str, frozenset[tuple[str, str]]], str] = {
        (row["handle"], frozenset(row["options"].items())): sku
        for sku, row in there.items()
        if sku not in given or sku in keep_options
    }
    for sku, facts in given.items():
        if sku in there and there[sku]["handle"] != facts.handle:
            owner = there[sku]["handle"]
            out[sku] = Invalid(
                f"the SKU {sku} belongs to the product {owner}", field="sku", value=sku,
                fix=f"use another SKU, or the handle {owner}",
            )  # fmt: skip
        if sku in out or (sku in there and sku in keep_options):
            continue
        first = seen.setdefault((facts.handle, frozenset(facts.options.items())), sku)
        if first != sku:
            what = " / ".join(facts.options.values()) or "no options"
            out[sku] = Invalid(
                f"{first} is {what} of {facts.handle} already", field="options", value=what,
                fix=f"give other options, or use the SKU {first}",
            )  # fmt: skip
    return out


def want_republished(session: Session, product_ids: Iterable[int], now: datetime) -> int:
    """Ask for these products to be published again wherever they are listed; returns how many wishes that made."""
    wishes: set[tuple[int, str, int]] = set()
    for part in chunks(sorted(set(product_ids))):
        for row in session.execute(
            select(Listing.account_id, Listing.product_id)
            .where(Listing.product_id.in_(part), Listing.state.not_in(_GONE_STATES))
            .distinct()
        ):
            wishes.add((row.account_id, str(row.product_id), LISTING_PUBLISH.priority))
    items.want_many(session, LISTING_PUBLISH, wishes, now)
    return len(wishes)


def _spoken(
    book: Book, values: Mapping[str, Mapping[str, Any]], *, base_columns: bool = False
) -> dict[str, dict[str, Any]]:
    """Values in stored form.

    Raises:
        Invalid: a value is not acceptable, or base content is given as a value of a product.
    """
    if not values:
        return {}
    for code in ("title", "description", "images"):
        if base_columns and "" in values.get(code, {}):
            raise Invalid(
                f"the {code} without locale and channel is the product's own", field=code, value="",
                fix=f"give it as {code}, not as a value",
            )  # fmt: skip
    spoken = checked(book, values)
    for listed in spoken.get("images", {}).values():
        for reference in listed if isinstance(listed, list) else ():
            picture(reference, "images")
    return spoken


def _said(
    stored: Mapping[str, Mapping[str, Any]], given: Iterable[str], spoken: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """What each item says once what is given is merged into what is stored."""
    return {key: merged(stored[key]["values"] if key in stored else {}, spoken[key]) for key in given}


def _claim(
    session: Session,
    book: Book,
    subject: unique.Subject,
    stored: Mapping[str, Mapping[str, Any]],
    said: Mapping[str, Mapping[str, Any]],
    columns: Collection[str],
) -> dict[str, HubError]:
    """Claim unique values for what will really be written; returns who cannot have them."""
    changing = {key: values for key, values in said.items() if key not in stored or "values" in columns}
    return unique.claim(
        session, book, subject,
        {key: (stored[key]["values"] if key in stored else {}, values) for key, values in changing.items()},
    )  # fmt: skip


def _families(session: Session) -> dict[str, int]:
    return dict(session.execute(select(Family.code, Family.id)).tuples().all())


def _family(families: Mapping[str, int], code: str) -> int | None:
    if not code:
        return None
    if code not in families:
        known = ", ".join(sorted(families)[:20]) or "there are none yet"
        raise Invalid(f"there is no family {code!r}", field="family", value=code, fix=f"create it; known: {known}")
    return families[code]


def _ids(session: Session, handles: Iterable[str]) -> dict[str, int]:
    out: dict[str, int] = {}
    for part in chunks(sorted(handles)):
        out.update(session.execute(select(Product.handle, Product.id).where(Product.handle.in_(part))).tuples().all())
    return out


def _stored(session: Session, table: Any, key: str, given: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """The rows of these keys, locked in the order of their ids until the unit ends."""
    out: dict[str, Mapping[str, Any]] = {}
    for part in chunks(sorted(given)):
        query = select(table).where(table.c[key].in_(part)).order_by(table.c.id).with_for_update(key_share=True)
        out.update({row[key]: row for row in session.execute(query).mappings()})
    return out


def _sort_out(
    rows: list[dict[str, Any]],
    changed: dict[str, frozenset[str]],
    key: str,
    old: Mapping[str, Any] | None,
    fixed: Mapping[str, Any],
    wanted: Mapping[str, Any],
    fields: Collection[str],
    now: datetime,
) -> None:
    """Add to `rows` what must be written for one item, and to `changed` which columns of it differ."""
    if old is None:
        rows.append({**fixed, **wanted, "version": 0, "created_at": now, "updated_at": now})
        return
    different = frozenset(name for name, value in wanted.items() if name in fields and old[name] != value)
    if different:
        kept = {name: (value if name in fields else old[name]) for name, value in wanted.items()}
        rows.append({**fixed, **kept, "version": 0, "created_at": old["created_at"], "updated_at": now})
        changed[key] = different


def _write(
    session: Session, model: type[Product] | type[Variant], key: str, rows: list[dict[str, Any]], now: datetime
) -> dict[str, tuple[int, bool]]:
    """Upsert; returns key → (id, whether it is new). Only what this unit inserted bears its own time of creation."""
    if not rows:
        return {}
    t = table_of(model)
    update: dict[str, Any] = {
        name: literal_column(f'excluded."{name}"')
        for name in rows[0]
        if name not in (key, "created_at", "product_id", "version")
    }
    update["version"] = t.c.version + 1
    written = put(session, model, rows, key=(key,), update=update, returning=("id", key, "created_at"))
    return {str(getattr(row, key)): (row.id, row.created_at == now) for row in written}


def _answer(
    key: str,
    old: Mapping[str, Any] | None,
    ids: Mapping[str, tuple[int, bool]],
    changed: Mapping[str, frozenset[str]],
    noted: Mapping[str, Mapping[str, Sequence[Any]]],
) -> Written:
    if old is not None:
        if key not in changed:
            return Written(key=key, id=old["id"], change=Change.UNCHANGED)
        return Written(
            key=key, id=old["id"], change=Change.UPDATED, fields=changed[key], changes=noted.get(key, _NOTHING)
        )
    number, new = ids[key]
    return Written(key=key, id=number, change=Change.CREATED if new else Change.UPDATED)
