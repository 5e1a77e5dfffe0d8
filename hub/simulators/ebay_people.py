"""Who buys in the simulated shop: invented people and places in several scripts."""

from __future__ import annotations

import random

# name, company, line 1, line 2, city, region, postal code, country, phone
_PEOPLE = (
    ("Jürgen Größler", "", "Königsstraße 7", "", "Düsseldorf", "Nordrhein-Westfalen", "40212", "DE", "+49 211 5550101"),
    ("Anna Müller-Lüdenscheidt", "Blumen & Söhne GbR", "Am Plärrer 12", "2. OG", "Nürnberg", "Bayern", "90429", "DE",
     "+49 911 5550102"),
    ("Łukasz Żółć", "", "ul. Świętokrzyska 3/14", "", "Kraków", "Małopolskie", "30-015", "PL", "+48 12 5550103"),
    ("Ελένη Παπαδοπούλου", "", "Οδός Ερμού 45", "", "Αθήνα", "Αττική", "105 63", "GR", "+30 21 05550104"),
    ("Олена Коваль", "", "вул. Хрещатик 22, кв. 8", "", "Київ", "", "01001", "UA", "+380 44 5550105"),
    ("山田 花子", "", "千代田1-1", "コーポ桜 203号", "千代田区", "東京都", "100-0001", "JP", "+81 3 5555 0106"),
    ("O'Brien, Siobhán", "", "1 Sráid na Bainríona", "", "Dublin", "Leinster", "D02 X285", "IE", "+353 1 5550107"),
    ("José Ángel Núñez", "", "Calle del Pez 9, 3º B", "", "Madrid", "Madrid", "28004", "ES", "+34 91 5550108"),
    ("Jean-François L'Hôte", "Ets. <L'Hôte> & Cie", "12 rue de l'Église", "Bât. C", "Strasbourg", "", "67000", "FR",
     "+33 3 5555 0109"),
    ("Mary Smith", "", "500 W Main St", "Apt 4", "Springfield", "IL", "62701", "US", "+1 217 555 0110"),
    ("𠮷野 太郎", "", "北野町3-2", "", "神戸市", "兵庫県", "650-0002", "JP", "+81 78 555 0111"),
    ("Zoë van 't Hoff", "", "Prinsengracht 1", "", "Amsterdam", "NH", "1015 DK", "NL", "+31 20 5550112"),
)  # fmt: skip
_FIELDS = ("name", "company", "line1", "line2", "city", "region", "postal_code", "country", "phone")


def somebody(rng: random.Random, number: int) -> tuple[dict[str, str], dict[str, str]]:
    """A buyer (name, handle, email) and where to ship: plain words, drawn from `rng`."""
    person = dict(zip(_FIELDS, rng.choice(_PEOPLE), strict=True))
    handle = f"kauf_{rng.randint(1000, 9999)}_{number}"
    return {"name": person["name"], "handle": handle, "email": f"{handle}@members.ebay.com"}, person
