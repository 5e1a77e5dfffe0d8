"""What the simulated Shopify shop is made of. Plain mutable records; times are Shopify's spelling («2026-11-22T00:00:00Z»).

Every record with an id of its own carries `kind`, the GraphQL type and the middle of its global id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

_GID = re.compile(r"gid://shopify/(\w+)/(\d+)(?:\?.*)?\Z")


def gid(kind: str, number: int) -> str:
    """The global id of a record."""
    return f"gid://shopify/{kind}/{number}"


def number_of(kind: str, text: str) -> int | None:
    """The number in a global id of that kind; None for another kind or another spelling."""
    found = _GID.match(text)
    return int(found[2]) if found and found[1] == kind else None


@dataclass(slots=True, kw_only=True)
class Location:
    kind: ClassVar[str] = "Location"
    id: int
    name: str
    address1: str
    city: str
    zip: str
    country: str
    country_code: str
    active: bool = True
    created_at: str = ""


@dataclass(slots=True, kw_only=True)
class Publication:
    kind: ClassVar[str] = "Publication"
    id: int
    name: str


@dataclass(slots=True, kw_only=True)
class Metafield:
    kind: ClassVar[str] = "Metafield"
    id: int
    namespace: str
    key: str
    type: str
    value: str
    created_at: str
    updated_at: str


@dataclass(slots=True, kw_only=True)
class MediaImage:
    kind: ClassVar[str] = "MediaImage"
    id: int
    url: str
    alt: str | None
    created_at: str


@dataclass(slots=True, kw_only=True)
class OptionValue:
    kind: ClassVar[str] = "ProductOptionValue"
    id: int
    name: str


@dataclass(slots=True, kw_only=True)
class Option:
    kind: ClassVar[str] = "ProductOption"
    id: int
    name: str
    position: int
    values: list[OptionValue] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Product:
    kind: ClassVar[str] = "Product"
    id: int
    title: str
    handle: str
    status: str
    created_at: str
    updated_at: str
    description_html: str = ""
    vendor: str = ""
    product_type: str = ""
    category: str | None = None
    tags: list[str] = field(default_factory=list)
    template_suffix: str | None = None
    seo_title: str | None = None
    seo_description: str | None = None
    requires_selling_plan: bool = False
    metafields: list[Metafield] = field(default_factory=list)
    media: list[MediaImage] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    variant_ids: list[int] = field(default_factory=list)
    published: dict[str, str] = field(default_factory=dict)  # publication number (as text, for JSON) -> since when


@dataclass(slots=True, kw_only=True)
class Variant:
    kind: ClassVar[str] = "ProductVariant"
    id: int
    product_id: int
    item_id: int
    created_at: str
    updated_at: str
    sku: str = ""
    barcode: str | None = None
    price_minor: int = 0
    compare_minor: int | None = None
    choice: list[str] = field(default_factory=list)  # one option value per option of the product, in its order
    inventory_policy: str = "DENY"
    taxable: bool = True
    tax_code: str | None = None
    media_id: int | None = None  # the one picture of the product that shows this variant
    metafields: list[Metafield] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Item:
    """An inventory item: the thing on the shelf behind one variant."""

    kind: ClassVar[str] = "InventoryItem"
    id: int
    variant_id: int
    created_at: str
    updated_at: str
    tracked: bool = False
    requires_shipping: bool = True
    cost: str | None = None
    country_code_of_origin: str | None = None
    province_code_of_origin: str | None = None
    harmonized_system_code: str | None = None
    weight_value: float | None = None
    weight_unit: str | None = None


@dataclass(slots=True, kw_only=True)
class Level:
    """Stock of one item at one location. on_hand = available + committed (contracts README 4.4)."""

    kind: ClassVar[str] = "InventoryLevel"
    item_id: int
    location_id: int
    created_at: str
    updated_at: str
    available: int = 0
    committed: int = 0

    @property
    def on_hand(self) -> int:
        return self.available + self.committed

    @property
    def gid(self) -> str:
        return f"gid://shopify/InventoryLevel/{self.location_id}?inventory_item_id={self.item_id}"


@dataclass(slots=True, kw_only=True)
class Change:
    item_id: int
    location_id: int
    name: str
    delta: int
    after: int | None
    ledger_document_uri: str | None = None


@dataclass(slots=True, kw_only=True)
class AdjustmentGroup:
    kind: ClassVar[str] = "InventoryAdjustmentGroup"
    id: int
    reason: str
    created_at: str
    reference_document_uri: str | None = None
    changes: list[Change] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Line:
    """`quantity` counts removed units too, `current` does not; `current - fulfilled` is still to ship."""

    kind: ClassVar[str] = "LineItem"
    id: int
    order_id: int
    variant_id: int
    product_id: int
    item_id: int
    sku: str
    title: str
    variant_title: str | None
    vendor: str
    unit_minor: int
    quantity: int
    current: int
    fulfilled: int = 0
    tracked: bool = True
    requires_shipping: bool = True

    @property
    def unfulfilled(self) -> int:
        return max(0, self.current - self.fulfilled)


@dataclass(slots=True, kw_only=True)
class Hold:
    kind: ClassVar[str] = "FulfillmentHold"
    id: int
    reason: str
    notes: str | None = None
    handle: str | None = None
    by_app: bool = False


@dataclass(slots=True, kw_only=True)
class FulfillmentOrderLine:
    kind: ClassVar[str] = "FulfillmentOrderLineItem"
    id: int
    order_id: int
    line_id: int
    total: int
    remaining: int


@dataclass(slots=True, kw_only=True)
class FulfillmentOrder:
    kind: ClassVar[str] = "FulfillmentOrder"
    id: int
    order_id: int
    location_id: int
    created_at: str
    updated_at: str
    status: str = "OPEN"
    lines: list[FulfillmentOrderLine] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class FulfillmentLine:
    kind: ClassVar[str] = "FulfillmentLineItem"
    id: int
    order_id: int
    line_id: int
    quantity: int


@dataclass(slots=True, kw_only=True)
class Tracking:
    company: str | None = None
    number: str | None = None
    url: str | None = None


@dataclass(slots=True, kw_only=True)
class Fulfillment:
    kind: ClassVar[str] = "Fulfillment"
    id: int
    order_id: int
    location_id: int
    ordinal: int
    created_at: str
    updated_at: str
    tracking: list[Tracking] = field(default_factory=list)
    lines: list[FulfillmentLine] = field(default_factory=list)
    fulfillment_order_ids: list[int] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Order:
    kind: ClassVar[str] = "Order"
    id: int
    number: int
    created_at: str
    updated_at: str
    financial: str  # PENDING | PAID | REFUNDED | VOIDED
    shipping_minor: int
    shipping_title: str
    email: str
    phone: str | None
    first_name: str
    last_name: str
    customer_id: int
    address: dict[str, str]
    confirmation: str
    original_minor: int
    lines: list[Line] = field(default_factory=list)
    fulfillment_orders: list[FulfillmentOrder] = field(default_factory=list)
    fulfillments: list[Fulfillment] = field(default_factory=list)
    cancelled_at: str | None = None
    cancel_reason: str | None = None
    staff_note: str | None = None
    cancel_requested: bool = False
    edited: bool = False
    received_minor: int = 0
    refunded_minor: int = 0
    note: str | None = None
    tags: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"#{self.number}"

    def line(self, number: int) -> Line:
        return next(line for line in self.lines if line.id == number)

    @property
    def total_minor(self) -> int:
        """Everything ever ordered, removed units too, with shipping (`totalPriceSet`)."""
        return sum(line.unit_minor * line.quantity for line in self.lines) + self.shipping_minor

    @property
    def current_minor(self) -> int:
        """What is still wanted or was shipped (`currentTotalPriceSet`); a cancelled order costs no shipping."""
        items = sum(line.unit_minor * line.current for line in self.lines)
        return items + (self.shipping_minor if items or self.cancelled_at is None else 0)


@dataclass(slots=True, kw_only=True)
class BulkOperation:
    kind: ClassVar[str] = "BulkOperation"
    id: int
    type: str  # MUTATION | QUERY
    query: str
    created_at: str
    due: float  # seconds since the epoch, in the shop's time
    status: str = "CREATED"
    completed_at: str | None = None
    upload_key: str | None = None
    client_identifier: str | None = None
    result_key: str | None = None
    file_size: int | None = None
    object_count: int = 0
    root_object_count: int = 0
    error_code: str | None = None


@dataclass(slots=True, kw_only=True)
class CancelJob:
    """An asynchronous orderCancel."""

    id: str
    order_id: int
    due: float
    reason: str
    restock: bool
    refund: bool
    staff_note: str | None = None
    done: bool = False


@dataclass(slots=True, kw_only=True)
class Webhook:
    kind: ClassVar[str] = "WebhookSubscription"
    id: int
    topic: str
    uri: str
    created_at: str
    updated_at: str
    format: str = "JSON"
    filter: str | None = None
    name: str | None = None
    include_fields: list[str] = field(default_factory=list)
    metafield_namespaces: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Upload:
    """A staged upload target; `body` is None until the file arrived."""

    key: str
    filename: str
    body: str | None = None


def order_from(data: dict[str, Any]) -> Order:
    """An order from its JSON form."""
    orders = [_fulfillment_order(row) for row in data["fulfillment_orders"]]
    return Order(
        **{
            **data,
            "lines": [Line(**row) for row in data["lines"]],
            "fulfillment_orders": orders,
            "fulfillments": [_fulfillment(row) for row in data["fulfillments"]],
        }
    )


def product_from(data: dict[str, Any]) -> Product:
    """A product from its JSON form."""
    options = [
        Option(**{**row, "values": [OptionValue(**value) for value in row["values"]]}) for row in data["options"]
    ]
    return Product(
        **{
            **data,
            "metafields": [Metafield(**row) for row in data["metafields"]],
            "media": [MediaImage(**row) for row in data["media"]],
            "options": options,
        }
    )


def variant_from(data: dict[str, Any]) -> Variant:
    """A variant from its JSON form."""
    return Variant(**{**data, "metafields": [Metafield(**row) for row in data["metafields"]]})


def group_from(data: dict[str, Any]) -> AdjustmentGroup:
    """An adjustment group from its JSON form."""
    return AdjustmentGroup(**{**data, "changes": [Change(**row) for row in data["changes"]]})


def _fulfillment_order(data: dict[str, Any]) -> FulfillmentOrder:
    return FulfillmentOrder(
        **{
            **data,
            "lines": [FulfillmentOrderLine(**row) for row in data["lines"]],
            "holds": [Hold(**row) for row in data["holds"]],
        }
    )


def _fulfillment(data: dict[str, Any]) -> Fulfillment:
    return Fulfillment(
        **{
            **data,
            "tracking": [Tracking(**row) for row in data["tracking"]],
            "lines": [FulfillmentLine(**row) for row in data["lines"]],
        }
    )
