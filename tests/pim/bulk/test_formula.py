"""Formulas: arithmetic and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.kernel.errors import Invalid
from hub.pim.bulk import formula

KNOWN = {"price": Decimal("20.00"), "cost": Decimal("7.50"), "zero": Decimal(0)}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("price", "20.00"), ("price * 1.05", "21.00"), ("-price + 30", "10.00"), ("(price - cost) / 2", "6.25"),
        ("percent(price, 19)", "3.8"), ("round(cost)", "8"), ("round(2.345, 2)", "2.35"), ("round(-0.5)", "-1"),
        ("min(price, cost, 9)", "7.50"), ("max(price - 3, cost)", "17.00"), ("ending(price, 0.99)", "19.99"),
        ("ending(20.60, .99)", "20.99"), ("ending(0.10, 0.99)", "0.99"), ("ending(cost*2, 0.95)", "14.95"),
    ],
)  # fmt: skip
def test_a_formula_comes_to(text: str, result: str) -> None:
    assert formula.parse(text).result(KNOWN) == Decimal(result)


@pytest.mark.parametrize(
    "text",
    [
        "", "price *", "price ** 2", "price // 2", "price % 2", "price == 1", "__import__('os')", "price.real", "[1]",
        "lambda: 1", "price if 1 else 2", "1e9", "0x10", "1_000", "True", "'1'", "1j", "round(price, cost)", "round()",
        "max(price)", "ending(price, cost)", "ending(price, 2)", "open(price)", "round(x=1)", "(" * 250 + "1" + ")" * 250,
        "-" * 290 + "1", "1" * 301, "9999999999999", "a := 1", "price; cost", "\x00", "f'{price}'",
    ],
)  # fmt: skip
def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        formula.parse(text)


@pytest.mark.parametrize("text", ["price / zero", "weight * 2", "1 / (price - 20)", "zero / zero"])
def test_what_cannot_be_worked_out_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        formula.parse(text).result(KNOWN)


@given(st.text(max_size=80))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    try:
        formula.parse(text).result(KNOWN)
    except Invalid:
        pass


@given(st.decimals(0, 100_000, places=2), st.sampled_from(["0.99", "0.95", "0", "0.50"]))
def test_an_ending_is_the_nearest_amount_that_ends_so(number: Decimal, end: str) -> None:
    result = formula.parse(f"ending(x, {end})").result({"x": number})
    assert result % 1 == Decimal(end)
    assert abs(result - number) <= Decimal("0.5") or result == Decimal(end)


@given(st.decimals(0, 1_000_000, places=2), st.decimals("0.01", 10, places=2))
def test_a_multiplied_price_is_the_multiplied_price(price: Decimal, factor: Decimal) -> None:
    assert formula.parse(f"round(price * {factor}, 2)").result({"price": price}) == formula.rounded(price * factor, 2)
