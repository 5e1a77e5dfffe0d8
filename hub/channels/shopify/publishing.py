"""Listings, the half that calls: look, create or revise, put on the online store, take off sale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.channels.contract.errors import AuthFailed, ChannelError, OutcomeUnknown
from hub.channels.contract.records import (
    Applied,
    ListingDraft,
    ListingRef,
    Outcome,
    Problem,
    Refused,
    Severity,
    Unclear,
)
from hub.channels.shopify import faults, listings, queries
from hub.channels.shopify.listings import Existing, Product
from hub.channels.shopify.shop import Seen, Shop, variant_id_of

_GONE = frozenset({"PRODUCT_DOES_NOT_EXIST", "NOT_FOUND"})
_UNSURE = frozenset({"GENERIC_ERROR", "JOB_ERROR"})
_SHOWN_VARIANTS = 100


def publish(shop: Shop, draft: ListingDraft) -> Outcome:
    """Create or revise one product. Looks first, so that a repeated call never makes a second product."""
    problems = [p for p in listings.check(draft, shop.currency()) if p.severity is Severity.ERROR]
    if problems:
        return Refused(problems=tuple(problems))
    product = _existing(shop, draft)
    if isinstance(product, Refused):
        return product
    if product is not None and (clash := listings.axes_clash(draft, product)) is not None:
        return Refused(problems=(clash,))
    pictures = listings.images_digest(draft)
    sent_before = any(v.ref is not None and v.ref.facts.get("images") == pictures for v in draft.variants)
    data, identifier = listings.build_product(
        draft,
        product=product,
        location=shop.location(),
        with_images=not sent_before and bool(draft.images or any(v.image for v in draft.variants)),
    )
    asked = {"i": data, "id": identifier, "n": min(_SHOWN_VARIANTS, len(data["variants"]))}
    answer = shop.client.run(queries.PRODUCT_SET, asked)["productSet"]
    if answer["userErrors"]:
        return _refused(answer["userErrors"])
    product_id = str(answer["product"]["id"])
    if product is None or not product.online:
        # If this fails the product is there and not for sale: calling again finds it by its handle and goes on here.
        _put_online(shop, product_id)
    try:
        refs = _refs(shop, draft, answer["product"], pictures)
    except ChannelError as error:
        return Unclear(why=f"The product is in Shopify, but its variants could not be read: {error.message}")
    return Applied(external_id=product_id, refs=refs)


def _refused(errors: list[Mapping[str, Any]]) -> Outcome:
    codes = {str(error.get("code") or "") for error in errors}
    if codes & _UNSURE:
        raise OutcomeUnknown("Shopify had trouble with the product.", detail=str(errors[:3]), code=min(codes & _UNSURE))
    return Refused(problems=tuple(faults.problem_of(error) for error in errors), missing=bool(codes & _GONE))


def _existing(shop: Shop, draft: ListingDraft) -> Product | Refused | None:
    """The product to revise: by the hub's own reference, by our handle, or the one that already has these SKUs."""
    known = [ref.facts["product_id"] for v in draft.variants if (ref := v.ref) and ref.facts.get("product_id")]
    for product_id in dict.fromkeys(known):
        product = _read(shop, product_id)
        if product is not None:
            return product
    by_handle = {"identifier": {"handle": listings.handle_of(draft)}}
    made = shop.client.run(queries.PRODUCT_BY_HANDLE, by_handle)["productByIdentifier"]
    if made is not None:
        return _read(shop, str(made["id"]))
    # A product somebody made by hand with the same SKUs is revised, not doubled.
    found = shop.find(v.channel_sku for v in draft.variants)
    homes: dict[str, Seen] = {seen.product_id: seen for group in found.values() for seen in group}
    if len(homes) > 1:
        titles = ", ".join(f"«{seen.product_title}»" for seen in homes.values())
        message = f"These SKUs belong to {len(homes)} different products in Shopify: {titles}. Link them one by one."
        return Refused(problems=(Problem(code="SKU_ELSEWHERE", message=message, field="sku"),))
    return _read(shop, next(iter(homes))) if homes else None


