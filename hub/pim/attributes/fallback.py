"""Which of several values counts for a locale and a channel. Pure.

A scope is written «locale@channel»: «» is the base value, «de» German, «@amazon» Amazon's, «de@amazon» both. The right
language in general words beats a channel's words in the wrong language, so locales are tried before channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

T = TypeVar("T")
BASE = ""
EVERY = "*"
"""In requirements: every channel, every locale."""


def scope_of(locale: str = "", channel: str = "") -> str:
    """The scope's key: scope_of("de", "amazon") is «de@amazon»."""
    return f"{locale}@{channel}" if channel else locale


def split_scope(scope: str) -> tuple[str, str]:
    """(locale, channel) of a scope's key."""
    locale, _, channel = scope.partition("@")
    return locale, channel


def locale_chain(locale: str, fallbacks: Mapping[str, str]) -> tuple[str, ...]:
    """The locales to try for `locale`, the base last: the locale, its parents («de-AT» → «de»), what `fallbacks` (locale
    → locale) names, and so on. A circle ends where it would repeat."""
    chain: list[str] = []
    here = locale
    while here and here not in chain:
        chain.append(here)
        parent = here.rpartition("-")[0]
        here = fallbacks.get(here) or parent
        if here and here not in chain and parent and parent != here and parent not in chain:
            chain.append(parent)
    return (*chain, BASE)


@lru_cache(4096)
def _scopes(chain: tuple[str, ...], channel: str) -> tuple[str, ...]:
    out: list[str] = []
    for locale in chain:
        if channel:
            out.append(scope_of(locale, channel))
        out.append(locale)
    return tuple(out)


def scopes(locale: str, channel: str, fallbacks: Mapping[str, str]) -> Sequence[str]:
    """The scopes to try, best first."""
    return _scopes(locale_chain(locale, fallbacks), channel)


@dataclass(frozen=True, slots=True)
class Resolved(Generic[T]):
    """A value and the scope it was found under. `inherited`: it comes from the product, not from the variant."""

    value: T
    scope: str
    inherited: bool = False


def resolve(values: Mapping[str, T], order: Sequence[str], parent: Mapping[str, T] | None = None) -> Resolved[T] | None:
    """The first value in `order` (from `scopes`). A variant's own value of whatever scope beats the product's (`parent`).
    None if nothing is said at all."""
    for scope in order:
        if scope in values:
            return Resolved(values[scope], scope)
    if parent is not None:
        found = resolve(parent, order)
        if found is not None:
            return Resolved(found.value, found.scope, inherited=True)
    return None
