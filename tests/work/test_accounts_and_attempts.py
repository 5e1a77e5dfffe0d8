"""Gates of accounts, rhythms, the record of attempts, and the counting of traffic."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from hub.channels.wire import Traffic
from hub.db.session import Sessions, reading, unit
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Invalid, Unknown
from hub.kernel.ids import AccountId
from hub.sync.hub import AdapterPool
from hub.work import accounts, attempts, items
from hub.work.attempts import Sending
from hub.work.kinds import ORDERS_PULL, PROBE, STOCK_PUSH
from hub.work.models import Account, Attempt, Cadence, LaneGate, PullRun, TrafficCount, WorkItem
from tests.support.builders import NOW, an_account
from tests.support.databases import Database
from tests.support.world import a_world


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def state(sessions: Sessions, account_id: int) -> tuple[str, str]:
    with reading(sessions) as session:
        found = session.get_one(Account, account_id)
        return found.state, found.reason


# ---------------------------------------------------------------- gates


def test_an_account_needs_a_name_of_its_own(sessions: Sessions) -> None:
    with unit(sessions) as session:
        an_account(session, name="Shop")
    for name, code in (("Shop", "there is an account named 'Shop' already"), ("  ", "an account needs a name")):
        with pytest.raises(Invalid, match=code), unit(sessions) as session:
            an_account(session, name=name)
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 1


@pytest.mark.parametrize("cadence", [{"orders.pull": 0}, {"orders.pull": -1}, {"nonsense": 60}])
def test_a_rhythm_is_of_a_known_kind_and_above_zero(sessions: Sessions, cadence: dict[str, int]) -> None:
    with pytest.raises(Invalid), unit(sessions) as session:
        an_account(session, cadence=cadence)
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 0


def test_accounts_are_found_by_name_or_id(sessions: Sessions) -> None:
    with unit(sessions) as session:
        made = an_account(session, name="Shop")
        assert accounts.named(session, "Shop").id == made.id
        assert accounts.named(session, str(made.id)).id == made.id
        with pytest.raises(Unknown) as refusal:
            accounts.named(session, "shop")
        assert refusal.value.fix == "one of: Shop"


def test_a_block_is_probed_after_a_while_and_never_undoes_a_pause(sessions: Sessions) -> None:
    with unit(sessions) as session:
        account = an_account(session).id
        assert accounts.set_state(session, account, "blocked", "the key has expired", NOW)
        assert not accounts.set_state(session, account, "blocked", "again", later(1))
    assert state(sessions, account) == ("blocked", "the key has expired")
    with reading(sessions) as session:
        probe = session.scalars(select(WorkItem)).one()
        assert (probe.kind, probe.due_at) == ("account.probe", later(accounts.PROBE_BLOCKED_EVERY_S))
    with unit(sessions) as session:
        assert accounts.set_state(session, account, "paused", "on holiday", NOW)
        assert not accounts.set_state(session, account, "blocked", "the key has expired", later(2))
    assert state(sessions, account) == ("paused", "on holiday")


def test_a_probe_that_succeeds_opens_a_blocked_account_and_not_a_paused_one(sessions: Sessions) -> None:
    with unit(sessions) as session:
        blocked, paused = an_account(session).id, an_account(session).id
        accounts.set_state(session, blocked, "blocked", "the key has expired", NOW)
        accounts.set_state(session, paused, "paused", "on holiday", NOW)
        assert accounts.unblock(session, blocked, later(9))
        assert not accounts.unblock(session, paused, later(9))
        assert not accounts.unblock(session, blocked, later(10))
    assert state(sessions, blocked) == ("open", "")
    assert state(sessions, paused) == ("paused", "on holiday")


def test_opening_an_account_opens_its_lanes(sessions: Sessions) -> None:
    with unit(sessions) as session:
        one, two = an_account(session).id, an_account(session).id
        for account in (one, two):
            items.shut_lane(session, account, "stock.push", later(3600))
        accounts.set_state(session, one, "paused", "", NOW)
        accounts.set_state(session, one, "open", "", NOW)
    with reading(sessions) as session:
        assert list(session.scalars(select(LaneGate.account_id))) == [two]


# ---------------------------------------------------------------- rhythm


def test_a_tick_wants_what_is_due_and_keeps_the_rhythm_without_a_burst(sessions: Sessions) -> None:
    with unit(sessions) as session:
        an_account(session, cadence={"orders.pull": 60, "reconcile": 3600})
        assert accounts.tick(session, NOW) == 2
        assert accounts.tick(session, later(59)) == 0
        assert accounts.tick(session, later(63)) == 1
    with reading(sessions) as session:
        assert session.scalars(select(Cadence.next_at).where(Cadence.kind == "orders.pull")).one() == later(120)
    with unit(sessions) as session:
        assert accounts.tick(session, later(1000)) == 1, "ten missed beats are one"
        assert accounts.tick(session, later(1029)) == 0
        assert accounts.tick(session, later(1030)) == 1


def test_accounts_that_are_not_open_have_no_rhythm(sessions: Sessions) -> None:
    with unit(sessions) as session:
        account = an_account(session, cadence={"orders.pull": 60}).id
        accounts.set_state(session, account, "paused", "", NOW)
        assert accounts.tick(session, later(60)) == 0
        accounts.set_state(session, account, "open", "", NOW)
        session.execute(update(Cadence).values(enabled=False))
        assert accounts.tick(session, later(60)) == 0


def test_two_schedulers_at_once_want_it_once(sessions: Sessions) -> None:
    with unit(sessions) as session:
        for _ in range(10):
            an_account(session, cadence={"orders.pull": 60})
    counts: list[int] = []
    start = threading.Barrier(4)

    def scheduler() -> None:
        start.wait()
        with unit(sessions) as session:
            counts.append(accounts.tick(session, NOW))

    threads = [threading.Thread(target=scheduler) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(counts) == 10
    with reading(sessions) as session:
        assert set(session.scalars(select(WorkItem.revision))) == {1}


# ---------------------------------------------------------------- attempts


def claimed(sessions: Sessions, account: int, at: datetime, *keys: str) -> list[items.Claimed]:
    with unit(sessions) as session:
        for key in keys:
            items.want(session, STOCK_PUSH, account, key, NOW)
        return items.claim(session, STOCK_PUSH, AccountId(account), 10, at, owner="w", lease_s=90)


def test_an_attempt_that_never_ended_is_unclear_to_the_next_worker_and_to_nobody_else(sessions: Sessions) -> None:
    with unit(sessions) as session:
        account = an_account(session).id
    one, two = claimed(sessions, account, NOW, "1", "2")
    with unit(sessions) as session:
        assert not attempts.mark_lost(session, one, NOW), "nothing was sent yet"
        first, second = attempts.open_many(
            session, [Sending(item=one, digest="d1", quantity=4), Sending(item=two, digest="d2", quantity=5)], NOW
        )
        assert not attempts.mark_lost(session, one, NOW), "its own attempt is under way, not lost"
    again = {c.key: c for c in claimed(sessions, account, later(90))}
    with unit(sessions) as session:
        assert attempts.mark_lost(session, again["1"], later(90))
        assert not attempts.mark_lost(session, again["1"], later(91))
    with reading(sessions) as session:
        rows = {a.id: a for a in session.scalars(select(Attempt))}
        assert (rows[first].result, rows[first].ended_at, rows[first].quantity) == ("unclear", later(90), 4)
        assert (rows[second].result, rows[second].ended_at) == (None, None)
        assert attempts.count_by_result(session) == {"unclear": 1, "open": 1}
    with unit(sessions) as session:
        attempts.close(session, first, "applied", later(99))
    with reading(sessions) as session:
        known = session.get_one(Attempt, first)
        assert (known.result, known.fence) == ("applied", one.fence), "the dead worker lived and knew better"


def test_ids_of_attempts_come_in_the_order_of_the_sendings(sessions: Sessions) -> None:
    with unit(sessions) as session:
        account = an_account(session).id
    found = claimed(sessions, account, NOW, *(str(n) for n in range(9)))
    with unit(sessions) as session:
        assert attempts.open_many(session, [], NOW) == []
        ids = attempts.open_many(session, [Sending(item=c, digest=f"d{c.key}") for c in found], NOW)
    with reading(sessions) as session:
        assert [session.get_one(Attempt, i).key for i in ids] == [c.key for c in found]


def test_a_pull_covers_the_writes_acknowledged_before_its_coverage_on_its_own_account(sessions: Sessions) -> None:
    with unit(sessions) as session:
        one, two = an_account(session).id, an_account(session).id
    made: dict[str, int] = {}
    for name, account, key, ended in (
        ("before", one, "1", 10), ("at", one, "2", 20), ("after", one, "3", 21), ("open", one, "4", None),
        ("other", two, "5", 10),
    ):  # fmt: skip
        (item,) = claimed(sessions, account, NOW, key)
        with unit(sessions) as session:
            (made[name],) = attempts.open_many(session, [Sending(item=item, digest="d")], NOW)
            if ended is not None:
                attempts.close(session, made[name], "applied", later(ended))
    with unit(sessions) as session:
        pull = PullRun(account_id=one, started_at=NOW, ended_at=later(30), covered_until=later(20))
        session.add(pull)
        session.flush()
        attempts.cover(session, pull)
        covered = set(session.scalars(select(Attempt.id).where(Attempt.covered_by == pull.id)))
    assert covered == {made["before"], made["at"]}


def test_the_last_attempt_is_the_newest_of_its_subject(sessions: Sessions) -> None:
    with unit(sessions) as session:
        account = an_account(session).id
    (item,) = claimed(sessions, account, NOW, "1")
    with unit(sessions) as session:
        (first,) = attempts.open_many(session, [Sending(item=item, digest="a")], NOW)
        (second,) = attempts.open_many(session, [Sending(item=item, digest="b")], later(5))
    with reading(sessions) as session:
        newest = attempts.last_of(session, account, "stock.push", "1")
        before = attempts.last_of(session, account, "stock.push", "1", before=later(4))
        assert (newest.id if newest else 0, before.id if before else 0) == (second, first)
        assert attempts.last_of(session, account, "stock.push", "2") is None


# ---------------------------------------------------------------- traffic


def test_traffic_is_added_up_over_processes(database: Database, tmp_path: Path, clock: FixedClock) -> None:
    with a_world(database, tmp_path, clock) as world:
        world.shop("alpha")
        account = world.accounts["alpha"]
        for _ in range(2):
            pool = AdapterPool(
                world.system.sessions, world.system.registry, clock, world.system.hub.log, timeout_s=5
            )  # as another process would have
            for error in (None, None, "Throttled", "Unavailable"):
                pool._count(account, Traffic(operation="setStock", writing=True, status=200, seconds=0.1, error=error))
            pool.flush_traffic()
            pool.flush_traffic()
        with reading(world.system.sessions) as session:
            row = session.scalars(select(TrafficCount).where(TrafficCount.operation == "setStock")).one()
            assert (row.account_id, row.calls, row.throttled, row.failed) == (account, 8, 2, 2)


def test_a_wished_probe_and_pull_are_one_item_per_account(sessions: Sessions) -> None:
    with unit(sessions) as session:
        one, two = an_account(session).id, an_account(session).id
        for account in (one, two, one):
            items.want(session, ORDERS_PULL, account, "*", NOW)
            items.want(session, PROBE, account, "*", NOW)
        counts = session.execute(
            select(WorkItem.account_id, func.count()).group_by(WorkItem.account_id).order_by(WorkItem.account_id)
        ).all()
    assert [tuple(r) for r in counts] == [(one, 2), (two, 2)]
