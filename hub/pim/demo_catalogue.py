"""The demo's catalogue: a wine shop of some forty SKUs in two places, brought in through the ordinary import.

None of it is real: producers and texts are made up, the GTINs are in-store numbers (they begin with 2, GS1 gives those
to nobody), and the pictures' addresses lead nowhere.
"""

from __future__ import annotations

from importlib.resources import as_file, files

from hub.db.session import Sessions, unit
from hub.kernel.clock import Clock
from hub.pim import stock
from hub.pim.importing import ImportReport, import_products

CURRENCY = "EUR"
LOCATIONS = (("main", "Cellar", 10), ("shop", "Shop on the market square", 20))


def load(sessions: Sessions, clock: Clock) -> ImportReport:
    """Make the two locations and import the wines. Doing it again changes nothing."""
    with unit(sessions) as session:
        for code, name, priority in LOCATIONS:
            stock.add_location(session, code, name, priority)
    with as_file(files("hub.pim") / "demo" / "wines.csv") as path:
        return import_products(sessions, path, "hub", currency=CURRENCY, dry_run=False, clock=clock)
