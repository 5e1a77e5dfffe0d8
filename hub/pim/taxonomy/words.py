"""Words that many products share: brands under one spelling, tags renamed or taken away everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from hub.db.upsert import put, put_new
from hub.kernel.errors import Unknown
from hub.kernel.text import shorten
from hub.pim import catalog
from hub.pim.catalog import PutProducts, Refused
from hub.pim.facts import NAME_MAX, ProductFacts, plain_text
from hub.pim.history.note import Changed, note
from hub.pim.models import Product
from hub.pim.taxonomy.models import Brand, BrandSpelling
from hub.pim.taxonomy.rules import brand_key

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Spellings:
    """Brands that differ in case or spaces only: each spelling with its number of products, the commonest first."""

    key: str
    spellings: tuple[tuple[str, int], ...]


def variants_of_brands(session: Session, *, limit: int = 200) -> list[Spellings]:
    """Brands that stand in the catalogue under more than one spelling."""
    found: dict[str, list[tuple[str, int]]] = {}
    for name, count in session.execute(
        select(Product.brand, func.count()).where(Product.brand != "").group_by(Product.brand)
    ).tuples():
        found.setdefault(brand_key(name), []).append((name, count))
    several = [
        Spellings(key=key, spellings=tuple(sorted(names, key=lambda pair: (-pair[1], pair[0]))))
        for key, names in sorted(found.items())
        if len(names) > 1
    ]
    return several[:limit]


def register_brand(session: Session, name: str, spellings: Iterable[str], now: datetime) -> Brand:
    """`name` is how the brand is written; `spellings` are others for the same. Registering again adds spellings."""
    name = plain_text(name, "brand", NAME_MAX, needed=True)
    put_new(session, Brand, [{"name": name}], key=("name",))
    brand = session.scalars(select(Brand).where(Brand.name == name)).one()
    keys = sorted({brand_key(s) for s in (name, *spellings) if s.strip()})
    put(session, BrandSpelling, [{"key": key, "brand_id": brand.id} for key in keys], key=("key",))
    note(session, [Changed(subject="brand", id=brand.id, key=name, action="updated", changes={"spellings": (None, keys)})], now)  # fmt: skip
    return brand


def brand_named(session: Session, spelling: str) -> str:
    """The right name of a brand; `spelling` itself if it is not registered."""
    found = session.scalars(
        select(Brand.name)
        .join(BrandSpelling, BrandSpelling.brand_id == Brand.id)
        .where(BrandSpelling.key == brand_key(spelling))
    ).first()
    return found or spelling


def respell(session: Session, name: str, now: datetime, *, limit: int = BATCH) -> int:
    """Give up to `limit` products that bear another spelling of a registered brand its right name; returns how many
    there were. Call until it is 0: each call is one unit.

    Raises:
        Unknown: the brand is not registered.
    """
    keys = list(
        session.scalars(
            select(BrandSpelling.key).join(Brand, Brand.id == BrandSpelling.brand_id).where(Brand.name == name)
        )
    )
    if not keys:
        raise Unknown(f"the brand {shorten(name, 60)!r} is not registered", field="brand", value=name)
    wrong = [
        spelling
        for spelling in session.scalars(select(Product.brand).where(Product.brand.not_in(("", name))).distinct())
        if brand_key(spelling) in keys
    ]
    if not wrong:
        return 0
    handles = session.scalars(
        select(Product.handle).where(Product.brand.in_(wrong[:BATCH])).order_by(Product.id).limit(limit)
    )
    facts = [ProductFacts(handle=handle, brand=name) for handle in handles]
    answers = catalog.put_products(session, PutProducts(products=facts, fields={"brand"}), now)
    for answer in answers:
        if isinstance(answer, Refused):
            raise answer.problem
    return len(answers)


def retag(session: Session, tag: str, to: str, now: datetime, *, limit: int = BATCH) -> int:
    """Rename a tag on up to `limit` products («to» may exist: then the two become one; "" = take it away). Returns how
    many had it; call until it is 0."""
    if to:
        to = plain_text(to, "tag", NAME_MAX, needed=True)
    if to == tag:
        return 0
    rows = _tagged(session, tag, limit)
    facts = [
        ProductFacts(handle=handle, tags=tuple(dict.fromkeys(to if t == tag else t for t in tags if to or t != tag)))
        for handle, tags in rows
    ]
    for answer in catalog.put_products(session, PutProducts(products=facts, fields={"tags"}), now):
        if isinstance(answer, Refused):
            raise answer.problem
    return len(rows)


def _tagged(session: Session, tag: str, limit: int) -> Sequence[tuple[str, list[str]]]:
    """Products with exactly this tag. JSON is searched as text first; what only looks alike is left out here."""
    text = cast(Product.tags, String)
    likely = select(Product.handle, Product.tags).where(text != "[]").order_by(Product.id)
    out: list[tuple[str, list[str]]] = []
    for handle, tags in session.execute(likely.execution_options(yield_per=1000)).tuples():
        if tag in tags:
            out.append((handle, tags))
            if len(out) >= limit:
                break
    return out


def tags(session: Session, *, limit: int = 500) -> list[tuple[str, int]]:
    """The tags in use with their number of products, the commonest first."""
    counts: dict[str, int] = {}
    text = cast(Product.tags, String)
    for found in session.scalars(select(Product.tags).where(text != "[]").execution_options(yield_per=1000)):
        for tag in found:
            counts[tag] = counts.get(tag, 0) + 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
