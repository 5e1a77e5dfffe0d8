"""Texts are counted in the unit of their limit: code points, UTF-16 units, bytes, letters as people see them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.pim.quality import text
from hub.pim.quality.text import Unit

LENGTHS = {
    "": (0, 0, 0, 0),
    "Mug": (3, 3, 3, 3),
    "Größe": (5, 5, 7, 5),
    "Gro\u0308ße": (6, 6, 8, 5),  # the umlaut as a mark of its own
    "กำแพง": (5, 5, 15, 4),  # Thai: the vowel «am» belongs to the consonant before it
    "น้ำ": (3, 3, 9, 1),
    "Ελλάδα": (6, 6, 12, 6),
    "Հայաստան": (8, 8, 16, 8),
    "می\u200cخواهم": (8, 8, 17, 7),  # Persian with a zero-width non-joiner
    "🍷": (1, 2, 4, 1),
    "👍🏽": (2, 4, 8, 1),
    "👩\u200d🔬": (3, 5, 11, 1),
    "👨\u200d👩\u200d👧\u200d👦": (7, 11, 25, 1),
    "🇩🇪🇹🇭": (4, 8, 16, 2),
    "❤\ufe0f": (2, 2, 6, 1),
    "한국어": (3, 3, 9, 3),
}


@pytest.mark.parametrize("value", LENGTHS)
def test_one_text_has_four_lengths(value: str) -> None:
    units = (Unit.CHARACTERS, Unit.UTF16, Unit.BYTES, Unit.LETTERS)
    assert tuple(text.length(value, unit) for unit in units) == LENGTHS[value]


@given(st.text())
def test_lengths_are_in_order(value: str) -> None:
    letters, characters = text.length(value, Unit.LETTERS), text.length(value, Unit.CHARACTERS)
    assert characters <= text.length(value, Unit.UTF16) <= text.length(value, Unit.BYTES) or value == ""
    assert 0 <= letters <= 4 * characters
    assert bool(letters) == bool(value)


@pytest.mark.parametrize(
    ("value", "loud"),
    [
        ("BUY THIS LOVELY MUG", ["THIS", "LOVELY"]), ("Mug XXL 500 ML LED", []), ("NIKE Running Shoes for Women", []),
        ("ΚΟΚΚΙΝΟ ΚΡΑΣΙ", ["ΚΟΚΚΙΝΟ", "ΚΡΑΣΙ"]), ("ไวน์แดง จาก ฝรั่งเศส", []), ("کتاب فارسی", []), ("", []),
    ],
)  # fmt: skip
def test_capitals_shout_where_a_script_has_them(value: str, loud: list[str]) -> None:
    assert list(text.shouted(value)) == loud


def test_markup_is_read_as_its_words() -> None:
    assert text.plain("<p>Red&nbsp;wine</p><ul><li>dry</li><li>fruity</li></ul>a <b>b</b>&amp;c") == (
        "Red wine dry fruity a b&c"
    )
    assert text.tags("<P>a<br/>b</P> 3 < 4 <svg><script>") == ("br", "p", "script", "svg")


def test_the_same_words_have_the_same_digest_whatever_their_markup_and_case() -> None:
    long = "A dry red wine from the south, ripe and full, for meat and for cheese."
    assert text.digest(f"<p>{long}</p>", 20) == text.digest(f"<div> {long.upper()}<br></div>", 20)
    assert text.digest(long, 20) != text.digest(f"{long} New.", 20)
    assert text.digest("short", 20) is None


def test_control_characters_are_named_and_what_scripts_need_is_not_among_them() -> None:
    assert text.control_characters("a\x07b\ue000c\ufffd") == ("U+0007", "U+E000", "U+FFFD")
    assert text.control_characters("می\u200cخواهم 👩\u200d🔬 \u200fعربی\u200e\n\t") == ()
