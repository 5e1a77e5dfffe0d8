"""Stock over GraphQL: levels, compare-and-set writes with their mandatory idempotency key, activation.

Rules: contracts README 4.4. A write is all or nothing, every row says what it expects, a key stands for one input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import get_directive_values

from hub.kernel.ids import digest
from hub.simulators.shopify_query import (
    Search,
    Term,
    by_id,
    by_position,
    compare,
    compare_number,
    paginate,
    text_matches,
)
from hub.simulators.shopify_records import AdjustmentGroup, Change, Item, Level, gid, number_of
from hub.simulators.shopify_schema import Fields
from hub.simulators.shopify_shop import bad_request, call_of, finder, table_finder, user_error
from hub.simulators.shopify_state import CURRENCY, Call

LIMIT = 1_000_000_000
#: The reasons a caller may give (shopify.dev's list of inventory states and reasons).
REASONS = frozenset(
    {
        "correction", "cycle_count_available", "damaged", "movement_canceled", "movement_created", "movement_received",
        "movement_updated", "other", "promotion", "quality_control", "received", "reservation_created",
        "reservation_deleted", "reservation_updated", "restock", "safety_stock", "shrinkage",
    }
)  # fmt: skip
NAMES = ("available", "on_hand", "committed", "incoming", "reserved", "damaged", "quality_control", "safety_stock")
Rows = list[dict[str, Any]]


# ---------------------------------------------------------------- idempotency


def once(name: str, work: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    """Make a mutation demand `@idempotent(key:)` and give the original answer for a key it has seen with this input.

    `work(call, args)` returns JSON: what is stored is the answer itself, before any selection of fields.
    """

    def resolve(root: Any, info: Any, **args: Any) -> dict[str, Any]:
        call = call_of(info)
        directive = info.schema.get_directive("idempotent")
        values = get_directive_values(directive, info.field_nodes[0], info.variable_values)
        if values is None:
            raise bad_request("The @idempotent directive is required for this mutation but was not provided.")
        key = str(values["key"])
        if not key.strip():
            raise bad_request("The idempotency key cannot be an empty string or whitespace only.")
        fingerprint = digest([name, args])
        known = call.shop.idempotency.get(key)
        if known is None:
            answer = work(call, args)
            call.shop.idempotency[key] = {"digest": fingerprint, "answer": answer}
            return answer
        if known["digest"] != fingerprint:
            message = "The same idempotency key cannot be used with different operation parameters."
            return {"userErrors": [user_error(None, message, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH")]}
        original: dict[str, Any] = known["answer"]
        return original

    return resolve


# ---------------------------------------------------------------- writes


def _check_rows(call: Call, rows: Rows, where: str, *, number: str) -> list[dict[str, Any]]:
    """What is wrong with the rows of a write; empty if all of them can be applied.

    Raises:
        GraphQLError: a row without `changeFromQuantity` (contracts README 4.4: a run-time error although optional).
    """
    for index, row in enumerate(rows):
        if "changeFromQuantity" not in row:
            raise bad_request(
                f"{where}.{index}.changeFromQuantity is required: pass the expected quantity, or null to overwrite."
            )
    errors: list[dict[str, Any]] = []
    seen: set[tuple[str, str]] = set()
    for index, row in enumerate(rows):
        path = ["input", where, str(index)]
        pair = (row["inventoryItemId"], row["locationId"])
        if pair in seen:
            message = "The combination of inventoryItemId and locationId must be unique."
            errors.append(user_error(path, message, "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR"))
            continue
        seen.add(pair)
        item = call.shop.items.get(number_of("InventoryItem", pair[0]) or 0)
        room = call.shop.locations.get(number_of("Location", pair[1]) or 0)
        if item is None:
            message = "The specified inventory item could not be found."
            errors.append(user_error([*path, "inventoryItemId"], message, "INVALID_INVENTORY_ITEM"))
        elif room is None or not room.active:
            message = "The specified location could not be found."
            errors.append(user_error([*path, "locationId"], message, "INVALID_LOCATION"))
        elif not item.tracked:
            message = "The specified inventory item is not tracked."
            errors.append(user_error([*path, "inventoryItemId"], message, "NON_MUTABLE_INVENTORY_ITEM"))
        elif room.id not in call.shop.levels[item.id]:
            message = "The specified inventory item is not stocked at the location."
            errors.append(user_error([*path, "locationId"], message, "INVALID_LOCATION"))
        elif not -LIMIT <= row[number] <= LIMIT:
            code = "INVALID_QUANTITY_TOO_HIGH" if row[number] > 0 else "INVALID_QUANTITY_TOO_LOW"
            errors.append(user_error([*path, number], f"The total quantity can't go beyond {LIMIT}.", code))
    return errors


def _stale(call: Call, rows: Rows, where: str, name: str) -> list[dict[str, Any]]:
    errors = []
    for index, row in enumerate(rows):
        expected = row["changeFromQuantity"]
        if expected is not None and expected != _quantity(_level_of(call, row), name):
            path = ["input", where, str(index), "changeFromQuantity"]
            message = "The changeFromQuantity value does not match persisted value."
            errors.append(user_error(path, message, "CHANGE_FROM_QUANTITY_STALE"))
    return errors


def _level_of(call: Call, row: dict[str, Any]) -> Level:
    item = number_of("InventoryItem", row["inventoryItemId"]) or 0
    return call.shop.levels[item][number_of("Location", row["locationId"]) or 0]


def _quantity(level: Level, name: str) -> int:
    match name:
        case "available":
            return level.available
        case "on_hand":
            return level.on_hand
        case "committed":
            return level.committed
        case _:
            return 0


def _write(
    call: Call, source: dict[str, Any], rows: Rows, name: str, wanted: Callable[[dict[str, Any], int], int]
) -> int:
    """Apply checked rows as one adjustment group and return its number. `wanted` gives the new quantity of a row.

    on_hand is the sum of its parts, so a change of either number shows up in both.
    """
    group = AdjustmentGroup(
        id=call.shop.mint("InventoryAdjustmentGroup"),
        reason=source["reason"],
        created_at=call.now,
        reference_document_uri=source.get("referenceDocumentUri"),
    )
    for row in rows:
        level = _level_of(call, row)
        delta = wanted(row, _quantity(level, name)) - _quantity(level, name)
        if delta == 0:
            continue
        level.available += delta
        level.updated_at = call.now
        for part in ("available", "on_hand"):
            group.changes.append(
                Change(
                    item_id=level.item_id,
                    location_id=level.location_id,
                    name=part,
                    delta=delta,
                    after=_quantity(level, part),
                    ledger_document_uri=row.get("ledgerDocumentUri"),
                )
            )
    call.shop.groups[group.id] = group
    return group.id


def _refused(errors: list[dict[str, Any]]) -> dict[str, Any]:
    return {"group": None, "userErrors": errors}


def _check_source(source: dict[str, Any]) -> list[dict[str, Any]]:
    if source["reason"] not in REASONS:
        return [user_error(["input", "reason"], "The specified reason is invalid.", "INVALID_REASON")]
    uri = source.get("referenceDocumentUri")
    if uri is not None and (":" not in uri or not uri.partition(":")[2].strip("/")):
        path = ["input", "referenceDocumentUri"]
        return [user_error(path, "The specified reference document is invalid.", "INVALID_REFERENCE_DOCUMENT")]
    return []


def set_quantities(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """inventorySetQuantities."""
    source = args["input"]
    rows, name = source["quantities"], source["name"]
    if name not in ("available", "on_hand"):
        message = "The quantity name must be either 'available' or 'on_hand'."
        return _refused([user_error(["input", "name"], message, "INVALID_NAME")])
    errors = _check_rows(call, rows, "quantities", number="quantity") or _check_source(source)
    for index, row in enumerate(rows):
        if not errors and row["quantity"] < 0:
            path = ["input", "quantities", str(index), "quantity"]
            errors.append(user_error(path, "The quantity can't be negative.", "INVALID_QUANTITY_NEGATIVE"))
    errors = errors or _stale(call, rows, "quantities", name)
    if errors:
        return _refused(errors)
    return {"group": _write(call, source, rows, name, lambda row, _: int(row["quantity"])), "userErrors": []}


def adjust_quantities(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """inventoryAdjustQuantities: the same rules, by difference. Only `available` has no ledger document."""
    source = args["input"]
    rows, name = source["changes"], source["name"]
    if name != "available":
        message = "The specified quantity name is invalid."
        return _refused([user_error(["input", "name"], message, "INVALID_QUANTITY_NAME")])
    errors = _check_rows(call, rows, "changes", number="delta") or _check_source(source)
    for index, row in enumerate(rows):
        if not errors and row.get("ledgerDocumentUri"):
            path = ["input", "changes", str(index), "ledgerDocumentUri"]
            message = "A ledger document URI is not allowed when adjusting available."
            errors.append(user_error(path, message, "INVALID_AVAILABLE_DOCUMENT"))
    errors = errors or _stale(call, rows, "changes", name)
    if errors:
        return _refused(errors)
    return {"group": _write(call, source, rows, name, lambda row, now: now + int(row["delta"])), "userErrors": []}


def activate(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """inventoryActivate: stock an item at a location. Doing it again is no error unless it names quantities."""
    item = call.shop.items.get(number_of("InventoryItem", args["inventoryItemId"]) or 0)
    room = call.shop.locations.get(number_of("Location", args["locationId"]) or 0)
    if item is None:
        return {"level": None, "userErrors": [user_error(["inventoryItemId"], "The inventory item couldn't be found.")]}
    if room is None or not room.active:
        return {"level": None, "userErrors": [user_error(["locationId"], "The location couldn't be found.")]}
    available, on_hand = args.get("available"), args.get("onHand")
    if available is not None and on_hand is not None:
        return {"level": None, "userErrors": [user_error(["available"], "Use either available or onHand, not both.")]}
    known = room.id in call.shop.levels[item.id]
    if known and (available is not None or on_hand is not None):
        message = "Not allowed to set available quantity when the item is already active at the location."
        return {"level": [item.id, room.id], "userErrors": [user_error(["available"], message)]}
    level = call.shop.stocked(item.id, room.id, call.now)
    if not known:
        level.available = available if available is not None else on_hand or 0
    return {"level": [item.id, room.id], "userErrors": []}


# ---------------------------------------------------------------- reads


def _items(root: Any, info: Any, **args: Any) -> Any:
    call = call_of(info)

    def test(term: Term, item: Item) -> bool:
        match term.field:
            case "id":
                return compare_number(item.id, term)
            case "created_at":
                return compare(item.created_at, term.op, term.value)
            case "updated_at":
                return compare(item.updated_at, term.op, term.value)
            case _:
                return text_matches(call.shop.variants[item.variant_id].sku, term.value)

    search = Search(args.get("query"), frozenset({"id", "sku", "created_at", "updated_at"}), test)
    rows = sorted((row for row in call.shop.items.values() if search.matches(row)), key=by_id)
    return paginate(rows, args, call, by_id)


def _find_level(call: Any, text: str) -> Level | None:
    found = number_of("InventoryLevel", text)
    item = text.partition("inventory_item_id=")[2]
    return call.shop.levels.get(int(item), {}).get(found) if found is not None and item.isdigit() else None


def _levels(item: Item, info: Any, **args: Any) -> Any:
    call = call_of(info)
    rows = [level for level in call.shop.levels[item.id].values() if call.shop.locations[level.location_id].active]
    return by_position(rows, args, call)


def _level_at(item: Item, info: Any, locationId: str, includeInactive: bool = False) -> Level | None:  # noqa: N803
    return call_of(info).shop.levels[item.id].get(number_of("Location", locationId) or 0)


def _level_in(room: Any, info: Any, inventoryItemId: str, includeInactive: bool = False) -> Level | None:  # noqa: N803
    return call_of(info).shop.levels.get(number_of("InventoryItem", inventoryItemId) or 0, {}).get(room.id)


def _quantities(level: Level, info: Any, names: list[str]) -> list[dict[str, Any]]:
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise bad_request(f"The quantity name {unknown[0]!r} is not valid; it is one of {', '.join(NAMES)}.")
    return [
        {
            "__typename": "InventoryQuantity",
            "id": f"gid://shopify/InventoryQuantity/{level.location_id}?inventory_item_id={level.item_id}&name={name}",
            "name": name,
            "quantity": _quantity(level, name),
            "updatedAt": level.updated_at,
        }
        for name in names
    ]


def _changes(group: AdjustmentGroup, info: Any, **args: Any) -> list[Change]:
    rows = group.changes
    if args.get("quantityNames"):
        rows = [row for row in rows if row.name in args["quantityNames"]]
    if args.get("inventoryItemIds"):
        rows = [row for row in rows if gid("InventoryItem", row.item_id) in args["inventoryItemIds"]]
    if args.get("locationIds"):
        rows = [row for row in rows if gid("Location", row.location_id) in args["locationIds"]]
    return rows


def _measurement(item: Item, info: Any) -> dict[str, Any]:
    weight = {"value": item.weight_value, "unit": item.weight_unit or "KILOGRAMS"}
    return {
        "__typename": "InventoryItemMeasurement",
        "id": gid("InventoryItemMeasurement", item.id),
        "weight": weight if item.weight_value is not None else None,
    }


def _same_sku(item: Item, info: Any) -> int:
    shop = call_of(info).shop
    sku = shop.variants[item.variant_id].sku
    return max(0, len(shop.by_sku.get(sku, ())) - 1) if sku else 0


def _group_of(payload: dict[str, Any], info: Any) -> AdjustmentGroup | None:
    return call_of(info).shop.groups.get(payload.get("group") or 0)


table_finder("InventoryItem", "items")
table_finder("InventoryAdjustmentGroup", "groups")
finder("InventoryLevel", _find_level)

FIELDS: Fields = {
    "QueryRoot.inventoryItem": lambda root, info, **args: call_of(info).shop.items.get(
        number_of("InventoryItem", args["id"]) or 0
    ),
    "QueryRoot.inventoryItems": _items,
    "QueryRoot.inventoryLevel": lambda root, info, **args: _find_level(call_of(info), args["id"]),
    "Mutation.inventorySetQuantities": once("inventorySetQuantities", set_quantities),
    "Mutation.inventoryAdjustQuantities": once("inventoryAdjustQuantities", adjust_quantities),
    "Mutation.inventoryActivate": once("inventoryActivate", activate),
    "InventorySetQuantitiesPayload.inventoryAdjustmentGroup": _group_of,
    "InventoryAdjustQuantitiesPayload.inventoryAdjustmentGroup": _group_of,
    "InventoryActivatePayload.inventoryLevel": lambda payload, info: (
        call_of(info).shop.levels.get(payload["level"][0], {}).get(payload["level"][1])
        if payload.get("level")
        else None
    ),
    "InventoryItem.sku": lambda item, info: call_of(info).shop.variants[item.variant_id].sku or None,
    "InventoryItem.variant": lambda item, info: call_of(info).shop.variants[item.variant_id],
    "InventoryItem.variants": lambda item, info, **args: paginate(
        [call_of(info).shop.variants[item.variant_id]], args, call_of(info), by_id
    ),
    "InventoryItem.duplicateSkuCount": _same_sku,
    "InventoryItem.inventoryLevel": _level_at,
    "InventoryItem.inventoryLevels": _levels,
    "InventoryItem.locationsCount": lambda item, info: {
        "count": len(call_of(info).shop.levels[item.id]), "precision": "EXACT",
    },
    "InventoryItem.measurement": _measurement,
    "InventoryItem.trackedEditable": lambda item, info: {"locked": False, "reason": None},
    "InventoryItem.unitCost": lambda item, info: (
        {"amount": item.cost, "currencyCode": CURRENCY} if item.cost is not None else None
    ),
    "InventoryLevel.canDeactivate": lambda level, info: level.committed == 0,
    "InventoryLevel.isActive": lambda level, info: True,
    "InventoryLevel.item": lambda level, info: call_of(info).shop.items[level.item_id],
    "InventoryLevel.location": lambda level, info: call_of(info).shop.locations[level.location_id],
    "InventoryLevel.quantities": _quantities,
    "InventoryAdjustmentGroup.app": lambda group, info: None,
    "InventoryAdjustmentGroup.changes": _changes,
    "InventoryChange.item": lambda change, info: call_of(info).shop.items.get(change.item_id),
    "InventoryChange.location": lambda change, info: call_of(info).shop.locations[change.location_id],
    "InventoryChange.quantityAfterChange": lambda change, info: change.after,
    "Location.inventoryLevel": _level_in,
}  # fmt: skip
