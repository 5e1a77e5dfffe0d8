"""What speaks for a channel item being a variant of ours, and how much. No session, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SKU_EQUAL, SKU_ALIKE, GTIN_EQUAL = 55, 40, 45
TITLE_MOST, OPTIONS_EQUAL, PRICE_NEAR = 25, 10, 5
GTIN_DIFFERS, OPTIONS_DIFFER, PRICE_FAR = -30, -20, -5
TITLE_FROM = 0.6
"""Titles that are less alike say nothing; from here on points rise evenly."""
NEAR, FAR = 0.1, 3.0
PROPOSED_FROM = 20
"""Less than this is not worth a person's look."""
CLEAR_LEAD = 20
"""A candidate that leads the next by less than this is not the only one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two things that are compared. `gtin` in 14 digits, `choice` the folded option values, `price_minor` in
    the smallest unit of `currency`."""

    sku: str
    sku_key: str
    gtin: str | None = None
    choice: frozenset[str] = frozenset()
    price_minor: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that speaks for (points > 0) or against it, as a sentence."""

    kind: str
    points: int
    says: str

    def as_dict(self) -> dict[str, object]:
        return {"kind": self.kind, "points": self.points, "says": self.says}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """`score` is 0 to 100."""

    score: int
    evidence: tuple[Evidence, ...] = field(default=())


def weigh(item: Side, ours: Side, likeness: float) -> Weighed:
    """`likeness` of the titles is 0 to 1."""
    found = [*_sku(item, ours), *_gtin(item, ours), *_title(likeness), *_choice(item, ours), *_price(item, ours)]
    return Weighed(score=max(0, min(100, sum(each.points for each in found))), evidence=tuple(found))


def _sku(item: Side, ours: Side) -> list[Evidence]:
    if item.sku and item.sku == ours.sku:
        return [Evidence(kind="sku", points=SKU_EQUAL, says=f"the SKU is the same: {ours.sku}")]
    if item.sku_key and item.sku_key == ours.sku_key:
        says = f"the SKUs differ in case, spaces or signs alone: {item.sku} there, {ours.sku} here"
        return [Evidence(kind="sku_alike", points=SKU_ALIKE, says=says)]
    return []


def _gtin(item: Side, ours: Side) -> list[Evidence]:
    if item.gtin is None or ours.gtin is None:
        return []
    if item.gtin == ours.gtin:
        return [Evidence(kind="gtin", points=GTIN_EQUAL, says=f"the GTIN is the same: {ours.gtin.lstrip('0')}")]
    says = f"the GTINs differ: {item.gtin.lstrip('0')} there, {ours.gtin.lstrip('0')} here"
    return [Evidence(kind="gtin_differs", points=GTIN_DIFFERS, says=says)]


def _title(likeness: float) -> list[Evidence]:
    if likeness < TITLE_FROM:
        return []
    points = round((likeness - TITLE_FROM) / (1 - TITLE_FROM) * TITLE_MOST)
    return [Evidence(kind="title", points=points, says=f"the titles are alike by {likeness:.2f}")]


def _choice(item: Side, ours: Side) -> list[Evidence]:
    if not item.choice or not ours.choice:
        return []
    if item.choice == ours.choice:
        return [Evidence(kind="options", points=OPTIONS_EQUAL, says="the options are the same")]
    says = f"the options differ: {' / '.join(sorted(item.choice))} there, {' / '.join(sorted(ours.choice))} here"
    return [Evidence(kind="options_differ", points=OPTIONS_DIFFER, says=says)]


def _price(item: Side, ours: Side) -> list[Evidence]:
    mine, theirs = ours.price_minor, item.price_minor
    if not mine or not theirs or item.currency != ours.currency:
        return []
    if abs(mine - theirs) <= NEAR * max(mine, theirs):
        return [Evidence(kind="price", points=PRICE_NEAR, says="the prices are near")]
    if max(mine, theirs) > FAR * min(mine, theirs):
        return [Evidence(kind="price_far", points=PRICE_FAR, says="the prices are far apart")]
    return []


def gtin_key(digits: str | None) -> str | None:
    """A GTIN in 14 digits, None for what is none."""
    if not digits or not digits.isascii() or not digits.isdigit() or len(digits) not in (8, 12, 13, 14):
        return None
    total = sum(int(digit) * (3 if index % 2 == 0 else 1) for index, digit in enumerate(digits[-2::-1]))
    return digits.zfill(14) if (10 - total % 10) % 10 == int(digits[-1]) else None


def gtin_forms(key: str) -> tuple[str, ...]:
    """The ways in which a GTIN of 14 digits may be written."""
    return tuple(key[14 - length :] for length in (8, 12, 13, 14) if not key[: 14 - length].strip("0"))


def choice_of(options: Mapping[str, str], folded: Mapping[str, str]) -> frozenset[str]:
    """The option values, folded; what an axis is called differs from language to language and does not count."""
    return frozenset(folded[value] for value in options.values() if folded.get(value))
