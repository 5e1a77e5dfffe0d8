"""Pages while others write, refusals, freshness, suggestions, and what a database without pg_trgm still does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete, select, text, update

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import HubError, Invalid, Unknown
from hub.kernel.money import Money
from hub.pim import projections
from hub.pim.catalog import PutProducts, PutVariants, put_products, put_variants
from hub.pim.facts import ProductFacts, VariantFacts
from hub.pim.models import Product
from hub.pim.search import query as q
from hub.pim.search import rebuild
from hub.pim.search.conditions import select_ids
from hub.pim.search.facets import facets, suggest
from hub.pim.search.find import page
from hub.pim.search.models import SearchDocument
from tests.pim.search import search_shop as shop
from tests.support.builders import NOW

LATER = NOW + timedelta(hours=1)


def handles(sessions: Sessions, query: q.Query, **more: object) -> list[str]:
    with reading(sessions) as session:
        return [row.handle for row in page(session, query, **more).rows]  # type: ignore[arg-type]


def put(sessions: Sessions, *given: tuple[str, str, str]) -> None:
    """(handle, title, SKU), projected."""
    with unit(sessions) as session:
        put_products(session, PutProducts(products=[ProductFacts(handle=h, title=t) for h, t, _ in given]), LATER)
        made = [VariantFacts(sku=s, handle=h, price=Money.parse("12.50", "EUR")) for h, _, s in given]
        put_variants(session, PutVariants(variants=made), LATER)
        projections.project(session, LATER)


@pytest.mark.parametrize("query", [q.Query(sort="title"), q.Query(text="wine"), q.Query(sort="title", descending=True)])
def test_a_page_by_cursor_neither_repeats_nor_leaves_out_what_stayed(sessions: Sessions, query: q.Query) -> None:
    put(sessions, *((f"p{n:02}", f"Wine {n:02}", f"S-{n:02}") for n in range(0, 40, 2)))
    seen: list[str] = []
    cursor: str | None = ""
    turn = 0
    while cursor is not None:
        with reading(sessions) as session:
            here = page(session, query, after=cursor, limit=3)
        seen += [row.handle for row in here.rows]
        cursor = here.next
        turn += 1
        put(sessions, (f"n{turn:02}", f"Wine {turn * 4 + 1:02}", f"N-{turn:02}"))  # new ones, before and behind
        with unit(sessions) as session:  # and one that was shown already goes
            gone = select(Product.id).where(Product.handle == seen[0])
            session.execute(delete(SearchDocument).where(SearchDocument.product_id.in_(gone)))
    assert len(seen) == len(set(seen))
    assert {f"p{n:02}" for n in range(0, 40, 2)} <= set(seen)
    order = [row for row in seen if row.startswith("p")]
    assert order == sorted(order, reverse=query.descending)


def test_the_sku_itself_comes_first_then_titles_that_begin_so_then_words_then_parts(sessions: Sessions) -> None:
    put(
        sessions,
        ("part", "Cabernet", "XX-RED1-9"), ("words", "Box of red 1 litre", "B-1"), ("title", "Red 1 from Spain", "A-2"),
        ("whole", "Zinfandel", "RED-1"), ("other", "White", "W-1"),
    )  # fmt: skip
    assert handles(sessions, q.Query(text="red-1")) == ["whole", "title", "words", "part"]


def test_a_change_is_found_once_it_is_projected_and_the_old_words_are_not(sessions: Sessions) -> None:
    put(sessions, ("a", "Old name", "A-1"))
    put(sessions, ("a", "New name", "A-1"))
    assert handles(sessions, q.Query(text="old")) == []
    assert handles(sessions, q.Query(text="new")) == ["a"]


def test_a_deleted_product_is_not_found(sessions: Sessions, engine: Engine) -> None:
    put(sessions, ("a", "Wine", "A-1"), ("b", "Wine", "B-1"))
    with unit(sessions) as session:
        session.execute(text("DELETE FROM variants WHERE sku = 'A-1'"))
        session.execute(text("DELETE FROM products WHERE handle = 'a'"))
    assert handles(sessions, q.Query(text="wine")) == ["b"]
    if engine.dialect.name == "sqlite":
        with unit(sessions) as session:
            session.execute(text("INSERT INTO search_words(search_words, rank) VALUES ('integrity-check', 1)"))
            session.execute(text("INSERT INTO search_parts(search_parts, rank) VALUES ('integrity-check', 1)"))


def test_rebuilding_makes_everything_anew_in_batches(sessions: Sessions) -> None:
    put(sessions, *((f"p{n}", f"Wine {n}", f"S-{n}") for n in range(7)))
    with unit(sessions) as session:
        session.execute(delete(SearchDocument).where(SearchDocument.sku == "S-3"))
        session.execute(update(SearchDocument).values(tokens="nothing"))
    with reading(sessions) as session:
        assert (rebuild.total(session), rebuild.missing(session)) == (7, 1)
    assert handles(sessions, q.Query(text="win")) == [f"p{n}" for n in (0, 1, 2, 4, 5, 6)]  # by parts of titles
    last, steps = 0, []
    while True:
        with unit(sessions) as session:
            last, done = rebuild.step(session, LATER, after=last, batch=3)
            if not done:
                rebuild.finish(session)
                break
        steps.append(done)
    assert steps == [3, 3, 1]
    assert handles(sessions, q.Query(text="wine 3")) == ["p3"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (q.Query(filter=q.AttributeIs(code="nothing")), "attribute"),
        (q.Query(filter=q.AttributeIs(code="title")), "attribute"),
        (q.Query(filter=q.AttributeIs(code="colour", values=("blue",))), "colour"),
        (q.Query(filter=q.AttributeBetween(code="colour", low="1")), "colour"),
        (q.Query(filter=q.AttributeBetween(code="alcohol", low="much")), "alcohol"),
        (q.Query(filter=q.Is(field="family", values=("beer",))), "family"),
        (q.Query(filter=q.Is(field="state", values=("new",))), "state"),
        (q.Query(filter=q.Is(field="brand", values=("a\x00b",))), "filter"),
        (q.Query(filter=q.Listed(account="nowhere")), "account"),
        (q.Query(text="x" * 1001), "text"),
        (q.Query(text="x", sort="relevance", descending=True), "descending"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_field(sessions: Sessions, query: q.Query, field: str) -> None:
    shop.prepare(sessions)
    with reading(sessions) as session, pytest.raises(HubError) as refusal:
        page(session, query)
    assert refusal.value.field == field


def test_a_filter_too_deep_is_refused(sessions: Sessions) -> None:
    deep: q.Filter = q.Has(what="gtin")
    for _ in range(20):
        deep = q.Not(part=deep)
    with reading(sessions) as session, pytest.raises(Invalid, match="levels deep"):
        page(session, q.Query(filter=deep))


@pytest.mark.parametrize("cursor", ["x", "", "WyJhIl0", "é", "a" * 5000])
def test_a_foreign_cursor_is_refused(sessions: Sessions, cursor: str) -> None:
    put(sessions, ("a", "Wine", "A-1"), ("b", "Wine", "B-1"))
    with reading(sessions) as session:
        other = page(session, q.Query(sort="sku"), limit=1).next
        with pytest.raises(Invalid, match="no cursor of this query"):
            page(session, q.Query(sort="title"), after=cursor or other or "")


def test_facets_of_very_many_products_say_that_they_are_capped(sessions: Sessions) -> None:
    put(sessions, *((f"p{n}", f"Wine {n}", f"S-{n}") for n in range(5)))
    with reading(sessions) as session:
        [some] = facets(session, q.Query(text="wine"), ["state"], exact_up_to=3)
        [every] = facets(session, q.Query(), ["state"], exact_up_to=3)
        with pytest.raises(Unknown):
            facets(session, q.Query(), ["nothing"])
    assert (some.capped, [(v.value, v.count) for v in some.values]) == (True, [("draft", 4)])  # at least
    assert (every.capped, [(v.value, v.count) for v in every.values]) == (False, [("draft", 5)])


def test_a_beginning_suggests_brands_tags_and_products(sessions: Sessions) -> None:
    with unit(sessions) as session:
        given = ProductFacts(handle="a", title="Red wine", brand="Château d'Or", tags=("chatty", "new"))
        put_products(session, PutProducts(products=[given]), LATER)
        projections.project(session, LATER)
    with reading(sessions) as session:
        found = [(s.kind, s.value) for s in suggest(session, "chat")]
        assert suggest(session, "  ") == []
    assert found == [("brand", "Château d'Or"), ("tag", "chatty"), ("product", "a")]


def test_parts_of_words_are_found_without_their_index(sessions: Sessions, engine: Engine) -> None:
    """PostgreSQL where pg_trgm may not be created."""
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has its own")
    put(sessions, ("a", "Wine", "ABC-DEF"))
    with sessions() as session:
        assert rebuild.parts_are_indexed(session)
        session.execute(text("DROP INDEX ix_search_documents_parts"))
        assert not rebuild.parts_are_indexed(session)
        found = list(session.scalars(select_ids(session, q.Query(text="cde"))))
        session.rollback()
    assert len(found) == 1
