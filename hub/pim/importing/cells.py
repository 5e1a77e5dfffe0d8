"""One row's cells, read by meaning; whatever is wrong with them is collected, so that a row shows all its errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Literal, TypeVar

from hub.kernel.errors import Invalid
from hub.kernel.money import Money, exponent
from hub.kernel.text import shorten
from hub.pim.facts import MAX_INTEGER
from hub.pim.importing.profiles import Columns
from hub.pim.importing.reading import Row
from hub.pim.importing.report import RowResult
from hub.pim.units import decimal_number

T = TypeVar("T")

# What a spreadsheet would calculate: «=1+1», «@SUM(A1)», «+cmd|' /C calc'!A0». A minus alone is a negative number.
_FORMULA = re.compile(r"=|[+\-@][A-Za-z.]+\(|[+\-@][^|\n]{0,200}\|[^!\n]{0,200}!")

# What an export writes in front of texts that a spreadsheet would calculate: exporting/text.py.
_GUARDED = re.compile(r"'+([=+\-@\t\r]|#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!)$)")
_ERROR_CELL = re.compile(r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!)")


class Cells:
    """The cells of a row. `subject` and `key` say whose errors these are."""

    def __init__(
        self, row: Row, columns: Columns, *, subject: Literal["product", "variant", "picture"], key: str
    ) -> None:
        self.row = row
        self.subject = subject
        self.key = key
        self.problems: list[RowResult] = []
        self.columns = columns
        self._place = columns.place
        self._cells = row.cells
        self._guards = columns.profile.guards

    def raw(self, meaning: str) -> str:
        """The cell, trimmed; empty if there is no such column."""
        place = self._place.get(meaning)
        return "" if place is None else self._cells[place].strip()

    def said(self, meaning: str) -> bool:
        """Whether the row has that cell at all, empty or not."""
        place = self.columns.place.get(meaning)
        return place is not None and place not in self.row.unsaid

    def heading(self, meaning: str) -> str:
        return self.columns.heading.get(meaning, meaning)

    def fault(self, meaning: str, cause: str, fix: str) -> None:
        self.problems.append(
            RowResult(
                line=self.row.line, subject=self.subject, key=shorten(self.key, 120), result="error",
                field=self.heading(meaning), cause=cause, fix=fix,
            )
        )  # fmt: skip

    def take(self, meaning: str, parse: Callable[[str, str], T]) -> T | None:
        """What `parse(text, heading)` makes of the cell; None if it is empty or wrong (then the error is noted)."""
        place = self._place.get(meaning)
        text = "" if place is None else self._cells[place].strip()
        if not text:
            return None
        if "�" in text:
            self.fault(
                meaning,
                f"{shorten(text, 40)!r} has a character that cannot be read",
                "save the file as UTF-8 in the program that wrote it",
            )
            return None
        guarded = text[0] == "'" and self._guards and _GUARDED.match(text) is not None
        if guarded:
            text = unguarded(text)
        elif text[0] in "=+-@" and _FORMULA.match(text):
            self.fault(
                meaning,
                f"{shorten(text, 40)!r} is a formula, not a value",
                "save the values instead of the formulas",
            )
            return None
        if not guarded and text[0] == "#" and _ERROR_CELL.fullmatch(text):
            self.fault(meaning, f"{text} is an error of the spreadsheet, not a value", "correct the formula behind it")
            return None
        try:
            return parse(text, self.heading(meaning))
        except Invalid as problem:
            self.fault(meaning, problem.message, problem.fix or "correct the cell")
            return None

    def need(self, meaning: str, parse: Callable[[str, str], T]) -> T | None:
        """`take`, with an error if the cell is empty."""
        if not self.raw(meaning):
            name = self.heading(meaning)
            self.fault(meaning, f"{name} is empty", f"give the {name.lower()}")
            return None
        return self.take(meaning, parse)


def unguarded(text: str) -> str:
    """A cell of a layout that guards its cells, without the apostrophe that an export put in front of it."""
    return text[1:] if text.startswith("'") and _GUARDED.match(text) else text


@lru_cache(64)
def money_of(currency: str) -> Callable[[str, str], Money]:
    """A parser of amounts in that currency, which refuses more digits than it has: «1.299» may mean 1299."""

    @lru_cache(8192)  # prices repeat
    def parse(text: str, name: str) -> Money:
        try:
            number = decimal_number(text)
        except ValueError as error:
            raise Invalid(
                f"{error}", field=name, value=shorten(text, 40), fix="write the amount alone, like 12.99"
            ) from error
        digits = exponent(currency)
        if number != round(number, digits):
            raise Invalid(
                f"{text} has more than {digits} decimals, {currency} has {digits}",
                field=name, value=text, fix=f"write it like {Money(minor=129900, currency=currency).text()}",
            )  # fmt: skip
        money = Money.parse(str(number), currency)
        if money.minor > MAX_INTEGER:
            raise Invalid(f"{text} is too much", field=name, value=text, fix="check the decimal point")
        return money

    return parse


def whole(text: str, name: str) -> int:
    """A count of things, 0 or more; «12.0» is one too.

    Raises:
        Invalid: negative, broken, too large or no number.
    """
    if re.fullmatch(r"-[0-9]+(\.0+)?", text):
        raise Invalid(
            f"{text} is below 0; stock cannot be opened with it",
            field=name,
            value=text,
            fix="write 0, or what was counted",
        )
    number = Decimal(text) if re.fullmatch(r"[0-9]{1,12}(\.0{1,6})?", text) else None
    if number is None or number > MAX_INTEGER:
        raise Invalid(
            f"{shorten(text, 40)!r} is not a number of things",
            field=name,
            value=shorten(text, 40),
            fix="write it like 12",
        )
    return int(number)
