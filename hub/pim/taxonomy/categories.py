"""Building category trees, mapping ours to the channels', and putting products into them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, put
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.kernel.text import shorten
from hub.pim import catalog, projections
from hub.pim.facts import NAME_MAX, plain_text
from hub.pim.history.note import Changed, note
from hub.pim.models import Product
from hub.pim.taxonomy.models import Category, CategoryMapping, ProductCategory
from hub.pim.taxonomy.rules import DEPTH_MAX, OWN, ids_of, path_of

CODE_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCategory:
    """A node to add or to bring up to date by (tree, code). `parent` is its parent's code, "" = a root."""

    tree: str
    code: str
    label: str
    parent: str = ""
    labels: Mapping[str, str] | None = None
    position: int = 0


def lock_tree(session: Session, tree: str) -> dict[str, Category]:
    """All nodes of a tree by code, locked: two units that move nodes at once could otherwise make a circle."""
    rows = session.scalars(
        select(Category)
        .where(Category.tree == tree)
        .order_by(Category.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.code: row for row in rows}


def find(session: Session, tree: str, code: str) -> Category:
    """Raises Unknown if the tree has no such node."""
    found = session.scalars(select(Category).where(Category.tree == tree, Category.code == code)).first()
    if found is None:
        raise Unknown(
            f"the tree {tree!r} has no category {shorten(code, 60)!r}", field="category", value=code,
            fix="`hub categories list` shows what there is",
        )  # fmt: skip
    return found


def put_categories(session: Session, nodes: Sequence[NewCategory], now: datetime) -> dict[str, int]:
    """Add nodes and bring known ones up to date (label, labels, parent), parents in any order; returns how many were
    created, updated, unchanged. All of one tree, all or nothing.

    Raises:
        Invalid: a bad code or label, a code given twice, a parent that is nowhere, a circle, or too deep.
    """
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    if not nodes:
        return counts
    given: dict[str, NewCategory] = {}
    for node in nodes:
        code = plain_text(node.code, "code", CODE_MAX, needed=True)
        if node.tree != nodes[0].tree:
            raise Invalid("all nodes of one call are of one tree", field="tree", value=node.tree)
        if code in given:
            raise Invalid(f"the category {code} is given twice", field="code", value=code, fix="give it once")
        given[code] = node
    tree = plain_text(nodes[0].tree, "tree", 40, needed=True)
    there = lock_tree(session, tree)
    names = {row.id: code for code, row in there.items()}
    parents = {code: names.get(row.parent_id or 0, "") for code, row in there.items()}
    parents.update({code: node.parent for code, node in given.items()})
    order = _parents_first(parents, given)
    notes: list[Changed] = []
    for code in order:
        node = given[code]
        label = plain_text(node.label, "label", NAME_MAX, needed=True)
        parent = there[node.parent] if node.parent else None
        row = there.get(code)
        if row is None:
            row = Category(
                tree=tree, code=code, label=label, labels=dict(node.labels or {}), path="",
                parent_id=None if parent is None else parent.id, position=node.position,
            )  # fmt: skip
            session.add(row)
            session.flush()  # its id is part of its path
            row.path = path_of("" if parent is None else parent.path, row.id)
            there[code], names[row.id] = row, code
            counts["created"] += 1
            notes.append(_noted(row, "created", {"label": (None, label), "parent": (None, node.parent)}))
            continue
        before = {"label": row.label, "labels": dict(row.labels), "parent": names.get(row.parent_id or 0, "")}
        row.label = label
        row.labels = dict(row.labels if node.labels is None else node.labels)
        if before["parent"] != node.parent:
            _rehang(session, there, row, parent)
        after = {"label": row.label, "labels": row.labels, "parent": node.parent}
        changes = {name: (before[name], after[name]) for name in after if before[name] != after[name]}
        counts["updated" if changes else "unchanged"] += 1
        if changes:
            notes.append(_noted(row, "updated", changes))
    session.flush()  # paths are read by query from here on
    note(session, notes, now)
    return counts


def _noted(row: Category, action: str, changes: Mapping[str, Sequence[object]]) -> Changed:
    return Changed(subject="category", id=row.id, key=f"{row.tree}:{row.code}", action=action, changes=changes)  # type: ignore[arg-type]  # created or updated


def _parents_first(parents: Mapping[str, str], given: Mapping[str, NewCategory]) -> list[str]:
    """The given codes so that each comes after its parent."""
    order: list[str] = []
    done: set[str] = set()
    for start in given:
        line: list[str] = []
        here = start
        while here and here not in done:
            if here in line:
                circle = " > ".join([*line[line.index(here) :], here])
                raise Invalid(f"the categories go in a circle: {circle}", field="parent", value=here)
            if here not in parents:
                raise Invalid(
                    f"the parent {here!r} of {line[-1]!r} is nowhere", field="parent", value=here, fix="add it as well"
                )
            line.append(here)
            here = parents[here]
        for code in reversed(line):
            done.add(code)
            if code in given:
                order.append(code)
    for code in given:
        depth, here = 0, code
        while here:
            depth, here = depth + 1, parents[here]
        if depth > DEPTH_MAX:
            raise Invalid(
                f"{code} is {depth} levels deep, at most {DEPTH_MAX} are possible", field="parent", value=code
            )
    return order


def _rehang(session: Session, there: Mapping[str, Category], row: Category, parent: Category | None) -> None:
    """Move a node with everything under it."""
    old = row.path
    row.parent_id = None if parent is None else parent.id
    new = path_of("" if parent is None else parent.path, row.id)
    for other in there.values():
        if other.path.startswith(old):
            other.path = new + other.path[len(old) :]


def move(session: Session, tree: str, code: str, parent: str, now: datetime) -> Category:
    """Hang a node with its subtree under another parent ("" = make it a root).

    Raises:
        Unknown, Invalid: no such node or parent; a circle; too deep.
    """
    row = find(session, tree, code)
    if parent:
        find(session, tree, parent)
    there = lock_tree(session, tree)
    above = there[parent] if parent else None
    if above is not None and row.id in ids_of(above.path):
        raise Invalid(f"{parent} is inside {code}", field="parent", value=parent, fix="choose another parent")
    below = max(len(ids_of(r.path)) for r in there.values() if r.path.startswith(row.path)) - len(ids_of(row.path))
    depth = (0 if above is None else len(ids_of(above.path))) + 1 + below
    if depth > DEPTH_MAX:
        raise Invalid(
            f"that would be {depth} levels deep, at most {DEPTH_MAX} are possible", field="parent", value=parent
        )
    before = next((other.code for other in there.values() if other.id == row.parent_id), "")
    if before != parent:
        _rehang(session, there, row, above)
        session.flush()  # paths are read by query from here on
        note(session, [_noted(row, "updated", {"parent": (before, parent)})], now)
        _changed(session, products_under(session, row), now)
    return row


def remove(session: Session, tree: str, code: str, now: datetime, *, into: str = "") -> None:
    """Take a leaf away; products and mappings of it go to `into`, or it is refused while there are any.

    Raises:
        Unknown: no such node.
        NotAllowedNow: it has children, or is used and `into` is not given.
    """
    row = find(session, tree, code)
    there = lock_tree(session, tree)
    children = [other.code for other in there.values() if other.parent_id == row.id]
    if children:
        raise NotAllowedNow(
            f"{code} has {len(children)} categories under it, first {children[0]}", field="category", value=code,
            fix="move or remove them first",
        )  # fmt: skip
    products = list(session.scalars(select(ProductCategory.product_id).where(ProductCategory.category_id == row.id)))
    mapped = session.scalar(
        select(func.count())
        .select_from(CategoryMapping)
        .where(or_(CategoryMapping.category_id == row.id, CategoryMapping.own_id == row.id))
    )
    if (products or mapped) and not into:
        raise NotAllowedNow(
            f"{code} has {len(products)} products and {mapped} mappings", field="category", value=code,
            fix="say which category takes them over",
        )  # fmt: skip
    if into:
        target = find(session, tree, into)
        if target.id == row.id:
            raise Invalid("a category cannot take over from itself", field="into", value=into)
        _hand_over(session, row, target)
        _changed(session, products, now)
    note(session, [Changed(subject="category", id=row.id, key=f"{tree}:{code}", action="deleted",
                           changes={"label": (row.label, None), "into": (None, into)})], now)  # fmt: skip
    session.execute(delete(CategoryMapping).where(CategoryMapping.own_id == row.id))
    session.delete(row)
    session.flush()  # a node of that code may be added in the same unit


def _hand_over(session: Session, row: Category, target: Category) -> None:
    pc = ProductCategory
    both = select(pc.product_id).where(pc.category_id == target.id).scalar_subquery()
    mains = list(session.scalars(select(pc.product_id).where(pc.category_id == row.id, pc.main)))
    session.execute(delete(pc).where(pc.category_id == row.id, pc.product_id.in_(both)))
    session.execute(update(pc).where(pc.category_id == row.id).values(category_id=target.id))
    for part in chunks(mains):
        session.execute(update(pc).where(pc.category_id == target.id, pc.product_id.in_(part)).values(main=True))
    m = CategoryMapping
    session.execute(update(m).where(m.category_id == row.id).values(category_id=target.id))


def products_under(session: Session, row: Category) -> list[int]:
    """The products in a category or anywhere below it."""
    return list(
        session.scalars(
            select(ProductCategory.product_id)
            .join(Category, Category.id == ProductCategory.category_id)
            .where(Category.tree == row.tree, Category.path.startswith(row.path, autoescape=True))
            .distinct()
        )
    )


def map_to(session: Session, own: str, tree: str, code: str, now: datetime) -> None:
    """Our category `own` (and what is below it, unless mapped itself) stands for the channel's `code`; "" = no more.

    Raises:
        Unknown, Invalid: no such category; a tree cannot be mapped to itself.
    """
    if tree == OWN:
        raise Invalid("our own tree is mapped to those of channels", field="tree", value=tree)
    ours = find(session, OWN, own)
    before = session.scalars(
        select(Category.code)
        .join(CategoryMapping, CategoryMapping.category_id == Category.id)
        .where(CategoryMapping.own_id == ours.id, CategoryMapping.tree == tree)
    ).first()
    if code:
        theirs = find(session, tree, code)
        put(
            session,
            CategoryMapping,
            [{"own_id": ours.id, "tree": tree, "category_id": theirs.id}],
            key=("own_id", "tree"),
        )
    else:
        session.execute(delete(CategoryMapping).where(CategoryMapping.own_id == ours.id, CategoryMapping.tree == tree))
    if (before or "") != code:
        note(session, [_noted(ours, "updated", {f"mapping.{tree}": (before, code or None)})], now)
        _changed(session, products_under(session, ours), now)


def put_products_into(
    session: Session, product_ids: Iterable[int], codes: Sequence[str], main: str, now: datetime
) -> int:
    """These products are in exactly these categories of ours, `main` (one of them, or "") first. Returns how many
    products changed.

    Raises:
        Unknown, Invalid: no such product or category; `main` is none of them.
    """
    if main and main not in codes:
        raise Invalid(f"{main} is none of the categories given", field="main", value=main, fix="add it to them")
    ids = {code: find(session, OWN, code).id for code in dict.fromkeys(codes)}
    names = {number: code for code, number in ids.items()}
    wanted = {number: code == main for code, number in ids.items()}
    changed: list[Changed] = []
    for part in chunks(sorted(set(product_ids))):
        products = dict(
            session.execute(
                select(Product.id, Product.handle)
                .where(Product.id.in_(part))
                .order_by(Product.id)
                .with_for_update(key_share=True)
            )
            .tuples()
            .all()
        )
        missing = [pid for pid in part if pid not in products]
        if missing:
            raise Unknown(f"there is no product {missing[0]}", field="product", value=missing[0])
        there: dict[int, dict[int, bool]] = {pid: {} for pid in part}
        for row in session.execute(
            select(ProductCategory.product_id, ProductCategory.category_id, ProductCategory.main, Category.code)
            .join(Category, Category.id == ProductCategory.category_id)
            .where(ProductCategory.product_id.in_(part))
        ):
            there[row.product_id][row.category_id] = row.main
            names[row.category_id] = row.code
        other = [pid for pid in part if there[pid] != wanted]
        if not other:
            continue
        session.execute(delete(ProductCategory).where(ProductCategory.product_id.in_(other)))
        rows = [{"product_id": p, "category_id": c, "main": m} for p in other for c, m in sorted(wanted.items())]
        if rows:
            session.execute(insert(ProductCategory), rows)
        changed += [
            Changed(
                subject="product", id=pid, key=products[pid], action="updated",
                changes={"categories": (_written(there[pid], names), _written(wanted, names))},
            )
            for pid in other
        ]  # fmt: skip
    note(session, changed, now)
    _changed(session, [c.id for c in changed], now)
    return len(changed)


def _changed(session: Session, product_ids: Sequence[int], now: datetime) -> None:
    """What is derived from these products lags behind, and listings of them may belong elsewhere."""
    projections.touch(session, product_ids, now)
    catalog.want_republished(session, product_ids, now)


def _written(placed: Mapping[int, bool], names: Mapping[int, str]) -> list[str]:
    """Category codes, the main one first."""
    return [names[number] for number, _ in sorted(placed.items(), key=lambda item: (not item[1], names[item[0]]))]
