"""Amazon's card. Importing it imports no SDK."""

from __future__ import annotations

from hub.channels.contract import CONTRACT_VERSION, Capability, Manifest, RateRule, SettingField

#: The default usage plans (contracts amazon/usage_plans.tsv, README 2.3), per seller and application.
RATES = (
    RateRule(operation="searchOrders", per_second=0.0056, burst=20),
    RateRule(operation="getOrder", per_second=0.5, burst=30),
    RateRule(operation="confirmShipment", per_second=2, burst=10),
    RateRule(operation="patchListingsItem", per_second=5, burst=5),
    RateRule(operation="putListingsItem", per_second=5, burst=10),
    RateRule(operation="deleteListingsItem", per_second=5, burst=5),
    RateRule(operation="getListingsItem", per_second=5, burst=10),
    RateRule(operation="searchListingsItems", per_second=5, burst=5),
    # The plan allows a burst of 15, but JSON_LISTINGS_FEED only five submissions in any five minutes (README 2.3).
    # Two at once plus 0.0083/s is the largest whole burst that never asks for a sixth.
    RateRule(operation="createFeed", per_second=0.0083, burst=2),
    RateRule(operation="createFeedDocument", per_second=0.5, burst=15),
    RateRule(operation="getFeed", per_second=2, burst=15),
    RateRule(operation="getFeedDocument", per_second=0.0222, burst=10),
    RateRule(operation="getMarketplaceParticipations", per_second=0.016, burst=15),
)

MANIFEST = Manifest(
    id="amazon",
    label="Amazon",
    contract=CONTRACT_VERSION,
    factory="hub.channels.amazon.adapter:build",
    capabilities=frozenset(Capability) - {Capability.WEBHOOKS},
    settings=(
        SettingField(
            name="api_url",
            help="Base address of the Selling Partner API of your region (na, eu or fe).",
            kind="url",
            default="https://sellingpartnerapi-eu.amazon.com",
        ),
        SettingField(
            name="auth_url",
            help="Base address of Login with Amazon, where access tokens come from.",
            kind="url",
            default="https://api.amazon.com",
        ),
        SettingField(name="seller_id", help="Your merchant token (Seller Central, Account info)."),
        SettingField(
            name="marketplace_id",
            help="The store to sell in, e.g. A1PA6795UKMFR9 for amazon.de.",
            default="A1PA6795UKMFR9",
        ),
        SettingField(
            name="product_type",
            help="Amazon product type of products that name none, e.g. PRODUCT or SHIRT.",
            default="PRODUCT",
            required=False,
        ),
        SettingField(
            name="feed_from",
            help="Send stock and prices as one feed when a batch holds at least this many; fewer go one by one.",
            default="200",
            required=False,
        ),
        SettingField(
            name="orders_since",
            help="Pull orders changed since this ISO instant; empty = 30 days back.",
            required=False,
        ),
        SettingField(name="timeout_s", help="Seconds to wait for an answer.", default="20", required=False),
        SettingField(name="client_id", help="LWA client id of your application.", kind="secret"),
        SettingField(
            name="client_secret", help="LWA client secret; Amazon wants it changed every 180 days.", kind="secret"
        ),
        SettingField(name="refresh_token", help="Refresh token of the seller's authorisation.", kind="secret"),
    ),
    rates=RATES,
    # A feed carries a thousand levels for the price of one createFeed. A smaller batch is one patch per SKU; it ends in
    # Deferred for the rest when the budget of five a second is used up.
    max_stock_batch=1000,
    max_price_batch=1000,
    max_read_batch=20,
    max_order_page=100,
    max_listing_page=20,  # searchListingsItems, pageSize
    stock_write="absolute",
    stock_ack="later",
    order_lag_s=135,  # a window ends 2 min 15 s back (cursors.BEFORE_LAG)
    pull_every_s=180,
    confirms={
        Capability.STOCK: "later",
        Capability.PRICE: "later",
        Capability.LISTINGS: "later",
        Capability.CANCELLATIONS: "later",
    },
)
