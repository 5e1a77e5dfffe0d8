"""What crosses the port, in the hub's words. Frozen, keyword-only, standard library only.

Personal data appears only in `Address`, `Buyer` and `raw`, all of them hidden from `repr`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.kernel.money import Money

# ---------------------------------------------------------------- problems


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing the channel objects to: its `code`, a sentence, the hub's or channel's field name if known."""

    code: str
    message: str
    field: str | None = None
    severity: Severity = Severity.ERROR


# ---------------------------------------------------------------- listings


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingRef:
    """Where a variant lives on the channel.

    `channel_sku` is the seller SKU there. `facts` belong to the adapter (item id, offer id, inventory item id, who
    manages the listing …): the hub stores them after a publish or read and hands them back unread.
    """

    channel_sku: str
    external_id: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


class ListingState(StrEnum):
    """A listing's life. LIVE only ever comes from a read-back."""

    DRAFT = "draft"
    VALID = "valid"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    LIVE = "live"
    REJECTED = "rejected"
    SUPPRESSED = "suppressed"
    VANISHED = "vanished"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantDraft:
    """One buyable variant of a draft. `options` maps axis to value («Size» → «M»); empty for a single product."""

    channel_sku: str
    price: Money
    quantity: int
    options: Mapping[str, str] = field(default_factory=dict)
    gtin: str | None = None
    weight_g: int | None = None
    image: str | None = None
    ref: ListingRef | None = None  # set when the variant is already on the channel


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingDraft:
    """A product as it shall appear: one variant, or several that share a page.

    `listing_key` is the hub's stable key for (account, product): the same on every retry, 32 to 36 ASCII characters.
    Publishing a draft whose variants carry refs revises. Variants absent from a revision are left alone.
    """

    listing_key: str
    title: str
    description: str  # HTML as the seller wrote it
    variants: tuple[VariantDraft, ...]
    brand: str = ""
    category: str = ""  # the channel's own category or product type id; empty = the account's default
    images: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    condition: str = "new"
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingReport:
    """What a read-back saw. `state` is LIVE, ACCEPTED (there, not yet buyable), SUPPRESSED, REJECTED, ENDED or VANISHED.

    A listing that is sold out but would sell again with stock is LIVE with quantity 0. `quantity` is what buyers can
    take now, None if the channel does not say.
    """

    ref: ListingRef
    state: ListingState
    quantity: int | None = None
    price: Money | None = None
    issues: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelListing:
    """One buyable thing that the account offers, as the channel describes it: what a catalogue can be started from.

    `key` is the channel's own stable name of it, unique in the account: a SKU is not where a channel lets two listings
    share one or have none. `ref.channel_sku` is "" where the seller gave no SKU. `group` is the key of the page that
    several variants share ("" = it stands alone), `title` that of the page, `options` what tells the variant apart.
    `description` is HTML, "" and None mean that the channel does not tell. `gtins` are as the channel wrote them.
    """

    key: str
    ref: ListingRef
    state: ListingState
    title: str = ""
    description: str = ""
    brand: str = ""
    gtins: tuple[str, ...] = ()
    price: Money | None = None
    quantity: int | None = None
    images: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    category: str = ""
    url: str = ""
    raw: str = field(default="", repr=False)  # the channel's own JSON or XML of it


@dataclass(frozen=True, slots=True, kw_only=True)
class BadListing:
    """A listing that could not be read: it is shown with its reason, it never stops the page."""

    why: str
    key: str | None = None
    raw: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingPage:
    """A page of what the account offers. `cursor` resumes after it: opaque JSON text of at most 4 KB.

    When `has_more` is False the round is complete: what was in none of its pages is not on the channel.
    """

    listings: tuple[ChannelListing, ...]
    cursor: str
    has_more: bool
    bad: tuple[BadListing, ...] = ()


# ---------------------------------------------------------------- stock and price


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLevel:
    """Set the sellable quantity of one listing to `quantity` (>= 0), an absolute number.

    `idempotency_key` is the same whenever this revision is sent again and differs between revisions.
    `expected` is what the hub believes is there now; compare-and-set channels use it, others ignore it. None = unknown.
    """

    ref: ListingRef
    quantity: int
    revision: int
    idempotency_key: str
    expected: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLevel:
    """Set the price of one listing."""

    ref: ListingRef
    price: Money
    revision: int
    idempotency_key: str


