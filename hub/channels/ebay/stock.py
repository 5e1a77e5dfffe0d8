"""Quantities and prices of listings: routing by who manages them, bulk calls, one outcome per item in order.

Both are written by the same two operations: bulkUpdatePriceQuantity for Inventory-API listings (25 a call) and
ReviseInventoryStatus for all others (4 a call); never both for one listing (contracts README 3.3, 3.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hub.channels.contract import (
    Applied,
    ChannelError,
    InvalidData,
    ListingRef,
    Outcome,
    PriceLevel,
    Problem,
    Refused,
    StockLevel,
    Unclear,
)
from hub.channels.ebay import faults, rest, trading
from hub.channels.ebay.client import Client
from hub.channels.ebay.listing_bodies import SKU_MAX
from hub.channels.ebay.manifest import BULK_REST, BULK_TRADING
from hub.channels.ebay.trading import Revision


@dataclass(slots=True, kw_only=True)
class _Slot:
    """One item of the batch on its way: its revision, its offer and, in the end, its outcome."""

    revision: Revision
    offer_id: str = ""
    learned: ListingRef | None = None
    outcome: Outcome | None = None


def push_stock(client: Client, levels: Sequence[StockLevel]) -> list[Outcome]:
    return _push(
        client,
        [Revision(ref=one.ref, idempotency_key=one.idempotency_key, quantity=one.quantity) for one in levels],
    )


def push_prices(client: Client, prices: Sequence[PriceLevel]) -> list[Outcome]:
    return _push(
        client, [Revision(ref=one.ref, idempotency_key=one.idempotency_key, price=one.price) for one in prices]
    )


# ---------------------------------------------------------------- twins


def build_bulk(revisions: Sequence[tuple[Revision, str]]) -> list[dict[str, Any]]:
    """The `requests` of bulkUpdatePriceQuantity for pairs of revision and offer id.

    A quantity goes to the item and to the offer: eBay shows the smaller of the two (schema of ShipToLocationAvailability).
    """
    requests: list[dict[str, Any]] = []
    for one, offer_id in revisions:
        offer: dict[str, Any] = {"offerId": offer_id}
        request: dict[str, Any] = {"sku": one.ref.channel_sku, "offers": [offer]}
        if one.quantity is not None:
            request["shipToLocationAvailability"] = {"quantity": one.quantity}
            offer["availableQuantity"] = one.quantity
        if one.price is not None:
            offer["price"] = {"value": one.price.text(), "currency": one.price.currency}
        requests.append(request)
    return requests


def parse_bulk(
    rows: Sequence[dict[str, Any]], revisions: Sequence[tuple[Revision, str]], now: datetime
) -> list[Outcome]:
    """One outcome per revision, in order. Several rows about one SKU (item and offer) count as their worst."""
    outcomes: list[Outcome] = []
    for one, offer_id in revisions:
        mine = [row for row in rows if _is_about(row, one.ref.channel_sku, offer_id)]
        bad = [
            outcome
            for row in mine
            if (outcome := faults.of_item(_status(row), faults.complaints(row), now)) is not None
        ]
        if bad:
            outcomes.append(bad[0])
        elif mine:
            outcomes.append(Applied(external_id=one.ref.external_id or "", observed=one.quantity))
        else:
            outcomes.append(Unclear(why="eBay's answer did not mention this SKU."))
    return outcomes


def _is_about(row: dict[str, Any], sku: str, offer_id: str) -> bool:
    if row.get("offerId"):
        return bool(row["offerId"] == offer_id)
    return bool(row.get("sku") == sku)


def _status(row: dict[str, Any]) -> int:
    value = row.get("statusCode")
    return value if isinstance(value, int) else 500


# ---------------------------------------------------------------- the flow


def _push(client: Client, revisions: Sequence[Revision]) -> list[Outcome]:
    slots = [_Slot(revision=one, outcome=_impossible(one)) for one in revisions]
    for slot in slots:
        if slot.outcome is None:
            _route(client, slot)
    open_slots = [one for one in slots if one.outcome is None]
    calls: list[tuple[Callable[[Client, Sequence[_Slot]], None], Sequence[_Slot]]] = [
        *((_push_rest, chunk) for chunk in _chunks([one for one in open_slots if one.offer_id], BULK_REST)),
        *((_push_trading, chunk) for chunk in _chunks([one for one in open_slots if not one.offer_id], BULK_TRADING)),
    ]
    for number, (call, chunk) in enumerate(calls):
        try:
            call(client, chunk)
        except faults.RevisedTooOften as error:
            for slot in chunk:
                slot.outcome = faults.deferred(error)
        except ChannelError as error:
            if number == 0:
                raise
            # An earlier call went through: from here on failures are values (contract/errors.py).
            for slot in chunk:
                slot.outcome = faults.outcome_of_error(error)
    return [_told(slot) for slot in slots]


def _impossible(one: Revision) -> Outcome | None:
    """What eBay cannot know, without asking it."""
    if len(one.ref.channel_sku) > SKU_MAX and not trading.is_trading(one.ref.facts):
        text = f"eBay takes SKUs of at most {SKU_MAX} characters; this one has {len(one.ref.channel_sku)}."
        return Refused(problems=(Problem(code="sku_too_long", message=text, field="sku"),))
    return None


def _route(client: Client, slot: _Slot) -> None:
    """Find the offer of an Inventory-API listing; leave `offer_id` empty for a Trading listing."""
    ref = slot.revision.ref
    if trading.is_trading(ref.facts):
        return
    slot.offer_id = ref.facts.get("offer_id", "")
    if slot.offer_id:
        return
    try:
        offers = rest.get_offers(client, ref.channel_sku)
    except InvalidData as error:
        # One SKU that eBay cannot even look up must not stop the others.
        slot.outcome = faults.outcome_of_error(error)
        return
    if offers:
        slot.offer_id = str(offers[0].get("offerId") or "")
        facts = {**ref.facts, "managed_by": "inventory_api", "offer_id": slot.offer_id}
        slot.learned = replace(ref, facts=facts)
    elif not trading.item_id_of(ref):
        text = f"eBay has no offer with the SKU {ref.channel_sku}."
        slot.outcome = Refused(problems=(Problem(code="25702", message=text, field="sku"),), missing=True)


def _push_rest(client: Client, slots: Sequence[_Slot]) -> None:
    pairs = [(slot.revision, slot.offer_id) for slot in slots]
    rows = rest.bulk_update_price_quantity(client, build_bulk(pairs))
    for slot, outcome in zip(slots, parse_bulk(rows, pairs, client.clock.now()), strict=True):
        slot.outcome = outcome


def _push_trading(client: Client, slots: Sequence[_Slot]) -> None:
    revisions = [slot.revision for slot in slots]
    root = client.trading("ReviseInventoryStatus", trading.build_revise(revisions), writing=True)
    for slot, outcome in zip(slots, trading.parse_revise(root, revisions, client.clock.now()), strict=True):
        slot.outcome = outcome


def _told(slot: _Slot) -> Outcome:
    outcome = slot.outcome or Unclear(why="eBay's answer did not mention this listing.")
    if isinstance(outcome, Applied) and slot.learned is not None:
        return replace(outcome, refs=(slot.learned,))
    return outcome


def _chunks(slots: Sequence[_Slot], size: int) -> list[Sequence[_Slot]]:
    return [slots[start : start + size] for start in range(0, len(slots), size)]
