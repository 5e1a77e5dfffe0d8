"""Trees, states and relations as rules. Standard library only."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping

OWN = "own"
DEPTH_MAX = 12
RELATIONS_MAX = 100
RELATION_KINDS = ("related", "complementary", "similar", "accessory", "spare", "replaces")
BOTH_WAYS = frozenset({"related", "similar"})
"""If A is similar to B, B is similar to A: shown on both."""

APPROVE = "approve"
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "draft": ("in_review", "approved", "archived"),
    "in_review": ("draft", "approved", "archived"),
    "approved": ("draft", "in_review", "archived"),
    "archived": ("draft",),
}


def may_move(state: str, to: str, rights: Collection[str]) -> str | None:
    """None if a product may go from `state` to `to` by somebody with these rights, else why not."""
    if to not in TRANSITIONS.get(state, ()):
        return f"a product that is {state.replace('_', ' ')} cannot become {to.replace('_', ' ')}"
    if to == "approved" and APPROVE not in rights:
        return "only somebody who may approve products can do this"
    return None


def brand_key(name: str) -> str:
    """What two spellings of a brand have in common: «ACME  Inc» and «Acme inc»."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def path_of(parent: str, node: int) -> str:
    """The path of a node under a parent's path (empty = a root)."""
    return f"{parent or '/'}{node}/"


def ids_of(path: str) -> list[int]:
    """The ids of a path, root first, the node itself last."""
    return [int(part) for part in path.split("/") if part]


def inherited(path: str, mapped: Mapping[int, int]) -> tuple[int, int] | None:
    """(target, the node that is mapped to it) for a node: its own mapping, else its nearest ancestor's. None = none."""
    for node in reversed(ids_of(path)):
        if node in mapped:
            return mapped[node], node
    return None
