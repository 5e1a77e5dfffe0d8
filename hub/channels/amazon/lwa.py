"""Login with Amazon: one access token per account, shared by all its threads and workers.

The SDK's own token client keeps at most ten tokens in a module-level cache that is not thread-safe, never drops a
token on a 403 and has no time limit to set (contracts README 2.8). This one keeps tokens in the hub's token store.
"""

from __future__ import annotations

from urllib.parse import urlencode

from hub.channels.amazon.faults import wait_s
from hub.channels.contract import AdapterBug, AuthFailed, BuildContext, OutcomeUnknown, Throttled, Unavailable
from hub.channels.wire import Request, Response
from hub.kernel.ids import digest
from hub.kernel.text import shorten

PATH = "/auth/o2/token"
OPERATION = "token"
DEFAULT_LIFE_S = 3600.0
#: A token is given up this long before it ends, so that none ends on the way.
MARGIN_S = 60.0


class LoginWithAmazon:
    """The account's access token, fetched when there is none and never more than once at a time."""

    def __init__(self, context: BuildContext, *, auth_url: str, timeout_s: float) -> None:
        self._context = context
        self._url = auth_url.rstrip("/") + PATH
        self._timeout_s = timeout_s
        # The key changes with the credentials: a changed refresh token never finds the old account's access token.
        self._key = "lwa:" + digest([self._url, context.secrets["client_id"], context.secrets["refresh_token"]])

    def token(self) -> str:
        """The access token.

        Raises:
            AuthFailed: Amazon refuses the credentials.
            Throttled, Unavailable: no token now; nothing was sent to the API.
        """
        return self._context.tokens.single_flight(self._key, self._fetch)

    def forget(self, token: str) -> None:
        """Amazon refused this token: fetch another one next time, unless somebody already did."""
        if self._context.tokens.get(self._key) == token:
            self._context.tokens.drop(self._key)

    def _fetch(self) -> tuple[str, float | None]:
        secrets = self._context.secrets
        form = {
            "grant_type": "refresh_token",
            "client_id": secrets["client_id"],
            "client_secret": secrets["client_secret"],
            "refresh_token": secrets["refresh_token"],
        }
        request = Request(
            operation=OPERATION,
            method="POST",
            url=self._url,
            writing=False,
            headers={
                "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
                "accept": "application/json",
            },
            body=urlencode(form).encode(),
            timeout_s=self._timeout_s,
        )
        return self._read(self._context.wire.send(request))

    def _read(self, answer: Response) -> tuple[str, float | None]:
        now = self._context.clock.now()
        try:
            told = answer.json()
        except (AdapterBug, OutcomeUnknown):
            told = None
        if answer.status == 429:
            wait = wait_s(OPERATION, answer.headers, now)
            self._context.wire.learn(OPERATION, retry_after_s=wait)
            raise Throttled("Amazon asks to wait before signing in again.", retry_after_s=wait)
        if answer.status in (400, 401, 403) and isinstance(told, dict):
            code = str(told.get("error") or answer.status)
            raise AuthFailed(
                "Amazon does not accept the credentials of this account.",
                detail=shorten(f"token: HTTP {answer.status} {code}: {told.get('error_description', '')}", 300),
                code=code,
            )
        # Whatever else came back, nothing has been sent to the API yet: trying again later is safe.
        if answer.status != 200 or not isinstance(told, dict) or not isinstance(told.get("access_token"), str):
            raise Unavailable(
                "Signing in to Amazon did not work.", detail=f"token: HTTP {answer.status}, no token in it"
            )
        lives = told.get("expires_in")
        lives_s = float(lives) if isinstance(lives, int | float) and lives > 0 else DEFAULT_LIFE_S
        return told["access_token"], now.timestamp() + lives_s - min(MARGIN_S, lives_s / 10)
