"""Running simulators as a process of their own: start, announce where they listen, save now and then, stop cleanly."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from hub.kernel.clock import Clock, SystemClock
from hub.kernel.errors import Unknown
from hub.loopback.server import LoopbackServer
from hub.simulators.base import Scenario, Simulator

SAVE_EVERY_S = 5.0


def _amazon() -> type[Simulator]:
    from hub.simulators.amazon import AmazonSimulator

    return AmazonSimulator


def _ebay() -> type[Simulator]:
    from hub.simulators.ebay import EbaySimulator

    return EbaySimulator


def _shopify() -> type[Simulator]:
    from hub.simulators.shopify import ShopifySimulator

    return ShopifySimulator


MAKERS: Mapping[str, Callable[[], type[Simulator]]] = {"amazon": _amazon, "ebay": _ebay, "shopify": _shopify}


def serve(
    channels: tuple[str, ...],
    *,
    port: int = 0,
    clock: Clock | None = None,
    scenario: Scenario | None = None,
    state_dir: Path | None = None,
    ready_file: Path | None = None,
    announce: Callable[[str, str], None] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Serve the simulators until SIGINT, SIGTERM or `stop`. With `port` above 0 the first listens there, the next on
    the ports after it. `ready_file` receives {"channel": "url"} once all listen; with `state_dir` they go on where
    they stopped.

    Raises:
        Unknown: no such simulator.
    """
    stopping = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stopping.set())
    servers: list[tuple[Simulator, LoopbackServer]] = []
    try:
        for offset, channel in enumerate(channels):
            maker = MAKERS.get(channel)
            if maker is None:
                raise Unknown(f"there is no simulator of {channel!r}", field="channel", fix=", ".join(MAKERS))
            state = state_dir / f"{channel}.json" if state_dir else None
            simulator = maker()(clock=clock or SystemClock(), scenario=scenario, state_file=state)
            simulator.load()
            server = simulator.server(port + offset if port else 0).start()
            servers.append((simulator, server))
            if announce is not None:
                announce(channel, server.url)
        if ready_file is not None:
            part = ready_file.with_suffix(".part")
            part.write_text(json.dumps({sim.channel: server.url for sim, server in servers}), "utf-8")
            part.replace(ready_file)
        while not stopping.wait(SAVE_EVERY_S):
            for simulator, _ in servers:
                simulator.save()
    finally:
        for simulator, server in servers:
            server.stop()
            simulator.save()
