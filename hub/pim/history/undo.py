"""Taking back everything that an import or a bulk edit changed, as a job of its own.

Products are taken back one after the other, with all their variants, from the last line of the history to the first.
Where somebody changed a field since, it stays and is listed. What the job created is removed if nothing refers to it,
else archived. Opened stock leaves again by movements of its own, never below what is promised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.db.session import Sessions
from hub.db.upsert import chunks
from hub.kernel.errors import NotAllowedNow, Unknown
from hub.pim.history import edits, opened, removal
from hub.pim.history.edits import Edit, Key, Seen, Subject
from hub.pim.history.fold import Line, changed_since, take_back
from hub.pim.history.models import AuditRow
from hub.pim.history.note import By
from hub.pim.jobs import reads, run
from hub.pim.jobs.models import Job
from hub.pim.jobs.run import JobView, Step, Worker
from hub.pim.models import Variant

STEP_ROWS = 1000
LISTED_MAX = 200
SUBJECTS = ("product", "variant")
COUNTS = ("restored", "fields", "removed", "archived", "units_taken_back", "conflicts", "others")


@dataclass(slots=True, kw_only=True)
class _Group:
    """A product with its variants, as far as the job touched them. `lines` of each: newest first."""

    product_id: int
    lines: dict[Key, list[Line]] = field(default_factory=dict)
    created: dict[Key, datetime] = field(default_factory=dict)
    whose: dict[int, tuple[str, datetime]] = field(default_factory=dict)  # line → who, when


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What a person gets to read."""

    counts: dict[str, int]
    conflicts: list[dict[str, Any]]

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> _Tally:
        return cls(counts={name: int(report.get(name, 0)) for name in COUNTS}, conflicts=list(report.get("listed", [])))

    def add(self, name: str, count: int = 1) -> None:
        self.counts[name] += count

    def conflict(self, subject: str, key: str, name: str, why: str, by: str = "", at: datetime | None = None) -> None:
        self.counts["conflicts"] += 1
        if len(self.conflicts) < LISTED_MAX:
            self.conflicts.append(
                {"subject": subject, "key": key, "field": name, "why": why, "by": by, "at": at and at.isoformat()}
            )

    def report(self) -> dict[str, Any]:
        return {**self.counts, "listed": self.conflicts}


def start(session: Session, job_id: int, by: By, now: datetime) -> Job:
    """Put the undo of a job in the queue.

    Raises:
        Unknown: no such job.
        NotAllowedNow: it changed nothing, is under way, is taken back already, or ended more than 30 days ago.
    """
    row = session.scalars(select(Job).where(Job.id == job_id).with_for_update()).first()
    if row is None:
        raise Unknown(f"there is no job {job_id}", field="job", value=job_id, fix="`hub jobs list` shows them")
    refused = reads.one(session, job_id, now).undo_refused
    if refused is not None:
        raise NotAllowedNow(f"job {job_id} cannot be taken back: {refused}", field="job", value=job_id)
    source = f"{row.kind}:{row.id}"
    total = session.scalar(
        select(func.count()).select_from(AuditRow).where(AuditRow.source == source, AuditRow.subject.in_(SUBJECTS))
    )
    return run.start(
        session, kind="undo", title=f"Undo of {row.title}", params={"source": source}, by=by, now=now,
        total=int(total or 0), undo_of=job_id,
    )  # fmt: skip


class Undo:
    """The worker."""

    def step(self, session: Session, job: JobView, now: datetime) -> Step:
        source = str(job.params["source"])
        below = job.cursor.get("below")
        tally = _Tally.of(job.report)
        if below is None:
            tally.counts["others"] = _others(session, source)
        query = (
            select(AuditRow.seq, AuditRow.subject, AuditRow.subject_id, AuditRow.changes)
            .where(AuditRow.source == source, AuditRow.subject.in_(SUBJECTS))
            .order_by(AuditRow.seq.desc())
            .limit(STEP_ROWS)
        )
        rows = session.execute(query if below is None else query.where(AuditRow.seq < below)).all()
        if not rows:
            return Step(cursor=job.cursor, done=job.done, report=tally.report(), finished=True)
        owners = _owners(session, [(row.subject, row.subject_id, row.changes) for row in rows])
        stored = edits.look(session, variants_of=set(owners.values()), lock=True)
        owners |= {key: seen.product_id for key, seen in stored.items()}
        groups = _groups(session, source, owners, below)
        _take_back(session, job.id, groups, stored, tally, now)
        return Step(cursor={"below": rows[-1].seq}, done=job.done + len(rows), report=tally.report())


def _others(session: Session, source: str) -> int:
    """Lines about other things (definitions, categories): they stay, and the report says so."""
    return int(
        session.scalar(
            select(func.count())
            .select_from(AuditRow)
            .where(AuditRow.source == source, AuditRow.subject.not_in(SUBJECTS))
        )
        or 0
    )


def _owners(session: Session, rows: Iterable[tuple[str, int, Mapping[str, Any]]]) -> dict[Key, int]:
    """The product of each product and variant that these lines are about."""
    out: dict[Key, int] = {}
    unknown: set[int] = set()
    for subject, number, changes in rows:
        if subject == "product":
            out["product", number] = number
        elif "product_id" in changes:
            out["variant", number] = int(changes["product_id"][1])
        else:
            unknown.add(number)
    for part in chunks(sorted(unknown)):
        for row in session.execute(select(Variant.id, Variant.product_id).where(Variant.id.in_(part))):
            out["variant", row.id] = row.product_id
    return out


