"""Listings, the pure half: what is wrong with a draft, and a draft as productSet's input.

productSet REPLACES lists: a variant, option or file left out of the input is deleted (contracts README 4.5). So a
revision names every variant the product has, the ones it does not touch by id and option values only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.channels.contract.records import ListingDraft, Problem, Severity, VariantDraft
from hub.kernel.ids import digest

MAX_VARIANTS = 2048
MAX_OPTIONS = 3
_TITLE_MAX = 255
#: What Shopify calls the only option of a product without options.
PLAIN = {"Title": "Default Title"}
_TAXONOMY = "gid://shopify/TaxonomyCategory/"
#: Attributes that have a field of their own on a Shopify product.
KNOWN_ATTRIBUTES = frozenset({"product_type", "tags", "seo_title", "seo_description"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """A variant the product already has."""

    variant_id: str
    sku: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """The product before a revision. `online`: on the online store; `options`: the axes in order with all values."""

    product_id: str
    status: str
    online: bool
    options: Mapping[str, Sequence[str]]
    variants: tuple[Existing, ...]


def handle_of(draft: ListingDraft) -> str:
    """The product's handle: made of the listing key alone, so that every retry finds what an earlier try made."""
    return "p-" + "".join(ch if ch.isalnum() else "-" for ch in draft.listing_key.lower())


def check(draft: ListingDraft, currency: str | None) -> list[Problem]:
    """Everything wrong with the draft at once. `currency`: the shop's, None if not known yet."""
    problems = []

    def wrong(code: str, message: str, field: str, severity: Severity = Severity.ERROR) -> None:
        problems.append(Problem(code=code, message=message, field=field, severity=severity))

    if not draft.title.strip():
        wrong("TITLE_MISSING", "A title is needed.", "title")
    elif len(draft.title) > _TITLE_MAX:
        wrong("TITLE_TOO_LONG", f"The title has {len(draft.title)} characters, Shopify takes {_TITLE_MAX}.", "title")
    if not draft.variants:
        wrong("NO_VARIANTS", "The product has no variant.", "variants")
    if len(draft.variants) > MAX_VARIANTS:
        wrong(
            "TOO_MANY_VARIANTS", f"Shopify takes {MAX_VARIANTS} variants, this has {len(draft.variants)}.", "variants"
        )
    axes = [tuple(variant.options) for variant in draft.variants]
    if len({frozenset(axis) for axis in axes}) > 1:
        wrong("OPTIONS_DIFFER", "All variants need the same options, for example each a size and a colour.", "options")
    if axes and max(len(axis) for axis in axes) > MAX_OPTIONS:
        wrong("TOO_MANY_OPTIONS", f"Shopify takes {MAX_OPTIONS} options.", "options")
    seen_skus: set[str] = set()
    seen_options: set[frozenset[tuple[str, str]]] = set()
    for variant in draft.variants:
        sku = variant.channel_sku
        if not sku.strip():
            wrong("SKU_MISSING", "Every variant needs a SKU.", "sku")
        if sku in seen_skus:
            wrong("SKU_TWICE", f"The SKU {sku} appears twice.", "sku")
        seen_skus.add(sku)
        options = frozenset(variant.options.items())
        if options in seen_options:
            wrong("OPTIONS_TWICE", f"The options of {sku} are those of another variant.", "options")
        seen_options.add(options)
        if any(not value.strip() for value in variant.options.values()):
            wrong("OPTION_EMPTY", f"An option of {sku} is empty.", "options")
        if variant.price.minor <= 0:  # Shopify would give it away
            wrong("PRICE_MISSING", f"The price of {sku} must be above zero.", "price")
        if currency is not None and variant.price.currency != currency:
            wrong("CURRENCY", f"The shop sells in {currency}; {sku} is priced in {variant.price.currency}.", "price")
        if variant.quantity < 0:
            wrong("QUANTITY_NEGATIVE", f"The quantity of {sku} is below zero.", "quantity")
    for url in (*draft.images, *(variant.image for variant in draft.variants if variant.image)):
        if not url.startswith(("https://", "http://")):
            wrong("IMAGE_URL", f"Shopify fetches images by their address; this is none: {url[:80]}", "images")
    for name in sorted(set(draft.attributes) - KNOWN_ATTRIBUTES):
        wrong("ATTRIBUTE_UNUSED", f"Shopify has no field for «{name}»; it is not sent.", name, Severity.INFO)
    if draft.condition not in ("", "new"):
        wrong("CONDITION_UNUSED", "Shopify has no condition of goods; say it in the text.", "condition", Severity.INFO)
    return problems


def images_digest(draft: ListingDraft) -> str:
    """A fingerprint of the draft's pictures: the same pictures are not uploaded again at every revision."""
    return digest([draft.images, [variant.image for variant in draft.variants]])


