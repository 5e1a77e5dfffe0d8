"""A small shop day in fixed steps, each of which may be taken again: what a crash test kills and starts anew.

`python -m tests.crash.scene FOLDER [KIND]` plays it (or carries out what is due of one kind of work) as a process of
its own on the hub of HUB_HOME; FOLDER holds the shared
clock and `places.json`, the addresses of the three marketplaces, which live elsewhere and survive. Played to its end, the
scene has brought in a catalogue and two later files, published four products on three marketplaces, sold three orders on
each, received and written off stock, shipped everything (every second order in two parcels), and come to rest.

Whoever plays it again after a kill does what people do: imports the file again, ships again what is not ticked off. No
step asks how far the killed hub came, except buyers, who do not buy twice because a hub died.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from hub import config, wiring
from hub.db.session import reading, unit
from hub.demo.marketplaces import Marketplace
from hub.demo.shop import account_of
from hub.kernel.clock import SharedClock
from hub.orders import fulfilment
from hub.orders.models import Order, OrderLine
from hub.pim import listings, stock, workers
from hub.pim.bulk import run as bulk
from hub.pim.bulk.actions import Formula
from hub.pim.bulk.selection import Selection
from hub.pim.demo import seed
from hub.pim.history.models import AuditRow
from hub.pim.history.note import By
from hub.pim.importing import import_products
from hub.pim.jobs import run
from hub.pim.jobs.models import Job
from hub.pim.models import Listing, Product
from hub.sync import relay
from hub.wiring import System
from hub.work import items, reads
from hub.work.kinds import RECONCILE
from hub.work.models import Account, WorkItem

PRODUCTS = 4
ORDERS_EACH = 3
UNITS = 2  # of every order
DEARER = 10  # cents that the bulk edit adds
SHOPKEEPER = By(kind="person", name="shopkeeper")
STEP = timedelta(minutes=6)  # longer than any marketplace's rhythm of pulls and than it takes to show an order
ROUNDS = 20


class NoRestError(AssertionError):
    """The hub still has something to do after two hours."""


# ------------------------------------------------------------------ the goods


def goods() -> list[dict[str, str]]:
    """Rows of the demo's catalogue: its first products, the very first with two variants, the others with one."""
    with (files("hub.pim") / "demo" / "wines.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    handles = list(dict.fromkeys(row["handle"] for row in rows))[:PRODUCTS]
    of = {handle: [row for row in rows if row["handle"] == handle] for handle in handles}
    return [row for number, handle in enumerate(handles) for row in of[handle][: 2 if number == 0 else 1]]


def write_files(folder: Path) -> None:
    """The catalogue, a new price list, and one more: what is imported in the course of the day."""
    rows = goods()
    _write(folder / "catalogue.csv", rows)
    for name, cents in (("prices-1.csv", 50), ("prices-2.csv", 75)):
        priced = [{**row, "price": f"{float(row['price']) + cents / 100:.2f}"} for row in rows]
        _write(folder / name, [{k: v for k, v in row.items() if not k.startswith("stock:")} for row in priced])


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)


def movements() -> list[tuple[str, int]]:
    """Stock that comes in and is written off at noon: SKU and units."""
    skus = [row["sku"] for row in goods()]
    return [(skus[0], 7), (skus[1], -3), (skus[2], 5)]


def expected_on_hand(places: Mapping[str, Marketplace]) -> dict[str, int]:
    """What must lie on the shelves in the end: opened, moved at noon, and shipped is all that was ever sold."""
    count = {row["sku"]: int(row["stock:main"] or 0) + int(row["stock:shop"] or 0) for row in goods()}
    for sku, units in movements():
        count[sku] += units
    for place in places.values():
        for order in place.ledger()["orders"]:
            for line in order["lines"]:
                count[line["sku"]] -= line["quantity"]
    return count


# ------------------------------------------------------------------ the day


def play(
    system: System,
    places: Mapping[str, Marketplace],
    clock: SharedClock,
    folder: Path,
    *,
    work: Callable[[], object] | None = None,
    noon: Callable[[], object] = lambda: None,
) -> None:
    """The whole day, from wherever it is. `work` carries out what is due (default: this thread does); `noon` is called
    when orders wait to be pulled and new stock and prices wait to be sent.

    Raises:
        NoRestError: the hub does not come to rest.
    """
    morning(system, places, clock, folder, work=work)
    buy(places, 2)
    bring_in(system, folder / "prices-1.csv")
    move_stock(system)
    noon()
    calm(system, clock, work)
    ship(system)
    buy(places, ORDERS_EACH)
    calm(system, clock, work)
    bring_in(system, folder / "prices-2.csv")
    reprice(system)
    evening(system, clock, work=work)


def morning(
    system: System,
    places: Mapping[str, Marketplace],
    clock: SharedClock,
    folder: Path,
    *,
    work: Callable[[], object] | None = None,
) -> None:
    """Bring in the catalogue, open the accounts, and have everything live."""
    with unit(system.sessions) as session:
        seed.define_wine(session, clock.now())
        stock.add_location(session, "main", "Cellar", 10)
        stock.add_location(session, "shop", "Shop", 20)
    bring_in(system, folder / "catalogue.csv")
    open_shop(system, places)
    calm(system, clock, work)


def evening(system: System, clock: SharedClock, *, work: Callable[[], object] | None = None) -> None:
    """Ship what is left, compare with the channels, rest."""
    ship(system)
    with unit(system.sessions) as session:
        for account_id in session.scalars(select(Account.id)).all():
            items.want(session, RECONCILE, account_id, "*", clock.now())
    calm(system, clock, work)


