"""The page and the JSON API of this release: the queue, stock, account health. Bound to loopback: there is no login yet."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Protocol

from flask import Flask, Response, jsonify
from waitress.server import create_server

from hub.config import Settings
from hub.db.session import Sessions, reading
from hub.kernel.clock import Clock
from hub.kernel.errors import HubError, Misconfigured
from hub.work import reads

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class WebHub(Protocol):
    """What the web needs of a running hub."""

    @property
    def settings(self) -> Settings: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def clock(self) -> Clock: ...


def create_app(hub: WebHub) -> Flask:
    """The application over one hub; no globals."""
    app = Flask(__name__)

    @app.get("/api/v1/accounts")
    def accounts() -> Response:
        now: datetime = hub.clock.now()
        with reading(hub.sessions) as session:
            return jsonify({"data": [row.as_dict() for row in reads.health(session, now)]})

    @app.errorhandler(HubError)
    def refused(error: HubError) -> tuple[Response, int]:
        return jsonify({"error": error.as_dict()}), 422

    return app


class Server:
    """A running page; `close` stops it."""

    def __init__(self, hub: WebHub) -> None:
        settings = hub.settings
        if settings.web_host not in LOOPBACK:
            raise Misconfigured(
                f"the page has no login yet and is served on loopback only, not on {settings.web_host}",
                field="HUB_WEB_HOST", value=settings.web_host, fix="127.0.0.1",
            )  # fmt: skip
        self._server = create_server(create_app(hub), host=settings.web_host, port=settings.web_port, threads=4)
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.close()
        self._thread.join(timeout=10)


def serve_in_thread(hub: WebHub) -> Server:
    """Serve until `close`.

    Raises:
        Misconfigured: the address is not loopback.
    """
    return Server(hub)
