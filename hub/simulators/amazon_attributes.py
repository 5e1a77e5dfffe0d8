"""Listing attributes of the simulated Amazon: patch operations, checks of values, what an offer says. Pure functions.

An attribute is a list of objects; *selectors* tell its instances apart (contracts README 2.6). Shapes of
`purchasable_offer`, `parentage_level` and `child_parent_sku_relationship` follow Amazon's public tutorials
(developer-docs.amazon.com/sp-api/docs/manage-purchasable-offer), since the models leave attributes open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hub.kernel.money import Money, exponent
from hub.simulators.amazon_wire import Marketplace, bad_input, known

Instance = dict[str, Any]
Attributes = dict[str, list[Instance]]
Issue = dict[str, Any]

STOCK = "fulfillment_availability"
OFFER = "purchasable_offer"
CHANNEL = "DEFAULT"  # the seller's own warehouse; AMAZON_* is Amazon's
TITLE_LIMIT = 200
PRICE_LIMIT = 10**9
COUNT_LIMIT = 2**31 - 1
OPERATIONS = frozenset({"add", "replace", "merge", "delete"})
REQUIREMENTS = frozenset({"LISTING", "LISTING_PRODUCT_ONLY", "LISTING_OFFER_ONLY"})
CONDITIONS = frozenset({
    "new_new", "new_open_box", "new_oem", "refurbished_refurbished", "used_like_new", "used_very_good", "used_good",
    "used_acceptable", "collectible_like_new", "collectible_very_good", "collectible_good", "collectible_acceptable",
    "club_club",
})  # fmt: skip
_SELECTORS = {STOCK: ("fulfillment_channel_code",), OFFER: ("marketplace_id", "currency", "audience")}


def issue(code: str, message: str, names: Sequence[str], category: str, severity: str = "ERROR") -> Issue:
    return {
        "code": code,
        "message": message,
        "severity": severity,
        "attributeNames": list(names),
        "categories": [category],
    }


def missing(name: str) -> Issue:
    return issue("90220", f"'{name}' is required but missing.", [name], "MISSING_ATTRIBUTE")


def wrong(name: str, message: str, category: str = "INVALID_ATTRIBUTE") -> Issue:
    return issue("99022", message, [name], category)


# ---------------------------------------------------------------- patches


def check_patches(patches: Any) -> list[dict[str, Any]]:
    """The patch list in the form the model asks for; anything else is a bad request, not an INVALID submission."""
    if not isinstance(patches, list) or not patches:
        raise bad_input("'patches' must be an array with at least one operation.")
    for patch in patches:
        if not isinstance(patch, dict) or not known(patch.get("op"), OPERATIONS):
            raise bad_input("Each patch needs an 'op' of add, replace, merge or delete.")
        path = patch.get("path")
        if not isinstance(path, str) or not path.startswith("/attributes/") or not attribute_of(patch):
            raise bad_input("Each patch needs a 'path' of the form '/attributes/NAME'.", str(path))
        value = patch.get("value")
        if value is None and patch["op"] != "delete":
            raise bad_input(f"A patch with op '{patch['op']}' needs a 'value'.", path)
        if value is not None and not (isinstance(value, list) and all(isinstance(row, dict) for row in value)):
            raise bad_input("A patch 'value' must be an array of objects.", path)
    return patches


def attribute_of(patch: Mapping[str, Any]) -> str:
    """The attribute a patch addresses; empty if the path goes deeper than an attribute."""
    name = str(patch["path"]).removeprefix("/attributes/")
    return "" if "/" in name else name


def touched(patches: Iterable[Mapping[str, Any]]) -> set[str]:
    return {attribute_of(patch) for patch in patches}


def patched(attributes: Attributes, patches: Iterable[Mapping[str, Any]], store: Marketplace) -> Attributes:
    """The attributes after the operations: add and replace set the whole attribute, merge keeps what it does not name
    (a null removes the member), delete drops the instances with the same selectors, or all of them without a value."""
    out = dict(attributes)
    for patch in patches:
        name, given = attribute_of(patch), patch.get("value") or []
        held = [dict(row) for row in out.get(name, [])]
        match patch["op"]:
            case "add" | "replace":
                held = [dict(row) for row in given]
            case "merge":
                for row in given:
                    key = _selector(name, row, store)
                    old = next((r for r in held if _selector(name, r, store) == key), None)
                    if old is None:
                        held.append(old := {})
                    old.update(row)
                    for member in [member for member, value in old.items() if value is None]:
                        del old[member]
            case "delete":
                gone = {_selector(name, row, store) for row in given}
                held = [row for row in held if given and _selector(name, row, store) not in gone]
            case other:
                raise ValueError(f"check_patches let {other!r} through")
        if held:
            out[name] = held
        else:
            out.pop(name, None)
    return out


def _selector(name: str, row: Mapping[str, Any], store: Marketplace) -> tuple[str, ...]:
    usual = {"marketplace_id": store.id, "currency": store.currency, "audience": "ALL"}
    names = _SELECTORS.get(name, ("marketplace_id", "language_tag"))
    return tuple(str(row.get(part) or usual.get(part, "")) for part in names)


# ---------------------------------------------------------------- reading


def first(attributes: Attributes, name: str, member: str = "value") -> Any:
    """A member of the attribute's first instance, None if there is none."""
    rows = attributes.get(name)
    return rows[0].get(member) if rows else None


