"""What an adapter is: a base and one small protocol per capability.

An adapter gets everything it may touch in its `BuildContext`. It does not read the environment, open a database, sleep,
start threads, retry, or keep module-level state. Retries live in `hub.sync` alone. One adapter instance serves one
account and may be used by several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from hub.channels.contract.manifest import Manifest
from hub.channels.contract.records import (
    CancelRequest,
    ChannelOrder,
    Found,
    Hint,
    Identity,
    ListingDraft,
    ListingPage,
    ListingRef,
    ListingReport,
    NotFound,
    OrderPage,
    Outcome,
    Pending,
    PriceLevel,
    Problem,
    ShipmentConfirmation,
    StockLevel,
)
from hub.kernel.clock import Clock

if TYPE_CHECKING:
    from hub.channels.wire import Wire


class AdapterLog(Protocol):
    """Event name and fields; the hub redacts and adds account and attempt."""

    def __call__(self, event: str, /, **fields: object) -> None: ...


class TokenStore(Protocol):
    """Where rotated credentials and access tokens live, shared by all workers of an account.

    `single_flight` runs `fetch` in one thread of one process at a time per key and lets the others wait for its
    result; the value is kept (encrypted) until `expires_at` (epoch seconds of the adapter's clock).
    """

    def get(self, key: str) -> str | None: ...
    def put(self, key: str, value: str, expires_at: float | None) -> None: ...
    def drop(self, key: str) -> None: ...
    def single_flight(self, key: str, fetch: Callable[[], tuple[str, float | None]]) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildContext:
    """All that an adapter may touch. `secrets` never appear in a repr."""

    settings: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    wire: Wire
    clock: Clock
    tokens: TokenStore
    log: AdapterLog


class Adapter(Protocol):
    """Every adapter."""

    manifest: ClassVar[Manifest]

    def probe(self) -> Identity:
        """Cheap «who am I». Raises AuthFailed when the credentials do not work."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class PushesStock(Protocol):
    def push_stock(self, levels: Sequence[StockLevel]) -> Sequence[Outcome]:
        """One outcome per level, in order. At most `manifest.max_stock_batch` levels, no listing twice."""
        ...


@runtime_checkable
class PushesPrices(Protocol):
    def push_prices(self, prices: Sequence[PriceLevel]) -> Sequence[Outcome]:
        """One outcome per price, in order. At most `manifest.max_price_batch`."""
        ...


@runtime_checkable
class PublishesListings(Protocol):
    def check_listing(self, draft: ListingDraft) -> Sequence[Problem]:
        """Everything wrong with the draft at once, without the network where possible."""
        ...

    def publish_listing(self, draft: ListingDraft) -> Outcome:
        """Create or revise. Safe to call again after an unknown outcome: looks before it creates."""
        ...


@runtime_checkable
class EndsListings(Protocol):
    def end_listing(self, ref: ListingRef) -> Outcome:
        """Take one listing off sale. Ending what is already gone is Applied."""
        ...


@runtime_checkable
class ReadsListings(Protocol):
    def read_listings(self, refs: Sequence[ListingRef]) -> Sequence[ListingReport]:
        """One report per ref, in order; VANISHED where the channel does not know it. At most `max_read_batch`.

        A report's ref may carry more facts than the one asked with: the hub stores them.
        """
        ...


@runtime_checkable
class PullsListings(Protocol):
    def pull_listings(self, cursor: str | None, *, limit: int) -> ListingPage:
        """The next page of everything that the account offers, whoever listed it (None = from the beginning).

        `limit` 1 to `max_listing_page` counts the channel's pages: variants that share one come together, and so a
        page may hold more. A round that is not disturbed delivers each listing once; what is listed or ended meanwhile
        may be missed or come twice. The same cursor again gives the same place again. Raises InvalidData for a
        cursor that is none of ours, and for one that the channel has forgotten meanwhile.
        """
        ...


@runtime_checkable
class PullsOrders(Protocol):
    def pull_orders(self, cursor: str | None, *, limit: int) -> OrderPage:
        """The next page of orders changed since `cursor` (None = from the account's `orders_since` setting or 30 days
        back). `limit` 1 to `max_order_page`. Overlaps are welcome: the hub recognises what it has."""
        ...

    def read_order(self, order_id: str) -> ChannelOrder:
        """One order as it is now. Raises Missing."""
        ...


@runtime_checkable
class ConfirmsShipments(Protocol):
    def confirm_shipment(self, confirmation: ShipmentConfirmation) -> Outcome:
        """Report one parcel. Confirming the same parcel twice leaves one on the channel."""
        ...


@runtime_checkable
class FindsShipments(Protocol):
    def find_shipment(self, order_id: str, tracking: str) -> Found | NotFound:
        """Is this parcel already known to the channel? The read-back twin of `confirm_shipment`."""
        ...


@runtime_checkable
class CancelsOrders(Protocol):
    def cancel_order(self, request: CancelRequest) -> Outcome: ...


@runtime_checkable
class Polls(Protocol):
    def poll(self, ticket: str) -> Pending | Mapping[str, Outcome]:
        """What became of a ticket: outcome per channel SKU, once the channel has finished."""
        ...


@runtime_checkable
class HearsWebhooks(Protocol):
    def verify(self, headers: Mapping[str, str], body: bytes) -> Hint:
        """Raises InvalidData when the signature does not fit the raw body."""
        ...
