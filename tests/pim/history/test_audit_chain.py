"""The chain: whoever changes, removes, swaps or cuts off a line is noticed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from hub.db.session import Sessions, reading, unit
from hub.db.upsert import table_of
from hub.pim.facts import ProductFacts
from hub.pim.history import verify
from hub.pim.history.models import AuditHead, AuditRow
from tests.support.catalogue import some, write

ROWS = table_of(AuditRow)
TAMPERED: dict[str, Any] = {
    "at": None, "actor_kind": "system", "actor": "mallory", "reason": "x", "source": "api", "subject": "kit",
    "subject_id": 999, "subject_key": "p-9", "action": "deleted", "changes": {"title": [None, "Forged"]},
    "previous": "f" * 64, "hash": "e" * 64,
}  # fmt: skip


def _problems(sessions: Sessions) -> tuple[str, ...]:
    return verify.whole(sessions).problems


def test_an_empty_and_an_untouched_history_are_whole(sessions: Sessions) -> None:
    assert verify.whole(sessions).ok
    write(sessions, *some(5))
    verdict = verify.whole(sessions)
    assert (verdict.ok, verdict.checked, verdict.seq) == (True, 10, 10)
    with reading(sessions) as session:
        assert verify.last(session, 3) == verify.Verdict(checked=3, problems=(), seq=10, head=verdict.head)


@pytest.mark.parametrize("line", [1, 4, 10])
@pytest.mark.parametrize("column", [c.name for c in ROWS.columns if c.name != "seq"])
def test_a_changed_column_is_noticed(sessions: Sessions, column: str, line: int) -> None:
    write(sessions, *some(5))
    with unit(sessions) as session:
        value = TAMPERED[column]
        if column == "at":
            value = session.scalar(select(ROWS.c.at).where(ROWS.c.seq == line)).replace(microsecond=77)
        session.execute(update(ROWS).where(ROWS.c.seq == line).values({column: value}))
    assert any(f"line {line}" in problem or f"line {line + 1}" in problem or "last line" in problem
               for problem in _problems(sessions))  # fmt: skip


def test_a_removed_line_is_noticed(sessions: Sessions) -> None:
    write(sessions, *some(5))
    with unit(sessions) as session:
        session.execute(delete(ROWS).where(ROWS.c.seq == 4))
    assert _problems(sessions) == ("line 4 is missing",)


def test_two_swapped_lines_are_noticed(sessions: Sessions) -> None:
    write(sessions, *some(5))
    with unit(sessions) as session:
        for old, new in ((3, 1003), (4, 3), (1003, 4)):
            session.execute(update(ROWS).where(ROWS.c.seq == old).values(seq=new))
    assert len(_problems(sessions)) >= 2


def test_an_end_that_was_cut_off_is_noticed(sessions: Sessions) -> None:
    write(sessions, *some(5))
    with unit(sessions) as session:
        session.execute(delete(ROWS).where(ROWS.c.seq > 7))
    assert _problems(sessions) == ("the history ends at line 7, 3 more were written: its end was cut off",)
    with reading(sessions) as session:
        assert not verify.last(session, 3).ok


def test_a_rewritten_head_and_an_appended_line_are_noticed(sessions: Sessions) -> None:
    write(sessions, *some(5))
    with unit(sessions) as session:
        session.execute(update(AuditHead).values(hash="0" * 64))
    assert _problems(sessions) == ("the last line, 10, is not the one that was written last",)
    with unit(sessions) as session:
        session.execute(
            update(AuditHead).values(seq=9, hash=session.scalar(select(ROWS.c.hash).where(ROWS.c.seq == 9)))
        )
    assert _problems(sessions) == ("line 10 was added past the end of the chain",)


def test_a_doubled_line_cannot_be_stored(sessions: Sessions) -> None:
    write(sessions, *some(1))
    with reading(sessions) as session:
        row = dict(session.execute(select(ROWS).where(ROWS.c.seq == 1)).mappings().one())
    with unit(sessions) as session:
        session.execute(insert(ROWS).values({**row, "seq": 3}))
    assert not verify.whole(sessions).ok


def test_units_at_once_keep_the_chain_whole(sessions: Sessions) -> None:
    failures: list[BaseException] = []

    def go(name: str) -> None:
        try:
            for n in range(8):
                write(sessions, [ProductFacts(handle=f"{name}-{n}", title=name)])
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test reports it
            failures.append(error)

    threads = [threading.Thread(target=go, args=(name,)) for name in ("a", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    verdict = verify.whole(sessions)
    assert (verdict.problems, verdict.checked) == ((), 32)
