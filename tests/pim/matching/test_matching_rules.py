"""What speaks for a match: each kind of evidence, its bounds, and that more evidence never makes it less likely."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.pim.matching.candidates import likeness
from hub.pim.matching.index import sku_key, title_words
from hub.pim.matching.rules import Side, gtin_forms, gtin_key, weigh

THERE = Side(
    sku="CUP-1", sku_key="cup1", gtin="04006381333931", choice=frozenset({"s"}), price_minor=1000, currency="EUR"
)
NOTHING = Side(sku="", sku_key="")


def kinds(item: Side, ours: Side, likeness: float = 0.0) -> dict[str, int]:
    return {each.kind: each.points for each in weigh(item, ours, likeness).evidence}


def test_everything_equal_is_certain() -> None:
    assert weigh(THERE, THERE, 1.0).score == 100
    assert kinds(THERE, THERE, 1.0) == {"sku": 55, "gtin": 45, "title": 25, "options": 10, "price": 5}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sku": "cup 1"}, "sku_alike"),
        ({"gtin": "04006381333948"}, "gtin_differs"),
        ({"choice": frozenset({"m"})}, "options_differ"),
        ({"price_minor": 3001}, "price_far"),
    ],
)
def test_each_difference_is_told_for_itself(change: dict[str, object], expected: str) -> None:
    found = kinds(THERE, replace(THERE, **change))  # type: ignore[arg-type]  # one field each
    assert expected in found
    assert len(found) == 4


def test_what_is_not_known_says_nothing() -> None:
    assert weigh(NOTHING, THERE, 0.0).score == 0
    assert kinds(NOTHING, THERE) == {}
    assert kinds(NOTHING, NOTHING) == {}


def test_a_price_in_another_currency_says_nothing() -> None:
    assert "price" not in kinds(THERE, replace(THERE, currency="USD"))


@pytest.mark.parametrize(("likeness", "points"), [(0.59, None), (0.6, 0), (0.84, 15), (1.0, 25)])
def test_titles_count_from_where_they_say_something(likeness: float, points: int | None) -> None:
    assert kinds(NOTHING, NOTHING, likeness).get("title") == points


_sides = st.builds(
    Side,
    sku=st.sampled_from(["", "A-1", "a1"]),
    sku_key=st.sampled_from(["", "a1"]),
    gtin=st.sampled_from([None, "04006381333931", "04006381333948"]),
    choice=st.sampled_from([frozenset(), frozenset({"s"}), frozenset({"m"})]),
    price_minor=st.sampled_from([None, 0, 100, 105, 1000]),
    currency=st.sampled_from([None, "EUR", "USD"]),
)


@settings(deadline=None, max_examples=300)
@given(_sides, _sides, st.floats(0, 1), st.floats(0, 1))
def test_a_score_is_bounded_and_rises_with_likeness(item: Side, ours: Side, one: float, other: float) -> None:
    low, high = sorted((weigh(item, ours, min(one, other)).score, weigh(item, ours, max(one, other)).score))
    assert 0 <= low <= high <= 100
    assert weigh(item, ours, max(one, other)).score == high
    assert weigh(item, ours, one) == weigh(item, ours, one)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("4006381333931", "04006381333931"),
        ("036000291452", "00036000291452"),
        ("96385074", "00000096385074"),
        ("4006381333932", None),
        ("Does not apply", None),
        ("", None),
        (None, None),
        ("\u0664006381333931", None),
    ],
)
def test_a_gtin_in_any_length_has_one_key(text: str | None, key: str | None) -> None:
    assert gtin_key(text) == key


def test_a_key_can_have_been_written_in_every_length_that_holds_it() -> None:
    assert gtin_forms("00036000291452") == ("036000291452", "0036000291452", "00036000291452")
    assert gtin_forms("00000096385074") == ("96385074", "000096385074", "0000096385074", "00000096385074")


@pytest.mark.parametrize("text", ["CUP-1", "cup 1", "Cup_1", "  CUP.1 ", "ＣＵＰ１"])
def test_a_sku_key_forgets_case_spaces_and_signs(text: str) -> None:
    assert sku_key(text) == "cup1"


def test_words_of_titles_in_any_script() -> None:
    assert title_words("The blue cup, the BLUE one 2l") == ["the", "blue", "cup", "one"]
    assert set(title_words("เหล้าองุ่น")) & set(title_words("ไวน์ เหล้าองุ่น ขาว"))


def test_a_part_of_a_title_is_not_the_whole() -> None:
    assert likeness("knife", ("knife block with six knives",)) < 0.75
    assert likeness("blue cup small", ("small blue cup",)) == 1.0
    assert likeness("", ("anything",)) == 0.0
