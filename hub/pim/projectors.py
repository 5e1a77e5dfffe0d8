"""Everything that is derived from products: each module registers its projector when it is imported.

pim/projections.py loads them before it projects, so that no process takes a product off the list of the touched without
having brought all of it up to date.
"""

from __future__ import annotations

from importlib import import_module

_MODULES: tuple[str, ...] = (
    "hub.pim.quality.projector",
    "hub.pim.search.index",
    "hub.pim.media.uses",
    "hub.pim.matching.index",
)


def load() -> None:
    """Make every projector known. Called again it does nothing."""
    for name in _MODULES:
        import_module(name)
