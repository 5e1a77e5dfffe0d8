"""Commands that keep running: up, web, worker, scheduler, simulate."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from hub.cli.common import console, log_to, system
from hub.kernel.clock import SharedClock, SystemClock
from hub.kernel.errors import Misconfigured
from hub.simulators import serve as simulators
from hub.simulators.base import Scenario


def stop_event() -> threading.Event:
    """Set by SIGINT and SIGTERM."""
    event = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: event.set())
    return event


@click.command()
@click.argument("channel", type=click.Choice(["amazon", "ebay", "shopify", "all"]))
@click.option("--port", type=click.IntRange(0, 65500), default=0, help="First port; 0 picks free ones.")
@click.option("--scenario", type=click.Path(exists=True, path_type=Path), help="JSON file: how the channel behaves.")
@click.option("--state", type=click.Path(path_type=Path), help="Folder to go on from and to save to.")
@click.option("--clock-file", type=click.Path(path_type=Path), help="Shared virtual time of a rehearsal.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Written once all listen: {channel: address}.")
@click.option("--parent", type=int, hidden=True, help="Stop when this process, which started us, is gone.")
def simulate(
    channel: str,
    port: int,
    scenario: Path | None,
    state: Path | None,
    clock_file: Path | None,
    ready_file: Path | None,
    parent: int | None,
) -> None:
    """Run simulated marketplaces on loopback that speak the channels' real wires.

    Each also answers under /_control/: place orders, advance the clock, inject faults, read the ledger.
    """
    simulators.serve(
        ("amazon", "ebay", "shopify") if channel == "all" else (channel,),
        port=port,
        clock=SharedClock(clock_file) if clock_file else SystemClock(),
        scenario=Scenario.load(scenario),
        state_dir=state,
        ready_file=ready_file,
        announce=lambda name, url: click.echo(f"{name} listens at {url}"),
        parent=parent,
    )


@click.command()
@click.option("--threads", type=click.IntRange(1, 32), default=4, show_default=True)
@click.option("--web/--no-web", default=True, help="Serve the page and the API too.")
def up(threads: int, web: bool) -> None:
    """Run everything in one process: page, workers and scheduler, with the in-process broker."""
    from hub.sync.embedded import Embedded
    from hub.web.app import serve_in_thread

    log_to(None)
    stop = stop_event()
    with system() as running:
        embedded = Embedded(running.hub, threads=threads).start()
        server = serve_in_thread(running) if web else None
        if server is not None:
            console.print(f"Entrepôt: http://{running.settings.web_host}:{running.settings.web_port}/")
        stop.wait()
        if server is not None:
            server.close()
        embedded.stop()


@click.command()
def web() -> None:
    """Serve the page and the API."""
    from hub.web.app import serve_in_thread

    log_to(None)
    stop = stop_event()
    with system() as running:
        server = serve_in_thread(running)
        console.print(f"Entrepôt: http://{running.settings.web_host}:{running.settings.web_port}/")
        stop.wait()
        server.close()


@click.command()
@click.option("--lane", "lanes", multiple=True, help="Only these lanes; repeat the option. Default: all.")
@click.option("--concurrency", type=click.IntRange(1, 64), default=2, show_default=True)
def worker(lanes: tuple[str, ...], concurrency: int) -> None:
    """Carry out work that the broker rings for (needs HUB_BROKER_URL)."""
    from hub import config
    from hub.sync import celery_app

    settings = config.load()
    if settings.embedded:
        raise Misconfigured(
            "a worker needs a broker", field="HUB_BROKER_URL", fix="redis://… or amqp://…, or use `hub up`"
        )
    log_to(None)
    with system() as running:
        celery_app.run_worker(running.hub, settings.broker_url, lanes=lanes, concurrency=concurrency)


@click.command()
def scheduler() -> None:
    """Enqueue what is due, and nothing else. Two of them are harmless."""
    from hub.sync.scheduler import Scheduler

    log_to(None)
    stop = stop_event()
    with system() as running:
        from hub.sync import celery_app

        if running.settings.embedded:
            raise Misconfigured(
                "a scheduler needs a broker", field="HUB_BROKER_URL", fix="redis://… or amqp://…, or use `hub up`"
            )
        ringer = celery_app.Ringer(running.hub, running.settings.broker_url)
        ticking = Scheduler(running.hub, ringer.sweep).start()
        stop.wait()
        ticking.stop()


COMMANDS = (simulate, up, web, worker, scheduler)
