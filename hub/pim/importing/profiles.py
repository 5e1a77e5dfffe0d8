"""The layouts of product files whose columns only have to be renamed: which column means what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten
from hub.pim.attributes.codes import code_of
from hub.pim.attributes.fields import PRODUCT_STATES

OPTION_COUNT = 3
_METAFIELD = re.compile(r".*\((product|variant)\.metafields\.([\w$-]+)\.([\w-]+)\)", re.IGNORECASE)
_SAME_STATES = {state: state for state in PRODUCT_STATES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A layout. `names` maps column headings (lower case) to meanings; `needed` meanings must be there.

    `prefixes` are headings with a free part, such as «stock:cellar». With `derive_sku`, an empty SKU is made from the
    handle and the options; with `picture_rows`, a row may bring a picture only; with `metafields`, headings such as
    «Care (product.metafields.custom.care)» are attributes. `states`: what the layout calls a product's states. With
    `guards`, an apostrophe before a text that a spreadsheet would calculate is taken away.
    """

    name: str
    names: Mapping[str, str]
    needed: tuple[str, ...]
    prefixes: Mapping[str, str] = field(default_factory=dict)
    derive_sku: bool = False
    picture_rows: bool = False
    metafields: bool = False
    states: Mapping[str, str] = field(default_factory=lambda: _SAME_STATES)
    guards: bool = False

    def meaning(self, heading: str) -> str | None:
        name = heading_key(heading)
        if name in self.names:
            return self.names[name]
        for prefix, meaning in self.prefixes.items():
            if name.startswith(prefix) and name[len(prefix) :].strip():
                # the free part keeps its case: location codes differ in it
                return f"{meaning}:{' '.join(heading.split())[len(prefix) :].strip()}"
        found = _METAFIELD.fullmatch(name) if self.metafields and len(name) <= 300 else None
        if found is not None:
            owner, space, key = found.groups()
            label = key if space == "custom" else f"{space} {key}"
            return f"{'attribute' if owner == 'product' else 'variant_attribute'}:{label}"
        return None


def heading_key(heading: str) -> str:
    """A heading as it is compared: without case, outer and double spaces."""
    return " ".join(heading.replace("\ufeff", "").split()).casefold()


_OPTIONS = {f"option{n} {part}": f"option{n}_{part}" for n in (1, 2, 3) for part in ("name", "value")}

SHOPIFY = Profile(
    name="shopify",
    names={
        # the export's headings, and those of the newer template beside them
        "handle": "handle", "url handle": "handle", "title": "title", "body (html)": "description",
        "body html": "description", "description": "description", "vendor": "brand", "type": "category",
        "product category": "category_second", "tags": "tags", "published": "published",
        "published on online store": "published", "status": "state", **_OPTIONS,
        "variant sku": "sku", "sku": "sku", "variant grams": "grams", "weight value (grams)": "grams",
        "variant weight": "weight", "variant weight unit": "weight_unit", "variant inventory qty": "quantity",
        "inventory quantity": "quantity", "variant price": "price", "price": "price",
        "variant compare at price": "variant_attribute:compare_at_price",
        "compare-at price": "variant_attribute:compare_at_price", "cost per item": "cost", "variant barcode": "gtin",
        "variant barcodes": "gtin", "barcode": "gtin", "image src": "picture", "product image url": "picture",
        "image position": "picture_place", "variant image": "image", "variant image url": "image",
        "seo title": "attribute:seo_title", "seo description": "attribute:seo_description",
        "google shopping / gender": "attribute:gender", "google shopping / age group": "attribute:age_group",
        "google shopping / mpn": "attribute:mpn", "google shopping / condition": "attribute:condition",
    },
    needed=("handle", "title", "price"),
    derive_sku=True,
    picture_rows=True,
    metafields=True,
    states={"active": "approved", "draft": "draft", "archived": "archived", "unlisted": "draft"},
)  # fmt: skip

