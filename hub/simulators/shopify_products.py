"""Products and variants over GraphQL: how they are read and searched."""

from __future__ import annotations

import html
import re
from typing import Any

from hub.kernel.money import Money
from hub.simulators.shopify_query import (
    Key,
    Search,
    Term,
    by_id,
    by_position,
    compare,
    compare_number,
    paginate,
    text_matches,
)
from hub.simulators.shopify_records import MediaImage, Metafield, Option, OptionValue, Product, Variant, number_of
from hub.simulators.shopify_schema import Fields
from hub.simulators.shopify_shop import bad_request, call_of, publication_of, table_finder
from hub.simulators.shopify_state import CURRENCY, ONLINE_STORE, Call

DEFAULT_TITLE = "Default Title"
DEFAULT_NAMESPACE = "app"


def money_text(minor: int | None) -> str | None:
    """Shopify's Money: a decimal string."""
    return None if minor is None else Money(minor=minor, currency=CURRENCY).text()


def product_by_id(call: Call, text: str) -> Product | None:
    return call.shop.products.get(number_of("Product", text) or 0)


def variant_by_id(call: Call, text: str) -> Variant | None:
    return call.shop.variants.get(number_of("ProductVariant", text) or 0)


def product_by_custom_id(call: Call, wanted: dict[str, Any]) -> Product | None:
    """The product whose metafield has that value."""
    namespace = wanted.get("namespace") or DEFAULT_NAMESPACE
    return next(
        (
            product
            for product in call.shop.products.values()
            for row in product.metafields
            if row.namespace == namespace and row.key == wanted["key"] and row.value == wanted["value"]
        ),
        None,
    )


def variants_of(call: Call, product: Product) -> list[Variant]:
    return [call.shop.variants[number] for number in product.variant_ids]


def variant_title(variant: Variant) -> str:
    return " / ".join(variant.choice) or DEFAULT_TITLE


# ---------------------------------------------------------------- search

_PRODUCT_FIELDS = frozenset(
    {
        "id", "title", "handle", "sku", "barcode", "status", "vendor", "product_type", "tag", "updated_at",
        "created_at", "published_status",
    }
)  # fmt: skip
_VARIANT_FIELDS = frozenset(
    {"id", "sku", "barcode", "title", "product_id", "product_ids", "product_status", "updated_at", "vendor"}
)


def _product_test(call: Call, term: Term, product: Product) -> bool:
    match term.field:
        case "id":
            return compare_number(product.id, term)
        case "updated_at":
            return compare(product.updated_at, term.op, term.value)
        case "created_at":
            return compare(product.created_at, term.op, term.value)
        case "status":
            return any(text_matches(product.status, wanted) for wanted in term.value.split(","))
        case "sku":
            return any(text_matches(variant.sku, term.value) for variant in variants_of(call, product))
        case "barcode":
            return any(text_matches(variant.barcode, term.value) for variant in variants_of(call, product))
        case "tag":
            return any(text_matches(tag, term.value) for tag in product.tags)
        case "published_status":
            return (str(ONLINE_STORE) in product.published) is (term.value == "published")
        case "":
            return term.value.casefold() in product.title.casefold()
        case name:
            return text_matches(getattr(product, name), term.value)


def _variant_test(call: Call, term: Term, variant: Variant) -> bool:
    match term.field:
        case "id":
            return compare_number(variant.id, term)
        case "product_id" | "product_ids":
            return str(variant.product_id) in [part.rpartition("/")[2] for part in term.value.split(",")]
        case "product_status":
            return text_matches(call.shop.products[variant.product_id].status, term.value)
        case "vendor":
            return text_matches(call.shop.products[variant.product_id].vendor, term.value)
        case "updated_at":
            return compare(variant.updated_at, term.op, term.value)
        case "sku":
            return text_matches(variant.sku, term.value)
        case "barcode":
            return text_matches(variant.barcode, term.value)
        case _:
            title = call.shop.products[variant.product_id].title
            return term.value.casefold() in f"{title} {variant_title(variant)} {variant.sku}".casefold()


def _products(root: Any, info: Any, **args: Any) -> Any:
    call = call_of(info)
    search = Search(args.get("query"), _PRODUCT_FIELDS, lambda term, row: _product_test(call, term, row))
    rows = [row for row in call.shop.products.values() if search.matches(row)]
    return _sorted_page(rows, args, call, {"TITLE": "title", "UPDATED_AT": "updated_at", "CREATED_AT": "created_at"})


