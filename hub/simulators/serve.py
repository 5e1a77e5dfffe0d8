"""Running simulators as a process of their own: start, announce where they listen, save now and then, stop cleanly."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hub.kernel.clock import Clock, SystemClock, pause
from hub.kernel.errors import NotAllowedNow, Unknown
from hub.loopback.server import LoopbackServer
from hub.simulators.base import Scenario, Simulator

SAVE_EVERY_S = 5.0
LOOK_EVERY_S = 0.5
#: How long a start waits for an earlier process on the same state to finish its last save.
OTHER_TIMEOUT_S = 15.0


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
    parent: int | None = None,
) -> None:
    """Serve the simulators until SIGINT, SIGTERM or `stop`. With `port` above 0 the first listens there, the next on
    the ports after it. `ready_file` receives {"channel": "url"} once all listen; with `state_dir` they go on where
    they stopped. `parent` is the process that started this one: without it they stop, too.

    Raises:
        Unknown: no such simulator.
        NotAllowedNow: another process serves the marketplaces of `state_dir`.
    """
    stopping = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stopping.set())
    with _alone(state_dir):
        _serve(channels, port, clock, scenario, state_dir, ready_file, announce, stopping, parent)


@contextmanager
def _alone(state_dir: Path | None) -> Iterator[None]:
    """Hold the folder: two processes that save the same marketplaces would undo each other's sales."""
    if state_dir is None:
        yield
        return
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "lock").open("w") as lock:
        waited = 0.0
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if waited >= OTHER_TIMEOUT_S:
                    raise NotAllowedNow(
                        f"another process serves the marketplaces of {state_dir}", fix="stop it first"
                    ) from None
            pause(LOOK_EVERY_S)
            waited += LOOK_EVERY_S
        yield


def _serve(
    channels: tuple[str, ...],
    port: int,
    clock: Clock | None,
    scenario: Scenario | None,
    state_dir: Path | None,
    ready_file: Path | None,
    announce: Callable[[str, str], None] | None,
    stopping: threading.Event,
    parent: int | None,
) -> None:
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
        waited = 0.0
        while not stopping.wait(LOOK_EVERY_S):
            if parent is not None and os.getppid() != parent:
                return
            waited += LOOK_EVERY_S
            if waited >= SAVE_EVERY_S:
                waited = 0.0
                for simulator, _ in servers:
                    simulator.save()
    finally:
        for simulator, server in servers:
            server.stop()
            simulator.save()
