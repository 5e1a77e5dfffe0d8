"""What a bulk edit does to each product, as plain records that travel as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten
from hub.pim.bulk import formula

ACTIONS_MAX = 20
ITEMS_MAX = 250
TEXT_MAX = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """The field becomes `value`, as a person writes it or in stored form."""

    field: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """The field becomes empty."""

    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Add to the end of a list (tags, pictures, lines, choices) what it does not have yet."""

    field: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """Take these out of a list."""

    field: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace:
    """Wherever `old` stands in the text (or in an item of the list), `new` takes its place."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """The number, price or cost becomes what the formula comes to (bulk/formula.py), rounded half up to the field's own
    decimals."""

    field: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """`field` gets what `source` says; where that says nothing, it stays. With `only_empty`, only where it is empty."""

    field: str
    source: str
    only_empty: bool = False


Action: TypeAlias = Set | Clear | Append | Remove | Replace | Formula | Copy
_KINDS: Mapping[str, type[Action]] = {
    "set": Set, "clear": Clear, "append": Append, "remove": Remove, "replace": Replace, "formula": Formula,
    "copy": Copy,
}  # fmt: skip


def to_json(actions: Sequence[Action]) -> list[dict[str, Any]]:
    names = {kind: name for name, kind in _KINDS.items()}
    return [{"do": names[type(action)], **_plain(action)} for action in actions]


def _plain(action: Action) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(action).items()}


def from_json(given: Any) -> tuple[Action, ...]:
    """The actions of a stored or sent JSON value.

    Raises:
        Invalid: there are none or too many, or one is none; the message says which.
    """
    if not isinstance(given, list) or not 1 <= len(given) <= ACTIONS_MAX:
        raise Invalid(f"a bulk edit does 1 to {ACTIONS_MAX} things", field="actions")
    return tuple(_one(record, place) for place, record in enumerate(given, 1))


def _one(record: Any, place: int) -> Action:
    if not isinstance(record, Mapping) or record.get("do") not in _KINDS:
        raise Invalid(f"action {place} is none", field="do", fix="one of: " + ", ".join(_KINDS))
    kind = _KINDS[str(record["do"])]
    known = {f.name for f in fields(kind)}
    extra = sorted(set(record) - known - {"do"})
    if extra:
        raise Invalid(f"action {place} has no {shorten(str(extra[0]), 40)!r}", field="actions", fix=", ".join(known))
    values: dict[str, Any] = {}
    for name in known & set(record):
        value = record[name]
        if name == "items":
            if not isinstance(value, list) or not 1 <= len(value) <= ITEMS_MAX or not all(map(_text, value)):
                raise Invalid(f"action {place}: give 1 to {ITEMS_MAX} texts", field="items")
            value = tuple(value)
        elif name == "only_empty":
            value = value is True
        elif not _text(value) and name != "value":
            raise Invalid(f"action {place}: {name} is text", field=name)
        values[name] = value
    missing = sorted(f.name for f in fields(kind) if f.name not in values and f.name != "only_empty")
    if missing:
        raise Invalid(f"action {place} needs {missing[0]}", field=missing[0])
    action = kind(**values)
    if isinstance(action, Formula):
        formula.parse(action.expression)
    if isinstance(action, Replace) and not action.old:
        raise Invalid(f"action {place}: what is to be replaced is empty", field="old")
    return action


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_MAX
