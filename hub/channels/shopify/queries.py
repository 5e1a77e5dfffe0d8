"""Every GraphQL document the adapter sends, with what it will cost. Validated against Shopify's own schema in tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: One query may not exceed this many points (contracts README 4.3).
COST_CAP = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document: `root` is its first root field, `writing` whether it is a mutation, `cost` an estimate in points.

    The estimate follows contracts README 4.3: object 1, scalar 0, connection by its `first`, mutation 10 and more.
    """

    root: str
    text: str
    cost: Callable[[Mapping[str, Any]], float]
    writing: bool = False


def _flat(points: float) -> Callable[[Mapping[str, Any]], float]:
    return lambda variables: points


def _per_id(points: float) -> Callable[[Mapping[str, Any]], float]:
    return lambda variables: max(1.0, points * len(variables["ids"]))


# ---------------------------------------------------------------- the shop

PROBE = Document(
    root="shop",
    text="""query Probe {
  shop { id name myshopifyDomain currencyCode }
  currentAppInstallation { id accessScopes { handle } }
}""",
    cost=_flat(4),
)

SHOP = Document(
    root="shop",
    text="""query Shop {
  shop { id name myshopifyDomain currencyCode }
  locations(first: 20) { nodes { id name isActive } }
}""",
    cost=_flat(22),
)

PUBLICATIONS = Document(
    root="publications",
    text="query Publications { publications(first: 20) { nodes { id name } } }",
    cost=_flat(21),
)

# ---------------------------------------------------------------- variants

_VARIANT = """id sku price
      product { id status title publishedAt }
      inventoryItem { id tracked inventoryLevel(locationId: $location) { id quantities(names: ["available"]) { name quantity } } }"""

#: SKUs looked up in one document, and how many variants with the same SKU are looked at.
LOOKUP_SIZE = 20
LOOKUP_FIRST = 3


def find_skus(count: int) -> Document:
    """One document with `count` (1 to LOOKUP_SIZE) searches `s0`, `s1`, … by the variables `q0`, `q1`, …"""
    names = "".join(f", $q{n}: String!" for n in range(count))
    searches = "\n".join(
        f"  s{n}: productVariants(first: {LOOKUP_FIRST}, query: $q{n}) {{ nodes {{ ...V }} }}" for n in range(count)
    )
    return Document(
        root="productVariants",
        text=f"query FindSkus($location: ID!{names}) {{\n{searches}\n}}\nfragment V on ProductVariant {{\n  {_VARIANT}\n}}",
        cost=_flat(count * (LOOKUP_FIRST * 5 + 1)),
    )


VARIANTS = Document(
    root="nodes",
    text=f"query Variants($ids: [ID!]!, $location: ID!) {{ nodes(ids: $ids) {{ id ... on ProductVariant {{\n  {_VARIANT}\n}} }} }}",
    cost=_per_id(5),
)

#: Pictures that come with each variant of a catalogue page.
_PICTURES = 15

_MEDIA = "pageInfo { hasNextPage endCursor } nodes { ... on MediaImage { id image { url } } }"

CATALOGUE = Document(
    root="productVariants",
    text=f"""query Catalogue($first: Int!, $after: String, $location: ID!) {{
  productVariants(first: $first, after: $after, sortKey: ID) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{
      id sku price barcode selectedOptions {{ name value }}
      media(first: 1) {{ nodes {{ ... on MediaImage {{ id image {{ url }} }} }} }}
      product {{
        id status title publishedAt descriptionHtml vendor productType hasOnlyDefaultVariant onlineStoreUrl
        category {{ id }}
        media(first: {_PICTURES}) {{ {_MEDIA} }}
      }}
      inventoryItem {{ id tracked inventoryLevel(locationId: $location) {{ id quantities(names: ["available"]) {{ name quantity }} }} }}
    }}
  }}
}}""",
    cost=lambda v: v["first"] * (9 + 2 * _PICTURES),
)

