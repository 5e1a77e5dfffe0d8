"""Every kind of job on the catalogue. Whoever starts or runs jobs loads them first."""

from __future__ import annotations

from importlib import import_module

_MODULES = ("hub.pim.history.undo", "hub.pim.bulk.run", "hub.pim.importing.job", "hub.pim.exporting.run")


def load() -> None:
    """Make every kind known to pim/jobs/run.py. Called again it does nothing."""
    for name in _MODULES:
        import_module(name)
