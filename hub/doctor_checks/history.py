"""Is the end of the audit trail as it was written? The whole of it is walked by `hub audit verify`."""

from __future__ import annotations

from collections.abc import Callable

from hub.db.session import reading
from hub.doctor_checks.finding import Check, Patient
from hub.pim.history import verify


def history(patient: Patient) -> Check:
    """The last thousand lines follow each other, none was changed, and the last is the one that was written last."""
    with reading(patient.sessions) as session:
        found = verify.last(session)
    return Check(
        id="history", title="the history is as it was written", checked=found.checked, broken=found.problems,
        fix="hub audit verify walks all of it; compare with a backup, and find out who can write to the database",
    )  # fmt: skip


HISTORY: dict[str, Callable[[Patient], Check]] = {"history": history}
