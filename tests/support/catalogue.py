"""Catalogues for tests of history, bulk edits and exports: made by the operations, compared as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.session import Sessions, reading, unit
from hub.db.upsert import table_of
from hub.kernel.money import Money
from hub.pim import catalog
from hub.pim.attributes.models import Attribute, AttributeOption, Locale
from hub.pim.facts import ProductFacts, VariantFacts
from hub.pim.history.note import By, act_as
from hub.pim.models import Product, Variant
from tests.support.builders import NOW

ANNA = By(kind="person", name="anna")
BEN = By(kind="person", name="ben")
_MOVES = frozenset({"updated_at", "created_at", "version"})


def definitions(session: Session) -> None:
    """Two locales and an attribute of most types; to be called once per database."""
    for code in ("de", "th"):
        session.add(Locale(code=code, label=code, fallback="", position=0))
    for code, kind, more in (
        ("material", "text", {"localisable": True, "per_channel": True}),
        ("vintage", "number", {}),
        ("colour", "choice", {}),
        ("features", "multi_choice", {}),
        ("organic", "boolean", {}),
        ("released", "date", {}),
        ("deposit", "money", {}),
        ("care", "lines", {"localisable": True}),
    ):  # fmt: skip
        row = Attribute(code=code, label=code.capitalize(), type=kind, **more)
        session.add(row)
        session.flush()  # its id is wanted
        if kind in ("choice", "multi_choice"):
            for place, option in enumerate(("red", "green", "blue")):
                session.add(
                    AttributeOption(attribute_id=row.id, code=option, label=option.capitalize(), position=place)
                )


def write(
    sessions: Sessions,
    products: Sequence[ProductFacts],
    variants: Sequence[VariantFacts] = (),
    *,
    by: By = ANNA,
    now: datetime = NOW,
    fields: Any = None,
) -> None:
    """Put these into the catalogue; none may be refused."""
    with unit(sessions) as session:
        act_as(session, by)
        told = catalog.PutProducts(products=products, fields=fields or catalog.PRODUCT_FIELDS)
        answers = catalog.put_products(session, told, now)
        answers += catalog.put_variants(session, catalog.PutVariants(variants=variants), now)
    assert [a for a in answers if isinstance(a, catalog.Refused)] == []


def some(count: int = 3, *, price: int = 1000, **more: Any) -> tuple[list[ProductFacts], list[VariantFacts]]:
    """`count` products p-0, p-1 … with one variant each."""
    products = [ProductFacts(handle=f"p-{n}", title=f"Product {n}", brand="Alpha", **more) for n in range(count)]
    variants = [
        VariantFacts(sku=f"S-{n}", handle=f"p-{n}", price=Money(minor=price + n, currency="EUR")) for n in range(count)
    ]
    return products, variants


def snapshot(sessions: Sessions) -> dict[str, dict[str, Any]]:
    """Everything that is said about products and variants, without ids and times."""
    out: dict[str, dict[str, Any]] = {}
    with reading(sessions) as session:
        for model, key in ((Product, "handle"), (Variant, "sku")):
            t = table_of(model)
            for row in session.execute(select(t)).mappings():
                out[f"{key}:{row[key]}"] = {
                    name: value for name, value in row.items() if name not in _MOVES | {"id", "product_id"}
                }
    return out
