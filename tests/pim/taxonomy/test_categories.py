"""Category trees: built, moved, mapped, and the products in them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import HubError, Invalid, NotAllowedNow, Unknown
from hub.pim import listings
from hub.pim.history.models import AuditRow
from hub.pim.models import DirtyProduct
from hub.pim.taxonomy import categories, reads
from hub.pim.taxonomy.categories import NewCategory
from hub.pim.taxonomy.models import Category, ProductCategory
from hub.pim.taxonomy.rules import ids_of
from tests.support.builders import a_product

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def own(code: str, parent: str = "", **more: object) -> NewCategory:
    return NewCategory(tree="own", code=code, label=code.capitalize(), parent=parent, **more)  # type: ignore[arg-type]


@pytest.fixture
def wine(sessions: Sessions) -> Sessions:
    """drinks > wine > red, white; drinks > beer; and a tree of a channel."""
    with unit(sessions) as session:
        nodes = [own("red", "wine"), own("wine", "drinks"), own("drinks"), own("white", "wine"), own("beer", "drinks")]
        assert categories.put_categories(session, nodes, NOW) == {"created": 5, "updated": 0, "unchanged": 0}
        there = [
            NewCategory(tree="ebay", code="1", label="Food"), NewCategory(tree="ebay", code="2", label="Wine", parent="1")
        ]  # fmt: skip
        categories.put_categories(session, there, NOW)
    return sessions


def trails(sessions: Sessions) -> dict[str, tuple[str, ...]]:
    with reading(sessions) as session:
        return {node.code: node.trail for node in reads.tree(session, "own")}


def test_parents_may_come_after_their_children_and_a_second_time_changes_nothing(wine: Sessions) -> None:
    assert trails(wine)["red"] == ("Drinks", "Wine", "Red")
    with unit(wine) as session:
        assert categories.put_categories(session, [own("red", "wine"), own("drinks")], NOW)["unchanged"] == 2
        assert categories.put_categories(session, [own("red", "beer")], NOW)["updated"] == 1
    assert trails(wine)["red"] == ("Drinks", "Beer", "Red")


def test_moving_a_node_takes_what_is_under_it_along(wine: Sessions) -> None:
    with unit(wine) as session:
        categories.move(session, "own", "wine", "beer", NOW)
    assert trails(wine)["white"] == ("Drinks", "Beer", "Wine", "White")
    with reading(wine) as session:
        last = session.scalars(select(AuditRow).order_by(AuditRow.seq.desc()).limit(1)).one()
        assert (last.subject, last.subject_key, last.changes) == (
            "category", "own:wine", {"parent": ["drinks", "beer"]},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("node", "parent", "says"),
    [
        ("drinks", "red", "red is inside drinks"),
        ("wine", "wine", "wine is inside wine"),
        ("wine", "tea", "no category 'tea'"),
    ],
)
def test_a_move_into_itself_or_nowhere_is_refused(wine: Sessions, node: str, parent: str, says: str) -> None:
    before = trails(wine)
    with pytest.raises(HubError, match=says), unit(wine) as session:
        categories.move(session, "own", node, parent, NOW)
    assert trails(wine) == before


def test_circles_and_orphans_in_one_file_are_named(wine: Sessions) -> None:
    for nodes, says in (
        ([own("a", "b"), own("b", "a")], "a > b > a"),
        ([own("a", "nowhere")], "'nowhere' of 'a' is nowhere"),
        ([own("drinks", "red")], "circle"),
        ([own("a"), own("a")], "given twice"),
    ):
        with pytest.raises(Invalid, match=says), unit(wine) as session:
            categories.put_categories(session, nodes, NOW)
    assert len(trails(wine)) == 5


def test_a_product_is_listed_where_its_main_category_or_the_nearest_one_above_is_mapped(wine: Sessions) -> None:
    with unit(wine) as session:
        riesling = a_product(session, handle="riesling").id
        categories.map_to(session, "drinks", "ebay", "1", NOW)
        assert categories.put_products_into(session, [riesling], ["white", "beer"], "white", NOW) == 1
        assert reads.channel_category(session, riesling, "ebay") == "1"
        categories.map_to(session, "wine", "ebay", "2", NOW)
        assert reads.channel_category(session, riesling, "ebay") == "2"
        assert reads.channel_category(session, riesling, "amazon") == ""
        nodes = {node.code: node for node in reads.tree(session, "own")}
        assert (nodes["white"].mapped, nodes["wine"].mapped) == ({"ebay": ("2", True)}, {"ebay": ("2", False)})
        assert (nodes["white"].products, nodes["wine"].products) == (1, 0)
        categories.map_to(session, "wine", "ebay", "", NOW)
        assert reads.channel_category(session, riesling, "ebay") == "1"
    with reading(wine) as session:
        assert session.scalars(select(DirtyProduct.product_id)).all() == [riesling]


def test_a_used_category_goes_only_when_another_takes_over(wine: Sessions) -> None:
    with unit(wine) as session:
        both, one = a_product(session, handle="both").id, a_product(session, handle="one").id
        categories.put_products_into(session, [both], ["red", "white"], "red", NOW)
        categories.put_products_into(session, [one], ["red"], "", NOW)
    for code, says in (("wine", "2 categories under it"), ("red", "2 products")):
        with pytest.raises(NotAllowedNow, match=says), unit(wine) as session:
            categories.remove(session, "own", code, NOW)
    with unit(wine) as session:
        categories.remove(session, "own", "red", NOW, into="white")
    with reading(wine) as session:
        rows = session.execute(
            select(ProductCategory.product_id, Category.code, ProductCategory.main)
            .join(Category, Category.id == ProductCategory.category_id)
            .order_by(ProductCategory.product_id)
        ).tuples()
        assert rows.all() == [(both, "white", True), (one, "white", False)]


def test_products_go_into_their_categories_once_and_unknown_ones_nowhere(wine: Sessions) -> None:
    with unit(wine) as session:
        pid = a_product(session, handle="riesling").id
        assert categories.put_products_into(session, [pid], ["red"], "red", NOW) == 1
        assert categories.put_products_into(session, [pid], ["red"], "red", NOW) == 0
    with pytest.raises(Unknown, match="no product 99"), unit(wine) as session:
        categories.put_products_into(session, [pid, 99], ["white"], "", NOW)
    with pytest.raises(Invalid, match="white is none of"), unit(wine) as session:
        categories.put_products_into(session, [pid], ["red"], "white", NOW)
    with reading(wine) as session:
        assert session.scalar(select(ProductCategory.main)) is True


def test_a_draft_bears_the_category_of_the_channel(wine: Sessions) -> None:
    from hub.pim.models import Variant
    from tests.support.builders import a_variant, an_account

    with unit(wine) as session:
        account = an_account(session, channel="ebay")
        variant: Variant = a_variant(session, sku="W-1", stock=3)
        categories.map_to(session, "wine", "ebay", "2", NOW)
        categories.put_products_into(session, [variant.product_id], ["red"], "red", NOW)
        listings.want_published(session, account, [variant.product_id], NOW)
        drafted = listings.draft_of(session, account, variant.product_id, 1)
        assert drafted is not None
        assert drafted.draft.category == "2"


@settings(max_examples=15, deadline=None)
@given(moves=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_paths_are_the_ancestors_whatever_is_moved(moves: list[tuple[int, int]]) -> None:
    """On a fresh SQLite each time: the rule is the same on both, the tests above run on both."""
    from sqlalchemy import create_engine

    from hub.db.base import Base
    from hub.db.session import make_sessions

    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    made = make_sessions(engine)
    with unit(made) as session:
        codes = [f"c{n}" for n in range(10)]
        categories.put_categories(session, [own(code, codes[n // 2] if n else "") for n, code in enumerate(codes)], NOW)
        for node, parent in moves:
            try:
                categories.move(session, "own", codes[node], codes[parent], NOW)
            except Invalid:
                continue
        rows = {row.id: row for row in session.scalars(select(Category))}
        for row in rows.values():
            line, here = [row.id], row
            while here.parent_id is not None:
                here = rows[here.parent_id]
                line.append(here.id)
            assert ids_of(row.path) == line[::-1]
    engine.dispose()
