"""The languages that content is written in: added, changed, removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import babel
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import put_new
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.kernel.text import shorten
from hub.pim import projections
from hub.pim.attributes import usage
from hub.pim.attributes.labels import checked_position, differences, label_text, record
from hub.pim.attributes.models import FamilyRequirement, Locale
from hub.pim.models import Product
from hub.work.models import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLocale:
    """A language to write in. Without `label` it is called by its English name. `fallback`: another locale, read where
    this one says nothing. `base`: the base content is in this language; it has no values of its own then."""

    code: str
    label: str = ""
    fallback: str = ""
    base: bool = False
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLocale:
    """What to change of the locale `code`; None = leave it."""

    code: str
    label: str | None = None
    fallback: str | None = None
    base: bool | None = None
    position: int | None = None


def locale_code(text: str) -> str:
    """A language tag as BCP 47 writes it: «pt_br» is pt-BR, «zh-hant-tw» zh-Hant-TW.

    Raises:
        Invalid: there is no such language or country.
    """
    seen = shorten(text.strip(), 40)
    try:
        found = babel.Locale.parse(text.strip().replace("-", "_"))
    except (ValueError, TypeError, babel.UnknownLocaleError) as error:
        raise Invalid(
            f"{seen!r} is no language", field="locale", value=seen, fix="write it like de, pt-BR or zh-Hant"
        ) from error
    parts = [found.language, found.script, found.territory, found.variant]
    if found.modifier or len(text) > 40:
        raise Invalid(f"{seen!r} is no language tag", field="locale", value=seen, fix="write it like de or pt-BR")
    return "-".join(part for part in parts if part)


def add_locale(session: Session, cmd: NewLocale, now: datetime) -> str:
    """Add a language; returns its code.

    Raises:
        Invalid: no such language, it is there already, or its label is not possible.
        Unknown: no such fallback.
        NotAllowedNow: another locale is the base.
    """
    code = locale_code(cmd.code)
    there = _all(session)
    _check_fallback(there, code, cmd.fallback)
    row = {
        "code": code, "label": label_text(cmd.label or _name(code)), "fallback": cmd.fallback, "is_base": cmd.base,
        "position": checked_position(cmd.position),
    }  # fmt: skip
    if code in there:
        raise Invalid(f"there is a locale {code} already", field="code", value=code, fix="change it instead")
    if cmd.base:
        _refuse_other_base(there, code)
    if not put_new(session, Locale, [row], key=("code",), returning=("code",)):
        raise Invalid(f"there is a locale {code} already", field="code", value=code, fix="change it instead")
    changes = {name: (None, value) for name, value in row.items() if name != "code"}
    record(session, "locale", 0, code, "created", changes, now)
    _touch_all(session, now)
    return code


def change_locale(session: Session, cmd: ChangeLocale, now: datetime) -> frozenset[str]:
    """Change a language; returns the columns that really changed.

    Raises:
        Unknown: no such locale or fallback.
        Invalid: the fallbacks would go in a circle, or the label is not possible.
        NotAllowedNow: it would be the base although it has values of its own, or another is.
    """
    there = _all(session)
    row = _known(there, cmd.code)
    before = {"label": row.label, "fallback": row.fallback, "is_base": row.is_base, "position": row.position}
    after = {
        "label": row.label if cmd.label is None else label_text(cmd.label),
        "fallback": row.fallback if cmd.fallback is None else cmd.fallback,
        "is_base": row.is_base if cmd.base is None else cmd.base,
        "position": row.position if cmd.position is None else checked_position(cmd.position),
    }
    _check_fallback(there, row.code, str(after["fallback"]))
    changed = differences(before, after)
    if not changed:
        return frozenset()
    if after["is_base"] and not before["is_base"]:
        _refuse_other_base(there, row.code)
        usage.refuse_used_locale(session, row.code)
    for name in changed:
        setattr(row, name, after[name])
    session.flush()
    record(session, "locale", 0, row.code, "updated", changed, now)
    if {"fallback", "is_base"} & changed.keys():
        _touch_all(session, now)
    return frozenset(changed)


def remove_locale(session: Session, code: str, now: datetime) -> None:
    """Remove a language in which nothing is said.

    Raises:
        Unknown: no such locale.
        NotAllowedNow: a value, an account, a requirement or another locale needs it.
    """
    there = _all(session)
    row = _known(there, code)
    other = next((o.code for o in there.values() if o.fallback == code), None)
    if other is not None:
        raise _needed(code, f"{other} falls back to it", "give that one another fallback")
    account = session.scalars(select(Account.name).where(Account.locale == code).limit(1)).first()
    if account is not None:
        raise _needed(code, f"the account {account} lists in it", "give that account another language")
    if session.scalars(select(FamilyRequirement.family_id).where(FamilyRequirement.locale == code).limit(1)).first():
        raise _needed(code, "a family requires fields in it", "drop those requirements")
    usage.refuse_used_locale(session, code)
    changes = {"label": (row.label, None), "fallback": (row.fallback, None), "is_base": (row.is_base, None)}
    session.delete(row)
    session.flush()
    record(session, "locale", 0, code, "deleted", changes, now)
    _touch_all(session, now)


def _all(session: Session) -> dict[str, Locale]:
    """They are few, and their fallbacks must not go in a circle: whoever changes one holds them all."""
    query = select(Locale).order_by(Locale.code).execution_options(populate_existing=True)
    return {row.code: row for row in session.scalars(query.with_for_update())}


def _known(there: dict[str, Locale], code: str) -> Locale:
    row = there.get(code)
    if row is None:
        seen = shorten(code, 40)
        known = ", ".join(sorted(there)) or "none yet"
        raise Unknown(f"there is no locale {seen!r}", field="locale", value=seen, fix=f"known: {known}; or add it")
    return row


def _check_fallback(there: dict[str, Locale], code: str, fallback: str) -> None:
    here, steps = fallback, [code]
    while here:
        if here in steps:
            raise Invalid(
                f"the fallbacks would go in a circle: {' → '.join([*steps, here])}", field="fallback", value=fallback,
                fix="name a locale that does not come back here",
            )  # fmt: skip
        steps.append(here)
        here = _known(there, here).fallback


def _refuse_other_base(there: dict[str, Locale], code: str) -> None:
    other = next((o.code for o in there.values() if o.is_base and o.code != code), None)
    if other is not None:
        raise NotAllowedNow(
            f"the base content is in {other}", field="base", value=code, fix=f"let {other} not be the base first"
        )


def _needed(code: str, why: str, fix: str) -> NotAllowedNow:
    return NotAllowedNow(f"the locale {code} cannot be removed: {why}", field="locale", value=code, fix=fix)


def _name(code: str) -> str:
    return babel.Locale.parse(code, sep="-").get_display_name("en") or code


def _touch_all(session: Session, now: datetime) -> None:
    """Completeness is per locale: every product's changes when there is another one."""
    projections.touch_where(session, Product.id > 0, now)