HUB = Profile(
    name="hub",
    names={
        name: name
        for name in (
            "handle", "title", "description", "brand", "category", "tags", "images", "family", "state", "stock_class",
            *(f"option{n}_name" for n in (1, 2, 3)), *(f"option{n}_value" for n in (1, 2, 3)),
            "sku", "gtin", "price", "cost", "weight", "weight_unit", "length", "width", "height", "dimension_unit",
            "image", "components", "currency",
        )
    } | {"bullet_points": "value:bullet_points", "keywords": "value:keywords"},
    needed=("handle", "title", "sku", "price"),
    prefixes={
        "stock:": "stock", "attribute:": "attribute", "title:": "value:title", "description:": "value:description",
        "bullet_points:": "value:bullet_points", "keywords:": "value:keywords", "value:": "value",
        "variant:": "variant",
    },
    guards=True,
)  # fmt: skip
"""Our own layout, one row per variant, described in docs/import.md."""

PROFILES = {profile.name: profile for profile in (SHOPIFY, HUB)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An attribute that a file's column needs. It is made, as long text, if there is none of that code."""

    code: str
    label: str
    localisable: bool = False
    per_channel: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoped:
    """A column with a value of an attribute: where it stands, whose it is, and for which locale and channel."""

    meaning: str
    code: str
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where each meaning stands in the rows, and how its heading is spelled in the file.

    `product_values` and `variant_values` are the columns of attributes by level, `wanted` what they need, `locales` the
    languages they name. With `families`, a family that does not exist yet is made. `stock` are location codes.
    """

    profile: Profile
    width: int
    place: Mapping[str, int]
    heading: Mapping[str, str]
    ignored: tuple[str, ...] = ()
    product_values: tuple[Scoped, ...] = ()
    variant_values: tuple[Scoped, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    locales: tuple[str, ...] = ()
    families: bool = False
    stock: tuple[str, ...] = ()


def columns_of(profile: Profile, header: Sequence[str], shown: Sequence[str] = ()) -> tuple[Columns, list[Invalid]]:
    """Find the columns; also everything that is wrong with them. `shown`: the headings as the file has them, if
    `header` was translated by a mapping."""
    place: dict[str, int] = {}
    heading: dict[str, str] = {}
    ignored: list[str] = []
    problems: list[Invalid] = []
    for index, text in enumerate(header):
        title = shorten(" ".join((shown[index] if shown else text).replace("\ufeff", "").split()), 60)
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
            seen = shorten(", ".join(" ".join(t.split()) for t in (shown or header)), 120)
            problems.append(
                Invalid(
                    f"the column {wanted!r} is missing; the first row has: {seen}",
                    field=wanted, fix=f"add the column, or choose another layout than {profile.name}",
                )
            )  # fmt: skip
    return made(profile, len(header), place, heading, ignored), problems


def made(
    profile: Profile,
    width: int,
    place: Mapping[str, int],
    heading: Mapping[str, str],
    ignored: Sequence[str],
    *,
    wanted: Sequence[Wanted] = (),
    locales: Sequence[str] = (),
    families: bool = False,
) -> Columns:
    """Columns with what their meanings say about attributes and places. `wanted` beyond those of «attribute:…»."""
    product: list[Scoped] = []
    variant: list[Scoped] = []
    needs = {one.code: one for one in wanted}
    stock: list[str] = []
    for meaning in place:
        kind, _, rest = meaning.partition(":")
        if kind in ("attribute", "variant_attribute"):
            code = code_of(rest)
            needs.setdefault(code, Wanted(code=code, label=" ".join(rest.split())))
            (product if kind == "attribute" else variant).append(Scoped(meaning=meaning, code=code, scope=""))
        elif kind in ("value", "variant"):
            code, _, scope = rest.partition(":")
            scoped = Scoped(meaning=meaning, code=code.strip(), scope=scope.strip())
            (product if kind == "value" else variant).append(scoped)
        elif kind == "stock":
            stock.append(rest)
    return Columns(
        profile=profile, width=width, place=place, heading=heading, ignored=tuple(ignored),
        product_values=tuple(product), variant_values=tuple(variant), wanted=tuple(needs.values()),
        locales=tuple(locales), families=families, stock=tuple(stock),
    )  # fmt: skip
