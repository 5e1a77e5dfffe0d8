"""Invented customers for the simulated shop, in several scripts; e-mail addresses are under example domains."""

from __future__ import annotations

import random
from dataclasses import dataclass

_NAMES = (
    ("Jörg", "Müller-Weiß"), ("Anna", "Schäfer"), ("Łukasz", "Żółkiewski"), ("Zoë", "Brontë"), ("Søren", "Ærøskøbing"),
    ("Ελένη", "Παπαδοπούλου"), ("Иван", "Кузнецов"), ("Olena", "Шевченко"), ("美咲", "山田"), ("伟", "王"),
    ("فاطمة", "الزهراء"), ("נועה", "כהן"), ("Nguyễn", "Thị Ánh"), ("José María", "O’Connor Ibáñez"), ("Ece", "Işık"),
    ("", "Madonna"), ("Þórdís", "Guðmundsdóttir"), ("अनन्या", "शर्मा"), ("Renée 🌻", "Dubois"), ("Jan", "van der Berg"),
)  # fmt: skip
_PLACES = (
    ("Hauptstraße 7", "", "Köln", "", "", "50667", "Germany", "DE"),
    ("Grünebergstraße 100 ½", "Hinterhaus, 3. OG", "Düsseldorf", "", "", "40210", "Germany", "DE"),
    ("Naschmarkt 12/4", "", "Wien", "", "", "1060", "Austria", "AT"),
    ("Rue de l’Église 5", "Bât. C", "Liège", "", "", "4000", "Belgium", "BE"),
    ("ul. Świętokrzyska 31", "m. 8", "Łódź", "", "", "90-001", "Poland", "PL"),
    ("Οδός Ερμού 22", "", "Αθήνα", "", "", "105 63", "Greece", "GR"),
    ("Nørrebrogade 45", "2. th", "København", "", "", "2200", "Denmark", "DK"),
    ("12 O’Connell Street", "Apt 4", "Dublin", "Dublin", "D", "D01 F5P2", "Ireland", "IE"),
    ("Calle Núñez de Balboa 9", "", "Madrid", "Madrid", "M", "28001", "Spain", "ES"),
    ("道玄坂1丁目2-3", "渋谷ビル 4F", "渋谷区", "東京都", "JP-13", "150-0043", "Japan", "JP"),
)  # fmt: skip
_COMPANIES = ("", "", "", "Gebrüder Groß & Söhne GmbH", "Café «Zum Löwen»", "O’Neill Ltd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    first_name: str
    last_name: str
    email: str
    phone: str | None
    address: dict[str, str]


def person(seed: int, number: int) -> Person:
    """The customer of order `number`: always the same one for the same seed."""
    rng = random.Random(f"{seed}:{number}")
    first, last = rng.choice(_NAMES)
    street, second, city, province, province_code, code, country, country_code = rng.choice(_PLACES)
    name = f"{first} {last}".strip()
    phone = f"+49 30 {rng.randint(100000, 999999)}" if rng.random() < 0.6 else None
    address = {
        "name": name, "company": rng.choice(_COMPANIES), "address1": street, "address2": second, "city": city,
        "province": province, "provinceCode": province_code, "zip": code, "country": country,
        "countryCode": country_code, "phone": phone or "",
    }  # fmt: skip
    email = f"buyer{rng.randint(1, 5000)}@{rng.choice(('example.com', 'example.org', 'xn--mller-kva.example'))}"
    return Person(first_name=first, last_name=last, email=email, phone=phone, address=address)
