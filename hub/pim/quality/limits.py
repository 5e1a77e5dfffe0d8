"""What each channel takes, with the source of every number. Pure.

A limit of severity «error» is one at which the channel (or the hub's adapter, before it is asked) refuses for sure; where
a channel publishes a rule without refusing, it is a warning; what only sells better is advice. Nothing here is from memory:
a rule without a source is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hub.pim.quality.rules import EVERY
from hub.pim.quality.text import Unit

Severity = Literal["error", "warning", "advice"]

AMAZON_TITLES = "Amazon Seller Central, «Product title requirements and guidelines» (help 201100890)"
AMAZON_PAGES = "Amazon Seller Central, «Product detail page rules» (help 200390640)"
AMAZON_SEARCH_TERMS = "Amazon Seller Central, notice of August 2018: less than 250 bytes of search terms"
AMAZON_PICTURES = "Amazon's published picture rules, as sellers' guides report them"
EBAY_INVENTORY = "eBay Inventory API (sell_inventory_v1)"
EBAY_PICTURES = "eBay picture policy (ebay.com/help/policies, id 4370)"
SHOPIFY_SCHEMA = "Shopify Admin API, TITLE_TOO_LONG of CombinedListingUpdateUserErrorCode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most (or, where the rule says so, at least) `value` of `unit`."""

    value: int
    source: str
    severity: Severity = "error"
    unit: Unit = Unit.CHARACTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRules:
    """What a channel says about content. None or empty = it says nothing that we know of."""

    label: str
    title: Limit | None = None
    title_forbidden: str = ""
    title_forbidden_source: str = ""
    repeats: Limit | None = None
    promotion: Severity | None = None
    promotion_source: str = ""
    description: Limit | None = None
    description_needed: Severity | None = None
    html: tuple[str, ...] | None = None  # the only tags that are kept; None = all
    html_source: str = ""
    keywords: Limit | None = None  # together, with a space between each two
    brand: Limit | None = None
    brand_needed: Severity | None = None
    gtin_needed: Severity | None = None
    category_needed: Severity | None = None
    pictures_needed: Severity | None = None
    pictures_source: str = ""
    pictures: Limit | None = None
    https_only: str = ""  # the source, if pictures must be behind https
    pixels: Limit | None = None  # the longest side, at least
    pixels_advised: Limit | None = None
    white_border: Limit | None = None  # per cent of the main picture's border that is near white, at least
    aspect_name: Limit | None = None
    aspect_value: Limit | None = None


CHANNELS: Mapping[str, ChannelRules] = {
    EVERY: ChannelRules(label="Any channel", brand_needed="advice", gtin_needed="advice", pictures_needed="advice"),
    "amazon": ChannelRules(
        label="Amazon",
        # The adapter refuses more than that as well, so it never reaches Amazon.
        title=Limit(value=200, source=AMAZON_TITLES),
        title_forbidden="!$?_{}^¬¦",
        title_forbidden_source=AMAZON_TITLES,
        repeats=Limit(value=2, severity="warning", source="Amazon's announcement on titles of January 2025"),
        promotion="warning",
        promotion_source=AMAZON_TITLES,
        html=("br",),
        html_source=AMAZON_PAGES,
        keywords=Limit(value=249, unit=Unit.BYTES, severity="warning", source=AMAZON_SEARCH_TERMS),
        brand_needed="warning",
        gtin_needed="warning",
        category_needed="advice",
        pictures_needed="warning",
        pictures_source=AMAZON_PICTURES,
        pixels=Limit(value=500, severity="warning", source=AMAZON_PICTURES),
        pixels_advised=Limit(value=1000, severity="advice", source=AMAZON_PICTURES),
        white_border=Limit(value=98, severity="warning", source=AMAZON_PICTURES),
    ),
    "ebay": ChannelRules(
        label="eBay",
        title=Limit(value=80, source=f"{EBAY_INVENTORY}, Product.title"),
        description=Limit(value=500_000, source=f"{EBAY_INVENTORY}, listingDescription: markup counts"),
        description_needed="error",
        brand=Limit(value=65, source=f"{EBAY_INVENTORY}, Product.brand"),
        gtin_needed="advice",
        category_needed="advice",
        pictures_needed="error",
        pictures_source=f"{EBAY_INVENTORY}, Product.imageUrls: one at least before an offer is published",
        pictures=Limit(value=24, source=f"{EBAY_INVENTORY}, Product.imageUrls", severity="warning"),
        https_only=f"{EBAY_INVENTORY}, Product.imageUrls",
        pixels=Limit(value=500, severity="warning", source=EBAY_PICTURES),
        pixels_advised=Limit(value=1600, severity="advice", source=EBAY_PICTURES),
        aspect_name=Limit(value=40, severity="warning", source=f"{EBAY_INVENTORY}, Product.aspects"),
        aspect_value=Limit(value=50, severity="warning", source=f"{EBAY_INVENTORY}, Product.aspects"),
    ),
    "shopify": ChannelRules(
        label="Shopify",
        title=Limit(value=255, source=SHOPIFY_SCHEMA),
        pictures_needed="advice",
    ),
}  # fmt: skip
"""By channel. A channel that is not here has the general rules only."""

PROMOTIONAL = (
    "free shipping", "100% quality guaranteed", "best seller", "bestseller", "hot item", "great deal", "on sale",
    "limited offer", "buy now", "new arrival", "best price", "versandkostenfrei", "kostenloser versand",
    "sonderangebot", "livraison gratuite", "envío gratis", "spedizione gratuita",
)  # fmt: skip
"""Phrases that advertise instead of describing: Amazon's two examples and how sellers say the same."""

SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "at",
        "by",
        "de",
        "der",
        "die",
        "das",
        "des",
        "du",
        "el",
        "et",
        "for",
        "from",
        "für",
        "i",
        "il",
        "im",
        "in",
        "la",
        "le",
        "les",
        "los",
        "mit",
        "my",
        "o",
        "of",
        "on",
        "or",
        "pour",
        "the",
        "to",
        "und",
        "un",
        "una",
        "une",
        "von",
        "with",
        "y",
        "zu",
    ]
)
"""Articles, prepositions and conjunctions: Amazon's rule about repeated words leaves them out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The hub's own advice, for every channel."""

    title_short: int = 15  # letters
    bullets: int = 5
    bullet_long: int = 500
    description_short: int = 80
    shape: float = 3.0  # the longer side over the shorter


HOUSE = House()


def rules_of(channel: str) -> ChannelRules:
    """The channel's rules, or empty ones under its name."""
    return CHANNELS.get(channel) or ChannelRules(label=channel.capitalize())
