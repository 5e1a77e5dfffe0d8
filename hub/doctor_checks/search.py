"""Does search find what is there?"""

from __future__ import annotations

from collections.abc import Callable

from hub.db.session import reading
from hub.doctor_checks.finding import SHOW, Check, Patient
from hub.pim.quality.rebuild import sample
from hub.pim.search import rebuild

SAMPLE = 200


def documents(patient: Patient) -> Check:
    """What search keeps of some products, others each time, is what the products say now."""
    with reading(patient.sessions) as session:
        ids = sample(session, SAMPLE, int(patient.clock.now().timestamp()))
        broken = rebuild.differences(session, ids)
    return Check(
        id="search", title="search finds products as they are (a sample)", checked=len(ids),
        broken=tuple(broken[:SHOW]), fix="hub search rebuild", level="warning",
    )  # fmt: skip


def parts(patient: Patient) -> Check:
    """Parts of words are found by an index: PostgreSQL needs the extension pg_trgm for that."""
    with reading(patient.sessions) as session:
        there = rebuild.parts_are_indexed(session)
    return Check(
        id="search_parts", title="parts of words are found by an index", checked=1,
        broken=() if there else ("pg_trgm is not there: a search for parts of words reads every product",),
        fix="as its owner, in the hub's database: CREATE EXTENSION pg_trgm; CREATE INDEX ix_search_documents_parts"
        " ON search_documents USING gin (haystack gin_trgm_ops)",
        level="warning",
    )  # fmt: skip


SEARCH: dict[str, Callable[[Patient], Check]] = {"search": documents, "search_parts": parts}
