"""Feed twins: the documents that are uploaded, the reports that come back, and the ticket that joins them.

A listings feed is JSON_LISTINGS_FEED version 2 (contracts amazon/schemas/feeds); a cancellation is a tab-separated
POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA (contracts README 2.4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hub.channels.amazon import remote
from hub.channels.contract import Applied, InvalidData, Outcome, Problem, Refused, Severity, Unclear

LISTINGS = "JSON_LISTINGS_FEED"
LISTINGS_TYPE = "application/json; charset=UTF-8"
CANCELLATION = "POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA"
CANCELLATION_TYPE = "text/tab-separated-values; charset=UTF-8"

#: Names of Amazon's cancellation reasons, by the hub's.
REASONS = {
    "out_of_stock": "NoInventory",
    "buyer_request": "BuyerCanceled",
    "address": "ShippingAddressUndeliverable",
    "fraud": "GeneralAdjustment",
    "other": "GeneralAdjustment",
}

_COUNTED = re.compile(rb"number of records (processed|successful)\s*:?\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a poll has to know. `order_id` is set for cancellations only."""

    feed_id: str
    kind: Literal["listings", "cancel"]
    order_id: str = ""

    def text(self) -> str:
        parts = {"v": 1, "kind": self.kind, "feed": self.feed_id, **({"order": self.order_id} if self.order_id else {})}
        return json.dumps(parts, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> Ticket:
        """
        Raises:
            InvalidData: this is no ticket of ours.
        """
        try:
            parts = json.loads(text)
            if parts["v"] != 1 or parts["kind"] not in ("listings", "cancel"):
                raise ValueError("another version or kind")
            return cls(feed_id=str(parts["feed"]), kind=parts["kind"], order_id=str(parts.get("order", "")))
        except (ValueError, LookupError, TypeError) as error:
            raise InvalidData("This ticket is not one of Amazon's.", detail=type(error).__name__) from error


# ---------------------------------------------------------------- what goes up


def build_patch_message(
    number: int, sku: str, product_type: str, patches: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Change parts of one listing. `number` counts the messages of a feed from 1."""
    return {
        "messageId": number,
        "sku": sku,
        "operationType": "PATCH",
        "productType": product_type,
        "patches": list(patches),
    }


def build_update_message(
    number: int, sku: str, product_type: str, requirements: str, attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """Create or fully replace one listing."""
    return {
        "messageId": number,
        "sku": sku,
        "operationType": "UPDATE",
        "productType": product_type,
        "requirements": requirements,
        "attributes": dict(attributes),
    }


def build_listings_feed(seller_id: str, messages: Sequence[Mapping[str, Any]]) -> bytes:
    """The document of a listings feed, at most 25,000 messages."""
    feed = {
        "header": {"sellerId": seller_id, "version": "2.0", "issueLocale": "en_US"},
        "messages": list(messages),
    }
    return json.dumps(feed, ensure_ascii=False, separators=(",", ":")).encode()


def build_cancellation(order_id: str, item_ids: Sequence[str], reason: str) -> bytes:
    """The document that cancels whole items of one order; Amazon knows no cancelling of part of an item here."""
    code = REASONS.get(reason, "GeneralAdjustment")
    rows = [("order-id", "amazon-order-item-code", "cancellation-reason-code")]
    rows += [(order_id, item_id, code) for item_id in item_ids]
    return "".join("\t".join(row) + "\n" for row in rows).encode()


def build_feed(feed_type: str, document_id: str, marketplace_id: str) -> dict[str, Any]:
    return {"feedType": feed_type, "marketplaceIds": [marketplace_id], "inputFeedDocumentId": document_id}


# ---------------------------------------------------------------- what comes down


def parse_listings_report(payload: Any, skus: Sequence[str]) -> dict[str, Outcome]:
    """Outcome per SKU of a finished listings feed; `skus` are those of its messages, in order.

    A message without an error counts as applied only if Amazon's own count of accepted messages covers it: a report
    may miss lines. Without `skus` (they were forgotten) only those that the report names are told.
    """
    report = remote.read(remote.Report, payload, operation="downloadFeedDocument")
    wrong: dict[str, list[Problem]] = {}
    whole: list[Problem] = []
    for issue in report.issues:
        if issue.severity != "ERROR":
            continue
        number = issue.message_id
        named = skus[number - 1] if number is not None and 1 <= number <= len(skus) else issue.sku
        told = wrong.setdefault(named, []) if named else whole
        told.append(
            Problem(
                code=issue.code or "issue",
                message=issue.message,
                field=issue.attribute_name,
                severity=Severity.ERROR,
            )
        )
    outcomes: dict[str, Outcome] = {sku: Refused(problems=tuple(problems)) for sku, problems in wrong.items()}
    others = [sku for sku in skus if sku not in outcomes]
    taken = report.summary.messages_accepted
    for sku in others:
        if taken >= len(others):
            outcomes[sku] = Applied()
        elif whole and taken == 0:
            outcomes[sku] = Refused(problems=tuple(whole))
        else:
            outcomes[sku] = Unclear(why="Amazon's processing report does not account for this listing.")
    return outcomes


def parse_cancellation_report(body: bytes) -> Outcome | None:
    """The outcome of a cancellation feed by its report; None if the report does not say.

    The report is a text: counts of records processed and successful, then a table of errors. Its exact form is not
    among the published schemas (contracts README 9), so only the counts are trusted.
    """
    counts = {name.decode().lower(): int(count) for name, count in _COUNTED.findall(body)}
    if not {"processed", "successful"} <= counts.keys() or counts["processed"] == 0:
        return None
    if counts["successful"] >= counts["processed"]:
        return Applied()
    if counts["successful"] > 0:
        return Unclear(why="Amazon cancelled only some items of the order.")
    said = _first_error(body.decode("utf-8", "replace"))
    return Refused(problems=(Problem(code="cancellation_refused", message=said),))


def _first_error(text: str) -> str:
    rows = [line.split("\t") for line in text.splitlines() if line.count("\t") >= 2]
    for index, row in enumerate(rows):
        if "error-message" in [cell.strip().lower() for cell in row]:
            column = [cell.strip().lower() for cell in row].index("error-message")
            for found in rows[index + 1 :]:
                if column < len(found) and found[column].strip():
                    return found[column].strip()[:500]
    return "Amazon did not cancel the order."
