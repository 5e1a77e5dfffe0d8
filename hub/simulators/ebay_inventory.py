"""Sell Inventory API: inventory items, groups, locations and the bulk price and quantity update.

Source: OpenAPI sell_inventory_v1, contracts README 3.4 and 3.8. Replaces are full: what a request leaves out is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Response

from hub.kernel.money import Money
from hub.simulators.ebay_bulk import attempt, check_sku, multi, need_language, paging, quantity_of, rows_of
from hub.simulators.ebay_errors import RestRefusal, answer, complaint, empty
from hub.simulators.ebay_offers import OfferDesk
from hub.simulators.ebay_routes import Call
from hub.simulators.ebay_shop import Shop

Row = dict[str, Any]


class InventoryApi:
    """Handlers by operation id (offers are `OfferDesk`'s)."""

    def __init__(self, shop: Shop, desk: OfferDesk) -> None:
        self._shop = shop
        self._desk = desk
        self.handlers: dict[str, Callable[[Call], Response]] = {
            "createOrReplaceInventoryItem": self._put_item,
            "getInventoryItem": self._get_item,
            "getInventoryItems": self._list_items,
            "deleteInventoryItem": self._delete_item,
            "bulkCreateOrReplaceInventoryItem": self._bulk_put,
            "bulkGetInventoryItem": self._bulk_get,
            "bulkUpdatePriceQuantity": self._bulk_update,
            "createOrReplaceInventoryItemGroup": self._put_group,
            "getInventoryItemGroup": self._get_group,
            "deleteInventoryItemGroup": self._delete_group,
            "createInventoryLocation": self._create_location,
            "getInventoryLocation": self._get_location,
            "getInventoryLocations": self._list_locations,
        }

    # ---------------------------------------------------------------- items

    def _put_item(self, call: Call) -> Response:
        language = need_language(call)
        status = self._store_item(check_sku(call.params[0]), call.json(), language.replace("-", "_"))
        return answer({"warnings": []}, 201) if status == 201 else empty()

    def _store_item(self, sku: str, body: Mapping[str, Any], locale: str) -> int:
        """The whole record is replaced; a live listing is revised with it. 201 if the record is new, else 204."""
        item = {
            key: body[key]
            for key in ("availability", "condition", "conditionDescription", "conditionDescriptors",
                        "packageWeightAndSize", "product")
            if body.get(key) is not None
        }  # fmt: skip
        ship_to = (item.get("availability") or {}).get("shipToLocationAvailability") or {}
        if ship_to.get("quantity") is not None:
            quantity_of(ship_to["quantity"])
        title = (item.get("product") or {}).get("title")
        if title is not None and not 1 <= len(str(title)) <= 80:
            raise RestRefusal(400, complaint(25016, "title. The length must be between 1 and 80 characters."))
        known = sku in self._shop.state.items
        selling = self._shop.live.get(sku)
        if selling is not None and selling[1].offer_id:
            problems = self._desk.item_problems({**item, "sku": sku})
            if problems:
                raise RestRefusal(400, *problems)
            self._shop.revise(selling[0])
        self._shop.state.items[sku] = {**item, "locale": locale}
        if selling is not None and selling[1].offer_id and not selling[0].group_key:
            selling[0].title = str(item["product"]["title"])
        return 204 if known else 201

    def _item_view(self, sku: str, groups_as: str) -> Row:
        item = self._shop.state.items.get(sku)
        if item is None:
            raise RestRefusal(404, complaint(25710))
        out = {"sku": sku, **item}
        if sku in self._shop.group_of:
            out[groups_as] = [self._shop.group_of[sku]]
        return out

    def _get_item(self, call: Call) -> Response:
        view = self._item_view(call.params[0], "groupIds")
        if "groupIds" in view:
            view["inventoryItemGroupKeys"] = view["groupIds"]
        return answer(view)

    def _list_items(self, call: Call) -> Response:
        limit, offset = paging(call, 25, 200)
        skus = list(self._shop.state.items)
        page = [self._item_view(sku, "inventoryItemGroupKeys") for sku in skus[offset : offset + limit]]
        href = call.url("/sell/inventory/v1/inventory_item")
        return answer({
            "href": f"{href}?limit={limit}&offset={offset}", "limit": limit, "size": len(page), "total": len(skus),
            "inventoryItems": page,
        })  # fmt: skip

    def _delete_item(self, call: Call) -> Response:
        sku = call.params[0]
        self._item_view(sku, "groupIds")
        for offer_id in tuple(self._shop.offers_of.get(sku, ())):
            self._desk.remove(offer_id)
        key = self._shop.group_of.pop(sku, None)
        if key is not None:
            self._shop.state.groups[key]["variantSKUs"].remove(sku)
        del self._shop.state.items[sku]
        return empty()

    def _bulk_put(self, call: Call) -> Response:
        need_language(call)
        rows = rows_of(call, 25727)
        if not all(row.get("sku") and row.get("locale") for row in rows):
            raise RestRefusal(400, complaint(25733))
        if len({row["sku"] for row in rows}) < len(rows):
            raise RestRefusal(400, complaint(25734))
        return multi([attempt(self._put_row, row) | {"sku": row["sku"], "locale": row["locale"]} for row in rows])

    def _put_row(self, row: Row) -> Row:
        status = self._store_item(check_sku(row["sku"]), row, str(row["locale"]))
        return {"statusCode": 201 if status == 201 else 200}

    def _bulk_get(self, call: Call) -> Response:
        out: list[Row] = []
        for row in rows_of(call, 25727):
            sku = str(row.get("sku", ""))
            if sku not in self._shop.state.items:
                out.append({"statusCode": 404, "sku": sku, "errors": [complaint(25702, sku)], "warnings": []})
                continue
            view = self._item_view(sku, "inventoryItemGroupKeys")
            out.append({"statusCode": 200, "sku": sku, "inventoryItem": view, "errors": [], "warnings": []})
        return multi(out)

    # ---------------------------------------------------------------- price and quantity

    def _bulk_update(self, call: Call) -> Response:
        out: list[Row] = []
        for row in rows_of(call, 25709):
            sku = str(row.get("sku", ""))
            offers = row.get("offers") or []
            named = [{"sku": sku, "offerId": str(offer.get("offerId", ""))} for offer in offers] or [{"sku": sku}]
            result = attempt(self._update, row)
            out.extend(result | names for names in named)
        return multi(out)

    def _update(self, row: Row) -> Row:
        """One SKU's total quantity and its published offers: all of it or nothing, one revision of its listing."""
        shop, sku, offers = self._shop, str(row.get("sku", "")), row.get("offers") or []
        if sku not in shop.state.items:
            raise RestRefusal(404, complaint(25702, sku))
        total = (row.get("shipToLocationAvailability") or {}).get("quantity")
        if total is not None:
            quantity_of(total)
        ids = [str(offer.get("offerId", "")) for offer in offers]
        if len(set(ids)) < len(ids):
            raise RestRefusal(400, complaint(25731))
        if total is None and not ids:
            raise RestRefusal(400, complaint(25709, "request. Give a quantity or offers."))
        for offer_id, offer in zip(ids, offers, strict=True):
            known = shop.state.offers.get(offer_id)
            if known is None or known["sku"] != sku or known["status"] != "PUBLISHED":
                raise RestRefusal(400 if known else 404, complaint(25713, offer_id))
            if offer.get("availableQuantity") is not None:
                quantity_of(offer["availableQuantity"])
            if offer.get("price") is not None:
                self._desk.check_price(offer["price"], known["marketplaceId"])
        selling = shop.live.get(sku)
        if selling is not None and selling[1].offer_id:
            shop.revise(selling[0])
        if total is not None:
            shop.set_item_quantity(sku, total)
        for offer_id, offer in zip(ids, offers, strict=True):
            known = shop.state.offers[offer_id]
            if offer.get("availableQuantity") is not None:
                known["availableQuantity"] = offer["availableQuantity"]
            if offer.get("price") is not None:
                price = Money.parse(str(offer["price"]["value"]), offer["price"]["currency"])
                summary = known.setdefault("pricingSummary", {})
                summary["price"] = {"value": price.text(), "currency": price.currency}
        return {"statusCode": 200}

    # ---------------------------------------------------------------- groups

    def _put_group(self, call: Call) -> Response:
        need_language(call)
        shop, key, body = self._shop, call.params[0], call.json()
        skus = body.get("variantSKUs") or []
        if not skus or len(set(skus)) < len(skus):
            raise RestRefusal(400, complaint(25013, "variantSKUs must name each SKU once."))
        if any(sku not in shop.state.items for sku in skus):
            raise RestRefusal(400, complaint(25701))
        for sku in skus:
            if shop.group_of.get(sku, key) != key:
                raise RestRefusal(400, complaint(25703, f"SKU : {sku} groupId : {shop.group_of[sku]}"))
            selling = shop.live.get(sku)
            if selling is not None and selling[0].group_key != key:
                raise RestRefusal(400, complaint(25704, f"SKU : {sku} Listing ID : {selling[0].item_id}"))
        known = shop.state.groups.get(key)
        listing = self._desk.group_listing(key)
        if listing is not None:
            shop.revise(listing)
            listing.title = str(body.get("title", ""))
            for unit in [each for each in listing.units if each.sku not in skus]:
                shop.drop_unit(listing, unit)
                shop.state.offers[unit.offer_id]["status"] = "UNPUBLISHED"
        for sku in (known or {}).get("variantSKUs", ()):
            shop.group_of.pop(sku, None)
        kept = ("aspects", "description", "imageUrls", "subtitle", "title", "variesBy", "videoIds")
        shop.state.groups[key] = {name: body[name] for name in kept if body.get(name) is not None} | {
            "variantSKUs": list(skus)
        }
        shop.group_of.update(dict.fromkeys(skus, key))
        return empty() if known is not None else answer({"warnings": []}, 201)

    def _group(self, key: str) -> Row:
        group = self._shop.state.groups.get(key)
        if group is None:
            raise RestRefusal(404, complaint(25705, key))
        return group

    def _get_group(self, call: Call) -> Response:
        return answer({"inventoryItemGroupKey": call.params[0], **self._group(call.params[0])})

    def _delete_group(self, call: Call) -> Response:
        key = call.params[0]
        group = self._group(key)
        listing = self._desk.group_listing(key)
        if listing is not None:
            self._shop.close(listing)
        for sku in group["variantSKUs"]:
            self._shop.group_of.pop(sku, None)
        del self._shop.state.groups[key]
        return empty()

    # ---------------------------------------------------------------- locations

    def _create_location(self, call: Call) -> Response:
        key, body = call.params[0], call.json()
        if key in self._shop.state.locations:
            raise RestRefusal(409, complaint(25803, "merchantLocationKey"))
        if not (body.get("location") or {}).get("address"):
            raise RestRefusal(400, complaint(25801, "location"))
        self._shop.state.locations[key] = {
            **body,
            "merchantLocationStatus": body.get("merchantLocationStatus", "ENABLED"),
        }
        return empty()

    def _location_view(self, key: str) -> Row:
        location = self._shop.state.locations.get(key)
        if location is None:
            raise RestRefusal(404, complaint(25805, "merchantLocationKey"))
        return {"merchantLocationKey": key, **location}

    def _get_location(self, call: Call) -> Response:
        return answer(self._location_view(call.params[0]))

    def _list_locations(self, call: Call) -> Response:
        limit, offset = paging(call, 100, 100)
        keys = list(self._shop.state.locations)
        return answer({
            "href": call.url(f"/sell/inventory/v1/location?limit={limit}&offset={offset}"),
            "limit": limit, "offset": offset, "total": len(keys),
            "locations": [self._location_view(key) for key in keys[offset : offset + limit]],
        })  # fmt: skip
