"""One adapter beside one channel: what every check gets, with small verbs to arrange listings and orders."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hub.channels.contract import (
    Adapter,
    Applied,
    BuildContext,
    Capability,
    ChannelOrder,
    ListingDraft,
    ListingRef,
    Manifest,
    Outcome,
    Pending,
    Polls,
    PublishesListings,
    PullsOrders,
    ReadsListings,
    Submitted,
    TokenStore,
    Unclear,
    VariantDraft,
)
from hub.channels.registry import with_defaults
from hub.channels.testkit.checks import expect
from hub.channels.testkit.truth import ChannelTruth
from hub.channels.wire import RequestsWire, Traffic
from hub.kernel.clock import Clock, FixedClock
from hub.kernel.ids import named_uuid
from hub.kernel.money import Money

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
SETTLE = timedelta(minutes=20)
PATIENCE = 60  # polls of one ticket before the kit gives up


class ProcessTokens:
    """A token store for one account in this process, with expiry by the given clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._kept: dict[str, tuple[str, float | None]] = {}

    def get(self, key: str) -> str | None:
        with self._lock:
            value, expires_at = self._kept.get(key, (None, None))
            if expires_at is not None and expires_at <= self._clock.now().timestamp():
                return None
            return value

    def put(self, key: str, value: str, expires_at: float | None) -> None:
        with self._lock:
            self._kept[key] = (value, expires_at)

    def drop(self, key: str) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def single_flight(self, key: str, fetch: Callable[[], tuple[str, float | None]]) -> str:
        with self._lock:
            known = self.get(key)
            if known is None:
                known, expires_at = fetch()
                self.put(key, known, expires_at)
            return known


