"""What an action makes of a product or variant: before → after, or why not. Pure.

Fields are named as people name them: the hub's own («price», «tags»), or an attribute's code, with a scope after a dot
where it has several («title.de», «material.@amazon»). Values are those of the history: prices in minor units, values of
attributes in stored form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, assert_never

from hub.kernel.errors import Invalid
from hub.kernel.money import Money, exponent
from hub.kernel.text import shorten
from hub.pim import facts, gtin, units
from hub.pim.attributes.book import Book, Definition
from hub.pim.attributes.fields import OWN_FIELDS, Level
from hub.pim.attributes.types import AttributeType
from hub.pim.attributes.values import checked, stored_value
from hub.pim.bulk import formula
from hub.pim.bulk.actions import Action, Append, Clear, Copy, Formula, Remove, Replace, Set

_ELSEWHERE = {
    "handle": "it is the product's key", "sku": "it is the variant's key", "is_kit": "a kit is made with its components",
    "state": "a state has its own steps: move the products", "stock_class": "classify the products instead",
}  # fmt: skip
_AUDITED = {"price": "price_minor", "cost": "cost_minor", "family": "family_id"}
_COLUMNS_TRANSLATED = ("title", "description")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field that can be edited. `name` is the audited one; `definition` None = one of the hub's own."""

    code: str
    scope: str
    name: str
    level: Level | None
    definition: Definition | None
    multiple: bool

    @property
    def money(self) -> bool:
        return self.name in ("price_minor", "cost_minor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A product or a variant under edit: audited name → value, as the actions before left them. `parent` is the
    product of a variant; `own` are the attributes that its family asks of each variant."""

    subject: Level
    values: dict[str, Any]
    parent: Mapping[str, Any]
    own: frozenset[str]

    def get(self, field: Field) -> Any:
        return self.values.get(field.name)

    def concerns(self, field: Field) -> bool:
        level = field.level or ("variant" if field.code in self.own else "product")
        return level == self.subject


def field_of(text: str, book: Book) -> Field:
    """The field that `text` names: «price», «tags», «material», «title.de», «material.de@amazon».

    Raises:
        Invalid: there is none, or it is not edited in bulk.
    """
    code, _, scope = text.partition(".")
    own = OWN_FIELDS.get(code)
    definition = book.definitions.get(code)
    if own is not None and not (scope and code in _COLUMNS_TRANSLATED):
        if code in _ELSEWHERE:
            raise Invalid(f"{code} is not edited in bulk: {_ELSEWHERE[code]}", field=code)
        if scope:
            raise Invalid(f"{code} has one value for all languages and channels", field=text, fix=f"write {code}")
        return Field(
            code=code, scope="", name=_AUDITED.get(code, code), level=own.level, definition=None, multiple=own.multiple
        )
    if definition is None:
        raise Invalid(
            f"there is no field {shorten(text, 60)!r}", field=shorten(text, 60),
            fix="the hub's own: " + ", ".join(c for c in OWN_FIELDS if c not in _ELSEWHERE) + "; or an attribute's code",
        )  # fmt: skip
    checked(book, {code: {scope: None}})  # the scope exists
    many = definition.type in (AttributeType.LINES, AttributeType.MULTI_CHOICE)
    level: Level | None = "product" if code in _COLUMNS_TRANSLATED else None
    name = f"values.{code}.{scope}" if scope else f"values.{code}"
    return Field(code=code, scope=scope, name=name, level=level, definition=definition, multiple=many)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An action whose fields were looked up once for the whole edit."""

    action: Action
    field: Field
    source: Field | None
    formula: formula.Formula | None
    families: Mapping[str, int]

    def apply(self, thing: Thing) -> None:
        """Do it to the thing's values.

        Raises:
            Invalid: it cannot be done to this one.
        """
        before = thing.get(self.field)
        after = self._after(thing, before)
        if after != before:
            thing.values[self.field.name] = after

    def _after(self, thing: Thing, before: Any) -> Any:
        action = self.action
        match action:
            case Set():
                return self._stored(thing, action.value)
            case Clear():
                return self._stored(thing, None)
            case Append():
                here = list(before or ())
                new = [item for item in self._items(action.items) if item not in here]
                return self._stored(thing, here + new) if new else before
            case Remove():
                gone = self._items(action.items)
                left = [item for item in before or () if item not in gone]
                return self._stored(thing, left) if left != list(before or ()) else before
            case Replace():
                return self._replaced(thing, before, action)
            case Formula():
                return self._worked_out(thing)
            case Copy():
                return self._copied(thing, before, action)
            case _:
                assert_never(action)

    def _items(self, items: tuple[str, ...]) -> list[str]:
        if self.field.definition is not None:
            stored = stored_value(self.field.definition, list(items))
            return list(stored) if isinstance(stored, list) else []
        return list(_own_value(self.field.code, list(items)))

    def _replaced(self, thing: Thing, before: Any, action: Replace) -> Any:
        if isinstance(before, str):
            return self._stored(thing, before.replace(action.old, action.new)) if action.old in before else before
        if isinstance(before, list) and any(action.old in item for item in before):
            return self._stored(thing, [item.replace(action.old, action.new) for item in before])
        return before

    def _worked_out(self, thing: Thing) -> Any:
        assert self.formula is not None
        currency = _currency(thing)
        known = {name: value for name in self.formula.names if (value := _number(thing, name, currency)) is not None}
        result = self.formula.result(known)
        if self.field.money:
            minor = int(formula.rounded(result, exponent(currency)).scaleb(exponent(currency)))
            return self._stored(thing, Money(minor=minor, currency=currency))
        definition = self.field.definition
        digits = 0 if definition is None else int(definition.rules.get("decimals", 4))
        return self._stored(thing, units.plain(formula.rounded(result, digits)))

    def _copied(self, thing: Thing, before: Any, action: Copy) -> Any:
        assert self.source is not None
        said = thing.get(self.source)
        if said in (None, "", []) and self.source.level == "product" and thing.subject == "variant":
            said = thing.parent.get(self.source.name)
        if said in (None, "", []) or (action.only_empty and before not in (None, "", [])):
            return before
        if self.source.money and self.field.money:
            return self._stored(thing, Money(minor=said, currency=_currency(thing)))
        return self._stored(thing, said)

    def _stored(self, thing: Thing, value: Any) -> Any:
        field = self.field
        empty = value in (None, "", [])
        if field.definition is not None:
            return None if empty else stored_value(field.definition, value)
        if field.money:
            return _money(field.code, value, _currency(thing))
        if field.code == "family":
            return _family(value, self.families)
        return _own_value(field.code, None if empty else value)


def _currency(thing: Thing) -> str:
    return str(thing.values.get("currency") or "EUR")


def _number(thing: Thing, name: str, currency: str) -> Decimal | None:
    """A field as the number that formulas know it by: money in whole units, attributes as they are."""
    if name in ("price", "cost"):
        minor = thing.values.get(f"{name}_minor")
        return None if minor is None else Decimal(minor).scaleb(-exponent(currency))
    for values in (thing.values, thing.parent):
        for key in (name, f"values.{name}"):
            value = values.get(key)
            if isinstance(value, Mapping) and "minor" in value:
                return Decimal(value["minor"]).scaleb(-exponent(str(value["currency"])))
            if isinstance(value, int) and not isinstance(value, bool):
                return Decimal(value)
            if isinstance(value, str) and value:
                try:
                    return Decimal(value)
                except ArithmeticError:
                    return None
    return None


def _money(code: str, value: Any, currency: str) -> int | None:
    if value in (None, ""):
        if code == "price":
            raise Invalid("a price cannot be empty", field="price", value="", fix="give one")
        return None
    if isinstance(value, Money):
        return facts.amount(value, code).minor
    text = str(value).strip()
    amount, _, named = text.rpartition(" ")
    if not amount:
        amount, named = text, currency
    if named.upper() != currency:
        raise Invalid(f"its prices are in {currency}, not in {shorten(named, 10)}", field=code, value=shorten(text, 40))
    try:
        number = units.decimal_number(amount)
    except ValueError as error:
        raise Invalid(str(error), field=code, value=shorten(text, 40), fix="write it like 12.99") from error
    if number != round(number, exponent(currency)):
        raise Invalid(f"{text} has more decimals than {currency}", field=code, value=shorten(text, 40))
    return facts.amount(Money.parse(str(number), currency), code).minor


def _family(value: Any, families: Mapping[str, int]) -> int | None:
    if value in (None, ""):
        return None
    if isinstance(value, int):
        return value
    if value not in families:
        raise Invalid(f"there is no family {shorten(str(value), 40)!r}", field="family", value=shorten(str(value), 40))
    return families[value]


def _line(limit: int, *, needed: bool = False) -> Callable[[Any, str], Any]:
    return lambda value, name: facts.plain_text(_string(value, name), name, limit, needed=needed)


def _string(value: Any, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Invalid(f"{name} is one text", field=name, value=shorten(str(value), 40))
    return str(value)


def _list(each: Callable[[str, str], str], limit: int) -> Callable[[Any, str], Any]:
    def several(value: Any, name: str) -> list[str]:
        parts = value if isinstance(value, list | tuple) else [p for p in _string(value, name).split(",") if p.strip()]
        if len(parts) > limit:
            raise Invalid(f"a product has at most {limit} {name}", field=name, value=len(parts))
        return list(dict.fromkeys(each(_string(part, name), name) for part in parts))

    return several


def _measure(top: int, read: Callable[[str, str, str], int], unit: str) -> Callable[[Any, str], Any]:
    def measure(value: Any, name: str) -> int:
        text = _string(value, name).strip()
        number = int(text) if text.isdecimal() and len(text) < 12 else read(text, unit, name)
        if not 0 <= number <= top:
            raise Invalid(f"{name} must be between 0 and {top:,}, got {number}", field=name, value=number)
        return number

    return measure


_LENGTH = _measure(units.MAX_MILLIMETRES, units.millimetres, "mm")
_OWN: Mapping[str, tuple[Callable[[Any, str], Any], Any]] = {
    "title": (_line(facts.TITLE_MAX, needed=True), None),
    "description": (lambda value, name: facts.description_html(_string(value, name)), ""),
    "brand": (_line(facts.NAME_MAX), ""),
    "category": (_line(facts.NAME_MAX), ""),
    "tags": (_list(lambda t, name: facts.plain_text(t, name, facts.NAME_MAX, needed=True), facts.TAGS_MAX), []),
    "images": (_list(facts.web_address, facts.IMAGES_MAX), []),
    "gtin": (lambda value, name: gtin.parse(_string(value, name)), None),
    "weight_g": (_measure(units.MAX_GRAMS, units.grams, "g"), None),
    "length_mm": (_LENGTH, None), "width_mm": (_LENGTH, None), "height_mm": (_LENGTH, None),
    "image": (lambda value, name: facts.web_address(_string(value, name), name), None),
}  # fmt: skip
"""How each of the hub's own fields is read, and what it is when it is empty."""


def _own_value(code: str, value: Any) -> Any:
    read, empty = _OWN[code]
    if value is None:
        if code == "title":
            raise Invalid("a title cannot be empty", field="title", value="", fix="give one")
        return empty
    return read(value, code)


def rule_of(action: Action, book: Book, families: Mapping[str, int]) -> Rule:
    """The action with its fields looked up.

    Raises:
        Invalid: a field does not exist or is not of a kind to which this can be done.
    """
    field = field_of(action.field, book)
    source = field_of(action.source, book) if isinstance(action, Copy) else None
    worked = None
    if isinstance(action, Append | Remove) and not field.multiple:
        raise Invalid(f"{field.code} is not a list", field=field.code, fix="set it, or replace in it")
    if isinstance(action, Formula):
        number = field.money or field.code in ("weight_g", "length_mm", "width_mm", "height_mm")
        if not number and (field.definition is None or field.definition.type is not AttributeType.NUMBER):
            raise Invalid(f"{field.code} is not a number", field=field.code)
        worked = formula.parse(action.expression)
        for name in sorted(worked.names):
            field_of(name, book)
    if isinstance(action, Replace) and field.definition is not None and field.definition.type not in _WORDS:
        raise Invalid(f"{field.code} is not a text", field=field.code, fix="set it instead")
    if isinstance(action, Replace) and field.definition is None and field.code not in _TEXTS:
        raise Invalid(f"{field.code} is not a text", field=field.code, fix="set it instead")
    return Rule(action=action, field=field, source=source, formula=worked, families=families)


_WORDS = (AttributeType.TEXT, AttributeType.LONG_TEXT, AttributeType.RICH_TEXT, AttributeType.LINES)
_TEXTS = ("title", "description", "brand", "category", "tags", "images", "image")
