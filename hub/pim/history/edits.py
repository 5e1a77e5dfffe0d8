"""Products and variants as the history speaks of them: fields by their audited names, and changes of single fields
carried out by the catalogue's own operations, with all their checks.

Audited names are columns («title», «price_minor», «family_id») and values («values.CODE», «values.CODE.SCOPE»).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, table_of
from hub.kernel.errors import HubError, Invalid
from hub.kernel.money import Money
from hub.pim import catalog
from hub.pim.attributes.models import Family
from hub.pim.facts import ProductFacts, VariantFacts
from hub.pim.models import Product, Variant

Subject = Literal["product", "variant"]
Key: TypeAlias = tuple[str, int]
"""Subject and id."""

PRODUCT_COLUMNS = (
    "title", "description", "brand", "category", "axes", "images", "tags", "family_id", "state", "stock_class",
)  # fmt: skip
VARIANT_COLUMNS = (
    "options", "position", "gtin", "price_minor", "currency", "cost_minor", "weight_g", "length_mm", "width_mm",
    "height_mm", "image",
)  # fmt: skip
_TOLD_AS = {"family_id": "family", "price_minor": "price", "currency": "price", "cost_minor": "cost"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A product or variant as it is stored. `key` is its handle or SKU, `handle` that of its product."""

    subject: Subject
    id: int
    key: str
    product_id: int
    handle: str
    row: Mapping[str, Any]

    def field(self, name: str) -> Any:
        """The value of an audited field; None if there is none."""
        if not name.startswith("values."):
            return self.row.get(name)
        code, scope = value_name(name)
        return self.row["values"].get(code, {}).get(scope)

    def fields(self) -> dict[str, Any]:
        """Everything that is said: audited name → value."""
        columns = PRODUCT_COLUMNS if self.subject == "product" else VARIANT_COLUMNS
        out = {name: self.row[name] for name in columns}
        for code, by_scope in self.row["values"].items():
            for scope, value in by_scope.items():
                out[field_name(code, scope)] = value
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Changes of one product or variant: audited name → new value (None takes a value of an attribute away)."""

    seen: Seen
    changes: Mapping[str, Any]


def field_name(code: str, scope: str = "") -> str:
    """The audited name of an attribute's value."""
    return f"values.{code}.{scope}" if scope else f"values.{code}"


def value_name(name: str) -> tuple[str, str]:
    """(code, scope) of «values.CODE» or «values.CODE.SCOPE»."""
    _, code, *scope = name.split(".", 2)
    return code, scope[0] if scope else ""


def look(
    session: Session, *, products: Iterable[int] = (), variants_of: Iterable[int] = (), lock: bool = False
) -> dict[Key, Seen]:
    """These products, and all variants of those products, as they are; by subject and id in the order of ids. With
    `lock` they stay so until the unit ends."""
    out: dict[Key, Seen] = {}
    p, v = table_of(Product), table_of(Variant)
    handles: dict[int, str] = {}
    owners = sorted(set(variants_of))
    for part in chunks(sorted({*products, *owners})):
        query = select(p).where(p.c.id.in_(part)).order_by(p.c.id)
        for row in session.execute(query.with_for_update() if lock else query).mappings():
            handles[row["id"]] = row["handle"]
            out["product", row["id"]] = Seen(
                subject="product", id=row["id"], key=row["handle"], product_id=row["id"], handle=row["handle"],
                row=dict(row),
            )  # fmt: skip
    for part in chunks(owners):
        query = select(v).where(v.c.product_id.in_(part)).order_by(v.c.id)
        for row in session.execute(query.with_for_update() if lock else query).mappings():
            out["variant", row["id"]] = Seen(
                subject="variant", id=row["id"], key=row["sku"], product_id=row["product_id"],
                handle=handles[row["product_id"]], row=dict(row),
            )  # fmt: skip
    return out


def put(session: Session, edits: Sequence[Edit], now: datetime) -> dict[Key, HubError | None]:
    """Carry out changes of things that were looked at under lock in this unit; for each None, or why nothing of it
    changed. Every field that is not named stays as it is."""
    out: dict[Key, HubError | None] = {}
    products = [edit for edit in edits if edit.seen.subject == "product" and edit.changes]
    variants = [edit for edit in edits if edit.seen.subject == "variant" and edit.changes]
    if products:
        codes = dict(session.execute(select(Family.id, Family.code)).tuples().all())
        facts = _told(products, out, lambda edit: _product_facts(edit, codes))
        told = catalog.PutProducts(products=list(facts.values()), fields=_fields(products))
        for key, answer in zip(facts, catalog.put_products(session, told, now), strict=True):
            out[key] = answer.problem if isinstance(answer, catalog.Refused) else None
    if variants:
        items = _told(variants, out, _variant_facts)
        command = catalog.PutVariants(variants=list(items.values()), fields=_fields(variants))
        for key, answer in zip(items, catalog.put_variants(session, command, now), strict=True):
            out[key] = answer.problem if isinstance(answer, catalog.Refused) else None
    return out


def _told(edits: Sequence[Edit], out: dict[Key, HubError | None], tell: Any) -> dict[Key, Any]:
    facts: dict[Key, Any] = {}
    for edit in edits:
        key = (edit.seen.subject, edit.seen.id)
        try:
            facts[key] = tell(edit)
        except HubError as problem:
            out[key] = problem
    return facts


def _fields(edits: Sequence[Edit]) -> frozenset[str]:
    names = {name for edit in edits for name in edit.changes}
    return frozenset("values" if name.startswith("values.") else _TOLD_AS.get(name, name) for name in names)


def _after(edit: Edit, name: str) -> Any:
    return edit.changes[name] if name in edit.changes else edit.seen.row[name]


def _values(edit: Edit) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for name, value in edit.changes.items():
        if name.startswith("values."):
            code, scope = value_name(name)
            out.setdefault(code, {})[scope] = value
    return out


def _product_facts(edit: Edit, families: Mapping[int, str]) -> ProductFacts:
    family_id = _after(edit, "family_id")
    if family_id is not None and family_id not in families:
        raise Invalid("its family is gone", field="family", value=family_id, fix="choose another family")
    return ProductFacts(
        handle=edit.seen.key, title=_after(edit, "title"), description=_after(edit, "description"),
        brand=_after(edit, "brand"), category=_after(edit, "category"), axes=tuple(_after(edit, "axes")),
        images=tuple(_after(edit, "images")), tags=tuple(_after(edit, "tags")), values=_values(edit),
        family="" if family_id is None else families[family_id], state=_after(edit, "state"),
        stock_class=_after(edit, "stock_class"),
    )  # fmt: skip


def _variant_facts(edit: Edit) -> VariantFacts:
    currency, cost = _after(edit, "currency"), _after(edit, "cost_minor")
    return VariantFacts(
        sku=edit.seen.key, handle=edit.seen.handle, price=Money(minor=_after(edit, "price_minor"), currency=currency),
        options=dict(_after(edit, "options")), position=_after(edit, "position"), gtin=_after(edit, "gtin"),
        cost=None if cost is None else Money(minor=cost, currency=currency), weight_g=_after(edit, "weight_g"),
        length_mm=_after(edit, "length_mm"), width_mm=_after(edit, "width_mm"), height_mm=_after(edit, "height_mm"),
        image=_after(edit, "image"), values=_values(edit),
    )  # fmt: skip