def bring_in(system: System, path: Path) -> None:
    report = import_products(system.sessions, path, "hub", currency="EUR", dry_run=False, clock=system.clock)
    assert report.errors == 0, report.results


def reprice(system: System) -> None:
    """A bulk edit that must happen to every variant once: what was begun by a hub that died goes on where it was."""
    workers.load()
    with unit(system.sessions) as session:
        job = session.scalars(select(Job).where(Job.kind == "bulk")).first()
        if job is None:
            names = tuple(sorted({row["handle"] for row in goods()}))
            action = Formula(field="price", expression=f"price + {DEARER / 100}")
            job = bulk.start(session, Selection(names=names), (action,), SHOPKEEPER, system.clock.now())
        number = job.id
    with unpaced():
        run.run(system.sessions, system.clock, number, take_over=True)
    assert run.view(system.sessions, number).state == "done"


@contextmanager
def unpaced() -> Iterator[None]:
    """A product per step: a bulk edit of four products has four."""
    usual, bulk.STEP = bulk.STEP, 1
    try:
        yield
    finally:
        bulk.STEP = usual


def repriced(system: System) -> dict[str, int]:
    """How often the bulk edit changed each variant: by the history, for a hub that starts anew imports older prices."""
    rows = AuditRow.subject_key, func.count()
    with reading(system.sessions) as session:
        query = select(*rows).where(AuditRow.source.like("bulk:%")).group_by(AuditRow.subject_key)
        return dict(session.execute(query).tuples().all())


def open_shop(system: System, places: Mapping[str, Marketplace]) -> None:
    now = system.clock.now()
    for channel, place in places.items():
        with reading(system.sessions) as session:
            known = session.scalars(select(Account).where(Account.name == channel)).first()
        if known is None:
            reach = account_of(place)
            wiring.add_account(
                system, channel=channel, name=channel, settings=reach.settings, secrets=reach.secrets, currency="EUR",
                now=now,
            )  # fmt: skip
    with unit(system.sessions) as session:
        products = list(session.scalars(select(Product.id)))
        for account in session.scalars(select(Account).order_by(Account.id)).all():
            if not session.scalar(select(func.count()).select_from(Listing).where(Listing.account_id == account.id)):
                listings.want_published(session, account, products, now)


def calm(system: System, clock: SharedClock, work: Callable[[], object] | None = None) -> None:
    """Let time pass in steps until no work is open. `work` carries out what is due (default: this thread does)."""
    carry_out = work or (lambda: relay.drain(system.hub))
    for _ in range(ROUNDS):
        clock.advance(STEP)
        relay.tick(system.hub)
        carry_out()
        if open_work(system) == 0:
            return
    raise NoRestError(f"still open: {still_open(system)}")


def open_work(system: System) -> int:
    with reading(system.sessions) as session:
        return reads.open_work(session)


def still_open(system: System) -> list[str]:
    with reading(system.sessions) as session:
        rows = session.scalars(select(WorkItem).where(WorkItem.state != "done").limit(10)).all()
        return [f"{r.account_id} {r.kind} {r.key} {r.state} {r.phase} {r.last_code} {r.last_message}" for r in rows]


def buy(places: Mapping[str, Marketplace], total: int) -> None:
    """Buyers order until every marketplace has had `total` orders."""
    for place in places.values():
        ledger = place.ledger()
        skus = sorted(row["sku"] for row in ledger["listings"] if row["state"] == "live" and row["quantity"] >= UNITS)
        for number in range(len(ledger["orders"]), total):
            lines: list[dict[str, Any]] = [{"sku": skus[number % len(skus)], "quantity": UNITS}]
            assert place.post("orders", {"lines": lines}) is not None, (place.channel, number)


def move_stock(system: System) -> None:
    for sku, units in movements():
        change = stock.StockChange(
            sku=sku, location="main", delta=units, kind="receive" if units > 0 else "adjust", token=f"noon:{sku}"
        )
        with unit(system.sessions) as session:
            stock.change(session, change, system.clock.now())


def ship(system: System) -> None:
    """Ship every order, every second one in two parcels; an order that left already is shipped again (and is not)."""
    with reading(system.sessions) as session:
        orders = session.execute(
            select(Order.id, Order.channel_order_id, OrderLine.id.label("line"))
            .join(OrderLine, OrderLine.order_id == Order.id)
            .order_by(Order.id)
        ).all()
    for order in orders:
        parcels = [1] * UNITS if order.id % 2 else [UNITS]
        for number, units in enumerate(parcels, 1):
            parcel = fulfilment.RecordShipment(
                order_id=order.id, carrier="dhl", tracking=f"EN{order.id:06d}{number:03d}", lines=((order.line, units),),
                shipped_at=system.clock.now(), source="hand", by="warehouse",
            )  # fmt: skip
            with unit(system.sessions) as session:
                fulfilment.record_shipment(session, parcel, system.clock.now())


def parcels_expected(system: System) -> int:
    with reading(system.sessions) as session:
        return sum(UNITS if order_id % 2 else 1 for order_id in session.scalars(select(Order.id)))


def main(folder: Path, kind: str = "") -> None:
    """Play the scene as a process of its own, or carry out only what is due of one kind of work."""
    urls: dict[str, str] = json.loads((folder / "places.json").read_text("utf-8"))
    with httpx.Client(timeout=30.0, trust_env=False) as client:
        places = {channel: Marketplace(channel=channel, url=url, client=client) for channel, url in urls.items()}
        clock = SharedClock(folder / "clock")
        system = wiring.build(config.load(), clock=clock)
        try:
            if kind:
                relay.drain(system.hub, kinds=(kind,))
            else:
                play(system, places, clock, folder)
        finally:
            system.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
