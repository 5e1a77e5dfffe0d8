"""What the web needs of a running hub."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy.orm import Session

from hub.channels.contract.manifest import Capability
from hub.channels.registry import Registry
from hub.config import Settings
from hub.db.session import Sessions
from hub.kernel.clock import Clock
from hub.work.verdicts import Verdict, judge


class WebHub(Protocol):
    """A running hub as delivery sees it."""

    @property
    def settings(self) -> Settings: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def registry(self) -> Registry: ...


def verdicts_of(hub: WebHub, session: Session) -> list[Verdict]:
    """How each account is. A channel that has no orders is not blamed for not pulling any."""
    without_orders = [
        name for name, card in hub.registry.available.items() if Capability.ORDERS not in card.capabilities
    ]
    return judge(session, hub.clock.now(), without_orders=without_orders)
