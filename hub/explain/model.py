"""What is known of one number on one channel at one moment."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from hub.pim.rules import Arithmetic


def plain(value: Any) -> Any:
    """Records as JSON knows them."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """The count at a location. `counts` False = the account does not sell from there."""

    location: str
    on_hand: int
    reserved: int
    counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An order that holds `held` of the `wanted` units, at `location` (None = nowhere). `exact` False = the books keep no
    more than this about that moment."""

    order: str
    account: str
    location: str | None
    held: int
    wanted: int
    placed_at: datetime
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """The order pull that made visible what was sold under a number: complete up to `covered_until`."""

    id: int
    ended_at: datetime | None
    covered_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A stock write. `sum` is the arithmetic as recorded with it. `result` None = under way at the moment asked about;
    `ended_at` is then None, too."""

    attempt: int
    revision: int
    quantity: int | None
    sum: Arithmetic | None
    shown_before: int | None
    sent_at: datetime
    ended_at: datetime | None
    result: str | None
    code: str | None
    message: str | None
    covered_by: Pull | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What the channel shows as far as the hub knows, `quantity` None = not known; `since` and `by` say from when and
    whence."""

    quantity: int | None
    since: datetime | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """The newest look at the channel. `quantity` None = what it saw is not kept, or was not certain."""

    at: datetime
    quantity: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """Units of an order that was placed on this very listing after the number was acknowledged. `taken_at` is when the
    hub learned of it."""

    order: str
    units: int
    placed_at: datetime
    taken_at: datetime
    cancelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is still wanted of this number. `state`: nothing, due, later, under_way, ticket, person, or unknown (the past
    keeps no queue). `why` are sentences."""

    state: str
    revision: int | None
    done_revision: int | None
    due_at: datetime | None
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The arithmetic behind one number. `at` None = now (`asked_at`). `limits` are sentences about what cannot be known
    exactly; empty = everything here is exact."""

    account: str
    channel: str
    account_state: str
    sku: str
    channel_sku: str
    listing_state: str
    asked_at: datetime
    at: datetime | None
    spots: tuple[Spot, ...]
    holds: tuple[Hold, ...]
    sum: Arithmetic
    belief: Belief
    sent: Sent | None
    acknowledged: Sent | None
    read_back: ReadBack | None
    sales: tuple[Sale, ...]
    waiting: Waiting
    limits: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = plain(self)
        return found
