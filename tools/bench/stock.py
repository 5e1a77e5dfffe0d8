"""Setting stock with its ledger and work rows, the delay until a push is claimed, and pushes that need not be made."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from hub.channels.memory.marketplace import MemoryMarketplace
from hub.db.session import reading, unit
from hub.db.upsert import chunks
from hub.kernel.clock import SystemClock, pause
from hub.kernel.ids import AccountId
from hub.pim import stock
from hub.pim.models import Listing
from hub.pim.stock import StockChange, StockCount
from hub.sync import push_stock
from hub.sync.embedded import Embedded
from hub.work.models import Account, Attempt, Cursor, WorkItem
from tools.bench import floor, shop
from tools.bench.figures import Bar, Figure, bar_for, percentile, speed, timed
from tools.bench.places import START, Place, fresh
from tools.bench.sizes import Size

UNIT_ROWS = 1_000


def set_all(place: Place, levels: Sequence[tuple[str, int]], mark: str) -> int:
    """Set every count; returns how many changed."""
    changed = 0
    for part in chunks(levels, UNIT_ROWS):
        counts = [StockCount(sku=sku, location=shop.LOCATION, counted=n, token=f"{mark}:{sku}") for sku, n in part]
        with unit(place.sessions) as session:
            changed += sum(level.changed != 0 for level in stock.count_many(session, counts, START))
    return changed


def _set(place: Place, levels: Sequence[tuple[str, int]], expected: int) -> float:
    """Seconds to set them all; so many must have changed, or there is nothing to report."""
    started = time.perf_counter()
    changed = set_all(place, levels, "count")
    seconds = time.perf_counter() - started
    if changed != expected:
        raise AssertionError(f"{changed} counts changed instead of {expected}")
    return seconds


def measure_set(kind: str, size: Size) -> list[Figure]:
    """Counts by SKU: position, ledger line and a stock push wanted for its listing, 1,000 to a unit."""
    runs: list[tuple[float, float]] = []
    again: list[tuple[float, float]] = []
    levels = [(shop.sku_of(n), 50 + n % 400) for n in range(size.rows)]
    for _ in range(size.runs):
        with fresh(kind) as place:
            shop.fill(place, size.rows, units=7)
            account, _market = shop.open_account(place)
            shop.list_everything(place, account, shown=7)
            with place.plain() as connection:
                floor.prepare(kind, connection)
                floor.put_products(kind, connection, [(sku, *[None] * 9) for sku, _ in levels], [7] * size.rows)
                place.settled()
                floor_s = timed(lambda c=connection: floor.put_stock(kind, c, levels))
                floor_again = timed(lambda c=connection: floor.put_stock(kind, c, levels))
            place.settled()
            runs.append((floor_s, _set(place, levels, size.rows)))
            place.settled()
            again.append((floor_again, _set(place, levels, 0)))
    return [
        speed("stock", "set by SKU, ledger and work rows included", kind, size.rows, runs, bar_for(kind, 10_000, 0.45)),
        speed("stock", "the same counts sent again", kind, size.rows, again, Bar()),
    ]


def _know_orders(place: Place, account: Account, now: datetime) -> None:
    """All orders up to now are known: a number may be raised."""
    with unit(place.sessions) as session:
        session.merge(Cursor(account_id=account.id, name="orders", value="", covered_until=now, updated_at=now))


def measure_delay(kind: str, size: Size) -> list[Figure]:
    """Single changes at a steady rate while the embedded workers run; from the commit of each to the first push claimed
    after it, and to the request that reached the marketplace."""
    with fresh(kind, SystemClock()) as place:
        shop.fill(place, size.pushes, units=50)
        account, market = shop.open_account(place)
        shop.list_everything(place, account, market=market, shown=50)
        with reading(place.sessions) as session:
            listing = dict(session.execute(select(Listing.channel_sku, Listing.id)).tuples().all())
        embedded = Embedded(place.system.hub).start()
        committed: dict[str, datetime] = {}
        try:
            pause(1.5)  # the first order pull
            began = time.perf_counter()
            for n in range(size.pushes):
                sku = shop.sku_of(n)
                with unit(place.sessions) as session:
                    change = StockChange(sku=sku, location=shop.LOCATION, delta=-1, token=f"delay:{n}")
                    stock.change(session, change, place.system.clock.now())
                committed[sku] = place.system.clock.now()
                pause(max(0.0, began + (n + 1) / size.rate - time.perf_counter()))
            _wait_until_idle(place, limit_s=30)
        finally:
            embedded.stop()
        claimed = _claims(place, listing, committed)
        wire = _arrivals(market, committed)
    figures = []
    for what, waits, bars in (("claimed", claimed, (None, None)), ("on the wire", wire, (1000.0, 5000.0))):
        if len(waits) != len(committed):
            raise AssertionError(f"{len(committed)} changes, but {len(waits)} pushes {what}")
        for share, bar in zip((0.5, 0.95, 0.99), (None, *bars), strict=True):
            name = f"change committed → push {what}, p{round(share * 100)}"
            figures.append(
                Figure(
                    area="stock", name=name, database=kind, unit="ms", hub=percentile(waits, share), bar=Bar(hub=bar)
                )
            )
    return figures


def _wait_until_idle(place: Place, *, limit_s: float) -> None:
    limit = time.perf_counter() + limit_s
    while time.perf_counter() < limit:
        with reading(place.sessions) as session:
            query = select(WorkItem.id).where(WorkItem.kind == "stock.push", WorkItem.state != "done").limit(1)
            if session.scalar(query) is None:
                return
        pause(0.05)


def _claims(place: Place, listing: dict[str, int], committed: dict[str, datetime]) -> list[float]:
    """Milliseconds until the first attempt after each commit was opened (in the unit that claimed it)."""
    with reading(place.sessions) as session:
        rows = session.execute(
            select(Attempt.key, Attempt.sent_at).where(Attempt.kind == "stock.push").order_by(Attempt.id)
        ).all()
    sent: dict[str, list[datetime]] = {}
    for row in rows:
        sent.setdefault(row.key, []).append(row.sent_at)
    return _waits(committed, {sku: sent.get(str(listing[sku]), []) for sku in committed})


def _arrivals(market: MemoryMarketplace, committed: dict[str, datetime]) -> list[float]:
    seen: dict[str, list[datetime]] = {}
    for request in market.log:
        if request.operation == "setStock":
            for item in request.payload["items"]:
                seen.setdefault(str(item["sku"]), []).append(request.at)
    return _waits(committed, {sku: seen.get(sku, []) for sku in committed})


def _waits(committed: dict[str, datetime], seen: dict[str, list[datetime]]) -> list[float]:
    """A push may be claimed a moment before the clock was read after the commit: that is no wait."""
    slack = timedelta(milliseconds=20)
    out = []
    for sku, at in committed.items():
        after = [moment for moment in seen[sku] if moment >= at - slack]
        if after:
            out.append(max(0.0, (after[0] - at) / timedelta(milliseconds=1)))
    return out


def measure_quiet(kind: str, size: Size) -> list[Figure]:
    """Edits that end at the number shown already: each is wanted, claimed and computed, and none may be sent."""
    with fresh(kind) as place:
        shop.fill(place, size.quiet_pushes, units=50)
        account, market = shop.open_account(place)
        shop.list_everything(place, account, market=market, shown=50)
        _know_orders(place, account, place.system.clock.now())
        skus = [shop.sku_of(n) for n in range(size.quiet_pushes)]
        for number, delta in (("down", 47), ("up", 50)):
            set_all(place, [(sku, delta) for sku in skus], number)
        with unit(place.sessions) as session:
            session.execute(update(WorkItem).where(WorkItem.kind != "stock.push").values(state="done"))
        opened = place.system.hub.open(AccountId(account.id))
        if opened is None:
            raise AssertionError("the account is not open")
        moved = 0

        def carry_out() -> None:
            nonlocal moved
            while step := push_stock.push(place.system.hub, opened):
                moved += step

        seconds = timed(carry_out)
        sent = sum(len(request.payload["items"]) for request in market.log if request.operation == "setStock")
    if moved != size.quiet_pushes:
        raise AssertionError(f"{size.quiet_pushes} pushes wanted, {moved} carried out")
    share = 1 - sent / moved
    return [
        Figure(area="stock", name="no-op pushes suppressed", database=kind, unit="share", hub=share, bar=Bar(hub=1.0)),
        Figure(area="stock", name="cost of a suppressed push", database=kind, unit="ms", hub=1000 * seconds / moved),
    ]


def measure(kind: str, size: Size) -> list[Figure]:
    return [*measure_set(kind, size), *measure_delay(kind, size), *measure_quiet(kind, size)]
