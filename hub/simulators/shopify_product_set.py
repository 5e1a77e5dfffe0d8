"""productSet: create or replace a product in one call (contracts README 4.5).

Scalars that are absent stay as they are; list fields that are present are replaced, so a variant that is not in the
list is deleted. A variant of the list is an existing one if it carries its id, or else has the same option values.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from hub.kernel.money import Money
from hub.simulators.shopify_products import (
    DEFAULT_NAMESPACE,
    DEFAULT_TITLE,
    product_by_custom_id,
    product_by_id,
    variant_by_id,
)
from hub.simulators.shopify_records import (
    Item,
    MediaImage,
    Metafield,
    Option,
    OptionValue,
    Product,
    Variant,
    gid,
    number_of,
)
from hub.simulators.shopify_shop import user_error
from hub.simulators.shopify_state import CURRENCY, Call

VARIANTS_MAX = 2048
OPTIONS_MAX = 3
INVENTORY_ROWS_MAX = 50_000
TITLE_MAX = 255
Data = dict[str, Any]


class BadInput(Exception):
    """One `userErrors` entry that stops the whole call; nothing was changed."""

    def __init__(self, path: list[str], message: str, code: str) -> None:
        super().__init__(message)
        self.entry = user_error(path, message, code)


@dataclass(slots=True, kw_only=True)
class _Row:
    """A checked variant of the input."""

    data: Data
    choice: list[str]
    existing: Variant | None
    levels: list[tuple[int, str, int]] = field(default_factory=list)  # location, name, quantity


# ---------------------------------------------------------------- which product


def _target(call: Call, data: Data, identifier: Data | None) -> Product | None:
    if identifier is None:
        if not data.get("id"):
            return None
        found = product_by_id(call, data["id"])
        if found is None:
            raise BadInput(["input", "id"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")
        return found
    if data.get("id"):
        raise BadInput(["input", "id"], "The id field is not allowed if identifier is provided.", "ID_NOT_ALLOWED")
    if "id" in identifier:
        found = product_by_id(call, identifier["id"])
        if found is None:
            message = "Resource matching the identifier was not found."
            raise BadInput(["identifier", "id"], message, "NOT_FOUND")
        return found
    if "handle" in identifier:
        return _by_handle(call, data, identifier["handle"])
    return _by_custom_id(call, data, identifier["customId"])


def _by_handle(call: Call, data: Data, handle: str) -> Product | None:
    if data.get("handle") not in (None, handle):
        message = "The identifier value does not match the value of the corresponding field in the input."
        raise BadInput(["identifier", "handle"], message, "INPUT_MISMATCH")
    found = call.shop.products.get(call.shop.by_handle.get(handle, 0))
    if found is None and not data.get("handle"):
        message = "The input field corresponding to the identifier is required."
        raise BadInput(["input", "handle"], message, "MISSING_FIELD_REQUIRED")
    return found


def _by_custom_id(call: Call, data: Data, wanted: Data) -> Product | None:
    rows = data.get("metafields")
    namespace = wanted.get("namespace") or DEFAULT_NAMESPACE
    carried = any(
        (row.get("namespace") or DEFAULT_NAMESPACE, row.get("key"), row.get("value"))
        == (namespace, wanted["key"], wanted["value"])
        for row in rows or ()
    )
    if rows is not None and not carried:
        message = "The input argument `metafields` (if present) must contain the `customId` value."
        raise BadInput(["input", "metafields"], message, "METAFIELD_MISMATCH")
    found = product_by_custom_id(call, wanted)
    if found is None and rows is None:
        message = "The input field corresponding to the identifier is required."
        raise BadInput(["input", "metafields"], message, "MISSING_FIELD_REQUIRED")
    return found


# ---------------------------------------------------------------- checks shared with the other product mutations


def price_minor(text: Any, path: list[str], code: str) -> int | None:
    """A price of the input in cents; None stays None.

    Raises:
        BadInput: not a number, or below zero.
    """
    if text is None:
        return None
    try:
        minor = Money.parse(str(text), CURRENCY).minor
    except ValueError as error:
        raise BadInput(path, "Price is not a number", code) from error
    if minor < 0:
        raise BadInput(path, "Price must be greater than or equal to 0", code)
    return minor


def metafields_of(call: Call, rows: list[Data], old: list[Metafield], path: list[str], code: str) -> list[Metafield]:
    """The metafields of the input as records; ids of known (namespace, key) pairs are kept.

    Raises:
        BadInput: a row without key or value.
    """
    known = {(row.namespace, row.key): row for row in old}
    out = []
    for index, row in enumerate(rows):
        if not row.get("key") or row.get("value") in (None, ""):
            raise BadInput([*path, str(index)], "Metafield needs a key and a value.", code)
        namespace = row.get("namespace") or DEFAULT_NAMESPACE
        before = known.get((namespace, row["key"]))
        kind = row.get("type") or (before.type if before else "single_line_text_field")
        out.append(
            Metafield(
                id=before.id if before else call.shop.mint("Metafield"),
                namespace=namespace,
                key=row["key"],
                type=kind,
                value=row["value"],
                created_at=before.created_at if before else call.now,
                updated_at=call.now,
            )
        )
    return out


def checked_title(title: Any, path: list[str], code: str) -> str:
    """The title of the input.

    Raises:
        BadInput: blank or over 255 characters.
    """
    text = str(title or "").strip()
    if not text:
        raise BadInput(path, "Title can't be blank", code)
    if len(text) > TITLE_MAX:
        raise BadInput(path, f"Title is too long (maximum is {TITLE_MAX} characters)", code)
    return text


def slug(title: str) -> str:
    """A handle from a title: letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", title).casefold()
    return re.sub(r"[^\w]+", "-", "".join(ch for ch in plain if not unicodedata.combining(ch))).strip("-") or "product"


