"""Money as text and in shares, SKUs in stored form: what holds for every value."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.kernel.money import Money, exponent
from hub.kernel.text import SKU_MAX, clean_sku, shorten

CURRENCIES = {"JPY": 0, "EUR": 2, "KWD": 3, "CLF": 4}
minors = st.integers(min_value=-(10**15), max_value=10**15)


@pytest.mark.parametrize(("currency", "digits"), CURRENCIES.items())
def test_currencies_have_the_digits_of_iso_4217(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


@given(minor=minors, currency=st.sampled_from(sorted(CURRENCIES)))
def test_an_amount_written_as_text_is_read_back_exactly(minor: int, currency: str) -> None:
    money = Money(minor=minor, currency=currency)
    text = money.text()
    assert Money.parse(text, currency) == money
    assert "E" not in text.upper()
    assert len(text.partition(".")[2]) == CURRENCIES[currency]


@given(minor=minors, currency=st.sampled_from(sorted(CURRENCIES)), zeros=st.integers(min_value=0, max_value=5))
def test_more_zeros_than_the_currency_has_change_nothing(minor: int, currency: str, zeros: int) -> None:
    money = Money(minor=minor, currency=currency)
    text = money.text() if "." in money.text() else money.text() + "."
    assert Money.parse(text + "0" * zeros, currency) == money


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("25.9800", "EUR", 2598), ("0.005", "EUR", 0), ("0.015", "EUR", 2), (" 12 ", "JPY", 12), ("1.2345", "KWD", 1234),
     ("-3.50", "EUR", -350), ("1E2", "EUR", 10000), ("-0.00", "EUR", 0), ("1.23456", "CLF", 12346)],
)  # fmt: skip
def test_amounts_are_rounded_half_to_even(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor=minor, currency=currency)


@given(text=st.text(max_size=12))
@example("1E40")
@example("1E999999")
@example("9" * 60)
@example("-1E28")
@example("NaN")
@example("sNaN")
@example("Infinity")
@example("")
@example("12,99")
def test_any_text_is_an_amount_or_a_value_error(text: str) -> None:
    try:
        money = Money.parse(text, "EUR")
    except ValueError:
        return
    assert abs(money.minor - Decimal(text.strip()) * 100) <= Decimal("0.5")


@given(
    minor=minors,
    weights=st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=20).filter(lambda w: sum(w) > 0),
)
def test_shares_add_up_and_each_is_within_one_unit_of_its_part(minor: int, weights: list[int]) -> None:
    shares = Money(minor=minor, currency="EUR").split(weights)
    assert sum(share.minor for share in shares) == minor
    total = sum(weights)
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share.minor * total - minor * weight) <= total
        assert weight > 0 or share.minor == 0


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [3, -1]])
def test_what_cannot_be_split_is_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="cannot split"):
        Money(minor=100, currency="EUR").split(weights)


@given(a=minors, b=minors)
def test_sums_are_exact_and_currencies_never_mix(a: int, b: int) -> None:
    x, y = Money(minor=a, currency="EUR"), Money(minor=b, currency="EUR")
    assert (x + y) - y == x
    assert (x + y).minor == a + b
    assert x.times(3) == x + x + x
    with pytest.raises(ValueError, match="do not add up"):
        x + Money(minor=b, currency="USD")


@given(text=st.text(max_size=130))
@example("  a \t b  ")
@example("a\x00b")
@example("\x1c\x85\u2028")
@example("A\u030angstro\u0308m")
@example(" \u0301x")
def test_a_cleaned_sku_is_in_stored_form_and_stays_so(text: str) -> None:
    try:
        sku = clean_sku(text)
    except ValueError:
        return
    assert clean_sku(sku) == sku
    assert 1 <= len(sku) <= SKU_MAX
    assert sku == unicodedata.normalize("NFC", sku)
    assert sku == sku.strip()
    assert not any(ch.isspace() and ch != " " for ch in sku)
    assert "  " not in sku
    assert not any(unicodedata.category(ch) == "Cc" for ch in sku)


@pytest.mark.parametrize("text", ["", "   ", "\t\n", "x" * 101, "a\x00b", "a\x7fb"])
def test_what_is_no_sku_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SKU"):
        clean_sku(text)


def test_case_is_kept() -> None:
    assert clean_sku(" aB-1 ") == "aB-1"


@given(text=st.text(max_size=40), limit=st.integers(min_value=1, max_value=50))
def test_shortened_text_fits(text: str, limit: int) -> None:
    cut = shorten(text, limit)
    assert len(cut) <= limit
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))
