"""Saved views: made, seen, changed and deleted; each on record."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import Invalid, StaleEdit, Unknown
from hub.pim.history.models import AuditRow
from hub.pim.search import query as q
from hub.pim.search import views
from hub.pim.search.views import NewView, View, ViewChange
from tests.support.builders import NOW

QUERY = q.Query(text="wine", filter=q.Not(part=q.Is(field="brand", values=("Acme",))), sort="price", descending=True)


def save(sessions: Sessions, name: str = "Mine", owner: str = "ann", *, shared: bool = False) -> View:
    with unit(sessions) as session:
        return views.create(session, NewView(owner=owner, name=name, query=QUERY, shared=shared), NOW)


def names(sessions: Sessions, owner: str) -> list[str]:
    with reading(sessions) as session:
        return [view.name for view in views.visible(session, owner)]


def test_a_view_is_seen_by_its_owner_and_by_all_once_it_is_shared(sessions: Sessions) -> None:
    made = save(sessions)
    assert (made.query, made.columns, made.version) == (QUERY, views.DEFAULT_COLUMNS, 1)
    assert (names(sessions, "ann"), names(sessions, "bob")) == (["Mine"], [])
    with unit(sessions) as session:
        views.change(session, made.id, ViewChange(name="Ours", shared=True, columns=("title", "price")), NOW)
    assert names(sessions, "bob") == ["Ours"]
    with reading(sessions) as session:
        seen = views.named(session, "bob", "Ours")
    assert (seen.columns, seen.version, seen.owner) == (("title", "price"), 2, "ann")


def test_an_own_view_comes_before_a_shared_one_of_that_name(sessions: Sessions) -> None:
    save(sessions, owner="ann", shared=True)
    own = save(sessions, owner="bob")
    with reading(sessions) as session:
        assert views.named(session, "bob", "Mine").id == own.id


def test_pages_of_views_hold_each_once(sessions: Sessions) -> None:
    for name in ("b", "a", "c"):
        save(sessions, name)
    seen: list[str] = []
    after: tuple[str, int] | None = None
    with reading(sessions) as session:
        while here := views.visible(session, "ann", after=after, limit=2):
            seen += [view.name for view in here]
            after = (here[-1].name, here[-1].id)
    assert seen == ["a", "b", "c"]


def test_refusals_change_nothing(sessions: Sessions) -> None:
    made = save(sessions)
    for command in (
        lambda s: views.create(s, NewView(owner="ann", name=" Mine ", query=QUERY), NOW),
        lambda s: views.create(s, NewView(owner="ann", name="", query=QUERY), NOW),
        lambda s: views.create(s, NewView(owner="ann", name="x", query=QUERY, columns=("nothing",)), NOW),
        lambda s: views.create(s, NewView(owner="ann", name="x", query=q.Query(text="x" * 2000)), NOW),
        lambda s: views.change(s, made.id, ViewChange(columns=("nothing",)), NOW),
    ):
        with pytest.raises(Invalid), unit(sessions) as session:
            command(session)
    with pytest.raises(StaleEdit), unit(sessions) as session:
        views.change(session, made.id, ViewChange(name="Late", seen_version=7), NOW)
    with pytest.raises(Unknown), unit(sessions) as session:
        views.change(session, made.id + 1, ViewChange(name="x"), NOW)
    with reading(sessions) as session:
        assert views.visible(session, "ann") == [made]


def test_what_becomes_of_a_view_is_on_record(sessions: Sessions) -> None:
    made = save(sessions)
    with unit(sessions) as session:
        views.change(session, made.id, ViewChange(name="Other"), NOW)
    with unit(sessions) as session:
        views.change(session, made.id, ViewChange(name="Other"), NOW)  # changes nothing
    with unit(sessions) as session:
        views.remove(session, made.id, NOW)
    with reading(sessions) as session:
        found = session.execute(
            select(AuditRow.action, AuditRow.subject_key, AuditRow.changes)
            .where(AuditRow.subject == "view", AuditRow.subject_id == made.id)
            .order_by(AuditRow.seq)
        ).all()
        with pytest.raises(Unknown):
            views.view(session, made.id)
    assert [(row.action, row.subject_key) for row in found] == [
        ("created", "Mine"), ("updated", "Other"), ("deleted", "Other"),
    ]  # fmt: skip
    assert found[1].changes == {"name": ["Mine", "Other"]}