@dataclass(slots=True, kw_only=True)
class Harness:
    """An account at a channel. `build` makes the adapter; `twin` opens another channel with other credentials.

    `settings` and `secrets` are those of the account. `sku_max` is the channel's limit of a SKU's length.
    """

    manifest: Manifest
    channel: ChannelTruth
    build: Callable[[BuildContext], Adapter]
    settings: Mapping[str, str]
    secrets: Mapping[str, str]
    clock: FixedClock
    currency: str = "EUR"
    sku_max: int = 40
    manifest_module: str = ""  # where the manifest lives; empty = `manifest` beside the factory's module
    images: tuple[str, ...] = ("https://images.example.test/one.jpg",)
    twin: Callable[[], AbstractContextManager[Harness]] | None = None
    traffic: list[Traffic] = field(default_factory=list)  # what every adapter of this harness sent over its wire
    logged: list[str] = field(default_factory=list)  # what they logged, as text
    _count: int = 0

    # ---------------------------------------------------------------- the adapter

    def context(
        self,
        *,
        timeout_s: float | None = None,
        settings: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        tokens: TokenStore | None = None,
    ) -> BuildContext:
        """A context as the hub would make it; every argument replaces or adds to the account's own."""
        merged = {**self.settings, **(settings or {})}
        if timeout_s is not None and any(field.name == "timeout_s" for field in self.manifest.settings):
            merged["timeout_s"] = f"{timeout_s:g}"

        def log(event: str, /, **fields: object) -> None:
            self.logged.append(f"{event} {fields!r}")

        return BuildContext(
            settings=with_defaults(self.manifest, merged),
            secrets={**self.secrets, **(secrets or {})},
            wire=RequestsWire(clock=self.clock, observe=self.traffic.append, timeout_s=timeout_s or 5.0),
            clock=self.clock,
            tokens=tokens or ProcessTokens(self.clock),
            log=log,
        )

    def make_adapter(
        self,
        *,
        timeout_s: float | None = None,
        settings: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        tokens: TokenStore | None = None,
    ) -> Adapter:
        return self.build(self.context(timeout_s=timeout_s, settings=settings, secrets=secrets, tokens=tokens))

    def declares(self, capability: Capability) -> bool:
        return capability in self.manifest.capabilities

    # ---------------------------------------------------------------- arranging

    def number(self) -> int:
        """Counts up: fresh names and quantities."""
        self._count += 1
        return self._count

    def settle(self) -> None:
        """Let everything that the channel does later happen: visibility lags, accepted writes, publication."""
        self.channel.advance(max(SETTLE, timedelta(seconds=self.manifest.order_lag_s + 60)))

    def tick(self, seconds: float = 1.0) -> None:
        self.channel.advance(timedelta(seconds=seconds))

    def fresh_sku(self, prefix: str = "KIT") -> str:
        return f"{prefix}-{self.number():04d}"

    def draft(
        self, *skus: str, title: str = "", price_minor: int = 1999, quantity: int = 5, refs: Sequence[ListingRef] = ()
    ) -> ListingDraft:
        """A sound draft: one variant, or several told apart by their size."""
        by_sku = {ref.channel_sku: ref for ref in refs}
        return ListingDraft(
            listing_key=named_uuid("kit", self.manifest.id, skus[0]),
            title=title or f"Plain steel kitchen knife {skus[0]}"[:80],
            description="<p>A plain steel kitchen knife.</p>",
            brand="Plain",
            images=self.images,
            variants=tuple(
                VariantDraft(
                    channel_sku=sku,
                    price=Money(minor=price_minor, currency=self.currency),
                    quantity=quantity,
                    options={"Size": f"Size {index}"} if len(skus) > 1 else {},
                    image=self.images[0] if self.images else None,
                    ref=by_sku.get(sku),
                )
                for index, sku in enumerate(skus, start=1)
            ),
        )

    def listing(self, adapter: Adapter, sku: str | None = None, quantity: int = 5, title: str = "") -> ListingRef:
        """A live listing as the hub would know it: published by the adapter if it can, else made by hand."""
        return self.listings(adapter, sku or self.fresh_sku(), quantity=quantity, title=title)[0]

    def listings(self, adapter: Adapter, *skus: str, quantity: int = 5, title: str = "") -> list[ListingRef]:
        refs: list[ListingRef] = []
        for sku in skus:
            if isinstance(adapter, PublishesListings) and self.declares(Capability.LISTINGS):
                outcome = self.finish(
                    adapter, adapter.publish_listing(self.draft(sku, quantity=quantity, title=title)), sku
                )
                expect(isinstance(outcome, Applied), f"a sound draft for {sku!r} should be published, got {outcome!r}")
                made = outcome.refs[0] if isinstance(outcome, Applied) and outcome.refs else ListingRef(channel_sku=sku)
            else:
                self.channel.add_listing(sku, quantity, title=title)
                made = ListingRef(channel_sku=sku)
            refs.append(made)
        self.settle()
        if isinstance(adapter, ReadsListings) and self.declares(Capability.READ_LISTINGS):
            size = self.manifest.max_read_batch
            batches = [refs[start : start + size] for start in range(0, len(refs), size)]
            refs = [report.ref for batch in batches for report in adapter.read_listings(batch)]
        return refs

    def order(self, adapter: Adapter, lines: Sequence[tuple[str, int]], **facts: bool) -> ChannelOrder:
        """An order that a buyer placed, as the adapter reads it once it is visible."""
        order_id = self.channel.place_order(lines, pending=facts.get("pending", False))
        self.settle()
        assert isinstance(adapter, PullsOrders)
        return adapter.read_order(order_id)

    def finish(self, adapter: Adapter, outcome: Outcome, sku: str) -> Outcome:
        """The final outcome for `sku`: tickets are polled (the channel's time moves on), lags are let pass."""
        for _ in range(PATIENCE):
            if not isinstance(outcome, Submitted):
                self.settle()
                return outcome
            expect(len(outcome.ticket) <= 500, f"a ticket has at most 500 characters, this one {len(outcome.ticket)}")
            expect(isinstance(adapter, Polls), f"{outcome!r} needs an adapter that can poll")
            assert isinstance(adapter, Polls)
            self.channel.advance(timedelta(seconds=30))
            told = adapter.poll(outcome.ticket)
            if isinstance(told, Pending):
                self.channel.advance(timedelta(seconds=told.retry_after_s))
                continue
            expect(sku in told, f"the finished ticket does not mention {sku!r}: {dict(told)!r}")
            refs = outcome.refs
            outcome = told[sku]
            if isinstance(outcome, Applied) and refs and not outcome.refs:
                outcome = Applied(external_id=outcome.external_id, observed=outcome.observed, refs=refs)
        return Unclear(why=f"the ticket was not finished after {PATIENCE} polls")
