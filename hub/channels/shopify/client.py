"""The only file that imports Shopify's SDK: its GraphQL call on our own transport.

The SDK's urllib transport has no timeout, prints bodies and loses headers, and its session state is class-level and
thread-local, so that tokens of two shops can mix (contracts README 4.8). `WireGraphQL` therefore keeps the SDK's call
and its merging of headers, but takes endpoint and token as arguments and sends through the wire. No Session is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import shopify

from hub.channels.contract.adapter import BuildContext
from hub.channels.contract.errors import AuthFailed, InvalidData
from hub.channels.shopify import faults
from hub.channels.shopify.credentials import Credentials
from hub.channels.shopify.queries import Document
from hub.channels.wire import Request, Response, retry_after_s

OPERATION = "graphql"  # one bucket for all of them: contracts README 4.3
Send = Callable[[str, Mapping[str, str], bytes], Response]


def number(settings: Mapping[str, str], name: str, default: float) -> float:
    """A setting that is a number above zero.

    Raises:
        InvalidData: it is not.
    """
    text = settings.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise InvalidData(f"The setting {name} must be a number above zero, not «{text[:40]}».")
    return value


class WireGraphQL(shopify.GraphQL):  # type: ignore[misc]
    """The SDK's GraphQL for one call with one token. Holds no state that another call or thread could see."""

    def __init__(self, endpoint: str, token: str, send: Send) -> None:
        # Not super().__init__: it reads the process-wide site and this thread's headers.
        self.endpoint = f"{endpoint}/graphql.json"
        self.headers = {"X-Shopify-Access-Token": token}
        self._send = send
        self.answer: Response | None = None

    def execute(self, query: str, variables: Mapping[str, Any] | None = None, operation_name: str | None = None) -> str:
        """Send the document; returns the answer's text, and keeps status and headers in `answer`."""
        headers = self.merge_headers({"Accept": "application/json", "Content-Type": "application/json"}, self.headers)
        body = {"query": query, "variables": variables, "operationName": operation_name}
        self.answer = self._send(self.endpoint, headers, json.dumps(body).encode("utf-8"))
        return self.answer.body.decode("utf-8", "replace")


class Client:
    """Runs documents for one account. Thread-safe; every call goes through the account's wire."""

    def __init__(self, ctx: BuildContext) -> None:
        settings = ctx.settings
        self.ctx = ctx
        self.api_url = settings["api_url"].rstrip("/")
        self.version = settings.get("api_version") or "2026-10"
        self.timeout_s = number(settings, "timeout_s", 20.0)
        self.credentials = Credentials(ctx, api_url=self.api_url, timeout_s=self.timeout_s)
        #: The version Shopify really answered with: an expired one falls forward silently (contracts README 4.2).
        self.answered_version: str | None = None
        self._told_cost: dict[tuple[str, float], float] = {}

    def run(self, document: Document, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The `data` of the answer; every top-level error is raised as one of the nine.

        Raises:
            ChannelError: any of them.
        """
        given = dict(variables or {})
        estimate = document.cost(given)
        cost = self._told_cost.get((document.text, estimate), estimate)
        token = self.credentials.token()
        answer = self._post(document, given, token, cost)
        if answer.status == 401:
            # Not processed, so it may be sent again, once, with a fresh token.
            answer = self._post(document, given, self.credentials.renew(token), cost)
            if answer.status == 401:
                raise AuthFailed("Shopify refused the access token.", code="401")
        self.answered_version = answer.headers.get("x-shopify-api-version") or self.answered_version
        faults.raise_for_status(
            answer, writing=document.writing, wait_s=retry_after_s(answer.headers, self.ctx.clock.now())
        )
        return self._data(document, answer, estimate)

    def _post(self, document: Document, variables: Mapping[str, Any], token: str, cost: float) -> Response:
        def send(url: str, headers: Mapping[str, str], body: bytes) -> Response:
            return self.ctx.wire.send(
                Request(
                    operation=OPERATION,
                    method="POST",
                    url=url,
                    writing=document.writing,
                    headers=headers,
                    body=body,
                    cost=cost,
                    timeout_s=self.timeout_s,
                )
            )

        call = WireGraphQL(f"{self.api_url}/admin/api/{self.version}", token, send)
        call.execute(document.text, dict(variables))
        if call.answer is None:
            raise faults.garbled("the SDK returned without an answer", writing=document.writing)
        return call.answer

    def _data(self, document: Document, answer: Response, estimate: float) -> dict[str, Any]:
        body = answer.json()
        if not isinstance(body, dict):
            raise faults.garbled(f"JSON of type {type(body).__name__}", writing=document.writing)
        extensions = body.get("extensions")
        cost = extensions.get("cost") if isinstance(extensions, dict) else None
        cost = cost if isinstance(cost, dict) else {}
        data, errors = body.get("data"), body.get("errors")
        try:
            if errors:
                faults.raise_for_errors(
                    errors if isinstance(errors, list) else [errors], data, cost, writing=document.writing
                )
        finally:
            self._learn(document, estimate, cost)
        if not isinstance(data, dict) or (document.writing and not _said_yes_or_no(data.get(document.root))):
            raise faults.garbled(f"no data for {document.root}", writing=document.writing)
        return data

    def _learn(self, document: Document, estimate: float, cost: Mapping[str, Any]) -> None:
        """Correct the account's budget by what Shopify says of its bucket and of the price of this document."""
        status = cost.get("throttleStatus")
        if isinstance(status, dict) and isinstance(status.get("currentlyAvailable"), int | float):
            self.ctx.wire.learn(OPERATION, remaining=float(status["currentlyAvailable"]))
        told = cost.get("requestedQueryCost")
        if isinstance(told, int | float) and told > 0:
            self._told_cost[(document.text, estimate)] = float(told)

    def plain(
        self,
        operation: str,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A request outside the Admin API (staged upload, result file): without the token, its address is not the shop's."""
        answer = self.ctx.wire.send(
            Request(
                operation=operation,
                method=method,
                url=url,
                writing=False,
                headers=dict(headers or {}),
                body=body,
                timeout_s=self.timeout_s,
            )
        )
        faults.raise_for_status(answer, writing=False, wait_s=retry_after_s(answer.headers, self.ctx.clock.now()))
        return answer


def _said_yes_or_no(answer: Any) -> bool:
    """Does a mutation's answer have its list of userErrors? Without it nobody knows whether it worked."""
    lists = [value for name, value in answer.items() if name.endswith("serErrors")] if isinstance(answer, dict) else []
    return bool(lists) and all(isinstance(value, list) for value in lists)
