"""The fault matrix: every way of misbehaving × every request of every operation that the adapter declares.

Two things are held against each answer of the adapter. Its class: is it one that the contract allows for what was
seen? And its truth: the channel's own books say whether the effect is there, so «applied» must mean there, and every
error that promises «not applied» must mean not there. A write that nobody can know about may only be unknown.
"""

from __future__ import annotations

import time

from hub.channels.contract import (
    AdapterBug,
    Applied,
    AuthFailed,
    ChannelError,
    Conflict,
    Deferred,
    Identity,
    InvalidData,
    Missing,
    OutcomeUnknown,
    Refused,
    Stale,
    Throttled,
    Unavailable,
    Unclear,
    Unsupported,
)
from hub.channels.testkit.checks import check, expect
from hub.channels.testkit.harness import Harness
from hub.channels.testkit.operations import Attempt, Operation, Told, finished, operations, requests_of
from hub.loopback.faults import FaultKind as K

TIMEOUT_S = 1.0
GRACE_S = 1.5  # a busy machine, a connection set up, an answer parsed

_LOST = (Unavailable, OutcomeUnknown, Unclear)
_GARBLED = (AdapterBug, OutcomeUnknown, Unclear)
_REFUSED = (InvalidData, Refused, AdapterBug)

# What may be told for a fault, for any operation; «fine» is added where the operation may rightly have succeeded.
# Reading and writing share a row because a writing operation may make reading requests too; what a *write* may be
# called is decided by the channel's books below, and by UNKNOWABLE.
ALLOWED: dict[K, tuple[type, ...]] = {
    K.THROTTLE: (Throttled, Deferred),
    K.THROTTLE_NO_HINT: (Throttled, Deferred),
    K.AUTH_EXPIRED: (AuthFailed,),
    K.FORBIDDEN: (AuthFailed, Unsupported, Refused),
    K.BAD_REQUEST: _REFUSED,
    K.NOT_FOUND: (Missing, *_REFUSED),
    K.CONFLICT: (Conflict, Stale, Deferred, *_REFUSED, OutcomeUnknown, Unclear),
    K.SERVER_ERROR: _LOST,
    K.APPLY_THEN_500: _LOST,
    K.BAD_GATEWAY: _LOST,
    K.UNAVAILABLE: _LOST,
    K.RESET_BEFORE: _LOST,
    K.APPLY_THEN_DROP: _LOST,
    K.HANG: _LOST,
    K.APPLY_THEN_HANG: _LOST,
    K.HTML_200: _GARBLED,
    K.CUT_JSON: _GARBLED,
    K.WRONG_CHARSET: _GARBLED,
    K.BIG_BODY: _GARBLED,
    K.REDIRECT_AWAY: _GARBLED,
}
#: The operation may succeed all the same: a token is renewed, an absent thing is reported as absent or made anew,
#: half an empty body is still an empty body.
FINE = {K.AUTH_EXPIRED, K.NOT_FOUND, K.CUT_JSON, K.WRONG_CHARSET}
#: A channel that lies «it is gone» may be believed by an operation that wanted it gone.
BELIEVES_GONE = {("end_listing", K.NOT_FOUND)}
#: Errors and outcomes that promise: nothing was applied.
NOT_APPLIED = (
    Throttled, Unavailable, Conflict, AuthFailed, InvalidData, Missing, Unsupported, Refused, Stale, Deferred,
)  # fmt: skip
HANGS = (K.HANG, K.APPLY_THEN_HANG)
#: Held up until healed: some channels say 403 for a token that has ended, which a single fault cannot be told from.
LASTING = {K.FORBIDDEN}
#: The channel answers in earnest, and the answer is spoilt on its way.
MANGLED = {K.CUT_JSON, K.WRONG_CHARSET}


def attempt(made: Attempt) -> Told:
    """Run it; a ChannelError is an answer, anything else escapes and fails the check."""
    started = time.monotonic()
    try:
        result = made.run()
    except ChannelError as error:
        return Told(error=error, seconds=time.monotonic() - started)
    return Told(result=result, seconds=time.monotonic() - started)


def deviation(
    operation: Operation, made: Attempt, told: Told, kind: K, *, last: bool, status: int | None
) -> str | None:
    """What is wrong with an answer, or None.

    `last`: the fault met the last request, the one that decides. `status`: what the channel answered under the fault.
    """
    said = told.error if told.error is not None else told.result
    # A step on the way to a write (an upload, a look) may fail in any manner: what was wanted has not been asked for
    # yet, so that «not applied, later again» is the whole truth about it.
    allowed = ALLOWED[kind] if last or not operation.writing else (*ALLOWED[kind], Unavailable, Deferred)
    if status is not None and status >= 400 and kind in MANGLED:
        allowed = (*allowed, Missing, *_REFUSED, Conflict)  # the body is spoilt, the status still speaks
    if made.effect is None and kind is K.CONFLICT:
        allowed = (
            *allowed,
            Unavailable,
        )  # nothing is at odds with a reading call: some channels can only say «trouble»
    failed = told.error is not None or isinstance(said, Refused | Stale | Deferred | Unclear)
    if failed and not isinstance(said, allowed):
        return f"told {told}; allowed: {', '.join(cls.__name__ for cls in allowed)}"
    if isinstance(said, Throttled) and not 0 <= said.retry_after_s < 86400:
        return f"told to wait {said.retry_after_s} s"
    if told.seconds > TIMEOUT_S + GRACE_S:
        return f"took {told.seconds:.1f} s with a time-out of {TIMEOUT_S} s"
    if made.effect is None:
        told_the_lack = isinstance(said, Identity) and bool(said.missing_scopes) and kind is K.FORBIDDEN
        if not failed and not told_the_lack and kind not in {K.AUTH_EXPIRED, K.NOT_FOUND}:
            return f"read something out of nothing: {told}"
        return None
    there = made.effect()
    if not failed:
        if isinstance(said, Applied) and not there and (operation.name, kind) not in BELIEVES_GONE:
            return f"called applied, but the channel's books do not show it: {told}"
        return None
    if there and isinstance(said, NOT_APPLIED):
        return f"promises «not applied», but the channel's books show it: {told}"
    return None


