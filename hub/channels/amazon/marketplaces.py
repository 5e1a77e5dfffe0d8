"""Amazon's stores: what a marketplace id says about country, currency and language.

Ids: contracts README 2.2 and the SDK's own table. A store missing here works too: its currency is then read from
prices, and texts are sent as British English.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Marketplace:
    """One store. `currency` is empty when the store is unknown to this table."""

    marketplace_id: str
    country: str
    currency: str
    language: str


_ROWS = """
A1PA6795UKMFR9 DE EUR de_DE
A13V1IB3VIYZZH FR EUR fr_FR
APJ6JRA9NG5V4  IT EUR it_IT
A1RKKUPIHCS9HS ES EUR es_ES
A1805IZSGTT6HS NL EUR nl_NL
AMEN7PMS3EDWL  BE EUR fr_BE
A28R8C7NBKEWEA IE EUR en_IE
A1F83G8C2ARO7P GB GBP en_GB
A2NODRKZP88ZB9 SE SEK sv_SE
A1C3SOZRARQ6R3 PL PLN pl_PL
A33AVAJ2PDY3EV TR TRY tr_TR
A2VIGQ35RCS4UG AE AED en_AE
A21TJRUUN4KGV  IN INR en_IN
ATVPDKIKX0DER  US USD en_US
A2EUQ1WTGCTBG2 CA CAD en_CA
A1AM78C64UM0Y8 MX MXN es_MX
A2Q3Y263D00KWC BR BRL pt_BR
A19VAU5U5O7RUS SG SGD en_SG
A39IBJ37TRP1C6 AU AUD en_AU
A1VC38T7YXB528 JP JPY ja_JP
"""

_KNOWN = {
    row[0]: Marketplace(marketplace_id=row[0], country=row[1], currency=row[2], language=row[3])
    for row in (line.split() for line in _ROWS.strip().splitlines())
}


def marketplace(marketplace_id: str) -> Marketplace:
    """The store of an id; an unknown one has no currency and writes British English."""
    known = _KNOWN.get(marketplace_id)
    return known or Marketplace(marketplace_id=marketplace_id, country="", currency="", language="en_GB")
