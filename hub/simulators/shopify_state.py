"""The simulated shop's memory: all records, their indexes, stock moves and the lagging order search index."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.simulators.shopify_records import (
    AdjustmentGroup,
    BulkOperation,
    CancelJob,
    Fulfillment,
    FulfillmentOrder,
    Item,
    Level,
    Location,
    Order,
    Product,
    Publication,
    Upload,
    Variant,
    Webhook,
    group_from,
    order_from,
    product_from,
    variant_from,
)

CURRENCY = "EUR"
#: What an untracked or backorderable listing shows as sellable: more than anybody buys.
UNLIMITED = 1_000_000
ONLINE_STORE = 1


def stamp(at: datetime) -> str:
    """Shopify's DateTime: whole seconds, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _next_second(text: str) -> str:
    return stamp(datetime.fromisoformat(text) + timedelta(seconds=1))


class ShopState:
    """Everything the shop knows. No rules of the API here: those are in the modules per subject."""

    def __init__(self, *, created_at: str, order_lag_s: float, extra_locations: int = 0) -> None:
        self.order_lag_s = order_lag_s
        self.created_at = created_at
        self.counters: Counter[str] = Counter()
        self.products: dict[int, Product] = {}
        self.variants: dict[int, Variant] = {}
        self.items: dict[int, Item] = {}
        self.levels: dict[int, dict[int, Level]] = {}  # item -> location -> level
        self.locations: dict[int, Location] = {}
        self.publications: dict[int, Publication] = {}
        self.orders: dict[int, Order] = {}
        self.groups: dict[int, AdjustmentGroup] = {}
        self.idempotency: dict[str, dict[str, Any]] = {}
        self.bulk: dict[int, BulkOperation] = {}
        self.cancel_jobs: dict[str, CancelJob] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.operations: dict[str, dict[str, Any]] = {}  # asynchronous productSet: id -> product and userErrors
        self.uploads: dict[str, Upload] = {}
        self.results: dict[str, str] = {}
        # indexes, rebuilt on restore
        self.by_handle: dict[str, int] = {}
        self.by_sku: dict[str, list[int]] = {}
        self.owner_of: dict[tuple[str, int], int] = {}  # (kind, id) of an order's part -> order
        # the search index of orders: what it knows by now, and what is still on its way there
        self.indexed: dict[int, str] = {}
        self.by_updated: list[tuple[str, int]] = []
        self.by_created: list[tuple[str, int]] = []
        self._to_index: deque[tuple[float, int, str]] = deque()
        self._first_rooms(extra_locations)

    def _first_rooms(self, extra: int) -> None:
        rooms = [("Lager Hamburg", "Hammerbrookstraße 12", "Hamburg", "20097", True)]
        rooms += [(f"Laden {n + 1}", f"Lange Straße {n + 1}", "Bremen", "28195", True) for n in range(extra)]
        rooms.append(("Altes Lager", "Speicherweg 3", "Altona", "22765", False))
        for name, street, city, code, active in rooms:
            number = self.mint("Location")
            self.locations[number] = Location(
                id=number, name=name, address1=street, city=city, zip=code, country="Germany", country_code="DE",
                active=active, created_at=self.created_at,
            )  # fmt: skip
        for name in ("Online Store", "Point of Sale"):
            number = self.mint("Publication")
            self.publications[number] = Publication(id=number, name=name)

    def mint(self, kind: str) -> int:
        """The next number of a kind of record."""
        self.counters[kind] += 1
        return self.counters[kind]

    # ---------------------------------------------------------------- catalogue

    def add_product(self, product: Product) -> None:
        self.products[product.id] = product
        self.by_handle[product.handle] = product.id

    def rename_handle(self, product: Product, handle: str) -> None:
        self.by_handle.pop(product.handle, None)
        product.handle = handle
        self.by_handle[handle] = product.id

    def drop_product(self, product: Product) -> None:
        for variant_id in list(product.variant_ids):
            self.drop_variant(self.variants[variant_id])
        del self.products[product.id]
        self.by_handle.pop(product.handle, None)

    def add_variant(self, variant: Variant, item: Item) -> None:
        self.variants[variant.id] = variant
        self.items[item.id] = item
        self.levels.setdefault(item.id, {})
        self.products[variant.product_id].variant_ids.append(variant.id)
        self.by_sku.setdefault(variant.sku, []).append(variant.id)

    def set_sku(self, variant: Variant, sku: str) -> None:
        if sku != variant.sku:
            self.by_sku[variant.sku].remove(variant.id)
            variant.sku = sku
            self.by_sku.setdefault(sku, []).append(variant.id)

    def drop_variant(self, variant: Variant) -> None:
        """Orders keep the names of what they sold; the variant, its item and its stock are gone."""
        self.products[variant.product_id].variant_ids.remove(variant.id)
        self.by_sku[variant.sku].remove(variant.id)
        del self.variants[variant.id]
        del self.items[variant.item_id]
        del self.levels[variant.item_id]

    def variants_with_sku(self, sku: str) -> list[Variant]:
        return [self.variants[number] for number in self.by_sku.get(sku, ())]

    def listing_state(self, product: Product) -> str:
        """The ledger's word for it: buyers see only ACTIVE products that are published to the online store."""
        if product.status == "ARCHIVED":
            return "ended"
        live = product.status == "ACTIVE" and str(ONLINE_STORE) in product.published
        return "live" if live else "inactive"

    # ---------------------------------------------------------------- stock

    def active_locations(self) -> Iterator[Location]:
        return (room for room in self.locations.values() if room.active)

    def sellable(self, variant: Variant) -> int:
        """How many units a buyer can take now."""
        if variant.inventory_policy == "CONTINUE" or not self.items[variant.item_id].tracked:
            return UNLIMITED
        levels = self.levels[variant.item_id]
        return max(0, sum(row.available for number, row in levels.items() if self.locations[number].active))

    def total_available(self, variant: Variant) -> int:
        return sum(row.available for row in self.levels[variant.item_id].values())

    def stocked(self, item_id: int, location_id: int, now: str) -> Level:
        """The level of an item at a location, made with zero if it is not there yet."""
        rooms = self.levels.setdefault(item_id, {})
        if location_id not in rooms:
            rooms[location_id] = Level(item_id=item_id, location_id=location_id, created_at=now, updated_at=now)
        return rooms[location_id]

    def move_stock(self, item_id: int, location_id: int, now: str, *, available: int = 0, committed: int = 0) -> None:
        """Shopify's own bookkeeping for orders; a deleted item has no stock to move."""
        level = self.levels.get(item_id, {}).get(location_id)
        if level is not None:
            level.available += available
            level.committed += committed
            level.updated_at = now

    # ---------------------------------------------------------------- orders

    def add_order(self, order: Order, at: datetime) -> None:
        self.orders[order.id] = order
        self.remember_parts(order)
        self._to_index.append((at.timestamp() + self.order_lag_s, order.id, order.updated_at))

    def touch(self, order: Order, at: datetime) -> str:
        """The order changed: `updatedAt` moves (at least by a second, Shopify's resolution); the index learns later."""
        order.updated_at = max(stamp(at), _next_second(order.updated_at))
        self.remember_parts(order)
        self._to_index.append((at.timestamp() + self.order_lag_s, order.id, order.updated_at))
        return order.updated_at

    def remember_parts(self, order: Order) -> None:
        for line in order.lines:
            self.owner_of[line.kind, line.id] = order.id
        for task in order.fulfillment_orders:
            self.owner_of[task.kind, task.id] = order.id
        for parcel in order.fulfillments:
            self.owner_of[parcel.kind, parcel.id] = order.id

    def fulfillment_order(self, number: int | None) -> tuple[Order, FulfillmentOrder] | None:
        owner = self.owner_of.get(("FulfillmentOrder", number)) if number is not None else None
        if owner is None:
            return None
        order = self.orders[owner]
        return order, next(part for part in order.fulfillment_orders if part.id == number)

    def fulfillment(self, number: int | None) -> tuple[Order, Fulfillment] | None:
        owner = self.owner_of.get(("Fulfillment", number)) if number is not None else None
        if owner is None:
            return None
        order = self.orders[owner]
        return order, next(part for part in order.fulfillments if part.id == number)

    def catch_up_index(self, at: datetime) -> None:
        """Let the search index learn what is old enough by now."""
        now = at.timestamp()
        while self._to_index and self._to_index[0][0] <= now + 1e-6:
            _, number, updated = self._to_index.popleft()
            known = self.indexed.get(number)
            if known is None:
                insort(self.by_created, (self.orders[number].created_at, number))
            else:
                del self.by_updated[bisect_left(self.by_updated, (known, number))]
            self.indexed[number] = updated
            insort(self.by_updated, (updated, number))

    # ---------------------------------------------------------------- save and restore

    _TABLES: dict[str, Callable[[dict[str, Any]], Any]] = {
        "products": product_from,
        "variants": variant_from,
        "items": lambda row: Item(**row),
        "locations": lambda row: Location(**row),
        "publications": lambda row: Publication(**row),
        "orders": order_from,
        "groups": group_from,
        "bulk": lambda row: BulkOperation(**row),
        "cancel_jobs": lambda row: CancelJob(**row),
        "webhooks": lambda row: Webhook(**row),
    }

    def dump(self) -> dict[str, Any]:
        """The whole memory as JSON."""
        tables = {name: [asdict(row) for row in getattr(self, name).values()] for name in self._TABLES}
        return {
            **tables,
            "levels": [asdict(level) for rooms in self.levels.values() for level in rooms.values()],
            "uploads": [asdict(upload) for upload in self.uploads.values()],
            "results": self.results,
            "counters": dict(self.counters),
            "idempotency": self.idempotency,
            "operations": self.operations,
            "created_at": self.created_at,
            "indexed": [[number, updated] for number, updated in self.indexed.items()],
            "to_index": [list(entry) for entry in self._to_index],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `dump` described."""
        for name, build in self._TABLES.items():
            setattr(self, name, {row["id"]: build(row) for row in state[name]})
        self.levels = {number: {} for number in self.items}
        for row in state["levels"]:
            self.levels[row["item_id"]][row["location_id"]] = Level(**row)
        self.uploads = {row["key"]: Upload(**row) for row in state["uploads"]}
        self.results = dict(state["results"])
        self.counters = Counter(state["counters"])
        self.idempotency = dict(state["idempotency"])
        self.operations = dict(state["operations"])
        self.created_at = state["created_at"]
        self.by_handle = {product.handle: product.id for product in self.products.values()}
        self.by_sku = {}
        for variant in self.variants.values():
            self.by_sku.setdefault(variant.sku, []).append(variant.id)
        self.owner_of = {}
        for order in self.orders.values():
            self.remember_parts(order)
        self.indexed = dict(state["indexed"])
        self.by_updated = sorted((updated, number) for number, updated in self.indexed.items())
        self.by_created = sorted((self.orders[number].created_at, number) for number in self.indexed)
        self._to_index = deque((entry[0], entry[1], entry[2]) for entry in state["to_index"])


@dataclass(slots=True, kw_only=True)
class Call:
    """What one request's resolvers may know: the shop, the time, and where this host is reached."""

    shop: ShopState
    at: datetime
    base_url: str
    scopes: frozenset[str]
    job_s: float
    cancel_s: float
    page_fault: Callable[[], str | None]  # draws a fault of the orders page: «duplicate_page», «shuffle_page» or None
    in_bulk: bool = False  # inside a bulk query connections have no page size

    @property
    def now(self) -> str:
        return stamp(self.at)
