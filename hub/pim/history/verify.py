"""Is the audit trail as it was written? Walks the chain: gaps, changed rows, rows that were cut off the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.db.session import Sessions, reading
from hub.db.upsert import table_of
from hub.pim.history.chain import GENESIS, row_hash
from hub.pim.history.models import AuditHead, AuditRow
from hub.pim.history.note import audited

BATCH = 1_000
PROBLEMS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`checked` lines were looked at; `problems` says what is wrong (the first few), empty = the chain is whole.
    `head` is the number and hash of the last line, which somebody may write down elsewhere."""

    checked: int
    problems: tuple[str, ...]
    seq: int
    head: str

    @property
    def ok(self) -> bool:
        return not self.problems


class _Walk:
    """The state of a walk along the chain."""

    def __init__(self, seq: int, previous: str) -> None:
        self.seq, self.previous = seq, previous
        self.checked = 0
        self.problems: list[str] = []

    def say(self, problem: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)

    def batch(self, session: Session, *, upto: int) -> bool:
        """Look at the next rows; False if there are none."""
        t = table_of(AuditRow)
        rows = session.execute(select(t).where(t.c.seq > self.seq, t.c.seq <= upto).order_by(t.c.seq).limit(BATCH))
        seen = False
        for row in rows.mappings():
            seen = True
            self.checked += 1
            if row["seq"] != self.seq + 1:
                first, last = self.seq + 1, row["seq"] - 1
                self.say(f"line {first} is missing" if first == last else f"the lines {first} to {last} are missing")
            elif row["previous"] != self.previous:
                self.say(f"line {row['seq']} does not follow the line before it")
            if row_hash(row["previous"], audited(dict(row))) != row["hash"]:
                self.say(f"line {row['seq']} ({row['subject']} {row['subject_key']}) was changed after it was written")
            self.seq, self.previous = row["seq"], row["hash"]
        return seen


def whole(sessions: Sessions, *, progress: Callable[[int, int], None] | None = None) -> Verdict:
    """Walk the whole chain as of now, in batches; writers go on meanwhile."""
    with reading(sessions) as session:
        seq, head = _head(session)
        walk = _Walk(0, GENESIS)
        while walk.batch(session, upto=seq):
            session.expunge_all()
            if progress is not None:
                progress(walk.seq, seq)
        _end(session, walk, seq, head)
    return Verdict(checked=walk.checked, problems=tuple(walk.problems), seq=seq, head=head)


def last(session: Session, count: int = BATCH) -> Verdict:
    """Check the last `count` lines and that the head is theirs."""
    seq, head = _head(session)
    start = max(0, seq - count)
    previous = GENESIS
    if start:
        previous = session.scalar(select(AuditRow.hash).where(AuditRow.seq == start)) or ""
    walk = _Walk(start, previous)
    while walk.batch(session, upto=seq):
        pass
    _end(session, walk, seq, head)
    return Verdict(checked=walk.checked, problems=tuple(walk.problems), seq=seq, head=head)


def _head(session: Session) -> tuple[int, str]:
    row = session.execute(select(AuditHead.seq, AuditHead.hash).where(AuditHead.id == 1)).first()
    return (0, GENESIS) if row is None else (row.seq, row.hash)


def _end(session: Session, walk: _Walk, seq: int, head: str) -> None:
    if walk.seq != seq:
        walk.say(f"the history ends at line {walk.seq}, {seq - walk.seq} more were written: its end was cut off")
    elif walk.previous != head:
        walk.say(f"the last line, {seq}, is not the one that was written last")
    beyond = session.scalar(select(func.min(AuditRow.seq)).where(AuditRow.seq > seq))
    if beyond is not None and _head(session)[0] == seq:
        walk.say(f"line {beyond} was added past the end of the chain")
