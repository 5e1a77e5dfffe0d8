"""Shipment twins: our parcels to Amazon's packages and back."""

from __future__ import annotations

from typing import Any

from hub.channels.amazon import remote
from hub.channels.contract import ChannelShipment, Found, NotFound, Problem, Refused, ShipmentConfirmation
from hub.kernel.clock import iso_millis

#: Amazon compares carrier codes by letter; these are its spellings, by the letters and digits of ours.
CARRIERS = {
    "bluepackage": "Blue Package",
    "canadapost": "Canada Post",
    "chronopost": "Chronopost",
    "citylink": "City Link",
    "deutschepost": "Deutsche Post",
    "dhl": "DHL",
    "dhlglobalmail": "DHL Global Mail",
    "dpd": "DPD",
    "fastway": "Fastway",
    "fedex": "FedEx",
    "fedexsmartpost": "FedEx SmartPost",
    "gls": "GLS",
    "go": "GO!",
    "hermes": "Hermes Logistik Gruppe",
    "hermeslogistikgruppe": "Hermes Logistik Gruppe",
    "laposte": "La Poste",
    "newgistics": "Newgistics",
    "nipponexpress": "NipponExpress",
    "ontrac": "OnTrac",
    "osm": "OSM",
    "parcelforce": "Parcelforce",
    "royalmail": "Royal Mail",
    "sagawaexpress": "SagawaExpress",
    "streamlite": "Streamlite",
    "target": "Target",
    "tnt": "TNT",
    "ups": "UPS",
    "upsmailinnovations": "UPS Mail Innovations",
    "upsmi": "UPSMI",
    "usps": "USPS",
    "yamatotransport": "YamatoTransport",
}
OTHER = "Other"


def carrier_code(carrier: str) -> str | None:
    """Amazon's code of a carrier, or None if it has none: then it is «Other» with the name beside it."""
    return CARRIERS.get("".join(ch for ch in carrier.casefold() if ch.isalnum()))


def check_shipment(confirmation: ShipmentConfirmation) -> Refused | None:
    """What Amazon is known to refuse, told without asking it; None if nothing."""
    problems = []
    if not confirmation.carrier.strip():
        problems.append(Problem(code="carrier_missing", message="Amazon needs a carrier.", field="carrier"))
    if not confirmation.tracking.strip():
        problems.append(Problem(code="tracking_missing", message="Amazon needs a tracking number.", field="tracking"))
    if not any(quantity > 0 for _, quantity in confirmation.lines):
        problems.append(Problem(code="parcel_empty", message="The parcel holds nothing.", field="lines"))
    if confirmation.package_number < 1:
        problems.append(Problem(code="package_number", message="Parcels are counted from 1.", field="package_number"))
    return Refused(problems=tuple(problems)) if problems else None


def build_shipment(confirmation: ShipmentConfirmation, marketplace_id: str) -> dict[str, Any]:
    """The body of confirmShipment.

    The parcel's number is the package reference: sending it again edits that package, so that a repeated confirmation
    leaves one (contracts README 2.5).
    """
    carrier = confirmation.carrier.strip()
    code = carrier_code(carrier)
    detail: dict[str, Any] = {
        "packageReferenceId": str(confirmation.package_number),
        "carrierCode": code or OTHER,
        "trackingNumber": confirmation.tracking.strip(),
        "shipDate": iso_millis(confirmation.shipped_at),
        "orderItems": [
            {"orderItemId": line_id, "quantity": quantity} for line_id, quantity in confirmation.lines if quantity > 0
        ],
    }
    if code is None:
        detail["carrierName"] = carrier
    if confirmation.service.strip():
        detail["shippingMethod"] = confirmation.service.strip()
    return {
        "marketplaceId": confirmation.order_facts.get("marketplace_id") or marketplace_id,
        "packageDetail": detail,
    }


def parse_package(package: remote.Package) -> ChannelShipment:
    return ChannelShipment(
        external_id=package.package_reference_id,
        tracking=package.tracking_number or "",
        carrier=package.carrier or "",
        lines=tuple((item.order_item_id, item.quantity) for item in package.package_items or ()),
    )


def find_parcel(order: remote.Order, tracking: str) -> Found | NotFound:
    """The package with this tracking number, compared without spaces and case. Cancelled packages do not count."""
    wanted = _plain(tracking)
    for package in order.packages or ():
        cancelled = package.package_status is not None and package.package_status.status == "CANCELLED"
        if wanted and not cancelled and _plain(package.tracking_number or "") == wanted:
            return Found(external_id=package.package_reference_id, facts={"carrier": package.carrier or ""})
    return NotFound()


def _plain(tracking: str) -> str:
    return "".join(tracking.split()).casefold()
