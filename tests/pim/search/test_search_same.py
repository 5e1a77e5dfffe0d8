"""Both databases find what reading every product finds: the same products, in the same order, on pages of any size."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hub.db.session import Sessions
from hub.pim.search import conditions
from hub.pim.search import facets as f
from hub.pim.search import query as q
from hub.pim.search.conditions import select_ids
from hub.pim.search.encoding import from_json, to_json
from hub.pim.search.find import Count, count, page
from tests.pim.search import search_shop as shop

SAME = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def prepared(sessions: Sessions) -> Sessions:
    shop.prepare(sessions)
    return sessions


@SAME
@given(things=shop.things(), asked=st.lists(shop.queries(), min_size=1, max_size=6), size=st.integers(1, 4))
def test_both_databases_find_what_reading_every_product_finds(
    prepared: Sessions, things: list[shop.Thing], asked: list[q.Query], size: int
) -> None:
    with prepared() as session:
        stored = shop.put(session, things)
        for query in asked:
            expected = shop.found(stored, query)
            assert sorted(session.scalars(select_ids(session, query))) == sorted(expected)
            assert count(session, query) == Count(number=len(expected), capped=False)
            seen: list[int] = []
            cursor: str | None = ""
            while cursor is not None:
                here = page(session, query, after=cursor, limit=size)
                seen += [row.id for row in here.rows]
                cursor = here.next
            assert seen == expected
        session.rollback()


EVERY_TITLE = [
    shop.Thing(title=title, brand=brand, tags=tags, items=(shop.Item(sku=sku, gtin=gtin),))
    for title, brand, tags, sku, gtin in zip(
        shop.TITLES,
        shop.BRANDS * 4,
        [(), *((tag,) for tag in shop.TAGS)] * 4,
        ["WINE-1", "wine 10", "W1NE", "ไวน์-1", "A/B", "0001", "Å-1", *(f"S-{n}" for n in range(9))],
        [None, "4006381333931"] * 8,
        strict=False,
    )
]


@pytest.mark.parametrize("broad", [0, conditions.BROAD])
def test_every_text_finds_what_reading_every_product_finds(
    prepared: Sessions, monkeypatch: pytest.MonkeyPatch, broad: int
) -> None:
    """Thai, Chinese, Greek, Armenian, Persian, pictographs; and what the databases would read as operators. Words that
    very many products have are asked for in another way, and find the same."""
    monkeypatch.setattr(conditions, "BROAD", broad)
    with prepared() as session:
        stored = shop.put(session, EVERY_TITLE)
        for text in (*shop.ASKED, *shop.TITLES, "a", "b", "1"):
            query = q.Query(text=text)
            assert [row.id for row in page(session, query, limit=50).rows] == shop.found(stored, query), text
        session.rollback()


def test_not_of_a_family_finds_what_has_none(prepared: Sessions) -> None:
    """By chance hypothesis rarely asks this."""
    with prepared() as session:
        stored = shop.put(session, [shop.Thing(title="Red wine"), shop.Thing(title="Port", family="wine")])
        query = q.Query(filter=q.Not(part=q.Is(field="family", values=("wine",))))
        (only,) = page(session, query, limit=50).rows
        assert stored[only.id].title == "Red wine"


@SAME
@given(things=shop.things(), query=shop.queries())
def test_facets_count_what_is_found(prepared: Sessions, things: list[shop.Thing], query: q.Query) -> None:
    with prepared() as session:
        stored = shop.put(session, things)
        here = [stored[number] for number in shop.found(stored, query)]
        names = ("brand", "state", "family", "tag", "gtin", "account", "colour", "alcohol")
        got = {facet.name: {v.value: v.count for v in facet.values} for facet in f.facets(session, query, names)}
        listed = [t for t in here if any(i.listed in ("live", "draft") for i in t.items)]
        assert got == {
            "brand": dict(Counter(t.brand for t in here)),
            "state": dict(Counter(t.state for t in here)),
            "family": dict(Counter(t.family for t in here)),
            "tag": dict(Counter(tag for t in here for tag in t.tags)),
            "gtin": dict(Counter("yes" if any(i.gtin for i in t.items) else "no" for t in here)),
            "account": {"shop": len(listed)} if listed else {},
            "colour": dict(Counter(c for t in here for c in {i.colour for i in t.items if i.colour})),
            "alcohol": dict(Counter(t.alcohol for t in here if t.alcohol)),
        }
        session.rollback()


@given(query=shop.queries())
def test_a_query_survives_being_written_as_json(query: q.Query) -> None:
    assume("\x00" not in query.text)  # which no database stores: refused when it is read
    assert from_json(to_json(query)) == query
