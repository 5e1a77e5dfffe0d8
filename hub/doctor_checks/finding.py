"""A check's answer, and what checks are given to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Engine

from hub.channels.registry import Registry
from hub.config import Settings
from hub.db.crypto import SecretBox
from hub.db.session import Sessions
from hub.kernel.clock import Clock
from hub.kernel.text import shorten

SHOW = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: how many things were looked at, which are broken (in words, the first few), and what to do.

    A `warning` is for a person to look at; a `failure` means that the hub is not in order.
    """

    id: str
    title: str
    checked: int
    broken: tuple[str, ...] = ()
    fix: str = ""
    level: Literal["failure", "warning"] = "failure"

    @property
    def ok(self) -> bool:
        return not self.broken

    def as_dict(self) -> Mapping[str, object]:
        return {
            "ok": self.ok, "level": self.level, "checked": self.checked, "title": self.title,
            "broken": [shorten(text, 500) for text in self.broken[:SHOW]], "fix": "" if self.ok else self.fix,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is examined. `clock` is the hub's time (virtual in a rehearsal), `machine` this machine's own; `box` is the
    key that reads stored secrets, None = there is none yet."""

    settings: Settings
    engine: Engine
    sessions: Sessions
    registry: Registry
    clock: Clock
    machine: Clock
    box: SecretBox | None
