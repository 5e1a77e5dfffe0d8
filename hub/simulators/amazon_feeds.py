"""Feeds 2021-06-30 of the simulated Amazon: documents behind presigned addresses, feeds, processing reports.

JSON_LISTINGS_FEED carries listing messages, POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA cancels order items (contracts
README 2.4, 2.6); every other type ends FATAL, as the legacy listing feeds do since 2025-07-31. A feed waits a third of
`job_ms` in the queue and is worked off at its end; accepted messages then take effect after the usual lag.

The text of the processing report of the tab-separated feed is not in the contracts: ours names the counts and one line
per refused record. Callers should read the orders to see what was cancelled.
"""

from __future__ import annotations

import base64
import csv
import gzip
import json
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.simulators import amazon_attributes as at
from hub.simulators.amazon_listings_api import ITEM_DATA, ListingsApi
from hub.simulators.amazon_orders import DAY_MS, Orders
from hub.simulators.amazon_wire import (
    Agenda,
    Terms,
    WireError,
    answer,
    bad_input,
    iso,
    json_body,
    known,
    load_json,
    not_found,
    own_url,
    storage_error,
)

LISTINGS_FEED = "JSON_LISTINGS_FEED"
CANCEL_FEED = "POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA"
CANCEL_COLUMNS = ("order-id", "amazon-order-item-code", "cancellation-reason-code")
MESSAGE_LIMIT = 25_000
URL_LIFE_MS = 300_000
RESULT_LIFE_MS = 28 * DAY_MS
DOCUMENTS = "feed-documents"  # first part of the path of a presigned address
_FULL = frozenset({"UPDATE", "PARTIAL_UPDATE"})
_KINDS = _FULL | {"PATCH", "DELETE"}


@dataclass(slots=True, kw_only=True)
class Document:
    """A feed's content or its report. `body` is base64, None until it is uploaded."""

    document_id: str
    created: int
    body: str | None = None
    gzipped: bool = False


@dataclass(slots=True, kw_only=True)
class Feed:
    feed_id: str
    feed_type: str
    stores: list[str]
    document_id: str
    created: int
    started: int
    ends: int
    outcome: str = ""  # DONE | FATAL once worked off
    report_id: str = ""


@dataclass(slots=True, kw_only=True)
class Findings:
    """What the processing of a listings feed found."""

    issues: list[dict[str, Any]]
    messages: int = 0
    invalid: int = 0
    accepted: tuple[str, ...] = ()  # SKUs


