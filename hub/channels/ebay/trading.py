"""Trading calls for listings the hub did not create: builders and readers, twin by twin (contracts README 3.3, 7.2).

Builders return the dictionaries ebaysdk turns into XML; readers take the parsed answer. Neither touches the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

from hub.channels.contract import (
    Applied,
    Deferred,
    ListingRef,
    ListingReport,
    ListingState,
    Outcome,
    Problem,
    Refused,
    Unclear,
)
from hub.channels.ebay import faults
from hub.channels.ebay.xml import errors, number, text
from hub.kernel.ids import digest
from hub.kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One line of a ReviseInventoryStatus: quantity, price or both."""

    ref: ListingRef
    idempotency_key: str
    quantity: int | None = None
    price: Money | None = None


def item_id_of(ref: ListingRef) -> str:
    """The ItemID, empty where only the SKU is known."""
    return ref.facts.get("item_id") or ref.external_id or ""


def _who(ref: ListingRef) -> dict[str, str]:
    """ItemID with SKU for a variation, ItemID alone otherwise, SKU alone where nothing else is known (README 3.4)."""
    item_id = item_id_of(ref)
    if not item_id:
        return {"SKU": ref.channel_sku}
    return {"ItemID": item_id, "SKU": ref.channel_sku} if ref.facts.get("variation") == "yes" else {"ItemID": item_id}


# ---------------------------------------------------------------- ReviseInventoryStatus


def build_revise(revisions: Sequence[Revision]) -> dict[str, Any]:
    """The request for at most four revisions.

    InvocationID (32 hex digits) makes eBay refuse a repetition of what it already carried out; MessageID comes back as
    CorrelationID. Both are the same whenever the same revisions are sent together again.
    """
    # With the values, because a quantity and a price of one listing may carry the same key.
    key = digest(sorted(f"{one.idempotency_key} {one.quantity} {one.price}" for one in revisions)).upper()
    rows: list[dict[str, Any]] = []
    for one in revisions:
        row: dict[str, Any] = dict(_who(one.ref))
        if one.quantity is not None:
            row["Quantity"] = str(one.quantity)
        if one.price is not None:
            row["StartPrice"] = {"#text": one.price.text(), "@attrs": {"currencyID": one.price.currency}}
        rows.append(row)
    return {"InvocationID": key, "MessageID": key, "InventoryStatus": rows}


def parse_revise(root: Element, revisions: Sequence[Revision], now: datetime) -> list[Outcome]:
    """One outcome per revision, in order; PartialFailure is read row by row (README 3.10).

    Raises:
        nothing: what the answer does not mention is Unclear.
    """
    whole = _duplicate(root)
    if whole is not None:
        return [whole] * len(revisions)
    done = [(text(row, "ItemID"), text(row, "SKU")) for row in root.findall("InventoryStatus")]
    found = errors(root)
    ack = text(root, "Ack")
    outcomes: list[Outcome] = []
    for one in revisions:
        mine = _about(found, one, revisions)
        if mine:
            outcomes.append(_refused(mine, now))
        elif _did(done, one, revisions) or (ack in ("Success", "Warning") and not found):
            outcomes.append(Applied(external_id=item_id_of(one.ref), observed=one.quantity))
        else:
            outcomes.append(Unclear(why="eBay did not say what became of this listing."))
    return outcomes


def _duplicate(root: Element) -> Outcome | None:
    """eBay recognised the InvocationID: the outcome of the first time."""
    state = text(root, "DuplicateInvocationDetails/Status")
    if state == "Success":
        return Applied()
    if state == "InProgress":
        return Deferred(retry_after_s=10.0, why="eBay is still working on the first sending of this change.")
    return Unclear(why="eBay carried an earlier sending of this change out only in part.") if state else None


def _did(done: Sequence[tuple[str, str]], one: Revision, all_of_them: Sequence[Revision]) -> bool:
    item_id, sku = item_id_of(one.ref), one.ref.channel_sku
    alone = sum(1 for other in all_of_them if item_id_of(other.ref) == item_id) == 1
    return any(
        (row_item == item_id and (row_sku == sku or alone)) if item_id else row_sku == sku for row_item, row_sku in done
    )


