"""The listings of the simulated Amazon: what a submission does, when it takes effect, and what the shelf holds.

ACCEPTED means queued (contracts README 2.6): a change takes effect `apply_lag_ms` later, and what Amazon finds wrong
only while processing arrives as issues `issue_lag_ms` after that. The stock a buyer can take lives here: orders lower
it at once, and a stock change that becomes effective overwrites it absolutely.
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hub.simulators import amazon_attributes as at
from hub.simulators.amazon_wire import Agenda, Terms
from hub.simulators.base import ControlError, LedgerListing

_TAKES_DOWN = frozenset({"LISTING_SUPPRESSED", "CATALOG_ITEM_REMOVED"})
_HIDES = frozenset({"SEARCH_SUPPRESSED", "CATALOG_ITEM_REMOVED"})
_B32 = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(slots=True, kw_only=True)
class Listing:
    """One SKU in the one store of the account. Times are milliseconds."""

    sku: str
    asin: str
    product_type: str
    attributes: at.Attributes
    created: int
    updated: int
    issues: list[at.Issue] = field(default_factory=list)
    ended: bool = False
    # derived from the attributes whenever they change; the stock is also moved by orders
    quantity: int = 0
    price_minor: int = 0

    @property
    def title(self) -> str:
        return str(at.first(self.attributes, "item_name") or "")

    @property
    def is_parent(self) -> bool:
        return bool(at.first(self.attributes, "parentage_level") == "parent")

    @property
    def parent_sku(self) -> str:
        return str(at.first(self.attributes, "child_parent_sku_relationship", "parent_sku") or "")

    def actions(self) -> set[str]:
        """Enforcements in force on the listing."""
        return {a["action"] for issue in self.issues for a in issue.get("enforcements", {}).get("actions", ())}

    def status(self) -> list[str]:
        """BUYABLE: a shopper can purchase it now, so neither sold out nor without a price. DISCOVERABLE: visible."""
        actions = self.actions()
        out = []
        if self.price_minor > 0 and self.quantity > 0 and not self.is_parent and not actions & _TAKES_DOWN:
            out.append("BUYABLE")
        if self.title and not actions & _HIDES:
            out.append("DISCOVERABLE")
        return out

    def state(self) -> str:
        """The ledger's word: a sold-out offer is live, a variation parent or a listing without a price is inactive."""
        if self.ended:
            return "ended"
        if self.actions() & _TAKES_DOWN:
            return "suppressed"
        return "live" if self.price_minor > 0 and not self.is_parent else "inactive"


