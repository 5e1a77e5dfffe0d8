"""Access and rotating refresh tokens of an account: encrypted, shared by all workers, fetched by one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.engine import CursorResult

from hub.channels.contract.errors import Unavailable
from hub.db.session import Sessions, reading, unit
from hub.db.upsert import put, put_new
from hub.kernel.clock import Clock, pause
from hub.kernel.ids import new_token
from hub.work.models import AccountToken

_FETCH_LEASE_S = 60.0
_local_locks: dict[tuple[int, str], threading.Lock] = {}  # saves database polling between threads; holds no token
_local_guard = threading.Lock()


class SharedTokens:
    """The token store of one account (contract `TokenStore`)."""

    def __init__(self, sessions: Sessions, account_id: int, clock: Clock) -> None:
        self._sessions = sessions
        self._account_id = account_id
        self._clock = clock

    def get(self, key: str) -> str | None:
        with reading(self._sessions) as session:
            row = session.get(AccountToken, (self._account_id, key))
            if row is None or row.value is None:
                return None
            if row.expires_at is not None and row.expires_at <= self._clock.now():
                return None
            return row.value

    def put(self, key: str, value: str, expires_at: float | None) -> None:
        until = None if expires_at is None else datetime.fromtimestamp(expires_at, UTC)
        row = {"account_id": self._account_id, "key": key, "value": value, "expires_at": until}
        with unit(self._sessions) as session:
            put(session, AccountToken, [row], key=("account_id", "key"), update=("value", "expires_at"))

    def drop(self, key: str) -> None:
        with unit(self._sessions) as session:
            session.execute(
                update(AccountToken)
                .where(AccountToken.account_id == self._account_id, AccountToken.key == key)
                .values(value=None, expires_at=None)
            )

    def single_flight(self, key: str, fetch: Callable[[], tuple[str, float | None]]) -> str:
        """The stored value, or the one `fetch` gets, with one fetcher at a time over all threads and processes.

        Raises:
            Unavailable: another process held the fetch for longer than a minute without a result.
            whatever `fetch` raises.
        """
        found = self.get(key)
        if found is not None:
            return found
        with _local_guard:
            lock = _local_locks.setdefault((self._account_id, key), threading.Lock())
        with lock:
            me = new_token()
            waited = 0.0
            while True:
                found = self.get(key)
                if found is not None:
                    return found
                if self._take(key, me):
                    break
                pause(0.05)
                waited += 0.05
                if waited > _FETCH_LEASE_S:
                    raise Unavailable(
                        "Signing in takes too long.", detail=f"token {key}: another worker holds the fetch"
                    )
            try:
                found = self.get(key)  # another may have fetched it between our look and our lease
                if found is not None:
                    return found
                value, expires_at = fetch()
                self.put(key, value, expires_at)
                return value
            finally:
                self._release(key, me)

    def _take(self, key: str, me: str) -> bool:
        now = self._clock.now()
        with unit(self._sessions) as session:
            put_new(session, AccountToken, [{"account_id": self._account_id, "key": key}], key=("account_id", "key"))
            result = session.execute(
                update(AccountToken)
                .where(
                    AccountToken.account_id == self._account_id,
                    AccountToken.key == key,
                    or_(AccountToken.lease_until.is_(None), AccountToken.lease_until <= now),
                )
                .values(lease_owner=me, lease_until=now + timedelta(seconds=_FETCH_LEASE_S))
            )
            assert isinstance(result, CursorResult)
            return result.rowcount == 1

    def _release(self, key: str, me: str) -> None:
        with unit(self._sessions) as session:
            session.execute(
                update(AccountToken)
                .where(
                    AccountToken.account_id == self._account_id, AccountToken.key == key, AccountToken.lease_owner == me
                )
                .values(lease_owner=None, lease_until=None)
            )
