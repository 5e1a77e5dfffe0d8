"""Taking orders in, pages of 100: new, and delivered again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict

from hub.channels.contract.records import ChannelOrder
from hub.db.session import unit
from hub.db.upsert import chunks
from hub.orders import intake
from hub.work.models import Account
from tools.bench import floor, shop
from tools.bench.figures import Figure, bar_for, speed, timed
from tools.bench.places import START, Place, fresh
from tools.bench.sizes import Size

PAGE = 100


def take_all(place: Place, account: Account, orders: Sequence[ChannelOrder]) -> dict[str, int]:
    """Every page in its own unit, as the order pull does; how many orders had which result."""
    results: dict[str, int] = {}
    for page in chunks(orders, PAGE):
        with unit(place.sessions) as session:
            for taken in intake.take(session, account, page, START):
                results[taken.result] = results.get(taken.result, 0) + 1
    return results


def _taken(place: Place, account: Account, orders: Sequence[ChannelOrder], expected: str) -> float:
    """Seconds to take them all; every one must end as `expected`, or there is nothing to report."""
    started = time.perf_counter()
    results = take_all(place, account, orders)
    seconds = time.perf_counter() - started
    if results != {expected: len(orders)}:
        raise AssertionError(f"the orders were not taken as they should be: {results}")
    return seconds


def floor_orders(orders: Sequence[ChannelOrder]) -> list[floor.FloorOrder]:
    return [
        (
            order.order_id,
            order.totals.total.minor if order.totals.total else 0,
            asdict(order.ship_to) if order.ship_to else {},
            tuple((line.channel_sku or "", line.quantity, line.unit_price.minor) for line in order.lines),
        )
        for order in orders
    ]


def measure(kind: str, size: Size) -> list[Figure]:
    """Orders of two lines: order, lines, person and raw text encrypted, promises, events, stock pushes wanted."""
    new: list[tuple[float, float]] = []
    again: list[tuple[float, float]] = []
    for run in range(size.runs):
        orders = shop.orders(size.rows, size.hot, seed=run)
        plain = floor_orders(orders)
        with fresh(kind) as place:
            shop.fill(place, size.hot)
            account, _ = shop.open_account(place)
            shop.list_everything(place, account)
            with place.plain() as connection:
                floor.prepare(kind, connection)
                floor.put_products(
                    kind, connection, [(shop.sku_of(n), *[None] * 9) for n in range(size.hot)], [1_000_000] * size.hot
                )
                place.settled()
                floor_new = timed(lambda c=connection, p=plain: floor.put_orders(kind, c, p))
                floor_again = timed(lambda c=connection, p=plain: floor.put_orders(kind, c, p))
            place.settled()
            new.append((floor_new, _taken(place, account, orders, "new")))
            place.settled()
            again.append((floor_again, _taken(place, account, orders, "unchanged")))
    return [
        speed("orders", "taken, new, 100 a page", kind, size.rows, new, bar_for(kind, 1_000, 0.20)),
        speed("orders", "delivered again", kind, size.rows, again, bar_for(kind, 4_000, 0.40)),
    ]
