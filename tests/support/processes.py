"""Running the hub's own commands as processes, and looking what they leave behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_OWN = ("HUB_HOME", "HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_CLOCK_FILE", "HUB_FAILPOINT", "HUB_WEB_PORT")


def environment(**own: str) -> dict[str, str]:
    """This process's environment without the settings of another hub, and with these."""
    kept = {name: value for name, value in os.environ.items() if name not in _OWN}
    return kept | own


def run_hub(*arguments: str, env: Mapping[str, str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    """`hub …` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "hub", *arguments],
        env=dict(env),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def start_hub(*arguments: str, env: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """`hub …` in a session of its own, its output in `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "hub", *arguments], env=dict(env), cwd=ROOT, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip


def interrupt(process: subprocess.Popen[bytes], *, within_s: float) -> int:
    """Ctrl-C; the exit code.

    Raises:
        subprocess.TimeoutExpired: it did not end in time.
    """
    process.send_signal(signal.SIGINT)
    return process.wait(timeout=within_s)


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """End what a test started and did not end."""
    if process.poll() is None:
        process.kill()
        process.wait(timeout=10)


def naming(text: str) -> list[int]:
    """Processes (other than this one) whose command line or HUB_HOME holds `text`."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            words = (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            continue  # gone meanwhile
        if text.encode() in words and state != "Z":
            found.append(int(folder.name))
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: object, *, within_s: float, what: str) -> None:
    """Wait until `condition()` is true.

    Raises:
        AssertionError: it did not become true in time.
    """
    assert callable(condition)
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.1)