PRODUCT_MEDIA = Document(
    root="product",
    text=f"query ProductMedia($id: ID!, $after: String) {{ product(id: $id) {{ id media(first: 100, after: $after) {{ {_MEDIA} }} }} }}",
    cost=_flat(201),
)

#: What is available at the location: one query for a whole stock batch.
STOCK_NOW = Document(
    root="nodes",
    text="""query StockNow($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) { id ... on InventoryItem { id tracked inventoryLevel(locationId: $location) { id quantities(names: ["available"]) { name quantity } } } }
}""",
    cost=_per_id(3),
)

# ---------------------------------------------------------------- stock and price

SET_STOCK = Document(
    root="inventorySetQuantities",
    text="""mutation SetStock($i: InventorySetQuantitiesInput!, $k: String!) {
  inventorySetQuantities(input: $i) @idempotent(key: $k) {
    inventoryAdjustmentGroup { createdAt reason changes { name delta quantityAfterChange } }
    userErrors { code field message }
  }
}""",
    cost=_flat(12),
    writing=True,
)

ACTIVATE = Document(
    root="inventoryActivate",
    text="""mutation Activate($item: ID!, $location: ID!, $available: Int!, $k: String!) {
  inventoryActivate(inventoryItemId: $item, locationId: $location, available: $available) @idempotent(key: $k) {
    inventoryLevel { id quantities(names: ["available"]) { name quantity } }
    userErrors { field message }
  }
}""",
    cost=_flat(12),
    writing=True,
)

SET_PRICES = Document(
    root="productVariantsBulkUpdate",
    text="""mutation SetPrices($product: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkUpdate(productId: $product, variants: $variants, allowPartialUpdates: true) {
    productVariants { id price }
    userErrors { code field message }
  }
}""",
    cost=lambda variables: 10 + len(variables["variants"]),
    writing=True,
)

# ---------------------------------------------------------------- bulk operations

STAGE = Document(
    root="stagedUploadsCreate",
    text="""mutation Stage($input: [StagedUploadInput!]!) {
  stagedUploadsCreate(input: $input) {
    stagedTargets { url resourceUrl parameters { name value } }
    userErrors { field message }
  }
}""",
    cost=_flat(12),
    writing=True,
)

RUN_BULK = Document(
    root="bulkOperationRunMutation",
    text="""mutation RunBulk($mutation: String!, $path: String!) {
  bulkOperationRunMutation(mutation: $mutation, stagedUploadPath: $path) {
    bulkOperation { id status }
    userErrors { code field message }
  }
}""",
    cost=_flat(12),
    writing=True,
)

BULK_STATE = Document(
    root="bulkOperation",
    text="""query BulkState($id: ID!) {
  bulkOperation(id: $id) { id status errorCode objectCount url partialDataUrl }
}""",
    cost=_flat(1),
)

# ---------------------------------------------------------------- listings

#: Existing variants read per page before a revision.
VARIANT_PAGE = 50

_PRODUCT = f"""id handle status title publishedAt options {{ id name position optionValues {{ id name }} }}
    variants(first: {VARIANT_PAGE}, after: $after) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{ id sku selectedOptions {{ name value }} inventoryItem {{ id }} }}
    }}"""

PRODUCT_BY_ID = Document(
    root="product",
    text=f"query Product($id: ID!, $after: String) {{ product(id: $id) {{\n    {_PRODUCT}\n}} }}",
    cost=_flat(15 + VARIANT_PAGE * 4),
)

PRODUCT_BY_HANDLE = Document(
    root="productByIdentifier",
    text="query ProductByHandle($identifier: ProductIdentifierInput!) { productByIdentifier(identifier: $identifier) { id } }",
    cost=_flat(1),
)

