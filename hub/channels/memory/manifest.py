"""The card of the memory channel: the smallest example of what a channel says about itself."""

from __future__ import annotations

from hub.channels.contract import CONTRACT_VERSION, Capability, Manifest, RateRule, SettingField

MANIFEST = Manifest(
    id="memory",
    label="Memory (demonstration)",
    contract=CONTRACT_VERSION,
    factory="hub.channels.memory.adapter:build",
    capabilities=frozenset(Capability),
    settings=(
        SettingField(
            name="marketplace",
            help="Name of the marketplace inside this process; it is opened when it does not exist.",
            default="default",
        ),
        SettingField(
            name="stock_write",
            help="How stock is written: absolute numbers, or compare-and-set against the expected number.",
            kind="choice",
            choices=("absolute", "compare_and_set"),
            default="absolute",
        ),
        SettingField(
            name="stock_answer",
            help="«now»: stock writes are done at once. «later»: they are taken and a ticket tells when they are done.",
            kind="choice",
            choices=("now", "later"),
            default="now",
        ),
        SettingField(
            name="orders_since",
            help="Pull orders changed since this ISO instant; empty = 30 days back.",
            required=False,
        ),
        SettingField(name="timeout_s", help="Seconds to wait for an answer.", default="20"),
        SettingField(name="api_key", help="The seller's key at the marketplace.", kind="secret"),
        SettingField(name="webhook_secret", help="Key that webhooks are signed with.", kind="secret", required=False),
    ),
    rates=(
        RateRule(operation="setStock", per_second=10, burst=20),
        RateRule(operation="setPrices", per_second=10, burst=20),
        RateRule(operation="listListings", per_second=5, burst=20),
        RateRule(operation="listOrders", per_second=5, burst=20),
    ),
    max_stock_batch=25,
    max_price_batch=25,
    max_read_batch=50,
    max_order_page=100,
    max_listing_page=100,
    order_lag_s=0,
    pull_every_s=60,
)
