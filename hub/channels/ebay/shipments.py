"""Reporting parcels: look first, create once (contracts README 3.6: creating is not idempotent and cannot be undone)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hub.channels.contract import Applied, Found, NotFound, Outcome, Problem, Refused, ShipmentConfirmation
from hub.channels.ebay import rest
from hub.channels.ebay.client import Client
from hub.kernel.clock import iso_millis

_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]+")

# Names people and the hub use, without spaces and case, and eBay's ShippingCarrierCodeType (schema 1487). For a carrier
# that is not here eBay has «Other»: the parcel counts as shipped, only the tracking link is missing.
_CODES = [
    "AnPost",
    "Bartolini",
    "BPost",
    "Chronopost",
    "Colissimo",
    "CollectPlus",
    "Correos",
    "DBSchenker",
    "DeutschePost",
    "DHL",
    "DPD",
    "FedEx",
    "GLS",
    "Hermes",
    "iLoxx",
    "Interlink",
    "LAPOSTE",
    "MondialRelay",
    "MRW",
    "Nacex",
    "Parcelforce",
    "PocztaPolska",
    "PostNL",
    "PosteItaliane",
    "RoyalMail",
    "SDA",
    "Seur",
    "StarTrack",
    "SwissPost",
    "TNT",
    "Toll",
    "UKMail",
    "UPS",
    "USPS",
    "Yodel",
    "AustraliaPost",
    "OsterreichischePostAG",
    "DieSchweizerischePost",
]
_ALIASES = {
    "dhlpaket": "DHL",
    "dhlparcel": "DHL",
    "dhlexpress": "DHLEXPRESS",
    "dhlglobalmail": "DHLGlobalMail",
    "evri": "Hermes",
    "myhermes": "Hermes",
    "brt": "Bartolini",
    "canadapost": "CPC",
    "auspost": "AustraliaPost",
    "postat": "OsterreichischePostAG",
    "osterreichischepost": "OsterreichischePostAG",
    "swisspost": "SwissPost",
}
CARRIERS: Mapping[str, str] = {code.lower(): code for code in _CODES} | _ALIASES


def carrier_code(carrier: str) -> str:
    """eBay's code for the hub's carrier; «Other» where eBay knows none."""
    return CARRIERS.get(re.sub(r"[^a-z]", "", carrier.lower()), "Other")


def build_fulfillment(confirmation: ShipmentConfirmation) -> dict[str, Any]:
    return {
        "lineItems": [{"lineItemId": line_id, "quantity": quantity} for line_id, quantity in confirmation.lines],
        "shippedDate": iso_millis(confirmation.shipped_at),
        "shippingCarrierCode": carrier_code(confirmation.carrier),
        "trackingNumber": confirmation.tracking.strip(),
    }


def parse_fulfillments(rows: Sequence[Mapping[str, Any]], tracking: str) -> Found | NotFound:
    """The parcel with this tracking number, whatever case or spaces it was typed with."""
    wanted = _plain(tracking)
    for row in rows:
        if wanted and _plain(str(row.get("shipmentTrackingNumber") or "")) == wanted:
            facts = {"carrier": str(row.get("shippingCarrierCode") or "")}
            return Found(external_id=str(row.get("fulfillmentId") or tracking), facts=facts)
    return NotFound()


def find(client: Client, order_id: str, tracking: str) -> Found | NotFound:
    return parse_fulfillments(rest.get_shipping_fulfillments(client, order_id), tracking)


def confirm(client: Client, confirmation: ShipmentConfirmation) -> Outcome:
    problems = check(confirmation)
    if problems:
        return Refused(problems=problems)
    known = find(client, confirmation.order_id, confirmation.tracking)
    if isinstance(known, Found):
        return Applied(external_id=known.external_id)
    created = rest.create_shipping_fulfillment(client, confirmation.order_id, build_fulfillment(confirmation))
    return Applied(external_id=created or confirmation.tracking.strip())


def check(confirmation: ShipmentConfirmation) -> tuple[Problem, ...]:
    """What eBay would refuse, found without asking it."""
    problems = []
    if not _ALPHANUMERIC.fullmatch(confirmation.tracking.strip()):
        problems.append(
            Problem(
                code="tracking_characters",
                message="eBay takes only letters and digits in a tracking number, without spaces or hyphens.",
                field="tracking",
            )
        )
    if not confirmation.lines or any(quantity < 1 for _, quantity in confirmation.lines):
        problems.append(
            Problem(
                code="lines", message="A parcel for eBay needs at least one unit of each of its lines.", field="lines"
            )
        )
    return tuple(problems)


def _plain(tracking: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", tracking).upper()
