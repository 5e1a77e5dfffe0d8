"""The only file that knows the SDK and speaks the wire.

The SDK builds paths, parameters and headers; everything that decides what an answer means is done here, because the SDK
does not retry in our way, cannot be charged, and takes a 503 with an HTML page for a success (contracts README 2.8).
Its transport is replaced by `_ChargedTransport`, its token client by `_TokenSeam`.
"""

from __future__ import annotations

import copy
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import httpx
from sp_api.api.feeds.feeds_2021_06_30 import FeedsV20210630
from sp_api.api.listings_items.listings_items_2021_08_01 import ListingsItemsV20210801
from sp_api.api.orders.orders_2026_01_01 import OrdersV20260101
from sp_api.api.orders.orders_v0 import OrdersV0
from sp_api.api.sellers.sellers import Sellers
from sp_api.auth import AccessTokenResponse
from sp_api.base import fill_query_params

from hub.channels.amazon.faults import (
    Redactor,
    error_of,
    error_of_store,
    errors_in,
    garbled,
    json_object,
    token_refused,
)
from hub.channels.amazon.lwa import LoginWithAmazon
from hub.channels.contract import AdapterBug, AuthFailed, BuildContext, ChannelError, OutcomeUnknown, Throttled
from hub.channels.wire import MAX_BODY, Request

#: A stray «all marketplaces» parameter of the SDK, under four names (contracts README 2.2).
_STRAY = ("MarketplaceId", "MarketplaceIds", "marketplace_ids")

_ITEM = "/listings/2021-08-01/items/{}/{}"


