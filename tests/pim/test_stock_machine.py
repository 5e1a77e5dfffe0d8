"""Stock as a state machine: whatever happens in whatever order, the books, the promises and the short lines agree.

The model knows no locations' choice and no SQL: it keeps what left and came, what each line wants, and checks the rest
as invariants of the database (I1 to I3).
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from sqlalchemy import func, select

from hub.db.session import Sessions, make_engine, make_sessions, reading, unit
from hub.kernel.errors import Invalid, StaleEdit
from hub.pim import reservations, stock
from hub.pim.models import Location, Reservation, StockMovement, StockPosition, Variant
from hub.pim.reservations import Wish
from tests.support import databases
from tests.support.builders import NOW, a_location, a_variant, an_account

SKUS = ("A", "B")
PLACES = ("main", "shop")


@cache
def template() -> Path:
    """A SQLite file with two places, two SKUs and one account, to be copied for each run."""
    databases.install_test_key()
    directory = Path(tempfile.mkdtemp(prefix="hub-machine-"))
    path = databases.sqlite_template(directory)
    engine = make_engine(f"sqlite:///{path}")
    with unit(make_sessions(engine)) as session:
        an_account(session)
        for n, place in enumerate(PLACES):
            a_location(session, code=place, priority=n)
        for sku in SKUS:
            a_variant(session, sku=sku, stock=dict.fromkeys(PLACES, 0))
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return path


class StockMachine(RuleBasedStateMachine):
    lines: Bundle[int] = Bundle("lines")

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="hub-machine-"))
        shutil.copyfile(template(), self.directory / "run.sqlite3")
        self.engine = make_engine(f"sqlite:///{self.directory / 'run.sqlite3'}", pool_size=1)
        self.sessions: Sessions = make_sessions(self.engine)
        with self.engine.connect() as connection:  # a test database need not survive a power cut
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA synchronous=OFF")
            connection.exec_driver_sql("BEGIN")
        self.made = 0
        self.on_hand = dict.fromkeys([(sku, place) for sku in SKUS for place in PLACES], 0)
        self.wants: dict[int, tuple[str, int]] = {}  # line -> SKU and units still wanted
        self.ids: dict[str, int] = {}

    @initialize()
    def begin(self) -> None:
        with reading(self.sessions) as session:
            for model, column in ((Variant, Variant.sku), (Location, Location.code)):
                self.ids.update({row[1]: row[0] for row in session.execute(select(model.id, column))})

    def teardown(self) -> None:
        self.engine.dispose()
        shutil.rmtree(self.directory)

    def token(self) -> str:
        self.made += 1
        return f"t{self.made}"

    # ---------------------------------------------------------------- what people and channels do

    @rule(target=lines, sku=st.sampled_from(SKUS), wanted=st.integers(1, 6), age=st.integers(0, 9))
    def reserve(self, sku: str, wanted: int, age: int) -> int:
        self.made += 1
        line = self.made
        self.wants[line] = (sku, wanted)
        self.wish(line, age)
        return line

    def wish(self, line: int, age: int = 0) -> None:
        sku, wanted = self.wants[line]
        with unit(self.sessions) as session:
            free_before = self.free(sku)
            before = self.held(line)
            held = reservations.reserve(
                session,
                [
                    Wish(
                        order_line_id=line, variant_id=self.ids[sku], wanted=wanted, account_id=1, order_ref=f"O{line}",
                        placed_at=NOW - timedelta(minutes=age),
                    )
                ],
                NOW,
            )  # fmt: skip
        assert 0 <= held[line] <= wanted
        assert held[line] <= before + free_before

    @rule(line=lines, wanted=st.integers(0, 8))
    def edit(self, line: int, wanted: int) -> None:
        self.wants[line] = (self.wants[line][0], wanted)
        self.wish(line)

    @rule(line=lines)
    def ask_again(self, line: int) -> None:
        """The same wish twice changes nothing the second time."""
        self.wish(line)
        before = self.rows()
        self.wish(line)
        assert self.rows() == before

    @rule(line=consumes(lines))
    def cancel(self, line: int) -> None:
        with unit(self.sessions) as session:
            reservations.release(session, [line], NOW)
        self.wants[line] = (self.wants[line][0], 0)

    @rule(target=lines, line=consumes(lines), units=st.integers(1, 8), twice=st.booleans())
    def ship(self, line: int, units: int, twice: bool) -> object:
        sku, wanted = self.wants[line]
        token, before = self.token(), sum(v for (s, _), v in self.on_hand.items() if s == sku)
        had = self.on_hand.copy()
        for _ in range(1 + twice):  # the same departure told twice leaves once
            with unit(self.sessions) as session:
                stock.ship_out(session, [stock.Out(order_line_id=line, units=units, token=token)], NOW)
        self.wants[line] = (sku, max(0, wanted - units))
        self.on_hand = self.counted()
        left = [k for k in had if self.on_hand[k] != had[k]]
        assert len(left) <= 1, "units leave from one place"
        after = sum(v for (s, _), v in self.on_hand.items() if s == sku)
        assert after >= before - units, "never more than left"
        if after != before - units:  # the books had too few at that place: what was missing was found first
            assert not left or self.on_hand[left[0]] == 0
        return line if self.wants[line][1] else multiple()

    @rule(sku=st.sampled_from(SKUS), place=st.sampled_from(PLACES), units=st.integers(1, 8))
    def receive(self, sku: str, place: str, units: int) -> None:
        self.change(sku, place, units, "receive")

    @rule(sku=st.sampled_from(SKUS), place=st.sampled_from(PLACES), units=st.integers(-8, 8))
    def adjust(self, sku: str, place: str, units: int) -> None:
        self.change(sku, place, units, "adjust")

    def change(self, sku: str, place: str, units: int, kind: str) -> None:
        token, before = self.token(), self.rows()
        cmd = stock.StockChange(sku=sku, location=place, delta=units, token=token, kind=kind)
        if self.on_hand[sku, place] + units < 0:
            with pytest.raises(Invalid), unit(self.sessions) as session:
                stock.change(session, cmd, NOW)
            assert self.rows() == before, "a refusal changes nothing"
            return
        for repeat in range(2):
            with unit(self.sessions) as session:
                level = stock.change(session, cmd, NOW)
            assert level.changed == (0 if repeat else units)
        self.on_hand[sku, place] += units

    @rule(sku=st.sampled_from(SKUS), place=st.sampled_from(PLACES), counted=st.integers(0, 12), stale=st.booleans())
    def count(self, sku: str, place: str, counted: int, stale: bool) -> None:
        with reading(self.sessions) as session:
            version = session.scalars(
                select(StockPosition.version).where(
                    StockPosition.variant_id == self.ids[sku], StockPosition.location_id == self.ids[place]
                )
            ).one()
        cmd = stock.StockCount(
            sku=sku, location=place, counted=counted, token=self.token(), seen_version=version - 1 if stale else version
        )
        if stale:
            before = self.rows()
            with pytest.raises(StaleEdit), unit(self.sessions) as session:
                stock.count(session, cmd, NOW)
            assert self.rows() == before
            return
        with unit(self.sessions) as session:
            assert stock.count(session, cmd, NOW).on_hand == counted
        self.on_hand[sku, place] = counted

    @rule()
    def fill(self) -> None:
        with unit(self.sessions) as session:
            reservations.fill(session, [self.ids[sku] for sku in SKUS], NOW)
        before = self.rows()
        with unit(self.sessions) as session:
            assert reservations.fill(session, [self.ids[sku] for sku in SKUS], NOW) == {}
        assert self.rows() == before

    # ---------------------------------------------------------------- what the database says

    def rows(self) -> list[object]:
        with reading(self.sessions) as session:
            p, r = StockPosition, Reservation
            return [
                session.execute(select(p.variant_id, p.location_id, p.on_hand, p.reserved).order_by(*p.__table__.primary_key)).all(),
                session.execute(select(r.order_line_id, r.location_id, r.wanted, r.quantity, r.closed_at).order_by(r.id)).all(),
                session.scalar(select(func.count()).select_from(StockMovement)),
            ]  # fmt: skip

    def counted(self) -> dict[tuple[str, str], int]:
        names = {v: k for k, v in self.ids.items() if k in PLACES}
        skus = {self.ids[sku]: sku for sku in SKUS}
        with reading(self.sessions) as session:
            rows = session.execute(select(StockPosition.variant_id, StockPosition.location_id, StockPosition.on_hand))
            return {(skus[r.variant_id], names[r.location_id]): r.on_hand for r in rows}

    def free(self, sku: str) -> int:
        with reading(self.sessions) as session:
            p = StockPosition
            return session.scalar(select(func.sum(p.on_hand - p.reserved)).where(p.variant_id == self.ids[sku])) or 0

    def held(self, line: int) -> int:
        with reading(self.sessions) as session:
            return session.scalar(select(Reservation.quantity).where(Reservation.order_line_id == line)) or 0

    @invariant()
    def the_count_is_the_sum_of_the_ledger_and_what_the_model_says(self) -> None:
        if not self.ids:
            return
        assert self.counted() == self.on_hand
        with reading(self.sessions) as session:
            m = StockMovement
            sums = {
                (r.variant_id, r.location_id): r.total
                for r in session.execute(
                    select(m.variant_id, m.location_id, func.sum(m.delta).label("total")).group_by(
                        m.variant_id, m.location_id
                    )
                )
            }
            for p in session.scalars(select(StockPosition)):
                assert p.on_hand == sums.get((p.variant_id, p.location_id), 0), "I1"

    @invariant()
    def what_is_reserved_is_promised_and_there(self) -> None:
        with reading(self.sessions) as session:
            r = Reservation
            sums = {
                (row.variant_id, row.location_id): row.total
                for row in session.execute(
                    select(r.variant_id, r.location_id, func.sum(r.quantity).label("total"))
                    .where(r.closed_at.is_(None))
                    .group_by(r.variant_id, r.location_id)
                )
            }
            for p in session.scalars(select(StockPosition)):
                assert p.reserved == sums.get((p.variant_id, p.location_id), 0), "I2"
                assert 0 <= p.reserved <= p.on_hand, "I3"

    @invariant()
    def every_line_has_one_promise_of_what_it_wants(self) -> None:
        with reading(self.sessions) as session:
            for row in session.scalars(select(Reservation)):
                assert row.wanted == self.wants[row.order_line_id][1]
                assert 0 <= row.quantity <= row.wanted
                assert (row.closed_at is not None) == (row.wanted == 0)


def run(examples: int, steps: int) -> type[object]:
    case: type[object] = StockMachine.TestCase
    case.settings = settings(  # type: ignore[attr-defined]
        max_examples=examples, stateful_step_count=steps, deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )  # fmt: skip
    return case


def test_stock_promises_and_books_agree_whatever_happens() -> None:
    run(40, 20)("runTest").runTest()  # type: ignore[operator, attr-defined, call-arg]


@pytest.mark.deep
@pytest.mark.timeout(7200)
def test_stock_promises_and_books_agree_in_five_thousand_lives() -> None:
    run(5000, 50)("runTest").runTest()  # type: ignore[operator, attr-defined, call-arg]