def price_minor(attributes: Attributes, store: Marketplace) -> int:
    """The price every buyer sees in minor units; 0 = no offer."""
    for row in attributes.get(OFFER, []):
        amount = _amount(row)
        if row.get("audience", "ALL") == "ALL" and amount is not None:
            return Money.parse(str(amount), store.currency).minor
    return 0


def offer(price_minor: int, store: Marketplace) -> list[Instance]:
    """A `purchasable_offer` with one price."""
    value = float(Money(minor=price_minor, currency=store.currency).text())
    return [
        {
            "marketplace_id": store.id,
            "currency": store.currency,
            "audience": "ALL",
            "our_price": [{"schedule": [{"value_with_tax": value}]}],
        }
    ]


def quantity(attributes: Attributes) -> int:
    """The seller's own stock as the attribute says; 0 without one."""
    for row in attributes.get(STOCK, []):
        if row.get("fulfillment_channel_code") == CHANNEL:
            return int(row.get("quantity", 0))
    return 0


def with_quantity(attributes: Attributes, count: int) -> Attributes:
    """The same attributes with the seller's own stock set to `count`, other members of the instance kept."""
    rows = [dict(row) for row in attributes.get(STOCK, [])]
    for row in rows:
        if row.get("fulfillment_channel_code") == CHANNEL:
            row["quantity"] = count
            return {**attributes, STOCK: rows}
    return {**attributes, STOCK: [*rows, {"fulfillment_channel_code": CHANNEL, "quantity": count}]}


# ---------------------------------------------------------------- checks


def selector_issues(patches: Iterable[Mapping[str, Any]]) -> list[Issue]:
    """A merge of stock needs its selector (README 2.6), even where the merged result would be whole."""
    return [
        missing("fulfillment_channel_code")
        for patch in patches
        if attribute_of(patch) == STOCK
        for row in patch.get("value") or []
        if not row.get("fulfillment_channel_code")
    ]


def shape_issues(attributes: Mapping[str, Any]) -> list[Issue]:
    """Attributes that are not lists of objects; nothing else about them can be read."""
    return [
        wrong(name, f"The attribute '{name}' must be an array of one or more objects.")
        for name, rows in sorted(attributes.items())
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows)
    ]


def value_issues(attributes: Attributes, names: Iterable[str], store: Marketplace) -> list[Issue]:
    """What is wrong with the values of the named attributes."""
    out: list[Issue] = []
    for name in sorted(set(names) & attributes.keys()):
        rows = attributes[name]
        foreign = [row["marketplace_id"] for row in rows if row.get("marketplace_id", store.id) != store.id]
        if foreign:
            out.append(wrong(name, f"The marketplace '{foreign[0]}' does not match the request."))
            continue
        check = _CHECKS.get(name) or (_image_issues if name.endswith(("image_locator", *_IMAGE_ENDS)) else None)
        out += check(name, rows, store) if check else []
    return out


def missing_issues(attributes: Attributes, requirements: str, more: Iterable[str]) -> list[Issue]:
    """Required attributes that a full submission leaves out: a title, for an offer its price, and what the scenario
    asks for in addition (real product types ask for much more; their definitions say what)."""
    parent = first(attributes, "parentage_level") == "parent"
    needed = {"LISTING": ["item_name"], "LISTING_PRODUCT_ONLY": ["item_name"], "LISTING_OFFER_ONLY": [OFFER]}
    names = [*needed[requirements], *more]
    if parent:
        names.append("variation_theme")
    if first(attributes, "parentage_level") == "child":
        names.append("child_parent_sku_relationship")
    return [missing(name) for name in dict.fromkeys(names) if not attributes.get(name)]


