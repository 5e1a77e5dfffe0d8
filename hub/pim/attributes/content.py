"""What a product says in one language on one channel. Pure: takes the book and the product's own columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hub.kernel.money import Money
from hub.pim.attributes.book import Book, Definition
from hub.pim.attributes.fallback import EVERY, resolve
from hub.pim.attributes.types import AttributeType


class Speaks(Protocol):
    """A product as far as its content goes."""

    @property
    def title(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def values(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """`attributes`: code → text as a buyer reads it, without what may not be sent to the channel. `fallen_back`: field → the scope it was taken from, wherever that
    is another than asked for."""

    title: str
    description: str
    attributes: Mapping[str, str]
    fallen_back: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A product as it stands on one page of a channel, with the variants listed there."""

    title: str
    description: str
    values: Mapping[str, Any]


def page_of(product: Speaks, variants: Sequence[Mapping[str, Any]]) -> Page:
    """The product with what all its `variants` (their values) say alike: a page has no place for what they say
    differently, and their options say that already."""
    alike = dict(variants[0]) if variants else {}
    for values in variants[1:]:
        alike = {code: said for code, said in alike.items() if values.get(code) == said}
    values = dict(product.values)
    for code, said in alike.items():
        values[code] = {**values.get(code, {}), **said}
    return Page(title=product.title, description=product.description, values=values)


def content_of(book: Book, product: Speaks, *, locale: str = "", channel: str = "") -> Content:
    """The product's words for `locale` («» = the base content) on `channel`, each by the fallback chain."""
    order = book.scopes(locale, channel)
    values: dict[str, Mapping[str, Any]] = dict(product.values)
    for name, base in (("title", product.title), ("description", product.description)):
        values[name] = {**values.get(name, {}), "": base}
    texts: dict[str, str] = {}
    fallen: dict[str, str] = {}
    for code, by_scope in values.items():
        definition = book.definitions.get(code)
        found = resolve(by_scope, order)
        if definition is None or found is None or (channel and not may_be_sent(definition, channel)):
            continue
        texts[code] = shown(definition, found.value, book.scopes(locale))
        if definition.localisable and locale not in ("", book.base) and found.scope.partition("@")[0] != locale:
            fallen[code] = found.scope
    return Content(title=texts.pop("title"), description=texts.pop("description"), attributes=texts, fallen_back=fallen)


def may_be_sent(definition: Definition, channel: str) -> bool:
    """Whether the attribute's rule allows its value on the channel. Ratings that a channel forbids stay here."""
    withheld = definition.rules.get("withheld", ())
    return channel not in withheld and EVERY not in withheld


def shown(definition: Definition, value: Any, locales: tuple[str, ...] = ("",)) -> str:
    """A stored value as text for a buyer: labels instead of codes in the first of `locales` that has one, numbers with
    their unit, lines one below the other."""
    match definition.type:
        case AttributeType.CHOICE:
            return _label(definition, str(value), locales)
        case AttributeType.MULTI_CHOICE:
            return ", ".join(_label(definition, str(code), locales) for code in value)
        case AttributeType.NUMBER:
            return f"{value} {definition.unit}".strip()
        case AttributeType.LINES:
            return "\n".join(value)
        case AttributeType.BOOLEAN:
            return "yes" if value else "no"
        case AttributeType.MONEY:
            return str(Money(minor=int(value["minor"]), currency=str(value["currency"])))
        case _:
            return str(value)


def _label(definition: Definition, code: str, locales: tuple[str, ...]) -> str:
    labels = definition.option_labels.get(code, {})
    for locale in locales:
        if locale in labels:
            return labels[locale]
    return definition.options.get(code, code)
