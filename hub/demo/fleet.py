"""Separate worker and scheduler processes for a rehearsal on a real broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from hub.config import Settings, child_environment


class Fleet:
    """`workers` × `hub worker` and one `hub scheduler`, stopped on leaving. Logs go to HUB_HOME."""

    def __init__(self, settings: Settings, *, workers: int = 2) -> None:
        self._settings = settings
        self._count = workers
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Fleet:
        environment = child_environment(self._settings)
        for number in range(self._count):
            self._start(f"worker-{number}", ["worker", "--concurrency", "3"], environment)
        self._start("scheduler", ["scheduler"], environment)
        return self

    def _start(self, name: str, arguments: list[str], environment: dict[str, str]) -> None:
        with Path(self._settings.home / f"{name}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    [sys.executable, "-m", "hub", *arguments],
                    stdout=log,
                    stderr=log,
                    env=environment,
                    start_new_session=True,
                )
            )

    @property
    def workers(self) -> tuple[subprocess.Popen[bytes], ...]:
        """The running workers, each the leader of a process group of its own."""
        return tuple(self._processes[: self._count])

    def __exit__(self, *exc: object) -> None:
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=10)
