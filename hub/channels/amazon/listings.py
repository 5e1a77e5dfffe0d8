"""Listing twins: our drafts to Amazon's listings items, and everything wrong with a draft told at once.

The set of attributes follows the official examples (contracts amazon/schemas/feeds) and Amazon's own answers about
variations; a product type that needs more takes it from the draft's `attributes` (a JSON list is sent as it is).
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from hub.channels.amazon.marketplaces import marketplace
from hub.channels.amazon.prices import build_offer
from hub.channels.amazon.stock import MERCHANT
from hub.channels.contract import ListingDraft, ListingRef, Problem, Severity, VariantDraft

TITLE_MAX = 200
SKU_MAX = 40
DESCRIPTION_MAX = 2000
IMAGES_MAX = 9
#: The hub's words for a condition, as Amazon calls them (listings model, `conditionType`).
CONDITIONS = {
    "new": "new_new",
    "open_box": "new_open_box",
    "refurbished": "refurbished_refurbished",
    "used": "used_good",
    "used_like_new": "used_like_new",
    "used_very_good": "used_very_good",
    "used_good": "used_good",
    "used_acceptable": "used_acceptable",
}
#: Axes whose names sellers write in their own language (case folded: «Größe» is «grösse»).
_AXES = {
    "size": ("grösse", "groesse", "taille", "talla", "taglia", "maat", "storlek", "rozmiar"),
    "color": ("colour", "farbe", "couleur", "colore", "kleur", "färg", "kolor"),
    "material": ("matériau", "materiale", "materiaal"),
}
_GTIN_TYPES = {8: "ean", 12: "upc", 13: "ean", 14: "gtin"}
_BREAKS = re.compile(r"(?i)<(?:br|/p|/li|/h\d|/div)\b[^>]*>")
_TAGS = re.compile(r"<[^>]*>")
_THEME = "variation_theme"
_BULLETS = "bullet_points"
_NOT_SENT = ("keywords",)  # the hub's own words for finding things: no contract names an attribute for them


# ---------------------------------------------------------------- check


def check_draft(draft: ListingDraft, marketplace_id: str, default_type: str) -> list[Problem]:
    """Everything known to be wrong with a draft, without asking Amazon."""
    found: list[Problem] = []

    def wrong(code: str, message: str, field: str, severity: Severity = Severity.ERROR) -> None:
        found.append(Problem(code=code, message=message, field=field, severity=severity))

    title = draft.title.strip()
    if not title:
        wrong("title_missing", "The product needs a title.", "title")
    if len(title) > TITLE_MAX:
        wrong("title_too_long", f"The title has {len(title)} characters, Amazon allows {TITLE_MAX}.", "title")
    if len(plain_text(draft.description)) > DESCRIPTION_MAX:
        wrong(
            "description_too_long",
            f"Amazon usually allows {DESCRIPTION_MAX} characters.",
            "description",
            Severity.WARNING,
        )
    if not re.fullmatch(r"[A-Z0-9_]+", draft.category or default_type):
        wrong("product_type", "A product type is written in capitals, e.g. SHIRT.", "category")
    if draft.condition not in CONDITIONS and draft.condition not in CONDITIONS.values():
        wrong("condition", f"Unknown condition {draft.condition!r}; known: {', '.join(CONDITIONS)}.", "condition")
    if not draft.brand.strip():
        wrong("brand_missing", "Most product types need a brand.", "brand", Severity.WARNING)
    images = (*draft.images, *(v.image for v in draft.variants if v.image))
    if not images:
        wrong("image_missing", "Amazon hides listings without a picture.", "images", Severity.WARNING)
    for image in images:
        if not image.startswith(("https://", "http://")):
            wrong("image_address", f"A picture needs a web address, not {image[:60]!r}.", "images")
    for name, value in draft.attributes.items():
        if value.lstrip().startswith("[") and _json_list(value) is None:
            wrong("attribute_json", f"The attribute {name} is not a JSON list.", f"attributes.{name}")
    if not draft.variants:
        wrong("no_variant", "There is nothing to sell: the product has no variant.", "variants")
    for variant in draft.variants:
        found += _check_variant(variant, marketplace_id)
    found += _check_together(draft)
    return found


def _check_variant(variant: VariantDraft, marketplace_id: str) -> list[Problem]:
    found: list[Problem] = []
    sku = variant.channel_sku

    def wrong(code: str, message: str, field: str, severity: Severity = Severity.ERROR) -> None:
        found.append(Problem(code=code, message=f"{sku or 'A variant'}: {message}", field=field, severity=severity))

    if not sku.strip():
        wrong("sku_missing", "the SKU is empty.", "channel_sku")
    if len(sku) > SKU_MAX:
        wrong("sku_too_long", f"the SKU has {len(sku)} characters, Amazon allows {SKU_MAX}.", "channel_sku")
    if sku != sku.strip() or any(not ch.isprintable() for ch in sku) or sku in (".", ".."):
        wrong("sku_characters", "the SKU holds characters that Amazon does not keep.", "channel_sku")
    if variant.price.minor <= 0:
        wrong("price_not_positive", f"the price must be above zero, not {variant.price}.", "price")
    currency = marketplace(marketplace_id).currency
    if currency and variant.price.currency != currency:
        wrong("wrong_currency", f"this store sells in {currency}, not in {variant.price.currency}.", "price")
    if variant.quantity < 0:
        wrong("quantity_negative", "the quantity is below zero.", "quantity")
    if variant.gtin is None or not variant.gtin.strip():
        wrong("gtin_missing", "without GTIN Amazon lists only exempted brands.", "gtin", Severity.WARNING)
    elif not is_gtin(variant.gtin.strip()):
        wrong("gtin_shape", f"{variant.gtin!r} is no GTIN: 8, 12, 13 or 14 digits with a check digit.", "gtin")
    return found


def _check_together(draft: ListingDraft) -> list[Problem]:
    found: list[Problem] = []
    skus = [variant.channel_sku for variant in draft.variants]
    for sku in sorted({sku for sku in skus if skus.count(sku) > 1}):
        found.append(Problem(code="sku_twice", message=f"The SKU {sku} occurs twice.", field="channel_sku"))
    if len(draft.variants) < 2 and not any(v.options for v in draft.variants):
        return found
    axes = sorted({axis for variant in draft.variants for axis in variant.options})
    if not axes:
        found.append(Problem(code="axes_missing", message="Several variants need options.", field="options"))
    for axis in axes:
        if not _attribute_name(axis):
            message = f"The option {axis!r} has no Amazon attribute; name it in English, e.g. Size."
            found.append(Problem(code="axis_name", message=message, field="options"))
    seen: dict[tuple[str, ...], str] = {}
    for variant in draft.variants:
        missing = [axis for axis in axes if not variant.options.get(axis, "").strip()]
        if missing:
            message = f"{variant.channel_sku}: no value for {', '.join(missing)}."
            found.append(Problem(code="axis_incomplete", message=message, field="options"))
        values = tuple(variant.options.get(axis, "") for axis in axes)
        if axes and not missing and values in seen:
            message = f"{variant.channel_sku} and {seen[values]} have the same options."
            found.append(Problem(code="options_twice", message=message, field="options"))
        seen.setdefault(values, variant.channel_sku)
    if draft.variants and len(parent_sku(draft)) > SKU_MAX:
        found.append(
            Problem(code="parent_sku_too_long", message="The key of the product is too long.", field="listing_key")
        )
    return found


def is_gtin(text: str) -> bool:
    """8, 12, 13 or 14 digits whose last one is the GS1 check digit."""
    if not (text.isascii() and text.isdigit()) or len(text) not in _GTIN_TYPES:
        return False
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(text)))
    return total % 10 == 0


# ---------------------------------------------------------------- build


def parent_sku(draft: ListingDraft) -> str:
    """The SKU of the page that variants share: known from an earlier publish, else made from the hub's key."""
    for variant in draft.variants:
        if variant.ref is not None and variant.ref.facts.get("parent_sku"):
            return variant.ref.facts["parent_sku"]
    return f"P-{draft.listing_key}"


