"""Manners: nothing behind the hub's back, no waiting, nothing left behind, no account in another's place."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

from hub.channels.contract import Adapter, Capability, ListingRef, PullsOrders
from hub.channels.testkit.check_faults import attempt
from hub.channels.testkit.check_stock import level, push
from hub.channels.testkit.checks import NotApplicable, check, expect
from hub.channels.testkit.harness import Harness
from hub.channels.testkit.operations import operations
from hub.kernel.clock import pause
from hub.loopback.faults import FaultKind


@check("manners")
def every_request_goes_over_the_wire(harness: Harness) -> None:
    """As many requests at the channel as were charged to the wire, tokens included, operation by operation."""
    adapter = harness.make_adapter()
    wrong = []
    for operation in operations(harness, adapter):
        made = operation.fresh()
        requests, traffic = len(harness.channel.requests()), len(harness.traffic)
        attempt(made)
        arrived = [row.operation for row in harness.channel.requests()[requests:]]
        charged = [row.operation for row in harness.traffic[traffic:]]
        if len(arrived) != len(charged):
            wrong.append(f"{operation.name}: {arrived} arrived, {charged} went over the wire")
    expect(not wrong, "requests past the wire are neither limited nor traced:\n" + "\n".join(wrong))


@check("manners")
def a_new_account_opens_over_the_wire(harness: Harness) -> None:
    """The very first call, which fetches the token, is charged in full as well."""
    before = len(harness.channel.requests())
    harness.make_adapter().probe()
    arrived, charged = len(harness.channel.requests()) - before, len(harness.traffic)
    expect(arrived == charged, f"{arrived} requests arrived for a first probe, {charged} went over the wire")


@check("manners")
def writes_are_called_writes(harness: Harness) -> None:
    """Each operation that changes something sends at least one request marked as writing; reads send none."""
    adapter = harness.make_adapter()
    adapter.probe()
    wrong = []
    for operation in operations(harness, adapter):
        made = operation.fresh()
        traffic = len(harness.traffic)
        attempt(made)
        writes = [row.operation for row in harness.traffic[traffic:] if row.writing]
        if bool(writes) != operation.writing:
            wrong.append(f"{operation.name} sent the writes {writes}")
    expect(not wrong, "a lost answer means something else for a write than for a read:\n" + "\n".join(wrong))


@check("manners")
def throttled_calls_return_at_once(harness: Harness) -> None:
    """Nothing sleeps or tries again: when to come back is the hub's decision."""
    adapter = harness.make_adapter()
    adapter.probe()
    wrong = []
    for operation in operations(harness, adapter):
        made = operation.fresh()
        for kind in (FaultKind.THROTTLE, FaultKind.SERVER_ERROR):
            before = len(harness.channel.requests())
            harness.channel.break_next(kind, times=None)
            told = attempt(made)
            harness.channel.heal()
            names = [row.operation for row in harness.channel.requests()[before:]]
            if told.seconds > 0.9:
                wrong.append(f"{operation.name} took {told.seconds:.1f} s to report {kind}")
            if len(names) != len(set(names)):
                wrong.append(f"{operation.name} tried again on {kind}: {names}")
    expect(not wrong, "\n".join(wrong))


@check("manners")
def no_threads_are_left(harness: Harness) -> None:
    """After `close` there are no more threads than before."""
    before = {thread.ident for thread in threading.enumerate()}
    adapter = harness.make_adapter()
    for operation in operations(harness, adapter):
        attempt(operation.fresh())
    adapter.close()
    left: list[str] = []
    for _ in range(20):
        left = [
            thread.name
            for thread in threading.enumerate()
            # Threads of a simulator's server are the channel's, not the adapter's.
            if thread.ident not in before and "process_request" not in thread.name
        ]
        if not left:
            return
        pause(0.05)
    expect(False, f"threads are left behind: {left}")


