"""The possible answers of choices: added, renamed, put in order, removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.db.upsert import put, put_new
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.kernel.text import shorten
from hub.pim import projections
from hub.pim.attributes import usage
from hub.pim.attributes.codes import checked_code, code_of
from hub.pim.attributes.define import CHOICES, locked_attribute
from hub.pim.attributes.labels import checked_labels, label_text, record
from hub.pim.attributes.models import Attribute, AttributeOption

OPTIONS_MAX = 10_000
_KINDS = {kind.value for kind in CHOICES}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOption:
    """A possible answer. Without `code` it is made from the label."""

    label: str
    code: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def add_options(session: Session, code: str, options: Sequence[NewOption], now: datetime) -> tuple[str, ...]:
    """Add answers after those that are there, in the order given; returns their codes.

    Raises:
        Unknown: no such attribute.
        NotAllowedNow: it is no choice.
        Invalid: a code or label is taken or not possible, or they would be too many.
    """
    attribute = _choice(session, code)
    there = _options(session, attribute)
    if len(there) + len(options) > OPTIONS_MAX:
        raise Invalid(
            f"{code} would have {len(there) + len(options):,} options, at most {OPTIONS_MAX:,} are possible",
            field="options", fix="make it a text",
        )  # fmt: skip
    codes = {row.code for row in there}
    names = {row.label.casefold() for row in there}
    place = max((row.position for row in there), default=-1) + 1
    rows: list[dict[str, Any]] = []
    for index, option in enumerate(options):
        label = label_text(option.label)
        key = checked_code(option.code or code_of(label))
        if key in codes or label.casefold() in names:
            raise Invalid(
                f"{code} has the option {label!r} ({key}) already", field="option", value=label,
                fix="choose another label and code",
            )  # fmt: skip
        codes.add(key)
        names.add(label.casefold())
        rows.append(
            {
                "attribute_id": attribute.id, "code": key, "label": label,
                "labels": checked_labels(session, option.labels) if option.labels else {}, "position": place + index,
            }
        )  # fmt: skip
    put_new(session, AttributeOption, rows, key=("attribute_id", "code"))
    if rows:
        _note(session, attribute, {row["code"]: (None, row["label"]) for row in rows}, now)
    return tuple(row["code"] for row in rows)


def rename_option(
    session: Session, code: str, option: str, now: datetime, *, label: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> bool:  # fmt: skip
    """Give an answer another label, or other labels per locale; its code stays. Returns whether anything changed.

    Raises:
        Unknown: no such attribute or option.
        NotAllowedNow: the attribute is no choice.
        Invalid: the label is not possible, or another option has it.
    """
    attribute = _choice(session, code)
    there = _options(session, attribute)
    row = next((row for row in there if row.code == option), None)
    if row is None:
        raise _no_option(code, option)
    new = row.label if label is None else label_text(label)
    if any(other.label.casefold() == new.casefold() for other in there if other is not row):
        raise Invalid(f"{code} has an option {new!r} already", field="label", value=new, fix="choose another label")
    translated = row.labels if labels is None else checked_labels(session, labels)
    if (new, translated) == (row.label, row.labels):
        return False
    before = {"label": row.label, "labels": row.labels}
    row.label, row.labels = new, translated
    _note(session, attribute, {option: (before, {"label": new, "labels": translated})}, now)
    projections.touch_where(session, usage.products_with(session, code), now)  # they are searched by their labels
    return True


def order_options(session: Session, code: str, options: Sequence[str], now: datetime) -> bool:
    """Put the answers in this order; those not named follow as they were. Returns whether anything changed.

    Raises:
        Unknown: no such attribute or option.
        NotAllowedNow: the attribute is no choice.
        Invalid: an option is named twice.
    """
    attribute = _choice(session, code)
    there = {row.code: row for row in _options(session, attribute)}
    for option in options:
        if option not in there:
            raise _no_option(code, option)
    if len(set(options)) != len(options):
        raise Invalid("an option is named twice", field="options", value=", ".join(options)[:200], fix="name each once")
    order = [*options, *(option for option in there if option not in options)]
    if order == list(there):
        return False
    put(
        session, AttributeOption,
        [
            {"attribute_id": attribute.id, "code": c, "label": there[c].label, "labels": there[c].labels, "position": at}
            for at, c in enumerate(order)
        ],
        key=("attribute_id", "code"), update=("position",),
    )  # fmt: skip
    record(session, "attribute", attribute.id, code, "updated", {"option_order": (list(there), order)}, now)
    return True


def remove_option(session: Session, code: str, option: str, now: datetime) -> None:
    """Take an answer away that nothing has.

    Raises:
        Unknown: no such attribute or option.
        NotAllowedNow: the attribute is no choice, or a product or variant has the option.
    """
    attribute = _choice(session, code)
    row = next((row for row in _options(session, attribute) if row.code == option), None)
    if row is None:
        raise _no_option(code, option)
    usage.refuse_used_option(session, code, option)
    session.execute(delete(AttributeOption).where(AttributeOption.id == row.id))
    _note(session, attribute, {option: (row.label, None)}, now)


def _choice(session: Session, code: str) -> Attribute:
    attribute = locked_attribute(session, code)
    if attribute.type not in _KINDS:
        raise NotAllowedNow(
            f"{code} is {attribute.type}: only choices have options", field="code", value=code,
            fix="make it a choice while nothing is said in it",
        )  # fmt: skip
    return attribute


def _options(session: Session, attribute: Attribute) -> Sequence[AttributeOption]:
    o = AttributeOption
    query = select(o).where(o.attribute_id == attribute.id).order_by(o.position, o.id)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def _no_option(code: str, option: str) -> Unknown:
    seen = shorten(option, 60)
    return Unknown(f"{code} has no option {seen!r}", field="option", value=seen, fix="add it first")


def _note(session: Session, attribute: Attribute, changes: Mapping[str, tuple[Any, Any]], now: datetime) -> None:
    named = {f"options.{option}": pair for option, pair in changes.items()}
    record(session, "attribute", attribute.id, attribute.code, "updated", named, now)
