"""What completeness is. Pure.

A product is complete for a channel and a language if everything that its family requires there is filled:

* A requirement for «*» counts for every channel (language), one for a channel only there.
* Text in another language does not count: for `de` a value under «de», «de@amazon» or, for `de-AT`, of any kind of German
  does; the English base content, which a listing would show instead, does not. What is not localisable is the same in
  every language.
* What varies (a price, a GTIN, an attribute that the family puts on variants) must be filled for every variant; what the
  product says holds for all its variants.
* Where nothing is required (no family, or none of its requirements is for that channel) a product needs a title, a
  variant and prices.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

EVERY = "*"
VARIANTS = "variants"
"""The name of the requirement that there is anything to sell."""
BASICS = ("title", VARIANTS, "price")
SKUS_SHOWN = 20
"""So many SKUs are kept with a gap; how many variants have it is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A field required on a channel in a language; «*» = every."""

    field: str
    channel: str = EVERY
    locale: str = EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class OneVariant:
    """A variant: its own fields that are filled, and what it says itself."""

    sku: str
    filled: frozenset[str]
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneProduct:
    """A product: its own fields that are filled, what it says (the base title and description under their names and the
    scope «»), and its variants in order."""

    filled: frozenset[str]
    values: Mapping[str, Mapping[str, Any]]
    variants: Sequence[OneVariant] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Which of the fields vary (`varying`), and which have a text per language (`localisable`)."""

    varying: frozenset[str]
    localisable: frozenset[str]
    own: frozenset[str]  # the hub's own fields, filled or not; everything else is looked up in the values


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A required field that is not filled. `variants`: how many variants lack it, 0 = the product does; `skus`: the
    first of them."""

    field: str
    skus: tuple[str, ...] = ()
    variants: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {"field": self.field, "skus": list(self.skus), "variants": self.variants}


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """`percent`: 0 to 100, rounded down; 100 exactly if nothing is missing."""

    required: int
    filled: int
    missing: tuple[Gap, ...]

    @property
    def percent(self) -> int:
        return 100 if self.required == self.filled else self.filled * 100 // self.required


def applying(needs: Collection[Need], channel: str, locale: str) -> list[str]:
    """The fields required on `channel` («*» = in general) in `locale` («» = the base), sorted; the basics if none is."""
    found = {need.field for need in needs if need.channel in (EVERY, channel) and need.locale in (EVERY, locale)}
    return sorted(found) if found else list(BASICS)


def own_language(order: Sequence[str], locale: str, base: str) -> tuple[str, ...]:
    """Those of the scopes to try (best first) that are in the language of `locale`. `base`: the language of the base
    content, "" = not known: then it is nobody's translation. `locale` «» takes the base content only."""
    if not locale:
        return tuple(scope for scope in order if not scope.partition("@")[0])
    return tuple(scope for scope in order if same_language(scope, locale, base))


def same_language(scope: str, locale: str, base: str) -> bool:
    """Whether what stands under `scope` is in the language of `locale`: «de» is, for «de-AT»."""
    return (scope.partition("@")[0] or base).partition("-")[0].casefold() == locale.partition("-")[0].casefold()


def completeness(
    required: Sequence[str], product: OneProduct, levels: Levels, order: Sequence[str], own: Sequence[str]
) -> Score:
    """How much of `required` is filled. `order`: the scopes to try for what is not localisable, `own`: for what is
    (from `own_language`)."""
    gaps = [gap for gap in (_gap(name, product, levels, order, own) for name in required) if gap is not None]
    return Score(required=len(required), filled=len(required) - len(gaps), missing=tuple(gaps))


def _gap(name: str, product: OneProduct, levels: Levels, order: Sequence[str], own: Sequence[str]) -> Gap | None:
    if name == VARIANTS:
        return None if product.variants else Gap(field=name)
    if name in levels.own:
        if name in product.filled:
            return None
        lacking = [v.sku for v in product.variants if name not in v.filled]
    else:
        scopes = own if name in levels.localisable else order
        if _says(product.values, name, scopes):
            return None
        lacking = [v.sku for v in product.variants if not _says(v.values, name, scopes)]
    if name not in levels.varying:
        # What belongs to the product may still be said by each of its variants.
        return None if product.variants and not lacking else Gap(field=name)
    if product.variants and not lacking:
        return None
    return Gap(field=name, skus=tuple(lacking[:SKUS_SHOWN]), variants=len(lacking))


def _says(values: Mapping[str, Mapping[str, Any]], name: str, scopes: Sequence[str]) -> bool:
    said = values.get(name)
    return said is not None and any(scope in said for scope in scopes)
