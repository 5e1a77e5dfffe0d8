"""Texts as tokens: what is found by what. Pure; the databases only compare what comes out of here.

Case, width and accents do not count («JALAPEÑO» = «jalapeno»), Arabic letters are read as Persian ones, digits of all
scripts are the same. Scripts that put no spaces between words (Thai, Chinese, Japanese, Khmer …) become overlapping
pairs of characters; a pictograph is a word of its own. A SKU or GTIN is found by its parts, without its separators, and
by any three characters of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

WORD_MAX = 64
"""Longer words are cut, in texts and in queries alike."""
TOKENS_MAX = 3_000
"""So many different tokens of one product are kept: what comes first (SKUs, title, brand) counts."""
HAYSTACK_MAX = 20_000
"""So many characters of titles and SKUs are searched for parts of words."""
NEEDLE_WORDS_MAX = 32
"""Further words of a query are not looked at."""
PART_MIN = 3
"""A part of a word is looked for from so many characters on."""
SORT_MAX = 120
"""So many characters of a title count when products are sorted."""

_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
    "\u200b-\u200f\u00ad\u0640\u2060]"
)
"""Accents, vowel points, invisible joiners: they never tell two words apart here."""
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ي": "ی", "ى": "ی", "ك": "ک"}
)
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff]+"
)
_ASCII_WORD = re.compile("[a-z0-9]+")
_SYMBOLS = "0123456789abcdefghijklmnopqrstuvwxy"  # without z, which begins a written-out character
EXACT = "zy"
"""Begins a token that stands for a whole SKU or GTIN. No text is ever written like this."""


@lru_cache(8192)
def fold(text: str) -> str:
    """`text` with everything removed that does not count; white space and punctuation stay."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    plain = unicodedata.normalize("NFC", _MARKS.sub("", plain)).casefold().translate(_LETTERS)
    return "".join(_digit(c) for c in plain) if not plain.isascii() else plain


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _counts(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def words(text: str) -> list[str]:
    """The words of `text`, folded, in order; a run of an unspaced script is one word here."""
    folded = fold(text)
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    out: list[str] = []
    word = ""
    for character in folded:
        counts = character.isalnum() if character.isascii() else _counts(character)
        pictograph = not counts and unicodedata.category(character) == "So"
        if counts:
            word += character
            continue
        if word:
            out.append(word)
            word = ""
        if pictograph:
            out.append(character)
    if word:
        out.append(word)
    return out


def tokens(text: str) -> Iterator[str]:
    """The tokens of a text that is to be found."""
    return _tokens(words(text), alone=True)


def _tokens(folded: Iterable[str], *, alone: bool) -> Iterator[str]:
    """`alone`: the last character of an unspaced run is a token too, so that each of its characters begins one."""
    for word in folded:
        if word.isascii():
            yield word[:WORD_MAX]
            continue
        at = 0
        for run in _UNSPACED.finditer(word):
            if run.start() > at:
                yield word[at : run.start()][:WORD_MAX]
            yield from _pairs(run.group(), alone=alone)
            at = run.end()
        if at < len(word):
            yield word[at:][:WORD_MAX]


def _pairs(run: str, *, alone: bool) -> Iterator[str]:
    for first in range(len(run) - 1):
        yield run[first : first + 2]
    if alone or len(run) == 1:
        yield run[-1]


def compact(text: str) -> str:
    """A text without anything between its words: «WINE-1» → wine1."""
    return "".join(words(text))


@lru_cache(65_536)
def encoded(token: str) -> str:
    """A token in ASCII letters and digits that no database takes apart or changes: one token begins with another
    exactly if their encoded forms do."""
    out: list[str] = []
    for character in token:
        if character in _SYMBOLS:
            out.append(character)
        elif character == "z":
            out.append("zz")
        else:
            number, digits = ord(character), ""
            for _ in range(4):
                number, rest = divmod(number, 35)
                digits = _SYMBOLS[rest] + digits
            out.append("z" + digits)
    return "".join(out)


def exact_token(code: str) -> str:
    """The encoded token of a whole SKU or GTIN."""
    return EXACT + encoded(compact(code)[:WORD_MAX])


def document(codes: Iterable[str], titles: Iterable[str], texts: Iterable[str]) -> tuple[str, str]:
    """(encoded tokens separated by spaces, haystack for parts of words) of a product. `codes`: SKUs and GTINs."""
    found: dict[str, None] = {}
    straw: dict[str, None] = {}
    length = 0

    def straws(text: str) -> None:
        nonlocal length
        if text and text not in straw and length + len(text) < HAYSTACK_MAX:
            straw[text] = None
            length += len(text) + 1

    said = list(titles)
    for text in said[:1]:  # the title that products are sorted by is always among what is searched for parts
        straws(" ".join(words(text)))
    for code in codes:
        whole = compact(code)
        if not whole:
            continue
        found.update(dict.fromkeys((exact_token(code), encoded(whole[:WORD_MAX]))))
        found.update(dict.fromkeys(map(encoded, tokens(code))))
        straws(whole)
        if len(found) > TOKENS_MAX:
            break
    for text in said:
        found.update(dict.fromkeys(map(encoded, tokens(text))))
        straws(" ".join(words(text)))
    for text in texts:
        if len(found) > TOKENS_MAX:
            break
        found.update(dict.fromkeys(map(encoded, tokens(text))))
    return " ".join(list(found)[:TOKENS_MAX]), "|".join(straw)


def sort_title(title: str) -> str:
    """What products are sorted by: the title's words."""
    return " ".join(words(title))[:SORT_MAX]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needle:
    """What is looked for. A product is found by its SKU or GTIN (`whole`), if it has all of the words, or if its SKUs
    or titles contain one of the `parts`.

    `begun`: tokens that a word of the product must begin with; `exactly`: those it must have as they are (single
    letters and digits, which begin too many words). All but `title` and `parts` are encoded. `title`: how a title
    begins that ranks first.
    """

    whole: str
    begun: tuple[str, ...]
    exactly: tuple[str, ...]
    parts: tuple[str, ...]
    title: str

    @property
    def empty(self) -> bool:
        """There is no word in it: nothing is found."""
        return not self.title


def needle(text: str) -> Needle:
    """What the text of a query looks for."""
    said = words(text)[:NEEDLE_WORDS_MAX]
    line, whole = " ".join(said), "".join(said)
    begun: dict[str, None] = {}
    exactly: dict[str, None] = {}
    for token in _tokens(said, alone=False):
        single = len(token) == 1 and token.isalnum() and not _UNSPACED.fullmatch(token)
        (exactly if single else begun)[encoded(token)] = None
    parts: Sequence[str] = [part for part in dict.fromkeys((line, whole)) if len(part) >= PART_MIN]
    return Needle(
        whole=EXACT + encoded(whole[:WORD_MAX]), begun=tuple(begun), exactly=tuple(exactly), parts=tuple(parts),
        title=line[:SORT_MAX],
    )  # fmt: skip
