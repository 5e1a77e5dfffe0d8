"""What must be in order around the data: database, schema, key, broker, clocks, adapters, and the work under way.

Invariants (`hub.doctor`) say whether the books are right; these checks say whether the hub can work and does. A check of
level «warning» tells a person to look; it does not make the hub unhealthy.
"""

from hub.doctor_checks.catalogue import CATALOGUE
from hub.doctor_checks.finding import Check, Patient
from hub.doctor_checks.groundwork import FATAL, GROUNDWORK
from hub.doctor_checks.history import HISTORY
from hub.doctor_checks.quality import QUALITY
from hub.doctor_checks.search import SEARCH
from hub.doctor_checks.work import WORK

__all__ = ["CATALOGUE", "FATAL", "GROUNDWORK", "HISTORY", "QUALITY", "SEARCH", "WORK", "Check", "Patient"]
