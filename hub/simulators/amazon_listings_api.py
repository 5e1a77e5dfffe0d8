"""Listings Items 2021-08-01 on the simulated wire: put, patch, get, delete, search (model listingsItems_2021-08-01)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.kernel.money import Money
from hub.simulators import amazon_attributes as at
from hub.simulators.amazon_listings import Listing, Shelf
from hub.simulators.amazon_wire import (
    answer,
    bad_input,
    chosen,
    instant,
    iso,
    json_body,
    known,
    listed,
    not_found,
    number,
    seal,
    unauthorized,
    unseal,
)  # fmt: skip

ITEM_DATA = frozenset({
    "summaries", "attributes", "issues", "offers", "fulfillmentAvailability", "procurement", "relationships",
    "productTypes",
})  # fmt: skip
_SUBMISSION_DATA = frozenset({"identifiers", "issues"})
_IDENTIFIER_TYPES = frozenset({"ASIN", "EAN", "FNSKU", "GTIN", "ISBN", "JAN", "MINSAN", "SKU", "UPC"})
_STATUSES = frozenset({"BUYABLE", "DISCOVERABLE"})
SEARCH_DEPTH = 1000  # SKUs that can be paged through (model, ItemSearchResults.numberOfResults)


class ListingsApi:
    """Answers the five listings operations from a shelf. `new_id` makes submission ids."""

    def __init__(self, shelf: Shelf, new_id: Callable[[], str]) -> None:
        self.shelf = shelf
        self.new_id = new_id

    # ---------------------------------------------------------------- writing

    def put(self, request: Request, seller: str, sku: str, now: int) -> Response:
        preview, included = self._submission(request, seller, one_store=True)
        body = json_body(request)
        product_type = _product_type(body)
        attributes = body.get("attributes")
        if not isinstance(attributes, dict):
            raise bad_input("'attributes' must be an object.")
        requirements = body.get("requirements", "LISTING")
        if not known(requirements, at.REQUIREMENTS):
            raise bad_input(f"'{requirements}' is not a valid value of 'requirements'.")
        issues = self.shelf.put(sku, product_type, requirements, attributes, now, preview=preview)
        return self._outcome(sku, issues, preview=preview, included=included)

    def patch(self, request: Request, seller: str, sku: str, now: int) -> Response:
        preview, included = self._submission(request, seller)
        body = json_body(request)
        product_type = _product_type(body)
        patches = at.check_patches(body.get("patches"))
        issues = self.shelf.patch(sku, product_type, patches, now, preview=preview)
        return self._outcome(sku, issues, preview=preview, included=included)

    def delete(self, request: Request, seller: str, sku: str, now: int) -> Response:
        self._account(request, seller, one_store=True)
        self.shelf.delete(sku, now)
        return self._outcome(sku, [], preview=False, included=[])

    def _submission(self, request: Request, seller: str, *, one_store: bool = False) -> tuple[bool, list[str]]:
        self._account(request, seller, one_store=one_store)
        mode = request.args.get("mode")
        if mode not in (None, "", "VALIDATION_PREVIEW"):
            raise bad_input(f"'{mode}' is not a valid value of 'mode'.")
        included = chosen(request, "includedData", _SUBMISSION_DATA)
        if "identifiers" in included and not mode:
            raise bad_input("'identifiers' can only be requested when 'mode' is 'VALIDATION_PREVIEW'.")
        return bool(mode), included

    def _outcome(self, sku: str, issues: list[at.Issue], *, preview: bool, included: Sequence[str]) -> Response:
        status = "INVALID" if issues else ("VALID" if preview else "ACCEPTED")
        body: dict[str, Any] = {"sku": sku, "status": status, "submissionId": self.new_id(), "issues": issues}
        if "identifiers" in included:
            listing = self.shelf.get(sku)
            mark = {"marketplaceId": self.shelf.terms.store.id}
            body["identifiers"] = [{**mark, "asin": listing.asin}] if listing else []
        return answer(body)

    # ---------------------------------------------------------------- reading

    def get(self, request: Request, seller: str, sku: str) -> Response:
        self._account(request, seller)
        included = chosen(request, "includedData", ITEM_DATA) or ["summaries"]
        listing = self.shelf.get(sku)
        if listing is None:
            raise not_found(f"SKU '{sku}' not found in marketplace {self.shelf.terms.store.id}")
        return answer(self.item(listing, included))

    def search(self, request: Request, seller: str) -> Response:
        self._account(request, seller)
        included = chosen(request, "includedData", ITEM_DATA) or ["summaries"]
        size = number(request, "pageSize", default=10, low=1, high=20)
        found = self._sorted(request, self._filtered(request))
        token = request.args.get("pageToken")
        start = _start(token) if token else 0
        body: dict[str, Any] = {"numberOfResults": len(found), "pagination": {}}
        if start + size < min(len(found), SEARCH_DEPTH):
            body["pagination"]["nextToken"] = seal({"start": start + size})
        if start:
            body["pagination"]["previousToken"] = seal({"start": max(0, start - size)})
        body["items"] = [self.item(row, included) for row in found[start : min(start + size, SEARCH_DEPTH)]]
        return answer(body)

    def _filtered(self, request: Request) -> list[Listing]:
        identifiers, kind = listed(request, "identifiers"), request.args.get("identifiersType")
        parent = request.args.get("variationParentSku")
        if bool(identifiers) != bool(kind):
            raise bad_input("'identifiers' and 'identifiersType' are required together.")
        if kind and kind not in _IDENTIFIER_TYPES:
            raise bad_input(f"'{kind}' is not a valid value of 'identifiersType'.")
        if len(identifiers) > 20:
            raise bad_input("'identifiers' can hold at most 20 values.")
        if parent and identifiers:
            raise bad_input("'variationParentSku' cannot be used together with 'identifiers'.")
        rows: Iterable[Listing] = self.shelf.shown()
        if kind == "SKU":
            rows = [row for sku in dict.fromkeys(identifiers) if (row := self.shelf.get(sku))]
        elif kind:
            rows = [row for row in rows if _identified(row, kind) & set(identifiers)]
        elif parent:
            rows = [row for row in rows if row.parent_sku == parent]
        for name, edge in (("created", "created"), ("lastUpdated", "updated")):
            after, before = instant(request, f"{name}After"), instant(request, f"{name}Before")
            if after is not None:
                rows = [row for row in rows if getattr(row, edge) >= after]
            if before is not None:
                rows = [row for row in rows if getattr(row, edge) <= before]
        severities = set(chosen(request, "withIssueSeverity", frozenset({"WARNING", "ERROR"})))
        wanted, unwanted = (
            set(chosen(request, "withStatus", _STATUSES)),
            set(chosen(request, "withoutStatus", _STATUSES)),
        )
        return [
            row
            for row in rows
            if (not severities or severities & {issue["severity"] for issue in row.issues})
            and (not wanted or wanted & set(row.status()))
            and not unwanted & set(row.status())
        ]

    def _sorted(self, request: Request, rows: list[Listing]) -> list[Listing]:
        by, order = request.args.get("sortBy", "lastUpdatedDate"), request.args.get("sortOrder", "DESC")
        keys: dict[str, Callable[[Listing], Any]] = {
            "sku": lambda row: row.sku,
            "createdDate": lambda row: (row.created, row.sku),
            "lastUpdatedDate": lambda row: (row.updated, row.sku),
        }
        if by not in keys or order not in ("ASC", "DESC"):
            raise bad_input("'sortBy' is sku, createdDate or lastUpdatedDate; 'sortOrder' is ASC or DESC.")
        return sorted(rows, key=keys[by], reverse=order == "DESC")

    def item(self, listing: Listing, included: Iterable[str]) -> dict[str, Any]:
        """One item with the data sets asked for."""
        store = self.shelf.terms.store
        mark = {"marketplaceId": store.id}
        out: dict[str, Any] = {"sku": listing.sku}
        for name in included:
            match name:
                case "summaries":
                    out[name] = [self._summary(listing)]
                case "attributes":
                    out[name] = listing.attributes
                case "issues":
                    out[name] = listing.issues
                case "offers":
                    price = Money(minor=listing.price_minor, currency=store.currency)
                    out[name] = (
                        [
                            {
                                **mark,
                                "offerType": "B2C",
                                "price": {"currencyCode": store.currency, "amount": price.text()},
                                "audience": {"value": "ALL", "displayName": f"Sell on {store.name}"},
                            }
                        ]
                        if listing.price_minor
                        else []
                    )
                case "fulfillmentAvailability":
                    out[name] = [
                        {"fulfillmentChannelCode": row["fulfillment_channel_code"], "quantity": row.get("quantity", 0)}
                        for row in listing.attributes.get(at.STOCK, [])
                    ]
                case "relationships":
                    related = self._relationships(listing)
                    out[name] = [{**mark, "relationships": related}] if related else []
                case "productTypes":
                    out[name] = [{**mark, "productType": listing.product_type}]
                case _:
                    out[name] = []  # procurement is for vendors
        return out

    def _summary(self, listing: Listing) -> dict[str, Any]:
        out: dict[str, Any] = {
            "marketplaceId": self.shelf.terms.store.id,
            "asin": listing.asin,
            "productType": listing.product_type,
            "conditionType": at.first(listing.attributes, "condition_type"),
            "status": listing.status(),
            "itemName": listing.title,
            "createdDate": iso(listing.created),
            "lastUpdatedDate": iso(listing.updated),
        }
        image = at.first(listing.attributes, "main_product_image_locator", "media_location")
        if image:
            out["mainImage"] = {"link": image, "height": 1000, "width": 1000}
        return {key: value for key, value in out.items() if value is not None}

    def _relationships(self, listing: Listing) -> list[dict[str, Any]]:
        children = self.shelf.children(listing.sku) if listing.is_parent else []
        parent = self.shelf.get(listing.parent_sku) if listing.parent_sku else None
        if not children and parent is None:
            return []
        theme = str(at.first((parent or listing).attributes, "variation_theme", "name") or "")
        names = [part.lower() for part in theme.split("/") if part]
        out: dict[str, Any] = {"type": "VARIATION", "variationTheme": {"attributes": names, "theme": theme}}
        if children:
            out["childSkus"] = children
        if parent is not None:
            out["parentSkus"] = [parent.sku]
        return [out]

    def _account(self, request: Request, seller: str, *, one_store: bool = False) -> None:
        terms = self.shelf.terms
        if seller != terms.seller_id:
            raise unauthorized(f"The access token does not belong to seller {seller}.")
        stores = listed(request, "marketplaceIds")
        if not stores:
            raise bad_input("'marketplaceIds' is required.")
        if one_store and len(stores) > 1:
            raise bad_input("'marketplaceIds' can hold at most 1 value.")
        if terms.store.id not in stores:
            raise bad_input(f"Seller {seller} does not sell in marketplace {stores[0]}.")


def _start(token: str) -> int:
    start = unseal(token, "pageToken").get("start")
    if not isinstance(start, int):
        raise bad_input("Parameter 'pageToken' is not a valid token.")
    return start


def _product_type(body: dict[str, Any]) -> str:
    value = body.get("productType")
    if not isinstance(value, str) or not value:
        raise bad_input("'productType' is required.")
    return value


def _identified(listing: Listing, kind: str) -> set[str]:
    if kind == "ASIN":
        return {listing.asin}
    rows = listing.attributes.get("externally_assigned_product_identifier", [])
    return {str(row.get("value")) for row in rows if str(row.get("type", "")).upper() == kind}
