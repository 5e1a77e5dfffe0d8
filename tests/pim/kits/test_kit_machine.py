"""Kits and single variants that share components, sold, shipped, cancelled, counted and changed in any order: the books
agree, and nothing is promised twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub import doctor
from hub.db.session import Sessions, make_engine, make_sessions, reading, unit
from hub.kernel.errors import Invalid
from hub.pim import reservations, stock
from hub.pim.kits.recipes import leaves_of
from hub.pim.listings import arithmetic
from hub.pim.models import Reservation, StockPosition, Variant
from hub.work.models import Account
from tests.pim.kits.shop import a_kit, counts, id_of, wish
from tests.support import databases
from tests.support.builders import NOW, a_location, a_variant, an_account

SINGLES, KITS, PLACES = ("A", "B", "C"), ("AB", "A2", "NEST"), ("main", "shop")
LINES = st.integers(1, 7)


@dataclass(frozen=True, slots=True)
class Step:
    kind: str
    sku: str = ""
    line: int = 0
    units: int = 0
    place: str = "main"


STEPS = st.one_of(
    st.builds(Step, st.just("wish"), st.sampled_from((*SINGLES, *KITS)), LINES, st.integers(0, 4)),
    st.builds(Step, st.just("ship"), line=LINES, units=st.integers(1, 3)),
    st.builds(Step, st.just("cancel"), line=LINES),
    st.builds(
        Step, st.just("change"), st.sampled_from(SINGLES), units=st.integers(-5, 9), place=st.sampled_from(PLACES)
    ),
    st.builds(Step, st.just("count"), st.sampled_from(SINGLES), units=st.integers(0, 9), place=st.sampled_from(PLACES)),
    st.builds(Step, st.just("return"), st.sampled_from(KITS), units=st.integers(1, 2), place=st.sampled_from(PLACES)),
    st.builds(Step, st.just("recipe"), st.sampled_from(KITS), units=st.integers(1, 3)),
)


def furnish(sessions: Sessions) -> None:
    with unit(sessions) as session:
        an_account(session)
        for n, place in enumerate(PLACES):
            a_location(session, code=place, priority=n)
        for sku in SINGLES:
            a_variant(session, sku=sku, stock=dict.fromkeys(PLACES, 3))
        a_kit(session, "AB", A=1, B=2)
        a_kit(session, "A2", A=2)
        a_kit(session, "NEST", AB=1, C=1)


@cache
def template() -> Path:
    databases.install_test_key()
    path = databases.sqlite_template(Path(tempfile.mkdtemp(prefix="hub-kits-")))
    engine = make_engine(f"sqlite:///{path}")
    furnish(make_sessions(engine))
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return path


class Run:
    """Carries steps out and knows what must be true after each."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.done = 0

    def do(self, step: Step) -> None:
        self.done += 1
        token = f"t{self.done}"
        before = counts(self.sessions)
        try:
            with unit(self.sessions) as session:
                self.carry_out(session, step, token)
        except Invalid:
            assert step.kind == "change"
            assert counts(self.sessions) == before, "a refusal changes nothing"
        self.the_books_agree()
        self.nothing_waits_for_what_is_there()

    def carry_out(self, session: Session, step: Step, token: str) -> None:
        match step.kind:
            case "wish":
                held = wish(session, step.line, step.sku, step.units, age=step.line)
                assert 0 <= held <= step.units
            case "ship":
                stock.ship_out(session, [stock.Out(order_line_id=step.line, units=step.units, token=token)], NOW)
            case "cancel":
                reservations.release(session, [step.line], NOW)
            case "count":
                command = stock.StockCount(sku=step.sku, location=step.place, counted=step.units, token=token)
                assert stock.count(session, command, NOW).on_hand == step.units
            case "recipe":
                recipes = {"AB": {"A": step.units, "B": 2}, "A2": {"A": step.units}, "NEST": {"AB": step.units, "C": 1}}
                a_kit(session, step.sku, **recipes[step.sku])
            case kind:
                change = stock.StockChange(
                    sku=step.sku, location=step.place, delta=step.units, token=token,
                    kind="adjust" if kind == "change" else kind,
                )  # fmt: skip
                stock.change(session, change, NOW)

    def the_books_agree(self) -> None:
        with reading(self.sessions) as session:
            broken = [
                f for f in doctor.invariants(session, NOW) if f.id in ("I1", "I2", "I3", "I5", "I13") and not f.ok
            ]
            assert broken == []
            r = Reservation
            for row in session.scalars(select(r)):
                assert (row.closed_at is None) == (row.wanted > 0)
            account = session.scalars(select(Account)).one()
            ids = dict(session.execute(select(Variant.sku, Variant.id)).tuples().all())
            sums = arithmetic(session, account, ids.values())
            recipes = leaves_of(session, ids.values())
            p = StockPosition
            there = dict(
                session.execute(select(p.variant_id, func.sum(p.on_hand)).group_by(p.variant_id)).tuples().all()
            )
            owed = dict(
                session.execute(
                    select(r.variant_id, func.sum(r.wanted)).where(r.closed_at.is_(None)).group_by(r.variant_id)
                )
                .tuples()
                .all()
            )
            for variant_id, total in sums.items():  # all that is shown of one SKU could be sold and would be there
                for leaf, units in recipes.get(variant_id, {variant_id: 1}).items():
                    left = there.get(leaf, 0) - owed.get(leaf, 0)
                    assert total.publishable * units <= max(0, left)

    def nothing_waits_for_what_is_there(self) -> None:
        """Filling again gives nobody anything, whoever waits."""
        with unit(self.sessions) as session:
            assert reservations.fill(session, [id_of(session, sku) for sku in SINGLES], NOW) == {}


