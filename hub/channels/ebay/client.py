"""The wire to eBay: OAuth, REST requests and, quarantined here, the ebaysdk Trading connection.

What is worked around in ebaysdk 2.2.0 (contracts README 3.2 and 3.10): it looks for a YAML file unless told not to,
forces https, escapes nothing by default, follows redirects with the token in a header, retries by itself, writes
headers into its debug log, parses with entity expansion, raises nothing for PartialFailure and AttributeError for an
answer that is no XML. So the SDK builds the request, and sending and reading happen here.
"""

from __future__ import annotations

import base64
import copy
import json
import time
from collections.abc import Collection, Mapping
from typing import Any, Literal
from urllib.parse import quote, urlencode, urlsplit
from xml.etree.ElementTree import Element, ParseError

import requests
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from ebaysdk.trading import Connection
from requests.adapters import HTTPAdapter

from hub.channels.contract import AdapterBug, AuthFailed, BuildContext, ChannelError, OutcomeUnknown, Throttled
from hub.channels.ebay import faults, signing
from hub.channels.ebay.config import Config
from hub.channels.ebay.xml import complaints, text
from hub.channels.wire import MAX_BODY, Request, Response, raise_for, retry_after_s
from hub.kernel.ids import digest

COMPATIBILITY = "1423"  # README 3.10; the SDK's default 837 is no longer served
TOKEN_MARGIN_S = 120.0  # an access token is not used in its last two minutes (or last tenth, if it lives shorter)
BODY_CHUNK = 65_536


def escaped(segment: str) -> str:
    """A value as one path segment: SKUs may hold «/», spaces and «%»."""
    return quote(segment, safe="")


