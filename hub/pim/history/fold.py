"""What taking changes back comes to, one field at a time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the history, as far as undoing goes. `mine`: it is part of what is taken back."""

    seq: int
    mine: bool
    changes: Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """`changes`: field → the value it gets. `conflicts`: field → the number of the line after which somebody else
    changed it (0 = nobody is on record): it stays as it is, from there on."""

    changes: Mapping[str, Any]
    conflicts: Mapping[str, int]


def take_back(current: Mapping[str, Any], lines: Sequence[Line]) -> TakenBack:
    """Go back through `lines` (newest first) from `current`: where a field still has what a line of mine made of it, it
    gets what it had before; where it has not, somebody changed it since, and it stays."""
    now: dict[str, Any] = {}
    stuck: dict[str, int] = {}
    oldest: dict[str, Any] = {}
    for line in lines:
        if not line.mine:
            continue
        for field, (before, after) in line.changes.items():
            oldest[field] = before
            if field in stuck:
                continue
            here = now.get(field, current.get(field))
            if here == after:
                now[field] = before
            else:
                stuck[field] = line.seq
    changes = {field: value for field, value in now.items() if value != current.get(field)}
    conflicts = {
        field: seq
        for field, seq in stuck.items()
        if now.get(field, current.get(field)) != oldest[field]  # it is back already, whoever did it
    }
    return TakenBack(changes=changes, conflicts=conflicts)


def changed_since(current: Mapping[str, Any], lines: Sequence[Line]) -> int | None:
    """The newest line (of `lines`, newest first) with which somebody else left something different from what lines of
    mine made of it; None if nothing is. What was changed and brought back since is not different."""
    mine: dict[str, Any] = {}
    first: dict[str, Any] = {}
    touched: dict[str, int] = {}
    for line in lines:
        for field, (before, after) in line.changes.items():
            if line.mine:
                mine.setdefault(field, after)
            else:
                touched.setdefault(field, line.seq)
                first[field] = before
    different = [seq for field, seq in touched.items() if current.get(field) != mine.get(field, first[field])]
    return max(different, default=None)
