"""Deliberately wrong adapters, part one: those that misread what a channel's faults mean, and those without manners."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hub.channels.contract import (
    AdapterBug,
    Applied,
    AuthFailed,
    BuildContext,
    ChannelError,
    InvalidData,
    Missing,
    OrderPage,
    OutcomeUnknown,
    Throttled,
    Unavailable,
)
from hub.channels.memory.adapter import MemoryAdapter, build
from hub.channels.memory.client import MemoryClient
from hub.channels.memory.counter import exchange
from hub.channels.testkit.harness import START, ProcessTokens
from hub.kernel.clock import FixedClock, pause

Rule = Callable[[ChannelError, str], ChannelError]


def mistaking(rule: Rule) -> Callable[[BuildContext], MemoryAdapter]:
    """An adapter whose client passes every error through `rule(error, operation)` before anyone sees it."""

    class Client(MemoryClient):
        def _send(self, operation: str, token: str, asked: Any, parse: Any, *, writing: bool) -> Any:
            try:
                return super()._send(operation, token, asked, parse, writing=writing)
            except ChannelError as error:
                raise rule(error, operation) from error

    def factory(context: BuildContext) -> MemoryAdapter:
        adapter = build(context)
        adapter._client = Client(context)
        return adapter

    return factory


def when(sign: str, wrong: type[ChannelError]) -> Callable[[BuildContext], MemoryAdapter]:
    """Errors whose code is `sign`, or whose text mentions it, are called `wrong`."""

    def rule(error: ChannelError, operation: str) -> ChannelError:
        if error.code == sign or (not sign.isdigit() and (sign in error.message or sign in error.detail)):
            return wrong(error.message, detail=error.detail)
        return error

    return mistaking(rule)


def _hinted(error: ChannelError, operation: str) -> ChannelError:
    return Unavailable("busy") if isinstance(error, Throttled) and error.retry_after_s == 2 else error


def _unhinted(error: ChannelError, operation: str) -> ChannelError:
    return AdapterBug("no hint") if isinstance(error, Throttled) and error.retry_after_s == 30 else error


def _dawdling(error: ChannelError, operation: str) -> ChannelError:
    if "TimeoutError" in error.detail and operation == "whoami":
        pause(2.7)
    return error


calls_throttling_trouble = mistaking(_hinted)
chokes_without_a_hint = mistaking(_unhinted)
calls_401_bad_data = when("401", InvalidData)
calls_403_missing = when("403", Missing)
calls_400_trouble = when("400", Unavailable)
calls_404_trouble = when("404", Unavailable)
calls_409_bad_login = when("409", AuthFailed)
calls_500_bad_data = when("server_error", InvalidData)
believes_500_means_not_done = when("internal", Unavailable)
calls_502_bad_login = when("502", AuthFailed)
calls_503_bad_data = when("503", InvalidData)
calls_a_reset_bad_data = when("ConnectionResetError", InvalidData)
believes_a_lost_answer_means_not_done = when("ConnectionResetError", Unavailable)
outwaits_its_time = mistaking(_dawdling)
believes_silence_means_not_done = when("TimeoutError", Unavailable)
follows_redirects = when("HTTP 302", Unavailable)
calls_refused_connections_unknown = when("ConnectionRefusedError", OutcomeUnknown)


class TakesAProxysPageForYes(MemoryAdapter):
    def push_stock(self, levels: Any) -> Any:
        try:
            return super().push_stock(levels)
        except OutcomeUnknown as error:
            if "<html>" in error.detail:
                return [Applied() for _ in levels]
            raise


class TakesRubbishForNoOrders(MemoryAdapter):
    rubbish = ""

    def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
        try:
            return super().pull_orders(cursor, limit=limit)
        except AdapterBug as error:
            if self.rubbish in error.detail:
                return OrderPage(orders=(), cursor=json.dumps(None), has_more=False)
            raise


class TakesHalfAnAnswerForNone(TakesRubbishForNoOrders):
    rubbish = "not JSON: b'{"


class TakesAnotherAlphabetForNone(TakesRubbishForNoOrders):
    rubbish = r"not JSON: b'\xff\xfe"


class TakesBlankSpaceForNone(TakesRubbishForNoOrders):
    rubbish = "not JSON: b'x "


class NeverStopsLoggingIn(MemoryAdapter):
    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        inner = self._client

        class Client(MemoryClient):
            def call(self, operation: str, asked: Any, parse: Any, *, writing: bool) -> Any:
                for _ in range(3):
                    try:
                        return inner.call(operation, asked, parse, writing=writing)
                    except AuthFailed:
                        continue
                return inner.call(operation, asked, parse, writing=writing)

        self._client = Client(context)


# ---------------------------------------------------------------- manners


class LooksBehindTheHubsBack(MemoryAdapter):
    def probe(self) -> Any:
        identity = super().probe()
        exchange(self._client._shop, "whoami", self._client._token(), b"{}", timeout_s=1)
        return identity


class LogsInBehindTheHubsBack(MemoryAdapter):
    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        asked = json.dumps({"api_key": context.secrets["api_key"]}).encode()
        exchange(self._client._shop, "login", "", asked, timeout_s=1)


class CallsWritesReads(MemoryAdapter):
    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        inner = self._client

        class Client(MemoryClient):
            def call(self, operation: str, asked: Any, parse: Any, *, writing: bool) -> Any:
                return inner.call(operation, asked, parse, writing=writing and operation != "setPrices")

        self._client = Client(context)


class TriesAgainByItself(MemoryAdapter):
    def read_order(self, order_id: str) -> Any:
        try:
            return super().read_order(order_id)
        except Unavailable:
            return super().read_order(order_id)


class LeavesAThread(MemoryAdapter):
    stop = threading.Event()

    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        threading.Thread(target=self.stop.wait, args=(5,), name="left-behind", daemon=True).start()


def uses_its_own_clock(context: BuildContext) -> MemoryAdapter:
    """As if it asked the machine what time it is, so that the rehearsal's time never moves for it."""

    class Clockwork(MemoryAdapter):
        def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
            page = super().pull_orders(cursor, limit=limit)
            machine = FixedClock(START).now()
            return replace(page, orders=tuple(o for o in page.orders if o.updated_at <= machine), covered_until=machine)

    return Clockwork(context)


_EVERYBODYS_TOKENS = ProcessTokens(FixedClock(START))


def shares_its_session(context: BuildContext) -> MemoryAdapter:
    return MemoryAdapter(replace(context, tokens=_EVERYBODYS_TOKENS))


class SwitchesTheActiveShop(MemoryAdapter):
    """As an SDK with one site-wide active session: right in turn, wrong at the same time."""

    active: MemoryAdapter

    def push_stock(self, levels: Any) -> Any:
        SwitchesTheActiveShop.active = self
        pause(0.003)
        return MemoryAdapter.push_stock(SwitchesTheActiveShop.active, levels)


class KeepsItsBatchInASlot(MemoryAdapter):
    def push_stock(self, levels: Any) -> Any:
        self._slot = levels
        pause(0.003)
        return super().push_stock(self._slot)