class Client:
    """Sends for one account. Safe for several threads: it keeps no state but its settings."""

    def __init__(self, ctx: BuildContext) -> None:
        self.config = Config.of(ctx.settings)
        self.clock = ctx.clock
        self.log = ctx.log
        self._wire = ctx.wire
        self._tokens = ctx.tokens
        self._secrets = ctx.secrets
        # One key per account: a store shared by two accounts must never hand one's token to the other.
        who = digest([self._secrets.get("client_id", ""), self._secrets.get("refresh_token", ""), self.config.auth_url])
        self._token_key = f"ebay.access.{who}"

    def __repr__(self) -> str:
        return f"<eBay client for {self.config.marketplace_id}>"

    # ------------------------------------------------------------ OAuth

    def token(self) -> str:
        """An access token that is good now, fetched once for all workers of the account.

        Raises:
            AuthFailed: eBay no longer takes the refresh token or the keyset.
        """
        return self._tokens.get(self._token_key) or self._tokens.single_flight(self._token_key, self._fetch_token)

    def _fetch_token(self) -> tuple[str, float | None]:
        form = {"grant_type": "refresh_token", "refresh_token": self._secrets.get("refresh_token", "")}
        if self.config.scopes:
            form["scope"] = self.config.scopes
        pair = f"{self._secrets.get('client_id', '')}:{self._secrets.get('client_secret', '')}"
        response = self._wire.send(
            Request(
                operation="token",
                method="POST",
                url=f"{self.config.auth_url}/identity/v1/oauth2/token",
                writing=False,
                headers={
                    "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Accept": "application/json",
                },
                body=urlencode(form).encode(),
                timeout_s=self.config.timeout_s,
            )
        )
        if response.status in (400, 401, 403):
            code = _oauth_code(response)
            raise AuthFailed(
                "eBay does not accept the account's keys or its refresh token; connect the account again.",
                detail=f"token: HTTP {response.status} {code}",
                code=code or None,
            )
        self._raise(response, "token")
        answer = response.json()
        value = answer.get("access_token") if isinstance(answer, dict) else None
        life = answer.get("expires_in") if isinstance(answer, dict) else None
        if not isinstance(value, str) or not value or not isinstance(life, int | float):
            raise AdapterBug("eBay's answer held no access token.", detail="token: HTTP 200 without access_token")
        return value, self.clock.now().timestamp() + life - min(TOKEN_MARGIN_S, life / 10)

    def _forget(self, token: str) -> None:
        # Another thread may already have fetched a new one: that one must stay.
        if self._tokens.get(self._token_key) == token:
            self._tokens.drop(self._token_key)

    # ------------------------------------------------------------ REST

    def rest(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        writing: bool,
        host: Literal["api", "apiz"] = "api",
        query: Mapping[str, str] | None = None,
        body: object = None,
        accept: Collection[int] = (),
        scheme: Literal["Bearer", "IAF"] = "Bearer",
        signed: bool = False,
    ) -> Response:
        """Send one REST request; an expired token is renewed once.

        Args:
            path: from the root of the host, segments escaped.
            accept: statuses other than 2xx that the caller wants to read itself.
            signed: add eBay's digital signature, where the account has a signing key (README 3.1).

        Raises:
            ChannelError: what the answer stands for.
        """
        base = self.config.api_url if host == "api" else self.config.apiz_url
        url = base + path + ("?" + urlencode(query, quote_via=quote) if query else "")
        payload = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        response = self._send(operation, method, url, payload, writing=writing, scheme=scheme, signed=signed)
        if response.status not in accept:
            self._raise(response, operation)
        return response

    def _send(
        self, operation: str, method: str, url: str, payload: bytes | None, *, writing: bool, scheme: str, signed: bool
    ) -> Response:
        for attempt in (1, 2):
            token = self.token()
            headers = {
                "Authorization": f"{scheme} {token}",
                "Accept": "application/json",
                "X-EBAY-C-MARKETPLACE-ID": self.config.marketplace_id,
            }
            if payload is not None:
                headers["Content-Type"] = "application/json"
                headers["Content-Language"] = self.config.content_language
            if signed and self._secrets.get("signing_key"):
                headers |= signing.headers(
                    method=method,
                    url=url,
                    body=payload,
                    jwe=self._secrets.get("signing_jwe", ""),
                    key=self._secrets["signing_key"],
                    now=self.clock.now(),
                )
            response = self._wire.send(
                Request(
                    operation=operation,
                    method=method,
                    url=url,
                    writing=writing,
                    headers=headers,
                    body=payload,
                    timeout_s=self.config.timeout_s,
                )
            )
            # 401 means that nothing was carried out, so even a write may be sent again with a new token.
            if response.status != 401 or attempt == 2:
                break
            self._forget(token)
        return response

    def _raise(self, response: Response, operation: str) -> None:
        try:
            faults.raise_rest(response, operation=operation, now=self.clock.now())
        except Throttled as error:
            if response.status == 429:
                self._wire.learn(operation, retry_after_s=error.retry_after_s)
            raise

    # ------------------------------------------------------------ Trading

    def trading(self, call: str, data: Mapping[str, Any], *, writing: bool) -> Element:
        """Make one Trading call and return the answer's root, namespaces removed, whatever its Ack.

        The caller reads Ack and Errors: a PartialFailure is no exception, and most failures are about one item.

        Raises:
            Throttled: the application's daily limit (518).
            AuthFailed: the token is refused twice.
            AdapterBug | OutcomeUnknown: the answer is no XML of this call (reading, writing).
        """
        operation = f"Trading.{call}"
        for attempt in (1, 2):
            token = self.token()
            with self._wire.around(operation, writing=writing) as trace:
                status, headers, body = self._execute(call, data, token)
                trace.status = status
                root = self._read(call, status, headers, body, writing=writing)
                errors = complaints(root) if root is not None else ()
                expired = root is None or bool({one.code for one in errors} & faults.TRADING_AUTH)
                if not expired and root is not None and text(root, "Ack") == "Failure":
                    faults.raise_trading(errors, call=call, writing=writing, now=self.clock.now())
            if root is not None and not expired:
                return root
            if attempt == 1:
                self._forget(token)
        detail = "; ".join(f"{one.code} {one.text}" for one in errors) or f"HTTP {status}"
        raise AuthFailed("eBay refuses the account's token.", detail=f"{operation}: {detail}"[:300])

    def _execute(self, call: str, data: Mapping[str, Any], token: str) -> tuple[int, Mapping[str, str], bytes]:
        connection = _Trading(self.config, token)
        # A copy, because the SDK takes the attributes out of the dictionaries it is given.
        connection.execute(call, copy.deepcopy(dict(data)))
        return connection.status, connection.answer_headers, connection.answer

    def _read(
        self, call: str, status: int, headers: Mapping[str, str], body: bytes, *, writing: bool
    ) -> Element | None:
        """The answer's root; None if eBay refuses the token with an HTTP status."""
        if status == 401:
            return None
        detail = f"Trading.{call}: HTTP {status}, {len(body)} bytes"
        if status != 200:
            wait = retry_after_s(headers, self.clock.now())
            raise_for(status, writing=writing, message="eBay could not carry out the call.", detail=detail, wait_s=wait)
        try:
            root = fromstring(body, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
            raise _garbled(f"{detail}: {type(error).__name__}", writing=writing) from error
        for element in root.iter():
            element.tag = str(element.tag).rpartition("}")[2]
        if root.tag != f"{call}Response" or not text(root, "Ack"):
            raise _garbled(f"{detail}: <{root.tag}> without Ack", writing=writing)
        return root


def _garbled(detail: str, *, writing: bool) -> ChannelError:
    kind = OutcomeUnknown if writing else AdapterBug
    return kind("eBay's answer could not be read.", detail=detail)


def _oauth_code(response: Response) -> str:
    """«invalid_grant» and the like; never the description, which may quote the request."""
    try:
        answer = response.json()
    except AdapterBug:
        return ""
    value = answer.get("error") if isinstance(answer, dict) else None
    return value if isinstance(value, str) else ""


class _Trading(Connection):  # type: ignore[misc]
    """One SDK connection for one call: it stores request and answer on itself, so it is never shared."""

    def __init__(self, config: Config, token: str) -> None:
        parts = urlsplit(config.trading_url)
        super().__init__(
            config_file=None,
            domain=parts.netloc,
            uri=parts.path.rstrip("/") + "/ws/api.dll",
            iaf_token=token,
            siteid=config.site_id,
            compatibility=COMPATIBILITY,
            timeout=config.timeout_s,
            escape_xml=True,
            warnings=False,
            errors=False,
            # Empty, not None: the SDK would put the text «None» into its three keyset headers.
            appid="",
            devid="",
            certid="",
        )
        self.config.set("https", parts.scheme == "https", force=True)
        self.session.trust_env = False
        self.session.mount("http://", HTTPAdapter(max_retries=0))
        self.session.mount("https://", HTTPAdapter(max_retries=0))
        self.status = 0
        self.answer_headers: Mapping[str, str] = {}
        self.answer = b""

    def execute_request(self) -> None:
        """Send and keep status and body; `self.response` stays None, so that the SDK parses and logs nothing."""
        deadline = time.monotonic() + self.timeout
        with (
            self.session,
            self.session.send(
                self.request,
                verify=True,
                proxies={},
                timeout=(min(self.timeout, 10.0), self.timeout),
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            body = bytearray()
            for chunk in answer.iter_content(BODY_CHUNK):
                body += chunk
                if time.monotonic() > deadline:
                    raise requests.exceptions.ReadTimeout(f"no complete answer within {self.timeout} s")
                if len(body) > MAX_BODY:
                    raise requests.exceptions.ContentDecodingError(f"an answer over {MAX_BODY} bytes")
            self.status = answer.status_code
            self.answer_headers = {name.lower(): value for name, value in answer.headers.items()}
            self.answer = bytes(body)
