"""Login with Amazon on the simulated wire: the token endpoint and the check of access tokens (contracts README 2.1)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.simulators.amazon_wire import answer, unauthorized

TOKEN_LIFE_S = 3600
_SCOPES = frozenset({"sellingpartnerapi::notifications", "sellingpartnerapi::client_credential:rotation"})
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Login:
    """Issues access tokens and knows until when each is good. Times are milliseconds of the simulator's clock."""

    def __init__(self, credentials: Mapping[str, str], life_s: float | None, rng: random.Random) -> None:
        self.credentials = credentials
        self.life_s = TOKEN_LIFE_S if life_s is None else life_s
        self.random = rng
        self.tokens: dict[str, tuple[int, bool]] = {}  # token -> end of life, is it a seller's

    def token(self, request: Request, now: int) -> Response:
        """POST /auth/o2/token: grants refresh_token and client_credentials; refusals in OAuth's error body."""
        form = request.form
        grant = form.get("grant_type", "")
        if grant not in ("refresh_token", "client_credentials"):
            return refusal(400, "unsupported_grant_type", "The authorization grant type is not supported.")
        if any(form.get(name) != self.credentials[name] for name in ("client_id", "client_secret")):
            return refusal(401, "invalid_client", "Client authentication failed")
        body: dict[str, Any] = {"token_type": "bearer", "expires_in": int(self.life_s)}
        if grant == "refresh_token":
            if form.get("refresh_token") != self.credentials["refresh_token"]:
                return refusal(400, "invalid_grant", "The request has an invalid grant parameter : refresh_token")
            body["refresh_token"] = self.credentials["refresh_token"]
        elif form.get("scope") not in _SCOPES:
            return refusal(400, "invalid_scope", "The requested scope is invalid.")
        # Ended tokens are only dropped once nobody can still hold them: until then «expired» is the true answer.
        self.tokens = {token: life for token, life in self.tokens.items() if life[0] > now - 86_400_000}
        body["access_token"] = "Atza|" + "".join(self.random.choice(_ALPHABET) for _ in range(60))
        self.tokens[body["access_token"]] = (now + int(self.life_s * 1000), grant == "refresh_token")
        return answer(body)

    def check(self, request: Request, now: int) -> None:
        """Raises WireError 403: no token, an unknown or ended one, or one that belongs to no seller."""
        token = request.headers.get("x-amz-access-token", "")
        if not token:
            raise unauthorized("Access token is missing in the request header.")
        life = self.tokens.get(token)
        if life is None:
            raise unauthorized("The access token you provided is revoked, malformed or invalid.")
        if now >= life[0]:
            raise unauthorized("The access token you provided has expired.")
        if not life[1]:
            raise unauthorized("A grantless access token cannot call operations on a seller's data.")

    def dump(self) -> dict[str, list[Any]]:
        return {token: list(life) for token, life in self.tokens.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.tokens = {token: (life[0], life[1]) for token, life in state.items()}


def refusal(status: int, error: str, description: str) -> Response:
    return answer({"error": error, "error_description": description}, status)
