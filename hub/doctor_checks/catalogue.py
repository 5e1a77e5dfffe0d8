"""Is the catalogue sound: trees, mappings, and what is on sale although it must not be."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from hub.db.session import reading
from hub.doctor_checks.bindings import BINDINGS
from hub.doctor_checks.definitions import DEFINITIONS
from hub.doctor_checks.finding import SHOW, Check, Patient
from hub.pim.models import Listing, Product
from hub.pim.taxonomy.models import Category, CategoryMapping
from hub.pim.taxonomy.rules import OWN, path_of


def trees(patient: Patient) -> Check:
    """Every category's path is its parent's and itself, so there is no circle; mappings lead from our tree to another."""
    broken: list[str] = []
    with reading(patient.sessions) as session:
        parent = aliased(Category)
        rows = session.execute(
            select(Category.id, Category.tree, Category.code, Category.path, parent.path, parent.tree)
            .outerjoin(parent, parent.id == Category.parent_id)
            .order_by(Category.id)
            .execution_options(yield_per=1000)
        ).tuples()
        checked = 0
        for number, tree, code, path, above, tree_above in rows:
            checked += 1
            if path != path_of(above or "", number) or (tree_above or tree) != tree:
                broken.append(f"{tree}:{code} has the path {path}, its parent {above or 'none'}")
        ours, theirs = aliased(Category), aliased(Category)
        for row in session.execute(
            select(ours.code, ours.tree, theirs.code, theirs.tree, CategoryMapping.tree)
            .select_from(CategoryMapping)
            .join(ours, ours.id == CategoryMapping.own_id)
            .join(theirs, theirs.id == CategoryMapping.category_id)
            .where((ours.tree != OWN) | (theirs.tree != CategoryMapping.tree))
            .limit(SHOW)
        ).tuples():
            broken.append(f"{row[1]}:{row[0]} is mapped to {row[3]}:{row[2]} under {row[4]}")
    return Check(
        id="trees", title="category trees and their mappings are sound", checked=checked, broken=tuple(broken[:SHOW]),
        fix="hub categories move puts a category where it belongs; hub categories map maps it anew", level="failure",
    )  # fmt: skip


def on_sale(patient: Patient) -> Check:
    """Only finished goods that are not archived are on sale."""
    with reading(patient.sessions) as session:
        rows = session.execute(
            select(Product.handle, Product.stock_class, Product.state, Listing.channel_sku)
            .join(Listing, Listing.product_id == Product.id)
            .where(
                Listing.state.in_(("accepted", "live")),
                (Product.stock_class != "finished") | (Product.state == "archived"),
            )
            .order_by(Listing.id)
            .limit(SHOW)
        ).all()
        checked = session.scalar(
            select(func.count()).select_from(Listing).where(Listing.state.in_(("accepted", "live")))
        )
    return Check(
        id="on_sale", title="what is on sale is finished goods and not archived", checked=int(checked or 0),
        broken=tuple(f"{r.handle} ({r.stock_class}, {r.state}) is listed as {r.channel_sku}" for r in rows),
        fix="hub listings end ACCOUNT SKU, or hub products class finished HANDLE", level="warning",
    )  # fmt: skip


CATALOGUE: dict[str, Callable[[Patient], Check]] = {"trees": trees, "on_sale": on_sale, **DEFINITIONS, **BINDINGS}
