"""Everything that is derived from products. Whoever changes or projects products loads this first."""

from __future__ import annotations

from hub.pim import projections
from hub.pim.search import index


def load() -> None:
    """Make every projector known to pim/projections.py. Called again it does nothing."""
    projections.register("search", index.project)
