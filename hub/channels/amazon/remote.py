"""Typed shapes of Amazon's answers, after the official models (contracts amazon/models).

Only what the hub reads is named; unknown fields are ignored. Lists and objects that the model calls optional may be
absent or null.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from hub.channels.amazon.faults import garbled

T = TypeVar("T")


class Shape(msgspec.Struct, rename="camel", kw_only=True):
    """Base: camelCase on the wire, snake_case here."""


def read(kind: type[T], payload: Any, *, operation: str, writing: bool = False) -> T:
    """`payload` in the given shape.

    Raises:
        AdapterBug: reading, and it has another shape.
        OutcomeUnknown: writing, and it has another shape.
    """
    try:
        return msgspec.convert(payload, type=kind, strict=False)
    except msgspec.ValidationError as error:
        raise garbled(operation, f"unexpected shape: {error}", writing=writing) from error


# ---------------------------------------------------------------- shared


class Amount(Shape):
    currency_code: str
    amount: str | int | float


# ---------------------------------------------------------------- sellers


class Store(Shape):
    id: str
    name: str = ""
    country_code: str = ""
    default_currency_code: str = ""


class Standing(Shape):
    is_participating: bool = False
    has_suspended_listings: bool = False


class Participation(Shape):
    marketplace: Store
    participation: Standing
    store_name: str = ""


# ---------------------------------------------------------------- listings


class EnforcementAction(Shape):
    action: str


class Exemption(Shape):
    status: str = "NOT_EXEMPT"


class Enforcements(Shape):
    actions: list[EnforcementAction] | None = None
    exemption: Exemption | None = None


class Issue(Shape):
    message: str
    severity: str
    code: str = ""
    attribute_names: list[str] | None = None
    enforcements: Enforcements | None = None
    marketplace_ids: list[str] | None = None


class Identifier(Shape):
    marketplace_id: str = ""
    asin: str | None = None


class Submission(Shape):
    """The answer of put, patch and delete: taken or refused, not yet done."""

    sku: str
    status: str
    submission_id: str = ""
    issues: list[Issue] | None = None
    identifiers: list[Identifier] | None = None


class Picture(Shape):
    link: str


class Summary(Shape):
    marketplace_id: str
    status: list[str] | None = None
    asin: str | None = None
    product_type: str | None = None
    fn_sku: str | None = None
    item_name: str | None = None
    created_date: str | None = None
    main_image: Picture | None = None


class Audience(Shape):
    value: str | None = None


class Offer(Shape):
    marketplace_id: str
    price: Amount
    offer_type: str = "B2C"
    audience: Audience | None = None


class Availability(Shape):
    fulfillment_channel_code: str
    quantity: int | None = None


class ProductType(Shape):
    marketplace_id: str
    product_type: str


class VariationTheme(Shape):
    attributes: list[str]


class Relationship(Shape):
    type: str
    child_skus: list[str] | None = None
    parent_skus: list[str] | None = None
    variation_theme: VariationTheme | None = None


class StoreRelationships(Shape):
    marketplace_id: str
    relationships: list[Relationship]


class Item(Shape):
    sku: str
    summaries: list[Summary] | None = None
    issues: list[Issue] | None = None
    offers: list[Offer] | None = None
    fulfillment_availability: list[Availability] | None = None
    product_types: list[ProductType] | None = None
    attributes: dict[str, Any] | None = None
    relationships: list[StoreRelationships] | None = None


class ItemSearch(Shape):
    items: list[Item]


class Pagination(Shape):
    next_token: str | None = None


class ItemPage(Shape):
    """A page of the search whose items are read one by one: one that cannot be read stops no other."""

    number_of_results: int
    items: list[Any]
    pagination: Pagination | None = None


# ---------------------------------------------------------------- feeds


class NewDocument(Shape):
    feed_document_id: str
    url: str


class NewFeed(Shape):
    feed_id: str


class Feed(Shape):
    feed_id: str
    processing_status: str
    result_feed_document_id: str | None = None


class Document(Shape):
    url: str
    compression_algorithm: str | None = None


class ReportIssue(Shape):
    severity: str
    message: str
    message_id: int | None = None
    sku: str | None = None
    code: str | None = None
    attribute_name: str | None = None


class ReportSummary(Shape):
    messages_processed: int = 0
    messages_accepted: int = 0
    messages_invalid: int = 0


class Report(Shape):
    issues: list[ReportIssue]
    summary: ReportSummary


# ---------------------------------------------------------------- orders


class Window(Shape):
    earliest_date_time: str | None = None
    latest_date_time: str | None = None


class OrderFulfilment(Shape):
    fulfillment_status: str
    fulfilled_by: str | None = None
    fulfillment_service_level: str | None = None
    ship_by_window: Window | None = None
    deliver_by_window: Window | None = None


class SalesChannel(Shape):
    marketplace_id: str | None = None


class OrderBuyer(Shape):
    buyer_name: str | None = None
    buyer_email: str | None = None


class DeliveryAddress(Shape):
    name: str | None = None
    company_name: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    address_line3: str | None = None
    city: str | None = None
    district_or_county: str | None = None
    state_or_region: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    phone: str | None = None


class Recipient(Shape):
    delivery_address: DeliveryAddress | None = None


class Breakdown(Shape):
    type: str
    subtotal: Amount


class OrderProceeds(Shape):
    grand_total: Amount | None = None
    breakdowns: list[Breakdown] | None = None


class ItemProceeds(Shape):
    proceeds_total: Amount | None = None
    breakdowns: list[Breakdown] | None = None


class ItemPrice(Shape):
    unit_price: Amount | None = None


class Product(Shape):
    asin: str | None = None
    title: str | None = None
    seller_sku: str | None = None
    price: ItemPrice | None = None


class CancellationRequest(Shape):
    requester: str | None = None
    cancel_reason: str | None = None


class CancellationExecution(Shape):
    cancelled_by: str | None = None


class ItemCancellation(Shape):
    cancellation_request: CancellationRequest | None = None
    cancellation_execution: CancellationExecution | None = None


class ItemFulfilment(Shape):
    quantity_fulfilled: int | None = None
    quantity_unfulfilled: int | None = None


class OrderItem(Shape):
    order_item_id: str
    quantity_ordered: int
    product: Product
    proceeds: ItemProceeds | None = None
    cancellation: ItemCancellation | None = None
    fulfillment: ItemFulfilment | None = None


class PackageStatus(Shape):
    status: str


class PackageItem(Shape):
    order_item_id: str
    quantity: int


class Package(Shape):
    package_reference_id: str
    package_status: PackageStatus | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    package_items: list[PackageItem] | None = None


class Order(Shape):
    order_id: str
    created_time: str
    last_updated_time: str
    sales_channel: SalesChannel
    order_items: list[OrderItem]
    fulfillment: OrderFulfilment | None = None
    programs: list[str] | None = None
    buyer: OrderBuyer | None = None
    recipient: Recipient | None = None
    proceeds: OrderProceeds | None = None
    packages: list[Package] | None = None


class OrderSearch(Shape):
    orders: list[Any]
    pagination: Pagination | None = None