def match(draft: ListingDraft, product: Product) -> dict[str, Existing]:
    """Which of the draft's SKUs is which existing variant: by reference, then SKU, then the same option values."""
    by_id = {variant.variant_id: variant for variant in product.variants}
    by_sku = {variant.sku: variant for variant in product.variants if variant.sku}
    by_options = {frozenset(variant.options.items()): variant for variant in product.variants}
    found: dict[str, Existing] = {}
    taken: set[str] = set()
    for variant in draft.variants:
        known = variant.ref.facts.get("variant_id", "") if variant.ref is not None else ""
        options = frozenset((variant.options or PLAIN).items())
        for existing in (by_id.get(known), by_sku.get(variant.channel_sku), by_options.get(options)):
            if existing is not None and existing.variant_id not in taken:
                found[variant.channel_sku] = existing
                taken.add(existing.variant_id)
                break
    return found


def axes_clash(draft: ListingDraft, product: Product) -> Problem | None:
    """A revision that keeps variants the draft does not know must keep their options."""
    kept = len(product.variants) > len(match(draft, product))
    ours = set(draft.variants[0].options or PLAIN)
    if not kept or ours == set(product.options):
        return None
    message = (
        f"The product in Shopify has variants by {', '.join(product.options)}, the hub's by {', '.join(sorted(ours))}. "
        "Give them the same options first."
    )
    return Problem(code="OPTIONS_DIFFER", message=message, field="options")


def build_product(
    draft: ListingDraft, *, product: Product | None, location: str, with_images: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """productSet's input and identifier.

    The stock of existing variants is left alone: productSet overwrites without comparing, `push_stock` compares.
    """
    matched = match(draft, product) if product is not None else {}
    data: dict[str, Any] = {
        "title": draft.title,
        "descriptionHtml": draft.description,
        "status": "UNLISTED" if product is not None and product.status == "UNLISTED" else "ACTIVE",
        "productOptions": _options(draft, product, matched),
        "variants": [
            _variant(variant, matched.get(variant.channel_sku), location, with_images) for variant in draft.variants
        ],
    }
    data.update(_particulars(draft))
    if with_images:
        pictures = dict.fromkeys((*draft.images, *(v.image for v in draft.variants if v.image)))
        data["files"] = [{"originalSource": url, "contentType": "IMAGE"} for url in pictures]
    if product is None:
        data["handle"] = handle_of(draft)
        return data, {"handle": data["handle"]}
    updated = {existing.variant_id for existing in matched.values()}
    data["variants"] += [
        {"id": existing.variant_id, "optionValues": _values(existing.options)}
        for existing in product.variants
        if existing.variant_id not in updated
    ]
    return data, {"id": product.product_id}


def _particulars(draft: ListingDraft) -> dict[str, Any]:
    """Fields that are sent only when the seller filled them: what is not sent stays as it is."""
    data: dict[str, Any] = {}
    if draft.brand:
        data["vendor"] = draft.brand
    if draft.category.startswith(_TAXONOMY):
        data["category"] = draft.category
    kind = draft.attributes.get("product_type") or ("" if "category" in data else draft.category)
    if kind:
        data["productType"] = kind
    if draft.attributes.get("tags"):
        data["tags"] = [tag.strip() for tag in draft.attributes["tags"].split(",") if tag.strip()]
    seo = {
        field: draft.attributes[name]
        for name, field in (("seo_title", "title"), ("seo_description", "description"))
        if draft.attributes.get(name)
    }
    if seo:
        data["seo"] = seo
    return data


def _options(draft: ListingDraft, product: Product | None, matched: Mapping[str, Existing]) -> list[dict[str, Any]]:
    """The axes with every value that a variant of the result has, in the product's order and then the draft's."""
    values: dict[str, dict[str, None]] = {}
    updated = {existing.variant_id for existing in matched.values()}
    kept = [v for v in product.variants if v.variant_id not in updated] if product is not None else []
    if product is not None and kept:
        for axis in product.options:
            values[axis] = dict.fromkeys(v.options[axis] for v in kept if axis in v.options)
    for variant in draft.variants:
        for axis, value in (variant.options or PLAIN).items():
            values.setdefault(axis, {})[value] = None
    return [
        {"name": axis, "position": position, "values": [{"name": value} for value in found]}
        for position, (axis, found) in enumerate(values.items(), start=1)
    ]


def _values(options: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"optionName": axis, "name": value} for axis, value in options.items()]


def _variant(variant: VariantDraft, existing: Existing | None, location: str, with_images: bool) -> dict[str, Any]:
    item: dict[str, Any] = {"tracked": True, "requiresShipping": True}
    if variant.weight_g is not None:
        item["measurement"] = {"weight": {"unit": "GRAMS", "value": float(variant.weight_g)}}
    data: dict[str, Any] = {
        "sku": variant.channel_sku,
        "price": variant.price.text(),
        "inventoryPolicy": "DENY",
        "optionValues": _values(variant.options or PLAIN),
        "inventoryItem": item,
    }
    if variant.gtin:
        data["barcode"] = variant.gtin
    if with_images and variant.image:
        data["file"] = {"originalSource": variant.image, "contentType": "IMAGE"}
    if existing is None:
        data["inventoryQuantities"] = [{"locationId": location, "name": "available", "quantity": variant.quantity}]
    else:
        data["id"] = existing.variant_id
    return data
