"""Each check around the books: a healthy hub passes; what was broken by hand is the one and only that is reported."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, select, text, update

from hub import doctor
from hub.channels import registry
from hub.channels.contract.records import BadRecord
from hub.channels.registry import Failure, Registry
from hub.db.crypto import SecretBox
from hub.db.session import make_engine, make_sessions, reading, unit
from hub.doctor_checks import CATALOGUE, GROUNDWORK, WORK, Check, Patient
from hub.doctor_checks.groundwork import broker, database
from hub.kernel.clock import FixedClock, SystemClock
from hub.orders import intake
from hub.pim.models import Product
from hub.pim.taxonomy import categories
from hub.pim.taxonomy.categories import NewCategory
from hub.pim.taxonomy.models import CategoryMapping
from hub.work import accounts, items
from hub.work.kinds import PRICE_PUSH
from hub.work.models import Account, Attempt, Cursor, PullRun, WorkItem
from tests.support import databases
from tests.support.world import World

OTHER_KEY = "fGZ2eXh3dnV0c3JxcG9ubWxramloZ2ZlZGNiYTk4NzY="


def patient(world: World) -> Patient:
    return Patient(
        settings=world.system.settings, engine=world.system.engine, sessions=world.system.sessions,
        registry=registry.load(), clock=world.clock, machine=SystemClock(), box=SecretBox(databases.SECRET_KEY),
    )  # fmt: skip


def examine(found: Patient) -> dict[str, Check]:
    """Every check that is not in order, by id; the invariants hold in all of these tests."""
    with reading(found.sessions) as session:
        assert [f.id for f in doctor.invariants(session, found.clock.now()) if not f.ok] == []
    checks = [check(found) for check in (*GROUNDWORK.values(), *WORK.values(), *CATALOGUE.values())]
    return {check.id: check for check in checks if not check.ok}


def test_a_healthy_hub_passes_every_check_and_each_looked_at_something(world: World) -> None:
    found = patient(world)
    checks = {name: check(found) for name, check in {**GROUNDWORK, **WORK, **CATALOGUE}.items()}
    assert {name: c.broken for name, c in checks.items() if not c.ok} == {}
    assert [name for name, c in checks.items() if c.checked == 0] == [
        "broker",
        "backlog",
        "desks",
        "bad_orders",
        "trees",
        "unique",
        "families",
        "mapping",
    ]
    assert all(name == c.id for name, c in checks.items())


# ---------------------------------------------------------------- groundwork


@contextmanager
def careless(world: World) -> Iterator[Patient]:
    """The same database over connections that do not insist on anything."""
    url = world.system.settings.database_url
    sqlite = url.startswith("sqlite")
    name = make_url(url).database
    if not sqlite:
        with world.system.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    engine = create_engine(url)
    try:
        yield dataclasses.replace(patient(world), engine=engine, sessions=make_sessions(engine))
    finally:
        engine.dispose()
        if not sqlite:
            with world.system.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(f'ALTER DATABASE "{name}" RESET synchronous_commit'))


def test_a_database_that_may_forget_is_reported(world: World) -> None:
    with careless(world) as found:
        broken = examine(found)
    assert list(broken) == ["database"]
    sqlite = world.system.settings.database_url.startswith("sqlite")
    assert broken["database"].broken == (
        "foreign_keys is 0, it must be 1" if sqlite else "synchronous_commit is off: what was committed can be lost",
    )


def test_a_database_that_is_not_there_is_reported_and_not_made(world: World, tmp_path: Path) -> None:
    path = tmp_path / "nowhere.sqlite3"
    engine = make_engine(f"sqlite:///{path}")
    check = database(dataclasses.replace(patient(world), engine=engine))
    assert (check.broken, check.fix, path.exists()) == ((f"there is none yet at {path}",), "hub migrate", False)
    engine = make_engine(f"postgresql://nobody@127.0.0.1:{closed_port()}/x")
    (says,) = database(dataclasses.replace(patient(world), engine=engine)).broken
    assert says.startswith("it does not answer: ")
    engine.dispose()


def test_an_old_schema_is_reported(world: World) -> None:
    with world.system.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'long ago'"))
    broken = examine(patient(world))
    assert list(broken) == ["schema"]
    assert broken["schema"].broken[0].startswith("the database is at long ago, this release needs ")
    assert broken["schema"].fix == "hub migrate"


@pytest.mark.parametrize("box", [SecretBox(OTHER_KEY), None])
def test_a_key_that_does_not_read_what_is_stored_is_reported(world: World, box: SecretBox | None) -> None:
    broken = examine(dataclasses.replace(patient(world), box=box))
    assert list(broken) == ["key"]
    what = "cannot be read" if box else "there is no key"
    assert [what in says for says in broken["key"].broken[:2]] == [True, True]


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_does_not_answer_is_reported_without_its_password(world: World, scheme: str) -> None:
    url = f"{scheme}://hub:hunter2@127.0.0.1:{closed_port()}//"
    settings = dataclasses.replace(world.system.settings, broker_url=url)
    broken = examine(dataclasses.replace(patient(world), settings=settings))
    assert list(broken) == ["broker"]
    assert "does not answer" in broken["broker"].broken[0]
    assert "hunter2" not in broken["broker"].broken[0]


def test_a_broker_that_never_says_anything_is_given_up(world: World) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        settings = dataclasses.replace(
            world.system.settings, broker_url=f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        )
        assert not broker(dataclasses.replace(patient(world), settings=settings)).ok


@pytest.mark.redis
def test_a_broker_that_answers_passes(world: World) -> None:
    url = os.environ.get("HUB_TEST_REDIS", "")
    if not url:
        pytest.skip("needs Redis: set HUB_TEST_REDIS=redis://127.0.0.1:6379/0")
    settings = dataclasses.replace(world.system.settings, broker_url=url)
    check = broker(dataclasses.replace(patient(world), settings=settings))
    assert (check.ok, check.checked) == (True, 1)


def test_clocks_that_run_ahead_are_reported(world: World) -> None:
    now = world.clock.now()
    with unit(world.system.sessions) as session:
        row = session.scalars(select(Attempt).order_by(Attempt.id.desc())).first()
        assert row is not None
        row.sent_at = now + timedelta(seconds=6)
    broken = examine(patient(world))
    assert list(broken) == ["clocks"]
    assert broken["clocks"].broken[0].endswith("which has not come yet: a clock is ahead")


def test_a_lease_that_ends_long_after_now_is_reported(world: World) -> None:
    with unit(world.system.sessions) as session:
        item = session.scalars(select(WorkItem).order_by(WorkItem.id)).first()
        assert item is not None
        item.state, item.lease_until = "leased", world.clock.now() + timedelta(hours=1)
    assert list(examine(patient(world))) == ["clocks"]


def test_a_machine_whose_clock_differs_from_the_database_servers_is_reported(world: World) -> None:
    off = dataclasses.replace(patient(world), machine=FixedClock(SystemClock().now() - timedelta(hours=1)))
    broken = examine(off)
    if world.system.settings.database_url.startswith("sqlite"):
        assert broken == {}  # the file has no clock of its own
    else:
        assert list(broken) == ["clocks"]
        assert broken["clocks"].broken[0].startswith("this machine and the database server differ by 36")


def test_channels_and_accounts_that_cannot_be_opened_are_reported(world: World) -> None:
    known = registry.load()
    failed = Registry(known.available, [Failure(name="etsy", target="etsy:MANIFEST", why="ModuleNotFoundError")])
    broken = examine(dataclasses.replace(patient(world), registry=failed))
    assert (list(broken), broken["adapters"].broken) == (["adapters"], ("etsy (etsy:MANIFEST): ModuleNotFoundError",))

    away = dataclasses.replace(known.available["memory"], factory="hub.channels.nowhere:build")
    broken = examine(dataclasses.replace(patient(world), registry=Registry({**known.available, "memory": away})))
    assert broken["adapters"].broken[0].startswith("memory: its code cannot be imported: ModuleNotFoundError")

    with unit(world.system.sessions) as session:
        session.execute(update(Account).where(Account.name == "alpha").values(settings={"stock_write": "maybe"}))
        session.execute(update(Account).where(Account.name == "beta").values(channel="etsy"))
    broken = examine(patient(world))
    assert list(broken) == ["adapters"]
    assert broken["adapters"].broken[0].startswith("account alpha: stock_write ('maybe')")
    assert broken["adapters"].broken[1] == "account beta: there is no channel 'etsy'"


# ---------------------------------------------------------------- work


def block(world: World) -> None:
    with unit(world.system.sessions) as session:
        accounts.set_state(session, world.accounts["alpha"], "blocked", "key revoked", world.clock.now())


def stop_pulls(world: World) -> None:
    long_ago = world.clock.now() - timedelta(minutes=5)
    mine = world.accounts["beta"]
    with unit(world.system.sessions) as session:
        session.execute(update(PullRun).where(PullRun.account_id == mine).values(ended_at=long_ago))
        session.execute(update(Cursor).where(Cursor.account_id == mine).values(updated_at=long_ago))
        session.execute(update(Account).where(Account.id == mine).values(state_since=long_ago))


def pile_up(world: World) -> None:
    now = world.clock.now()
    with unit(world.system.sessions) as session:
        items.want(session, PRICE_PUSH, world.accounts["alpha"], "1", now, due_at=now - timedelta(minutes=7))


def ask_a_person(world: World) -> None:
    with unit(world.system.sessions) as session:
        session.execute(
            update(WorkItem)
            .where(WorkItem.kind == "listing.publish", WorkItem.account_id == world.accounts["alpha"])
            .values(state="needs_human", last_message="The title is too long.")
        )


def receive_nonsense(world: World) -> None:
    with unit(world.system.sessions) as session:
        bad = BadRecord(order_id="O-77", why="no currency", raw="{}")
        intake.quarantine(session, world.accounts["beta"], (bad,), world.clock.now())


@pytest.mark.parametrize(
    ("spoil", "check", "level", "says"),
    [
        (block, "blocked", "failure", "alpha: key revoked"),
        (stop_pulls, "coverage", "failure", "beta: no pull for 300 s, the rhythm is 60 s"),
        (pile_up, "backlog", "warning", "stock: 1 due, the oldest for 7 min"),
        (ask_a_person, "desks", "warning", "alpha listing.publish 1: The title is too long."),
        (receive_nonsense, "bad_orders", "warning", "beta O-77 of "),
    ],
)
def test_work_that_is_not_in_order_is_reported_alone(
    world: World, spoil: Callable[[World], None], check: str, level: str, says: str
) -> None:
    spoil(world)
    broken = examine(patient(world))
    assert list(broken) == [check]
    assert broken[check].level == level
    assert broken[check].broken[0].startswith(says)


def test_work_behind_a_shut_gate_is_no_backlog(world: World) -> None:
    pile_up(world)
    with unit(world.system.sessions) as session:
        items.shut_lane(session, world.accounts["alpha"], "price.push", world.clock.now() + timedelta(minutes=1))
    assert examine(patient(world)) == {}


# ---------------------------------------------------------------- the catalogue


def test_a_broken_path_and_a_mapping_into_the_wrong_tree_are_named(world: World) -> None:
    with unit(world.system.sessions) as session:
        nodes = [NewCategory(tree="own", code="wine", label="Wine"), NewCategory(tree="own", code="red", label="Red")]
        categories.put_categories(session, nodes, world.clock.now())
        categories.put_categories(session, [NewCategory(tree="ebay", code="1", label="Food")], world.clock.now())
        categories.map_to(session, "wine", "ebay", "1", world.clock.now())
    assert examine(patient(world)) == {}
    with unit(world.system.sessions) as session:
        wine, red = (categories.find(session, "own", code) for code in ("wine", "red"))
        red.parent_id = wine.id
        session.execute(update(CategoryMapping).values(tree="amazon"))
    (check,) = examine(patient(world)).values()
    assert (check.id, len(check.broken)) == ("trees", 2)
    assert check.broken[1] == "own:wine is mapped to ebay:1 under amazon"


def test_raw_material_on_sale_is_named(world: World) -> None:
    with unit(world.system.sessions) as session:
        handle = session.scalars(select(Product.handle).order_by(Product.id).limit(1)).one()
        session.execute(update(Product).where(Product.handle == handle).values(stock_class="raw"))
    (check,) = examine(patient(world)).values()
    assert (check.id, check.level) == ("on_sale", "warning")
    assert check.broken[0].startswith(f"{handle} (raw, approved) is listed as ")
