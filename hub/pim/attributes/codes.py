"""Codes of attributes, options and families: short, lower case, stable. Pure."""

from __future__ import annotations

import re
import unicodedata

from hub.kernel.errors import Invalid
from hub.kernel.ids import digest
from hub.kernel.text import shorten

CODE_MAX = 100
_CODE = re.compile(r"[a-z][a-z0-9_]{0,99}")


def code_of(label: str) -> str:
    """The code that a heading or a label stands for: «Grape variety» → grape_variety. Letters without an ASCII form
    are kept apart by a mark made from the whole label."""
    plain = unicodedata.normalize("NFKD", label.strip()).encode("ascii", "ignore").decode().casefold()
    code = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    lost = any(c.isalnum() and not unicodedata.normalize("NFKD", c)[0].isascii() for c in label)
    if not code or not code[0].isalpha():
        code = f"a_{code}" if code else "a"
    if lost or len(code) > CODE_MAX:
        return f"{code[: CODE_MAX - 9]}_{digest([label.strip()])[:8]}"
    return code


def checked_code(code: str, field: str = "code") -> str:
    """`code` if it is one.

    Raises:
        Invalid: it is not lower-case letters, digits and underscores, beginning with a letter.
    """
    if not _CODE.fullmatch(code):
        raise Invalid(
            f"{shorten(code, 40)!r} is no code", field=field, value=shorten(code, 40),
            fix="use lower-case letters, digits and _, beginning with a letter, like grape_variety",
        )  # fmt: skip
    return code
