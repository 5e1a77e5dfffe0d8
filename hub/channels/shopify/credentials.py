"""Access tokens of the three kinds: static, client credentials, expiring offline (contracts README 4.1)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from hub.channels.contract.adapter import BuildContext
from hub.channels.contract.errors import AdapterBug, AuthFailed, OutcomeUnknown, Unavailable
from hub.channels.shopify import faults
from hub.channels.wire import Request, retry_after_s
from hub.kernel.ids import digest
from hub.kernel.text import shorten

#: A token is given up this long before its end, so that it does not end under way.
_EARLY_S = 60.0
_REFRESH_LIFE_S = 90 * 86400.0


class Credentials:
    """The account's access token, fetched once for all workers and renewed when it ends.

    A rotated refresh token is stored before the access token that came with it is used: losing it would lock the hub out.
    """

    def __init__(self, ctx: BuildContext, *, api_url: str, timeout_s: float) -> None:
        self._ctx = ctx
        self._url = f"{api_url}/admin/oauth/access_token"
        self._timeout_s = timeout_s
        self.kind = ctx.settings.get("credential_kind") or "client_credentials"
        # Named after what was typed in: other credentials never meet the tokens of earlier ones.
        given = [
            api_url,
            ctx.settings.get("shop", ""),
            self.kind,
            self._secret("client_id"),
            self._secret("refresh_token"),
        ]
        self._key = f"shopify:access:{digest(given)}"
        self._refresh_key = f"shopify:refresh:{digest(given)}"

    def _secret(self, name: str) -> str:
        return self._ctx.secrets.get(name) or ""

    def token(self) -> str:
        """The token to send now.

        Raises:
            AuthFailed: the credentials do not work or are incomplete.
            Unavailable: the token could not be fetched; nothing else was sent.
        """
        if self.kind == "static":
            token = self._secret("access_token")
            if not token:
                raise AuthFailed("The Shopify account has no access token.")
            return token
        return self._ctx.tokens.get(self._key) or self._ctx.tokens.single_flight(self._key, self._fetch)

    def renew(self, refused: str) -> str:
        """Another token, after Shopify answered 401 to `refused`.

        Raises:
            AuthFailed: there is no way to get another one.
        """
        if self.kind == "static":
            raise AuthFailed("Shopify refused the access token.", code="401")
        if self._ctx.tokens.get(self._key) == refused:  # otherwise another worker has renewed it meanwhile
            self._ctx.tokens.drop(self._key)
        return self.token()

    def _fetch(self) -> tuple[str, float | None]:
        form = {"client_id": self._secret("client_id"), "client_secret": self._secret("client_secret")}
        if not all(form.values()):
            raise AuthFailed("The Shopify account needs a client id and a client secret.")
        if self.kind == "offline":
            form["grant_type"] = "refresh_token"
            form["refresh_token"] = self._ctx.tokens.get(self._refresh_key) or self._secret("refresh_token")
            if not form["refresh_token"]:
                raise AuthFailed("The Shopify account has no refresh token.")
        else:
            form["grant_type"] = "client_credentials"
        answer = self._ask(form)
        now = self._ctx.clock.now().timestamp()
        if self.kind == "offline" and answer.get("refresh_token"):
            life = float(answer.get("refresh_token_expires_in") or _REFRESH_LIFE_S)
            self._ctx.tokens.put(self._refresh_key, str(answer["refresh_token"]), now + life)
        life = float(answer["expires_in"]) if answer.get("expires_in") else 0.0
        return str(answer["access_token"]), now + life - min(_EARLY_S, life / 10) if life else None

    def _ask(self, form: dict[str, str]) -> dict[str, Any]:
        # Read as «reading»: asking again is harmless, the refresh token stays usable until the new one is used.
        answer = self._ctx.wire.send(
            Request(
                operation="token",
                method="POST",
                url=self._url,
                writing=False,
                headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                body=urlencode(form).encode(),
                timeout_s=self._timeout_s,
            )
        )
        if answer.status in (400, 401, 403, 404):
            raise AuthFailed(
                "Shopify refused the app's credentials.",
                detail=shorten(repr(answer.body[:200]), 200),
                code=str(answer.status),
            )
        try:
            faults.raise_for_status(answer, writing=False, wait_s=retry_after_s(answer.headers, self._ctx.clock.now()))
            body = answer.json()
            if not isinstance(body, dict) or not body.get("access_token"):
                raise Unavailable("Shopify gave no access token.", detail=f"keys: {sorted(body)[:10]}")
        except (AdapterBug, OutcomeUnknown, TypeError) as error:
            # A proxy's page instead of a token: passing trouble, and nothing of ours was sent yet.
            raise Unavailable("Shopify gave no access token.", detail=str(error)) from error
        return body
