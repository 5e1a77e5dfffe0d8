"""Bulk edits: a preview over the whole selection, and a job that carries them out a few hundred products at a time.

The preview and the job make the same plan by the same pure rules; what only the database knows (a value that must be
unique, say) is refused when it is written, and listed by the job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from hub.db.session import Sessions, reading
from hub.db.upsert import chunks, table_of
from hub.kernel.errors import Invalid
from hub.pim.attributes.book import book_of
from hub.pim.attributes.models import Attribute, Family, FamilyAttribute
from hub.pim.bulk import actions as encoding
from hub.pim.bulk import selection as selecting
from hub.pim.bulk.actions import Action
from hub.pim.bulk.models import BulkTarget
from hub.pim.bulk.rules import Rule, Thing, rule_of
from hub.pim.bulk.selection import Selection
from hub.pim.history import edits
from hub.pim.history.edits import Edit, Seen
from hub.pim.history.note import By
from hub.pim.jobs import retention, run
from hub.pim.jobs.models import Job
from hub.pim.jobs.run import JobView, Step, Worker

STEP = 500
SHOWN = 100
LISTED_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """A field of a product or variant that would change, or why nothing of it can (`problem`)."""

    subject: str
    key: str
    field: str
    before: Any = None
    after: Any = None
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"subject": self.subject, "key": self.key, "field": self.field}
        return out | ({"problem": self.problem} if self.problem else {"before": self.before, "after": self.after})


@dataclass(slots=True, kw_only=True)
class Preview:
    """Counts of products, of the fields that would change, and the first of them. A product of which a part is refused
    is among `refused`; the rest of it changes all the same."""

    products: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    fields: int = 0
    diffs: list[Diff] = field(default_factory=list)
    problems: list[Diff] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            "products": self.products, "changed": self.changed, "unchanged": self.unchanged, "refused": self.refused,
            "fields": self.fields, "diffs": [diff.as_dict() for diff in self.diffs],
            "problems": [diff.as_dict() for diff in self.problems],
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What some products come to. `refused`: (product, thing, problem)."""

    edits: list[Edit]
    refused: list[tuple[Seen, Invalid]]
    products: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """The rules of an edit with what they were looked up in. `own`: family id → attributes that each variant has."""

    rules: tuple[Rule, ...]
    own: Mapping[int, frozenset[str]]

    def plan(self, stored: Mapping[edits.Key, Seen]) -> _Plan:
        """Apply everything to these products and their variants."""
        out: list[Edit] = []
        refused: list[tuple[Seen, Invalid]] = []
        products = {seen.id: seen for seen in stored.values() if seen.subject == "product"}
        said = {number: seen.fields() for number, seen in products.items()}
        for seen in stored.values():
            family = products[seen.product_id].row["family_id"]
            before = said[seen.id] if seen.subject == "product" else seen.fields()
            thing = Thing(
                subject=seen.subject, values=dict(before), parent=said[seen.product_id],
                own=self.own.get(family, frozenset()) if family is not None else frozenset(),
            )  # fmt: skip
            try:
                for rule in self.rules:
                    if thing.concerns(rule.field):
                        rule.apply(thing)
            except Invalid as problem:
                refused.append((seen, problem))
                continue
            changes = {name: value for name, value in thing.values.items() if value != before.get(name)}
            if changes:
                out.append(Edit(seen=seen, changes=changes))
        return _Plan(edits=out, refused=refused, products=frozenset(products))


def rules_of(session: Session, actions: Sequence[Action]) -> _Rules:
    """The rules of these actions by the definitions as they are now.

    Raises:
        Invalid: a field does not exist, or is not one to which this can be done.
    """
    book = book_of(session)
    families = dict(session.execute(select(Family.code, Family.id)).tuples().all())
    own: dict[int, set[str]] = {}
    for row in session.execute(
        select(FamilyAttribute.family_id, Attribute.code)
        .join(Attribute, Attribute.id == FamilyAttribute.attribute_id)
        .where(FamilyAttribute.level == "variant")
    ):
        own.setdefault(row.family_id, set()).add(row.code)
    return _Rules(
        rules=tuple(rule_of(action, book, families) for action in actions),
        own={number: frozenset(codes) for number, codes in own.items()},
    )