class Shelf:
    """All listings of the account."""

    def __init__(self, terms: Terms, agenda: Agenda) -> None:
        self.terms = terms
        self.agenda = agenda
        self.listings: dict[str, Listing] = {}
        self._queued: dict[str, at.Attributes | None] = {}  # what a SKU will hold once its queue is worked off

    # ---------------------------------------------------------------- reading

    def get(self, sku: str) -> Listing | None:
        """The listing as it stands, None when there is none (any more)."""
        listing = self.listings.get(sku)
        return None if listing is None or listing.ended else listing

    def shown(self) -> Iterable[Listing]:
        return (listing for listing in self.listings.values() if not listing.ended)

    def children(self, parent_sku: str) -> list[str]:
        return [row.sku for row in self.shown() if row.parent_sku == parent_sku]

    def ledger(self) -> list[LedgerListing]:
        return [
            LedgerListing(
                sku=row.sku,
                external_id=row.sku,
                state=row.state(),
                quantity=0 if row.ended else row.quantity,
                price_minor=row.price_minor,
                currency=self.terms.store.currency,
                title=row.title,
            )
            for row in self.listings.values()
        ]

    # ---------------------------------------------------------------- submissions

    def put(
        self, sku: str, product_type: str, requirements: str, attributes: at.Attributes, now: int, *, preview: bool
    ) -> list[at.Issue]:
        """A full submission; the issues that make it INVALID, or none and it is queued."""
        shape = at.shape_issues(attributes)
        if shape:
            return shape
        more = () if at.first(attributes, "parentage_level") == "parent" else self.terms.extra.get("required", ())
        issues = at.missing_issues(attributes, requirements, more)
        issues += at.value_issues(attributes, attributes, self.terms.store)
        if not issues and not preview:
            change = {"sku": sku, "product_type": product_type, "attributes": attributes}
            self.agenda.add(now + self.terms.apply_lag_ms, "put", change)
            self._queued[sku] = attributes
        return issues

    def patch(
        self, sku: str, product_type: str, patches: list[dict[str, Any]], now: int, *, preview: bool
    ) -> list[at.Issue]:
        """Single attributes; checked on what the SKU will hold once everything queued before it is in effect."""
        base = self._expected(sku)
        if base is None:
            message = f"The SKU '{sku}' has no listing in {self.terms.store.name}; submit the full set of attributes."
            return [at.issue("90244", message, [], "MISSING_ATTRIBUTE")]
        issues = at.selector_issues(patches)
        if issues:
            return issues
        result = at.patched(base, patches, self.terms.store)
        issues = at.value_issues(result, at.touched(patches), self.terms.store)
        if "item_name" in at.touched(patches) and not result.get("item_name"):
            issues.append(at.missing("item_name"))
        if not issues and not preview:
            change = {"sku": sku, "product_type": product_type, "patches": patches}
            self.agenda.add(now + self.terms.apply_lag_ms, "patch", change)
            self._queued[sku] = result
        return issues

    def delete(self, sku: str, now: int) -> None:
        """Takes the SKU away after the lag; a SKU that is not there is accepted as well."""
        self.agenda.add(now + self.terms.apply_lag_ms, "delete", {"sku": sku})
        self._queued[sku] = None

    def _expected(self, sku: str) -> at.Attributes | None:
        if sku in self._queued:
            return self._queued[sku]
        listing = self.get(sku)
        attributes = listing.attributes if listing else None
        for kind, change in self.agenda.of_sku(sku):
            if kind == "put":
                attributes = change["attributes"]
            elif kind == "delete":
                attributes = None
            elif kind == "patch" and attributes is not None:
                attributes = at.patched(attributes, change["patches"], self.terms.store)
        return attributes

    # ---------------------------------------------------------------- taking effect

    def apply(self, kind: str, change: Mapping[str, Any], now: int) -> None:
        """A queued change becomes effective at `now`."""
        listing = self.get(change["sku"])
        if not self.agenda.expects(change["sku"]):
            self._queued.pop(change["sku"], None)
        match kind:
            case "put":
                self._replace(change["sku"], change["product_type"], change["attributes"], now)
                self._review_later(change["sku"], now)
            case "patch" if listing is not None:
                self._write(listing, at.patched(listing.attributes, change["patches"], self.terms.store), now)
                if at.touched(change["patches"]) - {at.STOCK, at.OFFER}:
                    self._review_later(listing.sku, now)
            case "delete" if listing is not None:
                listing.ended = True
                listing.updated = now
                listing.issues = []
            case "review" if listing is not None:
                listing.issues = self._review(listing)
                listing.updated = now
            case _:
                return  # the listing was deleted in between

    def _replace(self, sku: str, product_type: str, attributes: at.Attributes, now: int) -> Listing:
        listing = self.listings.get(sku)
        if listing is None or listing.ended:
            listing = Listing(
                sku=sku, asin=_asin(sku), product_type=product_type, attributes={}, created=now, updated=now
            )
            self.listings[sku] = listing
        listing.product_type = product_type
        self._write(listing, attributes, now)
        return listing

    def _write(self, listing: Listing, attributes: at.Attributes, now: int) -> None:
        listing.attributes = attributes
        listing.quantity = at.quantity(attributes)
        listing.price_minor = at.price_minor(attributes, self.terms.store)
        listing.updated = now

    def _review_later(self, sku: str, now: int) -> None:
        self.agenda.add(now + self.terms.issue_lag_ms, "review", {"sku": sku})

    def _review(self, listing: Listing) -> list[at.Issue]:
        """What Amazon finds after acceptance: an orphan variation, a missing picture, and what the scenario plants
        (`extra["late_issues"]`: SKU pattern -> {code, message, severity, action, attribute})."""
        out: list[at.Issue] = []
        if listing.parent_sku and self.get(listing.parent_sku) is None:
            message = f"The parent SKU '{listing.parent_sku}' does not exist, so the variation was not formed."
            out.append(at.issue("8007", message, ["child_parent_sku_relationship"], "INVALID_ATTRIBUTE"))
        if not listing.is_parent and "main_product_image_locator" not in listing.attributes:
            message = "Your listing has no main image."
            out.append(at.issue("18027", message, ["main_product_image_locator"], "MISSING_IMAGE", "WARNING"))
        for pattern, planted in self.terms.extra.get("late_issues", {}).items():
            if not fnmatch.fnmatchcase(listing.sku, pattern):
                continue
            late = at.issue(
                planted.get("code", "5461"),
                planted.get("message", "Amazon found a problem with this listing."),
                [planted.get("attribute", "item_name")],
                "INVALID_ATTRIBUTE",
                planted.get("severity", "ERROR"),
            )
            if planted.get("action"):
                late["enforcements"] = {
                    "actions": [{"action": planted["action"]}],
                    "exemption": {"status": "NOT_EXEMPT"},
                }
            out.append(late)
        return out

    # ---------------------------------------------------------------- the shop

    def check(self, sku: str, count: int, *, force: bool) -> None:
        """Can a buyer take that many?

        Raises:
            ControlError: not on sale, or fewer left than asked for (unless `force`).
        """
        listing = self.get(sku)
        if listing is None or listing.state() != "live":
            raise ControlError(f"{sku} is not on sale at Amazon")
        if count > listing.quantity and not force:
            raise ControlError(f"{sku}: {count} wanted, {listing.quantity} left at Amazon")

    def take(self, sku: str, count: int, now: int) -> Listing:
        """A buyer takes units that `check` allowed; the number drops at once, never below zero."""
        listing = self.listings[sku]
        self.set_quantity(listing, max(0, listing.quantity - count), now)
        return listing

    def give_back(self, sku: str, count: int, now: int) -> None:
        """Units of a cancelled order go back on the listing, if it still exists."""
        listing = self.get(sku)
        if listing is not None and count:
            self.set_quantity(listing, listing.quantity + count, now)

    def set_quantity(self, listing: Listing, count: int, now: int) -> None:
        listing.quantity = count
        listing.attributes = at.with_quantity(listing.attributes, count)
        listing.updated = now

    def add_by_hand(self, data: Mapping[str, Any], now: int) -> Listing:
        """A listing made in Seller Central: effective at once.

        Raises:
            ControlError: the SKU has a listing already, or the store has another currency.
        """
        store, sku = self.terms.store, str(data["sku"])
        if self.get(sku) is not None:
            raise ControlError(f"{sku} has a listing already")
        if data.get("currency", store.currency) != store.currency:
            raise ControlError(f"{store.name} sells in {store.currency}, not {data['currency']}")
        self._queued.pop(sku, None)
        mark = {"marketplace_id": store.id}
        title = {"value": str(data.get("title") or sku), "language_tag": store.language, **mark}
        attributes: at.Attributes = {
            "item_name": [title],
            "condition_type": [{"value": "new_new", **mark}],
            at.OFFER: at.offer(int(data["price_minor"]), store),
            at.STOCK: [{"fulfillment_channel_code": at.CHANNEL, "quantity": int(data["quantity"])}],
            **data.get("attributes", {}),
        }
        return self._replace(sku, str(data.get("product_type", "PRODUCT")), attributes, now)

    # ---------------------------------------------------------------- persistence

    def dump(self) -> list[dict[str, Any]]:
        return [asdict(row) for row in self.listings.values()]

    def restore(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.listings = {row["sku"]: Listing(**row) for row in rows}
        self._queued = {}


def _asin(sku: str) -> str:
    """A stable catalogue number for a SKU."""
    number = int.from_bytes(hashlib.sha256(sku.encode()).digest()[:8], "big")
    return "B0" + "".join(_B32[number // 34**place % 34] for place in range(8))
