"""The demo's catalogue: a wine shop of some forty SKUs in two places, brought in through the ordinary import into a
family of its own, with texts in three languages and cases that are kits of bottles.

None of it is real: producers and texts are made up, the GTINs are in-store numbers (they begin with 2, GS1 gives those
to nobody), and the pictures' addresses lead nowhere.
"""

from __future__ import annotations

from importlib.resources import as_file, files

from hub.db.session import Sessions, unit
from hub.kernel.clock import Clock
from hub.pim import stock
from hub.pim.demo import seed
from hub.pim.importing import ImportReport, import_products

CURRENCY = "EUR"
LOCATIONS = (("main", "Cellar", 10), ("shop", "Shop on the market square", 20))


def load(sessions: Sessions, clock: Clock) -> ImportReport:
    """Make the two locations, define the family of wines, import them and say more about some. Doing it again changes
    nothing."""
    with unit(sessions) as session:
        seed.define_wine(session, clock.now())
        for code, name, priority in LOCATIONS:
            stock.add_location(session, code, name, priority)
    with as_file(files("hub.pim") / "demo" / "wines.csv") as path:
        report = import_products(sessions, path, "hub", currency=CURRENCY, dry_run=False, clock=clock)
    with unit(sessions) as session:
        seed.say_more(session, clock.now())
    return report
