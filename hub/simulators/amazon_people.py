"""Buyers of the simulated Amazon: a few people in Latin, Greek and Thai script, drawn by a seeded generator."""

from __future__ import annotations

import random
from collections.abc import Mapping

_PEOPLE = (
    ("Jürgen Müller-Lüdenscheidt", "Große Bleichen 7", "Hinterhaus, 2. OG", "Hamburg", "", "20354", "DE"),
    ("Anna Schmidt", "Torstraße 101", "", "Berlin", "", "10119", "DE"),
    ("Siobhán O'Brien", "12 Cois na hAbhann", "Gort", "Galway", "Co. Galway", "H91 X2Y3", "IE"),
    ("Łukasz Żółć", "ul. Świętojańska 44/3", "", "Gdynia", "", "81-393", "PL"),
    ("Γιώργος Παπαδόπουλος", "Λεωφόρος Κηφισίας 124", "", "Αθήνα", "Αττική", "115 26", "GR"),
    ("Ελένη Οικονόμου", "Τσιμισκή 18", "3ος όροφος", "Θεσσαλονίκη", "", "546 24", "GR"),
    ("สมชาย ใจดี", "99/1 ถนนสุขุมวิท", "แขวงคลองเตย", "กรุงเทพมหานคร", "กรุงเทพมหานคร", "10110", "TH"),
    ("พิมพ์ใจ ศรีสุข", "45 ถนนนิมมานเหมินท์", "ตำบลสุเทพ", "เชียงใหม่", "เชียงใหม่", "50200", "TH"),
)
#: Plain address words that a control call may use, and Amazon's own for them.
_ADDRESS_WORDS = {
    "line1": "addressLine1", "line2": "addressLine2", "line3": "addressLine3", "address1": "addressLine1",
    "address2": "addressLine2", "region": "stateOrRegion", "state": "stateOrRegion", "postal_code": "postalCode",
    "postcode": "postalCode", "zip": "postalCode", "country": "countryCode", "company": "companyName",
}  # fmt: skip
_ADDRESS_FIELDS = frozenset({
    "name", "companyName", "addressLine1", "addressLine2", "addressLine3", "city", "districtOrCounty", "stateOrRegion",
    "municipality", "postalCode", "countryCode", "phone", "addressType",
})  # fmt: skip
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def draw(
    rng: random.Random, domain: str, buyer: Mapping[str, str], ship_to: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """A buyer block and a delivery address, with what the caller fixed put over the drawn values.

    The mail address is Amazon's relay alias, never the buyer's own (it reaches the buyer only through Amazon).

    Raises:
        ValueError: a word in `buyer` or `ship_to` that an Amazon order has no place for.
    """
    name, line1, line2, city, region, postcode, country = rng.choice(_PEOPLE)
    alias = "".join(rng.choice(_ALPHABET) for _ in range(14))
    block = {"buyerName": name, "buyerEmail": f"{alias}@marketplace.{domain.removeprefix('www.')}"}
    words = {"name": "buyerName", "email": "buyerEmail", "company": "buyerCompanyName"}
    for key, value in buyer.items():
        block[words.get(key, key)] = value
    unknown = block.keys() - {"buyerName", "buyerEmail", "buyerCompanyName", "buyerPurchaseOrderNumber"}
    if unknown:
        raise ValueError(f"an Amazon buyer has no {sorted(unknown)}")
    given = {_ADDRESS_WORDS.get(key, key): value for key, value in ship_to.items()}
    if given.keys() - _ADDRESS_FIELDS:
        raise ValueError(f"an Amazon address has no {sorted(given.keys() - _ADDRESS_FIELDS)}")
    drawn = {
        "name": block["buyerName"], "addressLine1": line1, "addressLine2": line2, "city": city,
        "stateOrRegion": region, "postalCode": postcode, "countryCode": country, "addressType": "RESIDENTIAL",
    }  # fmt: skip
    # A caller's own address is not mixed with a drawn one: half of each is an address that nobody has.
    address = {"name": block["buyerName"], **given} if given else drawn
    return block, {key: value for key, value in address.items() if value}
