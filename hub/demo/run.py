"""Running the demo: as a checked day on virtual time, or live until Ctrl-C."""

from __future__ import annotations

import dataclasses
import random
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import httpx
import platformdirs

from hub import config
from hub.demo import shop
from hub.demo.day import Day, Plan
from hub.demo.marketplaces import Marketplaces
from hub.demo.people import Buyers, Operator, Warehouse
from hub.kernel.clock import SharedClock
from hub.kernel.errors import NotAllowedNow
from hub.sync.embedded import Embedded
from hub.sync.relay import LocalWorkers
from hub.wiring import System

Say = Callable[[str], None]

CHECK_TIMEOUT_S = 1.5
#: Somebody is watching. Amazon keeps its rhythm: one search in three minutes is all it allows.
LIVE_PULL_EVERY_S = {"ebay": 20, "shopify": 10}


def demo_home() -> Path:
    """Where the live demo lives when nobody says otherwise: apart from the real hub."""
    return Path(platformdirs.user_data_path("entrepot")) / "demo"


def real_catalogues() -> tuple[Path, ...]:
    """The two real product files beside a checkout, if they are there."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "catalogues"
    return tuple(sorted(folder.glob("shopify-*.csv"))) if folder.is_dir() else ()


def check_day(home: Path | None, plan: Plan, *, say: Say) -> dict[str, Any]:
    """A checked day in `home` (default: a folder that is thrown away). With HUB_BROKER_URL set, the work is carried out
    by separate `hub worker` processes, which must share HUB_HOME, HUB_DATABASE_URL and HUB_CLOCK_FILE; they are started
    here."""
    with tempfile.TemporaryDirectory(prefix="hub-demo-") if home is None else nullcontext(str(home)) as folder:
        where = Path(folder)
        settings = dataclasses.replace(config.load(where), clock_file=where / "clock")
        clock = SharedClock(where / "clock")
        scenario = {"seed": plan.seed}
        with Marketplaces(where, clock_file=where / "clock", scenario=scenario) as markets:
            system = shop.open_system(settings, clock)
            try:
                shop.set_up(system, markets.all, say, timeout_s=CHECK_TIMEOUT_S if plan.faults is not None else 20.0)
                if settings.embedded:
                    workers = LocalWorkers(system.hub, threads=4).start()
                    try:
                        return Day(
                            system=system, places=markets.all, clock=clock, plan=plan, workers=workers, say=say
                        ).run()
                    finally:
                        workers.stop()
                from hub.demo.fleet import Fleet
                from hub.sync.celery_app import Ringer

                ringer = Ringer(system.hub, settings.broker_url)
                with Fleet(settings, workers=2):
                    return Day(
                        system=system,
                        places=markets.all,
                        clock=clock,
                        plan=plan,
                        workers=None,
                        say=say,
                        ring=ringer.sweep,
                    ).run()
            finally:
                system.close()


def live(home: Path | None, *, say: Say, stop: threading.Event, fresh: bool = False) -> None:
    """The shop until Ctrl-C: buyers come every few seconds, the warehouse ships, the page shows it all.

    Raises:
        Misconfigured: the page's port is taken.
        CannotStart: the marketplaces do not start, or ended meanwhile.
        NotAllowedNow: `fresh` would delete something else than a demo, or the database holds real accounts.
    """
    from hub.web.app import serve_in_thread

    where = home or demo_home()
    if fresh:
        forget(where)
    settings = config.load(where)
    say(f"The demo lives in {where}")
    with ExitStack() as running:
        system = shop.open_system(settings, None)
        running.callback(system.close)
        running.callback(serve_in_thread(system).close)  # first: a taken port is told before anything has begun
        markets = running.enter_context(Marketplaces(where, scenario={"apply_lag_s": 5, "order_lag_s": 5, "job_s": 10}))
        for place in markets.all.values():
            say(f"Marketplace {place.channel}: {place.url}")
        shop.set_up(
            system, markets.all, say, timeout_s=20.0, catalogues=real_catalogues(), pull_every_s=LIVE_PULL_EVERY_S
        )
        running.callback(Embedded(system.hub).start().stop)
        say(f"Open http://{settings.web_host}:{settings.web_port}/ — Ctrl-C stops everything, the next start goes on.")
        try:
            _trade(system, markets, say, stop)
        except httpx.TransportError:
            markets.check()
            raise
    say("Stopped. Everything is kept; `hub demo` goes on from here.")


def _trade(system: System, markets: Marketplaces, say: Say, stop: threading.Event) -> None:
    rng = random.Random()
    buyers = Buyers(places=markets.all, rng=rng)
    warehouse = Warehouse(system=system, rng=rng)
    operator = Operator(system=system, rng=rng)
    seconds = 0
    live_at_last = 0
    while not stop.wait(1.0):
        markets.check()
        seconds += 1
        counts = shop.live_count(system)
        if sum(counts.values()) != live_at_last:
            live_at_last = sum(counts.values())
            say("Live listings: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
        if seconds % 4 == 0 and live_at_last:
            now = system.clock.now()
            buyers.buy(rng.choice(sorted(markets.all)), now)
            buyers.change_minds(now)
        if seconds % 30 == 0:
            left = warehouse.ship()
            operator.round(restock=True)
            say(f"{buyers.count} orders so far, {left} parcels left just now")


def forget(where: Path) -> None:
    """Delete an earlier demo.

    Raises:
        NotAllowedNow: the folder holds something, but no demo.
    """
    if not where.exists() or not any(where.iterdir()):
        return
    if not (where / "marketplaces").is_dir():
        raise NotAllowedNow(f"{where} holds no demo, so --fresh does not delete it", field="home", value=str(where))
    shutil.rmtree(where)
