"""Filters as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.kernel.errors import Invalid
from hub.pim.search import query as q
from hub.pim.search.phrases import filter_of, phrase


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("brand=Acme | Bloom", q.Is(field="brand", values=("Acme", "Bloom"))),
        ("family=", q.Is(field="family", values=("",))),
        ("State!=archived", q.Not(part=q.Is(field="state", values=("archived",)))),
        ("price>=12.5", q.Price(low=1250)),
        ("price<=1200 jpy", q.Price(high=1200, currency="JPY")),
        ("price=3 EUR", q.Price(low=300, high=300, currency="EUR")),
        ("available<=0", q.Available(high=0)),
        ("gtin=no", q.Not(part=q.Has(what="gtin"))),
        ("picture!=no", q.Not(part=q.Not(part=q.Has(what="picture")))),
        ("listed=*", q.Listed()),
        ("listed=shop:live|draft", q.Listed(account="shop", states=("live", "draft"))),
        ("complete<=79 amazon/de", q.Incomplete(channel="amazon", locale="de", below=80)),
        ("complete>=80 amazon", q.Not(part=q.Incomplete(channel="amazon", below=80))),
        ("updated>=2026-11-01", q.Updated(since=datetime(2026, 11, 1, tzinfo=UTC))),
        ("updated<=2026-11-01", q.Updated(until=datetime(2026, 11, 2, tzinfo=UTC))),
        ("colour=*", q.AttributeIs(code="colour")),
        ("alcohol>=11 %", q.AttributeBetween(code="alcohol", low="11 %")),
        ("note=a=b", q.AttributeIs(code="note", values=("a=b",))),
    ],
)
def test_a_phrase_means(text: str, meant: q.Filter) -> None:
    assert phrase(text) == meant


def test_several_phrases_are_all_or_any_of_them() -> None:
    brand, tag = q.Is(field="brand", values=("A",)), q.Is(field="tag", values=("t",))
    assert filter_of([]) == q.EVERYTHING
    assert filter_of(["brand=A"], any_of=True) == brand
    assert filter_of(["brand=A", "tag=t"]) == q.All(parts=(brand, tag))
    assert filter_of(["brand=A", "tag=t"], any_of=True) == q.AnyOf(parts=(brand, tag))


@pytest.mark.parametrize(
    "text",
    ["", "brand", "=x", "brand>=A", "price>=much", "price=-1", "available=1.5", "available=1e99", "gtin=maybe",
     "updated=2026-02-30", "updated>=now", "complete<=79", "complete=79 amazon", "complete<=1000 amazon"],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_a_way_to_write_it(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        phrase(text)
    assert refusal.value.field == "filter"
    assert refusal.value.fix


def refused(text: str) -> Invalid | None:
    try:
        q.checked(q.Query(filter=phrase(text)))
    except Invalid as refusal:
        return refusal
    return None


@given(
    st.one_of(
        st.text(max_size=40),
        st.tuples(
            st.sampled_from(["price>=", "available=", "updated<=", "complete<=", "listed=", "alcohol>=", "state="]),
            st.text(max_size=20),
        ).map("".join),
    )
)
def test_any_text_is_a_filter_or_refused_with_its_field(text: str) -> None:
    refusal = refused(text)
    assert refusal is None or refusal.field
