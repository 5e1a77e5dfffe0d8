"""What completeness is: requirements, languages, variants, rounding. No database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.pim.attributes.fallback import scopes
from hub.pim.quality.rules import (
    BASICS,
    Gap,
    Levels,
    Need,
    OneProduct,
    OneVariant,
    Score,
    applying,
    completeness,
    own_language,
)

OWN = frozenset({"brand", "gtin", "price", "sku"})
LEVELS = Levels(
    varying=frozenset({"gtin", "price", "size"}), localisable=frozenset({"title", "material", "size"}), own=OWN
)


def product(
    values: dict[str, dict[str, Any]] | None = None, *variants: OneVariant, filled: tuple[str, ...] = ()
) -> OneProduct:
    return OneProduct(filled=frozenset(filled), values=values or {}, variants=variants)


def variant(sku: str, *filled: str, **values: dict[str, Any]) -> OneVariant:
    return OneVariant(sku=sku, filled=frozenset(filled), values=values)


def score(
    required: list[str], given_: OneProduct, *, locale: str = "", channel: str = "", base: str = "", **fallbacks: str
) -> Score:
    order = scopes(locale, channel, fallbacks)
    return completeness(required, given_, LEVELS, order, own_language(order, locale, base))


def test_requirements_of_every_channel_and_language_count_everywhere_and_special_ones_only_there() -> None:
    needs = [
        Need(field="title"), Need(field="gtin", channel="amazon"), Need(field="material", locale="de"),
        Need(field="brand", channel="ebay", locale="de"),
    ]  # fmt: skip
    assert applying(needs, "*", "") == ["title"]
    assert applying(needs, "*", "de") == ["material", "title"]
    assert applying(needs, "amazon", "") == ["gtin", "title"]
    assert applying(needs, "ebay", "de") == ["brand", "material", "title"]
    assert applying([Need(field="gtin", channel="amazon")], "ebay", "") == list(BASICS)
    assert applying([], "*", "") == ["title", "variants", "price"]


def test_the_basics_are_a_title_a_variant_and_its_price() -> None:
    empty = score(list(BASICS), product())
    assert (empty.filled, empty.percent, [gap.field for gap in empty.missing]) == (0, 0, ["title", "variants", "price"])
    some = score(list(BASICS), product({"title": {"": "Mug"}}, variant("A", "price"), variant("B")))
    assert some == Score(required=3, filled=2, missing=(Gap(field="price", skus=("B",), variants=1),))
    assert some.percent == 66
    assert score(list(BASICS), product({"title": {"": "Mug"}}, variant("A", "price"))).percent == 100


def test_text_in_another_language_does_not_count() -> None:
    said = product({"title": {"": "Mug", "fr": "Tasse", "de@amazon": "Becher"}})
    assert score(["title"], said).percent == 100
    assert score(["title"], said, locale="de").missing == (Gap(field="title"),)
    assert score(["title"], said, locale="de", channel="amazon").percent == 100
    assert score(["title"], said, locale="gsw", gsw="fr").percent == 0
    assert score(["title"], said, locale="fr-CH").percent == 100


def test_the_base_content_counts_for_the_language_it_is_in() -> None:
    said = product({"title": {"": "Mug"}})
    assert score(["title"], said, locale="en-GB", base="en").percent == 100
    assert score(["title"], said, locale="de", base="en").percent == 0
    assert score(["title"], said, locale="en-GB").percent == 0


def test_what_has_no_language_counts_in_every_one() -> None:
    said = product({"vintage": {"": "2019"}}, filled=("brand",))
    assert score(["vintage", "brand"], said, locale="th").percent == 100


def test_words_of_one_channel_do_not_count_on_another() -> None:
    said = product({"vintage": {"@amazon": "2019"}})
    assert score(["vintage"], said, channel="amazon").percent == 100
    assert score(["vintage"], said, channel="ebay").percent == 0
    assert score(["vintage"], said).percent == 0


def test_what_varies_is_needed_for_every_variant_and_the_product_speaks_for_all() -> None:
    two = (variant("A", "gtin", size={"": "S"}), variant("B", "gtin", "price"))
    assert score(["size", "gtin", "price"], product({}, *two)).missing == (
        Gap(field="size", skus=("B",), variants=1),
        Gap(field="price", skus=("A",), variants=1),
    )
    assert score(["size"], product({"size": {"": "one size"}}, *two)).percent == 100
    assert score(["size"], product({"size": {"": "one size"}}, *two), locale="de").percent == 0
    assert score(["gtin"], product()).missing == (Gap(field="gtin"),)
    many = [variant(f"S-{n:02}") for n in range(50)]
    (gap,) = score(["gtin"], product({}, *many)).missing
    assert (gap.variants, len(gap.skus), gap.skus[0]) == (50, 20, "S-00")


def test_what_belongs_to_the_product_may_be_said_by_each_of_its_variants() -> None:
    one, both = variant("A", material={"": "clay"}), variant("B", material={"": "glass"})
    assert score(["material"], product({}, one, both)).percent == 100
    assert score(["material"], product({}, one, variant("B"))).missing == (Gap(field="material"),)


@pytest.mark.parametrize(("filled", "required", "percent"), [(2, 3, 66), (199, 200, 99), (0, 7, 0), (7, 7, 100)])
def test_per_cent_are_rounded_down(filled: int, required: int, percent: int) -> None:
    missing = tuple(Gap(field=str(n)) for n in range(required - filled))
    assert Score(required=required, filled=filled, missing=missing).percent == percent


FIELDS = ["title", "material", "size", "vintage", "brand", "gtin", "price"]
SCOPES = ["", "de", "de-AT", "fr", "@amazon", "de@amazon", "fr@ebay"]
VALUES = st.dictionaries(
    st.sampled_from(["title", "material", "size", "vintage"]),
    st.dictionaries(st.sampled_from(SCOPES), st.just("x"), min_size=1),
)


@st.composite
def products(draw: st.DrawFn) -> OneProduct:
    variants = [
        OneVariant(sku=f"S-{n}", filled=draw(st.frozensets(st.sampled_from(["gtin", "price"]))), values=draw(VALUES))
        for n in range(draw(st.integers(0, 3)))
    ]
    return OneProduct(
        filled=draw(st.frozensets(st.sampled_from(["brand"]))), values=draw(VALUES), variants=tuple(variants)
    )


@given(
    products(), st.lists(st.sampled_from(FIELDS), min_size=1, unique=True), st.sampled_from(["", "de", "de-AT", "fr"]),
    st.sampled_from(["", "amazon", "ebay"]),
)  # fmt: skip
def test_a_score_is_what_it_says_and_saying_more_never_lowers_it(
    said: OneProduct, required: list[str], locale: str, channel: str
) -> None:
    before = score(required, said, locale=locale, channel=channel)
    assert before.filled + len(before.missing) == before.required == len(required)
    assert (before.percent == 100) == (not before.missing)
    assert 0 <= before.percent <= 100
    more = OneProduct(
        filled=said.filled, values={**said.values, "title": {**said.values.get("title", {}), locale: "x"}},
        variants=said.variants,
    )  # fmt: skip
    after = score(required, more, locale=locale, channel=channel)
    assert after.filled >= before.filled
    assert "title" not in [gap.field for gap in after.missing]


@given(products(), st.sampled_from(["", "amazon"]))
def test_in_a_language_of_which_nothing_is_said_no_text_counts(said: OneProduct, channel: str) -> None:
    found = score(["title", "material", "size"], said, locale="th", channel=channel)
    assert found.filled == 0