@check("manners", Capability.ORDERS)
def the_clock_is_the_hubs(harness: Harness) -> None:
    """Time is the injected clock's: a year later there, orders of that day are still found."""
    harness.channel.advance(timedelta(days=400))
    adapter = harness.make_adapter()
    assert isinstance(adapter, PullsOrders)
    sku = harness.listing(adapter, quantity=9).channel_sku
    order_id = harness.channel.place_order([(sku, 1)])
    harness.settle()
    page = adapter.pull_orders(None, limit=5)
    expect(
        order_id in [order.order_id for order in page.orders], "an order of today, by the hub's clock, was not found"
    )
    old = harness.make_adapter()
    assert isinstance(old, PullsOrders)
    harness.channel.advance(timedelta(days=60))
    again = old.pull_orders(page.cursor, limit=5)
    expect(
        again.covered_until is None or abs(harness.clock.now() - again.covered_until) < timedelta(days=1),
        f"it is {harness.clock.now()}, the coverage says {again.covered_until}",
    )


def _account(harness: Harness, quantity: int) -> tuple[Harness, Adapter, ListingRef]:
    adapter = harness.make_adapter()
    return harness, adapter, harness.listing(adapter, "SHARED-SKU", quantity=quantity)


def _clean(harness: Harness, name: str) -> None:
    refused = [row for row in harness.channel.requests() if row.status in (401, 403)]
    expect(not refused, f"{name}: the channel refused credentials {len(refused)} times, first at {refused[:1]!r}")


@check("manners", Capability.STOCK)
def two_accounts_on_one_thread_keep_apart(harness: Harness) -> None:
    """Calls of two accounts in turn: each arrives at its own channel with its own token."""
    if harness.twin is None:
        raise NotApplicable("the harness opens no second account")
    with harness.twin() as other:
        accounts = [_account(harness, 3), _account(other, 4)]
        for turn in range(4):
            for index, (own, adapter, ref) in enumerate(accounts):
                push(own, adapter, [level(own, ref, 100 * (index + 1) + turn)])
        seen = [own.channel.observed_stock(ref.channel_sku) for own, _, ref in accounts]
        expect(seen == [103, 203], f"103 and 203 were pushed last, the channels show {seen}")
        _clean(harness, "first account")
        _clean(other, "second account")


@check("manners", Capability.STOCK)
def two_accounts_on_two_threads_keep_apart(harness: Harness) -> None:
    """The same at the same time: module-level sessions of an SDK would mix the tokens here."""
    if harness.twin is None:
        raise NotApplicable("the harness opens no second account")
    with ExitStack() as stack:
        other = stack.enter_context(harness.twin())
        accounts = [_account(harness, 3), _account(other, 4)]
        together = threading.Barrier(2)

        def work(index: int) -> None:
            own, adapter, ref = accounts[index]
            together.wait(timeout=10)
            for turn in range(10):
                push(own, adapter, [level(own, ref, 100 * (index + 1) + turn)])

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(work, index) for index in (0, 1)]:
                done.result(timeout=30)
        seen = [own.channel.observed_stock(ref.channel_sku) for own, _, ref in accounts]
        expect(seen == [109, 209], f"109 and 209 were pushed last, the channels show {seen}")
        _clean(harness, "first account")
        _clean(other, "second account")


@check("manners", Capability.STOCK)
def one_adapter_serves_two_threads(harness: Harness) -> None:
    """Two threads share an adapter, as two lanes of the hub do: every number lands on its own listing."""
    adapter = harness.make_adapter()
    refs = harness.listings(adapter, harness.fresh_sku(), harness.fresh_sku(), quantity=1)
    together = threading.Barrier(2)

    def work(index: int) -> list[str]:
        together.wait(timeout=10)
        wrong = []
        for turn in range(8):
            wanted = 300 * (index + 1) + turn
            push(harness, adapter, [level(harness, refs[index], wanted)])
            seen = harness.channel.observed_stock(refs[index].channel_sku)
            if seen != wanted:
                wrong.append(f"{wanted} was pushed, the channel shows {seen}")
        return wrong

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(work, index) for index in (0, 1)]
        wrong = [line for done in both for line in done.result(timeout=30)]
    expect(not wrong, "two threads on one adapter got in each other's way: " + "; ".join(wrong))
