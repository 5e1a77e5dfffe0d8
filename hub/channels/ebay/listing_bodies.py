"""What a draft becomes on eBay: inventory items, group and offers, and everything that is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.channels.contract import ListingDraft, Problem, Severity, VariantDraft
from hub.channels.ebay.config import Config

TITLE_MAX = 80
SKU_MAX = 50  # README 3.4
DESCRIPTION_MAX = 500_000
PRODUCT_DESCRIPTION_MAX = 4_000
ASPECT_NAME_MAX = 40
ASPECT_VALUE_MAX = 50  # sell_inventory_v1, Product.aspects
_NO_ASPECTS = frozenset({"bullet_points", "keywords", "seo_title", "seo_description"})  # words of the page, no facts
IMAGES_MAX = 24
IMAGES_PER_VARIATION_MAX = 12  # sell_inventory_v1, Product.imageUrls
VARIATIONS_MAX = 250
AXES_MAX = 5

# The hub's words in eBay's ConditionEnum; an enum value itself passes through.
CONDITIONS: Mapping[str, str] = {
    "new": "NEW",
    "new_other": "NEW_OTHER",
    "like_new": "LIKE_NEW",
    "refurbished": "SELLER_REFURBISHED",
    "used": "USED_EXCELLENT",
    "used_very_good": "USED_VERY_GOOD",
    "used_good": "USED_GOOD",
    "used_acceptable": "USED_ACCEPTABLE",
    "parts": "FOR_PARTS_OR_NOT_WORKING",
}
_ENUM = frozenset(CONDITIONS.values()) | {"NEW_WITH_DEFECTS", "CERTIFIED_REFURBISHED", "PRE_OWNED_EXCELLENT"}
_GTIN_FIELDS = {8: "ean", 12: "upc", 13: "ean"}


# ---------------------------------------------------------------- bodies


def group_key_of(draft: ListingDraft) -> str:
    """The inventory item group's key: of the listing that is there, else the hub's own; empty for a single product."""
    for variant in draft.variants:
        if variant.ref is not None and variant.ref.facts.get("group_key"):
            return variant.ref.facts["group_key"]
    return draft.listing_key if len(draft.variants) > 1 else ""


def _condition(draft: ListingDraft) -> str:
    return CONDITIONS.get(draft.condition.lower(), draft.condition)


def _is_aspect(name: str, value: str) -> bool:
    return name not in _NO_ASPECTS and len(name) <= ASPECT_NAME_MAX and len(value) <= ASPECT_VALUE_MAX


def _aspects(draft: ListingDraft) -> dict[str, list[str]]:
    aspects = {name: [value] for name, value in draft.attributes.items() if value and _is_aspect(name, value)}
    if draft.brand:
        aspects.setdefault("Brand", [draft.brand])
    return aspects


def build_item(draft: ListingDraft, variant: VariantDraft) -> dict[str, Any]:
    """The whole inventory item: eBay erases every field that is left out (README 3.4)."""
    images = list(dict.fromkeys([*([variant.image] if variant.image else []), *draft.images]))
    limit = IMAGES_PER_VARIATION_MAX if group_key_of(draft) else IMAGES_MAX
    product: dict[str, Any] = {
        "title": draft.title,
        "aspects": {**_aspects(draft), **{axis: [value] for axis, value in variant.options.items()}},
    }
    if images:
        product["imageUrls"] = images[:limit]
    if len(draft.description) <= PRODUCT_DESCRIPTION_MAX:
        product["description"] = draft.description
    if draft.brand:
        product["brand"] = draft.brand
    if variant.gtin and len(variant.gtin) in _GTIN_FIELDS:
        product[_GTIN_FIELDS[len(variant.gtin)]] = [variant.gtin]
    item: dict[str, Any] = {
        "availability": {"shipToLocationAvailability": {"quantity": variant.quantity}},
        "condition": _condition(draft),
        "product": product,
    }
    if variant.weight_g:
        item["packageWeightAndSize"] = {"weight": {"value": variant.weight_g, "unit": "GRAM"}}
    return item


def build_group(draft: ListingDraft, standing: Mapping[str, Any] | None) -> dict[str, Any]:
    """The whole group. `standing` is the group as it is: its other variants stay in it (records.ListingDraft)."""
    skus = [one.channel_sku for one in draft.variants]
    values: dict[str, list[str]] = {}
    varies = (standing or {}).get("variesBy") or {}
    for row in varies.get("specifications") or []:
        values[str(row["name"])] = [str(value) for value in row.get("values") or []]
    others = [str(sku) for sku in (standing or {}).get("variantSKUs") or [] if sku not in skus]
    if not others:
        values = {}
    for variant in draft.variants:
        for axis, value in variant.options.items():
            known = values.setdefault(axis, [])
            if value not in known:
                known.append(value)
    group: dict[str, Any] = {
        "title": draft.title,
        "description": draft.description,
        "aspects": _aspects(draft),
        "variantSKUs": others + skus,
        "variesBy": {"specifications": [{"name": axis, "values": known} for axis, known in values.items()]},
    }
    images = list(draft.images) or [one.image for one in draft.variants if one.image]
    if images:
        group["imageUrls"] = images[:IMAGES_PER_VARIATION_MAX]
    if any(one.image for one in draft.variants) and values:
        group["variesBy"]["aspectsImageVariesBy"] = [next(iter(values))]
    return group


def build_offer(draft: ListingDraft, variant: VariantDraft, config: Config) -> dict[str, Any]:
    """The whole offer as createOffer takes it; for updateOffer drop sku, marketplaceId and format."""
    return {
        "sku": variant.channel_sku,
        "marketplaceId": config.marketplace_id,
        "format": "FIXED_PRICE",
        "availableQuantity": variant.quantity,
        "categoryId": draft.category or config.category_id,
        "listingDescription": draft.description,
        "listingDuration": "GTC",
        "listingPolicies": {
            "paymentPolicyId": config.payment_policy_id,
            "returnPolicyId": config.return_policy_id,
            "fulfillmentPolicyId": config.fulfillment_policy_id,
        },
        "merchantLocationKey": config.merchant_location_key,
        "pricingSummary": {"price": {"value": variant.price.text(), "currency": variant.price.currency}},
    }


# ---------------------------------------------------------------- checking


def check(draft: ListingDraft, config: Config) -> list[Problem]:
    """Everything that eBay would refuse and that can be seen without asking it."""
    return [*_texts(draft), *_settings(draft, config), *_variants(draft), *_axes(draft)]


def _problem(code: str, message: str, field: str, severity: Severity = Severity.ERROR) -> Problem:
    return Problem(code=code, message=message, field=field, severity=severity)


def _texts(draft: ListingDraft) -> list[Problem]:
    found = []
    title = draft.title.strip()
    if not title:
        found.append(_problem("title_missing", "eBay needs a title.", "title"))
    if len(title) > TITLE_MAX:
        text = f"eBay takes titles of at most {TITLE_MAX} characters; this one has {len(title)}."
        found.append(_problem("title_too_long", text, "title"))
    if not draft.description.strip():
        found.append(_problem("description_missing", "eBay needs a description.", "description"))
    if len(draft.description) > DESCRIPTION_MAX:
        text = f"eBay takes descriptions of at most {DESCRIPTION_MAX:,} characters."
        found.append(_problem("description_too_long", text, "description"))
    if _condition(draft) not in _ENUM:
        text = f"eBay does not know the condition {draft.condition!r}."
        found.append(_problem("condition_unknown", text, "condition"))
    for name, value in draft.attributes.items():
        if name not in _NO_ASPECTS and not _is_aspect(name, value):
            text = (
                f"eBay takes item specifics of {ASPECT_NAME_MAX} characters and values of {ASPECT_VALUE_MAX}:"
                f" {name} is not sent."
            )
            found.append(_problem("aspect_too_long", text, f"attributes.{name}"[:100], Severity.WARNING))
    images = [*draft.images, *(one.image for one in draft.variants if one.image)]
    if not images:
        text = "eBay wants at least one image before it publishes a listing."
        found.append(_problem("image_missing", text, "images"))
    if any(not one.startswith("https://") for one in images):
        text = "eBay takes images only from addresses that begin with https://."
        found.append(_problem("image_not_https", text, "images"))
    return found


def _settings(draft: ListingDraft, config: Config) -> list[Problem]:
    found = []
    if not (draft.category or config.category_id):
        text = "eBay needs a category: name one for the product or set the account's default."
        found.append(_problem("category_missing", text, "category"))
    needed = {
        "payment_policy_id": "payment policy",
        "return_policy_id": "return policy",
        "fulfillment_policy_id": "shipping policy",
        "merchant_location_key": "inventory location",
    }
    for name, words in needed.items():
        if not getattr(config, name):
            text = f"eBay publishes only with a {words}: set {name} of the account."
            found.append(_problem("policy_missing", text, f"settings.{name}"))
    return found


def _variants(draft: ListingDraft) -> list[Problem]:
    found = []
    if not draft.variants:
        found.append(_problem("no_variants", "There is nothing to sell in this product.", "variants"))
    if len(draft.variants) > VARIATIONS_MAX:
        text = f"eBay takes at most {VARIATIONS_MAX} variations of a listing; this product has {len(draft.variants)}."
        found.append(_problem("too_many_variations", text, "variants"))
    for variant in draft.variants:
        where = f"variants.{variant.channel_sku}"
        if not variant.channel_sku or len(variant.channel_sku) > SKU_MAX:
            text = f"eBay takes SKUs of 1 to {SKU_MAX} characters; this one has {len(variant.channel_sku)}."
            found.append(_problem("sku_length", text, f"{where}.sku"))
        if variant.price.minor <= 0:
            text = f"eBay needs a price above zero for {variant.channel_sku}."
            found.append(_problem("price", text, f"{where}.price"))
        if variant.quantity < 0:
            text = f"The quantity of {variant.channel_sku} is negative."
            found.append(_problem("quantity", text, f"{where}.quantity"))
    fresh = [one for one in draft.variants if one.ref is None]
    if fresh and len(fresh) == len(draft.variants) and all(one.quantity == 0 for one in fresh):
        text = "eBay publishes a new listing only with at least one unit in stock."
        found.append(_problem("quantity_zero", text, "variants.quantity"))
    skus = [one.channel_sku for one in draft.variants]
    if len(set(skus)) != len(skus):
        found.append(_problem("sku_twice", "Two variants of this product have the same SKU.", "variants.sku"))
    return found


def _axes(draft: ListingDraft) -> list[Problem]:
    if len(draft.variants) < 2:
        return []
    found = []
    axes = {frozenset(one.options) for one in draft.variants}
    if frozenset() in axes or len(axes) > 1:
        text = "All variants of an eBay listing must differ in the same named options, such as size and colour."
        found.append(_problem("axes_differ", text, "variants.options"))
    if any(len(one) > AXES_MAX for one in axes):
        found.append(_problem("too_many_axes", f"eBay takes at most {AXES_MAX} options.", "variants.options"))
    combinations = [tuple(sorted(one.options.items())) for one in draft.variants]
    if len(set(combinations)) != len(combinations):
        text = "Two variants of this product have the same options."
        found.append(_problem("options_twice", text, "variants.options"))
    currencies = {one.price.currency for one in draft.variants}
    if len(currencies) > 1:
        found.append(_problem("currencies", "All variants of a listing need one currency.", "variants.price"))
    return found
