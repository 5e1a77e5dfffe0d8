"""How long a text is, and what is in it. Pure.

Channels count differently: code points, UTF-16 units (an emoji is two) or UTF-8 bytes (a Thai letter is three); people
count what they see. A text is compared in the unit of its limit.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256


class Unit(StrEnum):
    """What is counted."""

    CHARACTERS = "characters"  # Unicode code points
    UTF16 = "UTF-16 units"
    BYTES = "bytes"  # of UTF-8
    LETTERS = "letters as people see them"  # grapheme clusters


_ZWJ = "\u200d"
_JOINS = re.compile("[\u200c\u200d\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_THAI_LAO_AM = "\u0e33\u0eb3"
"""Vowels that stand behind their consonant and belong to it (UAX #29, SpacingMark)."""
_BLANKS = str.maketrans("\t\n\r", "   ")
_BREAKING = re.compile(r"(?i)<(?:br|/?p|/?li|/?h\d|/?div|/?tr|/?ul|/?ol|/?table)\b[^>]*>")
_TAG = re.compile(r"(?i)</?([a-z][a-z0-9]*)\b[^>]*>")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_LATELY = lru_cache(64)
"""What was found in a text is kept for a while: a product's texts are the same for most channels and languages."""
_SHOUTED_MIN = 4
"""Shorter words in capitals are units, sizes and abbreviations: XXL, LED, 500 ML."""


def length(text: str, unit: Unit) -> int:
    match unit:
        case Unit.CHARACTERS:
            return len(text)
        case Unit.UTF16:
            return len(text.encode("utf-16-le", "surrogatepass")) // 2
        case Unit.BYTES:
            return len(text.encode("utf-8", "surrogatepass"))
        case Unit.LETTERS:
            return letters(text)


@_LATELY
def letters(text: str) -> int:
    """How many letters a reader sees: marks belong to what they stand on, joined emoji and flags are one. Close to the
    grapheme clusters of UAX #29."""
    if text.isascii():
        return len(text)
    count, flag, joined = 0, False, False
    for ch in unicodedata.normalize("NFC", text):
        if "\U0001f1e6" <= ch <= "\U0001f1ff":  # two of them make a flag
            if flag:
                flag = False
                continue
            flag, joined = True, False
            count += 1
            continue
        flag = False
        if ch == _ZWJ:
            joined = True
        elif _JOINS.match(ch) or ch in _THAI_LAO_AM or unicodedata.category(ch) in ("Mn", "Me", "Mc"):
            count += count == 0  # a mark alone is still something
        elif joined and ord(ch) > 0x2000:
            joined = False
        else:
            joined = False
            count += 1
    return count


@_LATELY
def plain(markup: str) -> str:
    """The words of a piece of HTML: tags and entities resolved, white space single."""
    return " ".join(html.unescape(_TAG.sub("", _BREAKING.sub(" ", markup))).split())


@_LATELY
def tags(markup: str) -> tuple[str, ...]:
    """The names of the HTML tags in a text, each once, sorted."""
    return tuple(sorted({name.lower() for name in _TAG.findall(markup)}))


def words(text: str) -> list[str]:
    return _WORD.findall(text)


@_LATELY
def shouted(text: str) -> tuple[str, ...]:
    """The words written in capitals only, if most of the text is: two such words at least, and more than half of the
    letters of scripts that know capitals."""
    cased = [word for word in words(text) if any(ch.isupper() or ch.islower() for ch in word)]
    loud = [word for word in cased if len(word) >= _SHOUTED_MIN and word.isupper() and word.isalpha()]
    total = sum(len(word) for word in cased)
    return tuple(loud) if len(loud) >= 2 and 2 * sum(len(word) for word in loud) > total else ()


def repeated(text: str, more_than: int, apart_from: frozenset[str]) -> dict[str, int]:
    """Words (folded) that come more than so many times, without those of `apart_from` and single characters."""
    counted = Counter(word.casefold() for word in words(text) if len(word) > 1)
    return {word: times for word, times in counted.items() if times > more_than and word not in apart_from}


@_LATELY
def control_characters(text: str) -> tuple[str, ...]:
    """The names (like U+0007) of control and other invisible characters that no text needs; line breaks and tabs, joiners
    and directional marks (Persian and emoji need them) are not among them."""
    if text.translate(_BLANKS).isprintable() and "\ufffd" not in text:  # nearly every text, found out quickly
        return ()
    bad = {ch for ch in text if unicodedata.category(ch) in ("Cc", "Cs", "Co", "Cn") and ch not in "\t\n\r"}
    return tuple(sorted(f"U+{ord(ch):04X}" for ch in bad | ({"\ufffd"} & set(text))))


@_LATELY
def emoji(text: str) -> tuple[str, ...]:
    """The pictographs in a text, each once, in their order."""
    if text.isascii():
        return ()
    return tuple(dict.fromkeys(ch for ch in text if "\U0001f000" <= ch <= "\U0001faff" or "\u2600" <= ch <= "\u27bf"))


def digest(description: str, at_least: int) -> str | None:
    """The hash by which two descriptions with the same words are found: markup, case and spacing do not matter. None if
    it has fewer than `at_least` characters."""
    said = unicodedata.normalize("NFKC", plain(description)).casefold()
    return sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32] if len(said) >= at_least else None