# ---------------------------------------------------------------- outcomes, one per item


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The channel did it. `refs` carry what a publish learned (one per variant); `observed` a number it reported back."""

    external_id: str = ""
    observed: int | None = None
    refs: tuple[ListingRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The channel took it and will answer later: ask `poll(ticket)`. The ticket is at most 500 characters."""

    ticket: str
    refs: tuple[ListingRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The channel said no to this item; nothing was applied. Data must change. `missing` = the remote thing is gone."""

    problems: tuple[Problem, ...]
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """Compare-and-set failed; nothing was applied. `observed` is the number that is there now, if told."""

    observed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """Not applied and not tried to the end (quota of this item, or the budget ended in mid-batch): again later."""

    retry_after_s: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """May or may not have been applied: the per-item twin of OutcomeUnknown."""

    why: str


Outcome = Applied | Submitted | Refused | Stale | Deferred | Unclear


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A ticket is not finished; ask again in `retry_after_s`."""

    retry_after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    external_id: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """Looked and it is not there."""


# ---------------------------------------------------------------- orders


class PaymentState(StrEnum):
    PENDING = "pending"  # reserve, do not ship
    PAID = "paid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    FAILED = "failed"


class FulfilmentState(StrEnum):
    UNFULFILLED = "unfulfilled"
    PARTIAL = "partial"
    FULFILLED = "fulfilled"
    ON_HOLD = "on_hold"  # the channel itself says wait


class CancellationState(StrEnum):
    NONE = "none"
    REQUESTED = "requested"  # the buyer asks; the seller decides
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    name: str = field(default="", repr=False)
    company: str = field(default="", repr=False)
    line1: str = field(default="", repr=False)
    line2: str = field(default="", repr=False)
    line3: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    region: str = field(default="", repr=False)
    postal_code: str = field(default="", repr=False)
    country: str = ""  # ISO 3166-1 alpha-2
    phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who bought. Never a key: channels change user names and alias e-mails."""

    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    handle: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOrderLine:
    """`quantity` is what is still wanted (after edits and line cancellations), >= 0; `shipped` what the channel
    already counts as fulfilled. `total` is the line's money: unit price × quantity + tax - discount as the channel says."""

    line_id: str
    quantity: int
    unit_price: Money
    channel_sku: str | None = None
    external_id: str | None = None  # the channel's item/variant id, for mapping when the SKU is empty
    title: str = ""
    shipped: int = 0
    tax: Money | None = None
    discount: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTotals:
    """Order money in one currency. `total` as the channel states it; the parts may be unknown (None)."""

    total: Money | None
    items: Money | None = None
    shipping: Money | None = None
    tax: Money | None = None
    discount: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelShipment:
    """A parcel the channel knows of. `lines` pairs line id and quantity, empty if the channel does not say."""

    external_id: str
    tracking: str
    carrier: str = ""
    lines: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOrder:
    """One order as the channel sees it now. (account, order_id) is its identity, `updated_at` its version."""

    order_id: str
    placed_at: datetime
    updated_at: datetime
    currency: str
    payment: PaymentState
    fulfilment: FulfilmentState
    cancellation: CancellationState
    lines: tuple[ChannelOrderLine, ...]
    totals: OrderTotals
    display_id: str = ""
    ship_to: Address | None = None
    buyer: Buyer | None = None
    ship_by: datetime | None = None
    deliver_by: datetime | None = None
    service_code: str = ""
    channel_fulfils: bool = False  # FBA and the like: not ours to reserve or ship
    shipments: tuple[ChannelShipment, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)  # marketplace id and the like, handed back when confirming
    raw: str = field(default="", repr=False)  # the channel's own JSON or XML of this order


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """An order that could not be read: it waits on a desk, it never stops the page."""

    why: str
    order_id: str | None = None
    raw: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """A page of changed orders. `cursor` resumes after it: opaque JSON text of at most 4 KB.

    When `has_more` is False, every change the channel knew of up to `covered_until` (channel time, less its
    visibility lag) has been delivered by this and earlier pages.
    """

    orders: tuple[ChannelOrder, ...]
    cursor: str
    has_more: bool
    covered_until: datetime | None = None
    bad: tuple[BadRecord, ...] = ()


# ---------------------------------------------------------------- shipments and cancellations


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentConfirmation:
    """One parcel to report. `shipment_key` is the hub's stable key; `package_number` counts the order's parcels from 1
    and never changes for a parcel (Amazon's packageReferenceId). `carrier` is the hub's carrier code or free text."""

    shipment_key: str
    package_number: int
    order_id: str
    carrier: str
    tracking: str
    shipped_at: datetime
    lines: tuple[tuple[str, int], ...]  # (channel line id, quantity)
    service: str = ""
    order_facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """Cancel an order (all of it), or answer the buyer's request: `answers_request` True = the buyer asked."""

    cancel_key: str
    order_id: str
    reason: str = "out_of_stock"  # out_of_stock | buyer_request | address | fraud | other
    accept: bool = True  # False declines the buyer's request
    answers_request: bool = False
    lines: tuple[tuple[str, int], ...] = ()
    order_facts: Mapping[str, str] = field(default_factory=dict)


# ---------------------------------------------------------------- identity, webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the credentials belong to, and what they may not do."""

    account: str
    label: str = ""
    missing_scopes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A verified webhook: «go and look», never data. `event_id` deduplicates."""

    event_id: str
    topic: str
    order_ids: Sequence[str] = ()
