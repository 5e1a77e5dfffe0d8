"""Page-shaped questions about stock and listings, each a fixed number of queries whatever the size of the shop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from hub.kernel.errors import Unknown
from hub.pim.kits.reads import Standing, standings
from hub.pim.models import Listing, Location, Product, Reservation, StockMovement, StockPosition, Variant
from hub.pim.rules import KitPart
from hub.pim.stock import variant_by_sku
from hub.work.models import Account

SHOWN_PROMISES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A SKU at one location. `version` goes back with a count, so that a count made on an old page is refused."""

    location: str
    on_hand: int
    reserved: int
    version: int

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRow:
    """A SKU over all locations. `short` units are promised to buyers but not there. Money in minor units. A kit counts the
    kits that its components (`parts`) make; its places have no versions."""

    variant_id: int
    sku: str
    title: str
    price_minor: int
    currency: str
    on_hand: int
    reserved: int
    short: int
    places: tuple[Place, ...] = ()
    parts: tuple[KitPart, ...] = ()

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


def stock_page(session: Session, *, after: str = "", limit: int = 50) -> list[StockRow]:
    """Up to `limit` SKUs that follow `after`, in the order of their SKU. Three queries, some more where there are kits."""
    rows = session.execute(
        select(Variant.id, Variant.sku, Variant.is_kit, Variant.price_minor, Variant.currency, Product.title)
        .join(Product, Product.id == Variant.product_id)
        .where(Variant.sku > after)
        .order_by(Variant.sku)
        .limit(limit)
    ).all()
    ids = [row.id for row in rows]
    places = _places(session, ids)
    shorts = _shorts(session, ids)
    kit_ids = [row.id for row in rows if row.is_kit]
    kits = standings(session, kit_ids) if kit_ids else {}
    return [
        StockRow(
            variant_id=row.id, sku=row.sku, title=row.title, price_minor=row.price_minor, currency=row.currency,
            **_counted(places.get(row.id, []), shorts.get(row.id, 0), kits.get(row.id)),
        )
        for row in rows
    ]  # fmt: skip


class _Counted(TypedDict):
    on_hand: int
    reserved: int
    short: int
    places: tuple[Place, ...]
    parts: tuple[KitPart, ...]


def _counted(places: list[Place], short: int, kit: Standing | None) -> _Counted:
    if kit is not None:
        places = [Place(location=p.location, on_hand=p.on_hand, reserved=p.reserved, version=0) for p in kit.places]
    return _Counted(
        on_hand=sum(place.on_hand for place in places), reserved=sum(place.reserved for place in places),
        short=short if kit is None else kit.sum.short, places=tuple(places), parts=() if kit is None else kit.sum.parts,
    )  # fmt: skip


def stock_count(session: Session) -> int:
    """How many SKUs there are."""
    return int(session.scalar(select(func.count()).select_from(Variant)) or 0)


def _places(session: Session, variant_ids: list[int]) -> dict[int, list[Place]]:
    out: dict[int, list[Place]] = {}
    p = StockPosition
    for row in session.execute(
        select(p.variant_id, p.on_hand, p.reserved, p.version, Location.code)
        .join(Location, Location.id == p.location_id)
        .where(p.variant_id.in_(variant_ids))
        .order_by(Location.priority, Location.id)
    ):
        place = Place(location=row.code, on_hand=row.on_hand, reserved=row.reserved, version=row.version)
        out.setdefault(row.variant_id, []).append(place)
    return out