class SellingPartner:
    """Amazon's operations for one account. Every method is one HTTP request, charged and translated.

    Raises (all methods): the nine channel errors and nothing else. A token that Amazon refuses is replaced once.
    """

    def __init__(
        self, context: BuildContext, *, api_url: str, auth_url: str, marketplace_id: str, timeout_s: float
    ) -> None:
        self._context = context
        self._timeout_s = timeout_s
        self._lwa = LoginWithAmazon(context, auth_url=auth_url, timeout_s=timeout_s)
        self._redactor = Redactor(context.secrets.values())
        self._place = SimpleNamespace(endpoint=api_url.rstrip("/"), marketplace_id=marketplace_id, region="")
        self._tls = httpx.create_ssl_context(trust_env=False)
        self._http = httpx.Client(
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0)),
        )
        self._apis: dict[type, Any] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        self._http.close()

    # ---------------------------------------------------------------- sellers, orders

    def participations(self) -> dict[str, Any]:
        return self._call(Sellers, "get_marketplace_participation", operation="getMarketplaceParticipations")

    def search_orders(self, query: Mapping[str, Any]) -> dict[str, Any]:
        return self._call(OrdersV20260101, "search_orders", operation="searchOrders", **query)

    def order(self, order_id: str, included: Sequence[str]) -> dict[str, Any]:
        return self._call(OrdersV20260101, "get_order", order_id, operation="getOrder", includedData=list(included))

    def confirm_shipment(self, order_id: str, body: Mapping[str, Any]) -> None:
        self._call(
            OrdersV0, "confirm_shipment", order_id, operation="confirmShipment", writing=True, empty=True, **body
        )

    # ---------------------------------------------------------------- listings

    def item(self, seller_id: str, sku: str, query: Mapping[str, Any]) -> dict[str, Any]:
        return self._call(_Listings, "get_listings_item", seller_id, sku, operation="getListingsItem", **query)

    def search_items(self, seller_id: str, query: Mapping[str, Any]) -> dict[str, Any]:
        return self._call(_Listings, "search_listings_items", seller_id, operation="searchListingsItems", **query)

    def patch_item(self, seller_id: str, sku: str, query: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        return self._call(
            _Listings,
            "patch_listings_item",
            seller_id,
            sku,
            operation="patchListingsItem",
            writing=True,
            body=dict(body),
            **query,
        )

    def put_item(self, seller_id: str, sku: str, query: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        return self._call(
            _Listings,
            "put",
            seller_id,
            sku,
            operation="putListingsItem",
            writing=True,
            body=dict(body),
            query=dict(query),
        )

    def delete_item(self, seller_id: str, sku: str, query: Mapping[str, Any]) -> dict[str, Any]:
        return self._call(
            _Listings, "remove", seller_id, sku, operation="deleteListingsItem", writing=True, query=dict(query)
        )

    # ---------------------------------------------------------------- feeds

    def create_document(self, content_type: str) -> dict[str, Any]:
        """A place to upload to. Nothing is applied by it: a lost answer is only `Unavailable`.

        A garbled one is called unknown rather than a bug: the hub then looks and sends again, as it should.
        """
        try:
            return self._call(_Feeds, "new", "documents", {"contentType": content_type}, operation="createFeedDocument")
        except AdapterBug as error:
            raise OutcomeUnknown(error.message, detail=error.detail) from None

    def create_feed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._call(_Feeds, "new", "feeds", dict(body), operation="createFeed", writing=True)

    def feed(self, feed_id: str) -> dict[str, Any]:
        return self._call(_Feeds, "get_feed", feed_id, operation="getFeed")

    def document(self, document_id: str) -> dict[str, Any]:
        return self._call(_Feeds, "where", document_id, operation="getFeedDocument")

    def upload(self, url: str, content_type: str, body: bytes) -> None:
        """Put a feed document where Amazon said. Nothing is applied until `create_feed` names it.

        Raises:
            AddressEnded: the address is no longer good; ask for another one.
        """
        self._presigned("uploadFeedDocument", "PUT", url, {"content-type": content_type}, body)

    def download(self, url: str, *, gzipped: bool) -> bytes:
        """A processing report, unpacked; at most `MAX_BODY` bytes."""
        body = self._presigned("downloadFeedDocument", "GET", url, {}, None)
        if not gzipped:
            return body
        unpack = zlib.decompressobj(wbits=31)
        try:
            out = unpack.decompress(body, MAX_BODY)
        except zlib.error as error:
            raise garbled("downloadFeedDocument", f"broken gzip: {error}", writing=False) from None
        if not unpack.eof:
            raise garbled("downloadFeedDocument", "cut or oversized gzip", writing=False)
        return out

    def _presigned(
        self, operation: str, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> bytes:
        # Presigned addresses carry their own right to be used: no access token, and a 403 is no matter of credentials.
        try:
            answer = self._context.wire.send(
                Request(
                    operation=operation,
                    method=method,
                    url=url,
                    writing=False,
                    headers=headers,
                    body=body,
                    timeout_s=self._timeout_s,
                )
            )
        except ChannelError as error:
            raise self._redactor.error(error) from None
        refusal = error_of_store(answer.status, answer.headers, answer.body, operation=operation)
        if refusal is None:
            return answer.body
        if isinstance(refusal, Throttled):
            self._context.wire.learn(operation, retry_after_s=refusal.retry_after_s)
        raise refusal

    # ---------------------------------------------------------------- how a call is made

    def _call(
        self,
        api: type,
        method: str,
        *args: object,
        operation: str,
        writing: bool = False,
        empty: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        seam = _TokenSeam(self._lwa)
        transport = _ChargedTransport(
            self._http, self._context, operation=operation, writing=writing, empty=empty, timeout_s=self._timeout_s
        )
        try:
            try:
                return self._once(api, seam, transport, method, args, kwargs)
            except AuthFailed:
                if not seam.used or not transport.token_refused:
                    raise  # the credentials themselves, or a role that is missing: a new token would not help
                self._lwa.forget(seam.used)
            return self._once(api, seam, transport, method, args, kwargs)
        except ChannelError as error:
            raise self._redactor.error(error) from None

    def _once(
        self, api: type, seam: _TokenSeam, transport: _ChargedTransport, method: str, args: Any, kwargs: Any
    ) -> dict[str, Any]:
        # A copy per call: the SDK keeps the request's method on the client, which threads would share.
        sdk = copy.copy(self._prototype(api))
        sdk._auth = seam
        sdk._transport = transport
        getattr(sdk, method)(*copy.deepcopy(args), **copy.deepcopy(kwargs))
        return transport.payload

    def _prototype(self, api: type) -> Any:
        with self._lock:
            made = self._apis.get(api)
            if made is None:
                # The SDK never sees the real credentials: the seam alone knows where tokens come from.
                made = api(
                    marketplace=self._place,
                    credentials={"refresh_token": "-", "lwa_app_id": "-", "lwa_client_secret": "-"},
                    auth_token_client_class=lambda **_: None,
                    timeout=self._timeout_s,
                    verify=self._tls,
                )
                made._transport.close()
                self._apis[api] = made
            return made


class _Listings(ListingsItemsV20210801):  # type: ignore[misc]
    """The SDK writes marketplaces into the body of its put and drops the parameters of its delete."""

    def put(self, seller_id: str, sku: str, *, query: dict[str, Any], body: dict[str, Any]) -> Any:
        path = fill_query_params(_ITEM, seller_id, sku)
        return self._request(path, params={**query, "method": "PUT"}, data=body, add_marketplace=False)

    def remove(self, seller_id: str, sku: str, *, query: dict[str, Any]) -> Any:
        path = fill_query_params(_ITEM, seller_id, sku)
        return self._request(path, params={**query, "method": "DELETE"}, add_marketplace=False)


class _Feeds(FeedsV20210630):  # type: ignore[misc]
    """The SDK puts its own path into the body of createFeed and talks to the file store past every limit."""

    def new(self, what: str, body: dict[str, Any]) -> Any:
        return self._request(f"/feeds/2021-06-30/{what}", data={**body, "method": "POST"}, add_marketplace=False)

    def where(self, document_id: str) -> Any:
        path = fill_query_params("/feeds/2021-06-30/documents/{}", document_id)
        return self._request(path, params={"method": "GET"}, add_marketplace=False)


class _TokenSeam:
    """What the SDK asks for a token; remembers which one a call used."""

    def __init__(self, lwa: LoginWithAmazon) -> None:
        self._lwa = lwa
        self.used = ""

    def get_auth(self) -> Any:
        self.used = ""
        self.used = self._lwa.token()
        return AccessTokenResponse(access_token=self.used)


class _ChargedTransport:
    """Takes the place of the SDK's transport: charged, timed, status checked, body read strictly."""

    def __init__(
        self,
        http: httpx.Client,
        context: BuildContext,
        *,
        operation: str,
        writing: bool,
        empty: bool,
        timeout_s: float,
    ) -> None:
        self._http = http
        self._context = context
        self._operation = operation
        self._writing = writing
        self._empty = empty
        self._timeout_s = timeout_s
        self.payload: dict[str, Any] = {}
        self.token_refused = False

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: object = None,
        content: str | None = None,
        headers: Mapping[str, str],
    ) -> httpx.Response:
        """Called by the SDK. Returns only for a success whose body is a JSON object (or empty where that is meant)."""
        if params and "marketplaceIds" in params:
            params = {name: value for name, value in params.items() if name not in _STRAY}
        with self._context.wire.around(self._operation, writing=self._writing) as trace:
            try:
                request = self._http.build_request(
                    method,
                    url,
                    params=params,
                    content=content,
                    # The SDK cuts its Host header out of the address as if it always began with https.
                    headers={name: value for name, value in headers.items() if name.lower() != "host"},
                )
            except (httpx.InvalidURL, UnicodeError) as error:
                raise AdapterBug("The address for Amazon could not be built.", detail=str(error)) from error
            response = self._http.send(request, stream=True)
            try:
                trace.status = response.status_code
                body = self._body(request, response)
            finally:
                response.close()
            told = {name.lower(): value for name, value in response.headers.items()}
            self._judge(response.status_code, told, body)
        return httpx.Response(response.status_code, headers={"content-type": "application/json"}, content=body)

    def _body(self, request: httpx.Request, response: httpx.Response) -> bytes:
        deadline = time.monotonic() + self._timeout_s
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout(f"no complete answer within {self._timeout_s} s", request=request)
            if len(body) > MAX_BODY:
                raise httpx.DecodingError(f"an answer over {MAX_BODY} bytes", request=request)
        return bytes(body)

    def _judge(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        if not 200 <= status < 300:
            self.token_refused = token_refused(status, body)
            raise error_of(
                status,
                headers,
                body,
                operation=self._operation,
                writing=self._writing,
                now=self._context.clock.now(),
            )
        if self._empty and not body.strip():
            self.payload = {}
            return
        decoded = json_object(body)
        if decoded is None:
            # A page of HTML is worth a look; anything else may be a piece of an order with a buyer's name in it.
            start = repr(body[:120]) if body.lstrip()[:1] == b"<" else ""
            why = f"HTTP {status}, {len(body)} bytes that are no JSON object {start}"
            raise garbled(self._operation, why, writing=self._writing)
        if errors_in(decoded):
            raise error_of(
                status, headers, body, operation=self._operation, writing=self._writing, now=self._context.clock.now()
            )
        self.payload = decoded
