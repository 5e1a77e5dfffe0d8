"""A transport for requests sessions whose answers end in time, however slowly they drip.

The time-out of requests is per read of the socket: a channel that sends a byte now and then keeps a call alive for ever.
Here every read gets only what is left until the deadline. No thread watches; the socket's own time-out does.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from typing import Any, cast

from requests.adapters import HTTPAdapter

Deadline = Callable[[], float]


class BoundedAdapter(HTTPAdapter):
    """Mount it on a session: `session.mount("https://", BoundedAdapter(lambda: ends_at))`.

    `deadline` is asked when an answer begins to be read and tells the instant (`time.monotonic()`) by which its last
    byte must be there. Never tries again by itself.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__(max_retries=0)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not issubclass(pool.ConnectionCls, _Bounded):
            deadline = staticmethod(self._deadline)
            pool.ConnectionCls = cast(
                Any, type("BoundedConnection", (_Bounded, pool.ConnectionCls), {"deadline": deadline})
            )
        return pool


class _Bounded:
    """Mixed into urllib3's connections: their socket reads against the deadline."""

    deadline: Deadline
    sock: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.sock = _Socket(self.sock, self.deadline)


class _Socket:
    """A socket whose files end in time; everything else is the socket's own."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def makefile(self, mode: str, *args: Any, **kwargs: Any) -> io.BufferedReader:
        raw = cast(io.RawIOBase, self._sock.makefile("rb", buffering=0))
        return io.BufferedReader(_Raw(raw, self._sock, self._deadline()))


class _Raw(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, sock: socket.socket, ends_at: float) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._ends_at = ends_at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer was not complete in time")
        self._sock.settimeout(left)
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()
