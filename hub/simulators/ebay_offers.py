"""Sell Inventory API: offers, and the listings they become when they are published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Response

from hub.kernel.money import Money
from hub.simulators.ebay_bulk import attempt, check_sku, multi, need_language, paging, quantity_of, rows_of
from hub.simulators.ebay_errors import RestRefusal, answer, complaint, empty
from hub.simulators.ebay_routes import Call
from hub.simulators.ebay_shop import Shop
from hub.simulators.ebay_state import CURRENCIES, Listing, Unit

Row = dict[str, Any]
_FIELDS = (
    "availableQuantity", "categoryId", "charity", "extendedProducerResponsibility", "hideBuyerDetails",
    "includeCatalogProductDetails", "listingDescription", "listingDuration", "listingPolicies", "listingStartDate",
    "lotSize", "merchantLocationKey", "pricingSummary", "quantityLimitPerBuyer", "regulatory", "secondaryCategoryId",
    "storeCategoryNames", "tax",
)  # fmt: skip
_POLICIES = (
    ("fulfillmentPolicyId", "fulfillment_policy_id", 25007),
    ("paymentPolicyId", "payment_policy_id", 25008),
    ("returnPolicyId", "return_policy_id", 25009),
)


class OfferDesk:
    """Handlers by operation id, and what the other Inventory handlers need to know of offers."""

    def __init__(self, shop: Shop, policies: Mapping[str, str]) -> None:
        self._shop = shop
        self._policies = policies
        self.handlers: dict[str, Callable[[Call], Response]] = {
            "createOffer": self._create,
            "updateOffer": self._replace,
            "getOffer": self._get,
            "getOffers": self._list,
            "deleteOffer": self._delete,
            "publishOffer": self._publish,
            "withdrawOffer": self._withdraw,
            "publishOfferByInventoryItemGroup": self._publish_group,
            "withdrawOfferByInventoryItemGroup": self._withdraw_group,
            "bulkCreateOffer": self._bulk_create,
            "bulkPublishOffer": self._bulk_publish,
        }

    # ---------------------------------------------------------------- records

    def _create(self, call: Call) -> Response:
        need_language(call)
        return answer({"offerId": self._new(call.json()), "warnings": []}, 201)

    def _new(self, body: Row) -> str:
        shop = self._shop
        sku = check_sku(body.get("sku"))
        marketplace, kind = str(body.get("marketplaceId", "")), body.get("format", "FIXED_PRICE")
        if marketplace not in CURRENCIES:
            raise RestRefusal(400, complaint(25709, f"marketplaceId. {marketplace!r}"))
        if kind != "FIXED_PRICE":
            raise RestRefusal(400, complaint(25709, f"format. {kind!r}"))
        if sku not in shop.state.items:
            raise RestRefusal(400, complaint(25702, sku))
        for offer_id in shop.offers_of.get(sku, ()):
            other = shop.state.offers[offer_id]
            if (other["marketplaceId"], other["format"]) == (marketplace, kind):
                # One offer per SKU, marketplace and format (contracts README 3.4).
                raise RestRefusal(400, complaint(25002, "Offer entity already exists.", offerId=offer_id))
        self._check(body, marketplace)
        offer_id = str(36_445_435_000 + shop.state.next("offer"))
        shop.state.offers[offer_id] = {
            "offerId": offer_id, "sku": sku, "marketplaceId": marketplace, "format": kind, "status": "UNPUBLISHED",
            **_kept(body),
        }  # fmt: skip
        shop.offers_of.setdefault(sku, []).append(offer_id)
        return offer_id

    def _check(self, body: Row, marketplace: str) -> None:
        if body.get("availableQuantity") is not None:
            quantity_of(body["availableQuantity"])
        price = (body.get("pricingSummary") or {}).get("price")
        if price is not None:
            self.check_price(price, marketplace)

    def check_price(self, price: Mapping[str, Any], marketplace: str) -> Money:
        """A positive amount in the marketplace's currency.

        Raises:
            RestRefusal: 25003.
        """
        try:
            money = Money.parse(str(price["value"]), str(price["currency"]))
        except (KeyError, ValueError) as error:
            raise RestRefusal(400, complaint(25003, "The price needs a value and a currency.")) from error
        if money.currency != CURRENCIES[marketplace]:
            raise RestRefusal(400, complaint(25003, f"The currency of {marketplace} is {CURRENCIES[marketplace]}."))
        if money.minor <= 0:
            raise RestRefusal(400, complaint(25003, "The price must be greater than 0."))
        return money

    def _known(self, offer_id: str) -> Row:
        offer = self._shop.state.offers.get(offer_id)
        if offer is None:
            raise RestRefusal(404, complaint(25713, offer_id))
        return offer

    def _replace(self, call: Call) -> Response:
        need_language(call)
        offer, body = self._known(call.params[0]), call.json()
        self._check(body, offer["marketplaceId"])
        fixed = {key: offer[key] for key in ("offerId", "sku", "marketplaceId", "format", "status")}
        new = {**fixed, **_kept(body)} | ({"listingId": offer["listingId"]} if "listingId" in offer else {})
        if offer["status"] == "PUBLISHED":
            problems = self._offer_problems(new)
            if problems:
                raise RestRefusal(400, *problems)
            listing = self._shop.state.listings[offer["listingId"]]
            self._shop.revise(listing)
            listing.category_id = str(new["categoryId"])
        self._shop.state.offers[call.params[0]] = new
        return empty()

    def _view(self, offer: Row) -> Row:
        shop = self._shop
        out = {key: value for key, value in offer.items() if key != "listingId"}
        if "listingId" in offer:
            listing = shop.state.listings[offer["listingId"]]
            unit = next((each for each in listing.units if each.offer_id == offer["offerId"]), None)
            live = unit is not None and listing.live
            shown = shop.available(unit) if unit is not None and live else 0
            out["listing"] = {
                "listingId": listing.item_id,
                "listingStatus": "ENDED" if not live else "ACTIVE" if shown else "OUT_OF_STOCK",
                "soldQuantity": unit.sold if unit is not None else 0,
                "listingOnHold": False,
            }
        return out

    def _get(self, call: Call) -> Response:
        return answer(self._view(self._known(call.params[0])))

    def _list(self, call: Call) -> Response:
        sku = call.query("sku")
        if not sku:
            raise RestRefusal(400, complaint(25709, "sku. It is required."))
        limit, offset = paging(call, 25, 100)
        found = [self._view(self._shop.state.offers[offer_id]) for offer_id in self._shop.offers_of.get(sku, ())]
        for name, key in (("marketplace_id", "marketplaceId"), ("format", "format")):
            if call.query(name):
                found = [offer for offer in found if offer[key] == call.query(name)]
        if not found:
            raise RestRefusal(404, complaint(25713, sku))
        page = found[offset : offset + limit]
        return answer({
            "href": call.url("/sell/inventory/v1/offer"), "limit": limit, "size": len(page), "total": len(found),
            "offers": page,
        })  # fmt: skip

    def _delete(self, call: Call) -> Response:
        self._known(call.params[0])
        self.remove(call.params[0])
        return empty()

    def remove(self, offer_id: str) -> None:
        """The offer goes, and what it sells with it."""
        offer = self._shop.state.offers[offer_id]
        if offer["status"] == "PUBLISHED":
            self._take_down(offer)
        self._shop.offers_of[offer["sku"]].remove(offer_id)
        del self._shop.state.offers[offer_id]

    def _take_down(self, offer: Row) -> None:
        listing = self._shop.state.listings[offer["listingId"]]
        self._shop.drop_unit(listing, next(unit for unit in listing.units if unit.offer_id == offer["offerId"]))
        offer["status"] = "UNPUBLISHED"

    # ---------------------------------------------------------------- publishing

    def item_problems(self, item: Mapping[str, Any]) -> list[Row]:
        """What an inventory item lacks to be (or stay) on sale."""
        product = item.get("product") or {}
        out: list[Row] = []
        if not product.get("title"):
            out.append(complaint(25017, "The title is missing."))
        if not product.get("imageUrls"):
            out.append(complaint(25014, "Add at least 1 photo."))
        if not item.get("condition"):
            out.append(complaint(25021, "The condition is missing."))
        return out

    def _offer_problems(self, offer: Row) -> list[Row]:
        out: list[Row] = []
        policies = offer.get("listingPolicies") or {}
        for field, ours, error_id in _POLICIES:
            if policies.get(field) != self._policies[ours]:
                out.append(complaint(error_id, f"{field} {policies.get(field)!r} is missing or unknown."))
        if not (offer.get("pricingSummary") or {}).get("price"):
            out.append(complaint(25003, "The price is missing."))
        if not str(offer.get("categoryId") or "").isdecimal():
            out.append(complaint(25005, "The category ID is missing or not valid."))
        if offer.get("merchantLocationKey") not in self._shop.state.locations:
            out.append(complaint(25012, "The merchantLocationKey is missing or unknown."))
        return out

    def _ready(self, offer: Row, group: Row | None = None) -> None:
        """Raises RestRefusal with everything that stands against publishing."""
        shop = self._shop
        item = shop.state.items[offer["sku"]]
        problems = self._offer_problems(offer) + self.item_problems(item)
        description = offer.get("listingDescription") or (item.get("product") or {}).get("description")
        if not description and not (group or {}).get("description"):
            problems.append(complaint(25017, "The description is missing."))
        selling = shop.live.get(offer["sku"])
        if selling is not None and selling[1].offer_id != offer["offerId"]:
            number = selling[0].item_id
            problems.append(
                complaint(25002, f"This item is already listed in {number}, made with another tool.", listingId=number)
            )
        if problems:
            raise RestRefusal(400, *problems)

    def _publish(self, call: Call) -> Response:
        return answer({"listingId": self._publish_one(call.params[0]), "warnings": []})

    def _publish_one(self, offer_id: str) -> str:
        shop, offer = self._shop, self._known(offer_id)
        if offer["sku"] in shop.group_of:
            raise RestRefusal(400, complaint(25732))
        self._ready(offer)
        if offer["status"] == "PUBLISHED":
            shop.revise(shop.state.listings[offer["listingId"]])
            return str(offer["listingId"])
        product = shop.state.items[offer["sku"]]["product"]
        listing = self._listing(offer, str(product["title"]), str(product.get("description", "")))
        self._add_unit(listing, offer, varied=False)
        shop.open_listing(listing)
        return listing.item_id

    def _listing(self, offer: Row, title: str, description: str, group_key: str = "") -> Listing:
        shop = self._shop
        item = shop.state.items[offer["sku"]]
        return Listing(
            item_id=shop.new_item_id(),
            managed_by="inventory",
            title=title,
            currency=CURRENCIES[offer["marketplaceId"]],
            started_at=shop.stamp(),
            units=[],
            marketplace_id=offer["marketplaceId"],
            category_id=str(offer["categoryId"]),
            description=str(offer.get("listingDescription") or description),
            condition=str(item["condition"]),
            pictures=list(item["product"]["imageUrls"]),
            tracking="SKU",
            group_key=group_key,
        )

    def _add_unit(self, listing: Listing, offer: Row, *, varied: bool) -> None:
        aspects = (self._shop.state.items[offer["sku"]].get("product") or {}).get("aspects") or {}
        names = self._axes(listing.group_key) if varied else ()
        listing.units.append(
            Unit(
                sku=offer["sku"],
                variation_id=self._shop.new_variation_id() if varied else "",
                options={name: str((aspects.get(name) or [""])[0]) for name in names},
                offer_id=offer["offerId"],
            )
        )
        offer["status"], offer["listingId"] = "PUBLISHED", listing.item_id

    def _axes(self, group_key: str) -> tuple[str, ...]:
        varies = self._shop.state.groups[group_key].get("variesBy") or {}
        return tuple(str(each["name"]) for each in varies.get("specifications", ()))

    def group_listing(self, key: str) -> Listing | None:
        """The live listing of a group."""
        return next((row for row in self._shop.state.listings.values() if row.group_key == key and row.live), None)

    def _group_offers(self, body: Row) -> tuple[str, list[Row]]:
        key, marketplace = str(body.get("inventoryItemGroupKey", "")), str(body.get("marketplaceId", ""))
        group = self._shop.state.groups.get(key)
        if group is None:
            raise RestRefusal(400, complaint(25705, key))
        offers = [
            self._shop.state.offers[offer_id]
            for sku in group["variantSKUs"]
            for offer_id in self._shop.offers_of.get(sku, ())
            if self._shop.state.offers[offer_id]["marketplaceId"] == marketplace
        ]
        return key, offers

    def _publish_group(self, call: Call) -> Response:
        key, offers = self._group_offers(call.json())
        shop, group = self._shop, self._shop.state.groups[key]
        if len(offers) < len(group["variantSKUs"]):
            raise RestRefusal(400, complaint(25725))
        if not group.get("title"):
            raise RestRefusal(400, complaint(25013, "The title is missing."))
        for offer in offers:
            self._ready(offer, group)
        listing = self.group_listing(key)
        if listing is not None:
            shop.revise(listing)
        else:
            listing = self._listing(offers[0], str(group["title"]), str(group.get("description", "")), key)
        for offer in offers:
            if offer["status"] != "PUBLISHED":
                self._add_unit(listing, offer, varied=True)
        shop.open_listing(listing)
        return answer({"listingId": listing.item_id, "warnings": []})

    def _withdraw(self, call: Call) -> Response:
        offer = self._known(call.params[0])
        if offer["status"] != "PUBLISHED":
            raise RestRefusal(400, complaint(25713, f"{offer['offerId']} is not published"))
        self._take_down(offer)
        return answer({"listingId": offer["listingId"], "warnings": []})

    def _withdraw_group(self, call: Call) -> Response:
        key, _ = self._group_offers(call.json())
        listing = self.group_listing(key)
        if listing is None:
            raise RestRefusal(400, complaint(25725))
        self._shop.close(listing)
        return empty()

    # ---------------------------------------------------------------- in bulk

    def _bulk_create(self, call: Call) -> Response:
        need_language(call)
        rows = rows_of(call, 25730)
        keys = [(row.get("sku"), row.get("marketplaceId"), row.get("format")) for row in rows]
        if len(set(keys)) < len(keys):
            raise RestRefusal(400, complaint(25729))
        out: list[Row] = []
        for row in rows:
            named = {key: row.get(key) for key in ("sku", "marketplaceId", "format") if row.get(key)}
            out.append(attempt(lambda each: {"statusCode": 201, "offerId": self._new(each)}, row) | named)
        return multi(out)

    def _bulk_publish(self, call: Call) -> Response:
        rows = rows_of(call, 25730)
        ids = [str(row.get("offerId", "")) for row in rows]
        if len(set(ids)) < len(ids):
            raise RestRefusal(400, complaint(25731))
        out: list[Row] = []
        for offer_id in ids:
            out.append(attempt(self._publish_row, {"offerId": offer_id}) | {"offerId": offer_id})
        return multi(out)

    def _publish_row(self, row: Row) -> Row:
        return {"statusCode": 200, "listingId": self._publish_one(row["offerId"])}


def _kept(body: Row) -> Row:
    return {key: body[key] for key in _FIELDS if body.get(key) is not None}
