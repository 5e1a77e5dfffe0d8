"""What is true of stock and listings: arithmetic without a session, a clock or a logger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A position as the allocator sees it."""

    location_id: int
    priority: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KitPart:
    """A component behind the number of a kit: what there is of it where the account sells from, and how many kits it
    alone would make (`kits`). `limits`: there is least of it."""

    sku: str
    per_kit: int
    on_hand: int
    reserved: int
    short: int
    kits: int
    limits: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "sku": self.sku, "per_kit": self.per_kit, "on_hand": self.on_hand, "reserved": self.reserved,
            "short": self.short, "kits": self.kits, "limits": self.limits,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """Why a number is what it is: `publishable` = min(cap, max(0, on_hand - reserved - short - buffer)).

    Of a kit (`parts` are its components) all of them count whole kits: `on_hand` those that its components would make,
    each from one location, if none were promised; `reserved` and `short` those that promises of components take away.
    """

    on_hand: int
    reserved: int
    short: int
    buffer: int
    cap: int | None
    publishable: int
    parts: tuple[KitPart, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "on_hand": self.on_hand,
            "reserved": self.reserved,
            "short": self.short,
            "buffer": self.buffer,
            "cap": self.cap,
            "publishable": self.publishable,
        }
        if self.parts:
            out["parts"] = [part.as_dict() for part in self.parts]
        return out


def publishable(
    *, on_hand: int, reserved: int, short: int, buffer: int, cap: int | None, parts: tuple[KitPart, ...] = ()
) -> Arithmetic:
    """What one account may show. `short` units are promised but not yet held anywhere: they come off as well."""
    shown = max(0, on_hand - reserved - short - buffer)
    if cap is not None:
        shown = min(shown, cap)
    return Arithmetic(
        on_hand=on_hand, reserved=reserved, short=short, buffer=buffer, cap=cap, publishable=shown, parts=parts
    )


def choose_spot(spots: Sequence[Spot], quantity: int) -> tuple[Spot | None, int]:
    """Where a line of `quantity` is held, and how much of it: the first location by priority that has it all, else the
    one that has most. (None, 0) if nothing is there."""
    ordered = sorted(spots, key=lambda spot: (spot.priority, spot.location_id))
    for spot in ordered:
        if spot.available >= quantity:
            return spot, quantity
    best = max(ordered, key=lambda spot: spot.available, default=None)
    if best is None or best.available <= 0:
        return None, 0
    return best, best.available


def count_delta(*, on_hand: int, counted: int) -> int:
    """The correction that makes the books say what was counted (>= 0)."""
    if counted < 0:
        raise ValueError(f"a count cannot be negative: {counted}")
    return counted - on_hand


PUSHABLE_STATES = ("accepted", "live", "suppressed")
"""Listings whose number the channel keeps: they get stock and price pushes."""


def state_after_report(current: str, reported: str) -> str:
    """A listing's state after a read-back. A freshly accepted one that is not visible yet keeps waiting; an ended one
    that is gone stays ended."""
    if reported == "vanished":
        if current in ("accepted", "submitted"):
            return current
        return "ended" if current == "ended" else "vanished"
    if current == "ended" and reported in ("live", "accepted", "suppressed"):
        return reported
    return reported


def belief_after_sale(
    *, shown: int | None, shown_at_us: int | None, placed_at_us: int, quantity: int, settle_us: int
) -> int | None:
    """What the channel shows after a sale of `quantity` was ingested.

    If the sale is younger than the last acknowledged write plus the time that channel takes to apply one, the channel
    subtracted it from the number we know. Otherwise nobody can tell which came first: None.
    """
    if shown is None or shown_at_us is None or placed_at_us <= shown_at_us + settle_us:
        return None
    return max(0, shown - quantity)
