"""What things are called: labels of attributes, options, groups, families and locales."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.kernel.errors import Invalid
from hub.pim.attributes.models import Locale
from hub.pim.facts import NAME_MAX, plain_text
from hub.pim.history.note import Action, Changed, note

POSITION_MAX = 1_000_000


def label_text(text: str) -> str:
    """One line of 1 to 200 characters.

    Raises:
        Invalid: empty, too long, or with control characters.
    """
    return plain_text(text, "label", NAME_MAX, needed=True)


def checked_labels(session: Session, labels: Mapping[str, str]) -> dict[str, str]:
    """Labels per locale; an empty one is left out.

    Raises:
        Invalid: a locale that there is not, or a bad label.
    """
    if not labels:
        return {}
    return labels_in(labels, set(session.scalars(select(Locale.code))))


def labels_in(labels: Mapping[str, str], locales: Collection[str]) -> dict[str, str]:
    """Labels per locale of these `locales`; an empty one is left out.

    Raises:
        Invalid: another locale, or a bad label.
    """
    for locale in labels:
        if locale not in locales:
            raise Invalid(
                f"there is no locale {locale[:20]!r}", field="labels", value=locale[:20],
                fix=f"one of: {', '.join(sorted(locales)) or 'none yet'}; or add it",
            )  # fmt: skip
    return {locale: label_text(text) for locale, text in sorted(labels.items()) if text.strip()}


def checked_position(position: int) -> int:
    """A place in a list, from 0.

    Raises:
        Invalid: it is below 0 or above a million.
    """
    if not 0 <= position <= POSITION_MAX:
        raise Invalid(f"{position} is no position", field="position", value=position, fix="0 or more")
    return position


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Field → (before, after) of what differs, for the history."""
    return {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}


def record(
    session: Session, subject: str, number: int, key: str, action: Action, changes: Mapping[str, tuple[Any, Any]],
    now: datetime,
) -> None:  # fmt: skip
    """Put the change of one definition on record; of a new one, only what is not empty."""
    kept = {name: pair for name, pair in changes.items() if action == "updated" or not _empty(pair)}
    note(session, [Changed(subject=subject, id=number, key=key, action=action, changes=kept)], now)


def _empty(pair: tuple[Any, Any]) -> bool:
    return all(value is None or value in ("", 0, [], {}) for value in pair)