def is_family(draft: ListingDraft) -> bool:
    """True if the draft needs a parent: several variants, or one that may get siblings."""
    return len(draft.variants) > 1 or any(variant.options for variant in draft.variants)


def build_put(product_type: str, attributes: Mapping[str, Any], *, parent: bool = False) -> dict[str, Any]:
    """The body of putListingsItem. A parent is a page without anything to sell."""
    return {
        "productType": product_type,
        "requirements": "LISTING_PRODUCT_ONLY" if parent else "LISTING",
        "attributes": dict(attributes),
    }


def build_parent(draft: ListingDraft, marketplace_id: str) -> dict[str, Any]:
    """Attributes of the page that the variants share."""
    return {
        **_facts(draft, marketplace_id),
        **_pictures(draft.images, marketplace_id),
        "parentage_level": [_value("parent", marketplace_id)],
        **_theme(draft, marketplace_id),
    }


def build_variant(draft: ListingDraft, variant: VariantDraft, marketplace_id: str) -> dict[str, Any]:
    """Attributes of one listing that can be bought, as it is created: facts, offer and quantity."""
    return {
        **build_revision(draft, variant, marketplace_id),
        "fulfillment_availability": [{"fulfillment_channel_code": MERCHANT, "quantity": variant.quantity}],
    }