def free_handle(call: Call, wanted: str) -> str:
    """`wanted`, or with a number behind it if it is taken."""
    handle, number = wanted, 1
    while handle in call.shop.by_handle:
        handle, number = f"{wanted}-{number}", number + 1
    return handle


# ---------------------------------------------------------------- options and variants


def _checked_options(rows: list[Data]) -> list[tuple[str, list[str]]]:
    if len(rows) > OPTIONS_MAX:
        raise BadInput(["input", "productOptions"], "Options over limit.", "OPTIONS_OVER_LIMIT")
    options: list[tuple[str, list[str]]] = []
    for index, row in enumerate(rows):
        path = ["input", "productOptions", str(index)]
        name = row.get("name") or ""
        values = [value.get("name") or "" for value in row.get("values") or ()]
        if name in [known for known, _ in options]:
            raise BadInput([*path, "name"], "Duplicated option name.", "DUPLICATED_OPTION_NAME")
        if not name or not values or "" in values:
            raise BadInput(
                [*path, "values"], "Each option must have at least one option value specified.", "OPTION_VALUES_MISSING"
            )
        if len(set(values)) < len(values):
            raise BadInput([*path, "values"], "Duplicated option value.", "DUPLICATED_OPTION_VALUE")
        options.append((name, values))
    return options


def _choice(row: Data, options: list[tuple[str, list[str]]], path: list[str]) -> list[str]:
    chosen: dict[str, str] = {}
    for index, value in enumerate(row["optionValues"]):
        where = [*path, "optionValues", str(index)]
        allowed = dict(options).get(value.get("optionName") or "")
        if allowed is None:
            raise BadInput(where, "Option does not exist.", "OPTION_DOES_NOT_EXIST")
        if value.get("name") not in allowed:
            raise BadInput(where, "Option value does not exist.", "OPTION_VALUE_DOES_NOT_EXIST")
        chosen[value["optionName"]] = value["name"]
    missing = [name for name, _ in options if name not in chosen]
    if missing:
        raise BadInput(path, f"You need to add option values for {', '.join(missing)}", "INVALID_VARIANT")
    return [chosen[name] for name, _ in options]


def _checked_variants(
    call: Call, product: Product | None, rows: list[Data], options: list[tuple[str, list[str]]]
) -> list[_Row]:
    if len(rows) > VARIANTS_MAX:
        raise BadInput(["input", "variants"], "Number of product variants exceeds shop limit.", "VARIANTS_OVER_LIMIT")
    if sum(len(row.get("inventoryQuantities") or ()) for row in rows) > INVENTORY_ROWS_MAX:
        message = "Inventory quantity input exceeds the limit of 50000."
        raise BadInput(["input", "variants"], message, "INVENTORY_QUANTITIES_LIMIT_EXCEEDED")
    same_axes = product is not None and [option.name for option in product.options] == [name for name, _ in options]
    present = [call.shop.variants[number] for number in product.variant_ids] if product else []
    by_choice = {tuple(variant.choice): variant for variant in present} if same_axes else {}
    checked: list[_Row] = []
    seen: set[tuple[str, ...]] = set()
    for index, row in enumerate(rows):
        path = ["input", "variants", str(index)]
        choice = _choice(row, options, path)
        if tuple(choice) in seen:
            raise BadInput(path, f"The variant '{' / '.join(choice)}' already exists.", "INVALID_VARIANT")
        seen.add(tuple(choice))
        existing = by_choice.get(tuple(choice))
        if row.get("id"):
            existing = variant_by_id(call, row["id"])
            if existing is None or product is None or existing.product_id != product.id:
                raise BadInput([*path, "id"], "Product variant does not exist.", "PRODUCT_VARIANT_DOES_NOT_EXIST")
        price_minor(row.get("price"), [*path, "price"], "INVALID_VARIANT")
        price_minor(row.get("compareAtPrice"), [*path, "compareAtPrice"], "INVALID_VARIANT")
        checked.append(
            _Row(data=row, choice=choice, existing=existing, levels=_checked_levels(call, row, existing, path))
        )
    return checked


