"""Finding products in a large catalogue: words, parts of words, filters, facets and pages."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hub.db.session import Sessions, reading, unit
from hub.db.upsert import chunks, put_new
from hub.pim.attributes.models import Attribute, AttributeOption
from hub.pim.models import Product, StockPosition, Variant
from hub.pim.search import query as q
from hub.pim.search import rebuild
from hub.pim.search.facets import facets, suggest
from hub.pim.search.find import count, page
from hub.pim.stock import add_location
from tools.bench.figures import Bar, Figure, percentile, timed
from tools.bench.places import START, Place, fresh
from tools.bench.sizes import Size

PAGE = 50
_FIRST = ("Red", "White", "Rosé", "Sparkling", "Dry", "Sweet", "Old", "Young", "Organic", "Reserve")
_GRAPE = ("Riesling", "Merlot", "Pinot", "Syrah", "Chardonnay", "Malbec", "Barbera", "Gamay", "Tempranillo", "ไวน์แดง")
_PLACE = ("Mosel", "Rioja", "Napa", "Barossa", "Piemonte", "Loire", "Wachau", "Mendoza", "Maipo", "Douro")
_COLOURS = ("red", "white", "rose", "orange", "grey")
_STATES = ("approved",) * 8 + ("draft", "archived")


def fill(place: Place, number: int) -> float:
    """So many products of one variant each, with stock; returns the seconds that indexing them for search took."""
    chance = random.Random(7)
    with unit(place.sessions) as session:
        location = add_location(session, "main", "Main").id
        for code, kind in (("colour", "choice"), ("alcohol", "number")):
            row = Attribute(code=code, label=code, labels={}, help="", type=kind, unit="", rules={}, filterable=True,
                            searchable=code == "colour")  # fmt: skip
            session.add(row)
            session.flush()
            if kind == "choice":
                session.add_all(
                    AttributeOption(attribute_id=row.id, code=c, label=c.capitalize(), labels={}) for c in _COLOURS
                )
    for part in chunks(range(number), 5_000):
        with unit(place.sessions) as session:
            _put(session, part, chance, location)
    started = timed(lambda: _index(place.sessions))
    place.settled()
    return started


def _put(session: Any, part: Sequence[int], chance: random.Random, location: int) -> None:
    made = put_new(
        session, Product,
        [
            {
                "handle": f"bench-{n}", "description": "<p>From steep slopes, picked by hand.</p>", "axes": [],
                "title": f"{chance.choice(_FIRST)} {chance.choice(_GRAPE)} {chance.choice(_PLACE)} wine {n}",
                "brand": f"Maker {int(chance.paretovariate(0.6)) % 500:03}", "category": f"Type {n % 40}",
                "images": ["https://example.com/1.jpg"] if n % 10 else [], "tags": [f"tag{n % 25}"],
                "values": {"colour": {"": chance.choice(_COLOURS)}, "alcohol": {"": str(chance.randrange(8, 16))}},
                "state": _STATES[n % 10], "stock_class": "finished", "version": 0, "created_at": START,
                "updated_at": START,
            }
            for n in part
        ],
        key=("handle",), returning=("id", "handle"),
    )  # fmt: skip
    variants = put_new(
        session, Variant,
        [
            {
                "product_id": row.id, "sku": f"BENCH-{row.handle[6:].zfill(8)}", "gtin": None, "options": {},
                "position": 0, "price_minor": chance.randrange(300, 30_000), "currency": "EUR", "values": {},
                "is_kit": False, "version": 0, "created_at": START, "updated_at": START,
            }
            for row in made
        ],
        key=("sku",), returning=("id",),
    )  # fmt: skip
    put_new(
        session, StockPosition,
        [
            {"variant_id": v.id, "location_id": location, "on_hand": v.id % 20, "reserved": 0, "version": 0}
            for v in variants
        ],
        key=("variant_id", "location_id"),
    )  # fmt: skip


def _index(sessions: Sessions) -> None:
    last, done = 0, 1
    while done:
        with unit(sessions) as session:
            last, done = rebuild.step(session, START, after=last)


def cases(number: int) -> Iterator[tuple[str, Callable[[Any, random.Random], object], bool]]:
    """(what, how it is read once, whether it is a page with a bar)."""

    def asked(make: Callable[[random.Random], q.Query]) -> Callable[[Any, random.Random], object]:
        return lambda session, chance: page(session, make(chance), limit=PAGE)

    def brand(chance: random.Random) -> q.Filter:
        return q.Is(field="brand", values=(f"Maker {chance.randrange(500):03}",))

    def words(chance: random.Random) -> str:
        return f"{chance.choice(_FIRST)} {chance.choice(_GRAPE)} {chance.choice(_PLACE)}"

    def deep(session: Any, chance: random.Random) -> object:
        low = q.Price(low=chance.randrange(300, 20_000))
        first = page(session, q.Query(filter=low, sort="price"), limit=1).next
        return page(session, q.Query(filter=low, sort="price"), after=first or "", limit=PAGE)

    approved = q.Is(field="state", values=("approved",))
    yield "first page", asked(lambda c: q.Query(sort="title")), True
    yield "three words", asked(lambda c: q.Query(text=words(c))), True
    yield "a word in every title", asked(lambda c: q.Query(text="wine")), True
    yield "a beginning", asked(lambda c: q.Query(text=c.choice(_GRAPE)[:3])), True
    yield "two letters", asked(lambda c: q.Query(text=c.choice(("ri", "re", "wi", "ma")))), True
    yield "a SKU", asked(lambda c: q.Query(text=f"bench-{c.randrange(number):08}")), True
    yield "a part of SKUs", asked(lambda c: q.Query(text=f"{c.randrange(number // 100, number // 10)}")), True
    yield "nothing found", asked(lambda c: q.Query(text=f"absent{c.random()}")), True
    yield "a brand, by title", asked(lambda c: q.Query(filter=brand(c), sort="title")), True
    yield "a brand, latest first", asked(lambda c: q.Query(filter=brand(c), sort="updated", descending=True)), True
    yield (
        "approved, colour, price, by price",
        asked(
            lambda c: q.Query(
                filter=q.All(
                    parts=(approved, q.AttributeIs(code="colour", values=("red",)), q.Price(low=1000, high=1500))
                ),
                sort="price",
            )
        ),
        True,
    )
    yield (
        "words or tag, not a brand",
        asked(
            lambda c: q.Query(
                text=c.choice(_GRAPE),
                filter=q.AnyOf(parts=(q.Not(part=brand(c)), q.Is(field="tag", values=("tag3",)))),
            )
        ),
        True,
    )
    yield "out of stock, by title", asked(lambda c: q.Query(filter=q.Available(high=0), sort="title")), True
    yield "words, by price", asked(lambda c: q.Query(text="wine", sort="price")), True
    yield "two pages by price from anywhere", deep, True
    yield "suggestions", lambda s, c: suggest(s, c.choice(_GRAPE)[:3]), False
    yield "counted up to 10,000", lambda s, c: count(s, q.Query(text=c.choice(_GRAPE))), False
    names = ("brand", "category", "state", "tag", "colour")
    yield "five facets of three words", lambda s, c: facets(s, q.Query(text=words(c)), names), False
    yield "five facets of a tenth", lambda s, c: facets(s, q.Query(text=c.choice(_GRAPE)), names), False
    yield "five facets of everything", lambda s, c: facets(s, q.Query(), names), False


def _floor(place: Place, reads: int) -> list[float]:
    """Milliseconds of the least that a page can be: 50 rows of a table by its key, by the bare driver."""
    sql = "SELECT id, handle, title, brand, state, updated_at FROM products WHERE id > {} ORDER BY id LIMIT 50"
    query = sql.format("?" if place.kind == "sqlite" else "%s")
    chance = random.Random(1)
    with place.plain() as connection:
        return [
            timed(lambda: connection.execute(query, (chance.randrange(1, 100),)).fetchall()) * 1000
            for _ in range(reads)
        ]


def measure(kind: str, size: Size) -> list[Figure]:
    """Reads behind pages (not their HTML), each with other words and in a unit of its own."""
    with fresh(kind) as place:
        seconds = fill(place, size.products)
        figures = [
            Figure(area="search", name="indexed for search", database=kind, unit="rows/s", hub=size.products / seconds)
        ]
        for name, work, barred in cases(size.products):
            chance = random.Random(name)
            waits, floor = [], _floor(place, size.reads)
            for number in range(size.reads + 2):

                def once(work: Callable[[Any, random.Random], object] = work, chance: random.Random = chance) -> None:
                    with reading(place.sessions) as session:
                        work(session, chance)

                took = timed(once) * 1000
                if number >= 2:  # the first two only warm up
                    waits.append(took)
            for share, bar in ((0.5, 25.0), (0.95, 60.0)):
                hub, least = percentile(waits, share), percentile(floor, share)
                figures.append(
                    Figure(
                        area="search", name=f"{name}, {size.products:,} products, p{round(share * 100)}", unit="ms",
                        database=kind, hub=hub, floor=least, ratio=least / hub, bar=Bar(hub=bar) if barred else Bar(),
                        runs=size.reads,
                    )
                )  # fmt: skip
        return figures
