"""What every flow is handed: sessions, clock, adapters, doorbell. Built by wiring, one per process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from hub.channels.contract.adapter import Adapter, BuildContext
from hub.channels.contract.manifest import Manifest
from hub.channels.registry import Registry
from hub.channels.wire import RequestsWire, Traffic
from hub.db.session import Sessions, open_units, reading, unit
from hub.db.upsert import put, table_of
from hub.kernel.clock import Clock
from hub.kernel.ids import AccountId, digest, new_token
from hub.work.accounts import secrets_of
from hub.work.limits import SharedLimiter
from hub.work.models import Account, TrafficCount
from hub.work.tokens import SharedTokens

Log = Callable[..., None]
COUNTED = ("calls", "failed", "throttled", "in_transaction")


class Doorbell(Protocol):
    """A hint that there may be work. Losing it loses nothing: the relay sweeps."""

    def ring(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount:
    """An account with its adapter, for one run of a flow. `account` is detached: read it, do not write it."""

    account: Account
    manifest: Manifest
    adapter: Adapter

    @property
    def settle_s(self) -> float:
        """How long a stock write of this channel may take to show there."""
        return 900.0 if self.manifest.stock_ack == "later" else 5.0


class AdapterPool:
    """One adapter per account and process, rebuilt when the account's settings or secrets change."""

    def __init__(self, sessions: Sessions, registry: Registry, clock: Clock, log: Log, timeout_s: float) -> None:
        self._sessions = sessions
        self._registry = registry
        self._clock = clock
        self._log = log
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._open: dict[int, tuple[str, Adapter]] = {}
        self._traffic: Counter[tuple[int, str, str]] = Counter()

    def get(self, account: Account) -> OpenAccount:
        """The account's adapter.

        Raises:
            Misconfigured: settings are missing or the adapter cannot be imported.
        """
        manifest = self._registry.manifest(account.channel)
        secrets = secrets_of(account)
        fingerprint = digest([account.channel, account.settings, secrets])
        with self._lock:
            held = self._open.get(account.id)
            if held is None or held[0] != fingerprint:
                if held is not None:
                    held[1].close()
                account_id = account.id
                context = BuildContext(
                    settings=dict(account.settings),
                    secrets=secrets,
                    wire=RequestsWire(
                        limiter=SharedLimiter(self._sessions, account_id, manifest.rates, self._clock),
                        clock=self._clock,
                        observe=lambda traffic: self._count(account_id, traffic),
                        timeout_s=float(account.settings.get("timeout_s") or self._timeout_s),
                    ),
                    clock=self._clock,
                    tokens=SharedTokens(self._sessions, account_id, self._clock),
                    log=lambda event, /, **fields: self._log(event, account=account_id, **fields),
                )
                held = (fingerprint, self._registry.build(account.channel, context))
                self._open[account.id] = held
            return OpenAccount(account=account, manifest=manifest, adapter=held[1])

    def _count(self, account_id: int, traffic: Traffic) -> None:
        with self._lock:
            self._traffic[account_id, traffic.operation, "calls"] += 1
            self._traffic[account_id, traffic.operation, "in_transaction"] += open_units() > 0
            if traffic.error is not None:
                self._traffic[
                    account_id, traffic.operation, "throttled" if traffic.error == "Throttled" else "failed"
                ] += 1

    def flush_traffic(self) -> None:
        """Add what was counted since the last time to the database."""
        with self._lock:
            counted, self._traffic = self._traffic, Counter()
        keys = sorted({(account_id, operation) for account_id, operation, _ in counted})
        if not keys:
            return
        t = table_of(TrafficCount)
        with unit(self._sessions) as session:
            for account_id, operation in keys:
                sums = {name: counted[account_id, operation, name] for name in COUNTED}
                put(
                    session,
                    TrafficCount,
                    [{"account_id": account_id, "operation": operation, **sums}],
                    key=("account_id", "operation"),
                    update={name: t.c[name] + value for name, value in sums.items()},
                )

    def close(self) -> None:
        with self._lock:
            for _, adapter in self._open.values():
                adapter.close()
            self._open.clear()


@dataclass(slots=True, kw_only=True)
class Hub:
    """The running hub, as flows see it."""

    sessions: Sessions
    registry: Registry
    clock: Clock
    adapters: AdapterPool
    doorbell: Doorbell
    log: Log
    lease_s: float = 90.0
    media_url: str = ""  # where the world reaches the media library; "" = nowhere
    owner: str = field(default_factory=new_token)

    def open(self, account_id: AccountId) -> OpenAccount | None:
        """The account and its adapter; None if there is no such account."""
        with reading(self.sessions) as session:
            account = session.get(Account, account_id)
            if account is None:
                return None
            session.expunge(account)
        return self.adapters.get(account)
