"""What the order desk stores. Personal data lives in `OrderPerson` and `RawOrder` alone, encrypted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base, BigId, Minor
from hub.db.types import EncryptedText


class Order(Base):
    """One order of one account. `stamp` is the channel's own version; the three axes are the channel's facts, `stage`
    is where it stands in our queue (rules.stage). Money in minor units of `currency`; None = the channel did not say."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    channel_order_id: Mapped[str]
    display_id: Mapped[str]
    stamp: Mapped[datetime]
    digest: Mapped[str]
    placed_at: Mapped[datetime]
    payment: Mapped[str]
    fulfilment: Mapped[str]
    cancellation: Mapped[str]
    channel_fulfils: Mapped[bool] = mapped_column(default=False)
    stage: Mapped[str]
    currency: Mapped[str]
    total_minor: Mapped[Minor | None]
    items_minor: Mapped[Minor | None]
    shipping_minor: Mapped[Minor | None]
    tax_minor: Mapped[Minor | None]
    discount_minor: Mapped[Minor | None]
    residual_minor: Mapped[Minor] = mapped_column(default=0)
    ship_by: Mapped[datetime | None]
    deliver_by: Mapped[datetime | None]
    due: Mapped[datetime]  # ship_by, or a day after placing where the channel gives none: the queue's order
    service_code: Mapped[str] = mapped_column(default="")
    country: Mapped[str] = mapped_column(default="")
    facts: Mapped[dict[str, str]] = mapped_column(default=dict)
    hold_reason: Mapped[str | None]
    hold_until: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]  # a cancellation (or its refusal) that we want
    cancel_accept: Mapped[bool] = mapped_column(default=True)
    exported_at: Mapped[datetime | None]
    recall: Mapped[bool] = mapped_column(default=False)  # cancelled (or asked to be) after it was exported
    taken_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("account_id", "channel_order_id"),
        Index("ix_orders_stage_due", "stage", "due", "id"),
        Index("ix_orders_account_placed", "account_id", "placed_at"),
        Index("ix_orders_display", "display_id"),
        Index("ix_orders_recall", "id", postgresql_where=text("recall"), sqlite_where=text("recall")),
    )


class OrderLine(Base):
    """One line. `quantity` is what the channel still wants in all; `shipped` what left the house (or the channel says
    left); `channel_shipped` the channel's own count."""

    __tablename__ = "order_lines"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    channel_line_id: Mapped[str]
    channel_sku: Mapped[str | None]
    external_id: Mapped[str | None]
    title: Mapped[str]
    variant_id: Mapped[int | None] = mapped_column(ForeignKey("variants.id"))
    listing_id: Mapped[int | None] = mapped_column(ForeignKey("listings.id"))
    quantity: Mapped[int]
    shipped: Mapped[int] = mapped_column(default=0)
    channel_shipped: Mapped[int] = mapped_column(default=0)
    unit_price_minor: Mapped[Minor]
    tax_minor: Mapped[Minor] = mapped_column(default=0)
    discount_minor: Mapped[Minor] = mapped_column(default=0)
    __table_args__ = (
        UniqueConstraint("order_id", "channel_line_id"),
        CheckConstraint("quantity >= 0 AND shipped >= 0", name="quantities"),
        Index(
            "ix_order_lines_unmapped", "channel_sku",
            postgresql_where=text("variant_id IS NULL"), sqlite_where=text("variant_id IS NULL"),
        ),
    )  # fmt: skip


class OrderPerson(Base):
    """Who bought and where to: one encrypted document (see `persons`), emptied when its time is over."""

    __tablename__ = "order_persons"
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    document: Mapped[str | None] = mapped_column(EncryptedText)
    digest: Mapped[str]
    purged_at: Mapped[datetime | None]


class RawOrder(Base):
    """The channel's own text of an order as last applied, encrypted, for replay and support."""

    __tablename__ = "raw_orders"
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    document: Mapped[str | None] = mapped_column(EncryptedText)
    received_at: Mapped[datetime]


class OrderEvent(Base):
    """What happened to an order, once each (`fact`). No personal data."""

    __tablename__ = "order_events"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    fact: Mapped[str]
    kind: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    __table_args__ = (UniqueConstraint("order_id", "fact"),)


class BadOrder(Base):
    """An order that could not be read: waits here with its cause until it is replayed or read anew."""

    __tablename__ = "bad_orders"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    digest: Mapped[str]
    channel_order_id: Mapped[str | None]
    why: Mapped[str]
    raw: Mapped[str | None] = mapped_column(EncryptedText)
    received_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    __table_args__ = (UniqueConstraint("account_id", "digest"),)


class Shipment(Base):
    """One parcel. `package_number` counts an order's parcels from 1 and never changes; `shipment_key` names it to
    channels. `confirmed_at` is set when the channel acknowledged it, `verified_at` when a read-back saw it."""

    __tablename__ = "shipments"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    package_number: Mapped[int]
    shipment_key: Mapped[str] = mapped_column(unique=True)
    carrier: Mapped[str]
    service: Mapped[str] = mapped_column(default="")
    tracking: Mapped[str] = mapped_column(index=True)
    lines_digest: Mapped[str]
    shipped_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    source: Mapped[str]  # hand | csv | api | channel
    confirmed_at: Mapped[datetime | None]
    channel_ref: Mapped[str] = mapped_column(default="")
    __table_args__ = (
        UniqueConstraint("order_id", "tracking", "lines_digest"),
        UniqueConstraint("order_id", "package_number"),
    )


class ShipmentLine(Base):
    __tablename__ = "shipment_lines"
    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipments.id"), primary_key=True)
    order_line_id: Mapped[int] = mapped_column(ForeignKey("order_lines.id"), primary_key=True)
    quantity: Mapped[int]
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)