def _status(harness: Harness) -> int | None:
    """The status of the last request that met a fault."""
    return next((row.status for row in reversed(harness.channel.requests()) if row.fault is not None), None)


def _matrix(harness: Harness, kind: K) -> None:
    adapter = harness.make_adapter(timeout_s=TIMEOUT_S)
    adapter.probe()  # the token is fetched before anything is broken
    wrong: list[str] = []
    for operation in operations(harness, adapter):
        names = requests_of(harness, operation.fresh())
        if (
            kind in HANGS
        ):  # each costs a whole time-out: the last request only, reads with one kind, writes with the other
            names = names[-1:] if (kind is K.APPLY_THEN_HANG) == operation.writing else []
        if operation.name == "probe":
            names = names[:1]  # who we are; what else a probe looks up (scopes, policies) it may report as it likes
        for name in names:
            made = operation.fresh()
            harness.channel.break_next(kind, name, None if kind in LASTING else 1)
            told = attempt(made)
            harness.channel.heal()
            told = finished(harness, adapter, told, made.sku)
            problem = deviation(operation, made, told, kind, last=name == names[-1], status=_status(harness))
            if problem is not None:
                wrong.append(f"{operation.name}, {kind} at {name}: {problem}")
        after = attempt(operation.fresh())
        if after.error is not None:
            wrong.append(f"{operation.name} does not recover once the channel is well: {after}")
    expect(not wrong, "\n".join(wrong))


_SAYS = {
    K.THROTTLE: "A refusal for quota is Throttled, and nothing was applied.",
    K.THROTTLE_NO_HINT: "A refusal for quota without a hint is Throttled all the same.",
    K.AUTH_EXPIRED: "A token that ended in mid-flight is renewed once, or AuthFailed.",
    K.FORBIDDEN: "A missing right is AuthFailed or Unsupported.",
    K.BAD_REQUEST: "A refusal of the data is InvalidData or Refused.",
    K.NOT_FOUND: "A thing that is gone is Missing, or reported as gone.",
    K.CONFLICT: "A conflict is a conflict, and nothing was applied.",
    K.SERVER_ERROR: "A 500 on a write is unknown.",
    K.APPLY_THEN_500: "A 500 after the write was done is never «not applied».",
    K.BAD_GATEWAY: "A 502 is passing trouble, unknown on a write.",
    K.UNAVAILABLE: "A 503 with a page of HTML is passing trouble.",
    K.RESET_BEFORE: "A connection that is cut is unknown on a write.",
    K.APPLY_THEN_DROP: "A write whose answer is lost is unknown.",
    K.HANG: "A channel that never answers a read costs one time-out.",
    K.APPLY_THEN_HANG: "A write that is done in silence is unknown, after one time-out.",
    K.HTML_200: "A page of a proxy is not an answer.",
    K.CUT_JSON: "Half an answer is not an answer.",
    K.WRONG_CHARSET: "An answer in another alphabet is not an answer.",
    K.BIG_BODY: "Five megabytes of nothing are not an answer.",
    K.REDIRECT_AWAY: "A redirect to a stranger is not followed.",
}


def _register(kind: K) -> None:
    @check("faults", name=str(kind))
    def meets(harness: Harness) -> None:
        _matrix(harness, kind)

    meets.__doc__ = _SAYS[kind]


for _kind in ALLOWED:
    _register(_kind)


@check("faults")
def refused_connections_are_unavailable(harness: Harness) -> None:
    """Nobody listens: Unavailable for every operation, reading or writing, and nothing was applied."""
    adapter = harness.make_adapter(timeout_s=TIMEOUT_S)
    adapter.probe()
    wrong = []
    for operation in operations(harness, adapter):
        made = operation.fresh()
        with harness.channel.unreachable():
            told = attempt(made)
        said = told.error if told.error is not None else told.result
        if not isinstance(said, Unavailable | Deferred):
            wrong.append(f"{operation.name}: {told}")
        elif made.effect is not None and made.effect():
            wrong.append(f"{operation.name}: applied without a connection")
    expect(not wrong, "refused connections should be Unavailable:\n" + "\n".join(wrong))


@check("faults")
def credentials_that_stay_refused_are_auth_failed(harness: Harness) -> None:
    """401 again after a new token: AuthFailed, within a few requests."""
    adapter = harness.make_adapter(timeout_s=TIMEOUT_S)
    adapter.probe()
    wrong = []
    for operation in operations(harness, adapter):
        made = operation.fresh()
        harness.channel.break_next(K.AUTH_EXPIRED, times=None)
        before = len(harness.channel.requests())
        told = attempt(made)
        spent = len(harness.channel.requests()) - before
        harness.channel.heal()
        if not isinstance(told.error, AuthFailed):
            wrong.append(f"{operation.name}: {told}")
        if spent > 4:
            wrong.append(f"{operation.name}: {spent} requests to learn that the credentials do not work")
    expect(not wrong, "refused credentials should be AuthFailed:\n" + "\n".join(wrong))