def _checked_levels(call: Call, row: Data, existing: Variant | None, path: list[str]) -> list[tuple[int, str, int]]:
    out = []
    for index, level in enumerate(row.get("inventoryQuantities") or ()):
        where = [*path, "inventoryQuantities", str(index)]
        room = call.shop.locations.get(number_of("Location", level["locationId"]) or 0)
        if room is None or not room.active:
            raise BadInput([*where, "locationId"], "The specified location could not be found.", "INVALID_INPUT")
        if level["name"] not in ("available", "on_hand"):
            message = "The quantity name must be either 'available' or 'on_hand'."
            raise BadInput([*where, "name"], message, "INVALID_INPUT")
        if existing is not None and room.id not in call.shop.levels[existing.item_id]:
            message = "Quantities can only be updated at locations where the variant is already stocked."
            raise BadInput([*where, "locationId"], message, "INVALID_VARIANT")
        out.append((room.id, level["name"], int(level["quantity"])))
    return out


# ---------------------------------------------------------------- carrying it out


def set_product(call: Call, data: Data, identifier: Data | None) -> Product:
    """Create or replace; everything is checked before anything changes.

    Raises:
        BadInput: what is wrong with the input.
    """
    product = _target(call, data, identifier)
    if product is None or "title" in data:
        checked_title(data.get("title"), ["input", "title"], "INVALID_PRODUCT")
    handle = data.get("handle")
    if handle and call.shop.by_handle.get(handle, product.id if product else None) != (product.id if product else None):
        message = "Handle already in use. Please provide a new handle."
        raise BadInput(["input", "handle"], message, "HANDLE_NOT_UNIQUE")
    options, rows = _plan_variants(call, product, data)
    _check_files(data)
    if "metafields" in data:
        old = product.metafields if product else []
        metafields_of(call, data["metafields"] or [], old, ["input", "metafields"], "INVALID_METAFIELD")
    if product is None:
        wanted = handle or free_handle(call, slug(data["title"]))
        product = Product(
            id=call.shop.mint("Product"), title=data["title"], handle=wanted, status="ACTIVE", created_at=call.now,
            updated_at=call.now,
        )  # fmt: skip
        call.shop.add_product(product)
    write_scalars(call, product, data)
    if "files" in data:
        product.media = [_media(call, row) for row in data["files"] or ()]
    if options is not None:
        _write_options(call, product, options)
        _write_variants(call, product, rows)
    return product


def _check_files(data: Data) -> None:
    """A file of a variant must be among the files of its product, says the schema's text."""
    known = {row.get(name) for row in data.get("files") or () for name in ("id", "originalSource")} - {None}
    for index, row in enumerate(data.get("variants") or ()):
        file = row.get("file") or {}
        named = {file.get("id"), file.get("originalSource")} - {None}
        if named and not named & known:
            message = "The file of a variant must also be specified in the files of the product."
            raise BadInput(["input", "variants", str(index), "file"], message, "INVALID_INPUT")


def _plan_variants(
    call: Call, product: Product | None, data: Data
) -> tuple[list[tuple[str, list[str]]] | None, list[_Row]]:
    given_options, given_rows = data.get("productOptions"), data.get("variants")
    if given_rows is not None and given_options is None:
        message = "Must specify product options when updating variants."
        raise BadInput(["input", "productOptions"], message, "PRODUCT_OPTIONS_INPUT_MISSING")
    if given_options is not None and given_rows is None:
        message = "Must specify variants when updating options."
        raise BadInput(["input", "variants"], message, "VARIANTS_INPUT_MISSING")
    if given_options is None:
        if product is not None:
            return None, []
        given_options, given_rows = [], []
    options = _checked_options(given_options) or [("Title", [DEFAULT_TITLE])]
    plain = [{"optionValues": [{"optionName": "Title", "name": DEFAULT_TITLE}]}]
    return options, _checked_variants(call, product, given_rows or plain, options)