def build_revision(draft: ListingDraft, variant: VariantDraft, marketplace_id: str) -> dict[str, Any]:
    """Attributes of a listing that is there already: all but the quantity, which only a stock push may write."""
    attributes = _facts(draft, marketplace_id)
    images = (
        draft.images if variant.image is None else (variant.image, *(i for i in draft.images if i != variant.image))
    )
    attributes |= _pictures(images, marketplace_id)
    attributes["condition_type"] = [_value(CONDITIONS.get(draft.condition, draft.condition), marketplace_id)]
    attributes["purchasable_offer"] = [build_offer(variant.price, marketplace_id)]
    if variant.gtin and variant.gtin.strip():
        gtin = variant.gtin.strip()
        attributes["externally_assigned_product_identifier"] = [
            {"type": _GTIN_TYPES.get(len(gtin), "gtin"), "value": gtin, "marketplace_id": marketplace_id}
        ]
    if variant.weight_g:
        attributes["item_weight"] = [{"unit": "grams", "value": variant.weight_g, "marketplace_id": marketplace_id}]
    if is_family(draft):
        attributes["parentage_level"] = [_value("child", marketplace_id)]
        attributes["child_parent_sku_relationship"] = [
            {
                "child_relationship_type": "variation",
                "parent_sku": parent_sku(draft),
                "marketplace_id": marketplace_id,
            }
        ]
        attributes |= _theme(draft, marketplace_id)
        for axis, value in variant.options.items():
            attributes[_attribute_name(axis)] = [_text(value, marketplace_id)]
    return attributes


def build_patches(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Replace these attributes and leave all others of the listing alone."""
    return [{"op": "replace", "path": f"/attributes/{name}", "value": value} for name, value in attributes.items()]


def published_ref(
    draft: ListingDraft, variant: VariantDraft, *, product_type: str, marketplace_id: str, asin: str | None
) -> ListingRef:
    """What the hub has to remember of a published variant."""
    old = variant.ref
    facts = {**(old.facts if old else {}), "product_type": product_type, "marketplace_id": marketplace_id}
    if is_family(draft):
        facts["parent_sku"] = parent_sku(draft)
    return ListingRef(
        channel_sku=variant.channel_sku, external_id=asin or (old.external_id if old else None), facts=facts
    )


def plain_text(description: str) -> str:
    """A description without markup: Amazon shows tags as text."""
    text = html.unescape(_TAGS.sub("", _BREAKS.sub("\n", description)))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(" ".join(line.split()) for line in text.splitlines())).strip()


def _facts(draft: ListingDraft, marketplace_id: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {"item_name": [_text(draft.title.strip(), marketplace_id)]}
    description = plain_text(draft.description)
    if description:
        attributes["product_description"] = [_text(description, marketplace_id)]
    if draft.brand.strip():
        attributes["brand"] = [_text(draft.brand.strip(), marketplace_id)]
    for name, value in draft.attributes.items():
        if name == _BULLETS:  # one entry per line, as the official example has it (listingsItems_2021-08-01)
            lines = [line.strip() for line in value.splitlines() if line.strip()]
            attributes["bullet_point"] = [_text(line, marketplace_id) for line in lines]
        elif name not in (_THEME, *_NOT_SENT):
            attributes[_attribute_name(name)] = _json_list(value) or [_text(value, marketplace_id)]
    return attributes


def _pictures(images: tuple[str, ...], marketplace_id: str) -> dict[str, Any]:
    names = ["main_product_image_locator"] + [f"other_product_image_locator_{n}" for n in range(1, IMAGES_MAX)]
    return {
        name: [{"media_location": image, "marketplace_id": marketplace_id}]
        for name, image in zip(names, images, strict=False)
    }


def _theme(draft: ListingDraft, marketplace_id: str) -> dict[str, Any]:
    """The variation theme: as given, else the axes' names («SIZE/COLOR»)."""
    axes = sorted({axis for variant in draft.variants for axis in variant.options})
    name = draft.attributes.get(_THEME) or "/".join(_attribute_name(axis).upper() for axis in axes)
    return {_THEME: [{"name": name, "marketplace_id": marketplace_id}]}


def _attribute_name(name: str) -> str:
    wanted = name.strip().casefold()
    for attribute, spellings in _AXES.items():
        if wanted in spellings:
            return attribute
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def _value(value: str, marketplace_id: str) -> dict[str, Any]:
    return {"value": value, "marketplace_id": marketplace_id}


def _text(value: str, marketplace_id: str) -> dict[str, Any]:
    return {**_value(value, marketplace_id), "language_tag": marketplace(marketplace_id).language}


def _json_list(value: str) -> list[dict[str, Any]] | None:
    if not value.lstrip().startswith("["):
        return None
    try:
        decoded = json.loads(value)
    except ValueError:
        return None
    return decoded if isinstance(decoded, list) and all(isinstance(row, dict) for row in decoded) else None
