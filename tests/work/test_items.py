"""Wanted work: wishes coalesce, a lease belongs to one worker, a lost lease writes nothing, gates stop what they should."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from hub.db.session import Sessions, reading, unit
from hub.kernel.ids import AccountId
from hub.work import accounts, items
from hub.work.items import Claimed
from hub.work.kinds import LISTING_READ, ORDERS_PULL, PROBE, SHIPMENT_CONFIRM, STOCK_PUSH, Kind, Priority
from hub.work.models import Account, LaneGate, WorkItem
from tests.support.builders import NOW, an_account

LEASE_S = 90.0


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def account(sessions: Sessions) -> AccountId:
    with unit(sessions) as session:
        return AccountId(an_account(session).id)


def want(sessions: Sessions, account: AccountId, *keys: str, kind: Kind = STOCK_PUSH, at: datetime = NOW) -> None:
    with unit(sessions) as session:
        for key in keys:
            items.want(session, kind, account, key, at)


def claim(
    sessions: Sessions, account: AccountId, *, kind: Kind = STOCK_PUSH, at: datetime = NOW, limit: int = 100,
    owner: str = "w1",
) -> list[Claimed]:  # fmt: skip
    with unit(sessions) as session:
        return items.claim(session, kind, account, limit, at, owner=owner, lease_s=LEASE_S)


def row(sessions: Sessions, key: str = "1", kind: Kind = STOCK_PUSH) -> WorkItem:
    with reading(sessions) as session:
        return session.scalars(select(WorkItem).where(WorkItem.key == key, WorkItem.kind == kind.name)).one()


def test_wishes_for_the_same_thing_coalesce_and_each_raises_the_revision(
    sessions: Sessions, account: AccountId
) -> None:
    want(sessions, account, "1", "1")
    want(sessions, account, "1", at=later(5))
    item = row(sessions)
    assert (item.revision, item.done_revision, item.state, item.due_at, item.wanted_at) == (3, 0, "due", NOW, NOW)


def test_a_wish_among_many_counts_once_and_the_most_urgent_of_its_priorities_counts(
    sessions: Sessions, account: AccountId
) -> None:
    with unit(sessions) as session:
        items.want_many(session, STOCK_PUSH, [(account, "1", 40), (account, "1", 10), (account, "2", 30)], NOW)
        items.want_many(session, STOCK_PUSH, [(account, "1", 20), (account, "2", 20)], NOW)
        items.want_many(session, STOCK_PUSH, [], NOW)
    assert (row(sessions, "1").revision, row(sessions, "1").priority) == (2, 10)
    assert (row(sessions, "2").revision, row(sessions, "2").priority) == (2, 20)


def test_the_most_urgent_is_claimed_first(sessions: Sessions, account: AccountId) -> None:
    with unit(sessions) as session:
        items.want(session, STOCK_PUSH, account, "up", NOW, priority=Priority.UP)
        items.want(session, STOCK_PUSH, account, "down", NOW, priority=Priority.DOWN)
        items.want(session, STOCK_PUSH, account, "zero", later(-1), priority=Priority.ZERO)
        items.want(session, STOCK_PUSH, account, "not yet", NOW, priority=Priority.ZERO, due_at=later(1))
    assert [c.key for c in claim(sessions, account, limit=2)] == ["zero", "down"]
    assert [c.key for c in claim(sessions, account)] == ["up"]
    assert [c.key for c in claim(sessions, account, at=later(1))] == ["not yet"]


def test_eight_workers_take_every_item_once(sessions: Sessions, account: AccountId) -> None:
    want(sessions, account, *(str(n) for n in range(60)))
    taken: list[int] = []
    failures: list[BaseException] = []
    start = threading.Barrier(8)

    def work(owner: str) -> None:
        start.wait()
        try:
            while found := claim(sessions, account, limit=3, owner=owner):
                taken.extend(c.id for c in found)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test reports it
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert len(taken) == len(set(taken)) == 60
    with reading(sessions) as session:
        rows = session.execute(select(WorkItem.state, WorkItem.fence, WorkItem.attempts)).all()
    assert {tuple(r) for r in rows} == {("leased", 1, 1)}


def test_what_is_finished_is_done_and_a_wish_that_came_meanwhile_stays_due(
    sessions: Sessions, account: AccountId
) -> None:
    want(sessions, account, "1", "2")
    one, two = claim(sessions, account)
    want(sessions, account, "2", at=later(3))
    with unit(sessions) as session:
        assert items.finish(session, one, later(5))
        assert items.finish(session, two, later(5))
    assert (row(sessions, "1").state, row(sessions, "1").done_revision) == ("done", 1)
    second = row(sessions, "2")
    assert (second.state, second.done_revision, second.revision, second.attempts) == ("due", 1, 2, 0)
    want(sessions, account, "1", at=later(9))
    again = row(sessions, "1")
    assert (again.state, again.due_at, again.wanted_at, again.revision) == ("due", later(9), later(9), 2)


def test_a_worker_that_lost_its_lease_settles_nothing(sessions: Sessions, account: AccountId) -> None:
    want(sessions, account, "1")
    (stale,) = claim(sessions, account)
    assert not stale.expired
    assert claim(sessions, account, at=later(LEASE_S - 1)) == []
    (fresh,) = claim(sessions, account, at=later(LEASE_S), owner="w2")
    assert (fresh.expired, fresh.fence, fresh.attempts) == (True, stale.fence + 1, 2)
    before = row(sessions)
    with unit(sessions) as session:
        assert not items.finish(session, stale, later(LEASE_S))
        assert not items.submitted(session, stale, "T-1", later(LEASE_S))
        assert not items.again(session, stale, later(LEASE_S))
        assert not items.ask(session, stale, code="x", message="y")
    after = row(sessions)
    for column in WorkItem.__mapper__.column_attrs.keys():  # noqa: SIM118
        assert getattr(after, column) == getattr(before, column), column
    with unit(sessions) as session:
        assert items.finish(session, fresh, later(LEASE_S))
        assert not items.finish(session, fresh, later(LEASE_S)), "a settled lease is over"
    assert row(sessions).state == "done"


def test_a_throttled_item_keeps_its_time_and_gets_its_attempt_back(sessions: Sessions, account: AccountId) -> None:
    want(sessions, account, "1")
    (item,) = claim(sessions, account)
    with unit(sessions) as session:
        assert items.again(session, item, later(300), counted=False, code="429", message="Slowly.")
    want(sessions, account, "1", at=later(1))
    now = row(sessions)
    assert (now.state, now.due_at, now.attempts, now.last_code, now.revision) == ("due", later(300), 0, "429", 2)
    assert claim(sessions, account, at=later(299)) == []
    assert [c.attempts for c in claim(sessions, account, at=later(300))] == [1]


def test_a_ticket_is_kept_until_it_is_answered(sessions: Sessions, account: AccountId) -> None:
    want(sessions, account, "1")
    (item,) = claim(sessions, account)
    with unit(sessions) as session:
        assert items.submitted(session, item, "T-9", later(20), revision=item.revision)
    want(sessions, account, "1", at=later(1))
    (polling,) = claim(sessions, account, at=later(20))
    assert (polling.phase, polling.ticket, polling.sent_revision, polling.revision) == ("poll", "T-9", 1, 2)
    with unit(sessions) as session:
        assert items.again(session, polling, later(40), counted=False, phase="poll")
    (polling,) = claim(sessions, account, at=later(40))
    assert polling.ticket == "T-9"
    with unit(sessions) as session:
        assert items.finish(session, polling, later(41), revision=polling.sent_revision)
    left = row(sessions)
    assert (left.state, left.phase, left.ticket, left.done_revision) == ("due", "send", None, 1)


def test_what_waits_for_a_person_is_tried_again_after_a_new_wish(sessions: Sessions, account: AccountId) -> None:
    want(sessions, account, "1")
    (item,) = claim(sessions, account)
    with unit(sessions) as session:
        assert items.ask(session, item, code="9", message="The title is too long.")
    waiting = row(sessions)
    assert (waiting.state, waiting.last_code, waiting.attempts) == ("needs_human", "9", 0)
    assert claim(sessions, account, at=later(10**6)) == []
    want(sessions, account, "1", at=later(60))
    revived = row(sessions)
    assert (revived.state, revived.due_at, revived.phase, revived.attempts) == ("due", later(60), "send", 0)
    assert [c.revision for c in claim(sessions, account, at=later(60))] == [2]


def test_a_correction_made_during_the_call_is_tried_instead_of_asking(sessions: Sessions, account: AccountId) -> None:
    want(sessions, account, "1")
    (item,) = claim(sessions, account)
    want(sessions, account, "1", at=later(1))
    with unit(sessions) as session:
        assert items.ask(session, item, code="9", message="No.")
    assert [c.revision for c in claim(sessions, account, at=later(2))] == [2]


def test_the_desk_is_tried_again_by_account_and_kind(sessions: Sessions, account: AccountId) -> None:
    with unit(sessions) as session:
        other = AccountId(an_account(session).id)
    for owner, kind in ((account, STOCK_PUSH), (account, LISTING_READ), (other, STOCK_PUSH)):
        want(sessions, owner, "1", kind=kind)
        (item,) = claim(sessions, owner, kind=kind)
        with unit(sessions) as session:
            items.ask(session, item, code="9", message="No.")
    with unit(sessions) as session:
        assert items.retry_desk(session, later(5), account_id=account, kind="stock.push") == 1
    assert [c.revision for c in claim(sessions, account, at=later(5))] == [2]
    assert claim(sessions, other, at=later(5)) == []
    with unit(sessions) as session:
        assert items.retry_desk(session, later(5)) == 2
        assert items.retry_desk(session, later(5)) == 0


def test_what_nobody_knows_is_looked_up_even_after_a_person_retries_it(sessions: Sessions, account: AccountId) -> None:
    for key, revive in (("1", "desk"), ("2", "wish")):
        want(sessions, account, key, kind=SHIPMENT_CONFIRM)
        (item,) = claim(sessions, account, kind=SHIPMENT_CONFIRM)
        with unit(sessions) as session:
            assert items.ask(session, item, code="unclear", message="No answer came.", phase="look")
            if revive == "desk":
                items.retry_desk(session, NOW)
            else:
                items.want(session, SHIPMENT_CONFIRM, account, key, NOW)
        assert [c.phase for c in claim(sessions, account, kind=SHIPMENT_CONFIRM)] == ["look"], revive


def test_a_shut_lane_stops_one_kind_until_its_time_and_is_never_shortened(
    sessions: Sessions, account: AccountId
) -> None:
    want(sessions, account, "1")
    want(sessions, account, "1", kind=LISTING_READ)
    with unit(sessions) as session:
        items.shut_lane(session, account, STOCK_PUSH.name, later(600))
        items.shut_lane(session, account, STOCK_PUSH.name, later(60))
    with reading(sessions) as session:
        assert session.scalars(select(LaneGate.not_before)).one() == later(600)
        assert [lane.kind for lane in items.due_lanes(session, later(599))] == ["listing.read"]
        assert [lane.kind for lane in items.due_lanes(session, later(600))] == ["stock.push", "listing.read"]
    assert claim(sessions, account, at=later(599)) == []
    assert len(claim(sessions, account, kind=LISTING_READ, at=later(599))) == 1
    assert len(claim(sessions, account, at=later(600))) == 1


def lanes_of(sessions: Sessions, at: datetime = NOW) -> set[tuple[int, str]]:
    with reading(sessions) as session:
        return {(lane.account_id, lane.kind) for lane in items.due_lanes(session, at)}


def test_only_open_accounts_have_work_that_is_due(sessions: Sessions, account: AccountId) -> None:
    with unit(sessions) as session:
        other = AccountId(an_account(session).id)
    for owner in (account, other):
        want(sessions, owner, "1")
        want(sessions, owner, "*", kind=PROBE)
    assert lanes_of(sessions) == {(a, k) for a in (account, other) for k in ("stock.push", "account.probe")}
    with unit(sessions) as session:
        accounts.set_state(session, account, "blocked", "the key has expired", NOW)
    assert lanes_of(sessions) == {
        (account, "account.probe"), (other, "stock.push"), (other, "account.probe"),
    }  # fmt: skip
    assert claim(sessions, account) == []
    with unit(sessions) as session:
        accounts.set_state(session, account, "paused", "on holiday", NOW)
    assert lanes_of(sessions) == {(other, "stock.push"), (other, "account.probe")}
    assert claim(sessions, account) == []


def test_an_account_that_only_looks_has_no_writes_that_are_due(sessions: Sessions, account: AccountId) -> None:
    want(sessions, account, "1")
    want(sessions, account, "*", kind=ORDERS_PULL)
    with unit(sessions) as session:
        session.execute(update(Account).values(writes_enabled=False))
    assert lanes_of(sessions) == {(account, "orders.pull")}
    assert claim(sessions, account) == []
    assert len(claim(sessions, account, kind=ORDERS_PULL)) == 1


def test_lanes_are_due_by_lane_most_urgent_first_and_an_expired_lease_is_due(
    sessions: Sessions, account: AccountId
) -> None:
    want(sessions, account, "1", kind=LISTING_READ)
    want(sessions, account, "*", kind=ORDERS_PULL)
    with unit(sessions) as session:
        items.want(session, STOCK_PUSH, account, "1", NOW, priority=Priority.ZERO)
    with reading(sessions) as session:
        assert [d.kind for d in items.due_lanes(session, NOW)] == ["stock.push", "orders.pull", "listing.read"]
        assert [d.kind for d in items.due_lanes(session, NOW, lanes=("orders",))] == ["orders.pull"]
    claim(sessions, account)
    assert (account, "stock.push") not in lanes_of(sessions, later(LEASE_S - 1))
    assert (account, "stock.push") in lanes_of(sessions, later(LEASE_S))


def test_two_accounts_never_share_work(sessions: Sessions, account: AccountId) -> None:
    with unit(sessions) as session:
        other = AccountId(an_account(session).id)
    want(sessions, account, "1")
    want(sessions, other, "1")
    (mine,) = claim(sessions, account)
    assert mine.account_id == account
    (theirs,) = claim(sessions, other)
    assert (theirs.account_id, theirs.id != mine.id) == (other, True)
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(WorkItem)) == 2