def _product_variants(root: Any, info: Any, **args: Any) -> Any:
    call = call_of(info)
    search = Search(args.get("query"), _VARIANT_FIELDS, lambda term, row: _variant_test(call, term, row))
    rows = [row for row in call.shop.variants.values() if search.matches(row)]
    return _sorted_page(rows, args, call, {"SKU": "sku"})


def _sorted_page(rows: list[Any], args: dict[str, Any], call: Call, by: dict[str, str]) -> Any:
    wanted = args.get("sortKey") or "ID"
    name = by.get(wanted)
    if name is None and wanted not in ("ID", "RELEVANCE"):
        raise bad_request(f"The simulated shop does not sort by {wanted} here")
    if name is None:
        return paginate(sorted(rows, key=by_id), args, call, by_id)

    def key(row: Any) -> Key:
        return getattr(row, name), row.id

    return paginate(sorted(rows, key=key), args, call, key)


# ---------------------------------------------------------------- fields


def _plain_text(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", markup)).strip()


def _metafield(owner: Any, info: Any, key: str, namespace: str | None = None) -> Metafield | None:
    wanted = namespace or DEFAULT_NAMESPACE
    return next((row for row in owner.metafields if row.key == key and row.namespace == wanted), None)


def _metafields(owner: Any, info: Any, **args: Any) -> Any:
    rows = [row for row in owner.metafields if not args.get("namespace") or row.namespace == args["namespace"]]
    if args.get("keys"):
        rows = [row for row in rows if row.key in args["keys"] or f"{row.namespace}.{row.key}" in args["keys"]]
    return paginate(rows, args, call_of(info), by_id)


def _category(product: Product, info: Any) -> dict[str, Any] | None:
    if product.category is None:
        return None
    name = product.category.rpartition("/")[2]
    return {"__typename": "TaxonomyCategory", "id": product.category, "name": name, "fullName": name, "isLeaf": True}


def _publications_of(product: Product, info: Any, **args: Any) -> Any:
    call = call_of(info)
    rows = [
        {"isPublished": True, "publication": call.shop.publications[int(number)], "publishDate": since}
        for number, since in sorted(product.published.items())
    ]
    return by_position(rows, args, call)


def _published_on(product: Product, info: Any, publicationId: str) -> bool:  # noqa: N803
    row = publication_of(call_of(info), publicationId)
    return row is not None and str(row.id) in product.published


def _selected(variant: Variant, info: Any) -> list[dict[str, Any]]:
    product = call_of(info).shop.products[variant.product_id]
    return [
        {"name": option.name, "value": value, "optionValue": _value_named(option, value)}
        for option, value in zip(product.options, variant.choice, strict=True)
    ]


def _value_named(option: Option, name: str) -> OptionValue:
    return next(value for value in option.values if value.name == name)


def _count(number: int) -> dict[str, Any]:
    return {"count": number, "precision": "EXACT"}


def _variant_page(product: Product, info: Any, **args: Any) -> Any:
    call = call_of(info)
    return by_position(variants_of(call, product), args, call)


def _for_sale(variant: Variant, info: Any) -> bool:
    shop = call_of(info).shop
    return shop.listing_state(shop.products[variant.product_id]) == "live" and shop.sellable(variant) > 0


def _display_name(variant: Variant, info: Any) -> str:
    title = call_of(info).shop.products[variant.product_id].title
    return title if variant.choice == [DEFAULT_TITLE] else f"{title} - {variant_title(variant)}"


def _variant_media(variant: Variant, info: Any, **args: Any) -> Any:
    call = call_of(info)
    product = call.shop.products[variant.product_id]
    return paginate([row for row in product.media if row.id == variant.media_id], args, call, by_id)


def _image(media: MediaImage, info: Any) -> dict[str, Any]:
    return {
        "__typename": "Image",
        "id": f"gid://shopify/ImageSource/{media.id}",
        "altText": media.alt,
        "url": media.url,
    }


def _operation(call: Call, text: str) -> dict[str, Any] | None:
    row = call.shop.operations.get(text)
    if row is None:
        return None
    product = call.shop.products.get(row["product_id"] or 0)
    return {
        "__typename": "ProductSetOperation", "id": text, "status": "COMPLETE", "product": product,
        "userErrors": row["errors"],
    }  # fmt: skip


def _by_identifier(root: Any, info: Any, identifier: dict[str, Any]) -> Product | None:
    call = call_of(info)
    if identifier.get("id"):
        return product_by_id(call, identifier["id"])
    if identifier.get("handle"):
        return call.shop.products.get(call.shop.by_handle.get(identifier["handle"], 0))
    return product_by_custom_id(call, identifier["customId"])


table_finder("Product", "products")
table_finder("ProductVariant", "variants")

FIELDS: Fields = {
    "QueryRoot.product": lambda root, info, **args: product_by_id(call_of(info), args["id"]),
    "QueryRoot.products": _products,
    "QueryRoot.productByIdentifier": _by_identifier,
    "QueryRoot.productVariant": lambda root, info, **args: variant_by_id(call_of(info), args["id"]),
    "QueryRoot.productVariants": _product_variants,
    "QueryRoot.productOperation": lambda root, info, **args: _operation(call_of(info), args["id"]),
    "Product.category": _category,
    "Product.description": lambda product, info, **args: _plain_text(product.description_html)[
        : args.get("truncateAt")
    ],
    "Product.seo": lambda product, info: {"title": product.seo_title, "description": product.seo_description},
    "Product.isGiftCard": lambda product, info: False,
    "Product.hasOnlyDefaultVariant": lambda product, info: [option.name for option in product.options] == ["Title"],
    "Product.hasOutOfStockVariants": lambda product, info: any(
        call_of(info).shop.sellable(row) == 0 for row in variants_of(call_of(info), product)
    ),
    "Product.totalInventory": lambda product, info: sum(
        call_of(info).shop.total_available(row) for row in variants_of(call_of(info), product)
    ),
    "Product.tracksInventory": lambda product, info: any(
        call_of(info).shop.items[row.item_id].tracked for row in variants_of(call_of(info), product)
    ),
    "Product.options": lambda product, info, first=None: product.options[:first],
    "Product.variants": _variant_page,
    "Product.variantsCount": lambda product, info: _count(len(product.variant_ids)),
    "Product.media": lambda product, info, **args: paginate(product.media, args, call_of(info), by_id),
    "Product.mediaCount": lambda product, info: _count(len(product.media)),
    "Product.featuredMedia": lambda product, info: product.media[0] if product.media else None,
    "Product.metafield": _metafield,
    "Product.metafields": _metafields,
    "Product.onlineStoreUrl": lambda product, info: (
        f"https://entrepot-test.myshopify.com/products/{product.handle}"
        if call_of(info).shop.listing_state(product) == "live"
        else None
    ),
    "Product.publishedAt": lambda product, info: product.published.get(str(ONLINE_STORE)),
    "Product.publishedOnPublication": _published_on,
    "Product.resourcePublicationsV2": _publications_of,
    "Product.availablePublicationsCount": lambda product, info: _count(len(product.published)),
    "ProductOption.optionValues": lambda option, info: option.values,
    "ProductOption.values": lambda option, info: [value.name for value in option.values],
    "ProductOptionValue.hasVariants": lambda value, info: True,
    "ProductVariant.availableForSale": _for_sale,
    "ProductVariant.price": lambda variant, info: money_text(variant.price_minor),
    "ProductVariant.compareAtPrice": lambda variant, info: money_text(variant.compare_minor),
    "ProductVariant.sku": lambda variant, info: variant.sku or None,
    "ProductVariant.title": lambda variant, info: variant_title(variant),
    "ProductVariant.displayName": _display_name,
    "ProductVariant.position": lambda variant, info: (
        call_of(info).shop.products[variant.product_id].variant_ids.index(variant.id) + 1
    ),
    "ProductVariant.product": lambda variant, info: call_of(info).shop.products[variant.product_id],
    "ProductVariant.inventoryItem": lambda variant, info: call_of(info).shop.items[variant.item_id],
    "ProductVariant.inventoryQuantity": lambda variant, info: call_of(info).shop.total_available(variant),
    "ProductVariant.sellableOnlineQuantity": lambda variant, info: call_of(info).shop.sellable(variant),
    "ProductVariant.selectedOptions": _selected,
    "ProductVariant.media": _variant_media,
    "ProductVariant.metafield": _metafield,
    "ProductVariant.metafields": _metafields,
    "Metafield.jsonValue": lambda row, info: row.value,
    "MediaImage.image": _image,
    "MediaImage.status": lambda media, info: "READY",
    "MediaImage.mediaContentType": lambda media, info: "IMAGE",
    "MediaImage.mimeType": lambda media, info: "image/jpeg",
}
