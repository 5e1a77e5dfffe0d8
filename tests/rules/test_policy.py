"""The policy is total: every error and every outcome, whatever the attempts, leads to a step, and an unknown outcome of a
write that is not absolute is looked up until it is worn out."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import get_args

import pytest

from hub.channels.contract import errors, records
from hub.channels.contract.errors import AdapterBug, ChannelError, OutcomeUnknown, Throttled
from hub.channels.contract.records import Deferred, Outcome, Problem, Refused, Stale, Submitted, Unclear
from hub.sync.policy import (
    LONGEST_BACKOFF_S,
    LONGEST_THROTTLE_S,
    Again,
    Ask,
    AwaitTicket,
    Block,
    Finish,
    Look,
    NextStep,
    Repeat,
    after_error,
    after_outcome,
    backoff_s,
)
from hub.work.kinds import KINDS

REPEATS: tuple[Repeat, ...] = ("absolute", "look", "read")
ATTEMPTS = (0, 1, 2, 5, 8, 11, 12, 13, 1000)
MAX = 12


def leaves(base: type[ChannelError]) -> Iterator[type[ChannelError]]:
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from leaves(kind)


def an_error(kind: type[ChannelError], **options: object) -> ChannelError:
    if "retry_after_s" in inspect.signature(kind.__init__).parameters:
        options = {"retry_after_s": 7.0, **options}
    return kind("It went wrong.", **options)


class Invented(ChannelError):
    """An error that an adapter of somebody else made up."""


ERRORS = [*leaves(ChannelError), ChannelError, Invented]
OUTCOMES: list[Outcome] = [
    records.Applied(),
    Submitted(ticket="T-1"),
    Refused(problems=()),
    Refused(problems=(Problem(code="9", message="No."),)),
    Refused(problems=(), missing=True),
    Stale(),
    Stale(observed=3),
    Deferred(retry_after_s=5, why="quota"),
    Unclear(why="cut"),
]
UNKNOWN_ERRORS = (OutcomeUnknown, AdapterBug)


def check(step: NextStep) -> None:
    assert isinstance(step, NextStep)
    if isinstance(step, Again | Look):
        assert 0 <= step.after_s <= LONGEST_THROTTLE_S
        assert not math.isnan(step.after_s)
    if isinstance(step, Ask | Block):
        assert step.code
        assert step.message


def test_the_tables_name_all_nine_errors_and_all_six_outcomes() -> None:
    assert len(list(leaves(ChannelError))) == 9
    assert {type(outcome) for outcome in OUTCOMES} == set(get_args(Outcome))


@pytest.mark.parametrize("repeat", REPEATS)
@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_leads_to_a_step(kind: type[ChannelError], repeat: Repeat) -> None:
    for attempts in ATTEMPTS:
        step = after_error(an_error(kind), repeat=repeat, attempts=attempts, max_attempts=MAX)
        check(step)
        assert not isinstance(step, Finish | AwaitTicket)
        if attempts >= MAX:
            assert kind is Throttled or not isinstance(step, Again | Look), "worn out must end"


@pytest.mark.parametrize("repeat", REPEATS)
@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda o: type(o).__name__)
def test_every_outcome_leads_to_a_step(outcome: Outcome, repeat: Repeat) -> None:
    for attempts in ATTEMPTS:
        check(after_outcome(outcome, repeat=repeat, attempts=attempts, max_attempts=MAX))


def test_an_unknown_outcome_of_a_write_that_is_not_absolute_is_always_looked_up() -> None:
    for attempts in range(MAX):
        for kind in UNKNOWN_ERRORS:
            step = after_error(an_error(kind), repeat="look", attempts=attempts, max_attempts=MAX)
            assert isinstance(step, Look), (kind, attempts)
        assert isinstance(
            after_outcome(Unclear(why="cut"), repeat="look", attempts=attempts, max_attempts=MAX), Look
        ), attempts
    for kind in UNKNOWN_ERRORS:
        assert isinstance(after_error(an_error(kind), repeat="look", attempts=MAX, max_attempts=MAX), Ask)
    assert isinstance(after_outcome(Unclear(why="cut"), repeat="look", attempts=MAX, max_attempts=MAX), Ask)


@pytest.mark.parametrize("repeat", ["absolute", "read"])
def test_an_unknown_outcome_of_an_absolute_write_is_sent_again(repeat: Repeat) -> None:
    step = after_error(an_error(OutcomeUnknown), repeat=repeat, attempts=3, max_attempts=MAX)
    assert step == Again(after_s=60.0, result="unclear", message="It went wrong.")


@pytest.mark.parametrize("wait", [0.0, -5.0, 0.5, 30.0, 1e9, math.inf, math.nan])
@pytest.mark.parametrize("repeat", REPEATS)
def test_throttles_are_never_counted_and_shut_the_lane(wait: float, repeat: Repeat) -> None:
    for attempts in ATTEMPTS:
        step = after_error(Throttled("Slowly.", retry_after_s=wait), repeat=repeat, attempts=attempts, max_attempts=MAX)
        check(step)
        assert isinstance(step, Again)
        assert (step.counted, step.shut_lane, step.result) == (False, True, "throttled")
        assert step.after_s >= 0.5
        deferred = after_outcome(
            Deferred(retry_after_s=wait, why="quota"), repeat=repeat, attempts=attempts, max_attempts=MAX
        )
        check(deferred)
        assert isinstance(deferred, Again)
        assert (deferred.counted, deferred.shut_lane) == (False, False)


def test_the_wait_doubles_up_to_a_quarter_of_an_hour() -> None:
    assert [backoff_s(n) for n in (0, 1, 2, 3, 4, 7, 8, 500)] == [15, 15, 30, 60, 120, 900, 900, 900]
    assert all(backoff_s(n) <= LONGEST_BACKOFF_S for n in range(50))


def test_every_write_that_is_not_absolute_is_of_a_kind_that_looks() -> None:
    assert {k.name for k in KINDS.values() if k.repeat == "look"} == {"shipment.confirm", "order.cancel"}
    assert all(k.writes for k in KINDS.values() if k.repeat != "read")
    assert not any(k.writes for k in KINDS.values() if k.repeat == "read")
    assert all(k.name == name and k.max_attempts >= 1 for name, k in KINDS.items())
