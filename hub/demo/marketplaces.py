"""The simulated marketplaces of a demo: a process of their own, steered through their control path."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from hub.kernel.clock import pause
from hub.kernel.errors import HubError
from hub.simulators.base import Ledger

CHANNELS = ("amazon", "ebay", "shopify")
START_TIMEOUT_S = 60.0


class CannotStart(HubError):
    """The simulators did not come up."""

    code = "cannot_start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marketplace:
    """One simulator as a rehearsal steers it (never as the hub sees it)."""

    channel: str
    url: str
    client: httpx.Client = field(repr=False)

    def get(self, path: str) -> Any:
        answer = self.client.get(f"{self.url}/_control/{path}")
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer, or None where the marketplace says that it cannot be done (sold out, shipped already)."""
        answer = self.client.post(f"{self.url}/_control/{path}", json=dict(body or {}))
        if answer.status_code == 409:
            return None
        answer.raise_for_status()
        return answer.json()

    def heal(self) -> None:
        self.client.delete(f"{self.url}/_control/faults").raise_for_status()

    def ledger(self) -> Ledger:
        found: Ledger = self.get("ledger")
        return found


class Marketplaces:
    """Starts `hub simulate` as a child process and stops it again. Use as a context manager."""

    def __init__(
        self, home: Path, *, clock_file: Path | None = None, scenario: Mapping[str, Any] | None = None
    ) -> None:
        self._home = home / "marketplaces"
        self._clock_file = clock_file
        self._scenario = scenario
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(timeout=30.0, trust_env=False)
        self.all: dict[str, Marketplace] = {}

    def __enter__(self) -> Marketplaces:
        self._home.mkdir(parents=True, exist_ok=True)
        ready = self._home / "ready.json"
        ready.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "hub",
            "simulate",
            "all",
            "--state",
            str(self._home),
            "--ready-file",
            str(ready),
            "--parent",  # a hub that is killed leaves no marketplaces behind
            str(os.getpid()),
        ]
        if self._clock_file is not None:
            command += ["--clock-file", str(self._clock_file)]
        if self._scenario is not None:
            scenario = self._home / "scenario.json"
            scenario.write_text(json.dumps(dict(self._scenario)), "utf-8")
            command += ["--scenario", str(scenario)]
        with (self._home / "simulators.log").open("ab") as log:
            # A session of its own: Ctrl-C reaches the hub first, which stops the simulators when it is done.
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
        waited = 0.0
        while not ready.exists():
            if self._process.poll() is not None or waited > START_TIMEOUT_S:
                self.stop()
                raise self._trouble("did not start")
            pause(0.05)
            waited += 0.05
        urls: dict[str, str] = json.loads(ready.read_text("utf-8"))
        self.all = {c: Marketplace(channel=c, url=url, client=self._client) for c, url in urls.items()}
        return self

    def check(self) -> None:
        """They are still there.

        Raises:
            CannotStart: they ended.
        """
        if self._process is None or self._process.poll() is not None:
            raise self._trouble("ended")

    def _trouble(self, what: str) -> CannotStart:
        log = self._home / "simulators.log"
        last = log.read_text("utf-8", "replace").strip().rpartition("\n")[2] if log.exists() else ""
        return CannotStart(f"the simulated marketplaces {what}: {last or 'they said nothing'}", fix=f"see {log}")

    def __exit__(self, *exc: object) -> None:
        self._client.close()
        self.stop()

    def stop(self) -> None:
        """End the process, and wait until it has saved."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(timeout=10)
