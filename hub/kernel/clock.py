"""Time as an argument: everything that needs «now» is handed a Clock or a datetime, never asks the machine.

`SharedClock` lets several processes (hub, workers, simulators) live in one virtual time: the real
clock plus an offset kept in an eight-byte file. Rehearsals move the offset forward instead of waiting.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Tells the time. All times are aware UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until told to move: for tests."""

    def __init__(self, at: datetime) -> None:
        self._at = require_utc(at)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._at

    def advance(self, by: timedelta) -> datetime:
        with self._lock:
            self._at += by
            return self._at


class SharedClock:
    """The machine's clock plus an offset (microseconds, signed 64 bit) kept in a file many processes map.

    Only one process should move it (`advance`); any number may read it. A missing file is created with offset 0.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.stat().st_size != 8:
            path.write_bytes(struct.pack("<q", 0))
        with path.open("r+b") as handle:
            self._map = mmap.mmap(handle.fileno(), 8)
        self._lock = threading.Lock()

    def offset(self) -> timedelta:
        return timedelta(microseconds=struct.unpack("<q", self._map[:8])[0])

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset()

    def advance(self, by: timedelta) -> datetime:
        """Move the shared time forward by `by` (never backward)."""
        if by < timedelta(0):
            raise ValueError(f"a shared clock only moves forward, not by {by}")
        with self._lock:
            self._map[:8] = struct.pack("<q", int((self.offset() + by) / timedelta(microseconds=1)))
            self._map.flush()
        return self.now()


def pause(seconds: float) -> None:
    """Real waiting, for the few loops that wait for another process (start-up, shutdown, hang faults)."""
    time.sleep(seconds)


def require_utc(value: datetime) -> datetime:
    """`value` in UTC.

    Raises:
        ValueError: the value is naive, so nobody knows which instant is meant.
    """
    if value.tzinfo is None:
        raise ValueError(f"a time needs its zone, got the naive {value.isoformat()}")
    return value.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant with zone («Z» or an offset) as aware UTC.

    Raises:
        ValueError: not an instant, or without a zone.
    """
    return require_utc(datetime.fromisoformat(text.strip().replace("Z", "+00:00")))


def iso_millis(value: datetime) -> str:
    """`2026-11-22T00:00:00.000Z`: the spelling that all three channels accept."""
    return require_utc(value).strftime("%Y-%m-%dT%H:%M:%S.") + f"{require_utc(value).microsecond // 1000:03d}Z"


def process_id() -> int:
    return os.getpid()