def _groups(session: Session, source: str, owners: Mapping[Key, int], below: int | None) -> list[_Group]:
    """Products whose newest line of this source is in this step: the others were taken back before, as a whole."""
    groups: dict[int, _Group] = {}
    newest: dict[int, int] = {}
    born: set[Key] = set()  # SQLite gives the ids of removed rows again: what is older was something else
    for subject in SUBJECTS:
        for part in chunks(sorted(number for kind, number in owners if kind == subject)):
            for row in session.execute(
                select(
                    AuditRow.seq,
                    AuditRow.at,
                    AuditRow.subject_id,
                    AuditRow.source,
                    AuditRow.actor,
                    AuditRow.action,
                    AuditRow.changes,
                )
                .where(AuditRow.subject == subject, AuditRow.subject_id.in_(part))
                .order_by(AuditRow.seq.desc())
            ):
                key: Key = (_subject(subject), row.subject_id)
                if key in born:
                    continue
                if row.action == "created":
                    born.add(key)
                group = groups.setdefault(owners[key], _Group(product_id=owners[key]))
                mine = row.source == source
                group.lines.setdefault(key, []).append(Line(seq=row.seq, mine=mine, changes=row.changes))
                group.whose[row.seq] = (row.actor, row.at)
                if mine:
                    newest[group.product_id] = max(newest.get(group.product_id, 0), row.seq)
                    if row.action == "created":
                        group.created[key] = row.at
    return [g for number, g in sorted(groups.items()) if number in newest and (below is None or newest[number] < below)]


def _subject(text: str) -> Subject:
    return "product" if text == "product" else "variant"


def _take_back(
    session: Session, job_id: int, groups: Sequence[_Group], stored: Mapping[Key, Seen], tally: _Tally, now: datetime
) -> None:
    created = {key: at for group in groups for key, at in group.created.items() if key in stored}
    _stock(session, job_id, created, stored, tally, now)
    kept = _remove(session, groups, created, stored, tally, now)
    changes: list[Edit] = []
    for group in groups:
        for key, lines in group.lines.items():
            seen = stored.get(key)
            if seen is None or key in group.created or not any(line.mine for line in lines):
                continue
            current = {name: seen.field(name) for line in lines if line.mine for name in line.changes}
            taken = take_back(current, lines)
            for name, after in taken.conflicts.items():
                by, at = _who(group, lines, name, after)
                tally.conflict(key[0], seen.key, name, "it was changed since", by, at)
            if taken.changes:
                changes.append(Edit(seen=seen, changes=taken.changes))
    archived = [Edit(seen=seen, changes={"state": "archived"}) for seen in kept if seen.row["state"] != "archived"]
    answers = edits.put(session, [*changes, *archived], now)
    for edit in changes:
        problem = answers[edit.seen.subject, edit.seen.id]
        if problem is None:
            tally.add("restored")
            tally.add("fields", len(edit.changes))
        else:
            for name in edit.changes:
                tally.conflict(edit.seen.subject, edit.seen.key, name, problem.message)
    for edit in archived:
        problem = answers[edit.seen.subject, edit.seen.id]
        if problem is None:
            tally.add("archived")
        else:
            tally.conflict(edit.seen.subject, edit.seen.key, "state", problem.message)


def _who(group: _Group, lines: Sequence[Line], name: str, after: int) -> tuple[str, datetime | None]:
    """Who changed the field last after that line."""
    for line in lines:
        if line.seq > after and not line.mine and name in line.changes:
            return group.whose[line.seq]
    return "", None


def _stock(
    session: Session, job_id: int, created: Mapping[Key, datetime], stored: Mapping[Key, Seen], tally: _Tally,
    now: datetime,
) -> None:  # fmt: skip
    """Take back the stock that the job opened its variants with."""
    at = {number: when for (subject, number), when in created.items() if subject == "variant"}
    taken, short = opened.take_back(session, at, f"undo:{job_id}", now)
    tally.add("units_taken_back", taken)
    for number, left in sorted(short.items()):
        tally.conflict(
            "variant", stored["variant", number].key, "stock", f"{left} of the opened units are gone or promised"
        )


def _remove(
    session: Session, groups: Sequence[_Group], created: Mapping[Key, datetime], stored: Mapping[Key, Seen],
    tally: _Tally, now: datetime,
) -> list[Seen]:  # fmt: skip
    """Remove what the job created and nobody needs; returns the created products that stay, to be archived."""
    wanted: set[Key] = set()
    for group in groups:
        for key in group.created:
            if key not in stored:
                continue
            later = changed_since(
                {name: stored[key].field(name) for name in _named(group.lines[key])}, group.lines[key]
            )
            if later is None:
                wanted.add(key)
            else:
                by, at = group.whose[later]
                tally.conflict(key[0], stored[key].key, "", "it was created by this job and changed since", by, at)
    held = removal.referred(session, "variant", [number for subject, number in wanted if subject == "variant"])
    staying = {key for key in wanted if key[0] == "variant" and key[1] in held}
    going = {key for key in wanted if key[0] == "variant"} - staying
    for key in sorted(staying):
        if ("product", stored[key].product_id) not in wanted:  # else its product is archived and says so
            tally.conflict("variant", stored[key].key, "", f"{held[key[1]]} refer to it")
    removal.remove(session, [stored[key] for key in sorted(going)], now)
    products = [number for subject, number in wanted if subject == "product"]
    held = removal.referred(session, "product", products)
    gone = [stored["product", number] for number in sorted(products) if number not in held]
    removal.remove(session, gone, now)
    tally.add("removed", len(going) + len(gone))
    return [stored["product", number] for number in sorted(products) if number in held]


def _named(lines: Sequence[Line]) -> set[str]:
    return {name for line in lines for name in line.changes}


def _make(sessions: Sessions) -> Worker:
    return Undo()


run.register("undo", _make)
