"""Test brokers. HUB_TEST_REDIS and HUB_TEST_AMQP name a Redis database and a RabbitMQ virtual host that tests may empty,
for example `redis://127.0.0.1:6379/7` and `amqp://guest:guest@127.0.0.1:5672//`."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from kombu import Connection
from redis import Redis

from hub.work.kinds import Lane

_VARIABLES = {"redis": "HUB_TEST_REDIS", "rabbitmq": "HUB_TEST_AMQP"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A real broker, seen from outside the hub."""

    kind: str
    url: str

    def depth(self) -> int:
        """How many messages wait for a worker."""
        if self.kind == "redis":
            with Redis.from_url(self.url) as redis:
                return sum(int(redis.llen(lane.value)) for lane in Lane)
        return sum(self._each("queue_declare"))

    def empty(self) -> None:
        """Take everything away: messages, and on Redis whatever else the broker knew."""
        if self.kind == "redis":
            with Redis.from_url(self.url) as redis:
                redis.flushdb()
        else:
            self._each("queue_purge")

    def _each(self, verb: str) -> list[int]:
        counts = []
        with Connection(self.url) as connection:
            for lane in Lane:
                channel = connection.channel()
                try:
                    if verb == "queue_declare":
                        counts.append(int(channel.queue_declare(lane.value, passive=True).message_count))
                    else:
                        counts.append(int(channel.queue_purge(lane.value) or 0))
                except connection.channel_errors:  # there is no such queue yet
                    continue
                channel.close()
        return counts


@contextmanager
def broker(kind: str) -> Iterator[Broker]:
    """The test broker, emptied, and for this test alone; skips the test if there is none, fails it where CI says that it
    must be there."""
    name = _VARIABLES[kind]
    url = os.environ.get(name, "")
    if not url:
        message = f"needs a {kind} server whose content may be lost: set {name}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
    found = Broker(kind=kind, url=url)
    # Test processes that run side by side share the server: one at a time.
    with (Path(tempfile.gettempdir()) / f"hub-test-{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found.empty()
        try:
            yield found
        finally:
            found.empty()
