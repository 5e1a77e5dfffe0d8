"""Budgets and tokens that all workers of an account share: never a token too many, never two sign-ins at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import update

from hub.channels.contract.errors import AuthFailed, Throttled
from hub.channels.contract.manifest import RateRule
from hub.db.session import Sessions, reading, unit
from hub.kernel.clock import FixedClock, SystemClock
from hub.work.limits import SharedLimiter, usable_burst
from hub.work.models import AccountToken
from hub.work.tokens import SharedTokens
from tests.support.builders import an_account
from tests.support.databases import SECRET_KEY, Database

RULE = RateRule(operation="setStock", per_second=2.0, burst=8)


@pytest.fixture
def account_id(sessions: Sessions) -> int:
    with unit(sessions) as session:
        return an_account(session).id


def together(work: Callable[[int], None], threads: int) -> None:
    """Run `work(n)` in that many threads at once; the first failure is raised here."""
    failures: list[BaseException] = []
    start = threading.Barrier(threads)

    def one(n: int) -> None:
        start.wait()
        try:
            work(n)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test reports it
            failures.append(error)

    running = [threading.Thread(target=one, args=(n,)) for n in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(60)
    if failures:
        raise failures[0]


def granted(limiter: SharedLimiter, tries: int) -> int:
    done = 0
    for _ in range(tries):
        try:
            limiter.charge("setStock", 1.0)
        except Throttled:
            return done
        done += 1
    return done


# ---------------------------------------------------------------- budgets


def test_eight_workers_never_get_more_than_burst_and_rate_in_any_window(
    sessions: Sessions, account_id: int, clock: FixedClock
) -> None:
    limiters = [SharedLimiter(sessions, account_id, (RULE,), clock) for _ in range(8)]
    got: list[int] = []
    step_s = 1.5
    for _ in range(6):
        sums = [0] * 8

        def work(n: int, sums: list[int] = sums) -> None:
            sums[n] = granted(limiters[n], 4)

        together(work, 8)
        got.append(sum(sums))
        clock.advance(timedelta(seconds=step_s))
    for first in range(len(got)):
        for last in range(first, len(got)):
            window_s = (last - first) * step_s
            assert sum(got[first : last + 1]) <= RULE.burst + RULE.per_second * window_s, (got, first, last)
    # With one worker the budget is used to its last token; racing workers may leave some for the next second.
    clock.advance(timedelta(hours=1))
    assert granted(limiters[0], 100) == int(usable_burst(RULE.burst))
    clock.advance(timedelta(seconds=3))
    assert granted(limiters[1], 100) == int(RULE.per_second * 3)


def test_an_empty_budget_says_when_there_is_a_token_again(
    sessions: Sessions, account_id: int, clock: FixedClock
) -> None:
    limiter = SharedLimiter(sessions, account_id, (RULE,), clock)
    assert granted(limiter, 100) == 7
    with pytest.raises(Throttled) as refusal:
        limiter.charge("setStock", 1.0)
    assert refusal.value.retry_after_s == pytest.approx(0.5)
    assert refusal.value.code == "hub.budget"
    clock.advance(timedelta(seconds=0.5))
    limiter.charge("setStock", 1.0)


def test_a_call_that_costs_more_than_the_bucket_holds_is_possible_when_it_is_full(
    sessions: Sessions, account_id: int, clock: FixedClock
) -> None:
    limiter = SharedLimiter(sessions, account_id, (RULE,), clock)
    limiter.charge("setStock", 20.0)
    with pytest.raises(Throttled) as refusal:
        limiter.charge("setStock", 1.0)
    assert refusal.value.retry_after_s == pytest.approx((20 + 1 - 7) / 2)


def test_operations_without_a_rule_are_free_and_accounts_do_not_share(
    sessions: Sessions, account_id: int, clock: FixedClock
) -> None:
    with unit(sessions) as session:
        other = an_account(session).id
    mine = SharedLimiter(sessions, account_id, (RULE,), clock)
    theirs = SharedLimiter(sessions, other, (RULE,), clock)
    assert granted(mine, 100) == 7
    assert granted(theirs, 100) == 7
    for _ in range(50):
        mine.charge("readListings", 5.0)
        mine.learn("readListings", retry_after_s=60, remaining=0)


def test_the_channels_word_shuts_the_bucket_for_everybody_and_never_for_less_than_it_said_before(
    sessions: Sessions, account_id: int, clock: FixedClock
) -> None:
    one, two = (SharedLimiter(sessions, account_id, (RULE,), clock) for _ in range(2))
    one.learn("setStock", retry_after_s=30)
    one.learn("setStock", retry_after_s=5)
    with pytest.raises(Throttled) as refusal:
        two.charge("setStock", 1.0)
    assert refusal.value.retry_after_s == pytest.approx(30)
    clock.advance(timedelta(seconds=30))
    two.charge("setStock", 1.0)
    two.learn("setStock", retry_after_s=10**9)
    with pytest.raises(Throttled) as refusal:
        one.charge("setStock", 1.0)
    assert refusal.value.retry_after_s <= 3600


def test_what_the_channel_says_is_left_counts_both_ways(sessions: Sessions, account_id: int, clock: FixedClock) -> None:
    limiter = SharedLimiter(sessions, account_id, (RULE,), clock)
    limiter.learn("setStock", remaining=3)
    assert granted(limiter, 100) == 2, "one is kept in reserve"
    limiter.learn("setStock", remaining=8)
    assert granted(limiter, 100) == 7
    limiter.learn("setStock", remaining=0)
    assert granted(limiter, 100) == 0


# ---------------------------------------------------------------- tokens


def test_eight_threads_sign_in_once(sessions: Sessions, account_id: int, clock: FixedClock) -> None:
    fetches = count()
    seen: list[str] = []

    def fetch() -> tuple[str, float | None]:
        return f"token-{next(fetches)}", clock.now().timestamp() + 3600

    def work(n: int) -> None:
        seen.append(SharedTokens(sessions, account_id, clock).single_flight("access", fetch))

    together(work, 8)
    assert seen == ["token-0"] * 8
    assert next(fetches) == 1


CHILD = """
import sys, time
from hub.db import crypto
from hub.db.session import make_engine, make_sessions
from hub.kernel.clock import SystemClock
from hub.work.tokens import SharedTokens
url, key, account, log = sys.argv[1:]
crypto.install(crypto.SecretBox(key))
def fetch():
    with open(log, "a") as file:
        file.write("fetched\\n")
    time.sleep(0.3)
    return "token-of-one", None
