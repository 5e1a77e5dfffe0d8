"""What is found by what, before any database is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.pim.search import words as w

TEXT = st.text(max_size=30)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Jalapeño SAUCE", ["jalapeno", "sauce"]),
        ("ＷＩＮＥ ①", ["wine", "1"]),
        ("Straße Øl Łódź", ["strasse", "ol", "lodz"]),
        ("ΟΙΝΟΣ οίνος", ["οινοσ", "οινοσ"]),  # Greek: accents, final sigma
        ("Գինի ԳԻՆԻ", ["գինի", "գինի"]),  # Armenian
        ("كتاب کتاب", ["کتاب", "کتاب"]),  # Arabic and Persian kaf
        ("می‌خواهم ۱۲", ["میخواهم", "12"]),  # Persian: joiner, digits
        ("ไวน์แดง", ["ไวน์แดง"]),
        ("wine🍷red", ["wine", "🍷", "red"]),
        ("  —!?«» ", []),
    ],
)
def test_words_without_case_accents_and_width(text: str, found: list[str]) -> None:
    assert w.words(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("葡萄酒", ["葡萄", "萄酒", "酒"]),
        ("酒", ["酒"]),
        ("ワインred", ["ワイ", "イン", "ン", "red"]),
        ("แดง", ["แด", "ดง", "ง"]),
    ],
)
def test_unspaced_scripts_are_pairs_and_every_character_begins_one(text: str, found: list[str]) -> None:
    assert list(w.tokens(text)) == found


def test_a_needle_of_an_unspaced_script_does_not_ask_for_its_last_character_alone() -> None:
    assert w.needle("葡萄酒").begun == (w.encoded("葡萄"), w.encoded("萄酒"))
    assert w.needle("酒").begun == (w.encoded("酒"),)


def test_single_letters_are_asked_for_as_they_are() -> None:
    asked = w.needle("Shirt M 42")
    assert (asked.begun, asked.exactly, asked.title) == (("shirt", "42"), ("m",), "shirt m 42")


def test_nothing_is_asked_by_punctuation() -> None:
    assert w.needle("\"*&|!():-'").empty


@given(TEXT, TEXT)
def test_encoding_keeps_exactly_what_begins_with_what(one: str, two: str) -> None:
    assert w.encoded(one).startswith(w.encoded(two)) == one.startswith(two)


@given(TEXT)
def test_encoded_tokens_are_ascii_letters_and_digits_and_never_a_whole_code(text: str) -> None:
    token = w.encoded(text)
    assert token == "" or (token.isascii() and token.isalnum() and token == token.lower())
    assert not token.startswith(w.EXACT)


@given(TEXT)
def test_folding_again_changes_nothing(text: str) -> None:
    assert w.words(" ".join(w.words(text))) == w.words(text)


@given(TEXT, st.integers(0, 29), st.integers(1, 30))
def test_a_text_is_found_by_the_beginning_of_each_of_its_words(text: str, at: int, length: int) -> None:
    said = w.words(text)
    if not said:
        return
    start = said[at % len(said)][:length]
    tokens = w.document([], [text], [])[0].split()
    asked = w.needle(start)
    if asked.exactly:  # a single letter stands for itself only
        return
    assert all(any(token.startswith(part) for token in tokens) for part in asked.begun)


@given(TEXT)
def test_a_code_is_found_whole_however_it_is_written(code: str) -> None:
    tokens, haystack = w.document([code], [], [])
    asked = w.needle(code.lower().replace("-", " "))
    if not asked.empty:
        assert asked.whole in tokens.split()
        assert w.compact(code)[: w.HAYSTACK_MAX] in haystack


def test_a_product_of_very_many_words_keeps_the_first() -> None:
    tokens, haystack = w.document(["SKU-1"], ["Title"], [" ".join(f"w{n}" for n in range(10_000))])
    assert len(tokens.split()) == w.TOKENS_MAX
    assert {"sku", "title", "w0"} <= set(tokens.split())
    assert haystack == "title|sku1"


def test_a_long_word_is_cut_in_texts_and_in_queries_alike() -> None:
    long = "a" * 500
    assert w.needle(long).begun == ("a" * w.WORD_MAX,)
    assert w.document([], [], [long])[0] == "a" * w.WORD_MAX
