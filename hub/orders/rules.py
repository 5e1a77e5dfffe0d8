"""What is true of an order: its stage, what may be shipped, what changed between two versions, whether its money adds up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Where an order stands in the queue. Whether it is short is asked of the reservations, not stored here."""

    UNPAID = "unpaid"  # reserves, does not ship
    UNMAPPED = "unmapped"  # a line has no SKU of ours yet
    HOLD = "hold"
    CANCEL_REQUESTED = "cancel_requested"
    READY = "ready"
    PARTLY = "partly"  # something left, something is still to leave
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    CHANNEL = "channel"  # the channel fulfils it


OPEN_STAGES = (Stage.READY, Stage.PARTLY, Stage.UNPAID, Stage.UNMAPPED, Stage.HOLD, Stage.CANCEL_REQUESTED)
SHIPPABLE_STAGES = (Stage.READY, Stage.PARTLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFacts:
    quantity: int
    shipped: int
    mapped: bool


def stage(
    *,
    payment: str,
    fulfilment: str,
    cancellation: str,
    channel_fulfils: bool,
    held: bool,
    lines: list[LineFacts],
) -> Stage:
    """The stage of an order. What cannot be undone wins: cancelled, then shipped, then what stops it."""
    if channel_fulfils:
        return Stage.CHANNEL
    if cancellation == "cancelled":
        return Stage.CANCELLED
    to_ship = sum(max(0, line.quantity - line.shipped) for line in lines)
    if to_ship == 0 and lines:
        return Stage.SHIPPED if any(line.shipped for line in lines) else Stage.CANCELLED
    if fulfilment == "fulfilled" and not lines:
        return Stage.SHIPPED
    if cancellation == "requested":
        return Stage.CANCEL_REQUESTED
    if held or fulfilment == "on_hold":
        return Stage.HOLD
    if payment in ("pending", "failed"):
        return Stage.UNPAID
    if any(not line.mapped and line.quantity > line.shipped for line in lines):
        return Stage.UNMAPPED
    return Stage.PARTLY if any(line.shipped for line in lines) else Stage.READY


def reserves(*, cancellation: str, channel_fulfils: bool, payment: str) -> bool:
    """Does this order hold stock? Unpaid ones do: the channel already took them off its own number."""
    return not channel_fulfils and cancellation != "cancelled" and payment != "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    payment: str
    fulfilment: str
    cancellation: str


def facts_between(old: Axes | None, new: Axes) -> list[str]:
    """The events between two versions of an order; each happens once in an order's life."""
    out: list[str] = []
    if old is None:
        out.append("placed")
    if new.payment in ("paid", "partly_refunded", "refunded") and (old is None or old.payment in ("pending", "failed")):
        out.append("paid")
    if new.payment in ("partly_refunded", "refunded") and (old is None or old.payment != new.payment):
        out.append(new.payment)
    if new.cancellation == "requested" and (old is None or old.cancellation == "none"):
        out.append("cancel_requested")
    if new.cancellation == "cancelled" and (old is None or old.cancellation != "cancelled"):
        out.append("cancelled")
    if new.fulfilment == "fulfilled" and (old is None or old.fulfilment != "fulfilled"):
        out.append("fulfilled_on_channel")
    return out


def residual(
    *, total: int | None, items: int | None, shipping: int | None, tax: int | None, discount: int | None
) -> int:
    """What the channel's total does not explain: total - (items + shipping + tax - discount). 0 where parts are
    unknown: nothing to explain."""
    if total is None or items is None:
        return 0
    return total - (items + (shipping or 0) + (tax or 0) - (discount or 0))
