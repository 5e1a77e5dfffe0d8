"""A whole shop day on virtual time, with or without faults, and the comparison at rest that decides whether it held."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from hub import doctor
from hub.db.session import reading, unit
from hub.demo import shop, truth
from hub.demo.marketplaces import Marketplace
from hub.demo.people import Buyers, Operator, Warehouse
from hub.demo.poison import Poison
from hub.demo.truth import Comparison
from hub.kernel.clock import SharedClock, pause
from hub.loopback.faults import LOOKS_PERMANENT, PAGE_FAULTS, PASSING
from hub.sync import relay
from hub.sync.relay import LocalWorkers
from hub.wiring import System
from hub.work import items, reads
from hub.work.kinds import RECONCILE
from hub.work.models import Account, Attempt, PullRun, WorkItem

Say = Callable[[str], None]

QUIET_LIMIT_S = 30.0
REST_ROUNDS = 150
POISON_UNTIL = 0.6  # the share of the day after which the spoilt orders can be read again


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A day: how many orders over how many virtual hours, in steps of so many minutes. `faults` seeds the fault menu."""

    orders: int = 330
    hours: float = 24.0
    step_minutes: float = 10.0
    seed: int = 1
    faults: int | None = None
    fault_rate: float = 0.05


@dataclass(slots=True, kw_only=True)
class Day:
    """One run of a plan on a set-up shop. `workers` None = other processes carry the work out, and `ring` calls them
    (their scheduler does so anyway, but only once a second of the machine's time)."""

    system: System
    places: Mapping[str, Marketplace]
    clock: SharedClock
    plan: Plan
    workers: LocalWorkers | None
    say: Say
    ring: Callable[[], object] | None = None
    timings: dict[str, float] = field(default_factory=dict)

    # ------------------------------------------------------------ running

    def run(self) -> dict[str, Any]:
        """Open the shop, trade for the day, come to rest, compare. Returns the report (see `_report`)."""
        started = time.monotonic()
        if self.plan.faults is not None:
            self._break_things(self.plan.faults)
        self._until_live()
        self.timings["live_s"] = time.monotonic() - started
        rng = random.Random(self.plan.seed)
        buyers = Buyers(places=self.places, rng=rng)
        warehouse = Warehouse(system=self.system, rng=rng)
        operator = Operator(system=self.system, rng=rng)
        poison = Poison(system=self.system, places=self.places)
        self._trade(buyers, warehouse, operator, rng, poison)
        for place in self.places.values():
            place.heal()
        buyers.finish()
        self._rest(warehouse, operator)
        found = truth.compare(self.system, self.places)
        return self._report(found, poison, time.monotonic() - started)

    def _until_live(self) -> None:
        self.say("Publishing the catalogue …")
        for _ in range(60):
            self._step(minutes=1.0)
            with reading(self.system.sessions) as session:
                waiting = reads.open_work(session, kinds=("listing.publish", "listing.read"))
            if waiting == 0:
                break
        self.say(f"Live listings: {shop.live_count(self.system)}")

    def _break_things(self, seed: int) -> None:
        kinds = [kind.value for kind in (*PASSING, *LOOKS_PERMANENT)]
        pages = [kind.value for kind in PAGE_FAULTS]
        for place in self.places.values():
            place.post("reseed", {"seed": seed})
            place.post("faults", {"kinds": kinds, "rate": self.plan.fault_rate, "times": None, "hang_s": 3.0})
            place.post("faults", {"kinds": pages, "rate": 0.5, "times": None})

    def _trade(
        self, buyers: Buyers, warehouse: Warehouse, operator: Operator, rng: random.Random, poison: Poison
    ) -> None:
        steps = max(1, round(self.plan.hours * 60 / self.plan.step_minutes))
        every = max(1, round(60 / self.plan.step_minutes))
        for number in range(1, steps + 1):
            left = self.plan.orders - buyers.count
            share = round(left / (steps - number + 1) + rng.random() - 0.5) if number < steps else left
            for _ in range(max(0, min(left, share))):
                buyers.buy(rng.choice(sorted(self.places)), self.clock.now())
            if number <= steps * POISON_UNTIL:
                poison.spoil(buyers)
            buyers.change_minds(self.clock.now())
            self._step(minutes=self.plan.step_minutes)
            if number == max(1, round(steps * POISON_UNTIL)):
                poison.heal()
            if number % every == 0:
                operator.round(restock=number % (2 * every) == 0)
                warehouse.ship()
            if number % (4 * every) == 0:
                self.say(
                    f"{number * self.plan.step_minutes / 60:.0f} h: {buyers.placed} ordered, {warehouse.parcels} parcels"
                )
        # A sold-out shop sells no more: deliver, and let the missing buyers come.
        for _ in range(20):
            if buyers.count >= self.plan.orders:
                break
            operator.round(restock=True)
            self._deliver(rng)
            self._step(minutes=self.plan.step_minutes)
            for channel in sorted(self.places):
                if buyers.count < self.plan.orders:
                    buyers.buy(channel, self.clock.now())

    def _deliver(self, rng: random.Random) -> None:
        """A delivery of everything that is sold out."""
        from hub.pim import stock
        from hub.pim.models import Location, StockPosition, Variant

        now = self.clock.now()
        with unit(self.system.sessions) as session:
            code = session.scalars(select(Location.code).order_by(Location.priority)).first() or ""
            rows = session.execute(
                select(Variant.sku)
                .join(StockPosition, StockPosition.variant_id == Variant.id)
                .group_by(Variant.sku)
                .having(func.sum(StockPosition.on_hand - StockPosition.reserved) <= 1)
                .limit(100)
            ).all()
            for row in rows:
                change = stock.StockChange(
                    sku=row.sku, location=code, delta=rng.randint(5, 15), kind="receive", token=f"deliver:{row.sku}:{now}",
                    reason="delivery", by="supplier",
                )  # fmt: skip
                stock.change(session, change, now)

    def _step(self, *, minutes: float) -> None:
        """Let virtual time pass, then wait until everything that is due has been carried out."""
        self.clock.advance(timedelta(minutes=minutes))
        relay.tick(self.system.hub)
        if self.ring is not None:
            self.ring()
        self.quiet()

    def quiet(self) -> bool:
        """Wait until nothing is due or leased; False if that took too long."""
        limit = time.monotonic() + QUIET_LIMIT_S
        while time.monotonic() < limit:
            # Busy workers wake the relay themselves: ringing meanwhile would only make it look again and again.
            if self.workers is None or not self.workers.busy:
                if not self._busy():
                    return True
                if self.workers is not None:
                    self.workers.ring()
            pause(0.01 if self.workers is not None else 0.05)
        self.say("(still busy, going on)")
        return False

    def _busy(self) -> bool:
        if relay.due(self.system.hub):
            return True
        with reading(self.system.sessions) as session:
            leased = session.scalar(select(func.count()).select_from(WorkItem).where(WorkItem.state == "leased"))
        return bool(leased)

    def _rest(self, warehouse: Warehouse, operator: Operator) -> None:
        """Faults are over: ship what is left, let retries and read-backs finish, correct drift, until nothing is open."""
        self.say("Coming to rest …")
        calm = 0
        for number in range(REST_ROUNDS):
            operator.round(restock=True)
            warehouse.ship()
            self._step(minutes=10.0)
            with reading(self.system.sessions) as session:
                waiting = reads.open_work(session)
                asking = session.scalar(
                    select(func.count()).select_from(WorkItem).where(WorkItem.state == "needs_human")
                )
            calm = calm + 1 if waiting == 0 and not asking else 0
            if number in (4, 12, 24) or (calm == 3 and number > 12):
                with unit(self.system.sessions) as session:
                    for account_id in session.scalars(select(Account.id)).all():
                        items.want(session, RECONCILE, account_id, "*", self.clock.now())
            if calm >= 6 and number > 20:
                return

    # ------------------------------------------------------------ reporting

    def _report(self, found: Comparison, poison: Poison, seconds: float) -> dict[str, Any]:
        now = self.clock.now()
        with reading(self.system.sessions) as session:
            invariants = {f.id: f for f in doctor.invariants(session, now)}
            pulls = int(
                session.scalar(select(func.count()).select_from(PullRun).where(PullRun.ended_at.is_not(None))) or 0
            )
            attempts = {
                str(r[0]): int(r[1])
                for r in session.execute(select(Attempt.result, func.count()).group_by(Attempt.result))
            }
            waiting = reads.open_work(session)
            desk = reads.desk(session, 20)
        shown: dict[str, dict[str, Any]] = {
            key: {"ok": f.ok, "checked": f.checked, "broken": list(f.broken)} for key, f in invariants.items()
        }
        shown["I8"] = {
            "ok": not found.stock_mismatches,
            "checked": found.stock_compared,
            "broken": found.stock_mismatches[:5],
        }
        unread = [*poison.held_up, *poison.unnoticed, *poison.unsettled()]
        quarantined = poison.quarantined()
        shown["I10"] = {
            "ok": not found.lost and not unread and (quarantined > 0 or not poison.spoilt),
            "checked": pulls, "broken": [*found.lost[:5], *unread[:5]], "spoilt": len(poison.spoilt),
            "quarantined": quarantined, "taken_meanwhile": poison.meanwhile,
        }  # fmt: skip
        requests: dict[str, int] = {}
        throttled: dict[str, int] = {}
        faults = 0
        by_operation: dict[str, dict[str, int]] = {}
        for channel, place in self.places.items():
            counts = place.get("counts")
            by_operation[channel] = counts["requests"]
            requests[channel] = sum(counts["requests"].values())
            throttled[channel] = sum(counts["throttled"].values())
            faults += counts["faults"]
        ordered = {key: shown[key] for key in sorted(shown, key=lambda k: int(k[1:]))}
        report: dict[str, Any] = {
            "listings_live": found.listings_live,
            "listings_not_live": found.listings_not_live,
            "orders_placed": found.orders_placed,
            "orders_in_hub": found.orders_in_hub,
            "lost": len(found.lost),
            "duplicated": len(found.duplicated),
            "order_differences": len(found.order_differences),
            "stock_mismatches_at_rest": len(found.stock_mismatches),
            "shipments_confirmed": found.shipments_confirmed,
            "shipments_overtaken": found.shipments_overtaken,
            "shipments_missing": len(found.shipments_missing),
            "shipments_doubled": len(found.shipments_doubled),
            "quarantined": quarantined,
            "invariants": ordered,
            "requests": requests,
            "requests_by_operation": by_operation,
            "throttled": throttled,
            "throttled_by_operation": {channel: place.get("counts")["throttled"] for channel, place in self.places.items()},
            "faults_injected": faults,
            "attempts": attempts,
            "open_work": waiting,
            "waiting_for_a_person": [f"{i.account} {i.kind} {i.key}: {i.message}" for i in desk],
            "seconds": round(seconds, 1),
            "timings": {name: round(value, 1) for name, value in self.timings.items()},
            "examples": {
                "lost": found.lost[:5], "duplicated": found.duplicated[:5], "order_differences": found.order_differences[:5],
                "stock": found.stock_mismatches[:5], "missing": found.shipments_missing[:5], "doubled": found.shipments_doubled[:5],
            },
        }  # fmt: skip
        report["ok"] = verdict(report, self.plan)
        return report


def verdict(report: Mapping[str, Any], plan: Plan) -> bool:
    """Did the day hold? Everything counted must have been looked at."""
    zero = (
        "lost",
        "duplicated",
        "order_differences",
        "stock_mismatches_at_rest",
        "shipments_missing",
        "shipments_doubled",
    )
    return (
        all(report[name] == 0 for name in zero)
        and sum(report["orders_placed"].values()) >= plan.orders
        and report["shipments_confirmed"] > 0
        and not report["listings_not_live"]
        and all(count > 0 for count in report["listings_live"].values())
        and all(entry["ok"] and entry["checked"] > 0 for entry in report["invariants"].values())
    )
