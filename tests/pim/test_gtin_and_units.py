"""GTINs and measures: what is read, and how a refusal says what to do."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.kernel.errors import Invalid
from hub.pim import gtin, units


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("4006381333931", "4006381333931"),
        (" 400-6381 333931 ", "4006381333931"),
        ("'0012345678905", "0012345678905"),
        ("012345678905", "012345678905"),
        ("73513537", "73513537"),
        ("98412345678908", "98412345678908"),
    ],
)
def test_a_gtin_is_read_as_its_digits(text: str, digits: str) -> None:
    assert gtin.parse(text) == digits


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4006381333932", "4006381333932 is not a GTIN: its last digit must be 1, not 2"),
        ("400638133393", "400638133393 is not a GTIN: its last digit must be 0, not 3"),
        ("12345", "12345 has 5 digits; a GTIN has 8, 12, 13 or 14"),
        ("4.00638E+12", "4.00638E+12 was shortened by a spreadsheet and its digits are lost"),
        ("ABC-123", "'ABC-123' is not a GTIN: only digits may be in it"),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", "'٤٠٠٦٣٨١٣٣٣٩٣١' is not a GTIN: only digits may be in it"),
        ("", "'' is not a GTIN: only digits may be in it"),
    ],
)
def test_what_is_no_gtin_is_refused_with_the_value_and_a_way_out(text: str, message: str) -> None:
    with pytest.raises(Invalid) as refusal:
        gtin.parse(text, "Variant Barcode")
    assert refusal.value.message == message
    assert refusal.value.field == "Variant Barcode"
    assert refusal.value.fix


@given(st.text("0123456789", min_size=12, max_size=12))
def test_exactly_one_last_digit_is_right(digits: str) -> None:
    good = [d for d in "0123456789" if _accepts(digits + d)]
    assert [digits + d for d in good] == [gtin.with_check_digit(digits)]


def _accepts(text: str) -> bool:
    try:
        return gtin.parse(text) == text
    except Invalid:
        return False


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("1.5 kg", "", 1500), ("12 oz", "", 340), ("2 lbs", "", 907), ("1,5", "KG", 1500), ("750", "g", 750),
        ("750", "G.", 750), ("0.2 g", "", 1), ("1.299,5 g", "", 1300), ("0,750 kg", "", 750), ("250 mg", "", 1),
        ("1 lb", "kg", 454), ("2.5 g", "", 2), ("3.5 g", "", 4),
    ],
)  # fmt: skip
def test_weights_become_grams(text: str, unit: str, expected: int) -> None:
    assert units.grams(text, unit) == expected


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("30 cm", "", 300),
        ('12"', "", 305),
        ("12 in", "", 305),
        ("300", "MM", 300),
        ("1 m", "", 1000),
        ("2 Ft.", "", 610),
    ],
)
def test_lengths_become_millimetres(text: str, unit: str, expected: int) -> None:
    assert units.millimetres(text, unit) == expected


@pytest.mark.parametrize(
    ("text", "unit", "message"),
    [
        ("5", "", "5 has no unit"),
        ("1,299 g", "", "1,299 can be read in two ways; write it with a decimal point and without thousands marks"),
        ("5 cl", "", "'cl' is not a unit of weight"),
        ("5 cm", "", "'cm' is not a unit of weight"),
        ("5", "bananas", "'bananas' is not a unit of weight"),
        ("heavy", "kg", "'heavy' is not a weight"),
        ("-1 kg", "", "'-1 kg' is not a weight"),
        ("0 kg", "", "0 kg is out of range: above 0 and at most 100,000,000 grams"),
        ("999999 t", "", "999999 t is out of range: above 0 and at most 100,000,000 grams"),
        ("5", "kg**99999", "'kg**99999' is not a unit of weight"),
    ],
)
def test_what_is_no_weight_is_refused(text: str, unit: str, message: str) -> None:
    with pytest.raises(Invalid) as refusal:
        units.grams(text, unit, "Weight")
    assert refusal.value.message == message
    assert refusal.value.field == "Weight"


@given(st.text(max_size=80), st.text(max_size=30))
def test_any_text_is_a_measure_or_a_refusal(text: str, unit: str) -> None:
    with suppress(Invalid):
        assert 1 <= units.grams(text, unit) <= units.MAX_GRAMS
    with suppress(Invalid):
        assert 1 <= units.millimetres(text, unit) <= units.MAX_MILLIMETRES
