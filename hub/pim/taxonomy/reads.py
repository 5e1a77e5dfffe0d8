"""Trees, mappings and relations as pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from hub.db.upsert import chunks
from hub.pim.models import Product
from hub.pim.taxonomy.models import Category, CategoryMapping, ProductCategory, Relation
from hub.pim.taxonomy.rules import BOTH_WAYS, OWN, RELATION_KINDS, ids_of, inherited

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A category with its labels from the root down, how many products are in it (not below), and for ours what it
    stands for: tree → (code, whether inherited)."""

    id: int
    tree: str
    code: str
    label: str
    trail: tuple[str, ...]
    products: int
    mapped: dict[str, tuple[str, bool]] = field(default_factory=dict)


def tree(session: Session, name: str, *, after: str = "", limit: int = PAGE) -> list[Node]:
    """The nodes of a tree in the order of their paths, `limit` (at most 500) after the path-ordered code `after`."""
    c = Category
    query = select(c).where(c.tree == name).order_by(c.path).limit(min(limit, PAGE))
    if after:
        query = query.where(c.path > select(c.path).where(c.tree == name, c.code == after).scalar_subquery())
    rows = list(session.scalars(query.execution_options(populate_existing=True)))
    above = sorted({number for row in rows for number in ids_of(row.path)})
    labels: dict[int, str] = {}
    for part in chunks(above):
        labels.update(session.execute(select(c.id, c.label).where(c.id.in_(part))).tuples().all())
    counts: dict[int, int] = {}
    for part in chunks([row.id for row in rows]):
        counts.update(
            session.execute(
                select(ProductCategory.category_id, func.count())
                .where(ProductCategory.category_id.in_(part))
                .group_by(ProductCategory.category_id)
            )
            .tuples()
            .all()
        )
    mappings = _mappings(session, above) if name == OWN else {}
    out = []
    for row in rows:
        mapped: dict[str, tuple[str, bool]] = {}
        for other, targets in mappings.items():
            found = inherited(row.path, {own: theirs for own, (theirs, _) in targets.items()})
            if found is not None:
                mapped[other] = (targets[found[1]][1], found[1] != row.id)
        out.append(
            Node(
                id=row.id, tree=row.tree, code=row.code, label=row.label, products=counts.get(row.id, 0),
                trail=tuple(labels[number] for number in ids_of(row.path)), mapped=mapped,
            )
        )  # fmt: skip
    return out


def _mappings(session: Session, own_ids: Sequence[int]) -> dict[str, dict[int, tuple[int, str]]]:
    """tree → our category → (its category, that one's code)."""
    out: dict[str, dict[int, tuple[int, str]]] = {}
    for part in chunks(own_ids):
        for row in session.execute(
            select(CategoryMapping.tree, CategoryMapping.own_id, Category.id, Category.code)
            .join(Category, Category.id == CategoryMapping.category_id)
            .where(CategoryMapping.own_id.in_(part))
        ).tuples():
            out.setdefault(row[0], {})[row[1]] = (row[2], row[3])
    return out


def channel_category(session: Session, product_id: int, channel: str) -> str:
    """Where a product stands in a channel's tree: by its main category's mapping or the nearest mapped one above it.
    "" = nowhere, the account's default decides."""
    path = session.scalars(
        select(Category.path)
        .join(ProductCategory, ProductCategory.category_id == Category.id)
        .where(ProductCategory.product_id == product_id, ProductCategory.main)
    ).first()
    if path is None:
        return ""
    targets = _mappings(session, ids_of(path)).get(channel, {})
    found = inherited(path, {own: theirs for own, (theirs, _) in targets.items()})
    return "" if found is None else targets[found[1]][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """One line of a product's relations. `backwards`: the other product names this one (similar, related)."""

    kind: str
    handle: str
    title: str
    backwards: bool


def relations(session: Session, product_id: int) -> list[Related]:
    """What a product is related to, by kind, each in its order; similar and related ones also where the other product
    says so."""
    r, other = Relation, aliased(Product)
    forward = session.execute(
        select(r.kind, r.position, r.other_id, other.handle, other.title)
        .join(other, other.id == r.other_id)
        .where(r.product_id == product_id)
        .order_by(r.position, r.other_id)
        .limit(1000)
    ).all()
    backward = session.execute(
        select(r.kind, r.product_id, other.handle, other.title)
        .join(other, other.id == r.product_id)
        .where(r.other_id == product_id, r.kind.in_(sorted(BOTH_WAYS)))
        .order_by(r.product_id)
        .limit(1000)
    ).all()
    said = {(row.kind, row.other_id) for row in forward}
    out = [Related(kind=row.kind, handle=row.handle, title=row.title, backwards=False) for row in forward]
    out += [
        Related(kind=row.kind, handle=row.handle, title=row.title, backwards=True)
        for row in backward
        if (row.kind, row.product_id) not in said
    ]
    return sorted(out, key=lambda line: RELATION_KINDS.index(line.kind))
