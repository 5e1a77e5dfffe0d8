"""Bulk edits: each action, its preview, the job over a fixed selection, and its undo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.db.session import Sessions, reading, unit
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Invalid, Unknown
from hub.kernel.money import Money
from hub.pim import projections
from hub.pim.bulk import actions as encoding
from hub.pim.bulk import run as bulk
from hub.pim.bulk import selection as selecting
from hub.pim.bulk.actions import Action, Append, Clear, Copy, Formula, Remove, Replace, Set
from hub.pim.bulk.selection import Selection
from hub.pim.facts import ProductFacts, VariantFacts
from hub.pim.history import undo, verify
from hub.pim.jobs import retention, run
from hub.pim.search.query import Is, Query
from tests.support import catalogue
from tests.support.builders import NOW
from tests.support.catalogue import ANNA, BEN, snapshot, some, write

ALL = Selection(query=Query())


def ready(sessions: Sessions, count: int = 3, **more: Any) -> None:
    with unit(sessions) as session:
        catalogue.definitions(session)
    write(sessions, *some(count, **more))
    found(sessions)


def found(sessions: Sessions) -> None:
    """Let the search see what is there."""
    with unit(sessions) as session:
        projections.project(session, NOW)


def edit(
    sessions: Sessions, clock: FixedClock, *actions: Action, chosen: Selection = ALL
) -> tuple[int, dict[str, Any]]:
    """Carry it out; returns the job and its report."""
    with unit(sessions) as session:
        job = bulk.start(session, chosen, actions, ANNA, clock.now()).id
    assert run.run(sessions, clock, job) == "done"
    return job, dict(run.view(sessions, job).report)


def take_back(sessions: Sessions, clock: FixedClock, job: int) -> dict[str, Any]:
    with unit(sessions) as session:
        number = undo.start(session, job, BEN, clock.now()).id
    assert run.run(sessions, clock, number) == "done"
    return dict(run.view(sessions, number).report)


def said(sessions: Sessions, key: str, *fields: str) -> Any:
    row: Mapping[str, Any] = snapshot(sessions)[key]
    out = [row["values"].get(f[7:]) if f.startswith("values.") else row[f] for f in fields]
    return out[0] if len(out) == 1 else out


@pytest.mark.parametrize(
    ("action", "key", "field", "after"),
    [
        (Set(field="brand", value=" Beta  &  Co "), "handle:p-0", "brand", "Beta & Co"),
        (Set(field="description", value="<p onclick=x>Hi"), "handle:p-0", "description", "<p>Hi</p>"),
        (Set(field="tags", value="x, y, x"), "handle:p-0", "tags", ["x", "y"]),
        (Set(field="price", value="12.99"), "sku:S-0", "price_minor", 1299),
        (Set(field="cost", value="5 EUR"), "sku:S-0", "cost_minor", 500),
        (Set(field="weight_g", value="1.5 kg"), "sku:S-0", "weight_g", 1500),
        (Set(field="length_mm", value="120"), "sku:S-0", "length_mm", 120),
        (Set(field="material.de", value="Eiche"), "handle:p-0", "values.material", {"": "oak", "de": "Eiche"}),
        (Set(field="title.th", value="ไวน์แดง"), "handle:p-0", "values.title", {"th": "ไวน์แดง"}),
        (Set(field="colour", value="Red"), "handle:p-0", "values.colour", {"": "red"}),
        (Set(field="deposit", value="0.25 EUR"), "handle:p-0", "values.deposit", {"": {"minor": 25, "currency": "EUR"}}),
        (Clear(field="brand"), "handle:p-0", "brand", ""),
        (Clear(field="material"), "handle:p-0", "values.material", None),
        (Append(field="tags", items=("b", "new")), "handle:p-0", "tags", ["a", "b", "new"]),
        (Append(field="features", items=("Blue", "red")), "handle:p-0", "values.features", {"": ["red", "blue"]}),
        (Append(field="care.de", items=("Nicht waschen",)), "handle:p-0", "values.care", {"de": ["Nicht waschen"]}),
        (Remove(field="tags", items=("a", "zzz")), "handle:p-0", "tags", ["b"]),
        (Replace(field="title", old="Product", new="Wein"), "handle:p-0", "title", "Wein 0"),
        (Replace(field="material", old="oak", new="pine"), "handle:p-0", "values.material", {"": "pine"}),
        (Replace(field="tags", old="a", new="A"), "handle:p-0", "tags", ["A", "b"]),
        (Formula(field="price", expression="price*1.055"), "sku:S-0", "price_minor", 1055),
        (Formula(field="price", expression="ending(price * 2, 0.99)"), "sku:S-0", "price_minor", 1999),
        (Formula(field="cost", expression="round(price / 3, 2)"), "sku:S-0", "cost_minor", 333),
        (Formula(field="vintage", expression="vintage + 1"), "handle:p-0", "values.vintage", {"": "1991"}),
        (Formula(field="weight_g", expression="vintage / 4"), "sku:S-0", "weight_g", 498),
        (Copy(field="material.de", source="material"), "handle:p-0", "values.material", {"": "oak", "de": "oak"}),
        (Copy(field="title.de", source="title"), "handle:p-0", "values.title", {"de": "Product 0"}),
        (Copy(field="brand", source="material"), "handle:p-0", "brand", "oak"),
        (Copy(field="brand", source="material", only_empty=True), "handle:p-0", "brand", "Alpha"),
        (Copy(field="cost", source="price"), "sku:S-0", "cost_minor", 1000),
    ],
)  # fmt: skip
def test_an_action_makes_of_a_field_what_it_says_and_is_taken_back(
    sessions: Sessions, clock: FixedClock, action: Action, key: str, field: str, after: Any
) -> None:
    values = {"material": {"": "oak"}, "vintage": {"": "1990"}, "features": {"": ["red"]}}
    ready(sessions, 1, tags=("a", "b"), values=values)
    before = snapshot(sessions)
    seen = bulk.preview(sessions, ALL, (action,))
    assert snapshot(sessions) == before
    job, report = edit(sessions, clock, *encoding.from_json(encoding.to_json((action,))))
    assert said(sessions, key, field) == after
    assert (report["changed"], report["unchanged"], report["refused"]) == (seen.changed, seen.unchanged, seen.refused)
    assert report["fields"] == seen.fields == len(seen.diffs)
    take_back(sessions, clock, job)
    assert snapshot(sessions) == before


@pytest.mark.parametrize(
    ("action", "why"),
    [
        (Set(field="handle", value="x"), "not edited in bulk"),
        (Set(field="state", value="approved"), "not edited in bulk"),
        (Set(field="nothing", value="x"), "there is no field 'nothing'"),
        (Set(field="brand.de", value="x"), "one value for all languages"),
        (Set(field="material.fr", value="x"), "there is no locale"),
        (Append(field="brand", items=("x",)), "not a list"),
        (Formula(field="title", expression="1"), "not a number"),
        (Formula(field="price", expression="price +"), "no formula"),
        (Formula(field="price", expression="nothing * 2"), "there is no field 'nothing'"),
        (Replace(field="colour", old="a", new="b"), "not a text"),
    ],
)
def test_an_edit_that_makes_no_sense_does_not_start(
    sessions: Sessions, clock: FixedClock, action: Action, why: str
) -> None:
    ready(sessions, 1)
    with pytest.raises(Invalid, match=why), unit(sessions) as session:
        bulk.start(session, ALL, (action,), ANNA, clock.now())
    with pytest.raises(Invalid, match=why):
        bulk.preview(sessions, ALL, (action,))
    with reading(sessions) as session:
        assert bulk.targets(session, 1) == 0


def test_what_is_refused_is_listed_and_the_rest_changes(sessions: Sessions, clock: FixedClock) -> None:
    ready(sessions, 3)
    write(
        sessions, [], [VariantFacts(sku="USD", handle="p-1", price=Money(minor=1, currency="USD"), options={"a": "b"})]
    )
    seen = bulk.preview(sessions, ALL, (Set(field="price", value="5.00 EUR"),))
    assert (seen.products, seen.changed, seen.refused, seen.unchanged, seen.fields) == (3, 3, 1, 0, 3)
    assert [(d.key, d.problem) for d in seen.problems] == [("USD", "its prices are in USD, not in EUR")]
    _, report = edit(sessions, clock, Set(field="price", value="5.00 EUR"))
    assert (report["changed"], report["refused"], [row["key"] for row in report["listed"]]) == (3, 1, ["USD"])
    assert said(sessions, "sku:USD", "price_minor") == 1


def test_the_selection_is_fixed_when_it_starts(sessions: Sessions, clock: FixedClock) -> None:
    ready(sessions, 3)
    chosen = Selection(query=Query(filter=Is(field="brand", values=("Alpha",))))
    with unit(sessions) as session:
        started = bulk.start(session, chosen, (Set(field="brand", value="Beta"),), ANNA, clock.now())
        job, total = started.id, started.total
    assert total == 3
    write(sessions, [ProductFacts(handle="late", title="Late", brand="Alpha")])
    found(sessions)
    assert run.run(sessions, clock, job) == "done"
    assert [said(sessions, f"handle:{h}", "brand") for h in ("p-0", "p-2", "late")] == ["Beta", "Beta", "Alpha"]


def test_products_are_selected_by_handle_and_by_sku(sessions: Sessions, clock: FixedClock) -> None:
    ready(sessions, 4)
    _, report = edit(sessions, clock, Set(field="brand", value="Beta"), chosen=Selection(names=("S-1", "p-3", "p-1")))
    assert report["changed"] == 2
    assert [said(sessions, f"handle:p-{n}", "brand") for n in range(4)] == ["Alpha", "Beta", "Alpha", "Beta"]
    with pytest.raises(Unknown, match="'nobody', and 1 more"), unit(sessions) as session:
        bulk.start(session, Selection(names=("nobody", "none")), (Clear(field="brand"),), ANNA, clock.now())


def test_a_stopped_edit_goes_on_and_does_nothing_twice(
    sessions: Sessions, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "STEP", 2)
    ready(sessions, 7)
    before = snapshot(sessions)
    with unit(sessions) as session:
        job = bulk.start(session, ALL, (Formula(field="price", expression="price + 1"),), ANNA, clock.now()).id

    def stop(progress: run.Progress) -> None:
        if progress.done == 4 and progress.state == "running":
            with unit(sessions) as session:
                run.ask_to_stop(session, job, clock.now())

    assert run.run(sessions, clock, job, progress=stop) == "stopped"
    with unit(sessions) as session:
        run.resume(session, job, clock.now())
    assert run.run(sessions, clock, job) == "done"
    assert [said(sessions, f"sku:S-{n}", "price_minor") for n in range(7)] == [1100 + n for n in range(7)]
    assert run.view(sessions, job).report["changed"] == 7
    take_back(sessions, clock, job)
    assert snapshot(sessions) == before


def test_several_actions_build_on_each_other(sessions: Sessions, clock: FixedClock) -> None:
    ready(sessions, 1)
    edit(
        sessions, clock, Copy(field="cost", source="price"), Formula(field="cost", expression="cost / 2"),
        Formula(field="price", expression="cost + 1"),
    )  # fmt: skip
    assert said(sessions, "sku:S-0", "cost_minor", "price_minor") == [500, 600]


def test_after_thirty_days_the_selection_is_gone(sessions: Sessions, clock: FixedClock) -> None:
    ready(sessions, 3)
    job, _ = edit(sessions, clock, Clear(field="brand"))
    clock.advance(timedelta(days=31))
    with unit(sessions) as session:
        assert (bulk.targets(session, job), retention.expire(session, clock.now()), bulk.targets(session, job)) == (
            3,
            1,
            0,
        )


ACTIONS = st.lists(
    st.one_of(
        st.builds(Set, field=st.sampled_from(["brand", "material.de", "title"]), value=st.sampled_from(["x", "ΐ ไ", "z"])),
        st.builds(Set, field=st.just("price"), value=st.sampled_from(["1.00", "99.99"])),
        st.builds(Clear, field=st.sampled_from(["brand", "material", "tags", "gtin", "cost"])),
        st.builds(Append, field=st.just("tags"), items=st.sampled_from([("a",), ("b", "c")])),
        st.builds(Remove, field=st.just("tags"), items=st.sampled_from([("a",), ("b", "c")])),
        st.builds(Replace, field=st.sampled_from(["title", "tags", "description"]), old=st.sampled_from(["P", "a"]),
                  new=st.sampled_from(["Q", "aa"])),
        st.builds(Formula, field=st.sampled_from(["price", "cost", "weight_g"]),
                  expression=st.sampled_from(["price*1.1", "ending(price, 0.99)", "price + cost"])),
        st.builds(Copy, field=st.sampled_from(["title.de", "material.th", "brand"]),
                  source=st.sampled_from(["title", "material"]), only_empty=st.booleans()),
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=ACTIONS, second=ACTIONS, edited=st.sets(st.integers(0, 4)))
def test_taken_back_all_is_as_before_but_what_others_changed_since(
    sessions: Sessions, clock: FixedClock, first: list[Action], second: list[Action], edited: set[int]
) -> None:
    if not snapshot(sessions):
        ready(sessions, 5, tags=("a",), values={"material": {"": "oak", "de": "Eiche"}})
    before = snapshot(sessions)
    one, _ = edit(sessions, clock, *first)
    two, _ = edit(sessions, clock, *second)
    touched = {n: said(sessions, f"handle:p-{n}", "category") for n in edited}
    clock.advance(timedelta(seconds=1))
    for n in edited:
        now = snapshot(sessions)[f"handle:p-{n}"]
        facts = ProductFacts(handle=f"p-{n}", title=now["title"], category="Ben's")
        write(sessions, [facts], by=BEN, now=clock.now(), fields=("category", "title"))
    for job in (two, one):
        assert take_back(sessions, clock, job)["conflicts"] == 0
    after = snapshot(sessions)
    for n in edited:
        assert after[f"handle:p-{n}"]["category"] == "Ben's"
        after[f"handle:p-{n}"] = {**after[f"handle:p-{n}"], "category": touched[n]}
    assert after == before
    for n in edited:  # as it was, for the next example
        facts = ProductFacts(handle=f"p-{n}", title=before[f"handle:p-{n}"]["title"], category=touched[n])
        write(sessions, [replace(facts)], by=BEN, now=clock.now(), fields=("category",))
    assert verify.whole(sessions).ok


def test_json_that_is_no_edit_is_refused() -> None:
    for given_json in (
        None, [], [{}], [{"do": "explode", "field": "x"}], [{"do": "set", "field": "x"}],
        [{"do": "set", "field": 3, "value": "x"}], [{"do": "append", "field": "tags", "items": []}],
        [{"do": "clear", "field": "x", "more": 1}], [{"do": "replace", "field": "x", "old": "", "new": "y"}],
        [{"do": "formula", "field": "price", "expression": "import os"}], [{"do": "clear", "field": "x"}] * 21,
    ):  # fmt: skip
        with pytest.raises(Invalid):
            encoding.from_json(given_json)
    for wrong in (None, {}, {"names": "x"}, {"names": []}, {"query": {}, "names": []}, {"names": [1]}):
        with pytest.raises(Invalid):
            selecting.from_json(wrong)
