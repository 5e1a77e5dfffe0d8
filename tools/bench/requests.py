"""Requests used ÷ least possible on a small shop day, per channel, for the two routes of performance.md section 3.

Stock and price writes, per minute in which they were sent and kind: ceil(writes ÷ batch), with a batch of 1 for Amazon's
patchListingsItem, 25 for eBay's bulkUpdatePriceQuantity, 250 for Shopify's inventorySetQuantities. Writes of one minute
could have shared a request; those of different minutes could not. Order pulls, per pull: max(1, ceil(orders ÷ page)),
with pages of 100 (searchOrders), 200 (getOrders) and 250 (orders); how often is pulled is the account's rhythm.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select

from hub.db.session import make_engine, make_sessions, reading
from hub.demo.day import Plan
from hub.demo.run import check_day
from hub.work.models import Account, Attempt, PullRun
from tools.bench.figures import Bar, Figure
from tools.bench.sizes import Size

WRITES = {
    "amazon": (("patchListingsItem",), 1),
    "ebay": (("bulkUpdatePriceQuantity",), 25),
    "shopify": (("inventorySetQuantities", "productVariantsBulkUpdate"), 250),
}
PULLS = {"amazon": ("searchOrders", 100), "ebay": ("getOrders", 200), "shopify": ("orders", 250)}
_KINDS = ("stock.push", "price.push")
_REACHED = ("applied", "stale", "refused", "submitted", "unclear")  # the others never left the house


def measure(kind: str, size: Size) -> list[Figure]:
    """One checked day without faults; nothing on a size without orders. The database is SQLite, whatever `kind` says."""
    if kind != "sqlite" or not size.day_orders:
        return []
    with tempfile.TemporaryDirectory(prefix="hub-bench-day-") as folder:
        home = Path(folder)
        plan = Plan(orders=size.day_orders, hours=size.day_hours, seed=1)
        report = check_day(home, plan, say=lambda text: print(text, file=sys.stderr))
        least = least_possible(f"sqlite:///{home / 'hub.sqlite3'}")
    return figures_of(report, least)


def least_possible(url: str) -> dict[str, tuple[int, int]]:
    """Channel → (least requests for its writes, least for its order pulls), from what the hub's database remembers."""
    engine = make_engine(url)
    try:
        with reading(make_sessions(engine)) as session:
            channel: dict[int, str] = dict(session.execute(select(Account.id, Account.channel)).tuples().all())
            writes: Counter[tuple[str, str, str]] = Counter()
            for row in session.execute(
                select(Attempt.account_id, Attempt.kind, Attempt.sent_at).where(
                    Attempt.kind.in_(_KINDS), Attempt.result.in_(_REACHED)
                )
            ):
                writes[channel[row.account_id], row.kind, row.sent_at.strftime("%Y-%m-%dT%H:%M")] += 1
            pulls = [
                (channel[run.account_id], run.orders)
                for run in session.scalars(select(PullRun).where(PullRun.ended_at.is_not(None)))
            ]
    finally:
        engine.dispose()
    return {
        name: (
            sum(math.ceil(n / batch) for (place, _, _), n in writes.items() if place == name),
            sum(max(1, math.ceil(n / PULLS[name][1])) for place, n in pulls if place == name),
        )
        for name, (_, batch) in WRITES.items()
    }


def figures_of(report: Mapping[str, Any], least: Mapping[str, tuple[int, int]]) -> list[Figure]:
    """Used ÷ least of each channel, from the marketplaces' own counts in the report of a day."""
    out: list[Figure] = []
    for name, used in sorted(report["requests_by_operation"].items()):
        if name not in least:
            continue
        writes = sum(used.get(operation, 0) for operation in WRITES[name][0])
        pulls = used.get(PULLS[name][0], 0)
        for what, count, fewest in (("writes", writes, least[name][0]), ("order pulls", pulls, least[name][1])):
            if fewest:
                out.append(
                    Figure(
                        area="requests", name=f"{name}, {what}: used ÷ least", database="sqlite", unit="times",
                        hub=count / fewest, bar=Bar(hub=1.10), note=f"{count} used, {fewest} least",
                    )
                )  # fmt: skip
    return out
