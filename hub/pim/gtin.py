"""Trade item numbers: the digits under a barcode (GTIN-8, UPC-12, EAN-13, GTIN-14), checked by their last digit."""

from __future__ import annotations

import re

from stdnum import ean

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten

_LENGTHS = (8, 12, 13, 14)


def parse(text: str, field: str = "gtin") -> str:
    """The digits of a GTIN; spaces, hyphens and a leading apostrophe (spreadsheets add one) are taken away.

    Raises:
        Invalid: not a GTIN; the message names the value, and the right check digit if only that is wrong.
    """
    seen = shorten(text.strip(), 40)
    digits = text.strip().removeprefix("'").replace(" ", "").replace("-", "")
    if re.fullmatch(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+", digits):
        raise Invalid(
            f"{seen} was shortened by a spreadsheet and its digits are lost",
            field=field, value=seen, fix="format the column as text and enter the number again",
        )  # fmt: skip
    if not re.fullmatch(r"[0-9]+", digits):
        raise Invalid(
            f"{seen!r} is not a GTIN: only digits may be in it",
            field=field, value=seen, fix="enter the digits under the barcode, or leave it empty",
        )  # fmt: skip
    if len(digits) not in _LENGTHS:
        raise Invalid(
            f"{seen} has {len(digits)} digits; a GTIN has 8, 12, 13 or 14",
            field=field, value=seen, fix="enter all digits under the barcode, leading zeros too, or leave it empty",
        )  # fmt: skip
    right = str(ean.calc_check_digit(digits[:-1]))
    if right != digits[-1]:
        raise Invalid(
            f"{seen} is not a GTIN: its last digit must be {right}, not {digits[-1]}",
            field=field, value=seen, fix=f"compare it with the barcode; {digits[:-1]}{right} would be right",
        )  # fmt: skip
    return digits


def with_check_digit(digits: str) -> str:
    """`digits` (7, 11, 12 or 13 of them) and the check digit that makes them a GTIN."""
    if not re.fullmatch(r"[0-9]{7}|[0-9]{11,13}", digits):
        raise ValueError(f"7, 11, 12 or 13 digits are needed, got {digits!r}")
    return digits + str(ean.calc_check_digit(digits))
