"""The only file of this channel that reaches out: session, request, and faults turned into the nine errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hub.channels.contract import AdapterBug, AuthFailed, BuildContext, InvalidData, OutcomeUnknown, Problem
from hub.channels.memory.counter import Answer, exchange
from hub.channels.memory.marketplace import open_marketplace
from hub.channels.wire import Response, raise_for, retry_after_s
from hub.kernel.errors import Misconfigured
from hub.kernel.text import shorten

T = TypeVar("T")
SESSION = "session"


class MemoryClient:
    """Calls operations of one seller's marketplace. Holds no state but its context: safe for several threads."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        self._shop = open_marketplace(
            context.settings["marketplace"],
            clock=context.clock,
            api_key=context.secrets["api_key"],
            webhook_secret=context.secrets.get("webhook_secret", ""),
        )
        try:
            self._timeout_s = float(context.settings["timeout_s"])
        except ValueError as error:
            raise Misconfigured(
                "the time-out is not a number of seconds", field="timeout_s", value=context.settings["timeout_s"]
            ) from error

    def call(self, operation: str, asked: Mapping[str, Any], parse: Callable[[Any], T], *, writing: bool) -> T:
        """Send, and give back what `parse` makes of the answer.

        Raises:
            ChannelError: any of the nine. A session that has just ended is renewed once, without counting as a retry:
                the channel did not look at the request.
        """
        token = self._token()
        try:
            return self._send(operation, token, asked, parse, writing=writing)
        except AuthFailed as error:
            if error.code != "401":
                raise
        if self._context.tokens.get(SESSION) == token:  # another thread may have renewed it already
            self._context.tokens.drop(SESSION)
        return self._send(operation, self._token(), asked, parse, writing=writing)

    def _token(self) -> str:
        known = self._context.tokens.get(SESSION)
        return known if known is not None else self._context.tokens.single_flight(SESSION, self._login)

    def _login(self) -> tuple[str, float | None]:
        def parse(answer: Any) -> tuple[str, float]:
            return str(answer["token"]), float(answer["expires_in"])

        # Not a write: a login whose answer is lost leaves nothing behind that could be doubled.
        token, life_s = self._send("login", "", {"api_key": self._context.secrets["api_key"]}, parse, writing=False)
        return token, self._context.clock.now().timestamp() + life_s - 60

    def _send(
        self, operation: str, token: str, asked: Mapping[str, Any], parse: Callable[[Any], T], *, writing: bool
    ) -> T:
        with self._context.wire.around(operation, writing=writing) as trace:
            answer = exchange(self._shop, operation, token, json.dumps(asked).encode(), timeout_s=self._timeout_s)
            trace.status = answer.status
            # Inside `around`, so that a refusal for quota closes the account's bucket.
            self._raise_for(operation, answer, writing=writing)
        body = Response(status=answer.status, headers=answer.headers, body=answer.body, writing=writing).json()
        try:
            return parse(body)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            detail = f"{operation}: unexpected answer, {type(error).__name__}: {shorten(str(error), 200)}"
            if writing:
                raise OutcomeUnknown("The marketplace's answer could not be read.", detail=detail) from error
            raise AdapterBug("The marketplace's answer could not be read.", detail=detail) from error

    def _raise_for(self, operation: str, answer: Answer, *, writing: bool) -> None:
        if 200 <= answer.status < 300:
            return
        message, problems = _refusal(answer)
        if answer.status == 422:
            raise InvalidData(f"The marketplace refused: {message}.", code="422", problems=problems)
        raise_for(
            answer.status,
            writing=writing,
            message=f"The marketplace refused: {message}.",
            detail=f"{operation}: HTTP {answer.status}",
            code=str(answer.status),
            wait_s=retry_after_s(answer.headers, self._context.clock.now()),
        )


def _refusal(answer: Answer) -> tuple[str, tuple[Problem, ...]]:
    """The message and problems of a refusal; a page of a proxy in between has neither, and that is fine."""
    try:
        body = json.loads(answer.body)
        problems = tuple(
            Problem(code=str(row["code"]), message=str(row["message"]), field=row["field"])
            for row in body.get("problems", ())
        )
        return str(body["error"]), problems
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"status {answer.status}", ()
