"""The eBay card: settings, limits and capabilities. Importing it imports neither the adapter nor the SDK.

Sources: contracts README 3.1 (scopes, token limits), 3.4 (limits), 3.5 (orders); performance.md section 3.
"""

from __future__ import annotations

from hub.channels.contract import CONTRACT_VERSION, Capability, Manifest, RateRule, SettingField

SCOPES = " ".join(
    "https://api.ebay.com/oauth/" + name
    for name in (
        "api_scope",
        "api_scope/sell.inventory",
        "api_scope/sell.fulfillment",
        "api_scope/sell.account",
        "api_scope/commerce.identity.readonly",
    )
)

# Items of one bulkUpdatePriceQuantity call, and inventory statuses of one ReviseInventoryStatus call (README 3.4).
BULK_REST = 25
BULK_TRADING = 4
# getOrders takes at most 200 a page (README 3.5).
ORDER_PAGE = 200
LISTING_PAGE = 50  # GetSellerList takes 200, but each item comes with its whole description

_DAY_S = 86_400.0


def _daily(operation: str, quota: int) -> RateRule:
    """A day's quota as a bucket: half of it at once, the other half spread over the day, never more than the quota.

    eBay counts per application from midnight to midnight Pacific; the figures are budgets of ours, because the exact
    daily limits are not published (README 9) and the channel's own 429 or 518 has the last word.
    """
    return RateRule(operation=operation, per_second=quota / 2 / _DAY_S, burst=quota // 2, scope="app")


MANIFEST = Manifest(
    id="ebay",
    label="eBay",
    contract=CONTRACT_VERSION,
    factory="hub.channels.ebay.adapter:build",
    capabilities=frozenset(
        {
            Capability.STOCK,
            Capability.PRICE,
            Capability.LISTINGS,
            Capability.END_LISTINGS,
            Capability.READ_LISTINGS,
            Capability.PULL_LISTINGS,
            Capability.ORDERS,
            Capability.SHIPMENTS,
            Capability.FIND_SHIPMENT,
            Capability.CANCELLATIONS,
        }
    ),
    settings=(
        SettingField(name="client_id", help="App ID (client id) of your eBay developer keyset.", kind="secret"),
        SettingField(name="client_secret", help="Cert ID (client secret) of the same keyset.", kind="secret"),
        SettingField(
            name="refresh_token",
            help="The seller's refresh token. It lives about 18 months and ends when the seller changes the password.",
            kind="secret",
        ),
        SettingField(
            name="marketplace_id",
            help="The eBay site to sell on, such as EBAY_DE, EBAY_GB or EBAY_US.",
            default="EBAY_DE",
        ),
        SettingField(name="site_id", help="The same site's number in the Trading API; 77 is Germany.", default="77"),
        SettingField(name="payment_policy_id", help="Payment policy for new listings.", required=False),
        SettingField(name="return_policy_id", help="Return policy for new listings.", required=False),
        SettingField(name="fulfillment_policy_id", help="Shipping policy for new listings.", required=False),
        SettingField(
            name="merchant_location_key", help="Inventory location the new listings ship from.", required=False
        ),
        SettingField(name="category_id", help="Category for products that name none.", required=False),
        SettingField(
            name="content_language",
            help="Language of titles and texts, such as de-DE.",
            required=False,
            default="de-DE",
        ),
        SettingField(
            name="orders_since",
            help="Take orders changed since this instant (ISO 8601 with zone) at the first pull; empty = 30 days back.",
            required=False,
        ),
        SettingField(
            name="pull_unpaid",
            help="Also take orders whose buyer has not paid yet. eBay gives such an order another number once it is "
            "paid, so it can appear twice; leave this at no unless you accept that.",
            kind="choice",
            required=False,
            default="no",
            choices=("no", "yes"),
        ),
        SettingField(
            name="signing_jwe",
            help="Public key as JWE from eBay's Key Management API. Sellers in the EU and the UK need it for "
            "cancellations.",
            kind="secret",
            required=False,
        ),
        SettingField(
            name="signing_key",
            help="The private Ed25519 key that belongs to it (PEM or base64 as eBay gave it).",
            kind="secret",
            required=False,
        ),
        SettingField(
            name="scopes", help="OAuth scopes to ask for; empty = those of the consent.", required=False, default=SCOPES
        ),
        SettingField(
            name="api_url",
            help="Base address of the REST API.",
            kind="url",
            required=False,
            default="https://api.ebay.com",
        ),
        SettingField(
            name="apiz_url",
            help="Base address of the identity API.",
            kind="url",
            required=False,
            default="https://apiz.ebay.com",
        ),
        SettingField(
            name="auth_url",
            help="Base address of the OAuth host.",
            kind="url",
            required=False,
            default="https://api.ebay.com",
        ),
        SettingField(
            name="trading_url",
            help="Base address of the host of /ws/api.dll.",
            kind="url",
            required=False,
            default="https://api.ebay.com",
        ),
        SettingField(name="timeout_s", help="Seconds to wait for an answer.", required=False, default="20"),
    ),
    rates=(
        _daily("token", 50_000),
        _daily("getOrders", 50_000),
        _daily("getOrder", 50_000),
        _daily("getShippingFulfillments", 50_000),
        _daily("createShippingFulfillment", 50_000),
        _daily("bulkUpdatePriceQuantity", 500_000),
        _daily("bulkGetInventoryItem", 200_000),
        _daily("getOffers", 500_000),
        _daily("createOrReplaceInventoryItem", 200_000),
        _daily("createOrReplaceInventoryItemGroup", 100_000),
        _daily("getInventoryItemGroup", 100_000),
        _daily("createOffer", 100_000),
        _daily("updateOffer", 100_000),
        _daily("publishOffer", 100_000),
        _daily("publishOfferByInventoryItemGroup", 50_000),
        _daily("withdrawOffer", 50_000),
        _daily("withdrawOfferByInventoryItemGroup", 50_000),
        _daily("deleteOffer", 50_000),
        # Trading: 5,000 calls a day together until eBay raises the limit; shared out by what they are needed for.
        _daily("Trading.ReviseInventoryStatus", 3_000),
        _daily("Trading.GetItem", 900),
        _daily("Trading.GetSellerList", 300),
        _daily("Trading.GetOrders", 500),
        _daily("Trading.EndFixedPriceItem", 300),
    ),
    max_stock_batch=BULK_REST,
    max_price_batch=BULK_REST,
    max_read_batch=BULK_REST,
    max_order_page=ORDER_PAGE,
    max_listing_page=LISTING_PAGE,
    stock_write="absolute",
    stock_ack="now",
    order_lag_s=120,
    pull_every_s=300,
    confirms={Capability.SHIPMENTS: "now"},
)