def _read(shop: Shop, product_id: str) -> Product | None:
    """The product with all its variants, however many pages."""
    after: str | None = None
    variants: list[Existing] = []
    while True:
        node = shop.client.run(queries.PRODUCT_BY_ID, {"id": product_id, "after": after})["product"]
        if node is None:
            return None
        variants += [
            Existing(
                variant_id=str(row["id"]),
                sku=str(row.get("sku") or ""),
                options={str(o["name"]): str(o["value"]) for o in row["selectedOptions"]},
            )
            for row in node["variants"]["nodes"]
        ]
        page = node["variants"]["pageInfo"]
        if not page["hasNextPage"]:
            options = {str(o["name"]): [str(value["name"]) for value in o["optionValues"]] for o in node["options"]}
            return Product(
                product_id=product_id,
                status=str(node["status"]),
                online=node.get("publishedAt") is not None,
                options=options,
                variants=tuple(variants),
            )
        after = str(page["endCursor"])


def _put_online(shop: Shop, product_id: str) -> None:
    """Publish to the online store. Without the scope the product stays unpublished, and the read-back says so."""
    publication = shop.online_store()
    if publication is None:
        return
    asked = {"id": product_id, "input": [{"publicationId": publication}]}
    try:
        answer = shop.client.run(queries.PUBLISH, asked)["publishablePublish"]
    except AuthFailed as error:
        if error.code != "ACCESS_DENIED":
            raise
        shop.ctx.log("shopify.publish_denied", detail=error.detail)
        return
    if answer["userErrors"]:
        shop.ctx.log("shopify.publish_refused", errors=str(answer["userErrors"][:3]))


def _refs(shop: Shop, draft: ListingDraft, product: Mapping[str, Any], pictures: str) -> tuple[ListingRef, ...]:
    """One reference per variant of the draft, with all facts."""
    made = {str(row["sku"]): (str(row["id"]), str(row["inventoryItem"]["id"])) for row in product["variants"]["nodes"]}
    absent = [v.channel_sku for v in draft.variants if v.channel_sku not in made]
    if absent:  # more variants than the mutation's answer shows
        found = shop.find(absent)
        made.update({sku: (group[0].variant_id, group[0].item_id) for sku, group in found.items() if group})
    refs = []
    for variant in draft.variants:
        if variant.channel_sku in made:
            variant_id, item_id = made[variant.channel_sku]
            facts = {"variant_id": variant_id, "inventory_item_id": item_id, "product_id": str(product["id"])}
            refs.append(
                ListingRef(channel_sku=variant.channel_sku, external_id=variant_id, facts={**facts, "images": pictures})
            )
    return tuple(refs)


def end(shop: Shop, ref: ListingRef) -> Outcome:
    """Take one variant off sale.

    The last variant of a product is not removed: the product is archived, which keeps its page and can be undone. A
    variant among others is deleted, because Shopify knows no state for a single variant, and one at 0 would sell again
    with the next number that anybody writes. Publishing the variant again makes it anew.
    """
    variant_id = variant_id_of(ref)
    if variant_id is None:
        found = shop.find([ref.channel_sku])[ref.channel_sku]
        if not found:
            return Applied()
        if len(found) > 1:
            message = f"Several variants in Shopify have the SKU {ref.channel_sku}; give each its own."
            return Refused(problems=(Problem(code="SKU_NOT_UNIQUE", message=message, field="sku"),))
        variant_id = found[0].variant_id
    node = shop.client.run(queries.END_STATE, {"id": variant_id})["productVariant"]
    if node is None or node["product"]["status"] == "ARCHIVED":
        return Applied()
    product_id = str(node["product"]["id"])
    if len(node["product"]["variants"]["nodes"]) > 1:
        asked = {"product": product_id, "ids": [variant_id]}
        answer = shop.client.run(queries.DELETE_VARIANTS, asked)["productVariantsBulkDelete"]
    else:
        change = {"product": {"id": product_id, "status": "ARCHIVED"}}
        answer = shop.client.run(queries.SET_STATUS, change)["productUpdate"]
    if answer["userErrors"]:
        return Refused(problems=tuple(faults.problem_of(error) for error in answer["userErrors"]))
    return Applied(external_id=variant_id)