PRODUCT_SET = Document(
    root="productSet",
    text="""mutation SetProduct($i: ProductSetInput!, $id: ProductSetIdentifiers, $n: Int!) {
  productSet(input: $i, identifier: $id, synchronous: true) {
    product { id handle status variants(first: $n) { nodes { id sku inventoryItem { id } } } }
    userErrors { code field message }
  }
}""",
    # «Complexity cost: 0.2 per variant, 1.9 per file» (schema text of ProductSetInput).
    cost=lambda v: 12 + 2 * v["n"] + 0.2 * len(v["i"].get("variants", ())) + 1.9 * len(v["i"].get("files", ())),
    writing=True,
)

PUBLISH = Document(
    root="publishablePublish",
    text="""mutation Publish($id: ID!, $input: [PublicationInput!]!) {
  publishablePublish(id: $id, input: $input) { userErrors { field message } }
}""",
    cost=_flat(11),
    writing=True,
)

END_STATE = Document(
    root="productVariant",
    text="""query EndState($id: ID!) {
  productVariant(id: $id) { id sku product { id status variants(first: 2) { nodes { id } } } }
}""",
    cost=_flat(5),
)

DELETE_VARIANTS = Document(
    root="productVariantsBulkDelete",
    text="""mutation DeleteVariants($product: ID!, $ids: [ID!]!) {
  productVariantsBulkDelete(productId: $product, variantsIds: $ids) { userErrors { code field message } }
}""",
    cost=_flat(11),
    writing=True,
)

SET_STATUS = Document(
    root="productUpdate",
    text="""mutation SetStatus($product: ProductUpdateInput!) {
  productUpdate(product: $product) { product { id status } userErrors { field message } }
}""",
    cost=_flat(12),
    writing=True,
)

# ---------------------------------------------------------------- orders

_MONEY = "{ shopMoney { amount currencyCode } }"
_LINE = f"""id sku title quantity currentQuantity unfulfilledQuantity requiresShipping
        originalUnitPriceSet {_MONEY} totalDiscountSet {_MONEY} variant {{ id }}"""
_ORDER = f"""id name createdAt updatedAt cancelledAt cancelReason displayFinancialStatus displayFulfillmentStatus
    returnStatus currencyCode taxesIncluded email phone
    totalPriceSet {_MONEY} totalShippingPriceSet {_MONEY} totalTaxSet {_MONEY} totalDiscountsSet {_MONEY}
    shippingLine {{ code title }}
    shippingAddress {{ name company address1 address2 city provinceCode zip countryCodeV2 phone }}
    fulfillments(first: 5) {{ id status trackingInfo {{ number company }} }}
    lineItems(first: $lines) {{ pageInfo {{ hasNextPage endCursor }} nodes {{ {_LINE} }} }}"""
_ORDER_POINTS = 23
_LINE_POINTS = 6
LINE_PAGE = 50

ORDERS = Document(
    root="orders",
    text=f"""query Orders($q: String!, $first: Int!, $after: String, $lines: Int!) {{
  orders(first: $first, after: $after, query: $q, sortKey: UPDATED_AT) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{ {_ORDER} }}
  }}
}}""",
    cost=lambda v: 1 + v["first"] * (_ORDER_POINTS + _LINE_POINTS * v["lines"]),
)


