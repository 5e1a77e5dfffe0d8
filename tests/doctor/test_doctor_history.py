"""The doctor looks at the end of the history."""

from __future__ import annotations

from sqlalchemy import delete, update

from hub.db.session import unit
from hub.db.upsert import table_of
from hub.doctor_checks.history import history
from hub.pim.history.models import AuditRow
from tests.doctor.test_doctor_checks import patient
from tests.support.catalogue import some, write
from tests.support.world import World

ROWS = table_of(AuditRow)


def test_a_history_as_it_was_written_is_in_order(world: World) -> None:
    write(world.system.sessions, *some(3))
    found = history(patient(world))
    assert found.ok
    assert found.checked >= 6


def test_a_changed_line_and_a_cut_end_are_found(world: World) -> None:
    write(world.system.sessions, *some(3))
    last = history(patient(world)).checked
    with unit(world.system.sessions) as session:
        session.execute(update(ROWS).where(ROWS.c.seq == last - 1).values(actor="mallory"))
    assert "was changed after it was written" in history(patient(world)).broken[0]
    with unit(world.system.sessions) as session:
        session.execute(delete(ROWS).where(ROWS.c.seq >= last - 1))
    assert "its end was cut off" in history(patient(world)).broken[0]
