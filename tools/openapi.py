"""Writes docs/openapi.json from the API's routes: `make openapi` after a change of the API."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hub.channels.registry import Registry
from hub.config import Settings
from hub.db.session import Sessions, make_engine, make_sessions
from hub.kernel.clock import Clock, SystemClock
from hub.web.app import create_app
from hub.web.document import text

PLACE = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class NobodyHome:
    """Enough of a hub to list its routes; none of them is called."""

    settings: Settings
    sessions: Sessions
    clock: Clock
    registry: Registry


def made() -> str:
    """The document as it should be checked in."""
    hub = NobodyHome(
        settings=Settings(home=Path("nowhere"), database_url="sqlite://"),
        sessions=make_sessions(make_engine("sqlite://")), clock=SystemClock(),
        registry=Registry({}),
    )  # fmt: skip
    return text(create_app(hub))


if __name__ == "__main__":
    PLACE.write_text(made(), "utf-8")
    print(f"{PLACE} is up to date")
