"""Everything that the shop has: its variants, each with its product, as far as a page reaches.

Variants are paged and not products, so that a product with 2,048 of them is no special case; what they share comes with
each. The few pictures beyond the first that fit into a page are fetched for their product alone.
"""

from __future__ import annotations

import json
from typing import Any

from hub.channels.contract.errors import AdapterBug, InvalidData
from hub.channels.contract.records import BadListing, ChannelListing, ListingPage, ListingRef
from hub.channels.shopify import queries
from hub.channels.shopify.manifest import MANIFEST
from hub.channels.shopify.reading import report
from hub.channels.shopify.shop import Shop, parse_variant
from hub.kernel.text import shorten

_DATA_ERRORS = (ValueError, KeyError, TypeError, AttributeError)
_PICTURES_MAX = 250  # a product has no more


def parse_cursor(cursor: str | None) -> str | None:
    """Shopify's own page cursor, None for the beginning.

    Raises:
        InvalidData: not a cursor of ours.
    """
    if cursor is None:
        return None
    try:
        parts = json.loads(cursor)
        if parts["of"] != "listings" or not isinstance(parts["after"], str):
            raise ValueError("a cursor of something else")
        return str(parts["after"])
    except _DATA_ERRORS as error:
        raise InvalidData("The place to go on pulling listings could not be read.", detail=str(error)) from error


def pull(shop: Shop, cursor: str | None, limit: int) -> ListingPage:
    """The next page of variants."""
    after = parse_cursor(cursor)
    asked = {
        "first": max(1, min(limit, MANIFEST.max_listing_page)), "after": after, "location": shop.location()
    }  # fmt: skip
    try:
        page = shop.client.run(queries.CATALOGUE, asked)["productVariants"]
    except AdapterBug as error:
        if after is None or "cursor" not in error.detail.casefold():
            raise
        raise InvalidData("Shopify has forgotten the place to go on from.", detail=error.detail) from error
    pictures: dict[str, list[Any]] = {}  # of a product, fetched once for all its variants of the page
    nodes = [_whole(shop, node, pictures) for node in page["nodes"]]
    hidden = any(_is_hidden(node) for node in nodes)
    has_store = hidden and shop.has_online_store()
    listings: list[ChannelListing] = []
    bad: list[BadListing] = []
    for node in nodes:
        try:
            listings.append(parse_listing(node, currency=shop.currency(), has_online_store=has_store))
        except _DATA_ERRORS as error:
            key = node.get("id") if isinstance(node, dict) else None
            why = f"{type(error).__name__}: {shorten(str(error), 200)}"
            bad.append(BadListing(why=why, key=key if isinstance(key, str) else None, raw=json.dumps(node)))
    following = json.dumps({"of": "listings", "after": str(page["pageInfo"]["endCursor"] or after or "")})
    return ListingPage(
        listings=tuple(listings), bad=tuple(bad), cursor=following, has_more=bool(page["pageInfo"]["hasNextPage"])
    )


def parse_listing(node: dict[str, Any], *, currency: str, has_online_store: bool) -> ChannelListing:
    """Raises ValueError, KeyError, TypeError, AttributeError: the node has no sound shape."""
    seen, product = parse_variant(node), node["product"]
    sku = seen.sku
    told = report(
        ListingRef(channel_sku=sku, external_id=seen.variant_id), seen,
        currency=currency, has_online_store=has_online_store,
    )  # fmt: skip
    alone = bool(product["hasOnlyDefaultVariant"])
    pictures = [*_pictures(node["media"]["nodes"]), *_pictures(product["media"]["nodes"])]
    category = product.get("category")
    return ChannelListing(
        key=seen.variant_id,
        ref=told.ref,
        state=told.state,
        title=str(product["title"]),
        description=str(product.get("descriptionHtml") or ""),
        brand=str(product.get("vendor") or ""),
        gtins=(str(node["barcode"]),) if node.get("barcode") else (),
        price=told.price,
        quantity=told.quantity,
        images=tuple(dict.fromkeys(pictures)),
        options={} if alone else {str(row["name"]): str(row["value"]) for row in node["selectedOptions"]},
        group="" if alone else seen.product_id,
        category=str(category["id"]) if category else str(product.get("productType") or ""),
        url=str(product.get("onlineStoreUrl") or ""),
        raw=json.dumps(node, ensure_ascii=False),
    )


def _is_hidden(node: Any) -> bool:
    product = node.get("product") if isinstance(node, dict) else None
    if not isinstance(product, dict):
        return False
    return product.get("publishedAt") is None and product.get("status") in ("ACTIVE", "UNLISTED")


def _pictures(rows: Any) -> list[str]:
    """Addresses of pictures; a film, a model or a picture still being made has none."""
    return [str(row["image"]["url"]) for row in rows if row and row.get("image")]


def _whole(shop: Shop, node: Any, known: dict[str, list[Any]]) -> Any:
    """The variant with all pictures of its product."""
    try:
        product, page = node["product"], node["product"]["media"]["pageInfo"]
        if not page["hasNextPage"]:
            return node
        product_id = str(product["id"])
        if product_id not in known:
            rows = list(product["media"]["nodes"])
            while page["hasNextPage"] and len(rows) < _PICTURES_MAX:
                asked = {"id": product_id, "after": page["endCursor"]}
                more = shop.client.run(queries.PRODUCT_MEDIA, asked)["product"]["media"]
                rows += more["nodes"]
                page = more["pageInfo"]
            known[product_id] = rows
    except _DATA_ERRORS:
        return node  # parsing it says what is wrong and makes it a BadListing
    return {**node, "product": {**product, "media": {"nodes": known[product_id], "pageInfo": page}}}
