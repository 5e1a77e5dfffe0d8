"""What is said about products and variants, and what makes it acceptable. No session, no clock."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import nh3

from hub.kernel.errors import Invalid
from hub.kernel.money import Money
from hub.kernel.text import clean_sku, shorten
from hub.pim import gtin, units
from hub.pim.attributes.fields import PRODUCT_STATES, STOCK_CLASSES

MAX_INTEGER = 2_147_483_647  # what an integer column holds on both databases
HANDLE_MAX, TITLE_MAX, NAME_MAX, ADDRESS_MAX, ATTRIBUTE_MAX = 200, 500, 200, 2048, 5000
DESCRIPTION_MAX = 131_072
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # Unicode's Cc and Cs but tab, LF, CR
_KEPT_MAX = (
    4096  # texts up to here are remembered with their result: a fact is checked once in its file, once in the unit
)
AXES_MAX, IMAGES_MAX, TAGS_MAX, ATTRIBUTES_MAX = 3, 250, 250, 250


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFacts:
    """A product page. `description` is HTML (what could run a script is removed), `axes` the option names in order.

    `values`: attribute code → scope («» | «de» | «@amazon» | «de@amazon») → value, as written or in stored form; None
    or "" takes a value away. `family` is a family's code, "" = none.
    """

    handle: str
    title: str = ""
    description: str = ""
    brand: str = ""
    category: str = ""
    axes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    family: str = ""
    state: str = "draft"
    stock_class: str = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantFacts:
    """A variant of the product `handle`. Weight in grams, lengths in millimetres, None = not known. `values` as for
    products: what a variant does not say, its product says."""

    sku: str
    handle: str
    price: Money
    options: Mapping[str, str] = field(default_factory=dict)
    position: int = 0
    gtin: str | None = None
    cost: Money | None = None
    weight_g: int | None = None
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    image: str | None = None
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


PRODUCT_FIELDS = frozenset(
    {
        "title", "description", "brand", "category", "axes", "images", "tags", "values", "family", "state",
        "stock_class",
    }
)  # fmt: skip
VARIANT_FIELDS = frozenset(
    {
        "price",
        "options",
        "position",
        "gtin",
        "cost",
        "weight_g",
        "length_mm",
        "width_mm",
        "height_mm",
        "image",
        "values",
    }
)


def plain_text(text: str, name: str, limit: int, *, needed: bool = False) -> str:
    """One line in NFC with single spaces.

    Raises:
        Invalid: too long, control characters, or empty although `needed`.
    """
    if len(text) > limit * 4:  # before any work is done on it
        raise Invalid(f"{name} has {len(text):,} characters; at most {limit} are possible", field=name)
    line = " ".join(unicodedata.normalize("NFC", text).split())
    refuse_control(line, name)
    if needed and not line:
        raise Invalid(f"{name} is empty", field=name, value="", fix=f"give the {name.lower()}")
    if len(line) > limit:
        raise Invalid(
            f"{name} has {len(line):,} characters; at most {limit} are possible",
            field=name, value=shorten(line, 40), fix="shorten it",
        )  # fmt: skip
    return line


def refuse_control(text: str, name: str) -> None:
    """Raises Invalid if there is a character that no text has: NUL, other controls, half a surrogate pair."""
    found = _CONTROL.search(text)
    if found is not None:
        raise Invalid(
            f"{name} contains the character U+{ord(found.group()):04X}, which is not text",
            field=name, value=shorten(text, 40), fix="remove it, or save the file again as UTF-8",
        )  # fmt: skip


def handle_text(text: str, name: str = "handle") -> str:
    handle = plain_text(text, name, HANDLE_MAX, needed=True)
    if " " in handle or "/" in handle:
        raise Invalid(
            f"a handle has no spaces and no slashes: {shorten(handle, 40)!r}",
            field=name, value=shorten(handle, 40), fix="write it like blue-shirt",
        )  # fmt: skip
    return handle


def sku_text(text: str, name: str = "sku") -> str:
    refuse_control(text, name)
    try:
        return clean_sku(text)
    except ValueError as error:
        raise Invalid(
            str(error), field=name, value=shorten(text, 40), fix="give a SKU of 1 to 100 characters"
        ) from error


def description_html(text: str, name: str = "description") -> str:
    """HTML without scripts, event handlers, styles and frames: it is shown in the hub and sent to channels."""
    refuse_control(text, name)
    if len(text) > DESCRIPTION_MAX:
        raise Invalid(
            f"{name} has {len(text):,} characters; at most {DESCRIPTION_MAX:,} are possible",
            field=name,
            fix="shorten it",
        )
    html = _clean(text) if len(text) <= _KEPT_MAX else _clean.__wrapped__(text)
    refuse_control(html, name)  # it may have been written as an entity
    return html


@lru_cache(1024)
def _clean(text: str) -> str:
    # Entities have become characters and what was around a script stands alone now: once more, so that it is stable.
    return unicodedata.normalize("NFC", nh3.clean(unicodedata.normalize("NFC", text))).strip()


MEDIA = "media:"
"""Before the SHA-256 of a file of the media library, where a picture is named."""


def picture(text: str, name: str = "image") -> str:
    """A reference to a picture: a web address, or «media:» and the hash of a file of the library."""
    if text.strip().startswith(MEDIA):
        sha256 = text.strip().removeprefix(MEDIA).lower()
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise Invalid(
                f"{shorten(text, 80)!r} names no file of the library", field=name, value=shorten(text, 80),
                fix="`hub media list` shows the files",
            )  # fmt: skip
        return f"{MEDIA}{sha256}"
    return web_address(text, name)


@lru_cache(2048)
def web_address(text: str, name: str = "image") -> str:
    address = text.strip()
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and len(address) <= ADDRESS_MAX
    except ValueError:
        good = False
    if not good or re.search(r"[\s\x00-\x1f\x7f<>\"]", address):
        raise Invalid(
            f"{shorten(address, 60)!r} is not the web address of a picture",
            field=name, value=shorten(address, 60), fix="write it like https://example.com/picture.jpg",
        )  # fmt: skip
    return address


def amount(money: Money, name: str) -> Money:
    if not 0 <= money.minor <= MAX_INTEGER:
        raise Invalid(
            f"{money} is out of range", field=name, value=str(money), fix="0 or more, and less than 21 million"
        )
    return money


def checked_product(given: ProductFacts, fields: Collection[str] = PRODUCT_FIELDS) -> ProductFacts:
    """`given` in stored form.

    Raises:
        Invalid: the first thing that is not acceptable.
    """
    if len(given.axes) > AXES_MAX or len(set(given.axes)) != len(given.axes):
        raise Invalid(f"a product has at most {AXES_MAX} different options", field="axes", value=str(given.axes))
    for name, things, top in (
        ("images", given.images, IMAGES_MAX),
        ("tags", given.tags, TAGS_MAX),
        ("values", given.values, ATTRIBUTES_MAX),
    ):
        if len(things) > top:
            raise Invalid(f"a product has at most {top} {name}, these are {len(things)}", field=name, value=len(things))
    return replace(
        given,
        handle=handle_text(given.handle),
        title=plain_text(given.title, "title", TITLE_MAX, needed="title" in fields),
        description=description_html(given.description),
        brand=plain_text(given.brand, "brand", NAME_MAX),
        category=plain_text(given.category, "category", NAME_MAX),
        axes=tuple(plain_text(axis, "axes", NAME_MAX, needed=True) for axis in given.axes),
        images=tuple(dict.fromkeys(picture(image, "images") for image in given.images)),
        tags=tuple(dict.fromkeys(plain_text(tag, "tags", NAME_MAX, needed=True) for tag in given.tags)),
        state=_one_of(given.state, "state", PRODUCT_STATES),
        stock_class=_one_of(given.stock_class, "stock_class", STOCK_CLASSES),
    )


def _one_of(text: str, name: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise Invalid(
            f"{shorten(text, 40)!r} is no {name.replace('_', ' ')}", field=name, value=shorten(text, 40),
            fix=f"one of: {', '.join(known)}",
        )  # fmt: skip
    return text


def checked_variant(given: VariantFacts) -> VariantFacts:
    """`given` in stored form.

    Raises:
        Invalid: the first thing that is not acceptable.
    """
    for name, value, top in (
        ("weight_g", given.weight_g, units.MAX_GRAMS),
        ("length_mm", given.length_mm, units.MAX_MILLIMETRES),
        ("width_mm", given.width_mm, units.MAX_MILLIMETRES),
        ("height_mm", given.height_mm, units.MAX_MILLIMETRES),
    ):
        if value is not None and not 0 <= value <= top:
            raise Invalid(f"{name} must be between 0 and {top:,}, got {value}", field=name, value=value)
    if given.cost is not None and given.cost.currency != given.price.currency:
        raise Invalid(
            f"the cost is in {given.cost.currency} and the price in {given.price.currency}",
            field="cost", value=str(given.cost), fix="give both in one currency",
        )  # fmt: skip
    return replace(
        given,
        sku=sku_text(given.sku),
        handle=handle_text(given.handle),
        price=amount(given.price, "price"),
        cost=None if given.cost is None else amount(given.cost, "cost"),
        gtin=None if given.gtin is None else gtin.parse(given.gtin),
        image=None if given.image is None else picture(given.image),
        options={
            plain_text(axis, "options", NAME_MAX, needed=True): plain_text(value, axis, NAME_MAX, needed=True)
            for axis, value in given.options.items()
        },
    )
