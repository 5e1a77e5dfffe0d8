"""Rows that tests need, with defaults for whatever a test does not care about. Session first; nothing commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.pim import ledger
from hub.pim.models import Listing, Location, Product, Variant
from hub.work import accounts
from hub.work.models import Account

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def an_account(
    session: Session,
    *,
    name: str | None = None,
    channel: str = "memory",
    currency: str = "EUR",
    buffer: int = 0,
    cap: int | None = None,
    location_ids: Sequence[int] = (),
    settings: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    cadence: Mapping[str, int] | None = None,
    now: datetime = NOW,
) -> Account:
    """An open account; named account-1, account-2, … if no name is given."""
    count = session.scalar(select(func.count()).select_from(Account)) or 0
    return accounts.add(
        session, channel=channel, name=name or f"account-{count + 1}", settings=settings or {}, secrets=secrets or {},
        currency=currency, now=now, buffer=buffer, cap=cap, location_ids=location_ids, cadence=cadence,
    )  # fmt: skip


def a_location(session: Session, *, code: str = "main", name: str | None = None, priority: int = 100) -> Location:
    """The location of that code, made if it is not there."""
    found = session.scalars(select(Location).where(Location.code == code)).first()
    if found is not None:
        return found
    location = Location(code=code, name=name or code.capitalize(), priority=priority)
    session.add(location)
    session.flush()  # the id is wanted
    return location


def a_product(
    session: Session, *, handle: str = "riesling", title: str | None = None, axes: Sequence[str] = (),
    now: datetime = NOW,
) -> Product:  # fmt: skip
    """The product of that handle, made if it is not there."""
    found = session.scalars(select(Product).where(Product.handle == handle)).first()
    if found is not None:
        return found
    product = Product(
        handle=handle, title=title or handle.capitalize(), description="", brand="", category="", axes=list(axes),
        images=[], tags=[], values={}, state="approved", stock_class="finished", version=0, created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(product)
    session.flush()  # the id is wanted
    return product


def a_variant(
    session: Session,
    *,
    sku: str = "SKU-1",
    stock: int | Mapping[str, int] = 0,
    product: Product | None = None,
    price_minor: int = 1299,
    currency: str = "EUR",
    now: datetime = NOW,
) -> Variant:
    """A variant with `stock` units at location «main» (or per location code), posted to the ledger. Its product is
    made from the SKU if none is given."""
    variant = Variant(
        product_id=(product or a_product(session, handle=f"product-{sku}".lower(), title=sku, now=now)).id,
        sku=sku, gtin=None, options={}, position=0, price_minor=price_minor, currency=currency, cost_minor=None,
        weight_g=None, length_mm=None, width_mm=None, height_mm=None, image=None, created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(variant)
    session.flush()  # the id is wanted
    counts = {"main": stock} if isinstance(stock, int) else dict(stock)
    ledger.post(
        session,
        [
            ledger.Movement(
                variant_id=variant.id, location_id=a_location(session, code=code).id, kind="receive", delta=units,
                token=f"test:{sku}:{code}", reason="opening stock",
            )
            for code, units in counts.items()
        ],
        now,
    )  # fmt: skip
    return variant


def a_listing(
    session: Session, account: Account, variant: Variant, *, state: str = "live", channel_sku: str | None = None,
    now: datetime = NOW,
) -> Listing:  # fmt: skip
    """A listing of the variant on the account, under the variant's SKU unless told otherwise."""
    listing = Listing(
        account_id=account.id, variant_id=variant.id, product_id=variant.product_id,
        channel_sku=channel_sku or variant.sku, external_id=None, facts={}, state=state, state_since=now, issues=[],
    )  # fmt: skip
    session.add(listing)
    session.flush()  # the id is wanted
    return listing
