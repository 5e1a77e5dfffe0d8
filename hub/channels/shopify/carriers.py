"""Shopify's spelling of carriers: only names written exactly so get tracking links (contracts README 4.6).

Source of the names: the schema text of FulfillmentTrackingInfo.company (2026-10), those a European or American seller meets.
"""

from __future__ import annotations

_NAMES = (
    "Amazon Logistics UK", "An Post", "APC", "Aras Kargo", "Asendia USA", "Australia Post", "BPost", "Bring", "BRT",
    "Canada Post", "Chronopost", "Colis Privé", "Colissimo", "Correos", "CTT", "Deutsche Post", "DHL", "DHL eCommerce",
    "DHL Express", "DHL Parcel", "DPD", "DPD Ireland", "DPD Local", "DPD UK", "Evri", "Fastway", "FedEx", "GLS",
    "GLS Italy", "Hermes", "Inpost", "Japan Post (EN)", "La Poste Colissimo", "Lasership", "Mondial Relay",
    "New Zealand Post", "OnTrac", "Packeta", "Parcelforce", "Pitney Bowes", "Poste Italiane", "PostNL", "PostNord DK",
    "PostNord NO", "PostNord SE", "PTT", "Purolator", "Royal Mail", "Sendle", "SEUR", "SF Express", "Singapore Post",
    "Swiss Post", "TNT", "Tuffnells", "UPS", "USPS", "Venipak", "Whistl", "Yodel", "YunExpress", "Österreichische Post",
)  # fmt: skip
_ALIASES = {
    "dhlde": "DHL", "dhlpaket": "DHL", "deutschepostde": "Deutsche Post", "myhermes": "Evri", "hermesuk": "Evri",
    "hermesde": "Hermes", "swisspost": "Swiss Post", "postat": "Österreichische Post", "post_at": "Österreichische Post",
    "dpdgb": "DPD UK", "dpduk": "DPD UK", "laposte": "La Poste Colissimo", "federalexpress": "FedEx",
    "unitedparcelservice": "UPS",
}  # fmt: skip


def _bare(name: str) -> str:
    return "".join(ch for ch in name.casefold() if ch.isalnum())


_BY_BARE = {_bare(name): name for name in _NAMES} | {_bare(name): target for name, target in _ALIASES.items()}


def company(carrier: str) -> str:
    """The carrier as Shopify writes it; an unknown one goes through as it is (Shopify shows it, without a link)."""
    return _BY_BARE.get(_bare(carrier), carrier.strip())
