"""The product mutations: productSet, productUpdate, variant updates, deletion, status and publication."""

from __future__ import annotations

from typing import Any

from hub.simulators.shopify_product_set import (
    BadInput,
    Data,
    checked_title,
    metafields_of,
    price_minor,
    set_product,
    write_scalars,
    write_variant,
)
from hub.simulators.shopify_products import product_by_custom_id, product_by_id
from hub.simulators.shopify_records import Product, Variant, gid, number_of
from hub.simulators.shopify_schema import Fields
from hub.simulators.shopify_shop import call_of, publication_of, shop_of, user_error
from hub.simulators.shopify_state import Call


def _product_set(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    try:
        product: Product | None = set_product(call, args["input"], args.get("identifier"))
        errors: list[Data] = []
    except BadInput as bad:
        product, errors = None, [bad.entry]
    if args.get("synchronous", True):
        return {"product": product, "userErrors": errors}
    number = gid("ProductSetOperation", call.shop.mint("ProductSetOperation"))
    call.shop.operations[number] = {"id": number, "product_id": product.id if product else None, "errors": errors}
    operation: Data = {
        "__typename": "ProductSetOperation", "id": number, "status": "CREATED", "product": None, "userErrors": [],
    }  # fmt: skip
    return {"product": None, "productSetOperation": operation, "userErrors": []}


def _product_update(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    data: Data = args.get("product") or {}
    wanted = args.get("identifier") or {"id": data.get("id") or ""}
    if "id" in wanted:
        product = product_by_id(call, wanted["id"])
    elif "handle" in wanted:
        product = call.shop.products.get(call.shop.by_handle.get(wanted["handle"], 0))
    else:
        product = product_by_custom_id(call, wanted["customId"])
    if product is None:
        return {"product": None, "userErrors": [user_error(["id"], "Product does not exist")]}
    try:
        if "title" in data:
            checked_title(data["title"], ["title"], "INVALID_PRODUCT")
        if data.get("handle") and call.shop.by_handle.get(data["handle"], product.id) != product.id:
            raise BadInput(["handle"], f"Handle '{data['handle']}' already in use. Please provide a new handle.", "")
        metafields_of(call, data.get("metafields") or [], product.metafields, ["metafields"], "")
    except BadInput as bad:
        return {"product": product, "userErrors": [bad.entry]}
    if data.get("metafields"):
        # productUpdate adds and changes metafields; only productSet replaces the list.
        fresh = metafields_of(call, data["metafields"], product.metafields, ["metafields"], "")
        named = {(row.namespace, row.key) for row in fresh}
        product.metafields = [row for row in product.metafields if (row.namespace, row.key) not in named] + fresh
    write_scalars(call, product, {name: value for name, value in data.items() if name != "metafields"})
    return {"product": product, "userErrors": []}


def _variants_update(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    product = product_by_id(call, args["productId"])
    if product is None:
        gone = user_error(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")
        return {"product": None, "productVariants": None, "userErrors": [gone]}
    good: list[tuple[Variant, Data]] = []
    errors: list[Data] = []
    for index, row in enumerate(args["variants"]):
        try:
            good.append((_checked_update(call, product, row, ["variants", str(index)]), row))
        except BadInput as bad:
            errors.append(bad.entry)
    if errors and not args.get("allowPartialUpdates"):
        return {"product": product, "productVariants": None, "userErrors": errors}
    for variant, row in good:
        write_variant(call, variant, row)
    if good:
        product.updated_at = call.now
    return {"product": product, "productVariants": [variant for variant, _ in good], "userErrors": errors}


def _checked_update(call: Call, product: Product, row: Data, path: list[str]) -> Variant:
    if not row.get("id"):
        raise BadInput([*path, "id"], "Product variant is missing ID attribute", "PRODUCT_VARIANT_ID_MISSING")
    variant = call.shop.variants.get(number_of("ProductVariant", row["id"]) or 0)
    if variant is None or variant.product_id != product.id:
        raise BadInput([*path, "id"], "Product variant does not exist", "PRODUCT_VARIANT_DOES_NOT_EXIST")
    for name in ("price", "compareAtPrice"):
        price_minor(row.get(name), [*path, name], "GREATER_THAN_OR_EQUAL_TO")
    metafields_of(call, row.get("metafields") or [], variant.metafields, [*path, "metafields"], "INVALID_VALUE")
    return variant


def _variants_delete(root: Any, info: Any, **args: Any) -> Data:
    """All or nothing; a product keeps at least one variant."""
    call = call_of(info)
    product = product_by_id(call, args["productId"])
    if product is None:
        gone = user_error(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")
        return {"product": None, "userErrors": [gone]}
    wanted = dict.fromkeys(number_of("ProductVariant", one) for one in args["variantsIds"])
    for index, number in enumerate(wanted):
        if number not in product.variant_ids:
            foreign = "AT_LEAST_ONE_VARIANT_DOES_NOT_BELONG_TO_THE_PRODUCT"
            where = ["variantsIds", str(index)]
            message = "At least one variant does not belong to the product"
            return {"product": product, "userErrors": [user_error(where, message, foreign)]}
    if len(wanted) == len(product.variant_ids):
        last = user_error(["variantsIds"], "Cannot delete the last variant of a product", "CANNOT_DELETE_LAST_VARIANT")
        return {"product": product, "userErrors": [last]}
    for number in wanted:
        if number is not None:
            call.shop.drop_variant(call.shop.variants[number])
    if wanted:
        product.updated_at = call.now
    return {"product": product, "userErrors": []}


def _product_delete(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    wanted = args["input"]["id"]
    product = product_by_id(call, wanted)
    if product is None:
        errors = [user_error(["id"], "Product does not exist")]
        return {"deletedProductId": None, "shop": shop_of(call), "userErrors": errors}
    call.shop.drop_product(product)
    return {"deletedProductId": wanted, "shop": shop_of(call), "userErrors": []}


def _change_status(root: Any, info: Any, **args: Any) -> Data:
    call = call_of(info)
    product = product_by_id(call, args["productId"])
    if product is None:
        return {
            "product": None,
            "userErrors": [user_error(["productId"], "Product does not exist", "PRODUCT_NOT_FOUND")],
        }
    product.status, product.updated_at = args["status"], call.now
    return {"product": product, "userErrors": []}


def _publish(root: Any, info: Any, **args: Any) -> Data:
    return _set_publication(call_of(info), args, on=True)


def _unpublish(root: Any, info: Any, **args: Any) -> Data:
    return _set_publication(call_of(info), args, on=False)


def _set_publication(call: Call, args: Data, *, on: bool) -> Data:
    product = product_by_id(call, args["id"])
    if product is None:
        return {
            "publishable": None,
            "shop": shop_of(call),
            "userErrors": [user_error(["id"], "Resource does not exist")],
        }
    errors = []
    for index, row in enumerate(args["input"]):
        publication = publication_of(call, row.get("publicationId") or "")
        if publication is None:
            path = ["input", str(index), "publicationId"]
            errors.append(user_error(path, "Publication does not exist or is not publishable"))
        elif on:
            product.published.setdefault(str(publication.id), call.now)
        else:
            product.published.pop(str(publication.id), None)
    product.updated_at = call.now
    return {"publishable": product, "shop": shop_of(call), "userErrors": errors}


FIELDS: Fields = {
    "Mutation.productSet": _product_set,
    "Mutation.productUpdate": _product_update,
    "Mutation.productVariantsBulkUpdate": _variants_update,
    "Mutation.productVariantsBulkDelete": _variants_delete,
    "Mutation.productDelete": _product_delete,
    "Mutation.productChangeStatus": _change_status,
    "Mutation.publishablePublish": _publish,
    "Mutation.publishableUnpublish": _unpublish,
}