def _about(found: Sequence[faults.Complaint], one: Revision, all_of_them: Sequence[Revision]) -> list[faults.Complaint]:
    """The errors that are about this revision: by SKU, by ItemID where no SKU decides, all of them if it is alone."""
    if len(all_of_them) == 1:
        return list(found)
    item_id, sku = item_id_of(one.ref), one.ref.channel_sku
    skus = {other.ref.channel_sku for other in all_of_them}
    mine = []
    for complaint in found:
        named = skus & set(complaint.values)
        if sku in named or (not named and item_id and item_id in complaint.values):
            mine.append(complaint)
    return mine


def _refused(mine: Sequence[faults.Complaint], now: datetime) -> Outcome:
    decided = faults.refusal(mine, now)
    return decided or Refused(problems=tuple(one.problem() for one in mine))


# ---------------------------------------------------------------- EndFixedPriceItem


def build_end(ref: ListingRef) -> dict[str, Any]:
    item_id = item_id_of(ref)
    who = {"ItemID": item_id} if item_id else {"SKU": ref.channel_sku}
    return {**who, "EndingReason": "NotAvailable"}


def parse_end(root: Element, ref: ListingRef, now: datetime) -> Outcome:
    """Applied also when the listing had ended before or is gone."""
    found = errors(root)
    if text(root, "Ack") in ("Success", "Warning") and not found:
        return Applied(external_id=item_id_of(ref))
    if {one.code for one in found} & (faults.TRADING_ENDED | faults.TRADING_MISSING):
        return Applied(external_id=item_id_of(ref))
    decided = faults.refusal(found, now)
    problems = tuple(one.problem() for one in found) or (Problem(code="failure", message="eBay gave no reason."),)
    return decided or Refused(problems=problems)


# ---------------------------------------------------------------- GetItem


def build_get_item(ref: ListingRef) -> dict[str, Any]:
    item_id = item_id_of(ref)
    return {"DetailLevel": "ReturnAll", **({"ItemID": item_id} if item_id else {"SKU": ref.channel_sku})}


def parse_get_item(root: Element, ref: ListingRef, now: datetime) -> ListingReport:
    """What buyers see: available is Quantity less QuantitySold, for a variation likewise (README 3.8).

    Raises:
        ChannelError: GetItem failed for another reason than an unknown item.
    """
    found = errors(root)
    item = root.find("Item")
    if item is None or text(root, "Ack") == "Failure":
        if {one.code for one in found} & faults.TRADING_MISSING:
            return ListingReport(ref=ref, state=ListingState.VANISHED)
        raise faults.error_of_trading(found, call="GetItem", now=now)
    row = item
    variations = item.findall("Variations/Variation")
    if variations:
        fitting = [one for one in variations if text(one, "SKU") == ref.channel_sku]
        if not fitting:
            return ListingReport(ref=ref, state=ListingState.VANISHED)
        row = fitting[0]
    facts: dict[str, str] = {
        **ref.facts,
        "managed_by": "trading",
        "item_id": text(item, "ItemID"),
        "variation": "yes" if variations else "no",
    }
    if text(item, "SellingStatus/ListingOnHold") == "true":
        state = ListingState.SUPPRESSED
    else:
        active = text(item, "SellingStatus/ListingStatus") == "Active"
        state = ListingState.LIVE if active else ListingState.ENDED
    available = max(0, number(row, "Quantity") - number(row, "SellingStatus/QuantitySold"))
    return ListingReport(
        ref=ListingRef(channel_sku=ref.channel_sku, external_id=text(item, "ItemID") or ref.external_id, facts=facts),
        state=state,
        quantity=available if state is ListingState.LIVE else 0,
        price=price_of(row, item),
    )


def price_of(row: Element, item: Element) -> Money | None:
    """The price of a variation or item; None where the answer has none."""
    for holder, path in ((row, "StartPrice"), (item, "SellingStatus/CurrentPrice")):
        amount = holder.find(path)
        currency = amount.get("currencyID", "") if amount is not None else ""
        if amount is not None and amount.text and len(currency) == 3:
            return Money.parse(amount.text, currency)
    return None


def is_trading(facts: Mapping[str, str]) -> bool:
    return facts.get("managed_by") == "trading"
