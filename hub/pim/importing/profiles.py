"""The layouts of product files: which column means what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten

OPTION_COUNT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A layout. `names` maps column headings (lower case) to meanings; `needed` meanings must be there.

    `prefixes` are headings with a free part, such as «stock:cellar». With `derive_sku`, an empty SKU is made from the
    handle and the options; with `picture_rows`, a row may bring a picture only.
    """

    name: str
    names: Mapping[str, str]
    needed: tuple[str, ...]
    prefixes: Mapping[str, str] = field(default_factory=dict)
    derive_sku: bool = False
    picture_rows: bool = False

    def meaning(self, heading: str) -> str | None:
        name = " ".join(heading.replace("\ufeff", "").split()).casefold()
        if name in self.names:
            return self.names[name]
        for prefix, meaning in self.prefixes.items():
            if name.startswith(prefix) and name[len(prefix) :].strip():
                # the free part keeps its case: location codes differ in it
                return f"{meaning}:{' '.join(heading.split())[len(prefix) :].strip()}"
        return None


SHOPIFY = Profile(
    name="shopify",
    names={
        "handle": "handle", "title": "title", "body (html)": "description", "body html": "description",
        "vendor": "brand", "type": "category", "product category": "category_second", "tags": "tags",
        **{f"option{n} name": f"option{n}_name" for n in (1, 2, 3)},
        **{f"option{n} value": f"option{n}_value" for n in (1, 2, 3)},
        "variant sku": "sku", "variant grams": "grams", "variant weight": "weight",
        "variant weight unit": "weight_unit", "variant inventory qty": "quantity", "variant price": "price",
        "cost per item": "cost", "variant barcode": "gtin", "image src": "picture", "image position": "picture_place",
        "variant image": "image", "seo title": "attribute:seo_title", "seo description": "attribute:seo_description",
        "google shopping / gender": "attribute:gender", "google shopping / age group": "attribute:age_group",
        "google shopping / mpn": "attribute:mpn", "google shopping / condition": "attribute:condition",
    },
    needed=("handle", "title", "price"),
    derive_sku=True,
    picture_rows=True,
)  # fmt: skip

HUB = Profile(
    name="hub",
    names={
        name: name
        for name in (
            "handle", "title", "description", "brand", "category", "tags", "images",
            *(f"option{n}_name" for n in (1, 2, 3)), *(f"option{n}_value" for n in (1, 2, 3)),
            "sku", "gtin", "price", "cost", "weight", "weight_unit", "length", "width", "height", "dimension_unit",
            "image",
        )
    },
    needed=("handle", "title", "sku", "price"),
    prefixes={"stock:": "stock", "attribute:": "attribute"},
)  # fmt: skip
"""Our own layout, one row per variant, described in docs/import.md."""

PROFILES = {profile.name: profile for profile in (SHOPIFY, HUB)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where each meaning stands in this file, and how its heading is spelled there."""

    profile: Profile
    width: int
    place: Mapping[str, int]
    heading: Mapping[str, str]
    ignored: tuple[str, ...]

    def having(self, prefix: str) -> list[str]:
        """The free parts of the columns with that prefix, in the order of the file."""
        return [m.removeprefix(prefix + ":") for m in self.place if m.startswith(prefix + ":")]


def columns_of(profile: Profile, header: Sequence[str]) -> tuple[Columns, list[Invalid]]:
    """Find the columns; also everything that is wrong with them."""
    place: dict[str, int] = {}
    heading: dict[str, str] = {}
    ignored: list[str] = []
    problems: list[Invalid] = []
    for index, text in enumerate(header):
        title = shorten(" ".join(text.replace("\ufeff", "").split()), 60)
        meaning = profile.meaning(text)
        if meaning is None:
            if title and len(ignored) < 200:
                ignored.append(title)
        elif meaning in place:
            problems.append(
                Invalid(
                    f"the column {title!r} is there twice (columns {place[meaning] + 1} and {index + 1})",
                    field=title, fix="remove or rename one of them",
                )
            )  # fmt: skip
        else:
            place[meaning], heading[meaning] = index, title
    for meaning in profile.needed:
        if meaning not in place:
            wanted = next(name for name, m in profile.names.items() if m == meaning)
            seen = shorten(", ".join(" ".join(t.split()) for t in header), 120)
            problems.append(
                Invalid(
                    f"the column {wanted!r} is missing; the first row has: {seen}",
                    field=wanted, fix=f"add the column, or choose another layout than {profile.name}",
                )
            )  # fmt: skip
    return (
        Columns(profile=profile, width=len(header), place=place, heading=heading, ignored=tuple(ignored)),
        problems,
    )