tokens = SharedTokens(make_sessions(make_engine(url)), int(account), SystemClock())
print(tokens.single_flight("access", fetch))
"""


def test_two_processes_sign_in_once(database: Database, sessions: Sessions, account_id: int, tmp_path: Path) -> None:
    log = tmp_path / "fetches"
    arguments = [database.url, SECRET_KEY, str(account_id), str(log)]
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]  # fmt: skip
    answers = [child.communicate(timeout=60)[0].strip() for child in children]
    assert answers == ["token-of-one"] * 2
    assert log.read_text() == "fetched\n"
    assert SharedTokens(sessions, account_id, SystemClock()).get("access") == "token-of-one"


def test_a_token_ends_and_is_fetched_anew(sessions: Sessions, account_id: int, clock: FixedClock) -> None:
    tokens = SharedTokens(sessions, account_id, clock)
    tokens.put("access", "old", clock.now().timestamp() + 60)
    assert tokens.get("access") == "old"
    clock.advance(timedelta(seconds=60))
    assert tokens.get("access") is None
    assert tokens.single_flight("access", lambda: ("new", None)) == "new"
    clock.advance(timedelta(days=400))
    assert tokens.get("access") == "new"
    tokens.drop("access")
    assert tokens.get("access") is None


def test_a_sign_in_that_fails_lets_the_next_one_try(sessions: Sessions, account_id: int, clock: FixedClock) -> None:
    tokens = SharedTokens(sessions, account_id, clock)

    def refused() -> tuple[str, float | None]:
        raise AuthFailed("The key is not known.")

    with pytest.raises(AuthFailed):
        tokens.single_flight("access", refused)
    assert tokens.single_flight("access", lambda: ("good", None)) == "good"


def test_the_lease_of_a_sign_in_whose_process_died_runs_out(
    sessions: Sessions, account_id: int, clock: FixedClock
) -> None:
    tokens = SharedTokens(sessions, account_id, clock)
    tokens.put("access", "x", clock.now().timestamp())
    with unit(sessions) as session:
        session.execute(
            update(AccountToken).values(lease_owner="dead", lease_until=clock.now() + timedelta(seconds=60))
        )
    clock.advance(timedelta(seconds=61))
    assert tokens.single_flight("access", lambda: ("good", None)) == "good"


def test_keys_and_accounts_have_tokens_of_their_own(sessions: Sessions, account_id: int, clock: FixedClock) -> None:
    with unit(sessions) as session:
        other = an_account(session).id
    SharedTokens(sessions, account_id, clock).put("access", "mine", None)
    SharedTokens(sessions, account_id, clock).put("refresh", "longer", None)
    assert SharedTokens(sessions, other, clock).get("access") is None
    assert SharedTokens(sessions, account_id, clock).get("refresh") == "longer"


def test_tokens_are_not_readable_in_the_database(sessions: Sessions, account_id: int, clock: FixedClock) -> None:
    SharedTokens(sessions, account_id, clock).put("access", "canary-token-4711", None)
    with reading(sessions) as session:
        stored = session.connection().exec_driver_sql("SELECT value FROM account_tokens").scalar_one()
    assert b"canary" not in bytes(stored)
