"""Importing a product file, and importing it again."""

from __future__ import annotations

import json

from hub.db.session import unit
from hub.pim import stock
from hub.pim.importing import import_products
from tools.bench import floor, shop
from tools.bench.figures import Bar, Figure, bar_for, speed, timed
from tools.bench.places import Place, fresh
from tools.bench.sizes import Size


def _import(place: Place, created: int, unchanged: int) -> None:
    report = import_products(
        place.sessions, place.home / "products.csv", "hub", currency="EUR", dry_run=False, clock=place.system.clock
    )
    found = (report.variants.get("created", 0), report.variants.get("unchanged", 0), report.errors)
    if found != (created, unchanged, 0):
        raise AssertionError(f"the file was not imported as it should be: {found}")


def measure(kind: str, size: Size) -> list[Figure]:
    """Products of one variant with six attributes, two pictures, sizes, GTIN and opening stock: read, checked, written."""
    first: list[tuple[float, float]] = []
    again: list[tuple[float, float]] = []
    for run in range(size.runs):
        rows = shop.product_rows(size.rows, seed=run)
        plain = [
            (
                row["sku"], row["title"], row["description"], row["brand"], row["category"], row["gtin"],
                int(row["price"].replace(".", "")), "EUR", 1300,
                json.dumps({name: row[f"attribute:{name}"] for name in shop.ATTRIBUTES}),
            )
            for row in rows
        ]  # fmt: skip
        counts = [int(row[f"stock:{shop.LOCATION}"]) for row in rows]
        with fresh(kind) as place:
            with unit(place.sessions) as session:
                stock.add_location(session, shop.LOCATION, "Main")
            shop.write_file(place.home / "products.csv", rows)
            with place.plain() as connection:
                floor.prepare(kind, connection)
                place.settled()
                floor_first = timed(lambda c=connection, p=plain, n=counts: floor.put_products(kind, c, p, n))
                floor_again = timed(lambda c=connection, p=plain, n=counts: floor.put_products(kind, c, p, n))
            place.settled()
            first.append((floor_first, timed(lambda p=place: _import(p, size.rows, 0))))
            place.settled()
            again.append((floor_again, timed(lambda p=place: _import(p, 0, size.rows))))
    return [
        speed("catalogue", "product file imported", kind, size.rows, first, bar_for(kind, 2_500, 0.20)),
        speed("catalogue", "the same file again", kind, size.rows, again, Bar()),
    ]
