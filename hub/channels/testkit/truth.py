"""What the kit asks of the other side: a channel (usually a simulator) that knows what really happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from hub.loopback.faults import FaultKind


class CannotDo(Exception):
    """This channel has no such thing (orders that can be edited, webhooks …): the check is skipped, visibly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenListing:
    """A listing as buyers see it. `state` is live, or anything else when it cannot be bought."""

    sku: str
    external_id: str
    state: str
    quantity: int
    price_minor: int
    currency: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenShipment:
    tracking: str
    carrier: str
    quantity: int  # units in the parcel


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenOrder:
    """`payment` pending | paid | refunded | failed; `cancellation` none | requested | cancelled."""

    order_id: str
    payment: str
    cancellation: str
    total_minor: int
    currency: str
    quantities: Mapping[str, int] = field(default_factory=dict)  # SKU -> units still wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """One request that arrived at the channel. `status` None = it got no answer."""

    operation: str
    status: int | None
    fault: str | None = None


class ChannelTruth(Protocol):
    """The channel's own truth, and the levers that a rehearsal needs."""

    def add_listing(self, sku: str, quantity: int, *, price_minor: int = 1000, title: str = "") -> None:
        """A listing made by hand in the channel's own screen."""
        ...

    def place_order(
        self,
        lines: Sequence[tuple[str, int]],
        *,
        pending: bool = False,
        buyer: Mapping[str, str] | None = None,
        ship_to: Mapping[str, str] | None = None,
    ) -> str: ...

    def amend_order(self, order_id: str, quantities: Mapping[str, int]) -> None:
        """SKU -> new quantity. Raises CannotDo where orders cannot be edited."""
        ...

    def pay(self, order_id: str) -> str:
        """A pending order is paid. Returns the id it has from now on: some channels give it another."""
        ...

    def cancel(self, order_id: str) -> None: ...

    def request_cancel(self, order_id: str) -> None: ...

    def observed_stock(self, sku: str) -> int: ...

    def observed_listing(self, sku: str) -> SeenListing | None: ...

    def observed_listings(self) -> Sequence[SeenListing]: ...

    def observed_order(self, order_id: str) -> SeenOrder: ...

    def observed_shipments(self, order_id: str) -> Sequence[SeenShipment]: ...

    def requests(self) -> Sequence[SeenRequest]:
        """Every request so far, those with faults too, in order of arrival."""
        ...

    def break_next(self, kind: FaultKind, operation: str = "*", times: int | None = 1) -> None: ...

    def heal(self) -> None:
        """Forget all faults that are still armed."""
        ...

    def unreachable(self) -> AbstractContextManager[None]:
        """Connections are refused for the length of a `with` block."""
        ...

    def advance(self, by: timedelta) -> None:
        """Move the time of channel and adapter forward."""
        ...

    def webhook(self, order_id: str) -> tuple[Mapping[str, str], bytes]:
        """A signed notification: headers and raw body. Raises CannotDo."""
        ...
