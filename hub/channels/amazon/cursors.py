"""Where an order pull stands: a fixed window of time and a place in it, kept as opaque JSON.

The upper bound of a window is fixed before its first page and stays for the whole run; the next window starts a little
before it. Orders that move while we page land in the next window (contracts README 1 and 2.4).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hub.channels.contract import InvalidData
from hub.kernel.clock import iso_millis, parse_instant

#: `lastUpdatedBefore` must lie at least this far back (orders model; enforced by the API).
REFUSED_BEFORE = timedelta(minutes=2)
#: A machine whose clock runs a little ahead of Amazon's must not ask for a bound that is too young there.
CLOCK_SKEW = timedelta(seconds=15)
BEFORE_LAG = REFUSED_BEFORE + CLOCK_SKEW
#: Changes become visible about this late (contracts README 2.4).
VISIBILITY_LAG = timedelta(minutes=2)
OVERLAP = timedelta(minutes=5)
FIRST_PULL = timedelta(days=30)
#: A pagination token lives 24 hours; an older one is not worth a request.
TOKEN_LIFE = timedelta(hours=23)
#: A window whose later pages keep failing is started over this often before it is somebody's problem.
MAX_RESTARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Orders updated between `after` and `before`; `token` is the next page of it, None the first."""

    after: datetime
    before: datetime
    token: str | None = None
    token_at: datetime | None = None
    restarts: int = 0

    @property
    def covered_until(self) -> datetime:
        return self.before - VISIBILITY_LAG

    def page(self, token: str, now: datetime) -> Window:
        """The same window at its next page."""
        return replace(self, token=token, token_at=now)

    def restarted(self) -> Window | None:
        """The same window from its first page, or None when that has been tried often enough."""
        if self.restarts >= MAX_RESTARTS:
            return None
        return replace(self, token=None, token_at=None, restarts=self.restarts + 1)

    def cursor(self) -> str:
        """The cursor that goes on inside this window."""
        parts: dict[str, object] = {"v": 1, "after": iso_millis(self.after), "before": iso_millis(self.before)}
        if self.token is not None and self.token_at is not None:
            parts |= {"token": self.token, "token_at": iso_millis(self.token_at)}
        if self.restarts:
            parts["restarts"] = self.restarts
        return json.dumps(parts, separators=(",", ":"))

    def next_cursor(self) -> str:
        """The cursor of the window after this one, with the overlap in it."""
        return json.dumps({"v": 1, "after": iso_millis(self.before - OVERLAP)}, separators=(",", ":"))


def open_window(cursor: str | None, *, since: datetime | None, now: datetime) -> Window:
    """The window to ask for.

    Raises:
        InvalidData: the cursor is not one of ours.
    """
    newest = now - BEFORE_LAG
    if cursor is None:
        return Window(after=min(since or now - FIRST_PULL, newest), before=newest)
    try:
        parts = json.loads(cursor)
        if parts["v"] != 1:
            raise ValueError(f"cursor version {parts['v']!r}")
        after = parse_instant(parts["after"])
        if "before" not in parts:
            return Window(after=min(after, newest), before=newest)
        window = Window(after=after, before=parse_instant(parts["before"]), restarts=int(parts.get("restarts", 0)))
        if "token" not in parts:
            return window
        token_at = parse_instant(parts["token_at"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidData("The place to go on pulling orders could not be read.", detail=str(error)) from error
    if now - token_at > TOKEN_LIFE:
        return window
    return window.page(str(parts["token"]), token_at)
