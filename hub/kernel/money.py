"""Money: integer minor units and a currency. Decimal appears only here, at the edge to text.

Exponents follow ISO 4217: JPY has none, KWD three; every currency not listed has two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, DecimalException, InvalidOperation

_EXPONENTS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def exponent(currency: str) -> int:
    """Digits after the point of a currency (0 to 4)."""
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount: `minor` in the currency's smallest unit (may be negative), `currency` as three capital letters."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are an int, got {self.minor!r}")
        if len(self.currency) != 3 or not self.currency.isascii() or not self.currency.isupper():
            raise ValueError(f"a currency is three capital letters, got {self.currency!r}")

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """From a channel's decimal string such as «12.99».

        More digits than the currency has are rounded half to even (channels send «25.9800»).

        Raises:
            ValueError: not a finite number, or one of more than 28 digits.
        """
        try:
            number = Decimal(text.strip())
        except (InvalidOperation, AttributeError) as error:
            raise ValueError(f"not an amount of money: {text!r}") from error
        if not number.is_finite():
            raise ValueError(f"not an amount of money: {text!r}")
        try:
            scaled = number.scaleb(exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
        except DecimalException as error:  # «1E40»: more digits than can be exact
            raise ValueError(f"not an amount of money: {text!r}") from error
        return cls(minor=int(scaled), currency=currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(minor=0, currency=currency)

    def text(self) -> str:
        """The decimal string channels take: «12.99», «1299» for JPY."""
        digits = exponent(self.currency)
        return str(Decimal(self.minor).scaleb(-digits).quantize(Decimal(1).scaleb(-digits)))

    def __str__(self) -> str:
        return f"{self.text()} {self.currency}"

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up without a rate")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(minor=self.minor + other.minor, currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(minor=self.minor - other.minor, currency=self.currency)

    def times(self, count: int) -> Money:
        return Money(minor=self.minor * count, currency=self.currency)

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Shares in proportion to `weights` (each >= 0, not all 0); they add up exactly, remainders go to the first.

        Raises:
            ValueError: no positive weight, or a negative one.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError(f"cannot split by {list(weights)}")
        shares = [self.minor * weight // total for weight in weights]
        rest = self.minor - sum(shares)
        for index in [i for i, weight in enumerate(weights) if weight > 0]:
            if rest == 0:
                break
            shares[index] += 1
            rest -= 1
        return [Money(minor=share, currency=self.currency) for share in shares]
