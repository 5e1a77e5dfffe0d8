"""Shopify's card: capabilities, limits and settings. Importing it loads no SDK."""

from __future__ import annotations

from hub.channels.contract.manifest import CONTRACT_VERSION, Capability, Manifest, RateRule, SettingField

API_VERSION = "2026-10"
#: What the hub's journeys cannot do without (contracts README 4.1).
NEEDED_SCOPES = (
    "read_products", "write_products", "read_inventory", "write_inventory", "read_locations", "read_orders",
    "read_merchant_managed_fulfillment_orders", "write_merchant_managed_fulfillment_orders",
)  # fmt: skip
#: What single features need, with the sentence that tells the seller what is lost without it.
OPTIONAL_SCOPES = {
    "write_orders": "Without the scope write_orders the hub cannot cancel orders.",
    "read_publications": "Without the scope read_publications the hub cannot put products on the online store.",
    "write_publications": "Without the scope write_publications the hub cannot put products on the online store.",
    "read_all_orders": "Without the scope read_all_orders Shopify shows only the last 60 days of orders.",
}

MANIFEST = Manifest(
    id="shopify",
    label="Shopify",
    contract=CONTRACT_VERSION,
    factory="hub.channels.shopify.adapter:build",
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
            Capability.POLL,
            Capability.WEBHOOKS,
        }
    ),
    settings=(
        SettingField(
            name="api_url",
            kind="url",
            help="Address of the shop's Admin API without a path: https://YOUR-SHOP.myshopify.com",
        ),
        SettingField(name="shop", help="The shop's permanent name, for example your-shop.myshopify.com"),
        SettingField(
            name="credential_kind",
            kind="choice",
            default="client_credentials",
            choices=("static", "client_credentials", "offline"),
            help="static: a token made in the shop's admin before 2026. client_credentials: an app of your own "
            "organisation (Dev Dashboard). offline: an expiring token with a refresh token.",
        ),
        SettingField(name="access_token", kind="secret", required=False, help="Only for static: the shpat_… token"),
        SettingField(name="client_id", kind="secret", required=False, help="The app's client id"),
        SettingField(
            name="client_secret", kind="secret", required=False, help="The app's client secret; also checks webhooks"
        ),
        SettingField(
            name="old_client_secret",
            kind="secret",
            required=False,
            help="The previous client secret: webhooks signed with it are accepted while you rotate it",
        ),
        SettingField(name="refresh_token", kind="secret", required=False, help="Only for offline: the first one"),
        SettingField(
            name="location_id",
            required=False,
            help="The location whose stock the hub keeps (gid://shopify/Location/…). Empty: the first active one",
        ),
        SettingField(
            name="publication_id",
            required=False,
            help="The sales channel new products are put on (gid://shopify/Publication/…). Empty: the online store, "
            "known by its name",
        ),
        SettingField(
            name="ship_authorized",
            kind="choice",
            required=False,
            default="no",
            choices=("no", "yes"),
            help="Treat authorised but not yet captured payments as paid",
        ),
        SettingField(
            name="notify_customer",
            kind="choice",
            required=False,
            default="no",
            choices=("no", "yes"),
            help="Let Shopify send the buyer its shipping and cancellation e-mails",
        ),
        SettingField(
            name="bulk_from",
            required=False,
            default="500",
            help="Stock batches of at least this many rows go through a bulk operation",
        ),
        SettingField(name="api_version", required=False, default=API_VERSION, help="Version of the Admin API"),
        SettingField(
            name="orders_since", required=False, help="First order pull starts here (ISO time); empty: 30 days back"
        ),
        SettingField(name="timeout_s", required=False, default="20", help="Longest wait for one answer, in seconds"),
    ),
    # One bucket of cost points per app and shop for every GraphQL call, whatever its name (contracts README 4.3):
    # all of them are charged to «graphql» with their estimated cost, and corrected by each answer's throttleStatus.
    # «token», «upload» and «download» are not limited.
    rates=(RateRule(operation="graphql", per_second=100.0, burst=2000),),
    max_stock_batch=250,
    max_price_batch=250,
    max_read_batch=100,
    max_order_page=20,
    max_listing_page=20,  # as many variants with fifteen pictures each as one query may cost
    stock_write="compare_and_set",
    stock_ack="now",
    order_lag_s=60,
    pull_every_s=120,
    confirms={Capability.CANCELLATIONS: "later"},
)
