"""A shop to measure on: products, live listings on one account of the memory channel, and the orders of its buyers."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import select

from hub.channels.contract.records import (
    Address,
    Buyer,
    CancellationState,
    ChannelOrder,
    ChannelOrderLine,
    FulfilmentState,
    OrderTotals,
    PaymentState,
)
from hub.channels.memory.marketplace import Listing as OnMarket
from hub.channels.memory.marketplace import MemoryMarketplace, put_marketplace
from hub.db.session import unit
from hub.db.upsert import chunks, put_new
from hub.kernel.money import Money
from hub.pim import ledger, stock
from hub.pim.models import Listing, Product, Variant
from hub.wiring import add_account
from hub.work.models import Account
from tools.bench.places import START, Place

LOCATION = "main"
ATTRIBUTES = ("region", "country", "grape", "colour", "alcohol", "sweetness")
_names = count(1)


def sku_of(number: int) -> str:
    return f"BENCH-{number:07d}"


def fill(place: Place, variants: int, *, units: int = 1_000_000) -> None:
    """So many products of one variant each, with `units` on the shelf."""
    now = START
    with unit(place.sessions) as session:
        location = stock.add_location(session, LOCATION, "Main")
        for part in chunks(range(variants), 1000):
            products = put_new(
                session, Product,
                [
                    {
                        "handle": f"bench-{n}", "title": f"Wine {n}", "description": "", "brand": "", "category": "",
                        "axes": [], "images": [], "tags": [], "attributes": {}, "created_at": now, "updated_at": now,
                    }
                    for n in part
                ],
                key=("handle",), returning=("id", "handle"),
            )  # fmt: skip
            ids = {row.handle: row.id for row in products}
            made = put_new(
                session, Variant,
                [
                    {
                        "product_id": ids[f"bench-{n}"], "sku": sku_of(n), "options": {}, "position": 0,
                        "price_minor": 1290, "currency": "EUR", "created_at": now, "updated_at": now,
                    }
                    for n in part
                ],
                key=("sku",), returning=("id", "sku"),
            )  # fmt: skip
            ledger.post(
                session,
                [
                    ledger.Movement(
                        variant_id=row.id, location_id=location.id, kind="receive", delta=units,
                        token=f"bench:{row.sku}", reason="opening stock",
                    )
                    for row in made
                ],
                now,
            )  # fmt: skip


def open_account(place: Place) -> tuple[Account, MemoryMarketplace]:
    """An account on a new marketplace of this process."""
    name = f"bench-{next(_names)}"
    market = put_marketplace(MemoryMarketplace(name=name, clock=place.system.clock, api_key="bench"))
    account = add_account(
        place.system, channel="memory", name=name, settings={"marketplace": name},
        secrets={"api_key": "bench", "webhook_secret": "bench"}, currency="EUR", now=place.system.clock.now(),
    )  # fmt: skip
    return account, market


def list_everything(
    place: Place, account: Account, *, market: MemoryMarketplace | None = None, shown: int | None = None
) -> None:
    """A live listing for every variant, showing `shown`; on the marketplace too, if one is given."""
    now = place.system.clock.now()
    with unit(place.sessions) as session:
        rows = session.execute(select(Variant.id, Variant.product_id, Variant.sku).order_by(Variant.id)).all()
        if market is not None:
            for r in rows:
                market.listings[r.sku] = OnMarket(
                    sku=r.sku, external_id=f"X{r.id}", listing_key=f"bench-{r.id}", title=r.sku, description="",
                    price_minor=1290, currency="EUR", quantity=shown or 0, live_at=now,
                )  # fmt: skip
        for part in chunks(rows, 1000):
            put_new(
                session, Listing,
                [
                    {
                        "account_id": account.id, "variant_id": r.id, "product_id": r.product_id, "channel_sku": r.sku,
                        "external_id": f"X{r.id}", "facts": {}, "state": "live", "state_since": now, "issues": [],
                        "shown_by": "", "shown_quantity": shown, "shown_at": now,
                    }
                    for r in part
                ],
                key=("account_id", "variant_id"),
            )  # fmt: skip


def orders(number: int, hot_skus: int, *, seed: int = 1) -> list[ChannelOrder]:
    """So many paid orders of two lines, spread over `hot_skus` SKUs."""
    rng = random.Random(seed)
    out = []
    for n in range(number):
        skus = rng.sample(range(hot_skus), 2)
        at = START - timedelta(seconds=number - n)
        lines = tuple(
            ChannelOrderLine(
                line_id=f"L{n}-{place}",
                channel_sku=sku_of(sku),
                quantity=rng.randint(1, 2),
                title=f"Wine {sku}",
                unit_price=Money(minor=1290, currency="EUR"),
                tax=Money(minor=206, currency="EUR"),
            )
            for place, sku in enumerate(skus)
        )
        total = sum(line.quantity for line in lines) * 1290
        raw = json.dumps(
            {
                "id": n,
                "lines": [{"sku": line.channel_sku, "quantity": line.quantity} for line in lines],
                "note": "x" * 600,
            }
        )
        out.append(
            ChannelOrder(
                order_id=f"B-{n:08d}", placed_at=at, updated_at=at, currency="EUR", payment=PaymentState.PAID,
                fulfilment=FulfilmentState.UNFULFILLED, cancellation=CancellationState.NONE, lines=lines,
                totals=OrderTotals(total=Money(minor=total, currency="EUR"), items=Money(minor=total, currency="EUR")),
                ship_to=Address(
                    name=f"Buyer {n}", line1=f"Weinbergstraße {n % 200}", city="Zürich", postal_code="8001", country="CH",
                    phone="+41 44 123 45 67",
                ),
                buyer=Buyer(name=f"Buyer {n}", email=f"buyer{n}@example.org"), ship_by=at + timedelta(hours=30),
                service_code="Standard", raw=raw,
            )
        )  # fmt: skip
    return out


def product_rows(number: int, *, seed: int = 1) -> list[dict[str, str]]:
    """Rows of a product file in the layout `hub`: one product of one variant each, with everything a row can have."""
    rng = random.Random(seed)
    out = []
    for n in range(number):
        row = {
            "handle": f"wine-{n}", "title": f"Riesling Schieferterrasse {n} trocken",
            "description": f"<p>Grown on terraces so steep that every grape {n} comes down on somebody’s back.</p>"
            "<p>Bone dry, but never thin. <strong>Keeps for ten years.</strong></p>",
            "brand": f"Weingut {n % 300}", "category": "White wine", "tags": "riesling, dry, steep slope",
            "images": f"https://pictures.example/{n}/bottle.jpg|https://pictures.example/{n}/label.jpg",
            "sku": sku_of(n), "gtin": _gtin(n), "price": f"{rng.randint(500, 9000) / 100:.2f}", "cost": "4.20",
            "weight": "1.3", "weight_unit": "kg", "length": "8", "width": "8", "height": "31", "dimension_unit": "cm",
            f"stock:{LOCATION}": str(rng.randint(0, 200)),
        }  # fmt: skip
        row.update({f"attribute:{name}": f"{name} {n % 40}" for name in ATTRIBUTES})
        out.append(row)
    return out


def write_file(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _gtin(number: int) -> str:
    body = f"20{number:010d}"  # in-store numbers: nobody's
    weights = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return body + str(-weights % 10)
