"""Who changed what: pages of the history, restores, and what never gets into it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import NotAllowedNow, Unknown
from hub.pim.history import reads, restore
from hub.pim.history.note import By, act_as
from hub.pim.history.reads import Wanted
from tests.support import catalogue
from tests.support.builders import NOW
from tests.support.catalogue import ANNA, BEN, some, write

LATER = NOW + timedelta(hours=1)


def _edited(sessions: Sessions) -> None:
    """p-0 created by Anna, retitled by Ben an hour later; p-1 created only; S-0 made dearer by an import."""
    products, variants = some(2)
    write(sessions, products, variants)
    write(sessions, [replace(products[0], title="Zero", tags=("new",))], by=BEN, now=LATER)
    dearer = replace(variants[0], price=replace(variants[0].price, minor=1500))
    write(sessions, [], [dearer], by=By(kind="import", name="Carl", source="import:7"), now=LATER)


def _titles(page: reads.Page) -> list[tuple[str, str, str]]:
    return [(e.key, e.action, e.actor) for e in page.entries]


def test_a_line_says_who_when_what_before_and_after(sessions: Sessions) -> None:
    _edited(sessions)
    with reading(sessions) as session:
        about = reads.about(session, "p-0")
        page = reads.page(session, Wanted(about=about, subject="product"))
    newest = page.entries[0]
    assert (newest.actor_kind, newest.actor, newest.at, newest.action) == ("person", "ben", LATER, "updated")
    assert dict(newest.changes) == {"title": ("Product 0", "Zero"), "tags": ([], ["new"])}
    assert _titles(page) == [("p-0", "updated", "ben"), ("p-0", "created", "anna")]


def test_each_condition_narrows_the_history(sessions: Sessions) -> None:
    _edited(sessions)
    with reading(sessions) as session:
        variant = reads.about(session, "S-0")
        found = {
            "about": _titles(reads.page(session, Wanted(about=variant))),
            "field": _titles(reads.page(session, Wanted(field="tags"))),
            "actor": _titles(reads.page(session, Wanted(actor="ben"))),
            "source": _titles(reads.page(session, Wanted(source="import:7"))),
            "since": _titles(reads.page(session, Wanted(since=LATER))),
            "until": _titles(reads.page(session, Wanted(until=LATER, subject="variant"))),
        }
    assert found == {
        "about": [("S-0", "updated", "Carl"), ("S-0", "created", "anna")],
        "field": [("p-0", "updated", "ben")],
        "actor": [("p-0", "updated", "ben")],
        "source": [("S-0", "updated", "Carl")],
        "since": [("S-0", "updated", "Carl"), ("p-0", "updated", "ben")],
        "until": [("S-1", "created", "anna"), ("S-0", "created", "anna")],
    }


@pytest.mark.parametrize("field", ["", "title"])
@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_pages_give_every_line_once(sessions: Sessions, size: int, field: str) -> None:
    products, variants = some(4)
    write(sessions, products, variants)
    seen: list[int] = []
    before: int | None = None
    for _ in range(20):
        with reading(sessions) as session:
            page = reads.page(session, Wanted(field=field), before=before, limit=size)
        seen += [entry.seq for entry in page.entries]
        before = page.before
        if before is None:
            break
    assert seen == ([8, 7, 6, 5, 4, 3, 2, 1] if not field else [4, 3, 2, 1])


def test_what_is_not_there_has_no_history(sessions: Sessions) -> None:
    with reading(sessions) as session, pytest.raises(Unknown):
        reads.about(session, "nothing")


def test_a_field_goes_back_to_what_it_was_and_that_is_a_change_too(sessions: Sessions) -> None:
    _edited(sessions)
    with unit(sessions) as session:
        act_as(session, ANNA)
        line = reads.page(session, Wanted(actor="ben")).entries[0]
        done = restore.fields(session, line.seq, LATER, only=["title"])
    assert done.changed == {"title": ("Zero", "Product 0")}
    snap = catalogue.snapshot(sessions)["handle:p-0"]
    assert (snap["title"], snap["tags"]) == ("Product 0", ["new"])
    with reading(sessions) as session:
        newest = reads.page(session, Wanted()).entries[0]
    assert (newest.actor, dict(newest.changes)) == ("anna", {"title": ("Zero", "Product 0")})


def test_a_whole_version_comes_back(sessions: Sessions) -> None:
    with unit(sessions) as session:
        catalogue.definitions(session)
    products, variants = some(1, values={"material": {"": "oak", "de": "Eiche"}})
    write(sessions, products, variants)
    before = catalogue.snapshot(sessions)
    write(sessions, [replace(products[0], title="A", values={"material": {"": "", "th": "ไม้โอ๊ค"}})], by=BEN)
    write(sessions, [replace(products[0], title="B", brand="Beta", values={"vintage": {"": "1999"}})], by=BEN)
    assert catalogue.snapshot(sessions) != before
    with unit(sessions) as session:
        about = reads.about(session, "p-0")
        first = reads.page(session, Wanted(about=about[:1])).entries[-1]
        restore.version(session, "product", first.subject_id, first.seq, LATER)
    assert catalogue.snapshot(sessions) == before


def test_a_line_of_creation_has_no_before(sessions: Sessions) -> None:
    _edited(sessions)
    before = catalogue.snapshot(sessions)
    with pytest.raises(NotAllowedNow, match="did not exist"), unit(sessions) as session:
        restore.fields(session, 1, LATER)
    with pytest.raises(Unknown, match="says nothing of brand"), unit(sessions) as session:
        restore.fields(session, 5, LATER, only=["brand"])
    assert catalogue.snapshot(sessions) == before


def test_restoring_what_is_so_already_notes_nothing(sessions: Sessions) -> None:
    _edited(sessions)
    with unit(sessions) as session:
        restore.fields(session, 5, LATER)
        restore_again = restore.fields(session, 5, LATER)
    assert restore_again.changed == {}
    with reading(sessions) as session:
        assert reads.page(session, Wanted()).entries[0].seq == 7
