"""What people type on a command line, made into values."""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from hub.kernel.clock import parse_instant
from hub.pim.history.note import By

_SPAN = re.compile(r"(\d{1,9})\s*(s|m|min|h|d)?")
_SECONDS = {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


class Span(click.ParamType[int]):
    """A span of time in seconds: 90, 90s, 5m, 6h, 1d."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = _SPAN.fullmatch(str(value).strip().lower())
        seconds = int(match.group(1)) * _SECONDS[match.group(2)] if match else 0
        if not 1 <= seconds <= 366 * 86_400:
            self.fail(f"{value!r} is no span of time; write it like 90s, 5m, 6h or 1d", param, ctx)
        return seconds


class Instant(click.ParamType[datetime]):
    """An instant with its zone: 2026-11-22T09:00Z, 2026-11-22T10:00+01:00."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_instant(str(value))
        except (ValueError, OverflowError) as error:
            self.fail(f"{error}; write it like 2026-11-22T09:00:00Z", param, ctx)


SPAN = Span()
INSTANT = Instant()


def pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """`name=value` options as a mapping.

    Raises:
        click.BadParameter: one has no «=» or no name, or a name is given twice.
    """
    out: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        name = name.strip()
        if not sign or not name:
            # The text may be a secret that was typed without its name: it is not repeated.
            raise click.BadParameter("write it like name=value", param_hint=option)
        if name in out:
            raise click.BadParameter(f"{name} is given twice", param_hint=option)
        out[name] = value
    return out


def secrets_file(path: Path | None) -> dict[str, str]:
    """Secrets from a JSON object of texts. What is in the file is never repeated in a message.

    Raises:
        click.BadParameter: it cannot be read or is something else.
    """
    if path is None:
        return {}
    hint = "--secrets-file"
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path} cannot be read as JSON ({type(error).__name__})", param_hint=hint) from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise click.BadParameter(f'{path} must hold an object of texts: {{"name": "value"}}', param_hint=hint)
    return {str(name): value for name, value in found.items()}


def person(reason: str = "") -> By:
    """Whoever types: their name on this machine."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        name = "command line"
    return By(kind="person", name=name, reason=reason, source="cli")
