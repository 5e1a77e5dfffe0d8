"""Comparing the hub with the channels' own ledgers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select

from hub.db.session import reading
from hub.demo.marketplaces import Marketplace
from hub.orders.models import Order, OrderLine, Shipment, ShipmentLine
from hub.pim import listings
from hub.pim.models import Listing
from hub.wiring import System
from hub.work.models import Account


@dataclass(slots=True, kw_only=True)
class Comparison:
    """What differs, in words, and how much was compared."""

    orders_placed: dict[str, int] = field(default_factory=dict)
    orders_in_hub: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    order_differences: list[str] = field(default_factory=list)
    stock_mismatches: list[str] = field(default_factory=list)
    stock_compared: int = 0
    listings_live: dict[str, int] = field(default_factory=dict)
    listings_not_live: list[str] = field(default_factory=list)
    shipments_recorded: int = 0
    shipments_confirmed: int = 0
    shipments_overtaken: int = 0  # their order was cancelled on the channel before it heard of them: called back
    shipments_missing: list[str] = field(default_factory=list)
    shipments_doubled: list[str] = field(default_factory=list)


def compare(system: System, places: Mapping[str, Marketplace]) -> Comparison:
    """Orders, shipments and quantities of every account against its marketplace's ledger."""
    out = Comparison()
    for channel, place in places.items():
        ledger = place.ledger()
        truth = {order["order_id"]: order for order in ledger["orders"] if visible(channel, order["payment"])}
        out.orders_placed[channel] = len(truth)
        with reading(system.sessions) as session:
            account = session.scalars(select(Account).where(Account.name == channel)).one()
            ours = list(session.scalars(select(Order).where(Order.account_id == account.id)))
            out.orders_in_hub[channel] = len(ours)
            by_id: dict[str, Order] = {}
            for order in ours:
                if order.channel_order_id in by_id:
                    out.duplicated.append(f"{channel} {order.channel_order_id}")
                by_id[order.channel_order_id] = order
            lines: dict[int, dict[str, OrderLine]] = {}
            for line in session.scalars(
                select(OrderLine).join(Order, Order.id == OrderLine.order_id).where(Order.account_id == account.id)
            ):
                lines.setdefault(line.order_id, {})[line.channel_line_id] = line
            parcels: dict[int, list[tuple[Shipment, dict[str, int]]]] = {}
            for shipment in session.scalars(
                select(Shipment).join(Order, Order.id == Shipment.order_id).where(Order.account_id == account.id)
            ):
                parcels.setdefault(shipment.order_id, []).append((shipment, {}))
            for order_id, shipment_id, line_id, quantity in session.execute(
                select(Shipment.order_id, Shipment.id, OrderLine.channel_line_id, ShipmentLine.quantity)
                .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
                .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
                .join(Order, Order.id == Shipment.order_id)
                .where(Order.account_id == account.id)
            ).tuples():
                for shipment, content in parcels[order_id]:
                    if shipment.id == shipment_id:
                        content[line_id] = quantity
            bound = list(session.scalars(select(Listing).where(Listing.account_id == account.id)))
            sums = listings.arithmetic(session, account, [listing.variant_id for listing in bound])
        _orders(out, channel, truth, by_id, lines)
        _shipments(out, channel, truth, by_id, parcels)
        shown = {row["sku"]: row for row in ledger["listings"]}
        out.listings_live[channel] = sum(1 for listing in bound if listing.state == "live")
        for listing in bound:
            there = shown.get(listing.channel_sku)
            if listing.state != "live" or there is None:
                out.listings_not_live.append(f"{channel} {listing.channel_sku}: {listing.state}")
                continue
            out.stock_compared += 1
            wanted = sums[listing.variant_id].publishable
            if there["quantity"] != wanted:
                out.stock_mismatches.append(
                    f"{channel} {listing.channel_sku}: shows {there['quantity']}, publishable {wanted}"
                )
    return out


def visible(channel: str, payment: str) -> bool:
    """eBay shows only orders whose checkout is complete (contracts README 3.5): one that was never paid for is no order
    yet, and an abandoned one never becomes one."""
    return not (channel == "ebay" and payment == "pending")


def _orders(
    out: Comparison,
    channel: str,
    truth: Mapping[str, object],
    by_id: Mapping[str, Order],
    lines: Mapping[int, Mapping[str, OrderLine]],
) -> None:
    for order_id, placed in truth.items():
        assert isinstance(placed, dict)
        order = by_id.get(order_id)
        if order is None:
            out.lost.append(f"{channel} {order_id}")
            continue
        name = f"{channel} {order_id}"
        cancelled = placed["cancellation"] == "cancelled"
        if cancelled != (order.cancellation == "cancelled"):
            out.order_differences.append(f"{name}: {placed['cancellation']} there, {order.cancellation} here")
        if (
            placed["payment"] != "refunded"
            and not cancelled
            and (placed["payment"] == "pending") != (order.payment == "pending")
        ):
            out.order_differences.append(f"{name}: payment {placed['payment']} there, {order.payment} here")
        ours = lines.get(order.id, {})
        for line in placed["lines"]:
            mine = ours.get(line["line_id"])
            if mine is None or (not cancelled and mine.quantity != line["quantity"]):
                out.order_differences.append(f"{name}: line {line['line_id']} differs")
        if order.payment != "pending" and order.total_minor is not None and order.total_minor != placed["total_minor"]:
            out.order_differences.append(f"{name}: total {placed['total_minor']} there, {order.total_minor} here")
    for order_id in by_id:
        if order_id not in truth:
            out.duplicated.append(f"{channel} {order_id}: not on the channel")


def _shipments(
    out: Comparison,
    channel: str,
    truth: Mapping[str, object],
    by_id: Mapping[str, Order],
    parcels: Mapping[int, list[tuple[Shipment, dict[str, int]]]],
) -> None:
    for order_id, placed in truth.items():
        assert isinstance(placed, dict)
        order = by_id.get(order_id)
        if order is None:
            continue
        there: dict[str, list[dict[str, int]]] = {}
        for shipment in placed["shipments"]:
            there.setdefault(shipment["tracking"], []).append(shipment["lines"])
        for mine, content in parcels.get(order.id, []):
            out.shipments_recorded += 1
            seen = there.get(mine.tracking, [])
            if mine.confirmed_at is not None and len(seen) == 1 and seen[0] == content:
                out.shipments_confirmed += 1
            elif not seen and mine.confirmed_at is None and placed["cancellation"] == "cancelled" and order.recall:
                out.shipments_overtaken += 1
            elif len(seen) > 1:
                out.shipments_doubled.append(f"{channel} {order_id} {mine.tracking}: {len(seen)} times")
            else:
                out.shipments_missing.append(f"{channel} {order_id} {mine.tracking}: {seen} there, {content} here")
        ours = {mine.tracking for mine, _ in parcels.get(order.id, [])}
        for tracking in there:
            if tracking not in ours:
                out.shipments_doubled.append(f"{channel} {order_id} {tracking}: not ours")