def preview(sessions: Sessions, chosen: Selection, actions: Sequence[Action], *, shown: int = SHOWN) -> Preview:
    """What the edit would do now, over the whole selection and in bounded memory; changes nothing.

    Raises:
        Invalid, Unknown: the selection or an action cannot be.
    """
    out = Preview()
    with reading(sessions) as session:
        rules = rules_of(session, actions)
        for part in chunks(selecting.ids(session, chosen), STEP):
            _tell(out, rules.plan(edits.look(session, variants_of=part)), shown)
            session.expunge_all()
    return out


def _tell(out: Preview, plan: _Plan, shown: int) -> None:
    changed = {edit.seen.product_id for edit in plan.edits}
    refused = {seen.product_id for seen, _ in plan.refused}
    out.products += len(plan.products)
    out.changed += len(changed)
    out.refused += len(refused)
    out.unchanged += len(plan.products - changed - refused)
    for edit in plan.edits:
        out.fields += len(edit.changes)
        for name, after in edit.changes.items():
            if len(out.diffs) < shown:
                out.diffs.append(
                    Diff(
                        subject=edit.seen.subject, key=edit.seen.key, field=name, before=edit.seen.field(name), after=after
                    )
                )  # fmt: skip
    for seen, problem in plan.refused[: max(0, shown - len(out.problems))]:
        out.problems.append(
            Diff(subject=seen.subject, key=seen.key, field=problem.field or "", problem=problem.message)
        )


def start(
    session: Session, chosen: Selection, actions: Sequence[Action], by: By, now: datetime, *, title: str = ""
) -> Job:
    """Fix the selection and put the edit in the queue.

    Raises:
        Invalid, Unknown: the selection or an action cannot be.
    """
    rules_of(session, actions)
    job = run.start(
        session, kind="bulk", title=title or described(actions), by=by, now=now,
        params={"selection": selecting.to_json(chosen), "actions": encoding.to_json(actions)},
    )  # fmt: skip
    job.total = selecting.keep(session, job.id, chosen)
    return job


def described(actions: Sequence[Action]) -> str:
    """What a bulk edit is called that nobody named: «set brand, clear tags»."""
    return ", ".join(f"{record['do']} {record['field']}" for record in encoding.to_json(actions))[:200]


class Bulk:
    """The worker: STEP products per unit."""

    def step(self, session: Session, job: JobView, now: datetime) -> Step:
        at = int(job.cursor.get("at", 0))
        report = {name: int(job.report.get(name, 0)) for name in ("changed", "unchanged", "refused", "gone", "fields")}
        listed: list[Any] = list(job.report.get("listed", []))
        t = table_of(BulkTarget)
        ids = session.scalars(
            select(t.c.product_id).where(t.c.job_id == job.id, t.c.position > at).order_by(t.c.position).limit(STEP)
        ).all()
        plan = rules_of(session, encoding.from_json(job.params["actions"])).plan(
            edits.look(session, variants_of=ids, lock=True)
        )
        answers = edits.put(session, plan.edits, now)
        refused = {seen.product_id for seen, _ in plan.refused}
        changed: set[int] = set()
        problems = [(seen, problem.field or "", problem.message) for seen, problem in plan.refused]
        for edit in plan.edits:
            answer = answers[edit.seen.subject, edit.seen.id]
            if answer is None:
                changed.add(edit.seen.product_id)
                report["fields"] += len(edit.changes)
            else:
                refused.add(edit.seen.product_id)
                problems.append((edit.seen, answer.field or "", answer.message))
        report["changed"] += len(changed)
        report["refused"] += len(refused)
        report["unchanged"] += len(plan.products - changed - refused)
        report["gone"] += len(set(ids) - plan.products)
        for seen, name, message in problems[: max(0, LISTED_MAX - len(listed))]:
            listed.append({"subject": seen.subject, "key": seen.key, "field": name, "why": message})
        done = at + len(ids)
        return Step(
            cursor={"at": done},
            done=done,
            report={**report, "listed": listed},
            finished=len(ids) < STEP or done >= (job.total or 0),
        )


def targets(session: Session, job_id: int) -> int:
    """How many products the selection of a job still has on record."""
    return int(session.scalar(select(func.count()).select_from(BulkTarget).where(BulkTarget.job_id == job_id)) or 0)


def _forget(session: Session, job: Job) -> None:
    session.execute(delete(table_of(BulkTarget)).where(table_of(BulkTarget).c.job_id == job.id))


def _make(sessions: Sessions) -> Worker:
    return Bulk()


run.register("bulk", _make)
retention.register("bulk", _forget)
