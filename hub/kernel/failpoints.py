"""Named places where a crash test kills or freezes the process. Unarmed, `reach` costs one comparison.

`HUB_FAILPOINT=name:n` (read by config) kills the process with SIGKILL when `name` is reached for the n-th time;
`name:n:stop` freezes it there with SIGSTOP instead, until somebody continues it.
"""

from __future__ import annotations

import os
import signal
import threading

_armed: str | None = None
_left = 0
_signal = signal.SIGKILL
_lock = threading.Lock()

NAMES = (
    "push.claimed", "push.before_send", "push.after_send", "push.before_commit", "push.after_commit",
    "pull.fetched", "pull.kth_order", "pull.before_commit", "pull.after_commit",
    "ship.recorded", "ship.before_send", "ship.after_send", "ship.before_commit", "ship.after_commit",
    "publish.before_send", "publish.after_send", "publish.before_commit", "publish.after_commit",
    "import.batch", "import.before_commit",
    "job.step", "job.before_commit",
)  # fmt: skip


def arm(spec: str | None) -> None:
    """Arm `name:n` or `name:n:stop` (n >= 1, default 1), or disarm with None.

    Raises:
        ValueError: an unknown name, a count below 1, or something else than `stop`.
    """
    global _armed, _left, _signal
    if not spec:
        _armed = None
        return
    name, _, rest = spec.partition(":")
    count, _, manner = rest.partition(":")
    if name not in NAMES:
        raise ValueError(f"unknown failpoint {name!r}; known: {', '.join(NAMES)}")
    _left = int(count or "1")
    if _left < 1:
        raise ValueError(f"a failpoint count starts at 1, got {_left}")
    if manner not in ("", "stop"):
        raise ValueError(f"a failpoint kills, or stops with `stop`, got {manner!r}")
    _signal = signal.SIGSTOP if manner else signal.SIGKILL
    _armed = name


def reach(name: str) -> None:
    """Die (or freeze) here if armed for `name`."""
    global _armed, _left
    if _armed is None or _armed != name:
        return
    with _lock:
        _left -= 1
        if _left > 0:
            return
        _armed = None
    os.kill(os.getpid(), _signal)