class Feeds:
    """Documents and feeds of the account."""

    def __init__(self, terms: Terms, agenda: Agenda, listings: ListingsApi, orders: Orders, rng: random.Random) -> None:
        self.terms = terms
        self.agenda = agenda
        self.listings = listings
        self.orders = orders
        self.random = rng
        self.documents: dict[str, Document] = {}
        self.feeds: dict[str, Feed] = {}
        self.urls: dict[str, tuple[str, int]] = {}  # signature -> document, end of life
        self._count = 0

    # ---------------------------------------------------------------- documents

    def create_document(self, request: Request, now: int) -> Response:
        content_type = json_body(request).get("contentType")
        if not isinstance(content_type, str) or not content_type:
            raise bad_input("'contentType' is required.")
        self._forget(now)
        document = self._document(now)
        return answer({"feedDocumentId": document.document_id, "url": self._presigned(document, request, now)}, 201)

    def get_document(self, request: Request, document_id: str, now: int) -> Response:
        self._forget(now)
        document = self.documents.get(document_id)
        if document is None:
            raise not_found(f"Feed document {document_id} not found.")
        body = {"feedDocumentId": document_id, "url": self._presigned(document, request, now)}
        if document.gzipped:
            body["compressionAlgorithm"] = "GZIP"
        return answer(body)

    def stored(self, request: Request, document_id: str, now: int) -> Response:
        """The storage behind a presigned address: PUT the content, GET it back. No access token, no quota."""
        held = self.urls.get(request.args.get("X-Amz-Signature", ""))
        document = self.documents.get(document_id)
        if held is None or document is None or held[0] != document_id:
            return storage_error(403, "SignatureDoesNotMatch", "The request signature does not match.")
        if now >= held[1]:
            return storage_error(403, "AccessDenied", "Request has expired")
        if request.method == "PUT":
            document.body = base64.b64encode(request.get_data()).decode()
            return Response(status=200)
        if document.body is None:
            return storage_error(404, "NoSuchKey", "The specified key does not exist.")
        return Response(base64.b64decode(document.body), mimetype="application/octet-stream")

    def _document(self, now: int) -> Document:
        document = Document(document_id=f"amzn1.tortuga.4.eu.{self.random.getrandbits(96):024x}", created=now)
        self.documents[document.document_id] = document
        return document

    def _presigned(self, document: Document, request: Request, now: int) -> str:
        signature = f"{self.random.getrandbits(128):032x}"
        self.urls = {key: held for key, held in self.urls.items() if held[1] > now - DAY_MS}
        self.urls[signature] = (document.document_id, now + URL_LIFE_MS)
        return f"{own_url(request)}/{DOCUMENTS}/{document.document_id}?X-Amz-Expires=300&X-Amz-Signature={signature}"

    def _forget(self, now: int) -> None:
        """Results stay readable for 28 days."""
        for document_id in [key for key, row in self.documents.items() if row.created + RESULT_LIFE_MS < now]:
            del self.documents[document_id]

    # ---------------------------------------------------------------- feeds

    def create(self, request: Request, now: int) -> Response:
        body = json_body(request)
        feed_type, document_id, stores = (body.get(k) for k in ("feedType", "inputFeedDocumentId", "marketplaceIds"))
        if not isinstance(feed_type, str) or not feed_type:
            raise bad_input("'feedType' is required.")
        if not isinstance(stores, list) or not 1 <= len(stores) <= 25:
            raise bad_input("'marketplaceIds' must hold 1 to 25 values.")
        if self.terms.store.id not in stores:
            raise bad_input(f"The seller does not sell in marketplace {stores[0]}.")
        if not isinstance(document_id, str) or document_id not in self.documents:
            raise bad_input(f"Feed document {document_id} does not exist.")
        self._count += 1
        feed = Feed(
            feed_id=f"{50_000_000_000 + self._count}",
            feed_type=feed_type,
            stores=[str(store) for store in stores],
            document_id=document_id,
            created=now,
            started=now + self.terms.job_ms // 3,
            ends=now + self.terms.job_ms,
        )
        self.feeds[feed.feed_id] = feed
        self.agenda.add(feed.ends, "feed", {"feed": feed.feed_id})
        return answer({"feedId": feed.feed_id}, 202)

    def get(self, feed_id: str, now: int) -> Response:
        feed = self.feeds.get(feed_id)
        if feed is None:
            raise not_found(f"Feed {feed_id} not found.")
        waiting = "IN_QUEUE" if now < feed.started else "IN_PROGRESS"
        body: dict[str, Any] = {
            "feedId": feed.feed_id,
            "feedType": feed.feed_type,
            "marketplaceIds": feed.stores,
            "createdTime": iso(feed.created),
            "processingStatus": feed.outcome or waiting,
        }
        if now >= feed.started:
            body["processingStartTime"] = iso(feed.started)
        if feed.outcome:
            body["processingEndTime"] = iso(feed.ends)
        if feed.report_id:
            body["resultFeedDocumentId"] = feed.report_id
        return answer(body)

    def work_off(self, feed_id: str, now: int) -> None:
        """The feed's turn has come: its content takes effect or is refused, its report is written."""
        feed = self.feeds[feed_id]
        document = self.documents.get(feed.document_id)
        content = base64.b64decode(document.body) if document and document.body is not None else None
        feed.outcome, report = "FATAL", ""
        if content is not None and feed.feed_type == LISTINGS_FEED:
            feed.outcome, report = self._listings_feed(feed, content, now)
        elif content is not None and feed.feed_type == CANCEL_FEED:
            feed.outcome, report = self._cancel_feed(content, now)
        if report:
            result = self._document(now)
            result.gzipped = bool(self.terms.extra.get("gzip_reports"))
            data = report.encode()
            result.body = base64.b64encode(gzip.compress(data) if result.gzipped else data).decode()
            feed.report_id = result.document_id

    # ---------------------------------------------------------------- JSON_LISTINGS_FEED

    def _listings_feed(self, feed: Feed, content: bytes, now: int) -> tuple[str, str]:
        header: Any = {}
        try:
            value = load_json(content)
            header = value["header"]
            messages = value["messages"]
            self._check_frame(header, messages)
        except (ValueError, KeyError, TypeError) as error:
            broken = {"code": "4000001", "severity": "ERROR", "message": f"The feed cannot be processed: {error}"}
            return "FATAL", self._report(feed, Findings(issues=[broken]), [])
        found = Findings(issues=[])
        seen: set[int] = set()
        accepted: dict[str, None] = {}
        for message in messages:
            found.messages += 1
            issues = self._message(message, seen, now)
            if not issues:
                accepted[message["sku"]] = None
                continue
            found.invalid += 1
            found.issues += [{**_place(message), **issue} for issue in issues]
        found.accepted = tuple(accepted)
        report = header.get("report")
        return "DONE", self._report(feed, found, report["includedData"] if report else [])

    def _check_frame(self, header: Any, messages: Any) -> None:
        """Raises ValueError: the feed as a whole breaks the feed schema."""
        if not isinstance(header, dict) or header.get("version") != "2.0":
            raise ValueError("header.version must be '2.0'")
        if header.get("sellerId") != self.terms.seller_id:
            raise ValueError("header.sellerId is not the seller of the submission")
        report = header.get("report")
        if report is not None and not (report["includedData"] and set(report["includedData"]) <= ITEM_DATA):
            raise ValueError("header.report.includedData has values that are not known")
        if not isinstance(messages, list) or not 1 <= len(messages) <= MESSAGE_LIMIT:
            raise ValueError(f"messages must hold 1 to {MESSAGE_LIMIT} entries")

    def _message(self, message: Any, seen: set[int], now: int) -> list[dict[str, Any]]:
        """The message takes effect like its API operation, or the issues say why not."""
        wrong = _message_error(message, seen)
        if wrong:
            return [{"code": "4000003", "severity": "ERROR", "message": wrong}]
        shelf, sku, kind = self.listings.shelf, message["sku"], message["operationType"]
        if kind == "DELETE":
            shelf.delete(sku, now)
            return []
        if kind == "UPDATE":
            requirements = message.get("requirements", "LISTING")
            found = shelf.put(sku, message["productType"], requirements, message["attributes"], now, preview=False)
            return [_feed_issue(issue) for issue in found]
        patches = message.get("patches")
        if kind == "PARTIAL_UPDATE":  # equivalent to PATCH with replace, says the feed schema
            patches = [
                {"op": "replace", "path": f"/attributes/{name}", "value": value}
                for name, value in message["attributes"].items()
            ]
        try:
            at.check_patches(patches)
        except WireError as error:
            return [{"code": "4000003", "severity": "ERROR", "message": error.message}]
        return [_feed_issue(i) for i in shelf.patch(sku, message["productType"], patches, now, preview=False)]

    def _report(self, feed: Feed, found: Findings, included: list[str]) -> str:
        header: dict[str, Any] = {"sellerId": self.terms.seller_id, "version": "2.0", "feedId": feed.feed_id}
        summary: dict[str, Any] = {
            "errors": len(found.issues),
            "warnings": 0,
            "messagesProcessed": found.messages,
            "messagesAccepted": found.messages - found.invalid,
            "messagesInvalid": found.invalid,
        }
        report: dict[str, Any] = {"header": header, "issues": found.issues, "summary": summary}
        if included:
            header["report"] = {"includedData": included, "apiVersion": "2021-08-01"}
            listings = [listing for sku in found.accepted if (listing := self.listings.shelf.get(sku))]
            report["items"] = [self.listings.item(listing, included) for listing in listings]
            issues = [issue["severity"] for listing in listings for issue in listing.issues]
            summary["itemSummary"] = {
                "items": len(listings),
                "errors": issues.count("ERROR"),
                "warnings": issues.count("WARNING"),
            }
        return json.dumps(report, ensure_ascii=False)

    # ---------------------------------------------------------------- cancelling order items

    def _cancel_feed(self, content: bytes, now: int) -> tuple[str, str]:
        lines = content.decode("utf-8-sig", "replace").splitlines()
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
        if not rows or any(column not in rows[0] for column in CANCEL_COLUMNS):
            return "FATAL", "The file needs the columns " + ", ".join(CANCEL_COLUMNS) + " and at least one record.\n"
        errors = [(n, error) for n, row in enumerate(rows, 1) if (error := self._cancel_record(row, now))]
        report = [
            "Feed Processing Summary:",
            f"\tNumber of records processed\t\t{len(rows)}",
            f"\tNumber of records successful\t\t{len(rows) - len(errors)}",
            "",
        ]
        if errors:
            report.append("original-record-number\terror-code\terror-type\terror-message")
            report += [f"{n}\t5000\tError\t{error}" for n, error in errors]
        return "DONE", "\n".join(report) + "\n"

    def _cancel_record(self, row: Mapping[str, Any], now: int) -> str:
        """Cancels one order item; a sentence if that cannot be done."""
        order_id, item_id, reason = (str(row.get(column) or "").strip() for column in CANCEL_COLUMNS)
        order = self.orders.orders.get(order_id)
        if order is None:
            return f"The order {order_id or '(empty)'} does not exist."
        item = order.item(item_id)
        if item is None:
            return f"The order {order_id} has no item {item_id or '(empty)'}."
        if not reason:
            return "The cancellation-reason-code is missing."
        if order.now.shipped(item_id):
            return f"The item {item_id} of order {order_id} has been shipped and cannot be cancelled."
        self.orders.cancel_items(order, [item_id], "MERCHANT", reason, now)
        return ""

    # ---------------------------------------------------------------- persistence

    def dump(self) -> dict[str, Any]:
        return {
            "count": self._count,
            "documents": [asdict(row) for row in self.documents.values()],
            "feeds": [asdict(row) for row in self.feeds.values()],
            "urls": {key: list(held) for key, held in self.urls.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._count = state["count"]
        self.documents = {row["document_id"]: Document(**row) for row in state["documents"]}
        self.feeds = {row["feed_id"]: Feed(**row) for row in state["feeds"]}
        self.urls = {key: (held[0], held[1]) for key, held in state["urls"].items()}


def _message_error(message: Any, seen: set[int]) -> str:
    """What breaks the message schema (listings-feed-message-schema-v2), empty if nothing does."""
    if not isinstance(message, dict):
        return "A message must be an object."
    number, sku, kind = (message.get(name) for name in ("messageId", "sku", "operationType"))
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        return "'messageId' must be an integer of 1 or more."
    if number in seen:
        return f"The messageId {number} is used more than once."
    seen.add(number)
    if not isinstance(sku, str) or not sku:
        return "'sku' is required."
    if not known(kind, _KINDS):
        return "'operationType' must be UPDATE, PARTIAL_UPDATE, PATCH or DELETE."
    wanted = (
        {"productType", "attributes"} if kind in _FULL else ({"productType", "patches"} if kind == "PATCH" else set())
    )
    allowed = wanted | ({"requirements"} if kind == "UPDATE" else set())
    for name in ("productType", "attributes", "patches", "requirements"):
        if name in wanted and not message.get(name):
            return f"'{name}' is required for the operation {kind}."
        if name in message and name not in allowed:
            return f"'{name}' is not applicable to the operation {kind}."
    if "attributes" in wanted and not isinstance(message["attributes"], dict):
        return "'attributes' must be an object."
    if "productType" in wanted and not isinstance(message["productType"], str):
        return "'productType' must be a string."
    if not known(message.get("requirements", "LISTING"), at.REQUIREMENTS):
        return "'requirements' has a value that is not known."
    return ""


def _place(message: Any) -> dict[str, Any]:
    """Which message an issue is about, as far as the message says so itself."""
    out: dict[str, Any] = {}
    if isinstance(message, dict):
        if isinstance(message.get("messageId"), int) and message["messageId"] >= 1:
            out["messageId"] = message["messageId"]
        if isinstance(message.get("sku"), str) and message["sku"]:
            out["sku"] = message["sku"]
    return out


def _feed_issue(issue: Mapping[str, Any]) -> dict[str, Any]:
    out = {key: issue[key] for key in ("code", "severity", "message")}
    if issue["attributeNames"]:
        out["attributeName"] = issue["attributeNames"][0]
    return out
