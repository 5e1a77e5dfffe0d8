"""Carrying a POST out once: its answer is stored in the transaction of its effect and given again to whoever repeats it.

A domain refusal is an answer too and is stored; a request that is not valid, or that failed half-way, leaves nothing and
may be repeated with the same key. Within one process a repetition that arrives while the first is still running is told
so (409); between processes PostgreSQL's advisory lock says the same, and on SQLite it waits for the writer's turn.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol

from flask import Response, request
from pydantic import BaseModel
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from hub.db.session import Sessions, is_sqlite, unit
from hub.db.upsert import put_new
from hub.kernel.clock import Clock
from hub.kernel.errors import HubError
from hub.kernel.ids import digest, named_uuid
from hub.web import problems
from hub.web.models import IdempotencyKey
from hub.web.problems import Refused

KEPT = timedelta(hours=24)
PURGE_EVERY = timedelta(minutes=10)
PURGE_BATCH = 1_000


class Keeper(Protocol):
    @property
    def sessions(self) -> Sessions: ...
    @property
    def clock(self) -> Clock: ...


class Call:
    """One POST under its key. `token` names its effect for good: the same request repeated after the key's time was
    over still has it, so that the ledger recognises it."""

    def __init__(self, key: str, route: str, body: object, session: Session, now: datetime) -> None:
        self.session = session
        self.now = now
        self.digest = digest(body)
        self.token = named_uuid("api", key, route, self.digest)


Effect = Callable[[Call], tuple[int, BaseModel]]


class Once:
    """Carries effects out, each key once."""

    def __init__(self, hub: Keeper) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._purged_at: datetime | None = None

    def __call__(self, effect: Effect) -> Response:
        """Answer the current request, which has passed the guard.

        Raises:
            Refused: the key is in use right now, or was used for something else.
        """
        key = request.headers["Idempotency-Key"]
        route = f"{request.method} {request.path}"
        now = self._hub.clock.now()
        self._purge_sometimes(now)
        with self._alone(key), unit(self._hub.sessions) as session:
            call = Call(key, route, request.get_json(), session, now)
            stored = _claim(call, key, route)
            if stored is not None:
                return _again(stored, call, route)
            status, body = _carry_out(call, effect)
            session.execute(update(IdempotencyKey).where(IdempotencyKey.key == key).values(status=status, body=body))
        return _answer(status, body)

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        with self._lock:
            if key in self._running:
                raise _in_flight()
            self._running.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(key)

    def _purge_sometimes(self, now: datetime) -> None:
        with self._lock:
            if self._purged_at is not None and now - self._purged_at < PURGE_EVERY:
                return
            self._purged_at = now
        purge(self._hub.sessions, now)


def purge(sessions: Sessions, now: datetime) -> int:
    """Forget answers older than 24 hours, at most 1000 at a time; returns how many. Two at once share the work."""
    with unit(sessions) as session:
        old = session.scalars(
            select(IdempotencyKey.key)
            .where(IdempotencyKey.created_at < now - KEPT)
            .order_by(IdempotencyKey.created_at)
            .limit(PURGE_BATCH)
            .with_for_update(skip_locked=True)
        ).all()
        if old:
            session.execute(delete(IdempotencyKey).where(IdempotencyKey.key.in_(old)))
    return len(old)


def _in_flight() -> Refused:
    return Refused(
        409, "in_flight", "A request with this Idempotency-Key is being carried out.", kind="idempotency",
        param="Idempotency-Key", fix="ask again in a second", retry_after_s=1,
    )  # fmt: skip


def _claim(call: Call, key: str, route: str) -> IdempotencyKey | None:
    """Make the key ours for this transaction; the stored answer if it was used before."""
    session = call.session
    if not is_sqlite(session) and not session.scalar(
        select(func.pg_try_advisory_xact_lock(func.hashtextextended(key, 0)))
    ):
        raise _in_flight()
    session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.key == key, IdempotencyKey.created_at < call.now - KEPT)
    )
    row = {"key": key, "route": route, "digest": call.digest, "status": 0, "body": "", "created_at": call.now}
    if put_new(session, IdempotencyKey, [row], key=("key",), returning=("key",)):
        return None
    return session.scalars(select(IdempotencyKey).where(IdempotencyKey.key == key)).one()


def _carry_out(call: Call, effect: Effect) -> tuple[int, str]:
    try:
        with call.session.begin_nested():  # a refusal takes back what the effect did, not that it was asked for
            status, shown = effect(call)
    except HubError as error:
        if problems.status_of(error) >= 500:
            raise  # the hub's own trouble: nothing is stored, so the same key may try again
        return problems.status_of(error), json.dumps(problems.body_of(error))
    return status, shown.model_dump_json()


def _again(stored: IdempotencyKey, call: Call, route: str) -> Response:
    if stored.route != route or stored.digest != call.digest:
        raise Refused(
            422, "idempotency_key_reused", "This Idempotency-Key was used for another request.", kind="idempotency",
            param="Idempotency-Key", fix="a new key for a new effect",
        )  # fmt: skip
    response = _answer(stored.status, stored.body)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _answer(status: int, body: str) -> Response:
    if status >= 400:
        refusal: dict[str, Any] = json.loads(body)
        return problems.answer(status, refusal)
    return Response(body, status=status, mimetype="application/json")
