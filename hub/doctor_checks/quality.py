"""Is what is derived from products right, and does it keep up?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hub.db.session import reading
from hub.doctor_checks.finding import SHOW, Check, Patient
from hub.pim import projections
from hub.pim.quality.rebuild import differences, sample

SAMPLE = 200
LATE = timedelta(minutes=30)


def completeness(patient: Patient) -> Check:
    """The stored completeness of some products, others each time, is what is computed from them now."""
    with reading(patient.sessions) as session:
        ids = sample(session, SAMPLE, int(patient.clock.now().timestamp()))
        broken = differences(session, ids)
    return Check(
        id="completeness", title="stored completeness is what the products say (a sample)", checked=len(ids),
        broken=tuple(broken[:SHOW]), fix="hub completeness rebuild", level="warning",
    )  # fmt: skip


def derived(patient: Patient) -> Check:
    """What is derived from products (search, completeness …) follows their changes."""
    now = patient.clock.now()
    with reading(patient.sessions) as session:
        count, since = projections.behind(session), projections.behind_since(session)
    late = since is not None and now - since > LATE
    return Check(
        id="derived", title="search and completeness follow the products", checked=count,
        broken=(f"{count} products wait to be looked at, one of them since {since:%Y-%m-%d %H:%M} UTC",) if late else (),
        fix="let `hub up` or a worker of the bulk lane run; after a large import they need some minutes", level="warning",
    )  # fmt: skip


QUALITY: dict[str, Callable[[Patient], Check]] = {"completeness": completeness, "derived": derived}
