"""What the web needs of a running hub."""

from __future__ import annotations

from typing import Protocol

from hub.config import Settings
from hub.db.session import Sessions
from hub.kernel.clock import Clock


class WebHub(Protocol):
    """A running hub as delivery sees it."""

    @property
    def settings(self) -> Settings: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def clock(self) -> Clock: ...