def _stock_issues(name: str, rows: list[Instance], store: Marketplace) -> list[Issue]:
    out: list[Issue] = []
    codes = [row.get("fulfillment_channel_code") for row in rows]
    if len(set(map(str, codes))) != len(codes):
        out.append(wrong(name, "The same fulfillment_channel_code is given twice."))
    for row in rows:
        code, count = row.get("fulfillment_channel_code"), row.get("quantity")
        if not isinstance(code, str) or not code:
            out.append(missing("fulfillment_channel_code"))
        elif count is None:
            out += [missing("quantity")] if code == CHANNEL else []
        elif not _whole(count):
            out.append(wrong("quantity", "The value of 'quantity' must be an integer of 0 or more."))
        days = row.get("lead_time_to_ship_max_days")
        if days is not None and not _whole(days):
            out.append(wrong(name, "The value of 'lead_time_to_ship_max_days' must be an integer of 0 or more."))
    return out


def _offer_issues(name: str, rows: list[Instance], store: Marketplace) -> list[Issue]:
    out: list[Issue] = []
    for row in rows:
        if row.get("currency", store.currency) != store.currency:
            out.append(wrong(name, f"The currency must be '{store.currency}' in {store.name}."))
        amount = _amount(row)
        if amount is None:
            out.append(
                wrong(f"{name}.our_price", f"The attribute '{name}.our_price' needs a schedule with a value_with_tax.")
            )
        elif isinstance(amount, bool) or not isinstance(amount, int | float):
            out.append(wrong(f"{name}.our_price", "The value of 'value_with_tax' must be a number."))
        elif not 0 < amount <= PRICE_LIMIT or _decimals(amount) > exponent(store.currency):
            out.append(wrong(f"{name}.our_price", f"'{amount}' is not a valid price in {store.currency}."))
    return out


def _amount(row: Mapping[str, Any]) -> Any:
    try:
        return row["our_price"][0]["schedule"][0]["value_with_tax"]
    except (KeyError, IndexError, TypeError):
        return None


def _title_issues(name: str, rows: list[Instance], store: Marketplace) -> list[Issue]:
    for row in rows:
        title = row.get("value")
        if not isinstance(title, str) or not title.strip():
            return [missing(name)]
        if len(title) > TITLE_LIMIT:
            return [wrong(name, f"'{name}' has {len(title)} characters; the maximum is {TITLE_LIMIT}.")]
    return []


def _one_of(allowed: frozenset[str]) -> Any:
    def check(name: str, rows: list[Instance], store: Marketplace) -> list[Issue]:
        bad = [row.get("value") for row in rows if not known(row.get("value"), allowed)]
        return [wrong(name, f"'{bad[0]}' is not a valid value of '{name}'.")] if bad else []

    return check


def _relation_issues(name: str, rows: list[Instance], store: Marketplace) -> list[Issue]:
    row = rows[0]
    if row.get("child_relationship_type", "variation") != "variation":
        return [wrong(name, "The child_relationship_type must be 'variation'.")]
    return [] if isinstance(row.get("parent_sku"), str) and row["parent_sku"] else [missing("parent_sku")]


def _theme_issues(name: str, rows: list[Instance], store: Marketplace) -> list[Issue]:
    return [] if isinstance(rows[0].get("name"), str) and rows[0]["name"] else [missing("variation_theme.name")]


def _image_issues(name: str, rows: list[Instance], store: Marketplace) -> list[Issue]:
    address = rows[0].get("media_location")
    if isinstance(address, str) and address.startswith(("http://", "https://")):
        return []
    return [wrong(name, f"The media_location of '{name}' must be an http address.", "INVALID_IMAGE")]


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= COUNT_LIMIT


def _decimals(value: float) -> int:
    digits = Decimal(str(value)).normalize().as_tuple().exponent
    return max(0, -digits) if isinstance(digits, int) else 99


_IMAGE_ENDS = tuple(f"image_locator_{n}" for n in range(1, 9))
_CHECKS: Mapping[str, Any] = {
    STOCK: _stock_issues,
    OFFER: _offer_issues,
    "item_name": _title_issues,
    "condition_type": _one_of(CONDITIONS),
    "parentage_level": _one_of(frozenset({"parent", "child"})),
    "child_parent_sku_relationship": _relation_issues,
    "variation_theme": _theme_issues,
}
