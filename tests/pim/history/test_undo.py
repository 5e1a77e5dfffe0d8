"""Taking back a job: what it changed is as before, what others changed since stays, what it created goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.kernel.clock import FixedClock
from hub.kernel.errors import NotAllowedNow
from hub.kernel.money import Money
from hub.pim import ledger
from hub.pim.facts import ProductFacts, VariantFacts
from hub.pim.history import undo, verify
from hub.pim.history.note import By
from hub.pim.jobs import run
from hub.pim.jobs.models import Job
from hub.pim.models import StockPosition, Variant
from tests.support import builders, catalogue
from tests.support.builders import NOW
from tests.support.catalogue import ANNA, BEN, some, write

LATER = NOW + timedelta(minutes=5)


def a_job(sessions: Sessions, kind: str = "import") -> By:
    """A job that is done; what is written in the name of the answer is its doing."""
    with unit(sessions) as session:
        job = Job(
            kind=kind, title="goods.csv", state="done", params={}, cursor={}, done=0, report={}, error="",
            actor_kind="person", actor="anna", created_at=NOW, ended_at=NOW, fence=0,
        )  # fmt: skip
        session.add(job)
        session.flush()  # its id is the source
        return By(kind="import", name="anna", source=f"{kind}:{job.id}")


def take_back(sessions: Sessions, by: By, clock: FixedClock) -> dict[str, Any]:
    """The report of the undo of that job."""
    with unit(sessions) as session:
        started = undo.start(session, int(by.source.partition(":")[2]), BEN, clock.now())
    assert run.run(sessions, clock, started.id) == "done"
    job = run.view(sessions, started.id)
    assert run.view(sessions, int(by.source.partition(":")[2])).state == "undone"
    return dict(job.report)


def _counts(report: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in report.items() if name != "listed" and count}


def test_updates_are_taken_back_exactly(sessions: Sessions, clock: FixedClock) -> None:
    with unit(sessions) as session:
        catalogue.definitions(session)
    products, variants = some(3, values={"material": {"": "oak", "th": "ไม้โอ๊ค"}}, tags=("a", "b"))
    write(sessions, products, variants)
    before = catalogue.snapshot(sessions)
    by = a_job(sessions)
    changed = [
        replace(p, title=f"New {p.title}", tags=(), values={"material": {"": "", "de": "Eiche"}, "vintage": {"": "3"}})
        for p in products
    ]
    dearer = [replace(v, price=Money(minor=1, currency="USD"), weight_g=5, gtin="4006381333931") for v in variants]
    write(sessions, changed, dearer, by=by, now=LATER)
    assert catalogue.snapshot(sessions) != before
    report = take_back(sessions, by, clock)
    assert catalogue.snapshot(sessions) == before
    assert _counts(report) == {"restored": 6, "fields": 3 * 5 + 3 * 4}
    assert report["listed"] == []
    assert verify.whole(sessions).ok


def test_what_it_created_goes_and_what_refers_keeps_it(sessions: Sessions, clock: FixedClock) -> None:
    products, variants = some(1)
    write(sessions, products, variants)
    before = catalogue.snapshot(sessions)
    by = a_job(sessions)
    more = [ProductFacts(handle="fresh", title="Fresh"), ProductFacts(handle="listed", title="Listed")]
    euro = Money(minor=500, currency="EUR")
    write(
        sessions,
        more,
        [
            VariantFacts(sku="F-1", handle="fresh", price=euro),
            VariantFacts(sku="L-1", handle="listed", price=euro),
            VariantFacts(sku="S-0-blue", handle="p-0", price=euro, options={"Colour": "blue"}),
        ],
        by=by,
        now=LATER,
    )
    with unit(sessions) as session:
        variant = session.scalars(select(Variant).where(Variant.sku == "L-1")).one()
        builders.a_listing(session, builders.an_account(session), variant)
    report = take_back(sessions, by, clock)
    after = catalogue.snapshot(sessions)
    assert sorted(set(after) - set(before)) == ["handle:listed", "sku:L-1"]
    assert after["handle:listed"]["state"] == "archived"
    assert {key: after[key] for key in before} == before
    assert _counts(report) == {"removed": 3, "archived": 1}


def test_what_somebody_changed_since_stays_and_is_listed(sessions: Sessions, clock: FixedClock) -> None:
    products, variants = some(2)
    write(sessions, products, variants)
    by = a_job(sessions)
    new = ProductFacts(handle="new", title="New")
    write(sessions, [replace(products[0], title="Job", brand="Job"), new], by=by, now=NOW)
    ben = [replace(products[0], title="Ben", brand="Job"), replace(new, title="Ben too")]
    write(sessions, ben, by=BEN, now=LATER)
    report = take_back(sessions, by, clock)
    after = catalogue.snapshot(sessions)
    assert (after["handle:p-0"]["title"], after["handle:p-0"]["brand"]) == ("Ben", "Alpha")
    assert (after["handle:new"]["title"], after["handle:new"]["state"]) == ("Ben too", "draft")
    at = LATER.isoformat()
    assert sorted(report["listed"], key=lambda row: row["key"]) == [
        {"subject": "product", "key": "new", "field": "", "why": "it was created by this job and changed since",
         "by": "ben", "at": at},
        {"subject": "product", "key": "p-0", "field": "title", "why": "it was changed since", "by": "ben", "at": at},
    ]  # fmt: skip


def test_opened_stock_leaves_again_but_not_what_is_promised(sessions: Sessions, clock: FixedClock) -> None:
    by = a_job(sessions)
    products, variants = some(2)
    write(sessions, products, variants, by=by)
    with unit(sessions) as session:
        ids = dict(session.execute(select(Variant.sku, Variant.id)).tuples().all())
        place = builders.a_location(session).id
        ledger.post(
            session,
            [
                ledger.Movement(variant_id=ids[sku], location_id=place, kind="count", delta=10, token=sku,
                                reason="opening stock", by="import")
                for sku in ("S-0", "S-1")
            ],
            NOW,
        )  # fmt: skip
        session.query(StockPosition).filter_by(variant_id=ids["S-1"]).one().reserved = 4
    report = take_back(sessions, by, clock)
    with reading(sessions) as session:
        left = dict(session.execute(select(StockPosition.variant_id, StockPosition.on_hand)).tuples().all())
    assert left == {ids["S-0"]: 0, ids["S-1"]: 4}
    assert _counts(report) == {"units_taken_back": 16, "archived": 2, "conflicts": 1}
    assert report["listed"][0]["why"] == "4 of the opened units are gone or promised"


def test_a_value_that_changed_several_times_goes_back_to_the_first(sessions: Sessions, clock: FixedClock) -> None:
    products, _ = some(1)
    write(sessions, products)
    by = a_job(sessions)
    for title in ("One", "Two", "Three"):
        write(sessions, [replace(products[0], title=title)], by=by, now=LATER)
    take_back(sessions, by, clock)
    assert catalogue.snapshot(sessions)["handle:p-0"]["title"] == "Product 0"


@pytest.mark.parametrize("step_rows", [1, 2, 3, 7])
def test_products_that_lie_across_steps_are_taken_back_once(
    sessions: Sessions, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, step_rows: int
) -> None:
    monkeypatch.setattr(undo, "STEP_ROWS", step_rows)
    products, variants = some(3)
    write(sessions, products, variants)
    before = catalogue.snapshot(sessions)
    by = a_job(sessions)
    for number in (1, 2):
        again = [replace(p, title=f"{p.title} {number}") for p in products]
        write(sessions, again, [replace(v, weight_g=number) for v in variants], by=by, now=LATER)
    more, goods = some(5)
    write(sessions, more[3:], goods[3:], by=by, now=LATER)
    report = take_back(sessions, by, clock)
    assert catalogue.snapshot(sessions) == before
    assert _counts(report) == {"restored": 6, "fields": 6, "removed": 4}


def test_options_that_were_swapped_are_swapped_back(sessions: Sessions, clock: FixedClock) -> None:
    product = ProductFacts(handle="p", title="P", axes=("Size",))
    price = Money(minor=100, currency="EUR")
    sizes = [VariantFacts(sku=s, handle="p", price=price, options={"Size": s}) for s in ("A", "B")]
    write(sessions, [product], sizes)
    before = catalogue.snapshot(sessions)
    by = a_job(sessions, "bulk")
    swapped = [replace(sizes[0], options={"Size": "B"}), replace(sizes[1], options={"Size": "A"})]
    write(sessions, [], swapped, by=by, now=LATER)
    take_back(sessions, by, clock)
    assert catalogue.snapshot(sessions) == before


def test_a_job_is_taken_back_once_and_within_thirty_days(sessions: Sessions, clock: FixedClock) -> None:
    by = a_job(sessions)
    number = int(by.source.partition(":")[2])
    write(sessions, *some(1), by=by)
    clock.advance(timedelta(days=31))
    with pytest.raises(NotAllowedNow, match="for 30 days"), unit(sessions) as session:
        undo.start(session, number, ANNA, clock.now())
    clock.advance(timedelta(days=-2))
    with unit(sessions) as session:
        started = undo.start(session, number, ANNA, clock.now())
    with pytest.raises(NotAllowedNow, match="being taken back already"), unit(sessions) as session:
        undo.start(session, number, ANNA, clock.now())
    run.run(sessions, clock, started.id)
    for job_id, why in ((number, "taken back already"), (started.id, "changes nothing that could be taken back")):
        with pytest.raises(NotAllowedNow, match=why), unit(sessions) as session:
            undo.start(session, job_id, ANNA, clock.now())