def write_scalars(call: Call, product: Product, data: Data) -> None:
    """The single fields that productSet and productUpdate share; checked before."""
    if data.get("handle") and data["handle"] != product.handle:
        call.shop.rename_handle(product, data["handle"])
    names = {
        "descriptionHtml": "description_html", "vendor": "vendor", "productType": "product_type", "status": "status",
        "category": "category", "templateSuffix": "template_suffix", "requiresSellingPlan": "requires_selling_plan",
    }  # fmt: skip
    for given, name in names.items():
        if given in data:
            empty = None if given in ("category", "templateSuffix") else ""
            setattr(product, name, data[given] if data[given] is not None else empty)
    if data.get("title"):
        product.title = data["title"].strip()
    if "tags" in data:
        product.tags = sorted(set(data["tags"] or ()))
    if data.get("seo") is not None:
        product.seo_title = data["seo"].get("title", product.seo_title)
        product.seo_description = data["seo"].get("description", product.seo_description)
    if "metafields" in data:
        path = ["input", "metafields"]
        product.metafields = metafields_of(
            call, data["metafields"] or [], product.metafields, path, "INVALID_METAFIELD"
        )
    product.updated_at = call.now


def _media(call: Call, row: Data) -> MediaImage:
    return MediaImage(
        id=call.shop.mint("MediaImage"), url=row.get("originalSource") or "", alt=row.get("alt"), created_at=call.now
    )


def _media_named(product: Product, file: Data) -> int | None:
    """Which of the product's pictures a variant's file is: by its id, else by where it came from."""
    named = (file.get("id"), file.get("originalSource"))
    return next((row.id for row in product.media if gid("MediaImage", row.id) == named[0] or row.url == named[1]), None)


def _write_options(call: Call, product: Product, options: list[tuple[str, list[str]]]) -> None:
    old = {option.name: option for option in product.options}
    product.options = []
    for position, (name, values) in enumerate(options, start=1):
        option = old.get(name) or Option(id=call.shop.mint("ProductOption"), name=name, position=position)
        option.position = position
        known = {value.name: value for value in option.values}
        option.values = [
            known.get(value) or OptionValue(id=call.shop.mint("ProductOptionValue"), name=value) for value in values
        ]
        product.options.append(option)


def _write_variants(call: Call, product: Product, rows: list[_Row]) -> None:
    kept = {row.existing.id for row in rows if row.existing is not None}
    for number in [number for number in product.variant_ids if number not in kept]:
        call.shop.drop_variant(call.shop.variants[number])
    order = []
    for row in sorted(rows, key=lambda row: row.data.get("position") or VARIANTS_MAX):
        variant = row.existing or _new_variant(call, product)
        variant.choice = row.choice
        write_variant(call, variant, row.data)
        if "file" in row.data:
            variant.media_id = _media_named(product, row.data["file"] or {})
        for location_id, name, quantity in row.levels:
            level = call.shop.stocked(variant.item_id, location_id, call.now)
            level.available = quantity if name == "available" else quantity - level.committed
            level.updated_at = call.now
        order.append(variant.id)
    product.variant_ids = order


def _new_variant(call: Call, product: Product) -> Variant:
    variant_id, item_id = call.shop.mint("ProductVariant"), call.shop.mint("InventoryItem")
    variant = Variant(
        id=variant_id, product_id=product.id, item_id=item_id, created_at=call.now, updated_at=call.now
    )  # fmt: skip
    item = Item(id=item_id, variant_id=variant_id, created_at=call.now, updated_at=call.now)
    call.shop.add_variant(variant, item)
    return variant


def write_variant(call: Call, variant: Variant, data: Data) -> None:
    """The single fields of a variant and its inventory item, from any of the variant inputs; checked before."""
    names = {"barcode": "barcode", "inventoryPolicy": "inventory_policy", "taxable": "taxable", "taxCode": "tax_code"}
    for given, name in names.items():
        if given in data and (data[given] is not None or name in ("barcode", "tax_code")):
            setattr(variant, name, data[given])
    price = price_minor(data.get("price"), ["price"], "INVALID_VARIANT")
    variant.price_minor = variant.price_minor if price is None else price
    if "compareAtPrice" in data:
        variant.compare_minor = price_minor(data["compareAtPrice"], ["compareAtPrice"], "INVALID_VARIANT")
    if "metafields" in data:
        path = ["metafields"]
        variant.metafields = metafields_of(
            call, data["metafields"] or [], variant.metafields, path, "INVALID_METAFIELD"
        )
    about = data.get("inventoryItem") or {}
    sku = data["sku"] if "sku" in data else about.get("sku", variant.sku)
    call.shop.set_sku(variant, sku or "")
    item = call.shop.items[variant.item_id]
    for given, name in {
        "tracked": "tracked", "requiresShipping": "requires_shipping", "cost": "cost",
        "countryCodeOfOrigin": "country_code_of_origin", "provinceCodeOfOrigin": "province_code_of_origin",
        "harmonizedSystemCode": "harmonized_system_code",
    }.items():  # fmt: skip
        if given in about:
            setattr(item, name, about[given])
    weight = (about.get("measurement") or {}).get("weight")
    if weight:
        item.weight_value, item.weight_unit = float(weight["value"]), weight["unit"]
    variant.updated_at = item.updated_at = call.now
