"""A busy day within the limits of the manifest: Amazon never has to refuse for quota."""

from __future__ import annotations

import threading
from datetime import timedelta

from amazon_support import NOW, SECRETS, bench

from hub.channels.amazon.manifest import MANIFEST
from hub.channels.contract import Deferred, ListingRef, Pending, StockLevel, Submitted, Throttled
from hub.kernel.clock import Clock, FixedClock
from hub.simulators.amazon import AmazonSimulator
from hub.simulators.base import TokenBucket


class ManifestBudget:
    """The account's budget as the manifest states it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets = {rule.operation: TokenBucket(rule.per_second, rule.burst) for rule in MANIFEST.rates}

    def charge(self, operation: str, cost: float) -> None:
        with self._lock:
            bucket = self._buckets.get(operation)
            if bucket is not None and not bucket.take(self._clock.now(), cost):
                wait = bucket.wait_s(self._clock.now(), cost)
                raise Throttled("The budget is used up.", retry_after_s=wait)

    def learn(self, operation: str, *, retry_after_s: float | None = None, remaining: float | None = None) -> None:
        raise AssertionError(f"Amazon refused {operation} for quota")


def test_a_busy_stretch_is_never_refused_for_quota_and_ends_with_every_number_right() -> None:
    clock = FixedClock(NOW)
    sim = AmazonSimulator(clock=clock)
    own = sim.credentials
    skus = [f"S{n}" for n in range(60)]
    for sku in skus:
        sim.add_listing({"sku": sku, "quantity": 1, "price_minor": 1000, "title": sku})
    with sim.server() as server:
        made = bench(
            server.url, clock=clock, limiter=ManifestBudget(clock), feed_from="50",
            secrets={name: own[name] for name in SECRETS}, seller_id=own["seller_id"], marketplace_id=own["marketplace_id"],
        )  # fmt: skip
        adapter = made.adapter
        waiting: dict[str, int] = {}
        tickets: list[str] = []
        cursor: str | None = None
        feeds = 0
        for step in range(180):  # three hours, a minute each
            clock.advance(timedelta(minutes=1))
            if step < 120:
                waiting |= dict.fromkeys(skus if step % 3 == 0 else skus[:12], step)
            levels = [
                StockLevel(ref=ListingRef(channel_sku=sku), quantity=n, revision=step, idempotency_key=f"{sku}-{step}")
                for sku, n in waiting.items()
            ]
            try:
                outcomes = list(adapter.push_stock(levels)) if levels and not tickets else []
            except Throttled:
                outcomes = []
            if outcomes and isinstance(outcomes[0], Submitted):
                tickets.append(outcomes[0].ticket)
                feeds += 1
            waiting = {
                level.ref.channel_sku: level.quantity
                for level, outcome in zip(levels, outcomes or [None] * len(levels), strict=True)
                if outcome is None or isinstance(outcome, Deferred)
            }
            for ticket in list(tickets):
                try:
                    if not isinstance(adapter.poll(ticket), Pending):
                        tickets.remove(ticket)
                except Throttled:
                    continue
            if step % 3 == 0:
                try:
                    cursor = adapter.pull_orders(cursor, limit=100).cursor
                except Throttled:
                    continue
        clock.advance(timedelta(hours=1))
    assert feeds > 5
    assert +sim.throttled == {}
    shown = {row["sku"]: row["quantity"] for row in sim.ledger()["listings"]}
    assert waiting == {}
    assert tickets == []
    assert {shown[sku] for sku in skus[12:]} == {117}
    assert {shown[sku] for sku in skus[:12]} == {119}
