"""Where values of an attribute are: asked before a definition is narrowed. Reads every product at worst: for the few
moments in which somebody changes what can be said, not for pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, or_, select
from sqlalchemy.orm import Session

from hub.db.session import is_sqlite
from hub.db.upsert import table_of
from hub.kernel.errors import NotAllowedNow
from hub.pim.attributes.fallback import split_scope
from hub.pim.models import Product, Variant

_BATCH = 1_000
_products, _variants = table_of(Product), table_of(Variant)
_PLACES = (("product", _products, _products.c.handle), ("variant", _variants, _variants.c.sku))


def has_value(session: Session, table: Any, code: str) -> ColumnElement[bool]:
    """The condition that a row of products or variants says something about the attribute."""
    column = table.c["values"]
    if is_sqlite(session):
        return func.json_type(column, f'$."{code}"').is_not(None)
    return func.json_extract_path(column, code).is_not(None)


def products_with(session: Session, code: str) -> ColumnElement[bool]:
    """The condition that a product or one of its variants says something about the attribute."""
    by_variant = select(_variants.c.product_id).where(has_value(session, _variants, code))
    return or_(has_value(session, _products, code), _products.c.id.in_(by_variant))


def sayings(session: Session, code: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(product or variant, its handle or SKU, scope → value) wherever the attribute has a value, a thousand at a time."""
    for subject, table, key in _PLACES:
        last = 0
        while True:
            rows = session.execute(
                select(table.c.id, key.label("key"), table.c["values"].label("said"))
                .where(has_value(session, table, code), table.c.id > last)
                .order_by(table.c.id)
                .limit(_BATCH)
            ).all()
            for row in rows:
                yield subject, row.key, row.said[code]
            if len(rows) < _BATCH:
                break
            last = rows[-1].id


def refuse_used(session: Session, code: str, what: str, fix: str, *, field: str = "code") -> None:
    """Refuse `what` while any product or variant has a value of the attribute.

    Raises:
        NotAllowedNow: there is one; the message names it.
    """
    for subject, key, _ in sayings(session, code):
        raise NotAllowedNow(f"{what}: the {subject} {key} has a value", field=field, value=code, fix=fix)


def refuse_scoped(session: Session, code: str, *, locales: bool, channels: bool) -> None:
    """Refuse to take the values per locale (or channel) away while there are some.

    Raises:
        NotAllowedNow: there is one; the message names it.
    """
    for subject, key, said in sayings(session, code):
        for scope in said:
            locale, channel = split_scope(scope)
            if (locale and locales) or (channel and channels):
                raise NotAllowedNow(
                    f"{code} must keep its values per {'locale' if locale and locales else 'channel'}: the {subject} {key}"
                    f" has one for {scope}", field="localisable" if locale and locales else "per_channel", value=scope,
                    fix="remove those values first",
                )  # fmt: skip


def refuse_used_option(session: Session, code: str, option: str) -> None:
    """Refuse to remove an option that is chosen somewhere.

    Raises:
        NotAllowedNow: it is; the message names where.
    """
    for subject, key, said in sayings(session, code):
        for value in said.values():
            if value == option or (isinstance(value, list) and option in value):
                raise NotAllowedNow(
                    f"the option {option} cannot be removed: the {subject} {key} has it", field="option", value=option,
                    fix="give those products another value first",
                )  # fmt: skip


def refuse_used_locale(session: Session, locale: str) -> None:
    """Refuse to remove a locale in which something is said.

    Raises:
        NotAllowedNow: something is; the message names where.
    """
    for subject, table, key in _PLACES:
        last = 0
        while True:
            text = cast(table.c["values"], Text)  # finds a little too much: looked at below
            rows = session.execute(
                select(table.c.id, key.label("key"), table.c["values"].label("said"))
                .where(text.contains(f'"{locale}"') | text.contains(f'"{locale}@'), table.c.id > last)
                .order_by(table.c.id)
                .limit(_BATCH)
            ).all()
            for row in rows:
                for code, said in row.said.items():
                    if any(split_scope(scope)[0] == locale for scope in said):
                        raise NotAllowedNow(
                            f"the locale {locale} cannot be removed: the {subject} {row.key} has its {code} in it",
                            field="locale", value=locale, fix="clear the values of that locale first",
                        )  # fmt: skip
            if len(rows) < _BATCH:
                break
            last = rows[-1].id
