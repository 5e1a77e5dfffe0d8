"""Who may call and how often: OAuth tokens and the daily quotas that end at midnight Pacific (contracts README 3.1, 3.4)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from werkzeug.wrappers import Response

from hub.kernel.clock import iso_millis
from hub.kernel.ids import new_token
from hub.simulators.ebay_errors import RestRefusal, answer, complaint
from hub.simulators.ebay_routes import Call
from hub.simulators.ebay_shop import Shop, next_pacific_midnight, pacific_day

TOKEN_LIFE_S = 7200
TOKENS_KEPT = 500
#: Calls per app and Pacific day. Trading 5,000, account 25,000, analytics 5,000 and the token grants are eBay's
#: figures; those of the other Sell APIs are not established (README 9) and set generously.
QUOTAS: dict[str, int] = {
    "trading": 5_000,
    "account": 25_000,
    "analytics": 5_000,
    "inventory": 2_000_000,
    "fulfillment": 100_000,
    "taxonomy": 5_000,
    "identity": 5_000,
    "postorder": 10_000,
    "oauth.refresh_token": 50_000,
    "oauth.client_credentials": 1_000,
}
#: apiContext, apiName, apiVersion and resource of each quota in getRateLimits.
_NAMES = {
    "trading": ("tradingapi", "tradingapi", "v1", "AllCalls"),
    "account": ("sell", "account", "v1", "sell.account"),
    "analytics": ("developer", "analytics", "v1_beta", "developer.analytics"),
    "inventory": ("sell", "inventory", "v1", "sell.inventory"),
    "fulfillment": ("sell", "fulfillment", "v1", "sell.fulfillment"),
    "taxonomy": ("commerce", "taxonomy", "v1", "commerce.taxonomy"),
    "identity": ("commerce", "identity", "v1", "commerce.identity"),
    "postorder": ("postorder", "cancellation", "v2", "postorder.cancellation"),
}
#: What an application token (client_credentials) may ask for: nothing of a seller.
_APPLICATION = frozenset({"analytics", "taxonomy"})
TokenState = Literal["good", "missing", "unknown", "expired"]


class Gate:
    """Tokens and quotas; both live in the shop's state."""

    def __init__(
        self, shop: Shop, credentials: Mapping[str, str], *, life_s: float, enforce: bool, quotas: Mapping[str, int]
    ) -> None:
        self._shop = shop
        self._credentials = credentials
        self._life_s = life_s
        self._enforce = enforce
        self._quotas = {**QUOTAS, **quotas}

    # ---------------------------------------------------------------- tokens

    def mint(self, call: Call) -> Response:
        """POST /identity/v1/oauth2/token with the refresh_token or client_credentials grant."""
        form = call.request.form
        if not self._knows_client(call.request.headers.get("Authorization", "")):
            return _oauth_error(401, "invalid_client", "client authentication failed")
        grant = str(form.get("grant_type", ""))
        if grant not in ("refresh_token", "client_credentials"):
            return _oauth_error(400, "unsupported_grant_type", "grant type in request is not supported")
        if grant == "refresh_token" and form.get("refresh_token") != self._credentials["refresh_token"]:
            return _oauth_error(
                400,
                "invalid_grant",
                "the provided authorization refresh token is invalid or was issued to another client",
            )
        if not self.take(f"oauth.{grant}", call.now):
            raise RestRefusal(429, complaint(2001))
        user = grant == "refresh_token"
        token = "v^1.1#i^1#r^0#p^3#t^" + new_token()
        tokens = self._shop.state.tokens
        tokens[token] = {
            "kind": "user" if user else "application",
            "expires_at": iso_millis(call.now + timedelta(seconds=self._life_s)),
        }
        while len(tokens) > TOKENS_KEPT:
            del tokens[next(iter(tokens))]
        return answer({
            "access_token": token,
            "expires_in": int(self._life_s),
            "token_type": "User Access Token" if user else "Application Access Token",
        })  # fmt: skip

    def _knows_client(self, header: str) -> bool:
        scheme, _, code = header.partition(" ")
        try:
            pair = base64.b64decode(code, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return False
        ours = f"{self._credentials['client_id']}:{self._credentials['client_secret']}"
        return scheme.lower() == "basic" and pair == ours

    def token_state(self, token: str, now: datetime, *, application_too: bool = False) -> TokenState:
        if not token:
            return "missing"
        known = self._shop.state.tokens.get(token)
        if known is None or (known["kind"] == "application" and not application_too):
            return "unknown"
        return "good" if iso_millis(now) < known["expires_at"] else "expired"

    def expire_tokens(self) -> None:
        """All access tokens end now (a password change, a revocation)."""
        for known in self._shop.state.tokens.values():
            known["expires_at"] = self._shop.stamp()

    def check_bearer(self, call: Call) -> None:
        """Raises RestRefusal: 401 without a living token, 403 with an application token where a seller's is needed."""
        scheme, _, token = call.request.headers.get("Authorization", "").partition(" ")
        wanted = "IAF" if call.target.api == "postorder" else "Bearer"
        if not token:
            raise RestRefusal(401, complaint(1002))
        if scheme.lower() != wanted.lower() or self.token_state(token, call.now, application_too=True) != "good":
            raise RestRefusal(401, complaint(1001))
        if self._shop.state.tokens[token]["kind"] == "application" and call.target.api not in _APPLICATION:
            raise RestRefusal(403, complaint(1100))

    # ---------------------------------------------------------------- quotas

    def _today(self, now: datetime) -> dict[str, int]:
        state = self._shop.state
        if state.used_on != pacific_day(now):
            state.used_on, state.used = pacific_day(now), {}
        return state.used

    def take(self, api: str, now: datetime) -> bool:
        """Charge one call; False if the day's quota is used up."""
        used = self._today(now)
        if self._enforce and used.get(api, 0) >= self._quotas[api]:
            return False
        used[api] = used.get(api, 0) + 1
        return True

    def rate_limits(self, call: Call) -> Response:
        """getRateLimits and getUserRateLimits, filtered by api_context and api_name."""
        used, out = self._today(call.now), []
        reset = iso_millis(next_pacific_midnight(call.now))
        for api, (context, name, version, resource) in _NAMES.items():
            if call.query("api_context") not in ("", context) or call.query("api_name") not in ("", name):
                continue
            count, limit = used.get(api, 0), self._quotas[api]
            rate: dict[str, Any] = {
                "count": count, "limit": limit, "remaining": max(0, limit - count), "reset": reset, "timeWindow": 86400,
            }  # fmt: skip
            out.append({
                "apiContext": context, "apiName": name, "apiVersion": version,
                "resources": [{"name": resource, "rates": [rate]}],
            })  # fmt: skip
        return answer({"rateLimits": out}) if out else Response(b"", 204)


def _oauth_error(status: int, error: str, description: str) -> Response:
    return answer({"error": error, "error_description": description}, status)