def run_on_sqlite(steps: Sequence[Step]) -> None:
    directory = Path(tempfile.mkdtemp(prefix="hub-kits-"))
    shutil.copyfile(template(), directory / "run.sqlite3")
    engine = make_engine(f"sqlite:///{directory / 'run.sqlite3'}", pool_size=1)
    with engine.connect() as connection:  # a test database need not survive a power cut
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA synchronous=OFF")
        connection.exec_driver_sql("BEGIN")
    try:
        run = Run(make_sessions(engine))
        for step in steps:
            run.do(step)
    finally:
        engine.dispose()
        shutil.rmtree(directory)


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(st.lists(STEPS, min_size=5, max_size=15))
def test_kits_and_singles_share_components_whatever_happens(steps: list[Step]) -> None:
    run_on_sqlite(steps)


@pytest.mark.deep
@pytest.mark.timeout(7200)
@settings(max_examples=3000, deadline=None, suppress_health_check=SLOW)
@given(st.lists(STEPS, min_size=5, max_size=50))
def test_kits_and_singles_share_components_in_three_thousand_lives(steps: list[Step]) -> None:
    run_on_sqlite(steps)


def at_random(seed: int, length: int) -> list[Step]:
    dice = Random(seed)
    skus = (*SINGLES, *KITS)
    kinds = ("wish", "wish", "wish", "ship", "ship", "cancel", "change", "change", "count", "return", "recipe")
    out = []
    for _ in range(length):
        kind = dice.choice(kinds)
        of = {"wish": skus, "return": KITS, "recipe": KITS}.get(kind, SINGLES)
        low, high = {"change": (-5, 9), "wish": (0, 4), "count": (0, 9)}.get(kind, (1, 3))
        out.append(Step(kind, dice.choice(of), dice.randint(1, 7), dice.randint(low, high), place=dice.choice(PLACES)))
    return out


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_on_each_database(sessions: Sessions, seed: int) -> None:
    furnish(sessions)
    run = Run(sessions)
    for step in at_random(seed, 40):
        run.do(step)
