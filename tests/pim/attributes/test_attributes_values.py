"""Values of every type: what is stored, what is refused, and that storing what is stored changes nothing."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.kernel.errors import Invalid
from hub.pim.attributes.book import BUILT_IN, Book, Definition
from hub.pim.attributes.content import content_of
from hub.pim.attributes.fallback import locale_chain, resolve, scopes
from hub.pim.attributes.patterns import checked_pattern
from hub.pim.attributes.types import AttributeType as T
from hub.pim.attributes.values import checked, merged, stored_value
from hub.pim.units import is_unit

COLOURS = {"red": "Red", "sea_green": "Sea green", "blue": "Blue"}
GERMAN = {"red": {"de": "Rot"}, "sea_green": {"de": "Seegrün"}}
HASH = "ab" * 32


def definition(kind: T, **more: Any) -> Definition:
    given: dict[str, Any] = {"id": 1, "code": "it", "label": "It", "type": kind}
    if kind in (T.CHOICE, T.MULTI_CHOICE):
        given |= {"options": COLOURS, "option_labels": GERMAN}
    return Definition(**given | more)


GOOD = [
    (T.TEXT, {}, "  Blue\t shirt\n", "Blue shirt"),
    (T.TEXT, {}, "e\u0301", "é"),
    (T.TEXT, {}, 12, "12"),
    (T.TEXT, {"rules": {"pattern": "[A-Z]{2}[0-9]{4}"}}, "AB1234", "AB1234"),
    (T.LONG_TEXT, {}, " one\r\n two\r\n", "one\n two"),
    (T.RICH_TEXT, {}, "<p onclick=x>Hi<script>bad()</script></p>", "<p>Hi</p>"),
    (T.LINES, {}, "One\n\n two ", ["One", "two"]),
    (T.LINES, {}, ["One", " ", "two\nthree"], ["One", "two three"]),
    (T.NUMBER, {}, "12,5", "12.5"),
    (T.NUMBER, {}, "−3", "-3"),
    (T.NUMBER, {}, Decimal("7.10"), "7.1"),
    (T.NUMBER, {"unit": "ml"}, "75 cl", "750"),
    (T.NUMBER, {"unit": "ml"}, "0.75 l", "750"),
    (T.NUMBER, {"unit": "%"}, "12.50 %", "12.5"),
    (T.NUMBER, {"unit": "°C"}, "-4", "-4"),
    (T.NUMBER, {"unit": "cm", "rules": {"min": "1", "max": "31"}}, "12 in", "30.48"),
    (T.CHOICE, {}, "red", "red"),
    (T.CHOICE, {}, "SEEGRÜN", "sea_green"),
    (T.CHOICE, {}, " Sea  green ", "sea_green"),
    (T.MULTI_CHOICE, {}, "Blue|Rot", ["red", "blue"]),
    (T.MULTI_CHOICE, {}, "blue, Rot", ["red", "blue"]),
    (T.MULTI_CHOICE, {}, ["blue", "red", "blue"], ["red", "blue"]),
    (T.DATE, {}, "2026-11-22", "2026-11-22"),
    (T.DATE, {}, "20261122", "2026-11-22"),
    (T.BOOLEAN, {}, "Yes", True),
    (T.BOOLEAN, {}, "0", False),
    (T.MONEY, {}, "12,99 eur", {"minor": 1299, "currency": "EUR"}),
    (T.MONEY, {}, "JPY 500", {"minor": 500, "currency": "JPY"}),
    (T.FILE, {}, HASH.upper(), HASH),
    (T.REFERENCE, {}, " riesling ", "riesling"),
]

BAD = [
    (T.TEXT, {}, "a\x00b"),
    (T.TEXT, {}, "x" * 1001),
    (T.TEXT, {}, True),
    (T.TEXT, {}, ["x"]),
    (T.TEXT, {"rules": {"min_length": 3}}, "ab"),
    (T.TEXT, {"rules": {"max_length": 3}}, "abcd"),
    (T.TEXT, {"rules": {"pattern": "[A-Z]{2}"}}, "ABC"),
    (T.LONG_TEXT, {}, "x" * 65_537),
    (T.RICH_TEXT, {}, "x" * 200_000),
    (T.RICH_TEXT, {}, "bell &#7;"),
    (T.LINES, {}, ["x"] * 101),
    (T.LINES, {"rules": {"max_length": 3}}, "abcd"),
    (T.NUMBER, {}, "twelve"),
    (T.NUMBER, {}, "1,299"),
    (T.NUMBER, {}, "12 ml"),
    (T.NUMBER, {}, "NaN"),
    (T.NUMBER, {"unit": "ml"}, "12 kg"),
    (T.NUMBER, {"unit": "°C"}, "70 °F"),
    (T.NUMBER, {"rules": {"min": "1"}}, "0"),
    (T.NUMBER, {"rules": {"max": "1"}}, "1.5"),
    (T.NUMBER, {"rules": {"decimals": 0}}, "1.5"),
    (T.CHOICE, {}, "pink"),
    (T.MULTI_CHOICE, {}, "red, pink"),
    (T.DATE, {}, "22.11.2026"),
    (T.DATE, {}, "2026-02-30"),
    (T.DATE, {"rules": {"min": "2026-01-01"}}, "2025-12-31"),
    (T.BOOLEAN, {}, "perhaps"),
    (T.MONEY, {}, "12.99"),
    (T.MONEY, {}, "12.99 euros"),
    (T.MONEY, {}, {"minor": 1.5, "currency": "EUR"}),
    (T.MONEY, {}, {"minor": -1, "currency": "EUR"}),
    (T.FILE, {}, "picture.jpg"),
    (T.REFERENCE, {}, "two words"),
]


@pytest.mark.parametrize(("kind", "more", "value", "stored"), GOOD)
def test_a_good_value_is_stored_in_one_form(kind: T, more: dict[str, Any], value: Any, stored: Any) -> None:
    of = definition(kind, **more)
    assert stored_value(of, value) == stored
    assert stored_value(of, stored) == stored


@pytest.mark.parametrize(("kind", "more", "value"), BAD)
def test_a_bad_value_is_refused_by_name(kind: T, more: dict[str, Any], value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        stored_value(definition(kind, **more), value)
    assert caught.value.field == "it"


def test_every_type_has_good_and_bad_values() -> None:
    assert {kind for kind, *_ in GOOD} == {kind for kind, *_ in BAD} == set(T)


TEXTS = st.text(max_size=80) | st.sampled_from(
    ["<b>x</b> <script>y</script> z", "&#769;e", "&lt;p&gt;", "ไวน์ขาว", "Ξηρός", "Գինի", "شراب", "🍷👩‍🌾", " \u2028 x"]
)
ANYTHING = {
    T.NUMBER: st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12).map(
        str
    )
    | TEXTS,
    T.CHOICE: st.sampled_from([*COLOURS, *COLOURS.values()]),
    T.MULTI_CHOICE: st.lists(st.sampled_from([*COLOURS, *COLOURS.values()]), min_size=1),
    T.DATE: st.dates().map(date.isoformat),
    T.BOOLEAN: st.sampled_from(["yes", "no", True, False, "1", "0"]),
    T.MONEY: st.integers(0, 2**31 - 1).map(lambda n: {"minor": n, "currency": "EUR"})
    | st.integers(0, 10**9).map(lambda n: f"{n / 100:.2f} EUR"),
    T.LINES: st.lists(TEXTS, max_size=5) | TEXTS,
}


@pytest.mark.parametrize("kind", list(T))
@given(data=st.data())
def test_storing_what_is_stored_changes_nothing(kind: T, data: st.DataObject) -> None:
    of = definition(kind)
    value = data.draw(ANYTHING.get(kind, TEXTS))
    try:
        stored = stored_value(of, value)
    except Invalid:
        return
    assert json.loads(json.dumps(stored)) == stored
    if stored not in ("", []):
        assert stored_value(of, stored) == stored


@given(
    number=st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=0, max_value=10**12),
    units=st.sampled_from([("mile", "mm"), ("in", "m"), ("oz", "kg"), ("ml", "l"), ("lb", "g"), ("ft", "km")]),
)
def test_a_converted_number_can_be_read_again(number: Decimal, units: tuple[str, str]) -> None:
    of = definition(T.NUMBER, unit=units[1])
    try:
        stored = stored_value(of, f"{number:f} {units[0]}")
    except Invalid:
        return  # more digits than a number may have
    assert stored_value(of, stored) == stored
    assert stored_value(of, f"{stored} {units[1]}") == stored


# ---------------------------------------------------------------- scopes and merging

BOOK = Book(
    definitions={
        "note": Definition(id=1, code="note", label="Note", type=T.TEXT, localisable=True, per_channel=True),
        "size": Definition(id=2, code="size", label="Size", type=T.NUMBER, unit="cm"),
    }
    | dict(BUILT_IN),
    locales={"en": "", "de": "", "de-AT": "", "fr": "de"},
    base="en",
)


@pytest.mark.parametrize(
    ("code", "scope"),
    [("nothing", ""), ("note", "it"), ("note", "en"), ("note", "de@No channel"), ("size", "de"), ("size", "@ebay")],
)  # fmt: skip
def test_a_scope_that_the_attribute_does_not_have_is_refused(code: str, scope: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked(BOOK, {code: {scope: "1"}})
    assert caught.value.field == code


def test_empty_values_take_away_and_others_are_merged_scope_by_scope() -> None:
    old = {"note": {"": "a", "de": "b"}, "size": {"": "1"}}
    given = checked(BOOK, {"note": {"de": "  ", "fr@ebay": "c"}, "size": {"": None}, "bullet_points": {"": "\n"}})
    assert given == {"note": {"de": None, "fr@ebay": "c"}, "size": {"": None}, "bullet_points": {"": None}}
    assert merged(old, given) == {"note": {"": "a", "fr@ebay": "c"}}
    assert old == {"note": {"": "a", "de": "b"}, "size": {"": "1"}}


LOCALES = ("de", "de-AT", "fr", "fr-CH", "en")


def naive_chain(locale: str, fallbacks: dict[str, str]) -> list[str]:
    """The rule as it is told: the locale; its parent tongue; what is named as its fallback, and from there again; the
    base last. Nothing twice."""
    out: list[str] = []
    queue = [locale]
    while queue:
        here = queue.pop(0)
        if here in out or not here:
            break
        out.append(here)
        parent = here.split("-")[0] if "-" in here else ""
        after = fallbacks.get(here, "")
        if parent and after and parent not in out and parent != after and after not in out:
            out.append(parent)
        queue.append(after or parent)
    return [*out, ""]


@given(
    fallbacks=st.dictionaries(st.sampled_from(LOCALES), st.sampled_from(["", *LOCALES])),
    locale=st.sampled_from(["", *LOCALES]),
    channel=st.sampled_from(["", "ebay"]),
    said=st.dictionaries(
        st.builds(lambda a, b: f"{a}@{b}" if b else a, st.sampled_from(["", *LOCALES]), st.sampled_from(["", "ebay", "amazon"])),
        st.integers(),
    ),
)  # fmt: skip
def test_the_value_of_the_nearest_language_counts_and_in_it_the_channels_own(
    fallbacks: dict[str, str], locale: str, channel: str, said: dict[str, int]
) -> None:
    chain = naive_chain(locale, fallbacks)
    assert list(locale_chain(locale, fallbacks)) == chain
    wanted = next(
        (
            (said[scope], scope)
            for step in chain
            for scope in ([f"{step}@{channel}"] if channel else []) + [step]
            if scope in said
        ),
        None,
    )
    found = resolve(said, scopes(locale, channel, fallbacks))
    assert (None if found is None else (found.value, found.scope)) == wanted


def test_the_language_of_the_base_reads_the_base_content() -> None:
    class Wine:
        title, description = "Riesling", "dry"
        values = {"title": {"de": "Riesling trocken"}, "note": {"@ebay": "quick"}}

    english = content_of(BOOK, Wine(), locale="en", channel="ebay")
    assert (english.title, english.attributes, english.fallen_back) == ("Riesling", {"note": "quick"}, {})
    french = content_of(BOOK, Wine(), locale="fr", channel="ebay")
    assert (french.title, french.fallen_back) == (
        "Riesling trocken",
        {"title": "de", "description": "", "note": "@ebay"},
    )


# ---------------------------------------------------------------- patterns and units


@pytest.mark.parametrize(
    "pattern", [r"[A-Z]{2}\d{4}", r"(?:[A-Z]{2})?\d{1,8}", r"(ab)*", r"[a-z]+-\d+", r"x?y?z?", r"(red|blue)-\d{1,3}"]
)
def test_a_pattern_that_is_quick_is_taken(pattern: str) -> None:
    assert checked_pattern(pattern, 1000) == pattern


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)+", r"(a|a)*b", r"(a*)*", r"(a?){50}", r"a*a*a*b", r"(\d+)*x", r"(?=a)a", r"(a)\1", "x" * 201, "["],
)
def test_a_pattern_that_may_take_long_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked_pattern(pattern, 1000)
    assert caught.value.field == "pattern"


@given(name=st.text(alphabet="kgmlé%°/^²0 -._xyz(){}[]*", max_size=25))
def test_whatever_is_asked_for_as_a_unit_is_answered(name: str) -> None:
    if is_unit(name):
        assert stored_value(definition(T.NUMBER, unit=name), "12.5") == "12.5"