def lines_per_order(page: int) -> int:
    """How many lines fit into each order of a page without exceeding the cap of one query (3 to 20)."""
    return max(3, min(20, int((0.9 * COST_CAP / page - _ORDER_POINTS) // _LINE_POINTS)))


ORDER = Document(
    root="order",
    text=f"query Order($id: ID!, $lines: Int!) {{ order(id: $id) {{ {_ORDER} }} }}",
    cost=lambda v: _ORDER_POINTS + _LINE_POINTS * v["lines"],
)

ORDER_LINES = Document(
    root="order",
    text=f"""query OrderLines($id: ID!, $after: String, $lines: Int!) {{
  order(id: $id) {{ id lineItems(first: $lines, after: $after) {{ pageInfo {{ hasNextPage endCursor }} nodes {{ {_LINE} }} }} }}
}}""",
    cost=lambda v: 2 + _LINE_POINTS * v["lines"],
)

# ---------------------------------------------------------------- shipments and cancellations

#: Asked for small, and paged where an order has more: the requested points must fit into the bucket up front.
FULFILMENTS_FIRST = 10
FULFILMENTS_ALL = 250
_TO_SHIP_LINES = "pageInfo { hasNextPage endCursor } nodes { id remainingQuantity lineItem { id } }"
_FULFILMENT = "id status createdAt trackingInfo { number company }"

TO_SHIP = Document(
    root="order",
    text=f"""query ToShip($id: ID!, $after: String, $n: Int!) {{
  order(id: $id) {{
    id cancelledAt
    fulfillments(first: $n) {{ {_FULFILMENT} }}
    fulfillmentOrders(first: 3, after: $after) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{
        id status requestStatus supportedActions {{ action }} fulfillmentHolds {{ reason }}
        assignedLocation {{ location {{ id }} }}
        lineItems(first: 20) {{ {_TO_SHIP_LINES} }}
      }}
    }}
  }}
}}""",
    cost=lambda v: 2 + 2 * v["n"] + 3 * 46,
)

MORE_TO_SHIP = Document(
    root="fulfillmentOrder",
    text=f"""query MoreToShip($id: ID!, $after: String) {{
  fulfillmentOrder(id: $id) {{ id lineItems(first: 100, after: $after) {{ {_TO_SHIP_LINES} }} }}
}}""",
    cost=_flat(202),
)

SHIPPED_LINES = Document(
    root="fulfillment",
    text="""query ShippedLines($id: ID!) {
  fulfillment(id: $id) { id fulfillmentLineItems(first: 50) { nodes { quantity lineItem { id } } } }
}""",
    cost=_flat(101),
)

SHIPMENTS = Document(
    root="order",
    text=f"query Shipments($id: ID!, $n: Int!) {{ order(id: $id) {{ id fulfillments(first: $n) {{ {_FULFILMENT} }} }} }}",
    cost=lambda v: 1 + 2 * v["n"],
)

SHIP = Document(
    root="fulfillmentCreate",
    text="""mutation Ship($f: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $f) {
    fulfillment { id status trackingInfo { number company } }
    userErrors { field message }
  }
}""",
    cost=_flat(12),
    writing=True,
)

CANCEL_STATE = Document(
    root="order",
    text="query CancelState($id: ID!) { order(id: $id) { id cancelledAt displayFulfillmentStatus } }",
    cost=_flat(1),
)

CANCEL = Document(
    root="orderCancel",
    text="""mutation Cancel($id: ID!, $reason: OrderCancelReason!, $restock: Boolean!, $refund: OrderCancelRefundMethodInput, $notify: Boolean) {
  orderCancel(orderId: $id, reason: $reason, restock: $restock, refundMethod: $refund, notifyCustomer: $notify) {
    job { id done }
    orderCancelUserErrors { code field message }
  }
}""",
    cost=_flat(12),
    writing=True,
)

JOB = Document(root="job", text="query Job($id: ID!) { job(id: $id) { id done } }", cost=_flat(1))

#: For the test that validates them all.
ALL = (
    PROBE, SHOP, PUBLICATIONS, find_skus(1), find_skus(LOOKUP_SIZE), VARIANTS, CATALOGUE, PRODUCT_MEDIA, STOCK_NOW, SET_STOCK, ACTIVATE, SET_PRICES,
    STAGE, RUN_BULK, BULK_STATE, PRODUCT_BY_ID, PRODUCT_BY_HANDLE, PRODUCT_SET, PUBLISH, END_STATE, DELETE_VARIANTS,
    SET_STATUS, ORDERS, ORDER, ORDER_LINES, TO_SHIP, MORE_TO_SHIP, SHIPPED_LINES, SHIPMENTS, SHIP, CANCEL_STATE, CANCEL,
    JOB,
)  # fmt: skip
