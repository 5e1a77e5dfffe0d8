"""Running the demo: as a checked day on virtual time, or live until Ctrl-C."""

from __future__ import annotations

import dataclasses
import random
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import platformdirs

from hub import config
from hub.demo import shop
from hub.demo.day import Day, Plan
from hub.demo.marketplaces import Marketplaces
from hub.demo.people import Buyers, Operator, Warehouse
from hub.kernel.clock import SharedClock
from hub.sync.embedded import Embedded
from hub.sync.relay import LocalWorkers

Say = Callable[[str], None]

CHECK_TIMEOUT_S = 1.5


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

                with Fleet(settings, workers=2):
                    return Day(system=system, places=markets.all, clock=clock, plan=plan, workers=None, say=say).run()
            finally:
                system.close()


def live(home: Path | None, *, say: Say, stop: threading.Event, fresh: bool = False) -> None:
    """The shop until Ctrl-C: buyers come every few seconds, the warehouse ships, the page shows it all."""
    from hub.web.app import serve_in_thread

    where = home or demo_home()
    if fresh and where.exists():
        shutil.rmtree(where)
    settings = config.load(where)
    say(f"The demo lives in {where}")
    with Marketplaces(where, scenario={"apply_lag_s": 5, "order_lag_s": 5, "job_s": 10}) as markets:
        for place in markets.all.values():
            say(f"Marketplace {place.channel}: {place.url}")
        system = shop.open_system(settings, None)
        try:
            shop.set_up(system, markets.all, say, timeout_s=20.0, catalogues=real_catalogues())
            embedded = Embedded(system.hub).start()
            server = serve_in_thread(system)
            say(
                f"Open http://{settings.web_host}:{settings.web_port}/ — Ctrl-C stops everything, the next start goes on."
            )
            rng = random.Random()
            buyers = Buyers(places=markets.all, rng=rng)
            warehouse = Warehouse(system=system, rng=rng)
            operator = Operator(system=system, rng=rng)
            seconds = 0
            live_at_last = 0
            while not stop.wait(1.0):
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
                    say(f"{sum(buyers.placed.values())} orders so far, {left} parcels left just now")
            server.close()
            embedded.stop()
        finally:
            system.close()
    say("Stopped. Everything is kept; `hub demo` goes on from here.")