def _shorts(session: Session, variant_ids: list[int]) -> dict[int, int]:
    r = Reservation
    return {
        row[0]: int(row[1])
        for row in session.execute(
            select(r.variant_id, func.sum(r.wanted - r.quantity))
            .where(r.variant_id.in_(variant_ids), r.closed_at.is_(None), r.quantity < r.wanted)
            .group_by(r.variant_id)
        )
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Units promised to a buyer. `held` of `wanted` lie at `location`."""

    order_ref: str
    wanted: int
    held: int
    location: str | None
    placed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A line of the ledger."""

    location: str
    kind: str
    delta: int
    reason: str
    reference: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StockDetail:
    """One SKU with the promises on it (oldest first, at most 100) and its last movements (newest first)."""

    row: StockRow
    promises: tuple[Promise, ...] = ()
    movements: tuple[Moved, ...] = ()


def stock_of(session: Session, sku: str, *, movements: int = 20) -> StockDetail:
    """One SKU.

    Raises:
        Unknown: there is none.
    """
    variant = variant_by_sku(session, sku)
    title = session.scalar(select(Product.title).where(Product.id == variant.product_id)) or ""
    places = _places(session, [variant.id]).get(variant.id, [])
    kit = standings(session, [variant.id]).get(variant.id) if variant.is_kit else None
    row = StockRow(
        variant_id=variant.id, sku=variant.sku, title=title, price_minor=variant.price_minor,
        currency=variant.currency, **_counted(places, _shorts(session, [variant.id]).get(variant.id, 0), kit),
    )  # fmt: skip
    moved = session.execute(
        select(StockMovement, Location.code)
        .join(Location, Location.id == StockMovement.location_id)
        .where(StockMovement.variant_id == variant.id)
        .order_by(StockMovement.id.desc())
        .limit(movements)
    ).all()
    return StockDetail(
        row=row, promises=_promises(session, variant),
        movements=tuple(
            Moved(location=code, kind=m.kind, delta=m.delta, reason=m.reason, reference=m.reference, at=m.at)
            for m, code in moved
        ),
    )  # fmt: skip


def _promises(session: Session, variant: Variant) -> tuple[Promise, ...]:
    """Of a kit the orders that bought it, in kits; of anything else whatever holds units of it."""
    r = Reservation
    per = r.per_unit if variant.is_kit else literal(1)
    bought = (r.kit_id == variant.id) & (r.part == 0)
    rows = session.execute(
        select(
            r.order_ref, (r.wanted // per).label("wanted"), (r.quantity // per).label("quantity"), r.placed_at,
            Location.code,
        )
        .outerjoin(Location, Location.id == r.location_id)
        .where(bought if variant.is_kit else r.variant_id == variant.id, r.closed_at.is_(None))
        .order_by(r.placed_at, r.id)
        .limit(SHOWN_PROMISES)
    )  # fmt: skip
    return tuple(
        Promise(order_ref=w.order_ref, wanted=w.wanted, held=w.quantity, location=w.code, placed_at=w.placed_at)
        for w in rows
    )


# ---------------------------------------------------------------- listings


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingRow:
    """A variant on an account. `shown_quantity` is the hub's belief as of `shown_at`; None = not known. `price_minor`
    is what is wanted there."""

    id: int
    account_id: int
    account: str
    sku: str
    channel_sku: str
    external_id: str | None
    state: str
    state_since: datetime
    price_minor: int
    currency: str
    shown_quantity: int | None
    shown_at: datetime | None
    shown_price_minor: int | None
    issues: tuple[dict[str, object], ...] = field(default=())


def _listing_row(listing: Listing, variant: Variant, account: str) -> ListingRow:
    return ListingRow(
        id=listing.id, account_id=listing.account_id, account=account, sku=variant.sku,
        channel_sku=listing.channel_sku, external_id=listing.external_id, state=listing.state,
        state_since=listing.state_since, currency=variant.currency,
        price_minor=variant.price_minor if listing.price_minor is None else listing.price_minor,
        shown_quantity=listing.shown_quantity, shown_at=listing.shown_at,
        shown_price_minor=listing.shown_price_minor, issues=tuple(dict(issue) for issue in listing.issues),
    )  # fmt: skip


def listing_page(
    session: Session, *, after: int = 0, limit: int = 50, account_id: int | None = None,
    states: Iterable[str] = (), sku: str | None = None,
) -> list[ListingRow]:  # fmt: skip
    """Up to `limit` listings whose id follows `after`, in the order of their id. One query."""
    query = (
        select(Listing, Variant, Account.name)
        .join(Variant, Variant.id == Listing.variant_id)
        .join(Account, Account.id == Listing.account_id)
        .where(Listing.id > after)
        .order_by(Listing.id)
        .limit(limit)
    )
    if account_id is not None:
        query = query.where(Listing.account_id == account_id)
    if wanted := sorted(set(states)):
        query = query.where(Listing.state.in_(wanted))
    if sku is not None:
        query = query.where(Variant.sku == sku)
    return [_listing_row(listing, variant, name) for listing, variant, name in session.execute(query)]


def listing_of(session: Session, listing_id: int) -> ListingRow:
    """One listing.

    Raises:
        Unknown: there is none.
    """
    found = session.execute(
        select(Listing, Variant, Account.name)
        .join(Variant, Variant.id == Listing.variant_id)
        .join(Account, Account.id == Listing.account_id)
        .where(Listing.id == listing_id)
    ).first()
    if found is None:
        raise Unknown(f"there is no listing {listing_id}", field="listing", value=listing_id)
    return _listing_row(*found)
